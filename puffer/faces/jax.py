"""A batch inside compiled functions of JAX: `jax.jit` and `jax.lax.scan` over `VecEnv("cartpole", 64).step`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from puffer.faces.batches import from_zero, require_kept, usable_batch

try:
    import jax
    from jax.experimental import io_callback
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] not in ("jax", "jaxlib"):
        raise
    raise ImportError("puffer.faces.jax needs JAX: pip install jax") from None


class Step(NamedTuple):
    """What a step returns, by row.

    Attributes
    ----------
    observations : (rows, ...) array
        From which to act next; where an episode ended, the first of the next one.
    last_observations : (rows, ...) array
        That the step led to: where an episode ended, its last.
    rewards : (rows,) float32
    terminations, truncations : (rows,) bool
    """

    observations: Any
    last_observations: Any
    rewards: Any
    terminations: Any
    truncations: Any


class VecEnv:
    """A batch whose `reset` and `step` are traced by JAX, and called on the host in the order of the program.

    Parameters
    ----------
    env
        A name, as in `puffer.make`; what `puffer.emulate` takes; or a `puffer.VectorEnv`.
    num_envs : int, optional
        Copies, by default 1. A VectorEnv has its own.
    **options
        Of `puffer.make` or `puffer.emulate`.

    Attributes
    ----------
    batch : puffer.VectorEnv
    num_envs : int
        Rows of the batch.
    observation_space, action_space : gymnasium.Space
        Of one row. Discrete actions begin at 0. JAX has numbers of 32 bits, unless it is told otherwise.

    Raises
    ------
    TypeError
        For options beside a VectorEnv.
    ValueError
        For a batch of another autoreset mode than SAME_STEP, with a smaller batch_size, `copy=False` or `flat=False`.
    """

    def __init__(self, env: Any, num_envs: int | None = None, **options: Any) -> None:
        with usable_batch(env, num_envs, options) as batch:
            require_kept(batch, "JAX", rows=True)
        self.batch = batch
        self.num_envs = batch.num_envs
        self.observation_space = batch.single_observation_space
        self.action_space, self._first_actions = from_zero(batch.single_action_space)
        self._dtype = jax.dtypes.canonicalize_dtype(self.observation_space.dtype)
        observations = jax.ShapeDtypeStruct((batch.num_envs, *self.observation_space.shape), self._dtype)
        rewards = jax.ShapeDtypeStruct((batch.num_envs,), np.float32)
        flags = jax.ShapeDtypeStruct((batch.num_envs,), np.bool_)
        self._shapes = Step(observations, observations, rewards, flags, flags)

    def reset(self, seed: int | None = None) -> Any:
        """Begin new episodes, as `VectorEnv.reset` does; returns observations. The seed is no traced value."""

        def begin() -> np.ndarray:
            return self._cast(self.batch.reset(seed=seed)[0])

        return io_callback(begin, self._shapes.observations, ordered=True)

    def step(self, actions: Any) -> Step:
        """Step every row."""
        return io_callback(self._stepped, self._shapes, actions, ordered=True)

    def _stepped(self, actions: Any) -> Step:
        actions = np.asarray(actions)
        if self._first_actions is not None:
            actions = actions + self._first_actions
        observations, rewards, terminations, truncations, _ = self.batch.step(actions)
        ends, last = self.batch.ends, observations
        if ends:
            last = last.copy()
            last[ends.rows] = ends.observations
        return Step(self._cast(observations), self._cast(last), rewards, terminations, truncations)

    def _cast(self, observations: np.ndarray) -> np.ndarray:
        return observations.astype(self._dtype, copy=False)

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()
