"""What a reset or step of a batch returned, and how two such results differ."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from puffer.checking.values import difference
from puffer.layout.observation import Layout
from puffer.vector import VectorEnv


class Result(NamedTuple):
    """Arrays with a row for each agent, copied. After a reset, rewards and flags are zero.

    `final_observations` has the last observation of rows whose episode has ended, and zeros elsewhere.
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
        Of the last call.
    result : Result
        Of the last call.
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
    """The row and the array in which two results differ by more than rtol and atol allow, and how; None if in none.

    Observations are compared as `layout` nests them.
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
