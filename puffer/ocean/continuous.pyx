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
from libc.stdint cimport int64_t, uint8_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from * nogil:
    """
    #include <math.h>
    #include <stddef.h>
    #include <stdint.h>
    #include "puffer/native/dispatch.h"

    #define CONTINUOUS_TILE 64
    #define CONTINUOUS_REACH 0.1f

    /* Comparisons with NaN are false, so that whatever comes in lies in [-1, 1] afterwards. */
    static inline float continuous_clip(float value) {
        value = value > -1.0f ? value : -1.0f;
        return value < 1.0f ? value : 1.0f;
    }

    /* A loop that also writes bytes is not vectorised (bytes may alias anything), so the flags take a pass of their
     * own, from a local array. */
    static inline __attribute__((always_inline)) void continuous_tile(
        int n, float *restrict x, float *restrict y, const float *restrict target_x, const float *restrict target_y,
        const float *restrict actions, float *restrict rows, float *restrict rewards, uint8_t *restrict reached)
    {
        int32_t near[CONTINUOUS_TILE];
        for (int i = 0; i < n; i++) {
            float goal_x = target_x[i], goal_y = target_y[i], dx = goal_x - x[i], dy = goal_y - y[i];
            float before = sqrtf(dx * dx + dy * dy), after;
            float place_x = continuous_clip(x[i] + 0.1f * continuous_clip(actions[2 * i]));
            float place_y = continuous_clip(y[i] + 0.1f * continuous_clip(actions[2 * i + 1]));
            dx = goal_x - place_x; dy = goal_y - place_y;
            after = sqrtf(dx * dx + dy * dy);
            x[i] = place_x; y[i] = place_y;
            rows[4 * i] = place_x; rows[4 * i + 1] = place_y; rows[4 * i + 2] = goal_x; rows[4 * i + 3] = goal_y;
            rewards[i] = before - after;
            near[i] = after < CONTINUOUS_REACH;
        }
        for (int i = 0; i < n; i++) reached[i] = (uint8_t)near[i];
    }

    /* Whole tiles have a constant length, which is what lets the compiler unroll them. */
    PUFFER_CLONES
    static void continuous_step(ptrdiff_t n, float *x, float *y, const float *target_x, const float *target_y,
                                const float *actions, float *rows, float *rewards, uint8_t *reached)
    {
        ptrdiff_t i = 0;
        for (; i + CONTINUOUS_TILE <= n; i += CONTINUOUS_TILE)
            continuous_tile(CONTINUOUS_TILE, x + i, y + i, target_x + i, target_y + i, actions + 2 * i, rows + 4 * i,
                            rewards + i, reached + i);
        if (i < n)
            continuous_tile((int)(n - i), x + i, y + i, target_x + i, target_y + i, actions + 2 * i, rows + 4 * i,
                            rewards + i, reached + i);
    }
    """
    void continuous_step(Py_ssize_t n, float* x, float* y, const float* target_x, const float* target_y,
                         const float* actions, float* rows, float* rewards, uint8_t* reached)

cdef enum:
    SIZE = 300  # of the picture, in pixels


@cython.final
cdef class Continuous(Env):
    """Continuous(num_envs=1, **options)
--

The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 40
    render_size = (SIZE, SIZE)
    cdef float[:, ::1] observations
    cdef float[:, ::1] actions
    cdef float* x
    cdef float* y
    cdef float* target_x
    cdef float* target_y

    def __init__(self, num_envs=1, **options):
        super().__init__(num_envs, spaces.Box(-1, 1, (4,), np.float32), spaces.Box(-1, 1, (2,), np.float32),
                         observes_in_step=True, **options)
        self.x = <float*>self.new_state(sizeof(float))
        self.y = <float*>self.new_state(sizeof(float))
        self.target_x = <float*>self.new_state(sizeof(float))
        self.target_y = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.x[i] = rng_uniform(&self.rng[i], -1, 1)
        self.y[i] = rng_uniform(&self.rng[i], -1, 1)
        self.target_x[i] = rng_uniform(&self.rng[i], -1, 1)
        self.target_y[i] = rng_uniform(&self.rng[i], -1, 1)

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        continuous_step(last - first, self.x + first, self.y + first, self.target_x + first, self.target_y + first,
                        &self.actions[first, 0], &self.observations[first, 0], &self.rewards[first],
                        &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.x[i]
        self.observations[i, 1] = self.y[i]
        self.observations[i, 2] = self.target_x[i]
        self.observations[i, 3] = self.target_y[i]

    def state(self, copy=0):
        """The state of one copy, as a dict: `point` and `target`, each (x, y)."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"point": (self.x[i], self.y[i]), "target": (self.target_x[i], self.target_y[i])}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Both axes grow as in a graph: x to the right, y upwards.
        cdef double scale = SIZE / 2.2, middle = SIZE / 2.0
        cdef double x = middle + scale * self.x[i], y = middle - scale * self.y[i]
        cdef double goal_x = middle + scale * self.target_x[i], goal_y = middle - scale * self.target_y[i]
        canvas.clear(0xE3DED2)
        canvas.rectangle(middle - scale, middle - scale, middle + scale, middle + scale, 0xF4F1EA)
        canvas.line(x, y, goal_x, goal_y, 1, 0xC9C3B4)
        canvas.disc(goal_x, goal_y, 0.1 * scale, 0x81B29A)
        canvas.disc(x, y, 5, 0x3D405B)
        return 0
