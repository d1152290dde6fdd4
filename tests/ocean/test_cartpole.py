"""CartPole against its plain twin, and against Gymnasium's CartPole-v1 over more than a thousand episodes."""

import gymnasium
import numpy as np
import pytest
from helpers import make
from plain_twin import both, play_both

import puffer
from puffer.ocean.cartpole import cartpole

X_LIMIT, ANGLE_LIMIT = 2.4, 12 * 2 * np.pi / 360
PUSHES = {
    # Random pushes fall within about 20 steps; the others reach the limits of time and place, and high speeds.
    "random": (1000, lambda observations, rng: rng.integers(0, 2, len(observations))),
    "balancing": (12, lambda observations, rng: observations @ [0.05, 0.1, 1, 0.5] > 0),
    "leaning": (30, lambda observations, rng: observations @ [0, 0, 1, 0.5] > 0.12),
    "one side": (30, lambda observations, rng: np.arange(len(observations)) % 2),
    "swinging": (30, lambda observations, rng: observations[:, 3] < rng.normal(0, 2, len(observations))),
}


class Episodes:
    """The first episode of every copy under one of PUSHES. Row t of an array belongs to step t."""

    def __init__(self, key, max_steps=500):
        copies, actions_of = PUSHES[key]
        rng = np.random.default_rng(3)
        env = make("ocean-cartpole", copies, autoreset_mode="NextStep", max_steps=max_steps, copy=True)
        observations, _ = env.reset(seed=11)
        self.lengths = np.zeros(copies, np.int64)
        steps = []
        while not self.lengths.all():
            actions = np.asarray(actions_of(observations, rng), np.int32)
            following, rewards, terminations, truncations, _ = env.step(actions)
            steps.append((observations, actions, following, rewards, terminations, truncations))
            self.lengths[(terminations | truncations) & (self.lengths == 0)] = len(steps)
            observations = following
        self.observations, self.actions, self.following, self.rewards, self.terminations, self.truncations = map(
            np.stack, zip(*steps, strict=True)
        )
        # (step, copy): whether the step belongs to the first episode of the copy.
        self.inside = np.arange(len(steps))[:, None] < self.lengths


@pytest.fixture(params=PUSHES, scope="module")
def episodes(request):
    return Episodes(request.param)


def reference(max_steps=500):
    return gymnasium.make("CartPole-v1", max_episode_steps=max_steps, disable_env_checker=True)


def put(env, observation):
    """Set the state of Gymnasium's CartPole."""
    env.unwrapped.state = observation.astype(np.float64)
    env.unwrapped.steps_beyond_terminated = None


def near_a_limit(observations, margin):
    """Whether states are so near a limit that rounding may decide on which side they lie."""
    place, angle = np.abs(observations[..., 0]), np.abs(observations[..., 2])
    return (np.abs(place - X_LIMIT) < margin) | (np.abs(angle - ANGLE_LIMIT) < margin)


def test_spaces_and_registration_are_those_of_gymnasium():
    env, theirs = make("ocean-cartpole", 3), reference()
    assert env.single_observation_space == theirs.observation_space
    assert env.single_action_space == theirs.action_space
    assert env.unwrapped.max_steps == theirs.spec.max_episode_steps == 500
    assert puffer.make("cartpole").single_action_space == theirs.action_space


def test_every_step_from_the_same_state_agrees(episodes):
    """Rewards and flags equal, observations within float32 rounding."""
    theirs = reference().unwrapped
    theirs.reset(seed=0)
    expected = []
    for step, copy in np.argwhere(episodes.inside):
        put(theirs, episodes.observations[step, copy])
        expected.append(theirs.step(int(episodes.actions[step, copy]))[:3])
    observations, rewards, terminated = (np.array(column) for column in zip(*expected, strict=True))
    assert len(expected) > 250
    np.testing.assert_allclose(episodes.following[episodes.inside], observations, rtol=2e-6, atol=2e-7)
    assert np.array_equal(episodes.rewards[episodes.inside], rewards)
    assert (rewards == 1).all()
    differs = episodes.terminations[episodes.inside] != terminated
    assert near_a_limit(observations[differs], 1e-6).all()


@pytest.mark.parametrize("key", PUSHES)
def test_every_step_is_that_of_the_plain_twin(key):
    """The twin computes in float64, so that the kernel's float32 may differ by a unit in the last place or so."""
    rng = np.random.default_rng(5)
    env, twin = both(cartpole.CartPole, 30, autoreset_mode="Disabled")
    _, mine, theirs = play_both(env, twin, lambda seen: np.asarray(PUSHES[key][1](seen, rng), np.int32), 520)
    np.testing.assert_allclose(mine[0], theirs[0], rtol=2e-7, atol=1e-7)
    differs = (mine[2] != theirs[2]) | (mine[3] != theirs[3])
    assert near_a_limit(theirs[0][differs], 1e-6).all()
    assert np.array_equal(mine[1], theirs[1])
    assert (theirs[2] | theirs[3]).any()


def test_the_flags_follow_from_the_observation_alone(episodes):
    place, angle = np.abs(episodes.following[..., 0]), np.abs(episodes.following[..., 2])
    outside = (place > np.float32(X_LIMIT)) | (angle > np.float32(ANGLE_LIMIT))
    assert np.array_equal(episodes.terminations[episodes.inside], outside[episodes.inside])
    last = np.broadcast_to(np.arange(len(outside))[:, None] == 499, outside.shape)
    assert np.array_equal(episodes.truncations[episodes.inside], last[episodes.inside])


@pytest.mark.parametrize("episodes", [key for key in PUSHES if key != "balancing"], indirect=True)
def test_whole_episodes_are_as_long_as_gymnasiums(episodes):
    """Each world goes its own way from the same start; only where one comes near a limit may they part."""
    theirs = reference()
    equal = 0
    for copy, length in enumerate(episodes.lengths):
        theirs.reset(seed=0)
        put(theirs, episodes.observations[0, copy])
        for step in range(length):
            expected, _, terminated, truncated, _ = theirs.step(int(episodes.actions[step, copy]))
            if terminated or truncated:
                break
        flags = episodes.terminations[step, copy], episodes.truncations[step, copy]
        same = step + 1 == length and flags == (terminated, truncated)
        # The pole is unstable: rounding errors grow until the episode ends.
        np.testing.assert_allclose(episodes.following[step, copy], expected, rtol=0, atol=0.01)
        assert same or near_a_limit(expected, 0.005)
        equal += same
    assert equal >= 0.99 * len(episodes.lengths)


def test_balanced_episodes_are_truncated_after_500_steps():
    """In both worlds, each under the same policy: over 500 steps, rounding errors grow into two different episodes."""
    episodes = Episodes("balancing")
    assert (episodes.lengths == 500).all()
    assert episodes.truncations[-1].all()
    assert not episodes.terminations.any()
    theirs, actions_of = reference(), PUSHES["balancing"][1]
    for start in episodes.observations[0]:
        theirs.reset(seed=0)
        put(theirs, start)
        observation, truncated, length = start, False, 0
        while not truncated:
            observation, _, terminated, truncated, _ = theirs.step(int(actions_of(observation[None], None)[0]))
            assert not terminated
            length += 1
        assert length == 500


def test_leaning_episodes_leave_the_track():
    episodes = Episodes("leaning")
    last = episodes.following[episodes.lengths - 1, np.arange(len(episodes.lengths))]
    assert (np.abs(last[:, 0]) > X_LIMIT).mean() > 0.5


def test_both_flags_are_set_when_the_pole_falls_in_the_last_step():
    """As Gymnasium's TimeLimit has it."""
    episodes = Episodes("one side")
    for copy in range(4):
        limit = int(episodes.lengths[copy])
        both = Episodes("one side", limit)
        assert both.lengths[copy] == limit
        theirs = reference(limit)
        theirs.reset(seed=0)
        put(theirs, both.observations[0, copy])
        for step in range(limit):
            _, _, terminated, truncated, _ = theirs.step(int(both.actions[step, copy]))
            assert (both.terminations[step, copy], both.truncations[step, copy]) == (terminated, truncated)
        assert terminated
        assert truncated


def test_starts_are_uniform_in_the_range_of_gymnasium():
    starts, _ = make("ocean-cartpole", 50_000).reset(seed=0)
    assert (np.abs(starts) <= np.float32(0.05)).all()
    np.testing.assert_allclose(starts.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(starts.std(axis=0), 0.1 / np.sqrt(12), rtol=0.02)
    assert np.abs(np.corrcoef(starts.T) - np.eye(4)).max() < 0.02
