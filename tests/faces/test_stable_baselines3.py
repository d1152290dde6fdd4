"""`VecEnv` of the face for Stable-Baselines3, beside its own `DummyVecEnv`; its wrappers and learners; MaskablePPO."""

from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from helpers import KINDS, assert_same, make, random_actions, run_python
from stories import cartpole, long_story, story

import puffer

pytest.importorskip("stable_baselines3", reason="pip install stable-baselines3")
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor, VecNormalize

from puffer.faces.stable_baselines3 import VecEnv


def as_theirs(function, count):
    return DummyVecEnv([lambda: Monitor(function())] * count)


def without_time(infos):
    """Infos without what two runs differ in, and with the flag that DummyVecEnv sets in every step."""
    for info in infos:
        info.setdefault("TimeLimit.truncated", False)
        info.get("episode", {}).pop("t", None)
    return in_order(infos)


def in_order(value):
    """Dicts with their keys in order."""
    if isinstance(value, list):
        return [in_order(one) for one in value]
    return {key: in_order(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


@pytest.mark.parametrize("function", [cartpole, story, long_story])
@pytest.mark.parametrize("backend", ["serial", "process"])
def test_same_as_dummy_vec_env(function, backend):
    theirs, ours = as_theirs(function, 3), VecEnv(function, 3, backend=backend)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.seed(5) == theirs.seed(5)
    for env in (theirs, ours):
        env.set_options([{}, {"length": 5}, {}] if function is story else None)
    assert_same(ours.reset(), theirs.reset())
    assert ours.reset_infos == theirs.reset_infos
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = rng.integers(0, ours.action_space.n, 3)
        *arrays, infos = ours.step(actions)
        *their_arrays, their_infos = theirs.step(actions)
        assert_same(arrays, their_arrays)
        assert_same(without_time(infos), without_time(their_infos))
        assert_same(in_order(ours.reset_infos), in_order(theirs.reset_infos))
    ours.close()


@pytest.mark.parametrize("kind", [*KINDS, "ocean-cartpole"])
def test_native_environments(kind):
    env, batch = VecEnv(kind, 4, num_threads=1, max_steps=9), make(kind, 4, flat=False, max_steps=9)
    seeds = env.seed(3)
    assert_same(env.reset(), batch.reset(seed=seeds[:: batch.agents_per_env])[0])
    for actions in random_actions(batch, 40):
        observations, rewards, dones, infos = env.step(actions)
        expected = batch.step(actions)
        assert_same((observations, rewards, dones), (*expected[:2], expected[2] | expected[3]))
        ended = [row for row, info in enumerate(infos) if info]
        assert ended == np.flatnonzero(dones).tolist() == batch.ends.rows.tolist()
        for end, row in enumerate(ended):
            np.testing.assert_array_equal(infos[row]["terminal_observation"], expected[4]["final_obs"][row])
            assert infos[row]["TimeLimit.truncated"] == (expected[3][row] and not expected[2][row])
            assert infos[row]["episode"]["r"] == round(batch.ends.returns[end], 6)
            assert infos[row]["episode"]["l"] == batch.ends.lengths[end]


def test_infos_are_kept_and_may_be_written_to():
    env = VecEnv("cartpole", 4, max_steps=2)
    env.reset()
    results = [env.step(np.zeros(4, np.int64)) for _ in range(4)]
    dicts = [info for result in results for info in result[3]]
    assert len({id(info) for info in dicts}) == len(dicts)
    last = [info["terminal_observation"] for info in results[1][3]]
    assert all((observation != later).any() for observation, later in zip(last, results[3][0], strict=True))


def test_a_step_in_the_background():
    env, other = VecEnv("cartpole", 4), VecEnv("cartpole", 4)
    env.seed(1), other.seed(1)
    assert_same(env.reset(), other.reset())
    env.step_async(np.ones(4, np.int64))
    assert_same(env.step_wait(), other.step(np.ones(4, np.int64)))
    env.step_async(np.ones(4, np.int64))
    env.seed(2)
    env.reset()


def test_attributes_and_methods():
    env, theirs = VecEnv(story, 3, backend="serial"), as_theirs(story, 3)
    for one in (env, theirs):
        one.reset()
        assert one.get_attr("difficulty") == [1, 1, 1]
        assert one.env_method("harder", indices=[2]) == [2]
        assert one.env_method("harder", by=5) == [6, 6, 7]
        one.set_attr("difficulty", [4], indices=1)
        assert one.get_attr("difficulty", indices=[1, 2]) == [[4], 7]
        assert one.has_attr("difficulty")
        assert not one.has_attr("easiness")
        assert one.env_is_wrapped(Monitor) == [True] * 3
        assert one.env_is_wrapped(TimeLimit, indices=0) == [False]
    assert VecEnv(long_story, 2, backend="serial").env_is_wrapped(TimeLimit) == [True, True]
    native = VecEnv("cartpole", 2)
    native.batch.set_next(gravity=[5.0, 9.0])
    native.reset()
    assert native.get_attr("gravity") == [5.0, 9.0]
    assert len(VecEnv("snake", 2).get_attr("max_steps")) == 16
    with pytest.raises(AttributeError, match="set_next"):
        native.set_attr("gravity", 3.0)


def test_some_copies_of_workers():
    env = VecEnv(story, 2, backend="process", num_workers=2)
    env.reset()
    env.set_attr("difficulty", 3, indices=[1])
    assert env.get_attr("difficulty") == [1, 3]
    assert not env.has_attr("easiness")
    assert env.env_method("harder") == [2, 4]
    with pytest.raises(NotImplementedError, match="backend='serial'"):
        env.env_method("harder", indices=[0])
    with pytest.raises(NotImplementedError, match="backend='serial'"):
        env.env_is_wrapped(TimeLimit)
    env.close()


def test_pictures():
    env = VecEnv("catch", 4, render_mode="rgb_array")
    env.reset()
    assert [image.shape for image in env.get_images()] == [env.batch.render_copy(0).shape] * 4
    height, width, _ = env.batch.render_copy(0).shape
    assert env.render().shape == (2 * height, 2 * width, 3)
    assert VecEnv("catch", 2).get_images() == [None, None]


def test_what_is_refused():
    for options in ({"autoreset_mode": "NextStep"}, {"copy": False}, {"batch_size": 2}):
        with pytest.raises(ValueError, match=next(iter(options))):
            VecEnv("cartpole", 4, **options)
    batch = make("cartpole", 4)
    with pytest.raises(TypeError, match="num_envs=3, max_steps=5"):
        VecEnv(batch, 3, max_steps=5)
    assert VecEnv(batch).batch is batch


@pytest.mark.parametrize("name", ["spaces", "squared", "taxi", "continuous", "snake", story])
@pytest.mark.parametrize("learner", [PPO, A2C, DQN])
def test_learners_take_every_space(name, learner):
    options = {"backend": "serial"}
    if isinstance(name, str):
        options = {"seed": 1, "num_threads": 1, "flat": name == "spaces"}
    env = VecEnv(name, 2, **options)
    if learner is DQN and not isinstance(env.action_space, spaces.Discrete):
        pytest.skip("DQN has Discrete actions only")
    policy = "MultiInputPolicy" if isinstance(env.observation_space, spaces.Dict) else "MlpPolicy"
    options = {"learning_starts": 20} if learner is DQN else {"n_steps": 32}
    model = learner(policy, env, seed=0, device="cpu", **options)
    model.learn(40 * env.num_envs)
    assert len(model.ep_info_buffer) > 0 or name in ("squared", "taxi")
    env.close()


def test_wrappers():
    env = VecFrameStack(VecNormalize(VecEnv("cartpole", 3, max_steps=5)), 2)
    env.reset()
    for _ in range(5):
        _, _, dones, infos = env.step(np.zeros(3, np.int64))
    assert dones.all()
    assert all(info["terminal_observation"].shape == (8,) for info in infos)
    with pytest.warns(UserWarning, match="already wrapped"):
        VecMonitor(VecEnv("cartpole"))


def test_policies_are_evaluated():
    env = VecEnv("cartpole", 2, max_steps=30)
    returns, lengths = evaluate_policy(PPO("MlpPolicy", env, device="cpu"), env, 5, return_episode_rewards=True)
    assert returns == lengths
    assert len(lengths) == 5


def test_a_recurrent_policy_forgets_where_episodes_begin():
    contrib = pytest.importorskip("sb3_contrib", reason="pip install sb3-contrib")
    model = contrib.RecurrentPPO("MlpLstmPolicy", VecEnv("cartpole", 2), seed=0, device="cpu")

    def greedy(observation, state=None, episode_start=None):
        return model.predict(observation, state, episode_start, deterministic=True)

    # One copy plays all episodes one after the other, and each of twelve plays its first.
    returns = [puffer.evaluate("cartpole", greedy, episodes=12, num_envs=copies).returns for copies in (1, 12)]
    assert np.array_equal(*returns)
    assert puffer.evaluate("cartpole", model.predict, episodes=2).mean > 0


def test_action_masks():
    pytest.importorskip("sb3_contrib", reason="pip install sb3-contrib")
    from sb3_contrib import MaskablePPO
    from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

    env = VecEnv(story, 2, backend="serial")
    env.reset()
    assert is_masking_supported(env)
    assert get_action_masks(env).tolist() == [[True, True, False]] * 2
    assert env.env_method("action_masks", indices=[1])[0].tolist() == [True, True, False]
    model = MaskablePPO("MultiInputPolicy", env, n_steps=32, device="cpu", seed=0)
    model.learn(64)
    assert not (model.rollout_buffer.actions == 2).any()
    assert not is_masking_supported(VecEnv("cartpole"))


def test_a_batch_is_as_good_as_a_name():
    flat = VecEnv(puffer.emulate(story, 2, backend="serial"))
    assert flat.observation_space.shape == flat.batch.layout.flat_space.shape
    flat.reset()
    for _ in range(6):
        *_, infos = flat.step(np.zeros(2, np.int64))
        for info in infos:
            assert "terminal_observation" not in info or flat.observation_space.contains(info["terminal_observation"])


def test_the_example_runs():
    example = Path(__file__).parents[2] / "examples" / "trainers" / "sb3_cartpole.py"
    assert run_python(str(example), "256", cwd=example.parent).startswith("return ")


def test_masks_of_an_environment_by_its_id():
    pytest.importorskip("sb3_contrib", reason="pip install sb3-contrib")
    from sb3_contrib import MaskablePPO

    model = MaskablePPO("MlpPolicy", "puffer/Taxi-v0", n_steps=32, batch_size=32, device="cpu", seed=0)
    env = model.get_env().envs[0].unwrapped
    assert env.action_masks().tolist() == env._batch.action_masks[0].tolist()
    model.learn(64)
    # Taxi's reward for what is not legal.
    assert (model.rollout_buffer.rewards > -10).all()
    with pytest.raises(ValueError, match="does not support action masking"):
        MaskablePPO("MlpPolicy", "puffer/CartPole-v0", device="cpu").learn(1)
