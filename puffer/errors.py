"""Exceptions and warnings of workers, of checks, and of builds."""

from __future__ import annotations

import signal
from typing import Any


class BuildError(Exception):
    """A `.pyx` file does not compile. The message is that of the compiler."""


class WorkerError(RuntimeError):
    """An environment raised an exception in a worker.

    Attributes
    ----------
    worker : int
        Index of the worker.
    copies : range
        The copies in the worker.
    copy : int or None
        The copy that raised; None if no single copy did.
    remote_traceback : str
        The traceback in the worker; empty if there is none.
    """

    def __init__(
        self, message: str, *, worker: int, copies: range, copy: int | None = None, remote_traceback: str = ""
    ) -> None:
        super().__init__(f"{message}\n\n{remote_traceback}".rstrip())
        self.worker = worker
        self.copies = copies
        self.copy = copy
        self.remote_traceback = remote_traceback

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is otherwise made again from its message alone, which the constructor does not take.
        return _restored, (type(self), self.args, self.__dict__)


class WorkerAttributeError(WorkerError, AttributeError):
    """The WorkerError of an AttributeError, which is one too, as where no worker has the copies."""


class WorkerDied(WorkerError):
    """A worker ended: it was killed, crashed, or called sys.exit."""


class WorkerTimeout(WorkerError):
    """A worker did not answer in time and was killed."""


class CopiesError(ValueError):
    """The copies of a batch cannot stand beside each other, wherever they are made."""


class CheckFailed(AssertionError):
    """`puffer.check_env` found mistakes in an environment.

    Attributes
    ----------
    problems : list of puffer.checking.Finding
        The mistakes.
    report : puffer.checking.Report
        All checks and findings.
    """

    def __init__(self, report: Any) -> None:
        super().__init__(str(report))
        self.problems = report.problems
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.report,), {"__notes__": self.__notes__} if hasattr(self, "__notes__") else None


class CheckWarning(UserWarning):
    """`puffer.check_env` found legal behaviour that is often a mistake."""


def _restored(cls: type[WorkerError], args: tuple[Any, ...], state: dict[str, Any]) -> WorkerError:
    """A WorkerError with these attributes, as pickle and copy make it."""
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


def describe_end(code: int) -> str:
    """How a process with this return code ended."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
