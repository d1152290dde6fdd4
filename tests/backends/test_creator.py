"""The creator of copies: arguments, render modes and seeds."""

import cloudpickle
import gymnasium
import numpy as np
import pytest

from puffer.backends.creator import Creator
from puffer.backends.local import serial_backend
from puffer.options import BatchOptions


class Seeded(gymnasium.Env):
    """Keeps the seeds that its resets were given."""

    metadata = {"render_modes": ["rgb_array"]}
    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, size=1, render_mode=None):
        self.size = size
        self.render_mode = render_mode
        self.seeds = []

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, True, False, {}


def test_a_copy_gets_the_arguments():
    creator = cloudpickle.loads(cloudpickle.dumps(Creator(Seeded, {"size": 3})))
    assert [creator(copy).env.size for copy in range(2)] == [3, 3]


@pytest.mark.parametrize(("mode", "modes"), [("rgb_array", ["rgb_array"] * 2), ("human", ["rgb_array", None])])
def test_each_copy_gets_its_own_render_mode(mode, modes):
    creator = Creator(Seeded, {"render_mode": mode})
    assert [creator(copy).env.render_mode for copy in range(2)] == modes


def test_a_function_without_a_render_mode_is_not_given_one():
    assert Creator(lambda: Seeded(), {"render_mode": "ansi"})(0).env.render_mode is None


def test_a_render_mode_that_the_copies_do_not_have_is_refused():
    for function, options in ((Seeded, {}), (lambda render_mode: Seeded(), {"render_modes": ["rgb_array"]})):
        with pytest.raises(ValueError, match="render_mode must be None or one of 'rgb_array', 'human', got 'ansi'"):
            Creator(function, {"render_mode": "ansi"}, **options)


@pytest.mark.parametrize("reseed", ["never", "once", "always"])
def test_seeds_of_resets_without_one(reseed):
    def seeds():
        env = Seeded()
        batch = serial_backend(Creator(lambda: env, reseed=reseed), BatchOptions(1)).batch()
        for seed in (None, None, 7, None, None):
            batch.reset(seed=seed)
        return env.seeds

    one, other = seeds(), seeds()
    assert one[2] == 7
    is_given = [seed is not None for seed in one]
    assert (
        is_given
        == {
            "never": [False, False, True, False, False],
            "once": [True, False, True, False, False],
            "always": [True] * 5,
        }[reseed]
    )
    # Random before a seed is given, and from there on the same.
    assert (one[0] != other[0]) == is_given[0]
    assert one[2:] == other[2:]
    assert len(set(filter(None, one))) == sum(is_given)
