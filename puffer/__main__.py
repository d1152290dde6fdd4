"""`python -m puffer`, and the console script `puffer`: the programs by name."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence

from rich.table import Table

from puffer._version import __version__
from puffer.measuring.tables import console
from puffer.programs import INTERRUPTED, one_of, refuse

# What each program does, by the name of its module in puffer.
PROGRAMS = {
    "play": "play an environment by the keyboard, in a window or a terminal",
    "record": "write a film or a picture of an environment that a policy plays",
    "replay": "run a file of puffer.Recorder again, step by step",
    "bench": "measure the speed of environments; --list lists them all",
    "train": "train a policy with PPO",
    "check": "find the classic mistakes in an environment",
    "new": "write a package for a new native environment",
    "sanitize": "check a .pyx in a build that AddressSanitizer watches",
    "install": "install other authors' systems, and check which of them work",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program that the first of the arguments names, or list the programs; returns the exit status."""
    first, *rest = [*(sys.argv[1:] if argv is None else argv)] or ["--help"]
    if first in ("-h", "--help", "help"):
        _show()
        return 0
    if first in ("-V", "--version"):
        print(f"puffer {__version__}")
        return 0
    try:
        name = one_of("program", PROGRAMS)(first)
    except argparse.ArgumentTypeError as error:
        refuse("puffer", str(error))
    # The program sees the arguments that it would see as `python -m puffer.<name>`.
    sys.argv = [f"puffer {name}", *rest]
    try:
        runpy.run_module(f"puffer.{name}", run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _show() -> None:
    out = console()
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold cyan")
    grid.add_column(overflow="fold")
    for name, line in PROGRAMS.items():
        grid.add_row(f"  puffer {name}", line)
    out.print(f"puffer {__version__}: the programs, which `python -m puffer.<name>` runs as well", markup=False)
    out.print()
    out.print(grid)
    out.print()
    out.print("`puffer <name> --help` shows the arguments of one.", markup=False)


if __name__ == "__main__":
    sys.exit(main())
