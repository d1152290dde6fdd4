"""The episodes of a batch: reset, step, send and recv.

A `Backend` does the work: the native one without the GIL, those of Python environments in this process or in workers.
"""
import numpy as np
from gymnasium import error

from puffer import checks
from puffer.native.info import info_of_rows

cimport numpy as cnp

from puffer.native.actions cimport ActionReader, as_array
from puffer.native.backend cimport Backend, Part
from puffer.native.batch_access cimport BatchAccess
from puffer.native.batch_state cimport CLOSED, NEW, READY, UNSET
from puffer.native.buffers cimport Buffers
from puffer.native.ends cimport EndsForm, EpisodeEnds
from puffer.native.pool cimport pool_forks, pool_watch_forks
from puffer.native.rollout cimport Rollout

cnp.import_array()
# Every module has a counter of its own.
pool_watch_forks()


cdef class Batch(BatchAccess):
    """Batch(backend, spec, options, buffers, reader, *, independent_agents=False)
--

The copies that `backend` steps, in the rows of `buffers`.

Parameters
----------
backend : Backend
spec : puffer.layout.spec.CopySpec
    What all copies have in common.
options : puffer.options.BatchOptions
buffers : puffer.Buffers
reader : ActionReader
    Checks actions and writes them into rows.
independent_agents : bool
    Whether each agent has episodes of its own.
"""

    def __cinit__(self, Backend backend not None, spec, options, Buffers buffers not None,
                  ActionReader reader not None, *, bint independent_agents=False):
        # Of a native environment the rules say what a discrete entry that is not a whole number means.
        is_checked = options.check_actions and spec.action_layout.is_mixed and not reader.native
        self.action_layout = spec.action_layout if is_checked else None
        self.reader = reader
        self.last_rows = slice(0, self.num_agents)

    # ---- Reset ----

    def reset(self, *, seed=None, mask=None, options=None):
        """Begin new episodes.

        Parameters
        ----------
        seed : int or sequence of (int or None), optional
            One int for the batch, or one seed for each copy. None continues the random streams, which on the first
            reset start from the seed in the options or, without one, from the operating system's entropy.
        mask : bool array of shape (num_agents,), optional
            Rows to reset; the others keep their episode and observation. The first reset takes no mask but one of
            all rows.
        options : dict or sequence of (dict or None), optional
            For environments in Python: what their reset() gets as `options`, the same for all or one for each copy.

        Returns
        -------
        observations : array of shape (num_agents, ...)
            As `step` returns them.
        info : dict

        What `set_next` has set for the copies holds as far as seed and options say nothing else.

        Raises TypeError or ValueError for a bad seed, mask or options, ResetNeeded for a mask of some rows on the first
        reset, ClosedEnvironmentError after close().
        """
        cdef Rollout rollout
        self.claim()
        try:
            copies = self._copies_of(mask)
            if mask is not None and self.status != READY:
                if not mask.all():
                    raise error.ResetNeeded("the first reset() must reset every row: give no reset_mask, or one that "
                                            "is all True")
                mask = None
            options = checks.reset_options(options, self.num_copies)
            if options is not None:
                self.backend.check_options(options)
            # A copy, because it may be the live array of flags, which a reset clears.
            rows = None if mask is None else mask.copy()
            if seed is not None:
                seed = checks.seeds(seed, self.num_copies)
            elif self.status == NEW and self.options.seed is not None:
                seed = self.backend.first_seed(self.options.seed)
            self.drain(mask is None)
            rollout = self.results.rollout
            if mask is None and rollout is not None and rollout.step_buffers is not None:
                self.results.write_to(rollout.first_buffers)
            if mask is None:
                self.results.renew(False)
            else:
                self.renew_but(copies)
            new = self.status == NEW
            self.status = UNSET
            self.last_ends, self.last_rows = None, slice(0, self.num_agents)
            try:
                info = self.backend.reset(seed, options, copies, rows)
            except BaseException as problem:
                self.failed(problem)
                if new and self.status == UNSET:
                    self.status = NEW
                raise
            self.status = READY
            self.is_outdated = mask is not None and self.independent_agents
            self.awaiting.clear()
            self.awaiting.extend(self.parts)
            self.update_masks(0, self.num_copies, info, rows)
            self.tell_masks(info, slice(None), rows)
            if rollout is not None:
                if self.legal is not None and self.legal.array is not None:
                    rollout.keep_action_masks(self.legal.array)
                rollout.restart(rows, self.results.written())
            return self.results.copied(None).observations, info
        finally:
            self.claimed = 0

    def async_reset(self, *, seed=None, options=None):
        """Reset as `reset` does, and let `recv` return the first observations and infos by parts. Returns the info."""
        cdef Part part
        _, info = self.reset(seed=seed, options=options)
        self.claim()
        try:
            for part in self.parts:
                part.is_fresh = True
                part.reset_info = info_of_rows(info, part.rows)
            self.pending = list(self.parts)
            self.awaiting.clear()
        finally:
            self.claimed = 0
        return info

    def _copies_of(self, mask):
        """The copies that a reset mask resets as a whole. Raises for one that splits a copy whose agents share it."""
        if mask is None:
            return np.ones(self.num_copies, np.bool_)
        return checks.whole_copies(mask, self.num_copies, self.agents_per_env, self.independent_agents)

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
            After `keep_results` nothing overwrites them while anybody holds them; otherwise they are the live buffers,
            which the next step overwrites. Where a step writes directly into a rollout, they are places of it.
        info : dict
            Empty, or as Gymnasium's contract has it.

        Raises ResetNeeded before the first reset (and, with autoreset disabled, for a row whose episode has ended),
        ClosedEnvironmentError after close(), TypeError or ValueError for bad actions; the environment is then
        unchanged.
        """
        cdef Part part
        self.claim()
        try:
            if self.num_parts > 1:
                self.send_part(actions)
                return self.receive_part()
            part = self.prepare(actions)
            try:
                info = self.backend.step(part)
            except BaseException as problem:
                self.failed(problem)
                raise
            self.last_ends = part.ends
            return self.result(part, info, True)
        finally:
            self.claimed = 0

    def send(self, actions):
        """Hand actions to the part that has waited longest for them, and step it in the background.

        After reset() the parts wait in order. Raises as `step`, and AlreadyPendingCallError when no part waits.
        """
        self.claim()
        try:
            self.send_part(actions)
        finally:
            self.claimed = 0

    def recv(self):
        """Wait for a part that was sent and return what `step` returns, for its rows.

        With more than one part, `info["env_id"]` holds the row numbers. Raises NoAsyncCallError when nothing was sent.
        """
        self.claim()
        try:
            return self.receive_part()
        finally:
            self.claimed = 0

    cdef int send_part(self, object actions) except -1:
        cdef Part part = self.prepare(actions)
        self.awaiting.popleft()
        part.is_fresh = False
        part.forks = pool_forks
        # Before it is started: if an interrupt comes in between, the next reset knows of it.
        self.pending.append(part)
        try:
            self.backend.start(part)
        except BaseException as problem:
            self.failed(problem)
            raise
        return 0

    cdef tuple receive_part(self):
        cdef Part part
        cdef Py_ssize_t index = 0
        cdef bint is_stepped
        if not self.pending:
            raise error.NoAsyncCallError("recv() without a send() before it", "recv")
        try:
            part = self.pending[0]
            if len(self.pending) > 1 and not part.is_fresh:
                index = self.backend.next_part(self.pending)
                part = self.pending[index]
            if not part.is_fresh and part.forks != pool_forks:
                raise RuntimeError("the process was forked while a send() was under way; call reset() in the child")
            del self.pending[index]
            is_stepped = not part.is_fresh
            info = self.backend.finish(part) if is_stepped else part.reset_info or {}
            part.reset_info = None
        except BaseException as problem:
            self.failed(problem)
            raise
        self.awaiting.append(part)
        self.last_ends = part.ends if is_stepped else None
        self.last_rows = part.rows
        if self.num_parts > 1:
            info["env_id"] = np.arange(part.rows.start, part.rows.stop)
        return self.result(part, info, is_stepped)

    cdef tuple result(self, Part part, object info, bint is_stepped):
        cdef Buffers arrays
        if is_stepped:
            self.update_masks(part.first, part.last, info, None)
        self.tell_masks(info, part.rows, None)
        if self.results.rollout is not None and is_stepped:
            self.results.rollout.record(part, self.results.written())
        if part.outputs is None:
            return part.observations, part.rewards, part.terminations, part.truncations, info
        arrays = self.results.copied(part)
        return arrays.observations, arrays.rewards, arrays.terminations, arrays.truncations, info

    cdef Part prepare(self, object actions):
        """Everything of a step that can be refused; the part's rows of actions are then written."""
        cdef Part part
        cdef Rollout rollout
        cdef Py_ssize_t copy
        cdef cnp.ndarray array = as_array(actions)
        self.require_ready("step")
        if not self.awaiting:
            raise error.AlreadyPendingCallError("send() while every part is under way; call recv() first", "send")
        part = self.awaiting[0]
        if self.is_disabled:
            copy = self.backend.ended_copy(part)
            if copy >= 0:
                raise error.ResetNeeded(
                    f"step() of copy {copy} (row {copy * self.agents_per_env}), whose episode has ended: with "
                    f"autoreset disabled, reset it with options={{'reset_mask': ...}} first"
                )
        self.reader.take(array, part.actions)
        if self.action_layout is not None:
            # What was given: casting it may have made it whole.
            self.action_layout.check_rows(array, self.spec.copy_action_space)
        rollout = self.results.rollout
        if rollout is not None:
            rollout.begin(part, None if self.legal is None else self.legal.array)
            if rollout.step_buffers is not None:
                self.results.write_to(rollout.step_buffers[rollout.counts[0]])
        self.results.renew(False)
        self.is_outdated = False
        return part

    # ---- Memory ----

    def rollout_buffers(self, horizon, *, layout="time", buffers=None, torch=False, pinned=False, action_dtype=None,
                        dones=False):
        """From the next reset() on, write every step into a rollout; returns the `Rollout`.

        Parameters
        ----------
        horizon : int
            Steps, at least 1.
        layout : "time" or "agent"
            Whether arrays have the shape (horizon, rows, ...), which native environments write straight into, or (rows,
            horizon, ...).
        buffers : mapping, optional
            Memory for arrays of the rollout by name, as `buf` for those of the batch. That for `observations` has one
            step more.
        torch : bool
            Make the memory with torch, and show tensors.
        pinned : bool
            Make it in pinned memory, from which a GPU copies without waiting.
        action_dtype : dtype, optional
            int64 for discrete actions as torch wants them; by default that of the batch.
        dones : bool
            Have float32 `dones` too.

        While steps write directly into a rollout, what they return are places of it, which are overwritten when it
        comes there again.

        Raises TypeError or ValueError for bad options, with the name, MemoryError, ImportError without torch, and what
        torch raises where it can pin no memory.
        """
        self.follow_masks()
        self.claim()
        try:
            horizon = checks.integer("horizon", horizon, 1, 2**31 - 1)
            group = 1 if self.independent_agents else self.agents_per_env
            with checks.memory("horizon", horizon):
                rollout = Rollout(self.results.home, self.num_parts, horizon=horizon, agents=self.agents_per_env,
                                  group=group, mode=self.options.autoreset_mode, layout=layout, buffers=buffers,
                                  torch=torch, pinned=pinned, action_dtype=action_dtype, dones=dones,
                                  action_masks=None if self.legal is None else self.legal.array)
            self.drain(True)
            self.results.record(rollout)
            # The streams go on, but the rollout's first observations are those of a reset.
            self.awaiting.clear()
            self.status = UNSET if self.status == READY else self.status
            return rollout
        finally:
            self.claimed = 0

    def keep_results(self):
        """From now on, overwrite no array that a call returned while anybody holds it or a view of it."""
        self.claim()
        try:
            self.results.keep()
        finally:
            self.claimed = 0

    # ---- What was returned last ----

    @property
    def rows(self):
        """The rows that `step` or `recv` returned last, a slice; all of them after `reset`."""
        return self.last_rows

    @property
    def ends(self):
        """The episodes that ended in the step that was returned last, see `EpisodeEnds`."""
        if self.last_ends is None:
            space = self.spec.layout.flat_space
            form = EndsForm(self.num_agents, 0, space.shape, space.dtype, self.options.record_episodes)
            self.last_ends = EpisodeEnds.over(form, None, 0)
        return self.last_ends

    # ---- End ----

    def close(self):
        """Finish what is under way and give everything back. Closing twice is fine; any other call then raises."""
        if self.status == CLOSED:
            return
        if self.claimed == pool_forks + 1:
            raise RuntimeError("this environment is being stepped by another thread")
        self.status = CLOSED
        self.backend.close()
