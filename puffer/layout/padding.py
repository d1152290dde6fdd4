"""One row for agents whose spaces are alike but not equal.

Spaces are alike if they have the same structure, with sizes that differ: Dicts with the same keys and Tuples of the
same length, of parts that are alike; Boxes, MultiDiscretes or MultiBinaries of one dtype and number of dimensions; and
Discretes of one dtype. The space that spans them has the largest size along every dimension, the widest bounds, and
every integer of every Discrete. Values keep their indices; elements that an agent lacks are zero in its observation,
and ignored in its action.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer.layout.action import ActionLayout
from puffer.layout.mixed import rows_space
from puffer.layout.observation import Layout
from puffer.layout.walk import ARRAYS, array_space, bounds, build, leaves

# The space of each agent, by its id.
AgentSpaces = Mapping[Hashable, Space]


def spanning_space(by_agent: AgentSpaces, kind: str) -> Space:
    """The space that spans those of all agents.

    Parameters
    ----------
    by_agent : mapping of id to Space
        At least one.
    kind : str
        What the error calls them, as in "observation spaces".

    Returns
    -------
    Space
        The first one itself, if all are equal.

    Raises
    ------
    ValueError
        If the spaces are not alike. The message names two agents that differ.
    """
    first_agent, first = next(iter(by_agent.items()))
    for agent, space in by_agent.items():
        if not _are_alike(first, space):
            raise ValueError(
                f"the agents' {kind} cannot share one layout: {first_agent!r} has {first}, and {agent!r} has {space}. "
                f"Agents may differ in the sizes of their spaces, not in their structure and dtypes; give them spaces "
                f"that are alike, for example with a wrapper"
            )
    alike = [dict(leaves(space)) for space in by_agent.values()]
    if all(_are_equal(first, space) for space in by_agent.values()):
        return first
    return build(first, lambda path, leaf: _spanning([one[path] for one in alike]), branch_space)


def _are_equal(first: Any, other: Any) -> bool:
    return first is other or first == other


def _are_alike(first: Any, other: Any) -> bool:
    if first is other:
        return True
    # The nesting is compared as trees of None.
    if build(first, lambda path, leaf: None) != build(other, lambda path, leaf: None):
        return False
    others = dict(leaves(other))
    return all(_are_alike_leaves(leaf, others[path]) for path, leaf in leaves(first))


def _are_alike_leaves(first: Any, other: Any) -> bool:
    if _are_equal(first, other):
        return True
    is_array = isinstance(first, ARRAYS) and type(first) is type(other)
    return is_array and first.dtype == other.dtype and len(first.shape) == len(other.shape)


def _spanning(alike: list[Any]) -> Space:
    """The leaf that spans others."""
    first = alike[0]
    if all(_are_equal(first, space) for space in alike):
        return first
    low, high = _widest([bounds(space, "a space of an agent") for space in alike])
    return array_space(type(first), low.astype(first.dtype), high.astype(first.dtype))


def branch_space(path: Any, branch: Any, parts: list[Space]) -> Space:
    """A Dict or Tuple with the keys of `branch`, in their order, and other parts."""
    if isinstance(branch, spaces.Dict):
        # A list, because Dict sorts the keys of a mapping.
        return spaces.Dict(list(zip(branch, parts, strict=True)))
    return spaces.Tuple(parts)


def _widest(all_bounds: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest bounds of arrays that are padded with zeros to the largest size."""
    shape = tuple(max(sizes) for sizes in zip(*(low.shape for low, _ in all_bounds), strict=True))
    lows, highs = (np.stack([_in_corner(bound, shape) for bound in side]) for side in zip(*all_bounds, strict=True))
    return lows.min(axis=0), highs.max(axis=0)


def _in_corner(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    padded = np.zeros(shape, array.dtype)
    padded[_corner(array.shape)] = array
    return padded


def _corner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(size) for size in shape)


class PaddedObservation:
    """Writes the observations of an agent that has a space of its own into a row of the spanning layout.

    Elements that the agent lacks stay as they are.

    Parameters
    ----------
    space : Space
        The agent's.
    layout : Layout
        Of the spanning space.
    row : ndarray
        The row, of shape (1, *layout.flat_space.shape) and its dtype.
    """

    def __init__(self, space: Space, layout: Layout, row: np.ndarray) -> None:
        self._layout = Layout(space)
        self._own = np.zeros((1, *self._layout.flat_space.shape), self._layout.flat_space.dtype)
        sources, targets = self._layout.fields(self._own), layout.fields(row)
        self._pairs = [
            (targets[leaf.path][(slice(1), *_corner(leaf.shape))], sources[leaf.path]) for leaf in self._layout.leaves
        ]

    def write(self, observation: Any) -> None:
        """Write an observation. Raises LayoutError if it does not fit the agent's space."""
        self._layout.flatten_into(observation, self._own, 0)
        for target, source in self._pairs:
            target[...] = source


class PaddedAction:
    """Reads the actions of an agent that has a space of its own from rows of the spanning layout.

    Parameters
    ----------
    space : Space
        The agent's.
    layout : ActionLayout
        Of the spanning space.
    """

    def __init__(self, space: Space, layout: ActionLayout) -> None:
        self._layout = ActionLayout(space)
        self._flat = self._layout.flat_space
        itemsize = layout.flat_space.dtype.itemsize
        spanning_leaves = {leaf.path: leaf for leaf in layout.leaves}
        indices = []
        for own in self._layout.leaves:
            spanning = spanning_leaves[own.path]
            size = int(np.prod(spanning.shape, dtype=np.int64))
            entries = spanning.offset // itemsize + np.arange(size).reshape(spanning.shape)
            indices.append(entries[_corner(own.shape)].ravel())
        # Where its entries are in a row.
        self._indices = np.concatenate(indices)

    def value(self, row: np.ndarray) -> Any:
        """The action in a row, an element of the agent's space."""
        return self._layout.value(row.reshape(-1)[self._indices].reshape(self._flat.shape))

    def narrow(self, low: np.ndarray, high: np.ndarray) -> None:
        """Write the agent's bounds into those of its row, which has the spanning ones."""
        for own, bound in zip(bounds(self._flat, "action"), (low, high), strict=True):
            bound.reshape(-1)[self._indices] = own.ravel()


def copy_action_space(layout: ActionLayout, padded: list[PaddedAction | None]) -> Space | None:
    """The actions of the rows of a copy, where its agents have bounds of their own.

    Parameters
    ----------
    layout : ActionLayout
        Of the spanning space.
    padded : list of PaddedAction or None
        For each row of the copy; None for an agent that has the spanning space itself.

    Returns
    -------
    MultiDiscrete, Box or None
        Of shape (rows, *layout.flat_space.shape); a Box for rows that are one. None if all agents have the spanning
        space.
    """
    if not any(padded):
        return None
    low, high = (np.repeat(bound[np.newaxis], len(padded), axis=0) for bound in bounds(layout.flat_space, "action"))
    for agent, one in enumerate(padded):
        if one is not None:
            one.narrow(low[agent : agent + 1], high[agent : agent + 1])
    return rows_space(layout.flat_space, low, high)
