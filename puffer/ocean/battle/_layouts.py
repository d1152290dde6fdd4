"""The maps of Battle: where walls stand, and where the agents of both sides begin."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from puffer import checks

# The least size of the map of each layout, and its size if none is given.
LEAST = {"battle": 12, "battlefield": 46}
USUAL = {"battle": 45, "battlefield": 80}
# Beyond it the engine of magent2 moves agents in another order.
GREATEST = 99
# Columns between the middle of the map and the armies.
_GAP = 3


class Map(NamedTuple):
    """`walls` is bool (size, size), rows first; `red` and `blue` are lists of x, y in the order of the rows."""

    walls: np.ndarray
    red: list[tuple[int, int]]
    blue: list[tuple[int, int]]


def make_map(layout: str, size: int | None) -> Map:
    """The map of a layout. Raises ValueError for an unknown layout or a size that it cannot have."""
    checks.choice("layout", layout, tuple(LEAST))
    size = checks.integer("map_size", USUAL[layout] if size is None else size, LEAST[layout], GREATEST)
    walls = np.ones((size, size), np.bool_)
    walls[1:-1, 1:-1] = False
    # The number of agents is that of every other cell in a square of this side.
    side = 2 * int(math.sqrt(0.04 * size * size if layout == "battle" else 20))
    if layout == "battlefield":
        _build_walls(walls)
    red = _army(walls, size // 2 - _GAP - side, side)
    blue = _army(walls, size // 2 + _GAP, side)
    return Map(walls, red, blue[: len(red)] if layout == "battle" else blue)


def _build_walls(walls: np.ndarray) -> None:
    """Two double walls with an opening each, the right one upside down."""
    size = len(walls)
    middle = size // 2
    for columns, spans in (
        ((-5, -4), ((10, 45), (50, middle + 25))),
        ((5, 4), ((middle - 25, size - 50), (size - 45, size - 10))),
    ):
        for first, last in spans:
            for column in columns:
                walls[slice(first, max(first, last)), int(size / 2 + column)] = True


def _army(walls: np.ndarray, left: int, side: int) -> list[tuple[int, int]]:
    """The free cells of a square, every other one, column by column."""
    size = len(walls)
    top = (size - side) // 2
    cells = ((x, y) for x in range(left, left + side, 2) for y in range(top, top + side, 2))
    return [(x, y) for x, y in cells if 0 < x < size - 1 and 0 < y < size - 1 and not walls[y, x]]
