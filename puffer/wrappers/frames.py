"""Wrappers over several steps: stacked observations and repeated actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from puffer import checks
from puffer.layout.walk import ARRAYS, along, leaves
from puffer.wrappers.wrapper import Wrapper


class FrameStack(Wrapper):
    """Stack the last `frames` observations, the oldest first, along a new first axis of every array.

    An episode begins with a stack of copies of its first observation; so does the part of an agent that comes later.

    Raises TypeError for observations other than Box, Discrete, MultiDiscrete and MultiBinary, and Dicts and Tuples of
    them.
    """

    def __init__(self, env: Any, frames: int) -> None:
        super().__init__(env)
        self._frames = checks.integer("frames", frames, 1)
        self._single = self.single_observation_space
        if not all(isinstance(leaf, ARRAYS) for _, leaf in leaves(self._single)):
            raise TypeError(
                f"FrameStack needs observations of Box, Discrete, MultiDiscrete and MultiBinary, which Dict and Tuple "
                f"may nest; {env} has the observation space {self._single}"
            )
        self.single_observation_space = batch_space(self._single, self._frames)
        # Whose rows hold a stack already.
        self._has_stack = np.zeros(self.num_agents, np.bool_)

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, list[dict[str, Any]]]:
        self._has_stack.fill(False)
        return super().reset(seed)

    def change_observations(self, observations: Any) -> None:
        fresh = (self.masks > self._has_stack).nonzero()[0]
        for stack, frame in zip(self._arrays(self.observation_views), self._arrays(observations), strict=True):
            # One by one: NumPy would move them all at once through memory that it allocates.
            for age in range(self._frames - 1):
                stack[:, age] = stack[:, age + 1]
            stack[:, -1] = frame
            if fresh.size:
                stack[fresh] = frame[fresh][:, np.newaxis]
        self._has_stack[:] = self.masks

    def _arrays(self, views: Any) -> list[np.ndarray]:
        """The arrays that nest like an observation, in order."""
        return [array for _, _, array in along(self._single, views)]


class FrameSkip(Wrapper):
    """Repeat each action for `steps` steps, or until the episode ends, and add up the rewards.

    An agent that ends before the last of these steps keeps the observation and flags of its end. The infos of the steps
    are merged, and a later value replaces an earlier one of the same key.

    Parameters
    ----------
    env
        Any environment.
    steps : int
        Steps per action, at least 1.
    maximum : bool
        Whether to observe the element-wise maximum of the last two observations of these steps, for games that draw
        some things only in every second frame.

    Raises
    ------
    TypeError
        If `maximum` is true and the observations are not a Box.
    """

    def __init__(self, env: Any, steps: int, maximum: bool = False) -> None:
        super().__init__(env)
        self._steps = checks.integer("steps", steps, 1)
        self._maximum = maximum
        if maximum and not isinstance(self.single_observation_space, spaces.Box):
            raise TypeError(
                f"FrameSkip with maximum=True needs observations in a Box, and {env} has the observation space "
                f"{self.single_observation_space}"
            )
        flat = self.layout.flat_space
        self._last = np.zeros((self.num_agents, *flat.shape), flat.dtype)

    def _shared(self) -> list[str]:
        # Every step of the env clears its outputs, and the wrapper adds them up in its own.
        return ["actions"]

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, list[dict[str, Any]]]:
        infos = self.reset_env(seed)
        np.copyto(self.observations, self.env_rows.observations)
        np.copyto(self.masks, self.env_rows.masks)
        return self.observations, infos

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        for outputs in (self.rewards, self.terminations, self.truncations, self.masks):
            outputs.fill(0)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_agents)]
        for _ in range(self._steps):
            for merged, info in zip(infos, self.step_env(actions), strict=True):
                merged.update(info)
            self._gather()
            if self.env_ended:
                break
        return self.observations, self.rewards, self.terminations, self.truncations, infos

    def _gather(self) -> None:
        """Add a step of the env to that of the wrapper."""
        rows = self.env_rows
        self.rewards += rows.rewards
        self.terminations |= rows.terminations
        self.truncations |= rows.truncations
        for row in rows.masks.nonzero()[0]:
            observation = rows.observations[row]
            if self._maximum and self.masks[row]:
                np.maximum(self._last[row], observation, out=self.observations[row])
            else:
                self.observations[row] = observation
            if self._maximum:
                self._last[row] = observation
        self.masks |= rows.masks
