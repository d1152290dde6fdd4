"""A worker process of this machine: how it is started, how it ends, and that it never outlives the parent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from puffer.backends.channel import Wire
from puffer.errors import describe_end


class Process(Protocol):
    """What is used of a process, as `subprocess.Popen` has it."""

    pid: int
    returncode: Any

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


class WorkerProcess:
    """A process that is connected by a socket.

    Parameters
    ----------
    process : Process
    connection : socket.socket
        The parent's end of the socket.
    lifeline : int, optional
        The parent's end of the pipe whose closing ends the process.

    Attributes
    ----------
    wire : Wire
        The parent's end of the socket.
    socket : socket.socket
        The same.
    pid : int
    """

    def __init__(self, process: Process, connection: socket.socket, lifeline: int = -1) -> None:
        self._process = process
        self._lifeline = lifeline
        self.socket = connection
        self.wire = Wire(connection.fileno())
        self.pid = process.pid

    def send(self, number: int, content: bytes = b"") -> None:
        """Send a message. If the worker has died, that is noticed when its answer is awaited."""
        with contextlib.suppress(ConnectionError):
            self.wire.send(number, content)

    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def describe_end(self) -> str:
        """How it ended."""
        # It may have hung up and be about to end by itself, with a status of its own.
        self.leave(time.monotonic() + 1.0)
        return describe_end(self._process.returncode)

    def leave(self, deadline: float) -> None:
        """Let it end by itself until the deadline, by `time.monotonic()`, and then kill it."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def release(self) -> None:
        """Close the parent's descriptors."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        self.socket.close()


def spawn(
    command: Sequence[str], environment: Mapping[str, str], *, inherited: Sequence[int] = (), **streams: int
) -> WorkerProcess:
    """Start a process that runs `command`.

    The command gets three more arguments: the descriptors of its end of the socket and of a pipe from which it can read
    when the parent is gone, and the parent's process number. The descriptors `inherited` are the process's too, and
    `streams` are for `subprocess.Popen`.
    """
    ours, theirs = socket.socketpair()
    their_lifeline, lifeline = os.pipe()
    # Inherited: a Ctrl-C is not for the worker, not even before it can say so.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(their_lifeline), str(os.getpid())],
            pass_fds=(theirs.fileno(), their_lifeline, *inherited),
            stdin=subprocess.DEVNULL,
            env=environment,
            **streams,
        )
    except BaseException:
        ours.close()
        os.close(lifeline)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        os.close(their_lifeline)
    return WorkerProcess(process, ours, lifeline)


def single_threaded(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of workers: each is one of many, so numeric libraries get one thread unless the user chose."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {**dict.fromkeys(names, "1"), **environment}
