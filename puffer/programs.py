"""Command lines: the parser, the types of arguments and the exit statuses that all of `python -m puffer.<name>` share.

Only programs import this module. The rest of the package checks arguments with `checks`, whose errors are exceptions
for a caller; these are lines for a person at a terminal.
"""

from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

# Exit statuses, as shells know them.
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def run(main: Callable[[Sequence[str]], int], *first: str) -> NoReturn:
    """Run a program with the arguments `first` and those of the command line, and exit with the status it returns."""
    try:
        sys.exit(main([*first, *sys.argv[1:]]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def refuse(program: str, message: str) -> NoReturn:
    """Exit with one line on standard error, and the status USAGE."""
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(USAGE)


class Parser(argparse.ArgumentParser):
    """A parser that takes options by their full names only, and refuses wrong arguments in one line.

    Parameters
    ----------
    program : str or None
        The command, as a person types it; None for the name of the script that runs.
    description : str
    **options
        For `argparse.ArgumentParser`.
    """

    def __init__(self, program: str | None, description: str, **options: Any) -> None:
        super().__init__(program, description=description, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        refuse(self.prog, message)


# ---- Types of arguments: functions of the text, for `type=` ----


def integer(text: str) -> int:
    """An integer of at least 1."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return int(text)


def integers(text: str) -> tuple[int, ...]:
    """Integers of at least 1 with commas between them, in ascending order and each once."""
    return tuple(sorted({integer(part) for part in text.split(",")}))


def positive(most: float = math.inf) -> Callable[[str], float]:
    """The type of a number above 0 and at most `most`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 < number <= most:
            bound = "" if most == math.inf else f" and at most {most:g}"
            raise argparse.ArgumentTypeError(f"must be a number above 0{bound}, got {text!r}")
        return number

    return parse


def one_of(kind: str, names: Collection[str]) -> Callable[[str], str]:
    """The type of one of some names; `kind` is the word for what they name."""

    def parse(text: str) -> str:
        if text not in names:
            near = difflib.get_close_matches(text, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentTypeError(f"there is no {kind} called {text!r}{hint} ({', '.join(names)})")
        return text

    return parse


def output_file(text: str) -> Path:
    """A file that can be written. It is neither changed nor made."""
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
