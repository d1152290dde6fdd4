"""The package minigrid beside our engine: its environments, its levels as ours take them, and a run of both."""

import importlib
import re
from copy import deepcopy
from functools import cache
from itertools import product

import gymnasium
import numpy as np
from helpers import make
from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.core.world_object import Ball, Box, Door, Floor, Goal, Key, Lava, Wall
from minigrid.envs import (
    BlockedUnlockPickupEnv,
    CrossingEnv,
    DistShiftEnv,
    DoorKeyEnv,
    DynamicObstaclesEnv,
    EmptyEnv,
    FetchEnv,
    FourRoomsEnv,
    GoToDoorEnv,
    GoToObjectEnv,
    KeyCorridorEnv,
    LavaGapEnv,
    LockedRoomEnv,
    MemoryEnv,
    MultiRoomEnv,
    ObstructedMaze_1Dlhb,
    ObstructedMaze_Full,
    ObstructedMaze_Full_V1,
    PlaygroundEnv,
    PutNearEnv,
    RedBlueDoorEnv,
    UnlockEnv,
    UnlockPickupEnv,
)

# The package lacks the pictures that the levels called WFC are made from.
IDS = [id for id in gymnasium.registry if id.startswith("MiniGrid-") and "-WFC-" not in id]
_SPECS = {id: gymnasium.registry[id] for id in IDS}
# Its import registers its ids with Gymnasium, and other tests would find them in `puffer.list_envs()`.
for name in [name for name in gymnasium.registry if name.startswith(("MiniGrid-", "BabyAI-"))]:
    del gymnasium.registry[name]

LEVELS = {
    "Empty": EmptyEnv,
    "DoorKey": DoorKeyEnv,
    "FourRooms": FourRoomsEnv,
    "Unlock": UnlockEnv,
    "UnlockPickup": UnlockPickupEnv,
    "KeyCorridor": KeyCorridorEnv,
    "LavaGap": LavaGapEnv,
    "MultiRoom": MultiRoomEnv,
    "Dynamic-Obstacles": DynamicObstaclesEnv,
    "BlockedUnlockPickup": BlockedUnlockPickupEnv,
    "Crossing": CrossingEnv,
    "DistShift": DistShiftEnv,
    "Fetch": FetchEnv,
    "GoToDoor": GoToDoorEnv,
    "GoToObject": GoToObjectEnv,
    "LockedRoom": LockedRoomEnv,
    "Memory": MemoryEnv,
    "ObstructedMaze_1Dlhb": ObstructedMaze_1Dlhb,
    "ObstructedMaze_Full": ObstructedMaze_Full,
    "ObstructedMaze_Full_V1": ObstructedMaze_Full_V1,
    "Playground": PlaygroundEnv,
    "PutNear": PutNearEnv,
    "RedBlueDoors": RedBlueDoorEnv,
}
# The package's names of our parameters.
NAMES = {
    "min_rooms": "minNumRooms",
    "max_rooms": "maxNumRooms",
    "max_room_size": "maxRoomSize",
    "num_objs": "numObjs",
}
FORWARD = 2

# Levels with parameters of their own.
SETTINGS = [
    ("Empty", {"size": 5}),
    ("Empty", {"size": 6, "random_start": True}),
    ("Empty", {}),
    ("Empty", {"size": 16}),
    ("DoorKey", {"size": 5}),
    ("DoorKey", {}),
    ("DoorKey", {"size": 16}),
    ("FourRooms", {}),
    ("Unlock", {}),
    ("UnlockPickup", {}),
    ("KeyCorridor", {"room_size": 3, "num_rows": 1}),
    ("KeyCorridor", {"room_size": 3, "num_rows": 2}),
    ("KeyCorridor", {"room_size": 4, "obj_type": "box"}),
    ("KeyCorridor", {"room_size": 5, "num_rows": 4, "obj_type": "key"}),
    ("KeyCorridor", {}),
    ("LavaGap", {"size": 5}),
    ("LavaGap", {}),
    ("MultiRoom", {"min_rooms": 2, "max_rooms": 2, "max_room_size": 4}),
    ("MultiRoom", {"min_rooms": 2, "max_rooms": 5, "max_room_size": 6}),
    ("MultiRoom", {}),
    ("Dynamic-Obstacles", {"size": 5, "n_obstacles": 2}),
    ("Dynamic-Obstacles", {"size": 6, "n_obstacles": 3, "random_start": True}),
    ("Dynamic-Obstacles", {}),
    ("Crossing", {"size": 13, "num_crossings": 9}),
    ("Crossing", {"size": 5, "num_crossings": 2, "obstacle_type": "wall"}),
    ("DistShift", {"strip2_row": 4, "random_start": True}),
    ("Fetch", {"size": 7, "num_objs": 8}),
    ("GoToDoor", {"size": 11}),
    ("GoToObject", {"size": 7, "num_objs": 5}),
    ("Memory", {"size": 9, "random_length": True}),
    ("ObstructedMaze_Full", {"agent_room": (0, 2), "key_in_box": False, "num_quarters": 3}),
    ("ObstructedMaze_Full_V1", {"blocked": False, "num_quarters": 2, "num_rooms_visited": 7}),
    ("PutNear", {"size": 9, "num_objs": 5}),
    ("RedBlueDoors", {"size": 5}),
]


def setting_name(setting):
    level, parameters = setting
    return "-".join([level, *(f"{name}={value}" for name, value in parameters.items())])


def make_package(level, max_steps=None, **parameters):
    """The package's environment for our level, or of its own id."""
    if level in _SPECS:
        module, _, name = _SPECS[level].entry_point.partition(":")
        limit = {} if max_steps is None else {"max_steps": max_steps}
        return getattr(importlib.import_module(module), name)(**_SPECS[level].kwargs, **limit)
    options = {NAMES.get(name, name): value for name, value in parameters.items()}
    if options.pop("random_start", False):
        options["agent_start_pos"] = None
    if level == "LavaGap":
        options.setdefault("size", 7)
    if level == "MultiRoom":
        options = {"minNumRooms": 6, "maxNumRooms": 6, **options}
    if max_steps is not None:
        options["max_steps"] = max_steps
    return LEVELS[level](**options)


def make_ours(level, num_envs=1, **options):
    return make("ocean-minigrid", num_envs, level=level, autoreset_mode="Disabled", **options)


def pair(place):
    return int(place[0]), int(place[1])


def level_of(package):
    """The level that the package is in, as our `set_level` takes it."""
    target, other = places(package)
    held = package.carrying
    kind, colour, *second, phrase = mission(package)
    cells = ((x, y, package.grid.get(x, y)) for x, y in product(range(package.width), range(package.height)))
    return {
        "grid": package.grid.encode(),
        "position": pair(package.agent_pos),
        "direction": int(package.agent_dir),
        "carrying": None if held is None else (*held.encode()[:2], *key_inside(held)),
        "target": target,
        "other": other,
        "mission_kind": kind,
        "mission_colour": colour,
        "second": tuple(second) if second[0] else None,
        "phrase": phrase,
        "obstacles": [pair(ball.cur_pos) for ball in getattr(package, "obstacles", [])],
        "boxes": [(x, y, *key_inside(cell)) for x, y, cell in cells if cell is not None and cell.contains is not None],
    }


def key_inside(thing):
    return [] if thing.contains is None else [COLOR_TO_IDX[thing.contains.color]]


def places(package):
    """The target of the task, and Memory's wrong place or RedBlueDoors' red door."""
    if isinstance(package, MemoryEnv):
        return pair(package.success_pos), pair(package.failure_pos)
    if isinstance(package, RedBlueDoorEnv):
        return place_of(package, package.blue_door), place_of(package, package.red_door)
    if hasattr(package, "target_pos"):
        return pair(package.target_pos), None
    thing = getattr(package, "door", getattr(package, "obj", None))
    return pair(thing.cur_pos) if thing in package.grid else None, None


def place_of(package, thing):
    where = next(k for k, cell in enumerate(package.grid.grid) if cell is thing)
    return where % package.width, where // package.width


PHRASES = ["get a", "go get a", "fetch a", "go fetch a", "you must fetch a"]
FIXED = {
    "open the door": ("door", "red"),
    "go to the matching object at the end of the hallway": ("unseen", "red"),
    "": ("unseen", "red"),
}


def mission(package):
    """What our rows say of the package's mission: a kind and a colour, those of a second thing, and the phrase."""
    return _mission(package.mission, type(package))


@cache
def _mission(text, level):
    things = re.findall(rf"\b({'|'.join(COLOR_NAMES)}) (key|ball|box|door|room)\b", text)
    things = [("door" if kind == "room" else kind, colour) for colour, kind in things][:2]
    if "goal" in text and level is not LockedRoomEnv:
        things = [("goal", "green")]
    first, second = [*(things or [FIXED[text]]), ("unseen", "red")][:2]
    phrase = PHRASES.index(text.rpartition(" a ")[0] + " a") if level is FetchEnv else 0
    numbers = [OBJECT_TO_IDX[first[0]], COLOR_TO_IDX[first[1]], OBJECT_TO_IDX[second[0]], COLOR_TO_IDX[second[1]]]
    return [*numbers, phrase]


def row_of(package, observation):
    """The package's observation as a row of ours."""
    is_long = isinstance(package, (FetchEnv, LockedRoomEnv, PutNearEnv))
    return np.array(
        [*observation["image"].ravel(), observation["direction"], *mission(package)[: 5 if is_long else 2]], np.uint8
    )


def empty_places(package):
    grid = package.grid
    places = product(range(grid.width), range(grid.height))
    return [place for place in places if grid.get(*place) is None and place != pair(package.agent_pos)]


def things():
    """One object of each sort that there is, in every colour and state."""
    for colour in COLOR_NAMES:
        yield from (Key(colour), Ball(colour), Box(colour), Floor(colour), Wall(colour), Goal(colour))
        yield from (Door(colour), Door(colour, is_open=True), Door(colour, is_locked=True), Lava())
        yield Box("grey", Key(colour))


def inside(package):
    """The places that are not beyond walls, nor on the edge of the grid."""
    ends = ("wall", "door") if isinstance(package, GoToDoorEnv) else ("wall",)
    found, ahead = set(), [pair(package.agent_pos)]
    while ahead:
        x, y = ahead.pop()
        if (x, y) in found or not (0 < x < package.width - 1 and 0 < y < package.height - 1):
            continue
        cell = package.grid.get(x, y)
        if cell is None or cell.type not in ends:
            found.add((x, y))
            ahead += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    return sorted(found)


def scatter(package, rng, share):
    """Put random objects on a share of the empty places, and move the agent."""
    sorts = list(things())
    for place in empty_places(package):
        if rng.random() < share:
            package.put_obj(deepcopy(sorts[rng.integers(len(sorts))]), *place)
    move_agent(package, rng)


def move_agent(package, rng):
    """Put the agent anywhere inside, and, where there is a locked door, sometimes the key to it into its hands."""
    places = [place for place in inside(package) if package.grid.get(*place) is None]
    package.agent_pos = places[rng.integers(len(places))]
    package.agent_dir = int(rng.integers(4))
    locked = [cell for cell in package.grid.grid if cell is not None and cell.type == "door" and cell.is_locked]
    if locked and rng.random() < 0.5:
        package.carrying = Key(locked[rng.integers(len(locked))].color)


def move_to_thing(package, rng, target=None):
    """Put the agent in front of an object, by default any one, often with a key in hand, or what it has to move."""
    free = inside(package)
    cells = [(k % package.width, k // package.width) for k, cell in enumerate(package.grid.grid) if is_thing(cell)]
    cells = cells if target is None else [target]
    ways = [
        ((x - dx, y - dy), direction)
        for x, y in cells
        for direction, (dx, dy) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1)))
        if (x - dx, y - dy) in free
    ]
    ways = [one for one in ways if (cell := package.grid.get(*one[0])) is None or cell.type == "door"]
    if not ways:
        return
    package.agent_pos, package.agent_dir = ways[rng.integers(len(ways))]
    under, thing = (package.grid.get(*place) for place in (package.agent_pos, package.front_pos))
    if under is not None:
        under.is_locked, under.is_open = False, True
    if thing is not None and thing.type == "door" and (target is not None or rng.random() < 0.6):
        package.carrying = Key(thing.color)
    if isinstance(package, RedBlueDoorEnv):
        package.red_door.is_open = rng.random() < 0.5
    if isinstance(package, PutNearEnv) and rng.random() < 0.7:
        package.carrying = package.grid.get(*package.move_pos)
        package.grid.set(*package.move_pos, None)


def is_thing(cell):
    return cell is not None and cell.type in ("door", "key", "ball", "box", "goal")


def move_to_target(package, rng):
    """Put the agent in front of what it has to open, to pick up or to go to, with the key if it needs one."""
    move_to_thing(package, rng, places(package)[0])
    if isinstance(package, PutNearEnv):
        # Beside the object there is more room to drop something.
        package.agent_dir = int(rng.integers(4))


class Runs:
    """Both systems, in the same level, to be stepped together.

    Attributes
    ----------
    terminated, truncated, successes : int
        How many episodes ended so.
    steps : int
        All steps.
    """

    def __init__(self, level, max_steps=None, **parameters):
        self.package = make_package(level, max_steps, **parameters)
        self.package.reset(seed=0)
        self.env = make_ours(level, max_steps=max_steps, **parameters)
        self.ours = self.env.unwrapped.native_env
        self.terminated = self.truncated = self.successes = self.steps = 0
        # What `follow` replaces.
        self.place_obj = self.package.place_obj

    def begin(self, seed, change=None):
        """A new level of the package, changed if so wished, in both."""
        self.package.place_obj = self.place_obj
        self.package.reset(seed=seed)
        if change is not None:
            change(self.package)
        self.env.reset(seed=seed)
        level = level_of(self.package)
        self.ours.set_level(0, **level)
        np.testing.assert_array_equal(self.ours.observations[0], row_of(self.package, self.package.gen_obs()))

    def step(self, action):
        """Step both, compare all; returns whether the episode has ended."""
        row, reward, terminated, truncated = (part[0] for part in self.env.step(np.array([action], np.int32))[:4])
        if self.ours.level == "Dynamic-Obstacles":
            self.follow(self.ours.state(0)["obstacles"])
        theirs, their_reward, their_terminated, their_truncated, _ = self.package.step(action)
        own = row_of(self.package, theirs)
        assert np.array_equal(row, own), np.flatnonzero(row != own)
        assert reward == np.float32(their_reward)
        assert (terminated, truncated) == (their_terminated, their_truncated)
        self.steps += 1
        self.terminated += terminated
        self.truncated += truncated
        self.successes += reward > 0
        return terminated or truncated

    def follow(self, places):
        """Let the package's obstacles move to these places, which must be ones that it may choose."""
        remaining = list(places)

        def place_obj(ball, top, size, max_tries):
            assert (size, max_tries) == ((3, 3), 100)
            place, grid = remaining.pop(0), self.package.grid
            around = [(top[0] + x, top[1] + y) for x in range(3) for y in range(3)]
            free = [one for one in around if grid.get(*one) is None and one != pair(self.package.agent_pos)]
            if not free:
                assert place == pair(ball.cur_pos)
                raise RecursionError
            assert place in free
            self.package.put_obj(ball, *place)

        self.package.place_obj = place_obj

    def assert_same_state(self):
        """All of the state, what the agent does not see included."""
        ours, theirs = self.ours.state(0), level_of(self.package)
        np.testing.assert_array_equal(ours.pop("grid"), theirs.pop("grid"))
        assert ours == theirs
