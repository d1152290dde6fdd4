"""MinAtar Seaquest: shoot fish and submarines, fetch divers, and surface before the oxygen runs out.

Observation   uint8 (10, 10, 10), by row from the top, column and channel: 1 where there is the front of the submarine
              (channel 0), its back (1), a bullet of it (2), the cell behind an enemy or a diver (3), an enemy's bullet
              (4), a fish (5), an enemy submarine (6), the gauge of oxygen (7), the gauge of divers (8), a diver (9).
Action        Discrete(6): 0 nothing, 1 left, 2 up, 3 right, 4 down, 5 fire. With probability sticky_action_prob a step
              repeats the move of the last one instead.
Reward        1 for each fish or submarine that is shot; on surfacing with 6 divers, 10 times the share of the oxygen that
              is left, rounded down.
Terminated    when the front of the submarine meets a fish, a submarine or an enemy's bullet; when the oxygen runs out;
              on surfacing without a diver.
Truncated     never by the rules; after max_steps steps if given.
Start         the submarine at the surface, in column 5, with 200 units of oxygen, and nothing else on the board.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement Learning
              Experiments"; the package minatar 1.0.15.
Version       0
"""
cimport cython
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t
from libc.string cimport memmove, memset

from puffer._core cimport import_puffer
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport CELLS, DOWN, FIRE, LEFT, MinAtar, Move, MOVES, RIGHT, SIDE, UP
from puffer.rng cimport rng_below, rng_chance

import_puffer()

cdef enum:
    FRONT, BACK, FRIENDLY_BULLET, TRAIL, ENEMY_BULLET, FISH, SUBMARINE, OXYGEN, DIVERS, DIVER, CHANNELS
    BOTTOM = SIDE - 1
    # Below the surface, and above the gauges: so many rows.
    ROWS = 8
    MOST_OXYGEN = 200
    MOST_DIVERS = 6
    SPAWN_STEPS = 20
    DIVER_STEPS = 30
    MOVE_STEPS = 5
    FEWEST_MOVE_STEPS = 2
    RELOAD_STEPS = 5
    SHOT_STEPS = 10
    # More than there can be at once: an enemy appears in each step at most, and takes 31 to cross the board.
    MOST = 40

# What swims or flies.
cdef struct Thing:
    int8_t x, y
    int8_t dx
    int8_t timer       # the steps that it waits before its next move
    int8_t shot_timer  # of a submarine: the steps that it waits before it shoots

cdef struct Things:
    int32_t count
    Thing[MOST] all

cdef struct State:
    int8_t x, y, dx    # of the submarine
    uint8_t is_surfaced
    int32_t divers     # on board; less than 0 where surfacing has taken more than there were
    int16_t oxygen
    int8_t spawn_timer, diver_timer, reload_timer
    int8_t spawn_steps, move_steps
    uint8_t is_move_next
    Things bullets
    Things swimmers
    Things submarines
    Things shots
    Things fish


@cython.final
cdef class MinAtarSeaquest(MinAtar):
    """MinAtarSeaquest(num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, use_minimal_action_set=True, \
**options)
--

Copies of MinAtar's Seaquest. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
sticky_action_prob : float, default 0.1
    The probability that a step repeats the last move, 0 to 1.
difficulty_ramping : bool, default True
    Whether enemies become faster and more.
use_minimal_action_set : bool, default True
    Has no effect here: all six actions have one.
**options
    The options of `puffer.Env`.

Attributes
----------
sticky_action_prob, difficulty_ramping, use_minimal_action_set
    As given.
"""

    cdef State* state

    def __init__(self, num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, use_minimal_action_set=True,
                 **options):
        super().__init__(num_envs, tuple(range(MOVES)),
                         (0x2EC4B6, 0x1E8A80, 0xFFC93C, 0x33415C, 0xFF7B54, 0xE0475B, 0xB5179E, 0x90E0EF, 0xF9F7D9,
                          0xF4A261),
                         sticky_action_prob, difficulty_ramping, use_minimal_action_set, **options)
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.x, state.y, state.dx = 5, 0, -1
        state.is_surfaced = True
        state.divers = 0
        state.oxygen = MOST_OXYGEN
        state.spawn_timer = state.spawn_steps = SPAWN_STEPS
        state.diver_timer = DIVER_STEPS
        state.reload_timer = 0
        state.move_steps = MOVE_STEPS
        state.is_move_next = False
        state.bullets.count = state.swimmers.count = state.submarines.count = state.shots.count = state.fish.count = 0

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Move move = self.next_move(i)
        cdef int score
        cdef bint is_over
        if state.spawn_timer == 0:
            state.spawn_timer = state.spawn_steps
            self.spawn_enemy(i)
        if state.diver_timer == 0:
            state.diver_timer = DIVER_STEPS
            self.spawn_diver(i)
        steer(state, move)
        score = move_bullets(state)
        move_divers(state)
        is_over = move_enemies(state, &score)
        state.spawn_timer = max(state.spawn_timer - 1, 0)
        state.diver_timer = max(state.diver_timer - 1, 0)
        state.reload_timer = max(state.reload_timer - 1, 0)
        if state.y > 0:
            state.oxygen -= 1
            is_over |= state.oxygen < 0
            state.is_surfaced = False
        elif not state.is_surfaced:
            if state.divers == 0:
                is_over = True
            else:
                score += surface(state, self.difficulty_ramping)
        self.rewards[i] = score
        self.statistics[i, 0] += score
        self.terminations[i] = is_over

    cdef void spawn_enemy(self, Py_ssize_t i) noexcept nogil:
        """Let a fish or a submarine appear, unless one that swims the other way is in its row."""
        cdef State* state = &self.state[i]
        cdef bint is_leftmost = rng_chance(&self.rng[i], 0.5), is_submarine = rng_chance(&self.rng[i], 1.0 / 3)
        cdef int dx = 1 if is_leftmost else -1
        cdef int y = 1 + rng_below(&self.rng[i], ROWS)
        if not has_opposite(&state.submarines, y, dx) and not has_opposite(&state.fish, y, dx):
            add(&state.submarines if is_submarine else &state.fish, 0 if is_leftmost else SIDE - 1, y, dx,
                state.move_steps)

    cdef void spawn_diver(self, Py_ssize_t i) noexcept nogil:
        cdef bint is_leftmost = rng_chance(&self.rng[i], 0.5)
        cdef int y = 1 + rng_below(&self.rng[i], ROWS)
        add(&self.state[i].swimmers, 0 if is_leftmost else SIDE - 1, y, 1 if is_leftmost else -1, MOVE_STEPS)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memset(&self.observations[i, 0, 0, 0], 0, CELLS * CHANNELS)
        self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int x
        mark(cells, state.x, state.y, FRONT)
        mark(cells, state.x - state.dx, state.y, BACK)
        mark_all(cells, &state.bullets, FRIENDLY_BULLET, False)
        mark_all(cells, &state.shots, ENEMY_BULLET, False)
        mark_all(cells, &state.fish, FISH, True)
        mark_all(cells, &state.submarines, SUBMARINE, True)
        mark_all(cells, &state.swimmers, DIVER, True)
        for x in range(state.oxygen * SIDE // MOST_OXYGEN):
            mark(cells, x, BOTTOM, OXYGEN)
        for x in range(BOTTOM - state.divers, BOTTOM):
            mark(cells, x, BOTTOM, DIVERS)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.x, state.y, state.dx = clamped(state.x, 0, SIDE - 1), clamped(state.y, 0, ROWS), 1 if state.dx > 0 else -1
        state.divers = min(state.divers, MOST_DIVERS)
        state.oxygen = clamped(state.oxygen, -1, MOST_OXYGEN)
        restore(&state.bullets)
        restore(&state.swimmers)
        restore(&state.submarines)
        restore(&state.shots)
        restore(&state.fish)

    cdef dict state_one(self, Py_ssize_t i):
        fields = dict(self.state[i])
        for name in ("bullets", "swimmers", "submarines", "shots", "fish"):
            fields[name] = fields[name]["all"][:fields[name]["count"]]
        return fields


# ---- Things ----

cdef inline void add(Things* things, int x, int y, int dx, int timer) noexcept nogil:
    if things.count < MOST:
        things.all[things.count] = Thing(x, y, dx, timer, SHOT_STEPS)
        things.count += 1


cdef inline void remove(Things* things, int k) noexcept nogil:
    things.count -= 1
    memmove(&things.all[k], &things.all[k + 1], (things.count - k) * sizeof(Thing))


cdef inline bint remove_at(Things* things, int x, int y) noexcept nogil:
    """Remove the first thing in a cell. Returns whether there was one."""
    cdef int k
    for k in range(things.count):
        if things.all[k].x == x and things.all[k].y == y:
            remove(things, k)
            return True
    return False


cdef inline bint has_opposite(const Things* things, int y, int dx) noexcept nogil:
    """Whether one of the things in a row swims the other way."""
    cdef int k
    for k in range(things.count):
        if things.all[k].y == y and things.all[k].dx != dx:
            return True
    return False


cdef inline bint is_outside(const Thing* thing) noexcept nogil:
    return thing.x < 0 or thing.x >= SIDE


cdef inline bint meets(const State* state, const Thing* thing) noexcept nogil:
    return thing.x == state.x and thing.y == state.y


cdef inline void restore(Things* things) noexcept nogil:
    cdef int k
    things.count = clamped(things.count, 0, MOST)
    for k in range(things.count):
        things.all[k].x, things.all[k].y = clamped(things.all[k].x, 0, SIDE - 1), clamped(things.all[k].y, 0, ROWS)
        things.all[k].dx = 1 if things.all[k].dx > 0 else -1


# ---- A step ----

cdef inline void steer(State* state, Move move) noexcept nogil:
    if move == FIRE and state.reload_timer == 0:
        add(&state.bullets, state.x, state.y, state.dx, 0)
        state.reload_timer = RELOAD_STEPS
    elif move == LEFT or move == RIGHT:
        state.dx = 1 if move == RIGHT else -1
        state.x = clamped(state.x + state.dx, 0, SIDE - 1)
    state.y = clamped(state.y + (move == DOWN) - (move == UP), 0, ROWS)


cdef inline int move_bullets(State* state) noexcept nogil:
    """Returns how many enemies they hit."""
    cdef Thing* bullet
    cdef int k, score = 0, x, y
    for k in range(state.bullets.count - 1, -1, -1):
        bullet = &state.bullets.all[k]
        bullet.x += bullet.dx
        x, y = bullet.x, bullet.y
        if is_outside(bullet):
            remove(&state.bullets, k)
        elif remove_at(&state.fish, x, y) or remove_at(&state.submarines, x, y):
            remove(&state.bullets, k)
            score += 1
    return score


cdef inline void move_divers(State* state) noexcept nogil:
    cdef Thing* diver
    cdef int k
    for k in range(state.swimmers.count - 1, -1, -1):
        diver = &state.swimmers.all[k]
        if not meets(state, diver) or state.divers == MOST_DIVERS:
            if diver.timer > 0:
                diver.timer -= 1
                continue
            diver.timer = MOVE_STEPS
            diver.x += diver.dx
            if not is_outside(diver) and (not meets(state, diver) or state.divers == MOST_DIVERS):
                continue
        if not is_outside(diver):
            state.divers += 1
        remove(&state.swimmers, k)


cdef inline bint move_enemy(State* state, Thing* enemy) noexcept nogil:
    """Returns whether it meets the submarine."""
    cdef bint is_over = meets(state, enemy)
    if enemy.timer > 0:
        enemy.timer -= 1
        return is_over
    enemy.timer = state.move_steps
    enemy.x += enemy.dx
    return is_over or meets(state, enemy)


cdef inline bint move_enemies(State* state, int* score) noexcept nogil:
    """Move fish and submarines. Adds those that run into bullets to the score; returns whether one meets the player."""
    cdef Thing* enemy
    cdef int k
    cdef bint is_over = False
    for k in range(state.submarines.count - 1, -1, -1):
        enemy = &state.submarines.all[k]
        is_over |= move_enemy(state, enemy)
        if is_outside(enemy):
            remove(&state.submarines, k)
            continue
        if remove_at(&state.bullets, enemy.x, enemy.y):
            remove(&state.submarines, k)
            score[0] += 1
            continue
        if enemy.shot_timer == 0:
            enemy.shot_timer = SHOT_STEPS
            add(&state.shots, enemy.x, enemy.y, enemy.dx, 0)
        else:
            enemy.shot_timer -= 1
    is_over |= move_shots(state)
    for k in range(state.fish.count - 1, -1, -1):
        enemy = &state.fish.all[k]
        is_over |= move_enemy(state, enemy)
        if is_outside(enemy):
            remove(&state.fish, k)
        elif remove_at(&state.bullets, enemy.x, enemy.y):
            remove(&state.fish, k)
            score[0] += 1
    return is_over


cdef inline bint move_shots(State* state) noexcept nogil:
    """Returns whether an enemy's bullet hits the submarine."""
    cdef Thing* shot
    cdef int k
    cdef bint is_over = False
    for k in range(state.shots.count - 1, -1, -1):
        shot = &state.shots.all[k]
        is_over |= meets(state, shot)
        shot.x += shot.dx
        is_over |= meets(state, shot)
        if is_outside(shot):
            remove(&state.shots, k)
    return is_over


cdef inline int surface(State* state, bint is_ramping) noexcept nogil:
    """Surface with divers on board. Returns the reward."""
    cdef int reward = 0
    state.is_surfaced = True
    if state.divers == MOST_DIVERS:
        state.divers = 0
        reward = state.oxygen * 10 // MOST_OXYGEN
    # Not only without a full load: as in the package.
    state.divers -= 1
    state.oxygen = MOST_OXYGEN
    if is_ramping and (state.spawn_steps > 1 or state.move_steps > FEWEST_MOVE_STEPS):
        if state.is_move_next and state.move_steps > FEWEST_MOVE_STEPS:
            state.move_steps -= 1
        if state.spawn_steps > 1:
            state.spawn_steps -= 1
        state.is_move_next = not state.is_move_next
    return reward


# ---- Observations ----

cdef inline void mark(uint8_t* cells, int x, int y, int channel) noexcept nogil:
    if 0 <= x < SIDE:
        cells[(y * SIDE + x) * CHANNELS + channel] = 1


cdef inline void mark_all(uint8_t* cells, const Things* things, int channel, bint has_trail) noexcept nogil:
    cdef const Thing* thing
    cdef int k
    for k in range(things.count):
        thing = &things.all[k]
        mark(cells, thing.x, thing.y, channel)
        if has_trail:
            mark(cells, thing.x - thing.dx, thing.y, TRAIL)
