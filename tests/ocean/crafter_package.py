"""The package `crafter` with the random numbers of the native Crafter, and a player that reaches diamonds.

A copy of the package takes its world from the native environment: generation is compared on its own, because the
package needs a second for a world. From then on every random number of its rules is drawn from a `puffer.Random` that
stands where the stream of the native copy stands.
"""

from collections import defaultdict, deque

import crafter
import numpy as np
from crafter import constants, engine, objects

LEFT, RIGHT, UP, DOWN = (-1, 0), (1, 0), (0, -1), (0, 1)
DIRECTIONS = (LEFT, RIGHT, UP, DOWN)
KINDS = {objects.Cow: 2, objects.Zombie: 3, objects.Skeleton: 4, objects.Arrow: 5, objects.Plant: 9}
WATER, GRASS, STONE, PATH, SAND, TREE, LAVA, COAL, IRON, DIAMOND, TABLE, FURNACE = range(1, 13)


class Draws:
    """A stream of the native generator, as the package draws from one of NumPy's; noise of pictures comes apart."""

    def __init__(self, stream, noise=None):
        self.stream, self.noise = stream, noise

    def uniform(self, low=0.0, high=1.0, size=None):
        return self.stream.uniform() if size is None else self.noise(size)

    def randint(self, low, high):
        return low + self.stream.below(high - low)


class OrderedChunk(set):
    """The objects of a chunk, in the order in which they appeared in the world."""

    def __iter__(self):
        return iter(sorted(set.__iter__(self), key=lambda thing: thing.born))


class World(engine.World):
    def reset(self, seed=None):
        super().reset(seed)
        self._chunks = defaultdict(OrderedChunk)
        self.random = Draws(None)

    def add(self, thing):
        thing.born = len(self._objects)
        super().add(thing)


class Package(crafter.Env):
    """The package's environment, which begins in the state of a native copy."""

    def __init__(self, draws_pictures=False, length=10_000):
        super().__init__(seed=0, length=length)
        self.draws_pictures, self.noise = draws_pictures, None
        world = World((64, 64), constants.materials, (12, 12))
        for view in (self._local_view, self._sem_view):
            view._world = world
        self._world = world

    def begin(self, state, stream):
        """Take over the state of a copy at the beginning of an episode, and its stream. Returns the picture."""
        world = self._world
        world.reset()
        self._step, self._unlocked = 0, set()
        self._update_time()
        world.random = Draws(stream, self.noise)
        world._mat_map[...] = state["terrain"]
        self._player = objects.Player(world, state["player"])
        self._last_health = self._player.health
        world.add(self._player)
        for x, y, kind, _, _ in state["creatures"].tolist():
            cls = [objects.Cow, objects.Zombie, objects.Skeleton][kind - 2]
            world.add(cls(world, (x, y)) if cls is objects.Cow else cls(world, (x, y), self._player))
        return self._obs() if self.draws_pictures else None

    def _obs(self):
        return self.render() if self.draws_pictures else None

    def state(self):
        """The state, as `state(copy)` of the native environment tells it."""
        player, world = self._player, self._world
        things = np.zeros((64, 64), np.uint8)
        rows = []
        for thing in world.objects:
            kind = 1 if thing is player else KINDS[type(thing)]
            timer = 0
            if kind == 3:
                timer = thing.cooldown
            elif kind == 4:
                timer = thing.reload
            elif kind == 5:
                kind += DIRECTIONS.index(tuple(int(way) for way in thing.facing))
            elif kind == 9:
                timer, kind = min(thing.grown, 301), kind + thing.ripe
            things[tuple(thing.pos)] = kind
            if thing is not player:
                rows.append((*thing.pos.tolist(), kind, int(thing.health), timer))
        return {
            "terrain": world._mat_map,
            "things": things,
            "player": tuple(int(at) for at in player.pos),
            "inventory": np.array(list(player.inventory.values())),
            "achievements": np.array(list(player.achievements.values())),
            "facing": DIRECTIONS.index(tuple(player.facing)),
            "sleeping": player.sleeping,
            "daylight": world.daylight,
            "creatures": np.array(rows, np.int64).reshape(-1, 5),
        }


# ---- A player ----


def way_to(state, is_wanted, walkable=(GRASS, PATH, SAND)):
    """The action that leads to a cell (x, y, material, thing) that is wanted; "do" if the player faces one; or None."""
    terrain, things, start = state["terrain"].tolist(), state["things"].tolist(), state["player"]
    waiting, seen = deque([(*start, None)]), {start}
    while waiting:
        x, y, first = waiting.popleft()
        for number, (dx, dy) in enumerate(DIRECTIONS):
            there = i, j = x + dx, y + dy
            if not (0 <= i < 64 and 0 <= j < 64) or there in seen:
                continue
            seen.add(there)
            if is_wanted(i, j, terrain[i][j], things[i][j]):
                if first is not None:
                    return first
                return "do" if state["facing"] == number else 1 + number
            if things[i][j] == 0 and terrain[i][j] in walkable:
                waiting.append((i, j, 1 + number if first is None else first))
    return None


def near(state, material):
    x, y = state["player"]
    return x > 0 and y > 0 and (state["terrain"][x - 1 : x + 2, y - 1 : y + 2] == material).any()


class Miner:
    """A player that goes for all achievements in turn."""

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, state):
        if self.rng.random() < 0.03:
            return int(self.rng.integers(0, 17))
        for action in self.wishes(state):
            if action is not None:
                return action
        return int(self.rng.integers(1, 5))

    def wishes(self, state):
        """Actions in the order of their importance; None for those that are not possible."""
        health, food, drink, energy, sapling, wood, stone, coal, iron, diamond, *tools = state["inventory"].tolist()
        done = state["achievements"]

        def use(wanted):
            action = way_to(state, wanted)
            return 5 if action == "do" else action

        def material(kind):
            return use(lambda x, y, ground, thing: ground == kind and thing == 0)

        def thing(kinds, within=64):
            x0, y0 = state["player"]
            return use(lambda x, y, ground, what: what in kinds and abs(x - x0) + abs(y - y0) <= within)

        yield thing((3, 4), 3)
        if energy < 3 or (state["sleeping"] and energy < 9):
            yield 6
        if drink < 4:
            yield material(WATER)
        if food < 5:
            yield thing((10,))
            yield thing((2,))
        facing = tuple(np.add(state["player"], DIRECTIONS[state["facing"]]))
        inside = min(facing) >= 0 and max(facing) < 64
        ahead = state["terrain"][facing] if inside and state["things"][facing] == 0 else 0
        if sapling and ahead == GRASS and done[18] < 3:
            yield 10
        if not sapling and done[18] == 0:
            yield material(GRASS)
        yield from self.tools(state, wood, stone, coal, iron, tools, ahead, material)
        if done[10] == 0:
            yield thing((10,))
        if done[7] == 0:
            yield thing((4,))
        if tools[2]:
            yield material(DIAMOND)
        if stone and ahead in (GRASS, SAND, PATH, WATER) and done[19] == 0:
            yield 7
        if stone < 3 and tools[0]:
            yield material(STONE)
        yield self.dig(state, stone)

    def tools(self, state, wood, stone, coal, iron, tools, ahead, material):
        if all(tools):
            return
        at_table, at_furnace = near(state, TABLE), near(state, FURNACE)
        if at_table:
            if wood >= 1:
                yield from (11 if not tools[0] else None, 14 if not tools[3] else None)
            if wood >= 1 and stone >= 1 and tools[0]:
                yield from (12 if not tools[1] else None, 15 if not tools[4] else None)
            if at_furnace and wood >= 1 and coal >= 1 and iron >= 1:
                yield from (13 if not tools[2] else None, 16 if not tools[5] else None)
        if wood < 5 and not (at_table and wood >= 1):
            yield material(TREE)
        if not tools[0] or not tools[3]:
            yield 8 if wood >= 3 and ahead in (GRASS, SAND, PATH) else None
            return
        if stone < 6:
            yield material(STONE)
        if not coal:
            yield material(COAL)
        if not tools[1]:
            yield 8 if wood >= 3 and ahead in (GRASS, SAND, PATH) and not at_table else None
            return
        if not iron:
            yield material(IRON)
            yield self.dig(state, stone)
        if coal and iron:
            if not at_table:
                yield 8 if wood >= 3 and ahead in (GRASS, SAND, PATH) else None
            elif not at_furnace:
                yield 9 if stone >= 4 and ahead in (GRASS, SAND, PATH) else None

    def dig(self, state, stone):
        """Go through rock, and over water with stones, to what is out of reach."""
        wanted = DIAMOND if state["inventory"][12] else IRON
        through = (GRASS, PATH, SAND, STONE, COAL, WATER)
        action = way_to(state, lambda x, y, ground, what: ground == wanted, through)
        if action is None or action == "do":
            return 5 if action == "do" else None
        dx, dy = DIRECTIONS[action - 1]
        there = state["player"][0] + dx, state["player"][1] + dy
        if state["facing"] == action - 1 and state["terrain"][there] in (STONE, COAL):
            return 5
        if state["facing"] == action - 1 and state["terrain"][there] == WATER:
            return 7 if stone else None
        return action


def noise_of(seed, step):
    """The noise of a night's picture, as `Draws` gives it to the package: float64 (63, 49), by x and y."""
    pixels = np.arange(63 * 49, dtype=np.uint32)
    x = np.uint32(seed ^ (step * 0x85EBCA6B & 0xFFFFFFFF)) + pixels * np.uint32(0x9E3779B9)
    x = (x ^ x >> 16) * np.uint32(0x7FEB352D)
    x = (x ^ x >> 15) * np.uint32(0x846CA68B)
    x ^= x >> 16
    return (32 + 95 * ((x >> 8) * 2.0**-24)).reshape(49, 63).T
