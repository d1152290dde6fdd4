"""The flat layout of spaces: round trips, views, bounds, refusals and run-time errors."""

import copy
import pickle
import re
import subprocess
import sys
from collections import OrderedDict, namedtuple
from types import MappingProxyType

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import (
    Box,
    Dict,
    Discrete,
    Graph,
    GraphInstance,
    MultiBinary,
    MultiDiscrete,
    OneOf,
    Sequence,
    Text,
    Tuple,
)
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.layout.rows import LayoutError

GUARD = 64  # bytes around a row that no call may touch

ARRAYS = {
    "box": Box(-1, 1, (4,)),
    "box-scalar": Box(-1, 1, ()),
    "box-image": Box(0, 255, (5, 4, 3), np.uint8),
    "box-bool": Box(0, 1, (3,), np.bool_),
    "box-empty-axis": Dict(a=Box(0, 1, (0, 2)), b=Box(0, 1, (1,))),
    **{f"box-{kind}": Box(0, 100, (2, 3), kind) for kind in ("int8", "int16", "int32", "int64", "uint16", "uint32")},
    **{f"box-{kind}": Box(-3, 3, (2, 3), kind) for kind in ("float16", "float32", "float64", ">f4")},
    "discrete": Discrete(5),
    "discrete-start": Discrete(3, start=-7),
    "discrete-int8": Discrete(3, start=4, dtype=np.int8),
    "multidiscrete": MultiDiscrete([3, 5]),
    "multidiscrete-2d": MultiDiscrete([[2, 3], [4, 5]], dtype=np.int32, start=[[1, -1], [0, 9]]),
    "multibinary": MultiBinary(5),
    "multibinary-2d": MultiBinary([3, 2]),
}
NESTED = {
    "tuple": Tuple((Discrete(3), Box(0, 1, (2,)))),
    "tuple-of-discrete": Tuple((Discrete(32), Discrete(11), Discrete(2))),
    "dict": Dict(b=Box(0, 255, (3,), np.uint8), a=Discrete(4)),
    "dict-order": Dict(OrderedDict(z=Discrete(2), a=Box(0, 1, (3,), np.float64))),
    "dict-keys": Dict({"": Discrete(2), "a/b": Discrete(2), "a~b": Discrete(2), "ä.b": Discrete(2)}),
    "dict-int-keys": Dict({0: Discrete(2), 1: Box(0, 1, (2,))}),
    "nested": Dict(
        a=Tuple((Discrete(3), Dict(c=MultiBinary(3), d=Tuple(())))),
        b=Dict(e=Box(-1, 1, (2, 2)), f=Box(0, 9, (), np.int16)),
    ),
}
VARYING = {
    "text": Text(8),
    "text-unicode": Text(6, min_length=0, charset="aß漢😀\ufeff\x00"),
    "text-none": Tuple((Text(0, min_length=0, charset="a"), Discrete(2))),
    "oneof": OneOf((Discrete(3, start=5), Box(1, 2, (2,)), Dict(a=MultiBinary(2), t=Text(3)))),
    "sequence": Sequence(Box(0, 1, (2,))),
    "sequence-discrete": Sequence(Discrete(4, start=3)),
    "sequence-stack": Sequence(Box(0, 1, (2, 3)), stack=True),
    "sequence-stack-nested": Sequence(
        Dict(a=Discrete(3), b=Tuple((Box(0, 1, (1,)), MultiDiscrete([2, 3])))), stack=True
    ),
    "sequence-of-dict": Sequence(Dict(a=Text(4), b=OneOf((Discrete(2), Box(0, 1, (2,)))))),
    "graph": Graph(Box(0, 1, (3,)), Discrete(4)),
    "graph-no-edges": Graph(Discrete(5), None),
    "graph-nested": Dict(g=Graph(Dict(a=Box(0, 1, (2,)), b=Discrete(3)), Box(0, 1, (2,), np.float64)), h=Discrete(2)),
}
SPACES = {**ARRAYS, **NESTED, **VARYING}
LONGEST = 128


def same(a, b):
    """Equal in value, type, dtype and shape, `b` being a sample."""
    if isinstance(a, np.ndarray) and isinstance(b, np.integer):
        b = np.array(b)  # so Gymnasium samples a Box of integers without dimensions; its `contains` wants an array
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def samples(space, n=5, seed=7):
    space.seed(seed)
    return [space.sample() for _ in range(n)]


def guarded_row(layout, fill=0xAB):
    memory = np.full(layout.row_size + 2 * GUARD, fill, np.uint8)
    return memory, memory[GUARD : GUARD + layout.row_size]


def guards_intact(memory, fill=0xAB):
    return bool((memory[:GUARD] == fill).all() and (memory[-GUARD:] == fill).all())


def leaves_of(tree):
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in leaves_of(child)]
    return [leaf for child in tree for leaf in leaves_of(child)] if isinstance(tree, tuple) else [tree]


@pytest.fixture(params=SPACES, scope="module")
def space(request):
    return SPACES[request.param]


# ---- observations ---------------------------------------------------------------------------------------------------


def test_round_trip(space):
    layout = Layout(space, max_length=LONGEST)
    for sample in samples(space):
        memory, row = guarded_row(layout)
        before = copy.deepcopy(sample)
        layout.flatten(sample, row)
        assert guards_intact(memory)
        value = layout.value(row)
        row[:] = 0xFF  # the value must not live in the row
        assert same(value, sample) or space.dtype == np.dtype(">f4") and np.array_equal(value, sample)
        assert value in space
        assert same(sample, before)


def test_rows_of_every_kind_hold_the_same(space):
    layout = Layout(space, max_length=LONGEST)
    flat = layout.flat_space
    batch = np.full((3, *flat.shape), 1, flat.dtype)
    for i, sample in enumerate(samples(space, 3)):
        layout.flatten_into(sample, batch, i)
    for i, sample in enumerate(samples(space, 3)):
        rows = [
            np.zeros(flat.shape, flat.dtype),
            np.zeros(layout.row_size, np.uint8),
            np.zeros((), layout.dtype),
            bytearray(layout.row_size),
        ]
        for row in rows:
            layout.flatten(sample, row)
            assert bytes(row.data if isinstance(row, np.ndarray) else row) == batch[i].tobytes()
            assert same(layout.value(row), layout.value(batch[i]))
        assert flat.contains(batch[i, ...])
        assert same(layout.value(batch[i].tobytes()), layout.value(batch[i]))


def test_the_dtype_is_aligned_and_named_by_path(space):
    layout = Layout(space, max_length=LONGEST)
    fields = [(leaf.path, leaf.dtype, leaf.shape) for leaf in layout.leaves]
    assert layout.dtype == np.dtype(fields, align=True)
    assert layout.dtype.isalignedstruct
    assert layout.dtype.itemsize == layout.row_size
    for leaf in layout.leaves:
        assert layout.dtype.fields[leaf.path][1] == leaf.offset
        assert leaf.offset % leaf.dtype.alignment == 0
        assert layout.row_size % leaf.dtype.alignment == 0


def test_equal_values_make_equal_rows(space):
    layout = Layout(space, max_length=LONGEST)
    for sample, other in zip(samples(space), samples(space, seed=8), strict=True):
        clean, used = np.zeros(layout.row_size, np.uint8), np.full(layout.row_size, 0xAB, np.uint8)
        layout.flatten(sample, clean)
        layout.flatten(other, used)
        layout.flatten(sample, used)
        assert clean.tobytes() == used.tobytes()


@pytest.mark.parametrize("lead", [(), (4,), (2, 3), (2, 0)])
def test_views_share_the_memory_of_the_batch(space, lead):
    layout = Layout(space, max_length=LONGEST)
    flat = layout.flat_space
    for shape, dtype in ((flat.shape, flat.dtype), ((layout.row_size,), np.dtype(np.uint8)), ((), layout.dtype)):
        batch = np.zeros(lead + shape, dtype)
        leaves = leaves_of(layout.view(batch))
        assert [leaf.shape for leaf in leaves] == [lead + leaf.shape for leaf in layout.leaves]
        assert [leaf.dtype for leaf in leaves] == [leaf.dtype for leaf in layout.leaves]
        for i, leaf in enumerate(leaves):
            leaf[...] = 1
            assert leaf.size == 0 or np.shares_memory(leaf, batch)
            assert all(not other.any() for other in leaves[i + 1 :])


def test_views_hold_the_values():
    space = NESTED["nested"]
    layout = Layout(space)
    batch = np.zeros((2, 3, layout.row_size), np.uint8)
    sample = {}
    for at, value in zip(np.ndindex(2, 3), samples(space, 6), strict=True):
        sample[at] = value
        layout.flatten(value, batch[at])
    for tree in (layout.view(batch), layout.view(batch.view(layout.dtype)[..., 0])):
        for at, value in sample.items():
            assert tree["a"][0][at] == value["a"][0]
            assert np.array_equal(tree["a"][1]["c"][at], value["a"][1]["c"])
            assert tree["a"][1]["d"] == ()
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


def test_view_of_the_varying_spaces():
    space = Dict(g=VARYING["graph"], o=OneOf((Discrete(2), Text(3))), s=Sequence(Text(2)), t=Text(4))
    tree = Layout(space, max_length=6).view(np.zeros((5, Layout(space, max_length=6).row_size), np.uint8))
    assert tree["g"]["nodes"]["items"].shape == (5, 6, 3)
    assert tree["g"]["edges"]["length"].shape == (5,)
    assert tree["g"]["edge_links"].shape == (5, 6, 2)
    assert tree["o"]["index"].shape == (5,)
    assert tree["o"]["alternatives"][1]["characters"].shape == (5, 3)
    assert tree["s"]["items"]["characters"].shape == (5, 6, 2)
    assert tree["s"]["items"]["length"].shape == (5, 6)
    assert tree["t"]["characters"].shape == (5, 4)


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
def test_views_of_anything_else_are_refused(batch, error):
    with pytest.raises(error, match="batch: expected"):
        Layout(Box(-1, 1, (4,))).view(batch)
    with pytest.raises(error, match="batch: expected"):
        Layout(Tuple((Box(-1, 1, (4,)), Discrete(2)))).view(batch)


def test_torch_views():
    torch = pytest.importorskip("torch")
    for space in SPACES.values():
        layout = Layout(space, max_length=LONGEST)
        flat = layout.flat_space
        batch = np.zeros((2, 3, *flat.shape), flat.dtype)
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


# ---- the flat space -------------------------------------------------------------------------------------------------


def test_flat_space_of_one_box_is_the_box():
    box = Box(np.array([[-1.5, -np.inf]], np.float32), np.array([[np.inf, 7]], np.float32))
    assert Layout(box).flat_space == box
    assert Layout(Box(-np.inf, np.inf, (2, 3), np.int32)).flat_space == Box(-np.inf, np.inf, (2, 3), np.int32)


def test_flat_space_of_one_dtype_keeps_all_bounds():
    flat = Layout(Dict(a=Box(-1, 1, (2, 2)), b=Tuple((Box(-np.inf, 5, ()), Box(0, np.inf, (1,)))))).flat_space
    assert flat.dtype == np.float32
    assert flat.low.tolist() == [-1, -1, -1, -1, -np.inf, 0]
    assert flat.high.tolist() == [1, 1, 1, 1, 5, np.inf]


@pytest.mark.parametrize(
    ("space", "low", "high", "dtype"),
    [
        (Discrete(5, start=-2), [-2], [2], np.int64),
        (Tuple((Discrete(32), Discrete(11), Discrete(2))), [0, 0, 0], [31, 10, 1], np.int64),
        (MultiDiscrete([[2, 3]], start=[[4, -1]], dtype=np.int16), [[4, -1]], [[5, 1]], np.int16),
        (MultiBinary([1, 2]), [[0, 0]], [[1, 1]], np.int8),
        (Discrete(2, start=np.iinfo(np.int64).max - 1), [2**63 - 2], [2**63 - 1], np.int64),
        (Text(2, charset="Az"), [0, 0, 1], [122, 122, 2], np.int32),
        (OneOf((Box(3, 4, (1,), np.int32), Box(-4, -3, (1,), np.int32))), [0, 0, -4], [1, 4, 0], np.int32),
    ],
)
def test_flat_space_bounds(space, low, high, dtype):
    flat = Layout(space).flat_space
    assert flat.dtype == dtype
    assert flat.low.tolist() == low
    assert flat.high.tolist() == high


def test_flat_space_of_several_dtypes_is_bytes():
    layout = Layout(Dict(a=Box(0, 1, (3,), np.uint8), b=Discrete(2), c=Box(0, 1, (1,), np.float64)))
    assert layout.flat_space == Box(0, 255, (24,), np.uint8)
    assert [(leaf.path, leaf.offset) for leaf in layout.leaves] == [("a", 0), ("b", 8), ("c", 16)]


def test_paths():
    space = Dict({"a/b": Tuple((Discrete(2), Text(1))), "": Discrete(2), "~": OneOf([Discrete(2)]), 5: Discrete(2)})
    paths = [leaf.path for leaf in Layout(space).leaves]
    assert sorted(paths) == sorted(
        ["a~1b/0", "a~1b/1/characters", "a~1b/1/length", "~", "~0/index", "~0/alternatives/0", "5"]
    )
    assert [leaf.path for leaf in Layout(Discrete(2)).leaves] == ["observation"]


# ---- what PufferLib loses -------------------------------------------------------------------------------------------


def test_frozen_lake():
    env = gymnasium.make("FrozenLake-v1", is_slippery=False)
    layout = Layout(env.observation_space)
    batch = np.zeros((3, *layout.flat_space.shape), layout.flat_space.dtype)
    observation, _ = env.reset(seed=1)
    seen = [observation, env.step(2)[0], env.step(1)[0]]
    for i, observation in enumerate(seen):
        layout.flatten_into(observation, batch, i)
    assert batch[:, 0].tolist() == [int(observation) for observation in seen] == [0, 1, 5]
    assert all(layout.value(row) in env.observation_space for row in batch)
    assert type(layout.value(batch[0])) is np.int64


def test_blackjack():
    env = gymnasium.make("Blackjack-v1")
    layout = Layout(env.observation_space)
    row = np.zeros(layout.flat_space.shape, layout.flat_space.dtype)
    observation, _ = env.reset(seed=3)
    layout.flatten(observation, row)
    assert row.tolist() == list(observation)
    assert layout.value(row) == observation


def test_multidiscrete_and_multibinary_observations_keep_every_entry():
    row = np.zeros(2, np.int32)
    Layout(MultiDiscrete([10, 10], dtype=np.int32)).flatten(np.array([3, 6], np.int32), row)
    assert row.tolist() == [3, 6]
    row = np.zeros(4, np.int8)
    Layout(MultiBinary(4)).flatten(np.array([1, 0, 0, 1], np.int8), row)
    assert row.tolist() == [1, 0, 0, 1]


def test_int64_rows_reach_int32_actions_unharmed():
    layout = ActionLayout(Tuple((Discrete(10, dtype=np.int32), Discrete(10, dtype=np.int32))))
    for dtype in (np.int64, np.int32, np.uint8, np.float32):
        assert layout.value(np.array([3, 6], dtype)) == (3, 6)


# ---- values that need a conversion ----------------------------------------------------------------------------------


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
        (Box(0, 9, (2,), np.uint8), np.array([True, False]), [1, 0]),
        (Box(0, 1, (2,), np.bool_), np.array([1, 0]), [True, False]),
        (Box(0, 1, (2,), np.bool_), [1.0, 0.0], [True, False]),
        (Box(-1, 1, (2,)), np.array([0.1, -np.inf]), [np.float32(0.1), -np.inf]),
        (Box(-1, 1, (2,)), np.array([1, 2**24 + 2]), [1, 2**24 + 2]),
        (Box(-1, 1, (2,)), np.array([0.5, 2], np.float16), [0.5, 2]),
        (Box(-1, 1, (2,), np.float16), np.array([0.5, np.inf]), [0.5, np.inf]),
        (Box(-1, 1, (2,), np.float16), np.array([1, 2]), [1, 2]),
        (Box(-1, 1, (2,), np.float16), [65519.0, 1e-9], [65504, 0]),
        (Box(-1, 1, (2,), np.float64), np.array([0.5, 0.25], np.float32), [0.5, 0.25]),
        (Box(-1, 1, (2,), np.longdouble), [0.5, 1], [0.5, 1]),
        (Box(-1, 1, ()), 0.5, 0.5),
        (Box(-1, 1, ()), 1, 1),
        (Box(-1, 1, (2,)), np.arange(4, dtype=np.float32)[::2], [0, 2]),
        (Box(-1, 1, (2,)), np.array([1, 2], ">f4"), [1, 2]),
        (Box(-1, 1, (2, 2)), np.array([[1, 2], [3, 4]], np.float32).T, [[1, 3], [2, 4]]),
        (MultiBinary(3), [True, False, True], [1, 0, 1]),
        (MultiDiscrete([3, 4]), (1, 2), [1, 2]),
    ],
)
def test_conversions_that_lose_nothing(space, value, expected):
    layout = Layout(space)
    memory, row = guarded_row(layout)
    layout.flatten(value, row)
    assert guards_intact(memory)
    assert layout.value(row).tolist() == np.asarray(expected).tolist()
    assert layout.value(row).dtype == space.dtype


@pytest.mark.parametrize(
    ("source", "target"),
    [(source, target) for source in "?bBhHiIlLqQefd" for target in "?bBhHiIlLqQefd"],
)
def test_every_pair_of_dtypes_agrees_with_exact_arithmetic(source, target):
    from_dtype, to_dtype = np.dtype(source), np.dtype(target)
    candidates = [0, 1, 2, -1, 100, 127, 128, -128, -129, 255, 256, 2**15, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53]
    candidates += [2**63 - 1, 2**63, -(2**63), 2**64 - 1, 2**64, 0.5, -0.5, 2.5, 1e30, 1e300, np.inf, -np.inf, np.nan]
    layout = Layout(Box(0, 1, (1,), to_dtype))
    for candidate in candidates:
        try:
            with np.errstate(all="ignore"):
                value = np.array([candidate], from_dtype)
        except (OverflowError, ValueError):
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
    layout = Layout(Tuple((Discrete(3), Discrete(4))))
    for value in ((1, 2), [1, 2], np.array([1, 2]), pair(1, 2)):
        row = np.zeros(2, np.int64)
        layout.flatten(value, row)
        assert row.tolist() == [1, 2]
    layout = Layout(Dict(a=Discrete(3), b=Discrete(4)))
    for value in ({"b": 2, "a": 1}, OrderedDict(b=2, a=1), MappingProxyType({"b": 2, "a": 1})):
        row = np.zeros(2, np.int64)
        layout.flatten(value, row)
        assert row.tolist() == [1, 2]


def test_text_keeps_every_character():
    space = Text(5, min_length=0, charset="\ufeff\ud800😀a\x00")
    layout = Layout(space)
    for text in ("", "\ufeff", "\ud800\x00", "a\x00\x00", "😀😀😀😀😀"):
        row = np.zeros(layout.flat_space.shape, np.int32)
        layout.flatten(text, row)
        assert layout.value(row) == text
        assert layout.flat_space.contains(row)


def test_a_graph_with_no_edges_is_not_a_graph_with_edges_of_none():
    space = VARYING["graph"]
    layout = Layout(space, max_length=4)
    nodes = np.ones((2, 3), np.float32)
    for edges, links in ((None, None), (np.zeros(0, np.int64), np.zeros((0, 2), np.int32))):
        row = np.zeros(layout.row_size, np.uint8)
        layout.flatten(GraphInstance(nodes, edges, links), row)
        assert same(layout.value(row), GraphInstance(nodes, edges, links))


@pytest.mark.parametrize("name", ["sequence", "sequence-stack", "sequence-stack-nested", "sequence-of-dict"])
def test_empty_and_full_sequences(name):
    space = SPACES[name]
    layout = Layout(space, max_length=3)
    for length in (0, 3):
        value = space.sample(mask=(length, None)) if length else layout.value(np.zeros(layout.row_size, np.uint8))
        row = np.full(layout.row_size, 7, np.uint8)
        layout.flatten(value, row)
        assert same(layout.value(row), value)
        assert value in space


# ---- errors at run time ---------------------------------------------------------------------------------------------

IMAGE = Dict(camera=Dict(rgb=Box(0, 255, (2, 2), np.uint8)), hp=Discrete(5, dtype=np.int32))
GRAPH = Dict(g=VARYING["graph"])


def image(rgb=((0, 0), (0, 0)), hp=0):
    return {"camera": {"rgb": np.array(rgb)}, "hp": hp}


def graph(nodes=2, edges=1, links=((0, 1),)):
    edges = None if edges is None else np.zeros(edges, np.int64)
    links = None if links is None else np.array(links, np.int64).reshape(-1, 2)
    return {"g": GraphInstance(np.zeros((nodes, 3), np.float32), edges, links)}


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (
            IMAGE,
            image([[0, 300], [0, 0]]),
            r"camera/rgb: expected uint8 integers from 0 to 255, got .*300.* at \(0, 1\)",
        ),
        (IMAGE, image([[0, 0], [-1, 0]]), r"camera/rgb: expected uint8 integers from 0 to 255, got .*-1.* at \(1, 0\)"),
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
        (IMAGE, image(hp=np.longdouble(1)), r"hp: expected int32"),
        (IMAGE, {"hp": 1}, r"observation: expected the keys \['camera', 'hp'\], missing \['camera'\]"),
        (IMAGE, image() | {"mp": 1}, r"observation: expected the keys .*, unexpected \['mp'\]"),
        (IMAGE, {"camera": {"depth": 1}, "hp": 1}, r"camera: .* missing \['rgb'\], unexpected \['depth'\]"),
        (IMAGE, [1, 2], r"observation: expected a dict, got \[1, 2\] of type list"),
        (IMAGE, {"camera": 3, "hp": 1}, r"camera: expected a dict, got 3 of type int"),
        (Tuple((Discrete(2), Discrete(2))), (1,), r"observation: expected a tuple of 2, got 1 items: \(1,\)"),
        (Tuple((Discrete(2), Discrete(2))), (1, 2, 3), r"observation: expected a tuple of 2, got 3 items"),
        (Tuple((Discrete(2), Discrete(2))), 5, r"observation: expected a tuple, got 5 of type int"),
        (Tuple((Discrete(2), Discrete(2))), {1: 0, 2: 0}, r"observation: expected a tuple, got .* of type dict"),
        (Dict(a=Tuple((Discrete(2), Tuple((Discrete(2),))))), {"a": (0, (0.5,))}, r"a/1/0: .* got 0\.5"),
        (
            Box(0, 1, (2,)),
            [0.0, 1e300],
            r"observation: expected float32 numbers up to 3\.40.*e\+38, got .*1e\+300.* at \(1,\)",
        ),
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
        (Dict(o=OneOf([Discrete(2)])), {"o": (1, 0)}, r"o: expected a length or an index from 0 to 0, got 1"),
        (Dict(o=OneOf([Discrete(2)])), {"o": (-1, 0)}, r"o: .* got -1"),
        (Dict(o=OneOf([Discrete(2)])), {"o": (0.5, 0)}, r"o/index: expected int32"),
        (Dict(o=OneOf([Discrete(2)])), {"o": 0}, r"o: expected a tuple \(index, value\), got 0"),
        (Dict(o=OneOf([Discrete(2)])), {"o": (0, "x")}, r"o/alternatives/0: expected int64 .* got 'x'"),
        (Dict(s=Sequence(Discrete(2))), {"s": (1,) * 5}, r"s: expected at most 4 items, got 5"),
        (Dict(s=Sequence(Discrete(2))), {"s": 5}, r"s: expected a tuple, got 5"),
        (Dict(s=Sequence(Discrete(2))), {"s": (1, None)}, r"s/items: expected int64 .* got None"),
        (Sequence(Box(0, 1, (2,)), stack=True), np.zeros((2, 3)), r"items: expected shape \(2,\), got shape \(3,\)"),
        (Sequence(Dict(a=Discrete(2)), stack=True), {"b": [1]}, r"observation: expected stacked values"),
        (Sequence(Dict(a=Discrete(2)), stack=True), {"a": [1], "b": [1]}, r"observation: expected stacked values"),
        (Sequence(Tuple((Discrete(2), Discrete(2))), stack=True), ([1], [1, 2]), r"expected stacked values"),
        (Sequence(Discrete(2), stack=True), 3, r"observation: expected stacked values"),
        (GRAPH, graph(nodes=5), r"g/nodes: expected at most 4 items, got 5"),
        (GRAPH, graph(edges=None), r"g: expected edges and edge_links, or neither"),
        (GRAPH, graph(edges=2), r"g/edge_links: expected a pair for each of 2 edges"),
        (GRAPH, graph(edges=5, links=[[0, 1]] * 5), r"g/edges: expected at most 4 items, got 5"),
        (GRAPH, graph(links=[[0, 2**40]]), r"g/edge_links: expected int32 .* at \(1,\)"),
        (GRAPH, {"g": 5}, r"g: expected a GraphInstance, got 5"),
        (Graph(Box(0, 1, (3,)), None), graph()["g"], r"observation: expected no edges, as there is no edge space"),
    ],
)
def test_a_value_that_does_not_fit(space, value, message):
    layout = Layout(space, max_length=4)
    memory, row = guarded_row(layout)
    with pytest.raises(LayoutError, match=message):
        layout.flatten(value, row)
    assert guards_intact(memory)


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
def test_memory_that_is_no_row(row, error, message):
    layout = Layout(Box(-1, 1, (4,)))
    with pytest.raises(error, match=message):
        layout.flatten(np.zeros(4, np.float32), row)
    if not isinstance(row, bytes):
        with pytest.raises(error, match=message):
            layout.value(row)


def test_read_only_rows():
    layout = Layout(Box(-1, 1, (4,)))
    row = np.arange(4, dtype=np.float32)
    row.flags.writeable = False
    with pytest.raises(LayoutError, match="writable"):
        layout.flatten(row, row)
    assert layout.value(row).tolist() == [0, 1, 2, 3]


def test_rows_at_odd_addresses():
    layout = Layout(NESTED["nested"])
    memory = np.zeros(layout.row_size + 1, np.uint8)
    for sample in samples(layout.space):
        layout.flatten(sample, memory[1:])
        assert same(layout.value(memory[1:]), sample)


def test_flatten_into_checks_the_batch():
    layout = Layout(Box(-1, 1, (4,)))
    value = np.ones(4, np.float32)
    batch = np.zeros((3, 4), np.float32)
    for i in (-1, 3, 2**40):
        with pytest.raises(IndexError, match=f"row {i} of a batch of 3 rows"):
            layout.flatten_into(value, batch, i)
    with pytest.raises(LayoutError, match="row: expected 32 bytes"):
        layout.flatten_into(value, batch[::2], 0)
    with pytest.raises(LayoutError, match="row: expected 48 bytes"):
        layout.flatten_into(value, np.zeros((3, 5), np.float32), 0)
    with pytest.raises(TypeError, match="batch: expected an array of rows"):
        layout.flatten_into(value, bytearray(48), 0)
    with pytest.raises(TypeError, match="batch: expected an array of rows"):
        layout.flatten_into(value, np.zeros((), np.float32), 0)
    assert not batch.any()


@pytest.mark.parametrize("space", [Text(4), OneOf([Discrete(2), Text(3)]), Sequence(Text(2)), VARYING["graph"]])
def test_rows_of_garbage_are_errors_or_values(space):
    layout = Layout(space, max_length=3)
    for fill in (0x7F, 0x80, 0xFF):
        with pytest.raises(LayoutError):
            layout.value(np.full(layout.row_size, fill, np.uint8))


def test_a_text_row_with_no_such_character():
    row = np.array([2**31 - 1, 0, 1], np.int32)
    with pytest.raises(LayoutError, match="observation: the row holds no text"):
        Layout(Text(2)).value(row)


def test_a_layout_that_was_never_built():
    with pytest.raises(LayoutError):
        Layout.__new__(Layout).flatten(1, np.zeros(0, np.uint8))
    with pytest.raises(LayoutError):
        ActionLayout.__new__(ActionLayout).value(1)


# ---- refusals at construction ---------------------------------------------------------------------------------------


class Custom(spaces.Space):
    def __repr__(self):
        return "Custom()"


@pytest.mark.parametrize(
    ("space", "max_length", "error", "message"),
    [
        (Custom(), None, TypeError, r"observation: Custom\(\) is of type Custom, which has no flat layout"),
        (Dict(a=Tuple((Custom(),))), None, TypeError, r"a/0: Custom\(\) is of type Custom"),
        (5, None, TypeError, r"observation: 5 is of type int"),
        (Sequence(Discrete(2)), None, ValueError, r"observation: Sequence.* has no maximum length; pass max_length"),
        (
            Dict(s=Sequence(Discrete(2))),
            None,
            ValueError,
            r"s: Sequence\(Discrete\(2\).* max_length=\{'s': <a number>\}",
        ),
        (Dict(g=VARYING["graph"]), {"g/nodes": 3}, ValueError, r"g/edges: Graph.* has no maximum length"),
        (Dict(s=Sequence(Sequence(Discrete(2)))), {"s": 3}, ValueError, r"s/items: Sequence.* has no maximum length"),
        (Dict(s=Sequence(Discrete(2))), {"s": 3, "t": 4}, ValueError, r"no Sequence or Graph at \['t'\].* has \['s'\]"),
        (Sequence(Discrete(2)), 0, ValueError, r"observation: max_length must be an integer of at least 1, got 0"),
        (Sequence(Discrete(2)), True, ValueError, r"max_length must be an integer"),
        (Sequence(Discrete(2)), 2.0, ValueError, r"max_length must be an integer"),
        (Dict({0: Discrete(2), "0": Discrete(2)}), None, ValueError, r"2 leaves have the path '0'"),
        (Dict({}), None, ValueError, r"no elements"),
        (
            Sequence(Dict(a=Tuple(())), stack=True),
            3,
            ValueError,
            r"observation: Sequence.* stacks an empty Dict or Tuple",
        ),
        (Tuple((Box(0, 1, (0,)),)), None, ValueError, r"no elements"),
        (
            Discrete(100, start=100, dtype=np.int8),
            None,
            ValueError,
            r"observation: Discrete.* beyond the values of int8",
        ),
    ],
)
def test_refusals(space, max_length, error, message):
    with pytest.raises(error, match=message):
        Layout(space, max_length=max_length)


def test_max_length_by_path():
    layout = Layout(Dict(g=VARYING["graph"], s=Sequence(Discrete(2))), max_length={"g/nodes": 3, "g/edges": 5, "s": 7})
    shapes = {leaf.path: leaf.shape for leaf in layout.leaves}
    assert shapes["g/nodes/items"] == (3, 3)
    assert shapes["g/edges/items"] == (5,)
    assert shapes["g/edge_links"] == (5, 2)
    assert shapes["s/items"] == (7,)


# ---- layouts as objects ---------------------------------------------------------------------------------------------


def test_pickle_and_equality(space):
    layout = Layout(space, max_length=LONGEST)
    twin = pickle.loads(pickle.dumps(layout))
    assert twin == layout
    assert hash(twin) == hash(layout)
    assert twin.dtype == layout.dtype
    assert twin.leaves == layout.leaves
    for sample in samples(space, 2):
        row, other = np.zeros(layout.row_size, np.uint8), np.zeros(layout.row_size, np.uint8)
        layout.flatten(sample, row)
        twin.flatten(sample, other)
        assert row.tobytes() == other.tobytes()
    assert layout != Layout(Box(-8, 8, (9,)))
    assert layout != "layout"


def test_layouts_with_other_bounds_differ():
    assert Layout(Sequence(Discrete(2)), max_length=3) != Layout(Sequence(Discrete(2)), max_length=4)
    assert Layout(Discrete(3)) != Layout(Discrete(4))
    assert ActionLayout(Discrete(3)) != ActionLayout(Discrete(4))
    assert repr(Layout(Discrete(3))) == "Layout(Discrete(3), row_size=8)"


# ---- random spaces --------------------------------------------------------------------------------------------------

SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
NUMBERS = st.sampled_from(
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float16", "float32", "float64"]
)
DISCRETE = st.one_of(
    st.builds(Discrete, st.integers(1, 20), start=st.integers(-5, 5), dtype=st.sampled_from([np.int64, np.int8])),
    st.builds(MultiBinary, st.lists(st.integers(1, 3), min_size=1, max_size=3)),
    SHAPES.map(lambda shape: MultiDiscrete(np.full(shape or (1,), 4), start=np.full(shape or (1,), -1))),
)
BOXES = st.builds(Box, st.integers(0, 5), st.integers(6, 9), SHAPES, NUMBERS)
TEXTS = st.builds(Text, st.integers(1, 5), min_length=st.integers(0, 1), charset=st.text(min_size=1, max_size=5))
KEYS = st.one_of(st.text(max_size=3), st.sampled_from(["length", "items", "a/b", "~"]))


def trees(leaves, *more):
    def extend(inner):
        nodes = [st.lists(inner, max_size=3).map(Tuple), st.dictionaries(KEYS, inner, max_size=3).map(Dict)]
        return st.one_of(nodes + [make(inner) for make in more])

    return st.recursive(leaves, extend, max_leaves=6)


ANY_SPACE = trees(
    st.one_of(DISCRETE, BOXES, TEXTS),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(OneOf),
    lambda inner: inner.map(Sequence),
    lambda inner: st.builds(Sequence, trees(st.one_of(DISCRETE, BOXES)), stack=st.just(True)),
)


def built(kind, space, **arguments):
    """The layout of a random space, unless it is one of those that are refused."""
    try:
        return kind(space, **arguments)
    except ValueError as error:
        if not re.search("no elements|stacks an empty Dict or Tuple", str(error)):
            raise
        reject()


@settings(max_examples=60, deadline=None)
@given(ANY_SPACE, st.integers(0, 2**31))
def test_random_spaces(space, seed):
    layout = built(Layout, space, max_length=40)
    memory, row = guarded_row(layout)
    for sample in samples(space, 2, seed):
        try:
            layout.flatten(sample, row)
        except LayoutError as error:
            if "expected at most 40 items" not in str(error):
                raise
            continue
        assert guards_intact(memory)
        assert same(layout.value(row), sample)
        assert layout.flat_space.contains(row.view(layout.flat_space.dtype).reshape(layout.flat_space.shape))
    views = leaves_of(layout.view(np.zeros((2, layout.row_size), np.uint8)))
    assert [view.shape[1:] for view in views] == [leaf.shape for leaf in layout.leaves]


@settings(max_examples=60, deadline=None)
@given(trees(st.one_of(DISCRETE, BOXES)), st.integers(0, 2**31))
def test_random_action_spaces(space, seed):
    layout = built(ActionLayout, space)
    for action in samples(space, 2, seed):
        row = layout.flatten(action)
        assert row in layout.flat_space
        assert row.dtype == layout.flat_space.dtype
        assert same(layout.value(row), action)


# ---- actions --------------------------------------------------------------------------------------------------------

ACTIONS = {
    "discrete": (Discrete(4), Discrete(4)),
    "discrete-start": (Discrete(4, start=-2, dtype=np.int8), Discrete(4, start=-2, dtype=np.int8)),
    "multidiscrete": (MultiDiscrete([3, 4], start=[1, -1]), MultiDiscrete([3, 4], start=[1, -1])),
    "multidiscrete-2d": (MultiDiscrete([[3, 4], [5, 6]], dtype=np.int8), MultiDiscrete([3, 4, 5, 6])),
    "multibinary": (MultiBinary([2, 2]), MultiDiscrete([2, 2, 2, 2])),
    "discrete-tree": (
        Dict(a=Discrete(3, start=5), b=Tuple((MultiDiscrete([2, 9], start=[0, -4]), MultiBinary(2)))),
        MultiDiscrete([3, 2, 9, 2, 2], start=[5, 0, -4, 0, 0]),
    ),
    "one-discrete-in-a-tuple": (Tuple((Discrete(3),)), MultiDiscrete([3])),
    "box": (Box(-1, 1, (2, 3)), Box(-1, 1, (2, 3))),
    "box-int": (Box(-4, 4, (2,), np.int16), Box(-4, 4, (2,), np.int16)),
    "box-scalar": (Box(-1, 1, ()), Box(-1, 1, ())),
    "box-tree": (
        Tuple((Box(-1, 1, (1, 2)), Box(0, np.inf, ()))),
        Box(np.array([-1, -1, 0], np.float32), np.array([1, 1, np.inf], np.float32)),
    ),
    "mixed": (
        Dict(aim=Box(-1, 1, (2,)), fire=Discrete(3, start=-1), keys=MultiBinary(2)),
        Box(np.array([-1, -1, -1, 0, 0], np.float32), np.array([1, 1, 1, 1, 1], np.float32)),
    ),
    "mixed-float64": (
        Dict(aim=Box(-1, 1, (1,), np.float64), fire=Discrete(3)),
        Box(np.array([-1.0, 0.0]), np.array([1.0, 2.0]), dtype=np.float64),
    ),
    "mixed-large": (
        Tuple((Box(-1, 1, (1,)), Discrete(2**24 + 2))),
        Box(np.array([-1.0, 0.0]), np.array([1.0, 2**24 + 1]), dtype=np.float64),
    ),
    "mixed-boxes": (
        Tuple((Box(-1, 1, (1,), np.float16), Box(0, 9, (1,), np.uint8), Box(0, 1, (1,), np.bool_))),
        Box(np.array([-1, 0, 0], np.float32), np.array([1, 9, 1], np.float32)),
    ),
}


@pytest.fixture(params=ACTIONS, scope="module")
def action_case(request):
    return ACTIONS[request.param]


def test_flat_action_space(action_case):
    space, flat = action_case
    assert ActionLayout(space).flat_space == flat
    assert ActionLayout(space).flat_space.dtype == flat.dtype


def test_action_round_trip(action_case):
    space, flat = action_case
    layout = ActionLayout(space)
    for action in samples(space, 20):
        row = layout.flatten(action)
        assert row in flat
        assert same(layout.value(row), action)
    twin = pickle.loads(pickle.dumps(layout))
    assert twin == layout
    assert hash(twin) == hash(layout)
    assert same(twin.value(row), action)


def test_every_flat_action_decodes_into_the_space(action_case):
    space, flat = action_case
    layout = ActionLayout(space)
    whole = np.concatenate([np.full(leaf.shape, leaf.dtype.kind != "f").ravel() for leaf in layout.leaves])
    for row in samples(flat, 50):
        if isinstance(flat, Box):
            row = np.where(whole.reshape(flat.shape), np.round(row), row).astype(flat.dtype)
        assert layout.value(row) in space
        if flat.shape:
            assert layout.value(row.tolist()) in space
    for bound in ("low", "high"):
        if isinstance(flat, Box):
            assert layout.value(getattr(flat, bound)) in space


def test_action_leaves():
    leaves = ActionLayout(ACTIONS["mixed"][0]).leaves
    assert [(leaf.path, leaf.dtype, leaf.shape, leaf.offset) for leaf in leaves] == [
        ("aim", np.float32, (2,), 0),
        ("fire", np.int64, (), 8),
        ("keys", np.int8, (2,), 12),
    ]


def test_discrete_actions_are_numpy_integers():
    layout = ActionLayout(Discrete(4, start=2))
    for row in (3, np.int64(3), np.int32(3), np.float32(3), np.array(3), np.array([3])[0]):
        assert type(layout.value(row)) is np.int64
        assert layout.value(row) == 3
    assert type(layout.flatten(3)) is np.int64


def test_decoded_actions_do_not_share_the_row():
    layout = ActionLayout(Box(-1, 1, (2,)))
    row = np.zeros(2, np.float32)
    action = layout.value(row)
    row[:] = 1
    assert not action.any()


@pytest.mark.parametrize(
    ("space", "row", "message"),
    [
        (Discrete(4), 4, r"action: expected an integer from 0 to 3, got 4"),
        (Discrete(4, start=2), 0, r"action: expected an integer from 2 to 5, got 0"),
        (Discrete(4), 1.5, r"action: expected int64 .* got 1\.5"),
        (Discrete(4), np.nan, r"action: expected int64 .* got nan"),
        (Discrete(4), np.array([1]), r"action: expected shape \(\), got shape \(1,\)"),
        (Discrete(4), None, r"action: expected int64 .* got None"),
        (
            Dict(a=Discrete(2), b=MultiDiscrete([3, 3])),
            [0, 1, 3],
            r"b: expected an integer from 0 to 2, got 3 at \(1,\)",
        ),
        (Dict(a=Discrete(2), b=MultiDiscrete([3, 3])), [0, 1], r"action: expected shape \(3,\), got shape \(2,\)"),
        (Dict(a=Discrete(2), b=Box(-1, 1, (1,))), [0.5, 0], r"a: expected an integer from 0 to 1, got 0\.5"),
        (Dict(a=Discrete(2), b=Box(-1, 1, (1,))), [np.nan, 0], r"a: expected an integer from 0 to 1, got nan"),
        (Dict(a=Discrete(2), b=Box(-1, 1, (1,))), [2, 0], r"a: expected an integer from 0 to 1, got 2\.0"),
        (Dict(a=Discrete(2), b=Box(-1, 1, (1,))), [0, 1e300], r"b: expected float32 .* got 1e\+300 at \(0,\)"),
        (Box(-1, 1, (2,)), [1, 2, 3], r"action: expected shape \(2,\), got shape \(3,\)"),
        (Box(-1, 1, (2,)), 0.5, r"action: expected shape \(2,\), got shape \(\)"),
        (Box(-4, 4, (2,), np.int8), [0, 300], r"action: expected int8 .* got .*300.* at \(1,\)"),
    ],
)
def test_rows_that_are_no_actions(space, row, message):
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
        ActionLayout(Dict(a=Discrete(2), b=Box(-1, 1, (1,)))).flatten(action)


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
def test_action_refusals(space, error, message):
    with pytest.raises(error, match=message):
        ActionLayout(space)
