from puffer.native.action_masks cimport ActionMasks
from puffer.native.batch_state cimport BatchState


cdef class BatchAccess(BatchState):
    """What can be read and changed between the steps of a batch. See batch_access.pyx."""
    # None where there cannot be masks. Whether infos have them because somebody asked for that.
    cdef readonly ActionMasks legal
    cdef bint tells_masks
    # Whether rows may show agents of their copy as they were before these were reset.
    cdef bint is_outdated

    cdef int renew_but(self, object written) except -1
    cdef int seen(self) except -1
    cdef int follow_masks(self) except -1
    cdef int update_masks(self, Py_ssize_t first, Py_ssize_t last, object info, object rows) except -1
    cdef int tell_masks(self, object info, object where, object rows) except -1
