from libc.stdint cimport int64_t, uint8_t, uint64_t

from puffer.native.rules cimport Rules


cdef class Snapshots:
    """Saves and restores the copies of native rules. See snapshots.pyx."""
    cdef readonly size_t size
    cdef uint64_t signature

    cdef object get(self, Rules rules, const int64_t[::1] copies)
    cdef int set(self, Rules rules, object state, const int64_t[::1] copies) except -1
    cdef int check(self, Py_ssize_t first, Py_ssize_t count, const uint8_t* source) except -1
    cdef void save_copies(self, Rules rules, const int64_t* copies, Py_ssize_t count, uint8_t* target) noexcept nogil
    cdef void load_copies(self, Rules rules, const int64_t* copies, Py_ssize_t count, uint8_t* source) noexcept nogil
    cdef void move(self, Rules rules, const int64_t* copies, Py_ssize_t count, uint8_t* rows, bint saves) noexcept nogil
