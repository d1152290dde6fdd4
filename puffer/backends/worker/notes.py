"""Log records and warnings of a worker, which it hands to the program with its next answer.

They come to the program's own handlers and filters, in the order of the workers, before the step or reset returns. What
a worker has noted since its last answer is lost if it dies.
"""

from __future__ import annotations

import builtins
import logging
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

from puffer.backends.worker.interpreter import notes


@dataclass(frozen=True)
class Noted:
    """An answer with notes.

    Attributes
    ----------
    notes : list
        What `hand_over` takes.
    answer : bytes or None
        The pickled answer.
    """

    notes: list[dict[str, Any] | tuple]
    answer: bytes | None


def hand_over(notes: list[dict[str, Any] | tuple]) -> None:
    """Let the loggers and the filters of this process deal with notes.

    Parameters
    ----------
    notes : list
        The attributes of log records, and tuples with the text, the class or its name, the file and the line of
        warnings.
    """
    for note in notes:
        if isinstance(note, tuple):
            _warn(*note)
            continue
        record = logging.makeLogRecord(note)
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)


def _warn(message: str, kind: type[Warning] | str, filename: str, lineno: int) -> None:
    known = getattr(builtins, kind, None) if isinstance(kind, str) else kind
    category = known if isinstance(known, type) and issubclass(known, Warning) else UserWarning
    try:
        warnings.warn_explicit(message, category, filename, lineno, registry=_shown)
    except Warning as error:
        # Too late for an exception: the step has been made.
        warnings.showwarning(error, category, filename, lineno)


def answered(message: bytes | memoryview) -> Any:
    """The answer in a message of a worker, once its notes have been dealt with."""
    answer = pickle.loads(message)
    if not isinstance(answer, Noted):
        return answer
    hand_over(answer.notes)
    return None if answer.answer is None else pickle.loads(answer.answer)


# What `warnings` has shown already of all workers.
_shown: dict[Any, Any] = {}


class Notes(notes.Notes):
    """Collects the log records and the warnings of the process that makes it, which has the program's interpreter."""

    def _carried(self, value: Any) -> Any:
        return value if _can_travel(value) else repr(value)

    def _carried_class(self, category: type[Warning]) -> type[Warning]:
        # A class of the program's script may not be found there by its name.
        return category if _can_travel(category) else UserWarning

    def _noted(self, notes: list, answer: bytes | None) -> bytes:
        return pickle.dumps(Noted(notes, answer))


def _can_travel(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return True
