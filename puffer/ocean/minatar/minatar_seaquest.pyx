"""MinAtar Seaquest: shoot fish and submarines, fetch divers, and surface before the oxygen runs out.

Observation   uint8 (10, 10, 10), by row from the top, column and channel: 1 where there is the front of the submarine
              (channel 0), its back (1), a bullet of it (2), the cell behind an enemy or a diver (3), an enemy's bullet
              (4), a fish (5), an enemy submarine (6), the gauge of oxygen (7), the gauge of divers (8), a diver (9).
Action        Discrete(6): 0 nothing, 1 left, 2 up, 3 right, 4 down, 5 fire. With probability sticky_action_prob a step
              repeats the move of the last one instead.
Reward        1 for each fish or submarine that is shot; on surfacing with 6 divers, 10 times the share of the oxygen
              that is left, rounded down.
Terminated    when the front of the submarine meets a fish, a submarine or an enemy's bullet; when the oxygen runs out;
              on surfacing without a diver.
Truncated     never by the rules; after max_steps steps if given.
Start         always the same: the submarine at the surface, in column 5, with 200 units of oxygen, and nothing else on
              the board.
Rules         The submarine stays in the rows 0, the surface, to 8. In step 21, and then every 20 steps, an enemy
              appears in a random one of the rows 1 to 8, at the left side with probability 1/2 and as a submarine with
              probability 1/3; none does if an enemy in that row swims the other way. In step 31, and then every 30
              steps, a diver appears. Enemies and divers move by a cell every 6 steps; submarines shoot every 11 steps.
              In a step the submarine moves or, if it has not for 5 steps, fires. Then its bullets move by a cell, then
              the divers, the enemy submarines, their bullets, and the fish. A bullet and an enemy are gone where one
              moves onto the other. A diver whom the front meets comes on board, unless 6 are. A step below the surface
              takes 1 of the oxygen. Surfacing with a diver restores it and takes one away, or, if there are 6, all of
              them and one more, so that the next one does not count. With difficulty_ramping, each time the interval of
              enemies becomes shorter by 1, down to every step, and every other time that of their moves by 1, down to 3
              steps.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement
              Learning Experiments"; the package minatar 1.0.15. A difference: in the first step of an episode a move
              that sticks is nothing, where the package takes the last one of the episode before.
Version       0
"""
cimport cython

from puffer cimport int8_t, int16_t, int32_t, memcpy, memmove, memset, rng_below, rng_chance, uint8_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport DOWN, FIRE, LEFT, MinAtar, Move, MOVES, NOTHING, RIGHT, SIDE, UP

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
    # More than there can be: of enemies at most one appears in a step, and it takes 31 steps to cross the board.
    MOST = 80

# The kinds of things.
cdef enum:
    BULLETS, SWIMMERS, SUBMARINES, SHOTS, SHOAL, KINDS

# By kind: the channel, and whether the cell behind is marked.
cdef int[KINDS] CHANNEL_OF = [FRIENDLY_BULLET, DIVER, SUBMARINE, ENEMY_BULLET, FISH]
cdef bint[KINDS] HAS_TRAIL = [False, True, True, False, True]

# The bottom row, by the cells of oxygen.
cdef uint8_t[SIDE + 1][SIDE * CHANNELS] GAUGE


cdef void fill_gauge() noexcept nogil:
    cdef int count, x
    for count in range(SIDE + 1):
        for x in range(count):
            GAUGE[count][x * CHANNELS + OXYGEN] = 1


fill_gauge()

# What swims or flies.
cdef struct Thing:
    uint8_t kind
    int8_t x, y
    int8_t dx
    int8_t timer       # the steps that it waits before its next move
    int8_t shot_timer  # of a submarine: the steps that it waits before it shoots

cdef struct State:
    int8_t x, y, dx    # of the submarine
    uint8_t is_surfaced
    int32_t divers     # on board; less than 0 where surfacing has taken more than there were
    int16_t oxygen
    int8_t spawn_timer, diver_timer, reload_timer
    int8_t spawn_steps, move_steps
    uint8_t is_move_next
    # The things, by kind; where each kind begins, and where the last one ends.
    uint8_t[KINDS + 1] begin
    Thing[MOST] things


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
        self.last[i] = NOTHING
        memset(state, 0, sizeof(State))
        state.x, state.dx = 5, -1
        state.is_surfaced = True
        state.oxygen = MOST_OXYGEN
        state.spawn_timer = state.spawn_steps = SPAWN_STEPS
        state.diver_timer = DIVER_STEPS
        state.move_steps = MOVE_STEPS

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Move move = self.next_move(i)
        cdef int score
        cdef bint is_over = False
        if state.spawn_timer == 0:
            state.spawn_timer = state.spawn_steps
            self.spawn_enemy(i)
        if state.diver_timer == 0:
            state.diver_timer = DIVER_STEPS
            self.spawn_diver(i)
        steer(state, move)
        score = move_bullets(state)
        move_divers(state)
        score += move_enemies(state, SUBMARINES, &is_over)
        is_over |= move_shots(state)
        score += move_enemies(state, SHOAL, &is_over)
        state.spawn_timer = max(state.spawn_timer - 1, 0)
        state.diver_timer = max(state.diver_timer - 1, 0)
        state.reload_timer = max(state.reload_timer - 1, 0)
        is_over |= state.oxygen <= 0
        if state.y > 0:
            state.oxygen -= 1
            state.is_surfaced = False
        elif not state.is_surfaced:
            if state.divers == 0:
                is_over = True
            else:
                score += surface(state, self.difficulty_ramping)
        if score:
            self.rewards[i] = score
            self.statistics[i, 0] += score
        self.terminations[i] = is_over

    cdef void spawn_enemy(self, Py_ssize_t i) noexcept nogil:
        """Let a fish or a submarine appear, unless one that swims the other way is in its row."""
        cdef State* state = &self.state[i]
        cdef bint is_leftmost = rng_chance(&self.rng[i], 0.5), is_submarine = rng_chance(&self.rng[i], 1.0 / 3)
        cdef int dx = 1 if is_leftmost else -1
        cdef int y = 1 + rng_below(&self.rng[i], ROWS)
        if not has_opposite(state, SUBMARINES, y, dx) and not has_opposite(state, SHOAL, y, dx):
            add(state, SUBMARINES if is_submarine else SHOAL, 0 if is_leftmost else SIDE - 1, y, dx, state.move_steps)

    cdef void spawn_diver(self, Py_ssize_t i) noexcept nogil:
        cdef bint is_leftmost = rng_chance(&self.rng[i], 0.5)
        cdef int y = 1 + rng_below(&self.rng[i], ROWS)
        add(&self.state[i], SWIMMERS, 0 if is_leftmost else SIDE - 1, y, 1 if is_leftmost else -1, MOVE_STEPS)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef const Thing* thing
        cdef int k, behind
        cdef bint has_trail
        memset(cells, 0, self.row_size)
        memcpy(cells + BOTTOM * SIDE * CHANNELS, GAUGE[max(state.oxygen, 0) * SIDE // MOST_OXYGEN], SIDE * CHANNELS)
        cells[(state.y * SIDE + state.x) * CHANNELS + FRONT] = 1
        behind = clamped(state.x - state.dx, 0, SIDE - 1)
        cells[(state.y * SIDE + behind) * CHANNELS + BACK] = 1
        for k in range(state.begin[KINDS]):
            thing = &state.things[k]
            cells[(thing.y * SIDE + thing.x) * CHANNELS + CHANNEL_OF[thing.kind]] = 1
            # Not in a branch: random play makes it unpredictable.
            behind = thing.x - thing.dx
            has_trail = HAS_TRAIL[thing.kind] and 0 <= behind < SIDE
            cells[(thing.y * SIDE + (behind if has_trail else 0)) * CHANNELS + TRAIL] |= has_trail
        for k in range(1, state.divers + 1):
            cells[(BOTTOM * SIDE + BOTTOM - k) * CHANNELS + DIVERS] = 1

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Thing* thing
        cdef int k
        state.x, state.y, state.dx = clamped(state.x, 0, SIDE - 1), clamped(state.y, 0, ROWS), 1 if state.dx > 0 else -1
        state.divers = min(state.divers, MOST_DIVERS)
        state.oxygen = clamped(state.oxygen, -1, MOST_OXYGEN)
        for k in range(KINDS + 1):
            state.begin[k] = clamped(state.begin[k], state.begin[k - 1] if k else 0, MOST if k else 0)
        for k in range(state.begin[KINDS]):
            thing = &state.things[k]
            thing.kind = min(thing.kind, KINDS - 1)
            thing.x, thing.y = clamped(thing.x, 0, SIDE - 1), clamped(thing.y, 0, ROWS)
            thing.dx = 1 if thing.dx > 0 else -1

    cdef dict state_one(self, Py_ssize_t i):
        fields = dict(self.state[i])
        begin, things = fields.pop("begin"), fields.pop("things")
        names = ("bullets", "swimmers", "submarines", "shots", "fish")
        return {**fields, **{name: things[begin[k]:begin[k + 1]] for k, name in enumerate(names)}}


# ---- Things ----

cdef inline void add(State* state, int kind, int x, int y, int dx, int timer) noexcept nogil:
    cdef int k = state.begin[kind + 1]
    if state.begin[KINDS] == MOST:
        return
    memmove(&state.things[k + 1], &state.things[k], (state.begin[KINDS] - k) * sizeof(Thing))
    state.things[k] = Thing(kind, x, y, dx, timer, SHOT_STEPS)
    for k in range(kind + 1, KINDS + 1):
        state.begin[k] += 1


cdef inline void remove(State* state, int kind, int k) noexcept nogil:
    memmove(&state.things[k], &state.things[k + 1], (state.begin[KINDS] - k - 1) * sizeof(Thing))
    for k in range(kind + 1, KINDS + 1):
        state.begin[k] -= 1


cdef inline bint remove_at(State* state, int kind, int x, int y) noexcept nogil:
    """Remove the first thing of a kind in a cell. Returns whether there was one."""
    cdef int k
    for k in range(state.begin[kind], state.begin[kind + 1]):
        if state.things[k].x == x and state.things[k].y == y:
            remove(state, kind, k)
            return True
    return False


cdef inline bint has_opposite(const State* state, int kind, int y, int dx) noexcept nogil:
    """Whether one of a kind swims the other way in a row."""
    cdef int k
    for k in range(state.begin[kind], state.begin[kind + 1]):
        if state.things[k].y == y and state.things[k].dx != dx:
            return True
    return False


cdef inline bint is_outside(const Thing* thing) noexcept nogil:
    return thing.x < 0 or thing.x >= SIDE


cdef inline bint meets(const State* state, const Thing* thing) noexcept nogil:
    return thing.x == state.x and thing.y == state.y


# ---- A step. Loops over things run backwards, because these may be removed. ----

cdef inline void steer(State* state, Move move) noexcept nogil:
    if move == FIRE and state.reload_timer == 0:
        add(state, BULLETS, state.x, state.y, state.dx, 0)
        state.reload_timer = RELOAD_STEPS
    elif move == LEFT or move == RIGHT:
        state.dx = 1 if move == RIGHT else -1
        state.x = clamped(state.x + state.dx, 0, SIDE - 1)
    state.y = clamped(state.y + (move == DOWN) - (move == UP), 0, ROWS)


cdef inline int move_bullets(State* state) noexcept nogil:
    """Returns how many enemies they hit."""
    cdef Thing* bullet
    cdef int k, hits = 0
    for k in range(state.begin[BULLETS + 1] - 1, -1, -1):
        bullet = &state.things[k]
        bullet.x += bullet.dx
        if is_outside(bullet):
            remove(state, BULLETS, k)
        elif remove_at(state, SHOAL, bullet.x, bullet.y) or remove_at(state, SUBMARINES, bullet.x, bullet.y):
            remove(state, BULLETS, k)
            hits += 1
    return hits


cdef inline void move_divers(State* state) noexcept nogil:
    cdef Thing* diver
    cdef int k
    for k in range(state.begin[SWIMMERS + 1] - 1, state.begin[SWIMMERS] - 1, -1):
        diver = &state.things[k]
        if take(state, k):
            continue
        if diver.timer > 0:
            diver.timer -= 1
            continue
        diver.timer = MOVE_STEPS
        diver.x += diver.dx
        if is_outside(diver):
            remove(state, SWIMMERS, k)
        else:
            take(state, k)


cdef inline bint take(State* state, int k) noexcept nogil:
    """Take a diver on board who is at the submarine, if there is room."""
    if not meets(state, &state.things[k]) or state.divers == MOST_DIVERS:
        return False
    state.divers += 1
    remove(state, SWIMMERS, k)
    return True


cdef inline int move_enemies(State* state, int kind, bint* is_over) noexcept nogil:
    """Move fish or submarines. Returns how many run into bullets; sets is_over if one meets the submarine."""
    cdef Thing* enemy
    cdef int k = state.begin[kind + 1], hits = 0
    while k > state.begin[kind]:
        k -= 1
        enemy = &state.things[k]
        is_over[0] |= meets(state, enemy)
        if enemy.timer > 0:
            enemy.timer -= 1
        else:
            enemy.timer = state.move_steps
            enemy.x += enemy.dx
            is_over[0] |= meets(state, enemy)
            if is_outside(enemy):
                remove(state, kind, k)
                continue
            if remove_at(state, BULLETS, enemy.x, enemy.y):
                # The bullet stood before the enemy, which has moved up.
                k -= 1
                remove(state, kind, k)
                hits += 1
                continue
        if kind == SUBMARINES:
            if enemy.shot_timer > 0:
                enemy.shot_timer -= 1
            else:
                enemy.shot_timer = SHOT_STEPS
                add(state, SHOTS, enemy.x, enemy.y, enemy.dx, 0)
    return hits


cdef inline bint move_shots(State* state) noexcept nogil:
    """Returns whether an enemy's bullet hits the submarine."""
    cdef Thing* shot
    cdef int k
    cdef bint is_over = False
    for k in range(state.begin[SHOTS + 1] - 1, state.begin[SHOTS] - 1, -1):
        shot = &state.things[k]
        is_over |= meets(state, shot)
        shot.x += shot.dx
        is_over |= meets(state, shot)
        if is_outside(shot):
            remove(state, SHOTS, k)
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
