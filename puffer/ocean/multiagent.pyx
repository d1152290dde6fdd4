"""Multiagent: two agents with different roles, of which one must play 0 and the other one 1.

A check that the rows of a batch are kept apart: it fails where observations, actions or rewards of the two agents of a
copy are exchanged. Which agent has which role is drawn, so it can only be read from the observation.

Observation   float32 (1,): the row's own role, 0 or 1.
Action        Discrete(2).
Reward        1 for an action equal to the own role, else 0; the other agent's action does not matter. The best return
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

from puffer import checks

from puffer cimport Canvas, Env, int32_t, rng_bits

cdef enum:
    AGENTS = 2

# Whether an agent played its role. A table, because a branch on random actions is unpredictable.
cdef float[2] PAYS = [0, 1]

cdef struct State:
    int32_t role  # of the first agent; the second one has the other


@cython.final
cdef class Multiagent(Env):
    """Multiagent(num_envs=1, *, length=8, **options)
--

Copies of a game of two agents, which have the rows 2 * copy and 2 * copy + 1. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
length : int, default 8
    Steps of an episode, 1 to 1000000.
**options
    The options of `puffer.Env`.

Attributes
----------
length : int
    As given.
"""

    render_size = (240, 120)
    cdef readonly int length
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, length=8, **options):
        length = checks.integer("length", length, 1, 1_000_000)
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2), agents_per_env=AGENTS,
                         snapshot_key=(length,), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.length = length
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].role = rng_bits(&self.rng[i]) >> 31

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(AGENTS * i, AGENTS * (i + 1)):
            self.rewards[row] = PAYS[self.actions[row] == self.role(row)]
            self.terminations[row] = self.elapsed[row] + 1 >= self.length

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(AGENTS * i, AGENTS * (i + 1)):
            self.observations[row, 0] = self.role(row)

    cdef int role(self, Py_ssize_t row) noexcept nogil:
        """The role of the agent of a row."""
        return self.state[row // AGENTS].role ^ row % AGENTS

    cdef dict state_one(self, Py_ssize_t i):
        rows = range(AGENTS * i, AGENTS * (i + 1))
        return {"roles": [self.role(row) for row in rows], "elapsed": self.elapsed[AGENTS * i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Each agent with its role, and below it the action that it has just played, if any.
        cdef int agent, elapsed = self.elapsed[AGENTS * i]
        cdef Py_ssize_t row
        canvas.clear(0xF4F1EA)
        for agent in range(AGENTS):
            row = AGENTS * i + agent
            canvas.disc(60 + 120 * agent, 48, 32, 0x3D405B if self.role(row) else 0x4C78B5)
            canvas.text(52 + 120 * agent, 36, 24, str(self.role(row)).encode(), 0xFFFFFF)
            if elapsed:
                canvas.text(25 + 120 * agent, 92, 14, f"plays {self.actions[row] & 1}".encode(),
                            0x3A8F5C if self.rewards[row] else 0xC4483E)
        canvas.rectangle(0, 116, 240.0 * elapsed / self.length, 120, 0xA9A295)
        return 0
