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
from puffer.native.rollout import Rollout

cimport numpy as cnp

from puffer.native.actions cimport ActionReader, as_array
from puffer.native.backend cimport Backend, BackendBase, Part
from puffer.native.buffers cimport Buffers
from puffer.native.pool cimport pool_forks, pool_watch_forks

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
        self.buffers = buffers
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
            The live buffer.
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
            if self.rollout is not None and mask is None:
                self._write_to(self.rollout.start())
            new = self.status == NEW
            self.status = UNSET
            try:
                info = self.backend.reset(seed, options, copies, rows)
            except BaseException as problem:
                self.failed(problem)
                if new and self.status == UNSET:
                    self.status = NEW
                raise
            self.status = READY
            self.awaiting = deque(self.parts)
            return self.buffers.observations, info
        finally:
            self.claimed = 0

    def async_reset(self, *, seed=None, options=None):
        """Reset as `reset` does, and let `recv` return the first observations part by part."""
        cdef Part part
        self.reset(seed=seed, options=options)
        self.claim()
        for part in self.parts:
            part.is_fresh = True
        self.pending = list(self.parts)
        self.awaiting = deque()
        self.claimed = 0

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
            As in `reset`; a sequence has one for each of these copies.
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
            chosen = self._indices([copies] if isinstance(copies, (int, np.integer)) else copies)
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
        recv(); in workers a WorkerError for what a copy raises.
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
            The live buffers, which the next step overwrites.
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
            return part.observations, part.rewards, part.terminations, part.truncations, info
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
            info = {} if part.is_fresh else self.backend.finish(part)
        except BaseException as problem:
            self.failed(problem)
            raise
        self.awaiting.append(part)
        if self.num_parts > 1:
            info["env_id"] = np.arange(part.rows.start, part.rows.stop)
        return part.observations, part.rewards, part.terminations, part.truncations, info

    cdef Part prepare(self, object actions):
        """Everything of a step that can be refused; the part's rows of actions are then written."""
        cdef Part part
        cdef Buffers buffers
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
        # With a rollout by way of another array: bad actions must not overwrite a row of it.
        target = part.actions if self.rollout is None else self.rollout.checked_actions
        self.reader.take(array, target)
        if self.action_layout is not None:
            # What was given: casting it may have made it whole.
            self.action_layout.check_rows(array, self.spec.copy_action_space)
        if self.rollout is not None:
            buffers = self.rollout.next_buffers()
            np.copyto(buffers.actions, target)
            self.rollout.advance()
            self._write_to(buffers)
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
            except Exception as problem:
                self.failed(problem)
                if not tolerant or self.status == BROKEN:
                    raise
        return 0

    # ---- Buffers ----

    def rollout_buffers(self, horizon):
        """From the next reset() on, let step t write straight into row t of a rollout; see `Rollout`, which it returns.

        Raises ValueError for a horizon below 1, or with batch_size below num_envs.
        """
        self.claim()
        try:
            horizon = checks.integer("horizon", horizon, 1, 2**31 - 1)
            if self.num_parts > 1:
                raise ValueError(f"rollout_buffers needs batch_size = num_envs = {self.num_copies}, got "
                                 f"{self.options.batch_size}")
            with checks.memory("horizon", horizon):
                rollout = Rollout(horizon, self.buffers)
            self.drain(True)
            self.backend.attach(self.buffers)
            self.rollout = rollout
            # The streams go on, but the rollout's first observations are those of a reset.
            self.awaiting.clear()
            self.status = UNSET if self.status == READY else self.status
            return self.rollout
        finally:
            self.claimed = 0

    def _write_to(self, Buffers buffers):
        self.show(buffers)
        self.backend.attach(buffers)

    @property
    def observations(self):
        """The live observations, (num_agents, ...)."""
        return self.buffers.observations

    @property
    def masks(self):
        """Whether the agent of each row took part in the last step, or begins an episode: bool (num_agents,), live."""
        return self.buffers.masks

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
        return self._settled("get_state", lambda: self.backend.get_state(self._indices(copies)))

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
        self._settled("set_state", lambda: self.backend.set_state(state, self._indices(copies)))

    def content(self):
        """Everything that `restore` needs to go on in another batch of the same native environment."""
        cdef Part part
        self.claim()
        try:
            if self.status == NEW:
                return {"early": self.backend.early()}
            self.require_settled("pickle or copy")
            if self.rollout is not None:
                raise TypeError("a batch that writes into rollout_buffers() cannot be pickled or copied")
            return {
                "state": self.backend.get_state(self._indices(None)),
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
            np.copyto(getattr(self.buffers, name), array)
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

    def _indices(self, copies):
        if copies is None:
            return list(range(self.num_copies))
        try:
            chosen = list(copies)
        except TypeError:
            raise TypeError(f"copies must be a sequence of copies, got {copies!r}") from None
        chosen = [self._index(f"copies[{k}]", copy) for k, copy in enumerate(chosen)]
        if len(set(chosen)) != len(chosen):
            raise ValueError(f"copies must be distinct, got {chosen}")
        return chosen

    # ---- End ----

    def close(self):
        """Finish what is under way and give everything back. Closing twice is fine; any other call then raises."""
        if self.status == CLOSED:
            return
        if self.claimed == pool_forks + 1:
            raise RuntimeError("this environment is being stepped by another thread")
        self.status = CLOSED
        self.backend.close()
