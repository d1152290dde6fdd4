"""Multiagent: two agents with different roles, of which one must play 0 and the other one 1.

A check that the rows of a batch are kept apart: it fails where observations, actions or rewards of the two agents of a
copy are exchanged. Which agent has which role is drawn, so it can only be read from the observation.

Observation   float32 (1,): the row's own role, 0 or 1.
Action        Discrete(2).
Reward        1 for an action equal to the own role, else 0; what the other agent does is of no account. The best return
              is length; a policy that does not look at its own observation gets length / 2 on average.
Terminated    after length steps (8), both agents at once.
Truncated     never by the rules; after max_steps steps if given.
Start         drawn: one agent has the role 0 for the whole episode, the other one the role 1.
Source        the idea of the multi-agent check of PufferLib's Ocean, where roles are fixed and an episode is a step.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_bits

import_puffer()

cdef enum:
    AGENTS = 2

cdef struct State:
    # The role of the first agent; the other one has the other.
    int32_t role
    int32_t elapsed


@cython.final
cdef class Multiagent(Env):
    """Multiagent(num_envs=1, *, length=8, **options)
--

`length` (1 to 1000000) is the number of steps of an episode. The options are those of `puffer.Env`. See the module's
docstring for the rules.
"""

    render_size = (240, 120)
    cdef readonly int length
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state_of

    def __init__(self, num_envs=1, *, length=8, **options):
        length = checks.integer("length", length, 1, 1_000_000)
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2), agents_per_env=AGENTS,
                         observes_in_step=True, snapshot_key=(length,), **options)
        self.length = length
        self.state_of = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state_of[i].role = rng_bits(&self.rng[i]) >> 31
        self.state_of[i].elapsed = 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const int32_t* actions = &self.actions[0]
        cdef State* states = self.state_of
        cdef float* rows = &self.observations[0, 0]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef int32_t length = self.length, role
        cdef Py_ssize_t i
        for i in range(first, last):
            role = states[i].role
            states[i].elapsed += 1
            rewards[2 * i] = actions[2 * i] == role
            rewards[2 * i + 1] = actions[2 * i + 1] == 1 - role
            rows[2 * i] = role
            rows[2 * i + 1] = 1 - role
            terminations[2 * i] = terminations[2 * i + 1] = states[i].elapsed >= length

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[AGENTS * i, 0] = self.state_of[i].role
        self.observations[AGENTS * i + 1, 0] = 1 - self.state_of[i].role

    def state(self, copy=0):
        """The state of one copy, as a dict: `roles`, a list with that of each agent; `elapsed`, its steps so far."""
        self.require_settled("state")
        cdef State* state = &self.state_of[checks.integer("copy", copy, 0, self.num_copies - 1)]
        return {"roles": [state.role, 1 - state.role], "elapsed": state.elapsed}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Each agent with its role, and below it what it has just played, if it has.
        cdef int agent, role
        cdef Py_ssize_t row
        canvas.clear(0xF4F1EA)
        for agent in range(AGENTS):
            row, role = AGENTS * i + agent, self.state_of[i].role ^ agent
            canvas.disc(60 + 120 * agent, 48, 32, 0x3D405B if role else 0x4C78B5)
            canvas.text(52 + 120 * agent, 36, 24, str(role).encode(), 0xFFFFFF)
            if self.state_of[i].elapsed:
                canvas.text(25 + 120 * agent, 92, 14, f"plays {self.actions[row] & 1}".encode(),
                            0x3A8F5C if self.rewards[row] else 0xC4483E)
        canvas.rectangle(0, 116, 240.0 * self.state_of[i].elapsed / self.length, 120, 0xA9A295)
        return 0
