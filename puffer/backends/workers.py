"""The backend with workers: who holds which copies, waiting for answers, and what happens when a worker fails."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import time
import weakref
from collections.abc import Sequence
from typing import Any

from puffer.backends.infos import Events
from puffer.backends.links import LinkProtocol, Transport
from puffer.backends.python import PythonBackend
from puffer.backends.worker.commands import Failure
from puffer.backends.worker.interpreter.messages import ADOPT, CALL, CLOSE, RENDER, RESET, SET_ATTR, SET_NEXT
from puffer.backends.worker.surroundings import Surroundings
from puffer.errors import CopiesError, WorkerAttributeError, WorkerDied, WorkerError, WorkerTimeout
from puffer.layout.spec import CopySpec
from puffer.native.backend import Part
from puffer.options import BatchOptions, WorkerOptions

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
    """Copies that are stepped by workers, over the links of `transport`.

    An exception of an environment becomes a WorkerError, a dead worker WorkerDied, one without an answer WorkerTimeout.
    After the latter two, and without restart_workers, only close() works. What an environment raises in its close() is
    raised by close() when every worker is gone.

    Parameters
    ----------
    transport : puffer.backends.links.Transport
    options : BatchOptions
    workers : WorkerOptions
    """

    def __init__(self, transport: Transport, options: BatchOptions, workers: WorkerOptions) -> None:
        super().__init__(options)
        self._transport = transport
        self._workers = workers
        self.num_workers = workers.workers_for(options, 0 if workers.num_workers else transport.cores())
        self._restarts = 0
        # What `set_attr` has set, for the copies of a worker that takes the place of another one.
        self._attributes: dict[str, list[Any]] = {}
        self._links: list[LinkProtocol] = []
        # When each was last asked, or started, by `time.monotonic()`.
        self._asked_at: dict[LinkProtocol, float] = {}
        # Those that have been told where their copies live, and can be sent commands.
        self._introduced: set[LinkProtocol] = set()
        # The last news of the program's surroundings, and those that have not heard of them.
        self._news: Surroundings | None = None
        self._uninformed: set[LinkProtocol] = set()
        self._pid = os.getpid()
        try:
            self._start_all()
        except BaseException:
            with contextlib.suppress(WorkerError):
                self.close_copies()
            raise
        _open.add(self)

    # ---- Start ----

    def _start_all(self) -> None:
        copies, workers = self.options.num_envs, self.num_workers
        bounds = [copies * index // workers for index in range(workers + 1)]
        for index in range(workers):
            self._links.append(self._new(index, range(bounds[index], bounds[index + 1])))
        first = self._greeting(self._links[0])
        for link in self._links[1:]:
            first = first.spanning(self._greeting(link), link.copies.start, 0)
        self._settle(first)
        self._live_in(self._transport.make_rows(self._form, workers, self.options.buf))
        for link in self._links:
            self._introduce(link)

    def _new(self, index: int, copies: range) -> LinkProtocol:
        link = self._transport.start(index, copies, self.options.render_mode)
        self._asked_at[link] = time.monotonic()
        return link

    def _greeting(self, link: LinkProtocol) -> CopySpec:
        """The spec of the copies of a new worker."""
        try:
            return self._answer(link, time.monotonic() + max(self._workers.timeout, START))
        except (WorkerDied, WorkerTimeout) as error:
            link.kill()
            raise (self._transport.refusal(link, type(error).__name__, str(error)) or error) from None
        except BaseException:
            link.kill()
            raise

    def _introduce(self, link: LinkProtocol) -> None:
        self._transport.introduce(link, weakref.WeakMethod(self.ask), same_step=self._same_step)
        self._introduced.add(link)

    # ---- Commands ----

    def _command(self, link: LinkProtocol, operation: int, argument: Any = None) -> None:
        self._inform([link])
        self._asked_at[link] = time.monotonic()
        link.send(operation, argument)

    def _inform(self, links: Sequence[LinkProtocol]) -> None:
        """Before these workers get a command: have them adopt the program's surroundings, if these have changed."""
        news = self._transport.news()
        if news is not None:
            self._news, self._uninformed = news, set(self._links)
        if not self._uninformed:
            return
        told = self._uninformed.intersection(links)
        self._uninformed -= told
        for link in told:
            # A worker that is gone is dealt with when it does not answer to the command itself.
            with contextlib.suppress(WorkerDied, WorkerTimeout):
                self.ask(link, ADOPT, self._news)

    def _await(self, links: Sequence[LinkProtocol], deadline: float) -> None:
        """Wait until all these workers have answered. Raises WorkerDied or WorkerTimeout."""
        while True:
            mark = self._transport.mark()
            waiting = [link for link in links if not link.answered()]
            if not waiting:
                return
            self._sleep(mark, waiting, deadline)

    def _sleep(self, mark: Any, waiting: Sequence[LinkProtocol], deadline: float) -> None:
        """Wait for any answer after `mark`, watching over the workers."""
        if self._transport.wait(mark, waiting, GLANCE):
            return
        for link in waiting:
            if link.has_ended() and not link.answered():
                raise self._died(link)
        if time.monotonic() > deadline:
            raise self._hung(waiting[0])

    def _answer(self, link: LinkProtocol, deadline: float | None = None) -> Any:
        """The answer of a worker that has answered, or was just started; raises what it raised."""
        deadline = time.monotonic() + self._workers.timeout if deadline is None else deadline
        try:
            while not link.listen(min(GLANCE, max(0.0, deadline - time.monotonic()))):
                if link.has_ended() and not link.listen(0):
                    raise self._died(link)
                if time.monotonic() > deadline:
                    raise self._hung(link)
            result = link.receive()
        except (EOFError, OSError):
            raise self._died(link) from None
        if isinstance(result, Failure):
            raise self._raised(link, result)
        return result

    def _events(self, link: LinkProtocol) -> Events | None:
        """The events of a worker that has answered a step or a reset."""
        events = link.events(self._answer(link))
        if isinstance(events, Failure):
            raise self._raised(link, events)
        return events

    def ask(self, link: LinkProtocol, operation: int, argument: Any = None) -> Any:
        """Send a command, and wait for the answer."""
        self._command(link, operation, argument)
        self._await([link], self._asked_at[link] + self._workers.timeout)
        return self._answer(link)

    # ---- Failures ----

    def _raised(self, link: LinkProtocol, failure: Failure) -> Exception:
        if failure.name == CopiesError.__name__ and link not in self._introduced:
            # As where no worker makes the copies.
            return CopiesError(failure.message)
        copy = None if failure.index is None else link.copies.start + failure.index
        where = f"worker {link.index}" if copy is None else f"copy {copy} in worker {link.index}"
        kind = WorkerAttributeError if failure.name == AttributeError.__name__ else WorkerError
        raised = kind(
            f"{where} raised {failure.name}: {failure.message}",
            worker=link.index,
            copies=link.copies,
            copy=copy,
            remote_traceback=failure.traceback,
        )
        refusal = None
        if link not in self._introduced:
            refusal = self._transport.refusal(link, failure.name, failure.message)
        if refusal is None:
            return raised
        refusal.__cause__ = raised
        return refusal

    def _died(self, link: LinkProtocol) -> WorkerDied:
        self._introduced.discard(link)
        return WorkerDied(f"{_name(link)} {link.describe_end()}", worker=link.index, copies=link.copies)

    def _hung(self, link: LinkProtocol) -> WorkerTimeout:
        self._introduced.discard(link)
        # An answer that came later could be taken for that of another step.
        link.kill()
        seconds = time.monotonic() - self._asked_at[link]
        return WorkerTimeout(
            f"{_name(link)} gave no answer within {seconds:.1f} seconds and was killed",
            worker=link.index,
            copies=link.copies,
        )

    def _replace(self, link: LinkProtocol, seeds: dict[int, int | None] | None) -> Events | None:
        """Start a worker instead of one that is gone.

        After a reset with `seeds` (by copy) the new copies are reset, those that were not meant to be without a seed.
        After a step the rows are truncated, and the episodes go on as the autoreset mode has it.
        """
        link.release()
        self._uninformed.discard(link)
        fresh = self._links[link.index] = self._new(link.index, link.copies)
        self._greeting(fresh)
        self._introduce(fresh)
        self._restarts += 1
        copies = link.copies
        views = self.rows.views(copies.start, copies.stop, tuple(self._form.arrays()))
        if seeds is None:
            views["finals"][...] = views["observations"]
            views["rewards"][...] = 0
            views["terminations"][...] = False
            views["over"][...] = True
            if not self._same_step:
                views["truncations"][...] = True
                return None
        for name, values in self._attributes.items():
            self.ask(fresh, SET_ATTR, (name, values[copies.start : copies.stop]))
        self._command(fresh, RESET, ([(seeds or {}).get(copy) for copy in copies], list(range(len(copies))), None))
        self._await([fresh], self._asked_at[fresh] + self._workers.timeout)
        events = self._events(fresh)
        views["truncations"][...] = seeds is None
        return events

    # ---- What PythonBackend asks for ----

    def check_options(self, options: list[dict[str, Any] | None]) -> None:
        """Raise TypeError for options that cannot travel to the workers."""
        self._transport.require("options", options)

    def _reset(
        self, seeds: Sequence[int | None], copies: Sequence[int], options: Sequence[dict[str, Any] | None] | None
    ) -> Events:
        self._finish_the_rest()
        by_copy = dict(zip(copies, seeds, strict=True))
        by_option = None if options is None else dict(zip(copies, options, strict=True))
        asked = []
        for link in self._links:
            chosen = [copy for copy in link.copies if copy in by_copy]
            if chosen:
                indices = [copy - link.copies.start for copy in chosen]
                own = None if by_option is None else [by_option[copy] for copy in chosen]
                self._command(link, RESET, ([by_copy[copy] for copy in chosen], indices, own))
                asked.append(link)
        return self._collect(asked, 0, by_copy)

    def _set_next(self, settings: dict[int, dict[str, Any]]) -> None:
        self._transport.require("set_next()", settings)
        for link in self._links:
            own = {copy - link.copies.start: settings[copy] for copy in link.copies if copy in settings}
            if own:
                self._finish_the_rest([link])
                self.ask(link, SET_NEXT, (own,))

    def call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """The attribute of every copy, or what it returns: in all workers at once."""
        self._transport.require(f"call({name!r}, ...)", (arguments, named))
        self._finish_the_rest()
        for link in self._links:
            self._command(link, CALL, (name, list(arguments), named))
        return [result for results in self._answers(self._links) for result in results]

    def set_attr(self, name: str, values: list[Any]) -> None:
        """Set the attribute of every copy."""
        self._transport.require(f"set_attr({name!r}, ...)", values)
        self._finish_the_rest()
        for link in self._links:
            self._command(link, SET_ATTR, (name, values[link.copies.start : link.copies.stop]))
        self._answers(self._links)
        self._attributes[name] = values

    def _answers(self, links: Sequence[LinkProtocol]) -> list[Any]:
        """The answers of these workers. Raises the first failure when all are idle."""
        answers: list[Any] = []
        failure: WorkerError | None = None
        for link in links:
            try:
                self._await([link], self._asked_at[link] + self._workers.timeout)
                answers.append(self._answer(link))
            except (WorkerDied, WorkerTimeout):
                raise
            except WorkerError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return answers

    def _finish_the_rest(self, links: Sequence[LinkProtocol] | None = None) -> None:
        """Wait for those of these workers that are still at something whose result nobody wants any more."""
        for link in self._links if links is None else links:
            if not link.is_asked:
                continue
            try:
                self._await([link], time.monotonic() + self._workers.timeout)
                self._answer(link)
            except (WorkerDied, WorkerTimeout):
                if not self._workers.restart_workers:
                    raise
                self._replace(link, {})
            except WorkerError:
                pass

    def _of_part(self, part: Part) -> list[LinkProtocol]:
        return [link for link in self._links if part.first <= link.copies.start < part.last]

    def _start(self, part: Part) -> None:
        links = self._of_part(part)
        self._inform(links)
        now = time.monotonic()
        for link in links:
            self._asked_at[link] = now
        self._transport.send_step(links)

    def _finish(self, part: Part) -> Events:
        return self._collect(self._of_part(part), part.first, None)

    def _collect(self, links: Sequence[LinkProtocol], first_copy: int, seeds: dict[int, int | None] | None) -> Events:
        """The events of these workers, rows counted from first_copy. Raises the first failure when all are idle."""
        events = Events()
        failure: WorkerError | None = None
        for link in links:
            try:
                self._await([link], self._asked_at[link] + self._workers.timeout)
                happened = self._events(link)
            except (WorkerDied, WorkerTimeout):
                if not self._workers.restart_workers:
                    raise
                happened = self._replace(link, seeds)
            except WorkerError as error:
                failure = failure or error
                continue
            if happened:
                events.add(happened, (link.copies.start - first_copy) * self.spec.agents_per_env)
        if failure is not None:
            raise failure
        return events

    def next_pending(self, pending: list[Part]) -> int:
        """The index of the part that recv() is to return: the first that is ready, or the first sent."""
        if self._workers.ordered:
            return 0
        while True:
            mark = self._transport.mark()
            waiting = [link for part in pending for link in self._of_part(part) if not link.answered()]
            # First, so that a worker that hangs is noticed while others go on answering.
            deadline = min((self._asked_at[link] for link in waiting), default=0.0) + self._workers.timeout
            if waiting and time.monotonic() > deadline:
                return self._index_of(waiting[0], pending)
            for index, part in enumerate(pending):
                if not any(link in waiting for link in self._of_part(part)):
                    return index
            try:
                self._sleep(mark, waiting, deadline)
            except WorkerError as error:
                # The part it belongs to deals with it.
                return self._index_of(self._links[error.worker], pending)

    def _index_of(self, link: LinkProtocol, pending: list[Part]) -> int:
        return next(k for k, part in enumerate(pending) if part.first <= link.copies.start < part.last)

    def render_one(self, copy: int) -> Any:
        """What render() of a copy returns in its worker."""
        link = next(link for link in self._links if copy in link.copies)
        self._finish_the_rest()
        return self.ask(link, RENDER, copy - link.copies.start)

    def check_usable(self) -> None:
        """Raise in a process that was forked from the one whose workers they are."""
        if os.getpid() != self._pid:
            raise RuntimeError(
                f"the workers of this environment belong to process {self._pid}, from which this one was forked; "
                f"make another environment here"
            )

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers of this machine."""
        return [link.pid for link in self._links if hasattr(link, "pid")]

    def episode_stats(self) -> dict[str, float]:
        """Means over the episodes that ended since the last call, and the number of worker restarts if allowed."""
        stats = super().episode_stats()
        if self._workers.restart_workers:
            stats["worker_restarts"] = self._restarts
            self._restarts = 0
        return stats

    # ---- End ----

    def close_copies(self) -> None:
        """Ask the workers to close their copies, and end those that do not within two seconds."""
        links, self._links = self._links, []
        try:
            # Not in a process that was forked from the one whose workers they are.
            if os.getpid() == self._pid:
                self._dismiss(links)
        finally:
            for link in links:
                link.release()
            self._transport.close()

    def _dismiss(self, links: Sequence[LinkProtocol]) -> None:
        deadline = time.monotonic() + _FAREWELL
        failure: WorkerError | None = None
        try:
            asked = [link for link in links if self._can_close(link, deadline)]
            for link in asked:
                self._command(link, CLOSE)
            for link in asked:
                try:
                    self._await([link], deadline)
                    self._answer(link, deadline)
                except (WorkerDied, WorkerTimeout) as error:
                    _logger.warning("while closing its environments, %s", error)
                except WorkerError as error:
                    failure = failure or error
        finally:
            for link in links:
                link.leave(deadline if link in self._introduced else 0.0)
        if failure is not None:
            raise failure

    def _can_close(self, link: LinkProtocol, deadline: float) -> bool:
        """Whether a worker waits for a command, now that its last answer, which nobody wants, is out of the way."""
        if link not in self._introduced or link.has_ended() or not link.answered():
            self._introduced.discard(link)
            return False
        if link.is_asked:
            try:
                self._answer(link, deadline)
            except (WorkerDied, WorkerTimeout):
                return False
            except WorkerError:
                pass
        return True

    def close_unheard(self) -> None:
        """Close where nobody is left to hear of an exception; it is logged."""
        try:
            self.close_copies()
        except WorkerError as error:
            _logger.error("%s", error)

    def __del__(self) -> None:
        if getattr(self, "_links", None):
            self.close_unheard()


def _name(link: LinkProtocol) -> str:
    return f"worker {link.index} (copies {link.copies.start} to {link.copies.stop - 1})"
