"""The rules of Lander."""

import numpy as np
import pytest

import puffer


def landings(policy):
    """Rewards and final observations of landings. `policy` maps heights, speeds and fuel to actions."""
    env = puffer.make("lander", num_envs=64)
    observations, _ = env.reset(seed=0)
    last_rewards, last_seen = [], []
    for _ in range(300):
        actions = policy(*observations.T).astype(np.int32)
        observations, rewards, terminations, _, info = env.step(actions)
        if terminations.any():
            last_rewards.extend(rewards[terminations])
            last_seen.extend(info["final_obs"][terminations])
    return np.array(last_rewards), np.array(last_seen)


def test_it_is_a_correct_environment():
    puffer.check_env("lander")


def test_without_the_engine_it_crashes():
    rewards, seen = landings(lambda height, speed, fuel: np.zeros(64))
    assert len(rewards) > 64
    assert (rewards == -1).all()
    assert (seen[:, 0] == 0).all()
    assert (seen[:, 1] < -0.02).all()
    assert (seen[:, 2] == 1).all()


def test_braking_in_time_lands_softly():
    rewards, seen = landings(lambda height, speed, fuel: speed < -0.012 - 0.04 * height)
    assert len(rewards) > 64
    assert (rewards > 0.99).mean() > 0.9
    assert (seen[:, 1] >= -0.02).mean() > 0.9
    assert (seen[:, 2] < 1).all()


def test_fuel_runs_out():
    env = puffer.make("lander", num_envs=1)
    env.reset(seed=0)
    for used in range(1, 50):
        observations, rewards, *_ = env.step(np.ones(1, np.int32))
        assert observations[0, 2] == pytest.approx(max(0, 1 - used / 40))
        assert rewards[0] == pytest.approx(-0.005 if used <= 40 else 0)
