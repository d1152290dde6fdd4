"""Lights Out: press cells until every light is off.

Observation   uint8 (size, size): 1 = on, 0 = off.
Action        Discrete(size * size): press a cell, which switches it and those above, below, left and right of it.
Reward        +1 when the last light goes off, else 0.
Terminated    when every light is off.
Truncated     after 50 steps, or max_steps if given.
Start         what `presses` presses of random cells make of a dark board; not a dark one.
Source        Lights Out, Tiger Electronics, 1995.
"""
import numpy as np
from gymnasium import spaces

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memchr, memcpy, memset, rng_below, uint8_t


cdef class LightsOut(Env):
    """LightsOut(num_envs=1, *, size=5, presses=6, **options)
--

A board with `size` (2 to 16) rows and columns, after `presses` (1 to 100) random presses.
"""

    default_max_steps = 50
    cdef readonly int size, presses
    cdef uint8_t[:, :, ::1] observations
    cdef int32_t[::1] actions
    cdef uint8_t* boards

    def __init__(self, num_envs=1, *, size=5, presses=6, **options):
        size, presses = checks.integer("size", size, 2, 16), checks.integer("presses", presses, 1, 100)
        super().__init__(num_envs, spaces.Box(0, 1, (size, size), np.uint8), spaces.Discrete(size * size), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.boards = <uint8_t*>self.new_state(size * size)
        self.size, self.presses = size, presses

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef int cells = self.size * self.size, _
        memset(self.boards + i * cells, 0, cells)
        for _ in range(self.presses):
            self.press(i, rng_below(&self.rng[i], cells))
        while self.is_dark(i):
            self.press(i, rng_below(&self.rng[i], cells))

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        # In its range too where nobody checks actions.
        self.press(i, min(max(self.actions[i], 0), self.size * self.size - 1))
        self.rewards[i] = self.terminations[i] = self.is_dark(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int cells = self.size * self.size
        memcpy(&self.observations[i, 0, 0], self.boards + i * cells, cells)

    cdef void press(self, Py_ssize_t i, int cell) noexcept nogil:
        cdef uint8_t* lights = self.boards + i * self.size * self.size
        cdef int row = cell // self.size, column = cell % self.size, k
        for k in range(max(row - 1, 0), min(row + 2, self.size)):
            lights[k * self.size + column] ^= 1
        for k in range(max(column - 1, 0), min(column + 2, self.size)):
            lights[row * self.size + k] ^= 1
        # Both have switched the cell itself.
        lights[cell] ^= 1

    cdef bint is_dark(self, Py_ssize_t i) noexcept nogil:
        return memchr(self.boards + i * self.size * self.size, 1, self.size * self.size) == NULL

    @property
    def render_size(self):
        return 24 * self.size, 24 * self.size

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int row, column, light
        canvas.clear(0x101820)
        for row in range(self.size):
            for column in range(self.size):
                light = self.boards[(i * self.size + row) * self.size + column]
                canvas.cell(row, column, 24, 2, 0xFFD166 if light else 0x30404A)
