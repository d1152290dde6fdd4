"""`VecEnv` of the face for Tianshou, beside its own `DummyVectorEnv`, and under its collectors."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same, make, random_actions, run_python
from stories import cartpole, long_story, story

from puffer.emulation import emulate

torch = pytest.importorskip("torch", reason="pip install tianshou")
with warnings.catch_warnings():
    # Those of packages that Tianshou imports.
    warnings.simplefilter("ignore")
    pytest.importorskip("tianshou", reason="pip install tianshou")
    from tianshou.data import Batch, Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv

    from puffer.faces.tianshou import VecEnv

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("function", [cartpole, long_story])
@pytest.mark.parametrize("backend", ["serial", "process"])
def test_same_as_dummy_vector_env(function, backend):
    theirs, ours = DummyVectorEnv([function] * 3), VecEnv(function, 3, backend=backend)
    assert len(ours) == len(theirs) == 3
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    ours.seed(4)
    observations, infos = ours.reset()
    for row in range(3):
        observation, info = theirs.reset(env_id=row, seed=4 + row)
        assert_same_told([observations[[row]], infos[[row]]], [observation, info])
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = rng.integers(0, 2, 3)
        result = ours.step(actions)
        assert_same_told(result, theirs.step(actions))
        ended = np.flatnonzero(result[2] | result[3])
        if len(ended):
            assert_same_told(ours.reset(env_id=ended), theirs.reset(env_id=ended))
    ours.close()


def assert_same_told(ours, theirs):
    """Equal, but for the number of the row, which DummyVectorEnv tells in steps only, and the dtype of rewards."""
    for *_, infos in (ours, theirs):
        for info in infos:
            info.pop("env_id", None)
    for one, other in zip(ours, theirs, strict=True):
        if one.dtype == object:
            assert Batch(list(one)) == Batch(list(other))
        else:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["catch", "snake", "pendulum", "blackjack"])
def test_values_are_those_of_the_batch(name):
    env, batch = VecEnv(name, 2, flat=True, max_steps=12, num_threads=1), make(name, 2, max_steps=12)
    observations, _ = env.reset(seed=3)
    assert_same(observations, batch.reset(seed=3)[0])
    for actions in random_actions(batch, 30):
        observations, *flags, infos = env.step(actions)
        expected, *expected_flags, _ = batch.step(actions)
        assert_same(flags, expected_flags)
        ended = batch.ends.rows
        assert_same(observations[ended], batch.ends.observations)
        assert [info["env_id"] for info in infos] == list(range(batch.num_envs))
        if len(ended):
            assert_same(env.reset(env_id=ended)[0], expected[ended])


def test_rows_that_were_left_out_are_reset_first():
    env = VecEnv("cartpole", 3)
    env.reset(seed=0)
    observations, *_ = env.step([0, 1], [0, 2])
    assert observations.shape == (2, 4)
    with pytest.raises(ValueError, match=r"\[1\] were left out"):
        env.step([0, 0, 0])
    before = env.batch.observations.copy()
    observations, _ = env.reset(env_id=[1])
    assert (observations != before[1]).all()
    assert_same(env.batch.observations[[0, 2]], before[[0, 2]])
    env.step([0, 0, 0])


class Random(torch.nn.Module):
    """The policy of a collector, which asks for nothing else with random actions."""

    @staticmethod
    def map_action_inverse(actions):
        return actions


@pytest.mark.parametrize("function", [cartpole, story])
def test_collected_episodes_are_whole(function):
    env = VecEnv(function, 4, backend="serial")
    buffer = VectorReplayBuffer(2000, 4)
    collector = Collector(Random(), env, buffer)
    collector.reset()
    for _ in range(2):
        stats = collector.collect(n_episode=11, random=True)
        assert stats.n_collected_episodes == 11
    collector.collect(n_step=40, random=True)
    if function is story:
        kept = buffer[buffer.sample_indices(0)]
        # An observation has the number of the step.
        np.testing.assert_array_equal(kept.obs_next.level, kept.obs.level + 1)
        first = np.concatenate([[True], kept.done[:-1]])
        assert not kept.obs.level[first].any()


def test_attributes():
    env = VecEnv(story, 3, backend="serial")
    assert env.get_env_attr("difficulty") == [1, 1, 1]
    env.set_env_attr("difficulty", 5, 1)
    assert env.get_env_attr("difficulty", [1, 2]) == [5, 1]


def test_what_is_refused():
    for options in ({"autoreset_mode": "NextStep"}, {"copy": False}, {"batch_size": 2}):
        with pytest.raises(ValueError, match=next(iter(options))):
            VecEnv("cartpole", 4, **options)
    with pytest.raises(ValueError, match="flat=False"):
        VecEnv(emulate(story, 2, flat=False, backend="serial"))


def test_the_example_runs():
    example = Path(__file__).parents[2] / "examples" / "trainers" / "tianshou_cartpole.py"
    assert "return " in run_python("-W", "ignore", str(example), "1024", cwd=example.parent)
