"""Figures that belong to no one environment: what a call costs, what a second thread brings."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from puffer.bench import worker
from puffer.bench.measuring import Spread, interleave
from puffer.bench.plan import available_cores

_SECONDS = 2.0
_REPEATS = 15


def _cartpole(copies: int, threads: int = 1, **entries: Any) -> worker.Spec:
    return {"system": "puffer", "id": "ocean-cartpole", "num_envs": copies, "num_threads": threads, **entries}


@dataclass(frozen=True)
class Definition:
    """What to measure: of one spec the microseconds of a call of step(), of two how many times as fast the first is."""

    title: str
    specs: tuple[worker.Spec, ...]
    cores: int = 1


DEFINITIONS = {
    "call-overhead": Definition("CartPole, 1 copy: a call of step()", (_cartpole(1),)),
    "snakes": Definition(
        "Snake, 16 maps of 256 snakes: a call of step(), 4,096 transitions",
        ({"system": "puffer", "id": "ocean-snake", "num_envs": 16, "num_threads": 1, "options": {"snakes": 256}},),
    ),
    "two-threads": Definition(
        "CartPole, 65,536 copies: 2 threads over 1", (_cartpole(65536, threads=2), _cartpole(65536)), cores=2
    ),
    "checked-actions": Definition(
        "CartPole, 4,096 copies: actions checked over unchecked",
        (_cartpole(4096), _cartpole(4096, options={"check_actions": False})),
    ),
    "rollout-buffers": Definition(
        "CartPole, 4,096 copies: into rollout buffers (64 steps) over plain steps",
        (_cartpole(4096, stored="direct", horizon=64), _cartpole(4096)),
    ),
    "rollout-copies": Definition(
        "CartPole, 4,096 copies: into rollout buffers over steps copied into such",
        (_cartpole(4096, stored="direct", horizon=64), _cartpole(4096, stored="copied", horizon=64)),
    ),
}


@dataclass(frozen=True)
class Figure:
    """A measured figure.

    Attributes
    ----------
    name : str
        Its key in DEFINITIONS.
    value : Spread
        Microseconds, or a ratio of speeds.
    """

    name: str
    value: Spread

    @property
    def title(self) -> str:
        return DEFINITIONS[self.name].title

    @property
    def unit(self) -> str:
        return "us" if len(DEFINITIONS[self.name].specs) == 1 else "ratio"

    def text(self) -> tuple[str, str]:
        """The value, and its range."""
        if self.unit == "us":
            return f"{self.value.median:.2f} µs", f"{self.value.low:.2f}–{self.value.high:.2f}"
        return f"{self.value.median:.2f} ×", f"{self.value.low:.2f}–{self.value.high:.2f}"

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "title": self.title, "unit": self.unit, "value": self.value.as_dict()}


def possible(name: str) -> bool:
    """Whether this machine has the cores that a figure needs."""
    return DEFINITIONS[name].cores <= available_cores()


def measure(name: str, seconds: float = _SECONDS, repeats: int = _REPEATS) -> Figure:
    """Measure the figure called `name`, in about so many seconds and with so many slices."""
    contenders = [worker.make(spec) for spec in DEFINITIONS[name].specs]
    try:
        series = interleave(contenders, seconds, repeats)
    finally:
        for contender in contenders:
            contender.close()
    if len(series) == 2:
        return Figure(name, series[0].ratio(series[1]))
    calls = series[0].call_seconds
    return Figure(name, Spread(1e6 * calls.median, 1e6 * calls.low, 1e6 * calls.high))


def main(name: str) -> int:
    """Measure one figure and print it on a line; what the scripts in benchmarks/ call. Returns the exit status."""
    if not possible(name):
        print(f"{DEFINITIONS[name].title}: needs {DEFINITIONS[name].cores} cores", file=sys.stderr)
        return 1
    figure = measure(name)
    value, spread = figure.text()
    print(f"{figure.title}: {value} ({spread})")
    return 0
