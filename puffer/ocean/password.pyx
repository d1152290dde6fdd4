"""Password: enter a secret sequence of zeros and ones, digit by digit, without a hint.

A check of exploration: the policy must not settle before it has been paid for the first time, by chance, and it must
learn from the few episodes that were. The password is a parameter and the same in every copy and episode.

Observation   float32 (digits,): what has been entered so far, -1 for the digit 0, 1 for 1, and 0 for what is still to
              be entered.
Action        Discrete(2): the next digit.
Reward        1 with the last digit if all that was entered is the password, else 0. The best return is 1; random play
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
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer

import_puffer()

cdef enum:
    SIDE = 40  # of a digit, in pixels

cdef struct State:
    # The digits so far, the first one in the lowest bit, and how many.
    uint32_t entered
    int32_t count


@cython.final
cdef class Password(Env):
    """Password(num_envs=1, *, password="10110", **options)
--

`password` is a string of 1 to 32 digits 0 and 1. The options are those of `puffer.Env`. See the module's docstring for
the rules.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly str password
    cdef uint32_t secret
    cdef int digits
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state_of

    def __init__(self, num_envs=1, *, password="10110", **options):
        if not isinstance(password, str):
            raise TypeError(f"password must be a string, got {password!r} of type {type(password).__name__}")
        if not 1 <= len(password) <= 32 or set(password) - set("01"):
            raise ValueError(f"password must be 1 to 32 digits 0 and 1, got {password!r}")
        super().__init__(num_envs, spaces.Box(-1, 1, (len(password),), np.float32), spaces.Discrete(2),
                         observes_in_step=True, snapshot_key=(password,), **options)
        self.password = password
        self.secret = int(password[::-1], 2)
        self.digits = len(password)
        self.state_of = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state_of[i].entered = 0
        self.state_of[i].count = 0

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef State* states = self.state_of
        cdef Py_ssize_t k
        for k in range(count):
            states[copies[k]].entered = 0
            states[copies[k]].count = 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const int32_t* actions = &self.actions[0]
        cdef State* states = self.state_of
        cdef float* rows = &self.observations[0, 0]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef uint32_t secret = self.secret, digit, entered
        cdef int digits = self.digits, count
        cdef bint ends
        cdef Py_ssize_t i
        for i in range(first, last):
            digit = actions[i] & 1
            count = states[i].count
            entered = states[i].entered | digit << count
            rows[i * digits + count] = 2 * <int>digit - 1
            count += 1
            states[i].entered = entered
            states[i].count = count
            ends = count == digits
            rewards[i] = ends & (entered == secret)
            terminations[i] = ends
        if not self.retained:
            for i in range(first, last):
                self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State state = self.state_of[i]
        cdef int k
        for k in range(self.digits):
            self.observations[i, k] = 0 if k >= state.count else 2 * <int>(state.entered >> k & 1) - 1

    def state(self, copy=0):
        """The state of one copy, as a dict: `entered`, the digits so far as a string."""
        self.require_settled("state")
        return {"entered": self.entered(checks.integer("copy", copy, 0, self.num_copies - 1))}

    cdef str entered(self, Py_ssize_t i):
        cdef State state = self.state_of[i]
        cdef int k
        return "".join(["01"[state.entered >> k & 1] for k in range(state.count)])

    @property
    def render_size(self):
        return SIDE * self.digits, 2 * SIDE

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Above the password, below what has been entered, green where it is right.
        entered = self.entered(i)
        canvas.clear(0xF4F1EA)
        for k, digit in enumerate(self.password):
            canvas.cell(0, k, SIDE, 2, 0x3D405B)
            canvas.text(SIDE * k + 13, 9, 22, digit.encode(), 0xFFFFFF)
            canvas.cell(1, k, SIDE, 2, 0xE3DED2)
            if k < len(entered):
                canvas.cell(1, k, SIDE, 2, 0x81B29A if entered[k] == digit else 0xE07A5F)
                canvas.text(SIDE * k + 13, SIDE + 9, 22, entered[k].encode(), 0xFFFFFF)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return f"{self.password}\n{self.entered(i):.<{self.digits}}"
