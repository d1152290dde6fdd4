"""Spaces that have no layout, values that do not fit their space, and memory that is not a row."""

import pickle

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Graph, GraphInstance, MultiDiscrete, OneOf, Sequence, Text, Tuple
from space_cases import GRAPH, Custom, GuardedRow

from puffer.spaces import ActionLayout, Layout, LayoutError

# ---- Spaces ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "max_length", "error", "message"),
    [
        (Custom(), None, TypeError, r"observation: Custom\(\) is of type Custom, which has no flat layout"),
        (Dict(a=Tuple((Custom(),))), None, TypeError, r"a/0: Custom\(\) is of type Custom"),
        (5, None, TypeError, r"observation: 5 is of type int"),
        (Sequence(Discrete(2)), None, ValueError, r"observation: Sequence.* has no maximum length; pass max_length"),
        (Dict(s=Sequence(Discrete(2))), None, ValueError, r"s: Sequence\(Discr.* max_length=\{'s': <a number>\}"),
        (Dict(g=GRAPH), {"g/nodes": 3}, ValueError, r"g/edges: Graph.* has no maximum length"),
        (Dict(s=Sequence(Sequence(Discrete(2)))), {"s": 3}, ValueError, r"s/items: Sequence.* has no maximum length"),
        (
            Dict(s=Sequence(Discrete(2))),
            {"s": 3, "t": 4},
            ValueError,
            r"no Sequence, Graph or text .* has \['s'\]",
        ),
        (Sequence(Discrete(2)), 0, ValueError, r"observation: max_length must be an integer of at least 1, got 0"),
        (Sequence(Discrete(2)), True, ValueError, r"max_length must be an integer"),
        (Sequence(Discrete(2)), 2.0, ValueError, r"max_length must be an integer"),
        (Dict({0: Discrete(2), "0": Discrete(2)}), None, ValueError, r"2 leaves have the path '0'"),
        (Dict({}), None, ValueError, r"no elements"),
        (Tuple((Box(0, 1, (0,)),)), None, ValueError, r"no elements"),
        (Sequence(Dict(a=Tuple(())), stack=True), 3, ValueError, r"observation: Sequence.* stacks an empty Dict or T"),
        (Discrete(100, start=100, dtype=np.int8), None, ValueError, r"observation: Discr.* beyond the values of int8"),
    ],
)
def test_observation_spaces_without_a_layout(space, max_length, error, message):
    with pytest.raises(error, match=message):
        Layout(space, max_length=max_length)


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        (Text(3), TypeError, r"action: Text.* is of type Text, and a flat row of actions cannot hold that; use Box"),
        (Dict(a=Discrete(2), b=Sequence(Discrete(2))), TypeError, r"b: Sequence"),
        (Tuple((Graph(Discrete(2), None),)), TypeError, r"0: Graph"),
        (Dict(a=OneOf([Discrete(2)])), TypeError, r"a: OneOf"),
        (Dict(a=Custom()), TypeError, r"a: Custom\(\) is of type Custom"),
        (Dict({}), ValueError, r"no elements"),
        (Dict({0: Discrete(2), "0": Discrete(2)}), ValueError, r"2 leaves have the path '0'"),
        (Tuple((Box(-1, 1, (1,)), Discrete(2**53 + 2))), ValueError, r"1: a row of float64 cannot hold all integers"),
        (Tuple((Box(-1, 1, (1,)), Box(-np.inf, np.inf, (1,), np.int64))), ValueError, r"1: .* narrow its bounds"),
        (Tuple((Box(-1, 1, (1,), np.longdouble), Discrete(2))), TypeError, r"0: .* use float64"),
        (Discrete(5, start=2**63, dtype=np.uint64), ValueError, r"action: an int64 row cannot hold all integers"),
    ],
)
def test_action_spaces_without_a_layout(space, error, message):
    with pytest.raises(error, match=message):
        ActionLayout(space)


def test_a_layout_that_was_never_built():
    with pytest.raises(LayoutError):
        Layout.__new__(Layout).flatten(1, np.zeros(0, np.uint8))
    with pytest.raises(LayoutError):
        ActionLayout.__new__(ActionLayout).value(1)


# ---- Values ---------------------------------------------------------------------------------------------------------

IMAGE = Dict(camera=Dict(rgb=Box(0, 255, (2, 2), np.uint8)), hp=Discrete(5, dtype=np.int32))
PAIR = Tuple((Discrete(2), Discrete(2)))
ONE_OF = Dict(o=OneOf([Discrete(2)]))
ITEMS = Dict(s=Sequence(Discrete(2)))
STACKED = Sequence(Dict(a=Discrete(2)), stack=True)
IN_GRAPH = Dict(g=GRAPH)


def image(rgb=((0, 0), (0, 0)), hp=0):
    return {"camera": {"rgb": np.array(rgb)}, "hp": hp}


def graph(nodes=2, edges=1, links=((0, 1),)):
    edges = None if edges is None else np.zeros(edges, np.int64)
    links = None if links is None else np.array(links, np.int64).reshape(-1, 2)
    return {"g": GraphInstance(np.zeros((nodes, 3), np.float32), edges, links)}


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (IMAGE, image([[0, 300], [0, 0]]), r"camera/rgb: expected uint8 integers from 0 to 255, .*300.* at \(0, 1\)"),
        (IMAGE, image([[0, 0], [-1, 0]]), r"camera/rgb: expected uint8 integers from 0 to 255, .*-1.* at \(1, 0\)"),
        (IMAGE, image([[0, 0], [np.nan, 0]]), r"camera/rgb: .*uint8.*nan.* at \(1, 0\)"),
        (IMAGE, image([[0, 2.5], [0, 0]]), r"camera/rgb: .*uint8.*2\.5.* at \(0, 1\)"),
        (IMAGE, image([[np.inf, 0], [0, 0]]), r"camera/rgb: .*uint8.*inf"),
        (IMAGE, image([0, 0]), r"camera/rgb: expected shape \(2, 2\), got shape \(2,\) from array"),
        (IMAGE, image(5), r"camera/rgb: expected shape \(2, 2\), got shape \(\)"),
        (IMAGE, image(hp=2**40), r"hp: expected int32 integers from -2147483648 to 2147483647, got 1099511627776"),
        (IMAGE, image(hp=2**70), r"hp: expected int32 .* got 1180591620717411303424"),
        (IMAGE, image(hp=1.5), r"hp: expected int32 .* got 1\.5"),
        (IMAGE, image(hp=float("nan")), r"hp: expected int32 .* got nan"),
        (IMAGE, image(hp="3"), r"hp: expected int32 .* got '3' of type str"),
        (IMAGE, image(hp=None), r"hp: expected int32 .* got None of type NoneType"),
        (IMAGE, image(hp=1j), r"hp: expected int32 .* got 1j"),
        (IMAGE, image(hp=np.array([1])), r"hp: expected shape \(\), got shape \(1,\)"),
        (IMAGE, image(hp=np.longdouble(1) + np.longdouble(2) ** -60), r"hp: expected int32"),
        (IMAGE, image(hp=np.longdouble("1e400")), r"hp: expected int32"),
        (IMAGE, {"hp": 1}, r"observation: expected the keys \['camera', 'hp'\], missing \['camera'\]"),
        (IMAGE, image() | {"mp": 1}, r"observation: expected the keys .*, unexpected \['mp'\]"),
        (IMAGE, {"camera": {"depth": 1}, "hp": 1}, r"camera: .* missing \['rgb'\], unexpected \['depth'\]"),
        (IMAGE, [1, 2], r"observation: expected a dict, got \[1, 2\] of type list"),
        (IMAGE, {"camera": 3, "hp": 1}, r"camera: expected a dict, got 3 of type int"),
        (PAIR, (1,), r"observation: expected a tuple of 2, got 1 items: \(1,\)"),
        (PAIR, (1, 2, 3), r"observation: expected a tuple of 2, got 3 items"),
        (PAIR, 5, r"observation: expected a tuple, got 5 of type int"),
        (PAIR, {1: 0, 2: 0}, r"observation: expected a tuple, got .* of type dict"),
        (Dict(a=Tuple((Discrete(2), Tuple((Discrete(2),))))), {"a": (0, (0.5,))}, r"a/1/0: .* got 0\.5"),
        (Box(0, 1, (2,)), [0.0, 1e300], r"observation: expected float32 numbers up to 3\.40.*, .*1e\+300.* at \(1,\)"),
        (Box(0, 1, (1,), np.float16), [70000.0], r"observation: expected float16 numbers up to 65.*, got .*70000\.0"),
        (Box(0, 1, (2,), np.bool_), [0, 2], r"observation: expected bool values .*, got .*2.* at \(1,\)"),
        (Box(0, 1, (2,), np.bool_), [0.5, 0], r"observation: expected bool values .*, got .*0\.5"),
        (Box(0, 1, (2,)), [[1], [2, 3]], r"observation: expected float32 .* got \[\[1\], \[2, 3\]\]"),
        (Box(0, 1, (2,)), ["a", "b"], r"observation: expected float32"),
        (Box(0, 1, (2,)), np.array([1j, 0]), r"observation: expected float32"),
        (Box(0, 1, (2,)), {1, 2}, r"observation: expected float32"),
        (Box(0, 1, (1,)), np.array(["2020-01-01"], "M8[D]"), r"observation: expected float32"),
        (Text(3), "abcd", r"observation: expected at most 3 characters, got 4: 'abcd'"),
        (Text(3), 5, r"observation: expected a str, got 5 of type int"),
        (ONE_OF, {"o": (1, 0)}, r"o: expected a length or an index from 0 to 0, got 1"),
        (ONE_OF, {"o": (-1, 0)}, r"o: .* got -1"),
        (ONE_OF, {"o": (0.5, 0)}, r"o/index: expected int32"),
        (ONE_OF, {"o": 0}, r"o: expected a tuple \(index, value\), got 0"),
        (ONE_OF, {"o": (0, "x")}, r"o/alternatives/0: expected int64 .* got 'x'"),
        (ITEMS, {"s": (1,) * 5}, r"s: expected at most 4 items, got 5"),
        (ITEMS, {"s": 5}, r"s: expected a tuple, got 5"),
        (ITEMS, {"s": (1, None)}, r"s/items: expected int64 .* got None"),
        (Sequence(Box(0, 1, (2,)), stack=True), np.zeros((2, 3)), r"items: expected shape \(2,\), got shape \(3,\)"),
        (STACKED, {"b": [1]}, r"observation: expected stacked values, got {'b': \[1\]} \(has the keys \['b'\]"),
        (STACKED, {"a": [1], "b": [1]}, r"observation: expected stacked values"),
        (STACKED, [1], r"observation: expected stacked values, .* \(is of type list, and the space is a Dict\)"),
        (Sequence(PAIR, stack=True), ([1], [1, 2]), r"expected stacked values.* \(has parts of different lengths\)"),
        (Sequence(PAIR, stack=True), ([1],), r"expected stacked values"),
        (Sequence(Discrete(2), stack=True), 3, r"observation: expected stacked values"),
        (IN_GRAPH, graph(nodes=5), r"g/nodes: expected at most 4 items, got 5"),
        (IN_GRAPH, graph(edges=None), r"g: expected edges and edge_links, or neither"),
        (IN_GRAPH, graph(edges=2), r"g/edge_links: expected a pair for each of 2 edges"),
        (IN_GRAPH, graph(edges=5, links=[[0, 1]] * 5), r"g/edges: expected at most 4 items, got 5"),
        (IN_GRAPH, graph(links=[[0, 2**40]]), r"g/edge_links: expected int32 .* at \(1,\)"),
        (IN_GRAPH, {"g": 5}, r"g: expected a GraphInstance, got 5"),
        (Graph(Box(0, 1, (3,)), None), graph()["g"], r"observation: expected no edges, as there is no edge space"),
    ],
)
def test_values_that_do_not_fit(space, value, message):
    layout = Layout(space, max_length=4)
    guarded = GuardedRow(layout)
    with pytest.raises(LayoutError, match=message):
        layout.flatten(value, guarded.row)
    guarded.check()


def test_errors_are_value_errors_and_travel_between_processes():
    with pytest.raises(ValueError, match="hp") as caught:
        Layout(IMAGE).flatten(image(hp=2.5), np.zeros(Layout(IMAGE).row_size, np.uint8))
    error = pickle.loads(pickle.dumps(caught.value))
    assert type(error) is LayoutError
    assert str(error) == str(caught.value)
    assert LayoutError.__module__ == "puffer.spaces"


def test_messages_stay_short():
    with pytest.raises(LayoutError) as caught:
        Layout(Box(0, 1, (3,))).flatten(np.zeros((1000, 1000)), np.zeros(3, np.float32))
    assert len(str(caught.value)) < 400
    with pytest.raises(LayoutError) as caught:
        Layout(Dict(a=Discrete(2))).flatten({str(i): "x" * 1000 for i in range(1000)}, np.zeros(1, np.int64))
    assert len(str(caught.value)) < 600


def test_exceptions_of_the_value_pass():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Layout(Box(0, 1, (3,))).flatten(Broken(), np.zeros(3, np.float32))


# ---- Rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (np.zeros(3, np.float32), LayoutError, "row: expected 16 bytes"),
        (np.zeros(5, np.float32), LayoutError, "row: expected 16 bytes"),
        (np.zeros(2, np.float64), LayoutError, "row: expected 16 bytes .* dtype float64"),
        (np.zeros(2, object), LayoutError, "row: expected 16 bytes .* dtype object"),
        (np.zeros(8, np.float32)[::2], LayoutError, "row: expected 16 bytes of C-contiguous memory"),
        (np.zeros(4, ">f4"), LayoutError, "row: expected 16 bytes"),
        (bytearray(15), LayoutError, "row: expected 16 bytes"),
        (bytes(16), LayoutError, "row: expected writable memory"),
        ([0.0] * 4, TypeError, "row: expected an array or a buffer, got list"),
        (None, TypeError, "row: expected an array or a buffer"),
    ],
)
def test_memory_that_is_not_a_row(row, error, message):
    layout = Layout(Box(-1, 1, (4,)))
    with pytest.raises(error, match=message):
        layout.flatten(np.zeros(4, np.float32), row)
    if isinstance(row, bytes):
        # A row may be read from memory that cannot be written.
        assert layout.value(row).tolist() == [0] * 4
    else:
        with pytest.raises(error, match=message):
            layout.value(row)


@pytest.mark.parametrize(
    ("batch", "i", "error", "message"),
    [
        (np.zeros((3, 4), np.float32), -1, IndexError, "row -1 of a batch of 3 rows"),
        (np.zeros((3, 4), np.float32), 3, IndexError, "row 3 of a batch of 3 rows"),
        (np.zeros((3, 4), np.float32), 2**40, IndexError, f"row {2**40} of a batch of 3 rows"),
        (np.zeros((3, 4), np.float32)[::2], 0, LayoutError, "row: expected 32 bytes"),
        (np.zeros((3, 5), np.float32), 0, LayoutError, "row: expected 48 bytes"),
        (bytearray(48), 0, TypeError, "batch: expected an array of rows"),
        (np.zeros((), np.float32), 0, TypeError, "batch: expected an array of rows"),
    ],
)
def test_batches_that_have_no_such_row(batch, i, error, message):
    with pytest.raises(error, match=message):
        Layout(Box(-1, 1, (4,))).flatten_into(np.ones(4, np.float32), batch, i)
    assert not np.asarray(batch).any()


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        (np.zeros((3, 5), np.float32), LayoutError),
        (np.zeros((3, 15), np.uint8), LayoutError),
        (np.float32(1), TypeError),
        ([[1.0, 2.0, 3.0, 4.0]], TypeError),
        (np.zeros(()), LayoutError),
    ],
)
@pytest.mark.parametrize("space", [Box(-1, 1, (4,)), Tuple((Box(-1, 1, (4,)), Discrete(2)))], ids=str)
def test_batches_that_have_no_views(space, batch, error):
    with pytest.raises(error, match="batch: expected"):
        Layout(space).view(batch)


@pytest.mark.parametrize("space", [Text(4), OneOf([Discrete(2), Text(3)]), Sequence(Text(2)), GRAPH], ids=str)
def test_rows_of_garbage(space):
    layout = Layout(space, max_length=3)
    for fill in (0x7F, 0x80, 0xFF):
        with pytest.raises(LayoutError):
            layout.value(np.full(layout.row_size, fill, np.uint8))


def test_a_text_row_with_no_such_character():
    row = np.array([2**31 - 1, 0, 1], np.int32)
    with pytest.raises(LayoutError, match="observation: the row holds no text"):
        Layout(Text(2, charset="ß")).value(row)
    layout = Layout(Text(2))
    row = np.zeros((), layout.dtype)
    row["characters"][0], row["length"] = 255, 1
    with pytest.raises(LayoutError, match="observation: the row holds no text"):
        layout.value(row.reshape(1).view(np.uint8))


# ---- Actions --------------------------------------------------------------------------------------------------------

INTEGERS = Dict(a=Discrete(2), b=MultiDiscrete([3, 3]))
MIXED = Dict(a=Discrete(2), b=Box(-1, 1, (1,)))


@pytest.mark.parametrize(
    ("space", "row", "message"),
    [
        (Discrete(4), 4, r"action: expected an integer from 0 to 3, got 4"),
        (Discrete(4, start=2), 0, r"action: expected an integer from 2 to 5, got 0"),
        (Discrete(4), 1.5, r"action: expected int64 .* got 1\.5"),
        (Discrete(4), np.nan, r"action: expected int64 .* got nan"),
        (Discrete(4), np.array([1]), r"action: expected shape \(\), got shape \(1,\)"),
        (Discrete(4), None, r"action: expected int64 .* got None"),
        (INTEGERS, [0, 1, 3], r"b: expected an integer from 0 to 2, got 3 at \(1,\)"),
        (INTEGERS, [0, 1], r"action: expected shape \(3,\), got shape \(2,\)"),
        (MIXED, [0.5, 0], r"a: expected an integer from 0 to 1, got 0\.5"),
        (MIXED, [np.nan, 0], r"a: expected an integer from 0 to 1, got nan"),
        (MIXED, [2, 0], r"a: expected an integer from 0 to 1, got 2\.0"),
        (MIXED, [0, 1e300], r"b: expected float32 .* got 1e\+300 at \(0,\)"),
        (Box(-1, 1, (2,)), [1, 2, 3], r"action: expected shape \(2,\), got shape \(3,\)"),
        (Box(-1, 1, (2,)), 0.5, r"action: expected shape \(2,\), got shape \(\)"),
        (Box(-4, 4, (2,), np.int8), [0, 300], r"action: expected int8 .* got .*300.* at \(1,\)"),
    ],
)
def test_rows_that_are_not_actions(space, row, message):
    with pytest.raises(LayoutError, match=message):
        ActionLayout(space).value(row)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"a": 2, "b": [0.0]}, r"a: expected an integer from 0 to 1, got 2"),
        ({"a": 0.5, "b": [0.0]}, r"a: expected an integer from 0 to 1, got 0\.5"),
        ({"a": 0}, r"action: expected the keys \['a', 'b'\], missing \['b'\]"),
        ({"a": 0, "b": [0.0, 1.0]}, r"b: expected shape \(1,\), got shape \(2,\)"),
        ({"a": 0, "b": [1e300]}, r"action: expected float32 .* got .*1e\+300.* at \(1,\)"),
    ],
)
def test_actions_that_do_not_fit(action, message):
    with pytest.raises(LayoutError, match=message):
        ActionLayout(MIXED).flatten(action)


def test_integers_in_rows_of_floats_are_checked_together():
    layout = ActionLayout(Dict(a=Discrete(3, start=-1), b=Box(-1, 1, (1,)), c=MultiDiscrete([2, 4])))
    good = np.array([[-1, 5, 1, 3], [1, -5, 0, 0]], np.float32)
    layout.check_rows(good)
    for column, bad in ((0, 2), (0, -2), (0, 0.5), (3, 4), (2, np.nan)):
        rows = good.copy()
        rows[1, column] = bad
        with pytest.raises(ValueError, match=rf"actions\[1, {column}\] is {rows[1, column]}: row 1 takes an integer"):
            layout.check_rows(rows)
    ActionLayout(Discrete(3)).check_rows(np.array([7]))
