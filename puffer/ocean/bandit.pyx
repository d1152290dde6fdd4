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

from puffer import checks

from puffer cimport Canvas, Env, int32_t, rng_float

cdef enum:
    WIDTH = 48  # of an arm, in pixels
    HEIGHT = 120

cdef struct State:
    float luck  # the coming pull pays if this is below the chance of its arm


@cython.final
cdef class Bandit(Env):
    """Bandit(num_envs=1, *, arms=4, best_arm=2, best_chance=0.9, other_chance=0.1, **options)
--

Copies of a bandit with several arms. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
arms : int, default 4
    Number of arms, 2 to 100.
best_arm : int, default 2
    The arm that pays best, 0 to arms - 1.
best_chance : float, default 0.9
    Probability that the best arm pays.
other_chance : float, default 0.1
    Probability that any other arm pays, at most best_chance.
**options
    The options of `puffer.Env`.

Attributes
----------
arms, best_arm, best_chance, other_chance
    As given.
"""

    cdef readonly int arms
    cdef readonly int best_arm
    cdef readonly double best_chance
    cdef readonly double other_chance
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, arms=4, best_arm=2, best_chance=0.9, other_chance=0.1, **options):
        arms = checks.integer("arms", arms, 2, 100)
        best_arm = checks.integer("best_arm", best_arm, 0, arms - 1)
        best_chance = checks.number("best_chance", best_chance, 0, 1)
        other_chance = checks.number("other_chance", other_chance, 0, best_chance)
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(arms),
                         snapshot_key=(arms, best_arm, best_chance, other_chance), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.arms, self.best_arm = arms, best_arm
        self.best_chance, self.other_chance = best_chance, other_chance
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].luck = rng_float(&self.rng[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        self.rewards[i] = self.state[i].luck < self.chance(self.actions[i])
        self.terminations[i] = True

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = 1

    cdef float chance(self, int arm) noexcept nogil:
        return self.best_chance if arm == self.best_arm else self.other_chance

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]

    @property
    def render_size(self):
        return WIDTH * self.arms, HEIGHT

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # For each arm a bar as high as its chance, and a line as high as the luck of the next pull: the arms that reach
        # it, which are green, will pay.
        cdef double x, chance, luck = self.state[i].luck, full = HEIGHT - 14
        cdef int arm
        canvas.clear(0xF4F1EA)
        for arm in range(self.arms):
            x, chance = WIDTH * arm, self.chance(arm)
            canvas.rectangle(x + 8, 10 + full * (1 - chance), x + WIDTH - 8, HEIGHT - 4,
                             0x81B29A if luck < chance else 0x9AA0B4)
        canvas.rectangle(0, 9 + full * (1 - luck), WIDTH * self.arms, 11 + full * (1 - luck), 0xE07A5F)
        canvas.rectangle(0, HEIGHT - 4, WIDTH * self.arms, HEIGHT, 0x3D405B)
        return 0
