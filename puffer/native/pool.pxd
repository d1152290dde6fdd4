# The worker threads of pool.h, for the loop alone.
from libc.stdint cimport uint64_t

cdef extern from "puffer/native/pool.h" nogil:
    ctypedef void (*pool_function)(void* argument, int slice, int slices) noexcept nogil
    ctypedef struct pool_job:
        pass
    ctypedef struct pool_t:
        int workers

    pool_t* pool_new(int workers, int capacity)
    int pool_forks

    void pool_watch_forks()
    void pool_free(pool_t* pool)
    bint pool_is_alive(const pool_t* pool)
    void pool_submit(pool_t* pool, pool_job* job, pool_function function, void* argument, bint share)
    void pool_wait(pool_t* pool, pool_job* job)
    void pool_run(pool_t* pool, pool_job* job, pool_function function, void* argument)
    uint64_t pool_nanoseconds()
