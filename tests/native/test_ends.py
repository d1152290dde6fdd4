"""`env.ends`: the episodes that ended in a step, as arrays that tell what flags and infos tell, and that stay."""

from copy import deepcopy

import numpy as np
import pytest
from helpers import Tally, assert_same, ended_rows, make, play, random_actions

import puffer

NAMES = ("rows", "observations", "returns", "lengths", "terminated", "truncated", "seconds")
TYPES = {"rows": "i8", "returns": "f8", "lengths": "i8", "terminated": "?", "truncated": "?", "seconds": "f8"}


def arrays(ends):
    """Copies of what is always the same."""
    return {name: np.copy(getattr(ends, name)) for name in NAMES[:-1]}


def steps(env, count, seed=0):
    """Reset, and the results of steps with random actions; with autoreset disabled, what has ended is reset before."""
    env.reset(seed=seed)
    tally = Tally(env)
    for action in random_actions(env, count):
        if tally.mode == "Disabled" and tally.restart.any():
            env.reset(options={"reset_mask": tally.restart})
        result = env.step(action)
        tally.add(result)
        yield tally, result


def test_ends_are_what_flags_and_infos_say(kind, mode):
    env = make(kind, 6, autoreset_mode=mode, max_steps=15, record_episodes=True)
    total = 0
    for tally, (observations, _, terminations, truncations, info) in steps(env, 200):
        ends, rows = env.ends, np.flatnonzero(terminations | truncations)
        assert_same(ends.rows, rows)
        assert len(ends) == len(rows)
        assert_same(ends.terminated, terminations[rows])
        assert_same(ends.truncated, truncations[rows])
        expected = tally.episodes[total:]
        assert ends.lengths.tolist() == [length for _, length in expected]
        np.testing.assert_allclose(ends.returns, [value for value, _ in expected], atol=1e-4)
        total = len(tally.episodes)
        last = np.stack(info["final_obs"][rows]) if mode == "SameStep" and total and len(rows) else observations[rows]
        assert_same(ends.observations, last)
        assert ("episode" in info) == bool(len(rows))
        if len(rows):
            assert_same(info["episode"]["r"][rows], ends.returns)
            assert_same(info["episode"]["l"][rows], ends.lengths)
            assert_same(info["episode"]["t"][rows], ends.seconds.round(6))
    assert total > 20


def test_the_arrays_are_contiguous_and_their_own(kind):
    env = make(kind, 4, max_steps=1, record_episodes=True)
    for _ in steps(env, 1):
        ends = env.ends
    assert len(ends) == env.num_envs
    for name in NAMES:
        array = getattr(ends, name)
        assert array is getattr(ends, name)
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.flags.owndata
        assert array.shape == (env.num_envs, *(env.observations.shape[1:] if name == "observations" else ()))
        assert array.dtype == TYPES.get(name, env.observations.dtype)


def test_there_are_no_ends_before_a_step_and_after_a_reset(catch):
    row = catch.observations.shape[1:]
    for _ in range(2):
        assert len(catch.ends) == 0
        assert catch.ends is catch.ends
        assert catch.ends.observations.shape == (0, *row)
        assert {name: getattr(catch.ends, name).dtype for name in NAMES[:-1] if name != "observations"} == {
            name: np.dtype(TYPES[name]) for name in NAMES[:-1] if name != "observations"
        }
        assert catch.ends.seconds is None
        catch.reset(seed=0)
        assert len(catch.ends) == 0
        for _ in range(9):
            assert len(catch.ends) == 0
            catch.step(np.ones(4, np.int32))
        assert len(catch.ends) == 4
        catch.reset()


def test_a_termination_at_the_time_limit_is_both():
    env = make("ocean-catch", 3, max_steps=9)
    for _ in steps(env, 9):
        pass
    assert env.ends.terminated.all()
    assert env.ends.truncated.all()


@pytest.mark.parametrize("read", [True, False], ids=["read", "unread"])
def test_ends_that_are_held_stay_as_they_are(kind, mode, read):
    env = make(kind, 8, autoreset_mode=mode, max_steps=20)
    twin = make(kind, 8, autoreset_mode=mode, max_steps=20)
    kept = []
    for _, _ in zip(steps(env, 150), steps(twin, 150), strict=True):
        if len(env.ends):
            kept.append((env.ends, arrays(twin.ends), arrays(env.ends) if read else None))
    assert len(kept) > 5
    for ends, expected, _ in kept:
        assert_same(arrays(ends), expected)


def test_arrays_outlive_ends_and_environment():
    env = make("ocean-catch", 8)
    kept = []
    for _ in steps(env, 60):
        kept.append((env.ends.observations, env.ends.observations.copy()))
    env.close()
    del env
    for array, expected in kept:
        assert_same(array, expected)


def test_ends_do_not_depend_on_threads(kind):
    """Each thread writes its own stretch of the memory."""
    every = [make(kind, 320, num_threads=threads, max_steps=20) for threads in (1, 2, 5)]
    for _ in zip(*(steps(env, 40) for env in every), strict=True):
        first, *others = (arrays(env.ends) for env in every)
        for other in others:
            assert_same(first, other)


def test_ends_of_parts_count_from_the_first_row_of_the_part():
    whole, parts = make("ocean-snake", 6, max_steps=20), make("ocean-snake", 6, max_steps=20, batch_size=2)
    parts.async_reset(seed=0)
    size = parts.num_envs // 3
    order = [parts.recv()[4]["env_id"] for _ in range(3)]
    whole.reset(seed=0)
    total = 0
    for action in random_actions(whole, 80):
        whole.step(action)
        for rows in order:
            parts.send(action[rows])
        for _ in order:
            result = parts.recv()
            first = result[4]["env_id"][0]
            assert_same(parts.ends.rows, np.flatnonzero(ended_rows(result)))
            mine = (whole.ends.rows >= first) & (whole.ends.rows < first + size)
            expected = {name: array[mine] for name, array in arrays(whole.ends).items()}
            expected["rows"] -= first
            assert_same(arrays(parts.ends), expected)
            total += len(parts.ends)
    assert total > 20


def test_ends_stay_those_of_the_last_recv_while_the_part_steps():
    env = make("ocean-catch", 4, batch_size=2, max_steps=1)
    env.async_reset(seed=0)
    for _ in range(2):
        env.recv()
        assert len(env.ends) == 0
        env.send(np.ones(2, np.int32))
    env.recv()
    ends = env.ends
    env.send(np.ones(2, np.int32))
    assert env.ends is ends
    assert ends.rows.tolist() == [0, 1]


def test_a_copied_batch_has_no_ends(catch):
    for _ in steps(catch, 9):
        pass
    assert len(catch.ends) == 4
    assert len(deepcopy(catch).ends) == 0


def test_only_a_batch_makes_ends():
    with pytest.raises(TypeError, match=r"read env\.ends"):
        puffer.EpisodeEnds()
    assert repr(make("ocean-catch", 2).ends) == "<EpisodeEnds of 0 rows>"


# ---- final_obs, whose arrays are used again when nobody has them ----


def hold(final_obs, kept, rng):
    """Keep some of it, and do to the rest what must not show later."""
    rows = [row for row in final_obs if row is not None]
    choice = rng.integers(8)
    if choice == 0:
        kept.append((final_obs, [None if row is None else row.copy() for row in final_obs]))
    elif choice == 1:
        kept.append((rows[0], rows[0].copy()))
    elif choice == 2:
        kept.append((rows[-1].reshape(-1)[:2], rows[-1].reshape(-1)[:2].copy()))
    elif choice == 3:
        kept.append((memoryview(rows[0].reshape(-1)), rows[0].reshape(-1).copy()))
    elif choice == 4:
        final_obs[:] = [object() for _ in final_obs]
    elif choice == 5:
        for row in rows:
            row.shape = (1, *row.shape)
    elif choice == 6:
        rows[0].setflags(write=False)
        final_obs.setflags(write=False)
    else:
        kept.append((final_obs[1:], [None if row is None else row.copy() for row in final_obs[1:]]))


@pytest.mark.parametrize("copies", [1, 30])
def test_nothing_that_is_held_changes_and_nothing_that_was_done_shows(kind, copies, rng):
    env, twin = (make(kind, copies, max_steps=12) for _ in range(2))
    kept, seen = [], 0
    for (_, result), _ in zip(steps(env, 300), steps(twin, 300), strict=True):
        info = result[4]
        if not info:
            continue
        rows, final_obs = np.flatnonzero(ended_rows(result)), info["final_obs"]
        assert final_obs.dtype == object
        assert final_obs.shape == (env.num_envs,)
        assert [row for row in range(env.num_envs) if final_obs[row] is not None] == rows.tolist()
        assert_same(list(final_obs[rows]), list(twin.ends.observations))
        assert all(final.flags.writeable and final.flags.owndata for final in final_obs[rows])
        hold(final_obs, kept, rng)
        seen += len(rows)
        del final_obs, info, result
    assert seen > 20
    assert len(kept) > 5
    for held, expected in kept:
        assert_same(list(np.asarray(held)), list(expected))


def test_arrays_that_nobody_holds_are_used_again():
    """So that a loop that reads final_obs and keeps nothing makes no arrays."""
    env, seen = make("ocean-catch", 20, max_steps=1), set()
    for _, (*_, info) in steps(env, 50):
        seen.update(map(id, [info["final_obs"], *info["final_obs"]]))
    assert len(seen) <= 2 * 21


def test_own_values_are_made_of_rows_that_ended():
    rows, own = make("ocean-frozen_lake", 20, max_steps=8), make("ocean-frozen_lake", 20, max_steps=8, flat=False)
    for one, other in zip(play(rows, random_actions(rows, 40)), play(own, random_actions(rows, 40)), strict=True):
        assert list(one[4 if len(one) > 2 else 1]) == list(other[4 if len(other) > 2 else 1])
        if len(one) > 2 and one[4]:
            finals = other[4]["final_obs"]
            assert [final is not None for final in finals] == ended_rows(one).tolist()
            for final, row in zip(finals, one[4]["final_obs"], strict=True):
                assert final is None or own.single_observation_space.contains(final)
                assert final is None or final == row[0]
