"""From an observation space to the nodes of its rows, and to the bounds of their leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array

from puffer import checks
from puffer.layout.leaf import check_leaves
from puffer.layout.rows import DictNode, LeafNode, Node, TupleNode
from puffer.layout.varying import GraphNode, OneOfNode, SequenceNode, TextNode
from puffer.layout.walk import ARRAYS, ROOT, Path, bounds, build, children, nest, split

_COUNT = np.dtype(np.int32)

# Bytes for a text whose space does not tell its length.
TEXT_LENGTH = 256


class Location(NamedTuple):
    """Where in the tree of a space a node is, and what is around it.

    Attributes
    ----------
    path : Path
    root : str
        What messages call the whole value.
    lead : tuple of int
        The maximum lengths of the sequences around it, the outermost first.
    may_be_unused : bool
        Whether zeros may stand there instead of a value.
    """

    path: Path = ROOT
    root: str = "observation"
    lead: tuple[int, ...] = ()
    may_be_unused: bool = False

    def below(self, key: Any) -> Location:
        return self._replace(path=self.path.below(key))

    @property
    def name(self) -> str:
        return str(self.path) or self.root


def branch_node(location: Location, space: Any, parts: list[Node]) -> Node:
    """The node of a Dict or Tuple, from those of its children."""
    if isinstance(space, spaces.Dict):
        return DictNode(location.name, tuple(space.spaces), tuple(parts))
    return TupleNode(location.name, tuple(parts))


class RowBuilder:
    """Makes the nodes of a space, and lists the leaves with their bounds on the way."""

    def __init__(self, max_length: int | Mapping[str, int] | None) -> None:
        self.leaves: list[LeafNode] = []
        self.lows: list[np.ndarray] = []
        self.highs: list[np.ndarray] = []
        self._max_length = max_length
        self._bounded_paths: list[str] = []

    def node(self, space: Any, location: Location) -> Node:
        """The node of one space, after the leaves that lie before it."""
        return build(space, self._leaf_node, branch_node, location)

    def _leaf_node(self, location: Location, space: Any) -> Node:
        if isinstance(space, ARRAYS):
            return self._leaf(location, *bounds(space, location.name), isinstance(space, spaces.Discrete))
        if isinstance(space, spaces.Text):
            return self._text(space, location)
        if holds_texts(space):
            return self._free_text(space, location)
        if isinstance(space, spaces.OneOf):
            return self._one_of(space, location)
        if isinstance(space, spaces.Sequence):
            return self._sequence(space, space.feature_space, space.stack, location)
        if isinstance(space, spaces.Graph):
            return self._graph(space, location)
        raise TypeError(
            f"{location.name}: {space!r} is of type {type(space).__name__}, which has no flat layout; "
            "build it from the spaces of Gymnasium"
        )

    def check(self, space: spaces.Space[Any]) -> None:
        """Raise if the leaves cannot make a row, or a maximum length was not used."""
        check_leaves(space, [leaf.path for leaf in self.leaves], sum(low.size for low in self.lows))
        if isinstance(self._max_length, Mapping):
            unknown = sorted(set(self._max_length) - set(self._bounded_paths))
            if unknown:
                raise ValueError(
                    f"max_length: no Sequence, Graph or text without a length of its own at {unknown}; this space has "
                    f"{sorted(self._bounded_paths)}"
                )
        elif self._max_length is not None:
            checks.integer("max_length", self._max_length, 1)

    def _leaf(self, location: Location, low: np.ndarray, high: np.ndarray, scalar: bool = False) -> LeafNode:
        if location.may_be_unused:
            low, high = np.minimum(low, low.dtype.type(0)), np.maximum(high, high.dtype.type(0))
        end = self.leaves[-1].end if self.leaves else 0
        offset = -(-end // low.dtype.alignment) * low.dtype.alignment
        leaf = LeafNode(location.name, low.dtype, low.shape, offset, location.lead, scalar)
        self.leaves.append(leaf)
        self.lows.append(np.broadcast_to(low, leaf.full_shape))
        self.highs.append(np.broadcast_to(high, leaf.full_shape))
        return leaf

    def _text(self, space: spaces.Text, location: Location) -> Node:
        greatest = max(map(ord, space.character_set), default=0)
        return self._characters(location, space.min_length, space.max_length, greatest, greatest < 128)

    def _free_text(self, space: spaces.Space[Any], location: Location) -> Node:
        """A text of any characters, as bytes."""
        return self._characters(location, 0, self._longest(space, location, TEXT_LENGTH), 255, True)

    def _characters(self, location: Location, least: int, most: int, greatest: int, as_bytes: bool) -> Node:
        dtype = np.dtype(np.uint8) if as_bytes else _COUNT
        characters = self._leaf(location.below("characters"), np.zeros(most, dtype), np.full(most, greatest, dtype))
        return TextNode(location.name, characters, self._leaf(location.below("length"), *_counts(least, most)))

    def _one_of(self, space: spaces.OneOf, location: Location) -> Node:
        index = self._leaf(location.below("index"), *_counts(0, len(space.spaces) - 1))
        within = location.below("alternatives")._replace(may_be_unused=True)
        alternatives = [self.node(child, within.below(i)) for i, child in enumerate(space.spaces)]
        return OneOfNode(location.name, index, tuple(alternatives))

    def _sequence(self, space: Any, feature: Any, stack: bool, location: Location, least: int = 0) -> SequenceNode:
        longest = self._longest(space, location)
        item = self.node(feature, location.below("items")._replace(lead=(*location.lead, longest), may_be_unused=True))
        length = self._leaf(location.below("length"), *_counts(least, longest))
        if not stack:
            return SequenceNode(location.name, item, length, longest)
        if _stacks_nothing(feature):
            raise ValueError(f"{location.name}: {space!r} stacks an empty Dict or Tuple; leave that out of it")
        return SequenceNode(location.name, item, length, longest, partial(_stack, feature), partial(_unstack, feature))

    def _graph(self, space: spaces.Graph, location: Location) -> Node:
        nodes = self._sequence(space, space.node_space, True, location.below("nodes"))
        if space.edge_space is None:
            return GraphNode(location.name, spaces.GraphInstance, nodes, None, None)
        edges = self._sequence(space, space.edge_space, True, location.below("edges"), least=-1)
        links = location.below("edge_links")._replace(lead=(*location.lead, edges.max_length), may_be_unused=True)
        low, high = np.zeros(2, _COUNT), np.full(2, max(nodes.max_length - 1, 0), _COUNT)
        return GraphNode(location.name, spaces.GraphInstance, nodes, edges, self._leaf(links, low, high))

    def _longest(self, space: Any, location: Location, default: int | None = None) -> int:
        """The maximum length that the caller gave here."""
        self._bounded_paths.append(location.name)
        given = self._max_length
        longest = given.get(location.name) if isinstance(given, Mapping) else given
        longest = default if longest is None else longest
        if longest is None:
            raise ValueError(
                f"{location.name}: {space!r} has no maximum length; "
                f"pass max_length=<a number for all> or max_length={{{location.name!r}: <a number>}}"
            )
        if isinstance(longest, bool) or not isinstance(longest, (int, np.integer)) or not 0 < longest < 2**31:
            raise ValueError(f"{location.name}: max_length must be an integer of at least 1, got {longest!r}")
        return int(longest)


def holds_texts(space: Any) -> bool:
    """Whether the values of a space are texts whose length it does not tell, as those of MiniGrid's missions."""
    is_text = isinstance(space, spaces.Space) and space.dtype is not None and space.dtype.kind == "U"
    return is_text and not isinstance(space, spaces.Text)


def _counts(low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array(low, _COUNT), np.array(high, _COUNT)


def _stack(space: Any, values: list[Any]) -> Any:
    """One stacked value from a list of them, as Gymnasium's own samples are stacked."""
    out: Any = create_empty_array(space, len(values))
    return concatenate(space, values, out) if values else out


def _unstack(space: Any, value: Any) -> list[Any]:
    """The list of values that `_stack` would make `value` from."""
    found = children(space)
    if found is None:
        return list(np.asarray(value) if isinstance(space, ARRAYS) else value)
    columns = [_unstack(child, column) for (_, child), column in zip(found, split(space, value), strict=True)]
    return [nest(space, list(row)) for row in _across(columns)]


def _across(columns: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    if len(set(map(len, columns))) != 1:
        raise ValueError("has parts of different lengths")
    return zip(*columns, strict=True)


def _stacks_nothing(space: Any) -> bool:
    """Whether a branch without children is to be stacked: its stacked value cannot tell how many there were."""
    return build(space, lambda path, leaf: False, lambda path, branch, parts: not parts or any(parts))
