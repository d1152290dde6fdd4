"""A report as a plot: steps per second over copies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from puffer.bench.report import Report, Result
from puffer.measuring.tables import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
_STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")


def draw(report: Report, path: Path) -> None:
    """Draw a line for each environment and number of threads, with the range of its slices, into the file `path`."""
    # Without pyplot, which looks for a window system and keeps state.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.add_subplot()
    lines = _lines(report)
    envs = list(dict.fromkeys(env for env, _ in lines))
    threads = sorted({count for _, count in lines})
    for (env, count), results in lines.items():
        color = _COLORS[envs.index(env) % len(_COLORS)]
        _line(axes, results, color, _STYLES[threads.index(count) % len(_STYLES)])
    _legends(axes, envs, threads)
    _scales(axes, sorted({result.case.copies for result in report.results}))
    machine = report.machine
    axes.set_title(f"puffer {machine['puffer']} on {machine['cpu']}", loc="left", fontsize=10)
    figure.savefig(path, dpi=160)


def _lines(report: Report) -> dict[tuple[str, int], list[Result]]:
    """The results by environment and threads; one with fewer copies than threads belongs to several lines."""
    lines: dict[tuple[str, int], list[Result]] = {}
    for result in report.results:
        for threads in report.settings["num_threads"]:
            if result.case.threads == min(threads, result.case.copies):
                lines.setdefault((result.case.env, threads), []).append(result)
    return lines


def _line(axes: Axes, results: list[Result], color: str, style: str) -> None:
    copies = [result.case.copies for result in results]
    rates = [result.ours.rate for result in results]
    medians = [rate.median for rate in rates]
    ranges = [[rate.median - rate.low for rate in rates], [rate.high - rate.median for rate in rates]]
    axes.errorbar(copies, medians, ranges, fmt="none", ecolor=color, elinewidth=1, capsize=3, alpha=0.5)
    axes.plot(copies, medians, style, color=color, marker="o", markersize=4, linewidth=1.8)


def _legends(axes: Axes, envs: list[str], threads: list[int]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=_COLORS[k % len(_COLORS)], label=env) for k, env in enumerate(envs)]
    if len(threads) > 1:
        for k, count in enumerate(threads):
            label = counted(count, "thread")
            handles.append(Line2D([], [], color="#555555", linestyle=_STYLES[k % len(_STYLES)], label=label))
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def _scales(axes: Axes, copies: list[int]) -> None:
    from matplotlib.ticker import EngFormatter, NullLocator

    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(copies, [f"{count:,}" for count in copies])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.set_xlabel("copies")
    axes.set_ylabel("steps per second")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
