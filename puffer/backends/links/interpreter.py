"""Links to worker processes with another interpreter, which may have neither puffer nor its versions of packages."""

from __future__ import annotations

import errno
import os
import select
import shutil
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gymnasium import error

from puffer import checks
from puffer.backends.infos import Events
from puffer.backends.links.worker_process import single_threaded, spawn
from puffer.backends.remote import RemoteCopies
from puffer.backends.rows import Rows, RowsForm
from puffer.backends.worker import interpreter as program
from puffer.backends.worker.commands import Failure
from puffer.backends.worker.interpreter.messages import ADOPT, CALL, RESET, SET_ATTR, SET_NEXT, STEP, pack, unpack
from puffer.backends.worker.notes import hand_over
from puffer.backends.worker.surroundings import Surroundings, Watch
from puffer.errors import WorkerError

# Where an interpreter finds other things than it would by itself.
_NOT_FOR_WORKERS = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
# What the interpreter runs: the package of the program alone, with nothing found in the current folder.
_PROGRAM = """
import sys, types
sys.path[:] = filter(None, sys.path)
package = sys.modules["_puffer_worker"] = types.ModuleType("_puffer_worker")
package.__path__ = [sys.argv[1]]
from _puffer_worker.program import main
main()
"""
# How much of what a worker prints while it starts is kept, in bytes.
_KEPT = 65_536
# How many of its last lines an exception shows.
_LINES = 12
# What to raise, by the name of what a worker raises while it makes its copies: bad arguments, and what is not there.
_REFUSALS = {
    "ImportError": ImportError,
    "ModuleNotFoundError": ImportError,
    "NameNotFoundError": error.NameNotFound,
    "TypeError": TypeError,
    "ValueError": ValueError,
}


@dataclass(frozen=True)
class InterpreterCreator:
    """What workers in another interpreter are to make.

    Attributes
    ----------
    python : str
        The interpreter.
    name : str
        The environment's name in messages.
    maker : str
        The module of a family of environments, whose `make(family_name, **arguments)` makes a copy; or
        "module:attribute", with what makes one when called with the arguments.
    family_name : str
        The name in the family.
    arguments : dict
        Plain data and arrays.
    packages : str
        What pip is to install there if something is missing; may be empty.
    """

    python: str
    name: str
    maker: str
    family_name: str
    arguments: dict[str, Any]
    packages: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.python, (str, os.PathLike)) or shutil.which(self.python) is None:
            raise ValueError(f"python must be an interpreter that can be run, got {self.python!r}")
        for argument, value in self.arguments.items():
            _require_plain(f"{argument} of {self.name}", value)


class InterpreterLink:
    """The parent's end of a worker process with another interpreter."""

    def __init__(self, index: int, copies: range, python: str, order: dict[str, Any]) -> None:
        self.index = index
        self.copies = copies
        # What it prints until its first command is read here, and after that goes where this process prints.
        self._prints, theirs = os.pipe()
        streams = [_duplicate(1), _duplicate(2)]
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_WORKERS}
        try:
            self._process = spawn(
                [python, "-c", _PROGRAM, *program.__path__, *map(str, streams)],
                single_threaded(environment),
                inherited=streams,
                stdout=theirs,
                stderr=theirs,
            )
        except BaseException:
            os.close(self._prints)
            raise
        finally:
            for descriptor in (theirs, *streams):
                os.close(descriptor)
        self.pid = self._process.pid
        self.has_ended = self._process.has_ended
        self.leave = self._process.leave
        self.kill = self._process.kill
        self._wire = self._process.wire
        self.descriptor = self._wire.descriptor
        # Whether the program has begun to run, and what its copies are like.
        self.is_running = False
        self._remote: RemoteCopies | None = None
        # The last command.
        self._asked: tuple[int, Any] = (-1, None)
        self._printed = bytearray()
        self._prints_to_read = select.poll()
        self._prints_to_read.register(self._prints, select.POLLIN)
        self._signs = select.poll()
        self._signs.register(self._prints, select.POLLIN)
        self._signs.register(self._process.socket, select.POLLIN)
        self._process.send(0, pack({**order, "copies": list(copies)}))

    def introduce(self, rows: Rows, ask: Any, *, same_step: bool) -> None:
        """Lay what the worker sends out in these rows; `ask()` is the method that sends a command and waits."""
        assert self._remote is not None
        self._remote.live_in(rows, lambda index: ask()(self, RESET, ([None], [index], None))[0], same_step=same_step)
        self._show_prints()

    @property
    def is_asked(self) -> bool:
        """Whether the answer to the last command has not been taken yet."""
        # The first message that came was the sign that the program runs.
        return self._wire.sent != self._wire.received - self.is_running

    def send(self, operation: int, argument: Any = None) -> None:
        """Send a command."""
        self._asked = (operation, argument)
        # One argument for each parameter of the worker's method.
        arguments = argument if operation in (CALL, SET_ATTR, SET_NEXT) else () if argument is None else (argument,)
        if operation == ADOPT:
            arguments = _levels(argument)
        elif operation == STEP:
            assert self._remote is not None
            arguments = (self._remote.actions(),)
        elif operation == RESET:
            assert self._remote is not None
            arguments = self._remote.requests(*argument)
        self._process.send(operation, pack(arguments))

    def answered(self) -> bool:
        """Whether the answer to the last command is there."""
        return not self.is_asked or self._wire.poll(0)

    def listen(self, seconds: float) -> bool:
        """Whether there is an answer to receive, or an end."""
        if not self._wire.poll(0):
            # What it prints is taken, too: it could not go on once that fills the pipe.
            self._signs.poll(seconds * 1000)
            self._take_prints()
        if not self.is_running and self._wire.poll(0):
            self._wire.receive()
            self.is_running = True
        return self._wire.poll(0)

    def receive(self) -> Any:
        """Take the answer."""
        kind, *content = unpack(self._wire.receive()[1])
        if kind == "noted":
            notes, answer = content
            hand_over(notes)
            kind, *content = unpack(answer)
        if kind == "failure":
            return Failure(*content)
        if self._remote is None:
            self._remote = RemoteCopies(content[0], len(self.copies))
            return self._remote.spec
        operation, argument = self._asked
        if operation == SET_NEXT:
            self._remote.set_next(*argument)
        return [unpack(result) for result in content[0]] if operation in (RESET, STEP) else content[0]

    def events(self, results: list) -> Events | Failure | None:
        """Lay the results of a step or a reset out; a Failure where they do not fit."""
        assert self._remote is not None
        operation, argument = self._asked
        try:
            if operation == STEP:
                return self._remote.lay_out_step(results)
            return self._remote.lay_out_reset(results, *argument)
        except WorkerError:
            # Of a reset that an ended episode asked for.
            raise
        except Exception as problem:
            lines = "".join(traceback.format_exception(problem))
            return Failure(type(problem).__name__, str(problem), self._remote.current, lines)

    def _take_prints(self) -> None:
        while self._prints_to_read.poll(0):
            text = os.read(self._prints, _KEPT)
            self._printed += text
            del self._printed[:-_KEPT]
            if not text:
                # Closed, and readable for ever.
                self._prints_to_read.unregister(self._prints)
                self._signs.unregister(self._prints)

    def _last_lines(self) -> str:
        """The last lines of what it printed while it started, indented."""
        lines = self._printed.decode(errors="replace").rstrip().splitlines()[-_LINES:]
        return "".join(f"\n    {line}" for line in lines) or " nothing"

    def describe_end(self) -> str:
        """How it ended, and what it printed while it started."""
        end = self._process.describe_end()
        self._take_prints()
        return f"{end}, having printed{self._last_lines()}" if self._printed else end

    def _show_prints(self) -> None:
        """Print what it has printed so far."""
        self._take_prints()
        if sys.stderr is not None:
            sys.stderr.write(self._printed.decode(errors="replace"))
        self._printed.clear()

    def release(self) -> None:
        """Close the parent's descriptors."""
        self._process.release()
        if self._prints >= 0:
            os.close(self._prints)
            self._prints = -1


def _levels(surroundings: Surroundings) -> tuple[dict[str, int], int]:
    """What a worker adopts of the program's surroundings: the rest is of its own interpreter."""
    return surroundings.levels, surroundings.disabled


def _require_plain(name: str, value: Any) -> None:
    """Raise TypeError, which begins with `name`, for a value that is not plain data or an array."""
    try:
        pack(value)
    except TypeError as problem:
        raise TypeError(f"{name}: {problem}") from None


def _duplicate(stream: int) -> int:
    """Another descriptor for a stream of this process, which may be closed."""
    try:
        return os.dup(stream)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


class InterpreterTransport:
    """Starts workers in the interpreter of an `InterpreterCreator`.

    Raises ValueError for an interpreter that cannot run workers, NameNotFound, ImportError, TypeError and ValueError if
    it refuses to make the copies.
    """

    def __init__(self, creator: InterpreterCreator) -> None:
        self._creator = creator
        self._watch = Watch()

    def cores(self) -> int:
        """The cores that workers may use."""
        return checks.available_cores()

    def start(self, index: int, copies: range, render_mode: str | None) -> InterpreterLink:
        """Start a worker that makes its copies."""
        creator = self._creator
        order = {
            "maker": creator.maker,
            "name": creator.family_name,
            "arguments": creator.arguments,
            "render_mode": render_mode,
            "levels": _levels(self._watch.last),
        }
        try:
            return InterpreterLink(index, copies, creator.python, order)
        except OSError as problem:
            if problem.errno != errno.ENOEXEC:
                raise
            raise ValueError(f"python = {str(creator.python)!r} is not a program: {problem}") from None

    def make_rows(self, form: RowsForm, workers: int, buf: Any) -> Rows:
        """The arrays of the batch, in this process."""
        self._rows = Rows(form, buf)
        return self._rows

    def introduce(self, link: InterpreterLink, ask: Any, *, same_step: bool) -> None:
        """Lay what a worker sends out in the rows of its copies."""
        link.introduce(self._rows.part(link.copies.start, link.copies.stop), ask, same_step=same_step)

    def news(self) -> Surroundings | None:
        """Those of this process, if they have changed."""
        return self._watch.news()

    def send_step(self, links: Sequence[InterpreterLink]) -> None:
        """Send the command to step."""
        for link in links:
            link.send(STEP)

    def mark(self) -> None:
        """Nothing: answers stay where they are until they are taken."""

    def wait(self, mark: None, links: Sequence[InterpreterLink], seconds: float) -> bool:
        """Wait for an answer of one of these workers."""
        # At once asleep: looking first, from Python, takes the core from a worker more often than it saves time.
        answers = select.poll()
        for link in links:
            answers.register(link.descriptor, select.POLLIN)
        return bool(answers.poll(seconds * 1000))

    def require(self, name: str, value: Any) -> None:
        """Raise TypeError for a value that is not plain data or an array."""
        _require_plain(name, value)

    def refusal(self, link: InterpreterLink, name: str, message: str) -> Exception | None:
        """What to raise for a worker that could not make its copies."""
        creator = self._creator
        if not link.is_running:
            return ValueError(
                f"python = {str(creator.python)!r} cannot run workers, which need Python 3.8 or later with numpy "
                f"1.20 or later: {message}"
            )
        kind = _REFUSALS.get(name)
        if kind is None:
            return None
        message = f"{creator.name} cannot be made by {creator.python}: {message}"
        if kind is ImportError and creator.packages:
            message = f"{message}; {creator.python} -m pip install {creator.packages}"
        return kind(message)

    def close(self) -> None:
        """Nothing is shared."""
