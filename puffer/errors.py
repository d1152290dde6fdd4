"""Exceptions and warnings: what goes wrong in workers, what checks find."""

from __future__ import annotations

import signal
from typing import Any


class WorkerError(RuntimeError):
    """An environment raised in a worker.

    Attributes
    ----------
    worker : int
        Number of the worker.
    copies : range
        The copies that it holds.
    copy : int or None
        The copy that raised, where one did.
    remote_traceback : str
        The traceback in the worker; empty where there is none.
    """

    def __init__(
        self, message: str, *, worker: int, copies: range, copy: int | None = None, remote_traceback: str = ""
    ) -> None:
        super().__init__(f"{message}\n\n{remote_traceback}".rstrip())
        self.worker = worker
        self.copies = copies
        self.copy = copy
        self.remote_traceback = remote_traceback


class WorkerDied(WorkerError):
    """A worker process ended: killed, crashed, or by sys.exit."""


class WorkerTimeout(WorkerError):
    """A worker gave no answer in time, and was killed."""


class CheckFailed(AssertionError):
    """`puffer.check_env` found mistakes in an environment.

    Attributes
    ----------
    problems : list of puffer.checking.Finding
        The mistakes.
    report : puffer.checking.Report
        What was checked and found.
    """

    def __init__(self, report: Any) -> None:
        super().__init__(str(report))
        self.problems = report.problems
        self.report = report


class CheckWarning(UserWarning):
    """`puffer.check_env` saw something that is legal and often a mistake."""


def describe_end(code: int) -> str:
    """How a process with this return code ended."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
