"""Masks of legal actions: live, in every backend and mode, and random legal actions."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from helpers import make

import puffer


class Counting(gymnasium.Env):
    """Action k is legal in step t of episode e if bit k of 1 + (e + t) % 7 is set; an illegal one is an error."""

    observation_space = Box(0, 100, (1,))
    action_space = Discrete(3, start=5)
    episode = -1

    def reset(self, *, seed=None, options=None):
        self.episode, self.time = self.episode + 1, 0
        return self._now()

    def step(self, action):
        assert self._mask()[action - 5]
        self.time += 1
        observation, info = self._now()
        return observation, 0.0, self.time == 4 + self.episode, False, info

    def _mask(self):
        return np.array([1 + (self.episode + self.time) % 7 >> k & 1 for k in range(3)], np.int8)

    def _now(self):
        return np.full(1, (self.episode + self.time) % 7, np.float32), {"action_mask": self._mask()}


def assert_masks_of_counting(env, observations, rows=slice(None)):
    bits = 1 + observations[:, :1].astype(int) >> np.arange(3) & 1
    assert (env.action_masks[rows] == (bits != 0)).all()
    assert env.action_masks.dtype == np.bool_


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}], ids=str)
def test_masks_of_infos_are_those_of_the_last_step(mode, options):
    env = puffer.emulate(Counting, 4, autoreset_mode=mode, **options)
    try:
        env.action_space.seed(0)
        assert_masks_of_counting(env, env.reset(seed=0)[0])
        for step in range(40):
            observations, _, terminations, *_ = env.step(env.sample_legal())
            if step % 3:
                assert_masks_of_counting(env, observations)
            if mode == "Disabled" and terminations.any():
                env.reset(options={"reset_mask": terminations})
                assert_masks_of_counting(env, env.observations)
    finally:
        env.close()


def test_masks_of_parts():
    env = puffer.emulate(Counting, 4, backend="serial", batch_size=2)
    env.async_reset(seed=0)
    assert_masks_of_counting(env, env.observations)
    for step in range(50):
        observations, *_, info = env.recv()
        rows = info["env_id"]
        if step % 3:
            assert_masks_of_counting(env, observations, rows)
            assert_masks_of_counting(env, env.observations)
        env.send(env.sample_legal()[rows])


def test_sampled_actions_are_all_legal_ones_and_follow_the_seed():
    env = puffer.emulate(Counting, 64, backend="serial")
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.sample_legal())
    legal = env.action_masks[0].nonzero()[0]
    assert len(legal) == 2
    env.action_space.seed(3)
    first = env.sample_legal()
    assert set(first) == set(5 + legal)
    assert first.dtype == env.action_space.dtype
    env.action_space.seed(3)
    assert (env.sample_legal() == first).all()


def test_gymnasiums_own_sampling_takes_the_masks():
    env = puffer.emulate(Counting, 3, backend="serial")
    env.reset(seed=0)
    for _ in range(20):
        masks = tuple(env.action_masks.astype(np.int8))
        env.step(env.action_space.sample(mask=masks))


def test_taxi_by_its_gymnasium_id():
    name = max(name for name in gymnasium.registry if name.startswith("Taxi-"))
    env = puffer.make(f"gym-{name}", 4, backend="serial", max_steps=15)
    env.reset(seed=0)
    for _ in range(40):
        expected = [one.unwrapped.action_mask(one.unwrapped.s) for one in env.envs]
        assert (env.action_masks == np.array(expected)).all()
        env.step(env.sample_legal())


class Choosing(gymnasium.Env):
    """Two numbers, with masks in the forms that people give them."""

    observation_space = Box(0, 1, (1,))
    action_space = MultiDiscrete([2, 4])

    def __init__(self, form):
        self.form = form

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {"action_mask": self._mask()}

    def step(self, action):
        assert action.tolist() == [1, 2] or self.form == "none"
        return np.zeros(1, np.float32), 0.0, False, False, {} if self.form == "none" else {"action_mask": self._mask()}

    def _mask(self):
        parts = np.array([0, 1], np.int8), np.array([0, 0, 1, 0], np.int8)
        forms = {"tuple": parts, "array": np.concatenate(parts), "grid": np.concatenate(parts).reshape(2, 3) * 7}
        return forms.get(self.form, np.zeros(6))


@pytest.mark.parametrize("form", ["tuple", "array", "grid"])
def test_masks_of_several_numbers(form):
    env = puffer.emulate(lambda: Choosing(form), 2, backend="serial")
    env.reset(seed=0)
    for _ in range(20):
        assert env.action_masks.tolist() == 2 * [[False, True, False, False, True, False]]
        env.step(env.sample_legal())


def test_rows_without_a_mask_may_do_anything():
    env = puffer.emulate(lambda: Choosing("none"), 2, backend="serial")
    env.reset(seed=0)
    assert not env.action_masks.any()
    drawn = {tuple(action) for _ in range(100) for action in env.sample_legal().tolist()}
    assert drawn == {(one, two) for one in range(2) for two in range(4)}
    env.step(env.sample_legal())
    assert env.action_masks.all()


class Observing(gymnasium.Env):
    """The mask of the next step, in the observation."""

    action_space = Discrete(4)

    def __init__(self, dtype, high=1):
        self.observation_space = Dict({"action_mask": Box(0, high, (4,), dtype), "x": Box(-1, 1, (2,))})
        self.high = high

    def _observation(self):
        self.legal = self.np_random.integers(0, 2, 4)
        self.legal[self.np_random.integers(4)] = 1
        mask = (self.high * self.legal).astype(self.observation_space["action_mask"].dtype)
        return {"action_mask": mask, "x": np.zeros(2, np.float32)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observation(), {}

    def step(self, action):
        assert self.legal[action]
        return self._observation(), 0.0, False, False, {}


@pytest.mark.parametrize(("dtype", "high"), [(np.int8, 1), (np.uint8, 200), (np.float32, 1), (np.int64, 1)])
@pytest.mark.parametrize("flat", [True, False])
def test_masks_of_observations(dtype, high, flat):
    env = puffer.emulate(lambda: Observing(dtype, high), 3, backend="serial", flat=flat, copy=False)
    env.reset(seed=0)
    live = env.action_masks
    for _ in range(20):
        env.step(env.sample_legal())
        assert (env.action_masks == [one.legal for one in env.envs]).all()
        if dtype == np.int8:
            assert (live == env.action_masks).all()


def test_copied_masks_stay():
    env = puffer.emulate(lambda: Observing(np.int8), 3, backend="serial", copy=True)
    env.reset(seed=0)
    masks = env.action_masks
    before = masks.copy()
    for _ in range(5):
        env.step(env.sample_legal())
    assert (masks == before).all()


@pytest.mark.parametrize("game", ["tictactoe", "connect-four"])
def test_legal_moves_win_or_draw_board_games(game):
    pytest.importorskip("pettingzoo")
    try:
        env = make(f"pettingzoo-{game}", 4, backend="serial")
    except ImportError:
        pytest.skip("the games of PettingZoo are not installed")
    _, info = env.reset(seed=0)
    env.action_space.seed(0)
    ends = 0
    for _ in range(100):
        to_move = info["to_move"]
        assert (env.action_masks.any(axis=1) == to_move).all()
        _, rewards, terminations, truncations, info = env.step(env.sample_legal())
        # Who makes an illegal move loses alone.
        assert (rewards.reshape(4, 2).sum(axis=1) == 0).all()
        ends += (terminations | truncations).sum()
    assert ends > 8


class Unequal(puffer.PufferEnv):
    """Two agents, the second of which has fewer actions, and a shorter mask."""

    num_agents = 2
    single_observation_space = Box(0, 1, (1,))
    single_action_space = Discrete(5)
    copy_action_space = MultiDiscrete([5, 2])

    def reset(self, seed=None):
        self.time = 0
        return self.observations, self._infos()

    def step(self, actions):
        assert actions.tolist() == [4, 1] or self.time == 1
        self.time += 1
        return self.observations, self.rewards, self.terminations, self.truncations, self._infos()

    def _infos(self):
        masks = np.array([0, 0, 0, 0, 1]), np.array([0, 1])
        return [] if self.time == 1 else [{"action_mask": mask} for mask in masks]


def test_masks_of_agents_with_fewer_actions():
    env = puffer.emulate(Unequal, 2, backend="serial")
    env.reset(seed=0)
    for step in range(5):
        if step == 1:
            assert env.action_masks.tolist() == 2 * [5 * [True], [True, True, False, False, False]]
        else:
            assert env.action_masks.tolist() == 2 * [4 * [False] + [True], [False, True, False, False, False]]
        env.step(env.sample_legal())


def test_without_masks_there_is_no_attribute():
    env = puffer.make("cartpole", 2)
    assert not hasattr(env, "action_masks")
    with pytest.raises(AttributeError, match=r"CartPole has no action masks: .*'action_mask'"):
        env.sample_legal()
    continuous = puffer.make("gym-Pendulum-v1", 2, backend="serial")
    with pytest.raises(AttributeError, match="for Discrete and MultiDiscrete actions, here Box"):
        continuous.sample_legal()


def test_masks_of_another_size_are_told_to_those_who_ask():
    class Wrong(Counting):
        def _mask(self):
            return np.ones(4, np.int8)

    env = puffer.emulate(Wrong, 2, backend="serial")
    env.reset(seed=0)
    env.step([5, 6])
    for _ in range(2):
        with pytest.raises(ValueError, match="action_mask of an info must have 3 entries, got 4"):
            _ = env.action_masks
