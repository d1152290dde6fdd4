# Players of Go.
from libc.stdint cimport uint16_t

from puffer.ocean.boards.go_board cimport ATARI, FREE, MOST_CELLS, SAFE, STONE, Board, point_of
from puffer.ocean.boards.go_rules cimport lead
from puffer.ocean.boards.stone_game cimport draw_mark
from puffer.rng cimport rng_below, rng_t


cdef inline int random_move(const Board* board, rng_t* rng) noexcept nogil:
    """One of the legal moves, a pass included."""
    cdef int cells = board.rules.cells, k, legal = 1
    for k in range(cells):
        legal += board.planes[2 * cells + k]
    if rng_below(rng, legal) == 0:
        return cells
    return draw_mark(rng, board.planes + 2 * cells, cells)


cdef inline bint is_eye(const Board* board, int colour, int point) noexcept nogil:
    """Whether a free point has own stones, or the edge, on its four sides."""
    cdef int k, around = 0
    for k in range(4):
        around |= board.points[point + board.rules.around[k]]
    return not around & ~(STONE << 2 * colour)


cdef inline int gain(const Board* board, int colour, int point) noexcept nogil:
    """The stones of groups in atari next to a point: of the other, to be captured, and own ones that it may save."""
    cdef int[4] roots
    cdef int k, j, to, there, count = 0, captured = 0, saved = 0, liberties = 0
    cdef bint is_new
    for k in range(4):
        to = point + board.rules.around[k]
        there = board.points[to]
        liberties += (there == FREE) + 2 * (there == SAFE << 2 * colour)
        if not there & (ATARI | ATARI << 2):
            continue
        is_new = True
        for j in range(count):
            is_new &= roots[j] != board.roots[to]
        if is_new:
            roots[count] = board.roots[to]
            if there == ATARI << 2 * colour:
                saved += board.groups[roots[count]].stones
            else:
                captured += board.groups[roots[count]].stones
            count += 1
    # An own group is saved by a capture, and by two new liberties.
    return captured + saved if captured or liberties >= 2 else 0


cdef inline int greedy_move(const Board* board, rng_t* rng) noexcept nogil:
    """Captures and saves as many stones as it can, else fills anything but its eyes; passes if that wins."""
    cdef uint16_t[MOST_CELLS] best
    cdef int cells = board.rules.cells, colour = board.game.turn.colour, cell, point, value, most = 0, count = 0
    if board.game.passes and (lead(board) > 0) != colour:
        return cells
    for cell in range(cells):
        if not board.planes[2 * cells + cell]:
            continue
        point = point_of(board.rules, cell)
        value = gain(board, colour, point)
        if value == 0 and is_eye(board, colour, point):
            continue
        if value > most:
            most, count = value, 0
        if value == most:
            best[count] = cell
            count += 1
    return best[rng_below(rng, count)] if count else cells
