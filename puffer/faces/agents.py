"""One copy of an environment whose agents have names, for interfaces that take and return dicts by agent."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from puffer.errors import WorkerError
from puffer.faces.batches import batch_of, idle_actions
from puffer.faces.infos import spread
from puffer.layout.nested import NestedActions, NestedObservations
from puffer.vector import VectorEnv


class NamedAgents:
    """One copy of an environment whose agents have names.

    An agent whose episode ends leaves `agents`, and the episode is over when none is left. Where agents have episodes
    of their own, an agent that left is born again in the world of the others, who still meet it: until they have left
    too, it takes the least action of discrete ones, and of others zero or the bound next to it.

    Parameters
    ----------
    env
        A name, as in `puffer.make`, or what `puffer.emulate` takes.
    agents : sequence of str, optional
        Names of the agents, in the order of their rows; a number is an argument of the environment. By default those of
        an environment in Python that has `possible_agents`, and "agent_0", "agent_1" and so on for others.
    **options
        Of `puffer.make` or `puffer.emulate`, but for `num_envs`, `batch_size`, `autoreset_mode`, `copy` and `flat`.

    Attributes
    ----------
    possible_agents, agents : list
        All agents, and those that act now, in the order of their rows.
    observation_spaces, action_spaces : dict
        By agent.
    metadata : dict
        `name`, `render_modes`, `render_fps`, `is_parallelizable`.
    render_mode : str or None

    Raises
    ------
    TypeError
        For a batch, and for one of the options named above.
    ValueError
        For another number of names than of agents, or a name twice.
    """

    def __init__(self, env: Any, *, agents: Sequence[Any] | int | None = None, **options: Any) -> None:
        if isinstance(agents, int):
            options["agents"], agents = agents, None
        if isinstance(env, VectorEnv):
            one = f"{type(self).__name__} is one copy"
            raise TypeError(f"{one}: pass the name of the environment, or the function, not {env!r}")
        for option in ("num_envs", "batch_size", "autoreset_mode", "copy", "flat"):
            if option in options:
                one = f"{type(self).__name__} has no option {option!r}"
                raise TypeError(f"{one}: it is one copy, which is not reset by itself")
        self._batch = batch_of(env, 1, {**options, "autoreset_mode": "Disabled", "copy": True})
        if self._batch.independent_agents:
            # Only there can the others go on after the end of an agent's episode.
            self._batch.close()
            self._batch = batch_of(env, 1, {**options, "autoreset_mode": "SameStep", "copy": True})
        batch = self._batch
        self.possible_agents = self._named(agents)
        self.agents: list[Any] = []
        self._rows = {agent: row for row, agent in enumerate(self.possible_agents)}
        self._has_left = np.zeros(batch.num_agents, np.bool_)
        own_space = getattr(batch.native_env, "own_observation_space", None)
        self._observations = NestedObservations(batch.layout, own_space)
        self._actions = NestedActions(batch.action_layout)
        # The same object in every call, so that a seed of a space holds.
        self.observation_spaces = dict.fromkeys(self._rows, self._observations.space)
        self.action_spaces = dict(zip(self._rows, self._spaces_of_actions(), strict=True))
        self._idle = idle_actions(batch.action_space)
        self.render_mode = batch.render_mode
        self.metadata = {
            **{key: value for key, value in batch.metadata.items() if key != "autoreset_mode"},
            "name": env if isinstance(env, str) else getattr(env, "__name__", type(env).__name__),
            "is_parallelizable": True,
        }

    def _named(self, agents: Sequence[Any] | None) -> list[Any]:
        count = self._batch.num_agents
        if agents is not None:
            if len(agents) != count or len(set(agents)) != count:
                self._batch.close()
                raise ValueError(f"agents must have {count} different names, one for each row, got {list(agents)}")
            return list(agents)
        try:
            own = list(self._batch.get_attr("possible_agents")[0])
        except (AttributeError, WorkerError):
            own = []
        return own if len(own) == count else [f"agent_{row}" for row in range(count)]

    def _spaces_of_actions(self) -> list[gymnasium.Space]:
        ranges = self._batch.copy_action_space
        if ranges is None or not self._actions.is_flat:
            return [deepcopy(self._actions.space) for _ in self._rows]
        return [_space_of_row(ranges, row) for row in range(len(self._rows))]

    def observation_space(self, agent: Any) -> gymnasium.Space:
        """The observations of an agent; where agents differ in size, what spans them all."""
        return self.observation_spaces[agent]

    def action_space(self, agent: Any) -> gymnasium.Space:
        """The actions of an agent."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Begin an episode. A native environment has no options: it ignores them, with a UserWarning.

        Returns
        -------
        observations, infos : dict
            By agent.
        """
        if options and self._batch.native_env is not None:
            warnings.warn(f"{self.metadata['name']} has no options in a reset; ignored: {options}", stacklevel=2)
            options = None
        observations, info = self._batch.reset(seed=seed, options=options)
        self._has_left[:] = False
        self.agents = [agent for agent, row in self._rows.items() if self._batch.masks[row]]
        infos: list[dict[str, Any]] = [{} for _ in self._rows]
        spread(info, infos)
        values = self._observations.of_each(observations)
        self._show()
        return self._by_agent(self.agents, values), self._by_agent(self.agents, infos)

    def step(self, actions: dict[Any, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Step, with an action of each of `agents`.

        Returns
        -------
        observations, rewards, terminations, truncations, infos : dict
            By agent, of those that took part; the last ones of an agent that leaves.

        When no agent is left, a step without actions returns five empty dicts, as PettingZoo's environments do.

        Raises ResetNeeded for actions when no agent is left, and before the first reset; ValueError for other agents
        than `agents`, TypeError or ValueError for a bad action.
        """
        if not self.agents and not actions and self._has_left.any():
            return {}, {}, {}, {}, {}
        rows = self._rows_of(actions)
        observations, rewards, terminations, truncations, info = self._batch.step(rows)
        infos: list[dict[str, Any]] = [{} for _ in self._rows]
        spread(info, infos)
        values = self._observations.of_each(observations)
        if self._batch.independent_agents:
            self._put_back_last(values, infos, info)
        acted = [agent for agent, row in self._rows.items() if self._batch.masks[row] and not self._has_left[row]]
        self._has_left |= terminations | truncations
        self.agents = [agent for agent in acted if not self._has_left[self._rows[agent]]]
        self._show()
        columns = (values, rewards.tolist(), terminations.tolist(), truncations.tolist(), infos)
        return tuple(self._by_agent(acted, column) for column in columns)

    def _rows_of(self, actions: dict[Any, Any]) -> np.ndarray:
        if not self.agents:
            raise ResetNeeded("step() when no agent is left; call reset() first")
        if set(actions) != set(self.agents):
            raise ValueError(f"step() takes an action of each agent in {self.agents}, got those of {list(actions)}")
        rows = list(self._idle)
        for agent, action in actions.items():
            is_flat = self._actions.is_flat
            rows[self._rows[agent]] = np.asarray(action) if is_flat else self._actions.rows_of_one(action)[0]
        return np.stack(rows)

    def _put_back_last(self, values: list[Any], infos: list[dict[str, Any]], info: dict[str, Any]) -> None:
        """Replace what agents that were born again observe, and are told, by the last of their episodes."""
        ends = self._batch.ends
        for row, value in zip(ends.rows.tolist(), self._observations.of_each(ends.observations), strict=True):
            values[row], infos[row] = value, {}
        spread(info.get("final_info", {}), infos)

    def _by_agent(self, agents: list[Any], values: list[Any]) -> dict[Any, Any]:
        return {agent: values[self._rows[agent]] for agent in agents}

    def _show(self) -> None:
        if self.render_mode == "human":
            self._batch.render()

    def render(self) -> Any:
        """A picture, (height, width, 3) uint8, in the mode "rgb_array"; text in the mode "ansi"; else None."""
        frames = self._batch.render()
        return None if frames is None else frames[0]

    def close(self) -> None:
        """Close the environment and its window. Another call does nothing."""
        self._batch.close()


def _space_of_row(ranges: gymnasium.Space, row: int) -> gymnasium.Space:
    """The actions of one row, from the space of all rows."""
    if isinstance(ranges, gymnasium.spaces.Box):
        return gymnasium.spaces.Box(ranges.low[row], ranges.high[row], dtype=ranges.dtype.type)
    if ranges.nvec.ndim == 1:
        return gymnasium.spaces.Discrete(int(ranges.nvec[row]), start=int(ranges.start[row]))
    return gymnasium.spaces.MultiDiscrete(ranges.nvec[row], start=ranges.start[row])
