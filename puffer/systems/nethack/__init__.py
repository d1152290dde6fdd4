"""NetHack, from the package nle (the NetHack Learning Environment, Kuettler et al. 2020; NetHack's own public licence).

`puffer.make("nethack-score")` makes `NetHackScore`, and so on for every task of the package; `nethack` is the game
without a task, with the score for a reward. Ids of Gymnasium are names too: `nethack-NetHackScore-v0`.

The game writes its observations straight into the batch. Every episode is seeded, with a seed that follows from the
last one given; so is the task of the NetHack Challenge, which itself refuses seeds. The phase of the moon, Friday the
13th, the night and the names of shopkeepers, which NetHack takes from the clock, follow from the seed as well, so a
seed plays the same game on every day and at every hour. With `fix_moon_phase=False` they follow the clock.

Further differences from the package:

- An episode that ends at `max_episode_steps`, or for lack of progress, is truncated; nle calls it terminated.
- If the task ends an episode and not the game, the last observation is the one that the last reward is for; nle quits
  the game first and shows an empty map.
- The last step of an episode has infos: `end_status`, -1 for a time limit, 1 for death, 2 for success, and
  `is_ascended`.
- One game of 2,000 starts with a question, so nle gives it up and begins another one; here that one is seeded too.

The challenge's `no_progress_timeout` counts every step twice, in nle and here. Do not write into observations: NetHack
draws only what has changed, and a reward is a difference to the previous observation.

Recordings (`savedir`) of the first environment of a process lie in that folder, and those of each further one in a
folder in it, "1", "2" and so on: nle names files by process and episode, so copies would write the same ones.

Each copy loads a library of its own, about 3 MB and two file descriptors, and has a folder of its own among the
temporary files until it is closed. nle grows by about 2 KB with each episode.
"""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.backends.creator import Creator
from puffer.env import PufferEnv
from puffer.systems import ids
from puffer.systems.family import Family
from puffer.systems.nethack import clock
from puffer.systems.nethack.library import isolate
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import require
from puffer.wrappers.adapters.adapter import seeds_after

# The list from which nle registers its tasks.
_TASK = r"\n    \"(NetHack\w*)\","
_TERMINAL = ("tty_chars", "tty_colors", "tty_cursor")
# How many games are tried when nle cannot begin one.
_TRIES = 10
_ROLES = ("arc", "bar", "cav", "hea", "kni", "mon", "pri", "ran", "rog", "sam", "tou", "val", "wiz")
# Races, genders, alignments.
_TRAITS = ("hum", "elf", "dwa", "gno", "orc", "mal", "fem", "law", "neu", "cha")


def names() -> list[str]:
    """The tasks of the package, and "" for the game without one."""
    return sorted(_name(task) for task in _tasks())


def knows(name: str) -> bool:
    """Whether there is such a task. While nle is missing, any name may be one."""
    return _task(name) is not None or not _tasks()


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of a task. Raises ImportError without nle, ValueError for an unknown render mode."""
    require("nethack")
    return Creator(NetHack, {**arguments, "task": _task(name)}, reseed="always")


FAMILY = Family(creator=creator, names=names, knows=knows)


class NetHack(PufferEnv):
    """One game with a task, which writes into the rows of its batch.

    The observation is a Dict with `observation_keys`, arrays as nle describes them. An action is an index into
    `actions`.

    Parameters
    ----------
    task : str
        The name of the class in nle.
    render_mode : "rgb_array" or "ansi", optional
    observation_keys : sequence of str, optional
        By default those of the task. Fewer keys make it faster.
    **arguments
        The arguments of the task, for example `character` ("mon-hum-neu-mal", of which only the role is needed, or "@"
        for a random one), `actions` (the keys to press, out of `nle.nethack.ACTIONS`), `max_episode_steps`,
        `penalty_step`, `options`, `savedir` and `save_ttyrec_every` (by default nothing is recorded).

    Raises TypeError and ValueError for bad arguments.
    """

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}

    def __init__(
        self,
        task: str,
        render_mode: str | None = None,
        observation_keys: Sequence[str] | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.render_mode = render_mode
        clock.show()
        with undisturbed():
            make = self._task_class(task)
            arguments = {"fix_moon_phase": True, **arguments}
            for name in arguments.keys() & _CHECKS.keys():
                arguments[name] = _CHECKS[name](name, arguments[name])
            if observation_keys is not None:
                observation_keys = _checked_keys("observation_keys", observation_keys, self._known_keys())
                arguments["observation_keys"] = self._needed_keys(observation_keys)
            if render_mode == "rgb_array":
                arguments["render_mode"] = "pixel"
            if arguments.get("savedir"):
                arguments["savedir"] = _own_folder(arguments["savedir"])
            self._task = make(**arguments)
        isolate(Path(self._task.nethack.dlpath), own_clock=arguments["fix_moon_phase"])
        known = self._task.observation_space.spaces
        keys = known if observation_keys is None else observation_keys
        self.single_observation_space = spaces.Dict({key: known[key] for key in keys})
        self.single_action_space = self._task.action_space
        # The rows that the game writes into.
        self._rows: np.ndarray | None = None
        # nle calls these two methods itself, which then come here.
        self._quit_game, self._task._quit_game = self._task._quit_game, self._quit_unseen
        self._begin_game, self._task.reset = self._task.reset, self._begin_another

    @property
    def key_codes(self) -> list[int]:
        """The code of the key that each action presses."""
        return [int(action) for action in self._task.actions]

    def _task_class(self, task: str) -> Callable[..., Any]:
        """The callable that makes the task."""
        import nle.env.tasks

        return nle.env.NLE if task == "NetHack" else getattr(nle.env.tasks, task)

    def _known_keys(self) -> Sequence[str]:
        """The keys that an observation may have."""
        from nle.nethack import OBSERVATION_DESC

        return list(OBSERVATION_DESC)

    def _needed_keys(self, keys: Sequence[str]) -> Sequence[str]:
        """The keys to ask the task for, given those of the observation."""
        if self.render_mode != "ansi":
            return keys
        return (*keys, *(key for key in _TERMINAL if key not in keys))

    def _bind_game(self) -> None:
        """Let the game write into the environment's present rows. The game in progress is lost."""
        game = self._task.nethack
        self._rows = self.observations
        views = {key: view[0] for key, view in self.observation_views.items()}
        own = dict(game._obs_buffers)
        # Arrays that the task computes from those of the game.
        self._derived = []
        for key, view in views.items():
            if key in own and own[key].shape == view.shape:
                # nle compares data types by identity.
                own[key] = view.view(own[key].dtype)
            else:
                self._derived.append((key, view))
        # A game that has begun takes no other arrays.
        game._pynethack.close()
        game._pynethack.set_buffers(**own)
        game._obs_buffers = own
        game._obs = tuple(own.values())
        read = self._previous_keys()
        self._previous = tuple(array if key in read else _UNREAD for key, array in own.items())

    def _previous_keys(self) -> Sequence[str]:
        """The keys of the previous observation that rewards are computed from."""
        return "blstats", "internal"

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict]:
        if self._rows is not self.observations:
            self._bind_game()
        if seed is not None:
            self._seed(seed)
        # Seeds that differ from those of the next episodes and of other copies.
        spare = seeds_after(None if seed is None else seed ^ 2**63)
        self._spare_seeds = itertools.islice(spare, _TRIES)
        with warnings.catch_warnings():
            # nle warns that it tries again.
            warnings.simplefilter("ignore")
            observation, _ = self._begin_game()
        for key, view in self._derived:
            view[...] = observation[key]
        return self._rows, {}

    def _begin_another(self, **_: Any) -> tuple[dict, dict]:
        """Begin another game in place of one that nle could not begin: one of 2,000 starts with a question."""
        seed = next(self._spare_seeds, None)
        if seed is None:
            raise RuntimeError(f"nle could not begin any of {_TRIES} games; are its options right?")
        self._seed(seed)
        return self._begin_game()

    def _seed(self, seed: int) -> None:
        """Seed the next game."""
        # Not by the task's own method: that of the challenge refuses.
        self._task.nethack._pynethack.set_initial_seeds(seed, seed, False, None)
        clock.set_time(start_of_game(seed))

    def step(self, actions: np.ndarray) -> tuple:
        self._task.last_observation = self._previous
        observation, self.rewards[0], ended, _, info = self._task.step(int(actions[0]))
        for key, view in self._derived:
            view[...] = observation[key]
        if not ended:
            return self._rows, self.rewards, self.terminations, self.truncations, None
        status = int(info["end_status"])
        self.truncations[0] = status < 0
        self.terminations[0] = status >= 0
        info["end_status"] = status
        return self._rows, self.rewards, self.terminations, self.truncations, info

    def _quit_unseen(self, observation: Any, done: bool) -> None:
        """Quit the game and keep its last observation."""
        arrays = self._task.nethack._obs
        kept = [array.copy() for array in arrays]
        self._quit_game(observation, done)
        for array, old in zip(arrays, kept, strict=True):
            array[...] = old

    def render(self) -> np.ndarray | str:
        """The map in tiles, uint8 (336, 1264, 3), or the terminal with its colours as ANSI text."""
        if self.render_mode == "rgb_array":
            return self._task.render().copy()
        from nle.nethack import tty_render

        return tty_render(*(self._task.nethack._obs_buffers[key] for key in _TERMINAL))

    def close(self) -> None:
        self._task.close()


def start_of_game(seed: int) -> int:
    """The time at which the game of a seed begins, in seconds since 1970: within 17 years from 2001 on."""
    # A shopkeeper's name depends on multiples of 257 seconds, and seeds are often neighbours.
    return 10**9 + seed * 1_000_003 % 2**29


# The environments of this process that were given each folder for recordings.
_recorders: dict[str, Iterator[int]] = {}


def _own_folder(savedir: Any) -> str:
    """A folder for the recordings of one environment: the one that was given, and then folders in it."""
    if not isinstance(savedir, (str, os.PathLike)):
        raise TypeError(f"savedir must be a path, got {savedir!r}")
    folder = os.path.abspath(savedir)
    number = next(_recorders.setdefault(folder, itertools.count()))
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, str(number)) if number else folder


class _Unread:
    """Stands for an array that a task would copy at every step and not read."""

    def copy(self) -> _Unread:
        return self


_UNREAD = _Unread()


def _checked_keys(name: str, keys: Any, known: Sequence[str]) -> tuple[str, ...]:
    keys = _checked_sequence(name, keys)
    for index, key in enumerate(keys):
        checks.choice(f"{name}[{index}]", key, known)
        if key in keys[:index]:
            raise ValueError(f"{name} must not have {key!r} twice, got {keys!r}")
    return keys


def _checked_actions(name: str, actions: Any) -> tuple[int, ...]:
    # Members of enumerations are kept, so that they can be looked up by name.
    actions = _checked_sequence(name, actions)
    for index, action in enumerate(actions):
        checks.integer(f"{name}[{index}]", action, 0, 255)
    return actions


def _checked_options(name: str, options: Any) -> tuple[str, ...]:
    options = _checked_sequence(name, options, least=0)
    for index, option in enumerate(options):
        if not isinstance(option, str):
            raise TypeError(f"{name}[{index}] must be a string, got {option!r}")
    return options


def _checked_sequence(name: str, values: Any, least: int = 1) -> tuple:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{name} must be a sequence, got {values!r}")
    if len(values) < least:
        raise ValueError(f"{name} must not be empty")
    return tuple(values)


def _checked_character(name: str, character: Any) -> str:
    """The description of a character. Raises TypeError or ValueError.

    NetHack itself would choose the parts that it does not understand at random, or ask its player.
    """
    if not isinstance(character, str):
        raise TypeError(f"{name} must be a string, got {character!r}")
    if character != "@":
        role, *others = character.split("-")
        checks.choice(f"the role in {name}", role, _ROLES)
        for part in others:
            checks.choice(f"the part after the role in {name}", part, _TRAITS)
    return character


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "actions": _checked_actions,
    "character": _checked_character,
    "fix_moon_phase": checks.boolean,
    "max_episode_steps": lambda name, steps: checks.integer(name, steps, 1),
    "options": _checked_options,
    "penalty_mode": lambda name, mode: checks.choice(name, mode, ("constant", "exp", "square", "linear", "always")),
}


@cache
def _tasks() -> list[str]:
    """The names of the tasks' classes, with NetHack for the game without a task."""
    return ids.in_source("nle", _TASK)


def _name(task: str) -> str:
    """The name of a task in words with dashes: staircase-pet for NetHackStaircasePet."""
    return "-".join(re.findall("[A-Z][a-z]*", task.removeprefix("NetHack"))).lower()


def _task(name: str) -> str | None:
    """The class of the task of that name, or None."""
    bare = re.sub(r"-v0$", "", name).replace("-", "").lower().removeprefix("nethack")
    return next((task for task in _tasks() if task.removeprefix("NetHack").lower() == bare), None)
