"""The backend with workers: who holds which copies, what they are told, and what takes the place of one that fails."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import time
import weakref
from collections.abc import Sequence
from typing import Any

from puffer.backends.crew import Crew
from puffer.backends.infos import Events
from puffer.backends.links import LinkProtocol, Transport
from puffer.backends.python import PythonBackend
from puffer.backends.worker.interpreter.messages import CALL, RENDER, RESET, SET_ATTR, SET_NEXT
from puffer.errors import WorkerDied, WorkerError, WorkerTimeout
from puffer.native.backend import Part
from puffer.options import BatchOptions, WorkerOptions

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
        self._crew = Crew(transport, options.render_mode, workers.timeout)
        self._links = self._crew.links
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
            self._links.append(self._crew.start(index, range(bounds[index], bounds[index + 1])))
        first = self._crew.greeting(self._links[0])
        for link in self._links[1:]:
            first = first.spanning(self._crew.greeting(link), link.copies.start, 0)
        self._settle(first)
        self._live_in(self._transport.make_rows(self._form, workers, self.options.buf))
        for link in self._links:
            self._crew.introduce(link, same_step=self._same_step)

    def _replace(self, link: LinkProtocol, seeds: dict[int, int | None] | None) -> Events | None:
        """Start a worker instead of one that is gone.

        After a reset with `seeds` (by copy) the new copies are reset, those that were not meant to be without a seed.
        After a step the rows are truncated, and the episodes go on as the autoreset mode has it.
        """
        fresh = self._crew.replace(link, same_step=self._same_step)
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
            self._crew.ask(fresh, SET_ATTR, (name, values[copies.start : copies.stop]))
        self._crew.command(fresh, RESET, ([(seeds or {}).get(copy) for copy in copies], list(range(len(copies))), None))
        events = self._crew.events(fresh)
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
                self._crew.command(link, RESET, ([by_copy[copy] for copy in chosen], indices, own))
                asked.append(link)
        return self._collect(asked, 0, by_copy)

    def _set_next(self, settings: dict[int, dict[str, Any]]) -> None:
        self._transport.require("set_next()", settings)
        for link in self._links:
            own = {copy - link.copies.start: settings[copy] for copy in link.copies if copy in settings}
            if own:
                self._finish_the_rest([link])
                self._crew.ask(link, SET_NEXT, (own,))

    def call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """The attribute of every copy, or what it returns: in all workers at once."""
        self._transport.require(f"call({name!r}, ...)", (arguments, named))
        self._finish_the_rest()
        for link in self._links:
            self._crew.command(link, CALL, (name, list(arguments), named))
        return [result for results in self._crew.answers(self._links) for result in results]

    def set_attr(self, name: str, values: list[Any]) -> None:
        """Set the attribute of every copy."""
        self._transport.require(f"set_attr({name!r}, ...)", values)
        self._finish_the_rest()
        for link in self._links:
            self._crew.command(link, SET_ATTR, (name, values[link.copies.start : link.copies.stop]))
        self._crew.answers(self._links)
        self._attributes[name] = values

    def _finish_the_rest(self, links: Sequence[LinkProtocol] | None = None) -> None:
        """Wait for those of these workers that are still at something whose result nobody wants any more."""
        for link in self._links if links is None else links:
            if not link.is_asked:
                continue
            try:
                self._crew.answer(link, time.monotonic() + self._workers.timeout)
            except (WorkerDied, WorkerTimeout):
                if not self._workers.restart_workers:
                    raise
                self._replace(link, {})
            except WorkerError:
                pass

    def _of_part(self, part: Part) -> list[LinkProtocol]:
        return [link for link in self._links if part.first <= link.copies.start < part.last]

    def _start(self, part: Part) -> None:
        self._crew.step(self._of_part(part))

    def _finish(self, part: Part) -> Events:
        return self._collect(self._of_part(part), part.first, None)

    def _collect(self, links: Sequence[LinkProtocol], first_copy: int, seeds: dict[int, int | None] | None) -> Events:
        """The events of these workers, rows counted from first_copy. Raises the first failure when all are idle."""
        events = Events()
        failure: WorkerError | None = None
        for link in links:
            try:
                happened = self._crew.events(link)
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
        return self._crew.first_ready([self._of_part(part) for part in pending])

    def render_one(self, copy: int) -> Any:
        """What render() of a copy returns in its worker."""
        link = next(link for link in self._links if copy in link.copies)
        self._finish_the_rest()
        return self._crew.ask(link, RENDER, copy - link.copies.start)

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
        links = self._links[:]
        self._links.clear()
        try:
            # Not in a process that was forked from the one whose workers they are.
            if os.getpid() == self._pid:
                self._crew.dismiss(links)
        finally:
            for link in links:
                link.release()
            self._transport.close()

    def close_unheard(self) -> None:
        """Close where nobody is left to hear of an exception; it is logged."""
        try:
            self.close_copies()
        except WorkerError as error:
            _logger.error("%s", error)

    def __del__(self) -> None:
        if getattr(self, "_links", None):
            self.close_unheard()
