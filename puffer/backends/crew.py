"""The workers of a batch: started, sent commands, waited for, and what is raised where one of them fails."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from puffer.backends.infos import Events
from puffer.backends.links import LinkProtocol, Transport
from puffer.backends.worker.commands import Failure
from puffer.backends.worker.interpreter.messages import ADOPT, CLOSE
from puffer.backends.worker.surroundings import Surroundings
from puffer.errors import CopiesError, WorkerAttributeError, WorkerDied, WorkerError, WorkerTimeout
from puffer.layout.spec import CopySpec

# How often a waiting parent looks whether its workers live, in seconds.
GLANCE = 0.2
# How long a worker may take to import what it needs and make its copies, even if the timeout is shorter, in seconds.
START = 60.0
# How long workers may take to close their environments, in seconds.
_FAREWELL = 2.0

_logger = logging.getLogger(__name__)


class Crew:
    """The workers of a batch, over the links of a transport. It knows nothing of rows and episodes.

    Wherever an answer is awaited, an exception of an environment becomes a WorkerError, a dead worker WorkerDied, one
    without an answer WorkerTimeout.

    Parameters
    ----------
    transport : puffer.backends.links.Transport
    render_mode : str or None
        Of the copies.
    timeout : float
        How long a worker may take to answer, in seconds.

    Attributes
    ----------
    links : list of LinkProtocol
        One for each worker, by its index.
    """

    def __init__(self, transport: Transport, render_mode: str | None, timeout: float) -> None:
        self._transport = transport
        self._render_mode = render_mode
        self._timeout = timeout
        self.links: list[LinkProtocol] = []
        # When each was last asked, or started, by `time.monotonic()`.
        self._asked_at: dict[LinkProtocol, float] = {}
        # Those that have been told where their copies live, and can be sent commands.
        self._introduced: set[LinkProtocol] = set()
        # The last news of the program's surroundings, and those that have not heard of them.
        self._news: Surroundings | None = None
        self._uninformed: set[LinkProtocol] = set()

    # ---- Start ----

    def start(self, index: int, copies: range) -> LinkProtocol:
        """Start a worker; `greeting` waits for it."""
        link = self._transport.start(index, copies, self._render_mode)
        self._asked_at[link] = time.monotonic()
        return link

    def greeting(self, link: LinkProtocol) -> CopySpec:
        """The spec of the copies of a new worker."""
        try:
            return self._take(link, time.monotonic() + max(self._timeout, START))
        except (WorkerDied, WorkerTimeout) as error:
            link.kill()
            raise (self._transport.refusal(link, type(error).__name__, str(error)) or error) from None
        except BaseException:
            link.kill()
            raise

    def introduce(self, link: LinkProtocol, *, same_step: bool) -> None:
        """Tell a worker that has greeted where its copies live."""
        self._transport.introduce(link, weakref.WeakMethod(self.ask), same_step=same_step)
        self._introduced.add(link)

    def replace(self, link: LinkProtocol, *, same_step: bool) -> LinkProtocol:
        """Start a worker instead of one that is gone."""
        link.release()
        self._uninformed.discard(link)
        fresh = self.links[link.index] = self.start(link.index, link.copies)
        self.greeting(fresh)
        self.introduce(fresh, same_step=same_step)
        return fresh

    # ---- Commands ----

    def command(self, link: LinkProtocol, operation: int, argument: Any = None) -> None:
        """Send a command."""
        self._inform([link])
        self._asked_at[link] = time.monotonic()
        link.send(operation, argument)

    def step(self, links: Sequence[LinkProtocol]) -> None:
        """Send the command to step to neighbouring workers."""
        self._inform(links)
        now = time.monotonic()
        for link in links:
            self._asked_at[link] = now
        self._transport.send_step(links)

    def _inform(self, links: Sequence[LinkProtocol]) -> None:
        """Before these workers get a command: have them adopt the program's surroundings, if these have changed."""
        news = self._transport.news()
        if news is not None:
            self._news, self._uninformed = news, set(self.links)
        if not self._uninformed:
            return
        told = self._uninformed.intersection(links)
        self._uninformed -= told
        for link in told:
            # A worker that is gone is dealt with when it does not answer to the command itself.
            with suppress(WorkerDied, WorkerTimeout):
                self.ask(link, ADOPT, self._news)

    # ---- Answers ----

    def ask(self, link: LinkProtocol, operation: int, argument: Any = None) -> Any:
        """Send a command, and wait for the answer."""
        self.command(link, operation, argument)
        return self.answer(link)

    def answer(self, link: LinkProtocol, deadline: float | None = None) -> Any:
        """Wait for the answer of a worker, by default as long as the timeout allows since it was asked."""
        self._await(link, self._asked_at[link] + self._timeout if deadline is None else deadline)
        return self._take(link, deadline)

    def answers(self, links: Sequence[LinkProtocol]) -> list[Any]:
        """The answers of these workers. Raises the first failure when all are idle."""
        answers: list[Any] = []
        failure: WorkerError | None = None
        for link in links:
            try:
                answers.append(self.answer(link))
            except (WorkerDied, WorkerTimeout):
                raise
            except WorkerError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return answers

    def events(self, link: LinkProtocol) -> Events | None:
        """Wait for the events of a worker that was told to step or to reset."""
        events = link.events(self.answer(link))
        if isinstance(events, Failure):
            raise self._raised(link, events)
        return events

    def first_ready(self, groups: Sequence[Sequence[LinkProtocol]]) -> int:
        """The index of a group whose workers have all answered, or of one that waits for a worker that failed."""
        while True:
            mark = self._transport.mark()
            waiting = [link for group in groups for link in group if not link.answered()]
            # First, so that a worker that hangs is noticed while others go on answering.
            deadline = min((self._asked_at[link] for link in waiting), default=0.0) + self._timeout
            if waiting and time.monotonic() > deadline:
                return _group_of(waiting[0].index, groups)
            for index, group in enumerate(groups):
                if not any(link in waiting for link in group):
                    return index
            try:
                self._sleep(mark, waiting, deadline)
            except WorkerError as error:
                # Who waits for that group deals with it.
                return _group_of(error.worker, groups)

    def _await(self, link: LinkProtocol, deadline: float) -> None:
        """Wait until a worker has answered. Raises WorkerDied or WorkerTimeout."""
        while True:
            mark = self._transport.mark()
            if link.answered():
                return
            self._sleep(mark, [link], deadline)

    def _sleep(self, mark: Any, waiting: Sequence[LinkProtocol], deadline: float) -> None:
        """Wait for any answer after `mark`, watching over the workers."""
        if self._transport.wait(mark, waiting, GLANCE):
            return
        for link in waiting:
            if link.has_ended() and not link.answered():
                raise self._died(link)
        if time.monotonic() > deadline:
            raise self._hung(waiting[0])

    def _take(self, link: LinkProtocol, deadline: float | None = None) -> Any:
        """The answer of a worker that has answered, or was just started; raises what it raised."""
        deadline = time.monotonic() + self._timeout if deadline is None else deadline
        try:
            while not link.listen(min(GLANCE, max(0.0, deadline - time.monotonic()))):
                if link.has_ended() and not link.listen(0):
                    raise self._died(link)
                if time.monotonic() > deadline:
                    raise self._hung(link)
            result = link.receive()
        except (EOFError, ConnectionError):
            # No other OSError: the handler of a signal may raise a TimeoutError.
            raise self._died(link) from None
        if isinstance(result, Failure):
            raise self._raised(link, result)
        return result

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

    # ---- End ----

    def dismiss(self, links: Sequence[LinkProtocol]) -> None:
        """Ask these workers to close their copies, and end those that do not within two seconds."""
        deadline = time.monotonic() + _FAREWELL
        failure: WorkerError | None = None
        try:
            asked = [link for link in links if self._can_close(link, deadline)]
            for link in asked:
                self.command(link, CLOSE)
            for link in asked:
                try:
                    self.answer(link, deadline)
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
                self._take(link, deadline)
            except (WorkerDied, WorkerTimeout):
                return False
            except WorkerError:
                pass
        return True


def _group_of(index: int, groups: Sequence[Sequence[LinkProtocol]]) -> int:
    """The index of the group with the worker of this index."""
    return next(k for k, group in enumerate(groups) if any(link.index == index for link in group))


def _name(link: LinkProtocol) -> str:
    return f"worker {link.index} (copies {link.copies.start} to {link.copies.stop - 1})"
