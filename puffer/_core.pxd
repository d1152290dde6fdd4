# PUBLIC: what the author of a native environment cimports. An extension compiled against this file, native/batch.pxd
# and native/loop.pxd holds their layout, so any change to the fields or to the order of methods must raise PUFFER_ABI in native/abi.h,
# which then refuses extensions built for another layout instead of letting them write to the wrong places.
from libc.stdint cimport uint8_t, uint64_t

from puffer.native.batch cimport Batch
from puffer.native.buffers cimport Buffers
from puffer.native.raster cimport Canvas

cdef extern from "puffer/native/abi.h":
    const int PUFFER_ABI
    # Every extension calls it by itself.
    int import_puffer() except -1


cdef class Env(Batch):
    """Base class of native environments: all copies of one environment. See _core.pyx."""

    cdef readonly object autoreset_mode
    cdef readonly object render_mode
    # How observations and actions lie in their rows: a Layout and an ActionLayout.
    cdef readonly object layout
    cdef readonly object action_layout
    cdef object snapshot_key
    # Names the class and the sizes of its state, in every snapshot.
    cdef uint64_t signature

    # ---- To be written by the author; pictures are drawn on request only ----
    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1
    cdef object ansi_one(self, Py_ssize_t i)
    cdef dict state_one(self, Py_ssize_t i)

    cdef int allocate(self) except -1
    # ---- To be called by an author whose __init__ sets fields before it calls that of Env ----
    cdef int require_unmade(self) except -1

    cdef size_t snapshot_size(self) noexcept
    cdef int check_snapshot(self, Py_ssize_t k, const uint8_t* source, size_t size) except -1
    cdef void save_copy(self, Py_ssize_t i, uint8_t* target) noexcept nogil
    cdef void load_copy(self, Py_ssize_t i, const uint8_t* source) noexcept nogil
