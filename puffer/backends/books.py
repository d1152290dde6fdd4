"""What a batch of Python environments records of its episodes, for a reader in this process or another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Books(NamedTuple):
    """Arrays over the copies and rows of a batch, or of a part of it.

    Attributes
    ----------
    ended : (copies,) bool
        Whether a copy waits for a reset.
    sums : (rows, 3) float64
        The number of episodes that have ended, their returns and their lengths added up.
    finals : (rows, ...)
        The last observation of the episode that ended last, in the mode SameStep.
    episodes : (rows, 3) float64
        The return, length and seconds of the episode that ended last. Not a number where a worker took them with it.
    """

    ended: np.ndarray
    sums: np.ndarray
    finals: np.ndarray
    episodes: np.ndarray

    @staticmethod
    def forms(
        copies: int, observations: tuple[tuple[int, ...], np.dtype]
    ) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """The shape and dtype of each array, given those of the observations of the batch."""
        rows = observations[0][0]
        numbers = (rows, 3), np.dtype(np.float64)
        return {"ended": ((copies,), np.dtype(np.bool_)), "sums": numbers, "finals": observations, "episodes": numbers}

    @classmethod
    def blank(cls, copies: int, observations: np.ndarray) -> Books:
        """Books of a batch that has not begun, in memory of their own."""
        forms = cls.forms(copies, (observations.shape, observations.dtype))
        books = cls(**{name: np.zeros(shape, dtype) for name, (shape, dtype) in forms.items()})
        books.ended.fill(True)
        return books

    def part(self, copies: slice, rows: slice) -> Books:
        """The books of a stretch of copies, which have these rows."""
        return Books(self.ended[copies], self.sums[rows], self.finals[rows], self.episodes[rows])
