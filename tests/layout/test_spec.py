"""What the copies of a batch have in common."""

import pickle

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from puffer.layout.mixed import MixedBox
from puffer.layout.spec import CopySpec
from puffer.rendering import Rendering
from puffer.spaces import ActionLayout, Layout

SPEC = CopySpec(Layout(Box(-1, 1, (4,))), ActionLayout(Discrete(3)), 2, None, None, Rendering((), None, 30))


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ({"layout": Layout(Box(-1, 1, (3,)))}, r"copy 3 has layout Layout\(Box\(-1.* and copy 5 has Layout\(Box\(-1"),
        ({"layout": Layout(Box(-1, 1, (4,), np.float64))}, r"copy 3 has layout .*float32.* and copy 5 has .*float64"),
        ({"action_layout": ActionLayout(Discrete(4))}, r"copy 3 has action_layout .*Discrete\(3\).*Discrete\(4\)"),
        ({"agents_per_env": 1}, "all copies must be alike, but copy 3 has agents 2 and copy 5 has 1"),
        ({"copy_action_space": MultiDiscrete([3, 2])}, r"has copy_action_space None and copy 5 has MultiDiscrete"),
    ],
)
def test_copies_that_cannot_share_arrays_are_refused(difference, message):
    with pytest.raises(ValueError, match=message):
        SPEC.spanning(SPEC._replace(**difference), copy=5, first_copy=3)


def test_the_spaces_of_a_batch_span_those_of_its_copies():
    wide = SPEC._replace(layout=Layout(Box(np.array([-9, 0, 0, 0], np.float32), 3, (4,))))
    spans = SPEC.spanning(wide, copy=1, first_copy=0)
    assert spans.layout.flat_space == Box(np.array([-9, -1, -1, -1], np.float32), 3, (4,))
    assert spans.action_layout == SPEC.action_layout
    inner = SPEC._replace(layout=Layout(Box(0, 0.5, (4,))))
    assert SPEC.spanning(inner, copy=1, first_copy=0) == SPEC


def test_the_bounds_of_agents_span_those_of_every_copy():
    narrow, wide = (SPEC._replace(copy_action_space=Box(0, high, (2, 3))) for high in (1, 4))
    assert narrow.spanning(wide, copy=1, first_copy=0).copy_action_space == Box(0, 4, (2, 3))
    whole = np.array([[True, False], [True, False]])
    low, high = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    rows = SPEC._replace(copy_action_space=MixedBox(low, high, whole))
    wide = SPEC._replace(copy_action_space=MixedBox(low, np.float32([[1, 5], [1, 9]]), whole))
    spans = rows.spanning(wide, copy=1, first_copy=0).copy_action_space
    assert (spans, spans.whole.tolist()) == (wide.copy_action_space, whole.tolist())
    # An integer that the one copy takes, and the other does not.
    other = SPEC._replace(copy_action_space=MixedBox(low, np.float32([[2, 1], [1, 1]]), whole))
    with pytest.raises(ValueError, match="all copies must be alike, but copy 0 has copy_action_space"):
        rows.spanning(other, copy=1, first_copy=0)


def test_time_limits_and_rendering_may_differ():
    SPEC.spanning(SPEC._replace(max_steps=5, rendering=Rendering(("ansi",), "ansi", 4)), copy=1, first_copy=0)


def test_a_spec_survives_pickling():
    ranges = SPEC._replace(copy_action_space=MultiDiscrete(np.array([3, 2])))
    ranges.spanning(pickle.loads(pickle.dumps(ranges)), copy=1, first_copy=0)
