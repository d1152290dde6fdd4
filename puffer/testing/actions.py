"""Legal actions of a batch, and random ones."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer.testing.results import Player
from puffer.vector import VectorEnv


def legal_actions(player: Player) -> np.ndarray | None:
    """The Discrete actions that each row may take now, bool (rows, actions); None if an environment tells no masks.

    They are the `action_masks` of an environment that puts them into its observations or infos. Native games that mark
    their legal actions are given every action: a comparison shall show what they do with the others.

    Raises ValueError for masks of another size.
    """
    env = player.env
    if not isinstance(env.single_action_space, spaces.Discrete) or getattr(env.native_env, "masks_actions", False):
        return None
    masks = env.action_masks
    return None if masks is None else masks.copy()


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
