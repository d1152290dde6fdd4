"""What the backends with workers have in common: who holds which copies, waiting for answers, and what goes wrong."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import pickle
import time
import weakref
from collections.abc import Sequence
from typing import Any

import cloudpickle
import numpy as np
from gymnasium.error import AlreadyPendingCallError
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer._core import MODES
from puffer.backends.base import PythonBackend
from puffer.backends.links.link import RemoteWorker
from puffer.backends.worker.commands import CLOSE, RENDER, RESET, STEP, Failure, Likeness
from puffer.errors import WorkerDied, WorkerError, WorkerTimeout
from puffer.wrappers.adapters.adapter import Events

# How often a waiting parent looks whether its workers live, in seconds.
GLANCE = 0.2
# How long a worker may take to import what it needs and make its copies, even if the timeout is shorter, in seconds.
START = 60.0
# How long close() waits for workers to close their environments, in seconds.
_FAREWELL = 2.0

_logger = logging.getLogger(__name__)
_open: weakref.WeakSet[WorkerBackend] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Close the batches that are still open when the interpreter ends."""
    # Not left to __del__: when the interpreter ends, what it needs may be gone before.
    for backend in list(_open):
        backend.close_unheard()


class WorkerBackend(PythonBackend):
    """Base of the backends whose copies, made by `creator`, are stepped by `num_workers` workers.

    Takes the options of `PythonBackend`, and:

    Parameters
    ----------
    num_workers : int, optional
        Workers, each with a contiguous share of the copies; by default one per core. With a smaller batch_size a
        multiple of num_envs / batch_size.
    timeout : float
        Seconds that a worker has for an answer. To start it always has a minute.
    ordered : bool
        Whether recv() returns the parts in the order of the sends, instead of the first that is ready.
    restart_workers : bool
        Whether a worker that died or hung is replaced: its rows are truncated, with the first observations of the new
        copies, and `stats()` counts it in `worker_restarts`.

    An exception of an environment becomes a WorkerError, a dead worker WorkerDied, one without an answer WorkerTimeout.
    After the latter two, and without restart_workers, only close() works. What an environment raises in its close() is
    raised by close() when every worker is gone.

    A subclass starts workers, sends commands and receives messages: it implements `_new_worker`, `_prepare_memory`,
    `_introduce`, `_send`, `_has_answered`, `_mark`, `_wait_for_answer` and `_message`, and `_portable` and `_unpacked`
    where objects are not to be pickled.
    """

    def __init__(
        self,
        creator: Any,
        num_envs: int,
        *,
        num_workers: int | None = None,
        timeout: float = 60.0,
        ordered: bool = False,
        restart_workers: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(num_envs, **options)
        if not (isinstance(timeout, (int, float)) and timeout > 0):
            raise ValueError(f"timeout must be a positive number of seconds, got {timeout!r}")
        parts = self.num_copies // self.batch_size
        workers = self._default_workers(parts) if num_workers is None else num_workers
        workers = checks.integer("num_workers", workers, 1, self.num_copies)
        if workers % parts:
            raise ValueError(f"num_workers must be a multiple of num_envs / batch_size = {parts}, got {workers}")
        self.num_workers = workers
        self._timeout = float(timeout)
        self._ordered = ordered
        self._restart = restart_workers
        self._restarts = 0
        self._creator = self._portable(creator)
        self._workers: list[Any] = []
        # Those that have been told where their copies live, and can be sent commands.
        self._introduced: set[Any] = set()
        self._settings: dict[str, Any] = {}
        self._pid = os.getpid()
        try:
            self._start()
        except BaseException:
            self._status = "closed"
            with contextlib.suppress(WorkerError):
                self._close()
            raise
        _open.add(self)

    # ---- For subclasses ----

    @staticmethod
    def _portable(creator: Any) -> Any:
        """What makes the copies, in the form in which workers are sent it."""
        return cloudpickle.dumps(creator)

    def _unpacked(self, worker: Any, message: bytes) -> Any:
        """What a worker means by a message: a Likeness, Events, a frame or a Failure."""
        return pickle.loads(message)

    def _cores(self) -> int:
        """The cores that workers may use."""
        return checks.available_cores()

    def _new_worker(self, index: int, copies: range) -> Any:
        """Start a worker, a RemoteWorker, that makes its copies."""
        raise NotImplementedError

    def _prepare_memory(self) -> None:
        """Make `buffers`, `ended` and `sums`."""
        raise NotImplementedError

    def _introduce(self, worker: Any) -> None:
        """Tell a worker where its copies live. One that has died is noticed when its first answer is awaited."""
        raise NotImplementedError

    def _send(self, worker: Any, operation: int, argument: Any) -> None:
        """Send a command; see `Worker.obey`. One that has died is noticed when its answer is awaited."""
        raise NotImplementedError

    def _send_step(self, workers: Sequence[Any]) -> None:
        """Send the command to step to neighbouring workers."""
        for worker in workers:
            self._send(worker, STEP, None)

    def _has_answered(self, worker: Any) -> bool:
        """Whether the answer to the last command is there."""
        raise NotImplementedError

    def _mark(self) -> Any:
        """What `_wait_for_answer` needs to know of the time before."""
        return None

    def _wait_for_answer(self, mark: Any, waiting: Sequence[Any]) -> bool:
        """Wait GLANCE seconds for an answer of one of these workers after `mark`; whether there may be one."""
        raise NotImplementedError

    def _message(self, worker: Any, deadline: float) -> bytes | None:
        """What a worker that has answered, or just been started, has to say. Raises WorkerDied or WorkerTimeout."""
        raise NotImplementedError

    # ---- Start ----

    def _default_workers(self, parts: int) -> int:
        """One worker per core, as a multiple of the number of parts, and no more than there are copies."""
        return parts * max(1, min(self._cores() // parts, self.num_copies // parts))

    def _start(self) -> None:
        bounds = [self.num_copies * index // self.num_workers for index in range(self.num_workers + 1)]
        for index in range(self.num_workers):
            self._workers.append(self._new_worker(index, range(bounds[index], bounds[index + 1])))
        first = self._greeting(self._workers[0])
        for other in self._workers[1:]:
            if self._greeting(other)[:4] != first[:4]:
                raise ValueError(
                    f"the copies of worker {other.index} have other spaces or agents than those of worker 0"
                )
        self._prepare(*first[:4], first.rendering)
        if self.max_steps is None:
            self.max_steps = first.max_steps
        self._settings = {"autoreset": MODES[self.autoreset_mode], "max_steps": self.max_steps}
        self._prepare_memory()
        for worker in self._workers:
            self._welcome(worker)

    def _greeting(self, worker: RemoteWorker) -> Likeness:
        """What a new worker says of its copies."""
        try:
            return self._answer(worker, time.monotonic() + max(self._timeout, START))
        except BaseException:
            worker.kill()
            raise

    def _welcome(self, worker: RemoteWorker) -> None:
        self._introduce(worker)
        self._introduced.add(worker)

    # ---- Commands ----

    def _command(self, worker: RemoteWorker, operation: int, argument: Any = None) -> None:
        self._expect([worker])
        self._send(worker, operation, argument)

    @staticmethod
    def _expect(workers: Sequence[RemoteWorker]) -> None:
        """Note that these workers are about to be asked for an answer."""
        for worker in workers:
            worker.is_asked, worker.asked_at = True, time.monotonic()

    def _await(self, workers: Sequence[RemoteWorker], deadline: float) -> None:
        """Wait until all these workers have answered. Raises WorkerDied or WorkerTimeout."""
        while True:
            mark = self._mark()
            waiting = [worker for worker in workers if not self._has_answered(worker)]
            if not waiting:
                return
            self._sleep(mark, waiting, deadline)

    def _sleep(self, mark: Any, waiting: Sequence[RemoteWorker], deadline: float) -> None:
        """Wait for any answer after `mark`, watching over the workers."""
        if self._wait_for_answer(mark, waiting):
            return
        for worker in waiting:
            if worker.has_ended() and not self._has_answered(worker):
                raise self._died(worker)
        if time.monotonic() > deadline:
            raise self._hung(waiting[0])

    def _answer(self, worker: RemoteWorker, deadline: float | None = None) -> Any:
        """The result of a worker that has answered; raises what it raised."""
        message = self._message(worker, time.monotonic() + self._timeout if deadline is None else deadline)
        worker.is_asked = False
        if message is None:
            return None
        result = self._unpacked(worker, message)
        if isinstance(result, Failure):
            raise self._raised(worker, result)
        return result

    # ---- Failures ----

    def _raised(self, worker: RemoteWorker, failure: Failure) -> Exception:
        copy = None if failure.place is None else worker.copies.start + failure.place
        where = f"worker {worker.index}" if copy is None else f"copy {copy} in worker {worker.index}"
        return WorkerError(
            f"{where} raised {failure.name}: {failure.message}",
            worker=worker.index,
            copies=worker.copies,
            copy=copy,
            remote_traceback=failure.traceback,
        )

    def _died(self, worker: RemoteWorker) -> WorkerDied:
        self._introduced.discard(worker)
        return WorkerDied(f"{worker} {worker.describe_end()}", worker=worker.index, copies=worker.copies)

    def _hung(self, worker: RemoteWorker) -> WorkerTimeout:
        self._introduced.discard(worker)
        # An answer that came later could be taken for that of another step.
        worker.kill()
        return WorkerTimeout(
            f"{worker} gave no answer within {time.monotonic() - worker.asked_at:.1f} seconds and was killed",
            worker=worker.index,
            copies=worker.copies,
        )

    def _lost(self, worker: RemoteWorker, error: WorkerError, seeds: dict[int, int | None] | None) -> Events | None:
        """Replace a worker that is gone, or raise."""
        if self._restart:
            return self._replace(worker, seeds)
        self._status = "broken"
        raise error

    def _replace(self, worker: RemoteWorker, seeds: dict[int, int | None] | None) -> Events | None:
        """Start a worker in the place of one that is gone.

        After a reset with `seeds` (by copy) the new copies are reset, those that were not meant to be without a seed.
        After a step the rows are truncated, and the episodes go on as the autoreset mode has it.
        """
        worker.release()
        fresh = self._workers[worker.index] = self._new_worker(worker.index, worker.copies)
        self._greeting(fresh)
        self._welcome(fresh)
        self._restarts += 1
        copies = worker.copies
        rows = self._rows_of(copies)
        events = Events()
        if seeds is None:
            self.books.finals[rows] = self.buffers.observations[rows]
            self.books.episodes[rows] = np.nan
            self.buffers.terminations[rows] = False
            if self.autoreset_mode is not AutoresetMode.SAME_STEP:
                self.buffers.rewards[rows] = 0
                self.buffers.truncations[rows] = True
                self.books.ended[copies.start : copies.stop] = True
                return None
        self._command(fresh, RESET, ([(seeds or {}).get(copy) for copy in copies], list(range(len(copies)))))
        self._await([fresh], fresh.asked_at + self._timeout)
        happened = self._answer(fresh)
        events.infos = happened.infos if happened else []
        self.buffers.truncations[rows] = seeds is None
        return events

    # ---- What PythonBackend asks for ----

    def _rows_of(self, copies: range) -> slice:
        return slice(copies.start * self.agents_per_env, copies.stop * self.agents_per_env)

    def _of_part(self, part: int) -> list[Any]:
        first, last = part * self.batch_size, (part + 1) * self.batch_size
        return [worker for worker in self._workers if first <= worker.copies.start < last]

    def _part_of(self, worker: RemoteWorker) -> int:
        return worker.copies.start // self.batch_size

    def _reset_parts(self, seeds: list[int | None], copies: list[int]) -> Events:
        self._settle()
        asked = []
        by_copy = dict(zip(copies, seeds, strict=True))
        for worker in self._workers:
            chosen = [copy for copy in worker.copies if copy in by_copy]
            if chosen:
                places = [copy - worker.copies.start for copy in chosen]
                self._command(worker, RESET, ([by_copy[copy] for copy in chosen], places))
                asked.append(worker)
        return self._collect(asked, 0, by_copy)

    def _settle(self) -> None:
        """Wait for workers that are still at something whose result nobody wants any more."""
        for worker in self._workers:
            if not worker.is_asked:
                continue
            try:
                self._await([worker], time.monotonic() + self._timeout)
                self._answer(worker)
            except (WorkerDied, WorkerTimeout) as error:
                self._lost(worker, error, {})
            except WorkerError:
                pass

    def _start_part(self, part: int) -> None:
        workers = self._of_part(part)
        self._expect(workers)
        self._send_step(workers)

    def _finish_part(self, part: int) -> Events:
        return self._collect(self._of_part(part), part * self.batch_size, None)

    def _collect(self, workers: Sequence[RemoteWorker], first_copy: int, seeds: dict[int, int | None] | None) -> Events:
        """The events of these workers, rows counted from first_copy. Raises the first failure when all are idle."""
        events = Events()
        failure: WorkerError | None = None
        for worker in workers:
            try:
                self._await([worker], worker.asked_at + self._timeout)
                happened = self._answer(worker)
            except (WorkerDied, WorkerTimeout) as error:
                happened = self._lost(worker, error, seeds)
            except WorkerError as error:
                failure = failure or error
                continue
            if happened:
                events.add(happened, (worker.copies.start - first_copy) * self.agents_per_env)
        if failure is not None:
            raise failure
        return events

    def _next_pending(self) -> int:
        """The part that recv() is to return: the first that is ready, or the first sent."""
        if self._ordered or len(self._pending) == 1:
            return self._pending[0]
        while True:
            mark = self._mark()
            waiting = [w for part in self._pending for w in self._of_part(part) if not self._has_answered(w)]
            # First, so that a worker that hangs is noticed while others go on answering.
            deadline = min((worker.asked_at for worker in waiting), default=0.0) + self._timeout
            if waiting and time.monotonic() > deadline:
                return self._part_of(waiting[0])
            for part in self._pending:
                if not any(worker in waiting for worker in self._of_part(part)):
                    return part
            try:
                self._sleep(mark, waiting, deadline)
            except WorkerError as error:
                # The part it belongs to deals with it.
                return self._part_of(self._workers[error.worker])

    def render_copy(self, copy: int = 0) -> Any:
        """What render() of a copy returns in its worker."""
        self._require_open()
        if self._pending:
            raise AlreadyPendingCallError("render() between send() and recv()", "render")
        worker = next(worker for worker in self._workers if copy in worker.copies)
        self._settle()
        self._command(worker, RENDER, copy - worker.copies.start)
        self._await([worker], worker.asked_at + self._timeout)
        return self._answer(worker)

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

    # ---- End ----

    def _close(self) -> None:
        """Ask the workers to close their copies, and end those that do not within two seconds."""
        workers, self._workers = self._workers, []
        try:
            # Not in a process that was forked from the one whose workers they are.
            if os.getpid() == self._pid:
                self._dismiss(workers)
        finally:
            for worker in workers:
                worker.release()

    def _dismiss(self, workers: Sequence[RemoteWorker]) -> None:
        deadline = time.monotonic() + _FAREWELL
        failure: WorkerError | None = None
        try:
            asked = [worker for worker in workers if self._can_close(worker, deadline)]
            for worker in asked:
                self._command(worker, CLOSE)
            for worker in asked:
                try:
                    self._await([worker], deadline)
                    self._answer(worker, deadline)
                except (WorkerDied, WorkerTimeout) as error:
                    _logger.warning("while closing its environments, %s", error)
                except WorkerError as error:
                    failure = failure or error
        finally:
            for worker in workers:
                worker.leave(deadline if worker in self._introduced else 0.0)
        if failure is not None:
            raise failure

    def _can_close(self, worker: RemoteWorker, deadline: float) -> bool:
        """Whether a worker waits for a command, now that its last answer, which nobody wants, is out of the way."""
        if worker not in self._introduced or worker.has_ended() or not self._has_answered(worker):
            self._introduced.discard(worker)
            return False
        if worker.is_asked:
            try:
                self._answer(worker, deadline)
            except (WorkerDied, WorkerTimeout):
                return False
            except WorkerError:
                pass
        return True

    def close_unheard(self) -> None:
        """Close where nobody is left to hear of an exception; it is logged."""
        try:
            self.close()
        except WorkerError as error:
            _logger.error("%s", error)

    def __del__(self) -> None:
        if getattr(self, "_workers", None):
            self.close_unheard()
