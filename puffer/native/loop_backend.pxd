from libc.stdint cimport uint64_t

from puffer.native.backend cimport Backend, Part
from puffer.native.buffers cimport Buffers
from puffer.native.info cimport EpisodeEnds
from puffer.native.loop cimport Loop, part_t
from puffer.native.pool cimport pool_job
from puffer.native.rules cimport Rules
from puffer.native.snapshots cimport Snapshots


cdef class NativePart(Part):
    """A part, and the memory for the episodes that end in its step. See loop_backend.pyx."""
    cdef part_t c
    cdef pool_job job
    # The threads that its step is split over.
    cdef int slices
    cdef list spare
    cdef EpisodeEnds ends

    cdef int use(self, EpisodeEnds ends) except -1
    cdef EpisodeEnds ended(self)
    cdef EpisodeEnds take_spare(self)


cdef class NativeBackend(Backend):
    """Steps a native environment without the GIL. See loop_backend.pyx."""
    cdef Loop loop
    # Borrowed: the rules own the backend and detach it when they go.
    cdef void* rules
    cdef Snapshots snapshots
    cdef object snapshot_key
    cdef object spec
    cdef bint record_episodes
    # Whether the class has infos of rows.
    cdef bint has_row_infos
    cdef bint is_seeded
    # What set_next was called with before the first reset.
    cdef list before_first
    # Whether the buffers are those of a rollout, which keeps them.
    cdef bint is_recording
    cdef Py_ssize_t num_parts
    cdef Py_ssize_t batch_size
    cdef int requested_threads
    cdef int threads
    cdef int calibration_steps
    cdef uint64_t fastest_step

    cdef int prepare(self, Rules rules, object spec, object options, Buffers buffers, bint independent_agents,
                     bint observes_in_step, object snapshot_key, int copies_per_block, int num_threads) except -1
    cdef int detach(self) except -1
    cdef Snapshots form(self)
    cdef int forget_next_seeds(self, object seeds, object selected) except -1
    cdef int seed_streams(self, object seeds, object selected) except -1
    cdef int use_spare_ends(self, NativePart part) except -1
    cdef object info_of(self, NativePart part)
    cdef object infos_of_rows(self, Py_ssize_t first, Py_ssize_t last, object mask, EpisodeEnds ends)
    cdef int choose_threads(self) except -1
    cdef int calibrate(self, uint64_t nanoseconds) except -1
