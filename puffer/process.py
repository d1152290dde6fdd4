"""The process backend: Python environments in worker processes, over one block of shared memory."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from puffer._channel import raise_counter, value_of, wait_for_change
from puffer.backend import Creator
from puffer.errors import describe_end
from puffer.process_worker import ANSWERED, COMMAND, FOLLOWS, OPERATION
from puffer.remote_worker import RemoteWorker
from puffer.shared import LINE, Block, BlockShape
from puffer.worker import RENDER, RESET
from puffer.worker_backend import GLANCE, WorkerBackend

# How long parent and workers look for each other before they sleep, in seconds: longer than being woken takes.
LOOK = 0.0002


class _Process(RemoteWorker):
    """A worker process, seen from the parent."""

    def __init__(self, index: int, copies: range, creator: bytes) -> None:
        super().__init__(index, copies)
        self.line = (index + 1) * LINE
        # The value of the worker's command counter.
        self.commands = 0
        ours, theirs = socket.socketpair()
        # The worker ends when it can read from here, which is when the parent is gone.
        lifeline, self._lifeline = os.pipe()
        arguments = [str(theirs.fileno()), str(lifeline), str(os.getpid())]
        # Inherited: a Ctrl-C is not for the worker, not even before it can say so.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _program(), *arguments],
                pass_fds=(theirs.fileno(), lifeline),
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
            os.close(lifeline)
        self.link = ours
        self.connection = Connection(os.dup(ours.fileno()))
        self.send((creator, copies))

    def send(self, message: Any) -> None:
        """Send over the socket. If the worker has died, that is noticed when its answer is awaited."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickle.dumps(message))

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def describe_end(self) -> str:
        # It may have hung up and be about to end by itself, with a status of its own.
        self.leave(time.monotonic() + 1.0)
        return describe_end(self.process.returncode)

    def leave(self, deadline: float) -> None:
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def release(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
            self.connection.close()
            self.link.close()


def _program() -> str:
    """What a worker's interpreter runs: it finds modules where this process does, and not in the current folder."""
    path = [*sys.path, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    return f"import sys; sys.path[:] = {path!r}; from puffer.process_worker import main; main()"


def _environment() -> dict[str, str]:
    """The workers' environment: each is one of many, so numeric libraries get one thread unless the user chose."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {**dict.fromkeys(names, "1"), **os.environ}


class ProcessBackend(WorkerBackend):
    """Copies made by `creator`, stepped by `num_workers` processes.

    Takes the options of `WorkerBackend`, but for `buf`.
    """

    def __init__(self, creator: Creator, num_envs: int, **options: Any) -> None:
        if options.get("buf") is not None:
            raise ValueError("buf cannot be given with processes: their batch lives in shared memory")
        self._block: Block | None = None
        super().__init__(creator, num_envs, **options)

    def _new_worker(self, index: int, copies: range) -> _Process:
        return _Process(index, copies, self._creator)

    def _prepare_memory(self) -> None:
        observation, action = self.single_observation_space, self._reader
        self._block = Block(
            BlockShape(
                self.num_workers,
                self.num_copies,
                self.agents_per_env,
                observation.shape,
                observation.dtype,
                action.shape,
                action.dtype,
            )
        )
        self.buffers = self._block.buffers(slice(0, self.num_copies))
        self._counters = self._block.arrays["counters"]
        self._keep_books(self._block.books())

    def _introduce(self, process: _Process) -> None:
        assert self._block is not None
        self._counters[process.line : process.line + LINE] = 0
        process.send((self._block.shape, process.index, self._settings, LOOK))
        with contextlib.suppress(OSError):
            socket.send_fds(process.link, [b"b"], [self._block.descriptor])

    def _send(self, process: _Process, operation: int, argument: Any) -> None:
        self._counters[process.line + OPERATION] = operation
        process.commands = (process.commands + 1) % 2**32
        raise_counter(self._counters, process.line + COMMAND)
        if operation in (RESET, RENDER):
            # After the command, so that a worker reads what may be more than fits between the two.
            process.send(argument)

    def _has_answered(self, process: _Process) -> bool:
        return value_of(self._counters, process.line + ANSWERED) == process.commands

    def _mark(self) -> int:
        return value_of(self._counters, 0)

    def _wait_for_answer(self, mark: int, waiting: Sequence[_Process]) -> bool:
        return wait_for_change(self._counters, 0, mark, GLANCE, LOOK) != mark

    def _message(self, process: _Process, deadline: float) -> bytes | None:
        if process in self._introduced and not self._counters[process.line + FOLLOWS]:
            return None
        try:
            while not process.connection.poll(min(GLANCE, max(0.0, deadline - time.monotonic()))):
                if process.has_ended() and not process.connection.poll(0):
                    raise self._died(process)
                if time.monotonic() > deadline:
                    raise self._hung(process)
            return process.connection.recv_bytes()
        except (EOFError, OSError):
            raise self._died(process) from None
        except BaseException:
            # By Ctrl-C, with an unknown part of the message read.
            process.kill()
            raise

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            if self._block is not None:
                self._block.close()
