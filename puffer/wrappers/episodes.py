"""Wrappers for the statistics and the length of episodes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from puffer import checks
from puffer.wrappers.wrapper import Wrapper


class EpisodeStatistics(Wrapper):
    """Put "episode" into the info of an agent whose episode ends: {"r": return, "l": length, "t": seconds}.

    These are the keys of Gymnasium's RecordEpisodeStatistics. The time counts from the reset. The wrapper does not
    report episodes that are truncated outside of it, for example by the option `max_steps` of a batch.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._returns = np.zeros(self.num_agents)
        self._lengths = np.zeros(self.num_agents, np.int64)
        self._start = 0.0

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, list[dict[str, Any]]]:
        self._returns.fill(0)
        self._lengths.fill(0)
        result = super().reset(seed)
        self._start = time.perf_counter()
        return result

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        result = super().step(actions)
        self._returns += self.rewards
        self._lengths += self.masks
        for row in (self.terminations | self.truncations).nonzero()[0]:
            result[-1][row]["episode"] = {
                "r": float(self._returns[row]),
                "l": int(self._lengths[row]),
                "t": round(time.perf_counter() - self._start, 6),
            }
        return result


class TimeLimit(Wrapper):
    """Truncate episodes after `max_steps` steps, or after the time limit of `env` if that is shorter.

    An agent that is terminated in the last step is truncated as well.

    Parameters
    ----------
    env
        Any environment.
    max_steps : int
        Steps of an episode, at least 1.
    """

    def __init__(self, env: Any, max_steps: int) -> None:
        super().__init__(env)
        steps = checks.integer("max_steps", max_steps, 1)
        self.env_max_steps = steps if self.env_max_steps is None else min(steps, self.env_max_steps)
