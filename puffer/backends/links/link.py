"""A worker as the parent sees it, whatever it is."""

from __future__ import annotations

import time


class RemoteWorker:
    """Base of the workers of each backend.

    Attributes
    ----------
    index : int
        Number of the worker.
    copies : range
        The copies that it holds.
    is_asked : bool
        Whether its last answer has not been taken yet.
    asked_at : float
        When it was asked or, before that, started, by `time.monotonic()`.
    """

    def __init__(self, index: int, copies: range) -> None:
        self.index = index
        self.copies = copies
        self.is_asked = False
        self.asked_at = time.monotonic()

    def __str__(self) -> str:
        return f"worker {self.index} (copies {self.copies.start} to {self.copies.stop - 1})"

    def has_ended(self) -> bool:
        """Whether it is known to be gone."""
        raise NotImplementedError

    def describe_end(self) -> str:
        """How it ended, for a worker that has ended or is about to."""
        raise NotImplementedError

    def leave(self, deadline: float) -> None:
        """See that it is gone: by itself until the deadline, if it has been told to close, and else killed."""
        raise NotImplementedError

    def kill(self) -> None:
        """See that it is gone, now."""
        raise NotImplementedError

    def release(self) -> None:
        """Give back what the parent holds of a worker that is gone, or that another process looks after."""
