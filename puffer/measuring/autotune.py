"""`autotune`: the settings of `make` that step an environment fastest on this machine."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.markup import escape

import puffer
from puffer import checks
from puffer.measuring.contenders import Contender, action_batches
from puffer.measuring.stopwatch import Spread, interleave
from puffer.measuring.tables import console, digits, new_table, rate, rate_range

# How much faster larger settings must be, to be worth their memory and cores.
_GAIN = 1.05
# The copies to begin with, and how many times as many come next.
_FIRST_COPIES, _GROWTH = 16, 4
# Slices of each contender of a comparison.
_REPEATS = 7

Settings = dict[str, Any]


def autotune(
    name: str,
    num_envs: int | None = None,
    *,
    max_envs: int = 4096,
    max_memory: int | None = None,
    seconds: float = 1.0,
    **make_kwargs: Any,
) -> Settings:
    """Measure which settings step an environment fastest, print them, and return the best.

    Begins with few copies in one thread of this process, and goes on to more copies, threads or workers and to smaller
    batches as long as they are at least 5 % faster. Actions are random, and no policy runs beside the environment.

    Parameters
    ----------
    name : str
        One of `list_envs()`.
    num_envs : int, optional
        Copies; by default several numbers are tried.
    max_envs : int
        Copies to try at most.
    max_memory : int, optional
        Bytes that the batch and its workers may take at most (Linux only).
    seconds : float
        To measure each of the settings for; making the copies comes on top.
    **make_kwargs
        Other arguments of `make`. Those of them that would be tuned (num_threads for native environments; backend,
        num_workers and batch_size for others) stay as they are given.

    Returns
    -------
    dict
        Keyword arguments for `puffer.make(name, ...)`: num_envs, what was tuned, and make_kwargs.

    Raises what `make` raises for a wrong name or argument, what the environment raises, and MemoryError if already the
    first settings take more than max_memory.
    """
    max_envs = checks.integer("max_envs", max_envs, 1)
    seconds = checks.number("seconds", seconds, 0.001, 3600.0)
    if max_memory is not None:
        max_memory = checks.integer("max_memory", max_memory, 1)
        _memory()
    if num_envs is None and "batch_size" in make_kwargs:
        raise ValueError(f"batch_size = {make_kwargs['batch_size']!r} is a part of num_envs, which must be given too")
    copies = min(max_envs, _FIRST_COPIES) if num_envs is None else checks.integer("num_envs", num_envs, 1)
    search = _Search(_is_native(name, make_kwargs), make_kwargs, max_envs if num_envs is None else copies)
    with _Contest(name, seconds, max_memory) as contest:
        contest.begin(search.first(copies))
        while any(contest.challenge(settings) for settings in search.larger(contest.best.settings)):
            pass
        contest.show()
        return contest.best.settings


def _is_native(name: str, make_kwargs: Settings) -> bool:
    own = {key: value for key, value in make_kwargs.items() if key not in ("backend", "num_workers", "batch_size")}
    env = puffer.make(name, 1, backend="serial", **own)
    env.close()
    return env.unwrapped.native_env is not None


@dataclass
class _Entry:
    """Settings, and what was measured with them: transitions per second, or nothing if they take too much memory."""

    settings: Settings
    memory: int
    rate: Spread | None = None


class _Contest:
    """Settings measured one after the other, each against the best before. As a context, it closes their batches."""

    def __init__(self, name: str, seconds: float, max_memory: int | None) -> None:
        self.entries: list[_Entry] = []
        self.best: _Entry
        self._name = name
        self._seconds = seconds
        self._max_memory = max_memory
        self._champion: Contender | _Parts | None = None

    def __enter__(self) -> _Contest:
        return self

    def __exit__(self, *_: object) -> None:
        if self._champion is not None:
            self._champion.close()

    def begin(self, settings: Settings) -> None:
        """Measure the first settings."""
        self._champion = self._make(settings)
        entry = self.best = self.entries[-1]
        if self._is_too_large(entry):
            raise MemoryError(
                f"{settings['num_envs']} copies of {self._name} take {_text(entry.memory)}, more than max_memory = "
                f"{_text(self._max_memory)}"
            )
        entry.rate = interleave([self._champion], self._seconds, _REPEATS)[0].rate

    def challenge(self, settings: Settings) -> bool:
        """Measure settings beside the best; whether they are the best now."""
        if any(entry.settings == settings for entry in self.entries):
            return False
        assert self._champion is not None
        challenger = self._make(settings)
        entry = self.entries[-1]
        loser = challenger
        try:
            if self._is_too_large(entry):
                return False
            mine, best = interleave([challenger, self._champion], 2 * self._seconds, _REPEATS)
            entry.rate = mine.rate
            if mine.ratio(best).median < _GAIN:
                return False
            loser, self._champion, self.best = self._champion, challenger, entry
            return True
        finally:
            loser.close()

    def _make(self, settings: Settings) -> Contender | _Parts:
        before = 0 if self._max_memory is None else _memory()
        env = puffer.make(self._name, **settings)
        try:
            contender = _contender(env, _parts(settings))
            contender.run(1)
        except BaseException:
            env.close()
            raise
        self.entries.append(_Entry(settings, 0 if self._max_memory is None else _memory() - before))
        return contender

    def _is_too_large(self, entry: _Entry) -> bool:
        return self._max_memory is not None and entry.memory > self._max_memory

    def show(self) -> None:
        """Print what was measured, and the call of `make` with the best settings."""
        out = console()
        names = list(dict.fromkeys(key for entry in self.entries for key in entry.settings))
        table = new_table()
        for header in (*names, "steps/s", "min–max", *(["memory"] if self._max_memory is not None else [])):
            table.add_column(header, justify="right", no_wrap=True)
        for entry in self.entries:
            cells = [str(entry.settings.get(key, "")) for key in names]
            cells += ["", "too large"] if entry.rate is None else [rate(entry.rate.median), rate_range(entry.rate)]
            if self._max_memory is not None:
                cells.append(_text(entry.memory))
            table.add_row(*map(escape, cells), style="bold green" if entry is self.best else "")
        out.print(table)
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.best.settings.items())
        out.print(escape(f"puffer.make({self._name!r}, {arguments})"), style="bold", soft_wrap=True)


class _Search:
    """Which settings come next, for a native environment or one in Python; what the caller has fixed stays."""

    def __init__(self, native: bool, fixed: Settings, max_envs: int) -> None:
        self._native = native
        self._fixed = fixed
        self._max_envs = max_envs
        self._cores = checks.available_cores()

    def first(self, copies: int) -> Settings:
        """The settings to begin with, of so many copies."""
        if self._native:
            tuned: Settings = {"num_threads": 1}
        else:
            needs_workers = "num_workers" in self._fixed or self._fixed.get("backend", "serial") != "serial"
            parts = _parts({"num_envs": copies, **self._fixed})
            tuned = self._workers(copies, parts) if needs_workers else {"backend": "serial"}
        return {"num_envs": copies, **tuned, **self._fixed}

    def _workers(self, copies: int, parts: int) -> Settings:
        return {"backend": "process", "num_workers": parts * max(1, min(self._cores, copies) // parts)}

    def larger(self, settings: Settings) -> Iterator[Settings]:
        """Settings that go further than these in one way."""
        for change in self._native_changes(settings) if self._native else self._python_changes(settings):
            if not change.keys() & self._fixed.keys():
                yield {**settings, **change}
        copies = min(_GROWTH * settings["num_envs"], self._max_envs)
        if copies > settings["num_envs"]:
            parts = _parts(settings)
            size = {"batch_size": copies // parts} if parts > 1 else {}
            yield {**settings, "num_envs": copies - copies % parts, **size}

    def _native_changes(self, settings: Settings) -> Iterator[Settings]:
        threads = min(2 * settings["num_threads"], self._cores, settings["num_envs"])
        if threads > settings["num_threads"]:
            yield {"num_threads": threads}

    def _python_changes(self, settings: Settings) -> Iterator[Settings]:
        copies, parts = settings["num_envs"], _parts(settings)
        if settings["backend"] == "serial":
            if copies > 1:
                yield self._workers(copies, parts)
            return
        workers = settings["num_workers"]
        if 2 * workers <= copies:
            yield {"num_workers": 2 * workers}
        if workers % (2 * parts) == 0 and copies % (2 * parts) == 0:
            yield {"batch_size": copies // (2 * parts)}


def _parts(settings: Settings) -> int:
    """Stretches of the batch that are sent and received together."""
    return settings["num_envs"] // settings.get("batch_size", settings["num_envs"])


class _Parts:
    """A batch of several parts under the clock: while one is handed over, the others are under way."""

    def __init__(self, env: puffer.VectorEnv, parts: int) -> None:
        env.reset(seed=0)
        self.rows = env.num_envs
        self.close = env.close
        self._env = env
        self._parts = parts
        self._actions = cycle(action_batches(env.single_action_space, env.num_envs // parts))

    def run(self, steps: int) -> float:
        """Step every part `steps` times; returns the seconds that took. No part is under way before or after."""
        env, actions = self._env, self._actions
        begin = time.perf_counter()
        for _ in range(self._parts):
            env.send(next(actions))
        for _ in range((steps - 1) * self._parts):
            env.recv()
            env.send(next(actions))
        for _ in range(self._parts):
            env.recv()
        return time.perf_counter() - begin


def _contender(env: puffer.VectorEnv, parts: int) -> Contender | _Parts:
    """A batch that is reset and ready to run."""
    if parts > 1:
        return _Parts(env, parts)
    env.reset(seed=0)
    return Contender(env.step, action_batches(env.single_action_space, env.num_envs), env.num_envs, env.close)


def _memory() -> int:
    """Bytes that this process and those it has started take; memory that several share is shared out among them."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise NotImplementedError("max_memory needs Linux, whose /proc tells what processes take")
    total, processes = 0, [os.getpid()]
    for process in processes:
        folder = Path(f"/proc/{process}")
        # Any of them may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = (folder / "smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
            for task in (folder / "task").iterdir():
                processes += map(int, (task / "children").read_text().split())
    return 1024 * total


def _text(memory: int | None) -> str:
    return f"{digits((memory or 0) / 2**20)} MiB"
