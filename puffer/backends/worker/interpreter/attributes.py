"""Attributes of an environment, or of the wrappers around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def owner_of(env: Any, name: str) -> Any:
    """The environment, or the outermost wrapper around it, that has an attribute of its own of that name, or None."""
    layer, dynamic = env, None
    while layer is not None:
        if name in getattr(layer, "__dict__", {}) or hasattr(type(layer), name):
            return layer
        if dynamic is None and hasattr(layer, name):
            # One that forwards what it does not have itself, or makes up attributes.
            dynamic = layer
        layer = inner_of(layer)
    return dynamic


# The attributes in which wrappers, and PettingZoo's conversions, keep the environment inside.
INNER = ("env", "aec_env", "par_env")
# Those in which environments have their spaces.
_SPACES = (
    *("observation_space", "action_space", "observation_spaces", "action_spaces"),
    *("single_observation_space", "single_action_space"),
)


def inner_of(env: Any) -> Any:
    """The environment inside a wrapper, or None."""
    own = getattr(env, "__dict__", {})
    return next((own[name] for name in INNER if hasattr(own.get(name), "step")), None)


def attribute(env: Any, name: str, arguments: Any = (), named: Mapping = {}) -> Any:  # noqa: B006
    """The attribute of an environment, or of a wrapper around it; of one that can be called, what it returns."""
    owner = owner_of(env, name)
    if owner is None:
        raise AttributeError(f"neither {env} nor an environment in it has an attribute {name!r}")
    value = getattr(owner, name)
    return value(*arguments, **named) if callable(value) else value


def require_settable(env: Any, name: str) -> None:
    """Raise unless an attribute is one that an episode may begin with.

    AttributeError for one that there is not, or that can only be read; TypeError for a method, and for a space, since
    the rows of a batch are those of the spaces that its copies were made with.
    """
    owner = owner_of(env, name)
    if owner is None:
        raise AttributeError(f"set_next(): {env} has no attribute {name!r}")
    inherited = getattr(type(owner), name, None)
    if isinstance(inherited, property) and inherited.fset is None:
        raise AttributeError(f"set_next(): {name!r} of {env} can only be read: it is a property without a setter")
    if name in _SPACES:
        raise TypeError(f"set_next(): {name!r} of {env} stays as it is: the rows of the batch were made for it")
    if callable(inherited) and not isinstance(inherited, type):
        raise TypeError(f"set_next(): {name!r} of {env} is a method; the attributes that it reads can be set")


def set_attribute(env: Any, name: str, value: Any) -> None:
    """Set an attribute where it is; a new one in the innermost environment."""
    owner = owner_of(env, name)
    if owner is None:
        owner = env
        while inner_of(owner) is not None:
            owner = inner_of(owner)
    setattr(owner, name, value)
