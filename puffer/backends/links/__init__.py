"""Links: the parent's ends of workers, a module for each transport; none of them knows of episodes.

A *transport* starts the links of a batch and holds what they share; a *link* sends commands to one worker and receives
its answers. `puffer.backends.crew` and `puffer.backends.workers` use both through the protocols below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from puffer.backends.rows import Rows, RowsForm
from puffer.backends.worker.surroundings import Surroundings


class LinkProtocol(Protocol):
    """The parent's end of one worker.

    Attributes
    ----------
    index : int
        Number of the worker.
    copies : range
        The copies that it holds.
    is_asked : bool
        Whether the answer to the last command has not been taken yet.
    """

    index: int
    copies: range

    @property
    def is_asked(self) -> bool: ...
    def send(self, operation: int, argument: Any = None) -> None:
        """Send a command. If the worker is gone, that is noticed when its answer is awaited."""

    def answered(self) -> bool:
        """Whether the answer to the last command is there."""

    def listen(self, seconds: float) -> bool:
        """Whether, within so many seconds, there is an answer to receive, or an end."""

    def receive(self) -> Any:
        """Take the answer; None if there is nothing to report. Raises EOFError or ConnectionError if it is gone."""

    def events(self, answer: Any) -> Any:
        """The Events of an answer to a step or a reset, or a Failure, once its rows are written."""

    def has_ended(self) -> bool:
        """Whether the worker is known to be gone."""

    def describe_end(self) -> str:
        """How it ended, of a worker that has ended or is about to."""

    def leave(self, deadline: float) -> None:
        """See that it is gone: by itself until the deadline, if it has been told to close, and else killed."""

    def kill(self) -> None:
        """See that it is gone, now."""

    def release(self) -> None:
        """Give back the parent's resources of a worker that is gone, or that another process looks after."""


class Transport(Protocol):
    """Starts the links of a batch, and holds what they share."""

    def cores(self) -> int:
        """The cores that workers may use."""

    def start(self, index: int, copies: range, render_mode: str | None) -> Any:
        """Start a worker that makes its copies; its first answer is their CopySpec. Returns the link."""

    def make_rows(self, form: RowsForm, workers: int, buf: Any) -> Rows:
        """The arrays of the batch."""

    def introduce(self, link: Any, ask: Any, *, same_step: bool) -> None:
        """Tell a worker where its copies live; `ask()` gives the function that sends a command and waits."""

    def news(self) -> Surroundings | None:
        """Of this process, for the workers to ADOPT, where they have changed; new workers begin with them."""

    def send_step(self, links: Sequence[Any]) -> None:
        """Send the command to step to neighbouring workers."""

    def mark(self) -> Any:
        """What `wait` needs to know of the time before."""

    def wait(self, mark: Any, links: Sequence[Any], seconds: float) -> bool:
        """Wait for an answer of one of these workers after `mark`; whether there may be one."""

    def require(self, name: str, value: Any) -> None:
        """Raise TypeError, which begins with `name`, for a value that cannot travel to workers."""

    def refusal(self, link: Any, name: str, message: str) -> Exception | None:
        """What to raise instead of a WorkerError where a worker could not make its copies."""

    def close(self) -> None:
        """Give back what the links share."""
