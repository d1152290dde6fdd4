"""Acrobot: swing the free end of a two-link chain above a line, with a motor in the joint between the links only.

Observation   float32 (6,): cosine and sine of theta1 (of the first link, 0 is down), cosine and sine of theta2 (of the
              second link relative to the first), angular velocity of theta1 in [-4 pi, 4 pi], of theta2 in
              [-9 pi, 9 pi].
Action        Discrete(3): 0 torque -1, 1 no torque, 2 torque +1.
Reward        -1 for every step, but 0 for the one that terminates.
Terminated    when the free end is more than the length of a link above the fixed one:
              -cos(theta1) - cos(theta1 + theta2) > 1.
Truncated     after 500 steps, or max_steps if given.
Start         both angles and both angular velocities uniform in [-0.1, 0.1).
Source        Sutton 1996, "Generalization in Reinforcement Learning: Successful Examples Using Sparse Coarse Coding";
              constants, integrator (one Runge-Kutta step of 0.2 s) and spaces of Gymnasium's Acrobot-v1, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include "puffer/native/dispatch.h"
    #include "puffer/ocean/_trigonometry.h"

    typedef struct { float sine1, cosine1, sine2, cosine2; } direction_t;
    typedef struct { float first, second; } pair_t;

    PUFFER_INLINE direction_t direction(pair_t theta)
    {
        direction_t way;
        sine_cosine(theta.first, &way.sine1, &way.cosine1);
        sine_cosine(theta.second, &way.sine2, &way.cosine2);
        return way;
    }

    PUFFER_INLINE pair_t plus(pair_t a, float factor, pair_t b)
    {
        return (pair_t){a.first + factor * b.first, a.second + factor * b.second};
    }

    /* The equations of motion d1 a1 + d2 a2 = -phi1 and d2 a1 + 1.25 a2 = drive, solved for the accelerations; the
     * determinant 1.25 d1 - d2^2 is 45/16 - cos^2(theta2) / 4. */
    PUFFER_INLINE pair_t acceleration(direction_t way, pair_t speed, float torque, float coupling)
    {
        float d1 = 3.5f + way.cosine2, d2 = 1.25f + 0.5f * way.cosine2;
        float phi2 = 4.9f * (way.sine1 * way.cosine2 + way.cosine1 * way.sine2);
        float phi1 = 14.7f * way.sine1 + phi2 - way.sine2 * speed.second * (0.5f * speed.second + speed.first);
        float drive = torque - coupling * (speed.first * speed.first * way.sine2) - phi2;
        float inverse = 1.0f / (2.8125f - 0.25f * (way.cosine2 * way.cosine2));
        return (pair_t){-(d2 * drive + 1.25f * phi1) * inverse, (d1 * drive + d2 * phi1) * inverse};
    }

    /* The weighted mean of the four stages of Runge-Kutta. */
    PUFFER_INLINE pair_t mean(pair_t a, pair_t b, pair_t c, pair_t d)
    {
        return (pair_t){(a.first + 2.0f * b.first + 2.0f * c.first + d.first) * (1.0f / 6.0f),
                        (a.second + 2.0f * b.second + 2.0f * c.second + d.second) * (1.0f / 6.0f)};
    }

    PUFFER_INLINE float clipped(float x, float limit)
    {
        x = x < limit ? x : limit;
        return x > -limit ? x : -limit;
    }

    /* Moves the chain by 0.2 s, from the direction that `way` says it has to the one it then has. */
    PUFFER_INLINE void swing(pair_t *theta, pair_t *speed, direction_t *way, float torque, float coupling)
    {
        pair_t speed1 = *speed, pull1 = acceleration(*way, speed1, torque, coupling);
        pair_t speed2 = plus(*speed, 0.1f, pull1);
        pair_t pull2 = acceleration(direction(plus(*theta, 0.1f, speed1)), speed2, torque, coupling);
        pair_t speed3 = plus(*speed, 0.1f, pull2);
        pair_t pull3 = acceleration(direction(plus(*theta, 0.1f, speed2)), speed3, torque, coupling);
        pair_t speed4 = plus(*speed, 0.2f, pull3);
        pair_t pull4 = acceleration(direction(plus(*theta, 0.2f, speed3)), speed4, torque, coupling);
        pair_t place = plus(*theta, 0.2f, mean(speed1, speed2, speed3, speed4));
        pair_t pace = plus(*speed, 0.2f, mean(pull1, pull2, pull3, pull4));
        *theta = (pair_t){wrapped(place.first), wrapped(place.second)};
        *speed = (pair_t){clipped(pace.first, 12.5663706f), clipped(pace.second, 28.2743339f)};
        *way = direction(*theta);
    }

    /* The state is the struct of arrays theta1, theta2, their velocities, and the sines and cosines that the step
     * before has shown, which are those of the first stage now. Flags and rows take passes of their own: a loop that
     * also writes bytes is not vectorised (bytes may alias anything), nor is one that writes rows of six. */
    PUFFER_CLONES
    static void acrobot_step(ptrdiff_t n, float coupling, float *restrict theta1, float *restrict theta2,
                             float *restrict velocity1, float *restrict velocity2, float *restrict sine1,
                             float *restrict cosine1, float *restrict sine2, float *restrict cosine2,
                             const int32_t *restrict actions, float *restrict rows, float *restrict rewards,
                             uint8_t *restrict raised)
    {
        for (ptrdiff_t i = 0; i < n; i++) {
            float torque = actions[i] == 0 ? -1.0f : actions[i] == 2 ? 1.0f : 0.0f;
            pair_t theta = {theta1[i], theta2[i]}, speed = {velocity1[i], velocity2[i]};
            direction_t way = {sine1[i], cosine1[i], sine2[i], cosine2[i]};
            swing(&theta, &speed, &way, torque, coupling);
            float height = -way.cosine1 - (way.cosine1 * way.cosine2 - way.sine1 * way.sine2);
            theta1[i] = theta.first; theta2[i] = theta.second;
            velocity1[i] = speed.first; velocity2[i] = speed.second;
            sine1[i] = way.sine1; cosine1[i] = way.cosine1; sine2[i] = way.sine2; cosine2[i] = way.cosine2;
            rewards[i] = height > 1.0f ? 0.0f : -1.0f;
        }
        for (ptrdiff_t i = 0; i < n; i++) raised[i] = rewards[i] == 0.0f;
        for (ptrdiff_t i = 0; i < n; i++, rows += 6) {
            rows[0] = cosine1[i]; rows[1] = sine1[i]; rows[2] = cosine2[i]; rows[3] = sine2[i];
            rows[4] = velocity1[i]; rows[5] = velocity2[i];
        }
    }
    """
    void acrobot_step(Py_ssize_t n, float coupling, float* theta1, float* theta2, float* velocity1, float* velocity2,
                      float* sine1, float* cosine1, float* sine2, float* cosine2, const int32_t* actions, float* rows,
                      float* rewards, uint8_t* raised)
    void sine_cosine(float angle, float* sine, float* cosine)

cpdef enum Action:
    NEGATIVE
    NONE
    POSITIVE


@cython.final
cdef class Acrobot(Env):
    """Acrobot(num_envs=1, *, book_or_nips="book", **options)
--

`book_or_nips` chooses the equations of motion, of Sutton and Barto's book or of the paper of 1996, which lacks a term;
the options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 500
    render_size = (400, 400)
    cdef readonly str book_or_nips
    cdef float coupling
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef float* theta1
    cdef float* theta2
    cdef float* velocity1
    cdef float* velocity2
    cdef float* sine1
    cdef float* cosine1
    cdef float* sine2
    cdef float* cosine2

    def __init__(self, num_envs=1, *, book_or_nips="book", **options):
        if book_or_nips not in ("book", "nips"):
            raise ValueError(f"book_or_nips must be 'book' or 'nips', got {book_or_nips!r}")
        high = np.array([1, 1, 1, 1, 4 * np.pi, 9 * np.pi], np.float32)
        super().__init__(num_envs, spaces.Box(-high, high), spaces.Discrete(3), observes_in_step=True, **options)
        self.book_or_nips = str(book_or_nips)
        self.coupling = 0.5 if book_or_nips == "book" else 0
        self.theta1 = <float*>self.new_state(sizeof(float))
        self.theta2 = <float*>self.new_state(sizeof(float))
        self.velocity1 = <float*>self.new_state(sizeof(float))
        self.velocity2 = <float*>self.new_state(sizeof(float))
        self.sine1 = <float*>self.new_state(sizeof(float))
        self.cosine1 = <float*>self.new_state(sizeof(float))
        self.sine2 = <float*>self.new_state(sizeof(float))
        self.cosine2 = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.theta1[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        self.theta2[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        self.velocity1[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        self.velocity2[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        sine_cosine(self.theta1[i], &self.sine1[i], &self.cosine1[i])
        sine_cosine(self.theta2[i], &self.sine2[i], &self.cosine2[i])

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        acrobot_step(last - first, self.coupling, self.theta1 + first, self.theta2 + first, self.velocity1 + first,
                     self.velocity2 + first, self.sine1 + first, self.cosine1 + first, self.sine2 + first,
                     self.cosine2 + first, &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                     &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.cosine1[i]
        self.observations[i, 1] = self.sine1[i]
        self.observations[i, 2] = self.cosine2[i]
        self.observations[i, 3] = self.sine2[i]
        self.observations[i, 4] = self.velocity1[i]
        self.observations[i, 5] = self.velocity2[i]

    def state(self, copy=0):
        """The state of one copy, as a dict; the angles are in [-pi, pi]."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"theta1": self.theta1[i], "theta2": self.theta2[i], "velocity1": self.velocity1[i],
                "velocity2": self.velocity2[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double sine = self.sine1[i] * self.cosine2[i] + self.cosine1[i] * self.sine2[i]
        cdef double cosine = self.cosine1[i] * self.cosine2[i] - self.sine1[i] * self.sine2[i]
        cdef double x = 200 + 88 * self.sine1[i], y = 200 + 88 * self.cosine1[i]
        canvas.clear(0xF4F1EA)
        canvas.line(0, 112, 400, 112, 2, 0x3D405B)
        canvas.line(200, 200, x, y, 16, 0x81B29A)
        canvas.line(x, y, x + 88 * sine, y + 88 * cosine, 16, 0xE07A5F)
        canvas.disc(200, 200, 6, 0x3D405B)
        canvas.disc(x, y, 6, 0x3D405B)
        return 0
