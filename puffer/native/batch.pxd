from puffer.native.actions cimport ActionReader
from puffer.native.backend cimport Part
from puffer.native.batch_access cimport BatchAccess


cdef class Batch(BatchAccess):
    """Resets and steps a batch, whatever steps its copies. See batch.pyx."""
    cdef ActionReader reader
    cdef object action_layout
    # What `ends` shows; None where no episode has ended, until somebody asks.
    cdef object last_ends
    cdef object last_rows

    cdef tuple result(self, Part part, object info, bint is_stepped)
    cdef Part prepare(self, object actions)
    cdef int send_part(self, object actions) except -1
    cdef tuple receive_part(self)
