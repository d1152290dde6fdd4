"""NetHack, from the package nle (the NetHack Learning Environment, Kuettler et al. 2020; NetHack General Public Licence).

`puffer.make("nethack-score")` makes `NetHackScore`, and so on for every task of the package; `nethack` is the game
without a task, with the score for a reward. Ids of Gymnasium are names too: `nethack-NetHackScore-v0`.

The game writes its observations straight into the batch. Every episode is seeded, with a seed that follows from the
last one given, also the task of the NetHack Challenge, which itself refuses seeds. Phase of the moon, Friday the 13th
and night, which NetHack takes from the clock, follow from the seed as well (`fix_moon_phase`), so that a seed plays the
same game on every day.

What differs from the package otherwise: an episode that ends at `max_episode_steps`, or for want of progress, is
truncated (nle calls it terminated); the last observation of an episode that the task ends, not the game, is the one
that the last reward is for (nle quits the game first and shows an empty map); infos come with the last step of an
episode: `end_status`, -1 for a time limit, 1 for death, 2 for success, and `is_ascended`.

Each copy loads a library of its own, about 3 MB and two file descriptors, and has a folder of its own among the
temporary files until it is closed. nle grows by some 10 KB with each episode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer._python import Adapter, seeds_after
from puffer.emulation import call_creator
from puffer.env import PufferEnv
from puffer.quiet import undisturbed
from puffer.systems import ids_in_source, require

# The list from which nle registers its tasks.
_TASK = r"\n    \"(NetHack\w*)\","
_TERMINAL = ("tty_chars", "tty_colors", "tty_cursor")
# The parts of a character: role, race, gender, alignment.
_CHARACTER = (
    ("arc", "bar", "cav", "hea", "kni", "mon", "pri", "ran", "rog", "sam", "tou", "val", "wiz"),
    ("hum", "elf", "dwa", "gno", "orc"),
    ("mal", "fem"),
    ("law", "neu", "cha"),
)


def names() -> list[str]:
    """The tasks of the package, and "" for the game without one."""
    return sorted(_name(task) for task in _tasks())


def knows(name: str) -> bool:
    """Whether there is such a task; any name may be one while nle is missing."""
    return _task(name) is not None or not _tasks()


def creator(name: str, arguments: dict[str, Any]) -> ReseedingCreator:
    """What makes copies of a task. Raises ImportError without nle."""
    require("nethack")
    return ReseedingCreator(call_creator(NetHack, {**arguments, "task": _task(name)}))


@dataclass(frozen=True)
class ReseedingCreator:
    """Makes copies whose every episode has a seed that follows from the last one given."""

    create: Callable[[int], Adapter]

    def __call__(self, copy: int) -> Adapter:
        adapter = self.create(copy)
        adapter.reseeds, adapter.seeds = True, seeds_after(None)
        return adapter


class NetHack(PufferEnv):
    """One game with a task, which writes into the rows of its batch.

    The observation is a Dict of `observation_keys`, arrays as nle describes them; the action counts the keys of
    `actions`.

    Parameters
    ----------
    task : str
        The class of nle.
    observation_keys : sequence of str, optional
        By default those of the task. The fewer, the faster.
    character : str, optional
        Role, race, gender and alignment, as "mon-hum-neu-mal", where only the role is needed; "@" for a random one.
    actions : sequence of int, optional
        The keys to press, members of `nle.nethack.ACTIONS` for example.
    **arguments
        The task's own, for example `max_episode_steps`, `penalty_step`, `options`, `savedir` and `save_ttyrec_every`
        (nothing is recorded by default).

    Raises TypeError and ValueError for bad arguments.
    """

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}

    def __init__(
        self,
        task: str,
        render_mode: str | None = None,
        observation_keys: Sequence[str] | None = None,
        character: str | None = None,
        actions: Sequence[int] | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.render_mode = render_mode
        with undisturbed():
            make = self._task_class(task)
            arguments.setdefault("fix_moon_phase", True)
            if character is not None:
                arguments["character"] = _checked_character(character)
            if actions is not None:
                arguments["actions"] = _checked_actions(actions)
            if observation_keys is not None:
                observation_keys = _checked_keys(observation_keys, self._known_keys())
                arguments["observation_keys"] = self._needed_keys(observation_keys)
            if render_mode == "rgb_array":
                arguments["render_mode"] = "pixel"
            self._task = make(**arguments)
        known = self._task.observation_space.spaces
        keys = known if observation_keys is None else observation_keys
        self.single_observation_space = spaces.Dict({key: known[key] for key in keys})
        self.single_action_space = self._task.action_space
        # The rows that the game writes into.
        self._rows: np.ndarray | None = None
        self._quit_game = self._task._quit_game
        self._task._quit_game = self._quit_unseen

    def _task_class(self, task: str) -> Callable[..., Any]:
        """What makes the task."""
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
        """Let the game write into the rows that are the environment's now; the game that runs is lost."""
        game = self._task.nethack
        self._rows = self.observations
        views = {key: view[0] for key, view in self.observation_views.items()}
        own = dict(game._obs_buffers)
        # What the task works out of the arrays of the game.
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
        looked_at = self._keys_of_before()
        self._before = tuple(array if key in looked_at else _UNSEEN for key, array in own.items())

    def _keys_of_before(self) -> Sequence[str]:
        """The arrays of the step before that rewards are worked out from."""
        return "blstats", "internal"

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict]:
        if self._rows is not self.observations:
            self._bind_game()
        if seed is not None:
            self._seed(seed)
        observation, _ = self._task.reset()
        for key, view in self._derived:
            view[...] = observation[key]
        return self._rows, {}

    def _seed(self, seed: int) -> None:
        """Seed the next game."""
        # Not by the task's own method, which that of the challenge does not have.
        self._task.nethack._pynethack.set_initial_seeds(seed, seed, False, None)

    def step(self, actions: np.ndarray) -> tuple:
        self._task.last_observation = self._before
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


class _Unseen:
    """Stands for an array that a task would copy in each step and not look at."""

    def copy(self) -> _Unseen:
        return self


_UNSEEN = _Unseen()


def _checked_keys(keys: Any, known: Sequence[str]) -> tuple[str, ...]:
    if isinstance(keys, str) or not isinstance(keys, Sequence) or not keys:
        raise TypeError(f"observation_keys must be a sequence of at least one name, got {keys!r}")
    for place, key in enumerate(keys):
        checks.choice(f"observation_keys[{place}]", key, known)
        if key in keys[:place]:
            raise ValueError(f"observation_keys must not have {key!r} twice, got {keys!r}")
    return tuple(keys)


def _checked_actions(actions: Any) -> tuple[int, ...]:
    if isinstance(actions, (str, bytes)) or not hasattr(actions, "__iter__"):
        raise TypeError(f"actions must be a sequence of keys, got {actions!r}")
    # Enumerations stay what they are, for who looks them up by name.
    listed = tuple(actions)
    for place, action in enumerate(listed):
        checks.integer(f"actions[{place}]", action, 0, 255)
    if not listed:
        raise ValueError(f"actions must have at least one key, got {actions!r}")
    return listed


def _checked_character(character: Any) -> str:
    """NetHack asks its player, or draws lots, for what it does not understand."""
    if not isinstance(character, str):
        raise TypeError(f"character must be a string, got {character!r}")
    if character == "@":
        return character
    role, *others = character.split("-")
    checks.choice("the role in character", role, _CHARACTER[0])
    for part in others:
        checks.choice("what follows the role in character", part, [one for parts in _CHARACTER[1:] for one in parts])
    return character


@cache
def _tasks() -> list[str]:
    """The classes of the tasks, and NetHack for the game without one."""
    return ids_in_source("nle", _TASK)


def _name(task: str) -> str:
    """Words with dashes: staircase-pet for NetHackStaircasePet."""
    return "-".join(re.findall("[A-Z][a-z]*", task.removeprefix("NetHack"))).lower()


def _task(name: str) -> str | None:
    """The class of the task of that name."""
    bare = re.sub(r"-v0$", "", name).replace("-", "").lower().removeprefix("nethack")
    return next((task for task in _tasks() if task.removeprefix("NetHack").lower() == bare), None)
