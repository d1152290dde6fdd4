"""Scenes of `drive`: the road, and what was recorded of cars, cyclists and pedestrians on it.

>>> from puffer.ocean.drive import read_scene, synthetic_scene, write_scene
>>> scene = synthetic_scene("crossing", agents=8, seed=3)
>>> write_scene("crossing.npz", scene)
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from puffer.ocean.drive._json import FARTHEST, LARGEST, MOST_OBJECTS, SMALLEST, scene_of_json
from puffer.ocean.drive._recordings import read_scene as read_json
from puffer.ocean.drive._synthetic import SCENARIOS, recording_of

__all__ = ["SCENARIOS", "Scene", "as_scene", "read_scene", "synthetic_scene", "write_scene"]

_FORMAT = 1
# As FARTHEST of motion.pxd, in metres.
_EXTENT = 100_000.0


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene in few arrays, n objects over t steps of 0.1 s and m points of the road, in metres and radians.

    Positions are less `origin`, the mean of all points of the road and all recorded positions, so that float32 keeps
    them to less than a millimetre.

    Attributes
    ----------
    name : str
    origin : float64 (2,)
        In the coordinates of the source.
    sizes : float32 (n, 3)
        Length, width, height.
    kinds : int32 (n,)
        7 vehicle, 8 pedestrian, 9 cyclist, 0 another.
    ids : int32 (n,)
    experts : bool (n,)
        Which are never controlled.
    goals : float32 (n, 2)
    tracks : float32 (n, t, 4)
        x, y, heading, speed.
    valid : bool (n, t)
        When the object is there.
    points : float32 (m, 9)
        x and y of the middle of a segment; half its length and half its width; its height; heading; kind (1 road edge,
        2 road line, 3 lane, 4 crosswalk, 5 speed bump, 6 stop sign, 0 another); id; and the number of the map's type.
    """

    name: str
    origin: np.ndarray
    sizes: np.ndarray
    kinds: np.ndarray
    ids: np.ndarray
    experts: np.ndarray
    goals: np.ndarray
    tracks: np.ndarray
    valid: np.ndarray
    points: np.ndarray

    def controllable(self, goal_radius: float) -> np.ndarray:
        """The numbers of the objects that can be controlled: there at first, not experts, farther from their goals."""
        ways = np.hypot(*(self.goals - self.tracks[:, 0, :2]).T.astype(np.float64))
        return np.flatnonzero(~self.experts & self.valid[:, 0] & (ways > goal_radius))


# The arrays of a scene: dtype and shape, where letters stand for the same number in all of them.
_ARRAYS: dict[str, tuple[Any, tuple[int | str, ...]]] = {
    "origin": (np.float64, (2,)),
    "sizes": (np.float32, ("n", 3)),
    "kinds": (np.int32, ("n",)),
    "ids": (np.int32, ("n",)),
    "experts": (np.bool_, ("n",)),
    "goals": (np.float32, ("n", 2)),
    "tracks": (np.float32, ("n", "t", 4)),
    "valid": (np.bool_, ("n", "t")),
    "points": (np.float32, ("m", 9)),
}


def read_scene(path: str | os.PathLike[str]) -> Scene:
    """Read a scene from a JSON file in GPUDrive's format, or from a compact file that `write_scene` wrote.

    Raises
    ------
    TypeError
        For something else than a path.
    ValueError
        For a file that is missing or malformed, with the field that is wrong.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"scenes must be paths or Scene objects, got {path!r}")
    if not Path(path).is_file():
        raise ValueError(f"scenes has {str(path)!r}, which is not a file or folder")
    if Path(path).suffix == ".npz":
        return _read_compact(str(path))
    made = read_json(str(path))
    try:
        return _checked(Scene(**scene_of_json(made)))
    except ValueError as error:
        raise ValueError(f"scenes has {path}, whose {error}") from None


def write_scene(path: str | os.PathLike[str], scene: Scene) -> None:
    """Write a compact file, which must have the suffix .npz, for `read_scene`.

    Raises TypeError for something else than a Scene, ValueError for another suffix and for arrays that do not fit.
    """
    if not isinstance(scene, Scene):
        raise TypeError(f"scene must be a Scene, got {scene!r}")
    _checked(scene)
    if Path(path).suffix != ".npz":
        raise ValueError(f"the file of a scene must end in .npz, got {str(path)!r}")
    np.savez_compressed(path, format=_FORMAT, **{field.name: getattr(scene, field.name) for field in fields(Scene)})


def synthetic_scene(scenario: str, agents: int = 8, seed: int = 0) -> Scene:
    """A scene that is drawn: traffic that reaches its goals without a collision.

    Parameters
    ----------
    scenario : "straight", "curve", "crossing", "roundabout" or "merging"
        In the order of their difficulty.
    agents : int, default 8
        Cars and cyclists, all of which can be controlled, 1 to 64.
    seed : int, default 0
        The same seed draws the same scene.
    """
    name = f"{scenario}-{agents}-{seed}"
    return _checked(Scene(**scene_of_json({"name": name, **recording_of(scenario, agents, seed)}, reduces=False)))


def as_scene(scene: Any) -> Scene:
    """A scene that is given as such, or by the path of its file. Raises TypeError or ValueError."""
    return _checked(scene) if isinstance(scene, Scene) else read_scene(scene)


def _checked(scene: Scene) -> Scene:
    """The scene, if its arrays fit each other. Raises ValueError."""
    sizes: dict[str, int] = {}
    for name, (dtype, shape) in _ARRAYS.items():
        array = getattr(scene, name)
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != len(shape):
            raise ValueError(f"{name} must be an array of {np.dtype(dtype)} with {len(shape)} dimensions")
        if any(
            (sizes.setdefault(k, n) if isinstance(k, str) else k) != n for k, n in zip(shape, array.shape, strict=True)
        ):
            raise ValueError(f"{name} must have the shape {shape}, got {array.shape} with {sizes}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} must have finite numbers")
    if not 0 < sizes["n"] <= MOST_OBJECTS or sizes["t"] < 1:
        raise ValueError(f"a scene must have 1 to {MOST_OBJECTS} objects and a step, got {sizes['n']} and {sizes['t']}")
    # As float32 has them.
    if (scene.sizes < np.float32(SMALLEST)).any() or (scene.sizes > LARGEST).any():
        raise ValueError(f"sizes must be {SMALLEST} to {LARGEST} m")
    _require_extent(scene)
    return scene


def _require_extent(scene: Scene) -> None:
    """Raise ValueError for what is too far from the middle of the scene to be driven to, or too large."""
    if np.abs(scene.origin).max() > 2 * FARTHEST:
        raise ValueError(f"origin must be at most {2 * FARTHEST:g} m")
    driven = scene.tracks[scene.valid]
    for name, numbers in (
        ("tracks", driven[:, :2]),
        ("goals", scene.goals),
        ("points", scene.points[:, :5]),
    ):
        if numbers.size and np.abs(numbers).max() > _EXTENT:
            raise ValueError(
                f"{name} must be at most {_EXTENT:,.0f} m from the middle of all positions and points of the road, "
                f"got {np.abs(numbers).max():,.0f} m"
            )


def _read_compact(path: str) -> Scene:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("format", "name", *_ARRAYS)}
        if arrays.pop("format") != _FORMAT:
            raise ValueError(f"format must be {_FORMAT}: write it again from its source")
        return _checked(Scene(**{**arrays, "name": str(arrays["name"])}))
    except Exception as error:
        # Of a damaged file NumPy and its modules raise whatever they come upon.
        raise ValueError(f"scenes has {path}, which is not a compact scene: {error}") from None
