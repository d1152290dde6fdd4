"""Memory: watch a sequence of zeros and ones, wait, and repeat it from memory.

A check of recurrence: while it answers a policy always observes the same, so without memory every answer is right with
probability 1/2 only. It fails where the state of a recurrent policy is lost, cut off in the middle of an episode, or
carried over into the next one.

Observation   float32 (2,): the digit that is shown, -1 for 0 and 1 for 1, or 0 if none is; and 1 if the coming action
              is an answer, else 0.
Action        Discrete(2): while answering the next digit of the sequence, in its order; at other times ignored.
Reward        1 for a right answer, -1 for a wrong one, 0 for other steps. The best return is length; without memory it
              is 0 on average, whatever is played.
Terminated    after 2 * length + delay steps (8): length steps in which a digit is shown, delay steps in which nothing
              is, length answers. In the last observation nothing is shown.
Truncated     never by the rules; after max_steps steps if given.
Start         the digits are drawn; the first one is shown.
Source        the memory length experiment of bsuite (Osband et al. 2020), with a sequence to repeat as in the memory
              check of PufferLib's Ocean.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, rng_bits, uint32_t
from puffer.ocean._digits cimport MAX_DIGITS, SIDE, digit, digits_text, draw_answers, draw_digit

cdef struct State:
    uint32_t digits   # those after the last one are random and never looked at
    uint32_t answers  # the answers so far


@cython.final
cdef class Memory(Env):
    """Memory(num_envs=1, *, length=3, delay=2, **options)
--

Copies of a sequence to be remembered. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
length : int, default 3
    Number of digits, 1 to 32.
delay : int, default 2
    Steps between the last digit and the first answer, 0 to 1000000.
**options
    The options of `puffer.Env`.

Attributes
----------
length, delay : int
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly int length
    cdef readonly int delay
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, length=3, delay=2, **options):
        length = checks.integer("length", length, 1, MAX_DIGITS)
        delay = checks.integer("delay", delay, 0, 1_000_000)
        super().__init__(num_envs, spaces.Box(np.array([-1, 0], np.float32), np.ones(2, np.float32)),
                         spaces.Discrete(2), snapshot_key=(length, delay), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.length = length
        self.delay = delay
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].digits = rng_bits(&self.rng[i])
        self.state[i].answers = 0

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int32_t action = self.actions[i]
        cdef int k = self.elapsed[i] - self.length - self.delay
        if k >= 0:
            state.answers |= <uint32_t>(action & 1) << k
            self.rewards[i] = 1 if action == digit(state.digits, k) else -1
        self.terminations[i] = k == self.length - 1

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int now = self.elapsed[i], first = self.length + self.delay
        self.observations[i, 0] = 2 * digit(self.state[i].digits, now) - 1 if now < self.length else 0
        self.observations[i, 1] = first <= now < first + self.length

    cdef int answered(self, Py_ssize_t i) noexcept nogil:
        """How many answers were given so far."""
        return max(0, self.elapsed[i] - self.length - self.delay)

    cdef dict state_one(self, Py_ssize_t i):
        return {
            "digits": digits_text(self.state[i].digits, self.length),
            "answers": digits_text(self.state[i].answers, self.answered(i)),
            "elapsed": self.elapsed[i],
        }

    @property
    def render_size(self):
        return SIDE * self.length, 2 * SIDE + 8

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Above the sequence, in which the digits to come are pale; below the answers; then the time.
        cdef State* state = &self.state[i]
        cdef int k, now = self.elapsed[i]
        cdef double passed = now / <double>(2 * self.length + self.delay)
        canvas.clear(0xF4F1EA)
        for k in range(self.length):
            draw_digit(canvas, 0, k, digit(state.digits, k),
                       0x3D405B if k == now else 0x9AA0B4 if k < now else 0xD9D6DE)
        draw_answers(canvas, state.digits, self.length, state.answers, self.answered(i))
        canvas.rectangle(0, 2 * SIDE + 2, SIDE * self.length * passed, 2 * SIDE + 8, 0xA9A295)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        state = self.state_one(i)
        return f"{state['digits']}  step {state['elapsed']}\n{state['answers']:.<{self.length}}"
