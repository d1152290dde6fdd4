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

from puffer import checks

from puffer cimport (
    Canvas, Env, int32_t, memcmp, memcpy, memset, rng_below, rng_bits, rng_chance, uint8_t, uint32_t, uint64_t,
)

cdef extern from "puffer/ocean/game_2048/game_2048.h" nogil:
    enum:
        GAMES
    void game_step(int n, uint8_t* boards, const int32_t* actions, const uint32_t* bits, uint8_t* rows,
                   float* rewards, uint8_t* over, double* statistics)

cpdef enum Action:
    UP
    RIGHT
    DOWN
    LEFT

cdef struct State:
    uint8_t[16] cells  # row by row: 0 for an empty one, k for a tile of 2**k

# For each action, of the four lines along which the tiles slide: the cell that the first one slides to, and how far it
# is from there to that of the next line, and to the next cell of the line.
cdef int[4] FIRST = [0, 3, 12, 0]
cdef int[4] TO_LINE = [1, 4, 1, 4]
cdef int[4] TO_CELL = [4, -1, -4, 1]

cdef uint32_t A_TENTH = 429496730  # of 2**32

# Of an empty cell, and of the tiles in their order.
_COLOURS = (
    0xCFC8BC, 0xEDE7DA, 0xEADFC0, 0xE9BE8B, 0xE5A06B, 0xE0805F, 0xD6604A, 0xE6CC77, 0xE3C35C,
    0xDDB945, 0xD5AE33, 0xCCA324, 0x81B29A, 0x5E9A80, 0x4C78B5, 0x3D5F94, 0x5B4B8A, 0x3D405B,
)


cdef inline int slide(uint8_t* line, int step) noexcept nogil:
    """Slide the tiles of four cells, `step` apart, to the first one. Returns the sum of the values of merged tiles."""
    cdef int k, tile, count = 0, last = 0, value = 0
    for k in range(4):
        tile = line[k * step]
        line[k * step] = 0
        if tile == 0:
            continue
        if tile == last:
            line[(count - 1) * step] = tile + 1
            value += 2 << tile
            last = 0  # it has merged, and does not again
        else:
            line[count * step] = last = tile
            count += 1
    return value


cdef inline bint can_slide(const uint8_t* line, int step) noexcept nogil:
    """Whether a tile has an empty cell or an equal tile ahead of it."""
    cdef int k, tile, ahead
    for k in range(1, 4):
        tile, ahead = line[k * step], line[(k - 1) * step]
        if tile != 0 and (ahead == 0 or ahead == tile):
            return True
    return False


cdef inline bint can_move(const uint8_t* cells, int action) noexcept nogil:
    cdef int k
    for k in range(4):
        if can_slide(cells + FIRST[action] + k * TO_LINE[action], TO_CELL[action]):
            return True
    return False


cdef inline void add_tile(uint8_t* cells, uint32_t bits) noexcept nogil:
    """Put a tile on a random empty cell, of which there must be one."""
    cdef int k, empty = 0, index
    cdef uint64_t product
    for k in range(16):
        empty += cells[k] == 0
    # The upper half is uniform in [0, empty): the index of the cell among the empty ones. The lower half is uniform in
    # [0, 2**32): a tenth of it gives a 4.
    product = <uint64_t>bits * <uint32_t>empty
    index = product >> 32
    for k in range(16):
        if cells[k] == 0 and index == 0:
            cells[k] = 2 if <uint32_t>product < A_TENTH else 1
            return
        index -= cells[k] == 0


cdef class Game2048(Env):
    """Game2048(num_envs=1, **options)
--

Copies of the game 2048. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
**options
    The options of `puffer.Env`.
"""

    statistic_names = ("score", "max_tile")
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    render_size = (412, 412)
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, **options):
        # No play leads beyond 2**17: the tiles would have to add up to 2**18, and those of 16 cells cannot.
        high = np.array([17] * 16 + [1] * 4, np.uint8)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.uint8), spaces.Discrete(4),
                         observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* cells = self.state[i].cells
        cdef int first = rng_below(&self.rng[i], 16), second = rng_below(&self.rng[i], 15)
        memset(cells, 0, 16)
        cells[first] = 1 + rng_chance(&self.rng[i], 0.1)
        cells[second + (second >= first)] = 1 + rng_chance(&self.rng[i], 0.1)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* cells = self.state[i].cells
        cdef uint8_t[16] before
        cdef uint32_t bits = rng_bits(&self.rng[i])
        cdef int action = self.actions[i] & 3, k, value = 0, top = 0
        memcpy(before, cells, 16)
        for k in range(4):
            value += slide(cells + FIRST[action] + k * TO_LINE[action], TO_CELL[action])
        if memcmp(before, cells, 16) != 0:
            add_tile(cells, bits)
        for k in range(16):
            top = max(top, cells[k])
        self.rewards[i] = value
        self.terminations[i] = True
        for action in range(4):
            if can_move(cells, action):
                self.terminations[i] = False
        self.statistics[i, 0] += value
        self.statistics[i, 1] = 1 << top

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef uint32_t[GAMES] bits
        cdef Py_ssize_t i = first, k, games
        while i < last:
            games = min(<Py_ssize_t>GAMES, last - i)
            for k in range(games):
                bits[k] = rng_bits(&self.rng[i + k])
            game_step(<int>games, self.state[i].cells, &self.actions[i], bits, &self.observations[i, 0],
                      &self.rewards[i], &self.terminations[i], &self.statistics[i, 0])
            i += games

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* row = &self.observations[i, 0]
        cdef int action
        memcpy(row, self.state[i].cells, 16)
        for action in range(4):
            row[16 + action] = can_move(row, action)

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        cdef int action
        for i in range(first, last):
            for action in range(4):
                masks[i, action] = can_move(self.state[i].cells, action)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint64_t total = 0
        cdef int k
        for k in range(16):
            total += (<uint64_t>1 << min(self.state[i].cells[k], 18)) & ~<uint64_t>1
        # No play leads to such a board, nor from any other one to a tile of 2**18.
        if total >= 1 << 18:
            self.reset_one(i)

    cdef dict state_one(self, Py_ssize_t i):
        return {"board": np.frombuffer(self.state[i].cells[:16], np.uint8).reshape(4, 4).copy()}

    def set_board(self, copy, board):
        """Put a board, (4, 4) as in the observation, into one copy; its episode goes on from there."""
        self.require_settled("set_board")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1), k
        cells = np.asarray(board)
        if cells.shape != (4, 4) or cells.dtype.kind not in "iu" or cells.min() < 0 or cells.max() > 17 or (
                sum(2**int(cell) for cell in cells.flat if cell) >= 2**18):
            raise ValueError(f"board must be 4 x 4 exponents of tiles with a sum below 2**18, got {board!r}")
        for k in range(16):
            self.state[i].cells[k] = cells.flat[k]
        self.redraw(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int k, exponent
        cdef double x, y, size
        canvas.clear(0xB5AB9C)
        for k in range(16):
            exponent = self.state[i].cells[k]
            x, y = 12 + 100 * (k % 4), 12 + 100 * (k // 4)
            canvas.rectangle(x, y, x + 88, y + 88, _COLOURS[exponent])
            value = str(1 << exponent).encode() if exponent else b""
            size = (0, 42, 42, 28, 21, 17.5, 14)[len(value)]
            canvas.text(x + 44 - size * (3 * len(value) - 0.5) / 7, y + 44 - size / 2, size, value,
                        0x3D405B if exponent in (1, 2, 3, 7, 8) else 0xFFFFFF)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        values = [str(2**cell) if cell else "." for cell in self.state[i].cells[:16]]
        return "\n".join(" ".join(f"{value:>6}" for value in values[k:k + 4]) for k in (0, 4, 8, 12))


cdef class _PlainGame2048(Game2048):
    """2048 by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
