"""2048: slide the tiles of a 4 x 4 board; two equal ones that meet become one of twice the value.

Observation   uint8 (20,): the 16 cells row by row, 0 = empty, k = a tile of value 2**k, up to 17; then for each action
              1 if it moves a tile, else 0.
Action        Discrete(4): 0 up, 1 right, 2 down, 3 left. All tiles slide as far as they can; those farther ahead merge
              first, and each once. An action that moves no tile changes nothing: no tile appears, the reward is 0.
Reward        the sum of the values of the merged tiles.
Terminated    when no action moves a tile. The game goes on after a tile of 2048.
Truncated     never by the rules; after max_steps steps if given.
Start         two tiles on random cells. These, and the one that appears on a random empty cell after each move, are 2
              with probability 0.9, else 4.
Source        Cirulli 2014, "2048".
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below, rng_bits, rng_chance

import_puffer()

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>
    #include "puffer/native/dispatch.h"

    /* 64 games at a time, each in a byte of vector registers: `lanes` is one value of all of them. The loops over the
     * games have no branches, only masks: IS(true) has all bits. */
    #define GAMES 64
    #define EVERY(i) for (int i = 0; i < GAMES; i++)
    #define IS(condition) ((uint8_t)-(condition))
    #define INLINE static inline __attribute__((always_inline))
    typedef uint8_t lanes[GAMES];

    /* Bytes of even places, then of odd ones. Four times that sorts 64 boards of cells into 16 cells of boards. */
    INLINE void part(const uint8_t *restrict boards, uint8_t *restrict cells) {
        for (int i = 0; i < 8 * GAMES; i++) { cells[i] = boards[2 * i]; cells[8 * GAMES + i] = boards[2 * i + 1]; }
    }

    /* The way back. */
    INLINE void join(const uint8_t *restrict cells, uint8_t *restrict boards) {
        for (int i = 0; i < 8 * GAMES; i++) { boards[2 * i] = cells[i]; boards[2 * i + 1] = cells[8 * GAMES + i]; }
    }

    /* Turns the boards so that the move of each game is one to the left. Another time turns them back. */
    INLINE void turn(const lanes *restrict cells, const lanes vertical, const lanes backward, lanes *restrict turned) {
        for (int row = 0; row < 4; row++)
            for (int column = 0; column < 4; column++) {
                const uint8_t *left = cells[4 * row + column], *right = cells[4 * row + 3 - column];
                const uint8_t *up = cells[4 * column + row], *down = cells[15 - 4 * column - row];
                EVERY(i) {
                    uint8_t forth = (left[i] & ~vertical[i]) | (up[i] & vertical[i]);
                    uint8_t back = (right[i] & ~vertical[i]) | (down[i] & vertical[i]);
                    turned[4 * row + column][i] = (forth & ~backward[i]) | (back & backward[i]);
                }
            }
    }

    /* Slides a row to the left. Up to two pairs merge: `merged` gets the new exponents, else 0. */
    INLINE void slide(lanes *restrict row, lanes *restrict merged) {
        EVERY(i) {
            uint8_t a = row[0][i], b = row[1][i], c = row[2][i], d = row[3][i], gap;
            gap = IS(a == 0); a |= b & gap; b &= ~gap; gap = IS(b == 0); b |= c & gap; c &= ~gap;
            gap = IS(c == 0); c |= d & gap; d &= ~gap; gap = IS(a == 0); a |= b & gap; b &= ~gap;
            gap = IS(b == 0); b |= c & gap; c &= ~gap; gap = IS(a == 0); a |= b & gap; b &= ~gap;
            uint8_t ab = IS(a == b) & IS(a != 0), bc = IS(b == c) & IS(b != 0) & ~ab;
            uint8_t cd = IS(c == d) & IS(c != 0) & ~bc, closer = ab | bc;
            a -= ab; b -= bc; c -= cd; d &= ~cd;
            merged[0][i] = (a & ab) | (b & bc); merged[1][i] = c & cd;
            row[0][i] = a; row[1][i] = (c & ab) | (b & ~ab);
            row[2][i] = (d & closer) | (c & ~closer); row[3][i] = d & ~closer;
        }
    }

    /* Puts a tile on an empty cell of each game that moved. */
    INLINE void appear(const uint32_t *restrict bits, const lanes moved, lanes *restrict cells) {
        lanes empty = {0}, tile;
        for (int k = 0; k < 16; k++) EVERY(i) empty[i] -= IS(cells[k][i] == 0);
        EVERY(i) {
            /* The upper half is the place among the empty cells; the lower half is evenly spread still: 4 below 0.1. */
            uint64_t product = (uint64_t)bits[i] * empty[i];
            empty[i] = (uint8_t)(product >> 32);
            tile[i] = (1 + ((uint32_t)product < 429496730u)) & moved[i];
        }
        for (int k = 0; k < 16; k++)
            EVERY(i) {
                uint8_t is_empty = IS(cells[k][i] == 0);
                cells[k][i] |= tile[i] & is_empty & IS(empty[i] == 0);
                empty[i] += is_empty;
            }
    }

    /* Adds to `legal`, for each action, whether it moves a tile: of neighbours, one to the other. */
    INLINE void find_moves(int games, const uint8_t *restrict cells, uint8_t *restrict legal) {
        for (int k = 0; k < 28; k++) {
            int beside = k < 16;
            if (beside && k % 4 == 3) continue;
            const uint8_t *first = cells + k % 16 * games, *second = first + (beside ? 1 : 4) * games;
            uint8_t *back = legal + (beside ? 3 : 0) * games, *forth = legal + (beside ? 1 : 2) * games;
            for (int i = 0; i < games; i++) {
                uint8_t same = IS(first[i] == second[i]), no_first = IS(first[i] == 0), no_second = IS(second[i] == 0);
                back[i] |= (same | no_first) & ~no_second & 1;
                forth[i] |= (same | no_second) & ~no_first & 1;
            }
        }
    }

    PUFFER_CLONES
    static void game_step(int n, uint8_t *boards, const int32_t *actions, const uint32_t *bits, uint8_t *rows,
                          float *rewards, uint8_t *over, double *statistics) {
        lanes cells[16] = {{0}}, before[16], turned[16], merged[8], legal[4] = {{0}};
        lanes vertical, backward, moved = {0}, top = {0};
        int32_t chosen[GAMES] = {0}, gains[GAMES] = {0};
        uint32_t drawn[GAMES] = {0};
        uint8_t flags[4 * GAMES];
        memcpy(chosen, actions, 4 * n); memcpy(drawn, bits, 4 * n); memcpy(cells, boards, 16 * n);
        for (int k = 0; k < 2; k++) { part(cells[0], turned[0]); part(turned[0], cells[0]); }
        EVERY(i) { vertical[i] = IS((chosen[i] & 1) == 0); backward[i] = IS((chosen[i] & 3) % 3 != 0); }
        turn(cells, vertical, backward, turned);
        for (int row = 0; row < 4; row++) slide(turned + 4 * row, merged + 2 * row);
        for (int k = 0; k < 8; k++) EVERY(i) gains[i] += (merged[k][i] != 0) << merged[k][i];
        memcpy(before, cells, sizeof cells); turn(turned, vertical, backward, cells);
        for (int k = 0; k < 16; k++) EVERY(i) moved[i] |= IS(before[k][i] != cells[k][i]);
        appear(drawn, moved, cells);
        find_moves(GAMES, cells[0], legal[0]);
        for (int k = 0; k < 16; k++) EVERY(i) top[i] = cells[k][i] > top[i] ? cells[k][i] : top[i];
        EVERY(i) { flags[4 * i] = legal[0][i]; flags[4 * i + 1] = legal[1][i];
                   flags[4 * i + 2] = legal[2][i]; flags[4 * i + 3] = legal[3][i]; }
        for (int k = 0; k < 2; k++) { join(cells[0], turned[0]); join(turned[0], cells[0]); }
        memcpy(boards, cells, 16 * n);
        for (int i = 0; i < n; i++) memcpy(rows + 20 * i, cells[0] + 16 * i, 16);
        for (int i = 0; i < n; i++) memcpy(rows + 20 * i + 16, flags + 4 * i, 4);
        for (int i = 0; i < n; i++) over[i] = !(legal[0][i] | legal[1][i] | legal[2][i] | legal[3][i]);
        for (int i = 0; i < n; i++) rewards[i] = (float)gains[i];
        for (int i = 0; i < n; i++) { statistics[2 * i] += gains[i]; statistics[2 * i + 1] = 1 << top[i]; }
    }
    """
    enum:
        GAMES
    void find_moves(int games, const uint8_t* cells, uint8_t* legal)
    void game_step(int n, uint8_t* boards, const int32_t* actions, const uint32_t* bits, uint8_t* rows,
                   float* rewards, uint8_t* over, double* statistics)

cpdef enum Action:
    UP
    RIGHT
    DOWN
    LEFT

# Of an empty cell, and of the tiles in their order.
_COLOURS = (
    0xCFC8BC, 0xEDE7DA, 0xEADFC0, 0xE9BE8B, 0xE5A06B, 0xE0805F, 0xD6604A, 0xE6CC77, 0xE3C35C,
    0xDDB945, 0xD5AE33, 0xCCA324, 0x81B29A, 0x5E9A80, 0x4C78B5, 0x3D5F94, 0x5B4B8A, 0x3D405B,
)


@cython.final
cdef class Game2048(Env):
    """Game2048(num_envs=1, **options)
--

The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    statistic_names = ("score", "max_tile")
    render_modes = ("rgb_array", "ansi")
    render_size = (412, 412)
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef uint8_t* boards

    def __init__(self, num_envs=1, **options):
        # No play leads beyond 2**17: the tiles would have to add up to 2**18, and those of 16 cells cannot.
        high = np.array([17] * 16 + [1] * 4, np.uint8)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.uint8), spaces.Discrete(4),
                         observes_in_step=True, **options)
        self.boards = <uint8_t*>self.new_state(16)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* cells = self.boards + 16 * i
        cdef int first = rng_below(&self.rng[i], 16), second = rng_below(&self.rng[i], 15)
        memset(cells, 0, 16)
        cells[first] = 1 + rng_chance(&self.rng[i], 0.1)
        cells[second + (second >= first)] = 1 + rng_chance(&self.rng[i], 0.1)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef uint32_t[GAMES] bits
        cdef Py_ssize_t i = first, games, k
        while i < last:
            games = min(<Py_ssize_t>GAMES, last - i)
            for k in range(games):
                bits[k] = rng_bits(&self.rng[i + k])
            game_step(<int>games, self.boards + 16 * i, &self.actions[i], bits, &self.observations[i, 0],
                      &self.rewards[i], &self.terminations[i], &self.statistics[i, 0])
            i += games

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* row = &self.observations[i, 0]
        memcpy(row, self.boards + 16 * i, 16)
        memset(row + 16, 0, 4)
        find_moves(1, row, row + 16)

    def state(self, copy=0):
        """The board of one copy, as a dict: `board`, uint8 (4, 4), as in the observation."""
        self.require_settled("state")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"board": np.frombuffer(self.boards[16 * i:16 * i + 16], np.uint8).reshape(4, 4).copy()}

    def set_board(self, copy, board):
        """Put a board, (4, 4) as in the observation, into one copy; its episode goes on from there."""
        self.require_settled("set_board")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1), k
        cells = np.asarray(board)
        if cells.shape != (4, 4) or cells.dtype.kind not in "iu" or cells.min() < 0 or cells.max() > 17 or (
                sum(2**int(cell) for cell in cells.flat if cell) >= 2**18):
            raise ValueError(f"board must be 4 x 4 exponents of tiles with a sum below 2**18, got {board!r}")
        for k in range(16):
            self.boards[16 * i + k] = cells.flat[k]
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int k, exponent
        cdef double x, y, size
        canvas.clear(0xB5AB9C)
        for k, exponent in enumerate(self.boards[16 * i:16 * i + 16]):
            x, y = 12 + 100 * (k % 4), 12 + 100 * (k // 4)
            canvas.rectangle(x, y, x + 88, y + 88, _COLOURS[exponent])
            value = str(1 << exponent).encode() if exponent else b""
            size = (0, 42, 42, 28, 21, 17.5, 14)[len(value)]
            canvas.text(x + 44 - size * (3 * len(value) - 0.5) / 7, y + 44 - size / 2, size, value,
                        0x3D405B if exponent in (1, 2, 3, 7, 8) else 0xFFFFFF)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        values = [str(2**cell) if cell else "." for cell in self.boards[16 * i:16 * i + 16]]
        return "\n".join(" ".join(f"{value:>6}" for value in values[k:k + 4]) for k in (0, 4, 8, 12))
