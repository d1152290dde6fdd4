"""What foreign workers do in plain Python does what the compiled layouts do."""

import itertools
from collections import OrderedDict, namedtuple
from enum import IntEnum

import numpy as np
import pytest
from gymnasium import spaces
from helpers import assert_same, label

from puffer.backends.links.interpreter import _space
from puffer.backends.worker.interpreter import ActionReader, LayoutError, Leaf, describe, pack, unpack, writer
from puffer.layout.padding import PaddedAction
from puffer.layout.spaces import ActionLayout, Layout

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
NUMBERS = [
    0, 1, -1, 2, 127, 128, 255, 256, -129, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), 0.5, -0.0,
    65504.0, 7e4, 1e39, 2.0**63, 2.0**64, np.nan, np.inf, -np.inf, True, np.int8(-3), np.uint64(2**63), np.float16(1.5),
    np.float32(3), np.bool_(True), "1", None, [1], 1j, {}, np.array(5), np.array([5]), np.datetime64("2020-01-01"),
]  # fmt: skip
SPACES = [
    spaces.Dict({"b": spaces.Discrete(4, start=-2), "a": spaces.Box(0, 1, (2, 2), np.float32)}),
    spaces.Tuple([spaces.MultiBinary((2, 3)), spaces.MultiBinary(3), spaces.MultiDiscrete([[2, 3]], np.uint8)]),
    spaces.Dict(OrderedDict([("z/", spaces.Text(4, min_length=0)), ("", spaces.Box(-5, 5, (), np.int16))])),
    spaces.Discrete(3, dtype=np.int8),
    spaces.MultiDiscrete([3, 4], start=[-1, 2]),
    spaces.Box(np.array([0, 0], np.uint64), np.array([2**64 - 1] * 2, np.uint64), dtype=np.uint64),
    spaces.Box(-np.inf, np.inf, (2,), ">f4"),
]


def layout_of(dtype, shape):
    return Layout(spaces.Box(np.zeros(shape, dtype), np.ones(shape, dtype), dtype=np.dtype(dtype)))


def outcome(function):
    """What it returns, or the kind of its error."""
    try:
        return function()
    except ValueError as error:
        return type(error).__name__


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_are_stored_as_in_a_layout(dtype):
    layout = layout_of(dtype, ())
    mine, theirs = np.zeros((1,), dtype), np.zeros((), dtype)
    leaf = Leaf("observation", mine[0], mine)
    for value in NUMBERS:
        mine[...], theirs[...] = 0, 0
        results = [outcome(lambda v=value: leaf.write(v, 0)), outcome(lambda v=value: layout.flatten(v, theirs))]
        assert results[0] == results[1], (value, results)
        if results[0] is None:
            assert mine.tobytes() == theirs.tobytes(), value


@pytest.mark.parametrize(("dtype", "source"), list(itertools.product(DTYPES, DTYPES)))
def test_arrays_are_stored_as_in_a_layout(dtype, source):
    rng = np.random.default_rng(1)
    layout = layout_of(dtype, (3,))
    mine, theirs = np.zeros((1, 3), dtype), np.zeros(3, dtype)
    leaf = Leaf("observation", mine[0], mine)
    for scale in (1, 100, 1e6, 1e12, 1e18):
        with np.errstate(all="ignore"):
            value = (rng.standard_normal(3) * scale).astype(source)
        for one in (value, value.byteswap().view(value.dtype.newbyteorder()), value.tolist(), value[:2]):
            results = [outcome(lambda v=one: leaf.write(v, 0)), outcome(lambda v=one: layout.flatten(v, theirs))]
            assert results[0] == results[1], (one, results)
            if results[0] is None:
                assert mine.tobytes() == theirs.tobytes(), one


@pytest.mark.parametrize("space", SPACES, ids=label)
def test_nested_values_are_stored_as_in_a_layout(space):
    layout = Layout(space)
    description = unpack(pack(describe(space, "")))
    assert _space(description) == space
    assert Layout(_space(description)).leaves == layout.leaves
    memory, theirs = np.zeros((2, layout.row_size), np.uint8), np.zeros(layout.row_size, np.uint8)
    fields = {leaf.path: memory.view(layout.dtype)[leaf.path][:, 0] for leaf in layout.leaves}
    observations = writer(description, "", fields)
    space.seed(1)
    for _ in range(20):
        value = space.sample()
        observations.write(value, 1)
        layout.flatten(value, theirs)
        assert memory[1].tobytes() == theirs.tobytes()
    assert not memory[0].any()
    for wrong in (None, 5.5, "abcdef", {}, (), {"a": 1}, [1, 2, 3], np.zeros(9)):
        with pytest.raises(LayoutError):
            observations.write(wrong, 0)


ACTION_SPACES = [
    spaces.Dict({"a": spaces.Discrete(3, start=-1), "b": spaces.Box(-1, 1, (2, 2), np.float32)}),
    spaces.Tuple([spaces.Discrete(3), spaces.MultiBinary(2), spaces.MultiDiscrete([[4, 5]], np.uint8)]),
    spaces.Dict({"x": spaces.Box(0, 9, (2,), np.int16), "y": spaces.Box(-1, 1, (), np.float64)}),
    spaces.MultiDiscrete([[2, 3], [4, 5]], start=[[1, 1], [1, 1]]),
    spaces.MultiBinary(3),
]


@pytest.mark.parametrize("space", ACTION_SPACES, ids=label)
def test_actions_are_read_as_from_a_layout(space):
    layout = ActionLayout(space)
    reader = ActionReader(describe(space, ""), PaddedAction(space, layout).places)
    space.seed(1)
    for _ in range(20):
        row = np.asarray(layout.flatten(space.sample()))
        assert_same(reader.read(row), layout.value(row))
        assert space.contains(reader.read(row))
    row[...] = 100
    assert isinstance(outcome(lambda: reader.read(row)), str)
    assert isinstance(outcome(lambda: layout.value(row)), str)


def test_spaces_that_cannot_be_described_are_named():
    with pytest.raises(TypeError, match="a/0: .*Sequence.* use Box"):
        describe(spaces.Dict({"a": spaces.Tuple([spaces.Sequence(spaces.Discrete(2))])}), "")


class Colour(IntEnum):
    RED = 1


class Name(str):
    pass


def test_plain_data_comes_back_as_it_was():
    structured = np.array([(1, 2.5)], np.dtype([("a", "i2"), ("b", "f8")], align=True))
    values = [
        None, True, 2**70, -1.5, 1j, "ä", b"\x00", [1, [2]], (1, (2,)), {"a": {1: 2}}, {1, 2}, frozenset([3]),
        np.float32(1.5), np.bool_(False), np.str_("x"), np.datetime64("2020-01-01"), np.zeros((0, 3), np.int8),
        np.arange(6.0).reshape(2, 3).T, np.array(["a", "bcd"]), np.array(7), structured, structured[0],
        np.array([None, [1], np.int8(2)], object),
    ]  # fmt: skip
    for value in values:
        back = unpack(pack(value))
        assert type(back) is type(value)
        assert_same(back, value)
    assert unpack(pack([np.zeros(2)] * 2))[0].flags.writeable
    others = [(Colour.RED, 1), (Name("x"), "x"), (OrderedDict(a=1), {"a": 1}), (namedtuple("P", "x")(1), (1,))]
    for value, expected in others:
        back = unpack(pack({"value": value}))["value"]
        assert type(back) is type(expected)
        assert back == expected
    for value in (object(), lambda: 0, type, np.array([(None,)], [("a", object)]), [1, {"x": open}]):
        with pytest.raises(TypeError, match="sent to another interpreter"):
            pack(value)
