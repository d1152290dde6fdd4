"""Native environments: the base class `Env` with its options, statistics, snapshots and pictures."""
import hashlib
import math

import numpy as np
from gymnasium.vector import AutoresetMode

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from puffer import checks
from puffer.native.buffers import aligned_zeros
from puffer.layout.spaces import ActionLayout, Layout

from puffer.native.actions cimport ActionReader
from puffer.native.batch cimport CLOSED, Batch
from puffer.native.buffers cimport Buffers
from puffer.native.loop cimport DISABLED, MAX_THREADS, NEXT_STEP, SAME_STEP
from puffer.native.raster cimport Canvas
from puffer.rng cimport rng_mix, rng_t

ABI = PUFFER_ABI

_NO_LIMIT = 2**31 - 1
# Copies whose episode statistics are added up in one place, and which one thread steps together.
_BLOCK = 64
# The numbers of the modes in loops over copies.
MODES = {AutoresetMode.NEXT_STEP: NEXT_STEP, AutoresetMode.SAME_STEP: SAME_STEP, AutoresetMode.DISABLED: DISABLED}


cdef class Env(Batch):
    """Env(num_envs, observation_space, action_space, *, agents_per_env=1, independent_agents=False, **options)
--

Base class of native environments. One object holds all copies and steps them without the GIL.

An author's class declares its spaces in `__init__`, asks for the memory of its state with `new_state`, binds its
views of the buffers in `bind`, and writes the rules: `reset_one(i)`, `step_one(i)`, `observe(i)`, all
`noexcept nogil`. `docs/writing-an-env.md` has the whole contract, `puffer/ocean/catch.pyx` is one to copy.

Parameters
----------
num_envs : int
    Number of copies, at least 1.
observation_space, action_space : gymnasium.spaces.Space
    Of one agent. A Box, and a Discrete, MultiDiscrete or float32 Box, are the rows of the buffers as they are. Of any
    other space, nested ones included, the rows are those of its `Layout` or `ActionLayout`.
agents_per_env : int
    Rows of one copy.
independent_agents : bool
    Whether each agent has episodes of its own, instead of all agents of a copy sharing one.
observes_in_step : bool
    Whether `step_range` (or `step_one`) writes the observations too; otherwise the loop calls `observe` after it.
snapshot_key : tuple
    Parameters that a snapshot depends on beside the sizes of the state, such as the shape of a map.
copies_per_block : int
    Copies that one thread always steps together, a power of two up to 64; 1 where the step of a copy takes long.
num_threads : int
    Threads that step; 0 measures the first steps and picks. The results do not depend on it.
batch_size : int, optional
    Copies that one `send` steps and one `recv` returns; divides num_envs, which is the default.
autoreset_mode : str or gymnasium.vector.AutoresetMode
    "SameStep", "NextStep" or "Disabled".
max_steps : int, optional
    Steps after which an episode is truncated; by default what the rules say (`default_max_steps`).
buf : mapping, optional
    Arrays to live in, see `Buffers`.
seed : int, optional
    Seed of the first reset that is given none.
render_mode : str, optional
    One of `render_modes`, or "human".
record_episodes : bool
    Whether infos carry `episode`, in the form of Gymnasium's RecordEpisodeStatistics.
check_actions : bool
    Whether actions are checked for range and finiteness.

Class attributes an author sets
-------------------------------
version : int
    Rises when the behaviour changes.
default_max_steps : int or None
    The time limit of the rules.
statistic_names : tuple of str
    Named statistics, the columns of `statistics`.
render_modes : tuple of str
    Of "rgb_array" and "ansi".
render_size : (int, int)
    Width and height of the picture.
"""

    version = 0
    default_max_steps = None
    statistic_names = ()
    render_modes = ("rgb_array",)
    render_size = (400, 300)

    def __init__(self, num_envs, observation_space, action_space, *, agents_per_env=1, independent_agents=False,
                 observes_in_step=False, snapshot_key=(), copies_per_block=_BLOCK, num_threads=0, batch_size=None,
                 autoreset_mode="SameStep", max_steps=None, buf=None, seed=None, render_mode=None,
                 record_episodes=False, check_actions=True):
        self.require_unmade()
        copies = checks.integer("num_envs", num_envs, 1, _NO_LIMIT)
        agents = checks.integer("agents_per_env", agents_per_env, 1, _NO_LIMIT // copies)
        self.requested_threads = checks.integer("num_threads", num_threads, 0, MAX_THREADS - 1)
        self.batch_size = checks.divisor("batch_size", batch_size, "num_envs", copies)
        self.autoreset_mode = checks.autoreset_mode(autoreset_mode)
        layout, action_layout = Layout(observation_space), ActionLayout(action_space)
        limit = self.default_max_steps if max_steps is None else checks.integer("max_steps", max_steps, 1, _NO_LIMIT)
        self.seed = None if seed is None else checks.seed(seed)
        self.render_mode = checks.render_mode(render_mode, self.render_modes)
        self.record_episodes = record_episodes
        self.reader = ActionReader(action_layout.flat_space, check_actions)
        self.layout = layout
        self.action_layout = action_layout
        self.single_observation_space = layout.flat_space
        self.single_action_space = action_layout.flat_space
        self.agents_per_env = agents
        self.num_agents = copies * agents
        # One agent with an episode of its own is a copy with an episode.
        self.independent_agents = independent_agents and agents > 1
        self.snapshot_key = snapshot_key
        self.observes_in_step = observes_in_step
        self.autoreset = MODES[self.autoreset_mode]
        self.max_steps = _NO_LIMIT if limit is None else limit
        self.num_statistics = len(self.statistic_names)
        # Parts that are under way at the same time must not share a block.
        self.block = math.gcd(_BLOCK, copies_per_block, self.batch_size)
        with checks.memory("num_envs", copies):
            self.buffers = Buffers(self.num_agents, layout.flat_space.shape, layout.flat_space.dtype,
                                   self.reader.shape, self.reader.dtype, buf)
            self.row_size = self.buffers.observations.nbytes // self.num_agents
            self.num_copies = copies
            self.allocate()
        self.attach(self.buffers)
        self.make_parts()

    cdef int allocate(self) except -1:
        columns = max(1, self.num_statistics)
        agents, copies = self.agents_per_env, self.num_copies
        self.rng = <rng_t*>self.new_state(sizeof(rng_t))
        self.alive = <uint8_t*>self.new_state(agents)
        self.elapsed = <int32_t*>self.new_state(agents * sizeof(int32_t))
        self.returns = <double*>self.new_state(agents * sizeof(double))
        statistics = <double*>self.new_state(agents * columns * sizeof(double))
        self.statistics = <double[:self.num_agents, :columns]>statistics
        self.block_bits = int(self.block).bit_length() - 1
        self.sums = aligned_zeros((copies // self.block, 3 + columns), np.float64)
        if self.record_episodes:
            self.start_times = <double*>self.new_state(agents * sizeof(double))
        return 0

    cdef int require_unmade(self) except -1:
        """Refuse a second __init__ of an environment in use."""
        if self.parts is not None:
            raise RuntimeError(f"this {type(self).__name__} is already made; make a new one")
        return 0

    # ---- Defaults of the author's methods ----

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        raise NotImplementedError(f"{type(self).__name__} draws no pictures")

    cdef object ansi_one(self, Py_ssize_t i):
        raise NotImplementedError(f"{type(self).__name__} prints no text")

    cdef dict state_one(self, Py_ssize_t i):
        raise NotImplementedError(f"{type(self).__name__} does not tell its state")

    # ---- Buffers and statistics ----

    @property
    def observations(self):
        """The live observations, (num_agents, ...)."""
        self.require_made()
        return self.buffers.observations

    @property
    def masks(self):
        """Whether the agent of each row took part in the last step, or begins an episode: bool (num_agents,), live."""
        self.require_made()
        return self.buffers.masks

    def stats(self):
        """Means over the episodes that ended since the last call, which it forgets.

        Returns a dict with `episodes` (how many, counted per agent) and, when there are any, `episode_return`,
        `episode_length` and the environment's own statistics.
        """
        self.require_settled("stats")
        sums = np.asarray(self.sums)
        episodes, *totals = sums.sum(axis=0)[:3 + self.num_statistics].tolist()
        sums[:] = 0
        if not episodes:
            return {"episodes": 0}
        names = ("episode_return", "episode_length", *self.statistic_names)
        return {"episodes": int(episodes), **{name: total / episodes for name, total in zip(names, totals)}}

    # ---- States ----

    def state(self, copy=0):
        """The state of one copy as a dict, in classes that write `state_one`; their docstrings say what it holds."""
        self.require_settled("state")
        return self.state_one(checks.integer("copy", copy, 0, self.num_copies - 1))

    # ---- Snapshots ----

    def get_state(self, copies=None):
        """Snapshots of copies: their whole state, random stream and episode so far included.

        Parameters
        ----------
        copies : sequence of int, optional
            Which copies; all by default.

        Returns
        -------
        uint8 array of shape (number of copies, bytes of a snapshot)
            Valid for environments of the same class, version, parameters and autoreset mode, in any copy of them.
        """
        cdef uint8_t[:, ::1] target
        cdef Py_ssize_t k
        self.require_settled("get_state")
        chosen = self._indices(copies)
        state = np.zeros((len(chosen), self.snapshot_size()), np.uint8)
        target = state
        for k in range(len(chosen)):
            self.save_copy(chosen[k], &target[k, 0])
        return state

    def set_state(self, state, copies=None):
        """Restore snapshots into copies, exactly; their observations (and masks) are written anew.

        Parameters
        ----------
        state : uint8 array
            As `get_state` returned it.
        copies : sequence of distinct int, optional
            One for each row of `state`; all by default.

        Raises TypeError or ValueError, before anything is changed, for what is no snapshot of this environment.
        """
        cdef const uint8_t[:, ::1] source
        cdef Py_ssize_t k
        self.require_settled("set_state")
        chosen = self._indices(copies)
        state = np.asarray(state)
        expected = (len(chosen), self.snapshot_size())
        if state.dtype != np.uint8 or state.shape != expected:
            raise ValueError(f"state must be a uint8 array of shape {expected}, got {state.dtype} of {state.shape}")
        source = np.ascontiguousarray(state)
        for k in range(len(chosen)):
            self.check_snapshot(k, &source[k, 0], expected[1])
        retained = self.retained
        for k in range(len(chosen)):
            self.load_copy(chosen[k], &source[k, 0])
            self.retained = False
            self.observe(chosen[k])
            self.retained = retained

    def _indices(self, copies):
        if copies is None:
            return list(range(self.num_copies))
        try:
            chosen = list(copies)
        except TypeError:
            raise TypeError(f"copies must be a sequence of copies, got {copies!r}") from None
        chosen = [checks.integer(f"copies[{k}]", copy, 0, self.num_copies - 1) for k, copy in enumerate(chosen)]
        if len(set(chosen)) != len(chosen):
            raise ValueError(f"copies must be distinct, got {chosen}")
        return chosen

    cdef int check_snapshot(self, Py_ssize_t k, const uint8_t* source, size_t size) except -1:
        cdef uint64_t signature, checksum
        memcpy(&signature, source, 8)
        memcpy(&checksum, source + 8, 8)
        if signature != self.signature:
            raise ValueError(
                f"state[{k}] is no snapshot of this environment: its class, version, parameters or autoreset mode "
                "differ"
            )
        if checksum != _checksum(source + 16, size - 16):
            raise ValueError(f"state[{k}] is no snapshot as get_state() made it: its checksum is wrong")
        return 0

    cdef size_t snapshot_size(self) noexcept:
        """Bytes of a snapshot: signature, checksum, every block of state, and the masks."""
        cdef size_t size = 16 + self.agents_per_env
        cdef int k
        if self.signature == 0:
            sizes = [self.states[k].size for k in range(self.num_states)]
            # Where the mode differs, a snapshot may be of an episode that has ended and waits.
            parts = (type(self).__qualname__, self.version, self.autoreset_mode.value, sizes, self.snapshot_key)
            text = repr((*parts, self.single_observation_space.shape))
            self.signature = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") | 1
        for k in range(self.num_states):
            size += self.states[k].size
        return size

    cdef void save_copy(self, Py_ssize_t i, uint8_t* target) noexcept nogil:
        cdef uint64_t checksum
        cdef size_t place = 16
        cdef int k
        for k in range(self.num_states):
            memcpy(target + place, self.states[k].memory + i * self.states[k].size, self.states[k].size)
            place += self.states[k].size
        memcpy(target + place, &self.masks[i * self.agents_per_env], self.agents_per_env)
        place += self.agents_per_env
        checksum = _checksum(target + 16, place - 16)
        memcpy(target, &self.signature, 8)
        memcpy(target + 8, &checksum, 8)

    cdef void load_copy(self, Py_ssize_t i, const uint8_t* source) noexcept nogil:
        cdef Py_ssize_t row
        cdef size_t place = 16
        cdef int k
        for k in range(self.num_states):
            memcpy(self.states[k].memory + i * self.states[k].size, source + place, self.states[k].size)
            place += self.states[k].size
        memcpy(&self.masks[i * self.agents_per_env], source + place, self.agents_per_env)
        for row in range(i * self.agents_per_env, (i + 1) * self.agents_per_env):
            if not self.masks[row]:
                memset(self.observation_memory + row * self.row_size, 0, self.row_size)

    # ---- Pictures ----

    def render_copy(self, copy=0):
        """A picture of one copy, (height, width, 3) uint8, whatever the render mode."""
        self.require_settled("render")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        canvas = Canvas(*self.render_size)
        self.render_one(i, canvas)
        return canvas.array()

    def ansi_copy(self, copy=0):
        """One copy as text, for classes with the render mode "ansi"."""
        self.require_settled("render")
        return self.ansi_one(checks.integer("copy", copy, 0, self.num_copies - 1))

    # ---- End ----

    def close(self):
        """Finish what is under way and end the threads. Closing twice is fine; any other call then raises."""
        if self.status == CLOSED:
            return
        self.require_open()
        self.drain()
        self.free_pool()
        self.status = CLOSED


cdef uint64_t _checksum(const uint8_t* bytes, size_t size) noexcept nogil:
    cdef uint64_t value = size, word
    cdef size_t k
    for k in range(0, size - size % 8, 8):
        memcpy(&word, bytes + k, 8)
        value = rng_mix(value ^ word) + k
    for k in range(size - size % 8, size):
        value = rng_mix(value ^ bytes[k]) + k
    return value
