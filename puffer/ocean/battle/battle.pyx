"""Battle: two armies on a map, whose agents walk, strike the enemies beside them, and are out when they fall.

Observation   float32 (13, 13, 5) of each agent: the square of cells around it, rows from the north, columns from the
              west, and in each cell 1 for a wall; 1 for an agent of its own side, that agent's health divided by 10;
              the same two for an enemy. Only the cells of a circle of radius 6 have anything in them, and there is
              nothing outside of the map. With minimap_mode, (13, 13, 9): behind the own side's two numbers, and behind
              the enemy's two, a map of the whole world in 13 x 13 parts: which fraction of that side is there, plus 1
              where the agent itself is; last, in every cell, the agent's x and y divided by map_size. With
              extra_features, in every cell 32 more, before x and y: ten bits of the agent's index, the lowest first,
              its last action (21, one-hot), and its reward in the step before the last one. With compact, uint8
              (13, 13, 5), in hundredths: 100 is a wall, an agent, full health.
Action        Discrete(21): 0 to 12 move, 13 to 20 attack, both in the order of rows from the north, and from west to
              east in a row. Moves go to the cells at most two steps away: 0 north by 2; 1 north-west, 2 north, 3
              north-east; 4 west by 2, 5 west, 6 stay, 7 east, 8 east by 2; 9 south-west, 10 south, 11 south-east; 12
              south by 2. Attacks: 13 north-west, 14 north, 15 north-east, 16 west, 17 east, 18 south-west, 19 south,
              20 south-east.
Reward        step_reward, -0.005, in each step; for an attack attack_penalty, -0.1, whatever it hits; for one that hits
              an enemy who lives on attack_opponent_reward, 0.2; for one that fells an enemy 5. Who falls gets
              dead_penalty, -0.1, instead of all of these but the 0.2.
Terminated    for an agent when it falls; for all when one side has nobody left.
Truncated     after 1000 steps, or max_steps if given.
Start         always the same: in "battle", red on the left and blue on the right, each on every other cell of a square
              that grows with the map: 81 on each side at map_size 45, 2 at 12, 256 at 80. In "battlefield", up to 15 on
              each side, 12 at map_size 80, where one side may have one less than the other, and two double walls with
              an opening each.
Rules         First the attacks happen one after the other, in random order. An attack on an enemy takes 2 of its
              health, which is 10 at the start. Who has less than 0 falls, is off the map at once and attacks no more.
              Attacks on the own side, on walls and on nobody do nothing. Then all recover 0.1 of their health, up to
              10. Then agents move in the order of their rows, red first, over whatever stands between, if the cell that
              they go to is free by then.
Source        Zheng et al. 2018, "MAgent: A Many-Agent Reinforcement Learning Platform for Artificial Collective
              Intelligence"; everything as in battle_v4 and battlefield_v5 of magent2 0.3.4, but that magent2 gives both
              sides the actions of its first agents in the first step of an episode.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks
from puffer.ocean.battle._layouts import make_map

from puffer cimport Canvas, Env, int16_t, int32_t, uint8_t, uint32_t
from puffer.ocean.battle.armies cimport (
    ACTIONS, ALIVE, Armies, Attacks, Pay, SIGHT, WALL, World, attack, begin, finish,
    move, recover, repair, shuffle, start,
)
from puffer.ocean.battle.picture cimport TILE, draw_armies, write_armies
from puffer.ocean.battle.views cimport (
    CHANNELS, EXTRA, Form, Minimap, SIDE, WHOLE, draw, draw_minimap, erase, make_form, see,
)

_REWARDS = ("step_reward", "dead_penalty", "attack_penalty", "attack_opponent_reward")


@cython.final
cdef class Battle(Env):
    """Battle(num_envs=1, *, layout="battle", map_size=None, minimap_mode=False, extra_features=False,
      compact=False, step_reward=-0.005, dead_penalty=-0.1, attack_penalty=-0.1, attack_opponent_reward=0.2, **options)
--

Two armies. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of maps.
layout : str
    "battle" or "battlefield".
map_size : int, optional
    Rows and columns of the map with the walls around it, 12 to 99, of battlefield 46 to 99; by default 45, of
    battlefield 80. It sets the number of agents too.
minimap_mode : bool
    Whether agents see a map of the whole world, and know where they are.
extra_features : bool
    Whether agents know their index, their last action and their last reward but one.
compact : bool
    Whether observations are uint8, in hundredths, which takes a quarter of the memory and, in large batches, of the
    time. There is no minimap and there are no extra features then.
step_reward, dead_penalty, attack_penalty, attack_opponent_reward : float
    The rewards, -1e6 to 1e6 each.
**options
    The options of `puffer.Env`. The time limit that magent2 calls max_cycles is `max_steps`.

Attributes
----------
layout : str
map_size : int
minimap_mode, extra_features, compact : bool
    The parameters.
team_sizes : tuple of int
    How many agents are red, which are those of the first rows, and how many are blue.

Notes
-----
The statistics of an agent are how many enemies it felled and how many times it hit one, whether it fell, and whether it
stood when no enemy was left.

`env.set_next(copies, attack_penalty=...)` gives copies other rewards in their next episodes.

`state(copy)` has `positions`, int (agents, 2), x from the west and y from the north; `health`, float32 (agents,), of
who has fallen without meaning; `alive`, bool (agents,); `walls`, bool (map_size, map_size), rows first; `engine`, the
number from which the order of attacks in the next step comes: magent2 seeded with it goes on in the same way.
"""

    task_parameter = "layout"
    default_max_steps = 1000
    statistic_names = ("kills", "hits", "deaths", "wins")
    render_modes = ("rgb_array", "ansi")
    cdef readonly str layout
    cdef readonly int map_size
    cdef readonly bint minimap_mode, extra_features, compact
    cdef readonly tuple team_sizes
    cdef World world
    cdef Form form
    cdef char* observations
    cdef Py_ssize_t row_size
    cdef int32_t[::1] actions
    # For each copy its Armies, in `size` bytes; and its rewards, of this episode and of the coming ones.
    cdef char* memory
    cdef Py_ssize_t size
    cdef Pay* pays
    cdef Pay made_pay
    # What the world points to.
    cdef tuple kept
    cdef object walls, reward_range
    # For each copy the image of its map, see views.pxd: observe() leaves it as it finds it.
    cdef uint8_t[:, ::1] images

    def __init__(self, num_envs=1, *, layout="battle", map_size=None, minimap_mode=False, extra_features=False,
                 compact=False, step_reward=-0.005, dead_penalty=-0.1, attack_penalty=-0.1, attack_opponent_reward=0.2,
                 **options):
        cdef Py_ssize_t i
        cdef uint8_t[::1] rows
        given = {"step_reward": step_reward, "dead_penalty": dead_penalty, "attack_penalty": attack_penalty,
                 "attack_opponent_reward": attack_opponent_reward}
        rewards = {name: check_reward(name, value) for name, value in given.items()}
        walls, red, blue = make_map(layout, map_size)
        form = make_form(checks.boolean("minimap_mode", minimap_mode), checks.boolean("extra_features", extra_features),
                         checks.boolean("compact", compact))
        if compact and (minimap_mode or extra_features):
            raise ValueError("compact observations have no minimap and no extra features: leave out compact, or "
                             "minimap_mode and extra_features")
        low, high = reward_range_of(rewards)
        super().__init__(num_envs, observation_space(form, low, high), spaces.Discrete(ACTIONS),
                         agents_per_env=len(red) + len(blue),
                         snapshot_key=(layout, len(walls), minimap_mode, extra_features, *rewards.values()),
                         copies_per_block=1 if len(red) > 32 else 16, **options)
        rows = self.buffers.observations.reshape(-1).view(np.uint8)
        self.observations, self.actions = <char*>&rows[0], self.buffers.actions
        self.row_size = rows.shape[0] // self.num_agents
        self.layout, self.map_size = str(layout), len(walls)
        self.minimap_mode, self.extra_features, self.compact = minimap_mode, extra_features, compact
        self.team_sizes, self.form, self.walls, self.reward_range = (len(red), len(blue)), form, walls, (low, high)
        self.made_pay = pay_of(rewards)
        self._make_world(walls, red, blue)
        self.size = size_of(&self.world)
        self.memory = <char*>self.new_state(self.size)
        self.pays = <Pay*>self.new_state(2 * sizeof(Pay))
        for i in range(2 * self.num_copies):
            self.pays[i] = self.made_pay
        image = np.zeros((*[len(walls) + 2 * SIGHT] * 2, CHANNELS), np.uint8 if compact else np.float32)
        image[..., 0] = (WHOLE if compact else 1) * np.pad(walls, SIGHT)
        self.images = np.tile(image.ravel().view(np.uint8), (self.num_copies, 1))

    cdef int _make_world(self, object walls, list red, list blue) except -1:
        cdef uint8_t[::1] x, y
        cdef int16_t[::1] cells
        x, y = np.ascontiguousarray(np.array(red + blue, np.uint8).T)
        cells = np.where(np.pad(walls, SIGHT, constant_values=True), WALL, 0).astype(np.int16).ravel()
        self.kept = (x, y, cells)
        self.world = World(size=len(walls), stride=len(walls) + 2 * SIGHT, agents=len(red) + len(blue), red=len(red),
                           x=&x[0], y=&y[0], cells=&cells[0])
        return 0

    cdef inline Armies _armies(self, Py_ssize_t i) noexcept nogil:
        return armies_at(&self.world, self.memory + i * self.size)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef Armies armies = self._armies(i)
        self.pays[2 * i] = self.pays[2 * i + 1]
        start(&self.world, &armies, &self.rng[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Armies armies = self._armies(i)
        cdef Attacks attacks
        cdef Py_ssize_t first = i * self.world.agents
        cdef float* rewards = &self.rewards[first]
        cdef double* statistics = &self.statistics[first, 0]
        begin(&self.world, &armies, &self.pays[2 * i], &self.actions[first], &attacks, rewards)
        shuffle(armies.engine, &attacks)
        attack(&self.world, &armies, &self.pays[2 * i], &attacks, rewards, statistics)
        recover(&self.world, &armies)
        move(&self.world, &armies)
        finish(&self.world, &armies, rewards, &self.terminations[first], statistics)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Armies armies = self._armies(i)
        cdef Minimap minimap
        cdef char* image = <char*>&self.images[i, 0]
        cdef Py_ssize_t first = i * self.world.agents
        cdef int side, k
        if self.form.minimap:
            draw_minimap(&self.world, &armies, &minimap)
        for side in range(2):
            draw(&self.world, &armies, &self.form, side == 0, image)
            for k in range(self.world.red if side else 0, self.world.agents if side else self.world.red):
                if self.masks[first + k]:
                    see(&self.world, &armies, &self.form, &minimap, image, k, self.retained,
                        self.observations + (first + k) * self.row_size)
        erase(&self.world, &armies, &self.form, image)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef Armies armies = self._armies(i)
        repair(&self.world, &armies)

    def set_next_parameters(self, copies, parameters):
        """Set the rewards of copies for their next episodes. With extra_features they must fit the space."""
        cdef Py_ssize_t i
        checks.arguments("set_next() of Battle", parameters, _REWARDS)
        copies = [checks.integer("copy", copy, 0, self.num_copies - 1) for copy in copies]
        checked = []
        for k, i in enumerate(copies):
            given = {name: check_reward(name, values[k]) for name, values in parameters.items()}
            rewards = {**rewards_of(self.pays[2 * i + 1]), **given}
            low, high = reward_range_of(rewards)
            if self.extra_features and (low < self.reward_range[0] or high > self.reward_range[1]):
                raise ValueError(f"rewards from {low:g} to {high:g} do not fit the observation of the batch, in which "
                                 f"they are from {self.reward_range[0]:g} to {self.reward_range[1]:g}")
            checked.append(rewards)
        for i, rewards in zip(copies, checked, strict=True):
            self.pays[2 * i + 1] = pay_of(rewards)

    def parameters_of(self, copy):
        """The rewards of the episode of a copy."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return rewards_of(self.pays[2 * i])

    cdef dict state_one(self, Py_ssize_t i):
        cdef Armies armies = self._armies(i)
        cdef int n = self.world.agents, k
        return {"positions": np.array([(armies.x[k], armies.y[k]) for k in range(n)]),
                "health": np.array([armies.health[k] for k in range(n)], np.float32),
                "alive": np.array([armies.status[k] == ALIVE for k in range(n)]),
                "walls": self.walls.copy(), "engine": armies.engine[0]}

    @property
    def render_size(self):
        return TILE * self.map_size, TILE * self.map_size

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef Armies armies = self._armies(i)
        return draw_armies(canvas, &self.world, &armies, self.walls)

    cdef object ansi_one(self, Py_ssize_t i):
        cdef Armies armies = self._armies(i)
        return write_armies(&self.world, &armies, self.walls)


cdef inline Py_ssize_t size_of(const World* world) noexcept nogil:
    """The bytes of one copy, in whole cache lines, which threads do not share."""
    cdef Py_ssize_t size = 20 * world.agents + world.stride * world.stride * sizeof(int16_t) + 4
    return (size + 63) // 64 * 64


cdef inline Armies armies_at(const World* world, char* memory) noexcept nogil:
    """The arrays of a copy, those of large items first."""
    cdef Armies a
    cdef float* floats = <float*>memory
    cdef int n = world.agents
    a.health, a.fraction, a.paid, a.shown = floats, floats + n, floats + 2 * n, floats + 3 * n
    a.engine = <uint32_t*>(floats + 4 * n)
    a.cells = <int16_t*>(a.engine + 1)
    a.x = <uint8_t*>(a.cells + world.stride * world.stride)
    a.y, a.status, a.action = a.x + n, a.x + 2 * n, a.x + 3 * n
    return a


cdef double check_reward(str name, object value) except? -1:
    return checks.number(name, value, -1e6, 1e6)


cdef Pay pay_of(dict rewards) except *:
    return Pay(rewards["step_reward"], rewards["dead_penalty"], rewards["attack_penalty"],
               rewards["attack_opponent_reward"])


cdef dict rewards_of(Pay pay):
    return dict(zip(_REWARDS, (pay.step, pay.dead, pay.attack, pay.opponent), strict=True))


cdef tuple reward_range_of(dict rewards):
    """The least and the greatest reward that a step may give, a little apart for rounding."""
    # Copies keep float32.
    values = np.array([5, *rewards.values()], np.float32).astype(np.float64)
    return np.minimum(values, 0).sum() * (1 + 1e-6), np.maximum(values, 0).sum() * (1 + 1e-6)


cdef object observation_space(Form form, double low, double high):
    if form.compact:
        return spaces.Box(0, WHOLE, (SIDE, SIDE, CHANNELS), np.uint8)
    space = spaces.Box(0, 2, (SIDE, SIDE, form.channels), np.float32)
    if form.extra:
        channel = form.channels - form.own + EXTRA - 1
        space.low[:, :, channel], space.high[:, :, channel] = low, high
    return space
