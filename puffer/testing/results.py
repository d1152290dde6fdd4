"""The results of resets and steps, and the difference of two results."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from puffer.checking.values import difference
from puffer.layout.observation import Layout
from puffer.vector import VectorEnv


class Result(NamedTuple):
    """Copied arrays with a row for each agent. After a reset, rewards and flags are zero.

    `final_observations` has the last observations of the rows whose episode has ended, and zeros elsewhere.
    """

    observations: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    masks: np.ndarray
    final_observations: np.ndarray


class Player:
    """Resets and steps a batch.

    Attributes
    ----------
    info : dict
        The info of the last call.
    result : Result
        The result of the last call.
    """

    result: Result
    info: dict[str, Any]

    def __init__(self, env: VectorEnv) -> None:
        self.env = env

    def reset(self, seeds: list[int]) -> Result:
        observations, info = self.env.reset(seed=seeds)
        rows = self.env.num_envs
        return self._keep(observations, np.zeros(rows, np.float32), np.zeros(rows, bool), np.zeros(rows, bool), info)

    def step(self, actions: np.ndarray) -> Result:
        return self._keep(*self.env.step(actions))

    def _keep(
        self,
        observations: np.ndarray,
        rewards: np.ndarray,
        terminations: np.ndarray,
        truncations: np.ndarray,
        info: dict[str, Any],
    ) -> Result:
        finals = np.zeros_like(observations)
        for row in np.flatnonzero(info.get("_final_obs", ())):
            finals[row] = info["final_obs"][row]
        arrays = (observations, rewards, terminations, truncations, self.env.masks)
        self.info, self.result = info, Result(*(array.copy() for array in arrays), finals)
        return self.result


def first_difference(layout: Layout, first: Result, second: Result, rtol: float, atol: float) -> str | None:
    """The first difference of two results beyond rtol and atol, with its row and array; None if there is none.

    Observations are compared nested, as in the space of `layout`.
    """
    for name, one, other in zip(Result._fields, first, second, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return difference(one, other, name)
        if one.tobytes() == other.tobytes():
            continue
        for row in range(len(one)):
            a, b = one[row], other[row]
            if name.endswith("observations"):
                a, b = layout.view(a), layout.view(b)
            found = difference(a, b, name, rtol, atol)
            if found:
                return f"row {row}: {found}"
    return None
