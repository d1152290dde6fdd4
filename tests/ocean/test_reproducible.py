"""Every native environment of the registry plays the same, bit for bit, whatever else is going on.

Over threads, parts of the batch, the number of copies, other objects and processes; and after a snapshot is restored.
"""

import threading
from copy import deepcopy

import numpy as np
import pytest
from helpers import (
    MODES,
    NAMES,
    Tally,
    assert_parts_make_the_whole,
    assert_same,
    drive,
    make,
    play,
    play_at_random,
    play_in_parts,
    random_actions,
    rows_of,
    run_script,
)

# ---- Independence ----


def test_results_do_not_depend_on_threads(cases, subtests):
    for case in cases:
        with subtests.test(str(case)):
            one, many = (case.make(130, num_threads=threads, max_steps=40) for threads in (1, 3))
            actions = random_actions(one, 60)
            assert_same(play(one, actions), play(many, actions))
            assert one.stats() == many.stats()
            assert np.array_equal(one.get_state(), many.get_state())


def test_results_do_not_depend_on_the_batch_size(cases, subtests):
    for case in cases:
        with subtests.test(str(case)):
            whole, split = (case.make(12, batch_size=size, num_threads=2, max_steps=25) for size in (12, 3))
            actions = random_actions(whole, 60)
            assert_parts_make_the_whole(play(whole, actions), play_in_parts(split, actions))
            assert np.array_equal(whole.get_state(), split.get_state())
            assert whole.stats() == pytest.approx(split.stats())


def test_a_batch_of_n_is_n_batches_of_one(cases, subtests):
    for case in cases:
        with subtests.test(str(case)):
            env = case.make(5, max_steps=30)
            actions, agents = random_actions(env, 60), env.agents_per_env
            seeds = [3, 1, 4, 1, 5]
            together = play(env, actions, seeds)
            for copy, seed in enumerate(seeds):
                rows = slice(copy * agents, (copy + 1) * agents)
                alone = play(case.make(1, max_steps=30), actions[:, rows], seed)
                assert_same(rows_of(together, rows), rows_of(alone, slice(None)))


def test_a_copy_does_not_depend_on_the_number_of_copies(cases, subtests):
    for case in cases:
        with subtests.test(str(case)):
            env, larger = case.make(2), case.make(65)
            actions = random_actions(larger, 70)
            rows = slice(0, env.num_envs)
            assert_same(rows_of(play(env, actions[:, rows]), rows), rows_of(play(larger, actions), rows))


def test_neither_other_objects_nor_global_random_states_matter(name):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    env, other = make(name, 4), make(name, 3, seed=1)
    actions = random_actions(env, 40)
    expected = play(env, actions)
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    others = random_actions(other, 40)
    other.reset()
    env.reset(seed=0)
    for step, (action, (*arrays, _)) in enumerate(zip(actions, expected[1:], strict=True)):
        other.step(others[step])
        if step % 10 == 0:
            make(name, 1).reset()
        assert_same(env.step(action)[:4], tuple(arrays))


def test_many_envs_step_in_many_threads_at_once(name):
    env = make(name, 200)
    actions = random_actions(env, 30)
    expected = play(env, actions)
    results = {}

    def work(k):
        results[k] = play(make(name, 200, num_threads=2), actions)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results.values():
        assert_same(result, expected)


def test_another_process_gives_the_same_bits():
    script = f"""
import hashlib, sys
sys.path.insert(0, "tests")
from helpers import make, play_at_random
for name in {NAMES!r}:
    results = play_at_random(make(name, 8, num_threads=3), 60)
    print(name, hashlib.sha256(b"".join(array.tobytes() for *arrays, _ in results for array in arrays)).hexdigest())
"""
    assert run_script(script) == run_script(script.replace("num_threads=3", "num_threads=1"))


# ---- Snapshots ----


def test_restoring_what_is_there_shows_what_was_shown(in_every_mode):
    """However an env updates its rows step by step, they equal what it writes from nothing; so do the masks."""

    @in_every_mode
    def check(case, mode):
        env = case.make(16, autoreset_mode=mode, max_steps=70)
        for turn in range(3):
            play(env, random_actions(env, (20, 57, 97)[turn], seed=turn), seed=turn)
            shown, present = env.observations.copy(), env.masks.copy()
            env.observations[:] = 1
            env.set_state(env.get_state())
            assert np.array_equal(env.masks, present)
            assert np.array_equal(env.observations[present], shown[present])


def test_restoring_an_ended_episode_shows_its_end(name):
    for mode in ("NextStep", "Disabled"):
        env = make(name, 3, autoreset_mode=mode, max_steps=2)
        play(env, random_actions(env, 2))
        state, shown, present = env.get_state(), env.observations.copy(), env.masks.copy()
        env.reset()
        env.set_state(state)
        assert np.array_equal(env.masks, present), mode
        assert np.array_equal(env.observations, shown), mode


def test_a_snapshot_replays_bit_for_bit(in_every_mode):
    @in_every_mode
    def check(case, mode):
        env = case.make(autoreset_mode=mode, max_steps=30)
        env.reset(seed=0)
        tally = Tally(env)
        drive(env, random_actions(env, 45), tally)
        env.stats()
        state, observations = env.get_state(), env.observations.copy()
        actions = random_actions(env, 60, seed=2)
        expected, statistics, end = drive(env, actions, deepcopy(tally)), env.stats(), env.get_state()
        env.set_state(state)
        assert np.array_equal(env.observations[env.masks], observations[env.masks])
        assert_same(drive(env, actions, tally), expected)
        assert env.stats() == statistics
        assert np.array_equal(env.get_state(), end)


def test_a_snapshot_moves_between_copies_and_objects(cases, subtests):
    for case in cases:
        with subtests.test(str(case)):
            assert_a_snapshot_moves(case)


def assert_a_snapshot_moves(case):
    env = case.make(4, max_steps=30)
    play_at_random(env, 17)
    agents, state = env.agents_per_env, env.get_state([2])
    other = case.make(3, max_steps=30, num_threads=2)
    other.reset(seed=9)
    other.set_state(np.repeat(state, 2, axis=0), [0, 2])
    assert np.array_equal(other.get_state([0, 2]), np.repeat(state, 2, axis=0))
    actions = random_actions(env, 60, seed=3)
    of_copy = actions[:, 2 * agents : 3 * agents]
    expected = [tuple(array[2 * agents : 3 * agents] for array in arrays) for *arrays, _ in drive(env, actions)]
    for *arrays, _ in drive(other, np.concatenate([of_copy] * 3, axis=1)):
        assert_same(tuple(array[:agents] for array in arrays), expected[0])
        assert_same(tuple(array[2 * agents :] for array in arrays), expected.pop(0))


def test_a_snapshot_includes_the_random_stream(cases, subtests):
    for case in cases:
        with subtests.test(str(case)):
            env = case.make(8)
            env.reset(seed=1)
            state = env.get_state()
            env.reset()
            expected = env.get_state()
            env.set_state(state)
            env.reset()
            assert np.array_equal(env.get_state(), expected)


# ---- Statistics and rollouts ----


def test_stats_agree_with_a_tally_of_the_steps(in_every_mode):
    @in_every_mode
    def check(case, mode):
        env = case.make(16, autoreset_mode=mode, max_steps=60)
        env.reset(seed=0)
        assert env.stats() == {"episodes": 0}
        tally = Tally(env)
        for turn in range(2):
            tally.episodes.clear()
            drive(env, random_actions(env, 100, seed=turn), tally)
            stats = env.stats()
            returns, lengths = np.array(tally.episodes).T
            assert stats["episodes"] == len(returns) > 10
            assert stats["episode_return"] == pytest.approx(returns.mean(), rel=1e-9, abs=1e-9)
            assert stats["episode_length"] == pytest.approx(lengths.mean(), rel=1e-9)
            own = env.native_env.statistic_names
            assert list(stats) == ["episodes", "episode_return", "episode_length", *own]
            assert env.stats() == {"episodes": 0}


def test_every_row_of_a_rollout_is_what_that_step_saw_and_returned(name, subtests):
    for mode in MODES:
        with subtests.test(mode):
            assert_a_rollout_holds_the_steps(name, mode, horizon=7)


def assert_a_rollout_holds_the_steps(name, mode, horizon):
    env, recorded = (make(name, 5, max_steps=12, autoreset_mode=mode) for _ in range(2))
    rollout = recorded.rollout_buffers(horizon)
    actions = random_actions(env, 5 * horizon if mode != "Disabled" else 1)
    expected = play(env, actions)
    assert np.array_equal(recorded.reset(seed=0)[0], expected[0][0])
    for k, action in enumerate(actions):
        row = k % horizon
        *arrays, info = recorded.step(action)
        assert rollout.steps == row + 1
        assert np.array_equal(rollout.observations[row], expected[k][0])
        assert np.array_equal(rollout.actions[row], action)
        buffers = (rollout.next_observations, rollout.rewards, rollout.terminations, rollout.truncations)
        for array, buffer, wanted in zip(arrays, buffers, expected[k + 1][:4], strict=True):
            assert np.shares_memory(array, buffer[row])
            assert np.array_equal(buffer[row], wanted)
        assert list(info) == list(expected[k + 1][4])
