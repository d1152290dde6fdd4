# The rooms of Sokoban: cells, and how a room is drawn that can be solved. A room is surrounded by walls.
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from puffer.rng cimport rng_below, rng_bits, rng_t

# As in gym-sokoban, which does not show that the player is on a target. A box or player on a target is another number.
cdef enum:
    WALL, FLOOR, TARGET, BOX_ON_TARGET, BOX, PLAYER, PLAYER_ON_TARGET
    LEAST_SIDE = 4
    MOST_SIDE = 20
    MOST_CELLS = MOST_SIDE * MOST_SIDE
    # As many as an eighth of the inner cells.
    MOST_BOXES = 40
    # Attempts at a room, and at a free cell; turns of each box.
    ATTEMPTS = 50
    TRIES = 100
    TURNS = 4

cdef struct Plan:
    int rows, columns, boxes
    int walk               # steps of the walk that digs a room
    int[4] steps           # how far the next cell is: up, down, left, right


# A room that is being drawn.
cdef struct Draft:
    int player
    int[MOST_BOXES] boxes
    # The cells to which the player can walk, in any order; by cell, the number of the walk that found it last.
    int count
    int[MOST_CELLS] reachable
    int walk
    int[MOST_CELLS] found


cdef inline bint is_free(uint8_t cell) noexcept nogil:
    """Whether the player or a box can come there."""
    return cell == FLOOR or cell == TARGET


cdef inline bint is_box(uint8_t cell) noexcept nogil:
    return cell == BOX or cell == BOX_ON_TARGET


cdef inline uint8_t entered(uint8_t cell, uint8_t on_floor, uint8_t on_target) noexcept nogil:
    """A free cell with something on it."""
    return on_target if cell == TARGET else on_floor


cdef inline uint8_t left(uint8_t cell) noexcept nogil:
    """A cell without what is on it."""
    return TARGET if cell == BOX_ON_TARGET or cell == PLAYER_ON_TARGET else FLOOR


cdef inline int inner_cell(const Plan* plan, uint32_t bits) noexcept nogil:
    """A cell that is not at the border, from random bits."""
    cdef int row = 1 + ((bits & 0xFFFF) * (plan.rows - 2) >> 16)
    cdef int column = 1 + ((bits >> 16) * (plan.columns - 2) >> 16)
    return row * plan.columns + column


# ---- Drawing a room ----

cdef inline void draw_room(const Plan* plan, uint8_t* cells, rng_t* rng) noexcept nogil:
    """Draw a room with boxes that can all be pushed onto targets.

    A walk digs the room. The boxes begin on the targets, and the player pulls them away. Pushes in the opposite order
    bring them back.
    """
    cdef Draft draft
    cdef int attempt, step
    # If there were no place for the player in the last room either, it would be in the first cell.
    draft.player = draft.reachable[0] = plan.columns + 1
    draft.count = 1
    draft.walk = 0
    memset(draft.found, 0, plan.rows * plan.columns * sizeof(int))
    for attempt in range(ATTEMPTS):
        dig(plan, cells, rng, is_open=attempt == ATTEMPTS - 1)
        # The last room has no inner walls. It is taken as it is.
        if place(plan, cells, &draft, rng) and (pull_away(plan, cells, &draft, rng) or attempt == ATTEMPTS - 1):
            break
    step = draft.reachable[rng_below(rng, draft.count)]
    cells[draft.player] = left(cells[draft.player])
    cells[step] = entered(cells[step], PLAYER, PLAYER_ON_TARGET)


cdef inline void dig(const Plan* plan, uint8_t* cells, rng_t* rng, bint is_open) noexcept nogil:
    cdef int row, column, down, right, direction = 0, _k
    cdef uint32_t bits = rng_bits(rng)
    memset(cells, WALL, plan.rows * plan.columns)
    if is_open:
        for row in range(1, plan.rows - 1):
            memset(cells + row * plan.columns + 1, FLOOR, plan.columns - 2)
        return
    row = 1 + ((bits & 0xFFFF) * (plan.rows - 2) >> 16)
    column = 1 + ((bits >> 16) * (plan.columns - 2) >> 16)
    for _k in range(plan.walk):
        bits = rng_bits(rng)
        # The walk turns with probability 3/8.
        if (bits & 7) < 3:
            direction = bits >> 3 & 3
        down, right = (2 * (direction & 1) - 1) * (direction < 2), (2 * (direction & 1) - 1) * (direction >= 2)
        row = min(max(row + down, 1), plan.rows - 2)
        column = min(max(column + right, 1), plan.columns - 2)
        cells[row * plan.columns + column] = FLOOR
        # It also digs at one of its sides, and behind that half of the time.
        down, right = (right, down) if bits & 32 else (-right, -down)
        dig_inner(plan, cells, row + down, column + right)
        if bits & 64:
            dig_inner(plan, cells, row + down - right, column + right - down)


cdef inline void dig_inner(const Plan* plan, uint8_t* cells, int row, int column) noexcept nogil:
    if 0 < row < plan.rows - 1 and 0 < column < plan.columns - 1:
        cells[row * plan.columns + column] = FLOOR


cdef inline bint place(const Plan* plan, uint8_t* cells, Draft* draft, rng_t* rng) noexcept nogil:
    """Put boxes on targets from which they can be pulled, and the player. Returns whether there is room."""
    cdef int k, cell = 0, _try
    for k in range(plan.boxes + 1):
        for _try in range(TRIES):
            cell = inner_cell(plan, rng_bits(rng))
            if cells[cell] == FLOOR and (k == plan.boxes or can_leave(plan, cells, cell)):
                break
        else:
            return False
        if k == plan.boxes:
            draft.player = cell
            cells[cell] = PLAYER
        else:
            draft.boxes[k] = cell
            cells[cell] = BOX_ON_TARGET
    return True


cdef inline bint can_leave(const Plan* plan, const uint8_t* cells, int cell) noexcept nogil:
    """Whether a box can be pulled away from a cell: two free cells follow it in a direction."""
    cdef int direction, step
    for direction in range(4):
        step = plan.steps[direction]
        if cells[cell + step] == FLOOR and cells[cell + 2 * step] == FLOOR:
            return True
    return False


cdef inline bint pull_away(const Plan* plan, uint8_t* cells, Draft* draft, rng_t* rng) noexcept nogil:
    """Let the player pull boxes. Returns whether they leave all targets."""
    cdef int turn, k, on_target = plan.boxes
    find_reachable(plan, cells, draft)
    for turn in range(TURNS):
        for k in range(plan.boxes):
            # In the first half, all boxes; then those that are still on targets.
            if turn < TURNS // 2 or cells[draft.boxes[k]] == BOX_ON_TARGET:
                on_target -= cells[draft.boxes[k]] == BOX_ON_TARGET
                pull(plan, cells, draft, k, rng_bits(rng))
                on_target += cells[draft.boxes[k]] == BOX_ON_TARGET
        if on_target == 0 and turn >= TURNS // 2 - 1:
            return True
    return False


cdef inline void pull(const Plan* plan, uint8_t* cells, Draft* draft, int k, uint32_t bits) noexcept nogil:
    """Let the player pull a box in a random direction in which that is possible, as far as chance wants."""
    cdef int box = draft.boxes[k], at = draft.player, direction, step = 0
    for direction in range(4):
        step = plan.steps[(direction + bits) & 3]
        if draft.found[box + step] == draft.walk and is_free_for(cells[box + 2 * step]):
            break
    else:
        return
    cells[at] = left(cells[at])
    cells[box] = left(cells[box])
    box += step
    # On with probability 3/4, as long as there are bits.
    bits >>= 2
    while bits & 3 and is_free(cells[box + 2 * step]):
        box += step
        bits >>= 2
    cells[box] = entered(cells[box], BOX, BOX_ON_TARGET)
    draft.boxes[k], draft.player = box, box + step
    cells[box + step] = entered(cells[box + step], PLAYER, PLAYER_ON_TARGET)
    find_reachable(plan, cells, draft)


cdef inline bint is_free_for(uint8_t cell) noexcept nogil:
    """Whether a cell is free for the player, who may be there."""
    return is_free(cell) or cell >= PLAYER


cdef inline void find_reachable(const Plan* plan, const uint8_t* cells, Draft* draft) noexcept nogil:
    cdef int k = 0, count = 1, walk = draft.walk + 1, direction, cell, is_new
    draft.walk = walk
    draft.reachable[0] = draft.player
    draft.found[draft.player] = walk
    while k < count:
        for direction in range(4):
            cell = draft.reachable[k] + plan.steps[direction]
            # Without branches: nobody could predict them.
            is_new = (<uint8_t>(cells[cell] - FLOOR) <= TARGET - FLOOR) & (draft.found[cell] != walk)
            draft.found[cell] += is_new * (walk - draft.found[cell])
            draft.reachable[count] = cell
            count += is_new
        k += 1
    draft.count = count
