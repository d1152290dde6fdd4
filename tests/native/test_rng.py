"""The random streams: PCG32 as its reference implementation has it, seeded by (seed, copy), seen through the envs."""

import itertools

import numpy as np
import pytest
from gymnasium import spaces
from helpers import make

import puffer

BITS_64, BITS_32 = 2**64 - 1, 2**32 - 1


class Pcg32:
    """PCG-XSH-RR 64/32 in plain Python; `start` as pcg32_srandom_r."""

    def __init__(self, state, sequence):
        self.state, self.increment = 0, (sequence << 1 | 1) & BITS_64
        self.bits()
        self.state = (self.state + state) & BITS_64
        self.bits()

    @classmethod
    def seeded(cls, seed, copy):
        """The stream of a copy."""
        mixed = mix((seed + 0x9E3779B97F4A7C15) & BITS_64)
        return cls(mix(mixed ^ copy), (mixed + copy) & BITS_64)

    def bits(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.increment) & BITS_64
        shifted, turn = ((old >> 18 ^ old) >> 27) & BITS_32, old >> 59
        return (shifted >> turn | shifted << (-turn & 31)) & BITS_32

    def below(self, bound):
        """Lemire's method: the upper half of a product, but no value that would come up too often."""
        while True:
            product = self.bits() * bound
            if product & BITS_32 >= 2**32 % bound:
                return product >> 32

    def uniform(self, low, high):
        low, high = np.float32(low), np.float32(high)
        return low + (high - low) * (np.float32(self.bits() >> 8) * np.float32(2**-24))


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & BITS_64
    x = (x ^ x >> 27) * 0x94D049BB133111EB & BITS_64
    return x ^ x >> 31


def test_the_model_gives_the_known_answers_of_the_reference_implementation():
    rng = Pcg32(42, 54)
    known = [0xA15C02B7, 0x7B47F409, 0xBA1D3330, 0x83D2F293, 0xBFA4784B, 0xCBED606E]
    assert [rng.bits() for _ in known] == known


SEEDS = [0, 1, 42, 2**32, 2**63, 2**64 - 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_starts_the_streams_where_the_model_does(seed):
    """The stream is the first block of a snapshot, behind signature and checksum."""
    env = puffer.Env(300, spaces.Box(0, 1, (1,)), spaces.Discrete(2))
    env.reset(seed=seed)
    streams = env.get_state()[:, 16:32].copy().view("=u8")
    models = [Pcg32.seeded(seed, copy) for copy in range(300)]
    assert streams.tolist() == [[model.state, model.increment] for model in models]


@pytest.mark.parametrize("seed", SEEDS)
def test_floats_are_those_of_the_model(seed):
    """The start of CartPole is four uniform numbers, over many resets."""
    env = make("ocean-cartpole", 20)
    models = [Pcg32.seeded(seed, copy) for copy in range(20)]
    for reset in range(10):
        observations, _ = env.reset(seed=seed if reset == 0 else None)
        expected = [[model.uniform(-0.05, 0.05) for _ in range(4)] for model in models]
        assert np.array_equal(observations, np.array(expected, np.float32))


@pytest.mark.parametrize("columns", [1, 2, 5, 7, 64, 255])
def test_integers_are_those_of_the_model(columns):
    """The start of Catch is one integer below the number of columns, over many resets."""
    env = make("ocean-catch", 50, columns=columns)
    models = [Pcg32.seeded(9, copy) for copy in range(50)]
    for reset in range(20):
        observations, _ = env.reset(seed=9 if reset == 0 else None)
        assert observations[:, 0].argmax(axis=1).tolist() == [model.below(columns) for model in models]


@pytest.mark.parametrize(("seeds", "copies"), [(1, 10_000), (2000, 1), (100, 100)])
def test_neighbouring_seeds_and_copies_are_spread_evenly(seeds, copies):
    """Where the ball of Catch starts."""
    columns = 10
    env = make("ocean-catch", copies, columns=columns)
    starts = np.concatenate([env.reset(seed=seed)[0][:, 0].argmax(axis=1) for seed in range(seeds)])
    counts, expected = np.bincount(starts, minlength=columns), len(starts) / columns
    # The chi-square distribution of 9 degrees of freedom lies below 27.9 with a probability of 0.999.
    assert ((counts - expected) ** 2 / expected).sum() < 27.9
    pairs = np.bincount(starts[:-1] * columns + starts[1:], minlength=columns**2)
    expected = (len(starts) - 1) / columns**2
    # 99 degrees of freedom: 148.2.
    assert ((pairs - expected) ** 2 / expected).sum() < 148.2


def test_no_two_streams_of_nearby_seeds_and_copies_are_the_same():
    env = puffer.Env(200, spaces.Box(0, 1, (1,)), spaces.Discrete(2))
    streams = set()
    for seed in itertools.chain(range(50), range(2**64 - 50, 2**64)):
        env.reset(seed=seed)
        streams.update(map(bytes, env.get_state()[:, 16:32]))
    assert len(streams) == 100 * 200
