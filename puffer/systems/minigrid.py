"""MiniGrid and BabyAI, from the package minigrid (Chevalier-Boisvert et al. 2023; Apache 2.0).

`puffer.make("minigrid-DoorKey-8x8")` makes `MiniGrid-DoorKey-8x8` in its newest version, and
`minigrid-BabyAI-GoToObj` a level of BabyAI. Ids with prefix and version are names too. Observations are those of the
package, except that the mission, a text, becomes a fixed number of bytes. Everything is seeded.

The package's wheel lacks the pictures that the levels called WFC are made from, so they are not listed.

The native twin of MiniGrid's levels is another environment, `ocean-minigrid`: `ocean-minigrid-DoorKey-8x8`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.systems import ids
from puffer.systems.family import Family
from puffer.systems.quiet import silent, undisturbed
from puffer.systems.requirements import require

if TYPE_CHECKING:
    from puffer.backends.creator import Creator

_ID = r"\"((?:MiniGrid|BabyAI)-[\w-]+-v\d+)\""
_PREFIX = "MiniGrid-"

# The longest missions of BabyAI have about 250 letters.
MISSION_LENGTH = 256


def names() -> list[str]:
    """The levels of the package, without versions, and those of MiniGrid without that prefix."""
    return sorted({ids.bare(id, _PREFIX) for id in _ids() if "-WFC-" not in id})


def knows(name: str) -> bool:
    """Whether there is such a level. While minigrid is missing, any name but the empty one may be one.

    The empty one is that of the native twin, which needs no package.
    """
    return bool(name) and (not _ids() or ids.newest(name, _ids(), _PREFIX) is not None)


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of a level. Raises ImportError without minigrid, TypeError and ValueError for bad arguments."""
    require("minigrid")
    # A compiled module, which another interpreter cannot import.
    from puffer.backends.creator import Creator

    return Creator(MiniGrid, _with_level(name, arguments))


def make(name: str, **arguments: Any) -> MiniGrid:
    """One copy of a level."""
    return MiniGrid(**_with_level(name, arguments))


def _with_level(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The checked arguments of `MiniGrid` for a level."""
    mission_length = checks.integer("mission_length", arguments.pop("mission_length", MISSION_LENGTH), 1)
    return {**arguments, "id": ids.newest(name, _ids(), _PREFIX), "mission_length": mission_length}


FAMILY = Family(creator=creator, names=names, knows=knows, make=make)


class MiniGrid(gymnasium.Env):
    """One level, with its mission as bytes.

    The observation is a Dict: `image`, uint8 (7, 7, 3), or (n, n, 3) for an `agent_view_size` of n; `direction`, 0 to
    3; `mission`, uint8 (mission_length,), ASCII, followed by zeros.

    Parameters
    ----------
    id : str
        The id of Gymnasium.
    mission_length : int
        Bytes for the mission, at least 1; a longer mission is cut.
    render_mode : "rgb_array", optional
    **arguments
        The arguments of the level, for example `agent_view_size`, `max_steps`, `size`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, id: str, mission_length: int, render_mode: str | None = None, **arguments: Any) -> None:
        with undisturbed():
            import minigrid

            if id not in gymnasium.registry:
                minigrid.register_minigrid_envs()
            made = gymnasium.make(id, render_mode=render_mode, disable_env_checker=True, **arguments)
        self._env = made.unwrapped
        self._mission_length = mission_length
        self._mission = ""
        self._encoded = np.zeros(mission_length, np.uint8)
        self.render_mode = render_mode
        self.action_space = self._env.action_space
        own = dict(self._env.observation_space.items())
        own["mission"] = spaces.Box(0, 255, (mission_length,), np.uint8)
        self.observation_space = spaces.Dict(own)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        # BabyAI prints every level that it rejects.
        with silent():
            observation, info = self._env.reset(seed=seed)
        return self._encode(observation), info

    def step(self, action: int) -> tuple[dict, float, bool, bool, dict]:
        # The package compares the action with members of an enumeration, which is slow for NumPy's numbers.
        observation, reward, terminated, truncated, info = self._env.step(int(action))
        return self._encode(observation), reward, terminated, truncated, info

    def _encode(self, observation: dict[str, Any]) -> dict[str, Any]:
        mission = observation["mission"]
        if mission != self._mission:
            letters = mission.encode("ascii", "replace")[: self._mission_length]
            self._encoded = np.zeros(self._mission_length, np.uint8)
            self._encoded[: len(letters)] = np.frombuffer(letters, np.uint8)
            self._mission = mission
        observation["mission"] = self._encoded
        return observation

    def render(self) -> np.ndarray:
        return self._env.render()

    def close(self) -> None:
        self._env.close()


@cache
def _ids() -> list[str]:
    return ids.in_source("minigrid", _ID)
