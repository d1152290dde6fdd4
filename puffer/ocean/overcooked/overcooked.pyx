"""Overcooked: cooks put onions and tomatoes into pots, wait for the soup, fill it into dishes and serve it.

Observation   uint8 (width, height, 26) for two cooks, the lossless planes: where the cook itself is, where the other
              one is; the directions in which the two face (4 + 4); pots, counters, onions, tomatoes, dishes, serving
              places; onions and tomatoes in pots that are off; in other soups; time left of soups that cook; soups that
              are done; dishes, onions, tomatoes; 1 everywhere in the last 39 steps. For n cooks, 5 * n + 16 planes, the
              cook's own before the others' in their order. With observation="features", float32 (n * (28 + 10 *
              num_pots),), of the cook and then of each other one: direction (one-hot); what it holds (onion, soup,
              dish, tomato); dx, dy to the nearest onions, tomatoes, dishes, then 0, 0; onions and tomatoes of the soup
              it holds; dx, dy to the serving place, then 0, 0; for each of its nearest pots whether there is one, and
              it is empty, full, cooking, ready, its onions, tomatoes, time left, dx, dy; whether there is no floor to
              the north, south, east, west. Then dx, dy to the other cooks, and x, y. Nearest is by steps and turns;
              what a cook holds, and what it cannot reach, is at 0, 0. Things on counters do not count.
Action        Discrete(6): 0 north (up), 1 south, 2 east, 3 west, 4 stay, 5 interact.
Reward        to all cooks the value of a soup that is served, 20, if it was ordered, times order_bonus if it is a bonus
              order. To one cook reward_shaping_factor times 3 for an ingredient that it puts into a pot, 3 for a dish
              of use that it takes from the stack, 5 for a soup that it takes from a pot.
Terminated    never.
Truncated     after 400 steps, or max_steps if given.
Start         always the same: cooks where the layout has them, facing north, nothing in hands, pots and on counters.
              With random_start_pos, on random floor. With rnd_obj_prob_thresh, each pot holds with this probability one
              to three onions and tomatoes, and then is on with this probability; each cook holds with this probability
              an onion (3 in 5), a dish or a soup.
Rules         A cook acts on the cell that it faces. It takes onions, tomatoes and dishes from their places, puts
              anything on an empty counter and takes it from there, and puts up to three ingredients into a pot that is
              off. With empty hands it switches on a pot with ingredients. After 20 steps the soup is ready, and a cook
              with a dish takes it. The first cook acts first, then all move: they turn, and go on if there is floor; if
              two of them would meet or swap cells, nobody goes. A dish is of use if no dish is on a counter, and the
              pots with something in them, but for full ones that are off, are more than the dishes in hands; with two
              cooks only.
Source        Carroll et al. 2019, "On the Utility of Learning about Humans for Human-AI Coordination"; everything as in
              overcooked-ai 1.1, where features are those of its planner without counters.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Buffers, Canvas, Env, int16_t, int32_t, memset, uint8_t, uint32_t
from puffer.ocean.overcooked.kitchen cimport (
    Cook, Kitchen, Turn, cook_soups, count_promising, interact, is_possible, move,
)
from puffer.ocean.overcooked.layouts cimport read_layout
from puffer.ocean.overcooked.parameters cimport make_kitchen, set_recipes, set_shaping
from puffer.ocean.overcooked.picture cimport TILE, draw_kitchen, write_kitchen
from puffer.ocean.overcooked.start cimport start
from puffer.ocean.overcooked.views cimport (
    URGENT, blank_planes, features_of_cook, near_places, see_features, see_planes,
)

cpdef enum Action:
    NORTH, SOUTH, EAST, WEST, STAY, INTERACT

# The weight of shaped rewards in the running episode, and in the next one.
cdef struct Weight:
    double now
    double coming


@cython.final
cdef class Overcooked(Env):
    """Overcooked(num_envs=1, *, layout="cramped_room", observation="lossless", num_pots=2, reward_shaping_factor=1.0,
      rew_shaping_params=None, start_all_orders=None, start_bonus_orders=(), order_bonus=2, cook_time=None,
      delivery_reward=None, recipe_values=None, recipe_times=None, onion_value=None, tomato_value=None, onion_time=None,
      tomato_time=None, random_start_pos=False, rnd_obj_prob_thresh=0.0, **options)
--

Kitchens with one to four cooks. See the module's docstring for the rules. Raises ValueError for a text that is not a
kitchen, with the line and the column.

Parameters
----------
num_envs : int
    Number of kitchens.
layout : str
    "cramped_room", "asymmetric_advantages", "coordination_ring", "forced_coordination", "counter_circuit_o_1order"; or
    lines of X (counter), O (onions), T (tomatoes), D (dishes), P (pot), S (serving place), space (floor) and the digits
    of the cooks, up to 4, with a closed edge.
observation : str
    "lossless" or "features".
num_pots : int
    Pots in the features, 1 to 16: the nearest ones.
reward_shaping_factor : float
    Weight of the shaped rewards, -1000 to 1000. `env.set_next(copies, reward_shaping_factor=...)` changes it.
rew_shaping_params : dict, optional
    Shaped rewards, -1000 to 1000: "PLACEMENT_IN_POT_REW", "DISH_PICKUP_REWARD", "SOUP_PICKUP_REWARD".
start_all_orders : list, optional
    Recipes that have a value, such as [("onion", "onion", "tomato")]; by default three onions in the layouts with a
    name, all recipes in others.
start_bonus_orders : list
    Those of them with a bonus.
order_bonus : int
    Factor of the value of these, 1 to 100.
cook_time, delivery_reward : int, optional
    Steps that soups cook, 1 to 250, and their value, 1 to 1000; by default 20.
recipe_values, recipe_times : list of int, optional
    Values and times of the recipes in start_all_orders, in their order, instead.
onion_value, tomato_value, onion_time, tomato_time : int, optional
    Values and times for each ingredient instead, both of a pair.
random_start_pos : bool
    Whether cooks start on random floor.
rnd_obj_prob_thresh : float
    Probability with which pots and cooks hold something at the start, 0 to 1.
**options
    The options of `puffer.Env`.

Attributes
----------
layout, observation : str
num_pots : int
reward_shaping_factor, rnd_obj_prob_thresh : float
random_start_pos : bool
    The parameters.

Notes
-----
`state(copy)` has `cooks`, an int array with a row for each: x, y, direction, what it holds; `terrain`, uint8 (width,
height): 0 floor, 1 counter, 2 onions, 3 tomatoes, 4 dishes, 5 pot, 6 serving place; `objects` in the same form: 0
nothing, 1 onion, 2 tomato, 3 dish, 16 + onions + 4 * tomatoes a soup; `ticks`, 0 for a pot that is off, else 1 and the
steps that its soup has cooked.
"""

    task_parameter = "layout"
    default_max_steps = 400
    statistic_names = ("soups", "sparse_return", "shaped_return")
    render_modes = ("rgb_array", "ansi")
    cdef readonly str layout, observation
    cdef readonly int num_pots
    cdef readonly double reward_shaping_factor, rnd_obj_prob_thresh
    cdef readonly bint random_start_pos
    cdef Kitchen kitchen
    cdef Py_ssize_t row_size
    cdef uint8_t[::1] terrain
    cdef int16_t[::1] floor
    # One of the two is used, by the kind of observation.
    cdef uint8_t[::1] blank
    cdef int16_t[:, ::1] near
    cdef uint8_t* planes
    cdef float* features
    cdef int32_t[::1] actions
    # For each copy the objects in its cells, how long they have cooked, its cooks, and the weight of shaped rewards.
    cdef uint8_t* objects
    cdef uint8_t* ticks
    cdef Cook* cooks
    cdef Weight* weights

    def __init__(self, num_envs=1, *, layout="cramped_room", observation="lossless", num_pots=2,
                 reward_shaping_factor=1.0, rew_shaping_params=None, start_all_orders=None, start_bonus_orders=(),
                 order_bonus=2, cook_time=None, delivery_reward=None, recipe_values=None, recipe_times=None,
                 onion_value=None, tomato_value=None, onion_time=None, tomato_time=None, random_start_pos=False,
                 rnd_obj_prob_thresh=0.0, **options):
        cdef Py_ssize_t i
        cdef Kitchen kitchen
        terrain, starts = read_layout(layout)
        kitchen = make_kitchen(terrain, starts)
        set_recipes(&kitchen, {
            "layout": layout, "start_all_orders": start_all_orders, "start_bonus_orders": start_bonus_orders,
            "order_bonus": order_bonus, "cook_time": cook_time, "delivery_reward": delivery_reward,
            "recipe_values": recipe_values, "recipe_times": recipe_times, "onion_value": onion_value,
            "tomato_value": tomato_value, "onion_time": onion_time, "tomato_time": tomato_time,
        })
        set_shaping(&kitchen, rew_shaping_params)
        factor = checks.number("reward_shaping_factor", reward_shaping_factor, -1000, 1000)
        pots = checks.integer("num_pots", num_pots, 1, 16)
        anywhere = checks.boolean("random_start_pos", random_start_pos)
        chance = checks.number("rnd_obj_prob_thresh", rnd_obj_prob_thresh, 0, 1)
        checks.choice("observation", observation, ("lossless", "features"))
        blank = blank_planes(terrain, kitchen.cooks)
        if observation == "lossless":
            space = spaces.Box(0, 255, blank.shape, np.uint8)
        else:
            space = spaces.Box(-255, 255, (kitchen.cooks * (features_of_cook(pots) + 2),), np.float32)
        rules = (terrain.tobytes(), str(starts), kitchen.values, kitchen.times, kitchen.placement, kitchen.dish,
                 kitchen.soup, pots, anywhere, chance)
        super().__init__(num_envs, space, spaces.Discrete(6), agents_per_env=kitchen.cooks,
                         snapshot_key=tuple(map(str, rules)), **options)
        self.layout, self.observation, self.num_pots, self.kitchen = layout, observation, pots, kitchen
        self.reward_shaping_factor, self.random_start_pos, self.rnd_obj_prob_thresh = factor, anywhere, chance
        self.row_size = int(np.prod(space.shape))
        self.terrain = terrain.ravel()
        self.floor = np.flatnonzero(self.terrain.base == 0).astype(np.int16)
        self.blank = blank.ravel()
        self.near = near_places(terrain, pots) if observation == "features" else np.zeros((1, 1), np.int16)
        self.objects = <uint8_t*>self.new_state(kitchen.cells)
        self.ticks = <uint8_t*>self.new_state(kitchen.cells)
        self.cooks = <Cook*>self.new_state(kitchen.cooks * sizeof(Cook))
        self.weights = <Weight*>self.new_state(sizeof(Weight))
        for i in range(self.num_copies):
            self.weights[i].now = self.weights[i].coming = factor

    cdef int bind(self, Buffers buffers) except -1:
        cdef uint8_t[::1] planes
        cdef float[::1] features
        rows = buffers.observations.reshape(-1)
        if rows.dtype == np.uint8:
            planes = rows
            self.planes = &planes[0]
        else:
            features = rows
            self.features = &features[0]
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.weights[i].now = self.weights[i].coming
        start(&self.kitchen, &self.floor[0], self.floor.shape[0], self.random_start_pos, self.rnd_obj_prob_thresh,
              &self.rng[i], self.objects + i * self.kitchen.cells, self.ticks + i * self.kitchen.cells,
              self.cooks + i * self.kitchen.cooks)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* objects = self.objects + i * self.kitchen.cells
        cdef uint8_t* ticks = self.ticks + i * self.kitchen.cells
        cdef Py_ssize_t first = i * self.kitchen.cooks
        cdef Cook* cooks = self.cooks + first
        cdef int[4] actions
        cdef Turn turn
        cdef int k
        memset(&turn, 0, sizeof(Turn))
        turn.promising = count_promising(&self.kitchen, objects, ticks)
        for k in range(self.kitchen.cooks):
            actions[k] = self.actions[first + k] if <uint32_t>self.actions[first + k] <= INTERACT else STAY
            if actions[k] == INTERACT:
                interact(&self.kitchen, &self.terrain[0], objects, ticks, cooks, k, &turn)
        move(&self.kitchen, &self.terrain[0], cooks, actions)
        cook_soups(&self.kitchen, objects, ticks)
        for k in range(self.kitchen.cooks):
            self.rewards[first + k] = turn.sparse + self.weights[i].now * turn.shaped[k]
            self.statistics[first + k, 0] += turn.served[k]
            self.statistics[first + k, 1] += turn.sparse
            self.statistics[first + k, 2] += turn.shaped[k]

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t first = i * self.kitchen.cooks
        cdef const uint8_t* objects = self.objects + i * self.kitchen.cells
        cdef const uint8_t* ticks = self.ticks + i * self.kitchen.cells
        if self.planes != NULL:
            see_planes(&self.kitchen, &self.blank[0], objects, ticks, self.cooks + first,
                       self.max_steps - self.elapsed[first] < URGENT, self.planes + first * self.row_size)
        else:
            see_features(&self.kitchen, &self.near[0, 0], self.num_pots, objects, ticks, self.cooks + first,
                         self.features + first * self.row_size)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    def set_next_parameters(self, copies, parameters):
        """Set `reward_shaping_factor` for the next episodes of copies."""
        cdef Py_ssize_t i
        checks.arguments("set_next() of Overcooked", parameters, ["reward_shaping_factor"])
        factors = [checks.number("reward_shaping_factor", factor, -1000, 1000)
                   for factor in parameters.get("reward_shaping_factor", ())]
        for i, factor in zip(copies, factors):
            self.weights[i].coming = factor

    def parameters_of(self, copy):
        """The `reward_shaping_factor` in the episode of a copy."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"reward_shaping_factor": self.weights[i].now}

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        if not is_possible(&self.kitchen, &self.terrain[0], self.objects + i * self.kitchen.cells,
                           self.ticks + i * self.kitchen.cells, self.cooks + i * self.kitchen.cooks):
            self.reset_one(i)

    cdef dict state_one(self, Py_ssize_t i):
        cdef int cells = self.kitchen.cells
        cdef Py_ssize_t row
        shape = self.kitchen.width, self.kitchen.height
        cooks = [(self.cooks[row].cell // self.kitchen.height, self.cooks[row].cell % self.kitchen.height,
                  self.cooks[row].facing, self.cooks[row].held)
                 for row in range(i * self.kitchen.cooks, (i + 1) * self.kitchen.cooks)]
        return {"cooks": np.array(cooks), "terrain": np.asarray(self.terrain).reshape(shape).copy(),
                "objects": np.array(<uint8_t[:cells]>(self.objects + i * cells)).reshape(shape),
                "ticks": np.array(<uint8_t[:cells]>(self.ticks + i * cells)).reshape(shape)}

    @property
    def render_size(self):
        return TILE * self.kitchen.width, TILE * self.kitchen.height

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        return draw_kitchen(canvas, self.state_one(i))

    cdef object ansi_one(self, Py_ssize_t i):
        return write_kitchen(self.state_one(i))
