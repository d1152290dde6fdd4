"""The program of a worker process: it obeys the parent until it is told to close.

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

from puffer.backends.block import Block
from puffer.backends.channel import Line, Wire, end_with_parent
from puffer.backends.rows import Rows
from puffer.backends.worker.commands import Worker
from puffer.backends.worker.interpreter.messages import CLOSE, STEP


def _run(link: socket.socket) -> None:
    """Make the copies, then obey until told to close."""
    wire = Wire(link.fileno())
    creator, copies, surroundings = pickle.loads(wire.receive(0)[1])
    worker = Worker(copies, surroundings)
    wire.send(0, worker.make(creator))
    # After a failure the parent hangs up instead.
    forms, form, index, same_step, look = pickle.loads(wire.receive(0)[1])
    _, descriptors, _, _ = socket.recv_fds(link, 1, 1)
    block = Block(forms, descriptors[0])
    block.close()
    worker.bind(Rows(form, block.arrays).part(copies.start, copies.stop), same_step=same_step)
    line = Line(block.arrays["counters"], index, wire)
    seen, operation = 0, -1
    while operation != CLOSE:
        seen, operation = line.wait(seen, look)
        argument = wire.receive(0)[1] if operation not in (STEP, CLOSE) else None
        line.answer(seen, worker.obey(operation, argument))


def _end_with_parent(lifeline: int) -> None:
    """End when the parent has ended, which closes its end of the pipe; also while an environment is stuck."""
    os.read(lifeline, 1)
    os._exit(1)


def arguments() -> tuple[int, int, int]:
    """Those of the command line: the descriptors of a socket and of a pipe, and the parent's process number."""
    descriptor, lifeline, parent = (int(argument) for argument in sys.argv[1:4])
    return descriptor, lifeline, parent


def ignore_interrupts() -> None:
    """Leave Ctrl-C, which goes to every process of the terminal, to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def work(connection: socket.socket, lifeline: int, parent: int) -> None:
    """Be a worker until told to close, or until the process `parent`, which started this one, or the program ends."""
    end_with_parent(parent)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    try:
        with connection:
            _run(connection)
    except (EOFError, ConnectionError):
        # The parent has hung up, and there is nobody to tell.
        os._exit(1)


def main() -> None:
    """Run, with the arguments of the command line."""
    descriptor, lifeline, parent = arguments()
    ignore_interrupts()
    work(socket.socket(fileno=descriptor), lifeline, parent)
