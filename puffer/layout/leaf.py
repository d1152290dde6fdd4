"""The leaves of a layout: its arrays, and where in a row they lie."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space


class Leaf(NamedTuple):
    """One array of a row.

    Attributes
    ----------
    path : str
        The keys and indices that lead to it, joined by "/".
    dtype : dtype
    shape : tuple of int
    offset : int
        Bytes from the start of the row.
    """

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int


def check_leaves(space: Space[Any], paths: list[str], size: int) -> None:
    """Raise ValueError unless leaves with these paths and `size` elements in all can make a row."""
    path, count = Counter(paths).most_common(1)[0] if paths else ("", 0)
    if count > 1:
        raise ValueError(f"{count} leaves have the path {path!r}; rename a key of {space}")
    if size == 0:
        raise ValueError(f"{space} has no elements, so there is nothing to lay out; give it at least one")
