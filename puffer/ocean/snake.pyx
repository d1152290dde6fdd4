"""Snake: many snakes on one map, which eat to grow and must not run into anything.

Observation   uint8 (2 * vision + 1, 2 * vision + 1): the map around the snake's head, up is up. 0 empty, 1 wall,
              2 food, 3 own body, 4 own head, 5 another's body, 6 another's head. The last observation of a snake that
              died shows the map without it, around the cell where its head was.
Action        Discrete(4): 0 up, 1 down, 2 left, 3 right. A turn straight back is ignored: the snake goes on ahead.
Reward        +1 for eating, -1 for dying, 0 otherwise.
Terminated    when the head meets a wall, a body (its own included) or another head.
Truncated     after 1000 steps (a snake that goes in circles does not die), or max_steps if given.
Start         one cell at a random empty place, to grow to three with the first moves. Each snake has episodes of its
              own on a map that goes on; with snakes=1, each episode has a new map.
Rules         All move at once: first every tail leaves its cell, unless its snake grows, then the heads arrive. Heads
              that meet on one cell all die, and food there is lost to them. The dead leave the map at the end of the
              step. Food makes a snake one cell longer, up to max_length, and comes back at a random empty place.
Source        Gremlin's arcade game Blockade, 1976; many snakes on one map, as in PufferLib's Snake. The rules are new.
Version       0
"""
import colorsys
import math

import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.string cimport memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below

import_puffer()

cdef extern from "puffer/ocean/_snake.h" nogil:
    enum:
        KIND, TURN, OWNER, CLAIMED, CONTESTED, MOST_SNAKES, START_LENGTH, NO_DIRECTION, NO_TARGET, TRIES, CHUNK
    void snake_windows(int first, int last, int side, Py_ssize_t stride, const uint16_t* board, const int32_t* heads,
                       const uint8_t* masks, uint8_t* windows)

cpdef enum Action:
    UP, DOWN, LEFT, RIGHT

cpdef enum Cell:
    EMPTY, WALL, FOOD, OWN_BODY, OWN_HEAD, OTHER_BODY, OTHER_HEAD

cdef struct Body:
    int32_t tail, target, direction
    # Cells on the map, none when the snake is dead; and how many it is growing to.
    int32_t length, goal


@cython.final
cdef class Snake(Env):
    """Snake(num_envs=1, *, snakes=8, width=None, height=None, food=None, vision=5, max_length=None, **options)
--

`num_envs` maps, each with `snakes` agents (1 to 2047) and `food` cells of food (one per snake). `width` and `height`
(2 to 4096) make a square of 64 cells per snake, of side 10 at least, unless given. `vision` (1 to 64) is how far a
snake sees. The map must have room for the food and for all snakes at `max_length`, by default the most that fits.
The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 1000
    statistic_names = ("length", "food")
    render_modes = ("rgb_array", "ansi")
    cdef readonly int snakes, width, height, food, vision, max_length
    cdef Py_ssize_t stride, board_size
    cdef int32_t[4] steps
    cdef uint8_t[:, ::1] windows
    cdef int32_t[::1] actions
    cdef uint16_t* boards
    cdef int32_t* heads
    cdef Body* bodies

    def __init__(self, num_envs=1, *, snakes=8, width=None, height=None, food=None, vision=5, max_length=None,
                 **options):
        cdef Py_ssize_t cell
        snakes = checks.integer("snakes", snakes, 1, MOST_SNAKES)
        side = max(10, math.isqrt(64 * snakes - 1) + 1)
        width = checks.integer("width", side if width is None else width, 2, 4096)
        height = checks.integer("height", side if height is None else height, 2, 4096)
        vision = checks.integer("vision", vision, 1, 64)
        cells = width * height
        food = checks.integer("food", snakes if food is None else food, 0, cells)
        # However long all the others are, there must be an empty cell for a snake or for food.
        fits = (cells - food) // snakes
        most = max(fits, START_LENGTH) if max_length is None else max_length
        max_length = checks.integer("max_length", most, START_LENGTH, cells)
        if max_length > fits:
            raise ValueError(
                f"{snakes} snakes of up to {max_length} cells and {food} cells of food do not fit a map of {width} x "
                f"{height} = {cells} cells, which has room for max_length={fits}")
        window = spaces.Box(EMPTY, OTHER_HEAD, (2 * vision + 1,) * 2, np.uint8)
        super().__init__(num_envs, window, spaces.Discrete(4), agents_per_env=snakes, independent_agents=True,
                         snapshot_key=(width, height, food, max_length), **options)
        self.snakes, self.width, self.height = snakes, width, height
        self.food, self.vision, self.max_length = food, vision, max_length
        # The border of walls is as wide as the vision, so that no window reaches over the edge of the board.
        self.stride = self.width + 2 * self.vision
        self.board_size = self.stride * (self.height + 2 * self.vision) + CHUNK
        self.steps = [-self.stride, self.stride, -1, 1]
        self.boards = <uint16_t*>self.new_state(self.board_size * sizeof(uint16_t))
        for cell in range(self.num_copies * self.board_size):
            self.boards[cell] = WALL
        self.heads = <int32_t*>self.new_state(self.snakes * sizeof(int32_t))
        self.bodies = <Body*>self.new_state(self.snakes * sizeof(Body))

    cdef int bind(self, Buffers buffers) except -1:
        self.windows = buffers.observations.reshape(self.num_agents, -1)
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint16_t* board = self.boards + i * self.board_size
        cdef Py_ssize_t row
        for row in range(self.vision, self.vision + self.height):
            memset(board + row * self.stride + self.vision, 0, self.width * sizeof(uint16_t))
        for row in range(i * self.snakes, (i + 1) * self.snakes):
            self.bodies[row].length = 0
            self.reset_agent(row)
        for _ in range(self.food):
            board[self.empty_cell(i)] = FOOD

    cdef void reset_agent(self, Py_ssize_t row) noexcept nogil:
        cdef Py_ssize_t i = row // self.snakes
        cdef uint16_t* board = self.boards + i * self.board_size
        cdef int32_t cell
        # Unless it died, the snake is still on the map.
        self.shorten(board, &self.bodies[row], 0)
        cell = self.empty_cell(i)
        board[cell] = <uint16_t>((row - i * self.snakes + 1) << OWNER | OTHER_HEAD)
        self.heads[row] = cell
        self.bodies[row] = Body(tail=cell, target=NO_TARGET, direction=NO_DIRECTION, length=1, goal=START_LENGTH)
        self.statistics[row, 0] = 1

    cdef inline void shorten(self, uint16_t* board, Body* body, int32_t length) noexcept nogil:
        cdef int32_t tail
        while body.length > length:
            tail = body.tail
            body.tail += self.steps[board[tail] >> TURN & 3]
            board[tail] = EMPTY
            body.length -= 1

    cdef int32_t empty_cell(self, Py_ssize_t i) noexcept nogil:
        """A random empty cell of the map, or the first one after TRIES misses. There is one, see the constructor."""
        cdef const uint16_t* board = self.boards + i * self.board_size
        cdef Py_ssize_t cell = 0
        for _ in range(TRIES):
            cell = (rng_below(&self.rng[i], self.height) + self.vision) * self.stride + self.vision
            cell += rng_below(&self.rng[i], self.width)
            if board[cell] == EMPTY:
                return <int32_t>cell
        for cell in range(self.board_size):
            if board[cell] == EMPTY:
                break
        return <int32_t>cell

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint16_t* board = self.boards + i * self.board_size
        cdef uint16_t* target
        cdef Py_ssize_t row, first = i * self.snakes
        cdef int eaten = 0
        self.leave(board, first)
        # All claims are made before a snake that dies leaves the map, so the order of the snakes does not matter.
        for row in range(first, first + self.snakes):
            target = board + self.bodies[row].target
            if target[0] == EMPTY or target[0] == FOOD:
                eaten += target[0] == FOOD
                target[0] |= CLAIMED
            elif target[0] & ~FOOD == CLAIMED:
                target[0] = CONTESTED
        self.arrive(board, first)
        for _ in range(eaten):
            board[self.empty_cell(i)] = FOOD

    cdef void leave(self, uint16_t* board, Py_ssize_t first) noexcept nogil:
        """Turn the snakes to their target cells and let their tails leave."""
        cdef Py_ssize_t row
        cdef int32_t direction
        cdef Body* body
        for row in range(first, first + self.snakes):
            body = &self.bodies[row]
            body.target = NO_TARGET
            if not self.masks[row] or body.length == 0:
                # A snake that was truncated in the step before is still on the map.
                self.shorten(board, body, 0)
                continue
            direction = self.actions[row] & 3
            if direction ^ 1 == body.direction:
                direction = body.direction
            body.direction = direction
            board[self.heads[row]] = <uint16_t>((row - first + 1) << OWNER | direction << TURN | OTHER_BODY)
            body.target = self.heads[row] + self.steps[direction]
            if board[body.target] == FOOD and body.goal < self.max_length:
                body.goal += 1
            self.shorten(board, body, body.goal - 1)

    cdef void arrive(self, uint16_t* board, Py_ssize_t first) noexcept nogil:
        """Move the heads to the cells that are theirs alone; the other snakes die."""
        cdef Py_ssize_t row
        cdef Body* body
        cdef uint16_t cell
        for row in range(first, first + self.snakes):
            body = &self.bodies[row]
            cell = board[body.target]
            if cell & ~FOOD == CLAIMED:
                board[body.target] = <uint16_t>((row - first + 1) << OWNER | OTHER_HEAD)
                self.heads[row] = body.target
                body.length += 1
                self.statistics[row, 0] = body.length
                if cell & FOOD:
                    self.statistics[row, 1] += 1
                    self.rewards[row] = 1
            elif body.target != NO_TARGET:
                if cell == CONTESTED:
                    board[body.target] = EMPTY
                self.shorten(board, body, 0)
                self.rewards[row] = -1
                self.terminations[row] = True

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observe_snakes(i, 0, self.snakes)

    cdef void observe_agent(self, Py_ssize_t row) noexcept nogil:
        self.observe_snakes(row // self.snakes, <int>(row % self.snakes), <int>(row % self.snakes) + 1)

    cdef void observe_snakes(self, Py_ssize_t i, int first, int last) noexcept nogil:
        snake_windows(first, last, 2 * self.vision + 1, self.stride, self.boards + i * self.board_size,
                      self.heads + i * self.snakes, &self.masks[i * self.snakes], &self.windows[i * self.snakes, 0])

    def state(self, copy):
        """The Cells of one copy's map (of any snake OTHER_), and whose they are (the agent in the copy, or -1)."""
        self.require_settled("state")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        board = np.array(<uint16_t[:self.board_size - CHUNK]>(self.boards + i * self.board_size))
        board = board.reshape(-1, self.stride)[self.vision:-self.vision, self.vision:-self.vision]
        return (board & KIND).astype(np.uint8), (board >> OWNER).astype(np.int32) - 1

    @property
    def render_size(self):
        size = max(1, min(24, 768 // (max(self.width, self.height) + 2)))
        return size * (self.width + 2), size * (self.height + 2)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int row, column, size = canvas.width // (self.width + 2)
        cells, owners = self.state(i)
        canvas.clear(0x5C677D)
        canvas.rectangle(size, size, canvas.width - size, canvas.height - size, 0x101820)
        for row, column in np.argwhere(cells != EMPTY) + 1:
            cell, owner = cells[row - 1, column - 1], owners[row - 1, column - 1]
            if cell != FOOD:
                red, green, blue = colorsys.hsv_to_rgb(0.618034 * owner % 1, 0.65, 255)
                canvas.cell(row, column, size, 0.05 * size, int(red) << 16 | int(green) << 8 | int(blue))
            if cell != OTHER_BODY:
                colour = 0xFFFFFF if cell == FOOD else 0x101820
                canvas.disc((column + 0.5) * size, (row + 0.5) * size, 0.3 * size, colour)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cells, owners = self.state(i)
        letters = np.where(cells == OTHER_HEAD, ord("A"), ord("a")) + owners % 26
        letters = np.where(cells == EMPTY, ord("."), np.where(cells == FOOD, ord("*"), letters))
        return "\n".join("".join(map(chr, row)) for row in letters)
