"""The measurements of a run, and their form as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from puffer.bench.figures import Figure
from puffer.bench.plan import Case
from puffer.measuring.stopwatch import Series, Spread

# To be raised when a key of the JSON form is renamed or removed, or changes its meaning.
FORMAT = 2


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes
    ----------
    ours : Series
        As a trainer steps: with results that are kept, and final observations read.
    live : Series
        With `copy=False`, and infos that nobody reads.
    peers : dict of Series
        The peers' slices, by name.
    limit : float or None
        Steps per second of one core at the limit; None where it is not known.
    """

    case: Case
    ours: Series
    live: Series
    peers: dict[str, Series]
    limit: float | None = None

    @property
    def share(self) -> float | None:
        """Our speed as a share of the limit of as many cores as we have threads."""
        return None if self.limit is None else self.ours.rate.median / (self.limit * self.case.threads)

    @property
    def transition_ns(self) -> float:
        """Nanoseconds per transition."""
        return 1e9 / self.ours.rate.median

    @property
    def call_us(self) -> float:
        """Microseconds of one call of step()."""
        return 1e6 * self.ours.call_seconds.median

    def ratio(self, peer: str) -> Spread | None:
        """Our speed as a multiple of a peer's; None for a peer that did not run."""
        return self.ours.ratio(self.peers[peer]) if peer in self.peers else None

    def as_dict(self) -> dict[str, Any]:
        limit = {"steps_per_second_of_one_core": self.limit, "share": self.share}
        return {
            "env": self.case.env,
            "num_copies": self.case.copies,
            "num_rows": self.ours.rows,
            "num_threads": self.case.threads,
            "steps_per_second": self.ours.rate.as_dict(),
            "nanoseconds_per_transition": self.transition_ns,
            "microseconds_per_step": self.call_us,
            "slices": self.ours.as_dict(),
            "live_buffers": {"steps_per_second": self.live.rate.as_dict(), "slices": self.live.as_dict()},
            "limit": None if self.limit is None else limit,
            "peers": {
                name: {
                    "steps_per_second": series.rate.as_dict(),
                    "ratio": self.ours.ratio(series).as_dict(),
                    "slices": series.as_dict(),
                }
                for name, series in self.peers.items()
            },
        }


@dataclass
class Report:
    """All measurements of a run so far.

    Attributes
    ----------
    settings : dict
        The environments, copies, threads, seconds and repeats of the run.
    machine : dict
        As from `machine.describe`.
    peer_names : list of str
        The peers, in the order of the command line.
    versions : dict
        The versions of the systems that ran as peers.
    results : list of Result
    figures : list of Figure
    notes : list of str
        Failures to measure something, with their reasons.
    interrupted : bool
        Whether the run was ended early.
    """

    settings: dict[str, Any]
    machine: dict[str, Any]
    peer_names: list[str]
    versions: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    def as_json(self) -> str:
        """The report as the text of a JSON file."""
        content = {
            "format": FORMAT,
            "machine": self.machine,
            "settings": self.settings,
            "versions": self.versions,
            "results": [result.as_dict() for result in self.results],
            "figures": [figure.as_dict() for figure in self.figures],
            "notes": self.notes,
            "interrupted": self.interrupted,
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def as_csv(self) -> str:
        """The results as the text of a CSV file: a line for each, and two columns for each peer that ran."""
        peers = [name for name in self.peer_names if any(name in result.peers for result in self.results)]
        file = io.StringIO()
        writer = csv.DictWriter(file, [*_CSV, *(column for name in peers for column in _of_peer(name))], restval="")
        writer.writeheader()
        for result in self.results:
            line = {name: value(result) for name, value in _CSV.items()}
            for name in result.peers:
                ratio = result.ratio(name)
                line |= dict(zip(_of_peer(name), (result.peers[name].rate.median, ratio.median), strict=True))
            writer.writerow(line)
        return file.getvalue()


# The columns of the CSV form, and their values.
_CSV: dict[str, Callable[[Result], Any]] = {
    "env": lambda result: result.case.env,
    "copies": lambda result: result.case.copies,
    "rows": lambda result: result.ours.rows,
    "threads": lambda result: result.case.threads,
    "steps_per_second": lambda result: result.ours.rate.median,
    "steps_per_second_min": lambda result: result.ours.rate.low,
    "steps_per_second_max": lambda result: result.ours.rate.high,
    "nanoseconds_per_transition": lambda result: result.transition_ns,
    "microseconds_per_step": lambda result: result.call_us,
    "live_buffers_steps_per_second": lambda result: result.live.rate.median,
    "share_of_limit": lambda result: "" if result.share is None else result.share,
}


def _of_peer(name: str) -> tuple[str, str]:
    """The columns of a peer."""
    return f"{name}_steps_per_second", f"over_{name}"
