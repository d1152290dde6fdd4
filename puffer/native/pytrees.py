"""Trees of dicts and lists, as torch and JAX map functions over them: they know nodes by their exact type."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from typing import Any


def register(cls: type[dict]) -> None:
    """Let torch and JAX, as far as they have been imported, treat the dictionaries of a class as dicts.

    In the trees that they make, those are plain dicts.
    """
    for name, told in (("torch.utils._pytree", _torch), ("jax.tree_util", _jax)):
        # A ValueError says that the class is known. A module that is being imported may lack the function.
        with contextlib.suppress(ValueError, AttributeError):
            if name in sys.modules:
                told(sys.modules[name], cls)


def _torch(trees: Any, cls: type[dict]) -> None:
    def flat(node: dict) -> tuple[list, list]:
        return list(node.values()), list(node)

    def flat_with_keys(node: dict) -> tuple[list, list]:
        return [(trees.MappingKey(key), value) for key, value in node.items()], list(node)

    trees.register_pytree_node(cls, flat, _made, flatten_with_keys_fn=flat_with_keys)


def _jax(trees: Any, cls: type[dict]) -> None:
    # JAX has the keys of a dict in their order.
    def flat(node: dict) -> tuple[list, tuple]:
        keys = tuple(sorted(node))
        return [node[key] for key in keys], keys

    def flat_with_keys(node: dict) -> tuple[list, tuple]:
        keys = tuple(sorted(node))
        return [(trees.DictKey(key), node[key]) for key in keys], keys

    trees.register_pytree_with_keys(cls, flat_with_keys, lambda keys, values: _made(values, keys), flat)


def _made(values: Iterable, keys: Iterable) -> dict:
    return dict(zip(keys, values, strict=True))
