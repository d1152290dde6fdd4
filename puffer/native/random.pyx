"""The random streams of native environments, for environments written in Python."""
import os

from libc.stdint cimport uint32_t

from puffer import checks

from puffer.rng cimport rng_bits, rng_below, rng_chance, rng_seed, rng_t, rng_uniform

# The largest bound of rng_below, which returns an int32.
cdef object MOST = 2 ** 31
cdef double LARGEST = 3.4028234663852886e38


cdef class Random:
    """Random(seed=None, copy=0)
--

The random stream of a native environment, in Python.

Each method draws the same number as the function of its name in `puffer/rng.pxd`. An environment in Python that calls
the methods in the order of a native one gets the same numbers, bit for bit.

After `reset(seed=seeds)` with a list of seeds, copy i of a native batch draws from `Random(seeds[i])`, and copy i of an
environment in Python gets seeds[i]. The streams are the same if the latter starts `Random(seed)`. After
`reset(seed=seed)` with one int they differ: the native copy i draws from `Random(seed, i)`, and the copy in Python gets
seed + i, as in Gymnasium's vector environments. A reset without a seed, such as the one at the end of an episode,
continues the stream, so start a new one only if a seed is given:

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.random = puffer.Random(seed)

A stream can be copied and pickled. The copy continues at the same number.

Parameters
----------
seed : int, optional
    0 to 2**64 - 1. Without a seed the stream starts at random.
copy : int
    Index of the copy, 0 to 2**64 - 1.

Raises
------
TypeError
    If seed or copy is not an integer.
ValueError
    If seed or copy is out of range.
"""

    cdef rng_t rng

    def __init__(self, seed=None, copy=0):
        seed = int.from_bytes(os.urandom(8), "little") if seed is None else checks.seed(seed)
        rng_seed(&self.rng, seed, checks.seed(copy, "copy"))

    def bits(self):
        """32 random bits, an int."""
        return rng_bits(&self.rng)

    def below(self, bound):
        """A uniform int, 0 to bound - 1. `bound` is an int, 1 to 2**31."""
        if type(bound) is not int or not 1 <= bound <= MOST:
            bound = checks.integer("bound", bound, 1, MOST)
        return rng_below(&self.rng, <uint32_t>bound)

    def uniform(self, low=0.0, high=1.0):
        """A uniform float from `low` to `high`, computed in float32 from 24 random bits.

        Without arguments it equals `rng_float`, which is always less than 1.
        """
        return rng_uniform(&self.rng, checks.number("low", low, -LARGEST, LARGEST),
                           checks.number("high", high, -LARGEST, LARGEST))

    def chance(self, probability):
        """True with the given probability, a number from 0 to 1."""
        return rng_chance(&self.rng, checks.number("probability", probability, 0, 1))

    def __reduce__(self):
        return _restored, (self.rng.state, self.rng.increment)


def _restored(state, increment):
    cdef Random random = Random.__new__(Random)
    random.rng.state = state
    random.rng.increment = increment
    return random
