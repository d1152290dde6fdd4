"""Tables for people, and the form of numbers in them."""

from __future__ import annotations

import os
import sys

from rich import box
from rich.console import Console
from rich.table import Table

from puffer.measuring.stopwatch import Spread

# The width of a table that is written to a file or a pipe.
_FILE_WIDTH = 120


def console() -> Console:
    """The console of standard output; a file or a pipe is 120 columns wide unless COLUMNS says otherwise."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else _FILE_WIDTH, highlight=False)


def new_table() -> Table:
    """An empty table, in the style that all tables share."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")


def digits(value: float) -> str:
    """A number with three digits, or with all of those before the point."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _unit(value: float) -> tuple[float, str]:
    return next(((scale, name) for scale, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if value >= scale), (1.0, ""))


def counted(count: int, noun: str) -> str:
    """1 thread, 2 threads."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {'copies' if noun == 'copy' else noun + 's'}"


def rate(value: float) -> str:
    """Steps per second with a unit: 84.2 M."""
    scale, name = _unit(value)
    return f"{digits(value / scale)} {name}".strip()


def rate_range(spread: Spread) -> str:
    """The lowest and highest of a rate, in the unit of its median."""
    scale, _ = _unit(spread.median)
    return f"{digits(spread.low / scale)}–{digits(spread.high / scale)}"
