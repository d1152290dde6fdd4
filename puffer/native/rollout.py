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
        # The masks of copies with one agent stay as they are.
        self.masks[:] = True
        single_row = (buffers.observations.shape[1:], buffers.observations.dtype)
        single_action = (buffers.actions.shape[1:], buffers.actions.dtype)
        count = len(buffers.rewards)
        # Actions are checked in the buffers of the batch, where the copies read them.
        live = {"actions": buffers.actions, "masks": buffers.masks}
        self._first = Buffers(count, *single_row, *single_action, {"observations": self._observations[0], **live})
        self._steps = [
            Buffers(
                count,
                *single_row,
                *single_action,
                {
                    "observations": self.next_observations[t],
                    "rewards": self.rewards[t],
                    "terminations": self.terminations[t],
                    "truncations": self.truncations[t],
                    **live,
                },
            )
            for t in range(horizon)
        ]

    def start(self) -> Buffers:
        """Begin the rollout anew; returns the buffers for a reset."""
        self.steps = 0
        return self._first

    def advance(self, actions: np.ndarray) -> Buffers:
        """Begin a step with these actions; returns its buffers."""
        if self.steps == self.horizon:
            np.copyto(self._observations[0], self._observations[-1])
            self.steps = 0
        step, self.steps = self.steps, self.steps + 1
        np.copyto(self.actions[step], actions)
        return self._steps[step]

    def keep_masks(self, masks: np.ndarray) -> None:
        """Take over the masks of the step that was begun last."""
        np.copyto(self.masks[self.steps - 1], masks)
