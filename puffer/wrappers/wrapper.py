"""`Wrapper`: the base class of environments around another one."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, error

from puffer.env import PufferEnv, rows_for
from puffer.native.buffers import Buffers
from puffer.wrappers.adapters.kinds import adapter_of

_OUTPUTS = ("rewards", "terminations", "truncations", "masks")


class Wrapper(PufferEnv):
    """Base class of environments that change the observations, actions or rewards of another one.

    A subclass overrides `change_observations`, `change_actions` or `change_rewards`. If the change needs another space,
    it sets `observation_space` or `action_space` after `super().__init__(env)`, or on the class. Each of these methods
    handles the rows of all agents at once. To change infos or anything else, a subclass overrides `reset` and `step`,
    whose infos are a list with a dict for each agent.

    The wrapper keeps the time limit of `env`. It sees the true last observation of an episode, and its own episode ends
    in the same step. `env` has rows of its own where a method changes them, and shares those of the wrapper elsewhere.

    Parameters
    ----------
    env
        One copy of anything that `puffer.emulate` takes, also another wrapper.

    Attributes
    ----------
    env
        The wrapped environment.
    env_rows : Buffers
        Its rows; they exist from the first reset on.
    env_ended : bool
        Whether its episode is over, so that it must be reset.
    env_max_steps : int or None
        Its time limit in steps.

    Raises
    ------
    TypeError
        If `env` is not an environment.
    """

    env_rows: Buffers

    def __init__(self, env: Any) -> None:
        super().__init__()
        self.env = env
        self._drive()
        adapter = self._adapter
        if not self._declares("single_observation_space"):
            self.single_observation_space = adapter.layout.space
        if not self._declares("single_action_space"):
            self.single_action_space = adapter.action_layout.space
        self.num_agents = adapter.agents_per_env
        self.possible_agents = getattr(env, "possible_agents", range(self.num_agents))
        if not self._changes("actions"):
            self.copy_action_space = adapter.copy_action_space
        self.env_max_steps: int | None = adapter.max_steps
        self.metadata = getattr(env, "metadata", None) or PufferEnv.metadata
        self.render_mode = getattr(env, "render_mode", None)

    def _name(self, name: str, space: Space) -> None:
        # It has the spaces of the env already, of which a new one may well be a batch.
        setattr(self, name, space)

    def _drive(self) -> None:
        self._adapter = adapter_of(self.env, self.max_length)
        self.env_ended = True
        self._elapsed = 0

    @property
    def unwrapped(self) -> Any:
        """The innermost environment."""
        return getattr(self.env, "unwrapped", self.env)

    # ---- Changes ----

    def change_observations(self, observations: Any) -> None:
        """Write `self.observations` or `self.observation_views`. Called after every reset and step.

        Parameters
        ----------
        observations
            Those of the env, nested as in its space: an array (num_agents, ...), or dicts and tuples of such arrays.
            They are to be read only.
        """

    def change_actions(self, actions: Any) -> None:
        """Write `self.env_rows.actions`. Called before every step with the wrapper's `actions`, (num_agents, ...)."""
        if actions is not self.env_rows.actions:
            self.env_rows.actions[...] = actions

    def change_rewards(self, rewards: np.ndarray) -> None:
        """Change `rewards`, (num_agents,) float32, in place. Called in every step, after `change_observations`."""

    def _changes(self, name: str) -> bool:
        method = f"change_{name}"
        return getattr(type(self), method) is not getattr(Wrapper, method)

    # ---- Rows ----

    def bind(self, buffers: Buffers) -> None:
        """Use the rows of `buffers` from now on. The batch calls this method."""
        super().bind(buffers)
        adapter = self._adapter
        shared = {name: getattr(buffers, name) for name in self._shared()}
        self.env_rows = rows_for(adapter.layout, adapter.action_layout, self.num_agents, shared)
        adapter.attach(self.env_rows, 0)
        self._env_observations = adapter.layout.view(self.env_rows.observations)

    def _shared(self) -> list[str]:
        """Names of the rows that the env and the wrapper share."""
        same = {
            "observations": self.layout == self._adapter.layout,
            "actions": self.action_layout == self._adapter.action_layout,
        }
        for name, is_same in same.items():
            if not is_same and not self._changes(name):
                raise TypeError(
                    f"{type(self).__name__} and {self.env} have different spaces of {name}, so the wrapper must have a "
                    f"method change_{name}"
                )
        return [*_OUTPUTS, *(name for name in same if not self._changes(name))]

    # ---- The env ----

    def reset_env(self, seed: int | None = None, options: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Begin an episode of the env. Writes `env_rows` and returns an info for each agent."""
        # First, because it binds the rows of the wrapper on first use.
        self.masks.fill(True)
        self._clear()
        self.env_rows.masks.fill(True)
        self.env_ended = True
        self._elapsed = 0
        events: list[tuple[int, dict]] = []
        self._adapter.options = options
        self._adapter.reset(seed, events)
        self.env_ended = False
        return self._by_agent(events)

    def step_env(self, actions: Any) -> list[dict[str, Any]]:
        """Change `actions` and step the env. Writes `env_rows` and returns an info for each agent.

        Raises ResetNeeded if its episode is over.
        """
        if self.env_ended:
            raise error.ResetNeeded(f"step() of {type(self).__name__} after the end of its episode; call reset() first")
        self.change_actions(actions)
        self._clear()
        # After a step that raises, the env must be reset.
        self.env_ended = True
        events: list[tuple[int, dict]] = []
        self._adapter.step(events)
        self._elapsed += 1
        rows, self.env_ended = self.env_rows, self._adapter.ended
        if self.env_max_steps is not None and self._elapsed >= self.env_max_steps:
            np.logical_or(rows.truncations, rows.masks, out=rows.truncations)
            self.env_ended = True
        if self.env_ended:
            # An agent that comes in the last step does not take part in the episode.
            np.logical_and(rows.masks, rows.terminations | rows.truncations, out=rows.masks)
        return self._by_agent(events)

    def _clear(self) -> None:
        rows = self.env_rows
        rows.rewards.fill(0)
        rows.terminations.fill(False)
        rows.truncations.fill(False)

    def _by_agent(self, events: list[tuple[int, dict]]) -> list[dict[str, Any]]:
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_agents)]
        for row, info in events:
            infos[row].update(info)
        return infos

    # ---- The wrapper ----

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Begin an episode. Returns the observations, (num_agents, ...), and an info for each agent."""
        infos = self.reset_env(seed, options)
        self.change_observations(self._env_observations)
        return self.observations, infos

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step with `actions`, (num_agents, ...).

        Returns the wrapper's observations, rewards, terminations and truncations, and an info for each agent. Raises
        ResetNeeded if the episode is over.
        """
        infos = self.step_env(actions)
        self.change_observations(self._env_observations)
        self.change_rewards(self.rewards)
        return self.observations, self.rewards, self.terminations, self.truncations, infos

    def render(self) -> Any:
        """The picture of the env."""
        return self._adapter.render()

    def close(self) -> None:
        """Close the env."""
        self._adapter.close()

    def __getstate__(self) -> dict[str, Any]:
        ours = ("_adapter", "env_rows", "_env_observations")
        return {name: value for name, value in super().__getstate__().items() if name not in ours}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._drive()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.env!r})"
