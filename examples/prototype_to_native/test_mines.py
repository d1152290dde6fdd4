"""The claims about Mines that must stay true."""

from hypothesis import given, settings
from mines_gym import Mines

import puffer
from puffer.testing import action_sequences, assert_same_env, check_env, replay_trace

NATIVE = "mines.pyx"


def test_it_is_a_correct_environment():
    check_env(NATIVE)


def test_it_is_the_prototype():
    assert_same_env(Mines, NATIVE)


def test_it_plays_as_it_did():
    replay_trace("mines.npz", NATIVE)


@given(action_sequences(NATIVE, max_steps=30, num_envs=1))
@settings(deadline=None)
def test_mines_stay_closed_until_the_end(sequence):
    env = puffer.make(NATIVE, num_envs=1)
    env.reset(seed=0)
    for actions in sequence:
        observations, _, terminations, _, _ = env.step(actions)
        board = observations[0]
        assert terminations[0] or board.flat[actions[0]] != -1
        assert (board == -1).sum() > 10
