"""The walk over a space, and spaces from their descriptions."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Sequence, Text, Tuple
from space_cases import ANY_SPACE, ARRAY_TREES, ARRAYS, NESTED, VARYING, Custom, for_spaces, same, samples

from puffer.layout import walk
from puffer.layout.description import described_space
from puffer.layout.walk import NestingError, Path, along, array_space, bounds, build, leaves


@for_spaces(ANY_SPACE, [*ARRAYS, *VARYING])
def test_a_walk_goes_along_a_space_and_a_value_together(space, seed):
    sample = samples(space, 1, seed)[0]
    walked = list(along(space, sample))
    assert [(path, leaf) for path, leaf, _ in walked] == list(leaves(space))
    parts = iter([part for _, _, part in walked])
    assert same(build(space, lambda path, leaf: next(parts)), sample)
    # A path leads to its leaf.
    for path, leaf in leaves(space):
        found = space
        for key in path:
            found = found[key]
        assert found is leaf


def test_leaves_come_in_order_with_their_paths():
    space = Dict({"a/b": Tuple((Discrete(2), Text(1))), "": Discrete(3), "~": Sequence(Discrete(2)), 5: Custom()})
    assert sorted(str(path) for path, _ in leaves(space)) == sorted(["a~1b/0", "a~1b/1", "~", "~0", "5"])
    assert [path.subscript for path, _ in leaves(NESTED)] == ["['a'][0]", "['a'][1]['c']", "['b']['e']", "['b']['f']"]
    assert list(leaves(Discrete(2))) == [(Path(), Discrete(2))]
    assert (str(Path()), Path().subscript) == ("", "")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, r"^value is of type int, and the space is a Dict$"),
        ({"a": 3}, r"^value has the keys \['a'\], and the space \['a', 'b'\]$"),
        ({"a": 3, "b": 3}, r"^value\['a'\] is 3, and the space a Tuple of 2$"),
        ({"a": (1, {"c": 1, "d": (2,)}), "b": 3}, r"^value\['a'\]\[1\]\['d'\] is \(2,\), and the space a Tuple of 0$"),
    ],
)
def test_values_that_nest_otherwise_are_named(value, message):
    with pytest.raises(NestingError, match=message):
        list(along(NESTED, value))


def test_tuples_may_be_given_as_lists_and_arrays():
    space = Tuple((Discrete(3), Discrete(4)))
    for value in ((1, 2), [1, 2], np.array([1, 2])):
        assert [part for _, _, part in along(space, value)] == [1, 2]


@for_spaces(ARRAY_TREES, ARRAYS)
def test_bounds_make_the_space_again(space, seed):
    for path, leaf in leaves(space):
        low, high = bounds(leaf, str(path))
        assert array_space(type(leaf), low, high) == leaf
        assert low.dtype == high.dtype == leaf.dtype
        assert low.shape == high.shape == leaf.shape


def describe(path, space):
    if isinstance(space, Text):
        return "Text", space.min_length, space.max_length, "".join(sorted(space.character_set))
    kind = next(kind.__name__ for kind in walk.ARRAYS if isinstance(space, kind))
    return (kind, *bounds(space, kind))


def describe_branch(path, space, parts):
    if isinstance(space, Dict):
        return "Dict", list(zip(space, parts, strict=True))
    return "Tuple", parts


@for_spaces(ARRAY_TREES, [*ARRAYS, *VARYING[:2]])
def test_a_described_space_is_the_space(space, seed):
    again = described_space(build(space, describe, describe_branch))
    assert again == space
    assert list(leaves(again)) == list(leaves(space))


def test_descriptions_of_one_space_each():
    number, pair = np.array(3), np.array([1, 2])
    assert described_space(("Discrete", number, number + 4)) == Discrete(5, start=3)
    assert described_space(("MultiDiscrete", pair, pair + 1)) == MultiDiscrete([2, 2], start=[1, 2])
    assert described_space(("MultiBinary", pair, pair)) == MultiBinary(2)
    assert described_space(("Box", pair, pair + 1)) == Box(pair, pair + 1, dtype=np.int64)
    assert described_space(("Text", 1, 3, "ab")) == Text(3, min_length=1, charset="ab")
    with pytest.raises(ValueError, match="no space is described as 'Graph'; use Dict, Tuple, Text, Box"):
        described_space(("Graph", 1))
