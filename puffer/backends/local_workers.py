"""What the backends have in common whose workers are processes of this machine: starting them, and their memory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from puffer.backends.links.link import RemoteWorker
from puffer.backends.shared import Block, BlockShape
from puffer.backends.workers import GLANCE, WorkerBackend
from puffer.errors import describe_end


class LocalWorker(RemoteWorker):
    """A worker process, seen from the parent.

    It runs `command`, with three more arguments: the descriptors of its end of a socket and of a pipe from which it can
    read when the parent is gone, and the parent's process number. The descriptors `inherited` are the worker's too, and
    `streams` are for `subprocess.Popen`.
    """

    def __init__(
        self,
        index: int,
        copies: range,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        inherited: Sequence[int] = (),
        **streams: int,
    ) -> None:
        super().__init__(index, copies)
        ours, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        # Inherited: a Ctrl-C is not for the worker, not even before it can say so.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(lifeline), str(os.getpid())],
                pass_fds=(theirs.fileno(), lifeline, *inherited),
                stdin=subprocess.DEVNULL,
                env=environment,
                **streams,
            )
        except BaseException:
            ours.close()
            os.close(self._lifeline)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
            os.close(lifeline)
        self.link = ours

    def send_descriptor(self, descriptor: int) -> None:
        """Send a descriptor, behind the messages so far."""
        with contextlib.suppress(OSError):
            socket.send_fds(self.link, [b"b"], [descriptor])

    def listen(self, seconds: float) -> bool:
        """Whether there is a message, or an end, within so many seconds."""
        raise NotImplementedError

    def receive(self) -> bytes:
        """The next message. Raises EOFError or OSError if the worker is gone."""
        raise NotImplementedError

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
            self.link.close()


def single_threaded(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of workers: each is one of many, so numeric libraries get one thread unless the user chose."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {**dict.fromkeys(names, "1"), **environment}


class LocalBackend(WorkerBackend):
    """Base of the backends with processes of this machine, whose batch lives in memory that all of them share.

    Takes the options of `WorkerBackend`, but for `buf`.
    """

    def __init__(self, creator: Any, num_envs: int, **options: Any) -> None:
        if options.get("buf") is not None:
            raise ValueError("buf cannot be given with processes: their batch lives in shared memory")
        self._block: Block | None = None
        super().__init__(creator, num_envs, **options)

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
        self._keep_books(self._block.books())

    def _received(self, worker: LocalWorker, deadline: float) -> bytes:
        """The next message over the socket. Raises WorkerDied or WorkerTimeout."""
        try:
            while not worker.listen(min(GLANCE, max(0.0, deadline - time.monotonic()))):
                if worker.has_ended() and not worker.listen(0):
                    raise self._died(worker)
                if time.monotonic() > deadline:
                    raise self._hung(worker)
            return worker.receive()
        except (EOFError, OSError):
            raise self._died(worker) from None
        except BaseException:
            # By Ctrl-C, with an unknown part of the message read.
            worker.kill()
            raise

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            if self._block is not None:
                self._block.close()
