"""Buffers of a whole rollout, which steps write into directly."""

from __future__ import annotations

import numpy as np

from puffer.native.buffers import Buffers, aligned_zeros


class Rollout:
    """Buffers of `horizon` steps, made by `rollout_buffers(horizon)` of a native environment.

    Step t of the rollout writes straight into row t, so the training batch is there without a copy. After `horizon`
    steps the next one begins again at row 0, overwriting; the last observations carry over.

    Attributes
    ----------
    horizon : int
    steps : int
        Steps written since the rollout began, 0 to horizon.
    observations : (horizon, rows, ...)
        What the policy saw: row t is the observation that action t answered.
    next_observations : (horizon, rows, ...)
        What step t returned. The same memory as `observations`, one row on.
    actions : (horizon, rows, ...)
    rewards : (horizon, rows) float32
    terminations, truncations, masks : (horizon, rows) bool
    checked_actions : (rows, ...)
        The actions of the last step, for the environment's own use.
    """

    def __init__(self, horizon: int, buffers: Buffers) -> None:
        def rows(array, count=horizon):
            return aligned_zeros((count, *array.shape), array.dtype)

        self.horizon = horizon
        self.steps = 0
        self._observations = rows(buffers.observations, horizon + 1)
        self.observations = self._observations[:-1]
        self.next_observations = self._observations[1:]
        self.actions = rows(buffers.actions)
        self.rewards = rows(buffers.rewards)
        self.terminations = rows(buffers.terminations)
        self.truncations = rows(buffers.truncations)
        self.masks = rows(buffers.masks)
        self.checked_actions = aligned_zeros(buffers.actions.shape, buffers.actions.dtype)
        # The masks of single-agent environments are never written again.
        self.masks[:] = True
        single_row = (buffers.observations.shape[1:], buffers.observations.dtype)
        single_action = (buffers.actions.shape[1:], buffers.actions.dtype)
        count = len(buffers.rewards)
        self._first = Buffers(count, *single_row, *single_action, {"observations": self._observations[0]})
        self._steps = [
            Buffers(
                count,
                *single_row,
                *single_action,
                {
                    "observations": self.next_observations[t],
                    "actions": self.actions[t],
                    "rewards": self.rewards[t],
                    "terminations": self.terminations[t],
                    "truncations": self.truncations[t],
                    "masks": self.masks[t],
                },
            )
            for t in range(horizon)
        ]

    def start(self) -> Buffers:
        """Begin the rollout anew; returns the buffers for a reset."""
        self.steps = 0
        return self._first

    def next_buffers(self) -> Buffers:
        """The buffers of the step to come."""
        return self._steps[self.steps % self.horizon]

    def advance(self) -> None:
        """Count the step to come."""
        if self.steps == self.horizon:
            np.copyto(self._observations[0], self._observations[-1])
            self.steps = 0
        self.steps += 1
