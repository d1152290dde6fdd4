"""The actions that each row of a batch may take now, as an array of bools.

Masks cost nothing until somebody asks for them. From then on they are written after every reset and step: by the rules
of a native environment, which look at the state of their copies, or from what an environment tells in its observations
or infos.
"""
import numpy as np
from gymnasium import spaces

from puffer import checks

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memchr, memcpy, memset

from puffer.native.backend cimport Backend
from puffer.native.buffers cimport Buffers

cnp.import_array()

# As PettingZoo's and Gymnasium's environments call it.
KEY = "action_mask"


def masks_of(Backend backend not None, spec, Py_ssize_t num_rows):
    """The `ActionMasks` of a batch, or None if there cannot be any."""
    space = spec.action_layout.flat_space
    if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return None
    own = spec.layout.space
    if backend.masks_actions:
        source = RULES
    elif isinstance(own, spaces.Dict) and KEY in own.spaces:
        source = OBSERVATIONS
    elif backend.has_infos:
        source = INFOS
    else:
        return None
    return ActionMasks(backend, spec, num_rows, source)


cdef class ActionMasks:
    """ActionMasks(backend, spec, num_rows, source)
--

Which actions the rows of a batch may take. A row has a column for each action of a Discrete; where an action has
several numbers, those of the first number come first, then those of the second one.

Some action of every number is legal: where the environment allows none, because the row is not to move, its episode is
over, its agent takes no part, or the environment has told nothing, all in the range of the row's agent are.
"""

    def __cinit__(self, Backend backend not None, spec, Py_ssize_t num_rows, source_t source):
        space = spec.action_layout.flat_space
        is_single = isinstance(space, spaces.Discrete)
        sizes = np.array([space.n] if is_single else space.nvec, np.int64)
        self.backend = backend
        self.spec, self.space = spec, spec.action_layout.space
        self.num_rows, self.agents = num_rows, spec.agents_per_env
        self.bounds = np.cumsum(sizes)
        self.columns = self.bounds[len(sizes) - 1]
        self.starts = space.start
        self.source = source
        self.is_followed = source == INFOS

    cdef int follow(self) except -1:
        """Have the array, with every action in range legal; `update` writes it from now on."""
        cdef Py_ssize_t agent
        if self.array is not None:
            return 0
        ranges = self.spec.copy_action_space
        allowed = np.ones((self.agents, self.columns), np.uint8)
        if ranges is not None:
            self.has_ranges = True
            sizes = np.diff(self.bounds, prepend=0)
            values = np.arange(self.columns) - np.repeat(np.asarray(self.bounds) - sizes - self.starts, sizes)
            for agent in range(self.agents):
                low = np.repeat(ranges.start[agent].reshape(-1), sizes)
                allowed[agent] = (low <= values) & (values < low + np.repeat(ranges.nvec[agent].reshape(-1), sizes))
        self.allowed = allowed
        self.array = np.zeros((self.num_rows, self.columns), np.bool_)
        self.octets = self.array.view(np.uint8)
        self.marks = self.octets
        self.complete(0, self.num_rows)
        self.is_followed = True
        return 0

    cdef object shown(self):
        """The live array, or None. Raises ValueError where the environment's masks do not fit its actions."""
        if self.problem is not None:
            raise ValueError(self.problem)
        return self.array

    cdef int update(self, Py_ssize_t first, Py_ssize_t last, Buffers results, object info, object rows) except -1:
        """Write the masks of the copies first to last - 1, whose observations after a step or reset are in `results`.

        `info` is that of these copies; `rows`, bool (num_rows,) or None for all, are those that a reset has chosen.
        """
        cdef Py_ssize_t first_row = first * self.agents, count = (last - first) * self.agents
        if self.source == INFOS:
            if self.array is None and KEY not in info:
                return 0
            self.follow()
            self.take_info(info, first_row, count, rows)
        elif self.source == RULES:
            memset(&self.marks[first_row, 0], False, count * self.columns)
            self.backend.mask_actions(self.marks, first, last)
        else:
            view = self.spec.layout.view(results.observations[first_row:first_row + count])
            self.take(view[KEY], first_row, count, slice(None))
        self.complete(first_row, first_row + count)
        return 0

    def written(self, first, last):
        """What the rules mark for the copies first to last - 1, uint8 (rows, actions): for tests.

        Raises TypeError for masks that are not from rules, ValueError for other copies than there are.
        """
        if self.source != RULES:
            raise TypeError("these masks are told in observations or infos")
        first = checks.integer("first", first, 0, self.num_rows // self.agents)
        last = checks.integer("last", last, first, self.num_rows // self.agents)
        marks = np.zeros((self.num_rows, self.columns), np.uint8)
        self.backend.mask_actions(marks, first, last)
        return marks

    cdef int take_info(self, object info, Py_ssize_t first, Py_ssize_t count, object rows) except -1:
        target = self.array[first:first + count]
        target[slice(None) if rows is None else rows] = False
        values = info.get(KEY)
        if values is None:
            return 0
        present = np.asarray(info.get(f"_{KEY}", True))
        if present.dtype != np.bool_ or present.shape != (count,):
            present = np.ones(count, np.bool_)
        if not isinstance(values, np.ndarray) or not values.dtype.hasobject:
            return self.take(values, first, count, present)
        for row in present.nonzero()[0].tolist():
            if values[row] is not None:
                self.take(values[row], first + row, 1, slice(None))
        return 0

    cdef int take(self, object values, Py_ssize_t first, Py_ssize_t count, object chosen) except -1:
        """Take over masks of `count` rows, as the environment has them, for those of the rows that are chosen."""
        try:
            found = _columns(values, self.space, count)
        except (KeyError, TypeError, ValueError):
            found = None
        if self.has_ranges and count == 1 and found is not None:
            # An agent with fewer actions than others tells of its own.
            own = np.asarray(self.allowed[first % self.agents]).nonzero()[0]
            if found.shape == (1, len(own)):
                spread = np.zeros((1, self.columns), np.bool_)
                spread[:, own] = found
                found = spread
        if found is None or found.shape != (count, self.columns):
            shape = "other parts" if found is None else f"shape {found.shape}"
            self.problem = (f"{KEY} must have shape {(self.num_rows, self.columns)}, one entry for each action of "
                            f"{self.space}, got {shape} for {count} rows")
            return 0
        self.array[first:first + count][chosen] = (found != 0)[chosen]
        return 0

    cdef void complete(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        """Allow rows everything in their range where nothing is allowed, and nothing beyond it."""
        cdef Py_ssize_t row, start, size, k, column
        cdef uint8_t* marks
        cdef const uint8_t* allowed
        for row in range(first, last):
            marks = &self.marks[row, 0]
            allowed = &self.allowed[row % self.agents, 0]
            if self.has_ranges:
                for column in range(self.columns):
                    marks[column] &= allowed[column]
            start = 0
            for k in range(self.bounds.shape[0]):
                size = self.bounds[k] - start
                if memchr(marks + start, True, size) == NULL:
                    memcpy(marks + start, allowed + start, size)
                start += size

    cdef object draw(self, Py_ssize_t first, Py_ssize_t last, object generator):
        """A random legal action for each of these rows, int64 (rows, ...) of the flat action space."""
        cdef Py_ssize_t row, start, end, column, k, numbers = self.bounds.shape[0]
        cdef Py_ssize_t left
        cdef const double[:, ::1] uniform = generator.random((last - first, numbers))
        chosen = np.zeros((last - first, numbers), np.int64)
        cdef int64_t[:, ::1] indices = chosen
        for row in range(last - first):
            start = 0
            for k in range(numbers):
                end = self.bounds[k]
                left = 0
                for column in range(start, end):
                    left += self.marks[first + row, column]
                left = <Py_ssize_t>(uniform[row, k] * left)
                for column in range(start, end):
                    left -= self.marks[first + row, column]
                    if left < 0:
                        indices[row, k] = column - start
                        break
                start = end
        is_single = isinstance(self.spec.action_layout.flat_space, spaces.Discrete)
        return (chosen[:, 0] if is_single else chosen) + self.starts


cdef object _columns(object values, object space, Py_ssize_t count):
    """Masks in the form of an action space, of `count` rows, as one array (count, columns)."""
    if isinstance(space, spaces.Dict) and isinstance(values, dict):
        pieces = [_columns(values[key], part, count) for key, part in space.spaces.items()]
    elif isinstance(space, spaces.Tuple) and isinstance(values, (tuple, list)):
        pieces = [_columns(value, part, count) for value, part in zip(values, space.spaces, strict=True)]
    elif isinstance(values, (tuple, list)):
        # As MultiDiscrete.sample() takes them.
        pieces = [np.reshape(value, (count, -1)) for value in values]
    elif getattr(values, "dtype", None) == np.dtype(object):
        return np.concatenate([_columns(value, space, 1) for value in values])
    else:
        return np.reshape(values, (count, -1))
    return np.concatenate(pieces, axis=1)
