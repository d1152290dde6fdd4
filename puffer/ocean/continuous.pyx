"""Continuous: move a point in the plane to a target.

A check of continuous actions: it fails where they are scaled, clipped or ordered wrongly, or where their probabilities
are.

Observation   float32 (4,): x and y of the point, x and y of the target, each in [-1, 1].
Action        Box(-1, 1, (2,), float32): the move in x and in y, in units of 0.1; clipped to [-1, 1].
Reward        by how much nearer the target the point is than before the step, in the plane. A return is therefore the
              distance at the start, 1.04 on average, less the distance at the end.
Terminated    when the point is nearer than 0.1 to the target after a step.
Truncated     after 40 steps, or max_steps if given.
Start         point and target drawn, uniform in the square [-1, 1) x [-1, 1). The point stays inside the square: a
              coordinate that would leave it stops at the edge.
Source        the idea of the continuous check of PufferLib's Ocean.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport sqrtf

from puffer cimport Canvas, Env, rng_uniform
from puffer.ocean._clip cimport clip

cdef enum:
    SIZE = 300  # of the picture, in pixels

cdef float MOVE = 0.1   # the greatest move along an axis
cdef float REACH = 0.1  # the target is reached below this distance

cdef struct State:
    float x
    float y
    float target_x
    float target_y
    float distance


cdef inline float distance_of(const State* state) noexcept nogil:
    cdef float x = state.target_x - state.x, y = state.target_y - state.y
    return sqrtf(x * x + y * y)


@cython.final
cdef class Continuous(Env):
    """Continuous(num_envs=1, **options)
--

Copies of a plane with a point and a target. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
**options
    The options of `puffer.Env`.
"""

    default_max_steps = 40
    render_size = (SIZE, SIZE)
    cdef float[:, ::1] observations
    cdef float[:, ::1] actions
    cdef State* state

    def __init__(self, num_envs=1, **options):
        super().__init__(num_envs, spaces.Box(-1, 1, (4,), np.float32), spaces.Box(-1, 1, (2,), np.float32), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.x = rng_uniform(&self.rng[i], -1, 1)
        state.y = rng_uniform(&self.rng[i], -1, 1)
        state.target_x = rng_uniform(&self.rng[i], -1, 1)
        state.target_y = rng_uniform(&self.rng[i], -1, 1)
        state.distance = distance_of(state)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef float before = state.distance, after
        state.x = clip(state.x + MOVE * clip(self.actions[i, 0], -1, 1), -1, 1)
        state.y = clip(state.y + MOVE * clip(self.actions[i, 1], -1, 1), -1, 1)
        state.distance = after = distance_of(state)
        self.rewards[i] = before - after
        self.terminations[i] = after < REACH

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        self.observations[i, 0] = state.x
        self.observations[i, 1] = state.y
        self.observations[i, 2] = state.target_x
        self.observations[i, 3] = state.target_y

    # The loops of the base class again: here the class is final, and the compiler inlines what they call.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef dict state_one(self, Py_ssize_t i):
        cdef State state = self.state[i]
        return {"point": (state.x, state.y), "target": (state.target_x, state.target_y)}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Both axes grow as in a graph: x to the right, y upwards.
        cdef State state = self.state[i]
        cdef double scale = SIZE / 2.2, middle = SIZE / 2.0
        cdef double x = middle + scale * state.x, y = middle - scale * state.y
        cdef double target_x = middle + scale * state.target_x, target_y = middle - scale * state.target_y
        canvas.clear(0xE3DED2)
        canvas.rectangle(middle - scale, middle - scale, middle + scale, middle + scale, 0xF4F1EA)
        canvas.line(x, y, target_x, target_y, 1, 0xC9C3B4)
        canvas.disc(target_x, target_y, scale * REACH, 0x81B29A)
        canvas.disc(x, y, 5, 0x3D405B)
        return 0
