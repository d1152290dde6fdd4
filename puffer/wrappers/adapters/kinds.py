"""`adapter_of`: the adapter that drives an environment of any kind."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import VectorEnv

from puffer.env import PufferEnv
from puffer.wrappers.adapters.adapter import Adapter, GymAdapter
from puffer.wrappers.adapters.pettingzoo import pettingzoo_adapter
from puffer.wrappers.adapters.puffer_env import PufferAdapter


def adapter_of(env: Any) -> Adapter:
    """The adapter for one copy of an environment.

    Parameters
    ----------
    env : gymnasium.Env, PufferEnv, pettingzoo.ParallelEnv or pettingzoo.AECEnv
        Or any object with the methods of an environment of older versions of Gym.

    Raises TypeError for any other object.
    """
    if isinstance(env, PufferEnv):
        return PufferAdapter(env)
    if not is_env(env):
        raise TypeError(
            f"expected an environment (a gymnasium.Env, a PufferEnv, a PettingZoo environment, or an object with the "
            f"methods of older versions of Gym), got {env!r}"
        )
    # In PettingZoo the space is a method that takes an agent.
    return pettingzoo_adapter(env) if callable(env.observation_space) else GymAdapter(env)


def is_env(value: Any) -> bool:
    """Whether `value` is one copy of an environment of a kind that `adapter_of` knows."""
    return (
        not isinstance(value, (type, VectorEnv))
        and callable(getattr(value, "reset", None))
        and callable(getattr(value, "step", None))
        and (isinstance(value, PufferEnv) or (hasattr(value, "observation_space") and hasattr(value, "action_space")))
    )
