"""Environments that are registered with Gymnasium, by their ids: `puffer.make("gym-CartPole-v1")`.

An id "module:Name-v0" imports the module first, which registers it. Another interpreter, which may not have Gymnasium,
makes the environments that its Gym has registered.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

try:
    import gymnasium
except ModuleNotFoundError:
    import gym as gymnasium

from puffer.rendering import declared_modes
from puffer.systems.family import Family

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

    from puffer.backends.creator import Creator


def names() -> list[str]:
    """The ids of which Gymnasium can make one copy, without those of this package."""
    registry = gymnasium.envs.registration.registry
    # In Gym it is an object of a class.
    specs = getattr(registry, "env_specs", registry)
    return [id for id, spec in specs.items() if spec.entry_point and not id.startswith("puffer/")]


def knows(id: str) -> bool:
    """Whether `id` is one of `names()`, once the module that it may begin with is imported."""
    return _registered(id) in names()


def creator(id: str, arguments: dict[str, Any]) -> Creator:
    """The creator of `puffer.make("gym-<id>", **arguments)`. Raises ValueError for an unknown render mode."""
    return spec_creator(gymnasium.spec(_registered(id)), arguments)


def spec_creator(spec: EnvSpec, arguments: Mapping[str, Any] | None = None) -> Creator:
    """The creator of the environment with this Gymnasium spec. Raises ValueError for an unknown render mode.

    Gymnasium's own wrappers for checking, order and time limits are left off: the batch does their work.
    """
    # Compiled modules, which another interpreter cannot import.
    from puffer.backends.creator import Creator
    from puffer.wrappers.adapters.adapter import GymAdapter

    own = {"render_mode": spec.kwargs.get("render_mode"), **(arguments or {})}
    max_steps = own.pop("max_episode_steps", spec.max_episode_steps)
    # The spec travels with the creator: a worker has registered only what the modules that it imports register.
    spec = copy.deepcopy(spec)
    spec.max_episode_steps = None
    spec.order_enforce = False
    return Creator(
        partial(gymnasium.make, spec, disable_env_checker=True),
        own,
        render_modes=None if own["render_mode"] is None else _render_modes(spec),
        adapter=partial(GymAdapter, max_steps=max_steps),
    )


def make(name: str, **arguments: Any) -> tuple[Any, int | None]:
    """One copy, and its time limit, with any version of Gymnasium or Gym."""
    id = _registered(name)
    spec = gymnasium.spec(id)
    max_steps = arguments.pop("max_episode_steps", spec.max_episode_steps)
    env = gymnasium.make(id, **arguments)
    # The wrappers that `spec_creator` leaves off: not all versions can be told to.
    for wrapper, is_there in (
        ("TimeLimit", spec.max_episode_steps is not None),
        ("OrderEnforcing", True),
        ("PassiveEnvChecker", True),
    ):
        if is_there and type(env).__name__ == wrapper:
            env = env.env
    return env, max_steps


def _registered(id: str) -> str:
    """The id without the module in front of it, which is imported."""
    module, _, bare = id.rpartition(":")
    if module:
        importlib.import_module(module)
    return bare


def _render_modes(spec: EnvSpec) -> Sequence[str]:
    made_by = spec.entry_point
    return declared_modes(
        gymnasium.envs.registration.load_env_creator(made_by) if isinstance(made_by, str) else made_by
    )


FAMILY = Family(creator=creator, names=names, knows=knows, make=make)
