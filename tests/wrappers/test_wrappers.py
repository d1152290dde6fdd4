"""`Wrapper` and the ready ones: several agents, all backends, refusals."""

import copy
import re

import gymnasium
import numpy as np
import pytest
from gymnasium import error, spaces
from helpers import MODES, assert_same, snapshot

import puffer
from puffer.wrappers import (
    ClipAction,
    ClipReward,
    EpisodeStatistics,
    FrameSkip,
    FrameStack,
    Grayscale,
    MeanOverAgents,
    RescaleAction,
    ResizeImage,
    TimeLimit,
    Wrapper,
)

BACKENDS = [{"backend": "serial"}, {"backend": "process", "num_workers": 2}]


class Crowd(puffer.PufferEnv):
    """Three agents; agent k ends after 3 k + 2 steps. In place, with its rows as its memory."""

    num_agents = 3

    def __init__(self):
        super().__init__()
        self.single_observation_space = self.make_space({"x": (2,), "place": spaces.Discrete(9)}, low=-99, high=99)
        self.single_action_space = self.make_discrete(3)

    def reset(self, seed=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t = 0
        self.observation_views["x"][:] = self.rng.random((3, 2))
        self.observation_views["place"][:] = range(3)
        return self.observations, [{"start": float(one)} for one in self.observation_views["x"][:, 0]]

    def step(self, actions):
        assert not self.rewards.any()
        self.t += 1
        views = self.observation_views
        views["x"][:, 0] += actions
        views["place"][:] = (views["place"] + actions) % 9
        self.rewards[:] = views["x"][:, 0] - 1.5
        self.terminations[:] = np.arange(2, 11, 3) == self.t
        infos = [{"t": self.t}, {}, {"t": -self.t, "nested": {"name": "c"}}]
        return self.observations, self.rewards, self.terminations, self.truncations, infos


class Guests(puffer.PufferEnv):
    """Agents by name: "a" stays, "b" comes with step 2 and goes with 4 or 5, which is up to chance. Returning."""

    num_agents = 2
    possible_agents = ("a", "b")
    max_steps = 8
    single_observation_space = spaces.Box(0, 99, (1,), np.float32)
    single_action_space = spaces.Discrete(3)

    def reset(self, seed=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t, self.leaves = 0, int(self.rng.integers(4, 6))
        return {"a": np.array([10.0])}, {"a": {"leaves": self.leaves}}

    def step(self, actions):
        self.t += 1
        assert set(actions) == ({"a", "b"} if 2 < self.t <= self.leaves else {"a"})
        present = ["a", "b"] if 2 <= self.t <= self.leaves else ["a"]
        observations = {name: np.array([10 * (self.t + 1) + (name == "b")]) for name in present}
        rewards = {name: 1.0 + action for name, action in actions.items()}
        terminations = {"b": self.t == self.leaves}
        return observations, rewards, terminations, {"__all__": False}, {name: {"at": self.t} for name in actions}


class Single(gymnasium.Env):
    """One agent, nested observations, infos now and then."""

    observation_space = spaces.Dict({"a": spaces.Box(0, 1, (2,), np.float32), "b": spaces.MultiBinary(3)})
    action_space = spaces.Tuple((spaces.Discrete(3), spaces.Box(-1, 1, (2,), np.float32)))

    def _observe(self):
        return {"a": self.np_random.random(2, np.float32), "b": self.np_random.integers(0, 2, 3, np.int8)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observe(), {"first": True}

    def step(self, action):
        info = {"x": {"y": self.np_random.random()}} if self.np_random.random() < 0.3 else {}
        return self._observe(), action[0] + float(action[1].sum()), self.np_random.random() < 0.2, False, info


def play(make, mode="SameStep", steps=30, **options):
    """What a batch of three copies returns for random actions, with the masks of each step."""
    env = puffer.emulate(make, 3, autoreset_mode=mode, **{"backend": "serial", **options})
    env.action_layout.space.seed(2)
    results = [(*snapshot(env.reset(seed=4)), env.masks.copy())]
    ended = np.zeros(3, np.bool_)
    for _ in range(steps):
        if mode == "Disabled" and ended.any():
            env.reset(options={"reset_mask": np.repeat(ended, env.agents_per_env)})
        actions = [env.action_layout.flatten(env.action_layout.space.sample()) for _ in range(env.num_envs)]
        *arrays, info = snapshot(env.step(np.array(actions)))
        results.append((*arrays, env.masks.copy(), info))
        goes_on = env.masks & ~(arrays[2] | arrays[3])
        ended = ~goes_on.reshape(3, -1).any(axis=1)
    stats = env.stats()
    env.close()
    return [*results, stats]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [Crowd, Guests, Single])
def test_a_wrapper_that_changes_nothing(make, mode):
    expected = play(make, mode)
    assert_same(play(lambda: Wrapper(make()), mode), expected)
    assert_same(play(lambda: Wrapper(Wrapper(make())), mode), expected)
    assert expected[-1]["episodes"] > 3


@pytest.mark.parametrize("make", [Crowd, Guests, Single])
def test_wrappers_in_processes(make):
    def wrapped():
        return FrameStack(ClipReward(EpisodeStatistics(make()), 0, 1), 2)

    serial, processes = (play(wrapped, **options) for options in BACKENDS)
    for one, other in zip(serial, processes, strict=True):
        assert_same(without_times(one), without_times(other))


def without_times(value):
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key != "t" or "r" not in value}
    return tuple(without_times(one) for one in value) if isinstance(value, tuple) else value


def test_clipped_rewards_of_several_agents():
    expected = play(Crowd)
    results = play(lambda: ClipReward(Crowd(), -0.5, 1))
    for (observations, rewards, *_), (same, unclipped, *_) in zip(results[1:-1], expected[1:-1], strict=True):
        assert np.array_equal(observations, same)
        assert np.array_equal(rewards, np.clip(unclipped, -0.5, 1))
    assert any((one[1] == -0.5).any() and (one[1] == 1).any() for one in results[1:-1])


# ---- Wrappers of one's own ----


class Doubled(Wrapper):
    """Doubles a leaf of nested observations, in a space of its own."""

    def __init__(self, env):
        super().__init__(env)
        self.single_observation_space = self.make_space({"x": (2,), "place": spaces.Discrete(9)}, low=-198, high=198)

    def change_observations(self, observations):
        self.observation_views["x"][:] = 2 * observations["x"]
        self.observation_views["place"][:] = observations["place"]


class Reversed(Wrapper):
    """Turns the actions round, and the rewards."""

    def change_actions(self, actions):
        self.env_rows.actions[:] = 2 - actions

    def change_rewards(self, rewards):
        rewards *= -1


def test_changed_observations_leave_the_env_alone():
    expected = play(Crowd)
    results = play(lambda: Doubled(Doubled(Crowd())))
    layout = Crowd().layout
    for (mine, *rest), (theirs, *expected_rest) in zip(results[:-1], expected[:-1], strict=True):
        mine, theirs = layout.view(mine), layout.view(theirs)
        assert np.array_equal(mine["x"], 4 * theirs["x"])
        assert np.array_equal(mine["place"], theirs["place"])
        assert_same(rest[:-1], expected_rest[:-1])


def test_changed_actions_and_rewards():
    expected = play(Crowd)
    twice = play(lambda: Reversed(Reversed(Crowd())))
    assert_same(twice, expected)
    env, plain = Reversed(Crowd()), Crowd()
    env.reset(1)
    plain.reset(1)
    rewards = env.step(np.array([0, 1, 2]))[1]
    assert rewards.tolist() == (-plain.step(np.array([2, 1, 0]))[1]).tolist()


def test_rows_are_shared_where_nothing_changes_them():
    env = ClipReward(Crowd(), 0, 1)
    env.reset(1)
    for name in ("observations", "actions", "rewards", "terminations", "truncations", "masks"):
        assert np.shares_memory(getattr(env, name), getattr(env.env, name)), name
    env = Doubled(Crowd())
    env.reset(1)
    assert not np.shares_memory(env.observations, env.env.observations)


@pytest.mark.parametrize("name", ["observation", "action"])
def test_another_space_needs_a_method(name):
    class Other(Wrapper):
        def __init__(self, env):
            super().__init__(env)
            setattr(self, f"single_{name}_space", spaces.Discrete(7))

    with pytest.raises(TypeError, match=f"Other and .* have different spaces of {name}s, .* change_{name}s"):
        puffer.emulate(lambda: Other(Crowd()), 1, backend="serial")


def test_alone():
    env = EpisodeStatistics(Guests())
    with pytest.raises(error.ResetNeeded, match="EpisodeStatistics"):
        env.step([0, 0])
    observations, infos = env.reset(seed=1)
    assert observations is env.observations
    assert env.masks.tolist() == [True, False]
    assert infos == [{"leaves": infos[0]["leaves"]}, {}]
    for _ in range(8):
        result = env.step([1, 1])
    assert result[3].tolist() == [True, False]
    assert {**result[4][0]["episode"], "t": 0} == {"r": 16.0, "l": 8, "t": 0}
    with pytest.raises(error.ResetNeeded, match="call reset"):
        env.step([0, 0])
    env.reset()
    env.step([0, 0])


def test_an_env_that_raises_must_be_reset():
    class Failing(Single):
        def step(self, action):
            raise KeyError("broken")

    env = Wrapper(Failing())
    env.reset(seed=1)
    for expected in (KeyError, error.ResetNeeded):
        with pytest.raises(expected):
            env.step(env.actions)
    env.reset()


def test_it_stands_for_its_env():
    env = ClipReward(TimeLimit(gymnasium.make("FrozenLake-v1", render_mode="ansi"), 5), 0)
    assert env.render_mode == "ansi"
    assert "ansi" in env.metadata["render_modes"]
    assert env.unwrapped is env.env.env.unwrapped
    env.reset(seed=1)
    assert "SFFF"[1:] in env.render()
    env.close()
    assert Wrapper(Guests()).possible_agents == ("a", "b")
    assert repr(env).startswith("ClipReward(TimeLimit(")


@pytest.mark.parametrize("make", [Crowd, Guests, Single])
def test_an_instance_is_replicated(make):
    env = FrameStack(ClipReward(make(), 0, 1), 2)
    expected = play(lambda: copy.deepcopy(env))
    # One that has been in use already.
    env.reset(seed=3)
    env.step(env.actions)
    assert_same(play(env), expected)


def test_copies_of_an_instance_have_random_states_of_their_own():
    env = Wrapper(Single())
    env.reset(seed=3)
    batch = puffer.emulate(env, 3, backend="serial")
    assert len({row.tobytes() for row in batch.reset()[0]}) == 3


# ---- Ready wrappers with several agents ----


def test_frames_of_several_agents():
    frames = play(lambda: FrameStack(Crowd(), 3), "NextStep")
    layout = FrameStack(Crowd(), 3).layout
    single = [Crowd().layout.view(result[0]) for result in play(Crowd, "NextStep")[:-1]]
    history = []
    for step, (result, now) in enumerate(zip(frames[:-1], single, strict=True)):
        stacks = layout.view(result[0])
        masks = result[4] if step else result[2]
        # Episodes have eight steps, and the one after that is a reset.
        history = [now] * 3 if step % 9 == 0 else [*history[1:], now]
        for leaf in ("x", "place"):
            expected = np.stack([one[leaf] for one in history], axis=1)
            assert np.array_equal(stacks[leaf][masks], expected[masks])
            assert not stacks[leaf][~masks].any()


def test_frames_of_an_agent_that_comes_late():
    env = FrameStack(Guests(), 3)
    env.reset(seed=1)
    seen = []
    for _ in range(5):
        env.step([0, 0])
        seen.append(env.observations[..., 0].tolist())
    assert seen[1] == [[10, 20, 30], [31, 31, 31]]
    assert seen[2] == [[20, 30, 40], [31, 31, 41]]


def test_repeated_actions_of_several_agents():
    env, plain = FrameSkip(Crowd(), 3), Crowd()
    env.reset(seed=1)
    batch = puffer.emulate(lambda: plain, 1, backend="serial", autoreset_mode="Disabled")
    batch.reset(seed=1)
    ended = [2, 5, 8]
    for step in range(3):
        actions = np.array([0, 1, 2])
        observations, rewards, terminations, _, infos = env.step(actions)
        views = env.layout.view(observations)
        total, taken = np.zeros(3, np.float32), np.zeros(3, np.bool_)
        for t in range(3 * step + 1, min(3 * step + 4, 9)):
            rows = plain.layout.view(batch.step(actions)[0])
            total += batch.buffers.rewards
            taken |= batch.masks
            for agent in np.flatnonzero(batch.masks):
                last = t == ended[agent] or t == 3 * step + 3
                assert not last or np.array_equal(views["x"][agent], rows["x"][agent])
        assert np.array_equal(rewards, total)
        assert np.array_equal(env.masks, taken)
        assert terminations.tolist() == [3 * step < end <= 3 * step + 3 for end in ended]
        assert infos[0]["t"] == min(3 * step + 3, 8)
    assert env.env_ended


def test_repeated_actions_keep_the_time_limit_of_the_env():
    env = FrameSkip(EpisodeStatistics(Guests()), 3)
    env.reset(seed=1)
    lengths = [env.step([0, 0]) for _ in range(3)]
    assert lengths[-1][3][0]
    assert lengths[-1][4][0]["episode"]["l"] == 8


def test_greater_of_two_frames_with_an_early_end():
    class Falling(puffer.PufferEnv):
        single_observation_space = spaces.Box(-9, 9, (1,), np.float32)
        single_action_space = spaces.Discrete(2)

        def reset(self, seed=None):
            self.x = 0
            return [0]

        def step(self, action):
            self.x -= 1
            return [self.x], 1, self.x == -5, False, {}

    env = FrameSkip(Falling(), 4, maximum=True)
    env.reset()
    assert env.step([0])[0].tolist() == [[-3]]
    # The one frame of a step that ends at once.
    observations, rewards, terminations, *_ = env.step([0])
    assert (observations.item(), rewards.item(), terminations.item()) == (-5, 1, True)


def test_time_limit_of_several_agents():
    for make, limit in ((Crowd, 5), (Guests, 4)):
        outside, inside = play(make, max_steps=limit), play(lambda m=make, n=limit: TimeLimit(m(), n))
        assert_same(inside, outside)
    env = TimeLimit(Crowd(), 5)
    env.reset(seed=1)
    for _ in range(5):
        _, _, terminations, truncations, _ = env.step([0, 0, 0])
    assert terminations.tolist() == [False, True, False]
    assert truncations.tolist() == [False, True, True]


def test_statistics_of_several_agents():
    env = puffer.emulate(lambda: EpisodeStatistics(Crowd()), 4, backend="serial", autoreset_mode="NextStep")
    plain = puffer.emulate(Crowd, 4, backend="serial", autoreset_mode="NextStep", record_episodes=True)
    env.reset(seed=2)
    plain.reset(seed=2)
    for step in range(20):
        info, expected = (one.step([step % 3] * 12)[-1] for one in (env, plain))
        assert set(info) == set(expected)
        if "episode" in info:
            assert np.array_equal(info["_episode"], expected["_episode"])
            assert np.array_equal(info["episode"]["r"], expected["episode"]["r"])
            assert np.array_equal(info["episode"]["l"], expected["episode"]["l"])
    env.close()


def test_mean_over_agents():
    env = MeanOverAgents(EpisodeStatistics(Crowd()))
    observations, infos = env.reset(seed=1)
    starts = [one["start"] for one in Crowd().reset(seed=1)[1]]
    assert infos == [{"start": pytest.approx(np.mean(starts))}, {}, {}]
    for _ in range(2):
        result = env.step([0, 0, 0])
        # Over the two agents that report it; a name has no mean.
        assert result[4][0]["t"] == 0
        assert result[4][0]["nested"] == {}
    assert result[4][0]["episode"]["l"] == 2
    shared = MeanOverAgents(Crowd(), rewards=True)
    shared.reset(seed=1)
    plain = Wrapper(Crowd())
    plain.reset(seed=1)
    for _ in range(4):
        mine, other = shared.step([0, 1, 2])[1], plain.step([0, 1, 2])[1]
        assert mine[shared.masks] == pytest.approx(other[plain.masks].mean())
        assert not mine[~shared.masks].any()


# ---- Refusals ----


TWO = spaces.Discrete(2)


def with_spaces(observation=TWO, action=TWO):
    class Spaced(gymnasium.Env):
        observation_space = observation
        action_space = action

        def reset(self, *, seed=None, options=None): ...

        def step(self, action): ...

    return Spaced()


def picture(*shape, dtype=np.uint8):
    return with_spaces(spaces.Box(0, 255, shape, dtype))


def push(low, high, dtype=np.float32):
    return with_spaces(action=spaces.Box(low, high, (2,), dtype))


REFUSALS = [
    (lambda: Wrapper(3), "expected an environment .* got 3"),
    (lambda: Wrapper(puffer.make("ocean-catch", 2)), "got the batch .*; wrappers go around each copy"),
    (lambda: ClipAction(with_spaces()), "ClipAction needs actions in a Box of floats, .* action space Discrete"),
    (lambda: ClipAction(push(0, 3, np.int32)), "Box of floats"),
    (lambda: RescaleAction(with_spaces(), 0, 1), "RescaleAction needs actions in a Box of floats"),
    (lambda: RescaleAction(push(-1, np.inf), 0, 1), "needs bounded actions, .* inf"),
    (lambda: RescaleAction(push(-1, 1), 1, 1), "low must be less than high, got low = 1 and high = 1"),
    (lambda: RescaleAction(push(-1, 1), -np.inf, 1), "low must be a finite number"),
    (lambda: RescaleAction(push(-1, 1), 0, np.ones(3)), r"high must be .* shape \(2,\)"),
    (lambda: RescaleAction(push(-1, 1), "a", 1), "low must be a finite number"),
    (lambda: RescaleAction(push(-1, 1), -1e300, 1), "low must be a finite number, .* that float32 can hold"),
    (lambda: ClipReward(with_spaces()), "ClipReward needs low, high or both"),
    (lambda: ClipReward(with_spaces(), 2, 1), "low = 2 and high = 1"),
    (lambda: ClipReward(with_spaces(), np.nan), "low must be .* got nan"),
    (lambda: ClipReward(with_spaces(), "a"), "low must be a number"),
    (lambda: Grayscale(with_spaces()), "Grayscale needs images.*height, width, 3.*Discrete"),
    (lambda: Grayscale(picture(4, 5)), "Grayscale needs images"),
    (lambda: Grayscale(picture(4, 5, 4)), "Grayscale needs images"),
    (lambda: Grayscale(picture(4, 5, 3, dtype=np.float32)), "a uint8 Box"),
    (lambda: ResizeImage(with_spaces(), 2, 2), "ResizeImage needs images.*Discrete"),
    (lambda: ResizeImage(picture(4, 5, 7), 2, 2), "ResizeImage needs images"),
    (lambda: ResizeImage(picture(4), 2, 2), "ResizeImage needs images"),
    (lambda: ResizeImage(picture(4, 5), 0, 2), "height must be at least 1"),
    (lambda: ResizeImage(picture(4, 5), 2, 2.5), "width must be an integer"),
    (lambda: FrameStack(with_spaces(), 0), "frames must be at least 1"),
    (lambda: FrameStack(with_spaces(spaces.Text(4)), 2), "FrameStack needs observations of Box.*Text"),
    (lambda: FrameStack(with_spaces(spaces.Dict({"a": spaces.Text(4)})), 2), "FrameStack needs"),
    (lambda: FrameSkip(with_spaces(), 0), "steps must be at least 1"),
    (lambda: FrameSkip(with_spaces(), 2, maximum=True), "needs observations in a Box.*Discrete"),
    (lambda: TimeLimit(with_spaces(), 0), "max_steps must be at least 1"),
    (lambda: TimeLimit(with_spaces(), True), "max_steps must be an integer"),
]


def test_refusals(subtests):
    for wrap, message in REFUSALS:
        with (
            subtests.test(message),
            pytest.raises((TypeError, ValueError), match=re.compile(message, re.DOTALL)),
        ):
            wrap()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install \"puffer-envs\[images\]\""):
        ResizeImage(picture(4, 5), 2, 2)


def test_nothing_heavy_is_imported():
    from helpers import run_script

    assert run_script("import sys, puffer.wrappers; print('cv2' in sys.modules, 'pygame' in sys.modules)") == (
        "False False\n"
    )
