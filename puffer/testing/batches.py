"""Batches of the environments that an author tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from puffer import checks
from puffer.checking import native_class
from puffer.emulation import emulate
from puffer.registry import make
from puffer.vector import VectorEnv

_DEFAULT_COPIES = 4


@contextmanager
def opened(env: Any, num_envs: int | None = None, parameters: dict[str, Any] | None = None) -> Iterator[VectorEnv]:
    """A batch of `num_envs` copies of `env`, stepped by this thread in the mode SameStep, and closed at the end.

    `env` is a name or path that `puffer.make` takes, with its own `parameters`; a subclass of `puffer.Env` or a
    `functools.partial` of one; anything that `puffer.emulate` takes; or a batch, which stays open.

    Raises TypeError for parameters without a name or path, and ValueError for a batch that is stepped in parts or has
    another number of copies.
    """
    if isinstance(env, VectorEnv):
        yield _whole(env, num_envs)
        return
    batch = _made(env, _DEFAULT_COPIES if num_envs is None else num_envs, parameters or {})
    try:
        yield batch
    finally:
        batch.close()


def seeds_of(env: VectorEnv, seed: int) -> list[int]:
    """A seed for each copy. A list, because native copies and copies in Python use a single int differently."""
    seed = checks.seed(seed)
    return [seed + copy for copy in range(env.num_copies)]


def called(env: Any) -> str:
    """The name of an environment in messages."""
    if isinstance(env, VectorEnv):
        env = env if env.native_env is None else env.native_env
    env = getattr(env, "func", env)
    return env if isinstance(env, str) else getattr(env, "__qualname__", None) or type(env).__qualname__


def _made(env: Any, num_envs: int, parameters: dict[str, Any]) -> VectorEnv:
    if isinstance(env, str):
        return make(env, num_envs, backend="serial", num_threads=1, **parameters)
    if parameters:
        raise TypeError(f"parameters need the name or path of an environment, got {env!r}; pass a function instead")
    native = native_class(env)
    if native is not None:
        return VectorEnv(native(num_envs, num_threads=1))
    return emulate(env, num_envs, backend="serial")


def _whole(env: VectorEnv, num_envs: int | None) -> VectorEnv:
    if num_envs not in (None, env.num_copies):
        raise ValueError(f"num_envs must be {env.num_copies}, the copies of the given batch, got {num_envs}")
    if env.batch_size != env.num_copies:
        raise ValueError(f"the batch must have batch_size = num_envs = {env.num_copies}, got {env.batch_size}")
    return env
