"""The program that runs in a worker process: it makes its copies, then steps them when the parent says so.

Started by `puffer.process` as `python -m puffer.worker DESCRIPTOR PARENT`, with one end of a socket and the parent's
process number. Commands and answers are counters in shared memory; what does not fit there travels over the socket.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

# Words in a worker's line of counters: the command counter (two words), the command, the answered value of the command
# counter, and what the answer is.
COMMAND, OPERATION, ANSWERED, ANSWER = 0, 2, 3, 4
RESET, STEP, RENDER, CLOSE = 0, 1, 2, 3
# Nothing more; a pickled result follows on the socket; a failure follows.
PLAIN, RESULT, FAILURE = 0, 1, 2


class Worker:
    """The copies of one worker, and its line of counters."""

    def __init__(self, connection: Connection, link: socket.socket) -> None:
        self._connection = connection
        self._link = link
        self._batch: Any = None
        self._counters: np.ndarray = np.zeros(0, np.uint32)
        self._line = 0
        # The place of the copy that is being made.
        self._making: int | None = None

    def run(self) -> None:
        """Set up, then obey until told to close."""
        try:
            spins = self._set_up()
        except SystemExit:
            raise
        except BaseException as error:
            self._connection.send_bytes(_failure(error, self._making))
            return
        from puffer._channel import raise_counter, store, wait_for_change

        seen = 0
        while True:
            value = wait_for_change(self._counters, self._line + COMMAND, seen, 3600.0, spins)
            if value == seen:
                continue
            seen = value
            operation = int(self._counters[self._line + OPERATION])
            answer, message = self._obey(operation)
            self._counters[self._line + ANSWER] = answer
            store(self._counters, self._line + ANSWERED, seen)
            raise_counter(self._counters, 0)
            # Only now: a message that fills the socket waits for the parent to read it.
            if message is not None:
                self._connection.send_bytes(message)
            if operation == CLOSE:
                return

    def _set_up(self) -> int:
        from puffer._python import PythonBatch, require_alike
        from puffer.shared import LINE, Block

        plan = pickle.loads(self._connection.recv_bytes())
        sys.path[:] = plan["path"]
        creator = pickle.loads(plan["creator"])
        copies = plan["copies"]
        adapters = []
        for self._making, copy in enumerate(copies):
            adapters.append(creator(copy))
        self._making = None
        require_alike(adapters, copies.start)
        first = adapters[0]
        likeness = first.layout, first.action_layout, first.agents_per_env, first.max_steps, first.rendering
        self._connection.send_bytes(_packed(("ready", likeness)))
        shape, index, options, spins = pickle.loads(self._connection.recv_bytes())
        _, descriptors, _, _ = socket.recv_fds(self._link, 1, 1)
        block = Block(shape, descriptors[0])
        block.close()
        rows = slice(copies.start * shape.agents_per_env, copies.stop * shape.agents_per_env)
        here = slice(copies.start, copies.stop)
        self._batch = PythonBatch(
            adapters, block.buffers(here), block.arrays["ended"][here], block.arrays["sums"][rows], **options
        )
        self._counters = block.arrays["counters"]
        self._line = (index + 1) * LINE
        return spins

    def _obey(self, operation: int) -> tuple[int, bytes | None]:
        batch = self._batch
        try:
            if operation == STEP:
                result = batch.step()
            elif operation == RESET:
                seeds, copies = pickle.loads(self._connection.recv_bytes())
                result = batch.reset(seeds, copies)
            elif operation == RENDER:
                result = ("frame", batch.render_copy(pickle.loads(self._connection.recv_bytes())))
            else:
                result = batch.close()
        except SystemExit:
            # An environment that ends its process is to be seen as one.
            raise
        except BaseException as error:
            return FAILURE, _failure(error, batch.current)
        if not result:
            return PLAIN, None
        try:
            return RESULT, _packed(result)
        except Exception as error:
            # Something in the infos, and it could be any copy's.
            return FAILURE, _failure(error, None)


def _packed(result: Any) -> bytes:
    """A result for the parent."""
    try:
        return pickle.dumps(result)
    except Exception:
        # Objects of classes that the parent's script or notebook defines, and which have no module here.
        import cloudpickle

        return cloudpickle.dumps(result)


def _failure(error: BaseException, copy: int | None) -> bytes:
    """What the parent needs to know of an exception; the exception itself may not be picklable."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be made)"
    text = "".join(traceback.format_exception(error))
    return pickle.dumps(("failed", (type(error).__name__, message, copy, text)))


def _end_with_parent(lifeline: int) -> None:
    """End when the parent has ended, which closes its end of the pipe; also while an environment is stuck."""
    os.read(lifeline, 1)
    os._exit(1)


def main() -> None:
    descriptor, lifeline, parent = (int(argument) for argument in sys.argv[1:4])
    # Ctrl-C goes to every process of the terminal, and it is the parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    from puffer._channel import end_with_parent

    end_with_parent(parent)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    link = socket.socket(fileno=descriptor)
    try:
        Worker(Connection(os.dup(descriptor)), link).run()
    except (EOFError, ConnectionError):
        # The parent has hung up, and there is nobody to tell.
        os._exit(1)


if __name__ == "__main__":
    main()
