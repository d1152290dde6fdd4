"""Snapshots of single copies: a signature, a checksum, every block of the copy's state, and the masks of its rows."""
import hashlib

import numpy as np

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from puffer.native.rules cimport Rules
from puffer.rng cimport rng_mix

cdef enum:
    HEAD = 16


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

    cdef object get(self, Rules rules, list copies):
        """Snapshots of copies, uint8 (len(copies), size)."""
        cdef uint8_t[:, ::1] target
        cdef Py_ssize_t k
        for copy in copies:
            rules.save_one(copy)
        state = np.zeros((len(copies), self.size), np.uint8)
        target = state
        for k in range(len(copies)):
            self.save_copy(rules, copies[k], &target[k, 0])
        return state

    cdef int set(self, Rules rules, object state, list copies) except -1:
        """Restore snapshots into copies.

        Raises TypeError or ValueError, before anything is changed, for anything but snapshots of these rules.
        """
        cdef const uint8_t[:, ::1] source
        cdef Py_ssize_t k
        state = np.asarray(state)
        expected = (len(copies), self.size)
        if state.dtype != np.uint8 or state.shape != expected:
            raise ValueError(f"state must be a uint8 array of shape {expected}, got {state.dtype} of {state.shape}")
        source = np.ascontiguousarray(state)
        for k in range(len(copies)):
            self.check(k, &source[k, 0])
        for k in range(len(copies)):
            self.load_copy(rules, copies[k], &source[k, 0])
        return 0

    cdef int check(self, Py_ssize_t k, const uint8_t* source) except -1:
        cdef uint64_t signature, checksum
        memcpy(&signature, source, 8)
        memcpy(&checksum, source + 8, 8)
        if signature != self.signature:
            raise ValueError(
                f"state[{k}] is not a snapshot of this environment: its class, version, parameters or autoreset mode "
                "differ"
            )
        if checksum != _checksum(source + HEAD, self.size - HEAD):
            raise ValueError(f"state[{k}] is not a snapshot as get_state() made it: its checksum is wrong")
        return 0

    cdef void save_copy(self, Rules rules, Py_ssize_t i, uint8_t* target) noexcept nogil:
        cdef uint64_t checksum
        cdef size_t offset = HEAD
        cdef int k
        for k in range(rules.num_blocks):
            memcpy(target + offset, rules.blocks[k].memory + i * rules.blocks[k].size, rules.blocks[k].size)
            offset += rules.blocks[k].size
        memcpy(target + offset, &rules.masks[i * rules.agents_per_env], rules.agents_per_env)
        checksum = _checksum(target + HEAD, self.size - HEAD)
        memcpy(target, &self.signature, 8)
        memcpy(target + 8, &checksum, 8)

    cdef void load_copy(self, Rules rules, Py_ssize_t i, const uint8_t* source) noexcept nogil:
        cdef size_t offset = HEAD
        cdef int k
        for k in range(rules.num_blocks):
            memcpy(rules.blocks[k].memory + i * rules.blocks[k].size, source + offset, rules.blocks[k].size)
            offset += rules.blocks[k].size
        memcpy(&rules.masks[i * rules.agents_per_env], source + offset, rules.agents_per_env)
        # The period of a stream with an even increment is short: rng_below() might never return.
        rules.rng[i].increment |= 1
        rules.load_one(i)


cdef uint64_t _checksum(const uint8_t* bytes, size_t size) noexcept nogil:
    cdef uint64_t value = size, word
    cdef size_t k
    for k in range(0, size - size % 8, 8):
        memcpy(&word, bytes + k, 8)
        value = rng_mix(value ^ word) + k
    for k in range(size - size % 8, size):
        value = rng_mix(value ^ bytes[k]) + k
    return value
