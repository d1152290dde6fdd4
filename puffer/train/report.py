"""What a person sees of a training: a live table or lines, and curves in a CSV file and a picture."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from puffer.measuring.tables import console, new_table, rate
from puffer.train.progress import Progress

# Seconds between two states of the table, and between two lines where there is no terminal.
_TABLE, _LINES = 0.2, 5.0
_CURVES = ("episode_return", "episode_length", "entropy", "value_loss")


class Display:
    """The state of a training on standard output: a table that changes at a terminal, and lines elsewhere."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._console: Console = console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        # The first state is shown.
        self._next = 0.0
        self._shown: Progress | None = None

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress, *, last: bool = False) -> None:
        """Show a state, unless another one was shown just now and it is not the last one."""
        now = time.monotonic()
        if progress is self._shown or (now < self._next and not last):
            return
        self._shown, self._next = progress, now + (_TABLE if self._live is not None else _LINES)
        if self._live is None:
            self._console.print(self._line(progress), soft_wrap=True)
        else:
            self._live.update(self._table(progress), refresh=True)

    def _line(self, progress: Progress) -> str:
        return (
            f"{progress.steps:,} steps  {rate(progress.rate)}/s  return {number(progress.episode_return)}  "
            f"length {number(progress.episode_length)}"
        )

    def _table(self, progress: Progress) -> Table:
        table = new_table()
        for title in ("training", "", "episodes", "", "time", "", "losses", ""):
            table.add_column(title, justify="right" if not title else "left")
        shares = (f"{100 * share:.0f} %" for share in (progress.env, progress.policy, progress.learning))
        columns = (
            (("steps", f"{progress.steps:,}"), ("of", f"{self.steps:,}"), ("steps/s", rate(progress.rate)),
             ("seconds", f"{progress.seconds:.1f}")),
            (("return", number(progress.episode_return)), ("length", number(progress.episode_length)),
             ("ended", f"{progress.episodes:,}"), ("", "")),
            (*zip(("env", "policy", "learning"), shares, strict=True), ("", "")),
            (("policy", number(progress.policy_loss)), ("value", number(progress.value_loss)),
             ("entropy", number(progress.entropy)), ("divergence", number(progress.divergence))),
        )  # fmt: skip
        for cells in zip(*columns, strict=True):
            table.add_row(*(text for cell in cells for text in cell))
        return table


def number(value: float) -> str:
    """A number with four digits, or a dash before there is one."""
    return "-" if math.isnan(value) else f"{value:.4g}"


class Curves:
    """The states of a training in a CSV file, a line for each, and as a picture of curves.

    Parameters
    ----------
    file : Path
        Ends in ".csv"; the picture is beside it.
    since : int
        Steps that a training that goes on has behind it: lines of later ones are left out of the file.
    """

    def __init__(self, file: Path, since: int = 0) -> None:
        self.file = file
        self._lines = [line for line in self._read() if int(line["steps"]) <= since]
        file.parent.mkdir(parents=True, exist_ok=True)
        self._open = file.open("w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._open, [field.name for field in fields(Progress)])
        self._writer.writeheader()
        self._writer.writerows(self._lines)

    def _read(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        with self.file.open(newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines))

    def add(self, progress: Progress) -> None:
        """Add a state."""
        line = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(progress).items()}
        self._lines.append(line)
        self._writer.writerow(line)

    def close(self, note: Callable[[str], None]) -> None:
        """Close the file, and draw the picture. `note` gets a line to print if it cannot be drawn."""
        self._open.close()
        try:
            import matplotlib.figure
        except ModuleNotFoundError:
            note('no picture of the curves without matplotlib: pip install "puffer-envs[train]"')
            return
        figure = matplotlib.figure.Figure(figsize=(9, 6), layout="constrained")
        steps = [int(line["steps"]) for line in self._lines]
        for axes, name in zip(figure.subplots(2, 2).flat, _CURVES, strict=True):
            axes.plot(steps, [float(line[name]) for line in self._lines], linewidth=1)
            axes.set_title(name.replace("_", " "), fontsize=10)
            axes.grid(alpha=0.3)
        figure.supxlabel("steps")
        figure.savefig(self.file.with_suffix(".png"), dpi=100)
