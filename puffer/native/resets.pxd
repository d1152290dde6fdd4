from libc.stdint cimport uint8_t

from puffer.native.loop cimport Loop
from puffer.native.rules cimport Rules

cdef int forget_next_seeds(Loop loop, object seeds, object selected) except -1
cdef int seed_streams(Rules rules, object seeds, object selected) except -1
cdef void reset_all(Loop loop, Rules rules, double now) noexcept nogil
cdef void reset_rows(Loop loop, Rules rules, const uint8_t* rows, const uint8_t* whole, bint keeps_outputs,
                     double now) noexcept nogil
