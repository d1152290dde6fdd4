"""Minigrid plays as the package minigrid does, from the same levels; and single rules, in levels made for them.

pytest tests/ocean/test_minigrid.py --package-steps=100000    # about so many steps for each id of the package
"""

from contextlib import closing
from functools import partial
from itertools import product

import numpy as np
import pytest
from gymnasium import error
from helpers import make, random_actions
from minigrid.wrappers import (
    FullyObsWrapper,
    OneHotPartialObsWrapper,
    RGBImgObsWrapper,
    RGBImgPartialObsWrapper,
    SymbolicObsWrapper,
)
from minigrid_package import (
    FORWARD,
    IDS,
    SETTINGS,
    Runs,
    level_of,
    make_ours,
    make_package,
    mission,
    move_agent,
    move_to_target,
    move_to_thing,
    scatter,
    setting_name,
)

from puffer.ocean.minigrid import minigrid
from puffer.ocean.minigrid._names import LEVELS, named_level

LEFT, RIGHT, _, PICK_UP, DROP, TOGGLE, IDLE = minigrid.Action
# Random actions that get further than uniform ones.
SHARES = np.array([0.14, 0.14, 0.37, 0.1, 0.08, 0.14, 0.03])


def draw_action(rng, count):
    return int(rng.choice(count, p=SHARES[:count] / SHARES[:count].sum()))


# All that the package registers, and levels with other parameters.
EVERY = [*((id, {}) for id in IDS), *(one for one in SETTINGS if one not in LEVELS.values())]


def test_play_is_that_of_the_package(subtests, request):
    """In every level; a random policy alone opens few doors, so the agent starts anywhere, or before some object."""
    wanted = request.config.getoption("--package-steps") // 20
    ways = (move_to_thing, move_agent, move_to_thing, lambda package, rng: None)
    for level, parameters in EVERY:
        with subtests.test(setting_name((level, parameters))):
            runs = Runs(level, max_steps=30, **parameters)
            rng = np.random.default_rng(3)
            episode = 0
            while runs.steps < wanted or episode < 2:
                runs.begin(episode, partial(ways[episode % 4], rng=rng))
                count = int(runs.env.single_action_space.n)
                # What may be done with the object ahead, first of all.
                action = int(rng.integers(PICK_UP, 7)) if count == 7 else FORWARD
                while not runs.step(action):
                    action = draw_action(rng, count)
                runs.assert_same_state()
                episode += 1
            assert runs.ours.mission(0) == runs.package.mission


# Levels with tasks of all kinds, and enough room to scatter objects.
SCATTERED = [
    *(("DoorKey", {"size": 11}), ("Empty", {"size": 11}), ("GoToObject", {"size": 9}), ("PutNear", {"size": 9})),
    *(("Fetch", {"size": 9}), ("GoToDoor", {"size": 9}), ("Memory", {"size": 9}), ("RedBlueDoors", {"size": 6})),
    *(("UnlockPickup", {}), ("ObstructedMaze_1Dlhb", {})),
]


def test_all_objects_are_those_of_the_package(subtests):
    """In levels full of random objects, with walls that hide and walls that do not, boxes with keys in them, lava."""
    terminated = successes = 0
    for level, parameters in SCATTERED:
        with subtests.test(level):
            runs = Runs(level, max_steps=60, **parameters)
            rng = np.random.default_rng(4)
            for episode in range(10):
                share = rng.uniform(0.1, 0.7)
                runs.begin(episode, partial(scatter, rng=rng, share=share))
                while not runs.step(draw_action(rng, 7)):
                    pass
                runs.assert_same_state()
            terminated, successes = terminated + runs.terminated, successes + runs.successes
    assert successes > 5
    assert terminated > successes


TASKS = ("Fetch-5x5-N2", "GoToDoor-5x5", "GoToObject-6x6-N2", "MemoryS7", "PutNear-6x6-N2", "RedBlueDoors-6x6")
MISSIONS = [
    *(("Unlock", {}), ("UnlockPickup", {}), ("KeyCorridor", {"num_rows": 1, "room_size": 3}), ("KeyCorridor", {})),
    ("KeyCorridor", {"room_size": 4, "obj_type": "box"}),
    *((id, {}) for id in IDS if id.removeprefix("MiniGrid-").rpartition("-v")[0] in TASKS),
    *((id, {}) for id in IDS if "Blocked" in id or "Maze-1D" in id),
]


def test_missions_succeed_where_they_do_in_the_package(subtests):
    """From in front of the door, the place or the object, which may also be lost, as a box that is opened."""
    for level, parameters in MISSIONS:
        with subtests.test(setting_name((level, parameters))):
            runs = Runs(level, max_steps=20, **parameters)
            rng = np.random.default_rng(5)
            for episode in range(24):
                runs.begin(episode, partial(move_to_target, rng=rng))
                # What may be done with what is ahead, first of all.
                action = int(rng.integers(FORWARD, 7))
                while not runs.step(action):
                    action = draw_action(rng, 7)
                runs.assert_same_state()
            assert runs.successes > 3
            assert runs.terminated > runs.successes or not any(task in level for task in TASKS)


def test_limits_and_texts_are_those_of_the_package():
    for level, parameters in EVERY:
        runs = Runs(level, **parameters)
        runs.begin(1)
        assert runs.ours.max_steps == runs.package.max_steps, level
        assert runs.ours.ansi_copy(0) == runs.package.pprint_grid()
        assert runs.env.call("mission") == (runs.package.mission,)


def test_every_id_is_a_name():
    """With prefix and version, and without, where it is the newest."""
    assert {"MiniGrid-" + name for name in LEVELS} == set(IDS)
    for id in IDS:
        bare = id.removeprefix("MiniGrid-")
        newest = max(name for name in LEVELS if name.rpartition("-v")[0] == bare.rpartition("-v")[0])
        assert named_level(id, ()) == named_level(bare, ()) == LEVELS[bare]
        assert named_level(bare.rpartition("-v")[0], ()) == LEVELS[newest]
    for name in ("MultiRoom-N4-S5", "MiniGrid-MultiRoom-N4-S5-v1"):
        with closing(make(f"ocean-minigrid-{name}", 1)) as env:
            assert env.get_attr("max_rooms") == (4,)
    with pytest.raises(ValueError, match="or an id of MiniGrid such as 'MiniGrid-DoorKey-8x8-v0', got 'DoorKey-8x9'"):
        make("ocean-minigrid", 1, level="DoorKey-8x9")


# ---- What rows show ----

VIEWS = {
    "full": FullyObsWrapper,
    "one_hot": OneHotPartialObsWrapper,
    "symbolic": SymbolicObsWrapper,
    "rgb_partial": RGBImgPartialObsWrapper,
    "rgb_full": RGBImgObsWrapper,
}


def test_views_are_those_of_the_package(subtests):
    """Every number and every pixel, among all objects, from where walls hide some and from where they do not."""
    levels = [("RedBlueDoors", {"size": 6}), ("Fetch", {"size": 6}), ("ObstructedMaze_1Dlhb", {})]
    for (view, wrapper), (level, parameters) in product(VIEWS.items(), levels):
        with subtests.test(f"{view}-{level}"):
            package = make_package(level, max_steps=100, **parameters)
            wrapped = wrapper(package)
            rng = np.random.default_rng(6)
            with closing(make_ours(level, observation=view, flat=False, max_steps=100, **parameters)) as env:
                assert env.single_observation_space["image"].shape == wrapped.observation_space["image"].shape
                for episode in range(4):
                    package.reset(seed=episode)
                    scatter(package, rng, 0.4)
                    env.reset(seed=0)
                    env.native_env.set_level(0, **level_of(package))
                    for _ in range(12):
                        action = draw_action(rng, 7)
                        seen, _, terminations, truncations, _ = env.step(np.array([action]))
                        theirs, _, terminated, truncated, _ = package.step(action)
                        assert np.array_equal(seen["image"][0], wrapped.observation(dict(theirs))["image"])
                        assert seen["direction"][0] == theirs["direction"]
                        assert seen["mission"][0].tolist() == mission(package)[: 5 if level == "Fetch" else 2]
                        assert seen in env.observation_space
                        if terminated or truncated:
                            break


def test_pictures_of_cells_have_any_size():
    for size in (1, 5, 11):
        env = make_ours("DoorKey", observation="rgb_full", tile_size=size, flat=False)
        package = make_package("DoorKey")
        package.reset(seed=1)
        env.reset(seed=0)
        env.native_env.set_level(0, **level_of(package))
        env.step(np.array([LEFT]))
        package.step(LEFT)
        expected = package.get_frame(tile_size=size)
        assert np.array_equal(env.native_env.observations[0][: expected.size].reshape(expected.shape), expected)


# ---- Single rules ----

# Two characters for a cell, as `ansi_copy` has them, but open doors are _ and their colour, and dots stand for spaces.
KINDS = {".": 1, "W": 2, "F": 3, "_": 4, "D": 4, "L": 4, "K": 5, "A": 6, "B": 7, "G": 8, "V": 9}
COLOURS = "RGBPYG"
AGENTS = (">>", "VV", "<<", "^^")
GREEN, BLUE, YELLOW = 1, 2, 4
KEY, BALL, BOX = 5, 6, 7


def cell_of(characters):
    """The package's three numbers."""
    kind, colour = characters
    index = 5 if kind == "W" else max(0, COLOURS.find(colour))
    return KINDS[kind], index, {"D": 1, "L": 2}.get(kind, 0)


class Game:
    """One copy in a level made for a test, of which this text is the part inside the outer walls."""

    def __init__(self, text, level="DoorKey", carrying=None, target=None, obstacles=(), **options):
        lines = [f"WG{line}WG" for line in text.split()]
        lines = ["WG" * (len(lines[0]) // 2), *lines, "WG" * (len(lines[0]) // 2)]
        rows = [[line[k : k + 2] for k in range(0, len(line), 2)] for line in lines]
        (position,) = ((x, y) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell in AGENTS)
        direction = AGENTS.index(rows[position[1]][position[0]])
        rows[position[1]][position[0]] = ".."
        if level in ("DoorKey", "Empty", "LavaGap", "Dynamic-Obstacles"):
            options["size"] = len(rows)
        self.env = make_ours(level, **options)
        self.env.reset(seed=0)
        self.backend = self.env.unwrapped.native_env
        self.level = {
            "grid": np.array([[cell_of(row[x]) for row in rows] for x in range(len(rows[0]))], np.uint8),
            "position": position,
            "direction": direction,
            "carrying": carrying,
            "target": target,
            "obstacles": obstacles,
        }
        self.backend.set_level(0, **self.level)

    def play(self, *actions):
        """The sum of the rewards, and whether the last step ended the episode by the rules."""
        total = 0
        for action in actions:
            row, rewards, terminations, truncations, _ = self.env.step(np.array([action], np.int32))
            total += rewards[0]
        assert not truncations[0]
        assert row[0] in self.env.single_observation_space
        return total, bool(terminations[0])

    def inside(self):
        lines = self.backend.ansi_copy(0).replace(" ", ".").split("\n")
        return [line[2:-2] for line in lines[1:-1]]

    def ahead(self):
        """What the row shows of the cell in front of the agent."""
        return tuple(self.backend.observations[0][:147].reshape(7, 7, 3)[3, 5])

    def held(self):
        """What the row shows in the place of the agent."""
        return tuple(self.backend.observations[0][:147].reshape(7, 7, 3)[3, 6])


OPEN = """>>......
          ........
          ........
          ........"""


def test_turning_and_walking():
    game = Game(OPEN)
    assert game.play(LEFT, LEFT, LEFT, FORWARD, RIGHT, RIGHT) == (0, False)
    assert game.inside() == ["........", "^^......", "........", "........"]
    game.play(FORWARD, FORWARD, RIGHT, FORWARD, FORWARD, FORWARD, FORWARD, IDLE)
    assert game.inside() == ["......>>", "........", "........", "........"]


@pytest.mark.parametrize("thing", ["WG", "DR", "LB", "KY", "AP", "BG"])
def test_nothing_walks_through_things(thing):
    game = Game(OPEN.replace(">>..", f">>{thing}", 1))
    assert game.play(FORWARD) == (0, False)
    assert game.inside()[0] == f">>{thing}...."


@pytest.mark.parametrize(("thing", "shown"), [("FB", "FB"), ("_R", "__")])
def test_one_walks_over_floors_and_through_open_doors(thing, shown):
    game = Game(OPEN.replace(">>..", f">>{thing}", 1))
    game.play(FORWARD)
    assert game.inside()[0] == "..>>...."
    assert game.held() == (1, 0, 0)
    game.play(FORWARD)
    assert game.inside()[0] == f"..{shown}>>.."


def test_the_goal_pays_less_the_later_it_is_reached():
    game = Game(OPEN.replace(">>....", ">>..GG", 1), max_steps=50)
    reward, ended = game.play(IDLE, FORWARD, FORWARD)
    assert ended
    assert reward == np.float32(1 - 0.9 * 3 / 50)
    assert game.env.stats()["success"] == 1


def test_lava_ends_it_without_a_reward():
    game = Game(OPEN.replace(">>..", ">>VR", 1), level="LavaGap")
    assert game.play(FORWARD) == (0, True)
    assert game.env.stats()["success"] == 0


def test_carrying():
    game = Game(OPEN.replace(">>..", ">>KY", 1))
    game.play(PICK_UP)
    assert game.held() == (KEY, YELLOW, 0)
    assert game.inside()[0] == ">>......"
    game.play(RIGHT, DROP)
    assert game.inside()[:2] == ["VV......", "KY......"]
    assert game.held() == (1, 0, 0)


def test_only_one_thing_can_be_carried():
    game = Game(OPEN.replace(">>..", ">>AP", 1), carrying=(BOX, GREEN))
    game.play(PICK_UP)
    assert game.held() == (BOX, GREEN, 0)
    assert game.inside()[0] == ">>AP...."


@pytest.mark.parametrize("thing", ["FB", "GG", "VR", "_R", "WG", "KB", "DB"])
def test_things_are_dropped_on_empty_cells_alone(thing):
    game = Game(OPEN.replace(">>..", f">>{thing}", 1), carrying=(BALL, BLUE))
    assert game.play(DROP) == (0, False)
    assert game.held() == (BALL, BLUE, 0)


def test_doors_open_and_close():
    game = Game(OPEN.replace(">>..", ">>DB", 1))
    assert game.ahead() == (4, BLUE, 1)
    game.play(TOGGLE)
    assert game.ahead() == (4, BLUE, 0)
    game.play(TOGGLE)
    assert game.ahead() == (4, BLUE, 1)


@pytest.mark.parametrize(
    ("held", "opens"), [(None, False), ((KEY, GREEN), False), ((BALL, BLUE), False), ((KEY, BLUE), True)]
)
def test_locked_doors_need_the_key_of_their_colour(held, opens):
    game = Game(OPEN.replace(">>..", ">>LB", 1), carrying=held)
    game.play(TOGGLE)
    assert game.ahead() == (4, BLUE, 0 if opens else 2)
    # The key is kept, and what was unlocked stays so.
    assert game.held() == ((1, 0, 0) if held is None else (*held, 0))
    game.play(TOGGLE)
    assert game.ahead() == (4, BLUE, 1 if opens else 2)


def test_boxes_open_and_are_gone():
    game = Game(OPEN.replace(">>..", ">>BG", 1))
    assert game.ahead() == (BOX, GREEN, 0)
    game.play(TOGGLE)
    assert game.ahead() == (1, 0, 0)


ROOMS = """........WG........
           ..{}....WG........
           ........LB........
           ........WG........"""


def test_unlock_is_won_by_any_toggle_while_the_door_is_open():
    game = Game(ROOMS.format(">>").replace("LB", "_B"), level="Unlock", target=(5, 3))
    assert game.play(IDLE, LEFT) == (0, False)
    reward, ended = game.play(TOGGLE)
    assert ended
    assert reward == np.float32(1 - 0.9 * 3 / 288)


def test_the_object_of_the_mission_cannot_be_replaced():
    """A box that was opened is lost, even if another thing lies in its place."""
    text = ROOMS.format(">>").replace(">>..", ">>BR")
    game = Game(text, level="UnlockPickup", carrying=(KEY, BLUE), target=(3, 2))
    assert list(game.backend.observations[0, 147:]) == [0, BOX, 0]
    assert game.play(TOGGLE, DROP, PICK_UP) == (0, False)
    assert game.backend.state(0)["target"] is None
    assert list(game.backend.observations[0, 147:]) == [0, BOX, 0]
    again = Game(text, level="UnlockPickup", target=(3, 2))
    assert again.play(PICK_UP) == (np.float32(1 - 0.9 / 288), True)


@pytest.mark.parametrize(("before", "moved"), [("WG", False), ("AB", None)])
def test_running_into_something_ends_it_among_obstacles(before, moved):
    """Even if the obstacle moves away in that step: the agent then stands where it was."""
    text = OPEN.replace(">>..", f">>{before}", 1)
    obstacles = [(2, 1)] if before == "AB" else []
    seen = set()
    for seed in range(30):
        game = Game(text, level="Dynamic-Obstacles", n_obstacles=len(obstacles), obstacles=obstacles)
        game.env.reset(seed=seed)
        game.backend.set_level(0, **game.level)
        assert game.play(FORWARD) == (-1, True)
        seen.add(game.backend.state(0)["position"])
    assert seen == ({(1, 1)} if moved is False else {(2, 1)})


def test_turning_among_obstacles_is_safe():
    game = Game(OPEN.replace(">>..", ">>AB", 1), level="Dynamic-Obstacles", n_obstacles=1, obstacles=[(2, 1)])
    assert game.play(LEFT, RIGHT, LEFT) == (0, False)


# ---- The rest ----


def test_rows_lie_in_the_space(subtests):
    for level, parameters in SETTINGS:
        with (
            subtests.test(setting_name((level, parameters))),
            closing(make("ocean-minigrid", 32, level=level, **parameters)) as env,
        ):
            rows, _ = env.reset(seed=1)
            for action in random_actions(env, 60):
                rows = env.step(action)[0]
                assert rows in env.observation_space
            assert rows.shape == (32, 153 if level in ("Fetch", "LockedRoom", "PutNear") else 150)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"level": "Labyrinth"}, "level must be one of 'Empty', .*, got 'Labyrinth'"),
        ({"level": 3}, "level must be one of .*, got 3"),
        ({"num_rows": 3}, "num_rows is not a parameter of level 'DoorKey', which has size; got 3"),
        ({"level": "FourRooms", "size": 9}, "size is not a parameter of level 'FourRooms', which has none; got 9"),
        ({"size": 4}, "size must be at least 5, got 4"),
        ({"level": "Empty", "size": 3}, "size must be at least 4, got 3"),
        ({"size": 65}, "size must be at most 64, got 65"),
        ({"level": "KeyCorridor", "num_rows": 9}, "num_rows must be at most 8, got 9"),
        ({"level": "KeyCorridor", "room_size": 2}, "room_size must be at least 3, got 2"),
        ({"level": "KeyCorridor", "obj_type": "door"}, "obj_type must be one of 'key', 'ball', 'box', got 'door'"),
        ({"level": "MultiRoom", "min_rooms": 4, "max_rooms": 3}, "max_rooms must be at least 4, got 3"),
        ({"level": "MultiRoom", "max_rooms": 9}, "rooms must be at most 8, got 9"),
        ({"level": "MultiRoom", "max_room_size": 3}, "max_room_size must be at least 4, got 3"),
        ({"level": "Dynamic-Obstacles", "size": 6, "n_obstacles": 5}, "n_obstacles must be at most 4, got 5"),
        ({"level": "Crossing", "size": 8}, "size must be odd in level 'Crossing', got 8"),
        ({"level": "Crossing", "size": 7, "num_crossings": 5}, "num_crossings must be at most 4, got 5"),
        ({"level": "PutNear", "num_objs": 3}, "num_objs must be at most 2, got 3"),
        ({"observation": "pixels"}, "observation must be one of 'partial', 'full', .*, got 'pixels'"),
        ({"observation": "rgb_full", "tile_size": 0}, "tile_size must be at least 1, got 0"),
        ({"level": "ObstructedMaze_Full", "agent_room": 4}, "agent_room must be a pair column, row, got 4"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make("ocean-minigrid", 1, **parameters)


def test_a_random_start_is_true_or_false():
    with pytest.raises(TypeError, match="random_start must be a bool, got 1"):
        make("ocean-minigrid", 1, level="Empty", random_start=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": np.zeros((6, 6), np.uint8)}, "grid must be a uint8 array of shape .*, got uint8 of \\(6, 6\\)"),
        ({"position": (0, 1)}, "position must be a cell that the agent can stand on, got \\(0, 1\\)"),
        ({"position": (1, 6)}, "position\\[1\\] must be at most 5, got 6"),
        ({"position": 3}, "position must be a pair x, y, got 3"),
        ({"direction": 4}, "direction must be at most 3, got 4"),
        ({"carrying": (4, 0)}, "carrying\\[0\\] must be the kind of a key, ball or box, got 4"),
        ({"carrying": (5, 6)}, "carrying\\[1\\] must be at most 5, got 6"),
        ({"carrying": 5}, "carrying must be None or a pair kind, colour, got 5"),
        ({"target": (1, 1)}, "target must be None in a level with a goal, got \\(1, 1\\)"),
        ({"mission_colour": 0}, "mission_colour must be at least 1, got 0"),
        ({"obstacles": [(1, 1)]}, "obstacles must be 0 distinct positions, got \\[\\(1, 1\\)\\]"),
        ({"boxes": [(1, 1)]}, "boxes must be triples x, y, colour of the key in it, got \\(1, 1\\)"),
        ({"boxes": [(2, 2, 3)]}, "boxes must be positions of grey boxes, got \\(2, 2, 3\\)"),
        ({"carrying": (5, 0, 1)}, "colour of a key in it for a grey box alone, got \\(5, 0, 1\\)"),
        ({"other": (1, 1)}, "other must be None in this level, got \\(1, 1\\)"),
        ({"mission_kind": 4}, "mission_kind must be at least 8, got 4"),
        ({"phrase": 1}, "phrase must be at most 0, got 1"),
    ],
)
def test_bad_levels_are_refused_and_change_nothing(change, message):
    game = Game(OPEN)
    before = game.backend.get_state()
    with pytest.raises(ValueError, match=message):
        game.backend.set_level(0, **{**game.level, **change})
    np.testing.assert_array_equal(game.backend.get_state(), before)


@pytest.mark.parametrize("cell", [(0, 0, 0), (1, 2, 0), (10, 0, 0), (2, 6, 0), (5, 0, 1), (4, 0, 3)])
def test_cells_that_no_grid_has_are_refused(cell):
    game = Game(OPEN)
    game.level["grid"][2, 2] = cell
    with pytest.raises(ValueError, match=r"grid\[2, 2\] is not a cell of a grid"):
        game.backend.set_level(0, **game.level)


def test_targets_must_be_there():
    text = ROOMS.format(">>").replace(">>..", ">>BR")
    for level, target in (("Unlock", (3, 2)), ("UnlockPickup", (5, 3)), ("Unlock", None)):
        with pytest.raises(ValueError, match="target must be"):
            Game(text, level=level, target=target)
    with pytest.raises((TypeError, ValueError), match="mission_colour must be"):
        Game(text, level="UnlockPickup")


def test_obstacles_must_be_balls():
    with pytest.raises(ValueError, match=r"obstacles\[0\] must be the position of a ball, got \(2, 2\)"):
        Game(OPEN, level="Dynamic-Obstacles", n_obstacles=1, obstacles=[(2, 2)])


def test_levels_go_around():
    """What `state` returns `set_level` takes, in another copy too."""
    for level, parameters in SETTINGS:
        env = make_ours(level, 2, **parameters)
        env.reset(seed=4)
        backend = env.unwrapped.native_env
        backend.set_level(1, **backend.state(0))
        np.testing.assert_array_equal(backend.observations[1], backend.observations[0])
        assert backend.ansi_copy(1) == backend.ansi_copy(0)


def test_rules_of_copies_survive_snapshots():
    """What restores them knows the same limits as what checks them."""
    for level, parameters in SETTINGS:
        env = make_ours(level, 2, **parameters)
        env.set_next([1], level=[level], **{name: [value] for name, value in parameters.items()})
        env.reset(seed=4)
        own, state = env.native_env.parameters_of(1), env.get_state()
        env.set_state(state)
        assert env.native_env.parameters_of(1) == own
        assert np.array_equal(env.get_state(), state)
        # Copy 0 has those of the batch, which are the same.
        assert env.native_env.parameters_of(0) == own
        assert own.items() >= {"level": level, **parameters}.items()


def test_copies_may_have_levels_with_other_tasks():
    """As far as the rows have room for the mission; a row that shows the whole grid takes grids of its size alone."""
    env = make("minigrid", 2, level="PutNear-8x8-N3", max_steps=20)
    alone = make("minigrid", 1, level="GoToObject", size=6, max_steps=20)
    env.set_next([1], level="GoToObject-6x6-N2", seed=[9])
    rows, own = env.reset(seed=[1, None])[0], alone.reset(seed=9)[0]
    assert env.call("mission")[1] == alone.call("mission")[0]
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert np.array_equal(rows[1, :150], own[0])
        assert rows[1, 150:].tolist() == [0, 0, 0]
        actions = rng.integers(0, 7, 2)
        rows, own = env.step(actions)[0], alone.step(actions[1:])[0]
    with pytest.raises(ValueError, match="level 'Fetch-5x5-N2' has a longer mission than level 'GoToObject'"):
        alone.set_next(0, level="Fetch-5x5-N2")
    whole = make("minigrid", 1, level="Empty", size=8, observation="full")
    whole.set_next(0, level="GoToDoor-8x8")
    assert whole.reset(seed=0)[0].shape == (1, 8 * 8 * 3 + 3)
    with pytest.raises(ValueError, match="has a grid of another size"):
        whole.set_next(0, level="Empty", size=6)


def test_states_need_a_reset():
    env = make_ours("Empty")
    with pytest.raises(error.ResetNeeded):
        env.unwrapped.native_env.state(0)
    env.reset()
    with pytest.raises(ValueError, match="copy must be at most 0, got 1"):
        env.unwrapped.native_env.state(1)


def test_pictures_show_the_grid():
    game = Game(OPEN.replace(">>....", ">>KYVR", 1))
    picture = game.backend.render_copy(0)
    assert picture.shape == (192, 192, 3)
    # The agent, empty cells and walls that it sees and such that it does not, and the key: all look different.
    game.play(RIGHT, RIGHT)
    tiles = game.backend.render_copy(0).reshape(6, 32, 6, 32, 3).swapaxes(1, 2)
    shown = {tiles[y, x].tobytes() for x, y in ((1, 1), (1, 2), (4, 1), (0, 2), (5, 2), (2, 1), (3, 1))}
    assert len(shown) == 7
    assert not np.array_equal(picture, game.backend.render_copy(0))
