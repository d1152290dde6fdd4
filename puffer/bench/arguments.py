"""The command line."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from puffer.bench.peers import DEFAULT_PEERS, PEERS
from puffer.bench.plan import DEFAULT_COPIES, DEFAULT_ENVS, DEFAULT_THREADS
from puffer.checks import available_cores
from puffer.programs import Parser, integer, integers, one_of, output_file, positive

PROGRAM = "python -m puffer.bench"

_DESCRIPTION = """\
Measure how many steps a second environments make through the public step(), resets included, and compare them with
other systems that step the same environments in the same run."""

_LONGEST_SECONDS = 3600
_PLOT_SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Options:
    """The request of the user.

    Attributes
    ----------
    envs : tuple of str
        The environments; empty for the default ones.
    copies, threads : tuple of int
        Numbers to measure each environment with.
    seconds : float or None
        The time for each line of the table; None to fit the whole run into about two minutes.
    repeats : int
        Slices of each system.
    peers : dict
        The Python interpreter of each peer, by its name.
    figures : bool
        Whether to measure the further figures.
    list_envs : bool
        Whether to list the environments instead.
    is_installed : bool
        Whether to list only those that can be made here.
    json, csv, plot : Path or None
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
    is_installed: bool
    json: Path | None
    csv: Path | None
    plot: Path | None


def parse(argv: Sequence[str]) -> Options:
    """The options in `argv`. Exits with status 2 and one line on stderr if an argument is wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.plot is not None and find_spec("matplotlib") is None:
        parser.error('--plot needs matplotlib: pip install "puffer-envs[plot]"')
    if given.installed and not given.list:
        parser.error("--installed is for --list")
    of_measuring = ("num_envs", "num_threads", "seconds", "repeats", "compare", "figures", "json", "csv", "plot")
    unused = [key for key in of_measuring if getattr(given, key) != parser.get_default(key)]
    if given.list and unused:
        options = ", ".join(f"--{key.replace('_', '-')}" for key in unused)
        parser.error(f"--list measures nothing, so leave out {options}")
    files = [file.resolve() for file in (given.json, given.csv, given.plot) if file is not None]
    if len(set(files)) < len(files):
        parser.error("--json, --csv and --plot need a file each: one of them is given twice")
    return Options(
        envs=tuple(dict.fromkeys(given.env)),
        copies=given.num_envs,
        threads=given.num_threads,
        seconds=given.seconds,
        repeats=given.repeats,
        peers=given.compare,
        figures=not given.env if given.figures is None else given.figures,
        list_envs=given.list,
        is_installed=given.installed,
        json=given.json,
        csv=given.csv,
        plot=given.plot,
    )


def _parser() -> Parser:
    parser = Parser(PROGRAM, _DESCRIPTION)
    _add_cases(parser)
    _add_method(parser)
    _add_output(parser)
    return parser


def _add_cases(parser: Parser) -> None:
    parser.add_argument(
        "env",
        nargs="*",
        help="environments to measure: names, paths of .pyx files, or MODULE:CLASS of environments in Python "
        f"(default: {', '.join(DEFAULT_ENVS)})",
    )
    threads = tuple(count for count in DEFAULT_THREADS if count <= available_cores())
    for option, noun, counts in (("--num-envs", "copies", DEFAULT_COPIES), ("--num-threads", "threads", threads)):
        parser.add_argument(
            option,
            type=integers,
            default=counts,
            metavar="COUNT[,COUNT...]",
            help=f"{noun} to measure with (default: {','.join(map(str, counts))})",
        )


def _add_method(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--seconds",
        type=positive(_LONGEST_SECONDS),
        help="time for each line of the table (default: about two minutes for all lines together)",
    )
    add("--repeats", type=integer, default=15, help="slices of each system; their median is reported (default: 15)")
    add(
        "--compare",
        type=_peers,
        default=dict.fromkeys(DEFAULT_PEERS, sys.executable),
        metavar="PEER[=PYTHON][,PEER...]",
        help=f"systems to compare with: {', '.join(PEERS)}, or none (default: {','.join(DEFAULT_PEERS)}); PYTHON is "
        "the interpreter of a system that cannot be installed together with puffer",
    )
    add(
        "--figures",
        action=argparse.BooleanOptionalAction,
        help="also measure the call overhead, threads, action checks and rollout buffers (default: only if no "
        "environments are named)",
    )


def _add_output(parser: Parser) -> None:
    add = parser.add_argument
    add("--json", type=output_file, metavar="FILE", help="write all measurements to FILE")
    add("--csv", type=output_file, metavar="FILE", help="write the table to FILE, with full numbers")
    add("--plot", type=_plot_file, metavar="FILE", help="plot steps per second over copies to FILE (png, svg, pdf)")
    add(
        "--list",
        action="store_true",
        help="measure nothing, and list all environments, or those whose names have one of the given words in them, or "
        'fit a pattern such as "gym-*-v5"',
    )
    add("--installed", action="store_true", help="with --list: only those that have all they need here")


def _peers(text: str) -> dict[str, str]:
    peers: dict[str, str] = {}
    for part in text.split(",") if text != "none" else []:
        name, _, python = part.partition("=")
        one_of("peer", PEERS)(name)
        found = shutil.which(python or sys.executable)
        if found is None:
            raise argparse.ArgumentTypeError(f"{python!r} is not a program; {name}= takes a Python interpreter")
        # Links are not followed: a virtual environment is known by the folder of its link.
        peers[name] = str(Path(found).absolute())
    return peers


def _plot_file(text: str) -> Path:
    if Path(text).suffix not in _PLOT_SUFFIXES:
        raise argparse.ArgumentTypeError(f"must end in {', '.join(_PLOT_SUFFIXES)}, got {text!r}")
    return output_file(text)
