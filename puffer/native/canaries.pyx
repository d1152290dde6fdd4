"""Memory around the state and the statistics of an environment, to notice writes outside of them; for `check_env`."""
import numpy as np

from libc.string cimport memset

from puffer.native.rules cimport MAX_BLOCKS, Rules

cdef extern from "puffer/native/sanitizer.h" nogil:
    bint puffer_is_sanitized()

# Bytes that no environment is likely to write, as a double too.
cdef enum:
    PATTERN = 0xA5
# In front of each block; behind it there is more.
    FRONT = 56


cdef class Canaries:
    """Canaries(rules)
--

Fills what lies around the state of `rules`, and gives its statistics room around every row. Snapshots made meanwhile do
not have the statistics.
"""

    cdef Rules rules
    cdef object padded
    cdef Py_ssize_t pad

    def __init__(self, Rules rules not None):
        self.rules = rules
        rows, columns = rules.num_agents, len(rules.statistic_names)
        self.pad = 1024 if rows <= 64 else 64
        self.padded = np.empty((rows, 2 * self.pad + columns))
        rules.statistics = self.padded
        self.narrow(max(1, columns))
        self.fill()
        self.padded[:, self.pad:self.pad + columns] = 0

    cdef int narrow(self, Py_ssize_t columns) except -1:
        """Let the view of statistics, which is declared contiguous, have the columns in the middle."""
        cdef size_t* words = <size_t*><void*>self.rules
        cdef Py_ssize_t k
        for k in range(2, type(self.rules).__basicsize__ // <Py_ssize_t>sizeof(size_t)):
            if words[k] == <size_t>self.padded.ctypes.data:
                # Behind the address of the data come the numbers of rows and of columns.
                words[k] += self.pad * sizeof(double)
                words[k + 2] = columns
                return 0
        raise RuntimeError("there is no view of statistics")

    cdef int fill(self) except -1:
        cdef char* start
        cdef int k
        self.padded.view(np.uint8)[...] = PATTERN
        for k in range(self.rules.num_blocks):
            start = self.rules.blocks[k].memory
            if not puffer_is_sanitized():
                memset(start - FRONT, PATTERN, FRONT)
                memset(start + self.size(k), PATTERN, self.behind(k))
        return 0

    cdef Py_ssize_t size(self, int k) noexcept:
        return self.rules.num_copies * <Py_ssize_t>self.rules.blocks[k].size

    cdef Py_ssize_t behind(self, int k) noexcept:
        """The bytes behind block k, of which `new_state` leaves at least this many."""
        return (MAX_BLOCKS - k) * 1024

    def damages(self):
        """What was written to since the last call that is neither state nor a statistic, in words."""
        cdef Py_ssize_t first = self.pad, last = first + len(self.rules.statistic_names)
        cdef char* start
        cdef Py_ssize_t before, behind
        cdef int k
        found = []
        outside = (self.padded.view(np.uint8).reshape(*self.padded.shape, 8) != PATTERN).any(axis=2)
        outside[:, first:last] = False
        if outside.any():
            row, column = map(int, np.argwhere(outside)[0])
            found.append(f"statistics[{row}, {column - first}], and statistic_names has {last - first} names")
        for k in range(self.rules.num_blocks):
            if puffer_is_sanitized():
                break
            start = self.rules.blocks[k].memory
            before, behind = _touched(start - FRONT, FRONT), _touched(start + self.size(k), self.behind(k))
            if before >= 0 or behind >= 0:
                where = f"{behind} bytes behind its end"
                if before >= 0:
                    where = f"{FRONT - before} bytes before its beginning"
                found.append(f"the block of state with {self.rules.blocks[k].size} bytes for each copy, {where}")
        if found:
            values = self.padded[:, first:last].copy()
            self.fill()
            self.padded[:, first:last] = values
        return found


cdef Py_ssize_t _touched(const char* memory, Py_ssize_t size) noexcept:
    """The first byte that is not of the pattern; -1 if there is none."""
    cdef Py_ssize_t k
    for k in range(size):
        if <unsigned char>memory[k] != PATTERN:
            return k
    return -1
