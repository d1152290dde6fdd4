"""The program of a fork server: it has imported what every worker needs, and forks the workers of one batch.

Started by `puffer.backends.links.fork_server` with the same arguments as a worker. It forks only while it has a single
thread. It runs nothing of the environments, neither their modules nor their creators, so that each worker imports and
makes what a process of its own would. It lives as long as the batch and tells how its workers have ended.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import select
import signal
import socket
import struct
import sys

import numpy as np

from puffer.backends.channel import end_with_parent
from puffer.backends.worker.process import arguments, ignore_interrupts, work

# A message in either direction: its kind, the number of the worker, and a value.
MESSAGE = struct.Struct("<Bii")
# To the server: fork a worker, whose end of a socket comes along, or kill one; the value is 0.
FORK, KILL = range(2)
# From it: the process number of a worker; the error that kept it from forking, or 0 if that is not safe; the return
# code of a worker that has ended.
FORKED, REFUSED, ENDED = range(3)


class _ForkServer:
    """The server's side of `control`, a socket whose other end the program has."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        # By process number, the numbers of the workers that live.
        self._workers: dict[int, int] = {}
        self._end_signs, self._wakeup = socket.socketpair()
        self._end_signs.setblocking(False)
        self._wakeup.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        # What workers get back is what the program has left them.
        self._on_end = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def serve(self) -> socket.socket | None:
        """Obey until the program hangs up. Returns also in each forked worker, there with its end of its socket."""
        signs = select.poll()
        signs.register(self._control, select.POLLIN)
        signs.register(self._end_signs, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in signs.poll()]
            if self._end_signs.fileno() in ready:
                self._end_signs.recv(4096)
                self._tell_ends()
            if self._control.fileno() not in ready:
                continue
            message, descriptors, _, _ = socket.recv_fds(
                self._control, MESSAGE.size, 1, socket.MSG_CMSG_CLOEXEC | socket.MSG_WAITALL
            )
            if not message:
                return None
            kind, number, _ = MESSAGE.unpack(message)
            if kind == KILL:
                self._kill(number)
            elif not descriptors:
                self._tell(REFUSED, number, errno.EMFILE)
            elif connection := self._fork(number, socket.socket(fileno=descriptors[0])):
                return connection

    def _tell(self, kind: int, number: int, value: int) -> None:
        self._control.sendall(MESSAGE.pack(kind, number, value))

    def _tell_ends(self) -> None:
        for process, number in list(self._workers.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                del self._workers[process]
                self._tell(ENDED, number, os.waitstatus_to_exitcode(status))

    def _kill(self, number: int) -> None:
        # Only one whose end has not been taken: its number may be that of another process by now.
        for process, other in self._workers.items():
            if other == number:
                os.kill(process, signal.SIGKILL)

    def _fork(self, number: int, connection: socket.socket) -> socket.socket | None:
        """Fork a worker. Returns its socket in the worker, and None in the server."""
        if not _is_single_threaded():
            self._tell(REFUSED, number, 0)
            return None
        try:
            process = os.fork()
        except OSError as error:
            self._tell(REFUSED, number, error.errno or errno.EAGAIN)
            return None
        if process:
            connection.close()
            self._workers[process] = number
            self._tell(FORKED, number, process)
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self._on_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for own_end in (self._end_signs, self._wakeup, self._control):
            own_end.close()
        # `random` does so itself.
        np.random.seed()
        return connection


def _is_single_threaded() -> bool:
    """Whether this process is known to have one thread: another one could hold a lock that a fork would never get."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def main() -> None:
    """Run, with the arguments of the command line."""
    descriptor, lifeline, parent = arguments()
    ignore_interrupts()
    end_with_parent(parent)
    # What has been printed is not to be printed by each worker.
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError):
            stream.flush()
    # What is here stays shared with the workers: their garbage collectors do not write to it.
    gc.collect()
    gc.freeze()
    server = os.getpid()
    try:
        connection = _ForkServer(socket.socket(fileno=descriptor)).serve()
    except ConnectionError:
        connection = None
    if connection is not None:
        work(connection, lifeline, server)
