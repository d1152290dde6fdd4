"""Levels of Minigrid are as likely as those of the package, counted over many of both, and can be solved.

pytest tests/ocean/test_minigrid_levels.py --package-steps=20000    # 2,000 levels of the package for each id
"""

from collections import Counter, defaultdict
from contextlib import closing

import numpy as np
from minigrid_package import IDS, SETTINGS, level_of, make_ours, make_package, setting_name

from puffer.ocean.minigrid._names import LEVELS

WALL, DOOR, KEY, BALL, BOX, GOAL, LAVA = 2, 4, 5, 6, 7, 8, 9
KINDS = 10
AROUND = ((1, 0), (0, 1), (-1, 0), (0, -1))
# Of the package's ids those of levels that have no other settings, and mazes with what only they have.
_MORE = ["BlockedUnlockPickup", "LockedRoom", "ObstructedMaze-1Dlhb", "ObstructedMaze-2Dlhb", "Playground"]
MORE = [(id, {}) for id in IDS if id.removeprefix("MiniGrid-").rpartition("-v")[0] in _MORE]
# Larger ones of the same kinds take long in the package.
SHORT = [*(one for one in SETTINGS if one[1].get("size", 8) < 16), *MORE]
LONG = [*((id, {}) for id in IDS), *(one for one in SETTINGS if one not in LEVELS.values())]


def statistics(level):
    """What is counted of a level beside its cells, by name."""
    grid, (x, y), direction = level["grid"], level["position"], level["direction"]
    kinds, (dx, dy) = grid[..., 0], AROUND[direction]
    things = np.argwhere(kinds >= DOOR).tolist()
    sorts = [tuple(grid[tuple(place)].tolist()) for place in things]
    mission = level["mission_kind"], level["mission_colour"]
    away = {
        f"distance of kind {kind}": min(
            (abs(a - x) + abs(b - y) for (a, b), sort in zip(things, sorts, strict=True) if sort[0] == kind),
            default=None,
        )
        for kind in (DOOR, KEY, BALL, BOX, GOAL)
    }
    return {
        "agent": (x, y),
        "direction": direction,
        "in front": tuple(grid[x + dx, y + dy].tolist()),
        "kinds": tuple(np.bincount(kinds.ravel(), minlength=KINDS).tolist()),
        "first thing": sorts[0] if sorts else None,
        "last thing": sorts[-1] if sorts else None,
        "sorts": len(set(sorts)),
        "mission": mission,
        "second": level["second"],
        "phrase": level["phrase"],
        "target": level["target"],
        "other": level["other"],
        "things of the mission": sum(sort[:2] == mission for sort in sorts),
        "keys in boxes": tuple(sorted(Counter(colour for *_, colour in level["boxes"]).values())),
        "first box": level["boxes"][0] if level["boxes"] else None,
        "doors of the colour of a key": sum((DOOR, colour, 2) in sorts for kind, colour, _ in sorts if kind == KEY),
        **away,
    }


def count(levels):
    """How often each statistic had each value, and how often each cell each kind."""
    seen, cells, number = defaultdict(Counter), 0, 0
    for level in levels:
        for name, value in statistics(level).items():
            seen[name][value] += 1
        cells = cells + np.eye(KINDS, dtype=np.int32)[level["grid"][..., 0]]
        number += 1
    return seen, cells, number


def our_levels(level, parameters, count):
    with closing(make_ours(level, count, **parameters)) as env:
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


def score(ours, theirs):
    """Of two tables of counts, how many standard deviations their chi-square is above its mean (Wilson, Hilferty)."""
    values = list(ours | theirs)
    table = np.array([[one[value] for value in values] for one in (ours, theirs)], float)
    shares = table.sum(axis=1, keepdims=True) / table.sum()
    # What is rare counts together.
    rare = (shares * table.sum(axis=0) < 5).any(axis=0)
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    expected = shares * table.sum(axis=0)
    freedom = table.shape[1] - 1
    if freedom == 0:
        return 0
    ratio = ((table - expected) ** 2 / expected).sum() / freedom
    return (np.cbrt(ratio) - 1 + 2 / (9 * freedom)) / np.sqrt(2 / (9 * freedom))


def test_levels_are_as_likely_as_those_of_the_package(subtests, request):
    steps = request.config.getoption("--package-steps")
    for level, parameters in SHORT if steps <= 1000 else LONG:
        with subtests.test(setting_name((level, parameters))):
            ours, our_cells, our_number = count(our_levels(level, parameters, steps // 4))
            theirs, their_cells, their_number = count(their_levels(level, parameters, steps // 10))
            for name in ours:
                assert score(ours[name], theirs[name]) < 4.5, (name, ours[name], theirs[name])
            share = (our_cells + their_cells) / (our_number + their_number)
            difference = np.abs(our_cells / our_number - their_cells / their_number)
            # Of some thousand normal scores none comes near five; of what is rare, the scores are not normal.
            rare = np.maximum(share * (1 - share), 8 / their_number)
            assert (difference <= 5 * np.sqrt(rare * (1 / our_number + 1 / their_number))).all()


def reachable(level, held):
    """The places that can be reached, or reached over to, with the keys of these colours, which are taken."""
    grid = level["grid"]
    found, ahead = set(), [level["position"]]
    while ahead:
        x, y = ahead.pop()
        # In GoToDoor there is nothing behind the doors.
        if (x, y) in found or min(x, y) < 0 or x >= grid.shape[0] or y >= grid.shape[1]:
            continue
        found.add((x, y))
        kind, colour, state = grid[x, y]
        is_shut = (kind == DOOR and state == 2) or kind == KEY
        if kind in (WALL, BALL, BOX, LAVA) or (is_shut and colour not in held):
            continue
        ahead += [(x + dx, y + dy) for dx, dy in AROUND]
    return found


def without_what_can_be_moved(level):
    """The level with boxes opened, and balls put away but that of the mission."""
    grid = level["grid"]
    for x, y, colour in level["boxes"]:
        grid[x, y] = KEY, colour, 0
    for place in map(tuple, np.argwhere(grid[..., 0] == BALL).tolist()):
        if place != level["target"]:
            grid[place] = 1, 0, 0


# Of the mazes the first version of the larger ones may have a ball in the place of a key, as in the package.
UNSOLVED = ("ObstructedMaze_Full", "Fetch", "PutNear")
BLOCKED = [(id, {}) for id in IDS if "Blocked" in id or "Maze-1D" in id or ("Maze" in id and id.endswith("v1"))]


def test_levels_can_be_solved(subtests):
    for level, parameters in [*(one for one in SETTINGS if one[0] not in UNSOLVED), *BLOCKED]:
        with subtests.test(setting_name((level, parameters))):
            for one in our_levels(level, parameters, 15):
                if (level, parameters) in BLOCKED or level in ("Dynamic-Obstacles", "ObstructedMaze_Full_V1"):
                    # Among moving obstacles, the way is free sooner or later.
                    without_what_can_be_moved(one)
                keys = set()
                for _ in range(4):
                    found = reachable(one, keys)
                    keys |= {int(one["grid"][place][1]) for place in found if one["grid"][place][0] == KEY}
                found = reachable(one, keys)
                goals = [tuple(place) for place in np.argwhere(one["grid"][..., 0] == GOAL).tolist()]
                assert set(goals or [one["target"]]) <= found


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
