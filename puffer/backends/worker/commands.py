"""What a worker does, wherever it runs: it makes its copies, then resets, steps, renders and closes them when told."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import Any, NamedTuple

from gymnasium.spaces import MultiDiscrete

from puffer.backends.books import Books
from puffer.layout.spaces import ActionLayout, Layout
from puffer.native.buffers import Buffers
from puffer.rendering import Rendering
from puffer.wrappers.adapters.adapter import Adapter, PythonBatch, close_all, likeness, require_alike

RESET, STEP, RENDER, CLOSE = range(4)


class Likeness(NamedTuple):
    """What the copies of a worker are like: what all copies have in common, their time limit, and pictures."""

    layout: Layout
    action_layout: ActionLayout
    agents_per_env: int
    copy_action_space: MultiDiscrete | None
    max_steps: int | None
    rendering: Rendering


@dataclass(frozen=True)
class Failure:
    """What the parent is told of an exception, which itself may not be picklable.

    Attributes
    ----------
    place : int or None
        The copy that raised, counted within the worker, where one did.
    """

    name: str
    message: str
    place: int | None
    traceback: str


class Worker:
    """The copies of one worker. Its answers are bytes, for `pickle.loads`; of None there is nothing to send."""

    def __init__(self, copies: range) -> None:
        self._copies = copies
        self._adapters: list[Adapter] = []
        self._batch: PythonBatch | None = None
        # The place of the copy that is being made.
        self._making: int | None = None
        # What there is to say to every command, if the copies could not be bound.
        self._unbound: bytes | None = None

    def make(self, creator: bytes) -> bytes:
        """Make the copies with a pickled `Creator`. Answers with a Likeness or a Failure."""
        try:
            create = pickle.loads(creator)
            for place, copy in enumerate(self._copies):
                self._making = place
                self._adapters.append(create(copy))
            self._making = None
            require_alike(self._adapters, self._copies.start)
        except SystemExit:
            # An environment that ends its process is to be seen as one.
            raise
        except BaseException as error:
            return _failure(error, self._making)
        first = self._adapters[0]
        return _packed(Likeness(*likeness(first), first.max_steps, first.rendering))

    def bind(self, buffers: Buffers, books: Books, settings: dict[str, Any]) -> None:
        """Let the copies live in these arrays; see `PythonBatch`, which takes the settings."""
        try:
            self._batch = PythonBatch(self._adapters, buffers, books, **settings)
        except SystemExit:
            raise
        except BaseException as error:
            self._unbound = _failure(error, None)

    def obey(self, operation: int, argument: Any = None) -> bytes | None:
        """Carry out a command.

        RESET takes (seeds, places), RENDER a place. Answers with Events that are not empty, a frame, or a Failure.
        """
        try:
            if operation == CLOSE:
                close_all(self._adapters)
                return None
            if self._batch is None:
                return self._unbound
            result = self._result(self._batch, operation, argument)
        except SystemExit:
            raise
        except BaseException as error:
            return _failure(error, None if operation == CLOSE else self._batch.current)
        if result is None:
            return None
        try:
            return _packed(result)
        except Exception as error:
            # Something in the infos, and it could be any copy's.
            return _failure(error, None)

    @staticmethod
    def _result(batch: PythonBatch, operation: int, argument: Any) -> Any:
        if operation == STEP:
            return batch.step()
        if operation == RESET:
            return batch.reset(*argument) or None
        return batch.render_copy(argument)


def _packed(result: Any) -> bytes:
    try:
        return pickle.dumps(result)
    except Exception:
        # Objects of classes that the parent's script or notebook defines, and which have no module here.
        import cloudpickle

        return cloudpickle.dumps(result)


def _failure(error: BaseException, place: int | None) -> bytes:
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be made)"
    return pickle.dumps(Failure(type(error).__name__, message, place, "".join(traceback.format_exception(error))))
