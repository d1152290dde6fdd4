"""Log records and warnings of a worker, which it hands to the program with its next answer.

They come to the program's own handlers and filters, in the order of the workers, before the step or reset returns. What
a worker has noted since its last answer is lost if it dies.
"""

from __future__ import annotations

import builtins
import contextlib
import logging
import pickle
import traceback
import warnings
from dataclasses import dataclass
from typing import Any

import cloudpickle

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

    What a handler raises is printed, as `logging` does: it is too late for the environment to hear of it, and the
    answer with the notes is still to be taken.

    Parameters
    ----------
    notes : list
        The attributes of log records, and tuples of warnings, as `Notes` collects them.
    """
    for note in notes:
        try:
            if isinstance(note, tuple):
                _warn(*note)
            else:
                _log(note)
        except Exception:
            if logging.raiseExceptions:
                traceback.print_exc()


def _log(attributes: dict[str, Any]) -> None:
    record = logging.makeLogRecord(attributes)
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def _warn(text: str, name: str, filename: str, lineno: int, module: str | None, packed_warning: bytes | None) -> None:
    warning: Warning = getattr(builtins, name)(text)
    if packed_warning is not None:
        # Its module may not be found here, and many an exception cannot be made from its arguments.
        with contextlib.suppress(Exception):
            warning = pickle.loads(packed_warning)
    # Each module has a registry, as where nobody but this process warns.
    registry = _registries.setdefault(filename, {})
    module = module or notes.module_of(filename) or filename.removesuffix(".py")
    try:
        warnings.warn_explicit(warning, None, filename, lineno, module, registry)  # type: ignore[call-overload]
    except Warning as error:
        # Too late for an exception: the step has been made.
        warnings.showwarning(error, type(error), filename, lineno)


def answered(message: bytes | memoryview) -> Any:
    """The answer in a message of a worker, once its notes have been dealt with."""
    answer = pickle.loads(message)
    if not isinstance(answer, Noted):
        return answer
    hand_over(answer.notes)
    return None if answer.answer is None else pickle.loads(answer.answer)


# What `warnings` has shown already of all workers, by file.
_registries: dict[str, dict[Any, Any]] = {}


class Notes(notes.Notes):
    """Collects the log records and the warnings of the process that makes it, which has the program's interpreter."""

    def _can_travel(self, value: Any) -> bool:
        try:
            pickle.dumps(value)
        except Exception:
            return False
        return True

    def _packed_warning(self, warning: Warning) -> bytes | None:
        try:
            # A class of the program's script comes back as the one that it is there.
            return cloudpickle.dumps(warning)
        except Exception:
            return None

    def _noted(self, notes: list, answer: bytes | None) -> bytes:
        return pickle.dumps(Noted(notes, answer))
