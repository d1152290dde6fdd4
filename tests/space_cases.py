"""Spaces of every kind for the tests of layouts: random ones, and some whose details have been got wrong before."""

import inspect
import re
from collections import OrderedDict

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, OneOf, Sequence, Space, Text, Tuple
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

# The longest Sequence and Graph. Their samples are rarely longer.
LONGEST = 16

# Whether a Discrete can have a dtype of its own, and a Graph nodes of any space, as from Gymnasium 1.3 on.
IS_NEW = "dtype" in inspect.signature(Discrete).parameters


def discrete(n, start=0, dtype=np.int8):
    """A Discrete of that dtype, as far as Gymnasium can."""
    return Discrete(n, start=start, **({"dtype": dtype} if IS_NEW else {}))


GRAPH = Graph(Box(0, 1, (3,)), Discrete(4))
NESTED = Dict(
    a=Tuple((Discrete(3), Dict(c=MultiBinary(3), d=Tuple(())))),
    b=Dict(e=Box(-1, 1, (2, 2)), f=Box(0, 9, (), np.int16)),
)
STACKED = Sequence(Dict(a=Discrete(3), b=Tuple((Box(0, 1, (1,)), MultiDiscrete([2, 3])))), stack=True)
ARRAYS = [
    Box(0, 1, (3,), np.bool_),
    Dict(a=Box(0, 1, (0, 2)), b=Box(0, 1, (1,))),
    discrete(3, start=4),
    MultiDiscrete([[2, 3], [4, 5]], dtype=np.int32, start=[[1, -1], [0, 9]]),
    MultiBinary([3, 2]),
    Dict(OrderedDict(z=Discrete(2), a=Box(0, 1, (3,), np.float64))),
    Dict({"": Discrete(2), "a/b": Discrete(2), "a~b": Discrete(2), "ä.b": Discrete(2)}),
    Dict({0: Discrete(2), 1: Box(0, 1, (2,))}),
    NESTED,
]
VARYING = [
    Text(6, min_length=0, charset="aß漢😀\ufeff\x00"),
    Tuple((Text(0, min_length=0, charset="a"), Discrete(2))),
    OneOf((Discrete(3, start=5), Box(1, 2, (2,)), Dict(a=MultiBinary(2), t=Text(3)))),
    STACKED,
    Sequence(Dict(a=Text(4), b=OneOf((Discrete(2), Box(0, 1, (2,)))))),
    GRAPH,
    Graph(Discrete(5), None),
    Dict(
        g=Graph(Dict(a=Box(0, 1, (2,)), b=Discrete(3)) if IS_NEW else Discrete(6), Box(0, 1, (2,), np.float64)),
        h=Discrete(2),
    ),
]


class Custom(Space):
    """A space of a kind that nobody knows."""

    def __repr__(self):
        return "Custom()"


_SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
_NUMBERS = st.sampled_from(
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float16", "float32", "float64"]
)
_DISCRETE = st.one_of(
    st.builds(Discrete, st.integers(1, 20), start=st.integers(-5, 5)),
    st.builds(discrete, st.integers(1, 20), start=st.integers(-5, 5)),
    st.builds(MultiBinary, st.integers(1, 3) | st.lists(st.integers(1, 3), min_size=2, max_size=3)),
    _SHAPES.map(lambda shape: MultiDiscrete(np.full(shape or (1,), 4), start=np.full(shape or (1,), -1))),
)
_BOXES = st.builds(Box, st.integers(0, 5), st.integers(6, 9), _SHAPES, _NUMBERS)
# Of every dtype that rows have, with wide bounds and with none.
_WIDE_BOXES = st.sampled_from(
    [
        *(Box(-np.inf, np.inf, (2,), dtype) for dtype in (np.float16, np.float32, np.float64)),
        Box(np.float32([-1, -np.inf]), np.float32([np.inf, 1])),
        Box(0, 1, (2,), np.bool_),
        *(
            Box(np.iinfo(dtype).min, np.iinfo(dtype).max, (2,), dtype)
            for dtype in (np.int8, np.uint8, np.int32, np.uint32)
        ),
        Box(-(2**40), 2**40, (1, 2), np.int64),
        Box(0, 2**40, (), np.uint64),
    ]
)
_CHARSETS = st.text(min_size=1, max_size=5)
if not IS_NEW:
    # It cannot sample where a character is there twice.
    _CHARSETS = _CHARSETS.map(lambda text: "".join(dict.fromkeys(text)))
_TEXTS = st.builds(Text, st.integers(1, 5), min_length=st.integers(0, 1), charset=_CHARSETS)
_KEYS = st.one_of(st.text(max_size=3), st.sampled_from(["length", "items", "a/b", "~"]))


def _trees(leaves, *more):
    def extend(inner):
        nodes = [st.lists(inner, max_size=3).map(Tuple), st.dictionaries(_KEYS, inner, max_size=3).map(Dict)]
        return st.one_of(nodes + [make(inner) for make in more])

    return st.recursive(leaves, extend, max_leaves=6)


ARRAY_TREES = _trees(st.one_of(_DISCRETE, _BOXES))
WIDE_TREES = _trees(st.one_of(_DISCRETE, _BOXES, _WIDE_BOXES))
ANY_SPACE = _trees(
    st.one_of(_DISCRETE, _BOXES, _TEXTS),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(OneOf),
    lambda inner: inner.map(Sequence),
    lambda inner: st.builds(Sequence, ARRAY_TREES, stack=st.just(True)),
)


def for_spaces(strategy, examples, max_examples=40):
    """Run a test for the `examples` and for random spaces: test(space, seed)."""

    def decorate(test):
        test = given(strategy, st.integers(0, 2**31))(test)
        for space in examples:
            test = example(space, 7)(test)
        return settings(max_examples=max_examples, deadline=None)(test)

    return decorate


def built(kind, space, **arguments):
    """The layout of a random space, unless it is one of those that are refused."""
    try:
        return kind(space, **arguments)
    except ValueError as error:
        if not re.search("no elements|stacks an empty Dict or Tuple|leaves have the path", str(error)):
            raise
        reject()


def samples(space, n=5, seed=7):
    space.seed(seed)
    return [space.sample() for _ in range(n)]


def same(value, sample):
    """Whether both are equal in value, type, dtype and shape."""
    if isinstance(value, np.ndarray) and isinstance(sample, np.integer):
        sample = np.array(sample)  # so Gymnasium samples a Box of integers without dimensions; it contains arrays
    if isinstance(value, np.ndarray) or isinstance(sample, np.ndarray):
        is_same = type(value) is type(sample) and value.dtype == sample.dtype and value.shape == sample.shape
        return is_same and np.array_equal(value, sample)
    if isinstance(value, dict):
        return (
            isinstance(sample, dict) and list(value) == list(sample) and all(same(value[k], sample[k]) for k in value)
        )
    if isinstance(value, tuple):
        return type(value) is type(sample) and len(value) == len(sample) and all(map(same, value, sample))
    return type(value) is type(sample) and value == sample


def leaves_of(tree):
    """The arrays of a tree of dicts and tuples, in order."""
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in leaves_of(child)]
    return [leaf for child in tree for leaf in leaves_of(child)] if isinstance(tree, tuple) else [tree]


class GuardedRow:
    """A row in the middle of memory that no call may touch."""

    def __init__(self, layout, fill=0xAB):
        self._memory = np.full(layout.row_size + 128, fill, np.uint8)
        self._before = self._memory.copy()
        self.row = self._memory[64:-64]

    def check(self):
        assert (self._memory[:64] == self._before[:64]).all()
        assert (self._memory[-64:] == self._before[-64:]).all()
