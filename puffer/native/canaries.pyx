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
    # Numbers on each side of the statistics.
    PAD = 1024


cdef class Canaries:
    """Canaries(rules)
--

Fills what lies around the state of `rules`, and moves its statistics into a memory with room around them. Snapshots
made meanwhile do not have the statistics.
"""

    cdef Rules rules
    # The statistics and what is around them, and the part of it that an environment may write to.
    cdef object padded, own
    cdef Py_ssize_t columns

    def __init__(self, Rules rules not None):
        self.rules = rules
        # A class without statistics may use none, and a view has at least one column.
        names, self.columns = len(rules.statistic_names), max(1, len(rules.statistic_names))
        self.padded = np.empty(2 * PAD + rules.num_agents * self.columns)
        self.own = slice(PAD, PAD + rules.num_agents * names)
        # Without gaps between rows, because authors may use a pointer to the first.
        rules.statistics = self.padded[PAD:-PAD].reshape(rules.num_agents, self.columns)
        self.fill()
        self.padded[self.own] = 0

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
        cdef char* start
        cdef Py_ssize_t before, behind, row
        cdef int k
        found = []
        outside = (self.padded.view(np.uint8).reshape(-1, 8) != PATTERN).any(axis=1)
        outside[self.own] = False
        if outside.any():
            offset = int(outside.argmax()) - PAD
            row = max(0, min(offset // self.columns, self.rules.num_agents - 1))
            names = len(self.rules.statistic_names)
            found.append(f"statistics[{row}, {offset - row * self.columns}], and statistic_names has {names} names")
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
            values = self.padded[self.own].copy()
            self.fill()
            self.padded[self.own] = values
        return found


cdef Py_ssize_t _touched(const char* memory, Py_ssize_t size) noexcept:
    """The first byte that is not of the pattern; -1 if there is none."""
    cdef Py_ssize_t k
    for k in range(size):
        if <unsigned char>memory[k] != PATTERN:
            return k
    return -1
