"""A part of the batch: its views of the buffers, and the memory for the episodes that end in its step."""
from cpython.ref cimport PyObject

from puffer.native.buffers cimport Buffers
from puffer.native.info cimport EpisodeEnds

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(list items, Py_ssize_t index)
    Py_ssize_t Py_REFCNT(PyObject* item)


cdef class Part:
    """Part(rows)
--

The rows (a slice of the batch) of copies that are sent and received together.
"""

    def __cinit__(self, rows):
        self.rows = rows
        self.c.job = &self.job
        self.spare = []

    cdef int attach(self, Buffers buffers) except -1:
        rows = self.rows
        arrays = (buffers.actions, buffers.observations, buffers.rewards, buffers.terminations, buffers.truncations)
        if len(buffers.rewards) != rows.stop - rows.start:
            arrays = tuple([array[rows] for array in arrays])
        self.actions, self.observations, self.rewards, self.terminations, self.truncations = arrays
        return 0

    cdef int use(self, EpisodeEnds ends) except -1:
        """Record the coming step's ends of episodes there."""
        self.ends = ends
        self.c.ended_rows = ends.rows
        self.c.final_observations = ends.final_observations
        self.c.final_returns = ends.returns
        self.c.final_lengths = ends.lengths
        self.c.final_times = ends.times
        return 0

    cdef EpisodeEnds ended(self):
        """The ends of episodes that the step recorded, or None."""
        cdef int k
        for k in range(self.slices):
            if self.c.stretches[k].count:
                self.ends.take(self.rows.start, self.c.stretches, self.slices)
                return self.ends
        return None

    cdef EpisodeEnds take_spare(self):
        """Memory for episode ends that no Info holds any more, or None."""
        cdef Py_ssize_t k
        self.ends = None
        for k in range(len(self.spare)):
            if Py_REFCNT(PyList_GET_ITEM(self.spare, k)) == 1 and not (<EpisodeEnds>self.spare[k]).is_out:
                return self.spare[k]
        return None
