"""The game of the package crafter, with deterministic worlds that compiled code generates and draws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.backends.seeding import fresh_seeds
from puffer.systems.crafter.terrain import LocalView, generate_terrain
from puffer.systems.quiet import undisturbed

with undisturbed():
    import crafter
    from crafter import constants, engine, objects

_CHUNK = (12, 12)
# The largest width or height of the pictures of `render`, in pixels.
_RENDERED = 600


class _Chunk(dict):
    """The objects of a part of the world, in the order in which they appeared."""

    def add(self, thing: objects.Object) -> None:
        self[thing] = None

    def remove(self, thing: objects.Object) -> None:
        del self[thing]


class _World(engine.World):
    """A world whose chunks keep their objects in order."""

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self._chunks = defaultdict(_Chunk)


class Crafter(crafter.Env):
    """One copy of the game.

    The observation is the picture, uint8 (size[1], size[0], 3). There are 17 actions, `crafter.constants.actions`. The
    infos are `achievements`, int32 (22,), the number of times that each one has been achieved in this episode;
    `inventory`, int32 (16,); `player_pos`, (x, y); and `reward`, even if `reward` is False. The orders are those of
    `crafter.constants.achievements` and `items`.

    Parameters
    ----------
    area : int or (int, int)
        Cells of the world, width and height.
    view : int or (int, int)
        Cells of the picture, width and height. The lowest rows show the inventory.
    size : int or (int, int)
        Pixels of the picture, width and height.
    reward : bool
        Whether there are rewards: 1 for each first achievement, 0.1 for a point of health.
    length : int or None
        Steps after which an episode is truncated; 0 or None for no limit.
    semantic : bool
        Whether the infos have `semantic`, uint8 (width, height): the material or object on each cell of the world.
    render_mode : "rgb_array", optional

    Raises TypeError and ValueError for bad arguments.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = action_space = None

    def __init__(
        self,
        area: Sequence[int] = (64, 64),
        view: int | Sequence[int] = (9, 9),
        size: int | Sequence[int] = (64, 64),
        reward: bool = True,
        length: int | None = 10_000,
        semantic: bool = False,
        render_mode: str | None = None,
    ) -> None:
        area, view, size = _pair("area", area), _pair("view", view), _pair("size", size)
        inventory_rows = -(-len(constants.items) // view[0])
        checks.integer("view[1]", view[1], inventory_rows + 1)
        for axis in range(2):
            # The package draws the amounts in the inventory at 0.6 of a cell.
            checks.integer(f"size[{axis}]", size[axis], 2 * view[axis])
        checks.boolean("reward", reward)
        length = None if length is None else checks.integer("length", length, 0)
        super().__init__(area, view, size, reward, length, seed=0)
        # In the package the spaces are properties, and the metadata are None.
        self.observation_space = spaces.Box(0, 255, (size[1], size[0], 3), np.uint8)
        self.action_space = spaces.Discrete(len(constants.actions))
        self.metadata = type(self).metadata
        self.render_mode = render_mode
        self._gives_semantic = checks.boolean("semantic", semantic)
        self._has_seed = False
        self._near = 2 * max(view)
        self._world = _World(area, constants.materials, _CHUNK)
        self._sem_view = engine.SemanticView(self._world, list(self._sem_view._obj_ids))
        self._set_up_picture(view, view[1] - inventory_rows, size)

    def _set_up_picture(self, view: tuple[int, int], rows: int, size: tuple[int, int]) -> None:
        """Set up the picture: `rows` rows of the cells around the player, with the inventory below."""
        self._unit = width, height = size[0] // view[0], size[1] // view[1]
        self._local_view = LocalView(self._world, self._textures, (view[0], rows), self._unit)
        self._picture = np.zeros((size[1], size[0], 3), np.uint8)
        left, top = (size[0] - view[0] * width) // 2, (size[1] - view[1] * height) // 2
        cells = self._picture[top : top + view[1] * height, left : left + view[0] * width]
        self._near_part, self._inventory_part = cells[: rows * height], cells[rows * height :]
        self._shown_inventory: list[int] | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        if seed is not None or not self._has_seed:
            self._seed, self._episode = fresh_seeds(1)[0] if seed is None else seed, 0
            self._has_seed = True
        self._episode += 1
        self._step = 0
        world = self._world
        world.reset(seed=hash((self._seed, self._episode)) % (2**31 - 1))
        self._update_time()
        self._player = objects.Player(world, (world.area[0] // 2, world.area[1] // 2))
        self._last_health = self._player.health
        self._unlocked = set()
        world.add(self._player)
        self._add_animals(generate_terrain(world.random, world._mat_map, self._player.pos, world._mat_ids))
        return self._draw(), self._info(0.0)

    def _add_animals(self, animals: list[tuple[str, int, int]]) -> None:
        world, player = self._world, self._player
        for name, x, y in animals:
            if name == "cow":
                world.add(objects.Cow(world, (x, y)))
            elif name == "zombie":
                world.add(objects.Zombie(world, (x, y), player))
            else:
                world.add(objects.Skeleton(world, (x, y), player))

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        world, player, near = self._world, self._player, self._near
        self._step += 1
        self._update_time()
        player.action = constants.actions[action]
        for thing in world.objects:
            x, y = player.pos.tolist()
            thing_x, thing_y = thing.pos.tolist()
            if abs(thing_x - x) + abs(thing_y - y) < near:
                thing.update()
        if self._step % 10 == 0:
            for chunk, things in world.chunks.items():
                self._balance_chunk(chunk, things)
        observation = self._draw()
        reward = (player.health - self._last_health) / 10
        self._last_health = player.health
        unlocked = {name for name, count in player.achievements.items() if count > 0} - self._unlocked
        if unlocked:
            self._unlocked |= unlocked
            reward += 1.0
        late = bool(self._length) and self._step >= self._length
        return observation, reward if self._reward else 0.0, player.health <= 0, late, self._info(reward)

    def _info(self, reward: float) -> dict[str, Any]:
        player = self._player
        info = {
            "achievements": np.array(list(player.achievements.values()), np.int32),
            "inventory": np.array(list(player.inventory.values()), np.int32),
            "player_pos": player.pos,
            "reward": reward,
        }
        if self._gives_semantic:
            info["semantic"] = self._sem_view()
        return info

    def _draw(self) -> np.ndarray:
        player = self._player
        self._near_part[...] = self._local_view.draw(player)
        inventory = list(player.inventory.values())
        if inventory != self._shown_inventory:
            self._inventory_part[...] = self._item_view(player.inventory, self._unit).transpose(1, 0, 2)
            self._shown_inventory = inventory
        return self._picture.copy()

    def render(self) -> np.ndarray:
        """The last observation, enlarged by the largest whole factor that keeps it within 600 pixels."""
        times = max(1, _RENDERED // max(self._picture.shape))
        return self._picture.repeat(times, axis=0).repeat(times, axis=1)

    def close(self) -> None:
        """Do nothing: a game holds no resources."""


def _pair(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Width and height, given as two integers or as one for both. Raises TypeError or ValueError."""
    pair = (value, value) if np.ndim(value) == 0 else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be two integers, width and height, got {value!r}")
    return checks.integer(f"{name}[0]", pair[0], 1), checks.integer(f"{name}[1]", pair[1], 1)
