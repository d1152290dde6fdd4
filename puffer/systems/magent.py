"""MAgent2: hundreds of agents in a grid world, from the package magent2 (Zheng et al. 2018, Terry et al. 2020; MIT).

`puffer.make("magent-battle")` has 162 rows to a copy, one for each agent of both sides, in the order of the package's
`possible_agents`. The masks tell which agents are alive. In names, dashes and underscores are the same.

The world is driven below the package's interface of dicts by agent id. The results are the same with one exception: in
the first step of an episode magent2 0.3.4 gives all sides the actions of its first agents, and here each agent gets its
own.

Sides may see areas of different sizes and have different numbers of actions. Smaller observations lie in the corner of
a row, and an action is checked against the number of actions that its agent has. An episode ends for an agent when it
dies, for all when one side is left (terminated), and after `max_cycles` steps (truncated). Everything is seeded;
episodes after the first continue the random numbers of their copy. In battle, battlefield and gather all agents begin
at fixed positions, so games with the same actions are the same for every seed. The engine runs on one thread, unless
its OpenMP runtime has been used before.
"""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.backends.creator import Creator
from puffer.backends.seeding import fresh_seeds, small_seed
from puffer.env import PufferEnv
from puffer.layout.padding import spanning_space
from puffer.systems.family import Family
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import require

_NAMES = ("adversarial-pursuit", "battle", "battlefield", "combined-arms", "gather", "tiger-deer")

# The smallest size of a map that has room for its agents; on a smaller one the engine ends the process.
_LEAST_SIZES = {"adversarial-pursuit": 9, "battle": 12, "battlefield": 46, "combined-arms": 16, "tiger-deer": 10}
# The largest size of a map for whose walls the package has memory; on a larger one it writes beyond it.
_GREATEST_SIZE = 400


def names() -> list[str]:
    """The environments of the package."""
    return list(_NAMES)


def knows(name: str) -> bool:
    """Whether there is such an environment."""
    return name.replace("_", "-") in _NAMES


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of an environment.

    Raises ImportError without magent2, TypeError for an argument that the environment does not have, ValueError for a
    value out of its range.
    """
    require("magent")
    name = name.replace("_", "-")
    own = {key: value for key, value in arguments.items() if key != "render_mode"}
    return Creator(MAgent, {**arguments, **_checked(name, own), "name": name})


FAMILY = Family(creator=creator, names=names, knows=knows)


class MAgent(PufferEnv):
    """One world.

    The observation of an agent is float32 (height, width, channels): its surroundings, and the channels that
    `minimap_mode` and `extra_features` add. Actions are Discrete: moves and attacks.

    Parameters
    ----------
    name : str
        The name of the environment, with dashes.
    render_mode : "rgb_array", optional
    **arguments
        The arguments of the package: `map_size` (all but gather), which also sets the number of agents, `max_cycles`,
        `minimap_mode`, `extra_features`, and the rewards.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(self, name: str, render_mode: str | None = None, **arguments: Any) -> None:
        super().__init__()
        module = _module(name)
        with undisturbed():
            made = module.parallel_env(render_mode=render_mode, **arguments)
        self._env = made
        self._world = made.env
        self._steps = 0
        self._is_seeded = False
        self.render_mode = render_mode
        self.possible_agents = made.possible_agents
        self.num_agents = len(made.possible_agents)
        counts = np.array([made.action_space(agent).n for agent in made.possible_agents])
        self.single_action_space = spaces.Discrete(counts.max())
        if counts.min() != counts.max():
            self.copy_action_space = spaces.MultiDiscrete(counts)
        # Actions are clipped to these: out of range, the engine would read and write beyond its memory.
        self._greatest_actions = counts - 1
        self.single_observation_space = spanning_space(made.observation_spaces, "observation spaces")
        with_features = made.minimap_mode or made.extra_features
        # Of the features only the last two, the agent's position, belong to the minimap.
        self._features = slice(None if made.extra_features else -2, None) if with_features else None
        self._rows: list[Any] = []

    def reset(self, seed: int | None = None) -> np.ndarray:
        if seed is not None or not self._is_seeded:
            self._world.set_seed(fresh_seeds(1)[0] if seed is None else small_seed(seed))
            self._is_seeded = True
        self._steps = 0
        self._world.reset()
        self._env.generate_map()
        self._rows = [self._rows_of(handle) for handle in self._env.handles]
        self.observations[:] = 0
        self._observe()
        return self.observations

    def step(self, actions: np.ndarray) -> tuple:
        world, teams = self._world, list(zip(self._env.handles, self._rows, strict=True))
        actions = np.clip(actions, 0, self._greatest_actions).astype(np.int32)
        for handle, rows in teams:
            world.set_action(handle, actions[rows])
        is_over = world.step()
        self._steps += 1
        self._observe()
        for handle, rows in teams:
            self.rewards[rows] = world.get_reward(handle)
            self.terminations[rows] = is_over | ~world.get_alive(handle)
        self.truncations[:] = self._steps >= self._env.max_cycles
        world.clear_dead()
        self._rows = [self._rows_of(handle) if self.terminations[rows].any() else rows for handle, rows in teams]
        return self.observations, self.rewards, self.terminations, self.truncations, {}

    def _rows_of(self, handle: Any) -> Any:
        """The rows of the living agents of a side, in the engine's order; a slice if they follow one another."""
        rows = self._world.get_agent_id(handle)
        if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
            return slice(rows[0], rows[-1] + 1)
        return rows

    def _observe(self) -> None:
        for handle, rows in zip(self._env.handles, self._rows, strict=True):
            view, features = self._world.get_observation(handle)
            _, height, width, channels = view.shape
            self.observations[rows, :height, :width, :channels] = view
            if self._features is not None:
                own = features[:, np.newaxis, np.newaxis, self._features]
                self.observations[rows, :height, :width, channels : channels + own.shape[-1]] = own

    def render(self) -> np.ndarray:
        with undisturbed():
            return self._env.render()

    def close(self) -> None:
        self._env.close()


def _module(name: str) -> ModuleType:
    name = name.replace("-", "_")
    # The package sets the number of OpenMP's threads for the whole process if it is not set.
    with undisturbed({"OMP_NUM_THREADS": "1", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}):
        return importlib.import_module(f"magent2.environments.{name}.{name}")


def _checked(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The checked arguments. Raises TypeError for one that the environment does not have, ValueError out of range."""
    module = _module(name)
    rewards = getattr(module, "default_reward_args", None) or module.default_env_args
    known = [own for own in inspect.signature(module.parallel_env).parameters if own not in ("seed", "render_mode")]
    known = [*known[:-1], *rewards]
    if "num_agents" in given:
        size = "follows from map_size" if "map_size" in known else "is fixed"
        raise TypeError(
            f"magent-{name} got an unexpected keyword argument 'num_agents', which {size}; its own arguments are "
            f"{', '.join(known)}"
        )
    checks.arguments(f"magent-{name}", given, known)
    checked: dict[str, Any] = {}
    for key, value in given.items():
        if key == "map_size":
            checked[key] = checks.integer(key, value, _LEAST_SIZES[name], _GREATEST_SIZE)
        elif key == "max_cycles":
            checked[key] = checks.integer(key, value, 1)
        elif key in rewards:
            checked[key] = checks.number(key, value, -np.inf, np.inf)
        else:
            checked[key] = checks.boolean(key, value)
    return checked
