from libc.stdint cimport uint8_t, uint64_t

from puffer.native.rules cimport Rules


cdef class Snapshots:
    """Saves and restores the copies of native rules. See snapshots.pyx."""
    cdef readonly size_t size
    cdef uint64_t signature

    cdef object get(self, Rules rules, list copies)
    cdef int set(self, Rules rules, object state, list copies) except -1
    cdef int check(self, Py_ssize_t k, const uint8_t* source) except -1
    cdef void save_copy(self, Rules rules, Py_ssize_t i, uint8_t* target) noexcept nogil
    cdef void load_copy(self, Rules rules, Py_ssize_t i, const uint8_t* source) noexcept nogil
