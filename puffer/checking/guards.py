"""Rows around those of an environment, to notice writes outside of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from puffer.checking.driver import Driver
from puffer.native.buffers import Buffers

# An environment is unlikely to write a float, flag or observation of these bytes.
_PATTERN = 0xA5
NAMES = ("observations", "actions", "rewards", "terminations", "truncations", "masks")


class Guards:
    """Three times `rows` rows. An environment gets those in the middle, and the others hold a pattern.

    Parameters
    ----------
    rows : int
        Rows of the environment.
    observation, action : (shape, dtype)
        Of one row.

    Attributes
    ----------
    buffers : Buffers
        All rows.
    rows : slice
        Those of the environment.
    """

    def __init__(self, rows: int, observation: tuple, action: tuple) -> None:
        self.buffers = Buffers(3 * rows, *observation, *action)
        self.rows = slice(rows, 2 * rows)
        for _, bytes_of_rows in self._around():
            bytes_of_rows[...] = _PATTERN

    def own(self) -> dict[str, np.ndarray]:
        """The rows of the environment by name, for `buf`."""
        return self.buffers.rows(self.rows)

    def look(self, driver: Driver) -> None:
        """Report a call that has written outside of the environment's rows."""
        for name, bytes_of_rows in self._around():
            if (bytes_of_rows != _PATTERN).any():
                bytes_of_rows[...] = _PATTERN
                driver.report.problem(
                    f"{driver.where} wrote to {name} outside of the environment's rows",
                    "write only to the environment's own rows, because in a batch the others belong to other copies",
                )

    def _around(self) -> Iterator[tuple[str, np.ndarray]]:
        """The bytes of the rows before and after those of the environment, with the names of their arrays."""
        for name in NAMES:
            array = getattr(self.buffers, name)
            for part in (array[: self.rows.start], array[self.rows.stop :]):
                yield name, part.reshape(-1).view(np.uint8)
