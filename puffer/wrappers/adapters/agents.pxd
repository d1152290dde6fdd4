from libc.stdint cimport uint8_t

from puffer.wrappers.adapters.adapter cimport Adapter


cdef class AgentsAdapter(Adapter):
    """Drives an environment whose agents have ids. See agents.pyx."""
    cdef dict rows_of_agents
    # Which agents act in the next step.
    cdef uint8_t[::1] alive
    # Which agents the environment still has after a step.
    cdef uint8_t[::1] staying

    cdef Py_ssize_t place_of(self, object agent) except -1
    cdef int begin_by_agent(self, dict observations, object present) except -1
    cdef int take_by_agent(self, dict observations, dict rewards, dict terminations, dict truncations,
                           object present) except -1
    cdef int end_all(self) except -1
    cdef int note_present(self, object present) except -1
    cdef int write_or_clear(self, Py_ssize_t place, object agent, dict observations) except -1
    cdef int leave_out(self, Py_ssize_t place) except -1
    cdef dict report_common(self, dict by_agent, list infos)
    cdef int report_of(self, Py_ssize_t place, object info, list infos) except -1


cdef dict as_dict(object value, str name)
