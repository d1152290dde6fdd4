"""`PufferEnv`: the base class of environments written in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer import checks
from puffer.layout.spaces import ActionLayout, Layout
from puffer.native.actions import ActionReader
from puffer.native.buffers import Buffers

_ROWS = ("observations", "actions", "rewards", "terminations", "truncations", "masks")


class PufferEnv:
    """Base class of environments written in Python, with one agent or several.

    A subclass sets `single_observation_space` and `single_action_space`, of one agent, and `num_agents` if there are
    several, and writes `reset` and `step`, in one of two styles:

    - In place: `reset` and `step` write into `self.observations`, `self.rewards`, `self.terminations`,
      `self.truncations` and `self.masks`, one row for each agent, and return them. `step(actions)` gets an array with
      a row for each agent. In a batch, rewards and flags are zero when `reset` or `step` is called. Masks are true in
      `reset`; in `step`, those of agents that have ended are false, and their rows are made zero.
    - Returning: `step` gets the action of its space and returns what Gymnasium's does, with observations of the space,
      nested ones included. With several agents, actions, observations, rewards and flags are dicts by agent id, in
      which absent agents are missing, and `"__all__"` among the flags ends the episode for everybody.

    In both, `reset` may take a `seed` and may return observations or (observations, infos); `step` may return
    (observations, rewards, terminations, truncations, infos) or the older (observations, rewards, dones, infos), where
    `info["TimeLimit.truncated"]` tells a time limit from an end.

    The arrays are the rows of a batch when the environment is part of one, else memory of its own. They exist from
    the first use on, so the spaces may be set after `super().__init__()`.

    Parameters
    ----------
    buf : mapping, optional
        Arrays to use, see `puffer.Buffers`.

    Attributes
    ----------
    num_agents : int
    possible_agents : sequence
        Agent ids in the order of their rows; by default 0 .. num_agents - 1.
    copy_action_space : MultiDiscrete or None
        The actions of all rows, (num_agents, ...), if agents have fewer than `single_action_space` has.
    max_steps : int or None
        Steps after which the batch truncates an episode.
    render_mode : str or None
    metadata : dict
        "render_modes", and "render_fps" for a window.
    """

    metadata: dict[str, Any] = {"render_modes": []}
    render_mode: str | None = None
    max_steps: int | None = None
    num_agents: int = 1
    copy_action_space: spaces.MultiDiscrete | None = None
    _buf: Any = None
    _buffers: Buffers | None = None

    single_observation_space: Space
    single_action_space: Space

    def __init__(self, buf: Mapping[str, Any] | Buffers | None = None) -> None:
        self._buf = buf

    # ---- Spaces ----

    def make_space(self, description: Any, dtype: Any = np.float32, low: Any = None, high: Any = None) -> Space:
        """A space from a short description.

        Parameters
        ----------
        description : Space, mapping, list, or tuple of int
            A Gymnasium space is returned as it is; a mapping becomes a Dict and a list a Tuple of what their items
            describe; a tuple of ints is the shape of a Box.
        dtype, low, high
            Of the Boxes; by default the bounds are those of the dtype, for floats infinite.
        """
        if isinstance(description, Space):
            return description
        if isinstance(description, Mapping):
            return spaces.Dict({key: self.make_space(one, dtype, low, high) for key, one in description.items()})
        if isinstance(description, list):
            return spaces.Tuple([self.make_space(one, dtype, low, high) for one in description])
        if not isinstance(description, tuple):
            raise TypeError(f"a space is described by a Space, dict, list or shape tuple, got {description!r}")
        shape = tuple(checks.integer("shape", size, 1) for size in description)
        least, most = _range(np.dtype(dtype))
        return spaces.Box(least if low is None else low, most if high is None else high, shape, dtype)

    def make_discrete(self, n: int) -> spaces.Discrete:
        """The space of the integers 0 .. n - 1."""
        return spaces.Discrete(checks.integer("n", n, 1))

    def make_multi_discrete(self, nvec: Sequence[int]) -> spaces.MultiDiscrete:
        """The space of integer vectors whose entry k lies in 0 .. nvec[k] - 1."""
        if not isinstance(nvec, (Sequence, np.ndarray)) or isinstance(nvec, (str, bytes)) or len(nvec) == 0:
            raise TypeError(f"nvec must be a sequence of at least one integer, got {nvec!r}")
        return spaces.MultiDiscrete([checks.integer(f"nvec[{k}]", n, 1) for k, n in enumerate(nvec)])

    @cached_property
    def layout(self) -> Layout:
        """How an observation lies in its row."""
        return Layout(self._space("single_observation_space"))

    @cached_property
    def action_layout(self) -> ActionLayout:
        """How an action lies in its row."""
        return ActionLayout(self._space("single_action_space"))

    def _space(self, name: str) -> Space:
        space = getattr(self, name, None)
        if not isinstance(space, Space):
            raise TypeError(f"{type(self).__name__} must set self.{name} to a Gymnasium space, it is {space!r}")
        return space

    # ---- Buffers ----

    def bind(self, buffers: Buffers) -> None:
        """Use the rows of these buffers from now on; the batch calls this."""
        self._buffers = buffers
        for name in _ROWS:
            self.__dict__[name] = getattr(buffers, name)
        self.__dict__.pop("observation_views", None)

    @property
    def buffers(self) -> Buffers:
        """The rows of this environment."""
        if self._buffers is None:
            agents = checks.integer("num_agents", self.num_agents, 1)
            self.bind(rows_for(self.layout, self.action_layout, agents, self._buf))
            self.masks[:] = True
        assert self._buffers is not None
        return self._buffers

    # Kept in the instance, where bind() replaces them: environments use them many times in each step.

    @cached_property
    def observations(self) -> np.ndarray:
        """(num_agents, ...) of the flat layout."""
        return self.buffers.observations

    @cached_property
    def observation_views(self) -> Any:
        """The observations as the space nests them: dicts and tuples of views, (num_agents, ...) each, to write to."""
        return self.layout.view(self.observations)

    @cached_property
    def actions(self) -> np.ndarray:
        """(num_agents, ...) of the flat layout."""
        return self.buffers.actions

    @cached_property
    def rewards(self) -> np.ndarray:
        """(num_agents,) float32."""
        return self.buffers.rewards

    @cached_property
    def terminations(self) -> np.ndarray:
        """(num_agents,) bool."""
        return self.buffers.terminations

    @cached_property
    def truncations(self) -> np.ndarray:
        """(num_agents,) bool."""
        return self.buffers.truncations

    @cached_property
    def masks(self) -> np.ndarray:
        """(num_agents,) bool: the agent takes part."""
        return self.buffers.masks

    def __getstate__(self) -> dict[str, Any]:
        # Rows belong to a batch, which the copy is not in.
        bound = ("_buffers", "observation_views", *_ROWS)
        return {name: value for name, value in self.__dict__.items() if name not in bound}

    # ---- Agents ----

    @property
    def unwrapped(self) -> Any:
        """The environment within all wrappers, which this one is."""
        return self

    @property
    def possible_agents(self) -> Sequence[Any]:
        return self.__dict__.get("possible_agents", range(self.num_agents))

    @possible_agents.setter
    def possible_agents(self, agents: Sequence[Any]) -> None:
        self.__dict__["possible_agents"] = agents

    # ---- To be written ----

    def reset(self, seed: int | None = None) -> Any:
        """Begin an episode. Returns the observations, or (observations, infos)."""
        raise TypeError(f"{type(self).__name__} must have a method reset(seed=None)")

    def step(self, actions: Any) -> tuple:
        """Step. Returns (observations, rewards, terminations, truncations, infos)."""
        raise TypeError(f"{type(self).__name__} must have a method step(actions)")

    def render(self) -> Any:
        """A frame (height, width, 3) uint8 for the mode "rgb_array", text for "ansi", None for "human"."""
        return None

    def close(self) -> None:
        """Give back what the environment holds."""


def rows_for(layout: Layout, action_layout: ActionLayout, agents: int, buf: Any) -> Buffers:
    """The rows of one environment, in the arrays of `buf` as far as they are given."""
    space = layout.flat_space
    reader = ActionReader(action_layout.flat_space, native=False)
    return Buffers(agents, space.shape, space.dtype, reader.shape, reader.dtype, buf)


def _range(dtype: np.dtype) -> tuple[Any, Any]:
    if dtype.kind == "f":
        return -np.inf, np.inf
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind not in "iu":
        raise TypeError(f"dtype must be of bools, integers or floats, got {dtype}")
    information = np.iinfo(dtype)
    return information.min, information.max
