"""A report as tables for people."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from puffer.bench.report import Report, Result
from puffer.measuring.tables import console, digits, new_table, rate, rate_range


class _Column(NamedTuple):
    header: str
    cell: Callable[[Result], str]
    style: str = ""


class ShownReport(Report):
    """A report that a notebook shows as its tables."""

    def _repr_html_(self) -> str:
        out = Console(file=io.StringIO(), record=True, width=120, highlight=False)
        show(self, out)
        return out.export_html(inline_styles=True, code_format='<pre style="line-height: normal">{code}</pre>')


def show(report: Report, out: Console | None = None) -> None:
    """Print a report, to standard output by default."""
    out = console() if out is None else out
    if report.results:
        _show_results(out, report)
    if report.figures:
        out.print()
        out.print(_figures(report))
    out.print()
    out.print(_labelled(_footer(report)))
    if report.interrupted:
        out.print("Interrupted: only this much was measured.", style="bold yellow")


def _labelled(lines: list[tuple[str, str]]) -> Table:
    """A column of labels and one of texts. A label is printed once for all of its texts that follow each other."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(style="dim", overflow="fold")
    previous = ""
    for label, text in lines:
        grid.add_row("" if label == previous else label, Text(text))
        previous = label
    return grid


def _show_results(out: Console, report: Report) -> None:
    speed, against = _speed_columns(report), _peer_columns(report)
    whole = _results(report, [*speed, *against])
    # A table that is too wide is split: a shortened number is worse than a second table.
    unlimited = out.options.update(max_width=10_000)
    if not against or Measurement.get(out, unlimited, whole).maximum <= out.width:
        out.print(whole)
        return
    out.print(_results(report, speed))
    out.print()
    threads = [column for column in speed if column.header in ("copies", "threads")]
    out.print(_results(report, [*threads, *against]))


def _results(report: Report, columns: list[_Column]) -> Table:
    table = new_table()
    labels = _labels(report)
    table.add_column("env", overflow="fold", vertical="bottom")
    for column in columns:
        table.add_column(column.header, justify="right", no_wrap=True, style=column.style, vertical="bottom")
    previous = None
    for result in report.results:
        env = result.case.env
        if previous not in (None, env):
            table.add_section()
        cells = (column.cell(result) for column in columns)
        table.add_row("" if env == previous else Text(labels[env], "bold cyan"), *cells)
        previous = env
    return table


def _labels(report: Report) -> dict[str, str]:
    """The label of each environment: its name, or the shortest end of its path that no other environment has."""
    envs = list(dict.fromkeys(result.case.env for result in report.results))
    endings = {env: _endings(env) if env.endswith(".pyx") else [env] for env in envs}
    return {
        env: next((end for end in endings[env] if sum(end in others for others in endings.values()) == 1), env)
        for env in envs
    }


def _endings(path: str) -> list[str]:
    """The ends of a path from the shortest: the name of the file, the same with its folder, and so on."""
    parts = PurePath(path).parts
    return [str(PurePath(*parts[start:])) for start in reversed(range(len(parts)))]


def _speed_columns(report: Report) -> list[_Column]:
    several_agents = any(result.ours.rows != result.case.copies for result in report.results)
    limited = any(result.limit is not None for result in report.results)
    columns = [
        _Column("copies", lambda result: f"{result.case.copies:,}"),
        _Column("rows", lambda result: f"{result.ours.rows:,}") if several_agents else None,
        _Column("threads", lambda result: str(result.case.threads)),
        _Column("steps/s", lambda result: rate(result.ours.rate.median), "bold green"),
        _Column("min–max", lambda result: rate_range(result.ours.rate), "dim"),
        _Column("ns per\nstep", lambda result: digits(result.transition_ns)),
        _Column("µs per\ncall", lambda result: digits(result.call_us)),
        _Column("live\nbuffers", lambda result: rate(result.live.rate.median)),
        _Column("of\nlimit", lambda result: "" if result.share is None else f"{result.share:.0%}") if limited else None,
    ]
    return [column for column in columns if column is not None]


def _peer_columns(report: Report) -> list[_Column]:
    def column(name: str) -> _Column:
        def cell(result: Result) -> str:
            ratio = result.ratio(name)
            return "" if ratio is None else f"{digits(ratio.median)} ×"

        return _Column(f"over\n{name}", cell, "magenta")

    return [column(name) for name in report.peer_names if any(name in result.peers for result in report.results)]


def _figures(report: Report) -> Table:
    table = new_table()
    table.add_column("further figures")
    table.add_column("", justify="right", no_wrap=True, style="bold green")
    table.add_column("min–max", justify="right", no_wrap=True, style="dim")
    for figure in report.figures:
        table.add_row(figure.title, *figure.text())
    return table


def _footer(report: Report) -> list[tuple[str, str]]:
    machine, settings = report.machine, report.settings
    versions = {name: machine[name] for name in ("puffer", "numpy", "gymnasium")}
    versions |= report.versions
    lines = [
        (
            "machine",
            f"{machine['cpu']}, {machine['usable_cores']} of {machine['cores']} cores, {machine['system']}; "
            f"Python {machine['python']}, {', '.join(f'{name} {version}' for name, version in versions.items())}",
        ),
        (
            "steps",
            "A step is one transition of one agent: rows × calls of the public step(). Actions are random, drawn "
            "before the clock starts, and checked by step(). Resets are inside the clock (autoreset). Environments "
            "written in Python are stepped by worker processes instead of threads; 1 is this process, without workers.",
        ),
        (
            "results",
            "No step overwrites a result that is held, and the final_obs of infos are read, as a trainer reads them. "
            "“live buffers” are the steps/s of copy=False, where every step overwrites the last results, with unread "
            "infos.",
        ),
        (
            "method",
            f"Each line is the median of {settings['repeats']} slices, {settings['seconds']:.3g} s in all, after a "
            "warm-up; min–max are the slowest and the fastest slice.",
        ),
    ]
    lines += [("files", f"{label}: {env}") for env, label in _labels(report).items() if label != env]
    if any(result.peers for result in report.results):
        text = (
            "“over” is puffer's speed as a multiple of the other system's. The two take turns slice by slice; the "
            "number is the median of the ratios of neighbouring slices."
        )
        lines.append(("peers", text))
    if any(result.limit is not None for result in report.results):
        text = (
            "benchmarks/limit.c does the same work in plain C with all instructions of the processor, and runs between "
            "the slices. The limit is its speed on one core, times the number of our threads."
        )
        lines.append(("limit", text))
    return lines + [("note", note) for note in report.notes]
