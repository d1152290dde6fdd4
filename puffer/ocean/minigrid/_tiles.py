"""The package's pictures of single cells, pixel for pixel, for observations in colours."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np

# By colour, and that of the agent.
_COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (112, 39, 195), (255, 255, 0), (100, 100, 100)])
_EMPTY, _WALL, _FLOOR, _DOOR, _KEY, _BALL, _BOX, _GOAL, _LAVA = range(1, 10)
_LAVA_COLOUR = np.array((255, 128, 0))
# Each pixel is the mean of so many by so many points.
_POINTS = 3
_EDGE = 0.031
# How far a lit cell is on the way to white.
_LIGHT = 0.3

# Rectangles (left, right, top, bottom) and circles (x, y, radius), each with how bright it is: a share of the colour.
_SHAPES: dict[tuple[int, int], list[tuple[float, ...]]] = {
    (_WALL, 0): [(0, 1, 0, 1, 1)],
    (_FLOOR, 0): [(_EDGE, 1, _EDGE, 1, 0.5)],
    (_GOAL, 0): [(0, 1, 0, 1, 1)],
    # Open, closed, locked.
    (_DOOR, 0): [(0.88, 1, 0, 1, 1), (0.92, 0.96, 0.04, 0.96, 0)],
    (_DOOR, 1): [
        *((0, 1, 0, 1, 1), (0.04, 0.96, 0.04, 0.96, 0), (0.08, 0.92, 0.08, 0.92, 1), (0.12, 0.88, 0.12, 0.88, 0)),
        (0.75, 0.5, 0.08, 1),
    ],
    (_DOOR, 2): [(0, 1, 0, 1, 1), (0.06, 0.94, 0.06, 0.94, 0.45), (0.52, 0.75, 0.5, 0.56, 1)],
    (_KEY, 0): [
        *((0.5, 0.63, 0.31, 0.88, 1), (0.38, 0.5, 0.59, 0.66, 1), (0.38, 0.5, 0.81, 0.88, 1)),
        *((0.56, 0.28, 0.19, 1), (0.56, 0.28, 0.064, 0)),
    ],
    (_BALL, 0): [(0.5, 0.5, 0.31, 1)],
    (_BOX, 0): [(0.12, 0.88, 0.12, 0.88, 1), (0.18, 0.82, 0.18, 0.82, 0), (0.16, 0.84, 0.47, 0.53, 1)],
}
_UNDER = ((_EMPTY, 0), (_FLOOR, 0), (_DOOR, 0), (_GOAL, 0), (_LAVA, 0))
_CARRIED = (_KEY, _BALL, _BOX)
_UP = 4


@cache
def tiles(size: int, cells: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of all cells.

    Parameters
    ----------
    size : int
        Pixels of a side.
    cells : bytes
        Kind, colour, state of a door and a zero, for each of the 256 codes of cells.

    Returns
    -------
    (int32 (256, 5, 2), uint8 (count, size, size, 3))
        The number of a picture, by the code, by 0 for no agent or 1 + its direction, and by whether it is lit; and the
        pictures. What no level has looks like an empty cell.
    """
    numbers = np.zeros((256, 5, 2), np.int32)
    pictures: list[np.ndarray] = []
    known: dict[tuple[int, ...], int] = {}
    for code in range(256):
        kind, colour, state = cells[4 * code : 4 * code + 3]
        if colour >= len(_COLOURS) or (kind, state) not in _SHAPES and kind != _LAVA:
            kind, colour, state = _EMPTY, 0, 0
        for agent, is_lit in product(range(5), range(2)):
            # The agent stands on some things, and carries others while it looks up.
            shown = agent if (kind, state) in _UNDER or (kind in _CARRIED and agent == _UP) else 0
            key = kind, colour, state, shown, is_lit
            if key not in known:
                known[key] = len(pictures)
                pictures.append(_picture(kind, colour, state, shown - 1, is_lit, size))
            numbers[code, agent, is_lit] = known[key]
    return numbers, np.stack(pictures)


def _picture(kind: int, colour: int, state: int, direction: int, is_lit: int, size: int) -> np.ndarray:
    points = _drawn(kind, colour, state, size).copy()
    if direction >= 0:
        points[_triangle(direction, size)] = _COLOURS[0]
    if is_lit:
        points = (points + _LIGHT * (255 - points)).astype(np.uint8)
    return points.reshape(size, _POINTS, size, _POINTS, 3).mean(axis=3).mean(axis=1).astype(np.uint8)


@cache
def _drawn(kind: int, colour: int, state: int, size: int) -> np.ndarray:
    """The points of a cell without the agent."""
    x, y = _grid(size)
    points = np.zeros((*x.shape, 3), np.uint8)
    # Lines on the left and above.
    points[(x <= _EDGE) | (y <= _EDGE)] = 100
    if kind == _LAVA:
        points[:] = _LAVA_COLOUR
        for is_wave in _waves():
            points[is_wave(x, y)] = 0
    for *shape, share in _SHAPES.get((kind, state), []):
        if len(shape) == 4:
            left, right, top, bottom = shape
            inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        else:
            centre_x, centre_y, radius = shape
            inside = (x - centre_x) * (x - centre_x) + (y - centre_y) * (y - centre_y) <= radius * radius
        points[inside] = share * _COLOURS[colour]
    return points


@cache
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates of all points, from 0 to 1."""
    along = (np.arange(_POINTS * size) + 0.5) / (_POINTS * size)
    x, y = np.meshgrid(along, along)
    return x, y


def _waves() -> list[Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Three black waves of four strokes each."""
    return [
        _stroke(left, low, left + 0.2, high) if k % 2 == 0 else _stroke(left, high, left + 0.2, low)
        for low, high in ((0.3, 0.4), (0.5, 0.6), (0.7, 0.8))
        for k, left in enumerate((0.1, 0.3, 0.5, 0.7))
    ]


def _stroke(x0: float, y0: float, x1: float, y1: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Whether points are near a line. It is float32, as in the package, because some points are on the border."""
    width = 0.03
    start, end = np.array([x0, y0], np.float32), np.array([x1, y1], np.float32)
    length = np.linalg.norm(end - start)
    along = (end - start) / length

    def is_near(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        way = np.clip((x - start[0]) * along[0] + (y - start[1]) * along[1], 0, length)
        off = np.hypot(x - (start[0] + way * along[0]), y - (start[1] + way * along[1]))
        inside = (x >= min(x0, x1) - width) & (x <= max(x0, x1) + width)
        return inside & (y >= min(y0, y1) - width) & (y <= max(y0, y1) + width) & (off <= width)

    return is_near


def _triangle(direction: int, size: int) -> np.ndarray:
    """Which points belong to the agent: a triangle that points to the right, turned."""
    x, y = _grid(size)
    cosine, sine = math.cos(-0.5 * math.pi * direction), math.sin(-0.5 * math.pi * direction)
    x, y = 0.5 + (x - 0.5) * cosine - (y - 0.5) * sine, 0.5 + (y - 0.5) * cosine + (x - 0.5) * sine
    corner, tip, other = (np.array(one, np.float32) for one in ((0.12, 0.19), (0.87, 0.5), (0.12, 0.81)))
    first, second, px, py = other - corner, tip - corner, x - corner[0], y - corner[1]
    square, mixed, square_second = np.dot(first, first), np.dot(first, second), np.dot(second, second)
    on_first, on_second = first[0] * px + first[1] * py, second[0] * px + second[1] * py
    scale = 1 / (square * square_second - mixed * mixed)
    u = (square_second * on_first - mixed * on_second) * scale
    v = (square * on_second - mixed * on_first) * scale
    return (u >= 0) & (v >= 0) & (u + v < 1)
