"""Wrappers over the agents of one environment."""

from __future__ import annotations

from typing import Any

import numpy as np

from puffer.wrappers.wrapper import Wrapper

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


class MeanOverAgents(Wrapper):
    """Merge the infos of all agents into one, in the first row, with the means of their numbers.

    A number is averaged over the agents that report it. Nested dicts are merged in the same way, and other values are
    dropped.

    Parameters
    ----------
    env
        An environment with several agents.
    rewards : bool
        Whether every agent that takes part also gets the mean of their rewards.
    """

    def __init__(self, env: Any, rewards: bool = False) -> None:
        super().__init__(env)
        self._rewards = rewards

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, list[dict[str, Any]]]:
        observations, infos = super().reset(seed)
        return observations, self._summary(infos)

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, terminations, truncations, infos = super().step(actions)
        return observations, rewards, terminations, truncations, self._summary(infos)

    def change_rewards(self, rewards: np.ndarray) -> None:
        if self._rewards:
            rewards[self.masks] = rewards[self.masks].mean()

    def _summary(self, infos: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [_mean(infos), *({} for _ in range(self.num_agents - 1))]


def _mean(infos: list[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for key in dict.fromkeys(key for info in infos for key in info):
        values = [info[key] for info in infos if key in info]
        nested = [value for value in values if isinstance(value, dict)]
        numbers = [float(value) for value in values if isinstance(value, _NUMBERS)]
        if numbers:
            means[key] = sum(numbers) / len(numbers)
        elif nested:
            means[key] = _mean(nested)
    return means
