"""The process backend: Python environments in worker processes, over one block of shared memory."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from puffer.backends.channel import first_repeated, raise_counters, value_of, wait_for_change
from puffer.backends.local_workers import LocalBackend, LocalWorker, single_threaded
from puffer.backends.shared import LINE
from puffer.backends.worker.commands import RENDER, RESET, STEP
from puffer.backends.worker.process import ANSWERED, COMMAND, CORE, FOLLOWS, OPERATION
from puffer.backends.workers import GLANCE

# How long parent and workers look for each other before they sleep, in seconds: longer than being woken takes.
LOOK = 0.0005
# The least time between two moves of workers to other cores, in seconds.
MOVE_INTERVAL = 0.005


class _Process(LocalWorker):
    """A worker process with this interpreter, seen from the parent."""

    def __init__(self, index: int, copies: range, creator: bytes) -> None:
        super().__init__(index, copies, [sys.executable, "-c", _program()], single_threaded(os.environ))
        self._connection = Connection(os.dup(self.link.fileno()))
        self.line = (index + 1) * LINE
        # The value of the worker's command counter.
        self.commands = 0
        self.send((creator, copies))

    def send(self, message: Any) -> None:
        """Send over the socket. If the worker has died, that is noticed when its answer is awaited."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(pickle.dumps(message))

    def listen(self, seconds: float) -> bool:
        return self._connection.poll(seconds)

    def receive(self) -> bytes:
        return self._connection.recv_bytes()

    def release(self) -> None:
        super().release()
        self._connection.close()


def _program() -> str:
    """What a worker's interpreter runs: it finds modules where this process does, and not in the current folder."""
    path = [*sys.path, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    return f"import sys; sys.path[:] = {path!r}; from puffer.backends.worker.process import main; main()"


class ProcessBackend(LocalBackend):
    """Copies made by `creator`, stepped by `num_workers` processes.

    Takes the options of `WorkerBackend`, but for `buf`.
    """

    # When the next worker may be moved.
    _next_move = 0.0

    def _new_worker(self, index: int, copies: range) -> _Process:
        return _Process(index, copies, self._creator)

    def _prepare_memory(self) -> None:
        super()._prepare_memory()
        assert self._block is not None
        self._counters = self._block.arrays["counters"]

    def _introduce(self, process: _Process) -> None:
        assert self._block is not None
        self._counters[process.line : process.line + LINE] = 0
        process.send((self._block.shape, process.index, self._settings, LOOK))
        process.send_descriptor(self._block.descriptor)

    def _send(self, process: _Process, operation: int, argument: Any) -> None:
        self._prepare_command(process, operation)
        raise_counters(self._counters, process.line + COMMAND)
        if operation in (RESET, RENDER):
            # After the command, so that a worker reads what may be more than fits between the two.
            process.send(argument)

    def _send_step(self, processes: Sequence[_Process]) -> None:
        for process in processes:
            self._prepare_command(process, STEP)
        self._part_ways(processes)
        # Neighbours, whose lines follow each other.
        raise_counters(self._counters, processes[0].line + COMMAND, len(processes), LINE)

    def _part_ways(self, processes: Sequence[_Process]) -> None:
        """Move a worker that shares its core with another one of these, if there is a core without any.

        The system leaves them there for long, since they hardly ever sleep, and one then waits for the other.
        """
        place = first_repeated(self._counters, processes[0].line + CORE, len(processes), LINE)
        if place < 0 or time.monotonic() < self._next_move:
            return
        self._next_move = time.monotonic() + MOVE_INTERVAL
        worker = processes[place].process.pid
        with contextlib.suppress(OSError):
            allowed = os.sched_getaffinity(worker)
            free = allowed - {int(core) - 1 for core in self._counters[LINE + CORE :: LINE]}
            if free:
                os.sched_setaffinity(worker, free)
                os.sched_setaffinity(worker, allowed)

    def _prepare_command(self, process: _Process, operation: int) -> None:
        self._counters[process.line + OPERATION] = operation
        process.commands = (process.commands + 1) % 2**32

    def _has_answered(self, process: _Process) -> bool:
        return value_of(self._counters, process.line + ANSWERED) == process.commands

    def _mark(self) -> int:
        return value_of(self._counters, 0)

    def _wait_for_answer(self, mark: int, waiting: Sequence[_Process]) -> bool:
        return wait_for_change(self._counters, 0, mark, GLANCE, LOOK) != mark

    def _message(self, process: _Process, deadline: float) -> bytes | None:
        if process in self._introduced and not self._counters[process.line + FOLLOWS]:
            return None
        return self._received(process, deadline)
