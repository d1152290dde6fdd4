"""Squared: its boards are those of its rules, and writing the changed cells is the same as writing whole boards."""

from functools import partial

import numpy as np
import pytest
from helpers import make
from plain_twin import twin_class

from puffer.ocean import squared
from puffer.testing import assert_same_env

# Rows and columns of the actions stay, up, down, left and right.
WAYS = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)])


@pytest.mark.parametrize("size", [3, 11, 33])
def test_whole_boards_are_the_same(size):
    env_class = squared.Squared
    assert_same_env(partial(env_class, size=size), partial(twin_class(env_class), size=size), num_envs=16, steps=400)


def positions(boards):
    """Row and column of the agent and of the target of each board; those of a covered target are the agent's."""
    agent, target = (np.argwhere(boards == cell) for cell in (squared.Cell.AGENT, squared.Cell.TARGET))
    assert np.array_equal(agent[:, 0], np.arange(len(boards)))
    targets = agent[:, 1:].copy()
    targets[target[:, 0]] = target[:, 1:]
    return agent[:, 1:], targets


@pytest.mark.parametrize("size", [3, 7])
def test_the_agent_walks_to_the_target(size, rng):
    env = make("ocean-squared", 64, size=size, autoreset_mode="NextStep")
    boards, _ = env.reset(seed=0)
    agents, targets = positions(boards)
    ended = np.zeros(64, bool)
    for _ in range(200):
        actions = rng.integers(0, 5, 64)
        boards, rewards, terminations, truncations, _ = env.step(actions)
        walked = np.clip(agents + WAYS[actions], 0, size - 1)
        before, (agents, targets) = targets, positions(boards)
        assert (agents[ended] == size // 2).all()
        assert ((targets[ended] % (size - 1) == 0).any(axis=1)).all()
        assert np.array_equal(agents[~ended], walked[~ended])
        reached = ~ended & (agents == before).all(axis=1)
        assert np.array_equal(targets[~ended & ~reached], before[~ended & ~reached])
        assert np.array_equal(rewards, reached.astype(np.float32))
        assert np.array_equal(terminations, reached)
        ended = terminations | truncations


def test_targets_are_uniform_on_the_rim():
    boards, _ = make("ocean-squared", 16_000, size=5).reset(seed=0)
    counts = (boards == squared.Cell.TARGET).sum(axis=0)
    assert not counts[1:-1, 1:-1].any()
    rim = counts[counts > 0]
    assert len(rim) == 16
    assert np.abs(rim - 1000).max() < 150
