"""The process backend: Python environments in worker processes, over one block of shared memory."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import numpy as np
from gymnasium.error import AlreadyPendingCallError
from gymnasium.vector import AutoresetMode

from puffer import checks, worker
from puffer._channel import raise_counter, value_of, wait_for_change
from puffer._python import Events
from puffer.backend import MODES, Creator, PythonBackend, default_workers
from puffer.errors import WorkerDied, WorkerError, WorkerTimeout, describe_end
from puffer.shared import LINE, Block, BlockShape

# How often a waiting parent looks whether its workers live, in seconds.
_GLANCE = 0.2
# How long a worker may take to import what it needs and make its copies, even if the timeout is shorter, in seconds.
_START = 60.0
# How long close() waits for workers to close their environments, in seconds.
_FAREWELL = 2.0

_open: weakref.WeakSet[ProcessBackend] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # Not left to __del__: when the interpreter ends, what it needs may be gone before.
    for backend in list(_open):
        backend.close()


class _Process:
    """A worker process, seen from the parent."""

    def __init__(self, index: int, copies: range, creator: bytes) -> None:
        self.index = index
        self.copies = copies
        self.line = (index + 1) * LINE
        # The value of the worker's command counter.
        self.commands = 0
        # Whether its last answer has not been taken yet, and when it was asked.
        self.is_asked = False
        self.asked_at = 0.0
        ours, theirs = socket.socketpair()
        # The worker ends when it can read from here, which is when the parent is gone.
        lifeline, self._lifeline = os.pipe()
        arguments = [sys.executable, "-m", "puffer.worker", str(theirs.fileno()), str(lifeline), str(os.getpid())]
        # Inherited: a Ctrl-C is not for the worker, not even before it can say so.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process = subprocess.Popen(
                arguments, pass_fds=(theirs.fileno(), lifeline), stdin=subprocess.DEVNULL, env=_environment()
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
            os.close(lifeline)
        self.link = ours
        self.connection = Connection(os.dup(ours.fileno()))
        # One that has died already is noticed when its greeting is awaited.
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickle.dumps({"path": sys.path, "creator": creator, "copies": copies}))

    def __str__(self) -> str:
        return f"worker {self.index} (copies {self.copies.start} to {self.copies.stop - 1})"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def release(self) -> None:
        """Give back what the parent holds of a process that has ended."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
            self.connection.close()
            self.link.close()


def _environment() -> dict[str, str]:
    """The workers' environment: each is one of many, so numeric libraries get one thread unless the user chose."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    package_folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.pathsep.join(filter(None, (package_folder, os.environ.get("PYTHONPATH"))))
    return {**limits, **os.environ, "PYTHONPATH": path}


class ProcessBackend(PythonBackend):
    """Copies made by `creator`, stepped by `num_workers` processes.

    Takes the options of `PythonBackend`, and:

    Parameters
    ----------
    num_workers : int, optional
        Processes, each with a contiguous share of the copies; by default one per core that this process may use. With
        a smaller batch_size a multiple of num_envs / batch_size.
    timeout : float
        Seconds that a worker has for an answer. To start it always has a minute.
    ordered : bool
        Whether recv() returns the parts in the order of the sends, instead of the first that is ready.
    restart_workers : bool
        Whether a worker that died or hung is replaced: its rows are truncated, with the first observations of the new
        copies, and `stats()` counts it in `worker_restarts`.

    An exception of an environment becomes a WorkerError, a dead worker WorkerDied, one without an answer WorkerTimeout.
    After the latter two, and without restart_workers, only close() works.
    """

    def __init__(
        self,
        creator: Creator,
        num_envs: int,
        *,
        num_workers: int | None = None,
        timeout: float = 60.0,
        ordered: bool = False,
        restart_workers: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(num_envs, **options)
        if self._buf is not None:
            raise ValueError("buf cannot be given with processes: their batch lives in shared memory")
        if not (isinstance(timeout, (int, float)) and timeout > 0):
            raise ValueError(f"timeout must be a positive number of seconds, got {timeout!r}")
        parts = self.num_copies // self.batch_size
        workers = default_workers(self.num_copies, parts) if num_workers is None else num_workers
        workers = checks.integer("num_workers", workers, 1, self.num_copies)
        if workers % parts:
            raise ValueError(f"num_workers must be a multiple of num_envs / batch_size = {parts}, got {workers}")
        self.num_workers = workers
        self._timeout = float(timeout)
        self._ordered = ordered
        self._restart = restart_workers
        self._restarts = 0
        self._creator = cloudpickle.dumps(creator)
        self._workers: list[_Process] = []
        self._block: Block | None = None
        # A parent that looks long for an answer takes the core from a worker, unless there is one to spare.
        self._spins = 2000 if checks.available_cores() > workers else 20
        self._settings: dict[str, Any] = {}
        self._pid = os.getpid()
        try:
            self._start()
        except BaseException:
            self._status = "closed"
            self._close()
            raise
        _open.add(self)

    # ---- Start ----

    def _start(self) -> None:
        bounds = [self.num_copies * index // self.num_workers for index in range(self.num_workers + 1)]
        for index in range(self.num_workers):
            self._workers.append(_Process(index, range(bounds[index], bounds[index + 1]), self._creator))
        layout, action_layout, agents, max_steps, modes = self._greeting(self._workers[0])
        for other in self._workers[1:]:
            theirs = self._greeting(other)
            if theirs[:3] != (layout, action_layout, agents):
                raise ValueError(
                    f"the copies of worker {other.index} have other spaces or agents than those of worker 0"
                )
        self._prepare(layout, action_layout, agents, modes)
        self.max_steps = max_steps if self.max_steps is None else self.max_steps
        observation, action = self.single_observation_space, self._reader
        self._block = Block(
            BlockShape(
                self.num_workers,
                self.num_copies,
                agents,
                observation.shape,
                observation.dtype,
                action.shape,
                action.dtype,
            )
        )
        self._settings = {"autoreset": MODES[self.autoreset_mode], "max_steps": self.max_steps}
        self.buffers = self._block.buffers(slice(0, self.num_copies))
        self._counters = self._block.arrays["counters"]
        self.masks = self.buffers.masks
        self.ended = self._block.arrays["ended"]
        self.sums = self._block.arrays["sums"]
        self._sums_seen = np.zeros(3)
        for process in self._workers:
            self._introduce(process)

    def _greeting(self, process: _Process) -> tuple:
        """What a new worker says of its copies."""
        return self._message(process, time.monotonic() + max(self._timeout, _START))[1]

    def _introduce(self, process: _Process) -> None:
        """Give a new worker the block."""
        assert self._block is not None
        message = (self._block.shape, process.index, self._settings, 2000)
        # One that has died is noticed when its first answer is awaited.
        with contextlib.suppress(OSError):
            process.connection.send_bytes(pickle.dumps(message))
            socket.send_fds(process.link, [b"b"], [self._block.descriptor])

    # ---- Commands ----

    def _command(self, process: _Process, operation: int, argument: Any = None) -> None:
        self._counters[process.line + worker.OPERATION] = operation
        process.commands = (process.commands + 1) % 2**32
        process.is_asked, process.asked_at = True, time.monotonic()
        raise_counter(self._counters, process.line + worker.COMMAND)
        if operation in (worker.RESET, worker.RENDER):
            # After the command, so that a worker reads what may be more than fits between the two. One that has died is
            # noticed when its answer is awaited.
            with contextlib.suppress(OSError):
                process.connection.send_bytes(pickle.dumps(argument))

    def _has_answered(self, process: _Process) -> bool:
        return value_of(self._counters, process.line + worker.ANSWERED) == process.commands

    def _await(self, processes: Sequence[_Process], deadline: float) -> None:
        """Wait until all these workers have answered. Raises WorkerDied or WorkerTimeout."""
        while True:
            bell = value_of(self._counters, 0)
            waiting = [process for process in processes if not self._has_answered(process)]
            if not waiting:
                return
            self._sleep(bell, waiting, deadline)

    def _sleep(self, bell: int, waiting: Sequence[_Process], deadline: float) -> None:
        """Wait for any answer after `bell`, watching over the workers."""
        if wait_for_change(self._counters, 0, bell, _GLANCE, self._spins) != bell:
            return
        for process in waiting:
            if process.process.poll() is not None and not self._has_answered(process):
                raise self._died(process)
        if time.monotonic() > deadline:
            raise self._hung(waiting[0])

    def _answer(self, process: _Process) -> Any:
        """The result of a worker that has answered; raises what it raised."""
        if int(self._counters[process.line + worker.ANSWER]) == worker.PLAIN:
            process.is_asked = False
            return None
        return self._message(process, time.monotonic() + self._timeout)

    def _message(self, process: _Process, deadline: float) -> Any:
        try:
            while not process.connection.poll(min(_GLANCE, max(0.0, deadline - time.monotonic()))):
                if process.process.poll() is not None and not process.connection.poll(0):
                    raise self._died(process)
                if time.monotonic() > deadline:
                    raise self._hung(process)
            received = process.connection.recv_bytes()
        except (EOFError, OSError):
            raise self._died(process) from None
        except BaseException:
            # By Ctrl-C, with an unknown part of the message read.
            process.kill()
            raise
        process.is_asked = False
        message = pickle.loads(received)
        if isinstance(message, tuple) and message[0] == "failed":
            name, text, place, remote_traceback = message[1]
            copy = None if place is None else process.copies.start + place
            where = f"worker {process.index}" if copy is None else f"copy {copy} in worker {process.index}"
            raise WorkerError(
                f"{where} raised {name}: {text}",
                worker=process.index,
                copies=process.copies,
                copy=copy,
                remote_traceback=remote_traceback,
            )
        return message

    # ---- Failures ----

    def _died(self, process: _Process) -> WorkerDied:
        # It may have hung up and be about to end by itself, with a status of its own.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.process.wait(1.0)
        process.kill()
        return WorkerDied(
            f"{process} {describe_end(process.process.wait())}", worker=process.index, copies=process.copies
        )

    def _hung(self, process: _Process) -> WorkerTimeout:
        # An answer that came later could be taken for that of another step.
        process.kill()
        return WorkerTimeout(
            f"{process} gave no answer within {self._timeout:g} seconds and was killed",
            worker=process.index,
            copies=process.copies,
        )

    def _replace(self, process: _Process, seeds: dict[int, int | None] | None) -> Events | None:
        """Start a worker in the place of one that is gone.

        After a reset with `seeds` (by copy) the new copies are reset, those that were not meant to be without a seed.
        After a step the rows are truncated, and the episodes go on as the autoreset mode has it.
        """
        process.release()
        fresh = _Process(process.index, process.copies, self._creator)
        self._workers[process.index] = fresh
        self._counters[fresh.line : fresh.line + LINE] = 0
        self._greeting(fresh)
        self._introduce(fresh)
        self._restarts += 1
        copies = process.copies
        here = slice(copies.start, copies.stop)
        rows = slice(copies.start * self.agents_per_env, copies.stop * self.agents_per_env)
        events = Events()
        if seeds is None:
            last = self.buffers.observations[rows].copy()
            self.buffers.terminations[rows] = False
            if self.autoreset_mode is not AutoresetMode.SAME_STEP:
                self.buffers.rewards[rows] = 0
                self.buffers.truncations[rows] = True
                self.ended[here] = True
                return None
            events.finals = [(row, last[row], {}) for row in range(len(last))]
        self._command(fresh, worker.RESET, ([(seeds or {}).get(copy) for copy in copies], list(range(len(copies)))))
        self._await([fresh], fresh.asked_at + self._timeout)
        happened = self._answer(fresh)
        events.infos = happened.infos if happened else []
        self.buffers.truncations[rows] = seeds is None
        return events

    def _lost(self, process: _Process, error: WorkerError, seeds: dict[int, int | None] | None) -> Events | None:
        """Replace a worker that is gone, or raise."""
        if self._restart:
            return self._replace(process, seeds)
        self._status = "broken"
        raise error

    # ---- What PythonBackend asks for ----

    def _of_part(self, part: int) -> list[_Process]:
        first, last = part * self.batch_size, (part + 1) * self.batch_size
        return [process for process in self._workers if first <= process.copies.start < last]

    def _reset_parts(self, seeds: list[int | None], copies: list[int]) -> Events:
        self._settle()
        asked = []
        by_copy = dict(zip(copies, seeds, strict=True))
        for process in self._workers:
            chosen = [copy for copy in process.copies if copy in by_copy]
            if chosen:
                places = [copy - process.copies.start for copy in chosen]
                self._command(process, worker.RESET, ([by_copy[copy] for copy in chosen], places))
                asked.append(process)
        return self._collect(asked, 0, by_copy)

    def _settle(self) -> None:
        """Wait for workers that are still at something whose result nobody wants any more."""
        for process in self._workers:
            if not process.is_asked:
                continue
            try:
                self._await([process], time.monotonic() + self._timeout)
                self._answer(process)
            except (WorkerDied, WorkerTimeout) as error:
                self._lost(process, error, {})
            except WorkerError:
                pass

    def _start_part(self, part: int) -> None:
        for process in self._of_part(part):
            self._command(process, worker.STEP)

    def _finish_part(self, part: int) -> Events:
        return self._collect(self._of_part(part), part * self.batch_size, None)

    def _collect(self, processes: Sequence[_Process], first_copy: int, seeds: dict[int, int | None] | None) -> Events:
        """The events of these workers, rows counted from first_copy. Raises the first failure when all are idle."""
        events = Events()
        failure: WorkerError | None = None
        for process in processes:
            try:
                self._await([process], process.asked_at + self._timeout)
                happened = self._answer(process)
            except (WorkerDied, WorkerTimeout) as error:
                happened = self._lost(process, error, seeds)
            except WorkerError as error:
                failure = failure or error
                continue
            if happened:
                events.add(happened, (process.copies.start - first_copy) * self.agents_per_env)
        if failure is not None:
            raise failure
        return events

    def _next_pending(self) -> int:
        """The part that recv() is to return: the first that is ready, or the first sent."""
        if self._ordered or len(self._pending) == 1:
            return self._pending[0]
        while True:
            bell = value_of(self._counters, 0)
            waiting = [p for part in self._pending for p in self._of_part(part) if not self._has_answered(p)]
            # First, so that a worker that hangs is noticed while others go on answering.
            deadline = min((process.asked_at for process in waiting), default=0.0) + self._timeout
            if waiting and time.monotonic() > deadline:
                return self._part_of(waiting[0])
            for part in self._pending:
                if not any(process in waiting for process in self._of_part(part)):
                    return part
            try:
                self._sleep(bell, waiting, deadline)
            except WorkerError as error:
                # The part it belongs to deals with it.
                return self._part_of(self._workers[error.worker])

    def _part_of(self, process: _Process) -> int:
        return process.copies.start // self.batch_size

    def render_copy(self, copy: int = 0) -> Any:
        """What render() of a copy returns in its worker."""
        self._require_open()
        if self._pending:
            raise AlreadyPendingCallError("render() between send() and recv()", "render")
        process = next(process for process in self._workers if copy in process.copies)
        self._settle()
        self._command(process, worker.RENDER, copy - process.copies.start)
        self._await([process], process.asked_at + self._timeout)
        return self._answer(process)[1]

    def _require_open(self) -> None:
        super()._require_open()
        if os.getpid() != self._pid:
            raise RuntimeError(
                f"the workers of this environment belong to process {self._pid}, from which this one was forked; "
                f"make another environment here"
            )

    def stats(self) -> dict[str, float]:
        """Means over the episodes that ended since the last call, and the number of worker restarts if allowed."""
        stats = super().stats()
        if self._restart:
            stats["worker_restarts"] = self._restarts
            self._restarts = 0
        return stats

    def _close(self) -> None:
        """Ask the workers to close their copies, and end those that do not within two seconds."""
        if os.getpid() != self._pid:
            # In a process that was forked from the one whose workers they are.
            for process in self._workers:
                process.release()
            self._workers.clear()
            return
        for process in self._workers:
            idle = self._block is not None and self._has_answered(process) and process.process.poll() is None
            if idle:
                self._command(process, worker.CLOSE)
            else:
                process.process.kill()
        end = time.monotonic() + _FAREWELL
        for process in self._workers:
            try:
                process.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
            process.release()
        self._workers.clear()
        if self._block is not None:
            self._block.close()

    def __del__(self) -> None:
        if getattr(self, "_workers", None):
            self._status = "closed"
            self._close()
