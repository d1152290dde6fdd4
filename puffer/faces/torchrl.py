"""A batch as an environment of TorchRL: `Collector(VecEnv("cartpole", num_envs=64), policy, ...)`."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from puffer.faces.batches import from_zero, require_kept, usable_batch
from puffer.layout.nested import NestedObservations
from puffer.layout.walk import ARRAYS, bounds

# TorchRL imports Procgen's package where there is one, and fails if that lacks gym3, which puffer does without.
_hides_procgen = "procgen" not in sys.modules and importlib.util.find_spec("gym3") is None
if _hides_procgen:
    sys.modules["procgen"] = None  # type: ignore[assignment]
try:
    import torch
    from tensordict import TensorDict, TensorDictBase
    from torchrl.data import Binary, Bounded, Categorical, Composite, MultiCategorical, TensorSpec, Unbounded
    from torchrl.envs import EnvBase
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] not in ("torch", "tensordict", "torchrl"):
        raise
    raise ImportError("puffer.faces.torchrl needs TorchRL: pip install torchrl") from None
finally:
    if _hides_procgen:
        del sys.modules["procgen"]


class VecEnv(EnvBase):
    """A batch as a `torchrl.envs.EnvBase`, each row of which is one of its environments.

    `next` has the last observations of episodes that ended; their next ones have begun by then, so that resetting these
    rows costs nothing. Other rows can be reset, too, as TorchRL's StepCounter does.

    Parameters
    ----------
    env
        A name, as in `puffer.make`; what `puffer.emulate` takes; or a `puffer.VectorEnv`.
    num_envs : int, optional
        Copies, by default 1. A VectorEnv has its own.
    flat : bool
        Observations as rows, under the key "observation". By default those of a Dict have its keys.
    device : optional
        Of the tensors that `step` and `reset` return; by default as TorchRL has it, the CPU.
    **options
        Of `puffer.make` or `puffer.emulate`.

    Attributes
    ----------
    batch : puffer.VectorEnv
    batch_size : torch.Size
        (num_envs,), the rows of the batch.

    Actions are rows under the key "action": numbers from 0, not one-hot. Where the batch has `action_masks`, the key
    "action_mask" has them, as `torchrl.envs.ActionMask` wants them.

    Raises
    ------
    TypeError
        For options beside a VectorEnv.
    ValueError
        For a batch of another autoreset mode than SAME_STEP, with a smaller batch_size, with `copy=False` or
        `flat=False`, and for observations that are not arrays, unless `flat` is set.
    """

    def __init__(
        self, env: Any, num_envs: int | None = None, *, flat: bool = False, device: Any = None, **options: Any
    ) -> None:
        with usable_batch(env, num_envs, options) as batch:
            require_kept(batch, "TorchRL", rows=True)
            own_space = getattr(batch.native_env, "own_observation_space", None)
            nested = NestedObservations(batch.layout, own_space)
            spec = _spec(batch.layout.flat_space if flat else nested.space, (batch.num_envs,))
        super().__init__(device=device, batch_size=(batch.num_envs,))
        self.batch = batch
        self._nested = None if flat or nested.is_flat else nested
        self._seed_of_reset: int | None = None
        # Of the last step: the first observations of the episodes that have begun, in the rows of those that ended.
        self._first: dict[str, Any] = {}
        self._ended = np.zeros(batch.num_envs, np.bool_)
        self._has_masks = batch.action_masks is not None
        specs = dict(spec.items()) if isinstance(spec, Composite) else {"observation": spec}
        if self._has_masks:
            specs["action_mask"] = Binary(shape=batch.action_masks.shape, dtype=torch.bool)
        action_space, self._first_actions = from_zero(batch.single_action_space)
        self.observation_spec = Composite(specs, shape=self.batch_size).to(device)
        self.action_spec = _spec(action_space, self.batch_size).to(device)
        self.reward_spec = Unbounded((*self.batch_size, 1), dtype=torch.float32, device=device)
        flag = Binary(shape=(*self.batch_size, 1), dtype=torch.bool, device=device)
        flags = {name: flag.clone() for name in ("done", "terminated", "truncated")}
        self.done_spec = Composite(flags, shape=self.batch_size, device=device)

    def _reset(self, tensordict: TensorDictBase | None = None, **kwargs: Any) -> TensorDictBase:
        mask = None if tensordict is None else tensordict.get("_reset", None)
        if mask is None:
            observations, _ = self.batch.reset(seed=self._seed_of_reset, **kwargs)
            self._seed_of_reset = None
            self._first = self._tensors(observations)
        else:
            unfinished = mask.reshape(-1).cpu().numpy() & ~self._ended
            if unfinished.any():
                observations, _ = self.batch.reset(options={"reset_mask": unfinished})
                self._first = self._tensors(observations)
        self._ended = np.zeros_like(self._ended)
        return self._made(self._first)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        actions = tensordict["action"].cpu().numpy()
        if self._first_actions is not None:
            actions = actions + self._first_actions
        observations, rewards, terminations, truncations, _ = self.batch.step(actions)
        ended = self._ended = terminations | truncations
        ends = self.batch.ends
        values = self._first = self._tensors(observations)
        if ends:
            observations = observations.copy()
            observations[ends.rows] = ends.observations
            values = self._tensors(observations)
        columns = {"reward": rewards, "done": ended, "terminated": terminations, "truncated": truncations}
        return self._made({**values, **{key: torch.from_numpy(column)[:, None] for key, column in columns.items()}})

    def _tensors(self, observations: np.ndarray) -> dict[str, Any]:
        """By key the tensors of these rows, and the masks of actions."""
        values = observations if self._nested is None else self._nested.of_rows(observations)
        named = values if isinstance(values, dict) else {"observation": values}
        tensors = {key: _tensor(value) for key, value in named.items()}
        if self._has_masks:
            tensors["action_mask"] = torch.from_numpy(self.batch.action_masks.copy())
        return tensors

    def _made(self, values: dict[str, Any]) -> TensorDictBase:
        made = TensorDict(values, batch_size=self.batch_size)
        return made if self.device is None else made.to(self.device)

    def _set_seed(self, seed: int | None) -> None:
        """Let the next reset of all rows begin with this seed, as `VectorEnv.reset` takes it."""
        self._seed_of_reset = seed

    def close(self, *, raise_if_closed: bool = True) -> None:
        """Close the batch."""
        super().close(raise_if_closed=raise_if_closed)
        self.batch.close()


def _tensor(value: Any) -> Any:
    return {key: _tensor(part) for key, part in value.items()} if isinstance(value, dict) else torch.from_numpy(value)


def _spec(space: gymnasium.Space, shape: tuple[int, ...]) -> TensorSpec:
    """TorchRL's description of values of a space, in rows of this shape.

    Raises ValueError for values that are neither arrays nor dicts of them.
    """
    if isinstance(space, spaces.Dict):
        return Composite({key: _spec(part, shape) for key, part in space.items()}, shape=shape)
    if not isinstance(space, ARRAYS):
        raise ValueError(f"TorchRL has tensors, and dicts of them, for observations, not {space}: pass flat=True")
    low, high = bounds(space, "observation")
    dtype, whole = torch.from_numpy(np.empty(0, low.dtype)).dtype, (*shape, *space.shape)
    if isinstance(space, spaces.MultiBinary) or low.dtype == np.bool_:
        return Binary(shape=whole, dtype=dtype)
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)) and low.ndim < 2 and not low.any():
        numbers = high + 1
        of_each = Categorical if low.ndim == 0 else MultiCategorical
        return of_each(numbers if low.ndim else int(numbers), shape=whole, dtype=dtype)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return Unbounded(whole, dtype=dtype)
    return Bounded(*(torch.from_numpy(np.broadcast_to(bound, whole).copy()) for bound in (low, high)), dtype=dtype)
