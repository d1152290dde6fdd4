"""Rows of actions: which flat space they have, and the actions that they hold."""

import pickle

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from space_cases import ARRAY_TREES, ARRAYS, built, discrete, for_spaces, same, samples

from puffer.spaces import ActionLayout

MIXED = Dict(aim=Box(-1, 1, (2,)), fire=Discrete(3, start=-1), keys=MultiBinary(2))


def floats(low, high, dtype=np.float32):
    return Box(np.array(low, dtype), np.array(high, dtype), dtype=dtype)


@pytest.mark.parametrize(
    ("space", "flat"),
    [
        (discrete(4, start=-2), discrete(4, start=-2)),
        (MultiDiscrete([3, 4], start=[1, -1]), MultiDiscrete([3, 4], start=[1, -1])),
        (MultiDiscrete([[3, 4], [5, 6]], dtype=np.int8), MultiDiscrete([3, 4, 5, 6])),
        (MultiBinary([2, 2]), MultiDiscrete([2, 2, 2, 2])),
        (
            Dict(a=Discrete(3, start=5), b=Tuple((MultiDiscrete([2, 9], start=[0, -4]), MultiBinary(2)))),
            MultiDiscrete([3, 2, 9, 2, 2], start=[5, 0, -4, 0, 0]),
        ),
        (Tuple((Discrete(3),)), MultiDiscrete([3])),
        (Box(-1, 1, (2, 3)), Box(-1, 1, (2, 3))),
        (Box(-4, 4, (2,), np.int16), Box(-4, 4, (2,), np.int16)),
        (Box(-1, 1, ()), Box(-1, 1, ())),
        (Tuple((Box(-1, 1, (1, 2)), Box(0, np.inf, ()))), floats([-1, -1, 0], [1, 1, np.inf])),
        (MIXED, floats([-1, -1, -1, 0, 0], [1, 1, 1, 1, 1])),
        (Dict(aim=Box(-1, 1, (1,), np.float64), fire=Discrete(3)), floats([-1, 0], [1, 2], np.float64)),
        (Tuple((Box(-1, 1, (1,)), Discrete(2**24 + 2))), floats([-1, 0], [1, 2**24 + 1], np.float64)),
        (
            Tuple((Box(-1, 1, (1,), np.float16), Box(0, 9, (1,), np.uint8), Box(0, 1, (1,), np.bool_))),
            floats([-1, 0, 0], [1, 9, 1]),
        ),
    ],
    ids=str,
)
def test_the_flat_space_keeps_every_range(space, flat):
    layout = ActionLayout(space)
    assert layout.flat_space == flat
    assert layout.flat_space.dtype == flat.dtype


@for_spaces(ARRAY_TREES, [*ARRAYS, MIXED, Box(-1, 1, ()), Tuple((Box(-1, 1, (1,)), Discrete(2**24 + 2)))])
def test_an_action_comes_back_from_its_row(space, seed):
    layout = built(ActionLayout, space)
    twin = pickle.loads(pickle.dumps(layout))
    assert (twin, hash(twin)) == (layout, hash(layout))
    for action in samples(space, 3, seed):
        row = layout.flatten(action)
        assert row in layout.flat_space
        assert row.dtype == layout.flat_space.dtype
        assert same(layout.value(row), action)
        assert same(twin.value(row), action)


@for_spaces(ARRAY_TREES, [*ARRAYS, MIXED])
def test_every_row_of_the_flat_space_is_an_action(space, seed):
    layout = built(ActionLayout, space)
    flat = layout.flat_space
    rows = samples(flat, 5, seed)
    if isinstance(flat, Box):
        rows = [np.where(layout.whole, np.round(row), row).astype(flat.dtype) for row in [*rows, flat.low, flat.high]]
        layout.check_rows(np.stack(rows))
    for row in rows:
        action = layout.value(row)
        assert action in space
        assert same(layout.value(layout.flatten(action)), action)
        if flat.shape:
            assert same(layout.value(row.tolist()), action)


def test_leaves_are_the_parts_of_an_action():
    layout = ActionLayout(MIXED)
    assert [(leaf.path, leaf.dtype, leaf.shape, leaf.offset) for leaf in layout.leaves] == [
        ("aim", np.float32, (2,), 0),
        ("fire", np.int64, (), 8),
        ("keys", np.int8, (2,), 12),
    ]
    assert layout.whole.tolist() == [False, False, True, True, True]
    assert ActionLayout(Box(-1, 1, (2, 3))).whole.shape == (2, 3)


def test_layouts_of_different_spaces_differ():
    assert ActionLayout(Discrete(3)) != ActionLayout(Discrete(4))
    assert ActionLayout(Discrete(3)) != "layout"


def test_discrete_actions_are_numpy_integers():
    layout = ActionLayout(Discrete(4, start=2))
    for row in (3, np.int64(3), np.int32(3), np.float32(3), np.array(3), np.array([3])[0]):
        assert type(layout.value(row)) is np.int64
        assert layout.value(row) == 3
    assert type(layout.flatten(3)) is np.int64


def test_rows_may_have_any_dtype_that_holds_their_numbers():
    layout = ActionLayout(Tuple((discrete(10, dtype=np.int32), discrete(10, dtype=np.int32))))
    for dtype in (np.int64, np.int32, np.uint8, np.float32):
        assert layout.value(np.array([3, 6], dtype)) == (3, 6)


def test_actions_do_not_share_the_row():
    row = np.zeros(2, np.float32)
    action = ActionLayout(Box(-1, 1, (2,))).value(row)
    row[:] = 1
    assert not action.any()
