"""Snapshots of single copies: a signature, a checksum, every block of the copy's state, and the masks of its rows."""
import hashlib

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from puffer.native.rules cimport Rules

cdef extern from "puffer/native/snapshots.h" nogil:
    void checksum_rows(Py_ssize_t n, const uint8_t* bytes, size_t stride, size_t size, uint64_t* checksums)

cdef enum:
    HEAD = 16
    # Copies that are saved or restored together, so that their bytes stay in the first-level cache.
    TILE = 64


cdef class Snapshots:
    """Snapshots(rules, key)
--

The form of the snapshots of `rules`, whose blocks of state must all be there; `key` names everything else that they
depend on.

Attributes
----------
size : int
    Bytes of a snapshot.
"""

    def __cinit__(self, Rules rules not None, key):
        cdef int k
        sizes = [rules.blocks[k].size for k in range(rules.num_blocks)]
        digest = hashlib.sha256(repr((sizes, key)).encode()).digest()
        self.signature = int.from_bytes(digest[:8], "little")
        self.size = HEAD + sum(sizes) + rules.agents_per_env

    cdef object get(self, Rules rules, const int64_t[::1] copies):
        """Snapshots of copies, uint8 (len(copies), size)."""
        cdef uint8_t[:, ::1] target
        cdef Py_ssize_t k, count = copies.shape[0]
        for k in range(count):
            rules.save_one(copies[k])
        state = np.empty((count, self.size), np.uint8)
        if count:
            target = state
            k = 0
            while k < count:
                self.save_copies(rules, &copies[k], min(count - k, <Py_ssize_t>TILE), &target[k, 0])
                k += TILE
        return state

    cdef int set(self, Rules rules, object state, const int64_t[::1] copies) except -1:
        """Restore snapshots into copies.

        Raises TypeError or ValueError, before anything is changed, for anything but snapshots of these rules.
        """
        cdef const uint8_t[:, ::1] source
        cdef Py_ssize_t k, count = copies.shape[0]
        state = np.asarray(state)
        expected = (count, self.size)
        if state.dtype != np.uint8 or state.shape != expected:
            raise ValueError(f"state must be a uint8 array of shape {expected}, got {state.dtype} of {state.shape}")
        if count == 0:
            return 0
        source = np.ascontiguousarray(state)
        k = 0
        while k < count:
            self.check(k, min(count - k, <Py_ssize_t>TILE), &source[k, 0])
            k += TILE
        k = 0
        while k < count:
            self.load_copies(rules, &copies[k], min(count - k, <Py_ssize_t>TILE), <uint8_t*>&source[k, 0])
            k += TILE
        return 0

    cdef int check(self, Py_ssize_t first, Py_ssize_t count, const uint8_t* source) except -1:
        """Raise ValueError for the first of `count` rows, those from row `first` on, that is not a snapshot."""
        cdef uint64_t checksums[TILE]
        cdef uint64_t head[2]
        cdef Py_ssize_t k
        checksum_rows(count, source + HEAD, self.size, self.size - HEAD, checksums)
        for k in range(count):
            memcpy(head, source + k * self.size, HEAD)
            if head[0] != self.signature:
                raise ValueError(
                    f"state[{first + k}] is not a snapshot of this environment: its class, version, parameters or "
                    "autoreset mode differ"
                )
            if head[1] != checksums[k]:
                raise ValueError(f"state[{first + k}] is not a snapshot as get_state() made it: its checksum is wrong")
        return 0

    cdef void save_copies(self, Rules rules, const int64_t* copies, Py_ssize_t count, uint8_t* target) noexcept nogil:
        """Write the snapshots of at most TILE copies."""
        cdef uint64_t checksums[TILE]
        cdef uint64_t head[2]
        cdef Py_ssize_t i
        self.move(rules, copies, count, target, True)
        checksum_rows(count, target + HEAD, self.size, self.size - HEAD, checksums)
        head[0] = self.signature
        for i in range(count):
            head[1] = checksums[i]
            memcpy(target + i * self.size, head, HEAD)

    cdef void load_copies(self, Rules rules, const int64_t* copies, Py_ssize_t count, uint8_t* source) noexcept nogil:
        """Bring the snapshots of at most TILE copies back."""
        cdef Py_ssize_t i
        self.move(rules, copies, count, source, False)
        for i in range(count):
            # The period of a stream with an even increment is short: rng_below() might never return.
            rules.rng[copies[i]].increment |= 1
            rules.load_one(copies[i])

    cdef void move(self, Rules rules, const int64_t* copies, Py_ssize_t count, uint8_t* rows,
                   bint saves) noexcept nogil:
        """Copy the state of at most TILE copies to the bodies of their snapshots, or from there, block by block."""
        cdef size_t offset = HEAD
        cdef int k
        for k in range(rules.num_blocks):
            _move(count, rules.blocks[k].memory, rules.blocks[k].size, copies, rows + offset, self.size, saves)
            offset += rules.blocks[k].size
        _move(count, <char*>&rules.masks[0], rules.agents_per_env, copies, rows + offset, self.size, saves)


cdef inline void _move_sized(Py_ssize_t count, char* memory, size_t size, const int64_t* copies, uint8_t* rows,
                             size_t stride, bint saves) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        if saves:
            memcpy(rows + i * stride, memory + copies[i] * size, size)
        else:
            memcpy(memory + copies[i] * size, rows + i * stride, size)


cdef void _move(Py_ssize_t count, char* memory, size_t size, const int64_t* copies, uint8_t* rows, size_t stride,
                bint saves) noexcept nogil:
    """Copy the items of copies to rows that are one stride apart, or from there."""
    # The sizes of numbers as constants, of which the compiler makes a load and a store.
    if size == 1:
        _move_sized(count, memory, 1, copies, rows, stride, saves)
    elif size == 4:
        _move_sized(count, memory, 4, copies, rows, stride, saves)
    elif size == 8:
        _move_sized(count, memory, 8, copies, rows, stride, saves)
    elif size == 16:
        _move_sized(count, memory, 16, copies, rows, stride, saves)
    else:
        _move_sized(count, memory, size, copies, rows, stride, saves)
