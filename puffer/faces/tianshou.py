"""A batch as the vector environment of Tianshou: `Collector(policy, VecEnv("cartpole", num_envs=64), buffer)`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from puffer.faces.batches import from_zero, idle_actions, require_kept, usable_batch
from puffer.faces.infos import spread
from puffer.layout.nested import NestedObservations

try:
    from tianshou.env import BaseVectorEnv
    from tianshou.env.venvs import GYM_RESERVED_KEYS
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] != "tianshou":
        raise
    raise ImportError("puffer.faces.tianshou needs Tianshou: pip install tianshou") from None


class VecEnv(BaseVectorEnv):
    """A batch as a `tianshou.env.BaseVectorEnv`, each row of which is one of its environments.

    `step` returns the last observations of episodes that ended. Their next ones have begun by then, so that `reset` of
    these rows costs nothing. All rows are stepped at once: those that Tianshou leaves out of a step, at the end of a
    collection of episodes, have to be reset before they take part again, as its collectors do.

    Parameters
    ----------
    env
        A name, as in `puffer.make`; what `puffer.emulate` takes; or a `puffer.VectorEnv`.
    num_envs : int, optional
        Copies, by default 1. A VectorEnv has its own.
    flat : bool
        Observations as rows. By default those of a Dict are dicts, which Tianshou makes Batches of.
    **options
        Of `puffer.make` or `puffer.emulate`.

    Attributes
    ----------
    batch : puffer.VectorEnv
    observation_space, action_space : list of gymnasium.Space
        Of each row. Actions are rows, and discrete ones begin at 0.

    Raises
    ------
    TypeError
        For options beside a VectorEnv.
    ValueError
        For a batch of another autoreset mode than SAME_STEP, with a smaller batch_size, `copy=False` or `flat=False`.
    """

    def __init__(self, env: Any, num_envs: int | None = None, *, flat: bool = False, **options: Any) -> None:
        with usable_batch(env, num_envs, options) as batch:
            require_kept(batch, "Tianshou", rows=True)
        self.batch = batch
        # Those of BaseVectorEnv, which would make workers of functions.
        self.env_num = self.wait_num = batch.num_envs
        self.is_async, self.is_closed, self.timeout = False, False, None
        self.waiting_conn: list[Any] = []
        self.waiting_id: list[int] = []
        self.ready_id = list(range(self.env_num))
        self.workers: list[Any] = []
        nested = NestedObservations(batch.layout, getattr(batch.native_env, "own_observation_space", None))
        self._nested = None if flat or isinstance(nested.space, gymnasium.spaces.Box) else nested
        self._space_of_actions, self._first_actions = from_zero(batch.single_action_space)
        self._idle = idle_actions(batch.action_space)
        self._seeds: list[int | None] | None = None
        # What rows observe and are told now.
        self._observations = batch.observations
        self._infos: list[dict[str, Any]] = []
        # Rows at the beginning of an episode, and rows that have been stepped without Tianshou.
        self._has_begun, self._is_lost = np.zeros((2, batch.num_envs), np.bool_)

    def reset(self, env_id: Any = None, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        """Begin new episodes in these rows, by default in all.

        Parameters
        ----------
        env_id : int or sequence of int, optional
        **options
            `seed` and `options` of `VectorEnv.reset`.

        Returns
        -------
        observations : (rows, ...) array
        infos : (rows,) array of dict
        """
        self._assert_is_not_closed()
        rows = np.asarray(self._wrap_id(env_id))
        taken = np.zeros(self.env_num, np.bool_)
        taken[rows] = True
        if env_id is not None and not options:
            taken &= ~self._has_begun
        if taken.any():
            self._begin(taken, **options)
        self._has_begun[rows] = self._is_lost[rows] = False
        return self._values(self._observations[rows]), np.array([self._infos[row] for row in rows.tolist()])

    def _begin(self, taken: np.ndarray, *, seed: Any = None, options: dict[str, Any] | None = None) -> None:
        if taken.all():
            self._infos = [{} for _ in range(self.env_num)]
            seed, self._seeds = self._seeds if seed is None else seed, None
        else:
            options = {**(options or {}), "reset_mask": taken}
        self._observations, info = self.batch.reset(seed=seed, options=options)
        for row in np.flatnonzero(taken).tolist():
            self._infos[row] = {"env_id": row}
        spread(info, self._infos)

    def step(self, action: Any, id: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Step these rows, by default all.

        Returns
        -------
        observations, rewards, terminations, truncations : (rows, ...) array
        infos : (rows,) array of dict
            With "env_id", the row.

        Raises ValueError for rows that were left out of a step and not reset since.
        """
        self._assert_is_not_closed()
        rows = np.asarray(self._wrap_id(id))
        if self._is_lost[rows].any():
            lost = rows[self._is_lost[rows]].tolist()
            raise ValueError(f"rows {lost} were left out of a step, in which their episodes went on; reset them first")
        actions = np.asarray(action)
        if self._first_actions is not None:
            actions = actions + self._first_actions
        if len(rows) < self.env_num:
            self._is_lost[:] = True
            self._is_lost[rows] = False
            whole = self._idle.copy()
            whole[rows] = actions
            actions = whole
        self._observations, rewards, terminations, truncations, info = self.batch.step(actions)
        infos = self._told(info)
        ends, last = self.batch.ends, self._observations
        if ends:
            last = last.copy()
            last[ends.rows] = ends.observations
        self._has_begun = terminations | truncations
        told = np.array([infos[row] for row in rows.tolist()])
        return self._values(last[rows]), rewards[rows], terminations[rows], truncations[rows], told

    def _told(self, info: dict[str, Any]) -> list[dict[str, Any]]:
        """Infos of the step; where an episode ended, of its last step, and those of the next are kept for `reset`."""
        infos: list[dict[str, Any]] = [{"env_id": row} for row in range(self.env_num)]
        now = self._infos = list(infos)
        if info and self.batch.native_env is None:
            if "final_info" in info:
                for row in self.batch.ends.rows.tolist():
                    now[row] = {"env_id": row}
                spread(info["final_info"], infos)
            spread(info, now)
        return infos

    def _values(self, rows: np.ndarray) -> np.ndarray:
        """Observations as Tianshou's own vector environments return them."""
        return rows if self._nested is None else np.array(self._nested.of_each(rows))

    def seed(self, seed: int | list[int] | None = None) -> list[Any]:
        """Set the seeds of the copies for the next reset of all rows: this and those after it, or one for each."""
        self._assert_is_not_closed()
        copies = self.batch.num_copies
        self._seeds = list(range(seed, seed + copies)) if isinstance(seed, int) else seed and list(seed)
        return [[each] for each in self._seeds or [None] * copies]

    def get_env_attr(self, key: str, id: Any = None) -> list[Any]:
        """An attribute of each of these rows, as `VectorEnv.get_attr` finds it in their copies."""
        rows = self._wrap_id(id)
        if key in GYM_RESERVED_KEYS:
            space = self.batch.layout.flat_space if self._nested is None else self._nested.space
            own = {
                "observation_space": space,
                "action_space": self._space_of_actions,
                "reward_range": (-np.inf, np.inf),
            }
            return [own[key] if key in own else getattr(self.batch, key) for _ in rows]
        values = self.batch.get_attr(key)
        return [values[row // self.batch.agents_per_env] for row in rows]

    def set_env_attr(self, key: str, value: Any, id: Any = None) -> None:
        """Set the attribute of the copies of these rows, as `VectorEnv.set_attr` does."""
        agents = self.batch.agents_per_env
        if id is not None:
            values = list(self.batch.get_attr(key))
            for row in self._wrap_id(id):
                values[row // agents] = value
            value = values
        self.batch.set_attr(key, value)

    def render(self, **options: Any) -> Any:
        """What `VectorEnv.render` returns."""
        return self.batch.render()

    def close(self) -> None:
        """Close the batch."""
        self.is_closed = True
        self.batch.close()
