"""The rows of a batch that are in an episode, and those that wait for a reset."""

from __future__ import annotations

import numpy as np
from gymnasium.vector import AutoresetMode


class Episodes:
    """Follows the episodes of a batch, in which `agents` rows begin and end together, by the results of its steps.

    Attributes
    ----------
    restart : (rows,) bool
        After a step: the rows whose copy began a new episode in that step (SAME_STEP) or waits for a reset.
    took_part : (rows,) bool
        The rows that were in an episode in the last step.
    returns, lengths : (rows,) arrays
        Returns and lengths of the episodes that the last step belonged to.
    """

    def __init__(self, rows: int, agents: int, mode: AutoresetMode | None) -> None:
        self._agents = agents
        self._mode = mode
        self.restart = np.zeros(rows, np.bool_)
        self.took_part = np.ones(rows, np.bool_)
        self.returns = np.zeros(rows)
        self.lengths = np.zeros(rows, np.int64)
        self._going = np.ones(rows, np.bool_)

    def begin(self, rows: np.ndarray, masks: np.ndarray) -> None:
        """Record a reset of `rows`."""
        self._going[rows] = masks[rows]
        self.restart[rows] = False
        self.returns[rows] = 0
        self.lengths[rows] = 0

    def add(self, rewards: np.ndarray, ended: np.ndarray, masks: np.ndarray) -> None:
        """Record a step. `masks` are the agents that took part in it or begin an episode."""
        self.returns[self.restart] = 0
        self.lengths[self.restart] = 0
        resets_now = self.restart & (self._mode is AutoresetMode.NEXT_STEP)
        self.took_part = (self._going | self.restart) & ~resets_now
        self.returns[self.took_part] += rewards[self.took_part]
        self.lengths[self.took_part] += 1
        # In SAME_STEP the masks may already be those of the next episode.
        self._going = (self._going | self.restart) & masks & ~ended
        self.restart = np.repeat(~self._going.reshape(-1, self._agents).any(axis=1), self._agents)
