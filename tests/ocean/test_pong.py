"""Pong: its steps are those of its plain twin, which plays frame by frame; and the promises of the rules hold."""

import numpy as np
import pytest
from gymnasium import error
from plain_twin import both, own_bytes

from puffer.ocean.pong import pong
from puffer.registry import parameters

BALL_LIMIT = 1450  # how far from the middle of the court the ball's middle can be
DEFAULTS = {name: parameter.default for name, parameter in parameters(pong.Pong).items()}
# The defaults, the extremes, and odd numbers in between.
CONFIGS = [
    {},
    {"frameskip": 1, "points_to_win": 2},
    {"frameskip": 3, "paddle_height": 333, "paddle_speed": 37, "opponent_speed": 61, "crossing_frames": 41},
    {"frameskip": 20, "crossing_frames": 20, "min_crossing_frames": 20, "max_climb": 127, "paddle_height": 100},
    {"frameskip": 20, "paddle_speed": 500, "opponent_speed": 500, "paddle_height": 150, "crossing_cut": 100},
    {"frameskip": 7, "paddle_speed": 1, "opponent_speed": 0, "paddle_height": 2000, "max_climb": 127},
    {"frameskip": 7, "max_climb": 1, "opponent_speed": 1, "points_to_win": 1, "paddle_height": 999},
    {"frameskip": 20, "crossing_frames": 1000, "min_crossing_frames": 1000, "max_climb": 127, "points_to_win": 1},
    {"frameskip": 13, "crossing_frames": 29, "min_crossing_frames": 23, "crossing_cut": 4, "paddle_height": 1001},
]


def names_of(config):
    return "-".join(f"{key}={value}" for key, value in config.items()) or "defaults"


def make(num_envs=8, **options):
    return pong.Pong(num_envs, **{"num_threads": 1, **options})


def follow(env, rng=None, share=0.0, paddle_height=400):
    """Actions that take the paddle to the ball, a share of them random."""
    limit = 1500 - paddle_height // 2
    way = env.observations[:, 3] * BALL_LIMIT - env.observations[:, 0] * limit
    actions = np.select([way > 125, way < -125], [pong.Action.UP, pong.Action.DOWN], pong.Action.STAY).astype(np.int32)
    if rng is None:
        return actions
    return np.where(rng.random(len(way)) < share, rng.integers(0, 3, len(way), dtype=np.int32), actions)


def assert_inside(env):
    space = env.single_observation_space
    assert (env.observations >= space.low).all()
    assert (env.observations <= space.high).all()


# ---- The plain twin ----


def events(before, after, reward, frameskip):
    """The names of the events in a step between two states."""
    own = before["direction"] > 0
    flight = before["climb"] * min(before["frames_left"], frameskip)
    names = ["walls"] if abs(before["ball"] + flight) > BALL_LIMIT else []
    if reward:
        return [*names, "lost" if own else "won"]
    if after["direction"] != before["direction"]:
        return [*names, "hits", *(["own hits"] if own else [])]
    return names


def assert_served(state, rules):
    """The ball of the state is as a serve leaves it, the paddles where they may be."""
    assert (state["crossing"], state["frames_left"]) == (rules["crossing_frames"], rules["crossing_frames"] // 2)
    assert abs(state["ball"]) <= BALL_LIMIT // 2
    assert abs(state["climb"]) <= rules["max_climb"] // 2
    assert state["direction"] in (-1, 1)
    assert max(abs(state["paddle"]), abs(state["opponent"])) <= 1500 - rules["paddle_height"] // 2


@pytest.mark.parametrize("config", CONFIGS, ids=names_of)
def test_steps_are_those_of_the_plain_twin(config, rng):
    """Bit for bit, serves and statistics included. 300 copies are more than the kernel takes at once."""
    rules = {**DEFAULTS, **config}
    env, twin = both(pong.Pong, 300, autoreset_mode="Disabled", **config)
    env.reset(seed=3)
    twin.reset(seed=3)
    assert np.array_equal(env.observations, twin.observations)
    states = [env.state(i) for i in range(8)]
    seen = dict.fromkeys(("hits", "own hits", "walls", "won", "lost"), 0)
    ends = 0
    for step in range(600):
        actions = follow(env, rng, (0.1, 1)[step // 50 % 2], rules["paddle_height"])
        mine, expected = env.step(actions), twin.step(actions)
        for one, other in zip(mine[:4], expected[:4], strict=True):
            assert one.tobytes() == other.tobytes()
        _, rewards, terminations, truncations, _ = mine
        assert_inside(env)
        assert not truncations.any()
        for i, before in enumerate(states):
            states[i] = env.state(i)
            for event in events(before, states[i], rewards[i], rules["frameskip"]):
                seen[event] += 1
            if rewards[i] and not terminations[i]:
                assert_served(states[i], rules)
        if terminations.any():
            ends += terminations.sum()
            mask = terminations.copy()
            env.reset(mask=mask)
            twin.reset(mask=mask)
            states = [env.state(i) for i in range(8)]
    assert np.array_equal(own_bytes(env), own_bytes(twin))
    assert env.stats() == twin.stats()
    if rules["max_climb"] == 1:
        del seen["walls"]  # it climbs too little to meet one
    assert min(seen.values()) >= 5, seen
    assert ends or rules["points_to_win"] == 21


def test_a_step_of_many_frames_is_as_many_steps_of_one(rng):
    """But for the opponent, who looks once a step; here it rests."""
    long, short = make(64, frameskip=8, opponent_speed=0), make(64, frameskip=1, opponent_speed=0)
    long.reset(seed=5)
    short.reset(seed=5)
    same, compared = np.ones(64, np.bool_), 0
    for _ in range(60):
        actions = follow(long, rng, 0.3)
        points = long.step(actions)[1]
        rewards = sum(short.step(actions)[1].copy() for _ in range(8))
        assert np.array_equal(points[same], rewards[same])
        same &= rewards == 0  # the next serves are not at the same time
        assert np.array_equal(long.observations[same], short.observations[same])
        compared += same.sum()
    assert compared > 500


# ---- Promises of the rules ----


def test_a_ball_meets_every_paddle_that_is_there():
    """At its fastest, against a paddle that is always at the ball's height."""
    options = {"paddle_speed": 200, "max_climb": 127, "crossing_frames": 20, "min_crossing_frames": 20}
    env = make(64, frameskip=1, opponent_speed=200, paddle_height=600, **options)
    env.reset(seed=0)
    turns, before = 0, env.observations[:, 4].copy()
    for _ in range(2000):
        rewards = env.step(follow(env, paddle_height=600))[1]
        assert not rewards.any()
        turns += (env.observations[:, 4] != before).sum()
        before = env.observations[:, 4].copy()
    assert turns == 64 * (1 + (2000 - 10) // 20)


@pytest.mark.parametrize("config", CONFIGS, ids=names_of)
def test_observations_lie_in_the_space_and_rewards_are_points(config, rng):
    env = make(256, **config)
    env.reset(seed=1)
    total = 0.0
    for step in range(600):
        actions = follow(env, rng, (0.1, 1)[step // 100 % 2], config.get("paddle_height", 400))
        _, rewards, terminations, truncations, _ = env.step(actions)
        assert set(np.unique(rewards)) <= {-1, 0, 1}
        total += rewards.sum(dtype=np.float64)
        assert_inside(env)
    stats = env.stats()
    going = sum(env.state(i)["score"] - env.state(i)["opponent_score"] for i in range(256))
    if stats["episodes"]:
        assert stats["episode_return"] == pytest.approx(stats["score"] - stats["opponent_score"])
    assert total == pytest.approx(going + stats["episodes"] * stats.get("episode_return", 0))


@pytest.mark.parametrize("points", [1, 3, 21])
def test_an_episode_ends_with_the_last_point(points, rng):
    env = make(64, points_to_win=points, autoreset_mode="NextStep")
    env.reset(seed=2)
    scores, ends = np.zeros((64, 2), np.int64), np.zeros(2, np.int64)
    for _ in range(1500):
        _, rewards, terminations, truncations, _ = env.step(rng.integers(0, 3, 64, dtype=np.int32))
        scores += np.stack([rewards > 0, rewards < 0], axis=1)
        assert np.array_equal(terminations, scores.max(axis=1) == points)
        assert not truncations.any()
        ends += (scores[terminations] == points).sum(axis=0)
        final = np.rint(env.observations[:, 6:] * points).astype(np.int64)
        assert np.array_equal(final, scores)
        scores[terminations] = 0
    assert ends.sum() > 64
    assert ends[0] > 50 or points == 21  # at random nobody wins a long game


def test_statistics_count_points_and_hits(rng):
    env = make(1, autoreset_mode="Disabled", points_to_win=3)
    env.reset(seed=4)
    ended, seen = False, []
    while not ended:
        before = env.state(0)
        _, rewards, terminations, _, _ = env.step(follow(env, rng, 0.3))
        ended, state = terminations[0], env.state(0)
        seen += events(before, state, rewards[0], DEFAULTS["frameskip"])
    stats = env.stats()
    assert stats["episodes"] == 1
    assert (stats["score"], stats["opponent_score"]) == (state["score"], state["opponent_score"])
    assert stats["hits"] == seen.count("hits") > 0


@pytest.mark.parametrize(("options", "limit"), [({"frameskip": 20}, 1600), ({"max_steps": 70}, 70)], ids=str)
def test_a_long_episode_is_truncated(options, limit):
    env = make(4, points_to_win=1000, **options)
    env.reset(seed=0)
    for step in range(1, 2 * limit + 1):
        _, _, terminations, truncations, _ = env.step(np.zeros(4, np.int32))
        assert not terminations.any()
        assert truncations.tolist() == [step % limit == 0] * 4
    assert make(1).max_steps == 4000
    assert make(1, frameskip=3).max_steps == 10_666


def test_a_serve_can_be_any_that_the_rules_allow():
    env = make(4000)
    env.reset(seed=9)
    states = [env.state(i) for i in range(4000)]
    assert {state["climb"] for state in states} == set(range(-25, 26))
    balls = np.array([state["ball"] for state in states])
    assert -725 <= balls.min() < -715
    assert 715 < balls.max() <= 725
    assert abs(balls.mean()) < 40
    assert abs(sum(state["direction"] for state in states)) < 300


def test_following_the_ball_wins_and_resting_loses():
    results = {}
    for policy in (follow, lambda env: np.zeros(128, np.int32)):
        env = make(128)
        env.reset(seed=0)
        for _ in range(1200):
            env.step(policy(env))
        results[policy] = env.stats()
        assert results[policy]["episodes"] > 128
    followed, rested = results.values()
    assert followed["episode_return"] > 8
    assert followed["score"] > 20.5
    assert rested["episode_return"] < -8
    assert rested["opponent_score"] > 20.5


def test_an_unknown_action_that_is_not_checked_stays():
    env, other = make(8, check_actions=False), make(8)
    env.reset(seed=0)
    other.reset(seed=0)
    strange = np.array([-1, 3, 2**31 - 1, -(2**31), 257, 65537, -65535, 4], np.int32)
    for _ in range(100):
        env.step(strange)
        other.step(np.zeros(8, np.int32))
        assert np.array_equal(env.observations, other.observations)


# ---- Arguments, state, pictures ----


@pytest.mark.parametrize(
    ("argument", "value", "bound"),
    [
        ("frameskip", 0, "at least 1"),
        ("frameskip", 21, "at most 20"),
        ("points_to_win", 0, "at least 1"),
        ("points_to_win", 1001, "at most 1000"),
        ("paddle_height", 99, "at least 100"),
        ("paddle_height", 2001, "at most 2000"),
        ("paddle_speed", 0, "at least 1"),
        ("paddle_speed", 501, "at most 500"),
        ("opponent_speed", -1, "at least 0"),
        ("opponent_speed", 501, "at most 500"),
        ("crossing_frames", 19, "at least 20"),
        ("crossing_frames", 1001, "at most 1000"),
        ("min_crossing_frames", 19, "at least 20"),
        ("min_crossing_frames", 61, "at most 60"),
        ("crossing_cut", -1, "at least 0"),
        ("crossing_cut", 101, "at most 100"),
        ("max_climb", 0, "at least 1"),
        ("max_climb", 128, "at most 127"),
    ],
)
def test_numbers_out_of_bounds_are_refused(argument, value, bound):
    with pytest.raises(ValueError, match=f"^{argument} must be {bound}, got {value}$"):
        make(1, **{argument: value})


@pytest.mark.parametrize("argument", DEFAULTS)
@pytest.mark.parametrize("value", [2.5, "8", None, True])
def test_other_types_are_refused(argument, value):
    with pytest.raises(TypeError, match=f"^{argument} must be an integer, got {value!r}"):
        make(1, **{argument: value})


def test_making_it_again_changes_nothing():
    env, other = make(1), make(1)
    with pytest.raises(RuntimeError, match="already made"):
        env.__init__(1, frameskip=20, max_climb=127, paddle_height=100)
    env.reset(seed=0)
    other.reset(seed=0)
    for _ in range(50):
        env.step(np.ones(1, np.int32))
        other.step(np.ones(1, np.int32))
        assert np.array_equal(env.observations, other.observations)


def test_state_checks_the_copy():
    env = make(2)
    with pytest.raises(error.ResetNeeded, match="state"):
        env.state(0)
    env.reset(seed=0)
    for copy in (-1, 2):
        with pytest.raises(ValueError, match="copy must be"):
            env.state(copy)


def test_the_picture_shows_paddles_and_ball_where_they_are(rng):
    env = make(1)
    env.reset(seed=0)
    for _ in range(100):
        env.step(follow(env, rng, 0.3))
        state, picture = env.state(0), env.render_copy(0).astype(np.int64)
        assert picture.shape == (300, 400, 3)
        colours = (picture << np.array([16, 8, 0])).sum(axis=2)
        for colour, column, key in ((0xFF9F1C, 31, "opponent"), (0x2EC4B6, 369, "paddle")):
            rows = np.flatnonzero(colours[:, column] == colour)
            assert abs(rows.mean() + 0.5 - (150 - state[key] / 10)) <= 0.5
            assert rows.size in (39, 40)
        across = state["direction"] * (1 - 2 * state["frames_left"] / state["crossing"])
        rows, columns = np.nonzero(colours == 0xFFFFFF)
        assert abs(columns.mean() + 0.5 - (200 + 160 * across)) <= 0.5
        assert abs(rows.mean() + 0.5 - (150 - state["ball"] / 10)) <= 0.5
