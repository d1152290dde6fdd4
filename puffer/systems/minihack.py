"""MiniHack, levels for NetHack from the package minihack (Samvelyan et al. 2021; Apache 2.0).

`puffer.make("minihack-Room-5x5")` makes `MiniHack-Room-5x5` in its newest version; ids with prefix and version are
names too. What `puffer.systems.nethack` says of the game holds here as well; the levels that minigrid draws, and what
the package leaves to Python's global random numbers, are seeded too.

`minihack-Navigation-Custom` and `minihack-Skill-Custom` make levels of one's own, given as `des_file`. Some ids are not
listed, since they cannot work, and say why when they are made: those of Boxoban, until its levels are downloaded, and
the crossings, which minihack makes in a way that minigrid has given up.

Arrays that minihack crops or draws are copied into the batch, which those of the game are not; with `observation_keys`
that need none of them an environment is about twice as fast. Crops that are not square are not centred.

A level that minigrid draws is compiled anew in each reset, by a shell script: 25 ms.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from puffer import checks
from puffer.emulation import call_creator
from puffer.systems import ids
from puffer.systems.nethack import NetHack, ReseedingCreator
from puffer.systems.requirements import folders, require

_ID = r"id=\"(MiniHack-[\w-]+-v\d+)\""
_PREFIX = "MiniHack-"


def names() -> list[str]:
    """The levels of the package that work as they are, without prefix and version."""
    return sorted({ids.bare(id, _PREFIX) for id in _ids() if "-Custom-" not in id and _obstacle(id) is None})


def knows(name: str) -> bool:
    """Whether there is such a level, one that does not work included; any may be one while minihack is missing."""
    return ids.newest(name, _ids(), _PREFIX) is not None or not _ids()


def creator(name: str, arguments: dict[str, Any]) -> ReseedingCreator:
    """What makes copies of a level.

    Raises ImportError without minihack, or for a level that lacks something; TypeError for a custom one without a file.
    """
    require("minihack")
    id = ids.newest(name, _ids(), _PREFIX)
    assert id is not None
    obstacle = _obstacle(id)
    if obstacle is not None:
        raise ImportError(f"{id} {obstacle}")
    if "-Custom-" in id and "des_file" not in arguments:
        raise TypeError(f"{id} needs des_file, a level in the language of NetHack's .des files, as text or as a path")
    return ReseedingCreator(call_creator(MiniHack, {**arguments, "task": id}))


class MiniHack(NetHack):
    """One game on a level of MiniHack.

    The parameters are those of `NetHack`, where `task` is the id of Gymnasium, and those of the level, for example
    `reward_win`, `obs_crop_h`, `pet` or `reward_manager`. `seeds` are of the levels that an episode may have.
    """

    def __init__(self, task: str, render_mode: str | None = None, **arguments: Any) -> None:
        for name in ("obs_crop_h", "obs_crop_w"):
            if name in arguments and checks.integer(name, arguments[name], 1) % 2 == 0:
                raise ValueError(f"{name} must be odd, got {arguments[name]}")
        if not isinstance(arguments.get("des_file", ""), str):
            raise TypeError(f"des_file must be a string, got {arguments['des_file']!r}")
        super().__init__(task, render_mode, **arguments)
        # Boxoban looks at it before it is there, since nle looks for the end of the episode in a reset too.
        vars(self._task).setdefault("_goal_pos_set", None)
        self._drawing = getattr(self._task, "minigrid_env", None)
        if self._drawing is not None and arguments.get("seeds") is not None:
            self.close()
            raise ValueError(f"{task} does not take seeds: its levels are drawn by minigrid")
        # The script that compiles levels does not tell whether it could; the game would go on without the level.
        if not Path(self._task.nethack._vardir, "lib", "mylevel.lev").exists():
            self.close()
            raise ValueError(f"des_file is no level that can be compiled: {arguments.get('des_file')!r:.200}")

    def _task_class(self, task: str) -> Callable[..., Any]:
        import gymnasium
        import minihack  # noqa: F401
        from gymnasium.envs.registration import load_env_creator

        spec = gymnasium.spec(task)
        make = load_env_creator(spec.entry_point)
        return lambda **arguments: make(**{**spec.kwargs, **arguments})

    def _known_keys(self) -> Sequence[str]:
        from minihack.base import MINIHACK_SPACE_FUNCS
        from nle.nethack import OBSERVATION_DESC

        # minihack does not ask nle for the first three, and crops the last one to another shape than its space has.
        broken = ("program_state", "internal", "misc", "screen_descriptions_crop")
        return [key for key in (*OBSERVATION_DESC, *MINIHACK_SPACE_FUNCS, "pixel") if key not in broken]

    def _needed_keys(self, keys: Sequence[str]) -> Sequence[str]:
        return keys

    def _keys_of_before(self) -> Sequence[str]:
        from minihack import MiniHack as Plain

        level = type(self._task)
        if level.step is Plain.step and level._reward_fn is Plain._reward_fn and self._task.reward_manager is None:
            return super()._keys_of_before()
        # Sokoban counts boulders, a key room looks for keys, and a manager of rewards for anything.
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
    """Python's global random numbers follow from the seed inside, and go on outside as if nothing had been."""
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
    """Why a level does not work here, or None if it does."""
    if "Crossing" in id:
        return (
            "cannot be made: minihack gives minigrid's crossings a width and a height beside their size, which "
            "minigrid 3 refuses"
        )
    if "-Boxoban-" in id and not _has_boxoban():
        return (
            "needs the levels of Boxoban, which minihack does not ship: "
            "python -m minihack.scripts.download_boxoban_levels"
        )
    return None


def _has_boxoban() -> bool:
    return any(Path(folder, "dat", "boxoban-levels-master").is_dir() for folder in folders("minihack"))
