"""The plan of a run: the environments, their numbers of copies and threads, and the time for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import puffer
from puffer.bench import contenders

DEFAULT_ENVS = ("ocean-catch", "ocean-squared", "ocean-cartpole", "ocean-snake", "ocean-pong", "gym-CartPole-v1")
DEFAULT_COPIES = (1, 64, 1024, 4096)
DEFAULT_THREADS = (1, 2)

# The default run takes about two minutes, part of which goes into making the batches, the limit and the figures.
_BUDGET_SECONDS = 80.0
_LONGEST_SECONDS = 2.0


@dataclass(frozen=True)
class Case:
    """One line of the table: an environment with a number of copies, stepped by a number of threads.

    Attributes
    ----------
    env : str
        A name or path that `puffer.make` takes, or "module:attribute" of a class or function that makes one copy, for
        `puffer.emulate`.
    copies : int
    threads : int
        For environments written in Python, worker processes; 1 is this process.
    """

    env: str
    copies: int
    threads: int


def cases(envs: Iterable[str], copies: Iterable[int], threads: Iterable[int]) -> list[Case]:
    """Every combination, each once, with at most as many threads as copies."""
    threads = list(threads)
    every = [Case(env, n, min(t, n)) for env in envs for n in copies for t in threads]
    return list(dict.fromkeys(every))


def seconds_per_case(count: int) -> float:
    """The time for each of `count` cases, in seconds, unless the user chooses another."""
    return min(_LONGEST_SECONDS, _BUDGET_SECONDS / max(1, count))


def usable(names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The full names of the environments that can be made here; and the reasons against the others, by name."""
    full_names, reasons = [], {}
    known = set(puffer.list_envs())
    for name in names:
        try:
            contenders.make({"system": "puffer", "id": name, "num_envs": 1, "num_threads": 1}).close()
        except Exception as error:  # an environment of a third party may raise anything
            reasons[name] = one_line(error)
        else:
            full_names.append(name if name in known or f"ocean-{name}" not in known else f"ocean-{name}")
    return full_names, reasons


def one_line(error: BaseException) -> str:
    """The message of an error, on one line; its type's name if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
