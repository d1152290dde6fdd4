"""A batch with the vector interface of PufferLib 3, for its trainer: `PuffeRL(config, VecEnv("cartpole", 64), policy)`.

The interface is one of methods and attributes, so the package itself is not needed here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from gymnasium.vector.utils import batch_space

from puffer.faces.batches import from_zero, require_same_step, usable_batch
from puffer.faces.infos import spread


class VecEnv:
    """A batch with the vector interface of PufferLib 3.

    Parameters
    ----------
    env
        A name, as in `puffer.make`; what `puffer.emulate` takes; or a `puffer.VectorEnv`.
    num_envs : int, optional
        Copies, by default 1. A VectorEnv has its own.
    ends_as_terminals : bool
        Let `terminals` be True where an episode was truncated, too. PufferLib's trainer looks at `terminals` only: by
        default it takes the next episode for the rest of one that was truncated.
    **options
        Of `puffer.make` or `puffer.emulate`.

    Attributes
    ----------
    batch : puffer.VectorEnv
    single_observation_space, single_action_space : gymnasium.Space
        Of one agent, whose observation is a row. Discrete actions begin at 0.
    observation_space, action_space : gymnasium.Space
        Of what `recv` returns and `send` takes.
    num_agents : int
        Rows of the batch.
    agents_per_batch, num_envs : int
        Rows that `recv` returns.
    emulated : dict
        `observation_dtype` of a row and `emulated_observation_dtype`, structured, of the values in it, from which
        `pufferlib.pytorch.nativize_dtype` finds the parts of a nested observation.
    driver_env
        What policies look at: the spaces of one agent, `num_agents` of one copy, `emulated`, and in `env` the
        `observation_space` of the environment itself; `render()` and `render_mode`.

    Raises
    ------
    TypeError
        For options beside a VectorEnv.
    ValueError
        For a batch of another autoreset mode than SAME_STEP, or with `flat=False`.
    """

    def __init__(
        self, env: Any, num_envs: int | None = None, *, ends_as_terminals: bool = False, **options: Any
    ) -> None:
        with usable_batch(env, num_envs, options) as batch:
            require_same_step(batch, "PufferLib")
            if not batch.flat:
                raise ValueError("PufferLib takes observations and actions as rows, got flat=False: leave it out")
        self.batch = batch
        self.ends_as_terminals = ends_as_terminals
        self.num_agents = batch.num_agents
        self.agents_per_batch = self.num_envs = batch.batch_size * batch.agents_per_env
        self.single_observation_space = batch.single_observation_space
        self.single_action_space, self._first_actions = from_zero(batch.single_action_space)
        self.observation_space = batch_space(self.single_observation_space, self.agents_per_batch)
        self.action_space = batch_space(self.single_action_space, self.agents_per_batch)
        self.emulated = {
            "observation_dtype": self.single_observation_space.dtype,
            "emulated_observation_dtype": batch.layout.dtype,
        }
        self.driver_env = SimpleNamespace(
            single_observation_space=self.single_observation_space,
            single_action_space=self.single_action_space,
            observation_space=self.single_observation_space,
            action_space=self.single_action_space,
            num_agents=batch.agents_per_env,
            emulated=self.emulated,
            env=SimpleNamespace(observation_space=batch.layout.space),
            render=lambda: batch.render_copy(0) if batch.render_mode == "rgb_array" else batch.render(),
            render_mode=batch.render_mode,
        )

    def async_reset(self, seed: int | None = None) -> None:
        """Begin new episodes, whose first observations `recv` returns."""
        self.batch.async_reset(seed=seed)

    def send(self, actions: np.ndarray) -> None:
        """Step the agents that `recv` returned first of those not sent since."""
        if self._first_actions is not None:
            actions = np.asarray(actions) + self._first_actions
        self.batch.send(actions)

    def recv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[dict], np.ndarray, np.ndarray]:
        """Wait for agents.

        Returns
        -------
        observations : (agents_per_batch, ...) array
        rewards : (agents_per_batch,) float32
        terminals, truncations : (agents_per_batch,) bool
        infos : list of dict
            Of the episodes that ended: a dict with the lists `episode_return` and `episode_length`, and one for each
            with what an environment in Python told in its last step.
        agent_ids : (agents_per_batch,) int64
            The rows, one after the other.
        masks : (agents_per_batch,) bool
            Which agents took part in the step, or begin an episode.
        """
        observations, rewards, terminals, truncations, info = self.batch.recv()
        rows = self.batch.rows
        if self.ends_as_terminals:
            terminals = terminals | truncations
        infos = self._infos_of_ends(info)
        agents = np.arange(rows.start, rows.stop)
        return observations, rewards, terminals, truncations, infos, agents, self.batch.masks[rows].copy()

    def _infos_of_ends(self, info: dict[str, Any]) -> list[dict[str, Any]]:
        ends = self.batch.ends
        if not ends:
            return []
        infos: list[dict[str, Any]] = [
            {"episode_return": ends.returns.tolist(), "episode_length": ends.lengths.tolist()}
        ]
        if self.batch.native_env is None:
            last: dict[int, dict[str, Any]] = {row: {} for row in ends.rows.tolist()}
            spread(info.get("final_info", {}), last)
            infos += [each for each in last.values() if each]
        return infos

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, list[dict]]:
        """`async_reset(seed)` and `recv()`: returns observations and infos."""
        self.async_reset(seed)
        observations, *_, infos, _, _ = self.recv()
        return observations, infos

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[dict]]:
        """`send(actions)` and `recv()`: returns the first five that `recv` returns."""
        self.send(actions)
        return self.recv()[:5]

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()
