# The tasks of MiniGrid's levels that look at each step: what an action does there, and how it ends the episode.
from libc.stdint cimport int32_t, uint8_t

from puffer.ocean.minigrid.draft cimport (
    BRING, CHOOSE, DOOR, GO_TO, KIND, Rules, State, TAKE_FIRST, in_front, is_thing,
)
from puffer.ocean.minigrid.moves cimport DROP, FAILURE, IDLE, PICK_UP, SUCCESS, TOGGLE, act, mark_possible, outcome_t


cdef inline outcome_t act_in_task(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """Change the level by an action of the agent, in a task from TAKE_FIRST on."""
    if rules.task == TAKE_FIRST:
        return take_first(rules, state, grid, action)
    if rules.task == GO_TO:
        return go_to(rules, state, grid, action)
    if rules.task == CHOOSE:
        return choose(rules, state, grid, action)
    if rules.task == BRING:
        return bring(rules, state, grid, action)
    return open_two(rules, state, grid, action)


cdef inline outcome_t take_first(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """Fetch: the first object that is taken must be one of those that the mission names."""
    cdef outcome_t outcome = act(rules, state, grid, action)
    if state.carried:
        return SUCCESS if is_thing(state.carried, state.first) else FAILURE
    return outcome


cdef inline outcome_t go_to(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """GoToDoor, GoToObject: idle beside the target, and nowhere else; never toggle."""
    cdef outcome_t outcome = act(rules, state, grid, action)
    cdef int k
    if action == IDLE:
        for k in range(4):
            if state.agent + rules.steps[k] == state.target:
                return SUCCESS
    return FAILURE if action == IDLE or action == TOGGLE else outcome


cdef inline outcome_t choose(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """Memory: stand before the right object. Nothing can be picked up."""
    cdef outcome_t outcome = act(rules, state, grid, TOGGLE if action == PICK_UP else action)
    if state.agent == state.target:
        return SUCCESS
    return FAILURE if state.agent == state.other else outcome


cdef inline outcome_t bring(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """PutNear: take no other object, and drop it in one of the nine cells around the target."""
    cdef bint has_carried = state.carried != 0
    cdef outcome_t outcome = act(rules, state, grid, action)
    cdef int k
    if action == PICK_UP and state.carried and not is_thing(state.carried, state.first):
        return FAILURE
    if action != DROP or not has_carried:
        return outcome
    if state.carried == 0:
        for k in range(9):
            if in_front(rules, state) == state.target + rules.around[k]:
                return SUCCESS
    return FAILURE


cdef inline outcome_t open_two(const Rules* rules, State* state, uint8_t* grid, int action) noexcept nogil:
    """RedBlueDoors: open the red door before the blue one."""
    cdef bint red_was_open = is_open(grid, state.other), blue_was_open = is_open(grid, state.target)
    cdef outcome_t outcome = act(rules, state, grid, action)
    if is_open(grid, state.target):
        return SUCCESS if red_was_open else FAILURE
    return FAILURE if blue_was_open and is_open(grid, state.other) else outcome


cdef inline bint is_open(const uint8_t* grid, int32_t door) noexcept nogil:
    return grid[door] & KIND == DOOR


cdef inline void mark_task(const Rules* rules, const State* state, const uint8_t* grid, uint8_t* marks) noexcept nogil:
    """As `mark_possible`, where also an action that ends the episode counts."""
    mark_possible(rules, state, grid, marks)
    if rules.task == GO_TO:
        marks[TOGGLE] = True
    elif rules.task == CHOOSE:
        marks[PICK_UP] = marks[TOGGLE]
    elif rules.task == BRING:
        marks[DROP] = state.carried != 0
