"""`python -m puffer.install NAME...`: install what systems of other authors need, and see which of them run here."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console

from puffer.measuring.tables import console, new_table
from puffer.systems.requirements import SYSTEMS, missing

_DESCRIPTION = """\
Install the packages of systems that puffer.make runs, for this Python. Packages whose metadata refuse versions that
they work with are installed without their dependencies, and these before them."""

# What this package allows, lest pip chooses something else for the sake of another one.
_OWN = ["numpy>=1.26,<3", "gymnasium>=1.2,<2"]

# Makes and steps an environment; prints what it has seen as JSON.
_TRIAL = """
import json, sys, time
import puffer
name = sys.argv[1]
env = puffer.make(name, num_envs=2, backend="serial", num_threads=1)
env.reset(seed=0)
steps, start = 0, time.perf_counter()
while steps < 20 or (time.perf_counter() - start < 1 and steps < 2000):
    env.step(env.action_space.sample())
    steps += 1
seconds = time.perf_counter() - start
env.close()
print(json.dumps({"rows": env.num_envs, "steps": steps, "seconds": seconds}))
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments, or those of the command line. Returns 1 if something could not be done, else 0."""
    parser = _parser()
    given = parser.parse_args(argv)
    for name in given.names:
        if name != "all" and name not in SYSTEMS:
            parser.error(f"there is no system {name!r}; there are {', '.join(SYSTEMS)}, and all")
    names = list(SYSTEMS) if not given.names or "all" in given.names else list(dict.fromkeys(given.names))
    if given.check:
        return _check(names, console())
    if not given.names:
        parser.error(f"name systems to install: all, or some of {', '.join(SYSTEMS)}")
    return _install(names, "all" in given.names, given.dry_run, console())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m puffer.install", description=_DESCRIPTION, allow_abbrev=False)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help=f"all, or {', '.join(SYSTEMS)}")
    add("--dry-run", action="store_true", help="only show the commands")
    add("--check", action="store_true", help="install nothing: make an environment of each system, step it, and report")
    return parser


# ---- Install ----


def _install(names: Sequence[str], is_all: bool, dry_run: bool, out: Console) -> int:
    obstacles = {name: _obstacle(name) for name in names}
    impossible = [problem for problem in obstacles.values() if problem]
    possible = [name for name, problem in obstacles.items() if not problem]
    failures = []
    for command in commands(possible):
        out.print(f"$ {shlex.join(command)}", style="bold", soft_wrap=True, markup=False)
        if not dry_run and subprocess.run(command).returncode != 0:
            failures.append(f"failed: {shlex.join(command)}")
    for name in possible:
        lacking = missing(name)
        for program, remedy in SYSTEMS[name].programs.items():
            if program in lacking:
                failures.append(f"{name} needs the program {program}, which pip cannot install: {remedy}")
    for problem in (*impossible, *failures):
        out.print(problem, style="red", soft_wrap=True, markup=False)
    # Who asks for all wants what can be had.
    return 1 if failures or (impossible and not is_all) else 0


def commands(names: Sequence[str]) -> list[list[str]]:
    """The commands that install these systems, for this Python."""
    systems = [SYSTEMS[name] for name in names]
    pip = [sys.executable, "-m", "pip", "install"]
    usual = _union(system.requirements for system in systems)
    bare = _union(system.bare_requirements for system in systems)
    builders = _union(system.builders for system in systems)
    result = []
    if usual or builders:
        result.append([*pip, *_OWN, *usual, *builders])
    # One by one: if one of them fails, the others are still installed.
    for requirement in bare:
        result.append([*pip, "--no-deps", "--ignore-requires-python", "--no-build-isolation", requirement])
    return result


def _union(lists: Any) -> list[str]:
    return list(dict.fromkeys(requirement for one in lists for requirement in one))


def _obstacle(name: str) -> str:
    """Why a system cannot be installed here; empty if it can."""
    system, running = SYSTEMS[name], sys.version_info[:2]
    if system.by_hand:
        return f"{name} is in no package that pip could install: {system.by_hand}"
    first, last = system.pythons
    if first <= running <= last:
        return ""
    span = f"{first[0]}.{first[1]} to {last[0]}.{last[1]}"
    return (
        f"{name} has packages for Python {span}, this is {running[0]}.{running[1]}: install them in an environment of "
        f"one of those, and name its interpreter in puffer.make(..., python=...)"
    )


# ---- Check ----


def _check(names: Sequence[str], out: Console) -> int:
    table = new_table()
    for header in ("system", "environment", "package", "runs", "steps/s"):
        table.add_column(header, justify="right" if header == "steps/s" else "left", no_wrap=header != "runs")
    worked = True
    for name in names:
        runs, speed = _tried(name)
        worked &= runs == "yes"
        style = "green" if runs == "yes" else "yellow"
        table.add_row(name, SYSTEMS[name].example, _version(name), f"[{style}]{runs}[/]", speed)
    out.print(table)
    return 0 if worked else 1


def _tried(name: str) -> tuple[str, str]:
    """Whether the example of a system runs, or why not; and its rows stepped each second."""
    system = SYSTEMS[name]
    lacking = missing(name)
    if lacking:
        return f"no {', '.join(lacking)}", ""
    # In a process of its own, which the package may change, or end.
    command = [sys.executable, "-c", _TRIAL, system.example]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "hangs", ""
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        return (said[-1] if said else f"exit status {done.returncode}"), ""
    seen = json.loads(done.stdout.splitlines()[-1])
    return "yes", f"{seen['rows'] * seen['steps'] / seen['seconds']:,.0f}"


def _version(name: str) -> str:
    """The package of a system, with its version if it is installed."""
    system = SYSTEMS[name]
    package = re.split(r"[^\w.-]", [*system.bare_requirements, *system.requirements, ""][0])[0]
    try:
        return f"{package} {version(package)}" if package else ""
    except PackageNotFoundError:
        return package


if __name__ == "__main__":
    sys.exit(main())
