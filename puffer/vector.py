"""`VectorEnv`: one face, Gymnasium's, over every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import MultiDiscrete
from gymnasium.vector.utils import batch_space

from puffer import checks
from puffer._core import Env
from puffer.layout.action import ActionLayout
from puffer.layout.nested import NestedActions, NestedObservations
from puffer.layout.observation import Layout
from puffer.native.batch import Batch
from puffer.native.buffers import Buffers
from puffer.native.rollout import Rollout
from puffer.rendering import batch_modes
from puffer.window import Window


class VectorEnv(gymnasium.vector.VectorEnv):
    """A batch of environments, as a `gymnasium.vector.VectorEnv`. Made by `puffer.make`.

    Every row of the batch is one agent: copy i of an environment with k agents has the rows i * k to i * k + k - 1.

    With `copy=False` the arrays that `reset`, `step` and `recv` return are the live buffers: the next step overwrites
    them, and they are to be read only. With `copy=True` they are fresh.

    Attributes
    ----------
    num_envs, num_agents : int
        Rows of the batch.
    num_copies : int
        Copies of the environment.
    agents_per_env : int
        Rows of one copy.
    independent_agents : bool
        Whether each agent of a copy has episodes of its own, instead of all agents sharing one.
    batch_size : int
        Copies that one `send` steps and one `recv` returns.
    num_threads : int or None
        Threads that step; 0 until the first steps have settled it. None where there are workers
        or one thread only.
    max_steps : int or None
        Steps after which an episode is truncated; None where the batch keeps no time limit.
    buffers : puffer.Buffers
        The arrays that the batch lives in, live: `observations`, `actions`, `rewards`, `terminations`, `truncations`
        and `masks`. The next step overwrites them, and they are to be read only.
    observations : (num_envs, ...) array, live
        The observations of all rows, `buffers.observations`.
    masks : (num_envs,) bool, live
        Whether the agent of the row took part in the last step, or begins an episode. The other rows are zero.
    single_observation_space, single_action_space, observation_space, action_space : gymnasium.Space
        Of one row, and of the batch. Where the agents of a copy have discrete actions of different ranges, the space of
        one row spans them all, and that of the batch has the range of every row: what it samples is accepted.
    layout : puffer.spaces.Layout
        How an observation lies in its row: `layout.space` is the environment's own space, and
        `layout.view(observations)` the nested arrays of a batch.
    action_layout : puffer.spaces.ActionLayout
        How an action lies in its row: `action_layout.flatten(action)` makes one.
    copy_action_space : gymnasium.spaces.MultiDiscrete or None
        The actions of the rows of one copy, where their ranges differ.
    flat : bool
        Whether observations and actions are rows. Otherwise they are values of the environment's own spaces, in the
        form of Gymnasium's vector environments; `buffers`, `observations` and rollouts are rows all the same.
    metadata : dict
        `autoreset_mode`, `render_modes`, `render_fps`.
    render_size : (int, int) or None
        Width and height of a picture in pixels; None for environments in Python, whose frames have their own size.
    native_env : puffer.Env or None
        The object of an author's class, which holds the native copies; None for environments in Python.
    """

    def __init__(self, env: Env | Batch, *, copy: bool = False, flat: bool = True) -> None:
        # A native environment does not live longer than this reference to it.
        self.native_env = env if isinstance(env, Env) else None
        self.batch: Batch = env.batch if isinstance(env, Env) else env
        self.copy = copy
        batch, spec = self.batch, self.batch.spec
        self.num_envs = self.num_agents = batch.num_agents
        self.num_copies = batch.num_copies
        self.agents_per_env = batch.agents_per_env
        self.independent_agents = batch.independent_agents
        self.batch_size = batch.options.batch_size
        self.max_steps = spec.max_steps
        self.layout: Layout = spec.layout
        self.action_layout: ActionLayout = spec.action_layout
        self.copy_action_space: MultiDiscrete | None = spec.copy_action_space
        self.flat = flat
        self.single_observation_space = spec.layout.flat_space
        self.single_action_space = spec.action_layout.flat_space
        self._nested: NestedObservations | None = None
        self._nested_actions: NestedActions | None = None
        if not flat:
            self._show_own_spaces()
        self.render_mode = spec.rendering.mode
        self.render_size = None if self.native_env is None else self.native_env.render_size
        self.metadata = {
            "autoreset_mode": batch.options.autoreset_mode,
            "render_modes": batch_modes(spec.rendering.modes),
            "render_fps": spec.rendering.fps,
        }
        self._window: Window | None = None

    def _show_own_spaces(self) -> None:
        nested = NestedObservations(self.layout, getattr(self.native_env, "own_observation_space", None))
        actions = NestedActions(self.action_layout)
        self.single_observation_space, self.single_action_space = nested.space, actions.space
        self._nested = None if nested.is_flat else nested
        self._nested_actions = None if actions.is_flat else actions

    # The spaces of a batch hold arrays as large as the batch, so they are made when somebody asks.

    @property
    def observation_space(self) -> gymnasium.Space:
        if "observation_space" not in self.__dict__:
            self.__dict__["observation_space"] = batch_space(self.single_observation_space, self.num_envs)
        return self.__dict__["observation_space"]

    @property
    def action_space(self) -> gymnasium.Space:
        if "action_space" not in self.__dict__:
            self.__dict__["action_space"] = self._batch_action_space()
        return self.__dict__["action_space"]

    def _batch_action_space(self) -> gymnasium.Space:
        of_copy = self.copy_action_space
        if of_copy is None or self._nested_actions is not None:
            return batch_space(self.single_action_space, self.num_envs)
        times = (self.num_copies,) + (1,) * (of_copy.nvec.ndim - 1)
        return MultiDiscrete(np.tile(of_copy.nvec, times), start=np.tile(of_copy.start, times))

    @property
    def num_threads(self) -> int | None:
        return getattr(self.batch.backend, "num_threads", None)

    @property
    def buffers(self) -> Buffers:
        return self.batch.buffers

    @property
    def observations(self) -> np.ndarray:
        return self.batch.observations

    @property
    def masks(self) -> np.ndarray:
        return self.batch.masks

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes in all rows, or in those of `options["reset_mask"]`.

        Parameters
        ----------
        seed : int or sequence of (int or None), optional
            One int for the batch (native copy i then has the random stream of (seed, i), a Python one seed + i), or
            one seed for each copy. None continues the random streams; on the first reset they start from the seed
            given to `make` or, without one, from entropy.
        options : dict, optional
            "reset_mask", a bool array of shape (num_envs,): the rows to reset. The dict is left as it is.

        Returns
        -------
        observations : (num_envs, ...) array
        info : dict

        Raises TypeError or ValueError for a bad seed or option.
        """
        observations, info = self.batch.reset(seed=seed, mask=self._reset_mask(options))
        super().reset(seed=int(seed) if seed is not None and np.ndim(seed) == 0 else None)
        if self.copy:
            observations, info = observations.copy(), _fresh(info)
        return (observations if self._nested is None else self._nested.of_rows(observations)), info

    def _reset_mask(self, options: dict[str, Any] | None) -> np.ndarray | None:
        options = {} if options is None else options
        if not isinstance(options, dict):
            raise TypeError(f"options must be a dict, got {type(options).__name__}")
        unknown = [key for key in options if key != "reset_mask"]
        if unknown:
            raise ValueError(f"options has no entry {unknown[0]!r}; it takes 'reset_mask'")
        if "reset_mask" in options:
            checks.reset_mask(options["reset_mask"], self.num_envs)
        return options.get("reset_mask")

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every row; see `Batch.step`. With a smaller `batch_size`, `send(actions)` and `recv()`.

        Returns
        -------
        observations : (num_envs, ...) array
        rewards : (num_envs,) float32
        terminations, truncations : (num_envs,) bool
        info : dict
            As Gymnasium's contract has it; in SAME_STEP mode with `final_obs` and `final_info` where episodes ended.
        """
        return self._handed(self.batch.step(self._rows_of(actions)))

    def async_reset(self, *, seed: int | Sequence[int | None] | None = None) -> None:
        """Reset all rows and let `recv` return the first observations, part by part."""
        self.batch.async_reset(seed=seed)

    def send(self, actions: Any) -> None:
        """Hand actions to the part that has waited longest for them, and step it in the background."""
        self.batch.send(self._rows_of(actions))

    def recv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Wait for the next part; what `step` returns, with the part's rows in `info["env_id"]`."""
        return self._handed(self.batch.recv())

    def _rows_of(self, actions: Any) -> Any:
        if self._nested_actions is None:
            return actions
        return self._nested_actions.rows_of(actions, self.batch_size * self.agents_per_env)

    def _handed(self, result: tuple) -> tuple:
        """A result of the batch as its user wants it: fresh, and nested."""
        if not self.copy and self._nested is None:
            return result
        observations, rewards, terminations, truncations, info = result
        if self.copy:
            observations, rewards, terminations = observations.copy(), rewards.copy(), terminations.copy()
            truncations, info = truncations.copy(), _fresh(info)
        if self._nested is not None:
            observations = self._nested.of_rows(observations)
            if "final_obs" in info:
                info = {**info, "final_obs": self._nested_finals(info["final_obs"])}
        return observations, rewards, terminations, truncations, info

    def _nested_finals(self, finals: np.ndarray) -> np.ndarray:
        """Last observations, rows or None, as values of the own space."""
        nested = np.full(len(finals), None, object)
        for row, last in enumerate(finals):
            if last is not None:
                nested[row] = self._nested.of_row(last)
        return nested

    def rollout_buffers(self, horizon: int) -> Rollout:
        """Buffers of `horizon` steps, which the steps after the next reset() write into directly (native only)."""
        return self.batch.rollout_buffers(horizon)

    def stats(self) -> dict[str, float]:
        """Means over the episodes that ended since the last call: `episodes`, `episode_return`, ..."""
        return self.batch.stats()

    def get_state(self, copies: Sequence[int] | None = None) -> np.ndarray:
        """Snapshots of copies, uint8 (copies, bytes); see `Batch.get_state` (native only)."""
        return self.batch.get_state(copies)

    def set_state(self, state: np.ndarray, copies: Sequence[int] | None = None) -> None:
        """Restore snapshots; see `Batch.set_state` (native only)."""
        self.batch.set_state(state, copies)

    def render(self) -> tuple[np.ndarray | str, ...] | None:
        """One frame for each copy in the mode "rgb_array" or "ansi"; a window with copy 0 in the mode "human".

        An environment in Python that has the mode "human" itself also shows itself when it is stepped.
        """
        if self.render_mode == "rgb_array":
            return tuple(self.render_copy(copy) for copy in range(self.num_copies))
        if self.render_mode == "ansi":
            return tuple(self.ansi_copy(copy) for copy in range(self.num_copies))
        if self.render_mode == "human":
            frame = self.render_copy(0)
            # None from one that has shown itself.
            if frame is not None:
                self._window = self._window or Window(
                    type(self.native_env or self).__name__, self.metadata["render_fps"]
                )
                self._window.show(frame)
        return None

    def render_copy(self, copy: int = 0) -> Any:
        """A picture of one copy.

        Parameters
        ----------
        copy : int
            Its index, from 0 to num_copies - 1.

        Returns
        -------
        (height, width, 3) uint8 array
            Of a native environment whatever the render mode, in `render_size`. One in Python gives the result of its
            own `render()`.

        Raises TypeError or ValueError for a bad index; of a native environment ResetNeeded before the first reset.
        """
        return self.batch.render_copy(copy)

    def ansi_copy(self, copy: int = 0) -> str:
        """One copy as text, where `metadata["render_modes"]` has "ansi".

        Parameters and errors as in `render_copy`; NotImplementedError for a native environment without text.
        """
        return self.batch.ansi_copy(copy)

    def close_extras(self, **kwargs: Any) -> None:
        self.batch.close()
        if self._window is not None:
            self._window.close()


def _fresh(info: dict[str, Any]) -> dict[str, Any]:
    """An info without live arrays; nested ones are never live."""
    return {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in info.items()}
