"""A policy as `evaluate` calls it, and the check of the actions that it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np


class Player:
    """A policy, and the state that it has given."""

    def __init__(self, env: gymnasium.vector.VectorEnv, policy: Callable[..., Any]) -> None:
        self.batch, self.policy = env.unwrapped, policy
        self.name = getattr(policy, "__name__", type(policy).__name__)
        self.state = None
        # A trained policy knows what it was trained on.
        if hasattr(policy, "require_env"):
            policy.require_env(self.batch)
        try:
            parameters = list(inspect.signature(policy).parameters)[1:]
        except (TypeError, ValueError):
            # Not every compiled function has a signature.
            parameters = []
        self.takes = [name for name in ("action_masks", "starts", "episode_start", "state") if name in parameters]
        space = env.single_action_space
        self.shape = None if space.shape is None else (self.batch.num_envs, *space.shape)

    def act(self, observations: Any, starts: np.ndarray) -> Any:
        """The actions of all rows. Raises ValueError for those that the policy should not have returned."""
        given = {"starts": starts, "episode_start": starts, "state": self.state}
        if "action_masks" in self.takes:
            given["action_masks"] = self.batch.action_masks
        result = self.policy(observations, **{name: given[name] for name in self.takes})
        if "state" in self.takes:
            if not isinstance(result, tuple) or len(result) != 2:
                raise ValueError(
                    f"policy {self.name} takes a state, so it must return (actions, state), got {result!r}"
                )
            result, self.state = result
        # Actions of a Dict or Tuple are checked by the batch.
        return result if self.shape is None else self._checked(result)

    def _checked(self, actions: Any) -> np.ndarray:
        # A tensor may need gradients, or lie on a GPU.
        try:
            array = np.asarray(actions.detach().cpu() if hasattr(actions, "detach") else actions)
            shape = array.shape
        except ValueError:
            # A list or tuple of parts that differ in shape.
            shape = None
        if shape != self.shape:
            given = f"a {type(actions).__name__} of unequal parts" if shape is None else f"actions of shape {shape}"
            # As policies with a state return them.
            is_pair = isinstance(actions, tuple) and len(actions) == 2
            hint = "; to return (actions, state) it needs a parameter called state" if is_pair else ""
            raise ValueError(
                f"policy {self.name} returned {given}, expected {self.shape} for the "
                f"{self.batch.num_envs} rows of {self.batch!r}{hint}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0, 0])
            raise ValueError(f"policy {self.name} returned {array[row]} for row {row}: actions must be finite numbers")
        return array
