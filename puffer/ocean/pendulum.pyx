"""Pendulum: swing a pendulum up with a weak motor and hold it upright.

Observation   float32 (3,): cosine and sine of the angle theta (0 is upright), angular velocity in [-8, 8].
Action        float32 Box(-2, 2, (1,)): torque, clipped to [-2, 2].
Reward        -(theta^2 + 0.1 * velocity^2 + 0.001 * torque^2) of the state before the step, theta in [-pi, pi].
Terminated    never.
Truncated     after 200 steps, or max_steps if given.
Start         theta uniform in [-pi, pi), angular velocity uniform in [-1, 1).
Source        the swing-up of Gymnasium's Pendulum-v1: its constants, integrator and spaces, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include "puffer/native/dispatch.h"
    #include "puffer/ocean/_trigonometry.h"

    /* The sine for the next step is that of this step's observation. Interleaving the rows is faster in a pass of its
     * own. */
    PUFFER_CLONES
    static void pendulum_step(ptrdiff_t n, float g, float *restrict theta, float *restrict velocity,
                              float *restrict sine, float *restrict cosine, const float *restrict actions,
                              float *restrict rows, float *restrict rewards)
    {
        for (ptrdiff_t i = 0; i < n; i++) {
            float angle = theta[i], speed = velocity[i], torque = actions[i];
            torque = torque < 2.0f ? torque : 2.0f;
            torque = torque > -2.0f ? torque : -2.0f;
            rewards[i] = -(angle * angle + 0.1f * (speed * speed) + 0.001f * (torque * torque));
            speed += (1.5f * g * sine[i] + 3.0f * torque) * 0.05f;
            speed = speed < 8.0f ? speed : 8.0f;
            speed = speed > -8.0f ? speed : -8.0f;
            angle = wrapped(angle + speed * 0.05f);
            sine_cosine(angle, &sine[i], &cosine[i]);
            theta[i] = angle;
            velocity[i] = speed;
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            rows[3 * i] = cosine[i];
            rows[3 * i + 1] = sine[i];
            rows[3 * i + 2] = velocity[i];
        }
    }
    """
    void pendulum_step(Py_ssize_t n, float g, float* theta, float* velocity, float* sine, float* cosine,
                       const float* actions, float* rows, float* rewards)
    void sine_cosine(float angle, float* sine, float* cosine)


@cython.final
cdef class Pendulum(Env):
    """Pendulum(num_envs=1, *, g=10.0, **options)
--

`g` (0 to 1000) is the acceleration of gravity; the options are those of `puffer.Env`. See the module's docstring for
the rules.
"""

    default_max_steps = 200
    render_size = (400, 400)
    cdef readonly double g
    cdef float[:, ::1] observations
    cdef float[:, ::1] actions
    cdef float* theta
    cdef float* velocity
    cdef float* sine
    cdef float* cosine

    def __init__(self, num_envs=1, *, g=10.0, **options):
        g = checks.number("g", g, 0, 1000)
        high = np.array([1, 1, 8], np.float32)
        super().__init__(num_envs, spaces.Box(-high, high), spaces.Box(-2, 2, (1,)), observes_in_step=True, **options)
        self.g = g
        self.theta = <float*>self.new_state(sizeof(float))
        self.velocity = <float*>self.new_state(sizeof(float))
        self.sine = <float*>self.new_state(sizeof(float))
        self.cosine = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.theta[i] = rng_uniform(&self.rng[i], -3.14159265, 3.14159265)
        self.velocity[i] = rng_uniform(&self.rng[i], -1, 1)
        sine_cosine(self.theta[i], &self.sine[i], &self.cosine[i])

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        pendulum_step(last - first, self.g, self.theta + first, self.velocity + first, self.sine + first,
                      self.cosine + first, &self.actions[first, 0], &self.observations[first, 0],
                      &self.rewards[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.cosine[i]
        self.observations[i, 1] = self.sine[i]
        self.observations[i, 2] = self.velocity[i]

    def state(self, copy=0):
        """The state of one copy, as a dict; theta is in [-pi, pi]."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"theta": self.theta[i], "velocity": self.velocity[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        canvas.clear(0xF4F1EA)
        canvas.disc(200, 200, 170, 0xE8E2D4)
        canvas.line(200, 200, 200 - 150 * self.sine[i], 200 - 150 * self.cosine[i], 26, 0xE07A5F)
        canvas.disc(200, 200, 7, 0x3D405B)
        return 0
