"""`emulate`: a batch of any environment, given as one copy or as a callable that makes one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import cloudpickle
import gymnasium

from puffer.backends.choice import python_batch
from puffer.backends.creator import Creator
from puffer.options import BatchOptions, WorkerOptions
from puffer.systems.gym import spec_creator
from puffer.vector import VectorEnv
from puffer.wrappers.adapters.kinds import is_env


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
    max_length: int | Mapping[str, int] | None = None,
    flat: bool = True,
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
    max_length : int or mapping of str to int, optional
        For observations of varying size (Sequence, Graph, and texts whose space does not tell their length): the most
        items, for all or by path; see `puffer.spaces.Layout`.
    flat : bool
        As in `puffer.make`.
    **options
        batch_size, autoreset_mode, max_steps, buf, seed, record_episodes, check_actions, as in `puffer.make`.

    A PettingZoo environment has a row for each of its `possible_agents`, and `masks` tell which of them take part.
    Agents may have spaces of different sizes, see `puffer.layout.padding`. Where they take turns, a step is the turn
    of the row with `info["to_move"]`, and the actions of the others are ignored; if the metadata say
    `is_parallelizable`, a step is a turn of every agent.

    Raises TypeError if `env` is neither an environment nor a callable, or is an instance that cannot be replicated;
    ValueError for agents whose spaces cannot share a row, and for a render mode that the copies do not have.
    """
    workers = WorkerOptions(num_workers, timeout, ordered, restart_workers)
    creator = creator_of(env, render_mode)
    creator.max_length = max_length
    batch = python_batch(creator, BatchOptions(num_envs, render_mode=render_mode, **options), workers, backend)
    return VectorEnv(batch, copy=copy, flat=flat)


def creator_of(env: Any, render_mode: str | None = None) -> Creator:
    """The creator of copies of `env`, an instance or a callable; only a callable can be given a render mode."""
    if not is_env(env):
        if callable(env):
            return Creator(env, {"render_mode": render_mode})
        raise TypeError(f"emulate takes an environment or a callable that makes one, got {env!r}")
    spec = env.spec if isinstance(env, gymnasium.Env) else None
    if spec is None or any(wrapper.kwargs is None for wrapper in spec.additional_wrappers):
        # Copies with the random state of the instance would all play the same episodes.
        return Creator(partial(cloudpickle.loads, _pickled(env)), reseed="once")
    if not spec.additional_wrappers:
        return spec_creator(spec)
    # Its wrappers may stand outside its time limit, which the batch then cannot keep.
    return Creator(partial(gymnasium.make, spec, disable_env_checker=True))


def _pickled(env: Any) -> bytes:
    try:
        return cloudpickle.dumps(env)
    except Exception as error:
        raise TypeError(
            f"{env!r} has no spec and cannot be pickled ({error}); pass a function that makes the environment "
            f"instead: puffer.emulate(lambda: ..., num_envs)"
        ) from error
