# Everything that most environments need, for one line: from puffer cimport Canvas, Env, int32_t, rng_below
from libc.math cimport INFINITY, M_PI
from libc.math cimport atan2f, ceilf, cosf, expf, fabsf, floorf, fmaxf, fminf, hypotf, roundf, sinf, sqrtf, tanhf
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove, memset

from puffer._core cimport Buffers, Canvas, Env
from puffer.rng cimport rng_below, rng_bits, rng_chance, rng_float, rng_t, rng_uniform
