"""The rules of custom_env. Run with: python -m pytest custom_env"""

import numpy as np
import pytest
from custom_env import Action, Cell

import puffer


def test_it_is_a_correct_environment():
    puffer.check_env("custom_env")


def test_the_first_observation_shows_the_player_and_all_coins():
    env = puffer.make("custom_env", num_envs=64, size=5, coins=3)
    observations, _ = env.reset(seed=0)
    assert (np.count_nonzero(observations == Cell.COIN, axis=(1, 2)) == 3).all()
    assert (np.count_nonzero(observations == Cell.PLAYER, axis=(1, 2)) == 1).all()


def test_walls_stop_the_player():
    env = puffer.make("custom_env", num_envs=1, size=4)
    env.reset(seed=0)
    for _ in range(4):
        observations, *_ = env.step(np.array([Action.LEFT]))
    assert (observations == Cell.PLAYER)[0, :, 0].any()


def test_a_coin_is_a_reward_and_the_last_one_ends_the_episode():
    env = puffer.make("custom_env", num_envs=1, size=3, coins=8, autoreset_mode="Disabled")
    env.reset(seed=0)
    # To a corner, and from there over all cells.
    route = [Action.UP] * 2 + [Action.LEFT] * 2 + [Action.RIGHT] * 2
    route += [Action.DOWN] + [Action.LEFT] * 2 + [Action.DOWN] + [Action.RIGHT] * 2
    total = 0
    for action in route:
        observations, rewards, terminations, truncations, _ = env.step(np.array([action]))
        total += rewards[0]
        assert terminations[0] == (total == 8)
        if terminations[0]:
            break
    assert total == 8
    assert not (observations == Cell.COIN).any()
    assert not truncations.any()
    assert env.stats()["cleared"] == 1


def test_time_runs_out():
    env = puffer.make("custom_env", num_envs=2, max_steps=5)
    env.reset(seed=0)
    for _ in range(5):
        *_, terminations, truncations, _ = env.step(np.zeros(2, np.int32))
    assert (terminations | truncations).all()


@pytest.mark.parametrize(("parameter", "value"), [("size", 1), ("size", 65), ("coins", 0), ("coins", 36)])
def test_bad_parameters_are_refused(parameter, value):
    with pytest.raises(ValueError, match=f"{parameter} must be .*, got {value}"):
        puffer.make("custom_env", **{parameter: value})
