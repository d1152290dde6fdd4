"""Actions of any dtype become those of the space where they fit, and are refused by row and value where they do not."""

import numpy as np
import pytest
from gymnasium import spaces

from puffer.native.actions import ActionReader

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
FLOATS = [np.float16, np.float32, np.float64]
# Beyond the integers that float64 has.
LARGE = 2**53 + 1


def read(space, actions, native=False, **options):
    reader = ActionReader(space, native=native, **options)
    target = np.zeros((len(actions), *reader.shape), reader.dtype)
    reader.read(actions, target)
    return target


def box(dtype, high=100):
    return spaces.Box(0, high, (2,), dtype)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("given", [*INTEGERS, *FLOATS, np.longdouble, ">i4", ">f8"])
def test_a_box_of_integers_takes_whole_numbers_of_any_dtype(dtype, given, check):
    actions = np.array([[3, 7], [0, 100]], given)
    assert read(box(dtype), actions, check=check).tolist() == [[3, 7], [0, 100]]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_box_of_integers_refuses_what_its_dtype_cannot_hold(dtype, check):
    limits = np.iinfo(dtype)
    beyond = [float(limits.max) + 2.0**12, 2.0**64, -(2.0**64), np.longdouble(2) ** 64]
    # Of integers, those that an array can hold.
    beyond += [value for value in (limits.max + 1, limits.min - 1) if -(2**63) <= value < 2**64]
    for value in (2.5, np.longdouble("0.5"), np.nan, np.inf, -np.inf, *beyond):
        with pytest.raises(ValueError, match=r"actions\[1, 0\] is .*: row 1 needs whole numbers from"):
            read(box(dtype), np.array([[0, 1], [value, 0]], np.asarray(value).dtype), check=check)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_the_greatest_and_the_least_integer_of_a_dtype_pass(dtype):
    limits = np.iinfo(dtype)
    extremes = [[limits.min, limits.max]]
    assert read(box(dtype), np.array(extremes, dtype)).tolist() == extremes
    # NumPy makes floats of a list whose integers have no dtype in common.
    assert read(box(dtype), extremes).tolist() == extremes


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_large_integers_in_lists_stay_what_they_are(dtype):
    assert read(box(dtype), [[LARGE, 1.0]]).tolist() == [[LARGE, 1]]
    assert read(box(dtype), ([LARGE, 2**60], [np.float32(3), True])).tolist() == [[LARGE, 2**60], [3, 1]]
    with pytest.raises(ValueError, match=r"actions\[0, 1\] is 0.5"):
        read(box(dtype), [[LARGE, 0.5]])
    with pytest.raises(ValueError, match=r"actions\[0, 0\] is"):
        read(box(dtype), [[2**63 + 1 if dtype == np.int64 else -1, 2**60]])
    assert read(box(np.uint64), [[2**63 + 1, 0]]).tolist() == [[2**63 + 1, 0]]


@pytest.mark.parametrize("given", [bool, *INTEGERS, *FLOATS, np.longdouble])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, *FLOATS])
def test_zero_and_one_are_taken_in_every_dtype(dtype, given):
    actions = np.array([[1, 0], [0, 0]], given)
    assert read(box(dtype, 1), actions).tolist() == [[1, 0], [0, 0]]
    if dtype is bool and given is not bool:
        with pytest.raises(ValueError, match=r"actions\[0, 1\] is 2.*: row 0 needs bools"):
            read(box(bool, 1), np.array([[0, 2]], given))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_box_of_floats_takes_finite_numbers_that_its_dtype_can_hold(dtype):
    most = np.finfo(dtype).max
    for given in (np.int8, np.uint64, *FLOATS, np.longdouble):
        # Out of the bounds of the space, which the environment clips or not.
        assert read(box(dtype), np.array([[100, 101]], given)).tolist() == [[100, 101]]
    assert read(box(dtype), np.array([[most, -most]])).tolist() == [[most, -most]]
    for value in (np.nan, np.inf, np.longdouble("1e4000"), *([] if dtype is np.float64 else [float(most) * 2])):
        with pytest.raises(ValueError, match=rf"actions\[0, 1\] is .*: row 0 needs finite {np.dtype(dtype)} values"):
            read(box(dtype), np.array([[0, value]], np.asarray(value).dtype))


def test_a_box_of_floats_keeps_bits_unchecked():
    odd = np.array([[np.nan, np.inf]], np.float32)
    assert read(box(np.float32), odd, check=False).tobytes() == odd.tobytes()


@pytest.mark.parametrize(
    "space",
    [spaces.Discrete(2), spaces.MultiDiscrete([2, 2]), spaces.Box(0, 1, (2,)), spaces.Discrete(2, dtype=np.int8)],
)
@pytest.mark.parametrize("native", [True, False])
def test_bools_are_zero_and_one_where_there_is_nothing_else(space, native):
    actions = np.array([np.ones(space.shape, bool), np.zeros(space.shape, bool)])
    assert np.array_equal(read(space, actions, native), actions.astype(int))
    assert np.array_equal(read(space, actions.tolist(), native), actions.astype(int))


@pytest.mark.parametrize(
    "space", [spaces.Discrete(3), spaces.Discrete(2, start=1), spaces.MultiDiscrete([2, 3]), spaces.Box(-1, 1, (2,))]
)
@pytest.mark.parametrize("native", [True, False])
def test_bools_are_refused_elsewhere(space, native):
    with pytest.raises(TypeError, match="actions must be .*, got dtype bool"):
        read(space, np.ones((3, *space.shape), bool), native)


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.MultiDiscrete([3, 3]), spaces.Box(0, 2, (2,), np.int16)])
@pytest.mark.parametrize(
    "action", ["1", b"1", None, 1j, {"a": 1}, np.datetime64("2020-01-01"), np.array(1, object), 2**64, -(2**63) - 1]
)
def test_what_is_not_a_number_is_refused(space, action):
    actions = [[action] * space.shape[0]] if space.shape else [action]
    with pytest.raises(TypeError, match="actions must be (integers|numbers) for .*, got dtype"):
        read(space, actions)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("native", [True, False])
def test_discrete_actions_may_be_integers_of_any_dtype_and_form(dtype, native):
    space, vector = spaces.Discrete(3, start=1), spaces.MultiDiscrete([3, 4], start=[1, 0])
    for actions in (np.array([1, 3], dtype), [dtype(1), np.array(3, dtype)]):
        assert read(space, actions, native).tolist() == [1, 3]
    assert read(vector, [np.array([3, 0], dtype), [dtype(1), dtype(3)]], native).tolist() == [[3, 0], [1, 3]]
    limits = np.iinfo(dtype)
    for value in (limits.max, limits.min, 0, 4):
        with pytest.raises(ValueError, match=rf"actions\[1\] is {value}: row 1 takes 1 to 3"):
            read(space, np.array([1, value], dtype), native)
