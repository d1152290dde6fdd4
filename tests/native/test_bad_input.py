"""Hostile input: every refusal is a Python exception that names what is wrong, and leaves the environment as it was.

What could crash the interpreter is in test_crashes.py, in processes of its own.
"""

import array
import re
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import pytest
from gymnasium import error, spaces
from helpers import assert_same, make, plain, play, random_actions, snapshot

import puffer

BUFFERS = ("observations", "rewards", "terminations", "truncations", "masks")


def everything(env):
    """All that a refused call must not touch."""
    buffers = env.buffers
    return (env.get_state(), env.np_random_seed, *(getattr(buffers, name).copy() for name in BUFFERS))


@contextmanager
def refuses(env, exception, match):
    """The block raises, changes nothing, and the environment goes on as one that was never asked."""
    before = everything(env)
    with pytest.raises(exception, match=match):
        yield
    assert_same(everything(env), before)
    good = np.ones(env.num_envs, np.int32)
    result = snapshot(env.step(good))
    after = env.get_state()
    env.set_state(before[0])
    assert_same(snapshot(env.step(good)), result)
    assert np.array_equal(env.get_state(), after)


@pytest.fixture
def started(catch):
    """Four copies of Catch in the middle of an episode."""
    catch.reset(seed=0)
    catch.step(np.array([0, 1, 2, 0]))
    return catch


def vector(space, **options):
    """Four rows of an environment without rules that takes actions of `space`."""
    env = puffer.VectorEnv(puffer.Env(4, spaces.Box(0, 1, (2,)), space, num_threads=1, **options))
    env.reset(seed=0)
    return env


# ---- Actions ----

BAD_VALUES = {
    "too large": np.array([0, 1, 3, 2]),
    "negative": np.array([0, 1, -1, 2]),
    "int32": np.array([0, 1, 3, 2], np.int32),
    "2**31": np.array([0, 1, 2**31, 2]),
    "wraps to 0 in 32 bits": np.array([0, 1, 2**32, 2]),
    "lowest": np.array([0, 1, -(2**63), 2]),
    "uint64": np.array([0, 1, 2**64 - 1, 2], np.uint64),
    "uint64 that wraps to 0": np.array([0, 1, 2**32, 2], np.uint64),
    "uint8": np.array([0, 1, 255, 2], np.uint8),
    "int8": np.array([0, 1, -128, 2], np.int8),
    "byte-swapped": np.array([0, 1, 3, 2], ">i4"),
    "list": [0, 1, 3, 2],
    "list of int64": [np.int64(0), 1, np.int64(3), 2],
    "tuple": (0, 1, -1, 2),
    "greatest in a list": [0, 1, 2**63 - 1, 2],
    "lowest in a list": [0, 1, -(2**63), 2],
    "non-contiguous": np.array([0, 9, 1, 9, 3, 9, 2, 9])[::2],
}
BAD_TYPES = {
    "float": np.ones(4),
    "float32": np.ones(4, np.float32),
    "NaN": np.full(4, np.nan),
    "infinity": np.full(4, np.inf),
    "bool": np.ones(4, np.bool_),
    "complex": np.ones(4, complex),
    "str": np.array(["0"] * 4),
    "bytes": b"\0\1\2\0",
    "object": np.array([0, 1, 2, 0], object),
    "datetime": np.zeros(4, "M8[s]"),
    "structured": np.zeros(4, [("a", np.int32)]),
    "large integers": [0, 1, 2**70, 2],
    "a float among integers": [0, 1, 2.0, 2],
    "a str among integers": [0, 1, "2", 2],
    "None": None,
    "list of None": [None] * 4,
    "dict": {0: 1},
    "set": {0, 1, 2},
    "generator": (0 for _ in range(4)),
    "class": int,
    "empty list": [],
}
BAD_SHAPES = {
    "too short": np.zeros(3, int),
    "too long": np.zeros(5, int),
    "empty": np.zeros(0, int),
    "column": np.zeros((4, 1), int),
    "row": np.zeros((1, 4), int),
    "square": np.zeros((2, 2), int),
    "0-d": np.array(1),
    "scalar": 1,
    "list": [0, 1],
}


def test_actions_out_of_range_are_refused_with_row_and_value(started, subtests):
    for name, actions in BAD_VALUES.items():
        with subtests.test(name), refuses(started, ValueError, r"actions\[2\] is -?\d+: row 2 takes 0 to 2"):
            started.step(actions)


def test_actions_of_a_wrong_type_are_refused(started, subtests):
    for name, actions in BAD_TYPES.items():
        with subtests.test(name), refuses(started, TypeError, "actions must be integers for Discrete.3.*dtype"):
            started.step(actions)


def test_actions_of_a_wrong_shape_are_refused(started, subtests):
    for name, actions in BAD_SHAPES.items():
        with subtests.test(name), refuses(started, ValueError, r"actions must have shape \(4,\), got "):
            started.step(actions)


def test_ragged_actions_are_refused(started):
    with refuses(started, ValueError, "actions"):
        started.step([[0], [1, 2], 0, 0])


@pytest.mark.parametrize("actions", [BAD_VALUES["list"], BAD_TYPES["NaN"], BAD_SHAPES["too long"]], ids=str)
def test_send_refuses_what_step_refuses(started, actions):
    with refuses(started, (TypeError, ValueError), "actions"):
        started.send(actions)


@pytest.mark.parametrize("actions", [BAD_TYPES["NaN"], BAD_SHAPES["too long"], BAD_SHAPES["0-d"]], ids=str)
def test_without_check_actions_type_and_shape_are_still_checked(actions):
    env = make("ocean-catch", 4, check_actions=False)
    env.reset(seed=0)
    with refuses(env, (TypeError, ValueError), "actions must"):
        env.step(actions)


def test_without_check_actions_good_actions_do_the_same(kind):
    checked, unchecked = (make(kind, 5, check_actions=check) for check in (True, False))
    actions = random_actions(checked, 40)
    expected = play(checked, actions)
    assert_same(play(unchecked, actions), expected)
    if actions.dtype == np.int32:
        assert_same(play(unchecked, actions.astype(np.int64)), expected)


FORMS = {
    "list": list,
    "tuple": tuple,
    "list of int": lambda actions: actions.tolist(),
    "tuple of int": lambda actions: tuple(actions.tolist()),
    "list of int64": lambda actions: list(actions.astype(np.int64)),
    "list of both": lambda actions: [int(actions[0]), *actions[1:].astype(np.int64)],
    "list of other integers": lambda actions: [np.uint8(actions[0]), *actions[1:].astype(np.int64)],
    "list of subclasses": lambda actions: [IntEnum("Action", {"only": int(action)}).only for action in actions],
    **{f"dtype {kind}": lambda actions, kind=kind: actions.astype(kind) for kind in "bhiqBHIQ"},
    "byte-swapped": lambda actions: actions.astype(">i8"),
    "non-contiguous": lambda actions: np.repeat(actions, 2)[::2],
    "backwards": lambda actions: actions[::-1].copy()[::-1],
    "unaligned": lambda actions: np.frombuffer(b"\0" + actions.tobytes(), np.uint8)[1:].view(np.int32),
    "masked": lambda actions: np.ma.masked_array(actions),
    "array": lambda actions: array.array("i", actions.tolist()),
    "memoryview": lambda actions: memoryview(actions),
}


def test_any_form_of_good_integers_is_taken(subtests):
    env = make("ocean-catch", 6)
    actions = random_actions(env, 30)
    expected = play(env, actions)
    for name, convert in FORMS.items():
        with subtests.test(name):
            converted = [convert(action) for action in actions]
            for action in converted:
                if isinstance(action, np.ndarray):
                    action.flags.writeable = False
            assert_same(play(env, converted), expected)


BAD_FLOATS = {
    "NaN": np.nan,
    "infinity": np.inf,
    "minus infinity": -np.inf,
    "beyond float32": 1e39,
}


@pytest.mark.parametrize("value", BAD_FLOATS.values(), ids=BAD_FLOATS)
def test_float_actions_that_are_not_finite_are_refused(value):
    env = vector(spaces.Box(-1, 1, (2,), np.float32))
    for kind in (np.float64, np.float32, ">f8", np.longdouble):
        actions = np.zeros((4, 2))
        actions[3, 1] = value
        with np.errstate(over="ignore"):
            actions = actions.astype(kind)
        before = everything(env)
        with pytest.raises(ValueError, match=r"actions\[3, 1\] is .*: row 3 needs finite float32 values"):
            env.step(actions)
        assert_same(everything(env), before)


def test_float_actions_of_any_real_type_are_taken():
    env = vector(spaces.Box(-1, 1, (2,), np.float32))
    for kind in (np.float16, np.float32, np.float64, np.int64, np.uint8, ">f4"):
        actions = np.arange(8).reshape(4, 2).astype(kind)
        env.step(actions)
        assert np.array_equal(env.buffers.actions, actions), kind
        env.step(np.asfortranarray(actions))
        assert np.array_equal(env.buffers.actions, actions), kind


@pytest.mark.parametrize(
    "actions", [np.zeros(4), np.zeros((4, 3)), np.zeros((2, 2)), np.zeros((4, 2), bool), [["a"] * 2] * 4]
)
def test_float_actions_of_a_wrong_shape_or_type_are_refused(actions):
    with pytest.raises((TypeError, ValueError), match="actions must"):
        vector(spaces.Box(-1, 1, (2,), np.float32)).step(actions)


def test_multi_discrete_actions_are_checked_column_by_column():
    env = vector(spaces.MultiDiscrete([2, 3, 4], start=[0, -1, 10]))
    good = np.array([[0, -1, 10], [1, 1, 13], [0, 0, 12], [1, -1, 11]])
    env.step(good)
    assert np.array_equal(env.buffers.actions, good)
    for column, value in ((0, 2), (0, -1), (1, 2), (1, -2), (2, 14), (2, 9)):
        bad = good.copy()
        bad[2, column] = value
        low, high = ((0, 1), (-1, 1), (10, 13))[column]
        with pytest.raises(
            ValueError, match=re.escape(f"actions[2, {column}] is {value}: row 2 takes {low} to {high}")
        ):
            env.step(bad)


def test_discrete_actions_with_a_start_are_checked():
    env = vector(spaces.Discrete(3, start=-1))
    env.step([-1, 0, 1, 0])
    for value in (-2, 2):
        with pytest.raises(ValueError, match=re.escape(f"actions[1] is {value}: row 1 takes -1 to 1")):
            env.step([0, value, 0, 0])


@pytest.mark.parametrize(
    "space",
    [
        spaces.Sequence(spaces.Discrete(3)),
        spaces.Box(0, 1, (2,), np.float64),
        spaces.Text(3),
        spaces.Discrete(2, start=2**31),
        spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(0, 1, (2,), np.float64)),
    ],
)
def test_spaces_that_native_actions_cannot_have_are_refused(space):
    with pytest.raises(TypeError, match="action"):
        puffer.Env(4, spaces.Box(0, 1, (2,)), space)


# ---- Seeds and masks ----

BAD_SEEDS = {
    "negative": (-1, ValueError, "seed must be at least 0, got -1"),
    "too large": (2**64, ValueError, "seed must be at most 18446744073709551615"),
    "float": (1.0, TypeError, "seed must be an integer, got 1.0"),
    "NaN": (float("nan"), TypeError, "seed must be an integer"),
    "bool": (True, TypeError, "seed must be an integer, got True"),
    "NumPy bool": (np.True_, TypeError, "seed must be an integer"),
    "str": ("1", TypeError, "seed must be an integer, got '1'"),
    "bytes": (b"1234", TypeError, "seed must be an integer"),
    "object": (object(), TypeError, "seed must be an integer"),
    "dict": ({}, TypeError, "seed must be an integer"),
    "too few": ([1, 2, 3], ValueError, "seed must be an int or a sequence of 4 ints.*got 3"),
    "too many": ([1] * 5, ValueError, "seed must be an int or a sequence of 4 ints.*got 5"),
    "none": ([], ValueError, "seed must be an int or a sequence of 4 ints.*got 0"),
    "negative inside": ([1, 2, 3, -4], ValueError, r"seed\[3\] must be at least 0, got -4"),
    "too large inside": ([2**64, 2, 3, 4], ValueError, r"seed\[0\] must be at most"),
    "float inside": ([1, 2.5, 3, 4], TypeError, r"seed\[1\] must be an integer, got 2.5"),
    "bool inside": ([1, True, 3, 4], TypeError, r"seed\[1\] must be an integer, got True"),
    "str inside": ([1, "2", 3, 4], TypeError, r"seed\[1\] must be an integer"),
    "float array": (np.ones(4), TypeError, r"seed\[0\] must be an integer"),
    "nested": ([[1], [2], [3], [4]], TypeError, r"seed\[0\] must be an integer"),
    "two axes": (np.ones((2, 2), int), ValueError, "seed must be an int or a sequence of 4 ints"),
}


def test_bad_seeds_are_refused(started, subtests):
    for name, (seed, exception, message) in BAD_SEEDS.items():
        with subtests.test(name), refuses(started, exception, message):
            started.reset(seed=seed)


def test_make_refuses_bad_seeds(subtests):
    for name in ("negative", "too large", "float", "bool", "str", "object"):
        seed, exception, message = BAD_SEEDS[name]
        with subtests.test(name), pytest.raises(exception, match=message):
            make("ocean-catch", 4, seed=seed)


BAD_MASKS = {
    "None": (None, TypeError, "reset_mask'. must be a numpy array, got NoneType"),
    "list": ([True, False, True, False], TypeError, "reset_mask'. must be a numpy array, got list"),
    "int": (1, TypeError, "reset_mask'. must be a numpy array"),
    "int array": (np.array([1, 0, 0, 1]), TypeError, "reset_mask'. must have dtype bool, got int64"),
    "object array": (np.array([True, False, True, False], object), TypeError, "must have dtype bool"),
    "too short": (np.ones(3, bool), ValueError, r"reset_mask'. must have shape \(4,\), got \(3,\)"),
    "too long": (np.ones(5, bool), ValueError, r"reset_mask'. must have shape \(4,\), got \(5,\)"),
    "column": (np.ones((4, 1), bool), ValueError, "reset_mask'. must have shape"),
    "0-d": (np.array(True), ValueError, "reset_mask'. must have shape"),
    "all False": (np.zeros(4, bool), ValueError, "reset_mask'. must select at least one row"),
}


@pytest.mark.parametrize("seed", [None, 5])
def test_bad_reset_masks_are_refused(started, subtests, seed):
    for name, (mask, exception, message) in BAD_MASKS.items():
        with subtests.test(name), refuses(started, exception, message):
            started.reset(seed=seed, options={"reset_mask": mask})


def test_unknown_reset_options_are_refused(started):
    with refuses(started, ValueError, "options has no entry 'mask'"):
        started.reset(options={"mask": np.ones(4, bool)})
    with refuses(started, TypeError, "options"):
        started.reset(options=5)


def test_a_mask_that_splits_a_copy_is_refused():
    env = puffer.VectorEnv(puffer.Env(2, spaces.Box(0, 1, (2,)), spaces.Discrete(2), agents_per_env=2))
    env.reset(seed=0)
    with refuses(env, ValueError, "selects only some rows of copy 1; its 2 agents share an episode"):
        env.reset(options={"reset_mask": np.array([True, True, True, False])})


def test_a_non_contiguous_or_read_only_mask_is_taken(started):
    mask = np.array([True, False, False, False, True, False, False, False])[::2]
    mask.flags.writeable = False
    state = started.get_state()
    started.reset(options={"reset_mask": mask})
    assert (started.get_state() != state).any(axis=1).tolist() == [True, False, True, False]


# ---- Snapshots ----


NOT_SNAPSHOTS = {
    "too few": lambda state: state[:3],
    "too short": lambda state: state[:, :-1],
    "of one copy": lambda state: state[0],
    "int8": lambda state: state.astype(np.int8),
    "float": lambda state: state.astype(float),
    "list": lambda state: state.tolist(),
    "bytes": lambda state: state.tobytes(),
    "bool": lambda state: state.view(np.bool_),
    "None": lambda state: None,
    "str": lambda state: "state",
}


def test_anything_but_a_snapshot_is_refused(started, subtests):
    for name, change in NOT_SNAPSHOTS.items():
        bad = change(started.get_state())
        with subtests.test(name), refuses(started, (TypeError, ValueError), "state must be a uint8 array of shape"):
            started.set_state(bad)


BAD_COPIES = {
    "beyond": ([4], ValueError, r"copies\[0\] must be at most 3, got 4"),
    "negative": ([0, -1], ValueError, r"copies\[1\] must be at least 0, got -1"),
    "float": ([0.0], TypeError, r"copies\[0\] must be an integer"),
    "bool": ([True], TypeError, r"copies\[0\] must be an integer"),
    "mask": (np.array([True, False, True, False]), TypeError, r"copies\[0\] must be an integer"),
    "str": ("01", TypeError, r"copies\[0\] must be an integer"),
    "array beyond": (np.array([0, 4]), ValueError, r"copies\[1\] must be at most 3, got 4"),
    "array negative": (np.array([0, -1], np.int8), ValueError, r"copies\[1\] must be at least 0, got -1"),
    "array of floats": (np.array([0.0]), TypeError, r"copies\[0\] must be an integer"),
    "array of two axes": (np.array([[0]]), TypeError, "copies"),
    "array of none": (np.array(0), TypeError, "copies must be a sequence"),
    "array twice": (np.array([2, 2]), ValueError, r"copies must be distinct, got \[2, 2\]"),
    "a bool among integers": ([0, True], TypeError, r"copies\[1\] must be an integer"),
    "huge": ([2**70], ValueError, r"copies\[0\] must be at most 3"),
    "twice": ([1, 1], ValueError, "copies must be distinct"),
    "int": (1, TypeError, "copies"),
}


def test_bad_selections_of_copies_are_refused(started, subtests):
    for name, (copies, exception, message) in BAD_COPIES.items():
        with subtests.test(name):
            with refuses(started, exception, message):
                started.get_state(copies)
            with refuses(started, exception, message):
                started.set_state(started.get_state()[:1], copies)


def test_pictures_of_copies_that_are_not_there_are_refused(started):
    native = started.native_env
    for draw in (started.render_copy, started.ansi_copy, native.render_copy, native.ansi_copy):
        for copy in (4, -1, 1.0, True, None, "0"):
            with pytest.raises((TypeError, ValueError), match="copy must be"):
                draw(copy)


# ---- Life and order of calls ----

CALLS = {
    "step": lambda env: env.step(np.ones(4, int)),
    "send": lambda env: env.send(np.ones(4, int)),
    "get_state": lambda env: env.get_state(),
    "set_state": lambda env: env.set_state(np.zeros((4, 100), np.uint8)),
    "render": lambda env: env.render(),
    "render_copy": lambda env: env.render_copy(),
    "ansi_copy": lambda env: env.ansi_copy(),
    "partial reset": lambda env: env.reset(options={"reset_mask": np.arange(4) < 2}),
}
WHENEVER = {
    "reset": lambda env: env.reset(seed=1),
    "recv": lambda env: env.recv(),
    "stats": lambda env: env.stats(),
    "async_reset": lambda env: env.async_reset(),
    "rollout_buffers": lambda env: env.rollout_buffers(3),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nothing_works_before_the_first_reset(call):
    env = make("ocean-catch", 4, render_mode="rgb_array")
    with pytest.raises(error.ResetNeeded, match="reset"):
        call(env)
    env.reset(seed=0)
    fresh = make("ocean-catch", 4)
    fresh.reset(seed=0)
    assert np.array_equal(env.get_state(), fresh.get_state())


@pytest.mark.parametrize("call", {**CALLS, **WHENEVER}.values(), ids={**CALLS, **WHENEVER})
@pytest.mark.parametrize("pending", [False, True], ids=["", "send-under-way"])
def test_nothing_works_after_close(call, pending):
    env = make("ocean-catch", 4, render_mode="rgb_array", num_threads=2)
    env.reset(seed=0)
    if pending:
        env.send(np.ones(4, int))
    env.close()
    env.close()
    env.native_env.close()
    with pytest.raises(error.ClosedEnvironmentError, match="closed"):
        call(env)


def test_an_env_that_was_never_reset_closes():
    for env in (make("ocean-catch", 4), make("ocean-catch", 4, num_threads=3, batch_size=1)):
        env.close()
        env.close()


@pytest.mark.parametrize("call", {key: CALLS[key] for key in CALLS if key != "partial reset"}.values())
def test_calls_between_send_and_recv_are_refused(call):
    env = make("ocean-catch", 4, render_mode="rgb_array")
    env.reset(seed=0)
    env.send(np.ones(4, int))
    with pytest.raises(error.AlreadyPendingCallError):
        call(env)
    expected = make("ocean-catch", 4)
    expected.reset(seed=0)
    assert_same(snapshot(env.recv()), snapshot(expected.step(np.ones(4, int))))


def test_statistics_may_be_read_at_any_time_and_parts_under_way_count_later():
    env, whole = make("ocean-catch", 4, batch_size=2), make("ocean-catch", 4)
    assert env.stats() == {"episodes": 0}
    actions = np.ones(4, int)
    whole.reset(seed=0)
    env.async_reset(seed=0)
    for _ in range(9):
        whole.step(actions)
        for _ in range(2):
            env.recv()
            env.send(actions[:2])
    env.recv()
    seen = [env.stats()["episodes"]]
    env.recv()
    seen.append(env.stats()["episodes"])
    assert seen == [2, 2]
    assert whole.stats()["episodes"] == 4


def test_recv_without_send_is_refused(started):
    with refuses(started, error.NoAsyncCallError, "without a send"):
        started.recv()
    started.send(np.ones(4, int))
    started.recv()
    with refuses(started, error.NoAsyncCallError, "without a send"):
        started.recv()


def test_a_reset_forgets_what_was_sent(started):
    expected = make("ocean-catch", 4)
    started.send(np.ones(4, int))
    assert np.array_equal(started.reset(seed=8)[0], expected.reset(seed=8)[0])
    with refuses(started, error.NoAsyncCallError, "without a send"):
        started.recv()
    assert plain(started.step([0] * 4)[4]) == {}
