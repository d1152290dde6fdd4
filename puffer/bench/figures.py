"""Figures apart from the table: the cost of a call, the gain of a second thread, and their like."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from puffer.bench import contenders
from puffer.checks import available_cores
from puffer.measuring.stopwatch import Series, Spread, interleave
from puffer.programs import FAILED, Parser, one_of

_SECONDS = 2.0
_REPEATS = 15


def _cartpole(copies: int, threads: int = 1, **entries: Any) -> contenders.Spec:
    return {"system": "puffer", "id": "ocean-cartpole", "num_envs": copies, "num_threads": threads, **entries}


@dataclass(frozen=True)
class Definition:
    """The definition of a figure.

    Attributes
    ----------
    title : str
    specs : tuple of Spec
        One, or two that take turns.
    cores : int
        The cores that it needs.
    unit : "us", "rate", "ratio", "whole ratio" or "us more"
        Of one spec: "us", microseconds of a call of step(), or "rate", transitions per second. Of two: "ratio", how
        many times as fast the first is, or "us more", how many more microseconds it takes for a transition. "whole
        ratio" is the ratio of all slices together, where the resets take most of the time and few slices have one.
    seconds : float
        The time to measure for.
    """

    title: str
    specs: tuple[contenders.Spec, ...]
    cores: int = 1
    unit: str = "ratio"
    seconds: float = _SECONDS


DEFINITIONS = {
    "call-overhead": Definition("CartPole, 1 copy: a call of step()", (_cartpole(1),), unit="us"),
    "snakes": Definition(
        "Snake, 16 maps of 256 snakes: a call of step(), 4,096 transitions",
        ({"system": "puffer", "id": "ocean-snake", "num_envs": 16, "num_threads": 1, "options": {"snakes": 256}},),
        unit="us",
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
        "CartPole, 4,096 copies: into rollout buffers over steps copied into them",
        (_cartpole(4096, stored="direct", horizon=64), _cartpole(4096, stored="copied", horizon=64)),
    ),
}


@dataclass(frozen=True)
class Figure:
    """A measured figure.

    Attributes
    ----------
    name : str
    definition : Definition
    value : Spread
        In the unit of the definition.
    """

    name: str
    definition: Definition
    value: Spread

    @property
    def title(self) -> str:
        return self.definition.title

    def text(self) -> tuple[str, str]:
        """The value, and its range."""
        value, unit = self.value, self.definition.unit
        if unit == "rate":
            return f"{value.median / 1e6:.2f} M/s", f"{value.low / 1e6:.2f}–{value.high / 1e6:.2f}"
        return f"{value.median:.2f} {'×' if unit.endswith('ratio') else 'µs'}", f"{value.low:.2f}–{value.high:.2f}"

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "title": self.title, "unit": self.definition.unit, "value": self.value.as_dict()}


def possible(definition: Definition) -> bool:
    """Whether this machine has the cores that a figure needs."""
    return definition.cores <= available_cores()


def measure(name: str, definition: Definition, seconds: float | None = None, repeats: int = _REPEATS) -> Figure:
    """Measure a figure with `repeats` slices, in about `seconds`, by default those of the definition."""
    batches = [contenders.make(spec) for spec in definition.specs]
    try:
        series = interleave(batches, definition.seconds if seconds is None else seconds, repeats)
    finally:
        for batch in batches:
            batch.close()
    return Figure(name, definition, _value(definition.unit, *series))


def _value(unit: str, ours: Series, other: Series | None = None) -> Spread:
    if unit == "rate":
        return ours.rate
    if unit == "us":
        return Spread.of([1e6 * seconds / ours.steps for seconds in ours.seconds])
    assert other is not None
    if unit == "ratio":
        return ours.ratio(other)
    if unit == "whole ratio":
        return Spread.of([_whole_rate(ours) / _whole_rate(other)])
    return Spread.of([1e6 / mine - 1e6 / theirs for mine, theirs in zip(ours.rates, other.rates, strict=True)])


def _whole_rate(series: Series) -> float:
    return series.rows * series.steps * len(series.seconds) / sum(series.seconds)


def main(definitions: Mapping[str, Definition], *arguments: str) -> int:
    """Measure the figures that the arguments of a command line name, by default all, and print each on a line.

    The scripts in benchmarks/ call this. Returns the exit status: FAILED if there are too few cores for a figure.
    """
    parser = Parser(None, "Measure figures and print each on a line.")
    names = ", ".join(definitions)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=one_of("figure", definitions), help=f"{names} (default: all)"
    )
    status = 0
    for name in parser.parse_args(arguments).names or definitions:
        definition = definitions[name]
        if not possible(definition):
            print(f"{definition.title}: needs {definition.cores} cores", file=sys.stderr)
            status = FAILED
            continue
        value, spread = measure(name, definition).text()
        print(f"{definition.title}: {value} ({spread})", flush=True)
    return status
