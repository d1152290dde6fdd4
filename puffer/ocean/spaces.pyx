"""Spaces: answer two questions, one with a choice and one with a number, about an observation of two parts.

A check of nested spaces: it fails where the parts of an observation or of an action are taken from the wrong place, or
read as numbers of the wrong type. The two parts are independent, so each can be seen to be learned.

Observation   Dict of `code`, int8 (3,), and `image`, float32 (2, 4), in [0, 1). A row is both, one after the other, as
              uint8 (36,): 3 bytes of code, 1 of padding, 32 of image; `env.layout.view(observations)` has the parts.
Action        Dict of `level`, Box(-1, 1, (), float32), and `side`, Discrete(2), in a row of float32 (2,), in this
              order. A level is clipped to [-1, 1]; a side above 0.5 is 1, any other one 0.
Reward        1/2 for the side of the image that is brighter, in the sum of its pixels: 0 for the two columns on the
              left, 1 for those on the right; 0 is right if they are equal. And max(0, 1 - |level - code[2] / 128|) / 2.
              The best return is length.
Terminated    after length steps (8).
Truncated     never by the rules; after max_steps steps if given.
Start         as before every step, a new image and a new code are drawn: pixels uniform among 0, 1/16, ..., 15/16, and
              numbers uniform from -128 to 127.
Source        the idea of the check for nested spaces of PufferLib's Ocean.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport fabsf

from puffer import checks

from puffer cimport Canvas, Env, int8_t, memcpy, rng_bits, uint8_t, uint32_t
from puffer.ocean._clip cimport clip

cdef enum:
    NUMBERS = 3
    ROWS = 2
    COLUMNS = 4
    SIDE = 48  # of a pixel of the image, in pixels of the picture

# What the side earns, wrong and right.
cdef float[2] PAYS = [0, 1]

# A row of the observations, laid out as the observation space.
cdef struct State:
    int8_t[NUMBERS] code
    float[ROWS][COLUMNS] image


cdef inline bint is_right_brighter(const State* state) noexcept nogil:
    """Whether the two columns on the right are brighter than those on the left."""
    cdef float left = 0, right = 0
    cdef int row
    for row in range(ROWS):
        left += state.image[row][0] + state.image[row][1]
        right += state.image[row][2] + state.image[row][3]
    return right > left


cdef inline float level_of(const State* state) noexcept nogil:
    """The right level."""
    return state.code[NUMBERS - 1] / <float>128


@cython.final
cdef class Spaces(Env):
    """Spaces(num_envs=1, *, length=8, **options)
--

Copies of a game with nested spaces. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
length : int, default 8
    Steps of an episode, 1 to 1000000.
**options
    The options of `puffer.Env`.

Attributes
----------
length : int
    As given.
"""

    render_size = (SIDE * COLUMNS, SIDE * ROWS + 40)
    cdef readonly int length
    cdef uint8_t[:, ::1] observations
    cdef float[:, ::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, length=8, **options):
        length = checks.integer("length", length, 1, 1_000_000)
        observation = spaces.Dict(
            code=spaces.Box(-128, 127, (NUMBERS,), np.int8),
            image=spaces.Box(0, 1, (ROWS, COLUMNS), np.float32),
        )
        action = spaces.Dict(level=spaces.Box(-1, 1, (), np.float32), side=spaces.Discrete(2))
        super().__init__(num_envs, observation, action, snapshot_key=(length,), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self._require_offsets()
        self.length = length
        self.state = <State*>self.new_state(sizeof(State))

    def _require_offsets(self):
        """Raise unless State lies in memory as the layout does."""
        cdef State state
        offsets = {"code": <char*>&state.code - <char*>&state, "image": <char*>&state.image - <char*>&state}
        laid_out = {leaf.path: leaf.offset for leaf in self.layout.leaves}
        if offsets != laid_out or self.layout.row_size != sizeof(State):
            raise RuntimeError(f"State has {offsets} in {sizeof(State)} bytes, {self.layout} has {laid_out}")

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.draw(i)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef float level = clip(self.actions[i, 0], -1, 1), gain
        cdef bint side = self.actions[i, 1] > 0.5
        gain = 1 - fabsf(level - level_of(state))
        # max(0, gain) and a table, because branches on random actions are unpredictable.
        self.rewards[i] = ((gain + fabsf(gain)) / 2 + PAYS[side == is_right_brighter(state)]) / 2
        self.terminations[i] = self.elapsed[i] + 1 >= self.length
        self.draw(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memcpy(&self.observations[i, 0], &self.state[i], sizeof(State))

    # The loops of the base class again: here the class is final, and the compiler inlines what they call.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef inline void draw(self, Py_ssize_t i) noexcept nogil:
        """Draw an image, of which each pixel is four random bits, and a code, of which each number is eight."""
        cdef State* state = &self.state[i]
        cdef uint32_t pixels = rng_bits(&self.rng[i]), numbers = rng_bits(&self.rng[i])
        cdef int k
        for k in range(ROWS * COLUMNS):
            state.image[k // COLUMNS][k % COLUMNS] = (pixels >> 4 * k & 15) / <float>16
        for k in range(NUMBERS):
            state.code[k] = <int8_t>(numbers >> 8 * k)

    cdef dict state_one(self, Py_ssize_t i):
        row = np.frombuffer((<char*>&self.state[i])[:sizeof(State)], np.uint8)
        return {**self.layout.view(row), "elapsed": self.elapsed[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # The image; below it a bar on the brighter side, and a disc at the right level on a scale from -1 to 1.
        cdef State* state = &self.state[i]
        cdef int k, grey, side = 2 * SIDE * is_right_brighter(state)
        canvas.clear(0xF4F1EA)
        for k in range(ROWS * COLUMNS):
            grey = <int>(255 * state.image[k // COLUMNS][k % COLUMNS])
            canvas.cell(k // COLUMNS, k % COLUMNS, SIDE, 0, 0x010101 * grey)
        canvas.rectangle(side, 2 * SIDE, side + 2 * SIDE, 2 * SIDE + 8, 0xF2A541)
        canvas.line(0, 2 * SIDE + 26, 4 * SIDE, 2 * SIDE + 26, 2, 0x9AA0B4)
        canvas.disc(2 * SIDE * (1 + level_of(state)), 2 * SIDE + 26, 7, 0x3D405B)
        return 0
