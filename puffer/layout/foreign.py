"""Spaces of the older package `gym`, as spaces of Gymnasium."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer.layout.walk import array_space


def as_gymnasium(space: Any) -> Any:
    """The space of Gymnasium that is like a space of Gym.

    A space of Gym is known by the names of its classes, and read by its attributes: Gym itself is not imported, and its
    version does not matter. Anything else is returned as it is.
    """
    if isinstance(space, (Space, type)):
        return space
    kinds = [cls.__name__ for cls in type(space).__mro__ if cls.__module__.split(".")[0] == "gym"]
    found = next((name for name in kinds if name in _CONVERSIONS), None)
    return space if found is None else _CONVERSIONS[found](space)


def _box(space: Any) -> Space[Any]:
    return array_space(spaces.Box, space.low.astype(space.dtype), space.high.astype(space.dtype))


def _counted(kind: type[Space[Any]], space: Any, counts: Any) -> Space[Any]:
    # Older versions have no starts.
    counts = np.asarray(counts)
    low = np.broadcast_to(getattr(space, "start", 0), counts.shape).astype(space.dtype)
    return array_space(kind, low, (low + counts - 1).astype(space.dtype))


def _multi_binary(space: Any) -> Space[Any]:
    return array_space(spaces.MultiBinary, np.zeros(space.shape, space.dtype), np.ones(space.shape, space.dtype))


def _dict(space: Any) -> Space[Any]:
    # A list, because Dict sorts the keys of a mapping.
    return spaces.Dict([(key, as_gymnasium(child)) for key, child in space.spaces.items()])


def _text(space: Any) -> Space[Any]:
    return spaces.Text(space.max_length, min_length=space.min_length, charset=space.character_set)


def _graph(space: Any) -> Space[Any]:
    edges = None if space.edge_space is None else as_gymnasium(space.edge_space)
    return spaces.Graph(as_gymnasium(space.node_space), edges)


_CONVERSIONS = {
    "Box": _box,
    "Discrete": lambda space: _counted(spaces.Discrete, space, space.n),
    "MultiDiscrete": lambda space: _counted(spaces.MultiDiscrete, space, space.nvec),
    "MultiBinary": _multi_binary,
    "Dict": _dict,
    "Tuple": lambda space: spaces.Tuple([as_gymnasium(child) for child in space.spaces]),
    "Text": _text,
    "Sequence": lambda space: spaces.Sequence(as_gymnasium(space.feature_space)),
    "Graph": _graph,
}
