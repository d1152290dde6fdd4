from puffer.native.backend cimport Backend, Part
from puffer.native.binding cimport Binding
from puffer.native.buffers cimport Buffers
from puffer.native.ends cimport EndsRecorder
from puffer.native.info cimport Info
from puffer.native.loop cimport Loop
from puffer.native.pool cimport pool_job
from puffer.native.rules cimport Rules
from puffer.native.snapshots cimport Snapshots
from puffer.native.threads cimport Threads, part_t


cdef class NativePart(Part):
    """A part, and the memory for the episodes that end in its step. See loop_backend.pyx."""
    cdef part_t c
    cdef pool_job job
    # The threads that its step is split over.
    cdef int slices
    cdef EndsRecorder recorder

    cdef int prepare(self, int slices) except -1


cdef class NativeBackend(Backend):
    """Steps a native environment without the GIL. See loop_backend.pyx."""
    # Before the loop, which they step until they have ended.
    cdef Threads threads
    cdef Loop loop
    # Borrowed: the rules own the backend and detach it when they go.
    cdef void* rules
    cdef Snapshots snapshots
    cdef object snapshot_key
    cdef object spec
    cdef bint record_episodes
    # What the class tells of rows in infos.
    cdef tuple row_info_names
    cdef bint marks_actions
    cdef bint is_seeded
    # What set_next was called with before the first reset.
    cdef list before_first
    cdef Binding binding
    # Whether observe() draws what has changed into memory that is its own, from where rows are copied.
    cdef bint draws_changes
    # Whether the rows that are written next hold what observe() wrote last.
    cdef bint retains
    cdef Py_ssize_t num_parts

    cdef int prepare(self, Rules rules, object spec, object options, Buffers buffers, bint independent_agents,
                     bint observes_in_step, object snapshot_key, int copies_per_block, int num_threads) except -1
    cdef int detach(self) except -1
    cdef Snapshots form(self)
    cdef int prepare_part(self, NativePart part, int slices) except -1
    cdef object info_of(self, NativePart part)
    cdef Info tell_rows(self, Info info, Py_ssize_t first, Py_ssize_t last, object mask)
