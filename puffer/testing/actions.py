"""Legal actions of a batch, and random ones."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer.layout.walk import bounds
from puffer.testing.results import Player
from puffer.vector import VectorEnv


def legal_actions(player: Player) -> np.ndarray | None:
    """The Discrete actions that each row may take now, bool (rows, actions); None if there are no masks.

    A row with a mask that allows nothing may take every action of its space.

    Raises ValueError for masks of another size.
    """
    env = player.env
    if not isinstance(env.single_action_space, spaces.Discrete):
        return None
    try:
        masks = env.action_masks
    except AttributeError:
        return None
    legal = masks & _ranges(env)
    return np.where(legal.any(axis=1, keepdims=True), legal, _ranges(env))


def _ranges(env: VectorEnv) -> np.ndarray:
    """Which actions of the space that spans all rows are in the ranges of each row, bool (rows, actions)."""
    single = env.single_action_space
    actions = single.start + np.arange(single.n)
    low, high = (bound.reshape(-1, 1) for bound in bounds(env.action_space, "action"))
    return (low <= actions) & (actions <= high)


class ActionSampler:
    """Draws batches of actions for an environment. They depend on the seed and on the masks only."""

    def __init__(self, env: VectorEnv, seed: int) -> None:
        self._layout = env.action_layout
        self._rows = env.num_envs
        self._batch_space, self._space = copy.deepcopy((env.action_space, env.action_layout.space))
        self._batch_space.seed(seed)
        self._space.seed(seed)
        self._has_ranges = env.copy_action_space is not None

    def sample(self, player: Player) -> np.ndarray:
        """An action for every row, (rows, ...) of the flat action space."""
        legal = legal_actions(player)
        if legal is None and self._has_ranges:
            return self._batch_space.sample()
        masks: list[Any] = [None] * self._rows if legal is None else list(legal.astype(np.int8))
        return np.stack([self._layout.flatten(self._space.sample(mask)) for mask in masks])
