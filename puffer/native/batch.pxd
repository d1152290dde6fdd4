# PUBLIC, as the base of Env in _core.pxd: a change here is a change of the binary interface (see there).
from libc.stdint cimport uint64_t

from puffer.native.buffers cimport Buffers
from puffer.native.loop cimport Loop

# Never reset; to be reset again; ready to step; closed.
cdef enum status_t:
    NEW
    UNSET
    READY
    CLOSED


cdef class Batch(Loop):
    """Resets and steps a native environment from Python. see batch.pyx."""

    cdef readonly Buffers buffers
    cdef readonly object single_observation_space
    cdef readonly object single_action_space
    # Copies that one send() steps and one recv() returns.
    cdef readonly Py_ssize_t batch_size
    cdef readonly bint record_episodes
    cdef status_t status
    # Whether a thread works without the GIL: 0, or 1 + the number of forks that led to this process.
    cdef int stepping
    cdef int requested_threads
    cdef int threads
    cdef int calibration_steps
    cdef uint64_t fastest_step
    cdef object reader
    cdef object seed
    cdef object rollout
    cdef list parts
    cdef Py_ssize_t num_parts
    # Parts that wait for actions, and parts that wait for recv(), each in order.
    cdef object awaiting
    cdef object pending

    cdef int require_made(self) except -1
    cdef int require_open(self) except -1
    cdef int require_settled(self, str method) except -1
    cdef int make_parts(self) except -1
    cdef object prepare(self, object actions)
    cdef int step_now(self, object part) except -1
    cdef tuple result(self, object part)
    cdef int use_spare_ends(self, object part) except -1
    cdef int finish(self, object part) except -1
    cdef int drain(self) except -1
    cdef int require_running(self, object part) except -1
    cdef int choose_threads(self) except -1
    cdef int calibrate(self, uint64_t nanoseconds) except -1
    cdef int background_threads(self) except -1
    cdef int write_to(self, Buffers buffers) except -1
    cdef int reset_all(self) except -1
    cdef int reset_rows(self, object mask, object selected) except -1
    cdef int seed_streams(self, object seeds, object selected) except -1
