"""Level-based foraging: players of different levels gather food, some of which they can only load together.

Observation   float32 (3 * max_num_food + 3 * players,): row, column and level of each food in sight, row by row, then
              of the player itself, then of the other players in sight, in index order; -1, -1, 0 for each food and
              player that is not in sight. Rows and columns count from the first one in sight. Without
              observe_agent_levels, the players' levels are left out. With grid_observation, (3, 2 * sight + 1,
              2 * sight + 1) around the player: the levels of players (or 1, without observe_agent_levels), the levels
              of foods, 1 for each free cell of the field; 0 outside of it.
Action        Discrete(6): 0 nothing, 1 north (up), 2 south, 3 west, 4 east, 5 load.
Reward        for a loaded food to each of its players: its level times the food's, divided by the sum of the levels of
              these players and by the sum of the levels of all foods of the episode, so that all rewards add up to 1;
              without normalize_reward, its level times the food's. Minus the penalty for each try that fails.
Terminated    when no food is left.
Truncated     after 50 steps, or max_steps if given.
Start         players on random cells, with levels uniform from min_player_level to max_player_level. Foods on random
              cells that are not at the edge, at most one in each square of nine cells, and none two cells further in a
              row or a column; of levels uniform from min_food_level to max_food_level, or of max_food_level with
              force_coop. Of 1000 random cells, those are taken that are free, so there may be less food.
Rules         Players who try to load stand beside a food, and have it if their levels together are as high as its own.
              Others may move to the next cell, unless a food is there. All move at once: of those who go to one cell,
              or to one whose player stays by choice or at a food or wall, nobody moves. Players may swap cells. One
              may also go to a cell whose player tries in vain to leave it: both are there then.
Source        Papoudakis et al. 2021, "Benchmarking Multi-Agent Deep Reinforcement Learning Algorithms in Cooperative
              Tasks"; everything as in lbforaging 2.0, except that lbforaging also calls its time limit terminated, and
              lets no player start in a cell in which one that has no cell yet ended the last episode.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Buffers, Canvas, Env, int16_t, int32_t, memcpy, uint8_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.foraging.field cimport (
    Field, Meal, Thing, cell_of, food_beside, move, see_foods, see_grid, see_players,
)
from puffer.ocean.foraging.parameters cimport MOST_LEVEL, check_parameters, observation_space, parameters_of_task
from puffer.ocean.foraging.picture cimport TILE, draw_field, write_field
from puffer.ocean.foraging.rules cimport (
    Levels, Rules, are_possible, levels_of_foods, levels_of_players, names_of_rules, numbers_of_levels, rules_of,
    values_of,
)
from puffer.ocean.foraging.start cimport empty, lay_foods, start_foods, start_players

cpdef enum Action:
    NONE, NORTH, SOUTH, WEST, EAST, LOAD


@cython.final
cdef class Foraging(Env):
    """Foraging(num_envs=1, *, task="Foraging-8x8-2p-1f", players=None, field_size=None, max_num_food=None, sight=None,
      force_coop=None, grid_observation=None, penalty=None, min_player_level=1, max_player_level=2, min_food_level=1,
      max_food_level=None, normalize_reward=True, observe_agent_levels=True, **options)
--

Fields with players and foods of different levels. See the module's docstring for the rules. Raises ValueError for
levels that cannot be.

Parameters
----------
num_envs : int
    Number of fields.
task : str
    A name as lbforaging registers them, such as "Foraging-8x8-2p-1f-coop": rows, columns, players, foods. With
    "Foraging-2s-", players see two cells far; with "-coop", force_coop; with "-ind", a max_food_level of 1; with
    "-pen", a penalty of 0.1; with "Foraging-grid-", grid_observation. Parameters that are given replace those of the
    name.
players : int, optional
    Players of a field, 1 to 64.
field_size : tuple of int, optional
    Rows and columns of the field, 3 to 100 each.
max_num_food : int, optional
    Foods of an episode, 1 to 200; less where there is no room.
sight : int, optional
    How many cells far a player sees, at least 1; by default all of the field.
force_coop : bool, optional
    Whether each food has the greatest level that it may have.
grid_observation : bool, optional
    Whether the observation is planes instead of a vector.
penalty : float, optional
    Subtracted from the reward of each player who tries to load in vain, 0 to 1e6.
min_player_level, max_player_level : int or tuple of int
    Levels of players, 1 to 100, or for each player its own; these are then distributed at random.
min_food_level, max_food_level : int or tuple of int, optional
    Levels of foods in the same way; by default a food has at most the sum of the three lowest levels of players.
normalize_reward : bool
    Whether the rewards of an episode add up to 1 at most.
observe_agent_levels : bool
    Whether players see levels of players.
**options
    The options of `puffer.Env`.

Attributes
----------
players, max_num_food, sight : int
force_coop, grid_observation, normalize_reward, observe_agent_levels : bool
penalty : float
field_size : tuple of int
    The parameters.

Notes
-----
`env.set_next(copies, task=...)` gives copies other tasks, with as many players and foods, in their next episodes; it
takes the other parameters too, as far as the observation keeps its form and bounds.

`state(copy)` has `players`, an int array with a row for each player: row, column, level; `field`, int (rows, columns),
the levels of the foods; `spawned`, the sum of the levels of all foods that there were.
"""

    task_parameter = "task"
    default_max_steps = 50
    statistic_names = ("loads", "food_share")
    render_modes = ("rgb_array", "ansi")
    cdef readonly int players, max_num_food, sight
    cdef readonly bint force_coop, grid_observation, normalize_reward, observe_agent_levels
    cdef readonly double penalty
    cdef readonly tuple field_size
    cdef Py_ssize_t cells_size, row_size, levels_size
    # What the batch was made with.
    cdef dict made_with
    cdef object space
    cdef Rules made_rules
    cdef int16_t[::1] made_levels
    cdef float* observations
    cdef int32_t[::1] actions
    # For each copy its cells, its players, its foods, row by row, and their sums.
    cdef uint8_t* cells
    cdef Thing* foragers
    cdef Thing* foods
    cdef Meal* meals
    # For each copy the rules and the levels of the episode, and those of the coming ones.
    cdef Rules* rules
    cdef int16_t* levels

    def __init__(self, num_envs=1, *, task="Foraging-8x8-2p-1f", players=None, field_size=None, max_num_food=None,
                 sight=None, force_coop=None, grid_observation=None, penalty=None, min_player_level=1,
                 max_player_level=2, min_food_level=1, max_food_level=None, normalize_reward=True,
                 observe_agent_levels=True, **options):
        cdef Py_ssize_t i
        own = check_parameters(task, {
            "players": players, "field_size": field_size, "max_num_food": max_num_food, "sight": sight,
            "force_coop": force_coop, "grid_observation": grid_observation, "penalty": penalty,
            "min_player_level": min_player_level, "max_player_level": max_player_level,
            "min_food_level": min_food_level, "max_food_level": max_food_level, "normalize_reward": normalize_reward,
            "observe_agent_levels": observe_agent_levels,
        })
        space = observation_space(own)
        super().__init__(num_envs, space, spaces.Discrete(6), agents_per_env=own["players"],
                         snapshot_key=tuple(own.values()), **options)
        self.players, self.max_num_food, self.sight = own["players"], own["max_num_food"], own["sight"]
        self.force_coop, self.grid_observation = own["force_coop"], own["grid_observation"]
        self.normalize_reward, self.observe_agent_levels = own["normalize_reward"], own["observe_agent_levels"]
        self.penalty, self.field_size = own["penalty"], own["field_size"]
        self.made_with, self.space, self.made_rules = own, space, rules_of(own)
        self.made_levels = np.array(numbers_of_levels(own), np.int16)
        self.row_size = int(np.prod(space.shape))
        self.cells_size = (self.made_rules.field.rows + 2) * self.made_rules.field.stride
        self.levels_size = self.made_levels.shape[0]
        self.cells = <uint8_t*>self.new_state(self.cells_size)
        self.foragers = <Thing*>self.new_state(self.players * sizeof(Thing))
        self.foods = <Thing*>self.new_state(self.max_num_food * sizeof(Thing))
        self.meals = <Meal*>self.new_state(sizeof(Meal))
        self.rules = <Rules*>self.new_state(2 * sizeof(Rules))
        self.levels = <int16_t*>self.new_state(2 * self.levels_size * sizeof(int16_t))
        for i in range(self.num_copies):
            self._make_as_all(i)

    cdef int bind(self, Buffers buffers) except -1:
        cdef float[::1] rows = buffers.observations.reshape(-1)
        self.observations = &rows[0]
        self.actions = buffers.actions
        return 0

    cdef void _make_as_all(self, Py_ssize_t i) noexcept nogil:
        """Give a copy the rules of the batch, for this episode and the coming ones."""
        cdef int k
        for k in range(2):
            self.rules[2 * i + k] = self.made_rules
            memcpy(self.levels + (2 * i + k) * self.levels_size, &self.made_levels[0],
                   self.levels_size * sizeof(int16_t))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* cells = self.cells + i * self.cells_size
        cdef Thing* players = self.foragers + i * self.players
        cdef Rules* rules = &self.rules[2 * i]
        cdef int16_t* numbers = self.levels + 2 * i * self.levels_size
        cdef Levels levels
        rules[0] = rules[1]
        memcpy(numbers, numbers + self.levels_size, self.levels_size * sizeof(int16_t))
        empty(rules.field, cells)
        levels = levels_of_players(rules, numbers, self.players)
        start_players(&self.rng[i], rules.field, &levels, players)
        levels = levels_of_foods(rules, numbers, self.players, self.max_num_food)
        start_foods(&self.rng[i], rules, &levels, players, self.players, cells, self.foods + i * self.max_num_food,
                    &self.meals[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* cells = self.cells + i * self.cells_size
        cdef Py_ssize_t first = i * self.players, row
        cdef Thing* players = self.foragers + first
        cdef const int32_t* actions = &self.actions[first]
        cdef Field field = self.rules[2 * i].field
        cdef int[64] loading
        cdef int k, any_loads = 0
        for k in range(self.players):
            loading[k] = 0
            if actions[k] == LOAD:
                loading[k] = food_beside(cells, cell_of(field, players[k].row, players[k].column), field.stride)
                any_loads |= loading[k]
        move(field, cells, players, self.players, actions)
        if any_loads:
            for k in range(self.players):
                if loading[k]:
                    self._load(i, loading[k], loading)
            for row in range(first, first + self.players):
                self.statistics[row, 1] = <double>self.meals[i].eaten / max(self.meals[i].spawned, 1)
        if self.meals[i].left == 0:
            for row in range(first, first + self.players):
                self.terminations[row] = True

    cdef void _load(self, Py_ssize_t i, int food, int* loading) noexcept nogil:
        """All players at a food try to load it, and have then done so."""
        cdef Py_ssize_t first = i * self.players
        cdef Thing* players = self.foragers + first
        cdef Thing* thing = &self.foods[i * self.max_num_food + food - 1]
        cdef Rules* rules = &self.rules[2 * i]
        cdef int levels = 0, k
        cdef double share, whole = max(self.meals[i].spawned, 1)
        for k in range(self.players):
            levels += players[k].level if loading[k] == food else 0
        for k in range(self.players):
            if loading[k] != food:
                continue
            loading[k] = 0
            share = players[k].level * thing.level
            if levels < thing.level:
                self.rewards[first + k] = -rules.penalty
                continue
            self.rewards[first + k] = share / (levels * whole) if rules.normalize_reward else share
            self.statistics[first + k, 0] += 1
        if levels >= thing.level:
            self.cells[i * self.cells_size + cell_of(rules.field, thing.row, thing.column)] = 0
            self.meals[i].eaten += thing.level
            self.meals[i].left -= 1
            thing.level = 0

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Thing* players = self.foragers + i * self.players
        cdef Thing* foods = self.foods + i * self.max_num_food
        cdef float* row = self.observations + i * self.players * self.row_size
        cdef Rules* rules = &self.rules[2 * i]
        cdef int k
        for k in range(self.players):
            if self.grid_observation:
                see_grid(rules.field, &players[k], players, self.players, foods, self.max_num_food, rules.sight,
                         self.observe_agent_levels, row)
            else:
                see_players(k, players, self.players, rules.sight, 3 if self.observe_agent_levels else 2,
                            see_foods(&players[k], foods, self.max_num_food, rules.sight, row))
            row += self.row_size

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    def set_next_parameters(self, copies, parameters):
        """Set parameters of the class for the next episodes of copies; what is not given stays as the copy has it.

        All but players, max_num_food, grid_observation and observe_agent_levels can be set, by their names or by a
        `task`. The field must not have more cells, and the observation no larger numbers, than those of the batch.
        """
        cdef Py_ssize_t i, k, j
        checks.arguments("set_next() of Foraging", parameters, ("task", *names_of_rules()))
        copies = [checks.integer("copy", copy, 0, self.num_copies - 1) for copy in copies]
        checked = [self._values(copy, {name: given[k] for name, given in parameters.items()})
                   for k, copy in enumerate(copies)]
        for i, values in zip(copies, checked, strict=True):
            self.rules[2 * i + 1] = rules_of(values)
            for j, level in enumerate(numbers_of_levels(values)):
                self.levels[(2 * i + 1) * self.levels_size + j] = level

    def _values(self, Py_ssize_t i, dict given):
        """The parameters of a copy with those that are given, checked. Raises TypeError or ValueError."""
        values = values_of(&self.rules[2 * i + 1], self.levels + (2 * i + 1) * self.levels_size, self.players,
                           self.max_num_food)
        rows, columns = values["field_size"]
        task = given.pop("task", None)
        if task is not None:
            own = parameters_of_task(task)
            for name in ("players", "max_num_food"):
                if own[name] != self.made_with[name]:
                    raise ValueError(f"task {task!r} has {own[name]} {name}, and the batch {self.made_with[name]}")
            values.update((name, own[name]) for name in values if name in own)
        values = check_parameters(task or f"Foraging-{rows}x{columns}-1p-1f", {**self.made_with, **values, **given})
        space = observation_space(values)
        rows, columns = values["field_size"]
        if (rows + 2) * (columns + 2) > self.cells_size:
            raise ValueError(f"field_size {values['field_size']} has more cells, walls included, than that of the "
                             f"batch, {self.field_size}")
        if space.shape != self.space.shape or (space.high > self.space.high).any():
            raise ValueError("the observation of these parameters does not fit the space of the batch: sight of planes "
                             "must be the same, and rows, columns and levels no greater")
        return values

    def parameters_of(self, copy):
        """The parameters of the episode of a copy."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return values_of(&self.rules[2 * i], self.levels + 2 * i * self.levels_size, self.players, self.max_num_food)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        # The cells come of the foods, and these are brought into the field.
        cdef Thing* foods = self.foods + i * self.max_num_food
        cdef Meal* meal = &self.meals[i]
        cdef int k, sight = self.sight if self.grid_observation else 0
        for k in range(2):
            if not are_possible(&self.rules[2 * i + k], self.levels + (2 * i + k) * self.levels_size, self.players,
                                self.max_num_food, self.cells_size, sight):
                self._make_as_all(i)
        meal.spawned, meal.eaten, meal.left = max(meal.spawned, 0), max(meal.eaten, 0), 0
        for k in range(self.players):
            self._bring_inside(i, &self.foragers[i * self.players + k], 1)
        for k in range(self.max_num_food):
            self._bring_inside(i, &foods[k], 0)
            meal.left += foods[k].level > 0
        empty(self.rules[2 * i].field, self.cells + i * self.cells_size)
        lay_foods(self.rules[2 * i].field, self.cells + i * self.cells_size, foods, self.max_num_food)

    cdef void _bring_inside(self, Py_ssize_t i, Thing* thing, int least) noexcept nogil:
        thing.row = clamped(thing.row, 0, self.rules[2 * i].field.rows - 1)
        thing.column = clamped(thing.column, 0, self.rules[2 * i].field.columns - 1)
        thing.level = clamped(thing.level, least, 3 * MOST_LEVEL)

    cdef dict state_one(self, Py_ssize_t i):
        cdef Py_ssize_t row
        cdef int k
        players = [(self.foragers[row].row, self.foragers[row].column, self.foragers[row].level)
                   for row in range(i * self.players, (i + 1) * self.players)]
        field = np.zeros((self.rules[2 * i].field.rows, self.rules[2 * i].field.columns), np.int64)
        for k in range(self.max_num_food):
            food = self.foods[i * self.max_num_food + k]
            field[food.row, food.column] += food.level
        return {"players": np.array(players), "field": field, "spawned": self.meals[i].spawned}

    @property
    def render_size(self):
        return TILE * self.field_size[1], TILE * self.field_size[0]

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        return draw_field(canvas, self.state_one(i))

    cdef object ansi_one(self, Py_ssize_t i):
        return write_field(self.state_one(i))
