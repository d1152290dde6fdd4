"""Figures of the loop that trainers write, each with the value that it is to reach."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

import gymnasium
import numpy as np

import puffer
from puffer.bench import contenders
from puffer.bench.contenders import Contender, Spec
from puffer.checks import available_cores
from puffer.measuring.stopwatch import Series, interleave
from puffer.measuring.tables import digits
from puffer.programs import FAILED, Parser

_SECONDS, _REPEATS = 2.0, 61
_QUICK_SECONDS, _QUICK_REPEATS = 0.3, 9

_SMALL, _LARGE = (1, 64), (1024, 4096)
_GYMNASIUM = "gym-CartPole-v1"
_WORKERS = 64


@dataclass(frozen=True)
class Outcome:
    """What was measured.

    Attributes
    ----------
    value : float
        By the median of neighbouring slices.
    fastest : float
        By the fastest slice of each contender, which a busy machine disturbs least.
    note : str
        What else is to be seen in the line.
    """

    value: float
    fastest: float
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A figure and its target.

    Attributes
    ----------
    title : str
    measure : callable
        Takes the seconds for all slices and the number of slices of each contender; returns an Outcome.
    bound : float
    is_least : bool
        Whether the figure is to be at least the bound; at most otherwise.
    unit : str
    needs : str
        What is lacking here, if anything.
    """

    title: str
    measure: Callable[[float, int], Outcome]
    bound: float
    is_least: bool = True
    unit: str = "×"
    needs: str = ""

    def line(self, outcome: Outcome) -> str:
        """The line of the table: target, measured value, the same by the fastest slices, and whether it is met."""
        is_met = outcome.value >= self.bound if self.is_least else outcome.value <= self.bound
        measured = f"{digits(outcome.value)} {self.unit} (fastest {digits(outcome.fastest)})"
        return f"{self._head()}  {measured:<23} {'met' if is_met else 'missed':<6}  {outcome.note}".rstrip()

    def lacking(self) -> str:
        """The line of the table where the figure cannot be measured."""
        return f"{self._head()}  needs {self.needs}"

    def _head(self) -> str:
        target = f"{'at least' if self.is_least else 'at most'} {digits(self.bound)} {self.unit}"
        return f"{self.title:<72} {target:>15}"


# ---- Rows of two contenders: the ratio of their speeds ----


def _ours(env: str, copies: int, threads: int = 1, stored: str = "", reads: bool = False, **options: Any) -> Spec:
    entries = {"stored": stored, "reads": reads, "horizon": 64, "options": options}
    return {"system": "puffer", "id": env, "num_envs": copies, "num_threads": threads, **entries}


def _vector(env: str, copies: int) -> Spec:
    return {"system": "gymnasium", "id": env, "num_envs": copies, "mode": "vector_entry_point"}


def _ratio(title: str, ours: Spec, other: Spec, bound: float, cores: int = 1) -> Row:
    def measure(seconds: float, repeats: int) -> Outcome:
        first, second = _measured([ours, other], seconds, repeats)
        return Outcome(first.ratio(second).median, second.call_seconds.low / first.call_seconds.low)

    return Row(title, measure, bound, needs="" if cores <= available_cores() else f"{cores} cores")


def _measured(specs: Sequence[Spec], seconds: float, repeats: int, *others: Contender) -> list[Series]:
    batches = [contenders.make(spec) for spec in specs]
    try:
        return interleave([*batches, *others], seconds, repeats)
    finally:
        for batch in batches:
            batch.close()


def _default_rows() -> dict[str, Row]:
    rows = {}
    for env in ("cartpole", "squared", "pong", "minigrid"):
        for copies in (*_SMALL, *_LARGE):
            title = f"default over copy=False: {env}, {copies:,}"
            specs = _ours(f"ocean-{env}", copies), _ours(f"ocean-{env}", copies, copy=False)
            rows[f"default-{env}-{copies}"] = _ratio(title, *specs, 0.8 if copies == 1 else 0.9)
    return rows


def _final_observation_rows() -> dict[str, Row]:
    rows = {}
    for copies in (64, *_LARGE):
        title = f"final_obs read in every step over not: cartpole, {copies:,}"
        specs = _ours("ocean-cartpole", copies, reads=True), _ours("ocean-cartpole", copies)
        rows[f"final-obs-{copies}"] = _ratio(title, *specs, 0.8 if copies == 64 else 0.9)
    return rows


def _vector_rows() -> dict[str, Row]:
    rows = {}
    for copies, bound in ((64, 15), (1024, 15), (4096, 12)):
        title = f'make_vec("puffer/CartPole-v0") over "CartPole-v1": {copies:,}'
        specs = _vector("puffer/CartPole-v0", copies), _vector("CartPole-v1", copies)
        rows[f"make-vec-{copies}"] = _ratio(title, *specs, bound)
    return rows


def _rollout_rows() -> dict[str, Row]:
    rows = {}
    for copies in (*_SMALL, *_LARGE):
        title = f"rollout_buffers(64) over plain steps: cartpole, {copies:,}"
        specs = _ours("ocean-cartpole", copies, stored="direct"), _ours("ocean-cartpole", copies)
        # 64 steps of 64 copies fit the second-level cache.
        rows[f"rollout-{copies}"] = _ratio(title, *specs, 0.8 if copies <= 64 else 0.5)
    for copies in _LARGE:
        title = f"rollout_buffers(64) over steps copied into arrays: cartpole, {copies:,}"
        specs = _ours("ocean-cartpole", copies, stored="direct"), _ours("ocean-cartpole", copies, stored="copied")
        rows[f"rollout-copied-{copies}"] = _ratio(title, *specs, 1)
    return rows


def _next_step_rows() -> dict[str, Row]:
    rows = {}
    for env in ("cartpole", "squared"):
        for copies in (64, *_LARGE):
            title = f"NextStep over SameStep: {env}, {copies:,}"
            modes = ("NextStep", "SameStep")
            specs = [_ours(f"ocean-{env}", copies, autoreset_mode=mode) for mode in modes]
            rows[f"next-step-{env}-{copies}"] = _ratio(title, *specs, 0.85)
    return rows


# ---- Rows of other kinds ----


def _call(function: Callable[[], Any]) -> Contender:
    return Contender(lambda _: function(), [None], rows=1)


def _snapshot(env: str) -> Row:
    def measure(seconds: float, repeats: int) -> Outcome:
        batch = puffer.make(f"ocean-{env}", 1024, num_threads=1)
        batch.reset(seed=0)
        state = batch.get_state()
        target = state.copy()
        pair = (_call(batch.get_state), _call(lambda: np.copyto(target, state)))
        ours, memcpy = interleave(pair, seconds, repeats)
        batch.close()
        parts = f"{ours.call_seconds.low * 1e6:.0f} µs; memcpy {digits(memcpy.call_seconds.low * 1e6)} µs"
        return _over(ours, (memcpy,), 20e-6, parts)

    return Row(f"a snapshot over memcpy + 20 µs: {env}, 1,024", measure, 2, is_least=False)


def _over(ours: Series, others: Sequence[Series], more: float, note: str) -> Outcome:
    """The time of a call over that of one call of each of the others, and `more` seconds."""
    turns = zip(*[[seconds / series.steps for seconds in series.seconds] for series in (ours, *others)], strict=True)
    least = sum(series.call_seconds.low for series in others) + more
    return Outcome(median(mine / (sum(theirs) + more) for mine, *theirs in turns), ours.call_seconds.low / least, note)


def _making() -> Row:
    """The time to make workers, in few turns: there is nothing to warm up."""

    def measure(seconds: float, repeats: int) -> Outcome:
        ours, theirs = [], []
        for _ in range(1 if repeats == _QUICK_REPEATS else 3):
            ours.append(_time_of(lambda: puffer.make(_GYMNASIUM, _WORKERS, backend="process", num_workers=_WORKERS)))
            theirs.append(_time_of(lambda: gymnasium.make_vec("CartPole-v1", _WORKERS, vectorization_mode="async")))
        return Outcome(median(ours), min(ours), f"AsyncVectorEnv: {digits(median(theirs))} s")

    return Row(f"making a batch of {_WORKERS} workers", measure, 1.5, is_least=False, unit="s")


def _time_of(make: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    env = make()
    took = time.perf_counter() - begin
    env.close()
    return took


def _ray() -> Row:
    def measure(seconds: float, repeats: int) -> Outcome:
        import ray

        # In a function, so that Ray sends it as it is.
        class Idle:
            def answer(self) -> None:
                pass

        specs = [_ours(_GYMNASIUM, 64, backend="ray", num_workers=2), _ours(_GYMNASIUM, 32)]
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        actors = [ray.remote(Idle).remote() for _ in range(2)]
        empty = _call(lambda: ray.get([actor.answer.remote() for actor in actors]))
        ours, work, call = _measured(specs, seconds, repeats, empty)
        ray.shutdown()
        parts = [digits(series.call_seconds.low * 1e3) for series in (ours, call, work)]
        return _over(ours, (work, call), 0, "{} ms; call {}, work {}".format(*parts))

    needs = "Ray" if find_spec("ray") is None else "2 cores" if available_cores() < 2 else ""
    title = "Ray, 64 CartPoles in 2 actors, over an empty call plus the work"
    return Row(title, measure, 1.3, is_least=False, needs=needs)


def _rows() -> dict[str, Row]:
    workers = _ours(_GYMNASIUM, 64, threads=2), _ours(_GYMNASIUM, 64)
    return {
        **_default_rows(),
        **_final_observation_rows(),
        **_vector_rows(),
        **_rollout_rows(),
        **_next_step_rows(),
        "process": _ratio("2 workers over serial: 64 CartPoles of Gymnasium", *workers, 1, cores=2),
        "ray": _ray(),
        "making": _making(),
        "snapshot-cartpole": _snapshot("cartpole"),
        "snapshot-squared": _snapshot("squared"),
    }


ROWS = _rows()


def chosen(names: Sequence[str]) -> dict[str, Row]:
    """The rows with these names, or that these names are the beginning of; all if there are none."""
    return {
        row_name: row
        for row_name, row in ROWS.items()
        if not names or any(f"{row_name}-".startswith(f"{name}-") for name in names)
    }


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line for each figure. Returns the exit status: FAILED if one could not be measured."""
    parser = Parser(None, "Measure the loop that trainers write, in turns, and print each figure with its target.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"figures, or the beginnings of their names: {', '.join(ROWS)} (default: all)",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the time for each, and less to be trusted")
    given = parser.parse_args(arguments)
    for name in given.names:
        if not chosen([name]):
            parser.error(f"there is no figure called {name!r} ({', '.join(ROWS)})")
    timing = (_QUICK_SECONDS, _QUICK_REPEATS) if given.quick else (_SECONDS, _REPEATS)
    status = 0
    for row in chosen(given.names).values():
        if row.needs:
            print(row.lacking(), file=sys.stderr)
            status = FAILED
        else:
            print(row.line(row.measure(*timing)), flush=True)
    return status
