"""Synthetic traffic: cars and cyclists that drive their routes at a steady speed, and never come near each other."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

import numpy as np

from puffer import checks
from puffer.ocean.drive._roads import SCENARIOS, VARIANTS, Route, roads_of

__all__ = ["MOST_AGENTS", "SCENARIOS", "recording_of"]

MOST_AGENTS = 64
STEPS = 91
# Of one in so many a cyclist.
_CYCLISTS = 6
# Metres between the middles of three discs along each body, which must stay so far apart.
_APART = 3.3
_TRIES = 3000
# Metres that each agent adds to the arms of the road.
_ROOM = {"straight": 4, "curve": 4, "crossing": 2, "roundabout": 2, "merging": 7}
_MAP_TYPES = {"road_edge": 15, "lane": 2, "road_line": 7}


class _Drive(NamedTuple):
    """Positions (91, 2) and headings (91,) of an object with a size and a speed."""

    size: tuple[float, float, float]
    speed: float
    points: np.ndarray
    headings: np.ndarray


def recording_of(scenario: str, agents: int, seed: int) -> dict[str, Any]:
    """A scene as GPUDrive's JSON has it, but for its name."""
    checks.choice("scenario", scenario, SCENARIOS)
    agents = checks.integer("agents", agents, 1, MOST_AGENTS)
    rng = random.Random(checks.integer("seed", seed, 0))
    roads = roads_of(scenario, rng.randrange(VARIANTS), 60 + int(_ROOM[scenario] * agents))
    drives = _traffic(rng, roads.routes, agents)
    return {
        "objects": [_object(k, drive) for k, drive in enumerate(drives)],
        "roads": [
            {"geometry": _points(line), "type": kind, "id": k, "map_element_id": _MAP_TYPES[kind]}
            for k, (kind, line) in enumerate(roads.lines)
        ],
        "tl_states": {},
        "metadata": {"sdc_track_index": 0, "tracks_to_predict": [], "objects_of_interest": []},
    }


def _traffic(rng: random.Random, routes: tuple[Route, ...], agents: int) -> list[_Drive]:
    drives: list[_Drive] = []
    taken = np.zeros((0, STEPS, 2))
    for k in range(_TRIES):
        # Where it gets crowded, they drive at more equal speeds.
        drive = _draw(rng, routes, len(drives) % _CYCLISTS == _CYCLISTS - 1, 0.4 * (1 - k / _TRIES))
        if drive is None:
            continue
        discs = _discs(drive)
        ways = taken[:, None] - discs
        if (np.einsum("abij,abij->abi", ways, ways) < _APART**2).any():
            continue
        drives.append(drive)
        taken = np.concatenate([taken, discs])
        if len(drives) == agents:
            return drives
    raise RuntimeError(f"no room for {agents} agents")


def _draw(rng: random.Random, routes: tuple[Route, ...], is_cyclist: bool, spread: float) -> _Drive | None:
    """A drive, None if its route ends too early."""
    route = routes[rng.randrange(len(routes))]
    fastest = min(route.speed, 5.5) if is_cyclist else route.speed
    speed = (1 - spread * rng.random()) * fastest
    lengths = np.arange(len(route.points)) * np.hypot(*(route.points[1] - route.points[0]))
    first = rng.random() * (lengths[-1] - 10)
    along = first + speed * 0.1 * np.arange(STEPS)
    if along[-1] > lengths[-1]:
        return None
    size = (1.8, 0.7, 1.7) if is_cyclist else (round(4.2 + rng.random(), 1), round(1.8 + 0.3 * rng.random(), 1), 1.6)
    points = np.stack([np.interp(along, lengths, column) for column in route.points.T], axis=1)
    return _Drive(size, speed, points, np.interp(along, lengths, route.headings))


def _discs(drive: _Drive) -> np.ndarray:
    """The middles of three discs along a body, (3, 91, 2)."""
    way = np.stack([np.cos(drive.headings), np.sin(drive.headings)], axis=1) * drive.size[0] / 3
    return np.stack([drive.points - way, drive.points, drive.points + way])


def _points(points: np.ndarray) -> list[dict[str, float]]:
    # Of millimetres, so that the scenes are the same whatever the rounding of sines.
    return [{"x": x, "y": y, "z": 0.0} for x, y in np.round(points, 3).tolist()]


def _object(number: int, drive: _Drive) -> dict[str, Any]:
    length, width, height = drive.size
    headings = [round(math.remainder(heading, 2 * math.pi), 5) for heading in drive.headings.tolist()]
    speed = round(drive.speed, 3)
    return {
        "id": number,
        "type": "cyclist" if width < 1 else "vehicle",
        "position": _points(drive.points),
        "velocity": [{"x": speed * math.cos(heading), "y": speed * math.sin(heading)} for heading in headings],
        "heading": headings,
        "valid": [True] * STEPS,
        "length": length,
        "width": width,
        "height": height,
        "goalPosition": _points(drive.points[-1:])[0],
        "mark_as_expert": False,
    }
