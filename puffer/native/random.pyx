"""The random streams of native environments, for environments written in Python."""
import os

from libc.stdint cimport uint32_t

from puffer import checks

from puffer.rng cimport rng_bits, rng_below, rng_chance, rng_seed, rng_t, rng_uniform

# What rng_below can return.
cdef object MOST = 2 ** 31
cdef double LARGEST = 3.4028234663852886e38


cdef class Random:
    """Random(seed=None, copy=0)
--

The stream of random numbers of a native environment, in Python.

Each method draws what the function of `puffer/rng.pxd` with its name draws, so that an environment in Python that calls
them in the order of a native one gets the same numbers, bit for bit.

After `reset(seed=seeds)`, with a list that has a seed for each copy, copy i of a native batch draws from
`Random(seeds[i])`, and copy i of an environment in Python is given seeds[i]. So the stream is the same if that one
begins `Random(seed)`. (After `reset(seed=seed)` with one int, it is not: the native copy i draws from
`Random(seed, i)`, and the copy in Python is given seed + i, as by Gymnasium's vector environments.) A reset without a
seed, such as the one at the end of an episode, goes on with the stream, so begin another only where a seed is given:

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.random = puffer.Random(seed)

Parameters
----------
seed : int, optional
    0 to 2**64 - 1; without one the stream begins at random.
copy : int
    0 to 2**64 - 1.

Raises TypeError or ValueError for another seed or copy. A stream can be copied and pickled: the copy goes on where the
stream stands.
"""

    cdef rng_t rng

    def __init__(self, seed=None, copy=0):
        seed = int.from_bytes(os.urandom(8), "little") if seed is None else checks.seed(seed)
        rng_seed(&self.rng, seed, checks.seed(copy, "copy"))

    def bits(self):
        """32 random bits, an int."""
        return rng_bits(&self.rng)

    def below(self, bound):
        """An int, 0 to bound - 1, each as likely as the others. `bound` is an int, 1 to 2**31."""
        if type(bound) is not int or not 1 <= bound <= MOST:
            bound = checks.integer("bound", bound, 1, MOST)
        return rng_below(&self.rng, <uint32_t>bound)

    def uniform(self, low=0.0, high=1.0):
        """A float from `low` to `high`, computed in float32, with 24 random bits.

        Without arguments it is `rng_float`, which is always less than 1.
        """
        return rng_uniform(&self.rng, checks.number("low", low, -LARGEST, LARGEST),
                           checks.number("high", high, -LARGEST, LARGEST))

    def chance(self, probability):
        """True with this probability, a number from 0 to 1."""
        return rng_chance(&self.rng, checks.number("probability", probability, 0, 1))

    def __reduce__(self):
        return _restored, (self.rng.state, self.rng.increment)


def _restored(state, increment):
    cdef Random random = Random.__new__(Random)
    random.rng.state = state
    random.rng.increment = increment
    return random
