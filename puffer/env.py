"""`PufferEnv`: the base class of environments written in Python."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import Space, spaces
from gymnasium.vector.utils import batch_space

from puffer import checks
from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.native.actions import ActionReader
from puffer.native.buffers import Buffers

_ROWS = ("observations", "actions", "rewards", "terminations", "truncations", "masks")
# The other name of each space.
_SHORT_NAMES = {"single_observation_space": "observation_space", "single_action_space": "action_space"}


class PufferEnv:
    """Base class of environments written in Python, with one agent or several.

    A subclass sets `single_observation_space` and `single_action_space`, the spaces of one agent, and `num_agents` if
    there are several. `observation_space` and `action_space` are other names of the same two. It writes `reset` and
    `step` in one of two styles:

    - In place: `reset` and `step` write into `self.observations`, `self.rewards`, `self.terminations`,
      `self.truncations` and `self.masks`, with one row for each agent, and return them. `self.terminals` is another
      name of the terminations. `step(actions)` gets an array with a row for each agent. In a batch, rewards and flags
      are zero when `reset` or `step` is called. Masks are true in `reset`. In `step`, the masks of agents that have
      ended are false, and the batch zeroes their rows.
    - Returning: `step` gets an action of the space and returns observations of the space, as in Gymnasium; both may
      nest. With several agents, actions, observations, rewards and flags are dicts by agent id. Absent agents are
      missing from them, and `"__all__"` among the flags ends the episode for all agents. Ids that are not in
      `possible_agents` get rows in the order in which `reset` first returns them.

    In both styles, `reset` may take a `seed` and return observations or (observations, infos). `step` may return
    (observations, rewards, terminations, truncations, infos) or the older (observations, rewards, dones, infos), where
    `info["TimeLimit.truncated"]` marks a time limit.

    The arrays are rows of the batch if the environment is part of one, and memory of its own otherwise. They are
    created on first use, so a subclass may set its spaces after `super().__init__()`.

    Parameters
    ----------
    buf : mapping, optional
        Arrays to use, by name, as in `puffer.Buffers`.

    Attributes
    ----------
    num_agents : int
        Number of rows, 1 by default.
    single_observation_space, single_action_space, observation_space, action_space : Space
        The spaces of one agent, by either name. The one that was set last counts.
    possible_agents : sequence
        Agent ids in the order of their rows; 0 .. num_agents - 1 by default.
    copy_action_space : MultiDiscrete or None
        The actions of all rows, (num_agents, ...), if some agents have fewer actions than `single_action_space`.
    max_steps : int or None
        Steps after which the batch truncates an episode.
    max_length : int or mapping of str to int, optional
        Of observations of varying size, see `puffer.spaces.Layout`.
    render_mode : str or None
        As in Gymnasium.
    metadata : dict
        "render_modes", and "render_fps" for a window.
    """

    metadata: dict[str, Any] = {"render_modes": []}
    render_mode: str | None = None
    max_steps: int | None = None
    max_length: int | Mapping[str, int] | None = None
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
            A Gymnasium space is returned unchanged. A mapping becomes a Dict and a list a Tuple, whose items are
            described in the same way. A tuple of ints is the shape of a Box, and a tuple of a shape and a dtype one
            with a dtype of its own, as in `{"image": ((84, 84, 3), np.uint8), "speed": (2,)}`.
        dtype : numpy dtype, or mapping or list of them
            Dtype of the Boxes: bool, an integer or a float. A mapping or a list has those of the items of such a
            description, and float32 for a key that it lacks.
        low, high : number or array, optional
            Bounds of the Boxes; by default those of the dtype, which are infinite for floats.

        Returns
        -------
        Space

        Raises
        ------
        TypeError
            If the description is none of these, or the dtype is of another kind.
        ValueError
            If a size in a shape is less than 1, or dtypes have another form than the description.
        """
        if isinstance(description, Space):
            return description
        if isinstance(description, Mapping):
            dtypes = _dtypes_of(dtype, description)
            return spaces.Dict({key: self.make_space(one, dtypes[key], low, high) for key, one in description.items()})
        if isinstance(description, list):
            dtypes = _dtypes_of(dtype, range(len(description)))
            return spaces.Tuple([self.make_space(one, dtypes[k], low, high) for k, one in enumerate(description)])
        if not isinstance(description, tuple):
            raise TypeError(f"description must be a Space, a dict, a list or a tuple of ints, got {description!r}")
        if len(description) == 2 and isinstance(description[0], tuple):
            description, dtype = description
        if isinstance(dtype, (Mapping, list)):
            raise ValueError(f"dtype must be one dtype for the shape {description}, got {dtype!r}")
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
        return Layout(self._space("single_observation_space"), self.max_length)

    @cached_property
    def action_layout(self) -> ActionLayout:
        """How an action lies in its row."""
        return ActionLayout(self._space("single_action_space"))

    @property
    def observation_space(self) -> Space:
        return self.single_observation_space

    @observation_space.setter
    def observation_space(self, space: Space) -> None:
        self._name("single_observation_space", space)

    @property
    def action_space(self) -> Space:
        return self.single_action_space

    @action_space.setter
    def action_space(self, space: Space) -> None:
        self._name("single_action_space", space)

    def _name(self, name: str, space: Space) -> None:
        single = self.__dict__.get(name)
        # Some environments also set the spaces of all their rows together.
        if single is None or space != batch_space(single, self.num_agents):
            setattr(self, name, space)

    def __getattr__(self, name: str) -> Any:
        # A subclass may have declared the short name on the class, which hides the property above.
        declared = _hidden(type(self), _SHORT_NAMES.get(name))
        if declared is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self, _SHORT_NAMES[name])

    @classmethod
    def _declares(cls, name: str) -> bool:
        """Whether a subclass names this space, `single_observation_space` or `single_action_space`, on the class."""
        return hasattr(cls, name) or _hidden(cls, _SHORT_NAMES[name]) is not None

    def _space(self, name: str) -> Space:
        space = getattr(self, name, None)
        if not isinstance(space, Space):
            raise TypeError(
                f"{type(self).__name__}.{name} must be a Gymnasium space, got {space!r}; set it in __init__, by this "
                f"name or as {_SHORT_NAMES[name]}"
            )
        return space

    # ---- Buffers ----

    def bind(self, buffers: Buffers) -> None:
        """Use the rows of `buffers` from now on. The batch calls this method."""
        self._buffers = buffers
        for name in _ROWS:
            self.__dict__[name] = getattr(buffers, name)
        self.__dict__["terminals"] = buffers.terminations
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

    # Cached in the instance, because environments use them many times in each step. bind() replaces them.

    @cached_property
    def observations(self) -> np.ndarray:
        """(num_agents, ...) array in the flat layout."""
        return self.buffers.observations

    @cached_property
    def observation_views(self) -> Any:
        """Writable views of the observations, (num_agents, ...), nested in dicts and tuples as in the space."""
        return self.layout.view(self.observations)

    @cached_property
    def actions(self) -> np.ndarray:
        """(num_agents, ...) array in the flat layout."""
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
    def terminals(self) -> np.ndarray:
        """PufferLib's name for `terminations`."""
        return self.terminations

    @cached_property
    def truncations(self) -> np.ndarray:
        """(num_agents,) bool."""
        return self.buffers.truncations

    @cached_property
    def masks(self) -> np.ndarray:
        """(num_agents,) bool: whether the agent takes part."""
        return self.buffers.masks

    def __getstate__(self) -> dict[str, Any]:
        # The rows belong to the batch, and the pickled copy is not part of it.
        bound = ("_buffers", "observation_views", "terminals", *_ROWS)
        return {name: value for name, value in self.__dict__.items() if name not in bound}

    # ---- Agents ----

    @property
    def unwrapped(self) -> Any:
        """The innermost environment, here this one."""
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
        raise TypeError(f"{type(self).__name__} has no method reset; write reset(self, seed=None)")

    def step(self, actions: Any) -> tuple:
        """Step. Returns (observations, rewards, terminations, truncations, infos)."""
        raise TypeError(f"{type(self).__name__} has no method step; write step(self, actions)")

    def render(self) -> Any:
        """A picture: (height, width, 3) uint8 in the mode "rgb_array", str in "ansi", None in "human"."""
        return None

    def close(self) -> None:
        """Release the resources of the environment."""


def _hidden(cls: type, name: str | None) -> Any:
    """What a subclass of PufferEnv has put in the place of one of its properties, or None."""
    if name is None:
        return None
    found = getattr(cls, name)
    return None if found is getattr(PufferEnv, name) else found


def rows_for(layout: Layout, action_layout: ActionLayout, agents: int, buf: Any) -> Buffers:
    """The rows of one environment. They use the arrays in `buf`, which need not have all of them."""
    space = layout.flat_space
    reader = ActionReader(action_layout.flat_space, native=False)
    return Buffers(agents, space.shape, space.dtype, reader.shape, reader.dtype, buf)


def _dtypes_of(dtype: Any, keys: Collection[Any]) -> dict[Any, Any]:
    """By key, the dtype of each item of a description."""
    if isinstance(dtype, list):
        if len(dtype) != len(keys):
            raise ValueError(f"dtype must have one dtype for each of the {len(keys)} items, got {dtype!r}")
        dtype = dict(enumerate(dtype))
    if not isinstance(dtype, Mapping):
        return dict.fromkeys(keys, dtype)
    unknown = [key for key in dtype if key not in keys]
    if unknown:
        raise ValueError(f"dtype must have keys of the description, {list(keys)}, got {unknown}")
    return {key: dtype.get(key, np.float32) for key in keys}


def _range(dtype: np.dtype) -> tuple[Any, Any]:
    if dtype.kind == "f":
        return -np.inf, np.inf
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind not in "iu":
        raise TypeError(f"dtype must be bool, an integer or a float, got {dtype}")
    information = np.iinfo(dtype)
    return information.min, information.max
