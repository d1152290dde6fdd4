"""Atari games, against ale-py's own vector environment driven by hand."""

from contextlib import closing

import numpy as np
import pytest
from gymnasium.error import NameNotFound

import puffer

ale_py = pytest.importorskip("ale_py", reason="python -m puffer.install atari")
from ale_py.vector_env import AtariVectorEnv  # noqa: E402

STEPS = 250


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
@pytest.mark.parametrize(
    ("game", "ours", "theirs"),
    [
        ("pong", {}, {}),
        ("breakout", {"framestack": 2, "frameskip": 3}, {"stack_num": 2, "frameskip": 3}),
        ("ms-pacman", {"grayscale": False, "img_height": 60, "reward_clipping": False}, {"img_height": 60}),
        ("seaquest", {"repeat_action_probability": 0.25, "full_action_space": True, "noop_max": 5}, {"noop_max": 5}),
        ("freeway", {"continuous": True, "max_num_frames_per_episode": 200}, {}),
    ],
)
def test_plays_as_the_package_alone(game, ours, theirs, mode):
    shared = {name: value for name, value in ours.items() if name not in ("framestack",)}
    alone = AtariVectorEnv(game.replace("-", "_"), 3, autoreset_mode=mode, **{**shared, **theirs})
    with closing(puffer.make(f"atari-{game}", 3, autoreset_mode=mode, **ours)) as env:
        assert env.single_observation_space == alone.single_observation_space
        assert env.single_action_space == alone.single_action_space
        observations, _ = env.reset(seed=9)
        expected, _ = alone.reset(seed=9)
        env.action_space.seed(1)
        for _ in range(STEPS):
            assert (observations == expected).all()
            actions = env.action_space.sample()
            observations, *flags, info = env.step(actions)
            expected, *expected_flags, expected_info = alone.step(actions)
            for one, other in zip(flags, expected_flags, strict=True):
                assert (one == other).all()
            assert (info["lives"] == expected_info["lives"]).all()
            ended = flags[1] | flags[2]
            if mode == "SameStep" and ended.any():
                for row in np.flatnonzero(ended):
                    assert (info["final_obs"][row] == expected_info["final_obs"][row]).all()
    alone.close()


def lives_end(mode, **options):
    """Breakout, whose lives last for some 100 frames, with a new episode for every life."""
    plain = {"use_fire_reset": False, "noop_max": 0, "num_threads": 1}
    return closing(
        puffer.make("atari-breakout", 2, **{"episodic_life": True, "autoreset_mode": mode, **plain, **options})
    )


@pytest.mark.parametrize("option", ["episodic_life", "life_loss_info"])
def test_a_lost_life_ends_the_episode_and_not_the_game(option):
    # ale-py alone, with terminations that begin no new game, plays the same.
    alone = AtariVectorEnv(
        "breakout", 2, use_fire_reset=False, noop_max=0, life_loss_info=True, autoreset_mode="SameStep"
    )
    with lives_end("SameStep", **{"episodic_life": False, option: True}, record_episodes=True) as env:
        env.action_space.seed(1)
        env.reset(seed=3)
        alone.reset(seed=3)
        lengths, lives_seen = np.zeros(2, int), []
        for _ in range(STEPS):
            actions = env.action_space.sample()
            observations, *flags, info = env.step(actions)
            expected, *expected_flags, expected_info = alone.step(actions)
            assert (observations == expected).all()
            for one, other in zip(flags, expected_flags, strict=True):
                assert (one == other).all()
            assert (info["lives"] == expected_info["lives"]).all()
            assert (info["life_lost"] == flags[1]).all()
            lengths += 1
            for row in np.flatnonzero(flags[1]):
                lives_seen.append(int(info["lives"][row]))
                # ale-py keeps no last observation where the game goes on.
                final = observations[row] if lives_seen[-1] < 5 else expected_info["final_obs"][row]
                assert (info["final_obs"][row] == final).all()
                assert info["episode"]["l"][row] == lengths[row]
                lengths[row] = 0
        assert lives_seen[:4].count(5) == 0
        assert 5 in lives_seen
    alone.close()


def test_in_next_step_the_reset_of_a_lost_life_is_a_step_that_does_nothing():
    alone = AtariVectorEnv("breakout", 2, use_fire_reset=False, noop_max=0, life_loss_info=True)
    with lives_end("NextStep") as env:
        env.action_space.seed(1)
        env.reset(seed=3)
        alone.reset(seed=3)
        ended, resets = np.zeros(2, bool), 0
        for _ in range(STEPS):
            actions = env.action_space.sample()
            observations, rewards, terminations, truncations, info = env.step(actions)
            expected, _, over, _, _ = alone.step(np.where(ended, 0, actions))
            assert (observations == expected).all()
            assert not rewards[ended].any()
            assert not terminations[ended].any()
            assert (terminations == over)[~ended].all()
            resets += (ended & (info["lives"] < 5)).sum()
            ended = terminations.copy()
        assert resets > 3
    alone.close()


def test_with_autoreset_disabled_a_reset_without_a_seed_continues_the_game():
    with lives_end("Disabled") as env:
        env.action_space.seed(1)
        env.reset(seed=3)
        seen = []
        while len(seen) < 6:
            observations, _, terminations, _, info = env.step(env.action_space.sample())
            if terminations.any():
                last, lives, ended = observations.copy(), info["lives"].copy(), terminations.copy()
                observations, info = env.reset(options={"reset_mask": ended})
                assert (observations[~ended] == last[~ended]).all()
                for row in np.flatnonzero(ended):
                    seen.append(int(info["lives"][row]))
                    assert seen[-1] == (lives[row] or 5)
                    assert (observations[row] == last[row]).all() == (lives[row] > 0)
        assert {3, 4} <= set(seen)
        # A seed begins a new game, and so does a reset in the middle of an episode.
        assert (env.reset(seed=4)[1]["lives"] == 5).all()
        while not (info["lives"] < 5).any():
            *_, terminations, _, info = env.step(env.action_space.sample())
            if terminations.any():
                env.reset(options={"reset_mask": terminations})
        env.step(env.action_space.sample())
        assert (env.reset()[1]["lives"] == 5).all()


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_a_game_whose_time_is_up_begins_again(mode):
    # 26 steps take the first life; the time is up in the step after that one, or in the one that takes it.
    for frames in (104, 108, 112):
        with lives_end(mode, max_num_frames_per_episode=frames) as env:
            env.reset(seed=3)
            ends = np.zeros(2, int)
            for _ in range(120):
                _, _, terminations, truncations, info = env.step(np.zeros(2, int) + 1)
                ends += terminations | truncations
                assert (info["episode_frame_number"] <= frames).all()
            assert (ends >= 2).all()


def test_lost_lives_are_told_where_they_end_nothing():
    with lives_end("SameStep", episodic_life=False) as env:
        env.action_space.seed(1)
        _, info = env.reset(seed=3)
        before, lost = info["lives"].copy(), 0
        for _ in range(STEPS):
            _, _, terminations, _, info = env.step(env.action_space.sample())
            assert (info["life_lost"] == ((info["lives"] < before) | terminations)).all()
            before = info["lives"].copy()
            lost += info["life_lost"].sum()
        assert lost >= 5


def test_parts_are_stepped_apart():
    with closing(puffer.make("atari-pong", 4, batch_size=2)) as env, closing(puffer.make("atari-pong", 4)) as whole:
        env.async_reset(seed=3)
        env.recv(), env.recv()
        whole.reset(seed=3)
        for action in (2, 3, 2, 0):
            together = [array.copy() for array in whole.step(np.full(4, action))[:2]]
            env.send(np.full(2, action))
            env.send(np.full(2, action))
            for part in range(2):
                observations, rewards, _, _, info = env.recv()
                rows = info["env_id"]
                assert rows.tolist() == [2 * part, 2 * part + 1]
                assert (observations == together[0][rows]).all()
                assert (rewards == together[1][rows]).all()


def test_every_game_has_a_name():
    games = [name for name in puffer.list_envs(installed=True) if name.startswith("atari-")]
    assert len(games) >= 100
    assert "atari-pong" in games
    for name in ("atari-MsPacman", "atari-ms_pacman", "atari-ms-pacman"):
        puffer.make(name, 1).close()
    with pytest.raises(NameNotFound, match="atari-pong"):
        puffer.make("atari-pongg")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"frameskip": 0}, ValueError),
        ({"frameskip": 2.5}, TypeError),
        ({"framestack": -1}, ValueError),
        ({"img_width": 0}, ValueError),
        ({"grayscale": 1}, TypeError),
        ({"repeat_action_probability": 1.5}, ValueError),
        ({"frame_skip": 4}, TypeError),
        ({"num_threads": -1}, ValueError),
        ({"batch_size": 3}, ValueError),
    ],
)
def test_wrong_arguments_are_refused(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        puffer.make("atari-pong", 4, **arguments)


def test_actions_are_checked():
    with closing(puffer.make("atari-pong", 2)) as env:
        env.reset(seed=0)
        with pytest.raises(ValueError, match="actions"):
            env.step(np.array([0, 6]))


def test_large_seeds_and_none_are_taken():
    with closing(puffer.make("atari-breakout", 2)) as env:
        first = env.reset(seed=[2**63, None])[0].copy()
        second = env.reset(seed=[2**63, None])[0].copy()
        assert (first[0] == second[0]).all()
