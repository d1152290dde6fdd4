"""The limit of the hardware: builds `benchmarks/limit.c` and runs it between slices."""

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

# The kernel that does the same work as an environment. That of Squared writes only the changed cells, as Squared does.
KERNELS = {
    "ocean-cartpole": "cartpole_steps_per_second",
    "ocean-squared": "board_update_steps_per_second",
}

_MOST_COPIES = 1 << 22
# The time of each kernel in one run.
_SECONDS = 0.03


class Limit:
    """The limit program.

    Attributes
    ----------
    problem : str
        The reason why there is no limit; empty if there is one.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._program: Path | None = None
        try:
            self._program = _built()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            self.problem = str(error)

    def steps_per_second(self, env: str, copies: int) -> float | None:
        """The steps per second that one core reaches with `copies` copies; None for environments without a kernel.

        Raises CalledProcessError if the program fails.
        """
        if self._program is None or env not in KERNELS or copies > _MOST_COPIES:
            return None
        command = [str(self._program), str(copies), str(_SECONDS)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(json.loads(result.stdout)[KERNELS[env]])


def _built() -> Path:
    """The program, from the user's cache or built now. Raises RuntimeError if it cannot be built."""
    if not SOURCE.exists():
        raise RuntimeError("its source, benchmarks/limit.c, is in puffer's repository, not in the installed package")
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise RuntimeError("benchmarks/limit.c needs a C compiler, and there is no cc, gcc or clang")
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
        # In one step, since two runs may build it at the same time.
        built.replace(program)
