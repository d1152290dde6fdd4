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

from puffer import checks

from puffer cimport Canvas, Env, int32_t

cdef enum:
    WIDTH = 400
    HEIGHT = 140

# Whether there is a coin left. A table, because a branch on random actions is unpredictable.
cdef float[2] PAYS = [0, 1]

cdef struct State:
    int32_t[2] played  # how often, by action


@cython.final
cdef class Stochastic(Env):
    """Stochastic(num_envs=1, *, length=32, coins=24, **options)
--

Copies of a game of two actions with coins. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
length : int, default 32
    Steps of an episode, and coins of both actions together, 1 to 1000000.
coins : int, default 24
    Coins of action 1, 0 to length.
**options
    The options of `puffer.Env`.

Attributes
----------
length, coins : int
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    render_size = (WIDTH, HEIGHT)
    cdef readonly int length
    cdef readonly int coins
    # By action.
    cdef int[2] coins_of
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, length=32, coins=24, **options):
        length = checks.integer("length", length, 1, 1_000_000)
        coins = checks.integer("coins", coins, 0, length)
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2),
                         snapshot_key=(length, coins), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.length = length
        self.coins = coins
        self.coins_of = [length - coins, coins]
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].played = [0, 0]

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int action = self.actions[i] & 1
        self.rewards[i] = PAYS[state.played[action] < self.coins_of[action]]
        state.played[action] += 1
        self.terminations[i] = self.elapsed[i] + 1 == self.length

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = 1

    # The loops of the base class again: here the class is final, and the compiler inlines what they call.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef dict state_one(self, Py_ssize_t i):
        return {"zeros": self.state[i].played[0], "ones": self.state[i].played[1]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # A bar for each action: its coins, how many of them it has paid, and how often it was played in vain.
        cdef double unit = (WIDTH - 60.0) / self.length, y, paid
        cdef int action, coins, played
        canvas.clear(0xF4F1EA)
        for action in range(2):
            coins, played = self.coins_of[action], self.state[i].played[action]
            y, paid = 20 + 60 * action, 40 + unit * min(coins, played)
            canvas.text(14, y + 9, 22, str(action).encode(), 0x3D405B)
            canvas.rectangle(40, y, 40 + unit * coins, y + 40, 0xF2CC8F)
            canvas.rectangle(40, y, paid, y + 40, 0x81B29A)
            canvas.rectangle(paid, y, 40 + unit * played, y + 40, 0xE07A5F if played > coins else 0x81B29A)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State state = self.state[i]
        return f"0: {state.played[0]} of {self.coins_of[0]}\n1: {state.played[1]} of {self.coins_of[1]}"
