"""`emulate`: a batch of any environment, given as an instance or as what makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import cloudpickle
import gymnasium

from puffer import checks
from puffer.backends.choice import python_backend
from puffer.env import PufferEnv
from puffer.rendering import copy_mode, declared_modes
from puffer.systems.gym import GymnasiumCreator
from puffer.vector import VectorEnv
from puffer.wrappers.adapters.adapter import Adapter, GymAdapter, seeds_after, takes_parameter
from puffer.wrappers.adapters.pettingzoo import pettingzoo_adapter
from puffer.wrappers.adapters.puffer_env import PufferAdapter


def emulate(
    env: Any,
    num_envs: int = 1,
    *,
    backend: str = "auto",
    num_workers: int | None = None,
    timeout: float = 60.0,
    ordered: bool = False,
    restart_workers: bool = False,
    copy: bool = False,
    render_mode: str | None = None,
    **options: Any,
) -> VectorEnv:
    """Make a batch of `num_envs` copies of an environment.

    Parameters
    ----------
    env
        A callable without arguments that makes a copy; or one copy, which is replicated through its Gymnasium spec if
        it has one and else by pickling. A copy is a `gymnasium.Env`, a `PufferEnv`, a PettingZoo environment, in which
        agents act at once or take turns, or anything with the methods of an environment of older versions of Gym.
    num_envs : int
        Copies.
    backend, num_workers, timeout, ordered, restart_workers, copy
        As in `puffer.make`.
    render_mode : "rgb_array", "ansi", "human", optional
        By default that of the copies. A callable with a parameter of this name is called with the mode; other copies
        must have been made with it, or with "rgb_array" for a window that shows copy 0 in the mode "human".
    **options
        batch_size, autoreset_mode, max_steps, buf, seed, record_episodes, check_actions, as in `puffer.make`.

    A PettingZoo environment has a row for each of its `possible_agents`, and `masks` tell which of them take part.
    Agents may have spaces of different sizes, see `puffer.layout.padding`. Where they take turns, a step is the turn
    of the row with `info["to_move"]`, and the actions of the others are ignored; if the metadata say
    `is_parallelizable`, a step is a turn of every agent.

    Raises TypeError for what is no environment, or for an instance that cannot be replicated, and ValueError for agents
    whose spaces cannot share a row, and for a render mode that the copies have not.
    """
    workers = {
        "num_workers": num_workers,
        "timeout": timeout,
        "ordered": ordered,
        "restart_workers": restart_workers,
    }
    options["render_mode"] = render_mode
    creator = creator_of(env, render_mode)
    return VectorEnv(python_backend(creator, num_envs, backend, workers, options), copy=copy)


def creator_of(env: Any, render_mode: str | None = None) -> Callable[[int], Adapter]:
    """What makes adapters of copies of `env`, an instance or a callable; only the latter can be told a render mode."""
    if _is_env(env):
        spec = env.spec if isinstance(env, gymnasium.Env) else None
        if spec is None or any(wrapper.kwargs is None for wrapper in spec.additional_wrappers):
            return _PickleCreator(env)
        if not spec.additional_wrappers:
            return GymnasiumCreator(spec)
        # Its wrappers may stand outside its time limit, which then is not for the batch to keep.
        return _CallCreator(partial(gymnasium.make, spec, disable_env_checker=True))
    if callable(env):
        return _CallCreator(env, render_mode)
    raise TypeError(f"emulate takes an environment or a callable that makes one, got {env!r}")


def call_creator(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Callable[[int], Adapter]:
    """What makes adapters of what `function(**arguments)` makes; `arguments` may have a render mode for the batch.

    Raises ValueError for a render mode that `function`, a class of environments or a function, does not have.
    """
    own = dict(arguments)
    mode = own.pop("render_mode", None)
    if mode is not None:
        checks.render_mode(mode, declared_modes(function))
    return _CallCreator(partial(function, **own), mode)


def adapter_of(env: Any) -> Adapter:
    """The adapter for one copy. Raises TypeError for what is no environment."""
    if isinstance(env, PufferEnv):
        return PufferAdapter(env)
    if not _is_env(env):
        raise TypeError(
            f"expected an environment (a gymnasium.Env, a PufferEnv, one of PettingZoo, or one with the methods of "
            f"older versions of Gym), got {env!r}"
        )
    # Spaces that belong to agents.
    return pettingzoo_adapter(env) if callable(env.observation_space) else GymAdapter(env)


def _is_env(env: Any) -> bool:
    return (
        not isinstance(env, (type, gymnasium.vector.VectorEnv))
        and callable(getattr(env, "reset", None))
        and callable(getattr(env, "step", None))
        and (isinstance(env, PufferEnv) or (hasattr(env, "observation_space") and hasattr(env, "action_space")))
    )


class _CallCreator:
    """Calls a function for each copy, with the render mode if it takes one."""

    def __init__(self, function: Callable[..., Any], render_mode: str | None = None) -> None:
        self._function = function
        self._render_mode = render_mode

    def __call__(self, copy: int) -> Adapter:
        if self._render_mode is None or not takes_parameter(self._function, "render_mode"):
            return adapter_of(self._function())
        modes = declared_modes(getattr(self._function, "func", self._function))
        return adapter_of(self._function(render_mode=copy_mode(self._render_mode, modes, copy)))


class _PickleCreator:
    """Makes copies of an instance by pickling it."""

    def __init__(self, env: Any) -> None:
        try:
            self._pickled = cloudpickle.dumps(env)
        except Exception as error:
            raise TypeError(
                f"{env!r} has no spec and cannot be pickled ({error}); pass a function that makes the environment "
                f"instead: puffer.emulate(lambda: ..., num_envs)"
            ) from error

    def __call__(self, copy: int) -> Adapter:
        adapter = adapter_of(cloudpickle.loads(self._pickled))
        # Copies with the random state of the instance would all play the same episodes.
        adapter.seeds = iter([next(seeds_after(None))])
        return adapter
