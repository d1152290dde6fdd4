"""`Driver`, which resets and steps an environment of any kind and checks the results of every call."""

from __future__ import annotations

import copy as copying
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from puffer.checking.report import Report, UnusableError
from puffer.checking.values import copied, difference, share_memory

# The largest number of steps in a trace that is compared with others.
SHORT = 100
# The number of calls of a driver whose results are kept, to notice whether later calls overwrite them.
_HELD_CALLS = 100
# The number of infos that are kept at a time, in all calls: some are changed only by the reset after an episode.
_HELD_INFOS = 4
_INFO = (
    "return a new dict from every call, with copies of the arrays that change (self.board.copy()), because users and "
    "vector environments keep infos, the last one of an episode beyond the next reset"
)


class Record(NamedTuple):
    """The copied results of one call. A reset has an observation only."""

    observation: Any
    reward: Any = None
    terminated: Any = None
    truncated: Any = None


class Advice(NamedTuple):
    """What to change where traces differ, in the words of those who wrote the environment."""

    random: str
    restore: str
    seeded: str
    separate: str
    listed: str
    partial: str
    waiting: str


_PYTHON = Advice(
    random="the seed has no effect on some random numbers; draw every random number from a generator that "
    "reset(seed=...) seeds (self.np_random after super().reset(seed=seed)), never from numpy.random, random, time or "
    "the order of a set",
    restore="let reset() restore everything that step() changes, including counters and flags",
    seeded="seed the generator in every reset that is given a seed",
    separate="keep all state and arrays in the instance: nothing mutable in the class, the module or default arguments",
    listed="let a seed in the list have the same meaning in every copy",
    partial="reset the rows of options['reset_mask'] only, and let the others keep their episode and observation",
    waiting="in NEXT_STEP mode let that step only reset, with reward 0, terminated False and truncated False",
)
NATIVE = Advice(
    random="the seed has no effect on some results; keep all state in memory from new_state(), and draw random numbers "
    "from self.rng[i] alone",
    restore="let reset_one(i) set every field of the state of copy i, also those that only steps change",
    seeded="draw random numbers from self.rng[i] alone, and let observe(i) write the whole row",
    separate="keep all state in memory from new_state(): nothing static, in the module or behind pointers of your own",
    listed="use the index i everywhere: draw from self.rng[i], and observe the state of copy i in its rows",
    partial="let reset_one(i) and observe(i) write the state and the rows of copy i alone, and observe(i) no state",
    waiting="write rewards and flags in step_one(i) alone, not in reset_one(i) or observe(i)",
)


class Driver:
    """Drives an environment, and reports mistakes in the results of single calls.

    A subclass sets `action_space` and writes the methods that raise NotImplementedError here.

    Attributes
    ----------
    env
        The environment.
    report : Report
    make : callable or None
        Makes another one, if known.
    is_random : bool
        Whether different seeds gave different traces.
    is_repeatable : bool
        Whether the same seed gave the same trace.
    label : str
        The beginning of findings in a report about several batches.
    may_never_terminate : bool
        Whether nothing is to be said when the time limit ends every episode.
    """

    action_space: Any
    advice = _PYTHON

    def __init__(self, env: Any, report: Report, make: Callable[[], Any] | None = None) -> None:
        self.env = env
        self.report = report
        self.make = make
        self.is_random = False
        self.is_repeatable = True
        self.label = ""
        self.may_never_terminate = True
        self._call = ""
        self._steps = 0
        self._held: tuple[Any, Any] | None = None
        self._held_calls = 0
        self._held_infos: deque[tuple[Any, Any]] = deque(maxlen=_HELD_INFOS)

    # ---- For subclasses ----

    def reset(self, seed: int | None) -> Record:
        """Begin a new trace."""
        raise NotImplementedError

    def step(self, action: Any) -> Record:
        """Step with an action of `sample`."""
        raise NotImplementedError

    @property
    def must_reset(self) -> bool:
        """Whether an episode is over, so that `restart` must come before the next step."""
        raise NotImplementedError

    def restart(self) -> Record:
        """Begin the next episode of a trace, without a seed."""
        raise NotImplementedError

    def observations_of_rows(self, observation: Any) -> list[Any]:
        """The observation of a record, row by row."""
        return [observation]

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    # ---- The same for all ----

    @contextmanager
    def another(self) -> Iterator[Any]:
        """A driver of a new environment of the same kind, which is closed at the end."""
        assert self.make is not None
        driver = type(self)(self.make(), self.report, self.make)
        driver.label = self.label
        try:
            yield driver
        finally:
            driver.close()

    def seed_actions(self) -> None:
        """Restart the sequence of actions of `sample`."""
        self.action_space = copying.deepcopy(self.action_space)
        self.action_space.seed(0)

    def sample(self) -> Any:
        """A random action."""
        return self.action_space.sample()

    @property
    def where(self) -> str:
        """The current or last call, in words."""
        return f"{self.label}{self._call}"

    def begin_trace(self, seed: Any) -> None:
        """Note that a reset follows which begins a trace."""
        self._steps = 0
        self._call = f"reset(seed={seed})"

    def begin_step(self) -> None:
        """Note that a step follows."""
        self._steps += 1
        self._call = f"step {self._steps}"

    def begin_restart(self, arguments: str = "") -> None:
        """Note that a reset within a trace follows."""
        self._call = f"reset({arguments}) after step {self._steps}"

    def require_repeatable(self) -> None:
        """End a check that compares traces, if equal seeds give different ones anyway."""
        if not self.is_repeatable:
            self.report.skip("the same seed does not give the same trace")
            raise UnusableError

    def hold(self, observation: Any, what: str, advice: str) -> None:
        """Keep the result of a call, as a user may, and report if the current call has changed the kept one."""
        self._held_calls += 1
        if self._held_calls > _HELD_CALLS:
            return
        if self._held is not None:
            earlier, copy = self._held
            change = difference(copy, earlier, what)
            if change:
                self.report.problem(f"{self.where} changed the result of the previous call: {change}", advice)
            elif share_memory(earlier, observation):
                self.report.problem(f"{self.where} returned the memory of the previous result", advice)
        self._held = (observation, copied(observation))

    def hold_info(self, info: Any) -> None:
        """Keep the info of a call, as a user may, and report if the current call has changed one that is kept."""
        for earlier, copy in self._held_infos:
            change = difference(copy, earlier, "info")
            if change:
                self.report.problem(f"{self.where} changed an info that an earlier call returned: {change}", _INFO)
                self._held_infos.clear()
                break
        self._held_infos.append((info, copied(info)))


def play(driver: Driver, seed: int | None, steps: int) -> list[Record]:
    """Reset and step with the same random actions each time. The record of the reset comes first."""
    driver.seed_actions()
    records = [driver.reset(seed)]
    for _ in range(steps):
        records.append(advance(driver))
    return records


def advance(driver: Driver) -> Record:
    """Step with a random action, after a restart if one is due."""
    if driver.must_reset:
        driver.restart()
    return driver.step(driver.sample())


def first_difference(first: list[Record], second: list[Record]) -> tuple[int, str] | None:
    """The index of the first call in which two traces differ, and the difference; None if they are equal."""
    for call, (one, other) in enumerate(zip(first, second, strict=True)):
        for field in Record._fields:
            how = difference(getattr(one, field), getattr(other, field), field)
            if how:
                return call, f"{'after reset' if call == 0 else f'in step {call}'} {how}"
    return None


def has_ended(record: Record) -> bool:
    """Whether the call ended an episode."""
    return bool(np.any(record.terminated) or np.any(record.truncated))
