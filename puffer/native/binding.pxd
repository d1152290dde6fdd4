from puffer.native.buffers cimport Buffers
from puffer.native.rules cimport Rules

cdef enum:
    MAX_FIELDS = 64


# A field of the rules: an address in one of the arrays that a step writes.
cdef struct field_t:
    char** place
    int array
    Py_ssize_t offset


cdef class Binding:
    """The fields of the rules that hold addresses in the buffers. See binding.pyx."""
    cdef field_t fields[MAX_FIELDS]
    cdef int count
    # Whether to set these fields is all that bind() does.
    cdef readonly bint is_complete

    cdef int find(self, Rules rules, Buffers home, Buffers other) except -1
    cdef bint compare(self, Rules rules, bytes before, bytes after, Buffers home, Buffers other) except -1
    cdef void point(self, Buffers buffers, bint observations) noexcept
