"""Wrappers that change rewards."""

from __future__ import annotations

from typing import Any

import numpy as np

from puffer import checks
from puffer.wrappers.wrapper import Wrapper


class ClipReward(Wrapper):
    """Clip rewards to low .. high.

    Parameters
    ----------
    env
        Any environment.
    low, high : float, optional
        Bounds, at least one of them. None leaves a side open.

    Raises
    ------
    TypeError
        If a bound is not a number.
    ValueError
        If both bounds are None, or low is greater than high.
    """

    def __init__(self, env: Any, low: float | None = None, high: float | None = None) -> None:
        super().__init__(env)
        if low is None and high is None:
            raise ValueError("ClipReward needs low, high or both, got None for both")
        self._low = -np.inf if low is None else checks.number("low", low, -np.inf, np.inf)
        self._high = np.inf if high is None else checks.number("high", high, -np.inf, np.inf)
        if self._low > self._high:
            raise ValueError(f"low must be at most high, got low = {low} and high = {high}")

    def change_rewards(self, rewards: np.ndarray) -> None:
        rewards.clip(self._low, self._high, out=rewards)
