"""Resets that a caller asks for: the seeds of the copies' random streams, and the first observations."""
import os

import numpy as np

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from puffer.native.loop cimport Loop, start_agent, start_copy
from puffer.native.rules cimport Rules
from puffer.rng cimport rng_seed


cdef int forget_next_seeds(Loop loop, object seeds, object selected) except -1:
    """Drop what set_next has set for copies that are given a seed now."""
    if loop.next_seeds != NULL:
        for i in np.flatnonzero(selected).tolist():
            if isinstance(seeds, int) or seeds[i] is not None:
                loop.next_seeds[<Py_ssize_t>i].is_set = False
    return 0


cdef int seed_streams(Rules rules, object seeds, object selected) except -1:
    """Begin the random streams of the copies selected, uint8; one int seeds copy i with the stream of (seed, i)."""
    cdef Py_ssize_t i
    cdef const uint8_t[::1] chosen = selected
    cdef bint one = isinstance(seeds, int)
    cdef uint64_t seed = seeds if one else 0
    for i in range(rules.num_copies):
        if chosen[i] and one:
            rng_seed(&rules.rng[i], seed, i)
        elif chosen[i]:
            # A copy without a seed among seeded ones must not repeat itself from run to run.
            seed = int.from_bytes(os.urandom(8), "little") if seeds[i] is None else seeds[i]
            rng_seed(&rules.rng[i], seed, 0)
    return 0


cdef void reset_all(Loop loop, Rules rules, double now) noexcept nogil:
    """Begin a new episode in every copy."""
    cdef Py_ssize_t i, row
    memset(&rules.rewards[0], 0, rules.num_agents * sizeof(float))
    memset(&rules.terminations[0], 0, rules.num_agents)
    memset(&rules.truncations[0], 0, rules.num_agents)
    for i in range(rules.num_copies):
        loop.current = i
        start_copy(loop, rules, i)
        if loop.is_checked and not loop.has_fault():
            rules.observe_range(i, i + 1)
        if loop.has_fault():
            return
    if not loop.is_checked:
        rules.observe_range(0, rules.num_copies)
    loop.copy_rows(0, rules.num_agents)
    if loop.start_times != NULL:
        for row in range(rules.num_agents):
            loop.start_times[row] = now


cdef void reset_rows(Loop loop, Rules rules, const uint8_t* rows, const uint8_t* whole, bint keeps_outputs,
                     double now) noexcept nogil:
    """Begin new episodes in the rows of a mask; `whole` tells of which copies it has all rows."""
    cdef Py_ssize_t row, copy
    for row in range(rules.num_agents):
        copy = loop.current = row // rules.agents_per_env
        if loop.has_fault():
            return
        if not rows[row]:
            continue
        if not keeps_outputs:
            rules.rewards[row] = 0
            rules.terminations[row] = rules.truncations[row] = False
        if loop.start_times != NULL:
            loop.start_times[row] = now
        if not whole[copy]:
            start_agent(loop, rules, row)
        elif row % rules.agents_per_env == 0:
            start_copy(loop, rules, copy)
    for row in range(rules.num_agents):
        copy = loop.current = row // rules.agents_per_env
        if loop.has_fault():
            return
        if rows[row] and row % rules.agents_per_env == 0 and whole[copy]:
            rules.observe(copy)
            loop.copy_rows(row, rules.agents_per_env)
        elif rows[row] and not whole[copy]:
            rules.observe_agent(row)
            loop.copy_rows(row, 1)
