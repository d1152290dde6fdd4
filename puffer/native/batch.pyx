"""The state machine of a batch: reset, step, send and recv, in which order they may be called, and what they refuse.

A batch is new, ready to step, to be reset after a call that failed, broken, or closed. Its copies are divided into
parts, which wait for actions or for recv(). A `Backend` does the work: the native one without the GIL, those of Python
environments in this process or in workers.
"""
from collections import deque

import numpy as np
from gymnasium import error
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.errors import WorkerDied, WorkerError, WorkerTimeout
from puffer.native.buffers import BUFFER_NAMES
from puffer.native.info import info_of_rows

cimport numpy as cnp

from puffer.native.actions cimport ActionReader, as_array
from puffer.native.backend cimport Backend, BackendBase, Part
from puffer.native.buffers cimport Buffers
from puffer.native.ends cimport EndsForm, EpisodeEnds
from puffer.native.outputs cimport Outputs
from puffer.native.pool cimport pool_forks, pool_watch_forks
from puffer.native.rollout cimport Rollout

cnp.import_array()
pool_watch_forks()


cdef class Batch:
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
        self.backend = backend
        self.spec = spec
        self.options = options
        self.buffers = self.home = buffers
        self.num_copies = options.num_envs
        self.agents_per_env = spec.agents_per_env
        self.num_agents = self.num_copies * self.agents_per_env
        self.independent_agents = independent_agents
        self.is_disabled = options.autoreset_mode is AutoresetMode.DISABLED
        # Of a native environment the rules say what a discrete entry that is not a whole number means.
        is_checked = options.check_actions and spec.action_layout.is_mixed and not reader.native
        self.action_layout = spec.action_layout if is_checked else None
        self.reader = reader
        self.num_parts = options.num_parts
        size = options.batch_size
        self.parts = [backend.make_part(k, k * size, (k + 1) * size, self.agents_per_env)
                      for k in range(self.num_parts)]
        (<Part>self.parts[0]).is_whole = self.num_parts == 1
        self.last_rows = slice(0, self.num_agents)
        self.awaiting = deque()
        self.pending = []
        self.show(buffers)

    cdef int show(self, Buffers buffers) except -1:
        cdef Part part
        self.buffers = buffers
        for part in self.parts:
            part.attach(buffers)
        return 0

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
            if mask is None and self.rollout is not None and self.rollout.step_buffers is not None:
                self.write_to(self.rollout.first_buffers)
            self.renew(mask is not None)
            if mask is not None:
                self.redraw_but(copies)
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
            self.awaiting = deque(self.parts)
            if self.rollout is not None:
                self.rollout.restart(rows, self.written())
            return self.copied(None).observations, info
        finally:
            self.claimed = 0

    def async_reset(self, *, seed=None, options=None):
        """Reset as `reset` does, and let `recv` return the first observations and infos by parts. Returns the info."""
        cdef Part part
        _, info = self.reset(seed=seed, options=options)
        self.claim()
        for part in self.parts:
            part.is_fresh = True
            part.reset_info = info_of_rows(info, part.rows)
        self.pending = list(self.parts)
        self.awaiting = deque()
        self.claimed = 0
        return info

    def _copies_of(self, mask):
        """The copies that a reset mask resets as a whole. Raises for one that splits a copy whose agents share it."""
        if mask is None:
            return np.ones(self.num_copies, np.bool_)
        return checks.whole_copies(mask, self.num_copies, self.agents_per_env, self.independent_agents)

    def set_next(self, copies=None, *, seed=None, options=None, **parameters):
        """Set seeds, options and parameters for the next episodes of copies, however those begin.

        They hold for the next reset, be it the one within or after the step that ends the episode, or a call of
        `reset` without a seed or options of its own. A later call adds to an earlier one, or replaces it.

        Parameters
        ----------
        copies : int or sequence of distinct int, optional
            Which copies; all by default.
        seed : int or sequence of (int or None), optional
            As in `reset`, so one int s means for each copy what it means in reset(seed=s); a sequence has one for each
            of these copies.
        options : dict or sequence of (dict or None), optional
            As in `reset`; a sequence has one for each of these copies.
        **parameters
            Of a native environment, those that its class lets copies have of their own; of one in Python, attributes.
            They hold until they are set again. Each is one value, or a list, tuple or array with one for each of these
            copies.

        Raises TypeError or ValueError for bad values, and for what the environment does not take; AttributeError for an
        attribute that it does not have; AlreadyPendingCallError for a copy between send() and recv().
        """
        cdef Part part
        self.claim()
        try:
            chosen = self._chosen([copies] if isinstance(copies, (int, np.integer)) else copies).tolist()
            if seed is None and options is None and not parameters:
                raise TypeError("set_next() takes seed=, options=, or parameters of the environment")
            seed = None if seed is None else checks.seeds(seed, len(chosen))
            options = checks.reset_options(options, len(chosen))
            if options is not None:
                self.backend.check_options(options)
            parameters = {name: checks.by_copy(name, value, len(chosen)) for name, value in parameters.items()}
            for part in self.pending:
                if not part.is_fresh and any([part.first <= copy < part.last for copy in chosen]):
                    raise error.AlreadyPendingCallError("set_next() between send() and recv()", "set_next")
            self._guarded(lambda: self.backend.set_next(chosen, seed, options, parameters))
        finally:
            self.claimed = 0

    # ---- Attributes ----

    def call(self, name, *arguments, **named):
        """The attribute of that name of every copy, or what it returns when it can be called, as a tuple.

        Of a native environment: a parameter of its class or an attribute; a method with a parameter `copy` is called
        for each copy. Raises AttributeError for a name that there is not, AlreadyPendingCallError between send() and
        recv(); in workers a WorkerError for what a copy raises, which is an AttributeError too if that was one.
        """
        if isinstance(self.backend, BackendBase):
            return self._idle("call", lambda: tuple(self.backend.call(name, arguments, named)))
        # The methods of a native environment claim the batch themselves.
        self._idle("call", lambda: None)
        return tuple(self.backend.call(name, arguments, named))

    def set_attr(self, name, values):
        """Set the attribute of every copy: `values` is one value, or a list or tuple with one for each copy.

        Raises ValueError for another number of values, AttributeError for a native environment, whose copies are not
        objects of their own; see `set_next`.
        """
        values = values if isinstance(values, (list, tuple)) else [values] * self.num_copies
        values = checks.by_copy("values", values, self.num_copies)
        self._idle("set_attr", lambda: self.backend.set_attr(name, values))

    def _idle(self, method, function):
        """The result of a function that needs every part to be here."""
        self.claim()
        try:
            if any([not (<Part>part).is_fresh for part in self.pending]):
                raise error.AlreadyPendingCallError(f"{method}() between send() and recv()", method)
            return self._guarded(function)
        finally:
            self.claimed = 0

    def _guarded(self, function):
        try:
            return function()
        except (WorkerDied, WorkerTimeout) as problem:
            self.failed(problem)
            raise

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

    cdef Buffers written(self):
        """The buffers in which the copies have left their results."""
        return self.home if self.outputs is not None and not self.is_moving else self.buffers

    cdef tuple result(self, Part part, object info, bint is_stepped):
        cdef Buffers arrays
        if self.rollout is not None and is_stepped:
            self.rollout.record(part, self.written())
        if part.outputs is None:
            return part.observations, part.rewards, part.terminations, part.truncations, info
        arrays = self.copied(part)
        return arrays.observations, arrays.rewards, arrays.terminations, arrays.truncations, info

    cdef Buffers copied(self, Part part):
        """The results of a part, or of the batch, copied if they were not written to where they are wanted."""
        cdef Buffers made
        if self.outputs is None or self.is_moving:
            return self.buffers
        if part is None or part.is_whole:
            made = self.outputs.filled(self.home)
        else:
            made = part.outputs.filled(self.home)
        if self.num_parts == 1:
            self.buffers = made
        return made

    cdef Part prepare(self, object actions):
        """Everything of a step that can be refused; the part's rows of actions are then written."""
        cdef Part part
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
        if self.rollout is not None:
            self.rollout.begin(part)
            if self.rollout.step_buffers is not None:
                self.write_to(self.rollout.step_buffers[self.rollout.counts[0]])
        self.renew(False)
        self.is_outdated = False
        return part

    # ---- The order of calls ----

    cdef int claim(self) except -1:
        """Take the batch for one call, which ends by setting `claimed` to 0, or raise."""
        if self.claimed == pool_forks + 1:
            raise RuntimeError("this environment is being stepped by another thread")
        if self.claimed:
            # That thread is one of the process that this one was forked from, and some copies have been stepped.
            self.status = NEW if self.status == NEW else UNSET
        if self.status == CLOSED:
            raise error.ClosedEnvironmentError("this environment is closed")
        if self.status == BROKEN:
            raise WorkerError("a worker is gone, and only close() works now", worker=-1, copies=range(0))
        self.backend.check()
        self.claimed = pool_forks + 1
        return 0

    cdef int require_ready(self, str method) except -1:
        if self.status != READY:
            raise error.ResetNeeded(f"{method}() before reset()")
        return 0

    cdef int require_settled(self, str method) except -1:
        """For methods that read or write the state of episodes."""
        self.require_ready(method)
        if any([not (<Part>part).is_fresh for part in self.pending]):
            raise error.AlreadyPendingCallError(f"{method}() between send() and recv()", method)
        return 0

    cdef int failed(self, object problem) except -1:
        """Note that a call has failed after it may have changed some copies."""
        if isinstance(problem, (WorkerDied, WorkerTimeout)):
            self.status = BROKEN
        elif self.status == READY:
            self.status = UNSET
        return 0

    cdef int drain(self, bint tolerant) except -1:
        """Finish what is under way and forget it, so that every backend has drawn the same random numbers.

        Exceptions of environments do not matter to a reset of every copy, which is the remedy against them.
        """
        cdef Part part
        pending, self.pending = self.pending, []
        for part in pending:
            if part.is_fresh or part.forks != pool_forks:
                continue
            try:
                self.backend.finish(part)
                if self.rollout is not None:
                    self.rollout.record(part, self.written())
            except Exception as problem:
                self.failed(problem)
                if not tolerant or self.status == BROKEN:
                    raise
        return 0

    # ---- Buffers ----

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
        self.claim()
        try:
            horizon = checks.integer("horizon", horizon, 1, 2**31 - 1)
            group = 1 if self.independent_agents else self.agents_per_env
            with checks.memory("horizon", horizon):
                rollout = Rollout(self.home, self.num_parts, horizon=horizon, agents=self.agents_per_env, group=group,
                                  mode=self.options.autoreset_mode, layout=layout, buffers=buffers, torch=torch,
                                  pinned=pinned, action_dtype=action_dtype, dones=dones)
            self.drain(True)
            self.record(rollout)
            # The streams go on, but the rollout's first observations are those of a reset.
            self.awaiting.clear()
            self.status = UNSET if self.status == READY else self.status
            return self.rollout
        finally:
            self.claimed = 0

    cdef int record(self, Rollout rollout) except -1:
        """Have results written into the rollout, by the steps themselves where that can be."""
        cdef bint was_direct = self.rollout is not None and self.rollout.step_buffers is not None
        cdef Outputs outputs
        cdef bint is_direct = rollout.layout == "time" and self.num_parts == 1
        if is_direct:
            outputs = self.outputs or Outputs(self.home, slice(0, self.num_agents))
            is_direct = self.backend.can_attach(self.home, outputs)
        if is_direct:
            rollout.lead_to(self.home)
        elif was_direct:
            self.write_to(self.home)
        self.backend.is_recording = is_direct
        self.rollout = rollout
        return 0

    def keep_results(self):
        """From now on, overwrite no array that a call returned while anybody holds it or a view of it."""
        cdef Part part
        self.claim()
        try:
            if self.outputs is not None:
                return
            self.outputs = Outputs(self.home, slice(0, self.num_agents))
            self.is_moving = self.num_parts == 1 and self.backend.can_attach(self.home, self.outputs)
            if not self.is_moving:
                for part in self.parts:
                    part.outputs = Outputs(self.buffers, part.rows)
        finally:
            self.claimed = 0

    cdef int renew(self, bint keep) except -1:
        """Before results are written: turn to arrays that nobody holds, with what is in the last ones if it is kept."""
        if self.is_moving and (self.rollout is None or self.rollout.step_buffers is None):
            self.write_to(self.outputs.filled(self.buffers) if keep else self.outputs.take())
        return 0

    cdef int redraw_but(self, object written) except -1:
        """After `renew`: draw the copies again that are not about to be written, of bool (num_copies,).

        They were copied from the last results, which their holder may have written into. They stay where agents of a
        copy were reset since the last step: others still show these as they were before.
        """
        if self.is_moving and not self.is_outdated:
            for copy in np.flatnonzero(~written):
                self.backend.redraw(copy)
        return 0

    cdef int write_to(self, Buffers buffers) except -1:
        self.show(buffers)
        self.backend.attach(buffers)
        return 0

    @property
    def observations(self):
        """The observations of all rows as last written, (num_agents, ...)."""
        return self.buffers.observations

    @property
    def masks(self):
        """Whether the agent of each row took part in the last step, or begins an episode: bool (num_agents,), live."""
        return self.buffers.masks

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

    # ---- Statistics, snapshots, pictures ----

    def stats(self):
        """Means over the episodes that ended since the last call, which it forgets.

        Those of parts between send() and recv() count in a later call. Returns a dict with `episodes` (their number,
        counted per agent) and, when there are any, `episode_return`, `episode_length` and the environment's own
        statistics.
        """
        self.claim()
        try:
            under_way = [part.index for part in self.pending if not (<Part>part).is_fresh]
            return self.backend.stats([part for part in self.parts if part.index not in under_way])
        finally:
            self.claimed = 0

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
        return self._settled("get_state", lambda: self.backend.get_state(self._chosen(copies)))

    def set_state(self, state, copies=None):
        """Restore snapshots into copies, exactly; their observations (and masks) are written again.

        Parameters
        ----------
        state : uint8 array
            As `get_state` returned it.
        copies : sequence of distinct int, optional
            One for each row of `state`; all by default.

        Raises TypeError or ValueError, before anything is changed, for anything but a snapshot of this environment.
        """
        self._settled("set_state", lambda: self._restored(state, self._chosen(copies)))

    def _restored(self, state, copies):
        self.renew(True)
        self.redraw_but(self._are_among(copies))
        self.backend.set_state(state, copies)
        if self.rollout is not None:
            rows = (copies[:, None] * self.agents_per_env + np.arange(self.agents_per_env)).ravel()
            self.rollout.restored(rows, *self.backend.progress())
        self.seen()

    def redraw(self, copy):
        """Write the observations of a copy again, after a method of a native environment has changed its state."""
        self._settled("redraw", lambda: self._redrawn(self._index("copy", copy)))

    def _redrawn(self, copy):
        self.renew(True)
        self.redraw_but(self._are_among(copy))
        self.backend.redraw(copy)
        self.seen()

    cdef int seen(self) except -1:
        """After observations have been written again: hand them on."""
        self.copied(None)
        if self.rollout is not None:
            self.rollout.see(self.written())
        return 0

    def content(self):
        """Everything that `restore` needs to go on in another batch of the same native environment."""
        cdef Part part
        self.claim()
        try:
            if self.rollout is not None:
                raise TypeError("a batch that writes into rollout_buffers() cannot be pickled or copied")
            if self.status == NEW:
                return {"early": self.backend.early()}
            self.require_settled("pickle or copy")
            return {
                "state": self.backend.get_state(self._chosen(None)),
                "arrays": {name: getattr(self.buffers, name).copy() for name in BUFFER_NAMES},
                "awaiting": [part.index for part in self.awaiting],
                "pending": [part.index for part in self.pending],
                "rest": self.backend.rest(),
            }
        finally:
            self.claimed = 0

    def restore(self, content):
        """Take over the `content` of another batch."""
        cdef Part part
        for copies, seed, parameters in content.get("early", ()):
            self.backend.set_next(copies, seed, None, parameters)
        if "state" not in content:
            return
        self.reset(seed=0)
        self.set_state(content["state"])
        for name, array in content["arrays"].items():
            np.copyto(getattr(self.written(), name), array)
        self.awaiting = deque([self.parts[index] for index in content["awaiting"]])
        self.pending = [self.parts[index] for index in content["pending"]]
        for part in self.pending:
            part.is_fresh = True
        self.backend.take_rest(content["rest"])

    def render_copy(self, copy=0):
        """A picture of one copy, (height, width, 3) uint8; of a Python environment, what its render() returns."""
        return self._drawn(lambda: self.backend.render_copy(self._index("copy", copy)))

    def ansi_copy(self, copy=0):
        """One copy as text, for environments with the render mode "ansi"."""
        return self._drawn(lambda: self.backend.ansi_copy(self._index("copy", copy)))

    def _drawn(self, function):
        """The result of a function that draws a copy; an environment in Python decides what it draws before a reset."""
        return self._settled("render", function, self.status == NEW and isinstance(self.backend, BackendBase))

    def require(self, method):
        """Raise unless the state of episodes may be read now, by the method of that name."""
        self._settled(method, lambda: None)

    def _settled(self, method, function, is_early=False):
        """The result of a function that reads or writes the state of episodes."""
        self.claim()
        try:
            if not is_early:
                self.require_settled(method)
            return self._guarded(function)
        finally:
            self.claimed = 0

    def _index(self, name, copy):
        return checks.integer(name, copy, 0, self.num_copies - 1)

    def _chosen(self, copies):
        """The numbers of copies, all for None, as an int64 array."""
        if copies is None:
            return np.arange(self.num_copies, dtype=np.int64)
        try:
            chosen = copies if isinstance(copies, np.ndarray) and copies.ndim == 1 else list(copies)
        except TypeError:
            raise TypeError(f"copies must be a sequence of copies, got {copies!r}") from None
        if not self._are_copies(chosen):
            # One by one, for the error that names the first bad one.
            chosen = [self._index(f"copies[{k}]", copy) for k, copy in enumerate(chosen)]
        chosen = np.array(chosen, np.int64)
        if np.count_nonzero(self._are_among(chosen)) != len(chosen):
            raise ValueError(f"copies must be distinct, got {chosen.tolist()}")
        return chosen

    def _are_among(self, chosen):
        """Which copies are among these numbers of copies: bool (num_copies,)."""
        among = np.zeros(self.num_copies, np.bool_)
        among[chosen] = True
        return among

    def _are_copies(self, chosen):
        """Whether an array or a list has integers of the right size only; looks at them all at once."""
        if isinstance(chosen, list):
            if set(map(type, chosen)) != {int}:
                return False
            chosen = np.array(chosen)
        return (chosen.dtype.kind in "iu" and len(chosen) > 0 and int(chosen.min()) >= 0
                and int(chosen.max()) < self.num_copies)

    # ---- End ----

    def close(self):
        """Finish what is under way and give everything back. Closing twice is fine; any other call then raises."""
        if self.status == CLOSED:
            return
        if self.claimed == pool_forks + 1:
            raise RuntimeError("this environment is being stepped by another thread")
        self.status = CLOSED
        self.backend.close()
