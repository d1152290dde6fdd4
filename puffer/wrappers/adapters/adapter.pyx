"""The step loop for environments written in Python: adapters that drive one copy each, and the batch of them.

An `Adapter` calls its environment and writes what it returns into the rows of its copy. `PythonBatch` owns what is the
same for every kind: time limits, autoreset, episode statistics, and which infos belong to which row. The serial backend
holds one batch; every worker of the process and Ray backends holds one, over its share of the rows.
"""
import inspect
import time

import numpy as np
from gymnasium import Env as GymnasiumEnv
from gymnasium import error, spaces

cimport numpy as cnp
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

from puffer.rendering import rendering_of
from puffer.layout.spaces import ActionLayout, Layout

from puffer.native.loop cimport DISABLED, SAME_STEP

cnp.import_array()

cdef enum:
    EPISODES
    RETURNS
    LENGTHS


class Events:
    """What a step reports beside the arrays; rows count within the batch of the worker.

    Attributes
    ----------
    infos : list of (row, dict)
        Infos that are not empty.
    final_infos : list of (row, dict)
        Last infos of episodes that ended, in the mode SameStep, if they are not empty.
    columns : list of (row, present, dict)
        Infos of many rows from that row on: arrays by name, and which of the rows they tell of.
    """

    __slots__ = ("columns", "final_infos", "infos")

    def __init__(self):
        self.infos = []
        self.final_infos = []
        self.columns = []

    def add(self, other, Py_ssize_t rows):
        """Take over other events, whose row 0 is the row `rows` here."""
        self.infos += [(row + rows, info) for row, info in other.infos]
        self.final_infos += [(row + rows, info) for row, info in other.final_infos]
        self.columns += [(row + rows, present, arrays) for row, present, arrays in other.columns]

    def __bool__(self):
        return bool(self.infos or self.final_infos or self.columns)


def ended_rows(const uint8_t[::1] terminations, const uint8_t[::1] truncations):
    """Which episodes have ended, bool (rows,), or None if none has."""
    cdef Py_ssize_t row, rows = terminations.shape[0]
    for row in range(rows):
        if terminations[row] | truncations[row]:
            return np.asarray(terminations).view(np.bool_) | np.asarray(truncations).view(np.bool_)
    return None


cdef class Adapter:
    """Adapter(env, observation_space, action_space, agents_per_env=1)
--

Drives one copy of a Python environment whose agents have these spaces. Base of the adapters for each kind.

Attributes
----------
env
    The environment.
layout, action_layout
    How its observations and actions lie in a row.
max_steps : int or None
    Its time limit.
rendering : puffer.rendering.Rendering
copy_action_space : MultiDiscrete (agents_per_env, ...) or None
    The actions of all rows of a copy, if its agents do not have the same ones; `action_layout` then spans them all.
ended : bool
    Whether the episode of the copy is over: no step until the next reset.
seeds : iterator of int or None
    Seeds for resets that are given none, as long as it has some.
"""

    def __init__(self, env, observation_space, action_space, Py_ssize_t agents_per_env=1, max_steps=None):
        self.env = env
        self.max_steps = max_steps
        self.rendering = rendering_of(env)
        self.layout = Layout(observation_space)
        self.action_layout = ActionLayout(action_space)
        self.plan = self.layout
        self.agents_per_env = agents_per_env
        self.scalar_actions = isinstance(action_space, spaces.Discrete)
        self.plain_actions = self.action_layout.is_plain

    def attach(self, buffers, Py_ssize_t first_row):
        """Use the rows from `first_row` on of these `Buffers`."""
        self.buffers = buffers
        self.first_row = first_row
        self.actions = buffers.actions
        self.observation_memory = <char*><uintptr_t>buffers.observations.ctypes.data
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks

    def reseed(self):
        """Let `seeds` begin anew, without end, from every seed that is given, and now from a fresh one.

        For an environment that without a seed takes one from the operating system, and so would not play the same
        twice.
        """
        self.reseeds = True
        self.seeds = seeds_after(None)

    cdef object seed_of(self, object seed):
        """The seed for a reset that was given `seed`."""
        if seed is None:
            return None if self.seeds is None else next(self.seeds, None)
        self.seeds = seeds_after(seed) if self.reseeds else None
        return seed

    cpdef object write_observation(self, Py_ssize_t agent, observation):
        """Put the observation of an agent of this copy into its row. Raises LayoutError if it does not fit."""
        self.plan.write_row(observation, self.observation_memory + (self.first_row + agent) * self.plan.row_size)

    cpdef object clear_observation(self, Py_ssize_t agent):
        """Make the row of an agent that takes no part zero."""
        memset(self.observation_memory + (self.first_row + agent) * self.plan.row_size, 0, self.plan.row_size)

    cpdef object read_action(self, Py_ssize_t agent):
        """The action for an agent of this copy, as its space has it."""
        cdef Py_ssize_t row = self.first_row + agent
        if self.scalar_actions:
            return cnp.PyArray_ToScalar(cnp.PyArray_BYTES(self.actions) + row * cnp.PyArray_ITEMSIZE(self.actions),
                                        self.actions)
        action = self.actions[row]
        return action.copy() if self.plain_actions else self.action_layout.value(action)

    cpdef object reset(self, object seed, list infos):
        """Begin an episode; seed is an int or None. Writes observations and masks, appends (row, info) to infos."""
        raise NotImplementedError

    cpdef object step(self, list infos):
        """Step with the actions of the buffers. Writes observations, rewards, flags and masks (rewards and flags are
        zero before), sets `ended`, appends (row, info) to infos."""
        raise NotImplementedError

    def render(self):
        """What the environment's render() returns."""
        return self.env.render()

    def close(self):
        """Close the environment, if that is a thing that it does."""
        close = getattr(self.env, "close", None)
        if close is not None:
            close()


cdef class GymAdapter(Adapter):
    """GymAdapter(env, max_steps=None)
--

Drives an environment with one agent: a `gymnasium.Env`, or one with the same methods, whose `step` may return the older
(observation, reward, done, info) and whose `reset` may return the observation alone or take no seed.
"""

    def __init__(self, env, max_steps=None):
        super().__init__(env, env.observation_space, env.action_space, 1, max_steps)
        self.env_step = env.step
        self.env_reset = env.reset
        self.is_current = isinstance(env, GymnasiumEnv)
        self.takes_seed = self.is_current or takes_parameter(env.reset, "seed")

    cpdef object reset(self, object seed, list infos):
        if self.takes_seed:
            result = self.env_reset(seed=seed)
        else:
            if seed is not None and hasattr(self.env, "seed"):
                self.env.seed(seed)
            result = self.env_reset()
        info = None
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
            result, info = result
        elif self.is_current:
            raise TypeError(f"reset() of a gymnasium.Env must return (observation, info), got {result!r:.80}")
        self.plan.write_row(result, self.observation_memory + self.first_row * self.plan.row_size)
        self.ended = False
        if info:
            self.report(info, infos)

    cpdef object step(self, list infos):
        cdef Py_ssize_t row = self.first_row
        cdef bint terminated, truncated
        result = self.env_step(self.read_action(0))
        if not isinstance(result, tuple) or not 4 <= len(result) <= 5:
            raise TypeError(f"step() must return 5 values (or the older 4), got {result!r:.80}")
        if len(<tuple>result) == 5:
            observation, reward, terminated, truncated, info = <tuple>result
        else:
            observation, reward, terminated, info = <tuple>result
            truncated = bool(terminated and isinstance(info, dict) and info.get("TimeLimit.truncated", False))
            terminated = terminated and not truncated
        self.plan.write_row(observation, self.observation_memory + row * self.plan.row_size)
        self.rewards[row] = reward
        self.terminations[row] = terminated
        self.truncations[row] = truncated
        self.ended = terminated or truncated
        if info:
            self.report(info, infos)

    cdef int report(self, object info, list infos) except -1:
        if not isinstance(info, dict):
            raise TypeError(f"the info that an environment returns must be a dict, got {info!r:.80}")
        infos.append((self.first_row, info))
        return 0


_LIKENESS = ("layout", "action_layout", "agents_per_env", "copy_action_space")


def likeness(adapter):
    """What all copies of a batch have in common, since they share one set of arrays."""
    return tuple([getattr(adapter, name) for name in _LIKENESS])


def require_alike(adapters, first_copy=0):
    """Raises ValueError unless all adapters have the likeness of the first."""
    first = likeness(adapters[0])
    for place, adapter in enumerate(adapters):
        for name, expected, got in zip(_LIKENESS, first, likeness(adapter)):
            if got != expected:
                raise ValueError(f"all copies must be alike, but copy {first_copy} has {name.removesuffix('_per_env')} "
                                 f"{expected} and copy {first_copy + place} has {got}")


def seeds_after(seed):
    """Seeds without end, the same ones for the same seed; from entropy for None."""
    rng = np.random.default_rng(seed)
    while True:
        # What every environment takes as a seed.
        yield int(rng.integers(2**31))


def takes_parameter(function, parameter):
    """Whether a function has a parameter of that name."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return parameter in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


cdef class PythonBatch:
    """PythonBatch(adapters, buffers, books, *, autoreset, max_steps)
--

The copies that `adapters` drive, in the rows of `buffers`. They record their episodes in `books`, a
`puffer.backends.books.Books`, which are the caller's.
"""

    def __init__(self, list adapters, buffers, books, *, int autoreset, max_steps):
        cdef Adapter adapter = adapters[0]
        self.adapters = adapters
        self.buffers = buffers
        self.agents_per_env = adapter.agents_per_env
        self.autoreset = autoreset
        self.max_steps = 2**62 if max_steps is None else max_steps
        self.row_size = adapter.plan.row_size
        self.observation_memory = <char*><uintptr_t>buffers.observations.ctypes.data
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks
        self.ended = books.ended
        self.sums = books.sums
        self.episodes = books.episodes
        self.finals_memory = <char*><uintptr_t>books.finals.ctypes.data
        self.books = books
        rows = len(adapters) * self.agents_per_env
        self.returns = np.zeros(rows)
        self.lengths = np.zeros(rows, np.int64)
        self.start_times = np.zeros(rows)
        self.steps = np.zeros(len(adapters), np.int64)
        self.events = Events()
        for i, adapter in enumerate(adapters):
            if adapter.plan.row_size != self.row_size or adapter.agents_per_env != self.agents_per_env:
                raise ValueError("the copies of a batch must be alike")
            adapter.attach(buffers, i * self.agents_per_env)

    def reset(self, seeds, copies):
        """Begin new episodes in the given copies, with a seed (or None) for each. Returns Events."""
        events = Events()
        # What a step that raised has left.
        self.events = Events()
        for i, seed in zip(copies, seeds):
            self.current = i
            self.clear_outputs(i)
            self.reset_copy(i, seed, events.infos)
        return events

    def step(self):
        """Step every copy with the actions in the buffers. Returns Events, or None if there is nothing to report."""
        cdef Py_ssize_t i
        events = self.events
        for i in range(len(self.adapters)):
            self.current = i
            self.step_copy(i)
        # Most steps have nothing to report, so the same object waits for the one that has.
        if not events:
            return None
        self.events = Events()
        return events

    def render_copy(self, Py_ssize_t i):
        """What render() of a copy returns."""
        self.current = i
        return self.adapters[i].render()

    def close(self):
        """Close every copy; the first error is raised when all have been tried."""
        close_all(self.adapters)

    cdef int clear_outputs(self, Py_ssize_t i) except -1:
        cdef Py_ssize_t first = i * self.agents_per_env
        memset(&self.rewards[first], 0, self.agents_per_env * sizeof(float))
        memset(&self.terminations[first], 0, self.agents_per_env)
        memset(&self.truncations[first], 0, self.agents_per_env)
        return 0

    cdef int reset_copy(self, Py_ssize_t i, object seed, list infos) except -1:
        cdef Adapter adapter = self.adapters[i]
        cdef Py_ssize_t row, first = i * self.agents_per_env
        cdef double now = time.perf_counter()
        # A reset that raises leaves a copy that must be reset.
        self.ended[i] = True
        memset(&self.masks[first], True, self.agents_per_env)
        adapter.reset(adapter.seed_of(seed), infos)
        self.ended[i] = False
        self.steps[i] = 0
        for row in range(first, first + self.agents_per_env):
            self.returns[row] = 0
            self.lengths[row] = 0
            self.start_times[row] = now
        return 0

    cdef int reset_in_step(self, Py_ssize_t i) except -1:
        """Reset a copy whose step has just ended its episode; the rewards and flags of that step stay."""
        cdef Py_ssize_t first = i * self.agents_per_env, count = self.agents_per_env
        # An environment that writes in place may write these in its reset as well.
        cdef bytearray kept = bytearray(count * (sizeof(float) + 2))
        cdef char* memory = kept
        memcpy(memory, &self.rewards[first], count * sizeof(float))
        memcpy(memory + count * sizeof(float), &self.terminations[first], count)
        memcpy(memory + count * sizeof(float) + count, &self.truncations[first], count)
        self.clear_outputs(i)
        self.reset_copy(i, None, self.events.infos)
        memcpy(&self.rewards[first], memory, count * sizeof(float))
        memcpy(&self.terminations[first], memory + count * sizeof(float), count)
        memcpy(&self.truncations[first], memory + count * sizeof(float) + count, count)
        return 0

    cdef int step_copy(self, Py_ssize_t i) except -1:
        cdef Adapter adapter = self.adapters[i]
        cdef list infos = []
        self.clear_outputs(i)
        if self.ended[i]:
            if self.autoreset == DISABLED:
                raise error.ResetNeeded(f"step() of copy {i}, whose episode has ended")
            self.reset_copy(i, None, self.events.infos)
            return 0
        adapter.step(infos)
        if self.account(i, infos) and self.autoreset == SAME_STEP:
            self.reset_in_step(i)
        elif infos:
            self.events.infos.extend(infos)
        return 0

    cdef bint account(self, Py_ssize_t i, list infos) except -1:
        """Book-keeping after a step. Returns whether the episode of the copy is over."""
        cdef Adapter adapter = self.adapters[i]
        cdef Py_ssize_t row, first = i * self.agents_per_env, last = first + self.agents_per_env
        cdef bint late, any_ended = False
        self.steps[i] += 1
        late = self.steps[i] >= self.max_steps
        if late:
            adapter.ended = True
        for row in range(first, last):
            if not self.masks[row]:
                continue
            self.lengths[row] += 1
            self.returns[row] += self.rewards[row]
            if late:
                self.truncations[row] = True
            any_ended |= self.terminations[row] | self.truncations[row]
        if any_ended:
            self.record_ends(first, last, infos)
        self.ended[i] = adapter.ended
        return adapter.ended

    cdef int record_ends(self, Py_ssize_t first, Py_ssize_t last, list infos) except -1:
        cdef Py_ssize_t row
        cdef double now = time.perf_counter()
        for row in range(first, last):
            if not self.masks[row] or not (self.terminations[row] or self.truncations[row]):
                continue
            self.episodes[row, 0] = self.returns[row]
            self.episodes[row, 1] = self.lengths[row]
            self.episodes[row, 2] = now - self.start_times[row]
            self.sums[row, EPISODES] += 1
            self.sums[row, RETURNS] += self.returns[row]
            self.sums[row, LENGTHS] += self.lengths[row]
            # An agent may come again while the episode of the copy goes on.
            self.returns[row] = 0
            self.lengths[row] = 0
            self.start_times[row] = now
            if self.autoreset == SAME_STEP:
                memcpy(self.finals_memory + row * self.row_size, self.observation_memory + row * self.row_size,
                       self.row_size)
        if self.autoreset == SAME_STEP:
            for place, info in infos:
                row = place
                if self.terminations[row] or self.truncations[row]:
                    self.events.final_infos.append((row, info))
        return 0


def close_all(closeables):
    """Close all of them; the first error is raised when all have been tried."""
    failure = None
    for one in closeables:
        try:
            one.close()
        except Exception as raised:
            failure = failure or raised
    if failure is not None:
        raise failure
