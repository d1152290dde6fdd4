"""Steps native environments: parts, infos, the next episodes, snapshots, pictures."""
import math
import os

import numpy as np
from gymnasium.vector import AutoresetMode

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memset

from puffer.native.backend cimport Part, Backend
from puffer.native.binding cimport Binding
from puffer.native.buffers cimport Buffers
from puffer.native.ends cimport EndsForm, EndsMemory, EndsRecorder, EpisodeEnds
from puffer.native.faults cimport is_checked, raise_fault
from puffer.native.info cimport Info
from puffer.native.outputs cimport Outputs
from puffer.native.loop cimport DISABLED, NEXT_STEP, SAME_STEP, Loop
from puffer.native.pool cimport pool_nanoseconds
from puffer.native.raster cimport Canvas
from puffer.native.resets cimport forget_next_seeds, reset_all, reset_rows, seed_streams
from puffer.native.rules cimport Rules
from puffer.native.snapshots cimport Snapshots
from puffer.native.threads cimport MAX_THREADS, Threads

# Copies whose episode statistics are added up in one sum, and which one thread steps together.
BLOCK = 64
# The numbers of the modes in loops over copies.
MODES = {AutoresetMode.NEXT_STEP: NEXT_STEP, AutoresetMode.SAME_STEP: SAME_STEP, AutoresetMode.DISABLED: DISABLED}


cdef class NativePart(Part):
    """NativePart(index, first, last, agents_per_env)
--

A part of a native environment.
"""

    def __cinit__(self, *arguments):
        self.c.job = &self.job

    cdef int prepare(self, int slices) except -1:
        """Let the coming step, of so many threads, record the ends of episodes."""
        cdef EndsMemory memory = self.recorder.ready()
        self.slices = memory.num_stretches = slices
        self.c.ends = memory.entries
        self.c.final_observations = memory.observations
        self.c.stretches = memory.stretches
        return 0


cdef class NativeBackend(Backend):
    """NativeBackend()
--

Steps the copies of a native environment, which makes it. It does not keep the environment alive, which detaches it when
it goes.
"""

    def __cinit__(self, *arguments):
        self.threads = Threads()

    cdef int prepare(self, Rules rules, object spec, object options, Buffers buffers, bint independent_agents,
                     bint observes_in_step, object snapshot_key, int copies_per_block, int num_threads) except -1:
        """Step the copies of `rules`, whose sizes are set, in the rows of `buffers`; see `puffer.Env`."""
        cdef Loop loop = Loop()
        self.threads.requested = num_threads
        self.threads.batch_size = options.batch_size
        self.rules = <void*>rules
        self.spec = spec
        self.record_episodes = options.record_episodes
        self.row_info_names = tuple(rules.row_info_names)
        self.marks_actions = rules.masks_actions
        self.num_parts = options.num_parts
        self.snapshot_key = (snapshot_key, options.autoreset_mode.value)
        loop.independent_agents = independent_agents
        loop.observes_in_step = observes_in_step
        loop.steps_ended = rules.steps_ended
        loop.is_checked = is_checked(type(rules))
        loop.autoreset = MODES[options.autoreset_mode]
        loop.num_statistics = len(rules.statistic_names)
        # Parts that are under way at the same time must not share a block.
        loop.block = math.gcd(BLOCK, copies_per_block, options.batch_size)
        loop.row_size = buffers.observations.nbytes // rules.num_agents
        loop.observation_memory = buffers.observation_memory
        loop.allocate(rules, options.record_episodes)
        self.loop = loop
        self.retains = True
        rules.attach(buffers)
        return 0

    cdef int detach(self) except -1:
        """Forget the rules, after everything that is under way."""
        self.threads.free_pool()
        self.rules = NULL
        return 0

    cdef int check(self) except -1:
        if self.rules == NULL:
            raise RuntimeError("the environment of this batch is gone; keep a reference to it")
        if not (<Rules>self.rules).is_complete:
            raise RuntimeError(f"{type(<Rules>self.rules).__name__}.__init__() has not run to its end")
        return 0

    cdef Part make_part(self, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last, Py_ssize_t agents):
        cdef NativePart part = NativePart(index, first, last, agents)
        self.check()
        self.loop.set_part(<Rules>self.rules, &part.c, first, last)
        space = self.spec.layout.flat_space
        form = EndsForm((last - first) * agents, first * agents, space.shape, space.dtype, self.record_episodes)
        part.recorder = EndsRecorder(form, MAX_THREADS)
        return part

    # ---- Reset ----

    cdef object reset(self, object seed, object options, object copies, object rows):
        cdef Rules rules = <Rules>self.rules
        cdef Loop loop = self.loop
        cdef const uint8_t[::1] whole = copies.view(np.uint8)
        cdef const uint8_t[::1] chosen
        cdef double now = pool_nanoseconds() * 1e-9
        if seed is None and not self.is_seeded:
            self.first_seed(int.from_bytes(os.urandom(8), "little"))
        if seed is not None:
            forget_next_seeds(loop, seed, whole)
            seed_streams(rules, seed, whole)
        self.is_seeded = True
        if rows is None:
            rules.retained = False
            with nogil:
                reset_all(loop, rules, now)
            rules.retained = self.retains
        else:
            chosen = rows.view(np.uint8)
            with nogil:
                # A rollout keeps what the last step returned for the rows that are reset now.
                reset_rows(loop, rules, &chosen[0], &whole[0], self.is_recording, now)
        if loop.has_fault():
            raise_fault(rules, loop.current)
        return self.tell_rows(None, 0, rules.num_agents, rows) if self.row_info_names else {}

    def first_seed(self, seed):
        """Seed every stream; a copy with a seed from set_next begins its episode with that one."""
        self.check()
        seed_streams(<Rules>self.rules, seed, np.ones((<Rules>self.rules).num_copies, np.uint8))
        self.is_seeded = True

    def set_next(self, copies, seed, options, parameters):
        """Set seeds for the next episodes, and the parameters that the class lets copies have of their own."""
        self.check()
        cdef Rules rules = <Rules>self.rules
        cdef Py_ssize_t k
        if self.loop.independent_agents:
            raise TypeError(f"set_next(): the agents of a copy of {type(rules).__name__} have episodes of their own, "
                            f"and the copy has no next one")
        if parameters:
            rules.set_next_parameters(copies, parameters)
        if not self.is_seeded:
            self.before_first = [*self.early(), (copies, seed, parameters)]
        for k, copy in enumerate(copies):
            if isinstance(seed, int):
                self.loop.set_next_seed(rules, copy, seed, copy)
            elif seed is not None and seed[k] is not None:
                self.loop.set_next_seed(rules, copy, seed[k], 0)

    def call(self, name, arguments, named):
        """A parameter or an attribute for every copy, or what a method with a parameter `copy` returns for it."""
        self.check()
        return (<Rules>self.rules).attribute_of_copies(name, arguments, named)

    def set_attr(self, name, values):
        """Raises AttributeError."""
        self.check()
        cls = type(<Rules>self.rules).__name__
        raise AttributeError(f"the copies of {cls} are not objects of their own, and {name!r} cannot be set; for "
                             f"parameters of the next episodes use env.set_next(copies, ...)")

    @property
    def masks_actions(self):
        return self.marks_actions

    cdef int mask_actions(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) except -1:
        cdef Loop loop = self.loop
        self.check()
        with nogil:
            (<Rules>self.rules).write_action_masks(masks, first, last)
        if loop.has_fault():
            raise_fault(<Rules>self.rules, first)
        return 0

    # ---- Step ----

    cdef object step(self, Part which):
        cdef NativePart part = <NativePart>which
        cdef Loop loop = self.loop
        cdef Threads threads = self.threads
        cdef uint64_t begin
        cdef bint threaded
        if threads.count == 0:
            threads.choose()
        threaded = threads.count > 1 and not loop.is_checked
        if threaded:
            threads.make_pool(threads.count - 1, self.num_parts)
        self.prepare_part(part, threads.count if threaded else 1)
        if threads.calibration_steps > 0:
            begin = pool_nanoseconds()
            with nogil:
                threads.run(&part.c, threaded)
            threads.calibrate(pool_nanoseconds() - begin)
        else:
            with nogil:
                threads.run(&part.c, threaded)
        if loop.has_fault():
            raise_fault(<Rules>self.rules, loop.current)
        return self.info_of(part)

    cdef int start(self, Part which) except -1:
        cdef NativePart part = <NativePart>which
        cdef Loop loop = self.loop
        if loop.is_checked:
            self.prepare_part(part, 1)
            with nogil:
                self.threads.run(&part.c, False)
            if loop.has_fault():
                raise_fault(<Rules>self.rules, loop.current)
            return 0
        self.prepare_part(part, self.threads.in_background())
        self.threads.make_pool(part.slices, self.num_parts)
        self.threads.submit(&part.c)
        return 0

    cdef object finish(self, Part which):
        cdef NativePart part = <NativePart>which
        if not self.loop.is_checked:
            with nogil:
                self.threads.wait(&part.c)
        return self.info_of(part)

    cdef Py_ssize_t ended_copy(self, Part part) except -2:
        cdef Rules rules = <Rules>self.rules
        cdef Py_ssize_t i
        cdef uint8_t* found
        if self.loop.independent_agents:
            return -1
        if rules.agents_per_env == 1:
            found = <uint8_t*>memchr(self.loop.alive + part.first, False, part.last - part.first)
            return -1 if found == NULL else found - self.loop.alive
        for i in range(part.first, part.last):
            if self.loop.is_ended(rules, i):
                return i
        return -1

    cdef int prepare_part(self, NativePart part, int slices) except -1:
        part.prepare(slices)
        if self.record_episodes:
            part.c.now = pool_nanoseconds() * 1e-9
        return 0

    cdef bint can_attach(self, Buffers home, Outputs outputs) except -1:
        if self.binding is None:
            self.check()
            self.binding = Binding()
            self.binding.find(<Rules>self.rules, home, outputs.take())
            self.draws_changes = self.binding.is_complete and type(<Rules>self.rules).draws_changes
        self.retains = self.draws_changes or not self.binding.is_complete
        return self.binding.is_complete

    cdef object info_of(self, NativePart part):
        cdef EpisodeEnds ends = part.recorder.recorded()
        cdef bint has_finals = self.loop.autoreset == SAME_STEP
        cdef Info info = None
        part.ends = ends
        if ends is not None and (has_finals or self.record_episodes):
            info = Info.over(ends, has_finals, self.record_episodes)
        if self.row_info_names:
            return self.tell_rows(info, part.rows.start, part.rows.stop, None)
        return {} if info is None else info

    cdef Info tell_rows(self, Info info, Py_ssize_t first, Py_ssize_t last, object mask):
        """Add what the class tells of rows to an info: of those in the mask, or of all, as far as they take part."""
        cdef Rules rules = <Rules>self.rules
        if rules.agents_per_env > 1:
            taking_part = np.asarray(rules.masks[first:last]).view(np.bool_)
            mask = taking_part.copy() if mask is None else taking_part & mask
        if info is None:
            info = Info.over(None, False, False)
        info.tell(self.row_info_names, rules.row_infos(first, last), mask)
        return info

    cdef int attach(self, Buffers buffers) except -1:
        cdef Loop loop = self.loop
        if self.binding.is_complete:
            self.binding.point(buffers, not self.draws_changes)
        else:
            (<Rules>self.rules).attach(buffers)
        if not self.draws_changes:
            loop.observation_memory = buffers.observation_memory
        elif buffers.observation_memory != loop.observation_memory:
            loop.copied_to = buffers.observation_memory
        else:
            loop.copied_to = NULL
        return 0

    @property
    def num_threads(self):
        """Threads that step; 0 until the first steps have been measured."""
        return 0 if self.threads.calibration_steps > 0 else self.threads.count

    # ---- Statistics, snapshots, pictures ----

    cdef object stats(self, list parts):
        cdef Py_ssize_t columns = 3 + self.loop.num_statistics, block = self.loop.block
        cdef Part part
        names = ("episode_return", "episode_length", *(<Rules>self.rules).statistic_names)
        sums = np.asarray(self.loop.sums)
        chosen = np.zeros(len(sums), np.bool_)
        for part in parts:
            chosen[part.first // block:part.last // block] = True
        # In one sum over the blocks, whose order no split into parts changes.
        totals = sums[chosen, :columns].sum(axis=0)
        sums[chosen] = 0
        episodes, *totals = totals.tolist()
        if not episodes:
            return {"episodes": 0}
        return {"episodes": int(episodes), **{name: total / episodes for name, total in zip(names, totals)}}

    cdef object get_state(self, object copies):
        return self.form().get(<Rules>self.rules, copies)

    cdef int set_state(self, object state, object copies) except -1:
        cdef const int64_t[::1] chosen = copies
        cdef Py_ssize_t k
        self.form().set(<Rules>self.rules, state, chosen)
        for k in range(chosen.shape[0]):
            self.redraw(chosen[k])
        return 0

    cdef int redraw(self, Py_ssize_t copy) except -1:
        cdef Rules rules = <Rules>self.rules
        cdef Loop loop = self.loop
        cdef Py_ssize_t row, first = copy * rules.agents_per_env
        cdef bint retained = rules.retained
        for row in range(first, first + rules.agents_per_env):
            if not rules.masks[row]:
                memset(loop.observation_memory + row * loop.row_size, 0, loop.row_size)
        rules.retained = False
        rules.observe(copy)
        rules.retained = retained
        loop.copy_rows(first, rules.agents_per_env)
        if loop.has_fault():
            raise_fault(rules, copy)
        return 0

    def progress(self):
        """Of every row: whether it takes part in the next step, and whether its episode has had none yet."""
        self.check()
        cdef Loop loop = self.loop
        cdef Py_ssize_t row, rows = (<Rules>self.rules).num_agents
        alive, is_first = np.zeros((2, rows), np.bool_)
        for row in range(rows):
            alive[row], is_first[row] = loop.alive[row], loop.elapsed[row] == 0
        return alive, is_first

    def early(self):
        """The arguments of set_next before the first reset."""
        return self.before_first or []

    def rest(self):
        """Sums for stats(), and seeds for the next episodes, which no snapshot of a copy has."""
        self.check()
        cdef Loop loop = self.loop
        cdef Py_ssize_t i
        seeds = {}
        if loop.next_seeds != NULL:
            seeds = {i: (loop.next_seeds[i].seed, loop.next_seeds[i].number)
                     for i in range((<Rules>self.rules).num_copies) if loop.next_seeds[i].is_set}
        return {"sums": np.array(loop.sums), "seeds": seeds}

    def take_rest(self, rest):
        """Take over the rest of another batch."""
        self.check()
        cdef Rules rules = <Rules>self.rules
        np.asarray(self.loop.sums)[...] = rest["sums"]
        for copy, (seed, number) in rest["seeds"].items():
            self.loop.set_next_seed(rules, copy, seed, number)

    cdef Snapshots form(self):
        """The form of snapshots, made when every block of state is there."""
        cls = type(<Rules>self.rules)
        if self.snapshots is None:
            # Only the last part of the name is the same in every build of a module.
            name = cls.__module__.rpartition(".")[2], cls.__qualname__, cls.version
            key = (name, self.spec.layout.flat_space.shape, self.snapshot_key)
            self.snapshots = Snapshots(<Rules>self.rules, key)
        return self.snapshots

    cdef object render_copy(self, Py_ssize_t copy):
        cdef Rules rules = <Rules>self.rules
        cdef Canvas canvas = Canvas(*rules.render_size)
        rules.render_one(copy, canvas)
        return canvas.array()

    cdef object ansi_copy(self, Py_ssize_t copy):
        return (<Rules>self.rules).ansi_one(copy)

    # ---- End ----

    cdef int close(self) except -1:
        if self.rules != NULL:
            self.threads.free_pool()
            (<Rules>self.rules).release()
        return 0
