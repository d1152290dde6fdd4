"""`python -m puffer.sanitize FILE.pyx`: check an environment in a build that AddressSanitizer watches.

The checks are those of `puffer.check_env`. The sanitizers see what a build with checks of indices cannot: reads and
writes behind a pointer, in C code too, and operations without a defined result. They end the program at the first, and
print where it was.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence

from puffer.authoring.loading import load_pyx
from puffer.checking import check_env
from puffer.errors import BuildError, CheckFailed
from puffer.programs import Parser, run

_LIBRARIES = ("libasan.so", "libubsan.so")
_DESCRIPTION = """\
Compile an environment for AddressSanitizer and UndefinedBehaviorSanitizer, and
check it as puffer.check_env does. They report errors of memory in its C code."""
_EPILOG = """\
example:
  python -m puffer.sanitize my_env/my_env.pyx"""


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns its exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser("python -m puffer.sanitize", _DESCRIPTION, epilog=_EPILOG, formatter_class=raw)
    parser.add_argument("file", metavar="FILE", help="the path of a .pyx file")
    parser.add_argument("--steps", type=int, default=1000, metavar="N", help="random steps (default %(default)s)")
    parser.add_argument("--watched", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.watched:
        return _check(arguments.file, arguments.steps)
    if not os.path.isfile(arguments.file):
        parser.error(f"there is no file {arguments.file}")
    try:
        environment = _watched_environment()
    except OSError as error:
        parser.error(str(error))
    command = [sys.executable, "-m", "puffer.sanitize", arguments.file, "--steps", str(arguments.steps), "--watched"]
    return subprocess.run(command, env=environment).returncode


def _check(file: str, steps: int) -> int:
    # What the compilers start need not be watched.
    os.environ.pop("LD_PRELOAD", None)
    try:
        print(check_env(load_pyx(file, sanitize=True), steps=steps))
    except (BuildError, CheckFailed, ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _watched_environment() -> dict[str, str]:
    """The variables of a program in which the libraries of the sanitizers come first. Raises OSError without them."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    paths = []
    for library in _LIBRARIES:
        command = [*compiler, f"-print-file-name={library}"]
        path = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if not os.path.isabs(path):
            raise OSError(f"{shlex.join(compiler)} has no {library}; install the sanitizers of the compiler")
        paths.append(path)
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(paths),
        # What the interpreter leaves behind at its end is not the environment's.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "PYTHONMALLOC": "malloc",
    }


if __name__ == "__main__":
    run(main)
