"""The scenes that a batch plays, from its parameters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from puffer import checks
from puffer.ocean.drive._scenes import Scene, as_scene, synthetic_scene
from puffer.ocean.drive._synthetic import MOST_AGENTS, SCENARIOS

MIXED = "mixed"
_MOST_SCENES = 100_000


def played_scenes(
    scenes: Any, most_objects: int, scenario: Any, agents: Any, num_scenes: Any, scene_seed: Any
) -> tuple[Scene, ...]:
    """The scenes that are given, else those that are drawn. Raises TypeError or ValueError."""
    if scenes is None:
        return _drawn_scenes(scenario, agents, num_scenes, scene_seed)
    if (scenario, num_scenes, scene_seed) != (MIXED, 10, 0):
        raise TypeError("scenario, num_scenes and scene_seed are those of drawn scenes: leave them out with scenes")
    return _given_scenes(scenes, most_objects)


def _drawn_scenes(scenario: Any, agents: Any, num_scenes: Any, scene_seed: Any) -> tuple[Scene, ...]:
    checks.choice("scenario", scenario, (MIXED, *SCENARIOS))
    agents = checks.integer("agents", 8 if agents is None else agents, 1, MOST_AGENTS)
    seed = checks.integer("scene_seed", scene_seed, 0, 2**32)
    return _drawn(scenario, agents, checks.integer("num_scenes", num_scenes, 1, _MOST_SCENES), seed)


@lru_cache(maxsize=16)
def _drawn(scenario: str, agents: int, num_scenes: int, seed: int) -> tuple[Scene, ...]:
    kinds = SCENARIOS if scenario == MIXED else (scenario,)
    return tuple(synthetic_scene(kinds[k % len(kinds)], agents, seed + k) for k in range(num_scenes))


def _given_scenes(scenes: Any, most_objects: int) -> tuple[Scene, ...]:
    if isinstance(scenes, (str, os.PathLike, Scene)):
        scenes = [scenes]
    if not isinstance(scenes, Sequence) or isinstance(scenes, bytes):
        raise TypeError(f"scenes must be a path, a Scene, or a sequence of them, got {scenes!r}")
    if not scenes:
        raise ValueError("scenes must have at least one scene, got none")
    scenes = [one for scene in scenes for one in (_files(scene) if isinstance(scene, (str, os.PathLike)) else [scene])]
    keys = [scene if isinstance(scene, Scene) else str(scene) for scene in scenes]
    found: dict[Any, Scene] = {}
    for key, scene in zip(keys, scenes, strict=True):
        if key not in found:
            found[key] = _shortened(as_scene(scene), most_objects)
    return tuple(found[key] for key in keys)


def _files(given: str | os.PathLike[str]) -> list[Path]:
    """The files of a folder, or the file itself."""
    path = Path(given)
    if not str(given):
        raise ValueError("scenes has an empty path")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in (".json", ".npz"))
    if not files:
        raise ValueError(f"scenes has the folder {path}, in which no file ends in .json or .npz")
    return files


def _shortened(scene: Scene, count: int) -> Scene:
    """The scene with its first objects."""
    if len(scene.kinds) <= count:
        return scene
    of_objects = ("sizes", "kinds", "ids", "experts", "goals", "tracks", "valid")
    return replace(scene, **{name: getattr(scene, name)[:count] for name in of_objects})


def agents_of(scenes: Sequence[Scene], agents: Any, goal_radius: float) -> int:
    """The number of agents of each copy. Raises TypeError or ValueError, with the scene that has fewer."""
    counts = [len(scene.controllable(goal_radius)) for scene in scenes]
    fewest = min(counts)
    name = scenes[counts.index(fewest)].name
    if fewest == 0:
        raise ValueError(
            f"scene {name!r} has no object that can be controlled: one that is there at first, farther than "
            f"goal_radius = {goal_radius:g} m from its goal, and not an expert"
        )
    if agents is None:
        return fewest
    agents = checks.integer("agents", agents, 1)
    if agents > fewest:
        raise ValueError(
            f"agents must be at most {fewest}, as many as scene {name!r} has that can be controlled, got "
            f"{agents}; leave out scenes with few of them, or pass less"
        )
    return agents
