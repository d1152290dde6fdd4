"""The episodes that ended in the steps of a rollout, kept in the order in which they came."""
from typing import NamedTuple

import numpy as np

from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from puffer.native.ends cimport EndsForm, EpisodeEnds, end_t


class RolloutEnds(NamedTuple):
    """The episodes that ended in a rollout, with an entry for each, in the order of the steps.

    Attributes
    ----------
    steps, rows : (k,) int64
        The step and the row in which the episode ended.
    observations : (k, ...) array
        Its last observation.
    returns : (k,) float64
    lengths : (k,) int64
    terminated, truncated : (k,) bool
    """

    steps: np.ndarray
    rows: np.ndarray
    observations: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


cdef class EndsLog:
    """EndsLog(form)
--

Has room for as many ends as have been added.
"""

    def __cinit__(self, EndsForm form not None):
        self.form = form

    def __dealloc__(self):
        free(self.steps)
        free(self.entries)
        free(self.observations)

    cdef int add(self, Py_ssize_t step, EpisodeEnds ends) except -1:
        """Add the ends of a step."""
        cdef Py_ssize_t k, size = self.form.row_size
        if self.count + ends.count > self.room:
            self.grow(2 * (self.count + ends.count))
        for k in range(ends.count):
            self.steps[self.count + k] = step
        memcpy(self.entries + self.count, ends.entries(), ends.count * sizeof(end_t))
        memcpy(self.observations + self.count * size, ends.last_observations(), ends.count * size)
        self.count += ends.count
        return 0

    cdef int grow(self, Py_ssize_t room) except -1:
        cdef void* steps = realloc(self.steps, room * sizeof(int64_t))
        if steps != NULL:
            self.steps = <int64_t*>steps
        cdef void* entries = realloc(self.entries, room * sizeof(end_t))
        if entries != NULL:
            self.entries = <end_t*>entries
        cdef void* observations = realloc(self.observations, room * self.form.row_size + 1)
        if observations != NULL:
            self.observations = <char*>observations
        if steps == NULL or entries == NULL or observations == NULL:
            raise MemoryError(f"no memory for {room} ends of episodes of a rollout")
        self.room = room
        return 0

    def arrays(self):
        """The `RolloutEnds`, in arrays of their own."""
        cdef Py_ssize_t k, count = self.count
        steps, rows, lengths = np.empty((3, count), np.int64)
        returns, flags = np.empty(count), np.empty((2, count), np.bool_)
        observations = np.empty((count, *self.form.shape), self.form.dtype)
        cdef int64_t[::1] step = steps, row = rows, length = lengths
        cdef double[::1] total = returns
        cdef unsigned char[:, ::1] flag = flags.view(np.uint8)
        for k in range(count):
            step[k], row[k], length[k] = self.steps[k], self.entries[k].row, self.entries[k].length
            total[k] = self.entries[k].total
            flag[0, k], flag[1, k] = self.entries[k].terminated, self.entries[k].truncated
        if count and self.form.row_size:
            observations.reshape(-1).view(np.uint8)[:] = <unsigned char[:count * self.form.row_size]>(
                <unsigned char*>self.observations)
        return RolloutEnds(steps, rows, observations, returns, lengths, flags[0], flags[1])


def joined_ends(logs):
    """The `RolloutEnds` of several logs."""
    arrays = [(<EndsLog>log).arrays() for log in logs]
    if len(arrays) == 1:
        return arrays[0]
    joined = [np.concatenate(pieces) for pieces in zip(*arrays)]
    order = np.lexsort((joined[1], joined[0]))
    return RolloutEnds(*[array[order] for array in joined])
