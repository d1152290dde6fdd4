"""Log records and warnings of a worker, which go to the program with an answer."""

from __future__ import annotations

import copy
import logging
import sys
import warnings
from typing import Any

from .messages import pack

_FORMATTER = logging.Formatter()
# Values of these types can always be carried.
_PLAIN = (str, int, float, bool, type(None))


class Notes(logging.Handler):
    """Collects the log records of the process that makes it, and the warnings that its filters show, as plain data."""

    def __init__(self) -> None:
        super().__init__()
        self._notes: list = []
        logging.root.addHandler(self)
        warnings.showwarning = self._show

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the attributes of a record, with text in place of what cannot be carried.

        A record whose message cannot be made is shown on stderr, as by other handlers, and the environment goes on.
        """
        try:
            self._notes.append(self._plain(record))
        except Exception:
            self.handleError(record)

    def _plain(self, record: logging.LogRecord) -> dict:
        plain = copy.copy(record)
        plain.msg, plain.args = record.getMessage(), None
        if record.exc_info:
            plain.exc_text, plain.exc_info = _FORMATTER.formatException(record.exc_info), None
        return {
            name: value if type(value) in _PLAIN or self._can_travel(value) else _shown(value)
            for name, value in vars(plain).items()
        }

    def _show(
        self, message: Any, category: type, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        # The nearest class that is Python's own, for a program that does not have this one.
        name = next(base.__name__ for base in category.__mro__ if base.__module__ == "builtins")
        note = (str(message), name, filename, lineno, module_of(filename), self._packed_warning(message))
        with self.lock:
            self._notes.append(note)

    def with_answer(self, answer: Any) -> Any:
        """The answer, with what was noted since the last one if there is anything."""
        if not self._notes:
            return answer
        # Threads of an environment may go on.
        with self.lock:
            notes, self._notes = self._notes, []
        return self._noted(notes, answer)

    def _can_travel(self, value: Any) -> bool:
        try:
            pack(value)
        except Exception:
            return False
        return True

    def _packed_warning(self, warning: Any) -> Any:
        """The warning itself for a program with the same interpreter, or None."""
        return None

    def _noted(self, notes: list, answer: Any) -> Any:
        return pack(("noted", notes, answer))


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return object.__repr__(value)


def module_of(filename: str) -> Any:
    """The name of the loaded module of a file, by which filters of warnings choose; None if there is none."""
    for name, module in list(sys.modules.items()):
        if getattr(module, "__dict__", {}).get("__file__") == filename:
            return name
    return None


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
