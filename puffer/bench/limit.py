"""What the hardware allows: builds `benchmarks/limit.c` and runs it between slices."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from puffer.authoring.caching import cache_folder
from puffer.bench.machine import cpu_model

SOURCE = Path(__file__).parents[2] / "benchmarks" / "limit.c"

# The kernel that does the same work as an environment does. That of Squared writes what changed, as Squared does.
KERNELS = {
    "ocean-cartpole": "cartpole_steps_per_second",
    "ocean-squared": "board_update_steps_per_second",
}

_MOST_COPIES = 1 << 22
# What each kernel gets in one run, in seconds.
_SECONDS = 0.03


class Limit:
    """The limit program.

    Attributes
    ----------
    problem : str
        Why there is no limit, or empty.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._program: Path | None = None
        try:
            self._program = _built()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            self.problem = str(error)

    def steps_per_second(self, env: str, copies: int) -> float | None:
        """What one core can do of the work of `copies` copies of an environment; None where there is no kernel for it.

        Raises CalledProcessError when the program fails.
        """
        if self._program is None or env not in KERNELS or copies > _MOST_COPIES:
            return None
        command = [str(self._program), str(copies), str(_SECONDS)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(json.loads(result.stdout)[KERNELS[env]])


def _built() -> Path:
    """The program, from the user's cache or built now. Raises RuntimeError with the reason when there is none."""
    if not SOURCE.exists():
        raise RuntimeError("its source, benchmarks/limit.c, is in puffer's repository, not in the installed package")
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise RuntimeError("there is no C compiler (cc, gcc or clang) to build benchmarks/limit.c with")
    source = SOURCE.read_bytes()
    # -march=native: a program built on one machine may not run on another that shares the home folder.
    key = hashlib.sha256(b"\0".join([source, compiler.encode(), cpu_model().encode()])).hexdigest()[:16]
    program = cache_folder() / f"limit-{key}"
    if not program.exists():
        _compile(compiler, program)
    return program


def _compile(compiler: str, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        built = Path(folder, "limit")
        command = [compiler, "-O3", "-march=native", "-o", str(built), str(SOURCE), "-lm"]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            raise RuntimeError(f"{compiler} cannot build benchmarks/limit.c: {lines[0]}")
        # At once or not at all, should two runs build it at the same time.
        built.replace(program)
