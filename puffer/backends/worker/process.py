"""The program that runs in a worker process: it obeys the parent until it is told to close.

Started by `puffer.backends.links.process` with the descriptors of one end of a socket and of one of a pipe, and the
parent's process number. Commands and answers are counters in shared memory; what does not fit there travels over the
socket.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
from multiprocessing.connection import Connection

from puffer.backends.channel import end_with_parent, raise_counters, store, store_core, wait_for_change
from puffer.backends.shared import LINE, Block
from puffer.backends.worker.commands import CLOSE, RENDER, RESET, Worker

# Words in a worker's line of counters: the command counter (two words), the command, the answered value of the command
# counter, whether a message on the socket follows the answer, and the core that the worker runs on.
COMMAND, OPERATION, ANSWERED, FOLLOWS, CORE = 0, 2, 3, 4, 5


def _run(connection: Connection, link: socket.socket) -> None:
    """Make the copies, then obey until told to close."""
    creator, copies = pickle.loads(connection.recv_bytes())
    worker = Worker(copies)
    connection.send_bytes(worker.make(creator))
    # After a failure the parent hangs up instead.
    shape, index, settings, look = pickle.loads(connection.recv_bytes())
    _, descriptors, _, _ = socket.recv_fds(link, 1, 1)
    block = Block(shape, descriptors[0])
    block.close()
    here = slice(copies.start, copies.stop)
    rows = slice(copies.start * shape.agents_per_env, copies.stop * shape.agents_per_env)
    worker.bind(block.buffers(here), block.books().part(here, rows), settings)
    counters, line = block.arrays["counters"], (index + 1) * LINE
    seen = 0
    while True:
        value = wait_for_change(counters, line + COMMAND, seen, 3600.0, look)
        if value == seen:
            continue
        seen = value
        operation = int(counters[line + OPERATION])
        argument = pickle.loads(connection.recv_bytes()) if operation in (RESET, RENDER) else None
        answer = worker.obey(operation, argument)
        counters[line + FOLLOWS] = answer is not None
        store_core(counters, line + CORE)
        store(counters, line + ANSWERED, seen)
        raise_counters(counters, 0)
        # Only now: a message that fills the socket waits for the parent to read it.
        if answer is not None:
            connection.send_bytes(answer)
        if operation == CLOSE:
            return


def _end_with_parent(lifeline: int) -> None:
    """End when the parent has ended, which closes its end of the pipe; also while an environment is stuck."""
    os.read(lifeline, 1)
    os._exit(1)


def main() -> None:
    """Run, with the arguments of the command line."""
    descriptor, lifeline, parent = (int(argument) for argument in sys.argv[1:4])
    # Ctrl-C goes to every process of the terminal, and it is the parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with_parent(parent)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    link = socket.socket(fileno=descriptor)
    try:
        _run(Connection(os.dup(descriptor)), link)
    except (EOFError, ConnectionError):
        # The parent has hung up, and there is nobody to tell.
        os._exit(1)
