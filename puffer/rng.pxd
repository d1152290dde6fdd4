# Random streams: PCG-XSH-RR 64/32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
# Algorithms for Random Number Generation"). One rng_t per copy of an environment; header only, nothing to link.
#
# A stream depends on (seed, copy) alone, so the trajectory of a copy depends neither on the number of copies nor on
# threads. rng_t is plain memory, so a snapshot copies it with memcpy.
from libc.stdint cimport int32_t, uint32_t, uint64_t

ctypedef struct rng_t:
    uint64_t state
    uint64_t increment


cdef inline uint64_t rng_mix(uint64_t x) noexcept nogil:
    """Finaliser of splitmix64, which spreads neighbouring seeds over all 64 bits."""
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9U
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EBU
    return x ^ (x >> 31)


cdef inline uint32_t rng_bits(rng_t* rng) noexcept nogil:
    """Next 32 random bits."""
    cdef uint64_t old = rng.state
    rng.state = old * <uint64_t>6364136223846793005U + rng.increment
    cdef uint32_t shifted = <uint32_t>(((old >> 18) ^ old) >> 27)
    cdef uint32_t turn = <uint32_t>(old >> 59)
    return (shifted >> turn) | (shifted << ((32 - turn) & 31))


cdef inline void rng_start(rng_t* rng, uint64_t state, uint64_t sequence) noexcept nogil:
    """Start stream `sequence` of the generator at `state`, like the reference implementation."""
    rng.state = 0
    rng.increment = (sequence << 1) | 1
    rng_bits(rng)
    rng.state += state
    rng_bits(rng)


cdef inline void rng_seed(rng_t* rng, uint64_t seed, uint64_t copy) noexcept nogil:
    """Start the stream of (seed, copy)."""
    cdef uint64_t mixed = rng_mix(seed + <uint64_t>0x9E3779B97F4A7C15U)
    rng_start(rng, rng_mix(mixed ^ copy), mixed + copy)


cdef inline int32_t rng_below(rng_t* rng, uint32_t bound) noexcept nogil:
    """Uniform integer in [0, bound), bound >= 1, without modulo bias (Lemire 2019)."""
    cdef uint64_t product = <uint64_t>rng_bits(rng) * bound
    cdef uint32_t threshold
    if <uint32_t>product < bound:
        threshold = (0 - bound) % bound
        while <uint32_t>product < threshold:
            product = <uint64_t>rng_bits(rng) * bound
    return <int32_t>(product >> 32)


cdef inline float rng_float(rng_t* rng) noexcept nogil:
    """Uniform float32 in [0, 1), 24 random bits."""
    return <float>(rng_bits(rng) >> 8) * <float>5.9604644775390625e-08


cdef inline float rng_uniform(rng_t* rng, float low, float high) noexcept nogil:
    """Uniform float32 in [low, high)."""
    return low + (high - low) * rng_float(rng)


cdef inline bint rng_chance(rng_t* rng, double probability) noexcept nogil:
    """True with the given probability."""
    return rng_bits(rng) < probability * 4294967296.0
