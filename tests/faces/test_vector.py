"""What a `VectorEnv` shows of the batch that it is the face of."""

import gymnasium
import numpy as np
import pytest
from helpers import make

import puffer


class Painter(gymnasium.Env):
    """Draws its number of steps in pictures of its own size."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}
    observation_space = gymnasium.spaces.Box(0, 9, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)
    render_mode = "rgb_array"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.time += 1
        return np.full(2, self.time, np.float32), 1.0, False, False, {}

    def render(self):
        return np.full((4, 6, 3), self.time, np.uint8)


def painters(**options):
    return puffer.emulate(Painter, 4, **options)


def test_a_native_batch_shows_what_it_is_made_of():
    env = make("ocean-catch", 4, num_threads=2)
    env.reset(seed=0)
    env.step(np.ones(4, int))
    assert isinstance(env.native_env, puffer.Env)
    assert type(env.native_env).__name__ == "Catch"
    assert not env.independent_agents
    assert env.batch_size == 4
    assert env.num_threads == 2
    assert env.max_steps is None
    assert env.copy_action_space is None
    assert env.render_size == env.native_env.render_size
    assert make("ocean-catch", 4, max_steps=7).max_steps == 7
    assert make("ocean-snake", 1).independent_agents


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_a_batch_in_python_shows_what_it_is_made_of(backend):
    env = painters(backend=backend, batch_size=2, **({"num_workers": 2} if backend == "process" else {}))
    try:
        assert env.native_env is None
        assert not env.independent_agents
        assert env.batch_size == 2
        assert env.num_threads is None
        assert env.max_steps is None
        assert env.render_size is None
        env.reset(seed=0)
        assert np.array_equal(env.observations, np.zeros((4, 2)))
        assert env.buffers.masks is env.masks
    finally:
        env.close()
    assert puffer.make("gym-CartPole-v1", 1).max_steps == 500


@pytest.mark.parametrize("batch", [lambda: make("ocean-catch", 4), lambda: painters()], ids=["native", "python"])
def test_the_buffers_are_those_that_a_step_writes(batch):
    env = batch()
    env.reset(seed=0)
    results = env.step(np.ones(4, np.int64))
    assert isinstance(env.buffers, puffer.Buffers)
    assert env.observations is env.buffers.observations
    for result, name in zip(results, ("observations", "rewards", "terminations", "truncations"), strict=False):
        assert np.shares_memory(result, getattr(env.buffers, name)), name
    assert np.array_equal(env.buffers.actions, np.ones(4))


def test_a_single_copy_is_drawn():
    env = make("ocean-catch", 3)
    env.reset(seed=0)
    width, height = env.render_size
    assert env.render_copy(2).shape == (height, width, 3)
    assert env.render_mode is None
    ours = puffer.make("ocean-frozen_lake", 3)
    ours.reset(seed=0)
    assert ours.ansi_copy(1) == "oFFF\nFHFH\nFFFH\nHFFG"
    env = painters()
    env.reset(seed=0)
    env.step(np.ones(4, np.int64))
    assert np.array_equal(env.render_copy(3), np.ones((4, 6, 3)))


@pytest.mark.parametrize("batch", [lambda: make("ocean-catch", 4), lambda: painters()], ids=["native", "python"])
def test_copies_that_are_not_there_are_refused(batch):
    env = batch()
    env.reset(seed=0)
    for draw in (env.render_copy, env.ansi_copy):
        for copy in (-1, 4):
            with pytest.raises(ValueError, match=f"copy must be .*{copy}"):
                draw(copy)
        with pytest.raises(TypeError, match="copy must be an integer"):
            draw("first")
