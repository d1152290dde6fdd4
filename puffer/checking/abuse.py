"""Misuse of vector environments: bad actions, and calls out of order.

It may crash or hang systems in C++ and with them the program. Vector environments of other packages therefore run in a
separate process.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from puffer.checking.apart import another_process
from puffer.checking.driver import advance, first_difference, play
from puffer.checking.report import Report, UnusableError
from puffer.checking.vector import VectorDriver

# Seconds that another process may take to make an environment, and then for each abuse.
_START = 120.0
_PATIENCE = 60.0
_CRASH = (
    "check the actions, and whether the environment is reset and open, before calling native code: this ends or stops "
    "the user's program"
)
# The name of all abuses together in the report.
ALL = "bad actions and calls out of order"


def too_many_actions(driver: VectorDriver, seed: int, strict: bool) -> None:
    """Actions with one row too many."""
    _try_length(driver, seed, driver.env.num_envs + 1, "too many actions")


def too_few_actions(driver: VectorDriver, seed: int, strict: bool) -> None:
    """Actions with one row too few."""
    if driver.env.num_envs > 1:
        _try_length(driver, seed, driver.env.num_envs - 1, "too few actions")


def _try_length(driver: VectorDriver, seed: int, rows: int, what: str) -> None:
    space = batch_space(driver.env.single_action_space, rows)
    space.seed(seed)
    if _is_refused(driver, seed, space.sample(), what):
        return
    driver.report.problem(
        f"step() accepted {rows} actions for {driver.env.num_envs} rows",
        "compare the number of actions with num_envs before anything is stepped, and raise ValueError",
    )


def actions_out_of_range(driver: VectorDriver, seed: int, strict: bool) -> None:
    """An integer below or above the space, in the last row."""
    space = driver.env.single_action_space
    if isinstance(space, spaces.Discrete):
        bad = [int(space.start) - 1, int(space.start + space.n)]
    elif isinstance(space, spaces.MultiDiscrete):
        bad = [int(space.start.min()) - 1, int((space.start + space.nvec).max())]
    else:
        return
    for value in bad:
        actions = driver.sample()
        actions[-1] = value
        if not _is_refused(driver, seed, actions, f"the action {value} in the last row"):
            _note(driver, strict, f"step() accepted the action {value} in the last row, and the space is {space!r:.80}")


def actions_that_are_not_numbers(driver: VectorDriver, seed: int, strict: bool) -> None:
    """A NaN in the last row."""
    if not isinstance(driver.env.single_action_space, spaces.Box):
        return
    actions = driver.sample()
    if actions.dtype.kind != "f":
        return
    actions[-1] = np.nan
    if not _is_refused(driver, seed, actions, "the action NaN in the last row"):
        _note(driver, strict, "step() accepted the action NaN in the last row")


def _note(driver: VectorDriver, strict: bool, observed: str) -> None:
    add = driver.report.problem if strict else driver.report.suspect
    add(
        observed,
        "check all actions before anything is stepped, and raise ValueError with the row and the value",
    )


def _is_refused(driver: VectorDriver, seed: int, actions: Any, what: str) -> bool:
    """Whether step() raises. Reports if it raised and stepped nevertheless."""
    expected = play(driver, seed, 2)
    is_repeatable = first_difference(expected, play(driver, seed, 2)) is None
    records = play(driver, seed, 1)
    if driver.must_reset:
        driver.restart()
    try:
        driver.env.step(actions)
    except Exception as error:
        refusal = f"step() refused {what} ({type(error).__name__}: {error!s:.80})"
    else:
        return False
    try:
        records.append(advance(driver))
    except Exception:
        # Requiring a reset is fine too.
        _require_reset(driver, seed, refusal, what)
        return True
    found = first_difference(expected, records)
    if found and is_repeatable:
        driver.report.problem(
            f"{refusal}, and the next step differs from the same step without this one: {found[1]}",
            f"refuse {what} before the first environment is stepped",
        )
    return True


def _require_reset(driver: VectorDriver, seed: int, refusal: str, what: str) -> None:
    try:
        driver.reset(seed)
    except Exception as error:
        driver.report.problem(
            f"{refusal}, and then reset() raised {type(error).__name__}: {error}",
            f"refuse {what} so that the environment can be used again, at least after a reset",
        )
        raise UnusableError from None


def a_step_before_the_first_reset(driver: VectorDriver, seed: int, strict: bool) -> None:
    """A step without any reset."""
    _suspect_answer(driver, "step() before the first reset()")


def a_step_after_close(driver: VectorDriver, seed: int, strict: bool) -> None:
    """A step after close() was called twice."""
    driver.reset(seed)
    driver.env.close()
    driver.env.close()
    _suspect_answer(driver, "step() after close()")


def _suspect_answer(driver: VectorDriver, call: str) -> None:
    try:
        driver.env.step(driver.sample())
    except Exception:
        return
    driver.report.suspect(f"{call} did not raise", f"raise an exception of gymnasium.error for {call}")


# The last closes the environment.
ABUSES = [
    a_step_before_the_first_reset,
    too_many_actions,
    too_few_actions,
    actions_out_of_range,
    actions_that_are_not_numbers,
    a_step_after_close,
]


def abuse_here(make: Callable[[], Any], report: Report, seed: int, strict: bool) -> None:
    """Try every abuse in this process on a new environment. `strict`: the environment promises to check actions."""
    for abuse in ABUSES:
        env = make()
        _abuse(abuse, env, report, seed, strict)
        env.close()


def abuse_instance(env: Any, report: Report, seed: int) -> None:
    """Try the abuses that suit an environment that has been reset, and close it."""
    for abuse in ABUSES[1:]:
        _abuse(abuse, env, report, seed, False)


def _abuse(abuse: Callable, env: Any, report: Report, seed: int, strict: bool) -> None:
    driver = VectorDriver(env, report)
    driver.seed_actions()
    report.run(abuse, driver, seed, strict)


def abuse_apart(make: Callable[[], Any], report: Report, seed: int) -> None:
    """Try every abuse in a separate process. After a crash, another process tries the rest."""
    try:
        plan = cloudpickle.dumps((make, seed))
    except Exception as error:
        # Pickling may raise anything.
        report.skip(f"the function that makes the environment cannot be pickled ({error})", ALL)
        return
    start = 0
    while start < len(ABUSES):
        start = _try_from(start, plan, report)


def _try_from(start: int, plan: bytes, report: Report) -> int:
    """Try the abuses from index `start` on. Returns the index of the first one that is still to be tried."""
    with another_process(try_abuses, pickle.dumps((start, plan))) as receive:
        for number in range(start, len(ABUSES)):
            made, failure = receive(_START)
            if made is None:
                report.skip(f"a separate process could not make the environment: {failure}", ALL)
                return len(ABUSES)
            report.begin(ABUSES[number])
            found, failure = receive(_PATIENCE)
            if found is None:
                report.problem(failure, _CRASH)
                return number + 1
            report.merge(found)
    return len(ABUSES)


def try_abuses(send: Callable[[Any], None], plan: bytes) -> None:
    """Try the rest of the abuses in this process. Send when an environment is made, and then its report."""
    start, made_by = pickle.loads(plan)
    make, seed = pickle.loads(made_by)
    for abuse in ABUSES[start:]:
        env = make()
        send("made")
        report = Report("")
        _abuse(abuse, env, report, seed, False)
        send(report)
