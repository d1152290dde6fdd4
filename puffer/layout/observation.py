"""The flat row of an observation space.

`Layout` is built once for a space; the copies themselves are compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer.layout.foreign import as_gymnasium
from puffer.layout.leaf import Leaf
from puffer.layout.nodes import Location, RowBuilder
from puffer.layout.row_plan import RowPlan
from puffer.layout.rows import LayoutError, LeafNode
from puffer.layout.walk import ARRAYS


class Layout(RowPlan):
    """The flat row of an observation space.

    Box, Discrete, MultiDiscrete and MultiBinary are one leaf, of the space's own dtype and shape. The leaves of other
    spaces, which vary in size, are these; the unused rest of them is zero:

    ========  =========================================================================================================
    Text      "characters" of shape (max_length,), and "length": uint8 if all its characters are ASCII, and else int32
              code points
    strings   of any other space with dtype=str, such as MiniGrid's missions: "characters", uint8 bytes of UTF-8 of
              shape (maximum length,), and "length" in bytes
    OneOf     "index", and all the spaces side by side under "alternatives/0", "alternatives/1", ...
    Sequence  the leaves of the items under "items", with one more dimension in front, the maximum length; and "length"
    Graph     "nodes" and "edges", each like a Sequence, and "edge_links" of shape (maximum number of edges, 2); a graph
              whose edges are None has edges of length -1
    ========  =========================================================================================================

    Two layouts are equal if their spaces and leaves are. A layout can be pickled.

    Parameters
    ----------
    space : Space
        Any space of Gymnasium, or one of the older package Gym, which is converted.
    max_length : int or mapping of str to int, optional
        The most items in any Sequence, and the most nodes and edges in any Graph. A mapping has one such number for
        the path of each Sequence, and for "<path>/nodes" and "<path>/edges" of each Graph. It is also the most bytes
        in a text whose space does not tell its length; by default 256.

    Attributes
    ----------
    space : Space
        The observation space.
    dtype : dtype
        The row as an aligned structured dtype, with a field for each leaf, named by its path.
    row_size : int
        Bytes in a row, a multiple of the dtype's alignment.
    leaves : tuple of Leaf
        The fields, in order.
    flat_space : Box
        If all leaves have one dtype, a Box of it, with the bounds of the leaves one after the other; a space that is
        one array keeps its shape, and a Discrete has shape (1,). Else a Box of `row_size` uint8 bytes.

    Raises
    ------
    TypeError
        If there is a space of a kind that has no layout.
    ValueError
        If a Sequence or Graph has no maximum length, if a maximum length is given for a path that has neither, if two
        leaves have the same path, or if the space has no elements.
    """

    def __init__(self, space: spaces.Space[Any], max_length: int | Mapping[str, int] | None = None) -> None:
        space = as_gymnasium(space)
        builder = RowBuilder(max_length)
        root = builder.node(space, Location())
        builder.check(space)
        dtype = np.dtype([(leaf.path, leaf.dtype, leaf.full_shape) for leaf in builder.leaves], align=True)
        self.space = space
        self.flat_space = _flat_space(space, builder, dtype.itemsize)
        self.leaves = tuple(Leaf(leaf.path, leaf.dtype, leaf.full_shape, leaf.offset) for leaf in builder.leaves)
        self._max_length = max_length
        super().__init__(root, dtype, self.flat_space.dtype)

    def view(self, batch: Any) -> Any:
        """The nested arrays of a batch of rows, as views that share its memory.

        Parameters
        ----------
        batch : ndarray or torch.Tensor
            Rows with any dimensions in front, (..., *flat_space.shape); or the same rows as bytes, uint8
            (..., row_size), or as an array of `dtype`. An array of uint8 that may be either of the first two is the
            first. Where `flat_space` is not bytes, its rows may have been cast to another dtype, which the views then
            have too.

        Returns
        -------
        dict, tuple or array
            For each leaf an array (..., *leaf.shape). Dict becomes a dict and Tuple a tuple; Text, OneOf, Sequence and
            Graph become dicts, with the keys that the class describes.

        Raises
        ------
        TypeError
            If `batch` is neither an array nor a tensor, or torch has no such dtype as a leaf.
        LayoutError
            If the batch does not end in rows of this layout.
        """
        element_type = _element_types(batch)
        shape, flat_shape = tuple(batch.shape), self.flat_space.shape
        is_bytes = batch.dtype == element_type(np.dtype(np.uint8)) and shape[-1:] == (self.row_size,)
        # A row of uint8 may end in as many elements itself, as one of shape (1, 3) does.
        if is_bytes and self.flat_space.dtype == np.uint8 and flat_shape != (self.row_size,):
            is_bytes = shape[len(shape) - len(flat_shape) :] != flat_shape
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

    def fields(self, rows: np.ndarray) -> np.ndarray:
        """C-contiguous rows, (count, *flat_space.shape), as an array of `dtype`, (count,), that shares their memory."""
        return rows.reshape(len(rows), -1).view(np.uint8).view(self.dtype)[:, 0]

    def bounds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The least and the greatest value of each of the `leaves`, of its shape and dtype.

        Those of a part that may be unused span the zeros that stand there then.
        """
        builder = RowBuilder(self._max_length)
        builder.node(self.space, Location())
        return list(zip(builder.lows, builder.highs, strict=True))

    def over(self, space: spaces.Space[Any]) -> Layout:
        """The layout of another space, with the same maximum lengths."""
        return type(self)(space, self._max_length)

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


def _flat_space(space: Any, builder: RowBuilder, row_size: int) -> spaces.Box:
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
