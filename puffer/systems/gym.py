"""Environments that are registered with Gymnasium, by their ids: `puffer.make("gym-CartPole-v1")`.

An id "module:Name-v0" imports the module first, which registers it. Another interpreter, which may not have Gymnasium,
makes what its Gym has registered.
"""

from __future__ import annotations

import copy as copying
import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

try:
    import gymnasium
except ModuleNotFoundError:
    import gym as gymnasium

from puffer import checks
from puffer.rendering import copy_mode, declared_modes

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

    from puffer.wrappers.adapters.adapter import GymAdapter


def names() -> list[str]:
    """The ids that Gymnasium can make one copy of, but for this package's own."""
    registry = gymnasium.envs.registration.registry
    # Gym had a class for it.
    specs = getattr(registry, "env_specs", registry)
    return [id for id, spec in specs.items() if spec.entry_point and not id.startswith("puffer/")]


def knows(id: str) -> bool:
    """Whether `id` is one of `names()`, once the module that it may begin with is imported."""
    return _registered(id) in names()


def creator(id: str, arguments: dict[str, Any]) -> GymnasiumCreator:
    """The creator of `puffer.make("gym-<id>", **arguments)`. Raises ValueError for an unknown render mode."""
    spec, mode = gymnasium.spec(_registered(id)), arguments.get("render_mode")
    if mode is not None:
        checks.render_mode(mode, _render_modes(spec))
    # The spec travels: a worker knows only what the modules that it imports have registered.
    return GymnasiumCreator(spec, arguments)


def make(name: str, **arguments: Any) -> tuple[Any, int | None]:
    """One copy, and its time limit, with any version of Gymnasium or Gym."""
    id = _registered(name)
    spec = gymnasium.spec(id)
    max_steps = arguments.pop("max_episode_steps", spec.max_episode_steps)
    env = gymnasium.make(id, **arguments)
    # The same wrappers that a GymnasiumCreator leaves off: not all versions can be told to.
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


@dataclass(frozen=True)
class GymnasiumCreator:
    """Makes copies of the environment with this Gymnasium spec.

    Gymnasium's own wrappers for checking, order and time limits are left off: the batch does their work.
    """

    spec: EnvSpec
    arguments: dict[str, Any] = field(default_factory=dict)

    def __call__(self, copy: int) -> GymAdapter:
        from puffer.wrappers.adapters.adapter import GymAdapter

        arguments = dict(self.arguments)
        spec = copying.deepcopy(self.spec)
        max_steps = arguments.pop("max_episode_steps", spec.max_episode_steps)
        spec.max_episode_steps = None
        spec.order_enforce = False
        mode = arguments.get("render_mode", spec.kwargs.get("render_mode"))
        if mode is not None:
            arguments["render_mode"] = copy_mode(mode, _render_modes(spec), copy)
        return GymAdapter(gymnasium.make(spec, disable_env_checker=True, **arguments), max_steps)
