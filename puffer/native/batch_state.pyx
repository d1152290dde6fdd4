"""In which order a batch may be called, and what it refuses.

A batch is new, ready to step, to be reset after a call that failed, broken, or closed. Its copies are divided into
parts, which wait for actions or for recv().
"""
from collections import deque

import numpy as np
from gymnasium import error
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.errors import WorkerDied, WorkerError, WorkerTimeout

from puffer.native.backend cimport Backend, Part
from puffer.native.buffers cimport Buffers
from puffer.native.pool cimport pool_forks, pool_watch_forks
from puffer.native.results cimport Results

pool_watch_forks()


cdef class BatchState:
    """BatchState(backend, spec, options, buffers, *_, independent_agents=False)
--

What a `Batch` knows of its copies and of the calls under way. Its parameters are described there.
"""

    def __cinit__(self, Backend backend not None, spec, options, Buffers buffers not None, *_,
                  bint independent_agents=False):
        cdef Py_ssize_t k, size = options.batch_size
        self.backend = backend
        self.spec = spec
        self.options = options
        self.num_copies = options.num_envs
        self.agents_per_env = spec.agents_per_env
        self.num_agents = self.num_copies * self.agents_per_env
        self.independent_agents = independent_agents
        self.is_disabled = options.autoreset_mode is AutoresetMode.DISABLED
        self.num_parts = options.num_parts
        self.parts = [backend.make_part(k, k * size, (k + 1) * size, self.agents_per_env)
                      for k in range(self.num_parts)]
        (<Part>self.parts[0]).is_whole = self.num_parts == 1
        self.awaiting = deque()
        self.pending = []
        self.results = Results(backend, buffers, self.parts)

    @property
    def buffers(self):
        """The `puffer.Buffers` of the last results."""
        return self.results.buffers

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
                if self.results.rollout is not None:
                    self.results.rollout.record(part, self.results.written())
            except Exception as problem:
                self.failed(problem)
                if not tolerant or self.status == BROKEN:
                    raise
        return 0

    # ---- Calls between steps ----

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

    def _settled(self, method, function, is_early=False):
        """The result of a function that reads or writes the state of episodes."""
        self.claim()
        try:
            if not is_early:
                self.require_settled(method)
            return self._guarded(function)
        finally:
            self.claimed = 0

    # ---- Copies by number ----

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
