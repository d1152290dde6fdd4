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
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_bits, rng_t

import_puffer()

cdef extern from * nogil:
    """
    #include <math.h>
    #include <stddef.h>
    #include <stdint.h>
    #include "puffer/native/dispatch.h"

    /* The rewards of n answers; pixels and numbers as in the state. Comparisons with NaN are false: as a level it
     * counts as -1, and as a side as 0. */
    PUFFER_CLONES
    static void spaces_rewards(ptrdiff_t n, const uint32_t *restrict pixels, const uint32_t *restrict numbers,
                               const float *restrict actions, float *restrict rewards)
    {
        for (ptrdiff_t i = 0; i < n; i++) {
            /* Added in pairs, the bits are a byte for the left half and one for the right half of each row. */
            uint32_t halves = (pixels[i] & 0x0F0F0F0F) + (pixels[i] >> 4 & 0x0F0F0F0F);
            int32_t left = (halves & 255) + (halves >> 16 & 255), right = (halves >> 8 & 255) + (halves >> 24);
            int32_t asked = right > left, answered = actions[2 * i + 1] > 0.5f;
            float level = actions[2 * i] > -1.0f ? actions[2 * i] : -1.0f, gain;
            level = level < 1.0f ? level : 1.0f;
            /* The last number, 8 bits with a sign, lies below the top byte. */
            gain = 1.0f - fabsf(level - 0.0078125f * (float)((int32_t)(numbers[i] << 8) >> 24));
            gain = gain > 0.0f ? gain : 0.0f;
            rewards[i] = 0.5f * gain + (asked == answered ? 0.5f : 0.0f);
        }
    }
    """
    void spaces_rewards(Py_ssize_t n, const uint32_t* pixels, const uint32_t* numbers, const float* actions,
                        float* rewards)

cdef enum:
    PIXELS = 8
    NUMBERS = 3
    SIDE = 48  # of a pixel of the image, in pixels of the picture

# A row, laid out as the observation space.
cdef struct row_t:
    int8_t[NUMBERS] code
    float[PIXELS] image

# The two pixels that each byte stands for.
cdef float[256][2] _pairs


def _fill_pairs():
    cdef int byte
    for byte in range(256):
        _pairs[byte][0] = (byte & 15) / 16.0
        _pairs[byte][1] = (byte >> 4) / 16.0


_fill_pairs()


cdef inline void show(uint32_t pixels, uint32_t numbers, uint8_t* row) noexcept nogil:
    """Write a row. Its parts are copied as bytes, because a row of bytes may begin anywhere."""
    cdef uint8_t* image = row + (sizeof(row_t) - PIXELS * sizeof(float))
    cdef int k
    for k in range(NUMBERS):
        row[k] = numbers >> 8 * k & 255
    row[NUMBERS] = 0
    for k in range(PIXELS // 2):
        memcpy(image + 8 * k, _pairs[pixels >> 8 * k & 255], 8)


@cython.final
cdef class Spaces(Env):
    """Spaces(num_envs=1, *, length=8, **options)
--

`length` (1 to 1000000) is the number of steps of an episode. The options are those of `puffer.Env`. See the module's
docstring for the rules.
"""

    render_size = (SIDE * 4, SIDE * 2 + 40)
    cdef readonly int length
    cdef uint8_t[:, ::1] observations
    cdef float[:, ::1] actions
    # Of each copy: four bits for each pixel, the first one in the lowest bits, row by row; a byte for each number, the
    # first one in the lowest bits, and one that is never looked at; the steps so far.
    cdef uint32_t* pixels
    cdef uint32_t* numbers
    cdef int32_t* elapsed

    def __init__(self, num_envs=1, *, length=8, **options):
        length = checks.integer("length", length, 1, 1_000_000)
        observation = spaces.Dict(
            code=spaces.Box(-128, 127, (NUMBERS,), np.int8),
            image=spaces.Box(0, 1, (2, 4), np.float32),
        )
        action = spaces.Dict(level=spaces.Box(-1, 1, (), np.float32), side=spaces.Discrete(2))
        super().__init__(num_envs, observation, action, observes_in_step=True, snapshot_key=(length,), **options)
        self._require_offsets()
        self.length = length
        self.pixels = <uint32_t*>self.new_state(sizeof(uint32_t))
        self.numbers = <uint32_t*>self.new_state(sizeof(uint32_t))
        self.elapsed = <int32_t*>self.new_state(sizeof(int32_t))

    def _require_offsets(self):
        """Raise unless row_t lies in memory as the layout does."""
        cdef row_t row
        offsets = {"code": <char*>&row.code - <char*>&row, "image": <char*>&row.image - <char*>&row}
        laid_out = {leaf.path: leaf.offset for leaf in self.layout.leaves}
        if offsets != laid_out or self.layout.row_size != sizeof(row_t):
            raise RuntimeError(f"row_t has {offsets} in {sizeof(row_t)} bytes, {self.layout} has {laid_out}")

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.pixels[i] = rng_bits(&self.rng[i])
        self.numbers[i] = rng_bits(&self.rng[i])
        self.elapsed[i] = 0

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef uint32_t* all_pixels = self.pixels
        cdef uint32_t* all_numbers = self.numbers
        cdef int32_t* elapsed = self.elapsed
        cdef rng_t* rng = self.rng
        cdef uint8_t* rows = &self.observations[0, 0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef int32_t length = self.length
        cdef uint32_t pixels, numbers
        cdef Py_ssize_t i
        spaces_rewards(last - first, all_pixels + first, all_numbers + first, &self.actions[first, 0],
                       &self.rewards[first])
        for i in range(first, last):
            pixels = rng_bits(&rng[i])
            numbers = rng_bits(&rng[i])
            all_pixels[i] = pixels
            all_numbers[i] = numbers
            elapsed[i] += 1
            terminations[i] = elapsed[i] >= length
            show(pixels, numbers, rows + i * sizeof(row_t))

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        show(self.pixels[i], self.numbers[i], &self.observations[i, 0])

    def state(self, copy=0):
        """The state of one copy, as a dict: `code` and `image`, as observed; `elapsed`, the steps so far."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        code, image = self.shown(i)
        return {"code": code, "image": image, "elapsed": self.elapsed[i]}

    cdef tuple shown(self, Py_ssize_t i):
        row = np.zeros(sizeof(row_t), np.uint8)
        cdef uint8_t[::1] target = row
        show(self.pixels[i], self.numbers[i], &target[0])
        parts = self.layout.view(row)
        return parts["code"], parts["image"]

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # The image; below it a bar on the brighter side, and a disc at the right level on a scale from -1 to 1.
        cdef int k, grey
        code, image = self.shown(i)
        side = 2 * SIDE if image[:, 2:].sum() > image[:, :2].sum() else 0
        canvas.clear(0xF4F1EA)
        for k in range(PIXELS):
            grey = 0x010101 * <int>(255 * image.flat[k])
            canvas.cell(k // 4, k % 4, SIDE, 0, grey)
        canvas.rectangle(side, 2 * SIDE, side + 2 * SIDE, 2 * SIDE + 8, 0xF2A541)
        canvas.line(0, 2 * SIDE + 26, 4 * SIDE, 2 * SIDE + 26, 2, 0x9AA0B4)
        canvas.disc(2 * SIDE * (1 + code[2] / 128.0), 2 * SIDE + 26, 7, 0x3D405B)
        return 0
