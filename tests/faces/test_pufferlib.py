"""`VecEnv` of the face for PufferLib 3: the seven of `recv`, parts, infos of ends; policies, where it is installed."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import KINDS, assert_same, make, random_actions, run_python
from stories import story

import puffer
from puffer.faces.pufferlib import VecEnv


class FromFive(gymnasium.Env):
    """Actions from 5 to 7, which are the rewards."""

    observation_space = spaces.Box(0, 1, (1,))
    action_space = spaces.Discrete(3, start=5)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), float(action), False, False, {}


@pytest.mark.parametrize("kind", [*KINDS, "ocean-pendulum"])
def test_the_seven_are_those_of_the_batch(kind):
    env, batch = VecEnv(kind, 4, max_steps=9, num_threads=1), make(kind, 4, max_steps=9)
    env.async_reset(3)
    observations, rewards, terminals, truncations, infos, agents, masks = env.recv()
    assert_same(observations, batch.reset(seed=3)[0])
    assert infos == []
    assert not rewards.any() | terminals.any() | truncations.any()
    for actions in random_actions(batch, 30):
        expected = batch.step(actions)
        env.send(actions)
        *arrays, infos, agents, masks = env.recv()
        assert_same(arrays, list(expected[:4]))
        assert_same(agents, np.arange(env.num_agents))
        assert_same(masks, batch.masks)
        lists = {"episode_return": batch.ends.returns.tolist(), "episode_length": batch.ends.lengths.tolist()}
        assert infos == ([lists] if batch.ends else [])


def test_parts_have_the_numbers_of_their_agents():
    env = VecEnv("snake", 4, batch_size=2)
    assert (env.num_agents, env.agents_per_batch, env.driver_env.num_agents) == (32, 16, 8)
    assert env.action_space.shape == (16,)
    env.async_reset(0)
    for first in (0, 16, 0, 16):
        observations, *_, agents, masks = env.recv()
        assert observations.shape == (16, 11, 11)
        assert agents.tolist() == list(range(first, first + 16))
        assert masks.all()
        env.send(np.zeros(16, np.int64))


def test_truncated_episodes_may_be_terminals():
    for ends_as_terminals in (False, True):
        env = VecEnv("cartpole", 2, max_steps=3, ends_as_terminals=ends_as_terminals)
        env.reset(0)
        for _ in range(3):
            _, _, terminals, truncations, _ = env.step(np.zeros(2, np.int64))
        assert truncations.all()
        assert terminals.all() == ends_as_terminals


def test_what_environments_in_python_tell_at_the_end():
    for options in ({}, {"batch_size": 1}):
        env = VecEnv(story, 2, backend="serial", **options)
        env.reset(1)
        told = []
        for _ in range(14):
            told += env.step(np.zeros(env.num_envs, np.int64))[4]
        lengths = [length for info in told for length in info.get("episode_length", ())]
        assert [int(info["inner"]["steps"]) for info in told if "inner" in info] == lengths
        assert len(lengths) > 1


def test_discrete_actions_begin_at_zero():
    env = VecEnv(FromFive, 3, backend="serial")
    assert env.single_action_space == spaces.Discrete(3)
    env.reset()
    assert env.step(np.arange(3))[1].tolist() == [5, 6, 7]


def test_what_is_refused():
    with pytest.raises(ValueError, match="autoreset_mode='SameStep'"):
        VecEnv("cartpole", 2, autoreset_mode="NextStep")
    with pytest.raises(ValueError, match="flat=False"):
        VecEnv(story, 2, flat=False)
    with pytest.raises(TypeError, match="num_envs=2"):
        VecEnv(make("cartpole", 2), 2)


@pytest.mark.filterwarnings("ignore")
def test_its_policies():
    pytest.importorskip("pufferlib", reason="pip install pufferlib==3.0.0")
    import torch
    from pufferlib.models import Default
    from pufferlib.pytorch import nativize_dtype, nativize_tensor, sample_logits

    for name in ("cartpole", "catch", "pendulum", "snake", story):
        env = VecEnv(name, 3)
        policy = Default(env.driver_env, hidden_size=8)
        observations, _ = env.reset(0)
        logits, _ = policy.forward_eval(torch.as_tensor(observations))
        actions = sample_logits(logits)[0].numpy()
        if isinstance(env.single_action_space, spaces.Box):
            actions = np.clip(actions, env.action_space.low, env.action_space.high)
        env.step(actions)
        env.close()
    env = VecEnv(puffer.emulate(story, 3, backend="serial"))
    observations, _ = env.reset(0)
    parts = nativize_tensor(torch.as_tensor(observations), nativize_dtype(env.emulated))
    own = env.batch.layout.view(observations)
    assert list(parts) == list(own)
    for key, value in own.items():
        np.testing.assert_array_equal(parts[key].numpy().reshape(value.shape), value)


@pytest.mark.filterwarnings("ignore")
def test_the_example_runs(tmp_path):
    pytest.importorskip("pufferlib._C", reason="pip install pufferlib==3.0.0")
    example = Path(__file__).parents[2] / "examples" / "trainers" / "pufferlib_cartpole.py"
    assert "\nreturn " in run_python(str(example), "20000", cwd=tmp_path)
