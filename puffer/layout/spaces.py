"""The flat layout of spaces: any Gymnasium space as one flat row of memory.

`Layout` is for observations and `ActionLayout` for actions. Both are built once for a space; the copies themselves are
compiled.

Every leaf of a space has a path: the keys and indices that lead to it, joined by "/", as in "camera/rgb" or "hand/0"
(a "~" in a key is written "~0", a "/" is written "~1", an empty key "~"). A space that is a leaf itself has the path
"observation" or "action".
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from puffer.layout.action_rows import ActionLeaf, ActionPlan
from puffer.layout.nodes import ARRAYS, Place, RowBuilder, array_bounds, below, check_paths
from puffer.layout.rows import DictNode, LayoutError, LeafNode, Node, RowPlan, TupleNode

__all__ = ["ActionLayout", "Layout", "LayoutError", "Leaf"]


class Leaf(NamedTuple):
    """One array of a row: where it is, and what it holds."""

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int  # in bytes, from the start of the row


class Layout(RowPlan):
    """The flat row of an observation space.

    Attributes:
        space: the observation space.
        dtype: the row as an aligned NumPy structured dtype, with one field per leaf, named by its path.
        row_size: bytes in a row, a multiple of the dtype's alignment.
        leaves: a `Leaf` for each field, in order.
        flat_space: if all leaves have one dtype, a Box of it, with the bounds of the leaves one after the other (a
            space that is one array keeps its shape, a Discrete has shape (1,)); else a Box of `row_size` uint8 bytes.

    Discrete, MultiDiscrete, MultiBinary and Box are one leaf, of the space's own dtype and shape. Beside these there
    are spaces whose values vary in size; what a value does not use is zero:
        Text: "characters", int32 code points, shape (max_length,), and "length".
        OneOf: "index", and under "alternatives/0", "alternatives/1" ... all the spaces side by side.
        Sequence: under "items" each leaf with one more dimension in front, of the maximum length, and "length".
        Graph: "nodes" and "edges", each as a Sequence, and "edge_links", shape (maximum number of edges, 2). A graph
            whose edges are None has edges of length -1.

    Two layouts are equal if their spaces and leaves are. A layout can be pickled.
    """

    def __init__(self, space: spaces.Space[Any], max_length: int | Mapping[str, int] | None = None) -> None:
        """Lay `space` out.

        Args:
            space: any Gymnasium space.
            max_length: the most items in any Sequence and the most nodes and edges in any Graph; or a mapping with one
                such number for each path: that of the Sequence, and "<path>/nodes" and "<path>/edges" for a Graph.

        Raises:
            TypeError: a space is of a kind that has no layout.
            ValueError: a Sequence or Graph without a maximum length, a maximum length for a path that is no Sequence,
                two leaves with the same path, a space without any elements.
        """
        builder = RowBuilder(max_length)
        root = builder.node(space, Place())
        builder.check(space)
        dtype = np.dtype([(leaf.path, leaf.dtype, leaf.full_shape) for leaf in builder.leaves], align=True)
        self.space = space
        self.flat_space = _flat_observation_space(space, builder, dtype.itemsize)
        self.leaves = tuple(Leaf(leaf.path, leaf.dtype, leaf.full_shape, leaf.offset) for leaf in builder.leaves)
        self._max_length = max_length
        super().__init__(root, dtype, self.flat_space.dtype)

    def view(self, batch: Any) -> Any:
        """The nested arrays of a batch of rows: dicts and tuples of views that share the batch's memory.

        Args:
            batch: a NumPy array or torch tensor of rows with any dimensions in front, `(..., *flat_space.shape)`; or
                the same rows as bytes, uint8 `(..., row_size)`, or as an array of `dtype`. Where `flat_space` is not
                bytes its rows may have been cast to another dtype, which the views then have too.

        Returns:
            For each leaf an array `(..., *leaf.shape)`. Dict becomes a dict and Tuple a tuple; Text, OneOf, Sequence
            and Graph become dicts, with the keys that the class describes.

        Raises:
            TypeError: `batch` is neither an array nor a tensor, or torch has no such dtype as a leaf.
            LayoutError: the batch does not end in rows of this layout.
        """
        element_type = _element_types(batch)
        shape, flat_shape = tuple(batch.shape), self.flat_space.shape
        is_bytes = batch.dtype == element_type(np.dtype(np.uint8)) and shape[-1:] == (self.row_size,)
        if isinstance(batch, np.ndarray) and (is_bytes or batch.dtype == self.dtype):
            rows = batch.view(self.dtype)[..., 0] if is_bytes else batch
            return self.tree(lambda leaf: rows[leaf.path])
        if is_bytes:

            def part(leaf: LeafNode) -> Any:
                return batch[..., leaf.offset : leaf.end].view(element_type(leaf.dtype))

        elif self.flat_space.dtype != self.leaves[0].dtype or shape[len(shape) - len(flat_shape) :] != flat_shape:
            raise LayoutError(
                f"batch: expected shape (..., {', '.join(map(str, flat_shape))}) of {self.flat_space.dtype}, "
                f"or (..., {self.row_size}) of uint8, got {shape} of {batch.dtype}"
            )
        elif len(self.leaves) == 1:
            return self.tree(lambda leaf: batch.reshape(shape[: len(shape) - len(flat_shape)] + leaf.full_shape))
        else:

            def part(leaf: LeafNode) -> Any:
                size = leaf.dtype.itemsize
                return batch[..., leaf.offset // size : leaf.end // size]

        return self.tree(lambda leaf: part(leaf).reshape(shape[:-1] + leaf.full_shape))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Layout):
            return NotImplemented
        return bool(self.space == other.space and self.leaves == other.leaves)

    def __hash__(self) -> int:
        return hash(self.leaves)

    def __repr__(self) -> str:
        return f"Layout({self.space!r}, row_size={self.row_size})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.space, self._max_length)


class ActionLayout(ActionPlan):
    """The flat row of an action space.

    Attributes:
        space: the action space.
        flat_space: Discrete, and Box: the space itself. Dicts and tuples of Discrete, MultiDiscrete and MultiBinary: an
            int64 MultiDiscrete that keeps the range of each entry, with its start. Dicts and tuples of Boxes of one
            dtype: one Box with all entries. Anything else: a float32 Box with the bounds of all entries (float64 if a
            leaf has that dtype, or integers beyond 2**24), in which the entries of integer spaces must be whole.
        leaves: a `Leaf` for each part of an action; the offset is that in a flat row, dtype and shape are the action's.
        is_plain: whether a flat row, an array, is itself the action: that of a Box, or of a MultiDiscrete of one axis.

    Two layouts are equal if their spaces and leaves are. A layout can be pickled.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        """Lay `space` out.

        Raises:
            TypeError: a space that is no Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple.
            ValueError: integers that the flat row cannot hold exactly, two leaves with the same path, a space without
                any elements.
        """
        entries = list(_entries(space, ""))
        check_paths(space, [entry.path for entry in entries], sum(entry.low.size for entry in entries))
        self.space = space
        self.is_plain = isinstance(space, spaces.Box) or (
            isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1
        )
        self.flat_space, wide = _flat_action_space(space, entries)
        nodes, leaves, position = [], [], 0
        for entry in entries:
            nodes.append(entry.node(position, wide))
            shape, offset = entry.low.shape, position * self.flat_space.dtype.itemsize
            leaves.append(Leaf(entry.path, entry.low.dtype, shape, offset))
            position += entry.low.size
        self.leaves = tuple(leaves)
        self._whole = self._whole_entries()
        flat = LeafNode(
            "action", self.flat_space.dtype.newbyteorder("="), self.flat_space.shape, 0,
            scalar=isinstance(self.flat_space, spaces.Discrete),
        )  # fmt: skip
        super().__init__(_action_tree(space, "", iter(nodes)), LeafNode("action", wide, self.flat_space.shape, 0), flat)

    @property
    def is_mixed(self) -> bool:
        """Whether a row of floats has entries that must be whole, see `check_rows`."""
        return self._whole.size > 0

    def _whole_entries(self) -> np.ndarray:
        """The places of a row of floats that must hold integers."""
        if not isinstance(self.flat_space, spaces.Box) or self.flat_space.dtype.kind != "f":
            return np.zeros(0, np.int64)
        size = self.flat_space.dtype.itemsize
        places = [
            leaf.offset // size + np.arange(math.prod(leaf.shape)) for leaf in self.leaves if leaf.dtype.kind != "f"
        ]
        return np.concatenate([np.zeros(0, np.int64), *places])

    def check_rows(self, rows: np.ndarray) -> None:
        """Raise ValueError, naming the row, where an entry for an integer space is no integer of that space.

        Args:
            rows: (count, *flat_space.shape). Of a flat space that is not mixed, everything passes: what its own bounds
                do not tell is the environment's to decide.
        """
        if not self._whole.size:
            return
        values = rows[:, self._whole]
        low, high = self.flat_space.low[self._whole], self.flat_space.high[self._whole]
        good = (low <= values) & (values <= high) & (values == np.floor(values))
        if not good.all():
            row, k = (int(place) for place in np.argwhere(~good)[0])
            raise ValueError(
                f"actions[{row}, {self._whole[k]}] is {values[row, k]}: row {row} takes an integer from {low[k]:.0f} "
                f"to {high[k]:.0f} there, for {self.space}"
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


def _flat_observation_space(space: Any, builder: RowBuilder, row_size: int) -> spaces.Box:
    dtype = builder.leaves[0].dtype
    if any(leaf.dtype != dtype for leaf in builder.leaves):
        return spaces.Box(0, 255, (row_size,), np.uint8)
    if isinstance(space, spaces.Box) and space.dtype.isnative:
        return space
    if isinstance(space, ARRAYS) and not isinstance(space, spaces.Discrete):
        return spaces.Box(builder.lows[0], builder.highs[0], dtype=dtype)
    low, high = (np.concatenate([bound.ravel() for bound in bounds]) for bounds in (builder.lows, builder.highs))
    return spaces.Box(low, high, dtype=dtype)


def _element_types(batch: Any) -> Callable[[np.dtype[Any]], Any]:
    """How the library of `batch` calls the element type that NumPy calls `dtype`."""
    if isinstance(batch, np.ndarray):
        return lambda dtype: dtype
    torch = sys.modules.get("torch")  # a tensor can only come from a torch that is imported already
    if torch is None or not isinstance(batch, torch.Tensor):
        raise TypeError(f"batch: expected a NumPy array or a torch tensor, got {type(batch).__name__}")

    def torch_type(dtype: np.dtype[Any]) -> Any:
        try:
            return getattr(torch, dtype.name)
        except AttributeError:
            raise TypeError(f"torch has no dtype {dtype}") from None

    return torch_type


class _Entry(NamedTuple):
    """One leaf of an action space."""

    path: str
    space: Any
    low: np.ndarray
    high: np.ndarray

    def node(self, position: int, wide: np.dtype[Any]) -> Node:
        """The leaf at element `position` of a row of `wide`; it needs no conversion if that is the leaf's own dtype."""
        offset, scalar = position * wide.itemsize, isinstance(self.space, spaces.Discrete)
        if isinstance(self.space, spaces.Box) and self.low.dtype == wide:
            return LeafNode(self.path, wide, self.low.shape, offset)
        low, high = self.low, self.high
        if self.low.dtype.kind == "f":
            low, high = np.zeros_like(low), np.zeros_like(high)
        return ActionLeaf(self.path, wide, self.low.shape, offset, (), scalar, self.low.dtype, low, high)


def _entries(space: Any, path: str) -> Iterator[_Entry]:
    name = path or "action"
    if isinstance(space, spaces.Dict):
        for key, child in space.spaces.items():
            yield from _entries(child, below(path, key))
    elif isinstance(space, spaces.Tuple):
        for i, child in enumerate(space.spaces):
            yield from _entries(child, below(path, i))
    elif isinstance(space, ARRAYS):
        yield _Entry(name, space, *array_bounds(space, name))
    else:
        raise TypeError(
            f"{name}: {space!r} is of type {type(space).__name__}, and a flat row of actions cannot hold that; "
            "use Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple"
        )


def _action_tree(space: Any, path: str, leaves: Iterator[Node]) -> Node:
    name = path or "action"
    if isinstance(space, spaces.Dict):
        children = [_action_tree(child, below(path, key), leaves) for key, child in space.spaces.items()]
        return DictNode(name, tuple(space.spaces), tuple(children))
    if isinstance(space, spaces.Tuple):
        return TupleNode(name, tuple([_action_tree(c, below(path, i), leaves) for i, c in enumerate(space.spaces)]))
    return next(leaves)


def _flat_action_space(space: Any, entries: list[_Entry]) -> tuple[Any, np.dtype[Any]]:
    """The flat space, and the dtype of the row that the leaves work on."""
    integer = np.dtype(np.int64)
    dtype = entries[0].low.dtype
    if all(not isinstance(entry.space, spaces.Box) for entry in entries):
        _check_range(entries, 2**63 - 1, "an int64 row")
        if isinstance(space, spaces.Discrete) or (isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1):
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
    return spaces.Box(*_joined(entries, flat), dtype=flat), np.dtype(np.float64)


def _joined(entries: list[_Entry], dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    lows = [entry.low.astype(dtype).ravel() for entry in entries]
    highs = [entry.high.astype(dtype).ravel() for entry in entries]
    return np.concatenate(lows), np.concatenate(highs)


def _greatest(entry: _Entry) -> int:
    """The greatest magnitude of an integer leaf; 0 for floats."""
    if entry.low.dtype.kind == "f" or not entry.low.size:
        return 0
    return max(abs(int(entry.low.min())), abs(int(entry.high.max())))


def _check_range(entries: list[_Entry], limit: int, row: str) -> None:
    for entry in entries:
        if entry.low.dtype.kind == "f" and entry.low.dtype.itemsize > 8:
            raise TypeError(f"{entry.path}: {row} cannot hold {entry.space!r} of dtype {entry.low.dtype}; use float64")
        if _greatest(entry) > limit:
            raise ValueError(f"{entry.path}: {row} cannot hold all integers of {entry.space!r}; narrow its bounds")
