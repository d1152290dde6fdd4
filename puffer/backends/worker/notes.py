"""Log records and warnings of a worker process, which it hands to the program with its next answer.

They come to the program's own handlers and filters, in the order of the workers, before the step or reset returns. What
a worker has noted since its last answer is lost if it dies.
"""

from __future__ import annotations

import copy
import logging
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

_FORMATTER = logging.Formatter()


@dataclass(frozen=True)
class Noted:
    """An answer with notes.

    Attributes
    ----------
    notes : list
        Log records, and the arguments of `warnings.warn_explicit`.
    answer : bytes or None
        The pickled answer.
    """

    notes: list[logging.LogRecord | tuple[str, type[Warning], str, int]]
    answer: bytes | None

    def hand_over(self) -> None:
        """Let the loggers and the filters of this process deal with the notes."""
        for note in self.notes:
            if isinstance(note, tuple):
                warnings.warn_explicit(*note, registry=_shown)
                continue
            logger = logging.getLogger(note.name)
            if logger.isEnabledFor(note.levelno):
                logger.handle(note)


def answered(message: bytes | memoryview) -> Any:
    """The answer in a message of a worker, once its notes have been dealt with."""
    answer = pickle.loads(message)
    if not isinstance(answer, Noted):
        return answer
    answer.hand_over()
    return None if answer.answer is None else pickle.loads(answer.answer)


# What `warnings` has shown already of all workers.
_shown: dict[Any, Any] = {}


class Notes(logging.Handler):
    """Collects the log records and the warnings of the process that makes it."""

    def __init__(self) -> None:
        super().__init__()
        self._notes: list[Any] = []
        logging.root.addHandler(self)
        warnings.showwarning = self._show

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a copy of a record, with text in place of what cannot be pickled."""
        plain = copy.copy(record)
        plain.msg, plain.args = record.getMessage(), None
        if record.exc_info:
            plain.exc_text, plain.exc_info = _FORMATTER.formatException(record.exc_info), None
        for name, value in vars(plain).items():
            if not _can_travel(value):
                setattr(plain, name, repr(value))
        self._notes.append(plain)

    def _show(
        self, message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        # A class of the program's script may not be found there by its name.
        kind = category if _can_travel(category) else UserWarning
        self._notes.append((str(message), kind, filename, lineno))

    def with_answer(self, answer: bytes | None) -> bytes | None:
        """The answer, with what was noted since the last one if there is anything."""
        if not self._notes:
            return answer
        notes, self._notes = self._notes, []
        return pickle.dumps(Noted(notes, answer))


def _can_travel(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return True
