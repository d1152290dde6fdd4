"""The worker: it makes its copies, then obeys the parent until it is told to close."""

from __future__ import annotations

import fcntl
import importlib
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .attributes import attribute, require_settable, set_attribute
from .copies import Copy, spec_of, takes_parameter
from .messages import ADOPT, CALL, CLOSE, RENDER, RESET, SET_ATTR, SET_NEXT, STEP, Wire, pack, unpack
from .notes import Notes, adopt_levels


class NameNotFoundError(LookupError):
    """There is no such environment here."""


class Worker:
    """The copies of one worker. Its answers are packed."""

    def __init__(self, copies: list[int]) -> None:
        self._notes = Notes()
        # Those of the program, by logger, once they have been adopted.
        self._levels = None
        self._numbers = copies
        self._copies = []
        # The index of the copy that is being made, reset, stepped or rendered.
        self._current = None

    def answer(self, function: Callable, *arguments: Any) -> bytes:
        """The packed result of one of the methods below, or the failure that it raised."""
        return self._notes.with_answer(self._answered(function, arguments))

    def _answered(self, function: Callable, arguments: tuple) -> bytes:
        try:
            return pack(("result", function(*arguments)))
        except SystemExit:
            # An environment that ends its process is to be seen as one.
            raise
        except BaseException as error:
            return _failure(error, self._current)

    def make(self, order: dict[str, Any]) -> dict[str, Any]:
        """Make the copies that the parent has ordered. Answers with what they are like."""
        self.adopt(*order["levels"])
        function, arguments = _maker(order)
        takes_mode = takes_parameter(function, "render_mode")
        limits = []
        for index, number in enumerate(self._numbers):
            self._current = index
            mode = _render_mode(order["render_mode"], number) if takes_mode else {}
            made = function(**arguments, **mode)
            env, max_steps = made if isinstance(made, tuple) else (made, None)
            limits.append(max_steps)
            self._copies.append(Copy(env))
        self._current = None
        specs = [spec_of(copy, limit) for copy, limit in zip(self._copies, limits)]
        for number, spec in zip(self._numbers, specs):
            if pack(spec) != pack(specs[0]):
                raise ValueError(
                    f"all copies must be alike, but copy {self._numbers[0]} is {specs[0]} and copy {number} is {spec}"
                )
        return specs[0]

    # Results are packed one by one: the next copy may write into the same arrays and dicts.

    def reset(self, requests: list[tuple], indices: list[int]) -> list[bytes]:
        """What the resets of these copies returned, packed; a request is a seed, options and attributes to set."""
        return [pack(self._at(index).reset(*request)) for request, index in zip(requests, indices)]

    def step(self, actions: list[tuple]) -> list[bytes]:
        """What the steps of all copies returned, packed; in place of an action in a tuple, the request for a reset."""
        return [
            pack(self._at(index).step(*action) if len(action) == 1 else self._at(index).reset(*action))
            for index, action in enumerate(actions)
        ]

    def call(self, name: str, arguments: list, named: dict[str, Any]) -> list:
        """The attribute of every copy, or what it returns when it is called."""
        results = [attribute(self._at(index).env, name, arguments, named) for index in range(len(self._copies))]
        # What cannot be packed may be of any copy.
        self._current = None
        return results

    def set_attr(self, name: str, values: list) -> None:
        """Set the attribute of every copy."""
        for index, value in enumerate(values):
            set_attribute(self._at(index).env, name, value)

    def set_next(self, settings: dict[int, dict[str, Any]]) -> None:
        """Refuse what the copies do not have; the parent keeps the rest until their reset."""
        for index, setting in settings.items():
            copy = self._at(index)
            copy.require_options(setting.get("options"))
            for name in setting.get("parameters", ()):
                require_settable(copy.env, name)

    def adopt(self, levels: dict[str, int], disabled: int) -> None:
        """Have the program's log levels."""
        adopt_levels(levels, disabled, self._levels)
        self._levels = levels

    def render(self, index: int) -> Any:
        """What render() of a copy returned."""
        return self._at(index).env.render()

    def close(self) -> None:
        """Close every copy; the first error is raised when all have been tried."""
        self._current, failure = None, None
        for copy in self._copies:
            try:
                getattr(copy.env, "close", lambda: None)()
            except Exception as raised:
                failure = failure or raised
        if failure is not None:
            raise failure

    def _at(self, index: int) -> Copy:
        self._current = index
        return self._copies[index]


def _maker(order: dict[str, Any]) -> tuple[Callable, dict[str, Any]]:
    """What makes copies, and its arguments, for a name in a family of environments or for "module:attribute"."""
    module, _, attribute = order["maker"].partition(":")
    if attribute:
        return getattr(importlib.import_module(module), attribute), order["arguments"]
    _stand_in_for_puffer()
    family = importlib.import_module(module).FAMILY
    if not family.knows(order["name"]):
        raise NameNotFoundError("there is no environment of this name")
    return family.make, {"name": order["name"], **order["arguments"]}


def _stand_in_for_puffer() -> None:
    """Let modules of puffer be imported without those compiled for another interpreter, which its __init__ needs."""
    folder = os.path.abspath(__file__)
    for _ in range(4):
        folder = os.path.dirname(folder)
    for package in "", "systems", "backends":
        name = "puffer." + package if package else "puffer"
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [os.path.join(folder, package)]


def _render_mode(mode: str | None, number: int) -> dict[str, str]:
    """The argument for a copy. In the mode "human" the parent shows copy 0 in a window of its own."""
    if mode is None or (mode == "human" and number > 0):
        return {}
    return {"render_mode": "rgb_array" if mode == "human" else mode}


def _failure(error: BaseException, index: int | None) -> bytes:
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be made)"
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return pack(("failure", type(error).__name__, message, index, "".join(lines)))


def _run(wire: Wire, streams: list[int]) -> None:
    """Make the copies, then obey until told to close."""
    # A sign that this interpreter has what it takes.
    wire.send(0)
    order = unpack(wire.receive()[1])
    worker = Worker(order["copies"])
    made = worker.answer(worker.make, order)
    # The parent reads what was printed when it has the answer.
    sys.stdout.flush()
    sys.stderr.flush()
    wire.send(0, made)
    methods = {
        RESET: worker.reset,
        STEP: worker.step,
        RENDER: worker.render,
        CLOSE: worker.close,
        CALL: worker.call,
        SET_ATTR: worker.set_attr,
        SET_NEXT: worker.set_next,
        ADOPT: worker.adopt,
    }
    operation = None
    while operation != CLOSE:
        # After a failure to make the copies the parent hangs up instead.
        operation, content = wire.receive()
        if streams:
            _print_to(streams)
            streams = []
        wire.send(0, worker.answer(methods[operation], *(unpack(content) if content else ())))


def _print_to(streams: list[int]) -> None:
    """Print where the parent prints; what was printed so far has gone to the parent itself."""
    for stream, own, theirs in zip((sys.stdout, sys.stderr), (1, 2), streams):
        stream.flush()
        os.dup2(theirs, own)
        os.close(theirs)


def _end_with_parent(lifeline: int, parent: int) -> None:
    """End when the parent has ended, which closes its end of the pipe; also while an environment is stuck."""
    end = select.poll()
    end.register(lifeline, select.POLLIN)
    # A process that was forked from the parent may keep the pipe open.
    while not end.poll(1000) and os.getppid() == parent:
        pass
    os._exit(1)


def main() -> None:
    """Run, with the arguments of the command line."""
    *streams, descriptor, lifeline, parent = map(int, sys.argv[-5:])
    # Not for what environments start.
    for inherited in (*streams, descriptor, lifeline):
        os.set_inheritable(inherited, False)
    # Ctrl-C goes to every process of the terminal, and it is the parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        # The kernel's signal ends this process even while an environment keeps the interpreter's lock.
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_end_with_parent, args=(lifeline, parent), daemon=True).start()
    try:
        _run(Wire(socket.socket(fileno=descriptor)), streams)
    except (EOFError, ConnectionError):
        # The parent has hung up, and there is nobody to tell.
        os._exit(1)
