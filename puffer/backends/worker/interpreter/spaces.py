"""Spaces of Gymnasium and Gym as plain data, which the parent makes spaces of again."""

from __future__ import annotations

from typing import Any

import numpy as np


def describe(space: Any, path: str) -> tuple:
    """A space of Gymnasium or Gym, at a path of a tree, as plain data. Raises TypeError for one of another kind.

    Arrays: (kind, low, high). Others: ("Dict", [(key, description)]), ("Tuple", [description]), ("Text", shortest,
    longest, characters).
    """
    kinds = [cls.__name__ for cls in type(space).__mro__]
    if "Dict" in kinds:
        return "Dict", [(key, describe(child, _below(path, key))) for key, child in space.spaces.items()]
    if "Tuple" in kinds:
        return "Tuple", [describe(child, _below(path, i)) for i, child in enumerate(space.spaces)]
    if "Text" in kinds:
        return "Text", space.min_length, space.max_length, "".join(sorted(space.character_set))
    if "Box" in kinds:
        return "Box", space.low.astype(space.dtype), space.high.astype(space.dtype)
    if "MultiBinary" in kinds:
        return "MultiBinary", np.zeros(space.shape, space.dtype), np.ones(space.shape, space.dtype)
    for kind, counts in ("Discrete", "n"), ("MultiDiscrete", "nvec"):
        if kind in kinds:
            dtype = np.dtype(space.dtype)
            count = np.asarray(getattr(space, counts))
            low = np.broadcast_to(getattr(space, "start", 0), count.shape).astype(dtype)
            # Python's integers do not wrap around.
            high = np.asarray(low.astype(object) + count.astype(object) - 1)
            if high.size and high.max() > np.iinfo(dtype).max:
                raise ValueError(f"{path or 'the space'}: {space!r} goes beyond the values of {dtype}; use a wider one")
            return kind, low, high.astype(dtype)
    raise TypeError(
        f"{path or 'the space'}: {space!r} is of type {type(space).__name__}, which cannot be described to another "
        f"interpreter; use Box, Discrete, MultiDiscrete, MultiBinary, Text, Dict or Tuple"
    )


def _below(path: str, key: Any) -> str:
    name = str(key).replace("~", "~0").replace("/", "~1") or "~"
    return f"{path}/{name}" if path else name
