"""The package minigrid beside our engine: its environments, its levels as ours take them, and a run of both."""

from copy import copy
from itertools import product

import gymnasium
import numpy as np
from helpers import make
from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.core.world_object import Ball, Box, Door, Floor, Goal, Key, Lava, Wall
from minigrid.envs import (
    DoorKeyEnv,
    DynamicObstaclesEnv,
    EmptyEnv,
    FourRoomsEnv,
    KeyCorridorEnv,
    LavaGapEnv,
    MultiRoomEnv,
    UnlockEnv,
    UnlockPickupEnv,
)

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
}
# The package's names of our parameters.
NAMES = {"min_rooms": "minNumRooms", "max_rooms": "maxNumRooms", "max_room_size": "maxRoomSize"}
FORWARD = 2

# The levels that the package registers, and some of other sizes.
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
]


def setting_name(setting):
    level, parameters = setting
    return "-".join([level, *(f"{name}={value}" for name, value in parameters.items())])


def make_package(level, max_steps=None, **parameters):
    """The package's environment for our level."""
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
    thing = getattr(package, "door", getattr(package, "obj", None))
    held = package.carrying
    return {
        "grid": package.grid.encode(),
        "position": pair(package.agent_pos),
        "direction": int(package.agent_dir),
        "carrying": None if held is None else (OBJECT_TO_IDX[held.type], COLOR_TO_IDX[held.color]),
        "target": pair(thing.cur_pos) if thing in package.grid else None,
        "mission_colour": mission(package)[1],
        "obstacles": [pair(ball.cur_pos) for ball in getattr(package, "obstacles", [])],
    }


def mission(package):
    """What our rows say of the package's mission, as kind and colour."""
    words = package.mission.split()
    if words[:2] == ["pick", "up"]:
        return OBJECT_TO_IDX[words[-1]], COLOR_TO_IDX[words[-2]]
    return (OBJECT_TO_IDX["door"], 0) if package.mission == "open the door" else (OBJECT_TO_IDX["goal"], 1)


def row_of(package, observation):
    """The package's observation as a row of ours."""
    return np.array([*observation["image"].ravel(), observation["direction"], *mission(package)], np.uint8)


def empty_places(package):
    grid = package.grid
    places = product(range(grid.width), range(grid.height))
    return [place for place in places if grid.get(*place) is None and place != pair(package.agent_pos)]


def things():
    """One object of each sort that there is, in every colour and state."""
    for colour in COLOR_NAMES:
        yield from (Key(colour), Ball(colour), Box(colour), Floor(colour), Wall(colour), Goal(colour))
        yield from (Door(colour), Door(colour, is_open=True), Door(colour, is_locked=True), Lava())


def inside(package):
    """The places that are not beyond walls."""
    found, ahead = [], [pair(package.agent_pos)]
    while ahead:
        x, y = ahead.pop()
        cell = package.grid.get(x, y)
        if (x, y) not in found and (cell is None or cell.type != "wall"):
            found.append((x, y))
            ahead += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    return found


def scatter(package, rng, share):
    """Put random objects on a share of the empty places, and move the agent."""
    sorts = list(things())
    for place in empty_places(package):
        if rng.random() < share:
            package.put_obj(copy(sorts[rng.integers(len(sorts))]), *place)
    move_agent(package, rng)


def move_agent(package, rng):
    """Put the agent anywhere inside, and, where there is a locked door, sometimes the key to it into its hands."""
    places = [place for place in inside(package) if package.grid.get(*place) is None]
    package.agent_pos = places[rng.integers(len(places))]
    package.agent_dir = int(rng.integers(4))
    locked = [cell for cell in package.grid.grid if cell is not None and cell.type == "door" and cell.is_locked]
    if locked and rng.random() < 0.5:
        package.carrying = Key(locked[rng.integers(len(locked))].color)


def move_to_target(package, rng):
    """Put the agent in front of what it has to open or pick up, with the key if it needs one."""
    thing = getattr(package, "door", getattr(package, "obj", None))
    x, y = thing.cur_pos
    ways = [((x - dx, y - dy), direction) for direction, (dx, dy) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1)))]
    ways = [one for one in ways if (cell := package.grid.get(*one[0])) is None or cell.type == "door"]
    package.agent_pos, package.agent_dir = ways[rng.integers(len(ways))]
    if package.grid.get(*package.agent_pos) is not None:
        package.grid.get(*package.agent_pos).is_locked = False
        package.grid.get(*package.agent_pos).is_open = True
    if thing.type == "door":
        package.carrying = Key(thing.color)


class Runs:
    """Both systems, in the same level, to be stepped together.

    Attributes
    ----------
    terminated, truncated, successes : int
        How many episodes ended so.
    """

    def __init__(self, level, max_steps=None, **parameters):
        self.package = make_package(level, max_steps, **parameters)
        self.package.reset(seed=0)
        self.env = make_ours(level, max_steps=max_steps, **parameters)
        self.ours = self.env.unwrapped.native_env
        self.terminated = self.truncated = self.successes = 0
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
        np.testing.assert_array_equal(row, row_of(self.package, theirs))
        assert reward == np.float32(their_reward)
        assert (terminated, truncated) == (their_terminated, their_truncated)
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
