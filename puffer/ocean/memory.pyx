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
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_bits, rng_t

import_puffer()

cdef enum:
    SIDE = 36  # of a digit, in pixels

cdef struct State:
    # The first digit in the lowest bit; the bits above the last one are random and never looked at.
    uint32_t digits
    int32_t elapsed
    # The answers so far, as the digits.
    uint32_t answers


@cython.final
cdef class Memory(Env):
    """Memory(num_envs=1, *, length=3, delay=2, **options)
--

`length` (1 to 32) is how many digits are to be remembered and `delay` (0 to 1000000) how many steps lie between the
last one and the first answer. The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly int length
    cdef readonly int delay
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state_of

    def __init__(self, num_envs=1, *, length=3, delay=2, **options):
        length = checks.integer("length", length, 1, 32)
        delay = checks.integer("delay", delay, 0, 1_000_000)
        super().__init__(num_envs, spaces.Box(np.array([-1, 0], np.float32), np.ones(2, np.float32)),
                         spaces.Discrete(2), observes_in_step=True, snapshot_key=(length, delay), **options)
        self.length = length
        self.delay = delay
        self.state_of = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state_of[i].digits = rng_bits(&self.rng[i])
        self.state_of[i].elapsed = 0
        self.state_of[i].answers = 0

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef State* states = self.state_of
        cdef rng_t* rng = self.rng
        cdef Py_ssize_t k
        for k in range(count):
            states[copies[k]].digits = rng_bits(&rng[copies[k]])
            states[copies[k]].elapsed = 0
            states[copies[k]].answers = 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const int32_t* actions = &self.actions[0]
        cdef State* states = self.state_of
        cdef float* rows = &self.observations[0, 0]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef int32_t length = self.length, wait = self.length + self.delay, end = wait + length, place
        cdef int32_t elapsed, answers, right, shown
        cdef uint32_t digits
        cdef Py_ssize_t i
        for i in range(first, last):
            digits = states[i].digits
            elapsed = states[i].elapsed
            place = elapsed - wait
            answers = place >= 0
            right = <int32_t>(digits >> (place & 31) & 1) == actions[i]
            rewards[i] = answers * (2 * right - 1)
            states[i].answers |= <uint32_t>(answers & actions[i]) << (place & 31)
            elapsed += 1
            states[i].elapsed = elapsed
            shown = 2 * <int32_t>(digits >> (elapsed & 31) & 1) - 1
            rows[2 * i] = shown * (elapsed < length)
            rows[2 * i + 1] = (elapsed >= wait) & (elapsed < end)
            terminations[i] = elapsed >= end

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State state = self.state_of[i]
        cdef int32_t shown = 2 * <int32_t>(state.digits >> (state.elapsed & 31) & 1) - 1
        cdef int32_t wait = self.length + self.delay
        self.observations[i, 0] = shown * (state.elapsed < self.length)
        self.observations[i, 1] = wait <= state.elapsed < wait + self.length

    def state(self, copy=0):
        """The state of one copy, as a dict: `digits` and `answers` so far, as strings; `elapsed`, its steps so far."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"digits": self.digits(i), "answers": self.answers(i), "elapsed": self.state_of[i].elapsed}

    cdef str digits(self, Py_ssize_t i):
        cdef State state = self.state_of[i]
        cdef int k
        return "".join(["01"[state.digits >> k & 1] for k in range(self.length)])

    cdef str answers(self, Py_ssize_t i):
        cdef State state = self.state_of[i]
        cdef int k, count = max(0, state.elapsed - self.length - self.delay)
        return "".join(["01"[state.answers >> k & 1] for k in range(count)])

    @property
    def render_size(self):
        return SIDE * self.length, 2 * SIDE + 8

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Above the sequence, of which what has not been shown yet is pale; below the answers; then the time.
        cdef int elapsed = self.state_of[i].elapsed
        digits, answers = self.digits(i), self.answers(i)
        canvas.clear(0xF4F1EA)
        for k, digit in enumerate(digits):
            canvas.cell(0, k, SIDE, 2, 0x3D405B if k == elapsed else 0x9AA0B4 if k < elapsed else 0xD9D6DE)
            canvas.text(SIDE * k + 11, 8, 20, digit.encode(), 0xFFFFFF)
            canvas.cell(1, k, SIDE, 2, 0xE3DED2)
            if k < len(answers):
                canvas.cell(1, k, SIDE, 2, 0x81B29A if answers[k] == digit else 0xE07A5F)
                canvas.text(SIDE * k + 11, SIDE + 8, 20, answers[k].encode(), 0xFFFFFF)
        canvas.rectangle(0, 2 * SIDE + 2, <double>SIDE * self.length * elapsed / (2 * self.length + self.delay),
                         2 * SIDE + 8, 0xA9A295)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return f"{self.digits(i)}  step {self.state_of[i].elapsed}\n{self.answers(i):.<{self.length}}"
