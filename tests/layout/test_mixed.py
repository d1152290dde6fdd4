"""Rows of floats with whole numbers in them: what their space samples and contains."""

import copy
import pickle

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Tuple
from gymnasium.vector.utils import batch_space

from puffer.spaces import ActionLayout

SPACE = Dict(aim=Box(-1, 1, (2,)), keys=MultiBinary(2), move=Discrete(3, start=-1))


def test_a_sample_is_whole_where_the_space_has_integers():
    flat = ActionLayout(SPACE).flat_space
    flat.seed(3)
    rows = np.stack([flat.sample() for _ in range(200)])
    assert rows.dtype == np.float32
    assert np.array_equal(rows[:, 2:], np.floor(rows[:, 2:]))
    assert set(rows[:, 4]) == {-1, 0, 1}
    assert set(rows[:, 2]) == {0, 1}
    assert not np.array_equal(rows[:, :2], np.floor(rows[:, :2]))


def test_a_batch_of_it_samples_the_same_way_and_goes_on_from_its_seed():
    flat = ActionLayout(SPACE).flat_space
    flat.seed(5)
    batch, again = batch_space(flat, 4), batch_space(flat, 4)
    rows = batch.sample()
    assert rows.shape == (4, 5)
    assert all(flat.contains(row) for row in rows)
    assert np.array_equal(rows, again.sample())


def test_it_contains_no_fractions_there():
    flat = ActionLayout(SPACE).flat_space
    assert flat.contains(np.float32([0.5, 0.5, 1, 0, -1]))
    assert not flat.contains(np.float32([0.5, 0.5, 0.5, 0, -1]))
    assert not flat.contains(np.float32([0.5, 0.5, 1, 0, -2]))


def test_integers_beyond_24_bits_are_sampled_whole():
    flat = ActionLayout(Tuple((Box(0, 1, (1,)), Discrete(2**53, start=0)))).flat_space
    assert flat.dtype == np.float64
    assert flat.contains(flat.sample())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda space: pickle.loads(pickle.dumps(space))])
def test_it_travels(copied):
    flat = ActionLayout(SPACE).flat_space
    flat.seed(1)
    other = copied(flat)
    assert other == flat
    assert np.array_equal(other.sample(), flat.sample())
