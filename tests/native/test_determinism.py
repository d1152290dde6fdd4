"""Bit equality: over threads, batch sizes, splits and other env objects; snapshots restore exactly."""

from copy import deepcopy

import numpy as np
import pytest
from helpers import (
    NAMES,
    Tally,
    assert_same,
    drive,
    make,
    plain,
    play,
    play_at_random,
    random_actions,
    rows_of,
    run_script,
    snapshot,
)


def play_in_parts(env, actions, seed=0):
    """As `play`, with every part under way at once; puts the parts of a step together."""
    backend = env.unwrapped.backend
    parts = env.num_copies // backend.batch_size
    env.async_reset(seed=seed)
    order = [env.recv()[4]["env_id"] for _ in range(parts)]
    results = []
    for action in actions:
        for rows in order:
            env.send(action[rows])
        received = []
        for rows in order:
            received.append(snapshot(env.recv()))
            assert np.array_equal(received[-1][4].pop("env_id"), rows)
        arrays = [np.concatenate(pieces) for pieces in list(zip(*received, strict=True))[:4]]
        results.append((*arrays, [part[4].get("final_obs", [None] * len(order[0])) for part in received]))
    return results


@pytest.mark.parametrize("num_threads", [2, 7])
def test_results_do_not_depend_on_the_number_of_threads(case, mode, num_threads):
    one, many = (case.make(11, autoreset_mode=mode, num_threads=threads, max_steps=40) for threads in (1, num_threads))
    actions = random_actions(one, 150)
    assert_same(play(one, actions), play(many, actions))
    assert one.stats() == many.stats()
    assert np.array_equal(one.get_state(), many.get_state())


def test_large_batches_do_not_depend_on_the_number_of_threads(name):
    envs = [make(name, 1000, num_threads=threads) for threads in (1, 2, 64, 0)]
    actions = random_actions(envs[0], 40)
    expected = play(envs[0], actions)
    for env in envs[1:]:
        assert_same(expected, play(env, actions))
        assert np.array_equal(envs[0].get_state(), env.get_state())


@pytest.mark.parametrize(("batch_size", "num_threads"), [(1, 1), (2, 3), (3, 1), (4, 3), (6, 2)])
def test_results_do_not_depend_on_the_batch_size(case, batch_size, num_threads):
    whole, split = (case.make(12, batch_size=size, num_threads=num_threads, max_steps=25) for size in (12, batch_size))
    actions = random_actions(whole, 80)
    expected, results = play(whole, actions), play_in_parts(split, actions)
    for one, other in zip(expected[1:], results, strict=True):
        assert_same(one[:4], other[:4])
        finals = [final for part in other[4] for final in part]
        assert_same(list(one[4].get("final_obs", [None] * whole.num_envs)), finals)
    assert np.array_equal(whole.get_state(), split.get_state())
    assert whole.stats() == pytest.approx(split.stats())


def test_a_batch_of_n_is_n_batches_of_one(case):
    env = case.make(5, max_steps=30)
    actions, agents = random_actions(env, 100), env.agents_per_env
    seeds = [3, 1, 4, 1, 5]
    together = play(env, actions, seeds)
    for copy, seed in enumerate(seeds):
        rows = slice(copy * agents, (copy + 1) * agents)
        alone = play(case.make(1, max_steps=30), actions[:, rows], seed)
        assert_same(rows_of(together, rows), rows_of(alone, slice(None)))


@pytest.mark.parametrize("others", [1, 3, 100])
def test_a_copy_does_not_depend_on_the_number_of_copies(case, others):
    env, larger = case.make(2), case.make(2 + others)
    actions = random_actions(larger, 100)
    rows = slice(0, env.num_envs)
    assert_same(rows_of(play(env, actions[:, rows]), rows), rows_of(play(larger, actions), rows))


def test_other_objects_do_not_matter(name):
    env = make(name, 4)
    actions = random_actions(env, 60)
    expected = play(env, actions)
    other = make(name, 3, seed=1)
    other.reset()
    env.reset(seed=0)
    for action, (*arrays, info) in zip(actions, expected[1:], strict=True):
        other.step(random_actions(other, 1)[0])
        make(name, 1).reset()
        result = env.step(action)
        assert_same(result[:4], tuple(arrays))
        assert_same(plain(result[4]), info)


def test_global_random_states_do_not_matter_and_are_left_alone(name):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    expected = play_at_random(make(name, 4), 30)
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    assert_same(play_at_random(make(name, 4), 30), expected)


def test_another_process_gives_the_same_bits():
    script = f"""
import hashlib, sys
sys.path.insert(0, "tests")
from helpers import make, play_at_random
for name in {NAMES!r}:
    results = play_at_random(make(name, 8, num_threads=3), 100)
    print(name, hashlib.sha256(b"".join(array.tobytes() for *arrays, _ in results for array in arrays)).hexdigest())
"""
    assert run_script(script) == run_script(script.replace("num_threads=3", "num_threads=1"))


def test_auto_threads_settle_and_change_nothing(name):
    env, single = make(name, 64, num_threads=0), make(name, 64)
    actions = random_actions(env, 40)
    assert_same(play(env, actions), play(single, actions))
    assert env.unwrapped.backend.num_threads >= 1


# ---- Snapshots ----


def test_restoring_what_is_there_shows_what_was_shown(case, mode):
    """However an env updates its rows step by step, they equal what it writes from nothing; so do the masks."""
    env = case.make(16, autoreset_mode=mode, max_steps=70)
    observations = env.unwrapped.backend.observations
    for turn in range(5):
        play(env, random_actions(env, 20 + 37 * turn, seed=turn), seed=turn)
        shown, present = observations.copy(), env.masks.copy()
        observations[:] = 1
        env.set_state(env.get_state())
        assert np.array_equal(env.masks, present)
        assert np.array_equal(observations[present], shown[present])


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
def test_restoring_an_ended_episode_shows_its_end(name, mode):
    env = make(name, 3, autoreset_mode=mode, max_steps=2)
    play(env, random_actions(env, 2))
    state, shown, present = env.get_state(), env.unwrapped.backend.observations.copy(), env.masks.copy()
    env.reset()
    env.set_state(state)
    assert np.array_equal(env.masks, present)
    assert np.array_equal(env.unwrapped.backend.observations, shown)


def test_a_snapshot_replays_bit_for_bit(case, mode):
    env = case.make(autoreset_mode=mode, max_steps=30)
    env.reset(seed=0)
    tally = Tally(env)
    drive(env, random_actions(env, 60), tally)
    env.stats()
    state, observations = env.get_state(), env.unwrapped.backend.observations.copy()
    actions = random_actions(env, 80, seed=2)
    expected, statistics, end = drive(env, actions, deepcopy(tally)), env.stats(), env.get_state()
    env.set_state(state)
    assert np.array_equal(env.unwrapped.backend.observations[env.masks], observations[env.masks])
    assert_same(drive(env, actions, tally), expected)
    assert env.stats() == statistics
    assert np.array_equal(env.get_state(), end)


def test_a_snapshot_includes_the_random_stream(case):
    env = case.make(8)
    env.reset(seed=1)
    state = env.get_state()
    env.reset()
    expected = env.get_state()
    env.set_state(state)
    env.reset()
    assert np.array_equal(env.get_state(), expected)


def test_a_snapshot_moves_between_copies_and_objects(case):
    env = case.make(4, max_steps=30)
    play_at_random(env, 17)
    agents, state = env.agents_per_env, env.get_state([2])
    other = case.make(3, max_steps=30, num_threads=2, autoreset_mode="SameStep")
    other.reset(seed=9)
    other.set_state(np.repeat(state, 2, axis=0), [0, 2])
    assert np.array_equal(other.get_state([0, 2]), np.repeat(state, 2, axis=0))
    actions = random_actions(env, 60, seed=3)
    of_copy = actions[:, 2 * agents : 3 * agents]
    expected = [tuple(array[2 * agents : 3 * agents] for array in arrays) for *arrays, _ in drive(env, actions)]
    for *arrays, _ in drive(other, np.concatenate([of_copy] * 3, axis=1)):
        assert_same(tuple(array[:agents] for array in arrays), expected[0])
        assert_same(tuple(array[2 * agents :] for array in arrays), expected.pop(0))


def test_a_snapshot_of_some_copies_leaves_the_others_alone(case):
    env = case.make(4)
    play_at_random(env, 3)
    state, observations = env.get_state(), env.unwrapped.backend.observations.copy()
    env.set_state(state[[1, 0]], [3, 0])
    after = env.get_state()
    assert np.array_equal(after[[1, 2]], state[[1, 2]])
    assert np.array_equal(after[[3, 0]], state[[1, 0]])
    untouched = slice(env.agents_per_env, 3 * env.agents_per_env)
    assert np.array_equal(env.unwrapped.backend.observations[untouched], observations[untouched])


def test_empty_and_odd_selections_of_copies():
    env = make("ocean-catch", 4)
    env.reset(seed=0)
    state = env.get_state()
    assert env.get_state([]).shape == (0, state.shape[1])
    env.set_state(state[:0], [])
    assert np.array_equal(env.get_state(np.array([3, 0])), state[[3, 0]])
    assert np.array_equal(env.get_state(range(2)), state[:2])
    assert np.array_equal(env.get_state(iter([2])), state[[2]])
    env.set_state(np.asfortranarray(state[::-1]), [3, 2, 1, 0])
    assert np.array_equal(env.get_state(), state)


def test_a_snapshot_is_independent_memory(name):
    env = make(name, 2)
    env.reset(seed=0)
    state = env.get_state()
    kept = state.copy()
    drive(env, random_actions(env, 5))
    assert np.array_equal(state, kept)


@pytest.mark.parametrize("position", [0, 7, 8, 15, 16, 20, -1])
def test_a_corrupted_snapshot_is_refused_and_changes_nothing(case, position):
    env = case.make(3)
    play_at_random(env, 3)
    before = env.get_state()
    env.reset()
    current, observations = env.get_state(), env.unwrapped.backend.observations.copy()
    before[2, position] ^= 1
    with pytest.raises(ValueError, match=r"state\[2\] is no snapshot"):
        env.set_state(before)
    assert np.array_equal(env.get_state(), current)
    assert np.array_equal(env.unwrapped.backend.observations, observations)


@pytest.mark.parametrize("value", [0, 255])
def test_a_snapshot_of_constant_bytes_is_refused(name, value):
    env = make(name, 2)
    env.reset(seed=0)
    state = env.get_state()
    with pytest.raises(ValueError, match=r"state\[0\] is no snapshot"):
        env.set_state(np.full_like(state, value))


@pytest.mark.parametrize(
    ("other", "options"), [("ocean-squared", {}), ("ocean-catch", {"rows": 9}), ("ocean-catch", {"columns": 6})]
)
def test_a_snapshot_of_another_class_or_size_is_refused(catch, other, options):
    catch.reset(seed=0)
    foreign = make(other, 4, **options)
    foreign.reset(seed=0)
    size = catch.get_state().shape[1]
    state = np.zeros((4, size), np.uint8)
    theirs = foreign.get_state()[:, :size]
    state[:, : theirs.shape[1]] = theirs
    with pytest.raises(ValueError, match=r"state\[0\] is no snapshot of this environment"):
        catch.set_state(state)


@pytest.mark.parametrize("limit", [5, 50])
def test_a_snapshot_belongs_to_an_env_with_any_time_limit(limit):
    """The limit is an option of the object and not state: a restored episode ends where the object's limit says."""
    env, other = make("ocean-cartpole", 1, max_steps=100), make("ocean-cartpole", 1, max_steps=limit)
    other.reset(seed=1)
    env.reset(seed=0)
    for _ in range(4):
        env.step(np.ones(1, np.int32))
    other.set_state(env.get_state())
    _, _, _, truncations, _ = other.step(np.zeros(1, np.int32))
    assert truncations[0] == (limit == 5)
