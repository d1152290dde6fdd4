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
        ("breakout", {"framestack": 2, "episodic_life": True, "frameskip": 3}, {"stack_num": 2, "frameskip": 3}),
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
        ends = 0
        for _ in range(STEPS):
            assert (observations == expected).all()
            actions = env.action_space.sample()
            observations, *flags, info = env.step(actions)
            expected, *expected_flags, expected_info = alone.step(actions)
            for one, other in zip(flags, expected_flags, strict=True):
                assert (one == other).all()
            assert (info["lives"] == expected_info["lives"]).all()
            ended = flags[1] | flags[2]
            ends += ended.sum()
            if mode == "SameStep" and ended.any():
                for row in np.flatnonzero(ended):
                    assert (info["final_obs"][row] == expected_info["final_obs"][row]).all()
        assert ends or "episodic_life" not in ours
    alone.close()


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
