from libc.stdint cimport uint64_t

from puffer.native.ends cimport end_t, stretch_t

cdef enum:
    MAX_THREADS = 256


# The copies [first, last) that are stepped together, and the memory (of EndsMemory) in which their step records the
# episodes that end: entries, last observations, and the stretch of these that each thread wrote.
cdef struct part_t

# Steps the copies [first, last) of a part. The Loop and the Rules are plain pointers: references need the GIL.
ctypedef void (*advance_t)(void* loop, void* rules, part_t* part, Py_ssize_t first, Py_ssize_t last,
                           stretch_t* stretch) noexcept nogil

cdef struct part_t:
    Py_ssize_t first
    Py_ssize_t last
    end_t* ends
    char* final_observations
    stretch_t* stretches
    double now
    Py_ssize_t block
    void* loop
    void* rules
    advance_t advance
    void* job


cdef class Threads:
    """The threads that step a batch: how many, and their pool. See threads.pyx."""
    # Asked for; 0 where the first steps settle it.
    cdef int requested
    # That step together; 0 until the first step.
    cdef int count
    cdef Py_ssize_t batch_size
    # Steps of one thread that are still to be timed, and the shortest so far.
    cdef int calibration_steps
    cdef uint64_t fastest_step
    cdef void* pool

    cdef int choose(self) except -1
    cdef int calibrate(self, uint64_t nanoseconds) except -1
    cdef int in_background(self) except -1
    cdef int make_pool(self, int workers, int parts) except -1
    cdef void free_pool(self) noexcept
    cdef void run(self, part_t* part, bint threaded) noexcept nogil
    cdef void submit(self, part_t* part) noexcept nogil
    cdef void wait(self, part_t* part) noexcept nogil
