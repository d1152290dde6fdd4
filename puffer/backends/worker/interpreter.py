"""The program of workers in another interpreter, which `puffer.backends.links.interpreter` starts.

Of that interpreter it needs Python 3.8, NumPy 1.20 and the package of the environment, and nothing of puffer but this
file. It makes copies, resets and steps them when told, and sends back what they return; the parent lays that out. All
messages are plain data, see `pack`. The parent sends what to make and gets what the copies are like; from then on a
message is the number of an operation and its argument, and each has an answer.
"""

from __future__ import annotations

import fcntl
import importlib
import inspect
import io
import os
import pickle
import reprlib
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

# As in puffer.backends.worker.commands.
RESET, STEP, RENDER, CLOSE, CALL, SET_ATTR, SET_NEXT = range(7)

_PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


# ---- Messages ----


class _Packer(pickle.Pickler):
    """Pickles arrays in a form of its own, since NumPy's depends on its version, and no other objects."""

    def persistent_id(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return None
        if isinstance(value, (np.ndarray, np.generic)):
            return self._of_array(value)
        if isinstance(value, complex):
            return "complex", value.real, value.imag
        if isinstance(value, str):
            return "plain", str.__str__(value)
        if isinstance(value, Mapping):
            return "plain", dict(value)
        for base in _PLAIN:
            if isinstance(value, base):
                return "plain", base(value)
        if hasattr(value, "__array__"):
            return self._of_array(np.asarray(value))
        raise TypeError(
            f"{reprlib.repr(value)} is of type {type(value).__name__}, and only arrays and plain data (numbers, texts, "
            f"lists, tuples, dicts and sets) can be sent to another interpreter"
        )

    @staticmethod
    def _of_array(value: Any) -> tuple:
        if value.dtype == object:
            return "objects", value.shape, value.ravel().tolist()
        if value.dtype.hasobject:
            raise TypeError(f"an array of dtype {value.dtype} cannot be sent to another interpreter")
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return kind, value.shape, value.tobytes(), np.lib.format.dtype_to_descr(value.dtype)


class _Unpacker(pickle.Unpickler):
    def persistent_load(self, form: tuple) -> Any:
        kind, *content = form
        if kind == "plain":
            return content[0]
        if kind == "complex":
            return complex(*content)
        if kind == "objects":
            shape, items = content
            array = np.empty(len(items), object)
            for index, item in enumerate(items):
                array[index] = item
            return array.reshape(shape)
        shape, data, description = content
        array = np.ndarray(shape, np.lib.format.descr_to_dtype(description), bytearray(data))
        return array if kind == "array" else array[()]


def pack(value: Any) -> bytes:
    """Plain data and arrays as bytes that any interpreter with NumPy can `unpack`. Raises TypeError for the rest."""
    file = io.BytesIO()
    _Packer(file, 4).dump(value)
    return file.getvalue()


def unpack(message: bytes) -> Any:
    """The value that was packed."""
    return _Unpacker(io.BytesIO(message)).load()


class Wire:
    """One end of a socket over which messages, each a number and bytes, travel; see `puffer.backends.channel.Wire`."""

    _HEAD = struct.Struct("<BQ")

    def __init__(self, socket: socket.socket) -> None:
        self._socket = socket

    def send(self, number: int, content: bytes = b"") -> None:
        self._socket.sendall(self._HEAD.pack(number, len(content)) + content)

    def receive(self) -> tuple[int, bytes]:
        """The next message. Raises EOFError or OSError if the other end is gone."""
        number, length = self._HEAD.unpack(self._read(self._HEAD.size))
        return number, self._read(length)

    def _read(self, length: int) -> bytes:
        parts = []
        while length:
            parts.append(self._socket.recv(min(length, 2**20)))
            if not parts[-1]:
                raise EOFError
            length -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)


# ---- Spaces ----


def describe(space: Any, path: str) -> tuple:
    """A space of Gymnasium or Gym, at a path of a tree, as plain data. Raises TypeError for one of another kind.

    Arrays: (kind, low, high). Others: ("Dict", [(key, description)]), ("Tuple", [description]), ("Text", shortest,
    longest, characters).
    """
    kinds = [cls.__name__ for cls in type(space).__mro__]
    if "Dict" in kinds:
        return "Dict", [(key, describe(child, _below(path, key))) for key, child in space.spaces.items()]
    if "Tuple" in kinds:
        return "Tuple", [describe(child, _below(path, i)) for i, child in enumerate(space.spaces)]
    if "Text" in kinds:
        return "Text", space.min_length, space.max_length, "".join(sorted(space.character_set))
    if "Box" in kinds:
        return "Box", space.low.astype(space.dtype), space.high.astype(space.dtype)
    if "MultiBinary" in kinds:
        return "MultiBinary", np.zeros(space.shape, space.dtype), np.ones(space.shape, space.dtype)
    for kind, counts in ("Discrete", "n"), ("MultiDiscrete", "nvec"):
        if kind in kinds:
            dtype = np.dtype(space.dtype)
            count = np.asarray(getattr(space, counts))
            low = np.broadcast_to(getattr(space, "start", 0), count.shape).astype(dtype)
            # Python's integers do not wrap around.
            high = np.asarray(low.astype(object) + count.astype(object) - 1)
            if high.size and high.max() > np.iinfo(dtype).max:
                raise ValueError(f"{path or 'the space'}: {space!r} goes beyond the values of {dtype}; use a wider one")
            return kind, low, high.astype(dtype)
    raise TypeError(
        f"{path or 'the space'}: {space!r} is of type {type(space).__name__}, which cannot be described to another "
        f"interpreter; use Box, Discrete, MultiDiscrete, MultiBinary, Text, Dict or Tuple"
    )


def _below(path: str, key: Any) -> str:
    name = str(key).replace("~", "~0").replace("/", "~1") or "~"
    return f"{path}/{name}" if path else name


# ---- Environments ----


class _Copy:
    """A copy of an environment: of Gymnasium or any version of Gym, or one of PettingZoo whose agents step at once.

    The results of the latter come with the agents that are left. Raises TypeError for other environments.
    """

    def __init__(self, env: Any) -> None:
        self.agents = None
        if callable(getattr(env, "observation_space", None)):
            env = _at_once(env)
            self.agents = list(getattr(env, "possible_agents", None) or ())
            if not self.agents or len(set(self.agents)) != len(self.agents):
                raise TypeError(f"{env} must have possible_agents, each once: each gets a row; they are {self.agents}")
            self.spaces = [(env.observation_space(agent), env.action_space(agent)) for agent in self.agents]
        else:
            self.spaces = [(env.observation_space, env.action_space)]
        self.env = env
        self._takes_seed = _takes_parameter(env.reset, "seed")
        self._takes_options = _takes_parameter(env.reset, "options")

    def reset(self, seed: int | None, options: dict[str, Any] | None, parameters: dict[str, Any]) -> Any:
        self.require_options(options)
        for name, value in parameters.items():
            set_attribute(self.env, name, value)
        if not self._takes_seed and seed is not None and hasattr(self.env, "seed"):
            self.env.seed(seed)
        arguments = {"seed": seed} if self._takes_seed else {}
        if self._takes_options and (options is not None or _needs_parameter(self.env.reset, "options")):
            arguments["options"] = options
        return self._told(self.env.reset(**arguments))

    def require_options(self, options: dict[str, Any] | None) -> None:
        if options and not self._takes_options:
            raise TypeError(f"reset() of {self.env} takes no options, got {options!r}")

    def step(self, action: Any) -> Any:
        return self._told(self.env.step(action))

    def _told(self, result: Any) -> Any:
        return result if self.agents is None else (list(self.env.agents), result)


def _at_once(env: Any) -> Any:
    """A PettingZoo environment as one whose agents step at once."""
    if not hasattr(env, "observe"):
        return env
    if not (getattr(env, "metadata", None) or {}).get("is_parallelizable"):
        raise TypeError(f"the agents of {env} take turns, and such environments cannot run in another interpreter")
    return importlib.import_module("pettingzoo.utils").aec_to_parallel(env)


def _takes_parameter(function: Callable, parameter: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return parameter in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _needs_parameter(function: Callable, parameter: str) -> bool:
    try:
        own = inspect.signature(function).parameters.get(parameter)
    except (TypeError, ValueError):
        return False
    return own is not None and own.default is own.empty and own.kind is not own.VAR_KEYWORD


def owner_of(env: Any, name: str) -> Any:
    """The environment, or the outermost wrapper around it, that has an attribute of its own of that name, or None."""
    layer, dynamic = env, None
    while layer is not None:
        if name in getattr(layer, "__dict__", {}) or hasattr(type(layer), name):
            return layer
        if dynamic is None and hasattr(layer, name):
            # One that forwards what it does not have itself, or makes up attributes.
            dynamic = layer
        layer = inner_of(layer)
    return dynamic


# The attributes in which wrappers, and PettingZoo's conversions, keep the environment inside.
INNER = ("env", "aec_env", "par_env")


def inner_of(env: Any) -> Any:
    """The environment inside a wrapper, or None."""
    own = getattr(env, "__dict__", {})
    return next((own[name] for name in INNER if hasattr(own.get(name), "step")), None)


def attribute(env: Any, name: str, arguments: Any = (), named: Mapping = {}) -> Any:  # noqa: B006
    """The attribute of an environment, or of a wrapper around it; of one that can be called, what it returns."""
    owner = owner_of(env, name)
    if owner is None:
        raise AttributeError(f"neither {env} nor an environment in it has an attribute {name!r}")
    value = getattr(owner, name)
    return value(*arguments, **named) if callable(value) else value


def set_attribute(env: Any, name: str, value: Any) -> None:
    """Set an attribute where it is; a new one in the innermost environment."""
    owner = owner_of(env, name)
    if owner is None:
        owner = env
        while inner_of(owner) is not None:
            owner = inner_of(owner)
    setattr(owner, name, value)


# ---- The worker ----


class NameNotFoundError(LookupError):
    """There is no such environment here."""


class Worker:
    """The copies of one worker. Its answers are packed."""

    def __init__(self, copies: list[int]) -> None:
        self._numbers = copies
        self._copies = []
        # The index of the copy that is being made, reset, stepped or rendered.
        self._current = None

    def answer(self, function: Callable, *arguments: Any) -> bytes:
        """The packed result of one of the methods below, or the failure that it raised."""
        try:
            return pack(("result", function(*arguments)))
        except SystemExit:
            # An environment that ends its process is to be seen as one.
            raise
        except BaseException as error:
            return _failure(error, self._current)

    def make(self, order: dict[str, Any]) -> dict[str, Any]:
        """Make the copies that the parent has ordered. Answers with what they are like."""
        function, arguments = _maker(order)
        takes_mode = _takes_parameter(function, "render_mode")
        limits = []
        for index, number in enumerate(self._numbers):
            self._current = index
            mode = _render_mode(order["render_mode"], number) if takes_mode else {}
            made = function(**arguments, **mode)
            env, max_steps = made if isinstance(made, tuple) else (made, None)
            limits.append(max_steps)
            self._copies.append(_Copy(env))
        self._current = None
        specs = [_spec(copy, limit) for copy, limit in zip(self._copies, limits)]
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
        return [attribute(self._at(index).env, name, arguments, named) for index in range(len(self._copies))]

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
                if owner_of(copy.env, name) is None:
                    raise AttributeError(f"set_next(): {copy.env} has no attribute {name!r}")

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

    def _at(self, index: int) -> _Copy:
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
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for package in "", "systems", "backends":
        name = "puffer." + package if package else "puffer"
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [os.path.join(folder, package)]


def _render_mode(mode: str | None, number: int) -> dict[str, str]:
    """The argument for a copy. In the mode "human" the parent shows copy 0 in a window of its own."""
    if mode is None or (mode == "human" and number > 0):
        return {}
    return {"render_mode": "rgb_array" if mode == "human" else mode}


def _spec(copy: _Copy, max_steps: int | None) -> dict[str, Any]:
    """What a copy is like, as plain data. The spaces are those that differ, and agents have their indices."""
    indices, spaces = [], ({}, {})
    for pair in copy.spaces:
        descriptions = [describe(space, "") for space in pair]
        indices.append([found.setdefault(pack(one), (len(found), one))[0] for found, one in zip(spaces, descriptions)])
    metadata = getattr(copy.env, "metadata", None)
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return {
        "agents": copy.agents and [agent if isinstance(agent, (str, int)) else str(agent) for agent in copy.agents],
        "indices": indices,
        "observation_spaces": [description for _, description in spaces[0].values()],
        "action_spaces": [description for _, description in spaces[1].values()],
        "max_steps": max_steps,
        "render_modes": list(metadata.get("render_modes") or ()),
        "render_mode": getattr(copy.env, "render_mode", None),
        "render_fps": metadata.get("render_fps") or 30,
    }


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


if __name__ == "__main__":
    main()
