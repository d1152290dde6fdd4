"""The backend for environments that need another interpreter: workers there, over the same shared memory.

Their program is `puffer.backends.worker.interpreter`. The descriptions of spaces that it sends become spaces of this
interpreter's Gymnasium, and so layouts like any other; the places of their leaves in memory are sent back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import Space, error, spaces

from puffer import checks
from puffer.backends.local_workers import LocalBackend, LocalWorker, single_threaded
from puffer.backends.worker import interpreter as program
from puffer.backends.worker.commands import Failure, Likeness
from puffer.backends.worker.interpreter import Line, pack, unpack
from puffer.backends.workers import GLANCE, START
from puffer.errors import WorkerDied, WorkerTimeout
from puffer.layout.padding import PaddedAction, copy_action_space, spanning_space
from puffer.layout.spaces import ActionLayout, Layout
from puffer.rendering import Rendering, declared_modes
from puffer.wrappers.adapters.adapter import Events

# Where an interpreter finds other things than it would by itself.
_NOT_FOR_WORKERS = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
# What the interpreter runs: the file alone, with nothing found in the current folder.
_PROGRAM = "import runpy, sys; sys.path[:] = filter(None, sys.path); runpy.run_path(sys.argv[1], run_name='__main__')"
# How much of what a worker prints while it starts is kept, in bytes.
_KEPT = 65_536
# How many of its last lines an exception tells.
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
class ForeignCreator:
    """What workers in another interpreter are to make.

    Attributes
    ----------
    python : str
        The interpreter.
    name : str
        What the environment is called in messages.
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
            try:
                pack(value)
            except TypeError as problem:
                raise TypeError(f"{argument} of {self.name}: {problem}") from None


class _Interpreter(LocalWorker):
    """A worker process with another interpreter, seen from the parent."""

    def __init__(self, index: int, copies: range, python: str, order: dict[str, Any]) -> None:
        # What it prints until it has been introduced is read here, and after that goes where this process prints.
        self._prints, theirs = os.pipe()
        streams = [_duplicate(1), _duplicate(2)]
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_WORKERS}
        try:
            super().__init__(
                index,
                copies,
                [python, "-c", _PROGRAM, program.__file__, *map(str, streams)],
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
        self.printed = bytearray()
        # The places of the entries of each kind of action in a row.
        self.places: list[np.ndarray | None] = []
        self._prints_to_read = select.poll()
        self._prints_to_read.register(self._prints, select.POLLIN)
        self._signs = select.poll()
        self._signs.register(self._prints, select.POLLIN)
        self._signs.register(self.link, select.POLLIN)
        self.line = Line(self.link)
        self.send(0, pack({**order, "start": copies.start, "stop": copies.stop}))

    def send(self, number: int, content: bytes = b"") -> None:
        """Send a message. If the worker has died, that is noticed when its answer is awaited."""
        with contextlib.suppress(OSError):
            self.line.send(number, content)

    def listen(self, seconds: float) -> bool:
        if self.line.is_ready():
            return True
        # What it prints is taken, too: it could not go on once that fills the pipe.
        self._signs.poll(seconds * 1000)
        self._take_prints()
        return self.line.is_ready()

    def receive(self) -> bytes:
        return self.line.receive()[1]

    def _take_prints(self) -> None:
        while self._prints_to_read.poll(0):
            text = os.read(self._prints, _KEPT)
            self.printed += text
            del self.printed[:-_KEPT]
            if not text:
                # Closed, and readable for ever.
                self._prints_to_read.unregister(self._prints)
                self._signs.unregister(self._prints)

    def last_lines(self) -> str:
        """The last lines of what it printed while it started, indented."""
        lines = self.printed.decode(errors="replace").rstrip().splitlines()[-_LINES:]
        return "".join(f"\n    {line}" for line in lines) or " nothing"

    def describe_end(self) -> str:
        end = super().describe_end()
        self._take_prints()
        return f"{end}, having printed{self.last_lines()}" if self.printed else end

    def show_prints(self) -> None:
        """Print what it has printed so far."""
        self._take_prints()
        if sys.stderr is not None:
            sys.stderr.write(self.printed.decode(errors="replace"))
        self.printed.clear()

    def release(self) -> None:
        super().release()
        if self._prints >= 0:
            os.close(self._prints)
            self._prints = -1


def _duplicate(stream: int) -> int:
    """Another descriptor for a stream of this process, which may be closed."""
    try:
        return os.dup(stream)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


class ForeignBackend(LocalBackend):
    """Copies that `creator` orders, stepped by `num_workers` processes with another interpreter.

    Takes the options of `WorkerBackend`, but for `buf`.

    Raises, beside what `WorkerBackend` does, ValueError for an interpreter that cannot run workers, NameNotFound,
    ImportError, TypeError and ValueError if it refuses to make the copies.
    """

    def __init__(
        self, creator: ForeignCreator, num_envs: int, *, render_mode: str | None = None, **options: Any
    ) -> None:
        # What the copies declare is not known before they are made.
        checks.render_mode(render_mode, declared_modes(None))
        super().__init__(creator, num_envs, render_mode=render_mode, **options)

    # ---- Start ----

    def _new_worker(self, index: int, copies: range) -> _Interpreter:
        creator = self._creator
        order = {
            "maker": creator.maker,
            "name": creator.family_name,
            "arguments": creator.arguments,
            "render_mode": self.render_mode,
        }
        try:
            return _Interpreter(index, copies, creator.python, order)
        except OSError as problem:
            if problem.errno != errno.ENOEXEC:
                raise
            raise ValueError(f"python = {str(creator.python)!r} is no program: {problem}") from None

    def _greeting(self, worker: _Interpreter) -> Likeness:
        try:
            self._received(worker, time.monotonic() + max(self._timeout, START))
        except (WorkerDied, WorkerTimeout) as problem:
            raise ValueError(
                f"python = {str(self._creator.python)!r} cannot run workers, which need Python 3.8 or later with numpy "
                f"1.20 or later: {problem}"
            ) from None
        return super()._greeting(worker)

    def _likeness(self, worker: _Interpreter, told: dict[str, Any]) -> Likeness:
        """What a worker has told of its copies, in terms of this interpreter."""
        observation_spaces = [_space(description) for description in told["observation_spaces"]]
        action_spaces = [_space(description) for description in told["action_spaces"]]
        agents = told["agents"]
        layout = Layout(
            spanning_space({agent: observation_spaces[which] for agent, which, _ in agents}, "observation spaces")
        )
        action_layout = ActionLayout(
            spanning_space({agent: action_spaces[which] for agent, _, which in agents}, "action spaces")
        )
        readers = [PaddedAction(space, action_layout) for space in action_spaces]
        worker.places = [
            None if _is_plain(space, action_layout) else reader.places
            for space, reader in zip(action_spaces, readers, strict=True)
        ]
        padded = [None if action_spaces[which] == action_layout.space else readers[which] for _, _, which in agents]
        return Likeness(
            layout,
            action_layout,
            len(agents),
            copy_action_space(action_layout, padded),
            told["max_steps"],
            Rendering(tuple(told["render_modes"]), told["render_mode"], told["render_fps"]),
        )

    def _introduce(self, worker: _Interpreter) -> None:
        block = self._block
        assert block is not None
        plan = {
            "size": block.size,
            "arrays": {
                name: (block.places[name], array.dtype.str, array.shape) for name, array in block.arrays.items()
            },
            "leaves": {leaf.path: (leaf.offset, leaf.dtype.str, leaf.shape) for leaf in self.layout.leaves},
            "row_size": self.layout.row_size,
            "places": worker.places,
            **self._settings,
        }
        worker.send(0, pack(plan))
        worker.send_descriptor(block.descriptor)
        worker.show_prints()

    # ---- Messages ----

    @staticmethod
    def _portable(creator: ForeignCreator) -> ForeignCreator:
        return creator

    def _unpacked(self, worker: _Interpreter, message: bytes) -> Any:
        kind, *content = unpack(message)
        if kind == "likeness":
            return self._likeness(worker, *content)
        if kind == "events":
            events = Events()
            events.infos, events.final_infos = content
            return events
        return Failure(*content) if kind == "failure" else content[0]

    def _raised(self, worker: _Interpreter, failure: Failure) -> Exception:
        raised = super()._raised(worker, failure)
        refusal = None if worker in self._introduced else _REFUSALS.get(failure.name)
        if refusal is None:
            return raised
        creator = self._creator
        message = f"{creator.name} cannot be made by {creator.python}: {failure.message}"
        if refusal is ImportError and creator.packages:
            message = f"{message}; {creator.python} -m pip install {creator.packages}"
        refused = refusal(message)
        refused.__cause__ = raised
        return refused

    def _send(self, worker: _Interpreter, operation: int, argument: Any) -> None:
        worker.send(operation, b"" if argument is None else pack(argument))

    def _has_answered(self, worker: _Interpreter) -> bool:
        return not worker.is_asked or worker.line.is_ready()

    def _wait_for_answer(self, mark: None, waiting: Sequence[_Interpreter]) -> bool:
        # At once asleep: looking first, from Python, takes the core from a worker more often than it saves time.
        answers = select.poll()
        for worker in waiting:
            answers.register(worker.link, select.POLLIN)
        return bool(answers.poll(GLANCE * 1000))

    def _message(self, worker: _Interpreter, deadline: float) -> bytes | None:
        return self._received(worker, deadline) or None


def _space(description: Any) -> Space:
    """The space that a worker describes; see `puffer.backends.worker.interpreter.describe`."""
    kind, *content = description
    if kind == "Dict":
        return spaces.Dict([(key, _space(child)) for key, child in content[0]])
    if kind == "Tuple":
        return spaces.Tuple([_space(child) for child in content[0]])
    if kind == "Text":
        shortest, longest, characters = content
        return spaces.Text(longest, min_length=shortest, charset=characters)
    low, high = content
    if kind == "Box":
        return spaces.Box(low, high, dtype=low.dtype)
    if kind == "MultiBinary":
        return spaces.MultiBinary(low.shape if low.ndim > 1 else len(low))
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(high - low + 1, low.dtype, start=low)
    # Only newer versions have dtypes.
    own = {} if low.dtype == np.int64 else {"dtype": low.dtype}
    return spaces.Discrete(int(high) - int(low) + 1, start=int(low), **own)


def _is_plain(space: Space, spanning: ActionLayout) -> bool:
    """Whether the row of a batch is itself the action of an agent with this space."""
    return isinstance(spanning.space, spaces.Discrete) or (space == spanning.space and spanning.is_plain)
