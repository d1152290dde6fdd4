"""Neural MMO, from the package nmmo 2.1 (Suarez et al. 2019, 2023; MIT): many agents survive in one large world.

`puffer.make("nmmo", num_agents=64)` has a row for each agent. Observations are those of the package, a Dict of tables
of the tiles and entities in sight, the inventory, the market, messages and the task. Actions are a Dict of nine heads
with thirteen choices in all. `env.layout` and `env.action_layout` tell where each of them lies in a row. In an
observation "ActionTargets" has, in the structure of the actions, a mask of the choices that can have an effect; other
choices are ignored.

Agents that die are terminated, and their masks are false from then on. Agents that are alive after `horizon` steps are
truncated. When an agent ends, its info has `task_progress` and `task_completed`. Everything is seeded, and the worlds
of one seed are the same in every process.

A copy takes about 33 MB with 16 agents and 47 MB with 128, and half a second to make. The first copy in a process takes
two seconds more, and generating eight maps another two.

Worlds are made from maps in the user's cache folder. They are generated when they are first needed, by one process
while others wait, and are the same for all processes.

nmmo 2.1.2 needs `numpy.in1d`, which NumPy 2.4 no longer has. Its modules are given a replacement, and no others are.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from puffer import checks
from puffer.authoring.caching import cache_folder
from puffer.backends.creator import Creator
from puffer.env import PufferEnv
from puffer.native.buffers import Buffers
from puffer.systems.family import Family
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import require

# The modules of the package that use the function that NumPy has removed.
_OUTDATED = ("nmmo.datastore.numpy_datastore", "nmmo.task.game_state", "nmmo.lib.event_log")

# The beginnings of the attributes of the configuration that maps depend on.
_OF_MAPS = ("MAP_", "TERRAIN_", "PROGRESSION_SPAWN_", "PROFESSION_SYSTEM_ENABLED")

# Attributes that are set here, or have an argument of their own.
_OWN = ("PLAYER_N", "HORIZON", "MAP_N", "MAP_GENERATOR", "MAP_FORCE_GENERATION", "PATH_MAPS", "PATH_CWD")


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of copies. Raises ImportError without nmmo, TypeError for an unknown argument."""
    require("nmmo")
    checks.arguments("nmmo", arguments, Nmmo)
    return Creator(Nmmo, arguments)


FAMILY = Family(creator=creator)


class Nmmo(PufferEnv):
    """One world. Agents are the integers from 1 on.

    The package keeps arrays for each agent, into which it writes observations. Here these are the rows of the batch.

    Parameters
    ----------
    num_agents : int, optional
        From 1 to four times the width of the habitable square in tiles: 512, or 128 in small worlds. By default 128,
        or 64 in small worlds.
    horizon : int, optional
        Steps of an episode; by default 1024, or 128 in small worlds.
    size : "medium" or "small"
        The presets of the package: 160 x 160 tiles with 128 NPCs, or 64 x 64 tiles with 32.
    num_maps : int
        Maps, of which every episode takes one; 1 to 10,000.
    config : mapping, optional
        Further attributes of the package's `Config`, for example {"NPC_N": 0}.

    Raises TypeError and ValueError for bad arguments.
    """

    def __init__(
        self,
        num_agents: int | None = None,
        horizon: int | None = None,
        size: str = "medium",
        num_maps: int = 8,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        nmmo = _package()
        checks.choice("size", size, ("medium", "small"))
        preset = nmmo.config.Small if size == "small" else nmmo.config.Medium
        chosen = type("Config", (preset, nmmo.config.AllGameSystems), {})()
        for attribute, value in (config or {}).items():
            if attribute not in chosen or attribute in _OWN:
                raise ValueError(
                    f"config has {attribute!r}, which is not an attribute of nmmo's Config, or is one that puffer sets"
                )
            chosen.set(attribute, value)
        places = 4 * chosen.MAP_CENTER
        for name, attribute, value, most in (
            ("num_agents", "PLAYER_N", num_agents, places),
            ("horizon", "HORIZON", horizon, chosen.MAX_HORIZON - 1),
            ("num_maps", "MAP_N", num_maps, 10_000),
        ):
            if value is not None:
                chosen.set(attribute, checks.integer(name, value, 1, most))
        chosen.set("PATH_MAPS", str(_maps(nmmo, chosen)))
        with undisturbed():
            self._env = nmmo.Env(chosen)
        self.num_agents = chosen.PLAYER_N
        self.possible_agents = list(self._env.possible_agents)
        # The methods that return the spaces keep a reference to every environment that they were called on.
        self.single_observation_space = self._env._obs_space
        self.single_action_space = self._env._atn_space
        # The choices of each head, with their columns in the rows of actions.
        self._heads: dict[str, list[tuple[str, int]]] = {}
        for column, leaf in enumerate(self.action_layout.leaves):
            head, choice = leaf.path.split("/")
            self._heads.setdefault(head, []).append((choice, column))

    def bind(self, buffers: Buffers) -> None:
        super().bind(buffers)
        views = self.observation_views
        for agent, observation in self._env.obs.items():
            _move(observation.gym_obs.values, views, agent - 1)
            for head, masks in observation.action_targets.values.items():
                _move(masks, views["ActionTargets"][head], agent - 1)

    def reset(self, seed: int | None = None) -> np.ndarray:
        views = self.observation_views
        self._env.reset(seed=seed)
        views["AgentId"][:] = self.possible_agents
        views["CurrentTick"][:] = 0
        return self.observations

    def step(self, actions: np.ndarray) -> tuple:
        chosen, heads = actions.tolist(), self._heads.items()
        acting = {}
        for agent in self._env.agents:
            row = chosen[agent - 1]
            acting[agent] = {head: {choice: row[column] for choice, column in columns} for head, columns in heads}
        observations, rewards, terminations, truncations, told = self._env.step(acting)
        infos: list[dict[str, Any]] = [{} for _ in self.possible_agents]
        self.observation_views["CurrentTick"][:] = self._env.realm.tick
        for agent, observation in observations.items():
            row = agent - 1
            self.rewards[row] = rewards[agent]
            if terminations[agent] or truncations[agent]:
                self.terminations[row], self.truncations[row] = terminations[agent], truncations[agent]
                (task,) = told[agent]["task"].values()
                infos[row] = {f"task_{key}": task[key] for key in ("progress", "completed")}
                # The package makes other arrays for the last observation of an agent that dies.
                self.layout.flatten_into(observation, self.observations, row)
        return self.observations, self.rewards, self.terminations, self.truncations, infos

    def close(self) -> None:
        if self._env is not None:
            # The world and its tiles refer to each other through an array, which the garbage collector does not search.
            self._env.realm.map.tiles.fill(None)
            self._env = None


def _move(arrays: dict[str, Any], views: dict[str, Any], row: int) -> None:
    """Replace the arrays of a dict by a row of these views, with the same values."""
    for key, array in arrays.items():
        if isinstance(array, np.ndarray):
            views[key][row] = array
            arrays[key] = views[key][row]


def _package() -> ModuleType:
    with undisturbed():
        import nmmo

    if not hasattr(np, "in1d"):
        numpy = ModuleType("numpy")
        numpy.__dict__.update(np.__dict__, in1d=np.isin)
        for name in _OUTDATED:
            sys.modules[name].__dict__["np"] = numpy
    return nmmo


def _maps(nmmo: ModuleType, config: Any) -> Path:
    """The folder with the maps of a configuration, which are generated if they are not there yet."""
    # Not all platforms have it, and names are listed on all of them.
    import fcntl

    config.set("MAP_FORCE_GENERATION", False)
    of_maps = sorted((name, repr(value)) for name, value in config.items() if name.startswith(_OF_MAPS))
    key = hashlib.sha256(repr(of_maps).encode()).hexdigest()[:16]
    folder = cache_folder() / "nmmo"
    maps = folder / f"{nmmo.__version__}-{key}"
    if maps.is_dir():
        return maps
    folder.mkdir(parents=True, exist_ok=True)
    with open(f"{maps}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not maps.is_dir():
            # A process that was killed here has left it behind.
            part = Path(f"{maps}.part")
            shutil.rmtree(part, ignore_errors=True)
            config.set("PATH_MAPS", str(part))
            with undisturbed():
                config.MAP_GENERATOR(config).generate_all_maps(0)
            os.rename(part, maps)
    return maps
