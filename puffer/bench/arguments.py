"""The command line."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from puffer.bench.peers import DEFAULT_PEERS, PEERS
from puffer.bench.plan import DEFAULT_COPIES, DEFAULT_ENVS, DEFAULT_THREADS, available_cores

_DESCRIPTION = """\
Measure how fast environments step, through the public step() with resets counted, and compare with other systems
that step the same environments in the same run."""

_PLOT_SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    envs : tuple of str
        The environments; empty for the default ones.
    copies, threads : tuple of int
    seconds : float or None
        To spend on each line of the table; None to fit the whole run into about two minutes.
    repeats : int
        Slices of each contender.
    peers : dict
        Python interpreter of each peer, by its name.
    figures : bool
        Whether to measure the further figures.
    list_envs : bool
        Whether to list environments, instead of measuring.
    json, plot : Path or None
        Files to write.
    """

    envs: tuple[str, ...]
    copies: tuple[int, ...]
    threads: tuple[int, ...]
    seconds: float | None
    repeats: int
    peers: dict[str, str]
    figures: bool
    list_envs: bool
    json: Path | None
    plot: Path | None


def parse(argv: Sequence[str]) -> Options:
    """The options in `argv`. Exits with status 2 and one line on stderr when there is something wrong with them."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.plot is not None and find_spec("matplotlib") is None:
        parser.error('--plot needs matplotlib: pip install "puffer-envs[plot]"')
    return Options(
        envs=tuple(dict.fromkeys(given.env)),
        copies=given.num_envs,
        threads=given.num_threads,
        seconds=given.seconds,
        repeats=given.repeats,
        peers=given.compare,
        figures=not given.env if given.figures is None else given.figures,
        list_envs=given.list,
        json=given.json,
        plot=given.plot,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    threads = tuple(count for count in DEFAULT_THREADS if count <= available_cores())
    parser = _Parser("python -m puffer.bench", description=_DESCRIPTION, allow_abbrev=False)
    add = parser.add_argument
    add(
        "env",
        nargs="*",
        help=f"environments to measure: names, paths of .pyx files, or MODULE:CLASS of environments in Python; "
        f"by default {', '.join(DEFAULT_ENVS)}",
    )
    counts = "COUNT[,COUNT...]"
    add("--num-envs", type=_counts, default=DEFAULT_COPIES, metavar=counts, help=f"copies ({_text(DEFAULT_COPIES)})")
    add("--num-threads", type=_counts, default=threads, metavar=counts, help=f"threads ({_text(threads)})")
    add("--seconds", type=_seconds, help="for each line of the table; by default what makes about two minutes in all")
    add("--repeats", type=_count, default=15, help="slices of each system, whose median is the figure (15)")
    add(
        "--compare",
        type=_peers,
        default=dict.fromkeys(DEFAULT_PEERS, sys.executable),
        metavar="PEER[=PYTHON][,PEER...]",
        help=f"systems to compare with: {', '.join(PEERS)}, or none ({','.join(DEFAULT_PEERS)}); PYTHON is the "
        f"interpreter that has it, where it cannot be installed beside puffer",
    )
    add(
        "--figures",
        action=argparse.BooleanOptionalAction,
        help="also measure the call overhead, threads, action checks and rollout buffers (yes, unless envs are named)",
    )
    add("--json", type=_writable, metavar="FILE", help="write everything that was measured to FILE")
    add("--plot", type=_plot_file, metavar="FILE", help="draw steps per second over copies into FILE (png, svg, pdf)")
    add("--list", action="store_true", help="list all environments, and measure nothing")
    return parser


def _text(counts: Sequence[int]) -> str:
    return ",".join(map(str, counts))


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be whole and at least 1, got {text!r}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({_count(part) for part in text.split(",")}))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and at most 3600, got {text!r}")
    return seconds


def _peers(text: str) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for part in text.split(",") if text != "none" else []:
        name, _, python = part.partition("=")
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"there is no peer called {name!r}; there are {', '.join(PEERS)}, or none")
        found = shutil.which(python or sys.executable)
        if found is None:
            raise argparse.ArgumentTypeError(f"{python!r} is no Python interpreter")
        # Where it stands, not where a link leads: a virtual environment is known by the place of its link.
        chosen[name] = str(Path(found).absolute())
    return chosen


def _writable(text: str) -> Path:
    path = Path(text)
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error.strerror}") from None
    if not existed:
        path.unlink()
    return path


def _plot_file(text: str) -> Path:
    if Path(text).suffix not in _PLOT_SUFFIXES:
        raise argparse.ArgumentTypeError(f"must end in {', '.join(_PLOT_SUFFIXES)}, got {text!r}")
    return _writable(text)
