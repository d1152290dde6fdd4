"""The program of workers in another interpreter, which `puffer.backends.links.interpreter` starts.

Of that interpreter it needs Python 3.8, NumPy 1.20 and the package of the environment, and nothing of puffer but this
file. So what the compiled parts do elsewhere is here once more, in plain Python: describing spaces, writing
observations into rows, resets, steps and the books of a batch. What is sent is plain data, see `pack`.

The parent sends what to make, and gets what the copies are like. Then it sends where in the shared memory they live.
From there on a message is the number of an operation and its argument, and each has an answer, which may be empty.
"""

from __future__ import annotations

import fcntl
import importlib
import inspect
import io
import mmap
import os
import pickle
import reprlib
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

# As in puffer.backends.worker.commands and puffer.backends.base.
RESET, STEP, RENDER, CLOSE = range(4)
NEXT_STEP, SAME_STEP, DISABLED = range(3)

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
            for place, item in enumerate(items):
                array[place] = item
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
    """What was packed."""
    return _Unpacker(io.BytesIO(message)).load()


class Line:
    """One end of a connection by which messages, each a number and bytes, are sent. Sending and receiving may wait."""

    _HEAD = struct.Struct("<BQ")

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self._ready = select.poll()
        self._ready.register(socket, select.POLLIN)

    def send(self, number: int, content: bytes = b"") -> None:
        self.socket.sendall(self._HEAD.pack(number, len(content)) + content)

    def is_ready(self) -> bool:
        """Whether there is a message, or the other end is gone."""
        return bool(self._ready.poll(0))

    def receive(self) -> tuple[int, bytes]:
        """The next message. Raises EOFError or OSError if the other end is gone."""
        number, length = self._HEAD.unpack(self._read(self._HEAD.size))
        return number, self._read(length)

    def _read(self, length: int) -> bytes:
        parts = []
        while length:
            parts.append(self.socket.recv(min(length, 2**20)))
            if not parts[-1]:
                raise EOFError
            length -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)


# ---- Spaces ----


def describe(space: Any, path: str) -> tuple:
    """A space of Gymnasium or Gym, at a place of a tree, as plain data. Raises TypeError for one of another kind.

    Arrays: (kind, low, high). Others: ("Dict", [(key, description)]), ("Tuple", [description]), ("Text", shortest,
    longest, characters).
    """
    kinds = [cls.__name__ for cls in type(space).__mro__]
    if "Dict" in kinds:
        return "Dict", [(key, describe(child, below(path, key))) for key, child in space.spaces.items()]
    if "Tuple" in kinds:
        return "Tuple", [describe(child, below(path, i)) for i, child in enumerate(space.spaces)]
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
            return kind, low, np.asarray(low.astype(object) + count.astype(object) - 1).astype(dtype)
    raise TypeError(
        f"{path or 'the space'}: {space!r} is of type {type(space).__name__}, which cannot be described to another "
        f"interpreter; use Box, Discrete, MultiDiscrete, MultiBinary, Text, Dict or Tuple"
    )


def below(path: str, key: Any) -> str:
    """The path of a part of a space; see `puffer.layout.spaces`."""
    name = str(key).replace("~", "~0").replace("/", "~1") or "~"
    return f"{path}/{name}" if path else name


class LayoutError(ValueError):
    """A value does not fit its space; the message names the path and what was expected."""


class Leaf:
    """Writes values of one array into the rows of `field`, which has at least their shape."""

    def __init__(self, path: str, low: np.ndarray, field: np.ndarray) -> None:
        self.path = path
        self.dtype = low.dtype.newbyteorder("=")
        self.shape = low.shape
        self.rows = field[(slice(None), *map(slice, low.shape))]

    def write(self, value: Any, row: int) -> None:
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype == self.dtype and value.shape == self.shape:
            self.rows[row] = value
        else:
            self.rows[row] = self._converted(value)

    def _converted(self, value: Any) -> np.ndarray:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise self._misfit(value) from error
        if array.dtype.kind not in "biuf":
            raise self._misfit(value)
        if array.shape != self.shape:
            raise LayoutError(f"{self.path}: expected shape {self.shape}, got shape {array.shape}")
        with np.errstate(all="ignore"):
            converted = array.astype(self.dtype)
            good = self._fits(array, converted)
        if not good.all():
            place = tuple(int(i) for i in np.argwhere(~good)[0]) if self.shape else ()
            raise self._misfit(array[place])
        return converted

    def _fits(self, array: np.ndarray, converted: np.ndarray) -> np.ndarray:
        """Which elements can be stored: a float may lose precision in a narrower float, and nothing else may change."""
        if self.dtype.kind == "f":
            return np.isfinite(converted) | ~np.isfinite(array)
        if self.dtype.kind == "b":
            return (array == 0) | (array == 1)
        if array.dtype.kind == "b":
            return np.ones(array.shape, np.bool_)
        limits = np.iinfo(self.dtype)
        # As a float the greatest integer may be rounded up, to the first number that is too great.
        above = array >= float(limits.max + 1) if array.dtype.kind == "f" else array > limits.max
        return (converted == array) & (array >= limits.min) & ~above

    def _misfit(self, value: Any) -> LayoutError:
        return LayoutError(f"{self.path}: expected {self.dtype} numbers, got {reprlib.repr(value)}")


class DictWriter:
    def __init__(self, path: str, children: list) -> None:
        self.path = path
        self.children = children

    def write(self, value: Any, row: int) -> None:
        if not isinstance(value, Mapping):
            raise LayoutError(f"{self.path}: expected a dict, got {reprlib.repr(value)}")
        if len(value) != len(self.children) or any(key not in value for key, _ in self.children):
            keys = [key for key, _ in self.children]
            raise LayoutError(f"{self.path}: expected the keys {keys}, got {list(value)}")
        for key, child in self.children:
            child.write(value[key], row)


class TupleWriter:
    def __init__(self, path: str, children: list) -> None:
        self.path = path
        self.children = children

    def write(self, value: Any, row: int) -> None:
        if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != len(self.children):
            raise LayoutError(f"{self.path}: expected a tuple of {len(self.children)}, got {reprlib.repr(value)}")
        for child, item in zip(self.children, value):
            child.write(item, row)


class TextWriter:
    def __init__(self, path: str, characters: np.ndarray, length: np.ndarray) -> None:
        self.path = path
        self.characters = characters
        self.length = length

    def write(self, value: Any, row: int) -> None:
        longest = self.characters.shape[1]
        if not isinstance(value, str) or len(value) > longest:
            raise LayoutError(f"{self.path}: expected a str of at most {longest} characters, got {reprlib.repr(value)}")
        self.characters[row] = 0
        self.characters[row, : len(value)] = [ord(character) for character in value]
        self.length[row] = len(value)


def writer(description: tuple, path: str, fields: dict[str, np.ndarray]) -> Any:
    """What writes values of a space into the rows of `fields`, arrays by path."""
    kind, *content = description
    name = path or "observation"
    if kind == "Dict":
        return DictWriter(name, [(key, writer(child, below(path, key), fields)) for key, child in content[0]])
    if kind == "Tuple":
        return TupleWriter(name, [writer(child, below(path, i), fields) for i, child in enumerate(content[0])])
    if kind == "Text":
        return TextWriter(name, fields[below(path, "characters")], fields[below(path, "length")])
    return Leaf(name, content[0], fields[name])


class ActionReader:
    """Reads actions of a space from rows of numbers, in which each has the `places`, or the row as it is for None."""

    def __init__(self, description: tuple, places: np.ndarray | None) -> None:
        self.description = description
        self.places = places

    def read(self, row: Any) -> Any:
        if self.places is None:
            return row.copy()
        return self._value(self.description, iter(row.reshape(-1)[self.places].tolist()), "")

    def _value(self, description: tuple, numbers: Iterator, path: str) -> Any:
        kind, *content = description
        if kind == "Dict":
            return {key: self._value(child, numbers, below(path, key)) for key, child in content[0]}
        if kind == "Tuple":
            return tuple([self._value(child, numbers, below(path, i)) for i, child in enumerate(content[0])])
        low, high = content
        values = [next(numbers) for _ in range(low.size)]
        if low.dtype.kind != "f":
            for value, least, most in zip(values, low.flat, high.flat):
                if not (least <= value <= most and value == int(value)):
                    raise LayoutError(f"{path or 'action'}: expected an integer from {least} to {most}, got {value}")
        action = np.array(values).astype(low.dtype).reshape(low.shape)
        return action[()] if kind == "Discrete" else action


# ---- Environments ----


class Rows:
    """The arrays of a batch, in memory that the parent has laid out: each has an offset, a dtype and a shape."""

    def __init__(self, memory: mmap.mmap, arrays: dict[str, tuple], leaves: dict[str, tuple], row_size: int) -> None:
        found = {name: np.ndarray(shape, dtype, memory, offset) for name, (offset, dtype, shape) in arrays.items()}
        self.actions, self.sums, self.episodes = found["actions"], found["sums"], found["episodes"]
        # Of these single elements are read and written, which is faster so.
        self.rewards, self.terminations, self.truncations, self.masks, self.ended = (
            memoryview(found[name]) for name in ("rewards", "terminations", "truncations", "masks", "ended")
        )
        self.outputs = [found[name] for name in ("rewards", "terminations", "truncations")]
        start, count = arrays["observations"][0], len(self.rewards)
        self.bytes = np.ndarray((count, row_size), np.uint8, memory, start)
        self.final_bytes = np.ndarray((count, row_size), np.uint8, memory, arrays["finals"][0])
        self.fields = {}
        for path, (offset, dtype, shape) in leaves.items():
            inner = np.empty(shape, dtype).strides
            self.fields[path] = np.ndarray((count, *shape), dtype, memory, start + offset, (row_size, *inner))


class Copy:
    """Drives one copy of an environment, in the way of the adapter of its kind in puffer.

    Attributes
    ----------
    env
        The environment.
    agents : list
        Their ids, in the order of their rows.
    spaces : list of (observation space, action space)
        Of each agent.
    max_steps : int or None
        Its time limit.
    ended : bool
        Whether the episode is over: no step until the next reset.
    """

    def __init__(self, env: Any, agents: list, spaces: list[tuple], max_steps: int | None) -> None:
        self.env = env
        self.agents = agents
        self.spaces = spaces
        self.max_steps = max_steps
        self.ended = True
        self.takes_seed = _takes_parameter(env.reset, "seed")

    def attach(self, rows: Rows, first: int, writers: list, readers: list[ActionReader]) -> None:
        """Use the rows from `first` on. There is a writer and a reader for each agent."""
        self.rows = rows
        self.first = first
        self.writers = writers
        self.readers = readers

    def write_observation(self, place: int, observation: Any) -> None:
        self.writers[place].write(observation, self.first + place)

    def read_action(self, place: int) -> Any:
        return self.readers[place].read(self.rows.actions[self.first + place])

    def close(self) -> None:
        close = getattr(self.env, "close", None)
        if close is not None:
            close()


def _takes_parameter(function: Callable, parameter: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return parameter in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


class SingleCopy(Copy):
    """An environment with one agent, of Gymnasium or of any version of Gym."""

    def __init__(self, env: Any, max_steps: int | None) -> None:
        super().__init__(env, [None], [(env.observation_space, env.action_space)], max_steps)

    def reset(self, seed: int | None, infos: list) -> None:
        if self.takes_seed:
            result = self.env.reset(seed=seed)
        else:
            if seed is not None and hasattr(self.env, "seed"):
                self.env.seed(seed)
            result = self.env.reset()
        info = None
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
            result, info = result
        self.write_observation(0, result)
        self.ended = False
        if info:
            infos.append((self.first, info))

    def step(self, infos: list) -> None:
        result = self.env.step(self.read_action(0))
        if not isinstance(result, tuple) or not 4 <= len(result) <= 5:
            raise TypeError(f"step() must return 5 values (or the older 4), got {result!r:.80}")
        if len(result) == 5:
            observation, reward, terminated, truncated, info = result
        else:
            observation, reward, terminated, info = result
            truncated = bool(terminated and isinstance(info, dict) and info.get("TimeLimit.truncated", False))
            terminated = terminated and not truncated
        self.write_observation(0, observation)
        rows = self.rows
        rows.rewards[self.first] = reward
        rows.terminations[self.first] = terminated = bool(terminated)
        rows.truncations[self.first] = truncated = bool(truncated)
        self.ended = terminated or truncated
        if info:
            if not isinstance(info, dict):
                raise TypeError(f"the info that an environment returns must be a dict, got {info!r:.80}")
            infos.append((self.first, info))


class ParallelCopy(Copy):
    """A PettingZoo environment whose agents step at once. For masks, see `AgentsAdapter`."""

    def __init__(self, env: Any, max_steps: int | None) -> None:
        agents = list(getattr(env, "possible_agents", None) or ())
        if not agents or len(set(agents)) != len(agents):
            raise TypeError(f"{env} must have possible_agents, each once, and each gets a row; they are {agents}")
        spaces = [(env.observation_space(agent), env.action_space(agent)) for agent in agents]
        super().__init__(env, agents, spaces, max_steps)
        self.places = {agent: place for place, agent in enumerate(agents)}
        self.alive = [False] * len(agents)
        self.acting = []

    def reset(self, seed: int | None, infos: list) -> None:
        result = self.env.reset(seed=seed) if self.takes_seed else self.env.reset()
        observations, by_agent = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
        self.ended = False
        staying = self._staying()
        for place in range(len(self.agents)):
            self.alive[place] = self.rows.masks[self.first + place] = staying[place]
            if staying[place]:
                self._write(place, observations, True)
            else:
                self._leave_out(place)
        self._report(by_agent, infos)

    def step(self, infos: list) -> None:
        result = self.env.step({agent: self.read_action(self._place(agent)) for agent in self.acting})
        if not isinstance(result, tuple) or len(result) != 5:
            raise TypeError(f"step() of a parallel environment must return 5 dicts by agent id, got {result!r:.80}")
        observations, rewards, terminations, truncations, by_agent = result
        everybody = bool(terminations.get("__all__")), bool(truncations.get("__all__"))
        self.ended = True
        staying = self._staying()
        for place, agent in enumerate(self.agents):
            if not self.alive[place] and not staying[place]:
                self._leave_out(place)
                continue
            flags = bool(terminations.get(agent)), bool(truncations.get(agent))
            # An agent's own flag says more than the one for everybody.
            if not any(flags):
                flags = everybody
            row = self.first + place
            if self.alive[place]:
                self.rows.rewards[row] = rewards.get(agent, 0)
                self.rows.terminations[row], self.rows.truncations[row] = flags
            elif any(flags):
                # It has not come again: some environments go on to list those that have ended.
                self._leave_out(place)
                continue
            self.rows.masks[row] = True
            self._write(place, observations, staying[place])
            self.alive[place] = staying[place] and not any(flags)
            if self.alive[place]:
                self.ended = False
        if self.ended:
            self._end_all()
        self._report(by_agent, infos)

    def _staying(self) -> list[bool]:
        """Which agents are there now; they take the next actions."""
        self.acting = list(self.env.agents)
        staying = [False] * len(self.agents)
        for agent in self.acting:
            staying[self._place(agent)] = True
        return staying

    def _place(self, agent: Any) -> int:
        if agent not in self.places:
            raise ValueError(f"there is no row for agent {agent!r}; the agents are {self.agents}")
        return self.places[agent]

    def _write(self, place: int, observations: Mapping, is_present: bool) -> None:
        """Write the observation of an agent. One that leaves may have none."""
        agent = self.agents[place]
        if agent in observations:
            self.write_observation(place, observations[agent])
        elif is_present:
            raise ValueError(f"agent {agent!r} is present, but there is no observation for it")
        else:
            self.rows.bytes[self.first + place] = 0

    def _leave_out(self, place: int) -> None:
        self.rows.masks[self.first + place] = False
        self.rows.bytes[self.first + place] = 0

    def _end_all(self) -> None:
        """Truncate those that have just left without a flag."""
        rows = self.rows
        for row in range(self.first, self.first + len(self.agents)):
            if rows.masks[row] and not (rows.terminations[row] or rows.truncations[row]):
                rows.truncations[row] = True

    def _report(self, by_agent: Mapping, infos: list) -> None:
        for agent, info in by_agent.items():
            if info and self.rows.masks[self.first + self._place(agent)]:
                if not isinstance(info, dict):
                    raise TypeError(f"the info of an agent must be a dict, got {info!r:.80}")
                infos.append((self.first + self._place(agent), info))


def copy_of(env: Any, max_steps: int | None) -> Copy:
    """What drives an environment. Raises TypeError for one that cannot be driven from another interpreter."""
    if not callable(getattr(env, "observation_space", None)):
        return SingleCopy(env, max_steps)
    if hasattr(env, "observe"):
        if not (getattr(env, "metadata", None) or {}).get("is_parallelizable"):
            raise TypeError(f"the agents of {env} take turns, and such environments cannot run in another interpreter")
        env = importlib.import_module("pettingzoo.utils").aec_to_parallel(env)
    return ParallelCopy(env, max_steps)


# ---- The batch ----


class Batch:
    """Copies in their rows of a batch; what `PythonBatch` is to adapters. Events name rows of `rows`."""

    def __init__(self, copies: list, rows: Rows, first_copy: int, autoreset: int, max_steps: int | None) -> None:
        self.copies = copies
        self.rows = rows
        self.agents = len(copies[0].agents)
        self.autoreset = autoreset
        self.max_steps = max_steps
        self.first_copy = first_copy
        self.first_row = first_copy * self.agents
        count = len(copies) * self.agents
        self.returns = [0.0] * count
        self.lengths = [0] * count
        self.start_times = [0.0] * count
        self.steps = [0] * len(copies)
        self.infos = []
        self.final_infos = []
        # The copy that is being reset, stepped or rendered.
        self.current = None

    def reset(self, seeds: list[int | None], places: list[int]) -> list | None:
        # What a step that raised has left.
        self.infos, self.final_infos = [], []
        for place, seed in zip(places, seeds):
            self.current = place
            self._clear_outputs(place, place + 1)
            self._reset_copy(place, seed)
        return self._events()

    def step(self) -> list | None:
        self._clear_outputs(0, len(self.copies))
        for place in range(len(self.copies)):
            self.current = place
            self._step_copy(place)
        return self._events()

    def render(self, place: int) -> Any:
        self.current = place
        return self.copies[place].env.render()

    def _events(self) -> list | None:
        """The infos since the last call, with rows counted from the first of this batch; None if there are none."""
        if not self.infos and not self.final_infos:
            return None
        events = [[(row - self.first_row, info) for row, info in infos] for infos in (self.infos, self.final_infos)]
        self.infos, self.final_infos = [], []
        return events

    def _clear_outputs(self, first: int, last: int) -> None:
        """Zero the rewards and flags of these copies."""
        for array in self.rows.outputs:
            array[self.first_row + first * self.agents : self.first_row + last * self.agents] = 0

    def _reset_copy(self, place: int, seed: int | None) -> None:
        now, numbers = time.perf_counter(), range(place * self.agents, (place + 1) * self.agents)
        # A reset that raises leaves a copy that must be reset.
        self.rows.ended[self.first_copy + place] = True
        for k in numbers:
            self.rows.masks[self.first_row + k] = True
        self.copies[place].reset(seed, self.infos)
        self.rows.ended[self.first_copy + place] = False
        self.steps[place] = 0
        for k in numbers:
            self.returns[k], self.lengths[k], self.start_times[k] = 0.0, 0, now

    def _step_copy(self, place: int) -> None:
        copy, infos = self.copies[place], []
        if self.rows.ended[self.first_copy + place]:
            if self.autoreset == DISABLED:
                raise RuntimeError(f"step() of copy {self.first_copy + place}, whose episode has ended")
            self._reset_copy(place, None)
            return
        copy.step(infos)
        self.steps[place] += 1
        is_late = self.max_steps is not None and self.steps[place] >= self.max_steps
        if is_late:
            copy.ended = True
        self._account(place, is_late, infos)
        self.rows.ended[self.first_copy + place] = copy.ended
        if copy.ended and self.autoreset == SAME_STEP:
            self._reset_copy(place, None)
        else:
            self.infos += infos

    def _account(self, place: int, is_late: bool, infos: list) -> None:
        """Book-keeping after a step."""
        rows, first, ended = self.rows, self.first_row, []
        for k in range(place * self.agents, (place + 1) * self.agents):
            row = first + k
            if not rows.masks[row]:
                continue
            self.lengths[k] += 1
            self.returns[k] += rows.rewards[row]
            if is_late:
                rows.truncations[row] = True
            if rows.terminations[row] or rows.truncations[row]:
                self._record_end(k, row)
                ended.append(row)
        if ended and self.autoreset == SAME_STEP:
            self.final_infos += [(row, info) for row, info in infos if row in ended]

    def _record_end(self, k: int, row: int) -> None:
        now, rows = time.perf_counter(), self.rows
        rows.episodes[row] = self.returns[k], self.lengths[k], now - self.start_times[k]
        rows.sums[row] += 1, self.returns[k], self.lengths[k]
        # An agent may come again while the episode of the copy goes on.
        self.returns[k], self.lengths[k], self.start_times[k] = 0.0, 0, now
        if self.autoreset == SAME_STEP:
            rows.final_bytes[row] = rows.bytes[row]


# ---- The worker ----


class NameNotFoundError(LookupError):
    """There is no such environment here."""


class Worker:
    """The copies `start` to `stop` - 1. Its answers are packed."""

    def __init__(self, start: int, stop: int) -> None:
        self.numbers = range(start, stop)
        self.copies = []
        # The place of the copy that is being made.
        self.making = None
        self.batch = None

    def make(self, order: dict[str, Any]) -> bytes:
        """Make the copies that the parent has ordered. Answers with what they are like."""
        try:
            function, arguments = _maker(order)
            takes_mode = _takes_parameter(function, "render_mode")
            for place, number in enumerate(self.numbers):
                self.making = place
                mode = _render_mode(order["render_mode"], number) if takes_mode else {}
                made = function(**arguments, **mode)
                env, max_steps = made if isinstance(made, tuple) else (made, None)
                self.copies.append(copy_of(env, max_steps))
            self.making = None
            likenesses = [_likeness(copy) for copy in self.copies]
            packed = [pack(likeness) for likeness in likenesses]
            for other in range(1, len(packed)):
                if packed[other] != packed[0]:
                    raise ValueError(
                        f"all copies must be alike, but copy {self.numbers[0]} is {likenesses[0]} and copy "
                        f"{self.numbers[other]} is {likenesses[other]}"
                    )
        except SystemExit:
            # An environment that ends its process is to be seen as one.
            raise
        except BaseException as error:
            return _failure(error, self.making)
        self.likeness = likenesses[0]
        return pack(("likeness", self.likeness))

    def bind(self, plan: dict[str, Any], descriptor: int) -> None:
        """Let the copies live in the memory of a descriptor, as the parent has planned it."""
        memory = mmap.mmap(descriptor, plan["size"])
        os.close(descriptor)
        rows = Rows(memory, plan["arrays"], plan["leaves"], plan["row_size"])
        likeness, agents = self.likeness, len(self.likeness["agents"])
        writers = [writer(space, "", rows.fields) for space in likeness["observation_spaces"]]
        readers = [ActionReader(*both) for both in zip(likeness["action_spaces"], plan["places"])]
        for number, copy in zip(self.numbers, self.copies):
            copy.attach(
                rows,
                number * agents,
                [writers[which] for _, which, _ in likeness["agents"]],
                [readers[which] for _, _, which in likeness["agents"]],
            )
        self.batch = Batch(self.copies, rows, self.numbers.start, plan["autoreset"], plan["max_steps"])

    def obey(self, operation: int, argument: Any) -> bytes:
        """Carry out a command. The answer is empty if there is nothing to tell."""
        try:
            if operation == CLOSE:
                self._close()
                return b""
            if operation == RENDER:
                return pack(("frame", self.batch.render(argument)))
            events = self.batch.step() if operation == STEP else self.batch.reset(*argument)
        except SystemExit:
            raise
        except BaseException as error:
            return _failure(error, None if operation == CLOSE else self.batch.current)
        try:
            return b"" if events is None else pack(("events", *events))
        except Exception as error:
            # Something in the infos, and it could be any copy's.
            return _failure(error, None)

    def _close(self) -> None:
        """Close every copy; the first error is raised when all have been tried."""
        failure = None
        for copy in self.copies:
            try:
                copy.close()
            except Exception as raised:
                failure = failure or raised
        if failure is not None:
            raise failure


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
    for package, path in ("puffer", folder), ("puffer.systems", os.path.join(folder, "systems")):
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [path]


def _render_mode(mode: str | None, number: int) -> dict[str, str]:
    """The argument for a copy. In the mode "human" the parent shows copy 0 in a window of its own."""
    if mode is None or (mode == "human" and number > 0):
        return {}
    return {"render_mode": "rgb_array" if mode == "human" else mode}


def _likeness(copy: Copy) -> dict[str, Any]:
    """What a copy is like, as plain data. The spaces are those that differ, and agents have their numbers."""
    agents, kinds = [], ({}, {})
    for agent, spaces in zip(copy.agents, copy.spaces):
        numbers = []
        for space, found in zip(spaces, kinds):
            description = describe(space, "")
            numbers.append(found.setdefault(pack(description), (len(found), description))[0])
        agents.append((agent if isinstance(agent, (str, int)) else str(agent), *numbers))
    metadata = getattr(copy.env, "metadata", None)
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return {
        "agents": agents,
        "observation_spaces": [description for _, description in kinds[0].values()],
        "action_spaces": [description for _, description in kinds[1].values()],
        "max_steps": copy.max_steps,
        "render_modes": list(metadata.get("render_modes") or ()),
        "render_mode": getattr(copy.env, "render_mode", None),
        "render_fps": metadata.get("render_fps") or 30,
    }


def _failure(error: BaseException, place: int | None) -> bytes:
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be made)"
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return pack(("failure", type(error).__name__, message, place, "".join(lines)))


def _run(line: Line, streams: list[int]) -> None:
    """Make the copies, then obey until told to close."""
    # A sign that this interpreter has what it takes.
    line.send(0)
    order = unpack(line.receive()[1])
    worker = Worker(order["start"], order["stop"])
    made = worker.make(order)
    # The parent reads what was printed when it has the answer.
    sys.stdout.flush()
    sys.stderr.flush()
    line.send(0, made)
    # After a failure the parent hangs up instead.
    plan = unpack(line.receive()[1])
    worker.bind(plan, _received_descriptor(line.socket))
    _print_to(streams)
    while True:
        operation, argument = line.receive()
        line.send(0, worker.obey(operation, unpack(argument) if argument else None))
        if operation == CLOSE:
            return


def _received_descriptor(link: socket.socket) -> int:
    # Not socket.recv_fds(), which came with Python 3.9.
    _, control, _, _ = link.recvmsg(1, socket.CMSG_LEN(4))
    return int.from_bytes(control[0][2][:4], sys.byteorder)


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
        _run(Line(socket.socket(fileno=descriptor)), streams)
    except (EOFError, ConnectionError):
        # The parent has hung up, and there is nobody to tell.
        os._exit(1)


if __name__ == "__main__":
    main()
