"""The ids of MiniGrid's levels: which level each of them is, with which parameters."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

_PREFIX = "MiniGrid-"

_MAZES = {"2Dlhb": ((2, 1), 1, 4), "1Q": ((1, 1), 1, 5), "2Q": ((2, 1), 2, 11), "Full": ((1, 1), 4, 25)}


def _maze(room: tuple[int, int], quarters: int, rooms: int, key_in_box: bool = True, blocked: bool = True) -> dict:
    """The parameters of a large maze."""
    return {
        "agent_room": room,
        "key_in_box": key_in_box,
        "blocked": blocked,
        "num_quarters": quarters,
        "num_rooms_visited": rooms,
    }


def _crossings(obstacle: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The ids of the crossings over lava, or through walls."""
    sizes = ((9, 1), (9, 2), (9, 3), (11, 5))
    name = "LavaCrossing" if obstacle == "lava" else "SimpleCrossing"
    return {
        f"{name}S{size}N{count}-v0": ("Crossing", {"size": size, "num_crossings": count, "obstacle_type": obstacle})
        for size, count in sizes
    }


# Each id without its prefix.
LEVELS: dict[str, tuple[str, dict[str, Any]]] = {
    "BlockedUnlockPickup-v0": ("BlockedUnlockPickup", {}),
    **_crossings("lava"),
    **_crossings("wall"),
    "DistShift1-v0": ("DistShift", {"strip2_row": 2}),
    "DistShift2-v0": ("DistShift", {"strip2_row": 5}),
    **{f"DoorKey-{size}x{size}-v0": ("DoorKey", {"size": size}) for size in (5, 6, 8, 16)},
    **{
        f"Dynamic-Obstacles-{size}x{size}-v0": ("Dynamic-Obstacles", {"size": size, "n_obstacles": count})
        for size, count in ((5, 2), (6, 3), (8, 4), (16, 8))
    },
    **{
        f"Dynamic-Obstacles-Random-{size}x{size}-v0": (
            "Dynamic-Obstacles",
            {"size": size, "n_obstacles": count, "random_start": True},
        )
        for size, count in ((5, 2), (6, 3))
    },
    **{f"Empty-{size}x{size}-v0": ("Empty", {"size": size}) for size in (5, 6, 8, 16)},
    **{f"Empty-Random-{size}x{size}-v0": ("Empty", {"size": size, "random_start": True}) for size in (5, 6)},
    **{
        f"Fetch-{size}x{size}-N{count}-v0": ("Fetch", {"size": size, "num_objs": count})
        for size, count in ((5, 2), (6, 2), (8, 3))
    },
    "FourRooms-v0": ("FourRooms", {}),
    **{f"GoToDoor-{size}x{size}-v0": ("GoToDoor", {"size": size}) for size in (5, 6, 8)},
    **{f"GoToObject-{size}x{size}-N2-v0": ("GoToObject", {"size": size, "num_objs": 2}) for size in (6, 8)},
    **{
        f"KeyCorridorS{size}R{rows}-v0": ("KeyCorridor", {"room_size": size, "num_rows": rows})
        for size, rows in ((3, 1), (3, 2), (3, 3), (4, 3), (5, 3), (6, 3))
    },
    **{f"LavaGapS{size}-v0": ("LavaGap", {"size": size}) for size in (5, 6, 7)},
    "LockedRoom-v0": ("LockedRoom", {}),
    **{f"MemoryS{size}-v0": ("Memory", {"size": size}) for size in (7, 9, 11, 13)},
    **{f"MemoryS{size}Random-v0": ("Memory", {"size": size, "random_length": True}) for size in (13, 17)},
    **{
        f"MultiRoom-{name}": ("MultiRoom", {"min_rooms": rooms, "max_rooms": rooms, "max_room_size": size})
        # The first version of N4 has six rooms.
        for name, rooms, size in (("N2-S4-v0", 2, 4), ("N4-S5-v0", 6, 5), ("N4-S5-v1", 4, 5), ("N6-v0", 6, 10))
    },
    "ObstructedMaze-1Dl-v0": ("ObstructedMaze_1Dlhb", {"key_in_box": False, "blocked": False}),
    "ObstructedMaze-1Dlh-v0": ("ObstructedMaze_1Dlhb", {"key_in_box": True, "blocked": False}),
    "ObstructedMaze-1Dlhb-v0": ("ObstructedMaze_1Dlhb", {"key_in_box": True, "blocked": True}),
    "ObstructedMaze-2Dl-v0": ("ObstructedMaze_Full", _maze((2, 1), 1, 4, False, False)),
    "ObstructedMaze-2Dlh-v0": ("ObstructedMaze_Full", _maze((2, 1), 1, 4, True, False)),
    **{f"ObstructedMaze-{name}-v0": ("ObstructedMaze_Full", _maze(*maze)) for name, maze in _MAZES.items()},
    **{f"ObstructedMaze-{name}-v1": ("ObstructedMaze_Full_V1", _maze(*maze)) for name, maze in _MAZES.items()},
    "Playground-v0": ("Playground", {}),
    "PutNear-6x6-N2-v0": ("PutNear", {"size": 6, "num_objs": 2}),
    "PutNear-8x8-N3-v0": ("PutNear", {"size": 8, "num_objs": 3}),
    **{f"RedBlueDoors-{size}x{size}-v0": ("RedBlueDoors", {"size": size}) for size in (6, 8)},
    "Unlock-v0": ("Unlock", {}),
    "UnlockPickup-v0": ("UnlockPickup", {}),
}


def named_level(name: Any, levels: Collection[str]) -> tuple[str, dict[str, Any]]:
    """The level that a name stands for, one of `levels`, and what the name says of its parameters.

    The name is that of a level; or an id of MiniGrid, of which the prefix and the version may be left out. Raises
    ValueError for another one.
    """
    if isinstance(name, str):
        if name in levels:
            return name, {}
        bare = name.removeprefix(_PREFIX)
        newest = max((id for id in LEVELS if id.rpartition("-v")[0] == bare), default=bare)
        if newest in LEVELS:
            return LEVELS[newest]
    near = difflib.get_close_matches(str(name).removeprefix(_PREFIX), LEVELS, n=1, cutoff=0.6)
    example = _PREFIX + (near[0] if near else "DoorKey-8x8-v0")
    known = ", ".join(map(repr, levels))
    raise ValueError(f"level must be one of {known}, or an id of MiniGrid such as {example!r}, got {name!r}")
