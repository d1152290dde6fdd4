"""A separate process for calls that may crash or hang, and with them the program."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

from puffer.errors import describe_end

NO_ANSWER = "no answer within {:.0f} seconds"


@contextlib.contextmanager
def another_process(function: Callable[..., None], plan: bytes) -> Iterator[Callable[[float], tuple[Any, str]]]:
    """Context in which a new process runs a function of a module; it ends with the context.

    Parameters
    ----------
    function : callable
        Called there with a function that sends an object, and with the plan.
    plan : bytes

    Yields
    ------
    callable
        Of the seconds to wait: the next object that was sent and "", or None and the reason why none comes.
    """
    ours, theirs = Pipe(duplex=False)
    call = f"apart.main({theirs.fileno()}, {function.__module__!r}, {function.__name__!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path}; from puffer.checking import apart; {call}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    assert process.stdin is not None

    def receive(seconds: float) -> tuple[Any, str]:
        try:
            if ours.poll(seconds):
                return pickle.loads(ours.recv_bytes()), ""
        except EOFError:
            return None, f"the process {describe_end(process.wait())}"
        return None, NO_ANSWER.format(seconds)

    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(plan)
        yield receive
    finally:
        process.kill()
        process.wait()
        ours.close()


def main(descriptor: int, module: str, name: str) -> None:
    """Run a function with the plan in standard input; what it sends goes to the descriptor."""
    results = Connection(descriptor, readable=False)
    function = getattr(importlib.import_module(module), name)
    function(lambda value: results.send_bytes(pickle.dumps(value)), sys.stdin.buffer.read())
    # Skip the end of the interpreter, which may wait for ever.
    os._exit(0)
