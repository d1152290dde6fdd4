"""The roads of synthetic scenes: routes along the middle of lanes, and the edges that follow from them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

SCENARIOS = ("straight", "curve", "crossing", "roundabout", "merging")
# Shapes of each scenario.
VARIANTS = 4

# Metres: from the middle of a two-way road to the middle of a lane, and from there to the edge of the road.
_LANE, _HALF = 2.0, 2.3
_SPACING = 1.0
# Points of different lines that are nearer are the same.
_SAME = 0.6
# The longest segment, and the most that a line turns in one.
_LONGEST, _BEND = 8.0, 0.12


class Route(NamedTuple):
    """The middle of a lane, (n, 2) points a metre apart; the headings there; and the fastest that it is driven."""

    points: np.ndarray
    headings: np.ndarray
    speed: float


class Roads(NamedTuple):
    routes: tuple[Route, ...]
    # Pairs of the type of a road and its points, (n, 2).
    lines: tuple[tuple[str, np.ndarray], ...]


@lru_cache(maxsize=64)
def roads_of(scenario: str, variant: int, length: int) -> Roads:
    """The roads of a scenario, whose arms have a length in metres."""
    routes, middles = _MAKERS[scenario](variant, float(length))
    lanes = _lanes(routes)
    lines = [("road_edge", line) for line in _edges(lanes)] + [("lane", lane.points) for lane in lanes]
    lines += [("road_line", line) for line in middles]
    return Roads(tuple(routes), tuple((kind, _thinned(line)) for kind, line in lines))


# ---- Routes ----

_Pieces = tuple[tuple[float, ...], ...]


def _route(x: float, y: float, heading: float, pieces: _Pieces, speed: float) -> Route:
    """The route from a point on: a piece (length,) goes straight, (radius, angle) turns, to the left if positive."""
    xs, ys, headings = [x], [y], [heading]
    for piece in pieces:
        length = piece[0] if len(piece) == 1 else piece[0] * abs(piece[1])
        turn = 0.0 if len(piece) == 1 else piece[1]
        count = max(1, round(length / _SPACING))
        for _ in range(count):
            # The chord of a small arc.
            half = turn / count / 2
            chord = length / count * (math.sin(half) / half if half else 1.0)
            xs.append(xs[-1] + chord * math.cos(headings[-1] + half))
            ys.append(ys[-1] + chord * math.sin(headings[-1] + half))
            headings.append(headings[-1] + 2 * half)
    return Route(np.stack([xs, ys], axis=1), np.array(headings), speed)


def _turned(route: Route, angle: float) -> Route:
    cosine, sine = math.cos(angle), math.sin(angle)
    return Route(route.points @ np.array([[cosine, sine], [-sine, cosine]]), route.headings + angle, route.speed)


def _beside(x: float, y: float, heading: float, pieces: _Pieces, offset: float, speed: float) -> Route:
    """A route beside another one, to its left if the offset is positive."""
    start = (x - offset * math.sin(heading), y + offset * math.cos(heading))
    own = tuple(p if len(p) == 1 else (p[0] - math.copysign(offset, p[1] * offset), p[1]) for p in pieces)
    return _route(*start, heading, own, speed)


def _two_way(pieces: _Pieces, speed: float) -> tuple[list[Route], list[np.ndarray]]:
    middle = _route(0, 0, 0, pieces, speed)
    x, y = middle.points[-1].tolist()
    back = tuple(p if len(p) == 1 else (p[0], -p[1]) for p in reversed(pieces))
    there = _beside(0, 0, 0, pieces, -_LANE, speed)
    return [there, _beside(x, y, middle.headings[-1] + math.pi, back, -_LANE, speed)], [middle.points]


def _straight(variant: int, length: float) -> tuple[list[Route], list[np.ndarray]]:
    return _two_way(((2 * length + 20 * variant,),), 13.0)


def _curve(variant: int, length: float) -> tuple[list[Route], list[np.ndarray]]:
    angle = (1.2, -1.2, 1.8, -0.7)[variant]
    return _two_way(((length,), (24 + 6 * variant, angle), (length,)), 10.0)


def _crossing(variant: int, length: float) -> tuple[list[Route], list[np.ndarray]]:
    right = 6.0 + variant
    half, quarter = right + _LANE, math.pi / 2
    arm = (length,)
    start = (-half - length, -_LANE, 0.0)
    ways = (
        _route(*start, (arm, (2 * half,), arm), 10.0),
        _route(*start, (arm, (right, -quarter), arm), 6.0),
        _route(*start, (arm, (half + _LANE, quarter), arm), 7.0),
    )
    return _around(ways, 4), _arms(half, length, 4)


def _around(ways: tuple[Route, ...], arms: int) -> list[Route]:
    return [_turned(way, 2 * math.pi * k / arms) for k in range(arms) for way in ways]


def _arms(inner: float, length: float, arms: int) -> list[np.ndarray]:
    """The middle lines of roads that meet."""
    middle = _route(-inner - length, 0, 0, ((length,),), 0)
    return [_turned(middle, 2 * math.pi * k / arms).points for k in range(arms)]


def _roundabout(variant: int, length: float) -> tuple[list[Route], list[np.ndarray]]:
    ring, bend = 14.0 + 2 * variant, 10.0
    # The arc of the entry touches the ring from outside, where the ring is at an angle `turn` before its arm's axis.
    aside = math.asin((_LANE + bend) / (ring + bend))
    inner = math.sqrt((ring + bend) ** 2 - (_LANE + bend) ** 2)
    start, turn = (-inner - length, -_LANE, 0.0), math.pi / 2 - aside
    ways = tuple(
        _route(*start, ((length,), (bend, -turn), (ring, k * math.pi / 2 - 2 * aside), (bend, -turn), (length,)), 7.0)
        for k in (1, 2, 3)
    )
    return _around(ways, 4), _arms(inner, length, 4)


def _merging(variant: int, length: float) -> tuple[list[Route], list[np.ndarray]]:
    angle, radius = 0.35 + 0.1 * variant, 40.0
    main = _route(-length, 0, 0, ((2 * length,),), 13.0)
    # The ramp comes from the right, and has the same lane from x = 0 on.
    back = _route(0, 0, math.pi, ((radius, angle), (length,)), 0)
    x, y = back.points[-1].tolist()
    ramp = _route(x, y, angle, ((length,), (radius, -angle), (length,)), 11.0)
    return [main, ramp], []


_MAKERS = {
    "straight": _straight,
    "curve": _curve,
    "crossing": _crossing,
    "roundabout": _roundabout,
    "merging": _merging,
}


# ---- Lines ----


def _lanes(routes: list[Route]) -> list[Route]:
    """The parts of routes that do not lie on earlier ones."""
    lanes: list[Route] = []
    for points, headings, speed in routes:
        before = np.concatenate([lane.points for lane in lanes]) if lanes else np.zeros((0, 2))
        for part in _runs(_distances(points, before) > _SAME):
            lanes.append(Route(points[part], headings[part], speed))
    return lanes


def _edges(lanes: list[Route]) -> list[np.ndarray]:
    """The lines at both sides of lanes, where they do not lie on the road."""
    road = np.concatenate([lane.points for lane in lanes])
    lines = []
    for points, headings, _ in lanes:
        normals = np.stack([-np.sin(headings), np.cos(headings)], axis=1)
        for side in (_HALF, -_HALF):
            line = points + side * normals
            lines += [line[part] for part in _runs(_distances(line, road) > _HALF - 0.05)]
    return lines


def _distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far each point is from the nearest of the others."""
    if not len(others):
        return np.full(len(points), np.inf)
    squares = (others**2).sum(axis=1) - 2 * points @ others.T
    return np.sqrt(np.maximum(squares.min(axis=1) + (points**2).sum(axis=1), 0))


def _runs(chosen: np.ndarray) -> list[slice]:
    """Where at least two numbers after each other are chosen."""
    borders = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return [slice(first, last) for first, last in borders.reshape(-1, 2).tolist() if last - first > 1]


def _thinned(line: np.ndarray) -> np.ndarray:
    """The line in longer segments."""
    ways = np.diff(line, axis=0)
    headings = np.unwrap(np.arctan2(ways[:, 1], ways[:, 0])).tolist()
    kept = [0]
    for k in range(1, len(ways)):
        if (k + 1 - kept[-1]) * _SPACING > _LONGEST or abs(headings[k] - headings[kept[-1]]) > _BEND:
            kept.append(k)
    return line[[*kept, len(line) - 1]]
