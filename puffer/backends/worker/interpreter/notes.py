"""Log records and warnings of a worker, which go to the program with an answer."""

from __future__ import annotations

import copy
import logging
import warnings
from typing import Any

from .messages import pack

_FORMATTER = logging.Formatter()


class Notes(logging.Handler):
    """Collects the log records of the process that makes it, and the warnings that its filters show, as plain data."""

    def __init__(self) -> None:
        super().__init__()
        self._notes: list = []
        logging.root.addHandler(self)
        warnings.showwarning = self._show

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the attributes of a record, with text in place of what cannot be carried."""
        plain = copy.copy(record)
        plain.msg, plain.args = record.getMessage(), None
        if record.exc_info:
            plain.exc_text, plain.exc_info = _FORMATTER.formatException(record.exc_info), None
        self._notes.append({name: self._carried(value) for name, value in vars(plain).items()})

    def _show(
        self, message: Any, category: type, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        self._notes.append((str(message), self._carried_class(category), filename, lineno))

    def with_answer(self, answer: Any) -> Any:
        """The answer, with what was noted since the last one if there is anything."""
        if not self._notes:
            return answer
        notes, self._notes = self._notes, []
        return self._noted(notes, answer)

    def _carried(self, value: Any) -> Any:
        try:
            pack(value)
        except TypeError:
            return repr(value)
        return value

    def _carried_class(self, category: type) -> Any:
        return category.__name__

    def _noted(self, notes: list, answer: Any) -> Any:
        return pack(("noted", notes, answer))


def adopt_levels(levels: dict[str, int], disabled: int, before: dict[str, int] | None = None) -> None:
    """Have the program's log levels: all, or those that differ from the ones that were adopted before.

    They are by the name of a logger, "" for the root's; `disabled` is the level up to which no record counts.
    """
    old = before or {}
    for name in levels.keys() | old.keys():
        level = levels.get(name, logging.NOTSET)
        if before is None or level != old.get(name, logging.NOTSET):
            logging.getLogger(name or None).setLevel(level)
    logging.disable(disabled)
