"""MiniHack, levels for NetHack from the package minihack (Samvelyan et al. 2021; Apache 2.0).

`puffer.make("minihack-Room-5x5")` makes `MiniHack-Room-5x5` in its newest version. Ids with prefix and version are
names too. The notes on the game in `puffer.systems.nethack` hold here as well. The levels that minigrid draws, and
those that the package draws with Python's global random numbers, are seeded too.

`minihack-Navigation-Custom` and `minihack-Skill-Custom` make levels of your own, given as `des_file`. Some ids are not
listed, because they cannot work; making one raises ImportError with the reason. They are those of Boxoban, until its
levels are downloaded, and the crossings, which minihack makes with arguments that minigrid no longer takes.

Arrays that minihack crops or draws are copied into the batch; those of the game are not. With `observation_keys` that
need no copies an environment is about twice as fast. Crops that are not square are not centred.

A level that minigrid draws is compiled again at every reset, by a shell script, which takes 25 ms.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from puffer import checks
from puffer.backends.creator import Creator
from puffer.systems import ids
from puffer.systems.family import Family
from puffer.systems.nethack import NetHack
from puffer.systems.requirements import folders, require

_ID = r"id=\"(MiniHack-[\w-]+-v\d+)\""
_PREFIX = "MiniHack-"


def names() -> list[str]:
    """The levels of the package that work as they are, without prefix and version."""
    return sorted({ids.bare(id, _PREFIX) for id in _ids() if "-Custom-" not in id and _obstacle(id) is None})


def knows(name: str) -> bool:
    """Whether there is such a level, even one that does not work. While minihack is missing, any name may be one."""
    return ids.newest(name, _ids(), _PREFIX) is not None or not _ids()


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of a level.

    Raises ImportError without minihack and for a level that does not work here; TypeError for a custom level without a
    file; ValueError for an unknown render mode.
    """
    require("minihack")
    id = ids.newest(name, _ids(), _PREFIX)
    assert id is not None
    obstacle = _obstacle(id)
    if obstacle is not None:
        raise ImportError(f"{id} {obstacle}")
    if "-Custom-" in id and "des_file" not in arguments:
        raise TypeError(f"{id} needs des_file, a level in the language of NetHack's .des files, as text or as a path")
    return Creator(MiniHack, {**arguments, "task": id}, reseed="always")


FAMILY = Family(creator=creator, names=names, knows=knows)


class MiniHack(NetHack):
    """One game on a level of MiniHack.

    The parameters are those of `NetHack`, where `task` is the id of Gymnasium, and those of the level, for example
    `reward_win`, `obs_crop_h`, `pet` or `reward_manager`. `seeds` are the seeds of the levels to draw from.

    Raises TypeError and ValueError for bad arguments.
    """

    def __init__(self, task: str, render_mode: str | None = None, **arguments: Any) -> None:
        for name in ("obs_crop_h", "obs_crop_w"):
            if name in arguments and checks.integer(name, arguments[name], 1) % 2 == 0:
                raise ValueError(f"{name} must be odd, got {arguments[name]}")
        if not isinstance(arguments.get("des_file", ""), str):
            raise TypeError(f"des_file must be a string, got {arguments['des_file']!r}")
        super().__init__(task, render_mode, **arguments)
        # Boxoban reads it before it is set, because nle tests for the end of the episode in a reset too.
        vars(self._task).setdefault("_goal_pos_set", None)
        self._drawing = getattr(self._task, "minigrid_env", None)
        if self._drawing is not None and arguments.get("seeds") is not None:
            self.close()
            raise ValueError(f"{task} does not take seeds: its levels are drawn by minigrid")
        # The script that compiles levels does not report failures, and the game would run without the level.
        if not Path(self._task.nethack._vardir, "lib", "mylevel.lev").exists():
            self.close()
            raise ValueError(f"des_file is not a level that can be compiled: {arguments.get('des_file')!r:.200}")

    def _task_class(self, task: str) -> Callable[..., Any]:
        import minigrid
        import minihack  # noqa: F401

        # MiniHack makes some of its levels of minigrid's, which may be gone from the registry.
        if "MiniGrid-Empty-5x5-v0" not in gymnasium.registry:
            minigrid.register_minigrid_envs()
        spec = gymnasium.spec(task)
        make = load_env_creator(spec.entry_point)
        return lambda **arguments: make(**{**spec.kwargs, **arguments})

    def _known_keys(self) -> Sequence[str]:
        from minihack.base import MINIHACK_SPACE_FUNCS
        from nle.nethack import OBSERVATION_DESC

        # minihack does not request the first three from nle, and crops the last one to another shape than its space.
        broken = ("program_state", "internal", "misc", "screen_descriptions_crop")
        return [key for key in (*OBSERVATION_DESC, *MINIHACK_SPACE_FUNCS, "pixel") if key not in broken]

    def _needed_keys(self, keys: Sequence[str]) -> Sequence[str]:
        return keys

    def _previous_keys(self) -> Sequence[str]:
        from minihack import MiniHack as Plain

        level = type(self._task)
        if level.step is Plain.step and level._reward_fn is Plain._reward_fn and self._task.reward_manager is None:
            return super()._previous_keys()
        # Sokoban counts boulders, a key room looks for keys, and a reward manager may read any array.
        return self._task._observation_keys

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict]:
        with _seeded(seed):
            return super().reset(seed)

    def _seed(self, seed: int) -> None:
        super()._seed(seed)
        if self._drawing is not None:
            self._drawing.unwrapped.np_random = np.random.default_rng(seed)


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """A context in which Python's global random numbers follow from the seed; outside they continue undisturbed."""
    before = random.getstate()
    try:
        random.seed(seed)
        yield
    finally:
        random.setstate(before)


@cache
def _ids() -> list[str]:
    return ids.in_source("minihack", _ID)


def _obstacle(id: str) -> str | None:
    """The reason why a level does not work here, or None if it does."""
    if "Crossing" in id:
        return (
            "cannot be made: minihack gives minigrid's crossings a width and a height in addition to their size, "
            "which minigrid 3 refuses"
        )
    if "-Boxoban-" in id and not _has_boxoban():
        return (
            "needs the levels of Boxoban, which minihack does not ship: "
            "python -m minihack.scripts.download_boxoban_levels"
        )
    return None


def _has_boxoban() -> bool:
    return any(Path(folder, "dat", "boxoban-levels-master").is_dir() for folder in folders("minihack"))
