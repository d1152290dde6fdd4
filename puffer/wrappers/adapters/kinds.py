"""`adapter_of`: the adapter that drives an environment of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium.vector import VectorEnv

from puffer.env import PufferEnv
from puffer.wrappers.adapters.adapter import Adapter, GymAdapter
from puffer.wrappers.adapters.pettingzoo import pettingzoo_adapter
from puffer.wrappers.adapters.puffer_env import PufferAdapter


def adapter_of(env: Any, max_length: int | Mapping[str, int] | None = None) -> Adapter:
    """The adapter for one copy of an environment.

    Parameters
    ----------
    env : gymnasium.Env, PufferEnv, pettingzoo.ParallelEnv or pettingzoo.AECEnv
        Or any object with the methods of an environment of older versions of Gym.
    max_length : int or mapping of str to int, optional
        Of observations of varying size, see `puffer.spaces.Layout`.

    Raises TypeError for any other object.
    """
    if isinstance(env, PufferEnv):
        if max_length is not None:
            env.max_length = max_length
        return PufferAdapter(env)
    if not is_env(env):
        raise TypeError(
            f"expected an environment (a gymnasium.Env, a PufferEnv, a PettingZoo environment, or an object with the "
            f"methods of older versions of Gym), got {env!r}"
        )
    # In PettingZoo the space is a method that takes an agent.
    if callable(env.observation_space):
        return pettingzoo_adapter(env, max_length)
    return GymAdapter(env, max_length=max_length)


def is_env(value: Any) -> bool:
    """Whether `value` is one copy of an environment of a kind that `adapter_of` knows."""
    return (
        not isinstance(value, (type, VectorEnv))
        and callable(getattr(value, "reset", None))
        and callable(getattr(value, "step", None))
        and (isinstance(value, PufferEnv) or (hasattr(value, "observation_space") and hasattr(value, "action_space")))
    )
