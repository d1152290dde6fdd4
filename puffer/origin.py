"""How another batch like a given one is made: the EnvSpec that Gymnasium takes, and the line of code to type."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import gymnasium
from gymnasium.envs.registration import EnvSpec

from puffer.errors import WorkerError

if TYPE_CHECKING:
    from puffer.vector import VectorEnv


def spec_of(env: VectorEnv) -> EnvSpec | None:
    """The spec from which `gymnasium.make_vec` makes such a batch, as far as Gymnasium knows the environment."""
    if env.native_env is not None:
        return _native_spec(env)
    try:
        found = env.get_attr("spec")[0]
    except (AttributeError, WorkerError):
        return None
    if not isinstance(found, EnvSpec):
        return None
    spec = deepcopy(found)
    # The batch keeps the time limit.
    spec.max_episode_steps = env.max_steps
    mode = "sync" if hasattr(env, "envs") else "async"
    spec.kwargs = {**spec.kwargs, "num_envs": env.num_copies, "vectorization_mode": mode}
    return spec


def _native_spec(env: VectorEnv) -> EnvSpec | None:
    cls = type(env.native_env)
    found = gymnasium.registry.get(f"puffer/{cls.__name__}-v{cls.version}")
    if found is None or not cls.__module__.startswith("puffer.ocean."):
        return None
    _, given = env.native_env.made_with
    spec = deepcopy(found)
    own = {name: value for name, value in given.items() if value is not None and name != "buf"}
    made = {"copy": env.copy, "num_envs": env.num_copies, "vectorization_mode": "vector_entry_point"}
    # As a name, not an object, so that the spec can be written as JSON.
    spec.kwargs = {**spec.kwargs, **own, "autoreset_mode": env.autoreset_mode.value, **made}
    return spec


def call_of(env: VectorEnv, name: str) -> str:
    """The beginning of a line that makes such a batch, of copies of the class `name`."""
    copies = env.num_copies
    if env.native_env is None:
        return f"puffer.emulate(function, {copies}, ...) or puffer.make(name, {copies}"
    return f"puffer.make({env.spec.id!r}, {copies}" if env.spec else f"{name}({copies}"
