"""The checks of the contract of `gymnasium.Env`."""

from __future__ import annotations

import inspect
import math
import numbers
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer.checking.driver import Driver, Record
from puffer.checking.report import UnusableError
from puffer.checking.values import copied, difference, why_outside
from puffer.layout.walk import leaves

_ALIAS = "return a copy (self.state.copy()), because users keep observations"
_FLAGS = "return bool(...): a Python bool or numpy.bool_"


class SingleDriver(Driver):
    """Drives a `gymnasium.Env`."""

    def __init__(self, env: Any, report: Any, make: Any = None) -> None:
        super().__init__(env, report, make)
        self.action_space = env.action_space
        self._ended = False

    @property
    def must_reset(self) -> bool:
        return self._ended

    def reset(self, seed: int | None) -> Record:
        self.begin_trace(seed)
        return self._reset({"seed": seed})

    def restart(self) -> Record:
        self.begin_restart()
        return self._reset({})

    def _reset(self, arguments: dict[str, Any]) -> Record:
        result = self.env.reset(**arguments)
        self._ended = False
        if not isinstance(result, tuple) or len(result) != 2:
            self._refuse(f"{self.where} returned {result!r:.80}", "return (observation, info) from reset()")
        observation, info = result
        self._look_at(observation, info)
        return Record(copied(observation))

    def step(self, action: Any) -> Record:
        self.begin_step()
        own = copied(action)
        result = self.env.step(action)
        if not isinstance(result, tuple) or len(result) != 5:
            self._refuse(
                f"{self.where} returned {result!r:.80}",
                "return (observation, reward, terminated, truncated, info) from step()",
            )
        observation, reward, terminated, truncated, info = result
        change = difference(own, action, "the action")
        if change:
            self.report.problem(
                f"{self.where} changed the caller's array: {change}", "copy the action before changing it"
            )
        self._look_at(observation, info)
        self._look_at_reward(reward)
        for name, flag in (("terminated", terminated), ("truncated", truncated)):
            if not isinstance(flag, (bool, np.bool_)):
                self.report.problem(f"{self.where}: {name} is {flag!r:.40} of type {type(flag).__name__}", _FLAGS)
        self._ended = bool(terminated) or bool(truncated)
        return Record(copied(observation), copied(reward), bool(terminated), bool(truncated))

    def _refuse(self, observed: str, advice: str) -> None:
        self.report.problem(observed, advice)
        raise UnusableError

    def _look_at(self, observation: Any, info: Any) -> None:
        reason = why_outside(self.env.observation_space, observation)
        if reason:
            self.report.problem(
                f"{self.where}: {reason}",
                "return observations of observation_space: convert the dtype, fix the shape, clip, or widen the space",
            )
        if not isinstance(info, dict):
            self.report.problem(
                f"{self.where}: info is {info!r:.40} of type {type(info).__name__}", "return a dict as info"
            )
        self.hold(observation, "observation", _ALIAS)
        self.hold_info(info)

    def _look_at_reward(self, reward: Any) -> None:
        if not isinstance(reward, numbers.Real) or isinstance(reward, (bool, np.bool_)):
            self.report.problem(
                f"{self.where}: the reward is {reward!r:.40} of type {type(reward).__name__}",
                "return float(...) as the reward",
            )
        elif not math.isfinite(reward):
            self.report.problem(
                f"{self.where}: the reward is {reward}", "return finite rewards; look for a division by zero"
            )


def declarations(driver: SingleDriver, steps: int, seed: int) -> None:
    """Check the spaces and the parameters of reset()."""
    env, report = driver.env, driver.report
    for name in ("observation_space", "action_space"):
        space = getattr(env, name, None)
        if not isinstance(space, Space):
            report.problem(f"{name} is {space!r:.80}", f"set self.{name} to a gymnasium.Space in __init__")
            raise UnusableError
    suspect_infinite_bounds(driver, env.observation_space)
    parameters = inspect.signature(env.reset).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        missing = [name for name in ("seed", "options") if name not in parameters]
        if missing:
            report.problem(
                f"reset() has no parameter {' and no '.join(missing)}",
                "write def reset(self, *, seed=None, options=None)",
            )


def suspect_infinite_bounds(driver: Driver, space: Space) -> None:
    """Where a Box has no bounds, no observation can be found outside."""
    for _, leaf in leaves(space):
        if not isinstance(leaf, spaces.Box):
            continue
        unbounded = ~(leaf.bounded_below & leaf.bounded_above)
        if unbounded.any():
            driver.report.suspect(
                f"{driver.label}{unbounded.sum()} of {unbounded.size} entries of observations have no bounds",
                "give the bounds that the rules imply, if they do",
            )


CHECKS = [declarations]
