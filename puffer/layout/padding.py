"""One row for agents whose spaces are alike but not equal.

Spaces are alike if they have the same structure, with sizes that differ: Dicts with the same keys and Tuples of the
same length, of parts that are alike; Boxes, MultiDiscretes or MultiBinaries of one dtype and number of dimensions; and
Discretes. The space that spans them has the largest size along every dimension, the widest bounds, and every integer of
every Discrete. Values keep their places; what an agent has none for is zero in its observation, and ignored in its
action.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer.layout.spaces import ActionLayout, Layout

# The space of each agent, by its id.
AgentSpaces = Mapping[Hashable, Space]


def spanning_space(by_agent: AgentSpaces, kind: str) -> Space:
    """The space that spans those of all agents.

    Raises ValueError for spaces that are not alike; its message has the agents and calls what they have `kind`.
    """
    first_agent, first = next(iter(by_agent.items()))
    for agent, space in by_agent.items():
        if not _are_alike(first, space):
            raise ValueError(
                f"the agents' {kind} cannot share one layout: {first_agent!r} has {first}, and {agent!r} has {space}. "
                f"Agents may differ in the sizes of their spaces, not in their structure and dtypes; give them spaces "
                f"that are alike, for example with a wrapper"
            )
    return _spanning(list(by_agent.values()))


def _are_alike(first: Any, other: Any) -> bool:
    if first is other or first == other:
        return True
    if type(first) is not type(other):
        return False
    if isinstance(first, spaces.Dict):
        return set(first) == set(other) and all(_are_alike(first[key], other[key]) for key in first)
    if isinstance(first, spaces.Tuple):
        return len(first) == len(other) and all(map(_are_alike, first, other))
    if isinstance(first, (spaces.Discrete, spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)):
        return first.dtype == other.dtype and len(first.shape) == len(other.shape)
    return False


def _spanning(alike: list[Any]) -> Space:
    first = alike[0]
    if all(space is first or space == first for space in alike):
        return first
    if isinstance(first, spaces.Dict):
        return spaces.Dict({key: _spanning([space[key] for space in alike]) for key in first})
    if isinstance(first, spaces.Tuple):
        return spaces.Tuple([_spanning(list(parts)) for parts in zip(*alike, strict=True)])
    if isinstance(first, spaces.Discrete):
        start = min(int(space.start) for space in alike)
        return spaces.Discrete(max(int(space.start) + int(space.n) for space in alike) - start, start=start)
    shape = _largest([space.shape for space in alike])
    if isinstance(first, spaces.MultiBinary):
        return spaces.MultiBinary(shape)
    if isinstance(first, spaces.MultiDiscrete):
        low, high = _widest([(space.start, space.start + space.nvec - 1) for space in alike], shape)
        return spaces.MultiDiscrete(high - low + 1, first.dtype, start=low)
    return spaces.Box(*_widest([(space.low, space.high) for space in alike], shape), dtype=first.dtype)


def _largest(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(max(sizes) for sizes in zip(*shapes, strict=True))


def _widest(bounds: list[tuple[Any, Any]], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest bounds of arrays in the corner of one of this shape, which is zero around them."""
    lows, highs = (np.stack([_in_corner(bound, shape) for bound in side]) for side in zip(*bounds, strict=True))
    return lows.min(axis=0), highs.max(axis=0)


def _in_corner(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    padded = np.zeros(shape, array.dtype)
    padded[_corner(array.shape)] = array
    return padded


def _corner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(size) for size in shape)


class PaddedObservation:
    """Writes the observations of an agent with a space of its own into `row`, an array (1, ...) of the spanning layout.

    What the agent has no values for is left as it is.
    """

    def __init__(self, space: Space, layout: Layout, row: np.ndarray) -> None:
        self._layout = Layout(space)
        self._own = np.zeros((1, *self._layout.flat_space.shape), self._layout.flat_space.dtype)
        sources, targets = _fields(self._own, self._layout), _fields(row, layout)
        self._pairs = [
            (targets[leaf.path][(slice(1), *_corner(leaf.shape))], sources[leaf.path]) for leaf in self._layout.leaves
        ]

    def write(self, observation: Any) -> None:
        """Put an observation in its place. Raises LayoutError if it does not fit the agent's space."""
        self._layout.flatten_into(observation, self._own, 0)
        for target, source in self._pairs:
            target[...] = source


def _fields(rows: np.ndarray, layout: Layout) -> np.ndarray:
    """Rows as an array of the layout's structured dtype, (rows,)."""
    return rows.reshape(len(rows), -1).view(np.uint8).view(layout.dtype)[:, 0]


class PaddedAction:
    """Reads the actions of an agent with a space of its own from rows of the spanning layout.

    `places` are those of its entries in a row, int (entries,).
    """

    def __init__(self, space: Space, layout: ActionLayout) -> None:
        self._layout = ActionLayout(space)
        self._flat = self._layout.flat_space
        itemsize = layout.flat_space.dtype.itemsize
        spanning_leaves = {leaf.path: leaf for leaf in layout.leaves}
        places = []
        for own in self._layout.leaves:
            spanning = spanning_leaves[own.path]
            size = int(np.prod(spanning.shape, dtype=np.int64))
            entries = spanning.offset // itemsize + np.arange(size).reshape(spanning.shape)
            places.append(entries[_corner(own.shape)].ravel())
        self.places = np.concatenate(places)

    def value(self, row: np.ndarray) -> Any:
        """The action in a row, as the agent's space has it."""
        own = row.reshape(-1)[self.places].astype(self._flat.dtype).reshape(self._flat.shape)
        return self._layout.value(own)

    def narrow(self, low: np.ndarray, high: np.ndarray) -> None:
        """Write the agent's ranges of integers into those of its row, which has the spanning ones."""
        own_low, own_high = _ranges(self._flat)
        low.reshape(-1)[self.places] = own_low.ravel()
        high.reshape(-1)[self.places] = own_high.ravel()


def copy_action_space(layout: ActionLayout, padded: list[PaddedAction | None]) -> spaces.MultiDiscrete | None:
    """The ranges of all rows of a copy, given what reads those of agents with spaces of their own; None if all alike.

    Only rows of integers have ranges that are checked.
    """
    space = layout.flat_space
    if isinstance(space, spaces.Box) or not any(padded):
        return None
    low, high = (np.repeat(bound[np.newaxis], len(padded), axis=0) for bound in _ranges(space))
    for agent, one in enumerate(padded):
        if one is not None:
            one.narrow(low[agent : agent + 1], high[agent : agent + 1])
    return spaces.MultiDiscrete(high - low + 1, start=low)


def _ranges(space: Any) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest integers of a Discrete or MultiDiscrete."""
    if isinstance(space, spaces.Discrete):
        return np.asarray(int(space.start)), np.asarray(int(space.start) + int(space.n) - 1)
    return np.asarray(space.start), np.asarray(space.start + space.nvec - 1)
