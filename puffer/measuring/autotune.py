"""`autotune`: the settings of `make` that step an environment fastest on this machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from rich.markup import escape

import puffer
from puffer import checks
from puffer.measuring.stopwatch import Spread, interleave
from puffer.measuring.tables import console, digits, new_table, rate, rate_range

# How much faster larger settings must be, to be worth their memory and cores.
_GAIN = 1.05
# The copies to begin with, and the factor from one number of copies to the next.
_FIRST_COPIES, _GROWTH = 16, 4
# Slices of each of the two batches of a comparison.
_REPEATS = 7
# Batches of random actions, which a measured batch takes in turn.
_ACTION_BATCHES = 16

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

    The search begins with few copies in one thread of this process. It goes on to more copies, to threads or workers
    and to smaller batches for as long as each is at least 5 % faster. Actions are random, and no policy runs.

    Parameters
    ----------
    name : str
        One of `list_envs()`.
    num_envs : int, optional
        Copies, at least 1; by default several numbers are tried.
    max_envs : int
        The largest number of copies to try, at least 1.
    max_memory : int, optional
        Bytes that the batch and its workers may take, at least 1. Needs Linux and psutil.
    seconds : float
        To measure each of the settings for, 0.001 to 3600; making the copies takes extra time.
    **make_kwargs
        Other arguments of `make`. Those that would be tuned (num_threads for native environments; backend, num_workers
        and batch_size for others) keep the given values.

    Returns
    -------
    dict
        Keyword arguments for `puffer.make(name, ...)`: num_envs, the tuned ones, and make_kwargs.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type or value, or batch_size is given without num_envs.
    MemoryError
        The first settings already take more than max_memory.
    ImportError, NotImplementedError
        max_memory is given, and psutil is not installed, or this system is not Linux.

    Errors of `make` and of the environment are raised as they are.
    """
    max_envs = checks.integer("max_envs", max_envs, 1)
    seconds = checks.number("seconds", seconds, 0.001, 3600.0)
    measure_memory = None
    if max_memory is not None:
        max_memory = checks.integer("max_memory", max_memory, 1)
        measure_memory = _memory_meter()
    if num_envs is None and "batch_size" in make_kwargs:
        raise ValueError(f"batch_size = {make_kwargs['batch_size']!r} is a part of num_envs, which must be given too")
    copies = min(max_envs, _FIRST_COPIES) if num_envs is None else checks.integer("num_envs", num_envs, 1)
    search = _Search(_is_native(name, make_kwargs), make_kwargs, max_envs if num_envs is None else copies)
    with _Contest(name, seconds, max_memory, measure_memory) as contest:
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
    """Settings with their measurements.

    Attributes
    ----------
    settings : dict
    memory : int
        Bytes; 0 if there is no limit.
    rate : Spread or None
        Transitions per second; None for settings that take too much memory.
    """

    settings: Settings
    memory: int
    rate: Spread | None = None


class _Contest:
    """Measures settings one after the other, each against the best so far. As a context, it closes their batches."""

    def __init__(
        self, name: str, seconds: float, max_memory: int | None, measure_memory: Callable[[], int] | None
    ) -> None:
        self.entries: list[_Entry] = []
        self.best: _Entry
        self._name = name
        self._seconds = seconds
        self._max_memory = max_memory
        self._memory = measure_memory or (lambda: 0)
        self._champion: _Contender | None = None

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
                f"{settings['num_envs']} copies of {self._name} take {_mebibytes(entry.memory)}, more than "
                f"max_memory = {_mebibytes(self._max_memory)}"
            )
        (series,) = interleave([self._champion], self._seconds, _REPEATS)
        entry.rate = series.rate

    def challenge(self, settings: Settings) -> bool:
        """Measure settings against the best; whether they are the best now."""
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

    def _make(self, settings: Settings) -> _Contender:
        before = self._memory()
        env = puffer.make(self._name, **settings)
        try:
            batch = _Contender(env, _parts(settings))
            batch.run(1)
        except BaseException:
            env.close()
            raise
        self.entries.append(_Entry(settings, self._memory() - before))
        return batch

    def _is_too_large(self, entry: _Entry) -> bool:
        return self._max_memory is not None and entry.memory > self._max_memory

    def show(self) -> None:
        """Print the measurements, and the call of `make` with the best settings."""
        out = console()
        names = list(dict.fromkeys(key for entry in self.entries for key in entry.settings))
        table = new_table()
        for header in (*names, "steps/s", "min–max", *(["memory"] if self._max_memory is not None else [])):
            table.add_column(header, justify="right", no_wrap=True)
        for entry in self.entries:
            cells = [str(entry.settings.get(key, "")) for key in names]
            cells += ["", "too large"] if entry.rate is None else [rate(entry.rate.median), rate_range(entry.rate)]
            if self._max_memory is not None:
                cells.append(_mebibytes(entry.memory))
            table.add_row(*map(escape, cells), style="bold green" if entry is self.best else "")
        out.print(table)
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.best.settings.items())
        out.print(escape(f"puffer.make({self._name!r}, {arguments})"), style="bold", soft_wrap=True)


class _Search:
    """Chooses the settings to try next, for a native environment or one in Python; those that the caller fixed stay."""

    def __init__(self, native: bool, fixed: Settings, max_envs: int) -> None:
        self._native = native
        self._fixed = fixed
        self._max_envs = max_envs
        self._cores = checks.available_cores()

    def first(self, copies: int) -> Settings:
        """The settings to begin with, of `copies` copies."""
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
    """The number of parts of a batch."""
    return settings["num_envs"] // settings.get("batch_size", settings["num_envs"])


class _Contender:
    """An environment under the clock. While one part of a batch is handed over, the others are under way."""

    def __init__(self, env: puffer.VectorEnv, parts: int) -> None:
        env.reset(seed=0)
        self.rows = env.num_envs
        self.close = env.close
        self._env = env
        self._parts = parts
        self._actions = cycle(_random_actions(env, env.num_envs // parts))

    def run(self, steps: int) -> float:
        """Step every part `steps` times; returns the seconds of that. No part is under way before or after."""
        begin = time.perf_counter()
        if self._parts == 1:
            step = self._env.step
            for _ in range(steps):
                step(next(self._actions))
        else:
            self._step_parts(steps)
        return time.perf_counter() - begin

    def _step_parts(self, steps: int) -> None:
        env, actions = self._env, self._actions
        for _ in range(self._parts):
            env.send(next(actions))
        for _ in range((steps - 1) * self._parts):
            env.recv()
            env.send(next(actions))
        for _ in range(self._parts):
            env.recv()


def _random_actions(env: puffer.VectorEnv, rows: int) -> list[np.ndarray]:
    """Batches of random actions for a part of `rows` rows; all parts are alike."""
    layout = env.action_layout
    if layout.space == layout.flat_space:
        return [env.action_space.sample()[:rows] for _ in range(_ACTION_BATCHES)]
    # Some entries of a flat action must be whole numbers, which its space does not say.
    return [np.stack([layout.flatten(layout.space.sample()) for _ in range(rows)]) for _ in range(_ACTION_BATCHES)]


def _memory_meter() -> Callable[[], int]:
    """A function that returns the bytes of this process and its descendants. Shared memory is divided among them."""
    try:
        import psutil
    except ModuleNotFoundError:
        raise ImportError('max_memory needs psutil: pip install "puffer-envs[bench]"') from None
    this = psutil.Process()
    if not hasattr(this.memory_full_info(), "pss"):
        raise NotImplementedError("max_memory needs Linux, which tells the memory that processes share")

    def measure() -> int:
        total = 0
        for process in (this, *this.children(recursive=True)):
            # Any of them may end at any time.
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total

    return measure


def _mebibytes(memory: int | None) -> str:
    return f"{digits((memory or 0) / 2**20)} MiB"
