"""The scenes of a batch as tables, which the native code reads by number."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from puffer.ocean.drive._near import near_edges, near_points
from puffer.ocean.drive._scenes import Scene

# As `Scene`, `POINT`, `OBJECT` and `SHARE` of the native code.
SCENE = np.dtype(
    [
        *((name, np.int32) for name in ("objects", "steps", "columns", "rows")),
        *((name, np.float32) for name in ("left", "bottom", "side")),
        ("points", np.int32),
        *((name, np.int64) for name in ("first_point", "first_object", "first_track", "first_cell")),
    ]
)
_POINT, _SHARE = 16, 0.7
_ROAD_EDGE = 1
# Metres of the side of a cell, and the most cells of a scene, which has larger ones if it is larger.
_SIDE, _MOST_CELLS = 4.0, 65536


class Limits(NamedTuple):
    """What an agent sees, in metres and rows; and how near to its goal it has reached it."""

    radius: float
    points: int
    goal_radius: float


@lru_cache(maxsize=8)
def drawn_tables(scenes: tuple[Scene, ...], agents: int, limits: Limits) -> Tables:
    """The tables of scenes that nobody changes."""
    return Tables(scenes, agents, limits)


class Tables:
    """The tables of scenes, each of which has so many objects that can be controlled: see `world.pxd`.

    Attributes
    ----------
    scenes : SCENE (scenes,)
    objects : float32 (objects, 8)
    row_of_object : int32 (objects,)
    object_of_row : int32 (scenes, agents)
    tracks : float32 (entries, 4)
    valid : uint8 (entries,)
    points : float32 (points, 16)
    edges : float32 (edges, 6)
    first_near, near, first_edge, near_edges : int32
    most_objects : int
        Of any scene.
    digest : str
        Differs for other scenes.
    """

    def __init__(self, scenes: tuple[Scene, ...], agents: int, limits: Limits) -> None:
        self.scenes = np.zeros(len(scenes), SCENE)
        self.most_objects = max(len(scene.kinds) for scene in scenes)
        controlled = [scene.controllable(limits.goal_radius)[:agents] for scene in scenes]
        self.object_of_row = np.stack(controlled).astype(np.int32)
        self.objects = np.concatenate([_objects(scene) for scene in scenes])
        self.tracks = np.concatenate([scene.tracks.reshape(-1, 4) for scene in scenes])
        self.valid = np.concatenate([scene.valid.ravel() for scene in scenes]).astype(np.uint8)
        self.scenes["objects"] = [len(scene.kinds) for scene in scenes]
        self.scenes["steps"] = [scene.valid.shape[1] for scene in scenes]
        self.scenes["first_object"] = _starts(self.scenes["objects"])
        self.scenes["first_track"] = _starts(self.scenes["objects"] * self.scenes["steps"].astype(np.int64))
        self.row_of_object = np.full(len(self.objects), -1, np.int32)
        for first, rows in zip(self.scenes["first_object"], self.object_of_row, strict=True):
            self.row_of_object[first + rows] = np.arange(len(rows))
        self._lay_roads(scenes, limits)
        arrays = (self.scenes, self.object_of_row, self.objects, self.tracks, self.valid, self.points)
        self.digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

    def _lay_roads(self, scenes: tuple[Scene, ...], limits: Limits) -> None:
        points, edges = [_points(scene) for scene in scenes], [_edges(scene) for scene in scenes]
        first_points, first_edges = (_starts(np.array([len(one) for one in own])).tolist() for own in (points, edges))
        near, cells = [], 0
        for number, scene in enumerate(scenes):
            grid = _grid(scene)
            middles, half = _middles(**grid), grid["side"] * np.sqrt(0.5) + 0.01
            radius, reach = limits.radius, float(self.objects[:, 7].max())
            near.append(
                near_points(middles, points[number], first_points[number], radius + half, radius - half, limits.points)
                + near_edges(middles, edges[number], first_edges[number], reach + half)
            )
            for name, value in grid.items():
                self.scenes[name][number] = value
            self.scenes["first_cell"][number] = cells
            self.scenes["points"][number], self.scenes["first_point"][number] = (
                len(points[number]),
                first_points[number],
            )
            cells += len(middles)
        self.points, self.edges = np.concatenate(points), np.concatenate(edges)
        counts, self.near, edge_counts, self.near_edges = (np.concatenate(one) for one in zip(*near, strict=True))
        self.first_near, self.first_edge = _borders(counts), _borders(edge_counts)


def _borders(counts: np.ndarray) -> np.ndarray:
    borders = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    if borders[-1] > np.iinfo(np.int32).max:
        raise ValueError(
            f"the scenes have {borders[-1]} pairs of a cell and what is near it, more than can be numbered; use fewer "
            "scenes, a smaller observation_radius or less road_points"
        )
    return borders.astype(np.int32)


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)[:-1]])


def _objects(scene: Scene) -> np.ndarray:
    reach = np.hypot(*scene.sizes[:, :2].T) * _SHARE / 2 + 1e-3
    columns = [scene.sizes, scene.kinds[:, None], scene.ids[:, None], scene.goals, reach[:, None]]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _points(scene: Scene) -> np.ndarray:
    rows = np.zeros((len(scene.points), _POINT), np.float32)
    rows[:, :8] = scene.points[:, :8]
    rows[:, 8], rows[:, 9], rows[:, 11] = scene.points[:, 1], scene.points[:, 0], scene.points[:, 8]
    return rows


def _edges(scene: Scene) -> np.ndarray:
    edges = scene.points[scene.points[:, 6] == _ROAD_EDGE].astype(np.float64)
    return np.stack(
        [edges[:, 0], edges[:, 1], np.cos(edges[:, 5]), np.sin(edges[:, 5]), edges[:, 2], edges[:, 3]], axis=1
    ).astype(np.float32)


def _grid(scene: Scene) -> dict[str, Any]:
    """The grid of a scene, around all of its road."""
    if not len(scene.points):
        return {"left": 0.0, "bottom": 0.0, "side": _SIDE, "columns": 1, "rows": 1}
    middles, halves = scene.points[:, :2].astype(np.float64), scene.points[:, 2:4].max(axis=1, initial=0)[:, None] + 1
    low, high = (middles - halves).min(axis=0), (middles + halves).max(axis=0)
    side = max(_SIDE, float(np.sqrt(np.prod(high - low) / _MOST_CELLS)), float((high - low).max() / _MOST_CELLS))
    columns, rows = (np.floor((high - low) / side) + 1).astype(int).tolist()
    return {"left": float(low[0]), "bottom": float(low[1]), "side": side, "columns": columns, "rows": rows}


def _middles(left: float, bottom: float, side: float, columns: int, rows: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return np.stack([left + (x.ravel() + 0.5) * side, bottom + (y.ravel() + 0.5) * side], axis=1)
