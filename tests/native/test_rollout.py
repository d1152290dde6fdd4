"""Rollouts: steps that write straight into the buffers of a whole training batch.

That a rollout holds the steps of every environment of the registry is in `tests/ocean/test_reproducible.py`.
"""

import numpy as np
import pytest
from gymnasium import error
from helpers import assert_same, ended_rows, make, play, random_actions

HORIZON = 7


def pair(name, num_envs=5, **options):
    """The same environment twice, the second one with a rollout that has begun."""
    env, recorded = make(name, num_envs, max_steps=12, **options), make(name, num_envs, max_steps=12, **options)
    rollout = recorded.rollout_buffers(HORIZON)
    return env, recorded, rollout


def test_the_live_arrays_are_those_of_the_rollout(kind):
    """`masks` and `observations` show the last step, wherever it was written."""
    env, recorded, rollout = pair(kind)
    for batch in (env, recorded):
        batch.reset(seed=0)
    for action in random_actions(env, HORIZON):
        env.step(action)
        recorded.step(action)
        assert np.array_equal(recorded.masks, env.masks)
        assert np.array_equal(recorded.observations, env.observations)


def test_a_full_rollout_holds_a_whole_batch(kind):
    env, recorded, rollout = pair(kind)
    actions = random_actions(env, HORIZON)
    expected = play(env, actions)
    recorded.reset(seed=0)
    for action in actions:
        recorded.step(action)
    assert np.array_equal(rollout.actions, actions)
    for k, buffer in enumerate((rollout.next_observations, rollout.rewards, rollout.terminations, rollout.truncations)):
        assert np.array_equal(buffer, np.stack([result[k] for result in expected[1:]]))
    assert np.array_equal(rollout.observations, np.stack([result[0] for result in expected[:-1]]))
    assert env.agents_per_env > 1 or rollout.masks.all()


def test_the_last_observations_carry_over_to_the_next_rollout(kind):
    env, recorded, rollout = pair(kind)
    recorded.reset(seed=0)
    actions = random_actions(env, HORIZON + 1)
    for action in actions[:-1]:
        last = recorded.step(action)[0].copy()
    recorded.step(actions[-1])
    assert rollout.steps == 1
    assert np.array_equal(rollout.observations[0], last)


def test_shapes_and_types(kind):
    env, recorded, rollout = pair(kind)
    assert rollout.horizon == HORIZON
    assert rollout.steps == 0
    buffers = recorded.buffers
    for key in ("observations", "actions", "rewards", "terminations", "truncations", "masks"):
        array, single = getattr(rollout, key), getattr(buffers, key)
        assert (array.shape, array.dtype) == ((HORIZON, *single.shape), single.dtype), key
        assert array.flags.c_contiguous
    assert (rollout.starts.shape, rollout.starts.dtype) == (rollout.masks.shape, np.bool_)
    assert rollout.dones is None
    assert rollout.next_observations.shape == rollout.observations.shape
    assert np.shares_memory(rollout.next_observations[0], rollout.observations[1])


def test_the_rollout_begins_with_the_next_reset(kind):
    env = make(kind, 3)
    env.reset(seed=0)
    actions = random_actions(env, 4)
    env.step(actions[0])
    state = env.get_state()
    rollout = env.rollout_buffers(3)
    with pytest.raises(error.ResetNeeded):
        env.step(actions[1])
    env.reset()
    env.set_state(state)
    twin = make(kind, 3)
    play(twin, actions[:1])
    for action in actions[1:]:
        assert_same(env.step(action)[:4], twin.step(action)[:4])
    assert rollout.steps == 3
    env.reset()
    assert rollout.steps == 0


def test_a_new_rollout_replaces_the_old_one(kind):
    _, env, old = pair(kind)
    env.reset(seed=0)
    actions = random_actions(env, 3)
    env.step(actions[0])
    kept = old.next_observations[0].copy()
    new = env.rollout_buffers(2)
    env.reset(seed=0)
    for action in actions[1:]:
        env.step(action)
    assert (old.steps, new.steps) == (1, 2)
    assert np.array_equal(old.next_observations[0], kept)
    assert np.array_equal(new.actions, actions[1:])


def test_threads_and_sends_write_into_the_rollout_too(kind):
    env, recorded, rollout = pair(kind, 70, num_threads=3)
    actions = random_actions(env, HORIZON)
    expected = play(env, actions)
    recorded.reset(seed=0)
    for action in actions:
        recorded.send(action)
        recorded.recv()
    assert np.array_equal(rollout.next_observations, np.stack([result[0] for result in expected[1:]]))
    assert np.array_equal(rollout.rewards, np.stack([result[1] for result in expected[1:]]))


def test_a_partial_reset_shows_in_the_next_observation_and_keeps_what_the_last_step_returned(kind):
    env, recorded, rollout = pair(kind, 4, autoreset_mode="Disabled")
    action = random_actions(env, 1)[0]
    result = play(env, [action])[1]
    ended = ended_rows(result).reshape(4, -1).all(axis=1)  # where an episode may be a single step, and needs a reset
    mask = np.repeat([True, False, False, True] | ended, env.agents_per_env)
    recorded.reset(seed=0)
    recorded.step(action)
    expected = env.reset(options={"reset_mask": mask})[0].copy()
    recorded.reset(options={"reset_mask": mask})
    for k, buffer in enumerate((rollout.rewards, rollout.terminations, rollout.truncations)):
        assert np.array_equal(buffer[0], result[k + 1])
    recorded.step(random_actions(env, 1, seed=2)[0])
    assert np.array_equal(rollout.observations[1], expected)


@pytest.mark.parametrize("after", [3, HORIZON])
def test_refused_actions_leave_the_rollout_alone(after):
    """Also those of the step that would begin the next rollout, when the last one may not have been read yet."""
    env, _, _ = pair("ocean-catch")
    rollout = env.rollout_buffers(HORIZON)
    env.reset(seed=0)
    for _ in range(after):
        env.step(np.ones(5, np.int32))
    written = [getattr(rollout, key)[:after].copy() for key in ("observations", "actions", "rewards", "masks")]
    state = env.get_state()
    for bad in (np.full(5, 9), np.array([0, 0, 0, 0, 9], np.int32), [2, 2, 2, 2, 9], np.zeros(4, int), None):
        with pytest.raises((TypeError, ValueError)):
            env.step(bad)
    assert rollout.steps == after
    kept = [getattr(rollout, key)[:after] for key in ("observations", "actions", "rewards", "masks")]
    assert_same(kept, written)
    assert np.array_equal(env.get_state(), state)


def test_a_snapshot_restored_within_a_rollout_is_the_next_observation(kind):
    env, recorded, rollout = pair(kind)
    actions = random_actions(env, 4)
    recorded.reset(seed=0)
    state = recorded.get_state()
    first = rollout.observations[0].copy()
    for action in actions[:3]:
        recorded.step(action)
    recorded.set_state(state)
    recorded.step(actions[3])
    assert np.array_equal(rollout.observations[3], first)


@pytest.mark.parametrize(
    ("horizon", "exception"),
    [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError), (None, TypeError)],
)
def test_bad_horizons_are_refused_and_change_nothing(horizon, exception):
    env = make("ocean-catch", 3)
    env.reset(seed=0)
    state = env.get_state()
    with pytest.raises(exception, match="horizon must be"):
        env.rollout_buffers(horizon)
    assert np.array_equal(env.get_state(), state)
    env.step([1, 1, 1])


@pytest.mark.parametrize("power", [50, 62, 63, 100])
def test_a_horizon_beyond_the_memory_is_refused_and_changes_nothing(power):
    env = make("ocean-catch", 300)
    env.reset(seed=0)
    with pytest.raises((ValueError, MemoryError), match="horizon"):
        env.rollout_buffers(2**power)
    env.step(np.ones(300, int))


def test_a_horizon_of_one_works(kind):
    env, recorded = make(kind, 3), make(kind, 3)
    rollout = recorded.rollout_buffers(1)
    actions = random_actions(env, 5)
    expected = play(env, actions)
    recorded.reset(seed=0)
    for before, action, after in zip(expected, actions, expected[1:], strict=False):
        recorded.step(action)
        assert np.array_equal(rollout.observations[0], before[0])
        assert np.array_equal(rollout.next_observations[0], after[0])
