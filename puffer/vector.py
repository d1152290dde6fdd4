"""`VectorEnv`: one face, Gymnasium's, over every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, MultiDiscrete
from gymnasium.vector.utils import batch_space

from puffer import checks
from puffer._core import Env
from puffer.errors import WorkerError
from puffer.layout.action import ActionLayout
from puffer.layout.mixed import repeated_space
from puffer.layout.nested import NestedActions, NestedObservations
from puffer.layout.observation import Layout
from puffer.native.batch import Batch
from puffer.native.buffers import Buffers
from puffer.native.ends import EpisodeEnds
from puffer.native.info import Info
from puffer.native.rollout import Rollout
from puffer.notebooks import batch_html
from puffer.origin import call_of, spec_of
from puffer.rendering import batch_modes, warn_of_no_mode
from puffer.window import Window


class VectorEnv(gymnasium.vector.VectorEnv):
    """A batch of environments, as a `gymnasium.vector.VectorEnv`. Made by `puffer.make`.

    Every row of the batch is one agent: copy i of an environment with k agents has the rows i * k to i * k + k - 1.

    The arrays that `reset`, `step` and `recv` return belong to whoever called: nothing overwrites them while anybody
    holds them, or a view of them. Arrays that nobody holds any more are used again, so nothing is copied for that. With
    `copy=False` they are the live buffers instead: the next step overwrites them, and they are to be read only. Where
    steps write directly into a rollout, the results are places of it.

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
    autoreset_mode : gymnasium.vector.AutoresetMode
        When the next episode of a copy begins, as in `metadata`.
    num_threads : int or None
        Threads that step; 0 until the first steps have settled it. None where there are workers
        or one thread only.
    max_steps : int or None
        Steps after which an episode is truncated; None where the batch keeps no time limit.
    copy : bool
        Whether what is returned is kept, as said above.
    buffers : puffer.Buffers
        The arrays of the last step, to be read only: `observations`, `actions`, `rewards`, `terminations`,
        `truncations` and `masks`. With `copy=False` the next step overwrites them.
    observations : (num_envs, ...) array
        The observations of all rows, `buffers.observations`.
    masks : (num_envs,) bool, live
        Whether the agent of the row took part in the last step, or begins an episode. The other rows are zero.
    action_masks : (num_envs, actions) bool, live, or None
        Which actions each row may take now: column k is for the action `start + k`. Of an action with several numbers,
        the columns of the first number come first. A row whose action does not count (it is not to move, its episode
        has ended, its agent takes no part) may take any action, so some action of every number is always legal. None
        where an environment has no masks; those that it tells in its infos are known after the first reset. With a
        smaller `batch_size` the rows under way are as they were. Nothing is written until the first access.
    rows : slice
        The rows that `step` or `recv` returned last, as `info["env_id"]` has them one by one.
    ends : puffer.EpisodeEnds
        The episodes that ended in the step that `step` or `recv` returned last, as arrays with an entry for each:
        `rows`, `observations`, `returns`, `lengths`, `terminated`, `truncated`. They stay as they are. Empty after
        `reset`.
    single_observation_space, single_action_space, observation_space, action_space : gymnasium.Space
        Of one row, and of the batch. Where the agents of a copy have actions with different bounds, the space of one
        row spans them all, and that of the batch has the bounds of every row: what it samples is accepted.
    layout : puffer.spaces.Layout
        How an observation lies in its row: `layout.space` is the environment's own space, and
        `layout.view(observations)` the nested arrays of a batch.
    action_layout : puffer.spaces.ActionLayout
        How an action lies in its row: `action_layout.flatten(action)` makes one.
    copy_action_space : gymnasium.spaces.MultiDiscrete, gymnasium.spaces.Box or None
        The flat actions of the rows of one copy, where their bounds differ.
    flat : bool
        Whether observations and actions are rows. Otherwise they are values of the environment's own spaces, in the
        form of Gymnasium's vector environments; `buffers`, `observations` and rollouts are rows all the same.
    metadata : dict
        `autoreset_mode`, `render_modes`, `render_fps`.
    render_size : (int, int) or None
        Width and height of a picture in pixels; None for environments in Python, whose frames have their own size.
    native_env : puffer.Env or None
        The object of an author's class, which holds the native copies; None for environments in Python.
    envs : list
        The environments in Python that this process steps. AttributeError where there are none, but workers, a system,
        or a native environment.
    spec : gymnasium.envs.registration.EnvSpec or None
        From which `gymnasium.make_vec` makes such a batch, as far as Gymnasium knows the environment.
    made_by : (str, dict) or None
        The name that `puffer.make` was given, and the environment's own arguments; None for batches made otherwise.
    np_random, np_random_seed : tuple
        Of the copies, as in Gymnasium's vector environments. Of copies without them, and of native environments, those
        of this object: the seed of the last reset that was given one int.

    A batch of a native environment can be pickled and copied, with everything that belongs to its episodes; a `buf` is
    replaced by memory of its own. TypeError for environments in Python.
    """

    def __init__(self, env: Env | Batch, *, copy: bool | None = None, flat: bool = True) -> None:
        self._window: Window | None = None
        self.made_by: tuple[str, dict[str, Any]] | None = None
        # A native environment does not live longer than this reference to it.
        self.native_env = env if isinstance(env, Env) else None
        self.batch: Batch = env.batch if isinstance(env, Env) else env
        # Who brings memory wants the results there.
        self.copy = self.batch.options.buf is None if copy is None else checks.boolean("copy", copy)
        if self.copy:
            self.batch.keep_results()
        batch, spec = self.batch, self.batch.spec
        self.num_envs = self.num_agents = batch.num_agents
        self.num_copies = batch.num_copies
        self.agents_per_env = batch.agents_per_env
        self.independent_agents = batch.independent_agents
        self.batch_size = batch.options.batch_size
        self.autoreset_mode = batch.options.autoreset_mode
        self.max_steps = spec.max_steps
        self.layout: Layout = spec.layout
        self.action_layout: ActionLayout = spec.action_layout
        self.copy_action_space: MultiDiscrete | Box | None = spec.copy_action_space
        self.flat = checks.boolean("flat", flat)
        self.single_observation_space = spec.layout.flat_space
        self.single_action_space = spec.action_layout.flat_space
        self._nested: NestedObservations | None = None
        self._nested_actions: NestedActions | None = None
        if not self.flat:
            self._show_own_spaces()
        # Whether results are handed on as the batch has them.
        self._is_plain = self._nested is None
        self.render_mode = spec.rendering.mode
        self.render_size = None if self.native_env is None else self.native_env.render_size
        self.metadata = {
            "autoreset_mode": self.autoreset_mode,
            "render_modes": batch_modes(spec.rendering.modes),
            "render_fps": spec.rendering.fps,
        }
        # Before the first frame, so that a missing package is noticed here. Copies that show themselves need none.
        needs_window = self.render_mode == "human" and "human" not in spec.rendering.modes
        try:
            if needs_window:
                self._window = Window(self._name(), self.metadata["render_fps"])
        except ImportError:
            batch.close()
            raise

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
        if self._nested_actions is not None:
            return self._nested_actions.space_of(self.num_envs, of_copy)
        if of_copy is None:
            return batch_space(self.single_action_space, self.num_envs)
        return repeated_space(of_copy, self.num_copies)

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

    @property
    def action_masks(self) -> np.ndarray | None:
        return self.batch.action_masks

    @property
    def rows(self) -> slice:
        return self.batch.rows

    @property
    def ends(self) -> EpisodeEnds:
        return self.batch.ends

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | Sequence[dict[str, Any] | None] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes in all rows, or in those of `options["reset_mask"]`.

        Parameters
        ----------
        seed : int or sequence of (int or None), optional
            One int for the batch (native copy i then has the random stream of (seed, i), a Python one seed + i), or
            one seed for each copy. None continues the random streams; on the first reset they start from the seed
            given to `make` or, without one, from entropy.
        options : dict or sequence of (dict or None), optional
            "reset_mask", a bool array of shape (num_envs,): the rows to reset; all of them in the first reset. The
            other entries are for reset() of environments in Python, the same for each copy, or by a sequence one dict
            for each. The dicts are left as they are.

        Returns
        -------
        observations : (num_envs, ...) array
        info : dict

        Raises TypeError or ValueError for a bad seed or option.
        """
        mask, rest = self._split(options)
        observations, info = self.batch.reset(seed=seed, mask=mask, options=rest)
        super().reset(seed=int(seed) if seed is not None and np.ndim(seed) == 0 else None)
        return (observations if self._nested is None else self._nested.of_rows(observations)), info

    def _split(self, options: Any) -> tuple[np.ndarray | None, Any]:
        """The mask in the options, and the options without it."""
        if not isinstance(options, dict) or "reset_mask" not in options:
            return None, options
        checks.reset_mask(options["reset_mask"], self.num_envs)
        rest = {key: value for key, value in options.items() if key != "reset_mask"}
        return options["reset_mask"], rest

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
        result = self.batch.step(actions if self._nested_actions is None else self._rows_of(actions))
        return result if self._is_plain else self._handed(result)

    def async_reset(self, *, seed: int | Sequence[int | None] | None = None, options: Any = None) -> None:
        """Reset all rows as `reset` does, and let `recv` return the first observations and infos, part by part."""
        if isinstance(options, dict) and "reset_mask" in options:
            raise ValueError("async_reset() resets all rows, and takes no options['reset_mask']")
        self.batch.async_reset(seed=seed, options=options)

    def set_next(
        self,
        copies: int | Sequence[int] | None = None,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | Sequence[dict[str, Any] | None] | None = None,
        **parameters: Any,
    ) -> None:
        """Set seeds, options and parameters for the next episodes of copies, in every autoreset mode.

        In the mode SAME_STEP the next episode has begun when `step` returns the end of the last one, so set it before;
        in NEXT_STEP until the next step. See `Batch.set_next`, which has the parameters and errors. A worker that takes
        the place of one that died does not know what was set.

        Examples
        --------
        >>> env.set_next([3], seed=[7])  # The next episode of copy 3 is that of seed 7.
        >>> env.set_next(gravity=np.linspace(5, 15, env.num_copies))
        """
        self.batch.set_next(copies, seed=seed, options=options, **parameters)

    # ---- The copies ----

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The attribute of every copy, or what it returns when it is called, as in Gymnasium; see `Batch.call`."""
        if name == "render" and self.native_env is not None:
            # Of Python copies a method of each, which trainers call; native ones are drawn here.
            frames = self.render(*args, **kwargs)
            return (None,) * self.num_copies if frames is None else frames
        return self.batch.call(name, *args, **kwargs)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """The attribute of every copy, found in the environment or a wrapper around it; see `Batch.call`."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Set the attribute of every copy: one value, or a list or tuple with one for each; see `Batch.set_attr`."""
        self.batch.set_attr(name, values)

    @property
    def envs(self) -> list[Any]:
        try:
            return self.batch.backend.envs
        except AttributeError:
            raise AttributeError(
                "the copies are not objects of this process; use call, get_attr and set_attr"
            ) from None

    @property
    def spec(self) -> EnvSpec | None:
        if "spec" not in self.__dict__:
            self.__dict__["spec"] = spec_of(self)
        return self.__dict__["spec"]

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self.__dict__["spec"] = spec

    def _own_random(self, name: str) -> Any:
        """An attribute of every copy, or None where they have none."""
        if self.native_env is not None:
            return None
        try:
            return self.get_attr(name)
        except (AttributeError, WorkerError):
            return None

    @property
    def np_random(self) -> Any:
        own = self._own_random("np_random")
        return super().np_random if own is None else own

    @np_random.setter
    def np_random(self, value: np.random.Generator) -> None:
        self._np_random, self._np_random_seed = value, -1

    @property
    def np_random_seed(self) -> Any:
        own = self._own_random("np_random_seed")
        return super().np_random_seed if own is None else own

    def __reduce__(self) -> tuple:
        if self.native_env is None:
            raise TypeError(
                "a batch of environments in Python cannot be pickled or copied: it holds their objects, or workers; "
                "make another one, or pickle a function that makes it"
            )
        kept = ("spec", "made_by", "_np_random", "_np_random_seed")
        rest = {name: self.__dict__[name] for name in kept if name in self.__dict__}
        return _remade, (type(self), self.native_env, {"copy": self.copy, "flat": self.flat}, rest)

    def sample_legal(self) -> Any:
        """A random legal action for each row that the next `step` or `send` takes, in the form that these take.

        Each number of an action is drawn uniformly among its legal values, with the random numbers of `action_space`:
        `action_space.seed(...)` repeats them.

        Returns
        -------
        int64 array (rows, ...)
            With `flat=False` actions of the environment's own space, in the form of Gymnasium's vector environments.

        Raises TypeError where there are no `action_masks`, ResetNeeded before the first reset, AlreadyPendingCallError
        while every part is under way.
        """
        actions = self.batch.sample_legal(self.action_space.np_random)
        return actions if self._nested_actions is None else self._nested_actions.of_rows(actions)

    def send(self, actions: Any) -> None:
        """Hand actions to the part that has waited longest for them, and step it in the background."""
        self.batch.send(actions if self._nested_actions is None else self._rows_of(actions))

    def recv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Wait for the next part; what `step` returns, with the part's rows in `info["env_id"]`."""
        result = self.batch.recv()
        return result if self._is_plain else self._handed(result)

    def _rows_of(self, actions: Any) -> Any:
        assert self._nested_actions is not None
        return self._nested_actions.rows_of(actions, self.batch_size * self.agents_per_env)

    def _handed(self, result: tuple) -> tuple:
        """A result of the batch, in the environment's own spaces if these are shown."""
        observations, *rest, info = result
        if self._nested is not None:
            observations = self._nested.of_rows(observations)
            if isinstance(info, Info):
                info.show(self._nested.of_each)
        return observations, *rest, info

    def rollout_buffers(self, horizon: int, **options: Any) -> Rollout:
        """Buffers of `horizon` steps, into which those after the next reset() write; see `Batch.rollout_buffers`.

        Native environments write directly into a rollout in the layout "time", unless there is a smaller `batch_size`.
        What `step` returns then are places of the rollout, which are overwritten when it comes there again.
        """
        return self.batch.rollout_buffers(horizon, **options)

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

        An environment in Python that has the mode "human" itself also shows itself when it is stepped. Without a mode
        there is nothing to show: a UserWarning has the line to type, as Gymnasium's environments do.
        """
        if self.render_mode is None:
            warn_of_no_mode(self._name(), self.metadata["render_modes"], call_of(self, self._name()))
        if self.render_mode == "rgb_array":
            return tuple(self.render_copy(copy) for copy in range(self.num_copies))
        if self.render_mode == "ansi":
            return tuple(self.ansi_copy(copy) for copy in range(self.num_copies))
        if self.render_mode == "human":
            frame = self.render_copy(0)
            # None from one that has shown itself.
            if frame is not None:
                self._window = self._window or Window(self._name(), self.metadata["render_fps"])
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

    def __repr__(self) -> str:
        mode = self.metadata["autoreset_mode"].value
        return f"<VectorEnv of {self._name()}: {self.num_copies} copies, {self.num_envs} rows, {mode}>"

    def _repr_html_(self) -> str:
        return batch_html(self)

    def _name(self) -> str:
        """The class of the copies, as far as this process knows it."""
        if self.native_env is not None:
            return type(self.native_env).__name__
        stepper = next(iter(getattr(self.batch.backend, "steppers", ())), None)
        adapter = next(iter(getattr(stepper, "adapters", ())), None)
        if adapter is None:
            return "environments in workers" if stepper is None else type(stepper).__name__
        return type(getattr(adapter.env, "unwrapped", adapter.env)).__name__

    def close_extras(self, **kwargs: Any) -> None:
        self.batch.close()
        if self._window is not None:
            self._window.close()


def _remade(cls: type[VectorEnv], env: Env, options: dict[str, Any], rest: dict[str, Any]) -> VectorEnv:
    made = cls(env, **options)
    made.__dict__.update(rest)
    return made
