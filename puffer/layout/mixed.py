"""A Box for rows of floats in which some entries hold whole numbers, and the spaces of several rows."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from puffer.layout.walk import bounds


class MixedBox(spaces.Box):
    """A Box of floats, some of whose entries are whole numbers: it samples such numbers there, and contains no others.

    Parameters
    ----------
    low, high : ndarray
        The least and the greatest element, of one shape and one dtype of floats. They are finite where `whole` is True.
    whole : ndarray
        Which entries are whole numbers, bool, of the same shape.
    seed : int or Generator, optional
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, whole: np.ndarray, seed: Any = None) -> None:
        super().__init__(low, high, dtype=low.dtype, seed=seed)
        self.whole = np.array(whole, np.bool_)

    def sample(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """A random element, see `gymnasium.spaces.Box.sample`."""
        element = super().sample(*args, **kwargs)
        low, high = (bound[self.whole].astype(np.int64) for bound in (self.low, self.high))
        element[self.whole] = self.np_random.integers(low, high, endpoint=True)
        return element

    def contains(self, x: Any) -> bool:
        """Whether `x` is an element."""
        if not super().contains(x):
            return False
        numbers = np.asarray(x)[self.whole]
        return bool(np.array_equal(numbers, np.floor(numbers)))

    def __eq__(self, other: object) -> bool:
        # A plain Box with these bounds is the same rows to everyone who does not know of whole numbers.
        return super().__eq__(other) and (not isinstance(other, MixedBox) or np.array_equal(self.whole, other.whole))


@batch_space.register(MixedBox)
def _batch_of(space: MixedBox, n: int = 1) -> MixedBox:
    times = (n, *(1,) * len(space.shape))
    low, high, whole = (np.tile(part, times) for part in (space.low, space.high, space.whole))
    return MixedBox(low, high, whole, seed=copy.deepcopy(space.np_random))


def rows_space(space: Any, low: np.ndarray, high: np.ndarray) -> Any:
    """The space of several rows with bounds of their own, (rows, ...).

    `space` is a Discrete, MultiDiscrete or Box of one row, or of fewer rows, which are repeated.
    """
    if isinstance(space, MixedBox):
        return MixedBox(low, high, np.resize(space.whole, low.shape))
    if isinstance(space, spaces.Box):
        return spaces.Box(low, high, dtype=low.dtype)
    low, high = low.astype(np.int64), high.astype(np.int64)
    return spaces.MultiDiscrete(high - low + 1, start=low)


def repeated_space(space: Any, times: int) -> Any:
    """The space of `times` as many rows as `space` has, which is a MultiDiscrete or Box with bounds for every row."""
    repeats = (times,) + (1,) * (len(space.shape) - 1)
    return rows_space(space, *(np.tile(bound, repeats) for bound in bounds(space, "action")))
