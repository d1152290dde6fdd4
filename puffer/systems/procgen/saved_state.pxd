# Numbers of a game that its saved state alone has.
from libc.stdint cimport int32_t

from puffer.systems.procgen.interface cimport library_t

cdef void set_levels(const library_t* library, void* game, const int32_t* levels) noexcept nogil
cdef void set_time_limit(const library_t* library, void* game, int32_t limit) noexcept nogil
