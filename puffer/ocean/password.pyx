"""Password: enter a secret sequence of zeros and ones, digit by digit, without a hint.

A check of exploration: the policy must not settle before it has been paid for the first time, by chance, and it must
learn from the few episodes that were paid. The password is a parameter and the same in every copy and episode.

Observation   float32 (digits,): the digits so far, -1 for 0 and 1 for 1, then 0 for each that is still to be entered.
Action        Discrete(2): the next digit.
Reward        1 with the last digit if all are those of the password, else 0. The best return is 1; random play
              gets 1 / 2**digits on average (1/32).
Terminated    when as many digits were entered as the password has (5), right or wrong.
Truncated     never by the rules; after max_steps steps if given.
Start         always the same: nothing is entered.
Source        the idea of the password check of PufferLib's Ocean.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer cimport Canvas, Env, int32_t, uint32_t
from puffer.ocean._digits cimport MAX_DIGITS, SIDE, digit, digits_text, draw_answers, draw_digit

cdef struct State:
    uint32_t entered  # the digits so far


@cython.final
cdef class Password(Env):
    """Password(num_envs=1, *, password="10110", **options)
--

Copies of a door with a password. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
password : str, default "10110"
    1 to 32 digits 0 and 1.
**options
    The options of `puffer.Env`.

Attributes
----------
password : str
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly str password
    # The password, and how many digits it has.
    cdef uint32_t secret
    cdef int length
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, password="10110", **options):
        if not isinstance(password, str):
            raise TypeError(f"password must be a string, got {password!r} of type {type(password).__name__}")
        if not 1 <= len(password) <= MAX_DIGITS or set(password) - set("01"):
            raise ValueError(f"password must be 1 to {MAX_DIGITS} digits 0 and 1, got {password!r}")
        super().__init__(num_envs, spaces.Box(-1, 1, (len(password),), np.float32), spaces.Discrete(2),
                         snapshot_key=(password,), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.password = password
        self.secret = int(password[::-1], 2)
        self.length = len(password)
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].entered = 0

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int k = self.elapsed[i]
        cdef bint is_last = k == self.length - 1
        state.entered |= <uint32_t>(self.actions[i] & 1) << k
        self.rewards[i] = is_last & (state.entered == self.secret)
        self.terminations[i] = is_last

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int k
        for k in range(self.length):
            self.observations[i, k] = (2 * digit(self.state[i].entered, k) - 1) * (k < self.elapsed[i])

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
        return {"entered": digits_text(self.state[i].entered, self.elapsed[i])}

    @property
    def render_size(self):
        return SIDE * self.length, 2 * SIDE

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Above the password, below the digits so far, green where they are right.
        cdef int k
        canvas.clear(0xF4F1EA)
        for k in range(self.length):
            draw_digit(canvas, 0, k, digit(self.secret, k), 0x3D405B)
        draw_answers(canvas, self.secret, self.length, self.state[i].entered, self.elapsed[i])
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return f"{self.password}\n{self.state_one(i)['entered']:.<{self.length}}"
