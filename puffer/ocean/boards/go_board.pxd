# The board of Go: groups of stones, their liberties, captures.
#
# A board has size + 1 points in a row and size + 2 rows: the cells, a wall above and one below, and a wall to the right
# of each row, which is left of the next one. A group is a ring of stones, and its root is one of them. Liberties are
# counted once for each stone that they touch; sums of them and of their squares tell whether all are the same point.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from puffer.ocean.boards.stone_game cimport Turn
from puffer.rng cimport rng_mix

cdef extern from * nogil:
    """
    #include <stdint.h>
    /* By colour and point: the key of a stone. The key of a position is the exclusive or of those of its stones. */
    static uint64_t go_keys[2][21 * 20];
    """
    uint64_t[2][420] keys "go_keys"

cdef enum:
    MOST_CELLS = 19 * 19
    MOST_POINTS = 21 * 20
    FILTER_WORDS = 64

# What is on a point, one bit each, so that the bits of neighbours add up. A stone of the colour c is SAFE << 2 * c, or
# ATARI << 2 * c if its group has one liberty. A wall has no bit.
cdef enum:
    FREE = 1
    SAFE = 2
    ATARI = 4
    STONE = SAFE | ATARI
    ANY_STONE = STONE | STONE << 2

cdef struct Rules:
    int size
    int cells
    int stride
    int points
    # Bytes for the points, some more than there are.
    int room
    # Stones that can be placed in a game, which is the length of the history.
    int most_stones
    double komi
    # From a point to its four neighbours.
    int[4] around

cdef struct Game:
    Turn turn
    # Stones that were placed, passes in a row, and stones that were captured.
    int32_t placed
    int32_t passes
    int32_t captured
    # The key of the position.
    uint64_t key
    # Two bits are set for each key in the history.
    uint64_t[FILTER_WORDS] filter

cdef struct Group:
    uint64_t key
    uint32_t liberties
    uint32_t sum
    uint32_t squares
    uint32_t stones

# The memory of a copy.
cdef struct Board:
    const Rules* rules
    Game* game
    # By cell: planes of black stones, white stones, and cells that the colour to move may take.
    uint8_t* planes
    # By point: what is there; the root of its group; the next stone of its group.
    uint8_t* points
    uint16_t* roots
    uint16_t* following
    # By root.
    Group* groups
    # The keys of the positions so far.
    uint64_t* history


cdef inline void fill_keys() noexcept nogil:
    """A module that plays Go calls it when it is imported."""
    cdef int point
    for point in range(MOST_POINTS):
        keys[0][point], keys[1][point] = rng_mix(2 * point + 1), rng_mix(2 * point + 2)


cdef inline Rules rules_of(int size, double komi) noexcept nogil:
    cdef int stride = size + 1, cells = size * size
    return Rules(size=size, cells=cells, stride=stride, points=(size + 2) * stride, room=(size + 2) * stride + 8,
                 most_stones=4 * cells, komi=komi, around=[-stride, -1, 1, stride])


cdef inline int point_of(const Rules* rules, int cell) noexcept nogil:
    return rules.stride + cell + cell // rules.size


cdef inline int cell_of(const Rules* rules, int point) noexcept nogil:
    return point - rules.size - point // rules.stride


cdef inline void set_up(Board* board) noexcept nogil:
    """An empty board."""
    cdef const Rules* rules = board.rules
    cdef int row
    board.game.placed = board.game.passes = board.game.captured = 0
    board.game.key = 0
    memset(board.game.filter, 0, sizeof(board.game.filter))
    memset(board.planes, 0, 2 * rules.cells)
    memset(board.planes + 2 * rules.cells, 1, rules.cells)
    memset(board.points, 0, rules.room)
    for row in range(1, rules.size + 1):
        memset(board.points + row * rules.stride, FREE, rules.size)


# ---- Liberties ----

cdef inline void add_liberty(Group* group, uint32_t point) noexcept nogil:
    group.liberties += 1
    group.sum += point
    group.squares += point * point


cdef inline void remove_liberty(Group* group, uint32_t point) noexcept nogil:
    group.liberties -= 1
    group.sum -= point
    group.squares -= point * point


cdef inline void mark(Board* board, int colour, int root) noexcept nogil:
    """Bring the points of a group up to date with its liberties."""
    cdef Group* group = &board.groups[root]
    # Numbers are all the same if n * sum(x * x) == sum(x) ** 2.
    cdef bint in_atari = <uint64_t>group.liberties * group.squares == <uint64_t>group.sum * group.sum
    cdef int there = (ATARI if in_atari else SAFE) << 2 * colour, point = root
    if board.points[root] == there:
        return
    while True:
        board.points[point] = there
        point = board.following[point]
        if point == root:
            break


cdef inline void mark_around(Board* board, int point) noexcept nogil:
    """Bring the groups next to a point up to date."""
    cdef int k, to
    for k in range(4):
        to = point + board.rules.around[k]
        if board.points[to] & ANY_STONE:
            mark(board, board.points[to] >= SAFE << 2, board.roots[to])


# ---- Groups ----

cdef inline void merge(Board* board, int root, int other) noexcept nogil:
    """Make one group of two; it has the root of the larger one, whose points tell what they told."""
    cdef Group* groups = board.groups
    cdef int point
    if groups[root].stones < groups[other].stones:
        root, other = other, root
    groups[root].key ^= groups[other].key
    groups[root].liberties += groups[other].liberties
    groups[root].sum += groups[other].sum
    groups[root].squares += groups[other].squares
    groups[root].stones += groups[other].stones
    point = other
    while True:
        board.roots[point] = root
        board.points[point] = board.points[root]
        point = board.following[point]
        if point == other:
            break
    board.following[root], board.following[other] = board.following[other], board.following[root]


cdef inline void join(Board* board, int colour, int point, int cell) noexcept nogil:
    """Put a stone on a free point, and make one group of it and its neighbours of the same colour.

    The points of groups next to it are out of date until `mark_around` is called.
    """
    cdef Group* group = &board.groups[point]
    cdef int k, to
    board.planes[colour * board.rules.cells + cell] = 1
    board.points[point] = SAFE << 2 * colour
    board.roots[point] = board.following[point] = point
    board.game.key ^= keys[colour][point]
    memset(group, 0, sizeof(Group))
    group.key, group.stones = keys[colour][point], 1
    for k in range(4):
        to = point + board.rules.around[k]
        if board.points[to] == FREE:
            add_liberty(group, to)
        elif board.points[to]:
            remove_liberty(&board.groups[board.roots[to]], point)
    for k in range(4):
        to = point + board.rules.around[k]
        if board.points[to] & STONE << 2 * colour and board.roots[to] != board.roots[point]:
            merge(board, board.roots[to], board.roots[point])


cdef inline void capture(Board* board, int colour, int root) noexcept nogil:
    """Take a group of this colour from the board."""
    cdef int point = root, k, to
    board.game.captured += board.groups[root].stones
    board.game.key ^= board.groups[root].key
    while True:
        board.points[point] = FREE
        board.planes[colour * board.rules.cells + cell_of(board.rules, point)] = 0
        for k in range(4):
            to = point + board.rules.around[k]
            if board.points[to] & ANY_STONE:
                add_liberty(&board.groups[board.roots[to]], point)
        point = board.following[point]
        if point == root:
            break
    while True:
        mark_around(board, point)
        point = board.following[point]
        if point == root:
            break


cdef inline void place(Board* board, int colour, int point, int cell) noexcept nogil:
    """Put a stone on a free point, and capture the groups that it leaves without a liberty."""
    cdef int k, to
    join(board, colour, point, cell)
    for k in range(4):
        to = point + board.rules.around[k]
        if board.points[to] & STONE << 2 * (1 - colour) and board.groups[board.roots[to]].liberties == 0:
            capture(board, 1 - colour, board.roots[to])
    mark(board, colour, board.roots[point])
    mark_around(board, point)
