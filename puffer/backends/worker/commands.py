"""A worker's commands, wherever it runs: it makes its copies, then resets, steps, renders and closes them when told."""

from __future__ import annotations

import pickle
import traceback
import warnings
from dataclasses import dataclass
from typing import Any

from puffer.backends.copies import CopiesStepper, close_all
from puffer.backends.rows import Rows
from puffer.backends.worker.interpreter.messages import ADOPT, CALL, CLOSE, RENDER, RESET, SET_ATTR, SET_NEXT, STEP
from puffer.backends.worker.notes import Notes
from puffer.backends.worker.pickling import packed
from puffer.backends.worker.surroundings import Surroundings
from puffer.wrappers.adapters.adapter import Adapter


@dataclass(frozen=True)
class Failure:
    """An exception in a worker as the parent is told of it; the exception itself may not be picklable.

    Attributes
    ----------
    index : int or None
        The copy that raised, counted within the worker, where one did.
    """

    name: str
    message: str
    index: int | None
    traceback: str


class Worker:
    """The copies of one worker. Its answers are bytes, for `pickle.loads`; None if there is nothing to send.

    Parameters
    ----------
    copies : range
    surroundings : Surroundings
        Those of the program, which this process adopts.
    """

    def __init__(self, copies: range, surroundings: Surroundings) -> None:
        surroundings.adopt()
        self._surroundings = surroundings
        self._notes = Notes()
        self._copies = copies
        self._adapters: list[Adapter] = []
        self._stepper: CopiesStepper | None = None
        # The index of the copy that is being made.
        self._making: int | None = None
        # The answer to every command, if the copies could not be bound.
        self._unbound: bytes | None = None

    def make(self, creator: bytes) -> bytes | None:
        """Make the copies with a pickled creator. Answers with their CopySpec or a Failure."""
        return self._notes.with_answer(self._made(creator))

    def _made(self, creator: bytes) -> bytes:
        try:
            with warnings.catch_warnings():
                # The program has imported what this imports, and has dealt with the warnings of those modules.
                warnings.simplefilter("ignore")
                create = pickle.loads(creator)
            # Those of the modules that have just been imported.
            self._surroundings.adopt_filters()
            for index, copy in enumerate(self._copies):
                self._making = index
                self._adapters.append(create(copy))
            self._making = None
            spec = self._adapters[0].spec
            for copy, adapter in zip(self._copies, self._adapters, strict=True):
                spec = spec.spanning(adapter.spec, copy, self._copies.start)
        except SystemExit:
            # An environment that ends its process is to be seen as one.
            raise
        except BaseException as error:
            return _failure(error, self._making)
        return packed(spec)

    def bind(self, rows: Rows, *, same_step: bool) -> None:
        """Let the copies live in these rows; see `CopiesStepper`."""
        try:
            self._stepper = CopiesStepper(self._adapters, rows, same_step=same_step)
        except SystemExit:
            raise
        except BaseException as error:
            self._unbound = _failure(error, None)

    def obey(self, operation: int, argument: bytes | None = None) -> bytes | None:
        """Carry out a command, whose argument is pickled.

        RESET takes (seeds, indices of copies, options), RENDER an index, CALL, SET_ATTR and SET_NEXT the arguments of
        these methods of the stepper, ADOPT the Surroundings of the program, where these have changed. Answers with
        Events that are not empty, a frame, a list, or a Failure.
        """
        return self._notes.with_answer(self._obeyed(operation, argument))

    def _obeyed(self, operation: int, argument: bytes | None) -> bytes | None:
        has_begun = False
        try:
            if operation == CLOSE:
                close_all(self._adapters)
                return None
            if self._stepper is None:
                return self._unbound
            # It may be of a class that cannot be had here.
            given = None if argument is None else pickle.loads(argument)
            has_begun = True
            if operation == ADOPT:
                given.adopt(self._surroundings)
                self._surroundings = given
                return None
            result = self._result(self._stepper, operation, given)
        except SystemExit:
            raise
        except BaseException as error:
            return _failure(error, self._stepper.current if has_begun else None)
        if result is None:
            return None
        try:
            return packed(result)
        except Exception as error:
            # Something in the infos, and it could be any copy's.
            return _failure(error, None)

    @staticmethod
    def _result(stepper: CopiesStepper, operation: int, argument: Any) -> Any:
        if operation == STEP:
            return stepper.finish()
        if operation == RESET:
            return stepper.reset(*argument) or None
        if operation == RENDER:
            return stepper.render_copy(argument)
        method = {CALL: stepper.call, SET_ATTR: stepper.set_attr, SET_NEXT: stepper.set_next}[operation]
        return method(*argument)


def _failure(error: BaseException, index: int | None) -> bytes:
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be made)"
    return pickle.dumps(Failure(type(error).__name__, message, index, "".join(traceback.format_exception(error))))
