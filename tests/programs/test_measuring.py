"""The stop-watch, which needs no clock here, the contenders of the bench, and the numbers in tables."""

import pytest
from gymnasium import spaces

from puffer.bench import contenders
from puffer.measuring.stopwatch import Spread, interleave
from puffer.measuring.tables import digits, rate


class Clockwork:
    """A contender whose steps take `seconds` each, and which records its turns."""

    def __init__(self, name, seconds, rows, turns):
        self.name, self.seconds, self.rows, self.turns = name, seconds, rows, turns

    def run(self, steps):
        self.turns.append(self.name)
        return steps * self.seconds


def test_interleave():
    turns, rounds = [], []
    fast, slow = Clockwork("fast", 1e-4, 10, turns), Clockwork("slow", 5e-4, 10, turns)
    ours, theirs = interleave([fast, slow], 0.12, 3, rounds.append)
    # 120 ms for two contenders and three turns are slices of 20 ms.
    assert (ours.steps, theirs.steps) == (200, 40)
    assert turns[-6:] == ["fast", "slow"] * 3
    assert rounds == [0, 1, 2]
    assert ours.rate == Spread(*[pytest.approx(1e5)] * 3)
    assert ours.call_seconds.median == pytest.approx(1e-4)
    assert ours.ratio(theirs).median == pytest.approx(5)


def test_slices_are_never_shorter_than_ten_milliseconds_nor_than_a_step():
    short, long = interleave([Clockwork("", 1e-3, 1, []), Clockwork("", 1.0, 1, [])], 1e-6, 2)
    assert (short.steps, long.steps) == (10, 1)


def test_contender_counts_its_steps():
    seen = []
    contender = contenders.Contender(seen.append, ["left", "right"], rows=1)
    assert contender.run(3) >= 0
    contender.run(1)
    assert seen == ["left", "right", "left", "right"]


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(3, start=2),
        spaces.MultiDiscrete([2, 5]),
        spaces.Box(-1, 3, (2,)),
        spaces.Box(-float("inf"), float("inf"), (1,)),
        spaces.MultiBinary(3),
    ],
    ids=lambda space: type(space).__name__,
)
def test_action_batches_are_valid_and_differ(space):
    batches = contenders.action_batches(space, 3)
    assert all(batch.dtype == space.dtype and batch.shape == (3, *space.shape) for batch in batches)
    assert all(space.contains(action) for batch in batches for action in batch)
    assert len({batch.tobytes() for batch in batches}) > 10


@pytest.mark.parametrize(("value", "text"), [(999.6, "1,000"), (12.34, "12.3"), (9.996, "10.0"), (1.234, "1.23")])
def test_digits(value, text):
    assert digits(value) == text


@pytest.mark.parametrize(("value", "text"), [(3.08e8, "308 M"), (1.56e6, "1.56 M"), (29400, "29.4 k"), (12, "12.0")])
def test_rate(value, text):
    assert rate(value) == text
