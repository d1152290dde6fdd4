"""For tests that install packages: folders of their own to install into, and Python there."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import puffer

ROOT = Path(puffer.__file__).parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check")
# Nothing is fetched: what there is to install, and what builds it, is here already.
INSTALL = ("install", "-q", "--no-deps", "--no-index", "--no-build-isolation")


def run(*arguments, cwd, path=(), python=sys.executable, **environment):
    """Run Python, with `path` before what is installed; returns the finished process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "COLUMNS": "120", **environment}
    return subprocess.run(
        [str(python), *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def output(*arguments, **options):
    """What Python prints when all goes well."""
    result = run(*arguments, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def virtual_environment(folder, *paths):
    """Make a virtual environment that has what is on `paths`; returns its Python."""
    venv.create(folder, symlinks=True)
    variables = {"base": str(folder), "platbase": str(folder)}
    site_packages = Path(sysconfig.get_path("purelib", "posix_prefix", variables))
    (site_packages / "outside.pth").write_text("".join(f"{path}\n" for path in paths))
    return folder / "bin" / "python"


def installed():
    """Where the packages are that came with pip."""
    return sysconfig.get_path("purelib")
