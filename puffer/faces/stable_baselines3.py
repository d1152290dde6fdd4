"""A batch as the vector environment of Stable-Baselines3: `PPO("MlpPolicy", VecEnv("cartpole", num_envs=8))`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from puffer.backends.worker.interpreter.attributes import attribute
from puffer.errors import WorkerDied, WorkerError, WorkerTimeout
from puffer.faces.batches import require_kept, usable_batch
from puffer.faces.infos import spread
from puffer.layout.nested import NestedObservations
from puffer.vector import VectorEnv

try:
    from stable_baselines3.common import vec_env
    from stable_baselines3.common.env_util import is_wrapped
    from stable_baselines3.common.monitor import Monitor
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] != "stable_baselines3":
        raise
    raise ImportError("puffer.faces.stable_baselines3 needs Stable-Baselines3: pip install stable-baselines3") from None

Indices = None | int | Iterable[int]


class VecEnv(vec_env.VecEnv):
    """A batch as a `stable_baselines3.common.vec_env.VecEnv`, each row of which is one of its environments.

    Where copies have several agents, each agent is an environment. As in Stable-Baselines3's own, an environment begins
    its next episode as soon as the last one ends; `terminal_observation` and `TimeLimit.truncated` are in the infos of
    those whose episode ended; `seed` and `set_options` set what the next `reset` uses. `episode` is in these infos too,
    as Monitor puts it there, so `env_is_wrapped(Monitor)` is True.

    Parameters
    ----------
    env
        A name, as in `puffer.make`; what `puffer.emulate` takes; or a `puffer.VectorEnv`.
    num_envs : int, optional
        Copies, by default 1. A VectorEnv has its own.
    **options
        Of `puffer.make` or `puffer.emulate`. `flat` is False by default, so that observations and actions are of the
        environment's own spaces. `flat=True` makes one row of a space that no policy of Stable-Baselines3 takes, such
        as a Dict in a Dict.

    Attributes
    ----------
    batch : puffer.VectorEnv

    Raises
    ------
    TypeError
        For options beside a VectorEnv.
    ValueError
        For a batch of another autoreset mode than SAME_STEP, with a smaller batch_size, or with `copy=False`.
    """

    def __init__(self, env: Any, num_envs: int | None = None, **options: Any) -> None:
        is_made = isinstance(env, VectorEnv)
        with usable_batch(env, num_envs, options if is_made else {"flat": False, **options}) as batch:
            require_kept(batch, "Stable-Baselines3")
        self.batch = batch
        own_space = getattr(batch.native_env, "own_observation_space", None)
        self._nested = None if batch.flat else NestedObservations(batch.layout, own_space)
        # The infos of native environments are about ends of episodes only, which `ends` has as arrays.
        self._has_infos = batch.native_env is None
        self._start = time.monotonic()
        super().__init__(batch.num_envs, batch.single_observation_space, batch.single_action_space)
        self.metadata = batch.metadata

    def seed(self, seed: int | None = None) -> list[int | None]:
        """Set the seed of the next `reset`: environment i gets `seed + i`, all agents of a copy that of the first.

        Without a seed, one is drawn from NumPy's global random numbers. Returns the seeds.
        """
        super().seed(seed)
        agents = self.batch.agents_per_env
        self._seeds = [copy_seed for copy_seed in self._seeds[::agents] for _ in range(agents)]
        return self._seeds

    def reset(self) -> Any:
        """Begin new episodes, with what `seed` and `set_options` have set. Returns the observations."""
        agents = self.batch.agents_per_env
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds[::agents]
        options = [each or None for each in self._options[::agents]] if any(self._options) else None
        observations, info = self.batch.reset(seed=seeds, options=options)
        self.reset_infos = [{} for _ in range(self.num_envs)]
        spread(info, self.reset_infos)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step(self, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step every environment; returns observations, rewards, dones and infos."""
        return self._converted(self.batch.step(actions))

    def step_async(self, actions: np.ndarray) -> None:
        """Step every environment in the background."""
        self.batch.send(actions)

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """What `step` returns, of the step that `step_async` has started."""
        return self._converted(self.batch.recv())

    def _converted(self, result: tuple) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, terminations, truncations, info = result
        # Not the same dict twice: wrappers and learners write into them, and keep them.
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if self._has_infos and info:
            self._add_infos(info, infos)
        if self.batch.ends:
            self._add_ends(infos)
        return observations, rewards, terminations | truncations, infos

    def _add_infos(self, info: dict[str, Any], infos: list[dict[str, Any]]) -> None:
        """Add what the environments tell. Where one was reset, this is about the last step of the ended episode."""
        now = list(infos)
        if "final_info" in info:
            for row in np.flatnonzero(info["_final_info"]).tolist():
                now[row] = self.reset_infos[row] = {}
            spread(info["final_info"], infos)
        spread(info, now)

    def _add_ends(self, infos: list[dict[str, Any]]) -> None:
        ends, seconds = self.batch.ends, round(time.monotonic() - self._start, 6)
        last = list(ends.observations) if self._nested is None else self._nested.of_each(ends.observations)
        # One that terminated was not truncated, as in Stable-Baselines3.
        truncated = ~ends.terminated
        columns = (ends.rows, ends.returns, ends.lengths, truncated)
        for observation, row, total, length, is_cut in zip(last, *(each.tolist() for each in columns), strict=True):
            info = infos[row]
            info["terminal_observation"] = observation
            info["TimeLimit.truncated"] = is_cut
            info["episode"] = {"r": round(total, 6), "l": length, "t": seconds}

    # ---- The environments ----

    def action_masks(self) -> np.ndarray:
        """The legal actions of every environment, (num_envs, choices) bool, as sb3-contrib's MaskablePPO takes them.

        They are those of the batch, or of a method `action_masks` of the copies. AttributeError where there is neither.
        """
        masks = self.batch.action_masks
        if masks is None and self.batch.native_env is not None:
            raise AttributeError(f"{self.batch!r} has no action masks")
        return np.stack(self._of_rows(self.batch.call("action_masks"))) if masks is None else masks

    def has_attr(self, attr_name: str) -> bool:
        """Whether environments have an attribute, found as `get_attr` finds it."""
        try:
            self.get_attr(attr_name)
        except (WorkerDied, WorkerTimeout):
            raise
        except (AttributeError, WorkerError):
            # What a copy in a worker raises comes as a WorkerError.
            return False
        return True

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """The attribute of environments. A method that needs no arguments is called, as `VectorEnv.call` does."""
        if attr_name == "render_mode":
            return [self.batch.render_mode for _ in self._get_indices(indices)]
        if attr_name == "action_masks":
            return list(self.action_masks()[list(self._get_indices(indices))])
        return self._of_rows(self.batch.get_attr(attr_name), indices)

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set the attribute of the copies of these environments to one value.

        Raises AttributeError for a native environment, whose parameters `batch.set_next` sets.
        """
        if indices is None:
            values = [value] * self.batch.num_copies
        else:
            values = list(self.batch.get_attr(attr_name))
            for row in self._get_indices(indices):
                values[row // self.batch.agents_per_env] = value
        self.batch.set_attr(attr_name, values)

    def env_method(self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any) -> list:
        """What the method of each environment returns, called once for every copy that has one of them.

        Raises NotImplementedError for some of the copies, where they are not objects of this process.
        """
        rows, agents = list(self._get_indices(indices)), self.batch.agents_per_env
        if method_name == "action_masks":
            return self.get_attr(method_name, rows)
        copies = sorted({row // agents for row in rows})
        if len(copies) == self.batch.num_copies:
            results = self.batch.call(method_name, *method_args, **method_kwargs)
        else:
            envs = self._objects(f"{method_name}() of some environments")
            results = {copy: attribute(envs[copy], method_name, method_args, method_kwargs) for copy in copies}
        return [results[row // agents] for row in rows]

    def env_is_wrapped(self, wrapper_class: type, indices: Indices = None) -> list[bool]:
        """Whether environments have this wrapper around them. For Monitor True, as said above.

        Raises NotImplementedError for another wrapper around copies that are objects of another process.
        """
        rows = list(self._get_indices(indices))
        if issubclass(wrapper_class, Monitor):
            return [True for _ in rows]
        if self.batch.native_env is not None:
            return [False for _ in rows]
        envs, agents = self._objects("env_is_wrapped()"), self.batch.agents_per_env
        return [is_wrapped(envs[row // agents], wrapper_class) for row in rows]

    def _objects(self, method: str) -> list[Any]:
        """The copies as objects."""
        try:
            return self.batch.envs
        except AttributeError:
            raise NotImplementedError(
                f"{method} needs copies that are objects of this process: make the batch with backend='serial'"
            ) from None

    def _of_rows(self, values: Any, indices: Indices = None) -> list[Any]:
        """Values of copies for each environment."""
        return [values[row // self.batch.agents_per_env] for row in self._get_indices(indices)]

    # ---- Pictures ----

    def get_images(self) -> list[np.ndarray | None]:
        """A picture of each copy in the render mode "rgb_array", and None in others."""
        frames = self.batch.render() if self.render_mode == "rgb_array" else None
        return [None] * self.batch.num_copies if frames is None else list(frames)

    def render(self, mode: str | None = None) -> np.ndarray | None:
        """One picture of all copies in the render mode "rgb_array"; in the mode "human" a window with copy 0."""
        if self.render_mode == "human" and mode in (None, "human"):
            self.batch.render()
            return None
        return super().render(mode)

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()
