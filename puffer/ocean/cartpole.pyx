"""CartPole: keep a pole upright on a cart that is pushed left or right.

Observation   float32 (4,): cart position, cart velocity, pole angle in radians, pole angular velocity.
Action        Discrete(2): 0 push left, 1 push right, with a force of 10 N.
Reward        1 for every step, the last one included.
Terminated    when the cart leaves [-2.4, 2.4] or the pole leaves [-12, 12] degrees.
Truncated     after 500 steps, or max_steps if given.
Start         the four values uniform in [-0.05, 0.05).
Source        Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning
              control problems"; constants, integrator and spaces of Gymnasium's CartPole-v1, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport cos, sin
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <math.h>
    #include "puffer/native/dispatch.h"

    #define CARTPOLE_TILE 64

    /* A loop that also writes bytes is not vectorised (bytes may alias anything), so the flags take a pass of their
     * own, from a local array. Accelerations carry the factor tau = 0.02 from the start. The episode of a pole beyond
     * 0.2095 is over, so the angle is small here: the polynomials in theta^2 for sin(theta) / theta, cos(theta) and
     * the reciprocal of the denominator 2/3 - cos^2(theta) / 22 are within float32 rounding up to |theta| = 0.215. */
    static inline __attribute__((always_inline)) void cartpole_tile(
        int n, float *restrict x, float *restrict x_dot, float *restrict theta, float *restrict theta_dot,
        const int32_t *restrict actions, float *restrict rows, float *restrict rewards, uint8_t *restrict fell)
    {
        int32_t over[CARTPOLE_TILE];
        for (int i = 0; i < n; i++) {
            float angle = theta[i], turn_rate = theta_dot[i], speed = x_dot[i], square = angle * angle;
            float sine = angle + angle * square * (-0.16666648f + square * 0.00832057f);
            float cosine = 1.0f + square * (-0.49999872f + square * 0.04157736f);
            float inverse = 1.60975606f + square * (-0.11777332f + square * 0.0470862f);
            float push = actions[i] == 1 ? 0.02f * 10.0f / 1.1f : -0.02f * 10.0f / 1.1f;
            float drive = push + turn_rate * turn_rate * (sine * (0.02f * 0.05f / 1.1f));
            float turn = (0.02f * 9.8f * sine - cosine * drive) * inverse;
            float place = x[i] + 0.02f * speed;
            angle += 0.02f * turn_rate;
            speed += drive - 0.05f / 1.1f * (turn * cosine);
            turn_rate += turn;
            x[i] = place; x_dot[i] = speed; theta[i] = angle; theta_dot[i] = turn_rate;
            rows[4 * i] = place; rows[4 * i + 1] = speed; rows[4 * i + 2] = angle; rows[4 * i + 3] = turn_rate;
            over[i] = (fabsf(place) > 2.4f) | (fabsf(angle) > 0.20943951f);
        }
        for (int i = 0; i < n; i++) rewards[i] = 1.0f;
        for (int i = 0; i < n; i++) fell[i] = (uint8_t)over[i];
    }

    /* Whole tiles have a constant length, which is what lets the compiler unroll them. */
    PUFFER_CLONES
    static void cartpole_step(ptrdiff_t n, float *x, float *x_dot, float *theta, float *theta_dot,
                              const int32_t *actions, float *rows, float *rewards, uint8_t *fell)
    {
        ptrdiff_t i = 0;
        for (; i + CARTPOLE_TILE <= n; i += CARTPOLE_TILE)
            cartpole_tile(CARTPOLE_TILE, x + i, x_dot + i, theta + i, theta_dot + i, actions + i, rows + 4 * i,
                          rewards + i, fell + i);
        if (i < n)
            cartpole_tile((int)(n - i), x + i, x_dot + i, theta + i, theta_dot + i, actions + i, rows + 4 * i,
                          rewards + i, fell + i);
    }
    """
    void cartpole_step(Py_ssize_t n, float* x, float* x_dot, float* theta, float* theta_dot, const int32_t* actions,
                       float* rows, float* rewards, uint8_t* fell)

cpdef enum Action:
    LEFT
    RIGHT


@cython.final
cdef class CartPole(Env):
    """CartPole(num_envs=1, **options)
--

The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 500
    render_size = (600, 400)
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef float* x
    cdef float* x_dot
    cdef float* theta
    cdef float* theta_dot

    def __init__(self, num_envs=1, **options):
        # Gymnasium's bounds: twice the thresholds, so that the last observation of an episode lies inside.
        high = np.array([4.8, np.inf, 2 * 12 * np.pi / 180, np.inf], np.float32)
        super().__init__(num_envs, spaces.Box(-high, high), spaces.Discrete(2), observes_in_step=True, **options)
        self.x = <float*>self.new_state(sizeof(float))
        self.x_dot = <float*>self.new_state(sizeof(float))
        self.theta = <float*>self.new_state(sizeof(float))
        self.theta_dot = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.x[i] = rng_uniform(&self.rng[i], -0.05, 0.05)
        self.x_dot[i] = rng_uniform(&self.rng[i], -0.05, 0.05)
        self.theta[i] = rng_uniform(&self.rng[i], -0.05, 0.05)
        self.theta_dot[i] = rng_uniform(&self.rng[i], -0.05, 0.05)

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cartpole_step(last - first, self.x + first, self.x_dot + first, self.theta + first, self.theta_dot + first,
                      &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                      &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.x[i]
        self.observations[i, 1] = self.x_dot[i]
        self.observations[i, 2] = self.theta[i]
        self.observations[i, 3] = self.theta_dot[i]

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double scale = 600 / 4.8
        cdef double cart = 300 + self.x[i] * scale, axle = 290
        canvas.clear(0xF4F1EA)
        canvas.line(0, 315, 600, 315, 2, 0x3D405B)
        canvas.rectangle(cart - 35, axle, cart + 35, axle + 25, 0x3D405B)
        canvas.line(cart, axle, cart + scale * sin(self.theta[i]), axle - scale * cos(self.theta[i]), 10, 0xE07A5F)
        canvas.disc(cart, axle, 6, 0x81B29A)
        return 0
