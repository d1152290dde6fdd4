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
    if isinstance(env, VectorEnv):
        raise TypeError(
            f"expected one copy of an environment, got the batch {env!r}; wrappers go around each copy: "
            f"puffer.emulate(lambda: Wrapper(gymnasium.make(...)), num_envs)"
        )
    require_spaces(env)
    if not is_env(env):
        raise TypeError(
            f"expected an environment (a gymnasium.Env, a PufferEnv, a PettingZoo environment, or an object with the "
            f"methods of older versions of Gym), got {env!r}"
        )
    # In PettingZoo the space is a method that takes an agent.
    if callable(env.observation_space):
        return pettingzoo_adapter(env, max_length)
    return GymAdapter(env, max_length=max_length)


def require_spaces(value: Any) -> None:
    """Raise TypeError for what steps as an environment does, and has no spaces. The message has the line to type."""
    lacking = [name for name in ("observation_space", "action_space") if not hasattr(value, name)]
    if lacking and not isinstance(value, (type, PufferEnv)) and callable(getattr(value, "step", None)):
        raise TypeError(
            f"{value!r} has no {' and no '.join(lacking)}; set self.observation_space and self.action_space in its "
            f"__init__, for example gymnasium.spaces.Box(-1, 1, (4,), np.float32)"
        )


def is_env(value: Any) -> bool:
    """Whether `value` is one copy of an environment of a kind that `adapter_of` knows."""
    return (
        not isinstance(value, (type, VectorEnv))
        and callable(getattr(value, "reset", None))
        and callable(getattr(value, "step", None))
        and (isinstance(value, PufferEnv) or (hasattr(value, "observation_space") and hasattr(value, "action_space")))
    )
