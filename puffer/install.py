"""`python -m puffer.install NAME...`: install the packages of other authors' systems, and see which of these work."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from rich.console import Console
from rich.markup import escape

from puffer.measuring.tables import console, new_table
from puffer.programs import FAILED, Parser, one_of, run
from puffer.systems.requirements import SYSTEMS, missing, outdated

_DESCRIPTION = """\
Install the packages of systems that puffer.make runs, for this Python. Some packages refuse versions of their
dependencies that they work with; they are installed without dependencies, after the dependencies themselves."""

# Makes an environment and steps it for some seconds; prints its speed as JSON.
_TRIAL = """
import json, sys, time
import puffer
name, seconds = sys.argv[1], float(sys.argv[2])
env = puffer.make(name, num_envs=2, backend="serial", num_threads=1)
env.reset(seed=0)
steps, start, taken = 0, time.perf_counter(), 0.0
# The first steps may be slower than others, so there are 20 of them unless they take long.
while steps == 0 or (steps < 20 and taken < 20 * seconds) or (steps < 2000 and taken < seconds):
    env.step(env.action_space.sample())
    steps += 1
    taken = time.perf_counter() - start
    # A line for each step: whoever loses patience knows whether it hangs or is slow.
    print(json.dumps({"rows_per_second": env.num_envs * steps / taken}), flush=True)
env.close()
"""
_TRIAL_SECONDS = 1.0
# Seconds after which a trial counts as hung.
_PATIENCE = 300


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`. Returns FAILED if something could not be done, else 0.

    A check fails for systems that do not work and could, not for those that this Python cannot have.
    """
    parser = _parser()
    given = parser.parse_args(argv)
    names = list(SYSTEMS) if not given.names or "all" in given.names else list(dict.fromkeys(given.names))
    if given.check:
        return _check(names, console())
    if not given.names:
        parser.error(f"name the systems to install: all, or some of {', '.join(SYSTEMS)}")
    return _install(names, "all" in given.names, given.dry_run, console())


def _parser() -> Parser:
    parser = Parser("python -m puffer.install", _DESCRIPTION)
    add = parser.add_argument
    add(
        "names",
        nargs="*",
        metavar="NAME",
        type=one_of("system", [*SYSTEMS, "all"]),
        help=f"all, or {', '.join(SYSTEMS)}",
    )
    add("--dry-run", action="store_true", help="only print the commands")
    add(
        "--check",
        action="store_true",
        help="install nothing; make an environment of each system, step it, and print which systems work (default: "
        "all of them)",
    )
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
    # "all" means all that this machine can have.
    return FAILED if failures or (impossible and not is_all) else 0


def commands(names: Sequence[str]) -> list[list[str]]:
    """The commands that install these systems, for this Python."""
    systems = [SYSTEMS[name] for name in names]
    pip = [sys.executable, "-m", "pip", "install"]
    usual = _union(requirements for system in systems for requirements in (system.requirements, system.builders))
    result = []
    if usual:
        result.append([*pip, *_own_requirements(), *usual])
    # One by one: if one of them fails, the others are still installed.
    for requirement in _union(system.bare_requirements for system in systems):
        result.append([*pip, "--no-deps", "--ignore-requires-python", "--no-build-isolation", requirement])
    return result


def _own_requirements() -> list[str]:
    """The requirements of puffer, so that pip keeps to them; none if puffer is not installed but only in the path."""
    try:
        return [requirement for requirement in requires("puffer-envs") or () if "extra ==" not in requirement]
    except PackageNotFoundError:
        return []


def _union(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(requirement for one in lists for requirement in one))


def _obstacle(name: str) -> str:
    """The reason why a system cannot be installed here; empty if it can."""
    system, running = SYSTEMS[name], sys.version_info[:2]
    if system.by_hand:
        return f"{name} has no package for pip: {system.by_hand}"
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
    for header in ("system", "environment", "package", "works", "steps/s"):
        table.add_column(header, justify="right" if header == "steps/s" else "left", no_wrap=header != "works")
    status = 0
    for name in names:
        problem, speed = _tried(name)
        works = f"[yellow]{escape(problem)}[/]" if problem else "[green]yes[/]"
        # What cannot be had here is not a failure.
        status = FAILED if problem and not (missing(name) and _obstacle(name)) else status
        table.add_row(name, SYSTEMS[name].example, _version(name), works, speed)
    out.print(table)
    return status


def _tried(name: str) -> tuple[str, str]:
    """The reason why the example of a system does not run, empty if it does; and its rows stepped per second."""
    system = SYSTEMS[name]
    lacking = missing(name)
    if lacking:
        remedies = [f": {system.programs[program]}" for program in lacking if program in system.programs]
        # What pip cannot do has the remedy of its own, or none for this Python.
        is_for_pip = len(remedies) < len(lacking) and not _obstacle(name)
        line = f": python -m puffer.install {name}" if is_for_pip else ""
        return f"no {', '.join(lacking)}{''.join(remedies)}{line}", ""
    old = outdated(name)
    if old:
        return f"too old: {', '.join(old)}; python -m puffer.install {name}", ""
    # In a process of its own, which the package may change or end.
    command = [sys.executable, "-c", _TRIAL, system.example, str(_TRIAL_SECONDS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired as late:
        # The output is bytes here.
        speed = _speed((late.stdout or b"").decode(errors="replace"))
        return (f"slow: steps, but does not end in {_PATIENCE} s" if speed else f"no step in {_PATIENCE} s"), speed
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return (lines[-1] if lines else f"exit status {done.returncode}"), ""
    return "", _speed(done.stdout)


def _speed(output: str) -> str:
    """The last speed that a trial has printed, among lines of the package; empty if there is none."""
    for line in reversed(output.splitlines()):
        # The last line may be half a line.
        if line.startswith('{"rows_per_second": ') and line.endswith("}"):
            speed = json.loads(line)["rows_per_second"]
            return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"
    return ""


def _version(name: str) -> str:
    """The package of a system, with its version if it is installed."""
    system = SYSTEMS[name]
    package = re.split(r"[^\w.-]", [*system.bare_requirements, *system.requirements, ""][0])[0]
    try:
        return f"{package} {version(package)}" if package else ""
    except PackageNotFoundError:
        return package


if __name__ == "__main__":
    run(main)
