"""Rocket: hover in a gusty wind, and come down softly on the pad.

Observation   float32 (4,): position x from -1 to 1 and y from 0 to 1, speed across and up from -1 to 1, per second.
Action        Box(-1, 1, (2,)): thrust across, and upwards, where -1 is none. Values outside count as the nearest bound.
Reward        minus the distance to the pad at (0, 0), and at the ground +10 for a soft landing on it, or -10.
Terminated    at the ground.
Truncated     outside of the field, where the task cannot judge it; after 500 steps, or max_steps if given.
Start         at a random place in the upper half, at rest.
Source        an example of puffer.
"""
import numpy as np
from gymnasium import spaces

from puffer import checks

from puffer cimport Canvas, Env, fabsf, fmaxf, fminf, hypotf, memcpy, rng_uniform

cdef struct State:
    float x, y, across, up


cdef class Rocket(Env):
    """Rocket(num_envs=1, *, gravity=0.5, **options)
--

`gravity` (0 to 2) pulls downwards, in heights of the field per second and second.
"""

    default_max_steps = 500
    statistic_names = ("landed",)
    render_size = (300, 300)
    cdef readonly float gravity
    cdef float[:, ::1] observations
    cdef float[:, ::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, gravity=0.5, **options):
        gravity = checks.number("gravity", gravity, 0, 2)
        low, high = np.array([[-1, 0, -1, -1], [1, 1, 1, 1]], np.float32)
        super().__init__(num_envs, spaces.Box(low, high), spaces.Box(-1, 1, (2,)), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state = <State*>self.new_state(sizeof(State))
        self.gravity = gravity

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i] = State(rng_uniform(&self.rng[i], -0.9, 0.9), rng_uniform(&self.rng[i], 0.5, 0.9), 0, 0)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef float across = within(self.actions[i, 0], 1), up = within(self.actions[i, 1], 1), step = 0.02
        state.across = within(state.across + step * (across + rng_uniform(&self.rng[i], -1, 1)), 1)
        state.up = within(state.up + step * (up + 1 - self.gravity), 1)
        state.x += step * state.across
        state.y += step * state.up
        self.rewards[i] = -hypotf(state.x, state.y)
        if state.y <= 0:
            self.terminations[i] = True
            self.statistics[i, 0] = fabsf(state.x) < 0.2 and state.up > -0.3
            self.rewards[i] += 10 if self.statistics[i, 0] else -10
        self.truncations[i] = state.y > 1 or fabsf(state.x) > 1
        state.x, state.y = within(state.x, 1), fmaxf(0, fminf(state.y, 1))

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memcpy(&self.observations[i, 0], &self.state[i], sizeof(State))

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double x = 150 + 150 * self.state[i].x, y = 290 - 290 * self.state[i].y
        canvas.clear(0x101820)
        canvas.rectangle(120, 290, 180, 300, 0x2EC4B6)
        canvas.line(x, y - 16, x, y, 8, 0xFF9F1C)


cdef inline float within(float value, float bound) noexcept nogil:
    return fmaxf(-bound, fminf(value, bound))
