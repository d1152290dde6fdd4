"""The batch that a face stands before, in the forms in which it can be given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode

from puffer.emulation import emulate
from puffer.registry import make
from puffer.vector import VectorEnv


def batch_of(env: Any, num_envs: int | None, options: dict[str, Any]) -> VectorEnv:
    """The batch `env`, or a new one of the environment that `env` names, makes or is.

    Raises TypeError for a number of copies, or options, beside a batch that has its own.
    """
    if isinstance(env, VectorEnv):
        given = [f"num_envs={num_envs}"] * (num_envs is not None) + [f"{key}={options[key]!r}" for key in options]
        if given:
            raise TypeError(f"{env!r} is made already; pass {', '.join(given)} to puffer.make or puffer.emulate")
        return env
    if isinstance(env, str):
        return make(env, 1 if num_envs is None else num_envs, **options)
    return emulate(env, num_envs, **options)


@contextmanager
def usable_batch(env: Any, num_envs: int | None, options: dict[str, Any]) -> Iterator[VectorEnv]:
    """Context that has the batch of `batch_of`, to be looked at: if it is refused, one that was made here is closed."""
    batch = batch_of(env, num_envs, options)
    try:
        yield batch
    except ValueError:
        if batch is not env:
            batch.close()
        raise


def require_same_step(batch: VectorEnv, trainer: str) -> None:
    """Raise ValueError for a batch of another autoreset mode than the one that this trainer needs."""
    mode = batch.autoreset_mode
    if mode is not AutoresetMode.SAME_STEP:
        raise ValueError(f"{trainer} needs autoreset_mode='SameStep', the default, got {mode.value!r}")


def require_kept(batch: VectorEnv, trainer: str, *, rows: bool = False) -> None:
    """Raise ValueError for a batch whose results this trainer cannot keep over steps, all copies at once.

    With `rows` for one of `flat=False`, too.
    """
    require_same_step(batch, trainer)
    if batch.batch_size != batch.num_copies:
        raise ValueError(
            f"{trainer} steps all copies at once, got batch_size={batch.batch_size} of {batch.num_copies}: leave it out"
        )
    if not batch.copy:
        raise ValueError(f"{trainer} keeps observations over steps, got copy=False: make it with copy=True")
    if rows and not batch.flat:
        raise ValueError(f"{trainer} takes rows from the batch, got flat=False: leave it out there")


def from_zero(space: gymnasium.Space) -> tuple[gymnasium.Space, np.ndarray | None]:
    """A space of actions whose numbers begin at 0, and what to add to them, or None for nothing."""
    if not isinstance(space, (Discrete, MultiDiscrete)) or not np.any(space.start):
        return space, None
    return (Discrete(space.n) if isinstance(space, Discrete) else MultiDiscrete(space.nvec)), np.asarray(space.start)


def idle_actions(space: gymnasium.Space) -> np.ndarray:
    """Actions of rows that do not act, in the space of a batch."""
    if isinstance(space, Box):
        return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
    return space.start
