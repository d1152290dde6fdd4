"""Which episode each copy of a batch plays, with which seed, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from puffer.vector import VectorEnv


class Games:
    """Which episode each group of rows plays, and what came of them.

    A group is a copy, or one of its agents where each has episodes of its own.
    """

    def __init__(self, batch: VectorEnv, episodes: int, seed: int) -> None:
        self.batch, self.episodes, self.seed = batch, episodes, seed
        self.agents = 1 if batch.independent_agents else batch.agents_per_env
        self.groups = batch.num_envs // self.agents
        self.mode = batch.autoreset_mode
        self.returns = np.zeros((episodes, self.agents))
        self.lengths = np.zeros((episodes, self.agents), np.int64)
        numbers = np.arange(episodes, dtype=np.uint64)
        if batch.independent_agents:
            numbers = numbers % np.uint64(self.groups) // np.uint64(batch.agents_per_env)
        self.seeds = numbers + np.uint64(seed)
        # The episode that each group plays, and how many are over.
        self.current = np.arange(self.groups)
        self.ended = 0
        # Which rows take part, which ones begin an episode, and which groups wait for their next one.
        self.alive = np.ones((self.groups, self.agents), np.bool_)
        self.starts = np.ones(batch.num_envs, np.bool_)
        self.waiting = np.zeros(self.groups, np.bool_)

    @property
    def counting(self) -> np.ndarray:
        """Bool (groups,): whether the episode of the group is one of those that were asked for."""
        return (self.current < self.episodes) & ~self.waiting

    def begin(self, env: gymnasium.vector.VectorEnv) -> Any:
        """Begin the first episodes; returns the observations."""
        observations, _ = env.reset(seed=[(self.seed + copy) % 2**64 for copy in range(self.batch.num_copies)])
        self.alive = self._live()
        self._seed_next(np.arange(self.groups))
        return observations

    def reset_waiting(self, env: gymnasium.vector.VectorEnv) -> Any:
        """Begin the next episodes of the groups that wait for a reset; returns the observations."""
        self.starts = np.repeat(self.waiting, self.agents)
        observations, _ = env.reset(options={"reset_mask": self.starts})
        self.alive[self.waiting] = self._live()[self.waiting]
        self.waiting[:] = False
        return observations

    def follow(self) -> list[int]:
        """Take over a step. Returns the episodes that ended, each in the group k % groups."""
        ends, live = self.batch.ends, self._live()
        has_ended = np.zeros_like(self.alive)
        has_ended.ravel()[ends.rows] = True
        self._add(ends)
        self.alive &= ~has_ended
        goes_on = self.alive.any(axis=1)
        # Agents of environments in Python come and go while the episode goes on.
        self.alive = np.where(goes_on[:, None] & ~has_ended, live, self.alive)
        over = ~goes_on & ~self.waiting
        begun = over if self.mode is AutoresetMode.SAME_STEP else self.waiting
        if self.mode is AutoresetMode.DISABLED:
            begun = np.zeros_like(over)
        self.alive[begun] = live[begun]
        self.starts = np.repeat(begun, self.agents)
        finished = self.current[over & self.counting].tolist()
        self.waiting = over if self.mode is not AutoresetMode.SAME_STEP else np.zeros_like(over)
        self.ended += len(finished)
        if over.any():
            self.current[over] += self.groups
            self._seed_next(np.flatnonzero(over))
        return finished

    def total(self, k: int) -> float:
        """The return of episode k, as `Evaluation.totals` has it."""
        return float(self.returns[k][self.lengths[k] > 0].mean())

    def extremes(self, episodes: Iterable[int]) -> tuple[int, int]:
        """The best and the worst of some episodes; of equal ones the first."""
        return max(sorted(episodes), key=self.total), min(sorted(episodes), key=self.total)

    def _add(self, ends: Any) -> None:
        group, agent = np.divmod(ends.rows, self.agents)
        counts = self.counting[group]
        where = self.current[group[counts]], agent[counts]
        # An agent may come again in the same episode.
        self.returns[where] += ends.returns[counts]
        self.lengths[where] += ends.lengths[counts]

    def _seed_next(self, groups: np.ndarray) -> None:
        """Set the seeds of the episodes after those that groups have begun, or are to begin."""
        # Of agents with episodes of their own, a seed would begin those of the whole copy.
        if self.batch.independent_agents:
            return
        following = self.current[groups] + self.groups * ~self.waiting[groups]
        wanted = following < self.episodes
        if wanted.any():
            seeds = [self.seed + k for k in following[wanted].tolist()]
            self.batch.set_next(groups[wanted].tolist(), seed=seeds)

    def _live(self) -> np.ndarray:
        return self.batch.masks.reshape(self.groups, self.agents).copy()
