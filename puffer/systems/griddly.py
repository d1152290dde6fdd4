"""Griddly's games, from the package griddly (Bamford et al. 2020; MIT).

`puffer.make("griddly-sokoban")` plays the first level of a bundled game. Games have the names of their files; case,
dashes and underscores do not matter: `griddly-robot-tag-4`, `griddly-minigrid-doggo`, `griddly-zelda-sequential`. Games
with several players have a row for each. The engine is driven directly, without the Gym of its Python package, with the
same results. All games of the package work.

Observations are Griddly's "vector" ones unless `observer` asks for pictures. Pictures need a Vulkan driver. Another
process tries first whether there is one, because the engine ends a process that has none.

An episode ends for all players when the game does (terminated), and in `robot-tag` for a player that is out. The rules
of `zenpuzzle` have a limit of steps, which truncates. Most games have no limit: give `max_steps`. Everything that a
game draws at its beginning and everything that moves by chance is seeded; many games draw nothing. Episodes after the
first continue the random numbers of their copy.

A game's global variables, such as `box_count` of clusters or `player_resources` of griddly-rts, are in the infos of
every reset and step if `global_variables=[...]` names them: a row has the value of its player, or that of the whole
game. For the values now, `env.call("global_variable", name)` asks every copy.
"""

from __future__ import annotations

import colorsys
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.backends.creator import Creator
from puffer.backends.seeding import fresh_seeds, small_seed
from puffer.backends.worker.surroundings import module_path
from puffer.env import PufferEnv
from puffer.systems.family import Family
from puffer.systems.requirements import folders, require

# Observers, and their names in the engine.
OBSERVERS = {"vector": "Vector", "sprite": "Sprite2D", "block": "Block2D", "isometric": "Isometric"}

# Pixels of a cell in frames that are drawn from a vector observation.
_CELL = 16


def names() -> list[str]:
    """The games of the package."""
    return sorted(_files())


def knows(name: str) -> bool:
    """Whether there is such a game. While griddly is missing, any name may be one."""
    return _file(name) is not None or not _files()


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of a game.

    Raises ImportError without griddly, TypeError for an unknown argument, ValueError for an unknown observer, level,
    global variable or render mode, RuntimeError for an observer that does not work here.
    """
    require("griddly")
    path = _file(name)
    own = {"level": 0, "observer": "vector", "global_variables": (), **arguments}
    mode = {key: own.pop(key) for key in ("render_mode",) if key in own}
    checks.arguments(f"griddly-{name}", own, ("level", "observer", "global_variables"))
    checks.integer("level", own["level"], 0, _engine_reader().load(str(path)).get_level_count() - 1)
    if checks.choice("observer", own["observer"], OBSERVERS) != "vector":
        _try_out(str(path), own["level"], own["observer"])
    own["global_variables"] = _variable_names(path, own["global_variables"])
    return Creator(Griddly, {**own, **mode, "path": str(path)})


FAMILY = Family(creator=creator, names=names, knows=knows)


class Griddly(PufferEnv):
    """A level of a game, with a row for each player.

    Observations are uint8: the contents of each cell of a player's view, (channels, width, height), or a picture
    (colours, width, height). Actions are Discrete, or MultiDiscrete if a player also chooses the kind of action or the
    cell of the level that acts. At the end of an episode `info["won"]` tells who has won.

    Parameters
    ----------
    path : str
        The path of the game's file.
    level : int
        The index of a level in that file.
    observer : "vector", "sprite", "block" or "isometric"
        The form of the observations.
    global_variables : sequence of str
        The global variables that the infos have.
    render_mode : "rgb_array", optional

    Attributes
    ----------
    global_variable_names : list of str
        The global variables of the game.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        path: str,
        level: int,
        observer: str,
        global_variables: Sequence[str] = (),
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        description = _engine_reader().load(path)
        self.render_mode = render_mode
        self.num_agents = description.get_player_count()
        self._is_vector = observer == "vector"
        self._game = game = description.create_game(OBSERVERS[observer])
        game.load_level(level)
        self._players = [game.register_player(f"Player {p + 1}", OBSERVERS[observer]) for p in range(self.num_agents)]
        game.init(False)
        # Shapes are known after a reset only.
        game.reset()
        shape = tuple(self._players[0].get_observation_description()["Shape"])
        self.single_observation_space = spaces.Box(0, 255, shape, np.uint8)
        entries = _action_entries(description, game)
        self.single_action_space = spaces.MultiDiscrete(entries) if len(entries) > 1 else spaces.Discrete(entries[0])
        self._actions = np.zeros((self.num_agents, len(entries)), np.int32)
        self._num_kinds = len(game.get_object_names())
        self._told = list(global_variables)
        self.global_variable_names = game.get_global_variable_names()
        self._has_outs = "player_done" in self.global_variable_names
        limit = re.search(r"\[\s*_steps,\s*(\d+)\s*\]", Path(path).read_text())
        # A number of steps that no episode reaches where the rules have no limit.
        self._limit = int(limit[1]) if limit else 2**62
        self._any_out = False
        self._steps = 0
        self._is_seeded = False

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, list[dict[str, Any]]]:
        if seed is not None or not self._is_seeded:
            self._game.seed(fresh_seeds(1)[0] if seed is None else small_seed(seed))
            self._is_seeded = True
        self._steps = 0
        self._any_out = False
        self._game.reset()
        self._observe()
        return self.observations, self._variables()

    def step(self, actions: np.ndarray) -> tuple:
        self._actions[...] = actions if actions.ndim == 2 else actions[:, np.newaxis]
        if self._any_out:
            self._actions[~self.masks] = 0
        self._steps += 1
        if self.num_agents == 1:
            self.rewards[0], is_over, results = self._players[0].step_multi(self._actions, True)
        else:
            self.rewards[:], is_over, results = self._game.step_parallel(self._actions)
        self._observe()
        infos = self._variables()
        if is_over:
            # Some games end without a winner.
            told = results.get("PlayerResults", {})
            won = [told.get(str(player + 1)) == "Win" for player in range(self.num_agents)]
            infos = [{"won": one, **info} for one, info in zip(won, infos or [{}] * len(won), strict=True)]
            is_late = self._steps >= self._limit and not any(won)
            self.terminations[:] = not is_late
            self.truncations[:] = is_late
        elif self._has_outs:
            # By player, from 1 on; the entry of player 0 belongs to the world.
            for player, is_out in self._game.get_global_variable(["player_done"])["player_done"].items():
                if is_out and player:
                    self.terminations[player - 1] = self._any_out = True
        return self.observations, self.rewards, self.terminations, self.truncations, infos

    def _observe(self) -> None:
        for player, row in zip(self._players, self.observations, strict=True):
            row[...] = np.asarray(player.observe())

    def global_variable(self, name: str) -> dict[int, int]:
        """The value of a global variable by player, from 1 on, or as 0 that of the game. ValueError for others."""
        checks.choice("name", name, self.global_variable_names)
        return self._game.get_global_variable([name])[name]

    def _variables(self) -> list[dict[str, Any]]:
        """The infos of each player about global variables, if any are told."""
        if not self._told:
            return []
        values = self._game.get_global_variable(self._told)
        players = range(1, self.num_agents + 1)
        return [{name: values[name].get(player, values[name][0]) for name in self._told} for player in players]

    def render(self) -> np.ndarray:
        """The whole level, (height, width, 3)."""
        seen = np.asarray(self._game.observe())
        if not self._is_vector:
            return np.ascontiguousarray(seen[:3].transpose(2, 1, 0))
        kinds = seen[: self._num_kinds].astype(bool)
        shown = np.where(kinds.any(axis=0), kinds.argmax(axis=0) + 1, 0)
        return _palette(self._num_kinds)[shown.T].repeat(_CELL, axis=0).repeat(_CELL, axis=1)

    def close(self) -> None:
        if self._players:
            self._players = []
            self._game.release()


def _action_entries(description: Any, game: Any) -> list[int]:
    """The number of choices that a player has in each entry of an action.

    In games without an avatar the first two entries are the cell that acts. The next one is the kind of action, if
    there are several. The last one is an action of that kind, where 0 does nothing.
    """
    entries = [] if description.get_avatar_object() else [game.get_width(), game.get_height()]
    kinds = description.get_action_names()
    if len(kinds) > 1:
        entries.append(len(kinds))
    mappings = description.get_action_input_mappings().values()
    return [*entries, 1 + max(len(mapping["InputMappings"]) for mapping in mappings if not mapping["Internal"])]


@cache
def _palette(objects: int) -> np.ndarray:
    """A colour for an empty cell and for each kind of object, uint8 (objects + 1, 3)."""
    colours = [(0.1, 0.1, 0.1)] + [colorsys.hsv_to_rgb(kind / objects, 0.8, 1.0) for kind in range(objects)]
    return (255 * np.array(colours)).astype(np.uint8)


# ---- The package ----


def _variable_names(path: Path | None, names: Any) -> list[str]:
    """The names of global variables of a game. Raises TypeError or ValueError for others."""
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise TypeError(f"global_variables must be a sequence of names, got {names!r}")
    if not names:
        return []
    # The engine knows them when a level is loaded.
    game = Griddly(str(path), 0, "vector")
    known = game.global_variable_names
    game.close()
    return [checks.choice(f"global_variables[{k}]", name, known) for k, name in enumerate(names)]


@cache
def _files() -> dict[str, Path]:
    """The games' files by the names that are listed."""
    folder = _folder()
    if folder is None:
        return {}
    files = Path(folder, "resources", "games").rglob("*.yaml")
    return {re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", file.stem).lower(): file for file in files}


def _file(name: str) -> Path | None:
    return next((file for listed, file in _files().items() if _letters(listed) == _letters(name)), None)


def _letters(name: str) -> str:
    return re.sub("[-_]", "", name).lower()


def _folder() -> Path | None:
    return next(iter(folders("griddly")), None)


@cache
def _engine_reader() -> Any:
    """The object of the engine that reads the files of games."""
    resources = Path(str(_folder()), "resources")
    return _engine().GDYReader(*(str(resources / kind) for kind in ("games", "images", "shaders")))


def _engine() -> ModuleType:
    """The compiled engine. The package around it needs Gym and reads every game when it is imported."""
    name = "python_griddly"
    if name not in sys.modules:
        libraries = Path(str(_folder()), "libs")
        spec = importlib.machinery.PathFinder.find_spec(name, [str(libraries)])
        if spec is None or spec.loader is None:
            raise ImportError(f"griddly has no engine for this Python in {libraries}: python -m puffer.install griddly")
        engine = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(engine)
        sys.modules[name] = engine
    return sys.modules[name]


# ---- Pictures ----

_SCRIPT = """
import sys
from puffer.systems.griddly import Griddly
Griddly(sys.argv[1], int(sys.argv[2]), sys.argv[3]).reset()
"""


@cache
def _try_out(path: str, level: int, observer: str) -> None:
    """Raise RuntimeError if an observer that draws pictures ends the process that uses it."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(module_path())}
    command = [sys.executable, "-c", _SCRIPT, path, str(level), observer]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise RuntimeError(
            f"observer = {observer!r} does not work here: it needs a Vulkan driver (on Debian, apt install "
            f"mesa-vulkan-drivers), and a game that has such pictures; the default observer, 'vector', needs neither. "
            f"A process that tried it ended with status {done.returncode} {' '.join(last)}"
        )
