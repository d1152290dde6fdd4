# The rules of Go: legal moves, repeated positions, areas, turns.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from puffer.ocean._clip cimport clamped
from puffer.ocean.boards.go_board cimport (
    ANY_STONE, ATARI, FILTER_WORDS, FREE, MOST_CELLS, MOST_POINTS, SAFE, Board, Game, Group, Rules, join, keys,
    mark_around, place, point_of, set_up,
)
from puffer.ocean.boards.stone_game cimport BLACK_WINS, DRAW, FORFEIT, ONGOING, WHITE_WINS, Turn, bound_turn

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>

    #define GO_ONES UINT64_C(0x0101010101010101)

    static inline uint64_t go_eight(const uint8_t *points) {
        uint64_t word;
        memcpy(&word, points, 8);
        return word;
    }

    /* For every free point, whether the bits of its neighbours have one of `saving`, and whether one of `capturing`.
       Eight points at a time: the arrays have seven points more than the board. */
    static inline void go_mark_free(const uint8_t *points, int first, int last, int stride, uint8_t saving,
                                    uint8_t capturing, uint8_t *saved, uint8_t *captures) {
        for (int k = first; k < last; k += 8) {
            uint64_t around = go_eight(points + k - stride) | go_eight(points + k - 1) | go_eight(points + k + 1)
                              | go_eight(points + k + stride);
            /* A free point is 1, and no other one is odd. Bytes are below 32: adding 127 carries any bit to the top. */
            uint64_t is_free = go_eight(points + k) & GO_ONES, is_saved, captured;
            is_saved = ((around & GO_ONES * saving) + GO_ONES * 127) >> 7 & is_free;
            captured = ((around & GO_ONES * capturing) + GO_ONES * 127) >> 7 & is_free;
            memcpy(saved + k, &is_saved, 8);
            memcpy(captures + k, &captured, 8);
        }
    }
    """
    void mark_free "go_mark_free"(const uint8_t* points, int first, int last, int stride, uint8_t saving,
                                  uint8_t capturing, uint8_t* saved, uint8_t* captures)


# ---- Repeated positions ----

cdef inline uint64_t* filter_word(Board* board, uint64_t key) noexcept nogil:
    return &board.game.filter[key >> 6 & (FILTER_WORDS - 1)]


cdef inline void remember(Board* board) noexcept nogil:
    """Put the position into the history, which has room for it."""
    cdef uint64_t key = board.game.key
    filter_word(board, key)[0] |= <uint64_t>1 << (key & 63)
    filter_word(board, key >> 12)[0] |= <uint64_t>1 << (key >> 12 & 63)
    board.history[board.game.placed] = key
    board.game.placed += 1


cdef inline bint has_been(Board* board, uint64_t key) noexcept nogil:
    """Whether the position with this key has been on the board."""
    cdef int k
    if not filter_word(board, key)[0] >> (key & 63) & 1:
        return False
    if not filter_word(board, key >> 12)[0] >> (key >> 12 & 63) & 1:
        return False
    for k in range(board.game.placed):
        if board.history[k] == key:
            return True
    return False


cdef inline uint64_t captured_keys(const Board* board, int colour, int point) noexcept nogil:
    """The keys of the other's groups that a stone on this point captures."""
    cdef int[4] roots
    cdef uint64_t key = 0
    cdef int k, j, to, count = 0
    cdef bint is_new
    for k in range(4):
        to = point + board.rules.around[k]
        if board.points[to] == ATARI << 2 * (1 - colour):
            is_new = True
            for j in range(count):
                is_new &= roots[j] != board.roots[to]
            if is_new:
                roots[count] = board.roots[to]
                key ^= board.groups[roots[count]].key
                count += 1
    return key


# ---- Legal moves ----

cdef inline void find_moves(Board* board) noexcept nogil:
    """Mark the cells that the colour to move may take."""
    cdef const Rules* rules = board.rules
    cdef int colour = board.game.turn.colour, stride = rules.stride, row, column
    # A stone has a liberty beside a free point, by joining a group that has more than one, or by a capture.
    cdef uint8_t capturing = ATARI << 2 * (1 - colour), saving = FREE | SAFE << 2 * colour | capturing
    cdef uint8_t[MOST_POINTS + 8] saved, captures
    cdef uint8_t* legal = board.planes + 2 * rules.cells
    mark_free(board.points, stride, rules.points - stride, stride, saving, capturing, saved, captures)
    for row in range(rules.size):
        memcpy(legal + row * rules.size, saved + (row + 1) * stride, rules.size)
    # Before the first capture every position has more stones than those before it.
    if board.game.captured:
        for row in range(rules.size):
            for column in range(rules.size):
                if saved[(row + 1) * stride + column]:
                    legal[column] = is_new(board, (row + 1) * stride + column, captures[(row + 1) * stride + column])
            legal += rules.size


cdef inline bint is_new(Board* board, int point, bint captures) noexcept nogil:
    """Whether the position after a stone on a point, which may capture, has not been on the board."""
    cdef int colour = board.game.turn.colour
    cdef uint64_t key = board.game.key ^ keys[colour][point]
    if captures:
        key ^= captured_keys(board, colour, point)
    return not has_been(board, key)


# ---- The end ----

cdef inline void count_areas(const Board* board, int* areas) noexcept nogil:
    """The stones of both colours, each with the free points from which free points lead to no other colour."""
    cdef const Rules* rules = board.rules
    cdef uint8_t[MOST_POINTS] was_seen
    cdef uint16_t[MOST_POINTS] waiting
    cdef int start, point, to, k, count, cells, touched
    areas[0] = areas[1] = 0
    memset(was_seen, 0, rules.points)
    for start in range(rules.stride, rules.points - rules.stride):
        if board.points[start] & ANY_STONE:
            areas[board.points[start] >= SAFE << 2] += 1
        if board.points[start] != FREE or was_seen[start]:
            continue
        was_seen[start] = True
        waiting[0], count, cells, touched = start, 1, 0, 0
        while count:
            count -= 1
            cells += 1
            point = waiting[count]
            for k in range(4):
                to = point + rules.around[k]
                if board.points[to] & ANY_STONE:
                    touched |= 2 if board.points[to] >= SAFE << 2 else 1
                elif board.points[to] == FREE and not was_seen[to]:
                    was_seen[to] = True
                    waiting[count] = to
                    count += 1
        if touched == 1 or touched == 2:
            areas[touched - 1] += cells


cdef inline double lead(const Board* board) noexcept nogil:
    """The area of black less that of white and the komi."""
    cdef int[2] areas
    count_areas(board, areas)
    return areas[0] - areas[1] - board.rules.komi


cdef inline int standing_of(double lead) noexcept nogil:
    return BLACK_WINS if lead > 0 else WHITE_WINS if lead < 0 else DRAW


# ---- Turns ----

cdef inline void play(Board* board, int32_t action) noexcept nogil:
    """A move of the colour to move."""
    cdef Game* game = board.game
    cdef Turn* turn = &game.turn
    cdef int cells = board.rules.cells
    if <uint32_t>action < <uint32_t>cells and board.planes[2 * cells + action]:
        place(board, turn.colour, point_of(board.rules, action), action)
        remember(board)
        turn.last, game.passes = action, 0
    elif action == cells:
        turn.last = -1
        game.passes += 1
    else:
        turn.standing = FORFEIT
        return
    if game.passes >= 2 or game.placed >= board.rules.most_stones:
        turn.standing = standing_of(lead(board))
        return
    turn.colour ^= 1
    find_moves(board)


cdef inline void rebuild(Board* board) noexcept nogil:
    """Make a game that may have any bytes one with a board, and the memory the same for the same game."""
    cdef const Rules* rules = board.rules
    cdef Game* game = board.game
    cdef Game kept = game[0]
    cdef uint8_t[2 * MOST_CELLS] stones
    cdef int cell
    memcpy(stones, board.planes, 2 * rules.cells)
    memset(board.roots, 0, rules.points * sizeof(uint16_t))
    memset(board.following, 0, rules.points * sizeof(uint16_t))
    memset(board.groups, 0, rules.points * sizeof(Group))
    set_up(board)
    for cell in range(rules.cells):
        if stones[cell] & 1:
            join(board, 0, point_of(rules, cell), cell)
        elif stones[rules.cells + cell] & 1:
            join(board, 1, point_of(rules, cell), cell)
    for cell in range(rules.cells):
        mark_around(board, point_of(rules, cell))
    kept.key = game.key
    game[0] = kept
    game.placed = clamped(game.placed, 0, rules.most_stones - (game.turn.standing == ONGOING))
    memset(board.history + game.placed, 0, (rules.most_stones - game.placed) * sizeof(uint64_t))
    game.passes, game.captured = clamped(game.passes, 0, 2), clamped(game.captured, 0, 2**30)
    bound_turn(&game.turn, rules.cells)
    find_moves(board)
