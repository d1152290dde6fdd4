"""The checks for every kind of environment: random play, seeds and resets."""

from __future__ import annotations

import random

import numpy as np

from puffer.checking.driver import SHORT, Driver, Record, advance, first_difference, has_ended, play
from puffer.checking.values import difference, is_zero

_NO_MAKER = "pass a function that makes the environment instead of an instance"


def random_play(driver: Driver, steps: int, seed: int) -> None:
    """Check the results of `steps` random steps."""
    before = _global_streams()
    records = play(driver, seed, steps)
    if difference(before, _global_streams()):
        driver.report.problem(
            f"{driver.label}{steps} steps changed the state of numpy.random or random",
            "use self.np_random: the global streams are shared by all environments and by the user's program",
        )
    _suspect_observations(driver, records)
    _suspect_episodes(driver, records)


def _global_streams() -> tuple:
    return np.random.get_state(), random.getstate()


def _suspect_observations(driver: Driver, records: list[Record]) -> None:
    rows = [driver.observations_of_rows(record.observation) for record in records]
    zero = [row for row, values in enumerate(zip(*rows, strict=True)) if all(map(is_zero, values))]
    if zero:
        driver.report.suspect(
            f"{driver.label}the observations of row {zero[0]} were zero in all of {len(records)} calls"
            + (f" (and those of {len(zero) - 1} more rows)" if len(zero) > 1 else ""),
            "write the observation in reset() and step(), into the array that is returned",
        )
        return
    still = [row for row, values in enumerate(zip(*rows, strict=True)) if _is_still(values)]
    if still:
        driver.report.suspect(
            f"{driver.label}the observation of row {still[0]} was the same in all of {len(records)} calls",
            "let step() compute a new observation",
        )


def _is_still(values: tuple) -> bool:
    return len(values) > 1 and not any(difference(values[0], value) for value in values[1:])


def _suspect_episodes(driver: Driver, records: list[Record]) -> None:
    steps = len(records) - 1
    if not any(np.any(record.reward) for record in records[1:]):
        driver.report.suspect(
            f"{driver.label}every reward of {steps} random steps was zero",
            "make sure that step() writes or returns the reward; if rewards are rare, check with more steps",
        )
    if not any(map(has_ended, records)):
        driver.report.suspect(
            f"{driver.label}no episode ended in {steps} random steps",
            "make sure that step() sets terminated, and that there is a time limit, or check with more steps",
        )
    elif not driver.may_never_terminate and not any(np.any(record.terminated) for record in records[1:]):
        driver.report.suspect(
            f"{driver.label}the time limit ended every episode of {steps} random steps",
            "make sure that the rules set terminations; where they end no episode, the docstring of the module says "
            "'Terminated    never'; where ends are rare, check with more steps",
        )


def seeds(driver: Driver, steps: int, seed: int) -> None:
    """The same seed and actions give the same trace, whatever came before. Different seeds give different ones."""
    report, steps = driver.report, min(steps, SHORT)
    if driver.make is None:
        report.skip(f"new environments are not compared; {_NO_MAKER}")
    else:
        with driver.another() as one, driver.another() as other:
            found = first_difference(play(one, seed, steps), play(other, seed, steps))
        if found:
            driver.is_repeatable = False
            report.problem(
                f"{driver.label}two new environments, reset(seed={seed}), the same actions: {found[1]}",
                driver.advice.random,
            )
            return
    first = play(driver, seed, steps)
    _leave_in_an_episode(driver)
    found = first_difference(first, play(driver, seed, steps))
    driver.is_random = first_difference(first, play(driver, seed + 1000, steps)) is not None
    driver.is_repeatable = found is None
    if found:
        cause = driver.advice.random if driver.make is None else driver.advice.seeded
        report.problem(
            f"{driver.label}reset(seed={seed}) and {steps} steps, twice, the second time in the middle of an "
            f"episode: {found[1]}",
            f"{driver.advice.restore}; {cause}",
        )
    elif not driver.is_random:
        report.suspect(
            f"{driver.label}the seeds {seed} and {seed + 1000} gave the same trace of {steps} steps",
            "if the environment is meant to be random, draw from self.np_random, which reset(seed=...) seeds",
        )


def _leave_in_an_episode(driver: Driver) -> None:
    """Step until no episode has just ended, because state that a reset forgets may be like new at an end."""
    for _ in range(10):
        advance(driver)
        if not has_ended(advance(driver)):
            return


def resets(driver: Driver, steps: int, seed: int) -> None:
    """A reset right after the end of an episode, and one without a seed, begin a new episode."""
    driver.require_repeatable()
    report, short = driver.report, min(steps, SHORT)
    _leave_in_an_episode(driver)
    expected = play(driver, seed, short)
    driver.seed_actions()
    driver.reset(seed)
    ended = any(has_ended(advance(driver)) for _ in range(steps))
    if ended:
        found = first_difference(expected, play(driver, seed, short))
        if found:
            report.problem(
                f"{driver.label}reset(seed={seed}) right after the end of an episode gave another trace than "
                f"before: {found[1]}",
                "let reset() also clear the end of an episode: a pending reset, flags, counters",
            )
    if driver.is_random:
        driver.reset(seed)
        repeats = [first_difference(expected, play(driver, None, short)) is None for _ in range(2)]
        if all(repeats):
            report.problem(
                f"{driver.label}reset() without a seed, twice, repeated the trace of reset(seed={seed})",
                "seed the generator only if a seed is given, and continue its stream otherwise",
            )


def separate(driver: Driver, steps: int, seed: int) -> None:
    """Two environments do not influence each other."""
    if driver.make is None:
        driver.report.skip(_NO_MAKER)
        return
    driver.require_repeatable()
    short = min(steps, SHORT)
    expected = play(driver, seed, short)
    with driver.another() as one, driver.another() as other:
        one.seed_actions()
        other.seed_actions()
        records = [one.reset(seed)]
        other.reset(seed + 1000)
        for _ in range(short):
            records.append(advance(one))
            advance(other)
    found = first_difference(expected, records)
    if found:
        driver.report.problem(
            f"{driver.label}in turns with another one, an environment gave another trace than alone: {found[1]}",
            driver.advice.separate,
        )


CHECKS = [random_play, seeds, resets, separate]
