"""Ready wrappers against Gymnasium's of the same kind, step by step; and the examples of the documentation."""

import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces, wrappers
from gymnasium.wrappers import RecordEpisodeStatistics

import puffer
from puffer.wrappers import (
    ClipAction,
    ClipReward,
    EpisodeStatistics,
    FrameSkip,
    FrameStack,
    Grayscale,
    RescaleAction,
    ResizeImage,
    TimeLimit,
    Wrapper,
)


class Screen(gymnasium.Env):
    """Random pictures; eight steps are an episode."""

    observation_space = spaces.Box(0, 255, (12, 10, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def _picture(self):
        return self.np_random.integers(0, 256, (12, 10, 3), np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._picture(), {"t": 0}

    def step(self, action):
        self.t += 1
        return self._picture(), float(action), self.t == 8, False, {"t": self.t}


def cart_pole():
    return gymnasium.make("CartPole-v1", max_episode_steps=30)


def pendulum():
    return gymnasium.make("Pendulum-v1")


def blackjack():
    return gymnasium.make("Blackjack-v1")


LOW, HIGH = np.array([-0.5], np.float32), np.array([3.0], np.float32)
EQUAL = {
    "nothing": (cart_pole, Wrapper, lambda env: env),
    "clipped rewards": (cart_pole, lambda env: ClipReward(env, 0, 0.5), lambda env: wrappers.ClipReward(env, 0, 0.5)),
    "rewards with one bound": (
        pendulum,
        lambda env: ClipReward(env, low=-3),
        lambda env: wrappers.ClipReward(env, min_reward=-3),
    ),
    "clipped actions": (pendulum, ClipAction, wrappers.ClipAction),
    "time limit": (cart_pole, lambda env: TimeLimit(env, 7), lambda env: wrappers.TimeLimit(env, 7)),
    "longer time limit": (cart_pole, lambda env: TimeLimit(env, 99), lambda env: wrappers.TimeLimit(env, 99)),
    "frames": (cart_pole, lambda env: FrameStack(env, 3), lambda env: wrappers.FrameStackObservation(env, 3)),
    "nested frames": (blackjack, lambda env: FrameStack(env, 2), lambda env: wrappers.FrameStackObservation(env, 2)),
    "frames of pictures": (Screen, lambda env: FrameStack(env, 4), lambda env: wrappers.FrameStackObservation(env, 4)),
    "gray": (Screen, Grayscale, wrappers.GrayscaleObservation),
    "gray channel": (
        Screen,
        lambda env: Grayscale(env, keep_dim=True),
        lambda env: wrappers.GrayscaleObservation(env, keep_dim=True),
    ),
    "smaller": (Screen, lambda env: ResizeImage(env, 5, 4), lambda env: wrappers.ResizeObservation(env, (5, 4))),
    "larger": (Screen, lambda env: ResizeImage(env, 15, 31), lambda env: wrappers.ResizeObservation(env, (15, 31))),
    "smaller gray channel": (
        Screen,
        lambda env: ResizeImage(Grayscale(env, keep_dim=True), 6, 5),
        lambda env: wrappers.ResizeObservation(wrappers.GrayscaleObservation(env, keep_dim=True), (6, 5)),
    ),
    "greater of two frames": (
        Screen,
        lambda env: FrameSkip(env, 4, maximum=True),
        lambda env: wrappers.MaxAndSkipObservation(env, 4),
    ),
    "as for Atari": (
        Screen,
        lambda env: FrameStack(ResizeImage(Grayscale(FrameSkip(ClipReward(env, -1, 1), 2, maximum=True)), 6, 6), 4),
        lambda env: wrappers.FrameStackObservation(
            wrappers.ResizeObservation(
                wrappers.GrayscaleObservation(wrappers.MaxAndSkipObservation(wrappers.ClipReward(env, -1, 1), 2)),
                (6, 6),
            ),
            4,
        ),
    ),
}


def play_both(ours, theirs, steps=100):
    """Step both; yields ours, as one agent has it, and theirs, after every reset and step."""
    space = theirs.action_space
    assert ours.single_action_space == space
    assert ours.single_observation_space == theirs.observation_space
    theirs.action_space.seed(3)
    ended = True
    for step in range(steps):
        if ended:
            seed = None if step else 5
            observations, infos = ours.reset(seed)
            yield (observations[0].copy(), 0.0, False, False, infos[0]), (*reset(theirs, seed),)
        action = space.sample()
        *arrays, infos = ours.step(np.asarray(action)[np.newaxis])
        result = theirs.step(action)
        yield (*(array[0].copy() for array in arrays), infos[0]), result
        ended = result[2] or result[3]


def reset(env, seed):
    observation, info = env.reset(seed=seed)
    return observation, 0.0, False, False, info


def row_of(env, observation):
    row = np.zeros(env.layout.flat_space.shape, env.layout.flat_space.dtype)
    env.layout.flatten(observation, row)
    return row


@pytest.mark.parametrize("case", EQUAL)
def test_equal_to_gymnasium(case):
    make, wrap, wrap_as_gymnasium = EQUAL[case]
    ours = wrap(make())
    for mine, other in play_both(ours, wrap_as_gymnasium(make())):
        assert np.array_equal(mine[0], row_of(ours, other[0]))
        assert mine[1] == np.float32(other[1])
        assert mine[2:4] == other[2:4]
        assert mine[4] == other[4]


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-0.5, 7), (LOW, HIGH)])
def test_rescaled_actions_as_in_gymnasium(low, high):
    bounds = (np.broadcast_to(np.float32(bound), (1,)) for bound in (low, high))
    ours, theirs = RescaleAction(pendulum(), low, high), wrappers.RescaleAction(pendulum(), *bounds)
    for mine, other in play_both(ours, theirs):
        np.testing.assert_allclose(mine[0], other[0], atol=1e-4)
        assert mine[1] == pytest.approx(float(other[1]), abs=1e-3)
        assert mine[2:4] == other[2:4]


def test_rescaled_bounds_are_met_exactly():
    class Bounded(gymnasium.Env):
        observation_space = spaces.Box(-9, 9, (3,), np.float32)
        action_space = spaces.Box(np.float32([-0.1, 0.3, -7]), np.float32([0.7, 0.9, 1e-3]))

        def reset(self, *, seed=None, options=None):
            return np.zeros(3, np.float32), {}

        def step(self, action):
            assert self.action_space.contains(action)
            return action, 0.0, False, False, {}

    env = RescaleAction(Bounded(), -0.3, 1.7)
    env.reset()
    assert np.array_equal(env.step(np.full((1, 3), -0.3, np.float32))[0][0], Bounded.action_space.low)
    assert np.array_equal(env.step(np.full((1, 3), 1.7, np.float32))[0][0], Bounded.action_space.high)
    for action in np.random.default_rng(1).uniform(-0.3, 1.7, (200, 1, 3)).astype(np.float32):
        env.step(action)


def test_episode_statistics_as_in_gymnasium():
    episodes = 0
    for mine, other in play_both(EpisodeStatistics(cart_pole()), RecordEpisodeStatistics(cart_pole()), 200):
        assert set(mine[4]) == set(other[4])
        if "episode" in other[4]:
            episodes += 1
            assert {**mine[4]["episode"], "t": 0} == {**other[4]["episode"], "t": 0}
            assert 0 < mine[4]["episode"]["t"] < 60
    assert episodes > 5


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_a_batch_plays_as_gymnasiums(mode, options):
    ours = puffer.emulate(
        lambda: FrameStack(EpisodeStatistics(ClipReward(gymnasium.make("CartPole-v1"), 0, 0.5)), 2),
        num_envs=4,
        autoreset_mode=mode,
        **options,
    )

    def wrap(env):
        return wrappers.FrameStackObservation(RecordEpisodeStatistics(wrappers.ClipReward(env, 0, 0.5)), 2)

    theirs = gymnasium.vector.SyncVectorEnv([lambda: wrap(gymnasium.make("CartPole-v1"))] * 4, autoreset_mode=mode)
    theirs.action_space.seed(1)
    mine, other = ours.reset(seed=5), theirs.reset(seed=5)
    for _ in range(60):
        assert np.array_equal(mine[0], other[0])
        for one, another in zip(mine[1:-1], other[1:-1], strict=True):
            assert np.array_equal(one, another)
        ended, expected = (
            info.get("final_info", info).get("episode", {"r": 0, "l": 0}) for info in (mine[-1], other[-1])
        )
        assert np.array_equal(ended["r"], expected["r"])
        assert np.array_equal(ended["l"], expected["l"])
        actions = theirs.action_space.sample()
        mine, other = ours.step(actions), theirs.step(actions)
    ours.close()
    theirs.close()


def test_the_examples_of_the_documentation_run():
    page = Path(__file__).parents[2] / "docs" / "wrappers.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) == 4
    names = {"__name__": "wrappers"}
    for block in blocks:
        exec(block, names)
