"""From an observation space to the nodes of its rows, and to the bounds of their leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array

from puffer.layout.rows import DictNode, LeafNode, Node, TupleNode
from puffer.layout.varying import GraphNode, OneOfNode, SequenceNode, TextNode

ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
_COUNT = np.dtype(np.int32)


def below(path: str, key: Any) -> str:
    name = str(key).replace("~", "~0").replace("/", "~1") or "~"
    return f"{path}/{name}" if path else name


def check_paths(space: spaces.Space[Any], paths: list[str], size: int) -> None:
    path, count = Counter(paths).most_common(1)[0] if paths else ("", 0)
    if count > 1:
        raise ValueError(f"{count} leaves have the path {path!r}; rename a key of {space}")
    if size == 0:
        raise ValueError(f"{space} has no elements, so there is nothing to lay out; give it at least one")


def array_bounds(space: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The least and greatest array of a space of arrays; their dtype and shape are the space's."""
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


class Place(NamedTuple):
    """Where in the tree a space is."""

    path: str = ""
    lead: tuple[int, ...] = ()  # the lengths of the sequences around it
    may_be_unused: bool = False  # zeros may stand there instead of a value

    def below(self, key: Any) -> Place:
        return self._replace(path=below(self.path, key))

    @property
    def name(self) -> str:
        return self.path or "observation"


class RowBuilder:
    """Makes the nodes of a space, and lists the leaves with their bounds on the way."""

    def __init__(self, max_length: int | Mapping[str, int] | None) -> None:
        self.leaves: list[LeafNode] = []
        self.lows: list[np.ndarray] = []
        self.highs: list[np.ndarray] = []
        self._max_length = max_length
        self._bounded_paths: list[str] = []

    def node(self, space: Any, place: Place) -> Node:
        """The node of one space, after the leaves that lie before it."""
        if isinstance(space, ARRAYS):
            return self._array(space, place)
        if isinstance(space, spaces.Dict):
            children = tuple([self.node(child, place.below(key)) for key, child in space.spaces.items()])
            return DictNode(place.name, tuple(space.spaces), children)
        if isinstance(space, spaces.Tuple):
            return TupleNode(place.name, self._nodes(space.spaces, place))
        if isinstance(space, spaces.Text):
            return self._text(space, place)
        if isinstance(space, spaces.OneOf):
            index = self._leaf(place.below("index"), *_counts(0, len(space.spaces) - 1))
            alternatives = place.below("alternatives")._replace(may_be_unused=True)
            return OneOfNode(place.name, index, self._nodes(space.spaces, alternatives))
        if isinstance(space, spaces.Sequence):
            return self._sequence(space, space.feature_space, space.stack, place)
        if isinstance(space, spaces.Graph):
            return self._graph(space, place)
        raise TypeError(
            f"{place.name}: {space!r} is of type {type(space).__name__}, which has no flat layout; "
            "build it from the spaces of Gymnasium"
        )

    def check(self, space: spaces.Space[Any]) -> None:
        """Raise if the leaves cannot make a row, or a maximum length was not used."""
        check_paths(space, [leaf.path for leaf in self.leaves], sum(low.size for low in self.lows))
        if isinstance(self._max_length, Mapping):
            unknown = sorted(set(self._max_length) - set(self._bounded_paths))
            if unknown:
                raise ValueError(
                    f"max_length: no Sequence or Graph at {unknown}; this space has {sorted(self._bounded_paths)}"
                )

    def _nodes(self, children: tuple[Any, ...], place: Place) -> tuple[Node, ...]:
        return tuple([self.node(child, place.below(i)) for i, child in enumerate(children)])

    def _leaf(self, place: Place, low: np.ndarray, high: np.ndarray, scalar: bool = False) -> LeafNode:
        if place.may_be_unused:
            low, high = np.minimum(low, low.dtype.type(0)), np.maximum(high, high.dtype.type(0))
        end = self.leaves[-1].end if self.leaves else 0
        offset = -(-end // low.dtype.alignment) * low.dtype.alignment
        leaf = LeafNode(place.name, low.dtype, low.shape, offset, place.lead, scalar)
        self.leaves.append(leaf)
        self.lows.append(np.broadcast_to(low, leaf.full_shape))
        self.highs.append(np.broadcast_to(high, leaf.full_shape))
        return leaf

    def _array(self, space: Any, place: Place) -> Node:
        low, high = array_bounds(space, place.name)
        return self._leaf(place, low, high, isinstance(space, spaces.Discrete))

    def _text(self, space: spaces.Text, place: Place) -> Node:
        greatest = max(map(ord, space.character_set), default=0)
        low, high = np.zeros(space.max_length, _COUNT), np.full(space.max_length, greatest, _COUNT)
        characters = self._leaf(place.below("characters"), low, high)
        return TextNode(
            place.name, characters, self._leaf(place.below("length"), *_counts(space.min_length, space.max_length))
        )

    def _sequence(self, space: Any, feature: Any, stack: bool, place: Place, least: int = 0) -> SequenceNode:
        longest = self._longest(space, place)
        item = self.node(feature, Place(below(place.path, "items"), (*place.lead, longest), True))
        length = self._leaf(place.below("length"), *_counts(least, longest))
        if not stack:
            return SequenceNode(place.name, item, length, longest)
        if _stacks_nothing(feature):
            raise ValueError(f"{place.name}: {space!r} stacks an empty Dict or Tuple; leave that out of it")
        return SequenceNode(place.name, item, length, longest, partial(_stack, feature), partial(_unstack, feature))

    def _graph(self, space: spaces.Graph, place: Place) -> Node:
        nodes = self._sequence(space, space.node_space, True, place.below("nodes"))
        if space.edge_space is None:
            return GraphNode(place.name, spaces.GraphInstance, nodes, None, None)
        edges = self._sequence(space, space.edge_space, True, place.below("edges"), least=-1)
        links = place.below("edge_links")._replace(lead=(*place.lead, edges.max_length), may_be_unused=True)
        low, high = np.zeros(2, _COUNT), np.full(2, max(nodes.max_length - 1, 0), _COUNT)
        return GraphNode(place.name, spaces.GraphInstance, nodes, edges, self._leaf(links, low, high))

    def _longest(self, space: Any, place: Place) -> int:
        """The maximum length that the caller gave for a place."""
        self._bounded_paths.append(place.name)
        given = self._max_length
        longest = given.get(place.name) if isinstance(given, Mapping) else given
        if longest is None:
            raise ValueError(
                f"{place.name}: {space!r} has no maximum length; "
                f"pass max_length=<a number for all> or max_length={{{place.name!r}: <a number>}}"
            )
        if isinstance(longest, bool) or not isinstance(longest, (int, np.integer)) or not 0 < longest < 2**31:
            raise ValueError(f"{place.name}: max_length must be an integer of at least 1, got {longest!r}")
        return int(longest)


def _counts(low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array(low, _COUNT), np.array(high, _COUNT)


def _stack(space: Any, values: list[Any]) -> Any:
    """One stacked value from a list of them, as Gymnasium's own samples are stacked."""
    out: Any = create_empty_array(space, len(values))
    return concatenate(space, values, out) if values else out


def _unstack(space: Any, value: Any) -> list[Any]:
    """The list of values that `_stack` would make `value` from."""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping) or set(value) != set(space.spaces):
            raise ValueError(f"a dict with the keys {list(space.spaces)}")
        columns = [_unstack(child, value[key]) for key, child in space.spaces.items()]
        return [dict(zip(space.spaces, values, strict=True)) for values in _across(columns)]
    if isinstance(space, spaces.Tuple):
        return list(_across([_unstack(child, column) for child, column in zip(space.spaces, value, strict=True)]))
    return list(np.asarray(value) if isinstance(space, ARRAYS) else value)


def _across(columns: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    if len(set(map(len, columns))) != 1:
        raise ValueError("of one length each")
    return zip(*columns, strict=True)


def _stacks_nothing(space: Any) -> bool:
    """Whether a Dict or Tuple without children is to be stacked: its stacked value cannot tell how many there were."""
    if not isinstance(space, (spaces.Dict, spaces.Tuple)):
        return False
    children = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
    return not children or any(map(_stacks_nothing, children))
