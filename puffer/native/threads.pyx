"""The threads that step a batch: how many, which the first steps may settle, and the pool that they belong to."""
from libc.stdint cimport uint64_t

from puffer import checks

from puffer.native.pool cimport (
    pool_free,
    pool_function,
    pool_is_alive,
    pool_job,
    pool_new,
    pool_run,
    pool_submit,
    pool_t,
    pool_wait,
    pool_watch_forks,
)

pool_watch_forks()

# A step of one thread shorter than twice this is not worth another thread; each thread should get this much.
cdef uint64_t THREAD_NANOSECONDS = 25_000
cdef int CALIBRATION_STEPS = 8


cdef class Threads:
    """Threads()
--

Steps parts in this thread, over several, or in the background.
"""

    def __dealloc__(self):
        self.free_pool()

    # ---- Their number ----

    cdef int choose(self) except -1:
        """Take the number that was asked for, or have the coming steps timed."""
        if self.requested:
            self.count = min(self.requested, self.batch_size)
            return 0
        self.count = 1
        if self.batch_size > 1 and checks.available_cores() > 1:
            self.calibration_steps = CALIBRATION_STEPS
            self.fastest_step = <uint64_t>-1
        return 0

    cdef int calibrate(self, uint64_t nanoseconds) except -1:
        """Settle the number of threads when enough steps of one thread have been timed."""
        self.fastest_step = min(self.fastest_step, nanoseconds)
        self.calibration_steps -= 1
        if self.calibration_steps == 0 and self.fastest_step >= 2 * THREAD_NANOSECONDS:
            self.count = min(checks.available_cores(), self.batch_size, self.fastest_step // THREAD_NANOSECONDS,
                             MAX_THREADS - 1)
        return 0

    cdef int in_background(self) except -1:
        """The number of threads that step a part in the background."""
        return min(self.requested or checks.available_cores(), self.batch_size, MAX_THREADS - 1)

    # ---- The pool ----

    cdef int make_pool(self, int workers, int parts) except -1:
        """Have a pool of this process with `workers` threads."""
        cdef pool_t* pool = <pool_t*>self.pool
        if pool != NULL and pool_is_alive(pool) and pool.workers == workers:
            return 0
        self.free_pool()
        self.pool = pool_new(workers, parts)
        if self.pool == NULL:
            raise RuntimeError(f"{workers} threads could not be started")
        return 0

    cdef void free_pool(self) noexcept:
        """Finish the jobs that were submitted and end the threads."""
        pool_free(<pool_t*>self.pool)
        self.pool = NULL

    cdef void run(self, part_t* part, bint threaded) noexcept nogil:
        """Step a part and return when it is stepped."""
        if threaded:
            pool_run(<pool_t*>self.pool, <pool_job*>part.job, <pool_function>_run_slice, part)
        else:
            part.advance(part.loop, part.rules, part, part.first, part.last, &part.stretches[0])

    cdef void submit(self, part_t* part) noexcept nogil:
        """Step a part in the background."""
        pool_submit(<pool_t*>self.pool, <pool_job*>part.job, <pool_function>_run_slice, part, False)

    cdef void wait(self, part_t* part) noexcept nogil:
        """Return when a submitted part is stepped."""
        pool_wait(<pool_t*>self.pool, <pool_job*>part.job)


cdef void _run_slice(void* argument, int slice, int slices) noexcept nogil:
    """Step the share of a part that belongs to one thread: whole blocks of copies."""
    cdef part_t* part = <part_t*>argument
    cdef Py_ssize_t blocks = (part.last - part.first) // part.block
    cdef Py_ssize_t first = part.first + blocks * slice // slices * part.block
    cdef Py_ssize_t last = part.first + blocks * (slice + 1) // slices * part.block
    part.advance(part.loop, part.rules, part, first, last, &part.stretches[slice])
