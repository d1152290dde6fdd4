"""The checks of environments that write rows of a batch: `PufferEnv`, and others through their adapters."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from puffer.checking.driver import SHORT, Driver, Record, play
from puffer.checking.guards import NAMES, Guards
from puffer.checking.report import Report
from puffer.checking.returned import Returned
from puffer.checking.single import suspect_infinite_bounds
from puffer.checking.values import difference, why_outside
from puffer.env import PufferEnv
from puffer.native.actions import ActionReader
from puffer.wrappers.adapters.adapter import Adapter, takes_parameter
from puffer.wrappers.adapters.kinds import adapter_of


class RowsDriver(Driver):
    """Drives an environment through its adapter, in rows in the middle of larger arrays.

    Attributes
    ----------
    adapter : Adapter
    rows : dict
        Rows of the environment, by name.
    acting : bool array
        Whether each agent acts in the next step.
    """

    def __init__(self, env: Any, report: Report, make: Any = None) -> None:
        super().__init__(env, report, make)
        self._earlier = env._buffers if isinstance(env, PufferEnv) else None
        self.returned = Returned(env)
        self.adapter = self._watched_adapter()
        self.action_space = self.adapter.action_layout.space
        flat, reader = self.adapter.layout.flat_space, ActionReader(self.adapter.action_layout.flat_space, native=False)
        agents = self.adapter.agents_per_env
        self._guards = Guards(agents, (flat.shape, flat.dtype), (reader.shape, reader.dtype))
        self.rows = self._guards.own()
        self.acting = np.ones(agents, np.bool_)
        self._elapsed = 0
        self.adapter.attach(self._guards.buffers, agents)
        self._bound = {name: env.__dict__.get(name) for name in NAMES} if isinstance(env, PufferEnv) else {}
        self._before = self._earlier_bytes()

    def _watched_adapter(self) -> Adapter:
        try:
            self.returned.begin()
        except AttributeError:
            # It lets nobody put other methods in front of its own.
            return adapter_of(self.env)
        adapter = adapter_of(self.env)
        self.returned.end(adapter)
        return adapter

    @property
    def must_reset(self) -> bool:
        limit = self.adapter.max_steps
        return self.adapter.ended or (limit is not None and self._elapsed >= limit)

    def reset(self, seed: int | None) -> Record:
        self.begin_trace(seed)
        return self._reset(seed)

    def restart(self) -> Record:
        self.begin_restart()
        return self._reset(None)

    def _reset(self, seed: int | None) -> Record:
        self._elapsed = 0
        self._clear()
        self.rows["masks"][:] = True
        self.adapter.reset(seed, [])
        self.acting[:] = self.rows["masks"]
        self._look()
        return Record(self.rows["observations"].copy())

    def step(self, action: np.ndarray) -> Record:
        self.begin_step()
        self._elapsed += 1
        self._clear()
        self.rows["actions"][...] = action
        self.adapter.step([])
        change = difference(action, self.rows["actions"], "actions")
        if change:
            self.report.problem(
                f"{self.where} changed the array of actions: {change}", "copy the actions before changing them"
            )
        self._look()
        self._look_at_rewards()
        rewards, terminations, truncations = (
            self.rows[name].copy() for name in ("rewards", "terminations", "truncations")
        )
        self.acting[:] = self.rows["masks"] & ~(terminations | truncations)
        return Record(self.rows["observations"].copy(), rewards, terminations, truncations)

    def sample(self) -> np.ndarray:
        """Random actions, with a row for each agent."""
        actions = np.zeros_like(self.rows["actions"])
        for agent in range(len(actions)):
            actions[agent] = self.adapter.action_layout.flatten(self.action_space.sample(self._legal(agent)))
        return actions

    def _legal(self, agent: int) -> np.ndarray | None:
        """The mask of legal actions, if the observation has one, as in PettingZoo's board games."""
        space = self.adapter.layout.space
        if not (isinstance(space, spaces.Dict) and "action_mask" in space.spaces and self.acting[agent]):
            return None
        return np.asarray(self.adapter.layout.value(self.rows["observations"][agent])["action_mask"], np.int8)

    def observations_of_rows(self, observation: Any) -> list[Any]:
        return list(observation)

    def close(self) -> None:
        self.adapter.close()

    def _clear(self) -> None:
        """Zero the outputs, as a batch does before every call."""
        for name in ("rewards", "terminations", "truncations"):
            self.rows[name][:] = 0

    def _look(self) -> None:
        self.hold_info(self.returned.info)
        layout = self.adapter.layout
        for agent in np.flatnonzero(self.rows["masks"]):
            reason = why_outside(layout.space, layout.value(self.rows["observations"][agent]))
            if reason:
                self.report.problem(
                    f"{self.where}, agent {agent}: {reason}",
                    "write or return observations of single_observation_space: clip them, or widen the space",
                )
        self._guards.look(self)
        for name, array in self._bound.items():
            now = self.env.__dict__.get(name)
            if now is not array and isinstance(now, np.ndarray) and now.shape == array.shape:
                self._bound[name] = now
                self.report.problem(
                    f"{self.where} replaced self.{name} by another array",
                    "write into the arrays (self.observations[:] = ...), because a new array is not part of the batch",
                )
        if self._earlier_bytes() != self._before:
            self._before = self._earlier_bytes()
            self.report.problem(
                f"{self.where} wrote to arrays that the environment had before it joined a batch",
                "keep no references to self.observations, self.rewards and so on; read them from self in every step",
            )

    def _earlier_bytes(self) -> list[bytes]:
        return [] if self._earlier is None else [getattr(self._earlier, name).tobytes() for name in NAMES]

    def _look_at_rewards(self) -> None:
        for agent in np.flatnonzero(~np.isfinite(self.rows["rewards"])):
            self.report.problem(
                f"{self.where}, agent {agent}: the reward is {self.rows['rewards'][agent]}",
                "return finite rewards; look for a division by zero",
            )


def declarations(driver: RowsDriver, steps: int, seed: int) -> None:
    """Check the spaces."""
    suspect_infinite_bounds(driver, driver.adapter.layout.space)


def stale_outputs(driver: RowsDriver, steps: int, seed: int) -> None:
    """An environment in place gives the same results alone, where nothing clears rewards and flags, as in a batch."""
    env = driver.env
    if not isinstance(env, PufferEnv):
        return
    for number, call in enumerate(_log(driver, min(steps, SHORT), seed)):
        if call is None:
            result = env.reset(seed=None if number else seed) if takes_parameter(env.reset, "seed") else env.reset()
            if not _is_in_place(env, result):
                return
            continue
        env.masks[:] = call.acting
        env.actions[...] = call.actions
        rewards, flags = _outputs(env, env.step(env.actions))
        for name, alone, batch in (("rewards", rewards, call.rewards), ("flags", flags, call.flags)):
            how = difference(batch, np.where(call.took_part, alone, 0).astype(batch.dtype), name)
            if how:
                driver.report.problem(
                    f"call {number}: {how}, first in a batch, which clears them before each step, then alone",
                    f"stale {name}: write all of them in every step; it may begin with self.rewards[:] = 0, "
                    "self.terminations[:] = False and self.truncations[:] = False",
                )
                return


class _Call(NamedTuple):
    """A step in the batch."""

    actions: np.ndarray
    acting: np.ndarray
    took_part: np.ndarray
    rewards: np.ndarray
    flags: np.ndarray


def _log(driver: RowsDriver, steps: int, seed: int) -> list[_Call | None]:
    """The calls of random play in the batch. None stands for a reset."""
    driver.seed_actions()
    driver.reset(seed)
    log: list[_Call | None] = [None]
    for _ in range(steps):
        if driver.must_reset:
            driver.restart()
            log.append(None)
        actions, acting = driver.sample(), driver.acting.copy()
        record = driver.step(actions)
        flags = record.terminated | record.truncated
        log.append(_Call(actions, acting, driver.rows["masks"].copy(), record.reward, flags))
    return log


def _is_in_place(env: PufferEnv, result: Any) -> bool:
    """Whether a reset returned rows: those of the environment, or others of their form."""
    rows, own = result[0] if isinstance(result, tuple) else result, env.observations
    return rows is None or (isinstance(rows, np.ndarray) and (rows.shape, rows.dtype) == (own.shape, own.dtype))


def _outputs(env: PufferEnv, result: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Rewards and flags of a step in place. The older form has one array for both flags."""
    rewards = env.rewards if result[1] is None else np.asarray(result[1])
    flags = [np.asarray(flag, bool) for flag in result[2:-1] if flag is not None]
    if not flags:
        flags = [env.terminations, env.truncations]
    return rewards.copy().reshape(env.rewards.shape), np.logical_or.reduce(flags).reshape(env.rewards.shape)


def wide_leaves(driver: RowsDriver, steps: int, seed: int) -> None:
    """An image that is returned as uint8 takes four times the memory where its space has float32."""
    play(driver, seed, min(steps, SHORT))
    for path in driver.returned.bytes_as_floats():
        driver.report.suspect(
            f"{driver.label}observation{path} is always an array of uint8, and its space has floats: a row takes four "
            "times the memory",
            "declare uint8: make_space(..., dtype=np.uint8), or ((84, 84, 3), np.uint8) for one item",
        )


CHECKS = [declarations, stale_outputs, wide_leaves]
