cimport numpy as cnp
from libc.stdint cimport uint8_t

from puffer.layout.row_plan cimport RowPlan


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
    cdef public object options
    cdef bint reseeds
    cdef object env_reset
    cdef bint takes_seed
    cdef bint takes_options
    cdef bint needs_options
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
    cdef object call_reset(self, object seed)


cdef class GymAdapter(Adapter):
    cdef object env_step
    cdef bint is_current

    cdef int report(self, object info, list infos) except -1


cdef float as_reward(object reward) except? -1


cdef dict as_info(object info, str owner)
