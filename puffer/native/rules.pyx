"""The part of a native environment that the step loop calls, and the memory that both share."""
from libc.stdint cimport int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free

from puffer.native.buffers cimport Buffers
from puffer.native.raster cimport Canvas

cdef extern from "puffer/native/sanitizer.h" nogil:
    void puffer_forbid(void* memory, size_t size)


cdef class Rules:
    """Rules()
--

Base of `puffer.Env`; not made by itself.
"""

    def __dealloc__(self):
        cdef int k
        for k in range(self.num_blocks):
            free((<void**>(self.blocks[k].memory - 64))[0])

    # ---- Defaults of the author's methods ----

    cdef int bind(self, Buffers buffers) except -1:
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void reset_agent(self, Py_ssize_t row) noexcept nogil:
        pass

    cdef void observe_agent(self, Py_ssize_t row) noexcept nogil:
        pass

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        pass

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        raise NotImplementedError(f"{type(self).__name__} draws no pictures: write render_one(i, canvas)")

    cdef object ansi_one(self, Py_ssize_t i):
        raise NotImplementedError(f"{type(self).__name__} prints no text: write ansi_one(i)")

    cdef int save_one(self, Py_ssize_t i) except -1:
        return 0

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void release(self) noexcept:
        pass

    # ---- Memory ----

    cdef void* new_state(self, size_t size) except NULL:
        """Zeroed memory of `size` bytes per copy, one after the other, aligned to 64 bytes.

        The base class owns it, frees it, and makes it part of the snapshots. Call it after `Env.__init__`.
        """
        cdef char* block
        cdef uintptr_t start
        cdef size_t room
        if self.num_copies <= 0:
            raise RuntimeError("new_state() must come after Env.__init__()")
        # Until it has succeeded, the environment cannot be used.
        self.is_complete = False
        if self.num_blocks == MAX_BLOCKS:
            raise MemoryError(f"an environment has at most {MAX_BLOCKS} blocks of state")
        room = self.num_copies * (size if size else 1) + 128 + MAX_BLOCKS * 1024
        block = <char*>calloc(room, 1)
        if block == NULL:
            raise MemoryError(f"no memory for the state of {self.num_copies} copies of {size} bytes")
        start = (<uintptr_t>block + 64 + 63) & ~<uintptr_t>63
        # Large blocks begin at the start of a page. Moved apart, so that the same rows of all blocks do not compete for
        # the same few sets of the first-level cache.
        start += self.num_blocks * 1024
        # The pointer to free lies in the cache line in front.
        (<void**>(start - 64))[0] = block
        puffer_forbid(<void*>(start - 56), 56)
        puffer_forbid(<void*>(start + self.num_copies * size), <uintptr_t>block + room - start - self.num_copies * size)
        self.blocks[self.num_blocks].memory = <char*>start
        self.blocks[self.num_blocks].size = size
        self.num_blocks += 1
        self.is_complete = True
        return <void*>start

    cdef int attach(self, Buffers buffers) except -1:
        """Write into these buffers from now on."""
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks
        self.retained = False
        self.bind(buffers)
        return 0
