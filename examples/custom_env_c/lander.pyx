"""Lander: bring a rocket down softly, with little fuel and in gusty air. The game is in C, in lander.h.

Observation   float32 (3,): height 0 to 1, speed upwards -0.1 to 0.1 per step, share of the fuel left.
Action        Discrete(2): engine 0 off, 1 on.
Reward        -0.005 for burning fuel; at touchdown +1 if the speed is at least -0.02, and -1 otherwise.
Terminated    at touchdown.
Truncated     never by the rules; after max_steps steps if given.
Start         height from 0.7 to 1, speed from -0.02 to 0, fuel for 40 steps.
Source        an example of puffer.
Version       0
"""
import numpy as np
from gymnasium import spaces

from puffer cimport Env, int32_t, rng_bits, uint8_t, uint32_t

cdef extern from "lander.h" nogil:
    const float LANDER_FASTEST
    ctypedef struct lander_t:
        pass
    void lander_reset(lander_t* lander, uint32_t seed)
    float lander_step(lander_t* lander, int engine_on, uint8_t* landed)
    void lander_observe(const lander_t* lander, float* observation)


cdef class Lander(Env):
    """Lander(num_envs=1, **options)
--

The options are those of `puffer.Env`. The module's docstring has the rules.
"""

    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef lander_t* landers

    def __init__(self, num_envs=1, **options):
        low, high = np.array([[0, -LANDER_FASTEST, 0], [1, LANDER_FASTEST, 1]], np.float32)
        super().__init__(num_envs, spaces.Box(low, high), spaces.Discrete(2), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.landers = <lander_t*>self.new_state(sizeof(lander_t))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        lander_reset(&self.landers[i], rng_bits(&self.rng[i]))

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        self.rewards[i] = lander_step(&self.landers[i], self.actions[i] == 1, &self.terminations[i])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        lander_observe(&self.landers[i], &self.observations[i, 0])
