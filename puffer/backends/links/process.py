"""Links to worker processes with this interpreter, over one block of shared memory."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from puffer import checks
from puffer.backends.block import Block
from puffer.backends.channel import LINE, Line, command_all, first_on_shared_core, value_of, wait_for_change
from puffer.backends.infos import Events
from puffer.backends.links.fork_server import ForkServer
from puffer.backends.links.worker_process import WorkerProcess, single_threaded, spawn
from puffer.backends.rows import Rows, RowsForm
from puffer.backends.worker.interpreter.messages import STEP
from puffer.backends.worker.notes import answered
from puffer.backends.worker.pickling import carried, carried_creator
from puffer.backends.worker.surroundings import Surroundings, Watch, command_of, module_path

# How long parent and workers look for each other before they sleep, in seconds: longer than being woken takes.
LOOK = 0.0005
# The least time between two moves of workers to other cores, in seconds.
_MOVE_INTERVAL = 0.005


class ProcessLink:
    """The parent's end of a worker process."""

    def __init__(
        self, index: int, copies: range, process: WorkerProcess, creator: bytes, surroundings: Surroundings
    ) -> None:
        self.index = index
        self.copies = copies
        self._process = process
        self.has_ended = self._process.has_ended
        self.describe_end = self._process.describe_end
        self.leave = self._process.leave
        self.kill = self._process.kill
        self.release = self._process.release
        self.pid = self._process.pid
        # From `introduce` on.
        self.line: Line | None = None
        self._process.send(0, pickle.dumps((creator, copies, surroundings)))

    def introduce(self, block: Block, forms: dict, form: RowsForm, *, same_step: bool) -> None:
        """Tell the worker where its copies live."""
        self.line = Line(block.arrays["counters"], self.index, self._process.wire)
        self.line.clear()
        self._process.send(0, pickle.dumps((forms, form, self.index, same_step, LOOK)))
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._process.socket, [b"b"], [block.descriptor])

    @property
    def is_asked(self) -> bool:
        """Whether the answer to the last command has not been taken yet."""
        return self.line is not None and self.line.is_asked

    def send(self, operation: int, argument: Any = None) -> None:
        """Send a command."""
        assert self.line is not None
        # A worker that is gone is noticed when its answer is awaited.
        with contextlib.suppress(ConnectionError):
            self.line.command(operation, None if argument is None else cloudpickle.dumps(argument))

    def answered(self) -> bool:
        """Whether the answer to the last command is there."""
        assert self.line is not None
        return self.line.is_answered

    def listen(self, seconds: float) -> bool:
        """Whether there is an answer to receive, or an end."""
        if self.line is not None and not self.line.has_message:
            return True
        return self._process.wire.poll(seconds)

    def events(self, answer: Events | None) -> Events | None:
        """The answer to a step or a reset: the rows are written already."""
        return answer

    def receive(self) -> Any:
        """Take the answer."""
        message = self._process.wire.receive()[1] if self.line is None else self.line.take()
        return None if message is None else answered(message)


def _command(program: str) -> list[str]:
    """The command of a module of `puffer.backends.worker`.

    It finds modules where this process does, and not in the current folder.
    """
    path = [
        *module_path(),
        str(Path(__file__).resolve().parents[3]),
    ]
    return command_of(f"import sys; sys.path[:] = {path!r}; from puffer.backends.worker.{program} import main; main()")


class ProcessTransport:
    """Starts worker processes, which make their copies with `creator`, over shared memory.

    A fork server forks them where that is known to be safe; elsewhere each is started by itself.
    """

    def __init__(self, creator: Any) -> None:
        self._creator = carried_creator(creator)
        self._watch = Watch()
        # That of the time when the batch is made, also for a worker that replaces another one later.
        self._environment = single_threaded(os.environ)
        self._server: ForkServer | None = None
        # Elsewhere nobody tells how many threads a process has, or the system's own libraries start some.
        self._can_fork = sys.platform == "linux"
        self._block: Block | None = None
        self._links: list[ProcessLink] = []
        # When the next worker may be moved.
        self._next_move = 0.0

    def cores(self) -> int:
        """The cores that workers may use."""
        return checks.available_cores()

    def start(self, index: int, copies: range, render_mode: str | None) -> ProcessLink:
        """Start a worker that makes its copies."""
        return ProcessLink(index, copies, self._new_process(), self._creator, self._watch.last)

    def _new_process(self) -> WorkerProcess:
        if self._can_fork:
            process = self._living_server().worker()
            if process is not None:
                return process
            self._can_fork = False
        return spawn(_command("process"), self._environment)

    def _living_server(self) -> ForkServer:
        if self._server is not None:
            self._server.listen(0)
            if self._server.is_gone:
                self._server.close()
                self._server = None
        if self._server is None:
            self._server = ForkServer(_command("fork_server"), self._environment)
        return self._server

    def make_rows(self, form: RowsForm, workers: int, buf: Any) -> Rows:
        """The arrays of the batch, in shared memory."""
        if buf is not None:
            raise ValueError("buf cannot be given with processes: their batch lives in shared memory")
        self._forms = {"counters": (((workers + 1) * LINE,), np.dtype(np.uint32)), **form.arrays()}
        self._form = form
        self._block = Block(self._forms)
        self._counters = self._block.arrays["counters"]
        return Rows(form, self._block.arrays)

    def introduce(self, link: ProcessLink, ask: Any, *, same_step: bool) -> None:
        """Tell a worker where its copies live."""
        assert self._block is not None
        self._links = [*(other for other in self._links if other.index != link.index), link]
        link.introduce(self._block, self._forms, self._form, same_step=same_step)

    def news(self) -> Surroundings | None:
        """Those of this process, if they have changed."""
        return self._watch.news()

    def send_step(self, links: Sequence[ProcessLink]) -> None:
        """Send the command to step."""
        self._part_ways(links)
        command_all([link.line for link in links], STEP)

    def _part_ways(self, links: Sequence[ProcessLink]) -> None:
        """Move a worker that shares its core with another one of these, if there is a core without any.

        The system leaves them there for long, since they hardly ever sleep, and one then waits for the other.
        """
        index = first_on_shared_core([link.line for link in links])
        if index < 0 or time.monotonic() < self._next_move:
            return
        self._next_move = time.monotonic() + _MOVE_INTERVAL
        with contextlib.suppress(OSError):
            allowed = os.sched_getaffinity(links[index].pid)
            free = allowed - {link.line.core - 1 for link in self._links}
            if free:
                os.sched_setaffinity(links[index].pid, free)
                os.sched_setaffinity(links[index].pid, allowed)

    def mark(self) -> int:
        """The number of answers so far."""
        return value_of(self._counters, 0)

    def wait(self, mark: int, links: Sequence[ProcessLink], seconds: float) -> bool:
        """Wait for another answer."""
        return wait_for_change(self._counters, 0, mark, seconds, LOOK) != mark

    def require(self, name: str, value: Any) -> None:
        """Raise TypeError for a value that cannot be pickled."""
        carried(name, value)

    def refusal(self, link: ProcessLink, name: str, message: str) -> Exception | None:
        """Nothing is to be raised instead of a WorkerError."""
        return None

    def close(self) -> None:
        """End the fork server, and give the shared memory back."""
        if self._server is not None:
            self._server.close()
        if self._block is not None:
            self._block.close()
