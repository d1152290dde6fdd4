"""What the hardware allows: builds `benchmarks/limit.c` and runs it between slices."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from puffer.bench.machine import cpu_model

SOURCE = Path(__file__).parents[2] / "benchmarks" / "limit.c"

# The kernel that does the same work as an environment does. That of Squared writes what changed, as Squared does.
KERNELS = {
    "ocean-cartpole": "cartpole_steps_per_second",
    "ocean-squared": "board_update_steps_per_second",
}

_MOST_COPIES = 1 << 22
# What each kernel gets in one run, in seconds.
_SECONDS = 0.02


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

    def sampler(self, env: str, copies: int) -> Sampler | None:
        """What samples the limit for a case, or None where there is none."""
        if self._program is None or env not in KERNELS or copies > _MOST_COPIES:
            return None
        return Sampler(self._program, KERNELS[env], copies)


class Sampler:
    """Samples of the limit for one case: one before the first slices, one in the middle, one after the last."""

    def __init__(self, program: Path, kernel: str, copies: int) -> None:
        self.kernel = kernel
        self._command = [str(program), str(copies), str(_SECONDS)]
        self._samples: list[float] = []

    def sample(self) -> None:
        """Run the program once."""
        result = subprocess.run(self._command, capture_output=True, text=True, check=True)
        self._samples.append(float(json.loads(result.stdout)[self.kernel]))

    @property
    def rate(self) -> float:
        """Steps per second that one core can do: the median sample."""
        return median(self._samples)


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
    program = _cache_folder() / f"limit-{key}"
    if not program.exists():
        _compile(compiler, program)
    return program


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say that a relative path is to be ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "puffer"


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
