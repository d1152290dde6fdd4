"""Levels of Minigrid are as likely as those of the package, counted over thousands of both, and can be solved."""

from collections import Counter

import numpy as np
import pytest
from minigrid_package import SETTINGS, level_of, make_ours, make_package, setting_name

OURS, THEIRS = 3000, 800
WALL, DOOR, KEY, BALL, BOX, GOAL, LAVA = 2, 4, 5, 6, 7, 8, 9
KINDS = 10
AROUND = ((1, 0), (0, 1), (-1, 0), (0, -1))
# Larger ones of the same kinds take long in the package, and in some nothing is random.
RANDOM = [one for one in SETTINGS if one[1].get("size", 8) < 16 and (one[0] != "Empty" or "random_start" in one[1])]


def features(level):
    """What is counted of a level beside its cells: things that are true of it, as hashable names."""
    grid, (x, y), direction = level["grid"], level["position"], level["direction"]
    kinds, (dx, dy) = grid[..., 0], AROUND[direction]
    counts = np.bincount(kinds.ravel(), minlength=KINDS).tolist()
    things = np.argwhere(kinds >= DOOR).tolist()
    sorts = [tuple(grid[tuple(place)].tolist()) for place in things]
    yield "agent", x, y
    yield "direction", direction
    yield "in front", *grid[x + dx, y + dy].tolist()
    yield "counts", *counts
    for sort in set(sorts):
        yield "has", sort
    for kind in (DOOR, KEY, BALL, BOX, GOAL):
        away = [abs(a - x) + abs(b - y) for (a, b), sort in zip(things, sorts, strict=True) if sort[0] == kind]
        yield "distance", kind, min(away, default=None)
    yield "doors of the colour of the key", sum((DOOR, colour, 2) in sorts for kind, colour, _ in sorts if kind == KEY)


def count(levels):
    """How often each feature was seen, and each kind in each cell."""
    features_seen, cells, number = Counter(), 0, 0
    for level in levels:
        features_seen.update(features(level))
        cells = cells + np.eye(KINDS, dtype=np.int32)[level["grid"][..., 0]]
        number += 1
    places = {("cell", *map(int, place)): int(cells[tuple(place)]) for place in np.argwhere(cells)}
    return Counter(places | features_seen), number


def our_levels(level, parameters, count):
    env = make_ours(level, count, **parameters)
    env.reset(seed=1)
    yield from (env.unwrapped.native_env.state(copy) for copy in range(count))


def their_levels(level, parameters, count):
    package = make_package(level, **parameters)
    package.reset(seed=1)
    for _ in range(count):
        # A reset without drawing what the agent sees.
        package.agent_pos, package.agent_dir = (-1, -1), -1
        package._gen_grid(package.width, package.height)
        yield level_of(package)


@pytest.mark.parametrize(("level", "parameters"), RANDOM, ids=[setting_name(one) for one in RANDOM])
def test_levels_are_as_likely_as_those_of_the_package(level, parameters):
    ours, our_number = count(our_levels(level, parameters, OURS))
    theirs, their_number = count(their_levels(level, parameters, THEIRS))
    for feature in ours | theirs:
        share = (ours[feature] + theirs[feature]) / (our_number + their_number)
        difference = abs(ours[feature] / our_number - theirs[feature] / their_number)
        # Of some thousand normal scores none comes near five; of what is rare, the scores are not normal.
        rare = max(share * (1 - share), 8 / their_number)
        assert difference <= 5 * np.sqrt(rare * (1 / our_number + 1 / their_number)), feature


def reachable(level, held):
    """The places that can be reached, or reached over to, with the keys of these colours, which are taken."""
    grid = level["grid"]
    found, ahead = set(), [level["position"]]
    while ahead:
        x, y = ahead.pop()
        if (x, y) in found:
            continue
        found.add((x, y))
        kind, colour, state = grid[x, y]
        is_shut = (kind == DOOR and state == 2) or kind == KEY
        if kind in (WALL, BALL, BOX, LAVA) or (is_shut and colour not in held):
            continue
        ahead += [(x + dx, y + dy) for dx, dy in AROUND]
    return found


@pytest.mark.parametrize(("level", "parameters"), SETTINGS, ids=[setting_name(one) for one in SETTINGS])
def test_levels_can_be_solved(level, parameters):
    for one in our_levels(level, parameters, 100):
        keys = set()
        for _ in range(3):
            found = reachable(one, keys)
            keys |= {int(one["grid"][place][1]) for place in found if one["grid"][place][0] == KEY}
        # Among moving obstacles, the way is free sooner or later.
        one["grid"][one["grid"][..., 0] == (BALL if level == "Dynamic-Obstacles" else 0)] = 1, 0, 0
        found = reachable(one, keys)
        goals = [tuple(place) for place in np.argwhere(one["grid"][..., 0] == GOAL).tolist()] or [one["target"]]
        assert set(goals) <= found


def test_the_chain_of_rooms_has_as_many_as_wanted():
    """A door less than rooms, none with the colour of the one before."""
    counts = Counter()
    for one in our_levels("MultiRoom", {"min_rooms": 2, "max_rooms": 5, "max_room_size": 6}, 1000):
        counts[int((one["grid"][..., 0] == DOOR).sum()) + 1] += 1
    assert sorted(counts) == [2, 3, 4, 5]
    assert min(counts.values()) > 200


def test_obstacles_move_as_often_each_way_as_in_the_package():
    """Their moves are random, so what is compared from one level is how often they go where."""
    package = make_package("Dynamic-Obstacles", size=6, n_obstacles=3)
    package.reset(seed=8)
    start = level_of(package)
    balls = list(package.obstacles)
    counts = {"ours": Counter(), "theirs": Counter()}
    rounds = 800
    env = make_ours("Dynamic-Obstacles", size=6, n_obstacles=3, max_steps=rounds + 1)
    env.reset(seed=0)
    for _ in range(rounds):
        env.unwrapped.native_env.set_level(0, **start)
        env.step(np.zeros(1, np.int32))
        counts["ours"].update(enumerate(env.unwrapped.native_env.state(0)["obstacles"]))
        for ball, place in zip(balls, start["obstacles"], strict=True):
            package.grid.set(*ball.cur_pos, None)
            package.put_obj(ball, *place)
        for ball, place in zip(balls, start["obstacles"], strict=True):
            package.put_obj(ball, *place)
        package.agent_pos, package.agent_dir = start["position"], start["direction"]
        package.step(0)
        counts["theirs"].update((k, tuple(map(int, ball.cur_pos))) for k, ball in enumerate(balls))
    for place in counts["ours"] | counts["theirs"]:
        ours, theirs = counts["ours"][place] / rounds, counts["theirs"][place] / rounds
        assert abs(ours - theirs) < 5 * np.sqrt(max(ours, theirs) * 2 / rounds), place
