"""What a run measures: which environments, with how many copies and threads, for how long."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import puffer
from puffer.measuring import contenders

DEFAULT_ENVS = ("ocean-catch", "ocean-squared", "ocean-cartpole", "ocean-snake", "ocean-pong", "gym-CartPole-v1")
DEFAULT_COPIES = (1, 64, 1024, 4096)
DEFAULT_THREADS = (1, 2)

# The default run takes about two minutes, of which making the batches, the limit and the figures take a part.
_BUDGET_SECONDS = 80.0
_LONGEST_SECONDS = 2.0


@dataclass(frozen=True)
class Case:
    """One line of the table: an environment with so many copies, stepped by so many threads.

    `env` is a name or path that `puffer.make` takes, or "module:attribute" of what makes one copy for `puffer.emulate`.
    Environments written in Python are stepped by as many worker processes; 1 means in this process.
    """

    env: str
    copies: int
    threads: int


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cases(envs: Iterable[str], copies: Iterable[int], threads: Iterable[int]) -> list[Case]:
    """Every combination. More threads than copies are as many threads as copies."""
    threads = list(threads)
    every = [Case(env, n, min(t, n)) for env in envs for n in copies for t in threads]
    return list(dict.fromkeys(every))


def seconds_per_case(count: int) -> float:
    """How long to measure each of `count` cases, when the user has not said."""
    return min(_LONGEST_SECONDS, _BUDGET_SECONDS / max(1, count))


def usable(names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The full names of the environments that can be made here; and by name, why the others cannot."""
    full_names, reasons = [], {}
    known = set(puffer.list_envs())
    for name in names:
        try:
            contenders.make({"system": "puffer", "id": name, "num_envs": 1, "num_threads": 1}).close()
        except Exception as error:  # whatever a third party's environment raises
            reasons[name] = one_line(error)
        else:
            full_names.append(name if name in known or f"ocean-{name}" not in known else f"ocean-{name}")
    return full_names, reasons


def one_line(error: BaseException) -> str:
    """The message of an error, on one line; its type's name if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
