from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef struct Vertex:
    int64_t place[3]
    # The way to the vertex is subtracted in three parts, whose order is that of the roundings.
    double before[3]
    double squish
    double after[3]


cdef struct Cell:
    int64_t place[3]
    # From its origin to the point.
    double offset[3]


cdef void shuffle(uint8_t* permutation, uint64_t seed) noexcept nogil
cdef const int* gradients() noexcept nogil
cdef double noise_at(const uint8_t* permutation, double x, double y, double z) noexcept nogil


cdef class Simplex:
    cdef uint8_t permutation[256]
