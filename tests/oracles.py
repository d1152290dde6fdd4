"""Packages beside which the tests play, and which nothing else may import: `make oracles` puts them into a folder."""

import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

FOLDER = os.environ.get("PUFFER_ORACLES") or str(Path(__file__).parents[1] / "build" / "oracles")


def missing(*packages):
    """The reason to skip what needs these packages, or None if they are here."""
    absent = [name for name in packages if PathFinder.find_spec(name, [FOLDER, *sys.path]) is None]
    return f"{', '.join(absent)} cannot be imported: make oracles" if absent else None


def needs(*packages):
    """A mark of tests that need these packages."""
    reason = missing(*packages)
    return pytest.mark.skipif(reason is not None, reason=str(reason))


def run_beside(script, *files):
    """Run a script of this folder's in a process that finds the packages."""
    path = os.pathsep.join([FOLDER, os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, script, *files], check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path}
    )
