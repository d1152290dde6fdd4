"""What goes wrong in workers."""

from __future__ import annotations


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
