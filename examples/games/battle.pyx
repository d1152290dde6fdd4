"""Battle: strike the others down and be the last one who stands on the bridge.

Observation   uint8 (9,), of each agent: 0 = empty, 1 = another agent, 2 = itself.
Action        Discrete(3): 0 left, 1 right, 2 strike everybody on the same cell and beside it.
Reward        +1 for striking an agent down and for being the last, -1 for being struck down.
Terminated    for an agent when it is struck down, which takes three strikes, or is the last.
Truncated     after 200 steps, or max_steps if given.
Start         agents on random cells. They may share a cell, and act in the order of their rows.
"""
import numpy as np
from gymnasium import spaces

from puffer cimport Canvas, Env, int32_t, memset, rng_below, uint8_t

cdef enum:
    CELLS = 9
cdef struct Agent:
    int cell, health


cdef class Battle(Env):
    """Battle(num_envs=1, *, agents=4, **options)
--

`agents` fight in each copy.
"""

    default_max_steps = 200
    render_size = (24 * CELLS, 24)
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef Agent* agents

    def __init__(self, num_envs=1, *, agents=4, **options):
        bridge = spaces.Box(0, 2, (CELLS,), np.uint8)
        super().__init__(num_envs, bridge, spaces.Discrete(3), agents_per_env=agents, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.agents = <Agent*>self.new_state(agents * sizeof(Agent))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        for row in range(i * self.agents_per_env, (i + 1) * self.agents_per_env):
            self.agents[row] = Agent(rng_below(&self.rng[i], CELLS), 3)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row, first = i * self.agents_per_env, last = first + self.agents_per_env
        for row in range(first, last):
            if self.agents[row].health > 0 and self.actions[row] == 2:
                self.strike(row, first, last)
            elif self.agents[row].health > 0:
                self.agents[row].cell = min(max(self.agents[row].cell + 2 * self.actions[row] - 1, 0), CELLS - 1)

    cdef void strike(self, Py_ssize_t row, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef int standing = 0
        for k in range(first, last):
            if k != row and self.agents[k].health > 0 and abs(self.agents[k].cell - self.agents[row].cell) <= 1:
                self.agents[k].health -= 1
                if self.agents[k].health == 0:
                    self.rewards[row] += 1
                    self.rewards[k] -= 1
                    self.terminations[k] = True
            standing += self.agents[k].health > 0
        if standing == 1:
            self.rewards[row] += 1
            self.terminations[row] = True

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row, k, first = i * self.agents_per_env, last = first + self.agents_per_env
        for row in range(first, last):
            if self.masks[row]:
                memset(&self.observations[row, 0], 0, CELLS)
                for k in range(first, last):
                    if self.agents[k].health > 0:
                        self.observations[row, self.agents[k].cell] = 1
                self.observations[row, self.agents[row].cell] = 2

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        canvas.clear(0x101820)
        for agent in self.agents[i * self.agents_per_env:(i + 1) * self.agents_per_env]:
            canvas.disc(24 * agent.cell + 12, 12, 3 * agent.health, 0x2EC4B6)
