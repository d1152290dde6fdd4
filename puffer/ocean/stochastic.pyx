"""Stochastic: play two actions in a given proportion, without being told which of them was played how often.

A check of stochastic policies: it fails where the policy collapses to one action, or where actions are not sampled from
the policy that is trained.

Each action has a number of coins, and pays one each time it is played, for as long as it has some. Together the coins
are as many as the steps, so a return is length - |n - coins|, where n is how often action 1 was played in the episode.

Observation   float32 (1,): always 1.
Action        Discrete(2).
Reward        1 for an action that still has coins, else 0. Action 1 has `coins` of them (24), action 0 the other
              length - coins (8). Without memory, a deterministic policy gets at most max(coins, length - coins) (24),
              and the best one plays action 1 with a probability near coins / length: with 0.75 it gets 30.07.
Terminated    after length steps (32).
Truncated     never by the rules; after max_steps steps if given.
Start         always the same: all coins are there.
Source        the idea of the check for stochastic policies of PufferLib's Ocean; Singh, Jaakkola and Jordan 1994,
              "Learning without state-estimation in partially observable Markovian decision processes".
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer

import_puffer()

cdef enum:
    WIDTH = 400
    HEIGHT = 140

cdef struct State:
    # How often each action was played.
    int32_t zeros
    int32_t ones


@cython.final
cdef class Stochastic(Env):
    """Stochastic(num_envs=1, *, length=32, coins=24, **options)
--

`length` (1 to 1000000) is the number of steps of an episode, and `coins` (0 to length) how many of them should be
action 1. The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    render_modes = ("rgb_array", "ansi")
    render_size = (WIDTH, HEIGHT)
    cdef readonly int length
    cdef readonly int coins
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state_of

    def __init__(self, num_envs=1, *, length=32, coins=24, **options):
        length = checks.integer("length", length, 1, 1_000_000)
        coins = checks.integer("coins", coins, 0, length)
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2), observes_in_step=True,
                         snapshot_key=(length, coins), **options)
        self.length = length
        self.coins = coins
        self.state_of = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state_of[i].zeros = 0
        self.state_of[i].ones = 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const int32_t* actions = &self.actions[0]
        cdef State* states = self.state_of
        cdef float* rows = &self.observations[0, 0]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef int32_t length = self.length, coins = self.coins, one, zeros, ones
        cdef Py_ssize_t i
        for i in range(first, last):
            one = actions[i] & 1
            zeros = states[i].zeros
            ones = states[i].ones
            rewards[i] = ones < coins if one else zeros < length - coins
            ones += one
            zeros += 1 - one
            states[i].zeros = zeros
            states[i].ones = ones
            rows[i] = 1
            terminations[i] = zeros + ones >= length

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = 1

    def state(self, copy=0):
        """The state of one copy, as a dict: `zeros` and `ones`, how often each action was played."""
        self.require_settled("state")
        return self.state_of[checks.integer("copy", copy, 0, self.num_copies - 1)]

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # A bar for each action: its coins, how many of them it has paid, and how often it was played in vain.
        cdef State state = self.state_of[i]
        cdef double unit = (WIDTH - 60.0) / self.length, y, paid
        cdef int action, coins, played
        canvas.clear(0xF4F1EA)
        for action in range(2):
            coins, played = (self.coins, state.ones) if action else (self.length - self.coins, state.zeros)
            y, paid = 20 + 60 * action, 40 + unit * min(coins, played)
            canvas.text(14, y + 9, 22, str(action).encode(), 0x3D405B)
            canvas.rectangle(40, y, 40 + unit * coins, y + 40, 0xF2CC8F)
            canvas.rectangle(40, y, paid, y + 40, 0x81B29A)
            canvas.rectangle(paid, y, 40 + unit * played, y + 40, 0xE07A5F if played > coins else 0x81B29A)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State state = self.state_of[i]
        return f"0: {state.zeros} of {self.length - self.coins}\n1: {state.ones} of {self.coins}"
