"""Whether the values in rows lie in their space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from puffer.layout.observation import Layout
from puffer.layout.rows import LayoutError

# The end of every message, since `python -X dev` checks without being asked.
_OFF = "check_values=False lets it pass"


class _Bounds(NamedTuple):
    """The bounds of a leaf that can hold values outside of them."""

    path: str
    low: np.ndarray
    high: np.ndarray


class RowValues:
    """Refuses rows with values outside their space, and rewards that are not finite.

    A value is outside if it is NaN, or not between the bounds that the space has for it: infinity is in a Box without
    a bound on that side. Unused parts of Sequences, Graphs and OneOfs, which are zero, are inside.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    agents_per_env : int
        Rows of a copy.
    """

    def __init__(self, layout: Layout, agents_per_env: int) -> None:
        self._layout = layout
        self._agents = agents_per_env
        self._bounds = [
            _Bounds(leaf.path, low, high)
            for leaf, (low, high) in zip(layout.leaves, layout.bounds(), strict=True)
            if not _holds_nothing_else(low, high)
        ]

    def check_observations(self, observations: np.ndarray, rows: np.ndarray, where: str = "") -> None:
        """Raise LayoutError for the first value of observations that is outside.

        Parameters
        ----------
        observations : ndarray
            Shape (count, *flat_space.shape).
        rows : ndarray of int
            Which rows of the batch these are, (count,).
        where : str
            What the message says after the row.
        """
        if not len(rows):
            return
        fields = self._layout.fields(np.ascontiguousarray(observations))
        for path, low, high in self._bounds:
            values = fields[path]
            # False for NaN.
            inside = (low <= values) & (values <= high)
            if not inside.all():
                k, *index = (int(axis) for axis in np.argwhere(~inside)[0])
                element = f"{path}{index}" if index else path
                value, least, most = (array[tuple(index)] for array in (values[k], low, high))
                raise LayoutError(f"{self._name(int(rows[k]))}{where}: {element} {_misfit(value, least, most)}; {_OFF}")

    def check_rewards(self, rewards: np.ndarray, rows: np.ndarray) -> None:
        """Raise ValueError for the first reward, of (count,) rewards of these rows, that is NaN or infinite."""
        finite = np.isfinite(rewards)
        if not finite.all():
            k = int(np.argmin(finite))
            raise ValueError(
                f"{self._name(int(rows[k]))}: the reward is {rewards[k]}, and a reward is a finite number; {_OFF}"
            )

    def _name(self, row: int) -> str:
        copy, agent = divmod(row, self._agents)
        return f"copy {copy} (row {row})" if self._agents == 1 else f"copy {copy}, agent {agent} (row {row})"


def _misfit(value: np.generic, low: np.generic, high: np.generic) -> str:
    """What is wrong with a value, and what would be right."""
    if value != value:
        return f"is {value}, which no space contains (its bounds are {low} to {high}): look where it comes from"
    return f"is {value}, and its space has {low} to {high} there: clip it, or widen the space"


def _holds_nothing_else(low: np.ndarray, high: np.ndarray) -> bool:
    """Whether the bounds are those of the dtype, and there is no NaN."""
    if low.dtype.kind == "f" or not low.size:
        return not low.size
    if low.dtype.kind == "b":
        return not low.any() and bool(high.all())
    limits = np.iinfo(low.dtype)
    return bool((low == limits.min).all() and (high == limits.max).all())
