# The board of Hex: chains of stones, and a player that follows short paths.
#
# A board has size + 2 points in a row and as many rows: the cells, and around them the edges, which are stones of the
# colours that have to connect them. A point that two edges share stays empty. Chains are trees of points; a chain with
# stones next to an edge includes the stones of that edge.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from puffer.ocean.boards.stone_game cimport BLACK_WINS, FORFEIT, ONGOING, Turn, bound_turn, draw_mark
from puffer.rng cimport rng_below, rng_t

cdef enum:
    MOST_CELLS = 19 * 19
    MOST_POINTS = 21 * 21
    # Further than any path.
    FAR = 1000

cdef struct Rules:
    int size
    int cells
    int stride
    int points
    bint swap
    # From a point to its six neighbours.
    int[6] around

cdef struct Game:
    Turn turn
    int32_t moves

# The memory of a copy.
cdef struct Board:
    const Rules* rules
    Game* game
    # By cell: planes of black stones, white stones, and cells that may be taken. After them, whether to swap is legal.
    uint8_t* planes
    # By point: 0 empty, 1 black, 2 white; the next point on the way to the root of its chain.
    uint8_t* colours
    uint16_t* parents


cdef inline Rules rules_of(int size, bint swap) noexcept nogil:
    cdef int stride = size + 2
    return Rules(size=size, cells=size * size, stride=stride, points=stride * stride, swap=swap,
                 around=[-stride, 1 - stride, -1, 1, stride - 1, stride])


cdef inline int point_of(const Rules* rules, int cell) noexcept nogil:
    return (cell // rules.size + 1) * rules.stride + cell % rules.size + 1


# ---- Chains ----

cdef inline int root_of(uint16_t* parents, int point) noexcept nogil:
    while parents[point] != point:
        parents[point] = parents[parents[point]]
        point = parents[point]
    return point


cdef inline void set_up(Board* board) noexcept nogil:
    """An empty board. The chains of the four edges have their first points as roots."""
    cdef const Rules* rules = board.rules
    cdef int size = rules.size, stride = rules.stride, last = (size + 1) * stride, k
    memset(board.planes, 0, 2 * rules.cells)
    memset(board.planes + 2 * rules.cells, 1, rules.cells)
    board.planes[3 * rules.cells] = 0
    memset(board.colours, 0, rules.points)
    for k in range(1, size + 1):
        board.colours[k] = board.colours[last + k] = 1
        board.colours[k * stride] = board.colours[k * stride + size + 1] = 2
        board.parents[k], board.parents[last + k] = 1, last + 1
        board.parents[k * stride], board.parents[k * stride + size + 1] = stride, stride + size + 1
    board.game.moves = 0


cdef inline bint put(Board* board, int colour, int cell) noexcept nogil:
    """Put a stone on an empty cell; whether the edges of its colour are connected now."""
    cdef const Rules* rules = board.rules
    cdef int point = point_of(rules, cell), root = point, k, other
    board.planes[colour * rules.cells + cell] = 1
    board.planes[2 * rules.cells + cell] = 0
    board.colours[point] = 1 + colour
    board.parents[point] = point
    for k in range(6):
        if board.colours[point + rules.around[k]] == 1 + colour:
            other = root_of(board.parents, point + rules.around[k])
            board.parents[root] = other
            root = other
    if colour == 0:
        return root_of(board.parents, 1) == root_of(board.parents, (rules.size + 1) * rules.stride + 1)
    return root_of(board.parents, rules.stride) == root_of(board.parents, rules.stride + rules.size + 1)


# ---- The rules ----

cdef inline void play(Board* board, int32_t action) noexcept nogil:
    """A move of the colour to move."""
    cdef Turn* turn = &board.game.turn
    cdef int cells = board.rules.cells, size = board.rules.size, cell
    if <uint32_t>action < <uint32_t>cells and board.planes[2 * cells + action]:
        turn.last = action
    elif action == cells and board.planes[3 * cells]:
        # The first stone becomes white, and goes to the other side of the diagonal.
        cell = turn.last
        set_up(board)
        board.game.moves = 1
        turn.last = cell % size * size + cell // size
    else:
        turn.standing = FORFEIT
        return
    if put(board, turn.colour, turn.last):
        turn.standing = BLACK_WINS + turn.colour
        return
    turn.colour ^= 1
    board.game.moves += 1
    board.planes[3 * cells] = board.rules.swap and board.game.moves == 1


cdef inline void rebuild(Board* board) noexcept nogil:
    """Make a game that may have any bytes one with a board, and the memory the same for the same stones."""
    cdef int cells = board.rules.cells, cell
    cdef Game* game = board.game
    cdef uint8_t[2 * MOST_CELLS] stones
    cdef int32_t moves = game.moves
    bound_turn(&game.turn, cells)
    memcpy(stones, board.planes, 2 * cells)
    memset(board.parents, 0, board.rules.points * sizeof(uint16_t))
    set_up(board)
    for cell in range(cells):
        if stones[cell] & 1:
            put(board, 0, cell)
        elif stones[cells + cell] & 1:
            put(board, 1, cell)
    game.moves = max(moves, 0) & 0xFFFF
    board.planes[3 * cells] = board.rules.swap and game.moves == 1 and game.turn.last >= 0


# ---- Players ----

cdef inline int random_move(Board* board, rng_t* rng) noexcept nogil:
    return max(draw_mark(rng, board.planes + 2 * board.rules.cells, board.rules.cells + 1), 0)


cdef inline void measure(const Board* board, int colour, int first, int step, uint16_t* lengths) noexcept nogil:
    """How many stones a colour lacks for a path from an edge to each point, itself included.

    `first` is the cell at the beginning of the edge, and `step` is the way to the next cell, in points.
    """
    cdef const Rules* rules = board.rules
    cdef uint16_t[2][MOST_POINTS] waiting
    cdef int[2] counts
    cdef int length, now, k, point, to
    for point in range(rules.points):
        # The edges are as if a path had been there.
        lengths[point] = 0
    for k in range(rules.cells):
        lengths[point_of(rules, k)] = FAR
    counts[0] = counts[1] = 0
    for k in range(rules.size):
        point = first + k * step
        if board.colours[point] != 2 - colour:
            to = board.colours[point] == 0
            lengths[point] = to
            waiting[to][counts[to]] = point
            counts[to] += 1
    length = 0
    while counts[0] or counts[1]:
        now = length & 1
        while counts[now]:
            counts[now] -= 1
            point = waiting[now][counts[now]]
            for k in range(6):
                to = point + rules.around[k]
                if lengths[to] == FAR and board.colours[to] != 2 - colour:
                    lengths[to] = length + (board.colours[to] == 0)
                    waiting[lengths[to] & 1][counts[lengths[to] & 1]] = to
                    counts[lengths[to] & 1] += 1
        length += 1


cdef inline int greedy_move(Board* board, rng_t* rng) noexcept nogil:
    """One of the empty cells for which the shortest paths of the two colours through it are shortest together."""
    cdef const Rules* rules = board.rules
    cdef uint16_t[4][MOST_POINTS] lengths
    cdef uint16_t[MOST_CELLS] best
    cdef int first = rules.stride + 1, cell, point, k, length, least = 4 * FAR + 1, count = 0
    measure(board, 0, first, 1, lengths[0])
    measure(board, 0, rules.size * rules.stride + 1, 1, lengths[1])
    measure(board, 1, first, rules.stride, lengths[2])
    measure(board, 1, rules.stride + rules.size, rules.stride, lengths[3])
    for cell in range(rules.cells):
        if not board.planes[2 * rules.cells + cell]:
            continue
        point, length = point_of(rules, cell), 0
        for k in range(4):
            length += lengths[k][point]
        if length < least:
            least, count = length, 0
        if length == least:
            best[count] = cell
            count += 1
    return best[rng_below(rng, count)] if count else 0
