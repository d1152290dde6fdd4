"""The parent's end of a fork server, which forks the workers of a batch; see `puffer.backends.worker.fork_server`."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence

from puffer.backends.links.worker_process import WorkerProcess, spawn
from puffer.backends.worker.fork_server import ENDED, FORK, FORKED, KILL, MESSAGE, REFUSED

# How long a fork server may take to import what workers need, in seconds.
_START = 60.0
# How long the end of a worker may take that it is to kill, in seconds.
_PATIENCE = 10.0


class ForkServer:
    """A process that forks workers, started with `command` and `environment`.

    The workers end with it, and it ends with the program.

    Attributes
    ----------
    is_gone : bool
        Whether it is known to have ended.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = spawn(command, environment)
        self._control = self._process.socket
        self._control.setblocking(False)
        self._signs = select.poll()
        self._signs.register(self._control, select.POLLIN)
        self._program = os.getpid()
        self._count = 0
        # By the number of a worker, what it has told: (kind, value) of the attempt to fork it, and return codes.
        self._attempts: dict[int, tuple[int, int]] = {}
        self._codes: dict[int, int] = {}
        self.is_gone = False

    def worker(self) -> WorkerProcess | None:
        """A new worker, or None if a fork is not safe or the server gone. Raises OSError if the system refuses."""
        number, self._count = self._count, self._count + 1
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                kind, value = self._attempt(number, theirs)
            if kind == FORKED:
                return _ForkedWorker(self, _Forked(self, number, value, ours), ours)
            if value:
                raise OSError(value, os.strerror(value))
        except BaseException:
            # A worker ends when nobody listens to it.
            ours.close()
            raise
        ours.close()
        return None

    def _attempt(self, number: int, theirs: socket.socket) -> tuple[int, int]:
        with contextlib.suppress(ConnectionError, BlockingIOError):
            socket.send_fds(self._control, [MESSAGE.pack(FORK, number, 0)], [theirs.fileno()])
        deadline = time.monotonic() + _START
        while number not in self._attempts:
            self.listen(deadline - time.monotonic())
            if time.monotonic() > deadline:
                self.kill()
            if self.is_gone:
                return REFUSED, 0
        return self._attempts.pop(number)

    def listen(self, seconds: float) -> None:
        """Take what it tells, within so many seconds."""
        if self.is_gone or not self._signs.poll(max(0.0, seconds) * 1000):
            return
        try:
            while message := self._control.recv(MESSAGE.size):
                kind, number, value = MESSAGE.unpack(message)
                if kind == ENDED:
                    self._codes[number] = value
                else:
                    self._attempts[number] = kind, value
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self.is_gone = True
        self._process.leave(time.monotonic() + 1.0)

    def code_of(self, number: int) -> int | None:
        """The return code of a worker, or None if it is not known to have ended."""
        if number not in self._codes:
            self.listen(0)
        return self._codes.get(number)

    def kill_worker(self, number: int) -> None:
        """Kill a worker whose end is not known."""
        with contextlib.suppress(ConnectionError, BlockingIOError):
            self._control.send(MESSAGE.pack(KILL, number, 0))

    def describe_end(self) -> str:
        """How it ended."""
        return self._process.describe_end()

    def kill(self) -> None:
        """See that it is gone."""
        self.is_gone = True
        self._process.kill()

    def close(self) -> None:
        """End it, unless it belongs to the process from which this one was forked."""
        if os.getpid() == self._program:
            self.kill()
        self._process.release()


class _Forked:
    """A process that a fork server has forked; to be used as `subprocess.Popen`.

    Where the server is gone, which would know, the end of the process is seen from its socket.
    """

    def __init__(self, server: ForkServer, number: int, pid: int, connection: socket.socket) -> None:
        self._server = server
        self._number = number
        self._connection = connection
        self.pid = pid
        self.returncode: int | None = None
        # Whether it has ended without a return code that anybody knows.
        self.is_lost = False

    def poll(self) -> int | None:
        """Its return code, once it has ended."""
        if self.returncode is None:
            self.returncode = self._server.code_of(self._number)
        if self.returncode is None and self._server.is_gone and self._has_hung_up(0):
            self._lose()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The return code, waiting for it. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + (_PATIENCE if timeout is None else timeout)
        while (code := self.poll()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(f"worker {self._number}", timeout or _PATIENCE)
            if self._server.is_gone:
                self._has_hung_up(left)
            else:
                self._server.listen(left)
        return code

    def kill(self) -> None:
        """Kill it."""
        self._server.kill_worker(self._number)
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            # The server does not do what it is told, or is gone, and the process is busy.
            self._server.kill()
            if not self._has_hung_up(0):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            self._lose()

    def _lose(self) -> None:
        self.is_lost = True
        self.returncode = -signal.SIGKILL

    def _has_hung_up(self, seconds: float) -> bool:
        signs = select.poll()
        signs.register(self._connection, select.POLLHUP)
        return bool(signs.poll(seconds * 1000))


class _ForkedWorker(WorkerProcess):
    """A worker from a fork server."""

    def __init__(self, server: ForkServer, process: _Forked, connection: socket.socket) -> None:
        super().__init__(process, connection)
        self._forked = process
        self._server = server

    def describe_end(self) -> str:
        """How it ended."""
        end = super().describe_end()
        if self._forked.is_lost:
            return f"ended with the process that had forked it, which {self._server.describe_end()}"
        return end
