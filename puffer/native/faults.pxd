from puffer.native.rules cimport Rules

# Exceptions that were noted and not raised yet.
cdef int faults

cdef bint is_checked(type cls) except -1
cdef int raise_fault(Rules rules, Py_ssize_t copy) except -1
