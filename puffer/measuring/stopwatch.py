"""The measurement of speeds: contenders take turns in short slices, and the median of the slices is the result.

Turns make a ratio reliable on a machine whose speed drifts. Whatever slows one slice slows its neighbour too, so ratios
are taken between neighbours, and the result is their median.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

# In seconds. A shorter slice would measure the clock, the first touch of cold caches and the scheduler.
SHORTEST_SLICE = 0.010


class Runs(Protocol):
    """A contender: `run(steps)` steps that many times and returns the seconds; each step is `rows` transitions."""

    rows: int

    def run(self, steps: int) -> float: ...


@dataclass(frozen=True)
class Spread:
    """The median, lowest and highest of repeated measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def as_dict(self) -> dict[str, float]:
        return {"median": self.median, "min": self.low, "max": self.high}


@dataclass(frozen=True)
class Series:
    """The slices of one contender.

    Attributes
    ----------
    rows : int
        Transitions of one step.
    steps : int
        Steps of one slice.
    seconds : list of float
        The time of each slice.
    """

    rows: int
    steps: int
    seconds: list[float]

    @property
    def rates(self) -> list[float]:
        """Transitions per second of each slice."""
        return [self.rows * self.steps / seconds for seconds in self.seconds]

    @property
    def rate(self) -> Spread:
        """Transitions per second."""
        return Spread.of(self.rates)

    @property
    def call_seconds(self) -> Spread:
        """Seconds of one call of `step`."""
        return Spread.of([seconds / self.steps for seconds in self.seconds])

    def ratio(self, other: Series) -> Spread:
        """This contender's rate over the other's, in neighbouring slices."""
        return Spread.of([mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True)])

    def as_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "steps_per_slice": self.steps, "slice_seconds": self.seconds}


def interleave(
    contenders: Sequence[Runs], seconds: float, repeats: int, after_round: Callable[[int], None] = lambda _: None
) -> list[Series]:
    """Measure contenders against each other.

    Parameters
    ----------
    contenders : sequence
    seconds : float
        The time for all slices together; longer if a slice would be shorter than SHORTEST_SLICE.
    repeats : int
        Slices of each contender.
    after_round : callable
        Called with 0, 1, ... when every contender has had that turn.

    Returns
    -------
    list of Series
        One for each contender, in their order.
    """
    slice_seconds = max(SHORTEST_SLICE, seconds / (repeats * len(contenders)))
    steps = [_warm_up(contender, slice_seconds) for contender in contenders]
    taken: list[list[float]] = [[] for _ in contenders]
    for turn in range(repeats):
        for contender, count, its_seconds in zip(contenders, steps, taken, strict=True):
            its_seconds.append(contender.run(count))
        after_round(turn)
    return [
        Series(contender.rows, count, its_seconds)
        for contender, count, its_seconds in zip(contenders, steps, taken, strict=True)
    ]


def _warm_up(contender: Runs, slice_seconds: float) -> int:
    """Step for about as long as a slice; returns the number of steps that fill one."""
    steps = 1
    contender.run(steps)  # the first step may allocate, compile or start threads
    while True:
        took = max(contender.run(steps), 1e-9)
        if took >= slice_seconds / 2:
            return max(1, round(steps * slice_seconds / took))
        steps = max(steps + 1, min(16 * steps, int(steps * slice_seconds / took)))
