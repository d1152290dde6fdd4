"""Crafter: survive in a wild land, from the first tree to a diamond.

Observation   uint8 (64, 64, 3), the package's picture: 9 x 7 cells around the player, and the inventory below. With
              observation="symbolic" uint8 (145,): the materials of these cells, row by row from the top: 0 outside of
              the world, 1 water, 2 grass, 3 stone, 4 path, 5 sand, 6 tree, 7 lava, 8 coal, 9 iron, 10 diamond,
              11 table, 12 furnace; then what stands on them: 0 nothing, 1 player, 2 cow, 3 zombie, 4 skeleton, 5 to 8
              arrow that flies to the left, right, up, down, 9 plant, 10 ripe plant; then 0 to 9 each of health, food,
              drink, energy, sapling, wood, stone, coal, iron, diamond, pickaxe of wood, of stone, of iron, sword of
              wood, of stone, of iron; the direction that the player faces, 0 left, 1 right, 2 up, 3 down; whether it
              sleeps; and daylight, 0 to 255.
Action        Discrete(17): 0 noop, 1 left, 2 right, 3 up, 4 down, 5 do, 6 sleep, 7 place stone, 8 place table, 9 place
              furnace, 10 place plant, 11 make wood pickaxe, 12 make stone pickaxe, 13 make iron pickaxe, 14 make wood
              sword, 15 make stone sword, 16 make iron sword. What is not possible changes nothing.
Reward        1 in a step with one or more achievements that are the first of their kind in the episode, and 0.1 for
              each point of health that is gained or lost.
Terminated    when health is 0.
Truncated     after 10000 steps, or max_steps if given.
Start         a new world of 64 x 64 cells, with the player in its middle. With `worlds`, one of that many.
Rules         The player acts on the cell that it faces. A tree gives wood and is gone, water a drink, one blade of
              grass in ten a sapling; a plant is ripe after 300 steps. Stone and coal need a pickaxe of wood, iron one
              of stone, diamonds one of iron. A table takes 2 wood and a furnace 4 stone. Tools are made beside a table,
              from a wood, for those of stone with a stone, for those of iron with a coal and an iron and beside a
              furnace as well. Food, drink and energy fall with time, and health falls while one of them is 0, else it
              rises. Sleep ends with full energy, or when the player is hurt. Cows are food. Zombies come over grass,
              more of them by night, and take 2 health, or 7 from a sleeper; skeletons shoot arrows. Lava kills. A day
              has 300 steps. Animals near the player move; anywhere they appear and vanish.
Statistics    whether each of the 22 achievements was unlocked in the episode, and how many were. The score of the
              paper, the geometric mean of the success rates, is `puffer.ocean.crafter.score(env.stats())`.
Copies        may have a world of their own from their next episode on: `env.set_next(copies, world=...)`.
Source        Hafner 2022, "Benchmarking the Spectrum of Agent Capabilities"; everything as in crafter 1.8.3, where the
              textures are from (MIT, Copyright (c) 2021 Danijar Hafner). `puffer.make("crafter")` is that package.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Buffers, Canvas, Env, int32_t, int64_t, memcpy, rng_below, uint8_t, uint32_t
from puffer.ocean.crafter.creatures cimport balance, step_creatures
from puffer.ocean.crafter.picture cimport LARGE_PICTURE, PICTURE, Textures, draw_large, draw_picture
from puffer.ocean.crafter.player cimport step_player
from puffer.ocean.crafter.start cimport MOST_WORLDS, begin, daylight_at
from puffer.ocean.crafter.symbols cimport COLUMNS, ROWS, SYMBOLS, VIEW, write_symbols
from puffer.ocean.crafter.world cimport (
    ACHIEVEMENTS, CELLS, HEALTH, ITEMS, MATERIAL, Player, SIDE, THING, World, close_gaps, repair,
)

from puffer.ocean.crafter import ACHIEVEMENTS as _NAMES
from puffer.ocean.crafter._textures import LARGE_UNIT, UNIT, make_items, make_tiles, make_vignette, read_textures

cdef enum:
    ANY = -1
    # So many worlds are made once and kept.
    MOST_KEPT = 1000


@cython.final
cdef class Crafter(Env):
    """Crafter(num_envs=1, *, observation="pixels", worlds=None, **options)
--

Wild lands with one player each. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
observation : str
    "pixels" or "symbolic".
worlds : int, optional
    How many worlds there are, 1 to 2**31 - 1: those with the numbers from 0. Each episode is in one of them at random.
    The default is as many as there can be. Up to 1,000 worlds are made once, when the batch is, and kept in 12 kB each:
    episodes then begin 100 times faster.
**options
    The options of `puffer.Env`.

Attributes
----------
observation : str
worlds : int
    As given, or the default.

Notes
-----
`env.set_next(copies, world=...)` takes the number of a world, below 2**31 - 1, or None for any again.
`env.get_attr("world")` is the number of each copy's world.

`state(copy)` has `terrain` and `things`, uint8 (64, 64), by x and y, with the numbers of the symbolic observation;
`inventory`, int (16,); `achievements`, int (22,), how often each was achieved; `player`, (x, y); `facing`; `sleeping`;
`daylight`, 0 to 1; `world`, its number; and `creatures`, int (n, 5), in the order of their turns: x, y, thing, health,
and steps until a zombie strikes, until a skeleton shoots, or since a plant was put there.
"""

    default_max_steps = 10000
    statistic_names = (*_NAMES, "achievements")
    render_size = (LARGE_PICTURE, LARGE_PICTURE)
    cdef readonly str observation
    cdef readonly uint32_t worlds
    # One of the two is used, by the kind of observation.
    cdef uint8_t* picture
    cdef uint8_t* symbols
    cdef int32_t[::1] actions
    cdef Textures textures
    cdef World* starts
    # What the two point to.
    cdef list kept
    cdef World* state
    # The number of the world of the coming episodes, or ANY.
    cdef int64_t* next_worlds

    def __init__(self, num_envs=1, *, observation="pixels", worlds=None, **options):
        cdef Py_ssize_t i
        observation = checks.choice("observation", observation, ("pixels", "symbolic"))
        worlds = MOST_WORLDS if worlds is None else checks.integer("worlds", worlds, 1, MOST_WORLDS)
        if observation == "pixels":
            space = spaces.Box(0, 255, (64, 64, 3), np.uint8)
        else:
            space = spaces.Box(0, _highest(), (SYMBOLS,), np.uint8)
        super().__init__(num_envs, space, spaces.Discrete(17), snapshot_key=(observation, worlds), **options)
        self.observation, self.worlds = observation, worlds
        self._keep_textures()
        if worlds <= MOST_KEPT:
            self._keep_starts(worlds)
        self.state = <World*>self.new_state(sizeof(World))
        self.next_worlds = <int64_t*>self.new_state(sizeof(int64_t))
        for i in range(self.num_copies):
            self.next_worlds[i] = ANY

    cdef int _keep_textures(self) except -1:
        cdef const uint8_t[:, :, :, ::1] tiles, large_tiles
        cdef const uint8_t[:, :, :, :, ::1] items, large_items
        cdef const double[:, ::1] vignette
        textures = read_textures()
        self.kept = [make_tiles(textures, UNIT), make_items(textures, UNIT), make_vignette(COLUMNS * UNIT, ROWS * UNIT),
                     make_tiles(textures, LARGE_UNIT), make_items(textures, LARGE_UNIT)]
        tiles, items, vignette, large_tiles, large_items = self.kept
        self.textures.large_tiles, self.textures.large_items = &large_tiles[0, 0, 0, 0], &large_items[0, 0, 0, 0, 0]
        self.textures.tiles, self.textures.items = &tiles[0, 0, 0, 0], &items[0, 0, 0, 0, 0]
        self.textures.vignette = &vignette[0, 0]
        return 0

    cdef int _keep_starts(self, Py_ssize_t count) except -1:
        cdef Py_ssize_t number
        cdef uint8_t[::1] memory = np.zeros(count * sizeof(World), np.uint8)
        self.kept.append(memory)
        self.starts = <World*>&memory[0]
        with nogil:
            for number in range(count):
                begin(&self.starts[number], <uint32_t>number)
        return 0

    cdef int bind(self, Buffers buffers) except -1:
        cdef uint8_t[::1] rows = buffers.observations.reshape(-1)
        if buffers.observations.ndim == 4:
            self.picture = &rows[0]
        else:
            self.symbols = &rows[0]
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef int64_t number = self.next_worlds[i]
        if number == ANY:
            number = rng_below(&self.rng[i], self.worlds)
        if self.starts != NULL and number < self.worlds:
            memcpy(&self.state[i], &self.starts[number], sizeof(World))
        else:
            begin(&self.state[i], <uint32_t>number)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef World* world = &self.state[i]
        cdef int64_t step = self.elapsed[i] + 1
        cdef int creatures = world.creatures
        world.step = <uint32_t>step
        world.daylight = daylight_at(step)
        step_player(world, self.actions[i], &self.rng[i])
        step_creatures(world, creatures, &self.rng[i])
        if step % 10 == 0:
            balance(world, &self.rng[i])
        close_gaps(world)
        self.pay(i)

    cdef void pay(self, Py_ssize_t i) noexcept nogil:
        """Set the reward, the flag and the statistics of a step."""
        cdef Player* player = &self.state[i].player
        cdef double reward = (player.inventory[HEALTH] - player.paid_health) / 10.0
        cdef uint32_t before = player.unlocked
        cdef int k
        player.paid_health = player.inventory[HEALTH]
        for k in range(ACHIEVEMENTS):
            player.unlocked |= <uint32_t>(player.achievements[k] > 0) << k
        if player.unlocked != before:
            reward += 1
            for k in range(ACHIEVEMENTS):
                if (player.unlocked & ~before) >> k & 1:
                    self.statistics[i, k] = 1
                    self.statistics[i, ACHIEVEMENTS] += 1
        self.rewards[i] = <float>reward
        self.terminations[i] = player.inventory[HEALTH] <= 0

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        if self.symbols != NULL:
            write_symbols(&self.state[i], self.symbols + i * SYMBOLS)
        else:
            draw_picture(&self.state[i], &self.textures, self.picture + i * PICTURE)

    def set_next_parameters(self, copies, parameters):
        """Set the `world` of the next episodes of copies: a number, or None for any."""
        cdef Py_ssize_t i
        checks.arguments("set_next() of Crafter", parameters, ["world"])
        numbers = [ANY if number is None else checks.integer("world", number, 0, MOST_WORLDS - 1)
                   for number in parameters.get("world", ())]
        for i, number in zip(copies, numbers):
            self.next_worlds[i] = number

    def parameters_of(self, copy):
        """The number of the `world` of a copy."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"world": self.state[i].number}

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        self.next_worlds[i] = min(max(self.next_worlds[i], ANY), MOST_WORLDS - 1)
        if not repair(&self.state[i]):
            self.reset_one(i)

    cdef dict state_one(self, Py_ssize_t i):
        cdef World* world = &self.state[i]
        cdef Player* player = &world.player
        cdef int k
        cells = np.array(<uint8_t[:CELLS]>world.cells).reshape(SIDE, SIDE)
        creatures = [(world.xs[k], world.ys[k], world.kinds[k], world.healths[k], world.timers[k])
                     for k in range(world.creatures)]
        return {"terrain": cells & MATERIAL, "things": cells // THING, "player": (player.x, player.y),
                "inventory": np.array([player.inventory[k] for k in range(ITEMS)]),
                "achievements": np.array([player.achievements[k] for k in range(ACHIEVEMENTS)]),
                "facing": player.facing, "sleeping": bool(player.sleeping), "daylight": world.daylight,
                "world": world.number, "creatures": np.array(creatures, np.int64).reshape(-1, 5)}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        return draw_large(canvas, &self.state[i], &self.textures)


def _highest():
    """The largest values of the symbolic observation."""
    highest = np.full(SYMBOLS, 9, np.uint8)
    highest[:VIEW], highest[VIEW:2 * VIEW] = 12, 10
    highest[SYMBOLS - 3:] = 3, 1, 255
    return highest
