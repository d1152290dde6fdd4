"""Rows of observations: what comes back, views, flat spaces, and values that are converted."""

import copy
import pickle
import subprocess
import sys
from collections import OrderedDict, namedtuple
from types import MappingProxyType

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import (
    Box,
    Dict,
    Discrete,
    GraphInstance,
    MultiBinary,
    MultiDiscrete,
    OneOf,
    Sequence,
    Text,
    Tuple,
)
from hypothesis import assume
from space_cases import (
    ANY_SPACE,
    ARRAYS,
    GRAPH,
    LONGEST,
    NESTED,
    STACKED,
    VARYING,
    GuardedRow,
    built,
    for_spaces,
    leaves_of,
    same,
    samples,
)

from puffer.spaces import Layout, LayoutError

for_any_space = for_spaces(ANY_SPACE, [*ARRAYS, *VARYING])


def flattened(layout, value, row):
    """The row, once it holds the value; tries another space where a random sample is too long."""
    try:
        layout.flatten(value, row)
    except LayoutError as error:
        if f"expected at most {LONGEST} items" not in str(error):
            raise
        assume(False)
    return row


# ---- Rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")  # of integers without dimensions
@for_any_space
def test_a_value_comes_back_from_its_row(space, seed):
    layout = built(Layout, space, max_length=LONGEST)
    for sample, other in zip(samples(space, 2, seed), samples(space, 2, seed + 1), strict=True):
        guarded, clean, before = GuardedRow(layout), np.zeros(layout.row_size, np.uint8), copy.deepcopy(sample)
        flattened(layout, other, guarded.row)
        flattened(layout, sample, guarded.row)
        assert guarded.row.tobytes() == flattened(layout, sample, clean).tobytes()
        value = layout.value(guarded.row)
        guarded.row[:] = 0xFF
        guarded.check()
        assert same(value, sample)
        assert same(sample, before)
        assert (value in space) == (sample in space)  # Gymnasium loses NULs of texts that it samples


@for_any_space
def test_rows_of_every_kind_hold_the_same(space, seed):
    layout = built(Layout, space, max_length=LONGEST)
    flat, sample = layout.flat_space, samples(space, 1, seed)[0]
    expected = flattened(layout, sample, np.ones(layout.row_size, np.uint8)).tobytes()
    rows = [np.ones(flat.shape, flat.dtype), np.ones((), layout.dtype), bytearray(b"\1" * layout.row_size)]
    for row in rows:
        layout.flatten(sample, row)
        assert bytes(row.data if isinstance(row, np.ndarray) else row) == expected
        assert same(layout.value(row), sample)
    batch = np.zeros((3, *flat.shape), flat.dtype)
    layout.flatten_into(sample, batch, 1)
    assert batch[1].tobytes() == expected
    assert flat.contains(batch[1, ...])
    assert not batch[::2].any()
    assert same(layout.value(expected), sample)


@for_any_space
def test_leaves_are_the_fields_of_an_aligned_dtype(space, seed):
    layout = built(Layout, space, max_length=LONGEST)
    dtype = layout.dtype
    assert dtype == np.dtype([(leaf.path, leaf.dtype, leaf.shape) for leaf in layout.leaves], align=True)
    assert dtype.isalignedstruct
    assert dtype.itemsize == layout.row_size
    assert [dtype.fields[leaf.path][1] for leaf in layout.leaves] == [leaf.offset for leaf in layout.leaves]


@for_any_space
def test_a_pickled_layout_is_the_same(space, seed):
    layout = built(Layout, space, max_length=LONGEST)
    twin = pickle.loads(pickle.dumps(layout))
    assert (twin, hash(twin), twin.dtype, twin.leaves) == (layout, hash(layout), layout.dtype, layout.leaves)
    rows = [flattened(one, samples(space, 1, seed)[0], bytearray(layout.row_size)) for one in (layout, twin)]
    assert rows[0] == rows[1]


class FreeTexts(gymnasium.Space):
    """Strings of any length, as MiniGrid's missions."""

    def __init__(self):
        super().__init__(dtype=str)


def test_strings_of_no_declared_length_are_bytes_with_a_length():
    layout = Layout(FreeTexts(), max_length=8)
    row = layout.flat_space.sample()
    layout.flatten("grün", row)
    view = layout.view(row)
    assert bytes(view["characters"])[: view["length"]].decode() == layout.value(row) == "grün"
    with pytest.raises(LayoutError, match="at most 8 bytes of UTF-8, got 10"):
        layout.flatten("ü" * 5, row)


def test_layouts_of_different_spaces_differ():
    assert Layout(Sequence(Discrete(2)), max_length=3) != Layout(Sequence(Discrete(2)), max_length=4)
    assert Layout(Discrete(3)) != Layout(Discrete(4))
    assert Layout(Discrete(3)) != "layout"
    assert repr(Layout(Discrete(3))) == "Layout(Discrete(3), row_size=8)"


def test_rows_may_lie_at_odd_addresses_and_be_read_only():
    layout = Layout(NESTED)
    memory = np.zeros(layout.row_size + 1, np.uint8)
    for sample in samples(NESTED):
        layout.flatten(sample, memory[1:])
        assert same(layout.value(memory[1:].tobytes()), sample)


def test_paths():
    space = Dict({"a/b": Tuple((Discrete(2), Text(1))), "": Discrete(2), "~": OneOf([Discrete(2)]), 5: Discrete(2)})
    paths = ["a~1b/0", "a~1b/1/characters", "a~1b/1/length", "~", "~0/index", "~0/alternatives/0", "5"]
    assert sorted(leaf.path for leaf in Layout(space).leaves) == sorted(paths)
    assert [leaf.path for leaf in Layout(Discrete(2)).leaves] == ["observation"]


def test_a_maximum_length_for_each_path():
    space = Dict(g=GRAPH, s=Sequence(Discrete(2)))
    layout = Layout(space, max_length={"g/nodes": 3, "g/edges": 5, "s": 7})
    shapes = {leaf.path: leaf.shape for leaf in layout.leaves}
    assert (shapes["g/nodes/items"], shapes["g/edges/items"], shapes["g/edge_links"]) == ((3, 3), (5,), (5, 2))
    assert shapes["s/items"] == (7,)


# ---- Views ----------------------------------------------------------------------------------------------------------


def batches(layout, lead):
    """Batches of zeros of each kind."""
    flat = layout.flat_space
    kinds = [(flat.shape, flat.dtype), ((), layout.dtype)]
    as_bytes = lead + (layout.row_size,)
    # Bytes may be a batch of rows of uint8 as well.
    if flat.dtype != np.uint8 or len(flat.shape) == 1 or as_bytes[len(as_bytes) - len(flat.shape) :] != flat.shape:
        kinds.insert(1, ((layout.row_size,), np.dtype(np.uint8)))
    return [np.zeros(lead + shape, dtype) for shape, dtype in kinds]


@for_any_space
def test_views_share_the_memory_of_the_batch(space, seed):
    layout = built(Layout, space, max_length=LONGEST)
    lead = [(), (4,), (2, 3), (2, 0)][seed % 4]
    for batch in batches(layout, lead):
        leaves, memory = leaves_of(layout.view(batch)), batch.reshape(-1).view(np.uint8)
        assert [leaf.shape for leaf in leaves] == [lead + leaf.shape for leaf in layout.leaves]
        assert [leaf.dtype for leaf in leaves] == [leaf.dtype for leaf in layout.leaves]
        for leaf in leaves:
            leaf[...] = 1
            assert leaf.size == 0 or memory.any()
            assert not any(other.any() for other in leaves if other is not leaf)
            leaf[...] = 0
            assert not memory.any()


def test_views_hold_the_values():
    layout = Layout(NESTED)
    for batch in batches(layout, (2, 3))[1:]:
        values = dict(zip(np.ndindex(2, 3), samples(NESTED, 6), strict=True))
        for at, value in values.items():
            layout.flatten(value, batch[(*at, ...)])
        tree = layout.view(batch)
        assert tree["a"][1]["d"] == ()
        for at, value in values.items():
            assert tree["a"][0][at] == value["a"][0]
            assert np.array_equal(tree["a"][1]["c"][at], value["a"][1]["c"])
            assert np.array_equal(tree["b"]["e"][at], value["b"]["e"])
            assert tree["b"]["f"][at] == value["b"]["f"]


def test_views_of_slices_and_of_casts():
    layout = Layout(Dict(a=Box(-1, 1, (2,)), b=Box(-1, 1, (2, 2))))
    batch = np.arange(48, dtype=np.float32).reshape(4, 2, 6)
    assert np.array_equal(layout.view(batch[::2, 1])["b"], batch[::2, 1, 2:].reshape(2, 2, 2))
    assert np.shares_memory(layout.view(batch[::2, 1])["b"], batch)
    assert layout.view(batch.astype(np.float64))["a"].dtype == np.float64
    batch.flags.writeable = False
    assert not layout.view(batch)["a"].flags.writeable


@pytest.mark.parametrize("shape", [(), (1, 1), (1, 3), (1, 1, 4), (3, 1), (3,), (1,)])
@pytest.mark.parametrize("lead", [(), (1,), (3,), (1, 1), (5, 1), (3, 1, 3)])
def test_views_of_rows_of_uint8_have_their_shape(shape, lead):
    layout = Layout(Box(0, 255, shape, np.uint8))
    batch = np.arange(np.prod(lead + shape), dtype=np.uint8).reshape(lead + shape)
    assert np.array_equal(layout.view(batch), batch)
    assert np.shares_memory(layout.view(batch), batch)


def test_views_of_spaces_that_vary_in_size():
    layout = Layout(Dict(g=GRAPH, o=OneOf((Discrete(2), Text(3))), s=Sequence(Text(2)), t=Text(4)), max_length=6)
    tree = layout.view(np.zeros((5, layout.row_size), np.uint8))
    assert tree["g"]["nodes"]["items"].shape == (5, 6, 3)
    assert tree["g"]["edges"]["length"].shape == (5,)
    assert tree["g"]["edge_links"].shape == (5, 6, 2)
    assert tree["o"]["index"].shape == (5,)
    assert tree["o"]["alternatives"][1]["characters"].shape == (5, 3)
    assert tree["s"]["items"]["characters"].shape == (5, 6, 2)
    assert tree["s"]["items"]["length"].shape == (5, 6)
    assert tree["t"]["characters"].shape == (5, 4)


def test_torch_views():
    torch = pytest.importorskip("torch")
    for space in [*ARRAYS, *VARYING]:
        # Enough for the edges of every sample.
        layout = Layout(space, max_length=256)
        batch = batches(layout, (2, 3))[0]
        for at, value in zip(np.ndindex(2, 3), samples(space, 6), strict=True):
            layout.flatten(value, batch[(*at, ...)])
        rows = batch.reshape(2, 3, -1).view(np.uint8)
        expected = leaves_of(layout.view(batch))
        for tensor in (torch.from_numpy(batch), torch.from_numpy(rows), torch.from_numpy(rows)[:, 1:]):
            for leaf, array in zip(leaves_of(layout.view(tensor)), expected, strict=True):
                array = array[:, 3 - tensor.shape[1] :]
                assert np.array_equal(leaf.numpy(), array)
                assert leaf.numpy().dtype == array.dtype
                assert array.size == 0 or np.shares_memory(leaf.numpy(), batch)
    with pytest.raises(LayoutError, match=r"batch: expected shape \(\.\.\., 4\) of float32"):
        Layout(Box(-1, 1, (4,))).view(torch.zeros(2, 3))
    with pytest.raises(TypeError, match="torch has no dtype"):
        Layout(Dict(a=Box(-1, 1, (2,), np.longdouble), b=Discrete(2))).view(torch.zeros(2, 48, dtype=torch.uint8))


def test_torch_is_not_imported():
    code = """
import sys, numpy, gymnasium, puffer.spaces
before = "torch" in sys.modules
puffer.spaces.Layout(gymnasium.spaces.Box(-1, 1, (4,))).view(numpy.zeros((2, 4), numpy.float32))
sys.exit("torch" in sys.modules and not before)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- Flat spaces ----------------------------------------------------------------------------------------------------


def test_the_flat_space_of_a_box_is_the_box():
    for box in (
        Box(np.array([[-1.5, -np.inf]], np.float32), np.array([[np.inf, 7]], np.float32)),
        Box(-np.inf, np.inf, (2, 3), np.int32),
    ):
        assert Layout(box).flat_space is box


@pytest.mark.parametrize(
    ("space", "low", "high", "dtype"),
    [
        (Discrete(5, start=-2), [-2], [2], np.int64),
        (Discrete(2, start=np.iinfo(np.int64).max - 1), [2**63 - 2], [2**63 - 1], np.int64),
        (MultiDiscrete([[2, 3]], start=[[4, -1]], dtype=np.int16), [[4, -1]], [[5, 1]], np.int16),
        (MultiBinary([1, 2]), [[0, 0]], [[1, 1]], np.int8),
        (Tuple((Discrete(32), Discrete(11), Discrete(2))), [0, 0, 0], [31, 10, 1], np.int64),
        (
            Dict(a=Box(-1, 1, (2, 2)), b=Tuple((Box(-np.inf, 5, ()), Box(0, np.inf, (1,))))),
            [-1, -1, -1, -1, -np.inf, 0],
            [1, 1, 1, 1, 5, np.inf],
            np.float32,
        ),
        (Text(2, charset="Aß"), [0, 0, 1], [223, 223, 2], np.int32),
        (OneOf((Box(3, 4, (1,), np.int32), Box(-4, -3, (1,), np.int32))), [0, 0, -4], [1, 4, 0], np.int32),
    ],
)
def test_flat_spaces_of_one_dtype_keep_all_bounds(space, low, high, dtype):
    flat = Layout(space).flat_space
    assert flat.dtype == dtype
    assert flat.low.tolist() == low
    assert flat.high.tolist() == high


def test_flat_spaces_of_several_dtypes_are_bytes():
    layout = Layout(Dict(a=Box(0, 1, (3,), np.uint8), b=Discrete(2), c=Box(0, 1, (1,), np.float64)))
    assert layout.flat_space == Box(0, 255, (24,), np.uint8)
    assert [(leaf.path, leaf.offset) for leaf in layout.leaves] == [("a", 0), ("b", 8), ("c", 16)]


# ---- Values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["FrozenLake-v1", "Blackjack-v1"])
def test_rows_of_real_environments_are_their_observations(name):
    """Discrete ones, which some libraries lay out wrongly."""
    env = gymnasium.make(name)
    env.action_space.seed(1)
    layout = Layout(env.observation_space)
    observation, _ = env.reset(seed=3)
    for _ in range(20):
        row = np.zeros(layout.flat_space.shape, layout.flat_space.dtype)
        layout.flatten(observation, row)
        assert row.tolist() == [int(number) for number in np.atleast_1d(observation)]
        assert layout.value(row) == observation
        assert layout.value(row) in env.observation_space
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()


@pytest.mark.parametrize(
    ("space", "value", "expected"),
    [
        (Discrete(5), 3, 3),
        (Discrete(5), True, 1),
        (Discrete(5), np.bool_(True), 1),
        (Discrete(5), np.int8(3), 3),
        (Discrete(5), np.uint64(3), 3),
        (Discrete(5), 3.0, 3),
        (Discrete(5), np.float32(3), 3),
        (Discrete(5), np.array(3), 3),
        (Discrete(5), 99, 99),  # the bounds of the space are not the layout's concern
        (Box(0, 2**64 - 1, (1,), np.uint64), [2**64 - 1], [2**64 - 1]),
        (Box(0, 9, (), np.uint64), 2**64 - 1, 2**64 - 1),
        (Box(0, 9, (2,), np.int64), np.array([-(2.0**63), 2.0**62]), [-(2**63), 2**62]),
        (Box(0, 9, (2,), np.int64), np.array([2**63 - 1, 5], np.uint64), [2**63 - 1, 5]),
        (Box(0, 9, (2,), np.uint8), [0, 255], [0, 255]),
        (Box(0, 9, (2,), np.uint8), (1.0, 2), [1, 2]),
        (Box(0, 1, (2,), np.bool_), [1.0, 0.0], [True, False]),
        (Box(-1, 1, (2,)), np.array([0.1, -np.inf]), [np.float32(0.1), -np.inf]),
        (Box(-1, 1, (2,), np.float16), [65519.0, 1e-9], [65504, 0]),
        (Box(-1, 1, (2,), np.longdouble), [0.5, 1], [0.5, 1]),
        (Box(-1, 1, ()), 0.5, 0.5),
        (Box(-1, 1, ()), 1, 1),
        (Box(-1, 1, (2,)), np.arange(4, dtype=np.float32)[::2], [0, 2]),
        (Box(-1, 1, (2,)), np.array([1, 2], ">f4"), [1, 2]),
        (Box(-3, 3, (2,), ">f4"), np.array([1, 2], ">f4"), [1, 2]),
        (Box(-1, 1, (2, 2)), np.array([[1, 2], [3, 4]], np.float32).T, [[1, 3], [2, 4]]),
        (MultiBinary(3), [True, False, True], [1, 0, 1]),
        (MultiDiscrete([3, 4]), (1, 2), [1, 2]),
    ],
)
def test_conversions_that_lose_nothing(space, value, expected):
    layout = Layout(space)
    guarded = GuardedRow(layout)
    layout.flatten(value, guarded.row)
    guarded.check()
    assert layout.value(guarded.row).tolist() == np.asarray(expected).tolist()
    assert layout.value(guarded.row).dtype == space.dtype.newbyteorder("=")


DTYPES = "?bBhHiIlLqQefd"


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_every_pair_of_dtypes_agrees_with_exact_arithmetic(source, target):
    from_dtype, to_dtype = np.dtype(source), np.dtype(target)
    candidates = [0, 1, 2, -1, 100, 127, 128, -128, -129, 255, 256, 2**15, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53]
    candidates += [2**63 - 1, 2**63, -(2**63), 2**64 - 1, 2**64, 0.5, -0.5, 2.5, 1e30, 1e300, np.inf, -np.inf, np.nan]
    layout = Layout(Box(0, 1, (1,), to_dtype))
    for candidate in candidates:
        try:
            with np.errstate(all="ignore"):
                value = np.array([candidate], from_dtype)
        except (OverflowError, ValueError, DeprecationWarning):
            # NumPy 1 warns where NumPy 2 raises.
            continue
        exact = float(value[0]) if from_dtype.kind == "f" else int(value[0])
        if to_dtype.kind == "f":
            fits = not np.isfinite(exact) or abs(exact) <= float(np.finfo(to_dtype).max)
        else:
            low, high = (0, 1) if to_dtype.kind == "b" else (np.iinfo(to_dtype).min, np.iinfo(to_dtype).max)
            fits = np.isfinite(exact) and exact == int(exact) and low <= int(exact) <= high
        row = np.zeros(1, to_dtype)
        if not fits:
            with pytest.raises(LayoutError):
                layout.flatten(value, row)
        else:
            layout.flatten(value, row)
            with np.errstate(all="ignore"):
                assert np.array_equal(row, value.astype(to_dtype), equal_nan=to_dtype.kind == "f")


def test_containers_that_stand_for_dicts_and_tuples():
    pair = namedtuple("pair", "x y")
    for space, values in (
        (Tuple((Discrete(3), Discrete(4))), ((1, 2), [1, 2], np.array([1, 2]), pair(1, 2))),
        (
            Dict(a=Discrete(3), b=Discrete(4)),
            ({"b": 2, "a": 1}, OrderedDict(b=2, a=1), MappingProxyType({"b": 2, "a": 1})),
        ),
        (
            Sequence(Dict(a=Tuple((Discrete(3), Discrete(4)))), stack=True),
            ({"a": ([1], [2])}, {"a": [np.array([1]), (2,)]}, {"a": np.array([[1], [2]])}),
        ),
    ):
        layout = Layout(space, max_length=1)
        for value in values:
            row = bytearray(layout.row_size)
            layout.flatten(value, row)
            assert np.frombuffer(row, np.int64)[:2].tolist() == [1, 2]


def test_text_keeps_every_character():
    layout = Layout(Text(5, min_length=0, charset="\ufeff\ud800😀a\x00"))
    for text in ("", "\ufeff", "\ud800\x00", "a\x00\x00", "😀😀😀😀😀"):
        row = np.zeros(layout.flat_space.shape, np.int32)
        layout.flatten(text, row)
        assert layout.value(row) == text
        assert layout.flat_space.contains(row)


def test_a_graph_with_no_edges_is_not_a_graph_with_edges_of_none():
    layout = Layout(GRAPH, max_length=4)
    nodes = np.ones((2, 3), np.float32)
    for edges, links in ((None, None), (np.zeros(0, np.int64), np.zeros((0, 2), np.int32))):
        row = np.zeros(layout.row_size, np.uint8)
        layout.flatten(GraphInstance(nodes, edges, links), row)
        assert same(layout.value(row), GraphInstance(nodes, edges, links))


@pytest.mark.parametrize(
    "space", [Sequence(Box(0, 1, (2,))), Sequence(Box(0, 1, (2, 3)), stack=True), STACKED, VARYING[4]], ids=str
)
def test_empty_and_full_sequences(space):
    layout = Layout(space, max_length=3)
    for length in (0, 3):
        value = space.sample(mask=(length, None)) if length else layout.value(np.zeros(layout.row_size, np.uint8))
        row = np.full(layout.row_size, 7, np.uint8)
        layout.flatten(value, row)
        assert same(layout.value(row), value)
        assert value in space
