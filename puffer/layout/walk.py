"""One walk over a space: its leaves with their paths and bounds, and trees that nest like it.

A space is a tree. Dict and Tuple are its branches, and every other space is a leaf. That includes the spaces whose
values vary in size (Text, OneOf, Sequence, Graph): they hold spaces of their own, which a walk does not enter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

# The leaves whose values are arrays of one dtype and shape.
ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class Path(tuple[Any, ...]):
    """The keys and indices that lead from a space to one of its leaves; empty if the space is a leaf itself.

    As a string the keys are joined by "/", as in "camera/rgb" or "hand/0". A "~" in a key is written "~0", a "/" is
    written "~1", and an empty key "~".
    """

    __slots__ = ()

    def below(self, key: Any) -> Path:
        """The path of a child."""
        return Path((*self, key))

    def __str__(self) -> str:
        return "/".join([str(key).replace("~", "~0").replace("/", "~1") or "~" for key in self])

    @property
    def subscript(self) -> str:
        """The path as it stands after the name of a value, as in "['hand'][0]"."""
        return "".join([f"[{key!r}]" for key in self])


ROOT = Path()


class NestingError(ValueError):
    """A value does not nest like its space."""


def children(space: Any) -> list[tuple[Any, Any]] | None:
    """The children of a branch, as (key or index, space) in the order of the space; None for a leaf."""
    if isinstance(space, spaces.Dict):
        return list(space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return list(enumerate(space.spaces))
    return None


def leaves(space: Any, path: Path = ROOT) -> Iterator[tuple[Path, Any]]:
    """All leaves of a space in order, as (path, leaf)."""
    found = children(space)
    if found is None:
        yield path, space
        return
    for key, child in found:
        yield from leaves(child, path.below(key))


def nest(space: Any, parts: list[Any]) -> dict[Any, Any] | tuple[Any, ...]:
    """The value of a Dict or Tuple, from one part for each child in order."""
    return dict(zip(space.spaces, parts, strict=True)) if isinstance(space, spaces.Dict) else tuple(parts)


def build(
    space: Any,
    leaf: Callable[[Any, Any], Any],
    branch: Callable[[Any, Any, list[Any]], Any] = lambda path, space, parts: nest(space, parts),
    path: Any = ROOT,
) -> Any:
    """Build a tree that nests like a space, from the leaves up.

    Parameters
    ----------
    space : Space
    leaf : callable
        ``leaf(path, space)`` makes the node of a leaf. It is called for each leaf in order.
    branch : callable
        ``branch(path, space, parts)`` makes the node of a Dict or Tuple from those of its children. By default the
        nodes of branches are dicts and tuples.
    path : Path
        Where `space` is. Any object with a method ``below(key)`` will do, and is what the callables get.
    """
    found = children(space)
    if found is None:
        return leaf(path, space)
    return branch(path, space, [build(child, leaf, branch, path.below(key)) for key, child in found])


def split(space: Any, value: Any) -> list[Any]:
    """The parts of the value of a Dict or Tuple, one for each child in order.

    A Dict takes any mapping with its keys; a Tuple takes a tuple, list or array of its length.

    Raises
    ------
    NestingError
        If the value does not nest like the space. The message goes on after a name of the value, as in "is of type
        int, and the space is a Dict".
    """
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping):
            raise NestingError(f"is of type {type(value).__name__}, and the space is a Dict")
        if set(value) != set(space.spaces):
            given, expected = sorted(map(str, value)), sorted(map(str, space.spaces))
            raise NestingError(f"has the keys {given}, and the space {expected}")
        return [value[key] for key in space.spaces]
    is_sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim > 0)
    if not is_sequence or len(value) != len(space.spaces):
        raise NestingError(f"is {shortened(value)}, and the space a Tuple of {len(space.spaces)}")
    return list(value)


def along(space: Any, value: Any, name: str = "value", path: Path = ROOT) -> Iterator[tuple[Path, Any, Any]]:
    """Walk over a space and a value together: (path, leaf, the value's part for it) for every leaf in order.

    Parameters
    ----------
    space : Space
    value
        Its leaves may be anything; only its nesting is looked at.
    name : str
        What errors call the value.

    Raises
    ------
    NestingError
        When the walk comes to a part that does not nest like the space; the message names the part.
    """
    found = children(space)
    if found is None:
        yield path, space, value
        return
    try:
        parts = split(space, value)
    except NestingError as error:
        raise NestingError(f"{name}{path.subscript} {error}") from None
    for (key, child), part in zip(found, parts, strict=True):
        yield from along(child, part, name, path.below(key))


def shortened(value: Any) -> str:
    """The repr of a value, cut after 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def bounds(space: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest array of one of the `ARRAYS`, both in it.

    Parameters
    ----------
    space : Box, Discrete, MultiDiscrete or MultiBinary
    name : str
        What the error calls it.

    Returns
    -------
    low, high : ndarray
        Of the shape of the space and of its dtype in native byte order.

    Raises
    ------
    ValueError
        If integers of the space do not fit its dtype.
    """
    if isinstance(space, spaces.Box):
        native = space.dtype.newbyteorder("=")
        return space.low.astype(native), space.high.astype(native)
    if isinstance(space, spaces.MultiBinary):
        return np.zeros(space.shape, space.dtype), np.ones(space.shape, space.dtype)
    dtype = space.dtype.newbyteorder("=")
    start = np.asarray(space.start)
    counts = np.asarray(space.n if isinstance(space, spaces.Discrete) else space.nvec)
    high = np.asarray(start.astype(object) + counts.astype(object) - 1)  # Python's integers do not wrap around
    if high.size and high.max() > np.iinfo(dtype).max:
        raise ValueError(f"{name}: {space!r} goes beyond the values of {dtype}; give it a wider dtype")
    return start.astype(dtype), high.astype(dtype)


def array_space(kind: type[Space], low: np.ndarray, high: np.ndarray) -> Any:
    """The space of a kind, one of the `ARRAYS`, that has these bounds and their dtype.

    Of a MultiBinary the shape alone counts.
    """
    if issubclass(kind, spaces.Box):
        return spaces.Box(low, high, dtype=low.dtype)
    if issubclass(kind, spaces.MultiBinary):
        return spaces.MultiBinary(low.shape if low.ndim > 1 else len(low))
    if issubclass(kind, spaces.MultiDiscrete):
        return spaces.MultiDiscrete(high - low + 1, low.dtype, start=low)
    # Gymnasium gives a Discrete a dtype only in newer versions.
    own: dict[str, Any] = {} if low.dtype == np.int64 else {"dtype": low.dtype}
    return spaces.Discrete(int(high) - int(low) + 1, start=int(low), **own)
