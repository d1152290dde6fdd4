"""Threads, parts, seeds and snapshots, as the base class keeps them for every environment.

That an environment of the registry plays the same under all of these is in `tests/ocean/test_reproducible.py`.
"""

from itertools import product

import numpy as np
import pytest
from helpers import (
    MODES,
    assert_parts_make_the_whole,
    assert_same,
    drive,
    make,
    play,
    play_at_random,
    play_in_parts,
    random_actions,
)
from puffer.ocean.cartpole.cartpole import CartPole
from puffer.ocean.game_2048.game_2048 import Game2048
from puffer.ocean.pong.pong import Pong
from puffer.ocean.squared import Squared

import puffer


def test_results_do_not_depend_on_the_number_of_threads(kind, subtests):
    for mode, num_threads in product(MODES, (2, 7)):
        with subtests.test(f"{mode}, {num_threads} threads"):
            one, many = (
                make(kind, 11, autoreset_mode=mode, num_threads=threads, max_steps=40) for threads in (1, num_threads)
            )
            actions = random_actions(one, 150)
            assert_same(play(one, actions), play(many, actions))
            assert one.stats() == many.stats()
            assert np.array_equal(one.get_state(), many.get_state())


def test_large_batches_do_not_depend_on_the_number_of_threads(kind):
    envs = [make(kind, 1000, num_threads=threads) for threads in (1, 2, 64, 0)]
    actions = random_actions(envs[0], 40)
    expected = play(envs[0], actions)
    for env in envs[1:]:
        assert_same(expected, play(env, actions))
        assert np.array_equal(envs[0].get_state(), env.get_state())
    assert envs[-1].num_threads >= 1


@pytest.mark.parametrize(("batch_size", "num_threads"), [(1, 1), (2, 3), (3, 1), (4, 3), (6, 2)])
def test_results_do_not_depend_on_the_batch_size(kind, batch_size, num_threads):
    whole, split = (make(kind, 12, batch_size=size, num_threads=num_threads, max_steps=25) for size in (12, batch_size))
    actions = random_actions(whole, 80)
    assert_parts_make_the_whole(play(whole, actions), play_in_parts(split, actions))
    assert np.array_equal(whole.get_state(), split.get_state())
    assert whole.stats() == pytest.approx(split.stats())


@pytest.mark.parametrize("parent", [CartPole, Squared, Game2048, Pong])
def test_stepping_ended_copies_with_the_others_changes_nothing(parent):
    """Environments whose rules are safe beyond the end: with vectors, retained drawing, random steps."""
    results = []
    for steps_ended in (False, True):
        cls = type(parent.__name__, (parent,), {"steps_ended": steps_ended, "__module__": parent.__module__})
        env = puffer.VectorEnv(cls(300, max_steps=40, autoreset_mode="NextStep", num_threads=1))
        played = play(env, random_actions(env, 130))
        env.set_next([7, 299], seed=3)
        played += drive(env, random_actions(env, 50, seed=2))
        results.append((played, env.get_state(), env.stats()))
    assert_same(*results)


# ---- Seeds ----


def test_none_among_the_seeds_draws_fresh_entropy_for_that_copy(kind):
    env = make(kind, 3)
    env.reset(seed=[1, None, 1])
    once = env.get_state()
    env.reset(seed=[1, None, 1])
    again = env.get_state()
    assert np.array_equal(once[[0, 2]], again[[0, 2]])
    assert not np.array_equal(once[1], again[1])


def test_the_first_reset_uses_the_seed_of_make_or_entropy(kind):
    seeded, unseeded = (lambda: make(kind, 8, seed=4)), (lambda: make(kind, 8))
    for maker, same in ((seeded, True), (unseeded, False)):
        first, second = maker(), maker()
        first.reset()
        second.reset()
        assert np.array_equal(first.get_state(), second.get_state()) == same
    explicit = make(kind, 8)
    explicit.reset(seed=4)
    env = seeded()
    env.reset()
    assert np.array_equal(env.get_state(), explicit.get_state())


# ---- Snapshots ----


def test_a_snapshot_of_some_copies_leaves_the_others_alone(kind):
    env = make(kind, 4)
    play_at_random(env, 3)
    state, observations = env.get_state(), env.observations.copy()
    env.set_state(state[[1, 0]], [3, 0])
    after = env.get_state()
    assert np.array_equal(after[[1, 2]], state[[1, 2]])
    assert np.array_equal(after[[3, 0]], state[[1, 0]])
    untouched = slice(env.agents_per_env, 3 * env.agents_per_env)
    assert np.array_equal(env.observations[untouched], observations[untouched])


def test_empty_and_odd_selections_of_copies():
    env = make("ocean-catch", 4)
    env.reset(seed=0)
    state = env.get_state()
    assert env.get_state([]).shape == (0, state.shape[1])
    env.set_state(state[:0], [])
    assert np.array_equal(env.get_state(np.array([3, 0])), state[[3, 0]])
    assert np.array_equal(env.get_state(range(2)), state[:2])
    assert np.array_equal(env.get_state(iter([2])), state[[2]])
    for dtype in (np.uint8, np.int32, np.uint64, object):
        assert np.array_equal(env.get_state(np.array([3, 0], dtype)), state[[3, 0]])
    assert np.array_equal(env.get_state([np.int8(3), 0]), state[[3, 0]])
    assert np.array_equal(env.get_state(np.arange(8)[::-2][:2] % 4), state[[3, 1]])
    env.set_state(np.asfortranarray(state[::-1]), [3, 2, 1, 0])
    assert np.array_equal(env.get_state(), state)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 64, 65, 200])
def test_a_snapshot_does_not_depend_on_those_beside_it(kind, count):
    env, other = make(kind, count), make(kind, count)
    play_at_random(env, 20)
    other.reset(seed=9)
    state = env.get_state()
    for copy in range(count):
        assert np.array_equal(env.get_state([copy])[0], state[copy])
        other.set_state(state[[copy]], [copy])
    assert np.array_equal(other.get_state(), state)
    other.reset(seed=9)
    other.set_state(state)
    assert np.array_equal(other.get_state(), state)
    assert np.array_equal(other.observations, env.observations)


@pytest.mark.parametrize("bad", [0, 7, 8, 63, 64, 129])
def test_the_first_bad_snapshot_of_many_is_named(bad):
    env = make("ocean-catch", 130)
    env.reset(seed=0)
    state = env.get_state()
    for copy in {bad, 129}:
        state[copy, -1] ^= 1
    kept = env.get_state()
    with pytest.raises(ValueError, match=rf"state\[{bad}\] is not a snapshot"):
        env.set_state(state)
    assert np.array_equal(env.get_state(), kept)


def test_a_snapshot_is_independent_memory(kind):
    env = make(kind, 2)
    env.reset(seed=0)
    state = env.get_state()
    kept = state.copy()
    drive(env, random_actions(env, 5))
    assert np.array_equal(state, kept)


def test_a_corrupted_snapshot_is_refused_and_changes_nothing(kind):
    env = make(kind, 3)
    play_at_random(env, 3)
    good = env.get_state()
    env.reset()
    current, observations = env.get_state(), env.observations.copy()
    for position in (0, 7, 8, 15, 16, 20, -1):
        bad = good.copy()
        bad[2, position] ^= 1
        with pytest.raises(ValueError, match=r"state\[2\] is not a snapshot"):
            env.set_state(bad)
        assert np.array_equal(env.get_state(), current), position
        assert np.array_equal(env.observations, observations), position


def test_a_snapshot_of_constant_bytes_is_refused(kind):
    env = make(kind, 2)
    env.reset(seed=0)
    state = env.get_state()
    for value in (0, 255):
        with pytest.raises(ValueError, match=r"state\[0\] is not a snapshot"):
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
    with pytest.raises(ValueError, match=r"state\[0\] is not a snapshot of this environment"):
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
