"""The flat row of an action space.

`ActionLayout` is built once for a space; the copies themselves are compiled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from puffer.layout.action_rows import ActionLeaf, ActionPlan
from puffer.layout.foreign import as_gymnasium
from puffer.layout.leaf import Leaf, check_leaves
from puffer.layout.mixed import MixedBox
from puffer.layout.nodes import Location, branch_node
from puffer.layout.rows import LeafNode, Node
from puffer.layout.walk import ARRAYS, bounds, build, leaves


class ActionLayout(ActionPlan):
    """The flat row of an action space.

    Two layouts are equal if their spaces and leaves are. A layout can be pickled.

    Parameters
    ----------
    space : Space
        A Box, Discrete, MultiDiscrete or MultiBinary, or a Dict or Tuple of them, nested as deeply as you like. Spaces
        of the older package Gym are converted.

    Attributes
    ----------
    space : Space
        The action space.
    flat_space : Discrete, MultiDiscrete or Box
        The space of the rows. For a Discrete, a MultiDiscrete with one axis, and a Box: the space itself. For other
        discrete spaces and trees of them: an int64 MultiDiscrete that keeps the range of each entry, with its start.
        For trees of Boxes of one dtype: one Box with all entries. For anything else: a float32 Box with the bounds of
        all entries, which samples and contains whole numbers where a space has integers; float64 if a leaf has that
        dtype, or integers beyond 2**24.
    leaves : tuple of Leaf
        The arrays of an action. Offsets are those in a flat row, dtypes and shapes are those of the action.
    is_plain : bool
        Whether a row is itself the action: that of a Box, or of a MultiDiscrete with one axis.
    whole : ndarray
        The entries of a row that hold integers, bool, of the shape of `flat_space`.

    Raises
    ------
    TypeError
        If there is a space of another kind.
    ValueError
        If the flat row cannot hold all integers of a space exactly, if two leaves have the same path, or if the space
        has no elements.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        space = as_gymnasium(space)
        entries = _entries(space)
        check_leaves(space, [entry.path for entry in entries], sum(entry.low.size for entry in entries))
        self.space = space
        self.is_plain = isinstance(space, spaces.Box) or _is_vector(space)
        self.flat_space, wide = _flat_space(space, entries)
        shape, dtype = self.flat_space.shape, self.flat_space.dtype.newbyteorder("=")
        self.leaves = tuple(
            Leaf(entry.path, entry.low.dtype, entry.low.shape, entry.start * dtype.itemsize) for entry in entries
        )
        self.whole = np.concatenate([np.full(entry.low.size, entry.is_whole) for entry in entries]).reshape(shape)
        # Rows of floats must be checked for these; in rows of integers, all entries are whole.
        is_float = isinstance(self.flat_space, spaces.Box) and dtype.kind == "f"
        self._checked = np.flatnonzero(self.whole) if is_float else np.zeros(0, np.int64)
        nodes = iter([entry.node(wide) for entry in entries])
        root = build(space, lambda path, leaf: next(nodes), branch_node, Location(root="action"))
        flat = LeafNode("action", dtype, shape, 0, scalar=isinstance(self.flat_space, spaces.Discrete))
        super().__init__(root, LeafNode("action", wide, shape, 0), flat)

    @property
    def is_mixed(self) -> bool:
        """Whether a row of floats has entries that must be whole, see `check_rows`."""
        return self._checked.size > 0

    def check_rows(self, rows: np.ndarray, copy_space: spaces.Box | None = None) -> None:
        """Check the entries of integer spaces in rows of floats.

        Rows of integers pass as they are, as do entries of Boxes of floats: the environment decides about those that
        are out of bounds.

        Parameters
        ----------
        rows : ndarray
            Shape (count, *flat_space.shape).
        copy_space : Box, optional
            The bounds of the rows of one copy, (agents, *flat_space.shape), where they have bounds of their own.

        Raises
        ------
        ValueError
            If such an entry is not an integer in the range of its space. The message names the row and the entry.
        """
        if not self._checked.size:
            return
        values = rows[:, self._checked]
        space = self.flat_space if copy_space is None else copy_space
        low, high = space.low[..., self._checked], space.high[..., self._checked]
        if copy_space is not None:
            low, high = (np.tile(bound, (len(rows) // len(bound), 1)) for bound in (low, high))
        good = (low <= values) & (values <= high) & (values == np.floor(values))
        if not good.all():
            row, k = (int(index) for index in np.argwhere(~good)[0])
            least, most = (np.broadcast_to(bound, values.shape)[row, k] for bound in (low, high))
            raise ValueError(
                f"actions[{row}, {self._checked[k]}] is {values[row, k]}: row {row} takes an integer from "
                f"{least:.0f} to {most:.0f} there, for {self.space}"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActionLayout):
            return NotImplemented
        return bool(self.space == other.space and self.leaves == other.leaves)

    def __hash__(self) -> int:
        return hash(self.leaves)

    def __repr__(self) -> str:
        return f"ActionLayout({self.space!r}, flat_space={self.flat_space!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.space,)


class _Entry(NamedTuple):
    """A leaf of an action space, and the element of a row where it starts."""

    path: str
    space: Any
    start: int
    low: np.ndarray
    high: np.ndarray

    @property
    def is_whole(self) -> bool:
        """Whether the leaf holds integers."""
        return self.low.dtype.kind != "f"

    def node(self, wide: np.dtype[Any]) -> Node:
        """The node of the leaf in a row of `wide`."""
        offset, is_scalar = self.start * wide.itemsize, isinstance(self.space, spaces.Discrete)
        if isinstance(self.space, spaces.Box) and self.low.dtype == wide:
            # The row has the leaf's own dtype, so nothing is converted.
            return LeafNode(self.path, wide, self.low.shape, offset)
        low, high = self.low, self.high
        if not self.is_whole:
            low, high = np.zeros_like(low), np.zeros_like(high)
        return ActionLeaf(self.path, wide, self.low.shape, offset, (), is_scalar, self.low.dtype, low, high)


def _entries(space: Any) -> list[_Entry]:
    entries, start = [], 0
    for path, leaf in leaves(space):
        name = str(path) or "action"
        if not isinstance(leaf, ARRAYS):
            raise TypeError(
                f"{name}: {leaf!r} is of type {type(leaf).__name__}, and a flat row of actions cannot hold that; "
                "use Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple"
            )
        low, high = bounds(leaf, name)
        entries.append(_Entry(name, leaf, start, low, high))
        start += low.size
    return entries


def _is_vector(space: Any) -> bool:
    return isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1


def _flat_space(space: Any, entries: list[_Entry]) -> tuple[Any, np.dtype[Any]]:
    """The flat space, and the dtype of the row that the leaves work on."""
    integer = np.dtype(np.int64)
    dtype = entries[0].low.dtype
    if all(not isinstance(entry.space, spaces.Box) for entry in entries):
        _check_range(entries, 2**63 - 1, "an int64 row")
        if isinstance(space, spaces.Discrete) or _is_vector(space):
            return space, integer
        low, high = _joined(entries, integer)
        return spaces.MultiDiscrete(high - low + 1, start=low), integer
    if isinstance(space, spaces.Box):
        return space, dtype
    if all(isinstance(entry.space, spaces.Box) and entry.low.dtype == dtype for entry in entries):
        return spaces.Box(*_joined(entries, dtype), dtype=dtype), dtype
    _check_range(entries, 2**53, "a row of float64")
    is_wide = any(entry.low.dtype == np.float64 or _greatest(entry) > 2**24 for entry in entries)
    flat = np.dtype(np.float64 if is_wide else np.float32)
    whole = np.concatenate([np.full(entry.low.size, entry.is_whole) for entry in entries])
    bounds = _joined(entries, flat)
    return MixedBox(*bounds, whole) if whole.any() else spaces.Box(*bounds, dtype=flat), np.dtype(np.float64)


def _joined(entries: list[_Entry], dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    lows = [entry.low.astype(dtype).ravel() for entry in entries]
    highs = [entry.high.astype(dtype).ravel() for entry in entries]
    return np.concatenate(lows), np.concatenate(highs)


def _greatest(entry: _Entry) -> int:
    """The greatest magnitude of an integer leaf; 0 for floats."""
    if not entry.is_whole or not entry.low.size:
        return 0
    return max(abs(int(entry.low.min())), abs(int(entry.high.max())))


def _check_range(entries: list[_Entry], limit: int, row: str) -> None:
    for entry in entries:
        if not entry.is_whole and entry.low.dtype.itemsize > 8:
            raise TypeError(f"{entry.path}: {row} cannot hold {entry.space!r} of dtype {entry.low.dtype}; use float64")
        if _greatest(entry) > limit:
            raise ValueError(f"{entry.path}: {row} cannot hold all integers of {entry.space!r}; narrow its bounds")
