# The moves of MiniGrid: the changes that an action of the agent makes, and those of moving obstacles.
from libc.stdint cimport int32_t, uint8_t

from puffer.ocean.minigrid.draft cimport (
    BOX, CLOSED_DOOR, COLOUR, DODGE, DOOR, EMPTY, GOAL, KEY, KEY_BOX, KIND, LAVA, LOCKED_DOOR, NOWHERE, OPAQUE, OPEN,
    PORTABLE, Rules, State, TAKE, WALKABLE, in_front,
)
from puffer.rng cimport rng_below, rng_t

cdef extern from "puffer/ocean/minigrid/minigrid.h" nogil:
    enum:
        LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, IDLE

# The outcome of an action: the episode goes on, or ends with success, or without.
cdef enum outcome_t:
    ON
    SUCCESS
    FAILURE


cdef inline outcome_t act(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """Change the level by an action of the agent."""
    cdef int32_t position = in_front(rules, state)
    cdef uint8_t cell = grid[position]
    if action == LEFT or action == RIGHT:
        state.direction = (state.direction + (3 if action == LEFT else 1)) & 3
        state.has_changed = True
    elif action == FORWARD:
        if WALKABLE >> (cell & KIND) & 1:
            state.agent = position
            state.has_changed = True
            if cell & KIND == GOAL:
                return SUCCESS
            if cell & KIND == LAVA:
                return FAILURE
    elif action == PICK_UP:
        if PORTABLE >> (cell & KIND) & 1 and state.carried == 0:
            state.carried = cell
            grid[position] = EMPTY
            state.has_changed = True
            if position == state.target and rules.task == TAKE:
                state.target = NOWHERE
                return SUCCESS
    elif action == DROP:
        if cell == EMPTY and state.carried:
            grid[position] = state.carried
            state.carried = 0
            state.has_changed = True
    elif action == TOGGLE:
        toggle(rules, state, grid, position)
        if rules.task == OPEN and grid[state.target] & KIND == DOOR:
            return SUCCESS
    return ON


cdef inline void toggle(const Rules* rules, State* state, uint8_t* grid, int32_t position) noexcept nogil:
    """Open or close a door, or open a box."""
    cdef uint8_t cell = grid[position], colour = cell & (7 << COLOUR)
    cdef int kind = cell & KIND
    if kind == CLOSED_DOOR or (kind == LOCKED_DOOR and state.carried == (KEY | colour)):
        grid[position] = DOOR | colour
    elif kind == DOOR:
        grid[position] = CLOSED_DOOR | colour | OPAQUE
    elif kind == BOX or kind == KEY_BOX:
        # It is gone once it is open, and what was in it is there.
        grid[position] = EMPTY if kind == BOX else KEY | colour
        if position == state.target and rules.task == TAKE:
            state.target = NOWHERE
    else:
        return
    state.has_changed = True


cdef inline void mark_possible(const Rules* rules, const State* state, const uint8_t* grid,
                               uint8_t* marks) noexcept nogil:
    """Mark the actions that change something, and idle, which is MiniGrid's "done".

    Obstacles move before the agent, so in Dynamic-Obstacles every action counts.
    """
    cdef uint8_t cell = grid[in_front(rules, state)], colour = cell & (7 << COLOUR)
    cdef int kind = cell & KIND
    marks[LEFT] = marks[RIGHT] = True
    if rules.task == DODGE:
        marks[FORWARD] = True
        return
    marks[FORWARD] = WALKABLE >> kind & 1
    marks[PICK_UP] = PORTABLE >> kind & 1 and state.carried == 0
    marks[DROP] = cell == EMPTY and state.carried != 0
    marks[TOGGLE] = (kind == DOOR or kind == BOX or kind == KEY_BOX or kind == CLOSED_DOOR
                     or (kind == LOCKED_DOOR and state.carried == (KEY | colour))
                     or (rules.task == OPEN and grid[state.target] & KIND == DOOR))
    marks[IDLE] = True


cdef inline void move_obstacles(const Rules* rules, State* state, uint8_t* grid, int32_t* obstacles,
                                rng_t* rng) noexcept nogil:
    """Each moves to a random empty neighbouring cell; as in the package, it stays if 101 tries do not find one."""
    cdef int32_t position
    cdef int k
    state.has_changed = True
    for k in range(rules.obstacles):
        for _ in range(101):
            position = obstacles[k] + rules.around[rng_below(rng, 9)]
            if grid[position] == EMPTY and position != state.agent:
                grid[position] = grid[obstacles[k]]
                grid[obstacles[k]] = EMPTY
                obstacles[k] = position
                break
