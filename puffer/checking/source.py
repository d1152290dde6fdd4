"""The first check of the path of a `.pyx` file: random play of a build with checks, in a process that may crash."""

from __future__ import annotations

import linecache
import os
import pickle
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from puffer.authoring.loading import load_pyx
from puffer.checking import native
from puffer.checking.apart import NO_ANSWER, another_process
from puffer.checking.driver import SHORT
from puffer.checking.report import Report
from puffer.native.canaries import Canaries

# Seconds that the process may take to begin, and then for each call.
_START = 120.0
_PATIENCE = 60.0
# An index that is wrong by a few rows is outside of few copies, and one of a fixed array outside of many.
_MANY = 128
_INDEX = "keep every index inside its view, divide by no zero, and set every view before the first reset"
_CRASH = (
    "look at what no build checks, indices behind a pointer, in an array of C and in C code: "
    "python -m puffer.sanitize {} prints the line of the first that is wrong"
)
_HANG = "look for a loop that does not end"


def indices(path: str, report: Report, steps: int, seed: int) -> None:
    """Every index into a view lies inside it, nothing crashes, and every call returns."""
    # Here, so that a terminal shows it, and for its errors.
    load_pyx(path, debug=True)
    where, seconds = "the first call", _START
    with another_process(play_source, pickle.dumps((os.fspath(path), steps, seed))) as receive:
        while True:
            message, failure = receive(seconds)
            if message is None:
                report.problem(
                    f"{where}: {failure}", _HANG if failure == NO_ANSWER.format(seconds) else _CRASH.format(path)
                )
                return
            where, problem = message
            seconds = _PATIENCE
            if problem:
                report.problem(*problem)
            if problem or not where:
                return


def play_source(send: Callable[[Any], None], plan: bytes) -> None:
    """Reset, step and draw. Send each call before it is made, with None, or the problem that ends it with an advice."""
    path, steps, seed = pickle.loads(plan)
    cls = load_pyx(path, debug=True)
    try:
        for copies, count in ((native.COPIES, steps), (_MANY, min(steps, SHORT))):
            with closing(native.Maker(cls)(copies)) as env:
                problem = _play(
                    env, count, seed, lambda call, copies=copies: send((f"{call} of {copies} copies", None))
                )
                if problem:
                    send((path, problem))
                    return
    except (IndexError, RuntimeError) as error:
        send((path, (_text(error, path), _INDEX)))
    except Exception:
        # The other checks report it.
        send(("", None))
    else:
        send(("", None))


def _play(env: Any, steps: int, seed: int, at: Callable[[str], None]) -> tuple[str, str] | None:
    canaries = Canaries(env.native_env)
    env.action_space.seed(seed)
    at(f"reset(seed={seed})")
    env.reset(seed=seed)
    # From now on every call writes them.
    _ = env.action_masks
    for step in range(steps):
        at(f"step {step + 1}")
        env.step(env.action_space.sample())
        for damage in canaries.damages():
            return f"step {step + 1} wrote to {damage}", native.OUTSIDE
    for mode, draw in (("rgb_array", env.render_copy), ("ansi", env.ansi_copy)):
        at(f"a picture ({mode})")
        with suppress(NotImplementedError):
            draw(0)
    return None


def _text(error: Exception, path: str) -> str:
    """An exception, with its line in a method that may raise; that of another method is in the message."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if os.path.basename(last.filename) != os.path.basename(path):
        return str(error)
    method, line = ".".join(last.name.split(".")[-2:]), linecache.getline(path, last.lineno or 0).strip()
    return f"{error}, in {method}() of copy 0, {os.path.basename(path)}, line {last.lineno}: {line}"
