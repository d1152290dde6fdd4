"""Environments written in Python that do next to nothing, to measure the work around them."""

from __future__ import annotations

import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

import puffer

# Steps of an episode.
_LENGTH = 200


class Still(gymnasium.Env):
    """Returns the same observation at every step: a sample of its space, which subclasses choose."""

    action_space: spaces.Space = spaces.Discrete(2)

    def __init__(self) -> None:
        self._observation = self.observation_space.sample()
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._steps = 0
        return self._observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        return self._observation, 1.0, self._steps == _LENGTH, False, {}


class BoxEnv(Still):
    """One array of four floats."""

    observation_space = spaces.Box(-1, 1, (4,))


class TwoKeyEnv(Still):
    """A small image and a vector."""

    observation_space = spaces.Dict(
        {"image": spaces.Box(0, 255, (8, 8, 3), np.uint8), "vector": spaces.Box(-1, 1, (4,))}
    )


class ThreeKeyEnv(Still):
    """A small image, a vector and a number."""

    observation_space = spaces.Dict(
        {
            "image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
            "vector": spaces.Box(-1, 1, (4,)),
            "number": spaces.Discrete(5),
        }
    )


class NestedEnv(Still):
    """Nested dicts and tuples, and actions with a discrete and a continuous part."""

    observation_space = spaces.Dict(
        {
            "image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
            "rest": spaces.Tuple(
                [spaces.Discrete(3), spaces.Dict({"vector": spaces.Box(-1, 1, (4,)), "bits": spaces.MultiBinary(5)})]
            ),
        }
    )
    action_space = spaces.Dict({"move": spaces.Discrete(4), "turn": spaces.Box(-1, 1, (2,))})


class SleepEnv(BoxEnv):
    """Sleeps for a millisecond in each step."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        time.sleep(0.001)
        return super().step(action)


class InPlaceEnv(puffer.PufferEnv):
    """A counter that writes into its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.single_observation_space = self.make_space((4,))
        self.single_action_space = self.make_discrete(2)
        self._steps = 0

    def reset(self, seed: int | None = None) -> np.ndarray:
        self._steps = 0
        self.observations[0] = 0
        return self.observations

    def step(self, actions: np.ndarray) -> tuple:
        self._steps += 1
        self.observations[0, 0] = self._steps
        self.rewards[0] = actions[0]
        self.terminations[0] = self._steps == _LENGTH
        return self.observations, self.rewards, self.terminations, self.truncations, {}
