"""`emulate`: a batch of any environment, given as one copy or as a callable that makes one."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import cloudpickle
import gymnasium

from puffer._core import Env
from puffer.backends.choice import python_batch
from puffer.backends.creator import Creator, CreatorOfEach
from puffer.backends.replicas import lost
from puffer.backends.worker.pickling import why_not
from puffer.options import BatchOptions, WorkerOptions
from puffer.systems.gym import spec_creator
from puffer.vector import VectorEnv
from puffer.wrappers.adapters.kinds import is_env, require_spaces


def emulate(
    env: Any,
    num_envs: int | None = None,
    *,
    backend: str = "auto",
    num_workers: int | None = None,
    timeout: float = 60.0,
    ordered: bool = False,
    restart_workers: bool = False,
    copy: bool | None = None,
    render_mode: str | None = None,
    max_length: int | Mapping[str, int] | None = None,
    flat: bool = True,
    **options: Any,
) -> VectorEnv:
    """Make a batch of `num_envs` copies of an environment.

    Parameters
    ----------
    env
        A callable that makes a copy, which is given the number of the copy if it has a parameter `copy`; a list of
        such callables, one for each copy; or one copy, which is replicated through its Gymnasium spec if that makes an
        equal one and else by pickling. A copy is a `gymnasium.Env`, a `PufferEnv`, a PettingZoo environment, in which
        agents act at once or take turns, or anything with the methods of an environment of older versions of Gym.
    num_envs : int, optional
        Copies; by default 1, or as many as the list has. Bounds of their spaces may differ: those of the batch span
        them all.
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
        batch_size, autoreset_mode, max_steps, buf, seed, record_episodes, check_actions, check_values, action_masks: as
        in `puffer.make`.

    A PettingZoo environment has a row for each of its `possible_agents`, and `masks` tell which of them take part.
    Agents may have spaces of different sizes, see `puffer.layout.padding`. Where they take turns, a step is the turn
    of the row with `info["to_move"]`, and the actions of the others are ignored; if the metadata say
    `is_parallelizable`, a step is a turn of every agent.

    Raises TypeError if `env` is neither an environment nor a callable, or is an instance that cannot be replicated, and
    for an option that there is not; ValueError for an instance whose copies would lack what was set on it, copies that
    are one object or wrap one, agents whose spaces cannot share a row, and a render mode that the copies do not have.
    """
    workers = WorkerOptions(num_workers, timeout, ordered, restart_workers)
    _require_options(env, options)
    if isinstance(env, (list, tuple)):
        creator: Creator | CreatorOfEach = _creator_of_each(env, num_envs, render_mode)
        num_envs = len(env)
    else:
        creator = creator_of(env, render_mode)
        num_envs = 1 if num_envs is None else num_envs
    creator.max_length = max_length
    batch = python_batch(creator, BatchOptions(num_envs, render_mode=render_mode, **options), workers, backend)
    return VectorEnv(batch, copy=copy, flat=flat)


def _require_options(env: Any, given: dict[str, Any]) -> None:
    """Raise TypeError for an option that no batch has. The message has the line to type."""
    own = [field.name for field in fields(BatchOptions) if field.name != "num_envs"]
    known = [name for name in inspect.signature(emulate).parameters if name not in ("env", "options")]
    for name in given:
        if name in own:
            continue
        near = difflib.get_close_matches(name, [*known, *own], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        made = getattr(env, "__name__", "MyEnv")
        maker = made if made.isidentifier() else "MyEnv"
        raise TypeError(
            f"emulate has no option {name!r}{hint}. An argument of the environment itself goes into the function that "
            f"makes it: puffer.emulate(lambda: {maker}({name}={given[name]!r:.60}), num_envs). The options are "
            f"{', '.join(dict.fromkeys([*known, *own]))}"
        )


def creator_of(env: Any, render_mode: str | None = None) -> Creator:
    """The creator of copies of `env`, an instance or a callable; only a callable can be given a render mode."""
    if not is_env(env):
        _require_maker(env)
        _require_no_arguments(env, ("copy",) if render_mode is None else ("copy", "render_mode"))
        return Creator(env, {"render_mode": render_mode})
    spec = env.spec if isinstance(env, gymnasium.Env) else None
    missing: list[str] = []
    if spec is not None and not any(wrapper.kwargs is None for wrapper in spec.additional_wrappers):
        make = partial(gymnasium.make, spec, disable_env_checker=True)
        missing = lost(env, partial(gymnasium.make, spec))
        if not missing:
            # Wrappers may stand outside the time limit, which the batch then cannot keep.
            return Creator(make) if spec.additional_wrappers else spec_creator(spec)
    make = partial(cloudpickle.loads, _pickled(env, missing))
    missing = lost(env, make)
    if missing:
        raise ValueError(
            f"a copy of {env!r} would lack what was set on it: {', '.join(missing)}. Pass a function that makes the "
            f"environment and sets it: puffer.emulate(function, num_envs)"
        )
    # Copies with the random state of the instance would all play the same episodes.
    return Creator(make, reseed="once")


def _creator_of_each(envs: Sequence[Any], num_envs: int | None, render_mode: str | None) -> CreatorOfEach:
    if not envs or num_envs not in (None, len(envs)):
        raise ValueError(
            f"a list has one environment or function for each copy: num_envs = {num_envs}, and the list has {len(envs)}"
        )
    # The same function twice has one creator, which then must not give the same object twice.
    creators = {id(env): creator_of(env, render_mode) for env in envs}
    return CreatorOfEach([creators[id(env)] for env in envs])


def _require_maker(env: Any) -> None:
    """Raise TypeError unless `env` can make an environment. The message has the line to type."""
    if isinstance(env, str):
        raise TypeError(
            f"emulate takes an environment or a callable that makes one, got the name {env!r}; a name is "
            f"for puffer.make({env!r}, num_envs)"
        )
    if isinstance(env, gymnasium.vector.VectorEnv) or (isinstance(env, type) and issubclass(env, Env)):
        name = type(env).__name__ if isinstance(env, gymnasium.vector.VectorEnv) else env.__name__
        raise TypeError(
            f"emulate takes one copy of an environment or a callable that makes one, and {name} is a batch of copies "
            f"already; use it as it is" + (f": {name}(num_envs)" if isinstance(env, type) else "")
        )
    require_spaces(env)
    if not callable(env):
        raise TypeError(
            f"emulate takes an environment or a callable that makes one, got {env!r}; for example "
            f"puffer.emulate(lambda: MyEnv(...), num_envs)"
        )


def _require_no_arguments(function: Any, given: Sequence[str]) -> None:
    """Raise TypeError, with the line to type, for a callable that needs other arguments than those `given`."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    positional = [one for one in parameters if one.kind is one.POSITIONAL_ONLY]
    named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    needed = [*positional, *(one for one in named if one.name not in given)]
    missing = [one.name for one in needed if one.default is one.empty]
    if missing:
        name = getattr(function, "__name__", "MyEnv")
        call = f"{name}({', '.join(f'{one}=...' for one in missing)})" if isinstance(function, type) else "MyEnv(...)"
        raise TypeError(
            f"emulate calls {name} without arguments, and it needs {', '.join(map(repr, missing))}: give them within "
            f"the function, puffer.emulate(lambda: {call}, num_envs). It may have a parameter copy, which is given the "
            f"number of the copy, and render_mode=None, which is given the mode"
        )


def _pickled(env: Any, missing: Sequence[str]) -> bytes:
    """An instance as bytes; `missing` is what its spec does not say."""
    try:
        return cloudpickle.dumps(env)
    except Exception as error:
        why = f"its spec does not say what was set on it ({', '.join(missing)})" if missing else "it has no spec"
        raise TypeError(
            f"{env!r} cannot be replicated: {why}, and it cannot be pickled ({why_not(env, error)}); pass a function "
            f"that makes the environment instead: puffer.emulate(lambda: {type(env).__name__}(...), num_envs)"
        ) from error
