"""The checks of native environments beyond the contract of vector environments."""

from __future__ import annotations

import copy as copying
import re
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from puffer._core import Env
from puffer.checking.driver import SHORT, Record, advance, first_difference, play
from puffer.checking.guards import Guards
from puffer.checking.report import Report
from puffer.checking.values import difference
from puffer.checking.vector import VectorDriver
from puffer.native.canaries import Canaries
from puffer.vector import VectorEnv

COPIES = 4
OUTSIDE = (
    "keep indices inside the state and the statistics of the copy: puffer.load_pyx(path, debug=True) and a build with "
    "PUFFER_DEBUG=1 raise for the first wrong index into a view, with its line"
)


class Maker:
    """Makes batches of a native class, which return new arrays and check actions."""

    def __init__(self, cls: Callable[..., Env]) -> None:
        self.cls = cls

    def __call__(self, num_envs: int = COPIES, *, copy: bool = True, **options: Any) -> VectorEnv:
        return VectorEnv(self.cls(num_envs, **{"num_threads": 1, **options}), copy=copy)

    def driver(self, report: Report, num_envs: int = COPIES, **options: Any) -> VectorDriver:
        """A driver of a new batch."""
        return VectorDriver(self(num_envs, **options), report, lambda: self(num_envs, **options))


def never_terminates(cls: Callable[..., Env]) -> bool:
    """Whether the docstring of the class's module says that its rules end no episode."""
    module = sys.modules.get(getattr(cls, "func", cls).__module__)
    return re.search(r"^Terminated\s+never", getattr(module, "__doc__", None) or "", re.MULTILINE) is not None


# ---- Of a batch ----


def snapshots(driver: VectorDriver, steps: int, seed: int) -> None:
    """set_state(get_state()) restores everything, random streams included."""
    env, short = driver.env, min(steps, SHORT)
    play(driver, seed, short // 2)
    state, episodes = env.get_state(), copying.deepcopy(driver.episodes)
    driver.seed_actions()
    first = [advance(driver) for _ in range(short)]
    env.set_state(state)
    driver.episodes = episodes
    if not np.array_equal(env.get_state(), state):
        driver.report.problem(
            "get_state() right after set_state(state) gave another state", "observe() must not change the state"
        )
    driver.seed_actions()
    found = first_difference(first, [advance(driver) for _ in range(short)])
    if found:
        driver.report.problem(
            f"{short} steps after get_state(), and after set_state(): {found[1]}",
            "keep all state in memory from new_state(), because snapshots do not contain fields and static variables",
        )


def redrawing(driver: VectorDriver, steps: int, seed: int) -> None:
    """Every row equals the one that observe() writes from the state over any other contents."""
    if driver.make is None:
        driver.report.skip("pass a name, a class, or a function that makes the batch")
        return
    with driver.another() as fresh:
        play(fresh, seed + 1, 3)
        driver.seed_actions()
        driver.reset(seed)
        for _ in range(min(steps, SHORT)):
            observations = advance(driver).observation
            fresh.env.set_state(driver.env.get_state())
            live = fresh.env.unwrapped.observations
            absent = ~driver.masks
            how = difference(live[~absent], observations[~absent], "observations")
            if how:
                driver.report.problem(
                    f"{driver.where}: observed again from a snapshot, and in the batch: {how}",
                    "let observe() write every entry of the row while self.retained is False, and undo everything that "
                    "it wrote before while it is True",
                )
                return


def statistics(driver: VectorDriver, steps: int, seed: int) -> None:
    """stats() returns the means over the results of the steps."""
    env = driver.env
    driver.seed_actions()
    driver.reset(seed)
    env.stats()
    returns, lengths = [], []
    for _ in range(steps):
        record = advance(driver)
        for row in np.flatnonzero(record.terminated | record.truncated):
            returns.append(driver.episodes.returns[row])
            lengths.append(driver.episodes.lengths[row])
    found = env.stats()
    if found["episodes"] != len(returns):
        driver.report.problem(
            f"{len(returns)} episodes ended in {steps} steps, and stats() counts {found['episodes']}",
            "let the base class count episodes: set terminations, never the counters",
        )
    elif returns:
        expected = {"episode_return": np.mean(returns), "episode_length": np.mean(lengths)}
        for name in env.unwrapped.native_env.statistic_names:
            if not np.isfinite(found[name]):
                driver.report.problem(
                    f"stats() gives {name} {found[name]}",
                    f"write finite numbers to self.statistics[row, {_column(env, name)}]; look for a division by zero",
                )
        for name, value in expected.items():
            if not np.isclose(found[name], value, rtol=1e-6, atol=1e-6):
                driver.report.problem(
                    f"stats() gives {name} {found[name]}, and the steps gave {value}",
                    "let the base class add up rewards, and change self.rewards in step_one only",
                )


def _column(env: Any, name: str) -> int:
    return list(env.unwrapped.native_env.statistic_names).index(name)


def action_masks(driver: VectorDriver, steps: int, seed: int) -> None:
    """Masks of legal actions follow from the state alone, are 0 and 1, and leave every row in play an action."""
    env = driver.env.unwrapped
    if env.action_masks is None or not env.native_env.masks_actions:
        return
    play(driver, seed, 0)
    for _ in range(min(steps, SHORT)):
        record = advance(driver)
        state = driver.env.get_state()
        legal = env.batch.legal
        written = legal.written(0, env.num_copies)
        # A row that several copies have written has more than one.
        by_copy = sum(legal.written(copy, copy + 1) for copy in range(env.num_copies))
        if not np.array_equal(driver.env.get_state(), state):
            driver.report.problem(
                f"{driver.where}: write_action_masks() changed the state",
                "let write_action_masks() read the state only",
            )
        if written.max() > 1 or not np.array_equal(written, by_copy):
            driver.report.problem(
                f"{driver.where}: write_action_masks() of all copies and of one after the other gave other masks, or "
                f"values above 1",
                "let write_action_masks(masks, first, last) write 0 or 1 in the rows of the copies first to last - 1 "
                "by their state, and nothing else",
            )
            return
        is_over = (record.terminated | record.truncated) & (env.autoreset_mode is not AutoresetMode.SAME_STEP)
        stuck = np.flatnonzero(driver.masks & ~is_over & ~written.any(1))
        if len(stuck) and env.agents_per_env == 1:
            driver.report.problem(
                f"{driver.where}: row {stuck[0]} has no legal action, and its episode goes on",
                "end an episode when no action is left, or allow one that does nothing",
            )


# ---- Of a class ----


def threads(maker: Maker, report: Report, steps: int, seed: int) -> None:
    """Two threads give the same results as one."""
    _compare(
        maker.driver(report, 128),
        maker.driver(report, 128, num_threads=2),
        "128 copies, one thread and two",
        "let a copy use its own state and rows only, and nothing shared or static",
        min(steps, SHORT),
        seed,
    )


def arrays_in_turn(maker: Maker, report: Report, steps: int, seed: int) -> None:
    """Arrays that take turns get the same results as those that every step writes."""
    _compare(
        maker.driver(report),
        maker.driver(Report(report.subject), copy=False),
        "with copy=True and copy=False",
        "write the whole row in observe() while self.retained is False, and let bind() keep addresses in fields of the "
        "class only",
        min(steps, SHORT),
        seed,
    )


def _compare(one: VectorDriver, other: VectorDriver, what: str, advice: str, steps: int, seed: int) -> None:
    with closing(one), closing(other):
        found = first_difference(play(one, seed, steps), play(other, seed, steps))
    if found:
        one.report.problem(f"{what}: {found[1]}", advice)


def independent_copies(maker: Maker, report: Report, steps: int, seed: int) -> None:
    """A copy plays the same game alone and among others, whatever their actions."""
    steps = min(steps, SHORT)
    with closing(maker.driver(report, 1)) as alone, closing(maker.driver(report, 8)) as many:
        rows = alone.env.num_envs
        many.seed_actions()
        actions = [many.sample() for _ in range(steps)]
        first, last = slice(0, rows), slice(7 * rows, 8 * rows)
        together = _play_rows(many, seed, actions, last)
        found = first_difference(
            _play_rows(alone, seed, [batch[first] for batch in actions], first), _play_rows(many, seed, actions, first)
        )
        if found:
            report.problem(
                f"copy 0 of one and copy 0 of eight: {found[1]}",
                "use the index i everywhere: the state, the rows, the actions and the random stream self.rng[i] of the "
                "copy, and let reset_one(i) set all of its state",
            )
        for batch, other in zip(actions, [many.sample() for _ in range(steps)], strict=True):
            batch[: last.start] = other[: last.start]
        found = first_difference(together, _play_rows(many, seed, actions, last))
        if found:
            report.problem(
                f"copy 7 of eight, with two choices of actions for the others: {found[1]}",
                "let a copy read its own state and actions only",
            )


def _play_rows(driver: VectorDriver, seed: int, actions: list[np.ndarray], rows: slice) -> list[Record]:
    """The results of some rows."""
    records = [driver.reset(seed), *(driver.step(batch) for batch in actions)]
    return [Record(*(None if field is None else field[rows] for field in record)) for record in records]


def rows_of_others(maker: Maker, report: Report, steps: int, seed: int) -> None:
    """No call writes outside the rows of the batch, its statistics and its state."""
    for copies in (1, COPIES):
        with closing(maker(copies)) as plain:
            buffers = plain.buffers
            forms = [(array.shape[1:], array.dtype) for array in (buffers.observations, buffers.actions)]
            guards = Guards(plain.num_envs, *forms)
        # In the live buffers, which are those that are guarded.
        own = Report(report.subject)
        own.begin(rows_of_others)
        with closing(maker.driver(own, copies, buf=guards.own(), copy=False)) as driver:
            driver.seed_actions()
            driver.reset(seed)
            for _ in range(min(steps, SHORT)):
                advance(driver)
                guards.look(driver)
        report.merge(own)
        own = Report(report.subject)
        own.begin(rows_of_others)
        with closing(maker.driver(own, copies)) as driver:
            canaries = Canaries(driver.env.native_env)
            driver.seed_actions()
            driver.reset(seed)
            for _ in range(min(steps, SHORT)):
                advance(driver)
                for damage in canaries.damages():
                    own.problem(f"{driver.where} wrote to {damage}", OUTSIDE)
        report.merge(own)


def pictures(maker: Maker, report: Report, steps: int, seed: int) -> None:
    """Pictures and texts are drawn from the state, which they leave alone."""
    with closing(maker()) as env:
        env.action_space.seed(seed)
        env.reset(seed=seed)
        for _ in range(min(steps, 10)):
            if env.autoreset_mode is not AutoresetMode.DISABLED:
                env.step(env.action_space.sample())
        declared = env.metadata["render_modes"]
        is_own = getattr(maker.cls, "func", maker.cls).render_modes is not Env.render_modes
        for mode, method, draw in (("rgb_array", "render_one", env.render_copy), ("ansi", "ansi_one", env.ansi_copy)):
            state = env.get_state()
            try:
                drawn = draw(0)
            except NotImplementedError:
                if mode in declared and is_own:
                    report.problem(
                        f"render_modes has {mode!r}, and there is no {method}", f"write {method}, or take it out"
                    )
                continue
            if mode not in declared:
                report.problem(f"there is a {method}, and render_modes is {declared}", f"add {mode!r} to render_modes")
            if mode == "ansi" and not isinstance(drawn, str):
                report.problem(f"ansi_one returned {type(drawn).__name__}", "return the text of a copy, a str")
            if not np.array_equal(env.get_state(), state):
                report.problem(
                    f"{method} changed the state", "let render_one and ansi_one read the state, and draw no numbers"
                )


BATCH_CHECKS: list[Callable] = [snapshots, redrawing, statistics, action_masks]
CLASS_CHECKS: list[Callable] = [threads, arrays_in_turn, independent_copies, rows_of_others, pictures]
