"""`puffer.Random`: the streams of native environments, in Python."""

import copy
import pickle

import numpy as np
import pytest
from test_rng import SEEDS, Pcg32

import puffer
from puffer.testing import assert_same_env

# Shows what copy i draws: bits, an integer, two floats and a bool at each reset and each step.
SOURCE = '''
"""Draws: shows random numbers."""
import numpy as np
from gymnasium import spaces

from libc.stdint cimport int32_t

from puffer._core cimport Buffers, Env
from puffer.rng cimport rng_below, rng_bits, rng_chance, rng_float, rng_uniform

cdef class Draws(Env):
    """Draws(num_envs=1, **options)
--

Ends with a probability of 0.2.
"""

    cdef double[:, ::1] observations
    cdef int32_t[::1] actions
    cdef double* drawn

    def __init__(self, num_envs=1, **options):
        super().__init__(num_envs, spaces.Box(-np.inf, np.inf, (5,), np.float64), spaces.Discrete(100), **options)
        self.drawn = <double*>self.new_state(5 * sizeof(double))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void draw(self, Py_ssize_t i, int bound) noexcept nogil:
        cdef double* drawn = self.drawn + 5 * i
        drawn[0] = rng_bits(&self.rng[i])
        drawn[1] = rng_below(&self.rng[i], bound)
        drawn[2] = rng_float(&self.rng[i])
        drawn[3] = rng_uniform(&self.rng[i], -0.05, 0.1)
        drawn[4] = rng_chance(&self.rng[i], 0.2)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.draw(i, 2 ** 31 - 1)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        self.draw(i, self.actions[i] + 1)
        self.terminations[i] = self.drawn[5 * i + 4] != 0

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(5):
            self.observations[i, k] = self.drawn[5 * i + k]
'''


def draw(random, bound):
    return [random.bits(), random.below(bound), random.uniform(), random.uniform(-0.05, 0.1), random.chance(0.2)]


class Draws(puffer.PufferEnv):
    """The same in Python."""

    def __init__(self):
        super().__init__()
        self.single_observation_space = self.make_space((5,), np.float64)
        self.single_action_space = self.make_discrete(100)
        self.random = puffer.Random()

    def reset(self, seed=None):
        if seed is not None:
            self.random = puffer.Random(seed)
        self.observations[0] = draw(self.random, 2**31 - 1)
        return self.observations

    def step(self, actions):
        self.observations[0] = draw(self.random, int(actions[0]) + 1)
        self.terminations[0] = self.observations[0, 4]
        return self.observations, self.rewards, self.terminations, self.truncations, {}


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """The native class."""
    folder = tmp_path_factory.mktemp("draws")
    (folder / "draws.pyx").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        return puffer.load_pyx(folder / "draws.pyx")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stream_is_that_of_the_model(seed):
    bounds = [1, 2, 3, 7, 64, 1000, 2**31 - 1, 2**31]
    for number in (0, 1, 299, 2**64 - 1):
        random, model = puffer.Random(seed, number), Pcg32.seeded(seed, number)
        assert [random.bits() for _ in range(20)] == [model.bits() for _ in range(20)]
        assert [random.below(bound) for bound in bounds * 20] == [model.below(bound) for bound in bounds * 20]
        assert [random.uniform() for _ in range(20)] == [float(model.uniform(0, 1)) for _ in range(20)]
        assert random.uniform(-0.3, 1e10) == float(model.uniform(-0.3, 1e10))


@pytest.mark.parametrize(
    ("probability", "threshold"), [(0, 0), (2**-32, 1), (0.2, 858993460), (0.5, 2**31), (1.0, 2**32)]
)
def test_chance_compares_32_bits(probability, threshold):
    random, model = puffer.Random(3), Pcg32.seeded(3, 0)
    expected = [model.bits() < threshold for _ in range(200)]
    found = [random.chance(probability) for _ in range(200)]
    assert found == expected
    assert set(map(type, found)) == {bool}


def test_an_environment_in_python_draws_what_the_native_one_draws(native):
    """In every episode: they are five steps long on average, and nothing but the first reset is given seeds."""
    assert_same_env(Draws, native, num_envs=3, steps=300, seed=2**63)


def test_one_int_gives_native_copies_the_streams_of_the_seed_and_their_number(native):
    batch = puffer.VectorEnv(native(4))
    batch.reset(seed=11)
    observations = batch.reset()[0]
    for number in range(4):
        random = puffer.Random(11, number)
        draw(random, 2**31 - 1)
        assert observations[number].tolist() == draw(random, 2**31 - 1)


def test_a_stream_without_a_seed_begins_at_random():
    assert puffer.Random().bits() != puffer.Random().bits() or puffer.Random().bits() != puffer.Random().bits()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda random: pickle.loads(pickle.dumps(random))])
def test_a_copy_goes_on_where_the_stream_stands(duplicate):
    random = puffer.Random(5)
    random.bits()
    twin = duplicate(random)
    assert [twin.bits() for _ in range(5)] == [random.bits() for _ in range(5)]


def test_integers_of_numpy_are_integers():
    assert puffer.Random(np.int64(5), np.uint8(3)).below(np.int32(9)) == puffer.Random(5, 3).below(9)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: puffer.Random(-1), ValueError, "seed must be at least 0"),
        (lambda: puffer.Random(2**64), ValueError, "seed must be at most"),
        (lambda: puffer.Random(1.0), TypeError, "seed must be an integer"),
        (lambda: puffer.Random(0, -1), ValueError, "copy must be at least 0"),
        (lambda: puffer.Random(0, None), TypeError, "copy must be an integer"),
        (lambda: puffer.Random().below(0), ValueError, "bound must be at least 1"),
        (lambda: puffer.Random().below(2**31 + 1), ValueError, "bound must be at most"),
        (lambda: puffer.Random().below(2**90), ValueError, "bound must be at most"),
        (lambda: puffer.Random().below(2.0), TypeError, "bound must be an integer"),
        (lambda: puffer.Random().uniform(0, np.inf), ValueError, "high must be from"),
        (lambda: puffer.Random().uniform(np.nan), ValueError, "low must be from"),
        (lambda: puffer.Random().uniform("0"), TypeError, "low must be a number"),
        (lambda: puffer.Random().chance(1.1), ValueError, "probability must be from 0 to 1"),
        (lambda: puffer.Random().chance(np.nan), ValueError, "probability must be from 0 to 1"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
