"""Layouts seen from the batch: every environment has them, and a native one may declare nested spaces."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import make, random_actions

import puffer
from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout

OBSERVATION = spaces.Dict(
    position=spaces.Box(-1, 1, (2,), np.float32),
    cards=spaces.Tuple([spaces.Discrete(4), spaces.MultiBinary(3)]),
)
ACTION = spaces.Dict(turn=spaces.Box(-1, 1, (2,), np.float32), jump=spaces.Discrete(3))


class Nested(gymnasium.Env):
    observation_space = OBSERVATION
    action_space = ACTION

    def reset(self, *, seed=None, options=None):
        return {"position": np.ones(2, np.float32), "cards": (2, np.array([0, 1, 1], np.int8))}, {}

    def step(self, action):
        return self.reset()[0], 0.0, False, False, {}


def native(observation, action, **options):
    """Rows of a native environment without rules."""
    return puffer.VectorEnv(puffer.Env(4, observation, action, num_threads=1, **options))


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_environments_in_python_have_them_too(backend):
    env = puffer.emulate(Nested, 2, backend=backend)
    assert env.layout == Layout(OBSERVATION)
    assert env.action_layout == ActionLayout(ACTION)
    parts = env.layout.view(env.reset()[0])
    assert parts["cards"][0].tolist() == [2, 2]
    env.step(np.stack([env.action_layout.flatten({"turn": [0.5, -1], "jump": 2})] * 2))
    env.close()


def test_nested_spaces_of_a_native_environment_become_flat_rows():
    env = native(OBSERVATION, ACTION)
    assert env.layout == Layout(OBSERVATION)
    assert env.action_layout == ActionLayout(ACTION)
    assert env.single_observation_space == spaces.Box(0, 255, (env.layout.row_size,), np.uint8)
    assert env.single_action_space == ActionLayout(ACTION).flat_space
    observations, _ = env.reset(seed=0)
    assert (observations.shape, observations.dtype) == ((4, env.layout.row_size), np.uint8)
    assert env.layout.view(observations)["position"].shape == (4, 2)
    env.step(np.stack([env.action_layout.flatten({"turn": [0.5, -1], "jump": 2})] * 4))
    assert env.buffers.actions.tolist() == [[0.5, -1, 2]] * 4


def test_flat_spaces_of_a_native_environment_stay_what_they_are():
    for observation in (spaces.Box(0, 9, (3, 4), np.int16), spaces.Box(-np.inf, 1, (5,), np.float32)):
        for action in (spaces.Discrete(3, start=-1), spaces.MultiDiscrete([2, 3]), spaces.Box(-1, 1, (2,), np.float32)):
            env = native(observation, action)
            assert env.single_observation_space is observation
            assert env.single_action_space is action


def test_actions_of_discrete_parts_are_checked_in_their_row():
    env = native(spaces.Box(0, 1, (2,)), spaces.Tuple([spaces.Discrete(2), spaces.MultiDiscrete([3, 4])]))
    env.reset(seed=0)
    env.step(np.tile([1, 2, 3], (4, 1)))
    with pytest.raises(ValueError, match=r"actions\[0, 2\] is 4: row 0 takes 0 to 3"):
        env.step(np.tile([1, 2, 4], (4, 1)))


def test_spaces_without_a_layout_are_refused():
    with pytest.raises(ValueError, match="max_length"):
        native(spaces.Sequence(spaces.Discrete(2)), spaces.Discrete(2))
    with pytest.raises(TypeError, match="Text"):
        native(spaces.Box(0, 1, (2,)), spaces.Dict(a=spaces.Text(3)))


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_rows_of_bytes_may_begin_anywhere(start):
    """A byte buffer of the caller's need not be aligned to the parts of a row."""
    expected, size = make("ocean-spaces", 5), 5 * 36
    memory = np.zeros(size + 4, np.uint8)
    env = make("ocean-spaces", 5, buf={"observations": memory[start : start + size].reshape(5, 36)})
    env.reset(seed=0)
    expected.reset(seed=0)
    for action in random_actions(env, 20):
        assert np.array_equal(env.step(action)[0], expected.step(action)[0])
    assert not memory[:start].any()
    assert not memory[start + size :].any()
