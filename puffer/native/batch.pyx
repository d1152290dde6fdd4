"""Stepping a native environment from Python: reset, step, send and recv, the choice of threads, rollouts."""
import os
from collections import deque

import numpy as np
from gymnasium import error

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from puffer import checks
from puffer.native.rollout import Rollout

from puffer.native.actions cimport ActionReader, as_array
from puffer.native.buffers cimport Buffers
from puffer.native.info cimport EpisodeEnds, Info
from puffer.native.loop cimport DISABLED, MAX_THREADS, SAME_STEP, Loop
from puffer.native.part cimport Part
from puffer.native.pool cimport pool_forks, pool_nanoseconds, pool_watch_forks
from puffer.rng cimport rng_seed

pool_watch_forks()

# A step of one thread shorter than twice this is not worth another thread; each thread should get this much.
cdef uint64_t THREAD_NANOSECONDS = 25_000
cdef int CALIBRATION_STEPS = 8


cdef class Batch(Loop):
    """Batch()
--

Base of `puffer.Env`; not made by itself.
"""

    # ---- Reset ----

    def reset(self, *, seed=None, mask=None):
        """Begin new episodes.

        Parameters
        ----------
        seed : int or sequence of (int or None), optional
            An int s gives copy i the random stream of (s, i). A sequence of num_copies seeds gives copy i the stream
            of (seed[i], 0): copies with equal seeds are equal. None continues the streams, which on the first reset
            start from the constructor's seed or, without one, from the operating system's entropy.
        mask : bool array of shape (num_agents,), optional
            Rows to reset; the others keep their episode and observation. The first reset takes no mask.

        Returns
        -------
        observations : array of shape (num_agents, ...)
            The live buffer.
        info : dict
            Empty.

        Raises TypeError or ValueError for a bad seed or mask, ResetNeeded for a mask on the first reset,
        ClosedEnvironmentError after close().
        """
        self.require_open()
        if mask is not None and self.status != READY:
            raise error.ResetNeeded("the first reset() must reset every row, without reset_mask")
        selected = self._copies_of(mask)
        # A copy, because it may be the live array of flags, which a reset clears.
        mask = None if mask is None else mask.copy()
        seeds = self._seeds(seed)
        self.drain()
        if seeds is not None:
            self.seed_streams(seeds, selected)
        if mask is None:
            if self.rollout is not None:
                self.write_to(self.rollout.start())
            self.reset_all()
        else:
            self.reset_rows(mask, selected)
        self.status = READY
        self.awaiting = deque(self.parts)
        return (<Part>self.parts[0]).observations if self.num_parts == 1 else self.buffers.observations, {}

    def async_reset(self, *, seed=None):
        """Reset as `reset(seed=seed)`, and let `recv` return the first observations part by part."""
        cdef Part part
        self.reset(seed=seed)
        for part in self.parts:
            part.slices = 0
        self.pending = self.awaiting
        self.awaiting = deque()

    cdef int reset_all(self) except -1:
        cdef Py_ssize_t i, row
        cdef double now = pool_nanoseconds() * 1e-9
        self.retained = False
        self.stepping = pool_forks + 1
        with nogil:
            memset(&self.rewards[0], 0, self.num_agents * sizeof(float))
            memset(&self.terminations[0], 0, self.num_agents)
            memset(&self.truncations[0], 0, self.num_agents)
            for i in range(self.num_copies):
                self.start_copy(i)
            self.observe_range(0, self.num_copies)
            if self.start_times != NULL:
                for row in range(self.num_agents):
                    self.start_times[row] = now
        self.stepping = 0
        self.retained = self.rollout is None
        return 0

    cdef int reset_rows(self, object mask, object selected) except -1:
        cdef Py_ssize_t row, copy
        cdef const uint8_t[::1] rows = mask.view(np.uint8)
        cdef const uint8_t[::1] whole = selected.view(np.uint8)
        cdef double now = pool_nanoseconds() * 1e-9
        # A rollout keeps what the last step returned for the rows that are reset now.
        cdef bint recording = self.rollout is not None
        self.stepping = pool_forks + 1
        with nogil:
            for row in range(self.num_agents):
                copy = row // self.agents_per_env
                if not rows[row]:
                    continue
                if not recording:
                    self.rewards[row] = 0
                    self.terminations[row] = self.truncations[row] = False
                if self.start_times != NULL:
                    self.start_times[row] = now
                if not whole[copy]:
                    self.start_agent(row)
                elif row % self.agents_per_env == 0:
                    self.start_copy(copy)
            for row in range(self.num_agents):
                copy = row // self.agents_per_env
                if rows[row] and row % self.agents_per_env == 0 and whole[copy]:
                    self.observe(copy)
                elif rows[row] and not whole[copy]:
                    self.observe_agent(row)
        self.stepping = 0
        return 0

    def _copies_of(self, mask):
        """Which copies a reset mask resets as a whole; refuses one that splits copies which cannot be split."""
        if mask is None:
            return np.ones(self.num_copies, np.bool_)
        return checks.whole_copies(mask, self.num_copies, self.agents_per_env, self.independent_agents)

    def _seeds(self, seed):
        """The seed to use: an int, a list with one entry per copy, or None to keep the streams."""
        if seed is None and self.status == NEW:
            seed = int.from_bytes(os.urandom(8), "little") if self.seed is None else self.seed
        return None if seed is None else checks.seeds(seed, self.num_copies)

    cdef int seed_streams(self, object seeds, object selected) except -1:
        cdef Py_ssize_t i
        cdef const uint8_t[::1] chosen = selected.view(np.uint8)
        cdef bint one = isinstance(seeds, int)
        cdef uint64_t seed = seeds if one else 0
        for i in range(self.num_copies):
            if chosen[i] and one:
                rng_seed(&self.rng[i], seed, i)
            elif chosen[i]:
                # A copy without a seed among seeded ones must not repeat itself from run to run.
                seed = int.from_bytes(os.urandom(8), "little") if seeds[i] is None else seeds[i]
                rng_seed(&self.rng[i], seed, 0)
        return 0

    # ---- Step ----

    def step(self, actions):
        """Step the batch: `send(actions)` and `recv()`, without the detour through the background.

        Parameters
        ----------
        actions : array of shape (num_agents, *action shape); with a smaller batch_size, of the part's rows
            Integers for Discrete and MultiDiscrete, floats for Box.

        Returns
        -------
        observations, rewards (float32), terminations (bool), truncations (bool) : arrays
            The live buffers, which the next step overwrites.
        info : dict
            Empty, or what Gymnasium's contract says about the episodes that ended; computed on first use.

        Raises ResetNeeded before the first reset (and, with autoreset disabled, for a row whose episode has ended),
        ClosedEnvironmentError after close(), TypeError or ValueError for bad actions; the environment is then
        unchanged.
        """
        if self.num_parts > 1:
            self.send(actions)
            return self.recv()
        part = self.prepare(actions)
        self.step_now(part)
        return self.result(part)

    def send(self, actions):
        """Hand actions to the part that has waited longest for them, and step it in the background.

        After reset() the parts wait in order. Raises as `step`, and AlreadyPendingCallError when no part waits.
        """
        cdef Part part = self.prepare(actions)
        part.slices = self.background_threads()
        self.make_pool(part.slices, self.num_parts)
        self.awaiting.popleft()
        self.pending.append(part)
        part.forks = pool_forks
        self.submit(&part.c)

    def recv(self):
        """Wait for the part that was sent first and return what `step` returns, for its rows.

        With more than one part, `info["env_id"]` holds the row numbers. Raises NoAsyncCallError when nothing was sent.
        """
        cdef Part part
        self.require_open()
        if not self.pending:
            raise error.NoAsyncCallError("recv() without a send() before it", "recv")
        part = self.pending[0]
        if part.slices:
            self.finish(part)
        self.pending.popleft()
        self.awaiting.append(part)
        result = self.result(part)
        if self.num_parts > 1:
            result[4]["env_id"] = np.arange(part.rows.start, part.rows.stop)
        return result

    cdef object prepare(self, object actions):
        """Everything of a step that can be refused, and what it needs before the GIL is released."""
        cdef Part part
        cdef Buffers buffers
        # First, because making an array of the caller's object may run the caller's code.
        actions = as_array(actions)
        self.require_open()
        if self.status != READY:
            raise error.ResetNeeded("step() before reset()")
        if not self.awaiting:
            raise error.AlreadyPendingCallError("send() while every part is under way; call recv() first", "send")
        part = self.awaiting[0]
        if self.autoreset == DISABLED and not self.independent_agents:
            self.require_running(part)
        if self.rollout is None:
            (<ActionReader>self.reader).take(actions, part.actions)
        else:
            buffers = self.rollout.next_buffers()
            # By way of another array: bad actions must not overwrite what a row of the rollout holds.
            (<ActionReader>self.reader).take(actions, self.rollout.checked_actions)
            np.copyto(buffers.actions, self.rollout.checked_actions)
            self.rollout.advance()
            self.write_to(buffers)
        self.use_spare_ends(part)
        if self.record_episodes:
            part.c.now = pool_nanoseconds() * 1e-9
        return part

    cdef int step_now(self, object which) except -1:
        """Step a part on the calling thread and, where that pays, on others."""
        cdef Part part = which
        cdef uint64_t begin
        cdef bint threaded
        if self.threads == 0:
            self.choose_threads()
        threaded = self.threads > 1
        if threaded:
            self.make_pool(self.threads - 1, self.num_parts)
        part.slices = self.threads
        self.stepping = pool_forks + 1
        if self.calibration_steps > 0:
            begin = pool_nanoseconds()
            with nogil:
                self.run(&part.c, threaded)
            self.calibrate(pool_nanoseconds() - begin)
        else:
            with nogil:
                self.run(&part.c, threaded)
        self.stepping = 0
        return 0

    cdef tuple result(self, object which):
        cdef Part part = which
        cdef EpisodeEnds ends = None
        if part.c.final_observations != NULL or self.record_episodes:
            ends = part.ended()
        info = {} if ends is None else Info.over(ends)
        return part.observations, part.rewards, part.terminations, part.truncations, info

    cdef int use_spare_ends(self, object which) except -1:
        cdef Part part = which
        cdef EpisodeEnds ends = part.take_spare()
        if ends is None:
            ends = EpisodeEnds(part.rows.stop - part.rows.start, self.single_observation_space.shape,
                               self.single_observation_space.dtype, final_observations=self.autoreset == SAME_STEP,
                               record_episodes=self.record_episodes)
            # A caller who holds the last info while stepping needs two; for who keeps more, the older are let go.
            part.spare = [*part.spare[len(part.spare) // 2:], ends]
        part.use(ends)
        return 0

    cdef int finish(self, object which) except -1:
        """Wait for a part that is under way."""
        cdef Part part = which
        if part.forks != pool_forks:
            raise RuntimeError("the process was forked while a send() was under way; call reset() in the child")
        self.stepping = pool_forks + 1
        with nogil:
            self.wait(&part.c)
        self.stepping = 0
        return 0

    cdef int drain(self) except -1:
        """Wait for every part that is under way (in a forked child there is none) and forget its result."""
        cdef Part part
        for part in self.pending:
            if part.slices and part.forks == pool_forks:
                self.finish(part)
        self.pending.clear()
        return 0

    # ---- Checks ----

    cdef int require_open(self) except -1:
        if self.status == CLOSED:
            raise error.ClosedEnvironmentError(f"this {type(self).__name__} is closed")
        self.require_made()
        if self.stepping == pool_forks + 1:
            raise RuntimeError("this environment is being stepped by another thread")
        if self.stepping:
            # That thread is one of the process that this one was forked from, and some copies have been stepped.
            self.stepping = 0
            self.status = NEW if self.status == NEW else UNSET
        return 0

    cdef int require_made(self) except -1:
        if self.parts is None or not self.is_complete:
            raise RuntimeError(f"{type(self).__name__}.__init__() has not run to its end")
        return 0

    cdef int require_settled(self, str method) except -1:
        """For methods that read or write the state of episodes."""
        self.require_open()
        if self.status != READY:
            raise error.ResetNeeded(f"{method}() before reset()")
        if self.pending:
            raise error.AlreadyPendingCallError(f"{method}() between send() and recv()", method)
        return 0

    cdef int require_running(self, object which) except -1:
        cdef Part part = which
        cdef Py_ssize_t i
        for i in range(part.c.first, part.c.last):
            if self.is_ended(i):
                raise error.ResetNeeded(
                    f"step() of copy {i} (row {i * self.agents_per_env}), whose episode has ended: with autoreset "
                    f"disabled, reset it with options={{'reset_mask': ...}} first"
                )
        return 0

    # ---- Threads ----

    @property
    def num_threads(self):
        """Threads that step; 0 until the first steps have been measured."""
        return 0 if self.calibration_steps > 0 else self.threads

    cdef int choose_threads(self) except -1:
        if self.requested_threads:
            self.threads = min(self.requested_threads, self.batch_size)
            return 0
        self.threads = 1
        if self.batch_size > 1 and checks.available_cores() > 1:
            self.calibration_steps = CALIBRATION_STEPS
            self.fastest_step = <uint64_t>-1
        return 0

    cdef int calibrate(self, uint64_t nanoseconds) except -1:
        """Settle the number of threads when enough steps of one thread have been timed."""
        self.fastest_step = min(self.fastest_step, nanoseconds)
        self.calibration_steps -= 1
        if self.calibration_steps == 0 and self.fastest_step >= 2 * THREAD_NANOSECONDS:
            self.threads = min(checks.available_cores(), self.batch_size, self.fastest_step // THREAD_NANOSECONDS,
                               MAX_THREADS - 1)
        return 0

    cdef int background_threads(self) except -1:
        return min(self.requested_threads or checks.available_cores(), self.batch_size, MAX_THREADS - 1)

    # ---- Buffers ----

    cdef int make_parts(self) except -1:
        cdef Part part
        self.awaiting = deque()
        self.pending = deque()
        parts = []
        for first in range(0, self.num_copies, self.batch_size):
            part = Part(slice(first * self.agents_per_env, (first + self.batch_size) * self.agents_per_env))
            self.set_part(&part.c, first, first + self.batch_size)
            part.attach(self.buffers)
            parts.append(part)
        self.parts = parts
        self.num_parts = len(parts)
        return 0

    def rollout_buffers(self, horizon):
        """From the next reset() on, let step t write straight into row t of a rollout; see `Rollout`, which it returns.

        Raises ValueError for a horizon below 1, or with batch_size below num_envs.
        """
        self.require_open()
        horizon = checks.integer("horizon", horizon, 1, 2**31 - 1)
        if self.num_parts > 1:
            raise ValueError(f"rollout_buffers needs batch_size = num_envs = {self.num_copies}, got {self.batch_size}")
        with checks.memory("horizon", horizon):
            rollout = Rollout(horizon, self.buffers)
        self.drain()
        self.rollout = rollout
        # The streams go on, but the rollout's first observations are those of a reset.
        self.awaiting.clear()
        self.status = UNSET if self.status == READY else self.status
        return self.rollout

    cdef int write_to(self, Buffers buffers) except -1:
        cdef Part part
        self.buffers = buffers
        self.attach(buffers)
        for part in self.parts:
            part.attach(buffers)
        return 0
