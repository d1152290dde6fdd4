"""Backends: how a batch has its parts stepped, without the GIL or by code in Python."""
from libc.stdint cimport uint8_t

from puffer.native.buffers cimport Buffers
from puffer.native.outputs cimport Outputs


cdef class Part:
    """Part(index, first, last, agents_per_env)
--

The copies first to last - 1 of a batch, which are sent and received together.

Attributes
----------
index : int
    Its number among the parts.
first, last : int
rows : slice
    The rows of the copies.
ends : EpisodeEnds or None
    The episodes that ended in the step that a backend has finished last; None where there are none.
"""

    def __cinit__(self, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last, Py_ssize_t agents):
        self.index = index
        self.first = first
        self.last = last
        self.rows = slice(first * agents, last * agents)

    cdef int attach(self, Buffers buffers) except -1:
        """Show the rows of these buffers from now on."""
        self.actions, self.observations, self.rewards = buffers.actions, buffers.observations, buffers.rewards
        self.terminations, self.truncations = buffers.terminations, buffers.truncations
        if not self.is_whole:
            rows = self.rows
            self.actions, self.observations = self.actions[rows], self.observations[rows]
            self.rewards = self.rewards[rows]
            self.terminations, self.truncations = self.terminations[rows], self.truncations[rows]
        return 0


cdef class Backend:
    """Backend()
--

Steps the copies of a batch, part by part. `Batch` calls it in an order that is right, and one call at a time: Python
code cannot.

The infos that it returns are in Gymnasium's form for vector environments.
"""

    cdef Part make_part(self, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last, Py_ssize_t agents):
        """The part of the copies first to last - 1."""
        return Part(index, first, last, agents)

    cdef int check(self) except -1:
        """Raise if nothing can be done with the copies any more, or not in this process."""
        return 0

    cdef object reset(self, object seed, object options, object copies, object rows):
        """Begin new episodes; returns their infos.

        `seed` is None, an int, or a list with an int or None for each copy. `options` is None, or a list with a dict or
        None for each copy, which `check_options` has accepted. `copies`, bool (num_copies,), are to be
        reset as a whole. `rows`, bool (num_agents,) or None for all, has single agents as well, where agents have
        episodes of their own.
        """
        raise NotImplementedError

    def check_options(self, options):
        """Raise if no copy can be given options such as these, a list with a dict or None for each."""
        for one in options:
            if one:
                raise ValueError(f"options has no entry {next(iter(one))!r}; it takes 'reset_mask'")

    def first_seed(self, seed):
        """The `seed` of a first reset that was given none: this int, but not for copies with a seed from set_next."""
        return seed

    def set_next(self, copies, seed, options, parameters):
        """Set what holds for the next episodes of copies, a list of their numbers.

        `seed` is as in `reset`, but a list has one for each of these copies. `options` is None or a list of dicts, and
        `parameters` has lists by name. What is None, or not among the parameters, stays as it was set before.
        """
        raise NotImplementedError("set_next() needs copies that can be told of their next episode")

    def call(self, name, arguments, named):
        """The attribute of that name of every copy, or what it returns when it is called: a list."""
        raise AttributeError(f"the copies have no attribute {name!r}")

    def set_attr(self, name, values):
        """Set the attribute of that name of every copy to the value for it."""
        raise AttributeError(f"the copies have no attribute {name!r} that can be set")

    @property
    def masks_actions(self):
        """Whether `mask_actions` can be called."""
        return False

    @property
    def has_infos(self):
        """Whether copies may tell anything in infos."""
        return False

    cdef int mask_actions(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) except -1:
        """Mark the legal actions of the copies first to last - 1 in `masks`, zeroed, (num_agents, actions)."""
        raise NotImplementedError("only native environments mark their actions")

    cdef int start(self, Part part) except -1:
        """Begin to step a part with the actions of its rows."""
        return 0

    cdef object finish(self, Part part):
        """Wait for a part that was started; sets its `ends`, and returns its infos."""
        raise NotImplementedError

    cdef object step(self, Part part):
        """Step a part; sets its `ends`, and returns its infos."""
        self.start(part)
        return self.finish(part)

    cdef Py_ssize_t next_part(self, list pending) except -1:
        """The index, in the list `pending`, of the part that recv() is to return."""
        return 0

    cdef Py_ssize_t ended_copy(self, Part part) except -2:
        """The first copy of a part whose episode has ended, or -1."""
        return -1

    cdef bint can_attach(self, Buffers home, Outputs outputs) except -1:
        """Whether `attach` costs next to nothing, with sets of `outputs`; the copies live in `home` so far."""
        return False

    cdef int attach(self, Buffers buffers) except -1:
        """Write results into these buffers from now on; their actions and masks are those of before."""
        raise NotImplementedError

    cdef object stats(self, list parts):
        """Means over the episodes that ended in these parts since the last call."""
        raise NotImplementedError

    cdef object get_state(self, object copies):
        """Snapshots of copies, an int64 array of their numbers."""
        raise NotImplementedError("get_state() needs a native environment")

    cdef int set_state(self, object state, object copies) except -1:
        """Restore snapshots."""
        raise NotImplementedError("set_state() needs a native environment")

    cdef int redraw(self, Py_ssize_t copy) except -1:
        """Write the observations of a copy again."""
        raise NotImplementedError("redraw() needs a native environment")

    cdef object render_copy(self, Py_ssize_t copy):
        """A picture of a copy, or None from one that has shown itself."""
        raise NotImplementedError

    cdef object ansi_copy(self, Py_ssize_t copy):
        """A copy as text."""
        return self.render_copy(copy)

    cdef int close(self) except -1:
        """Give back everything."""
        return 0


cdef class BackendBase(Backend):
    """BackendBase()
--

Base of backends written in Python: each method of `Backend` that a subclass does not write does what is said there.
"""

    cdef int check(self) except -1:
        self.check_usable()
        return 0

    cdef object reset(self, object seed, object options, object copies, object rows):
        return self.reset_copies(seed, options, copies)

    cdef int start(self, Part part) except -1:
        self.start_part(part)
        return 0

    cdef object finish(self, Part part):
        return self.finish_part(part)

    cdef Py_ssize_t next_part(self, list pending) except -1:
        return self.next_pending(pending)

    cdef Py_ssize_t ended_copy(self, Part part) except -2:
        return self.first_waiting(part)

    cdef object stats(self, list parts):
        return self.episode_stats()

    cdef object render_copy(self, Py_ssize_t copy):
        return self.render_one(copy)

    cdef int close(self) except -1:
        self.close_copies()
        return 0

    @property
    def has_infos(self):
        return True

    def check_usable(self):
        """Raise if nothing can be done with the copies any more, or not in this process."""

    def next_pending(self, pending):
        """The index, in the list `pending`, of the part that recv() is to return."""
        return 0
