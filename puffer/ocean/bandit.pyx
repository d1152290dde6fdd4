"""Bandit: find out which one of several arms pays best, in episodes of a single pull.

The simplest check of a trainer: it fails where rewards do not belong to the actions that earned them, or where the
policy is changed in the wrong direction. Which arm is the best is a parameter and the same in every copy and episode,
so a policy without memory can learn it.

Observation   float32 (1,): always 1.
Action        Discrete(arms): the arm to pull.
Reward        1 with probability best_chance for the best arm and other_chance for any other arm, else 0. The best
              policy always pulls the best arm; it gets best_chance on average.
Terminated    after every step.
Truncated     never by the rules; with max_steps=1 every step is also truncated.
Start         the luck of the coming pull is drawn: a number in [0, 1), and an arm pays if it is below its chance.
Source        Robbins 1952, "Some aspects of the sequential design of experiments"; as a check of trainers, the bandit
              of bsuite (Osband et al. 2020).
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_float, rng_t

import_puffer()

cdef enum:
    WIDTH = 48  # of an arm, in pixels
    HEIGHT = 120


@cython.final
cdef class Bandit(Env):
    """Bandit(num_envs=1, *, arms=4, best_arm=2, best_chance=0.9, other_chance=0.1, **options)
--

`arms` (2 to 100) is how many there are and `best_arm` the number of the best one. The chances are probabilities, that
of the best arm at least that of the others. The options are those of `puffer.Env`. See the module's docstring for the
rules.
"""

    cdef readonly int arms
    cdef readonly int best_arm
    cdef readonly double best_chance
    cdef readonly double other_chance
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef float* luck

    def __init__(self, num_envs=1, *, arms=4, best_arm=2, best_chance=0.9, other_chance=0.1, **options):
        arms = checks.integer("arms", arms, 2, 100)
        best_arm = checks.integer("best_arm", best_arm, 0, arms - 1)
        best_chance = checks.number("best_chance", best_chance, 0, 1)
        other_chance = checks.number("other_chance", other_chance, 0, best_chance)
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(arms), observes_in_step=True,
                         snapshot_key=(arms, best_arm, best_chance, other_chance), **options)
        self.arms, self.best_arm = arms, best_arm
        self.best_chance, self.other_chance = best_chance, other_chance
        self.luck = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.luck[i] = rng_float(&self.rng[i])

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef float* luck = self.luck
        cdef rng_t* rng = self.rng
        cdef Py_ssize_t k
        for k in range(count):
            luck[copies[k]] = rng_float(&rng[copies[k]])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef const int32_t* actions = &self.actions[0]
        cdef const float* luck = self.luck
        cdef float* rows = &self.observations[0, 0]
        cdef float* rewards = &self.rewards[0]
        cdef float best = self.best_chance, other = self.other_chance
        cdef int best_arm = self.best_arm
        cdef Py_ssize_t i
        for i in range(first, last):
            rewards[i] = luck[i] < (best if actions[i] == best_arm else other)
            rows[i] = 1
        memset(&self.terminations[first], True, last - first)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = 1

    def state(self, copy=0):
        """The state of one copy, as a dict: `luck`, the number that the chance of the next arm is compared with."""
        self.require_settled("state")
        return {"luck": self.luck[checks.integer("copy", copy, 0, self.num_copies - 1)]}

    @property
    def render_size(self):
        return WIDTH * self.arms, HEIGHT

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # For each arm a bar as high as its chance, and a line as high as the luck of the next pull: the arms that reach
        # it, which are green, will pay.
        cdef double x, chance, line = (HEIGHT - 14) * (1 - self.luck[i]) + 10
        cdef int arm
        canvas.clear(0xF4F1EA)
        for arm in range(self.arms):
            x = WIDTH * arm
            chance = self.best_chance if arm == self.best_arm else self.other_chance
            canvas.rectangle(x + 8, (HEIGHT - 14) * (1 - chance) + 10, x + WIDTH - 8, HEIGHT - 4,
                             0x81B29A if self.luck[i] < chance else 0x9AA0B4)
        canvas.rectangle(0, line - 1, WIDTH * self.arms, line + 1, 0xE07A5F)
        canvas.rectangle(0, HEIGHT - 4, WIDTH * self.arms, HEIGHT, 0x3D405B)
        return 0
