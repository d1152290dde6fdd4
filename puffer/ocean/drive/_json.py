"""GPUDrive's JSON turned into the arrays of a scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_KINDS = {"vehicle": 7, "pedestrian": 8, "cyclist": 9}
_ROADS = {"road_edge": 1, "road_line": 2, "lane": 3, "crosswalk": 4, "speed_bump": 5, "stop_sign": 6}
# Roads that are lines, and those that are areas.
_LINES, _AREAS = (1, 2, 3), (4, 5)
_THICKNESS = 0.1
# Of a scene; metres, and m/s.
MOST_OBJECTS, SMALLEST, LARGEST, FARTHEST = 4096, 0.01, 100.0, 1e8
# Lines with fewer points stay whole; of others, points leave that span a triangle of a smaller area, in square metres.
_FEWEST_REDUCED, _AREA = 11, 0.1


def scene_of_json(scene: Mapping[str, Any], reduces: bool = True) -> dict[str, Any]:
    """The fields of a `Scene` from a recording that has been checked.

    With `reduces`, points are taken from lines as GPUDrive does with its default settings. Raises ValueError, with the
    field, for a scene that is too large.
    """
    _require_limits(scene)
    order = _slots(scene)
    objects = [scene["objects"][k] for k in order]
    steps = max((len(one["position"]) for one in objects), default=0)
    roads = [(_xy(road["geometry"]), road) for road in scene["roads"]]
    # Where an object is not there, files have any position.
    everywhere = [_xy(one["position"])[one["valid"]] for one in scene["objects"]] + [points for points, _ in roads]
    origin = np.concatenate(everywhere).mean(axis=0) if sum(map(len, everywhere)) else np.zeros(2)
    tracks, valid = np.zeros((len(objects), steps, 4)), np.zeros((len(objects), steps), np.bool_)
    for k, one in enumerate(objects):
        count = len(one["position"])
        tracks[k, :count, :2] = _xy(one["position"]) - origin
        tracks[k, :count, 2] = one["heading"]
        tracks[k, :count, 3] = np.hypot(*_xy(one["velocity"]).T)
        valid[k, :count] = one["valid"]
    tracks[~valid] = 0
    tracks[..., 2] = np.remainder(tracks[..., 2] + np.pi, 2 * np.pi) - np.pi
    points = [row for xy, road in roads for row in _segments(xy - origin, road, reduces)]
    return {
        "name": scene["name"],
        "origin": origin,
        "sizes": np.array([[one["length"], one["width"], one["height"]] for one in objects], np.float32).reshape(-1, 3),
        "kinds": np.array([_KINDS.get(one["type"], 0) for one in objects], np.int32),
        "ids": np.array([one["id"] for one in objects], np.int32),
        "experts": np.array([one["mark_as_expert"] for one in objects], np.bool_),
        "goals": (_xy([one["goalPosition"] for one in objects]) - origin).astype(np.float32),
        "tracks": tracks.astype(np.float32),
        "valid": valid,
        "points": np.array(points, np.float32).reshape(-1, 9),
    }


def _require_limits(scene: Mapping[str, Any]) -> None:
    objects = scene["objects"]
    if not 1 <= len(objects) <= MOST_OBJECTS:
        raise ValueError(f"objects must have 1 to {MOST_OBJECTS} items, got {len(objects)}")
    for k, one in enumerate(objects):
        for name in ("length", "width", "height"):
            if not SMALLEST <= one[name] <= LARGEST:
                raise ValueError(f"objects[{k}].{name} must be {SMALLEST} to {LARGEST} m, got {one[name]}")
        _require_near(f"objects[{k}].goalPosition", _xy([one["goalPosition"]]))
        for name in ("position", "velocity"):
            _require_near(f"objects[{k}].{name}", _xy(one[name]) * np.array(one["valid"])[:, None])
    for k, road in enumerate(scene["roads"]):
        _require_near(f"roads[{k}].geometry", _xy(road["geometry"]))


def _require_near(field: str, points: np.ndarray) -> None:
    far = np.argwhere(np.abs(points) > FARTHEST)
    if len(far):
        k, axis = far[0].tolist()
        name = f"{field}[{k}]" if len(points) > 1 else field
        raise ValueError(f"{name}.{'xy'[axis]} must be at most {FARTHEST:g}, got {points[k, axis]:g}")


def _xy(points: Any) -> np.ndarray:
    return np.array([(point["x"], point["y"]) for point in points], np.float64).reshape(-1, 2)


def _slots(scene: Mapping[str, Any]) -> list[int]:
    """The numbers of the objects in GPUDrive's order: its own car, those to predict, those of interest, the rest."""
    count, metadata = len(scene["objects"]), scene["metadata"]
    number = {one["id"]: k for k, one in enumerate(scene["objects"])}
    interest = [one["id"] if isinstance(one, dict) else one for one in metadata["objects_of_interest"]]
    first = [metadata["sdc_track_index"], *(one["track_index"] for one in metadata["tracks_to_predict"])]
    wanted = [*first, *(number.get(one, -1) for one in interest), *range(count)]
    return list(dict.fromkeys(k for k in wanted if 0 <= k < count))


def _segments(xy: np.ndarray, road: Mapping[str, Any], reduces: bool) -> list[tuple[float, ...]]:
    """The rows of a road."""
    kind = _ROADS.get(road["type"], 0)
    # Numbers beyond 2**24 would not be exact in float32, but GPUDrive shows them so as well.
    tail = (kind, float(road["id"]), float(road["map_element_id"]))
    if kind in _LINES and len(xy) > 1:
        if reduces and len(xy) >= _FEWEST_REDUCED:
            xy = _reduced(xy)
        ways, middles = np.diff(xy, axis=0), (xy[1:] + xy[:-1]) / 2
        lengths, headings = np.hypot(*ways.T) / 2, np.arctan2(ways[:, 1], ways[:, 0])
        return [
            (*xy, half, _THICKNESS, _THICKNESS, heading, *tail)
            for xy, half, heading in zip(middles, lengths, headings, strict=True)
        ]
    if kind in _AREAS and len(xy) > 2:
        # A box around the corners, along their first side or across it.
        way = xy[1] - xy[0]
        turn = np.arctan2(way[1], way[0])
        across = (xy - xy[0]) @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        sides = np.ptp(across, axis=0) / 2
        heading = turn if sides[0] >= sides[1] else turn + np.pi / 2
        return [(*xy.mean(axis=0), sides.max(), sides.min(), _THICKNESS, heading, *tail)]
    return [(*xy.mean(axis=0), _THICKNESS, _THICKNESS, _THICKNESS, 0.0, *tail)]


def _reduced(xy: np.ndarray) -> np.ndarray:
    """The line without points that hardly bend it; in passes, of which each leaves every second such point."""
    points, changed = [tuple(point) for point in xy.tolist()], True
    while changed:
        kept, k, changed = [points[0]], 1, False
        while k < len(points) - 1:
            (x0, y0), (x1, y1), (x2, y2) = kept[-1], points[k], points[k + 1]
            if abs((x0 - x2) * (y1 - y0) - (x0 - x1) * (y2 - y0)) / 2 < _AREA:
                kept.append(points[k + 1])
                k, changed = k + 2, True
            else:
                kept.append(points[k])
                k += 1
        if k < len(points):
            kept.append(points[-1])
        points = kept
    return np.array(points)
