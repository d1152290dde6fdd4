"""MountainCar: rock a weak car out of a valley by gathering speed.

Observation   float32 (2,): position of the car in [-1.2, 0.6], velocity in [-0.07, 0.07].
Action        Discrete(3): 0 push left, 1 do not push, 2 push right. A push changes the velocity by 0.001.
Reward        -1 for every step, the last one included.
Terminated    when the position is at least 0.5 and the velocity at least goal_velocity.
Truncated     after 200 steps, or max_steps if given.
Start         position uniform in [-0.6, -0.4), velocity 0.
Source        Moore 1990, "Efficient Memory-based Learning for Robot Control"; constants, order of the clipping and
              spaces of Gymnasium's MountainCar-v0, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean._hill cimport draw_hill
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include "puffer/native/dispatch.h"

    /* A loop that also writes bytes is not vectorised (bytes may alias anything), so the flags take a pass of their
     * own. */
    PUFFER_CLONES
    static void mountain_car_step(ptrdiff_t n, float goal_velocity, float *restrict position, float *restrict velocity,
                                  const int32_t *restrict actions, float *restrict rows, float *restrict rewards,
                                  uint8_t *restrict arrived)
    {
        for (ptrdiff_t i = 0; i < n; i++) {
            float push = actions[i] == 0 ? -0.001f : actions[i] == 2 ? 0.001f : 0.0f;
            drive(push, &position[i], &velocity[i]);
            rows[2 * i] = position[i];
            rows[2 * i + 1] = velocity[i];
        }
        for (ptrdiff_t i = 0; i < n; i++) rewards[i] = -1.0f;
        for (ptrdiff_t i = 0; i < n; i++) arrived[i] = (position[i] >= 0.5f) & (velocity[i] >= goal_velocity);
    }
    """
    void mountain_car_step(Py_ssize_t n, float goal_velocity, float* position, float* velocity,
                           const int32_t* actions, float* rows, float* rewards, uint8_t* arrived)

cpdef enum Action:
    LEFT
    NONE
    RIGHT


@cython.final
cdef class MountainCar(Env):
    """MountainCar(num_envs=1, *, goal_velocity=0.0, **options)
--

`goal_velocity` (0 to 0.07) is the least velocity with which the goal counts; the options are those of `puffer.Env`.
See the module's docstring for the rules.
"""

    default_max_steps = 200
    render_size = (600, 400)
    cdef readonly double goal_velocity
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef float* position
    cdef float* velocity

    def __init__(self, num_envs=1, *, goal_velocity=0.0, **options):
        goal_velocity = checks.number("goal_velocity", goal_velocity, 0, 0.07)
        view = spaces.Box(np.array([-1.2, -0.07], np.float32), np.array([0.6, 0.07], np.float32))
        super().__init__(num_envs, view, spaces.Discrete(3), observes_in_step=True, **options)
        self.goal_velocity = goal_velocity
        self.position = <float*>self.new_state(sizeof(float))
        self.velocity = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.position[i] = rng_uniform(&self.rng[i], -0.6, -0.4)
        self.velocity[i] = 0

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        mountain_car_step(last - first, self.goal_velocity, self.position + first, self.velocity + first,
                          &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                          &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.position[i]
        self.observations[i, 1] = self.velocity[i]

    def state(self, copy=0):
        """The state of one copy, as a dict."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"position": self.position[i], "velocity": self.velocity[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        draw_hill(canvas, self.position[i], 0.5)
        return 0
