cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t

from puffer.layout.rows cimport RowPlan


cdef class Adapter:
    """Drives one copy of a Python environment. See adapter.pyx."""
    cdef readonly object env
    cdef readonly object layout
    cdef readonly object action_layout
    cdef readonly Py_ssize_t agents_per_env
    cdef readonly Py_ssize_t first_row
    cdef readonly object buffers
    cdef readonly object max_steps
    cdef readonly object rendering
    cdef readonly object copy_action_space
    cdef public bint ended
    cdef public object seeds
    cdef bint reseeds
    cdef RowPlan plan
    cdef cnp.ndarray actions
    cdef char* observation_memory
    cdef float[::1] rewards
    cdef uint8_t[::1] terminations
    cdef uint8_t[::1] truncations
    cdef uint8_t[::1] masks
    cdef bint scalar_actions
    cdef bint plain_actions

    cpdef object write_observation(self, Py_ssize_t agent, object observation)
    cpdef object clear_observation(self, Py_ssize_t agent)
    cpdef object read_action(self, Py_ssize_t agent)
    cpdef object reset(self, object seed, list infos)
    cpdef object step(self, list infos)
    cdef object seed_of(self, object seed)


cdef class GymAdapter(Adapter):
    cdef object env_step
    cdef object env_reset
    cdef bint takes_seed
    cdef bint is_current

    cdef int report(self, object info, list infos) except -1


cdef class PythonBatch:
    """Steps copies of a Python environment. See adapter.pyx."""
    cdef readonly list adapters
    cdef readonly Py_ssize_t agents_per_env
    cdef readonly object buffers
    # The copy that is being reset or stepped.
    cdef readonly Py_ssize_t current
    cdef int autoreset
    cdef int64_t max_steps
    cdef Py_ssize_t row_size
    cdef char* observation_memory
    cdef float[::1] rewards
    cdef uint8_t[::1] terminations
    cdef uint8_t[::1] truncations
    cdef uint8_t[::1] masks
    cdef uint8_t[::1] ended
    cdef double[:, ::1] sums
    cdef double[:, ::1] episodes
    cdef char* finals_memory
    # Keeps that memory.
    cdef object books
    cdef double[::1] returns
    cdef int64_t[::1] lengths
    cdef double[::1] start_times
    # Steps of the episode of each copy.
    cdef int64_t[::1] steps
    cdef object events

    cdef int clear_outputs(self, Py_ssize_t i) except -1
    cdef int reset_copy(self, Py_ssize_t i, object seed, list infos) except -1
    cdef int reset_in_step(self, Py_ssize_t i) except -1
    cdef int step_copy(self, Py_ssize_t i) except -1
    cdef bint account(self, Py_ssize_t i, list infos) except -1
    cdef int record_ends(self, Py_ssize_t first, Py_ssize_t last, list infos) except -1
