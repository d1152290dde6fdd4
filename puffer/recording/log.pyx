"""The actions of the last steps, in memory that is written once a step."""
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer.native.batch cimport Batch

cnp.import_array()

cdef extern from "puffer/recording/narrow.h" nogil:
    void narrow_32(Py_ssize_t n, const int32_t* wide, uint8_t* narrow)
    void narrow_64(Py_ssize_t n, const int64_t* wide, uint8_t* narrow)

# Steps that a log without a limit has room for at first.
cdef enum:
    FIRST = 256


cdef class ActionLog:
    """ActionLog(batch, dtype, limit=None, stop=1)
--

The actions of the steps of a batch, in their order.

Parameters
----------
batch : Batch
dtype : dtype
    Of the log. uint8 is for integers from 0 to 255, whatever the dtype of the actions.
limit : int, optional
    Steps that there is room for; without one the log grows.
stop : int
    `take` returns 0 after as many steps, and when there is no more room.

Attributes
----------
count : int
    Steps that are stored.
is_full : bool
    Whether there is no room for another one.
"""
    cdef Batch batch
    cdef cnp.ndarray memory
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t room, size, stop, next_stop
    cdef bint is_narrow, is_limited

    def __init__(self, Batch batch not None, dtype, limit=None, Py_ssize_t stop=1):
        actions = batch.buffers.actions
        self.batch = batch
        self.size = actions.size
        self.is_limited = limit is not None
        self.memory = np.empty((limit or FIRST, *actions.shape), dtype)
        self.is_narrow = self.memory.dtype == np.uint8
        self.room = len(self.memory)
        self.stop = stop
        self.clear()

    @property
    def is_full(self):
        return self.is_limited and self.count == self.room

    def clear(self):
        """Forget all steps."""
        self.count = 0
        self.next_stop = min(self.stop, self.room)

    def take(self):
        """Store the actions of the step that the batch made last. Returns 0 if it is time to stop, else more.

        Raises IndexError if there is no room.
        """
        cdef cnp.ndarray actions = self.batch.buffers.actions
        cdef int kind = cnp.PyArray_TYPE(actions)
        cdef uint8_t* target
        if self.count == self.room:
            self.grow()
        if self.is_narrow and (kind == cnp.NPY_INT32 or kind == cnp.NPY_INT64) and cnp.PyArray_IS_C_CONTIGUOUS(actions):
            target = <uint8_t*>cnp.PyArray_DATA(self.memory) + self.count * self.size
            if kind == cnp.NPY_INT32:
                narrow_32(self.size, <int32_t*>cnp.PyArray_DATA(actions), target)
            else:
                narrow_64(self.size, <int64_t*>cnp.PyArray_DATA(actions), target)
        else:
            self.memory[self.count] = actions
        self.count += 1
        if self.count < self.next_stop:
            return self.next_stop - self.count
        self.next_stop = self.count + self.stop
        if self.is_limited:
            self.next_stop = min(self.next_stop, self.room)
        return 0

    def array(self):
        """The actions that are stored, (count, ...), a view that the next call of `clear` or `take` ends."""
        return self.memory[:self.count]

    cdef int grow(self) except -1:
        if self.is_limited:
            raise IndexError(f"the log is full: it has {self.count} steps")
        memory = np.empty((2 * self.room, *np.shape(self.memory)[1:]), self.memory.dtype)
        memory[:self.room] = self.memory
        self.memory = memory
        self.room *= 2
        return 0
