"""Scenes for GPUDrive that nobody has recorded: cars on a straight road with two lanes."""

import json
import os
import tempfile
from functools import cache
from pathlib import Path

STEPS = 91
TENTH = 0.1
TYPES = {"road_edge": 15, "road_line": 7, "lane": 2}


def scene(cars=4, speed=8.0, name="made_up"):
    """A scene as the simulator reads it. Cars 12 m apart drive from left to right, each to where it is at the end."""
    lines = [(-5, "road_edge"), (5, "road_edge"), (0, "road_line"), (-2, "lane"), (2, "lane")]
    return {
        "name": name,
        "scenario_id": name,
        "objects": [car(number, -40.0 + 12 * number, 2.0 if number % 2 else -2.0, speed) for number in range(cars)],
        "roads": [line(100 + number, y, kind) for number, (y, kind) in enumerate(lines)],
        "tl_states": {},
        "metadata": {
            "sdc_track_index": 0,
            "objects_of_interest": [],
            "tracks_to_predict": [{"track_index": 0, "difficulty": 0}],
        },
    }


def car(number, x, y, speed):
    return {
        "position": [point(x + speed * TENTH * step, y) for step in range(STEPS)],
        "width": 2.0,
        "length": 4.5,
        "height": 1.6,
        "id": number,
        "heading": [0.0] * STEPS,
        "velocity": [{"x": speed, "y": 0.0}] * STEPS,
        "valid": [True] * STEPS,
        "goalPosition": point(x + speed * TENTH * (STEPS - 1), y),
        "type": "vehicle",
        "mark_as_expert": False,
    }


def line(number, y, kind):
    geometry = [point(-80.0 + 5 * k, y) for k in range(40)]
    return {"geometry": geometry, "type": kind, "id": number, "map_element_id": TYPES[kind]}


def point(x, y):
    return {"x": x, "y": float(y), "z": 0.0}


def write(folder, made, name="scene"):
    """The path of a scene that is written into this folder."""
    path = folder / f"{name}.json"
    path.write_text(made if isinstance(made, str) else json.dumps(made))
    return str(path)


def parked(number, x, y):
    """A car that stands there and is not controlled."""
    # Not at its goal: who is there goes.
    return {**car(number, x, y, 0.0), "mark_as_expert": True, "goalPosition": point(500, y)}


@cache
def scene_files():
    """The paths of two scenes, in a folder that goes with the process."""
    # Not where TMPDIR says: there tests look for files that systems have left.
    folder = tempfile.TemporaryDirectory(prefix=f"puffer-scenes-{os.getpid()}-", dir="/tmp")
    # Kept until the end.
    scene_files.folder = folder
    paths = [Path(folder.name, f"scene_{cars}.json") for cars in (4, 2)]
    for path, cars in zip(paths, (4, 2), strict=True):
        path.write_text(json.dumps(scene(cars, name=path.stem)))
    return [str(path) for path in paths]
