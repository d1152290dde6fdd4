"""`puffer.evaluate`: the returns of a loop by hand, with every kind of batch, and policies that make mistakes."""

import math
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import MODES

import puffer
from puffer.evaluation.results import student_t


def lean(observations):
    """The pole of CartPole is pushed back from where it leans."""
    return (observations[:, 2] > 0).astype(np.int64)


def by_hand(env, policy, seeds):
    """Returns and lengths of the episodes of these seeds, one after the other."""
    returns, lengths = [], []
    for seed in seeds:
        observation, _ = env.reset(seed=int(seed))
        total, length, over = 0.0, 0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(policy(observation[None])[0])
            total, length, over = total + reward, length + 1, terminated or truncated
        returns.append(total)
        lengths.append(length)
    env.close()
    return returns, lengths


@pytest.mark.parametrize("copies", [1, 3, 8, 16])
def test_a_native_batch_plays_the_episodes_of_the_seeds(mode, copies):
    expected = by_hand(gymnasium.make("puffer/CartPole-v0"), lean, range(5, 16))
    env = puffer.make("cartpole", copies, autoreset_mode=mode)
    # That it has been stepped, and is evaluated again, makes no difference.
    for _ in range(2):
        result = puffer.evaluate(env, lean, episodes=11, seed=5)
        assert (result.returns.tolist(), result.lengths.tolist()) == expected
        assert result.seeds.tolist() == list(range(5, 16))
    env.close()


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}])
@pytest.mark.parametrize("mode", MODES)
def test_so_do_environments_in_python(mode, options):
    expected = by_hand(gymnasium.make("CartPole-v1"), lean, range(7))
    result = puffer.evaluate("gym-CartPole-v1", lean, episodes=7, num_envs=4, autoreset_mode=mode, **options)
    assert (result.returns.tolist(), result.lengths.tolist()) == expected


def test_own_spaces_and_wrappers():
    expected = puffer.evaluate("cartpole", lean, episodes=5).returns.tolist()
    env = gymnasium.wrappers.vector.TransformReward(puffer.make("cartpole", 4), lambda rewards: 10 * rewards)
    assert puffer.evaluate(env, lean, episodes=5).returns.tolist() == expected
    env.close()
    with closing(puffer.make("spaces", 2, flat=False)) as env:
        env.action_space.seed(0)
        result = puffer.evaluate(env, lambda observations: env.action_space.sample(), episodes=4)
        assert result.returns.shape == (4,)


class Uneven(gymnasium.Env):
    """Half of the episodes are long and worth 1, the others are short and worth 0."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 50 if self.np_random.random() < 0.5 else 1
        self.is_long = self.left > 1
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(1, np.float32), float(self.is_long and not self.left), not self.left, False, {}


def test_long_episodes_count_as_much_as_short_ones():
    expected = by_hand(Uneven(), lean_not, range(60))[0]
    assert 0.3 < np.mean(expected) < 0.7
    for copies in (1, 7, 60):
        result = puffer.evaluate(Uneven, lean_not, episodes=60, num_envs=copies, backend="serial")
        assert result.returns.tolist() == expected


def lean_not(observations):
    return np.zeros(len(observations), np.int64)


@pytest.mark.parametrize("mode", MODES)
def test_agents_that_share_an_episode(mode):
    results = [
        puffer.evaluate("spread", lambda o: (o[:, 0] > 0) + 1, episodes=7, num_envs=copies, autoreset_mode=mode)
        for copies in (1, 3)
    ]
    assert results[0].returns.shape == (7, 3)
    assert np.array_equal(results[0].returns, results[1].returns)
    assert np.array_equal(results[0].totals, results[0].returns.mean(axis=1))
    assert (results[0].lengths == results[0].lengths[:, :1]).all()


def test_agents_with_episodes_of_their_own():
    result = puffer.evaluate("snake", lean_not, episodes=40, num_envs=2)
    assert result.returns.shape == (40,)
    assert (result.lengths > 0).all()
    assert result.seeds[:17].tolist() == [0] * 8 + [1] * 8 + [0]


@pytest.mark.parametrize("mode", MODES)
def test_a_recurrent_policy_is_told_where_episodes_begin(mode):
    lengths = {}

    def counting(observations, state, starts):
        steps = np.zeros(len(observations), np.int64) if state is None else state
        steps = np.where(starts, 0, steps) + 1
        for steps_of_row in steps:
            lengths[int(steps_of_row)] = True
        return lean(observations), steps

    result = puffer.evaluate("cartpole", counting, episodes=10, num_envs=10, autoreset_mode=mode)
    assert result.returns.tolist() == puffer.evaluate("cartpole", lean, episodes=10).returns.tolist()
    # One that had not forgotten would count further.
    assert max(lengths) <= puffer.evaluate("cartpole", lean, episodes=300).lengths.max()


class Masked(gymnasium.Env):
    """Only one action is legal, another one in each step."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(5)

    def tell(self):
        self.legal = int(self.np_random.integers(5))
        return {"action_mask": np.eye(5, dtype=np.int8)[self.legal]}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), self.tell()

    def step(self, action):
        assert action == self.legal
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == 8, False, self.tell()


@pytest.mark.parametrize("mode", MODES)
def test_a_policy_is_told_the_legal_actions(mode):
    def legal(observations, action_masks):
        return action_masks.argmax(axis=1)

    result = puffer.evaluate(Masked, legal, episodes=9, num_envs=4, backend="serial", autoreset_mode=mode)
    assert result.returns.tolist() == [8.0] * 9
    seen = []
    puffer.evaluate("cartpole", lambda o, action_masks: seen.append(action_masks) or lean(o), episodes=1)
    assert seen[0] is None


def test_the_best_and_the_worst_episode_are_recorded(tmp_path):
    result = puffer.evaluate("cartpole", lean, episodes=30, record=True)
    for recording, pick in ((result.best, np.argmax), (result.worst, np.argmin)):
        k = int(pick(result.returns))
        assert (recording.seed, recording.total) == (result.seeds[k], result.returns[k])
        assert len(recording.actions) == len(recording.frames) == result.lengths[k]
    result.worst.save(tmp_path / "worst.gif")
    assert (tmp_path / "worst.gif").stat().st_size > 1000
    with pytest.raises(ValueError, match='make .* with render_mode="rgb_array"'):
        puffer.evaluate("gym-CartPole-v1", lean, record=True)
    with pytest.raises(ValueError, match="each has its own"):
        puffer.evaluate("snake", lean_not, record=True)


def test_an_episode_that_does_not_repeat_is_not_shown_for_another():
    class Random(Uneven):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, np.random.random(), *rest

        def render(self):
            return np.zeros((4, 4, 3), np.uint8)

    Random.metadata = {"render_modes": ["rgb_array"]}
    Random.render_mode = "rgb_array"
    with pytest.raises(RuntimeError, match="something else with the same seed"):
        puffer.evaluate(Random, lean_not, episodes=3, backend="serial", record=True)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (lambda o: np.zeros(3, np.int64), r"policy <lambda> returned actions of shape \(3,\), expected \(16,\)"),
        (lambda o: o, r"returned actions of shape \(16, 4\), expected \(16,\)"),
        (lambda o: None, r"returned actions of shape \(\), expected \(16,\)"),
        (lambda o: [[1], [1, 2], *[0] * 14], r"policy <lambda> returned a list of unequal parts, expected \(16,\)"),
        (lambda o: (lean(o), None), r"a tuple of unequal parts, .* it needs a parameter called state"),
        (lambda o: (lean(o), lean(o)), r"actions of shape \(2, 16\), .* it needs a parameter called state"),
        (lambda o: np.full(16, math.nan), "policy <lambda> returned nan for row 0"),
        (lambda o, state: lean(o), r"policy <lambda> takes a state, so it must return \(actions, state\)"),
    ],
)
def test_wrong_actions_are_errors_before_a_step(policy, message):
    with closing(puffer.make("cartpole", 16)) as env:
        with pytest.raises(ValueError, match=message):
            puffer.evaluate(env, policy)
        assert env.stats() == {"episodes": 0}
        assert puffer.evaluate(env, lean, episodes=2).mean > 0


def test_nan_for_one_row_of_continuous_actions():
    def broken(observations):
        actions = np.zeros((len(observations), 1), np.float32)
        actions[3] = math.nan
        return actions

    with pytest.raises(ValueError, match=r"policy broken returned \[nan\] for row 3"):
        puffer.evaluate("pendulum", broken, num_envs=5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"policy": 3}, TypeError, "policy must be a function of observations, got 3"),
        ({"episodes": 0}, ValueError, "episodes must be at least 1, got 0"),
        ({"confidence": 1}, ValueError, "confidence must be between 0 and 1, got 1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"env": 3}, TypeError, "emulate takes an environment"),
        ({"env": "cartpole", "batch_size": 8}, ValueError, "batch_size=8 of 16: leave it out"),
        ({"env": puffer.make("cartpole", 2), "num_envs": 3}, TypeError, "is made already; pass num_envs=3"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        puffer.evaluate(**{"env": "cartpole", "policy": lean, **arguments})


def test_the_interval_is_that_of_students_t():
    # From tables.
    for freedom, value in ((1, 12.7062), (2, 4.30265), (5, 2.57058), (30, 2.04227), (200, 1.97190), (1000, 1.96234)):
        assert student_t(freedom, 0.95) == pytest.approx(value, abs=1e-5 * value)
    result = puffer.evaluate("cartpole", lean, episodes=10, confidence=0.9)
    half = 1.83311 * result.returns.std(ddof=1) / math.sqrt(10)
    assert result.interval == pytest.approx((result.mean - half, result.mean + half), rel=1e-5)
    assert str(result).startswith(f"return {result.mean:.4g} (90 %: ")
    assert math.isnan(puffer.evaluate("cartpole", lean, episodes=1).interval[0])
