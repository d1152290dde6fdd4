"""Snake: many snakes on one map, which grow by eating and die when they run into something.

Observation   uint8 (2 * vision + 1, 2 * vision + 1): the map around the snake's head, with up at the top. 0 empty,
              1 wall, 2 food, 3 own body, 4 own head, 5 another's body, 6 another's head. The last observation of a
              snake that died shows the map without it, around the cell of its head.
Action        Discrete(4): 0 up, 1 down, 2 left, 3 right. A turn straight back is ignored: the snake moves on ahead.
Reward        +1 for eating, -1 for dying, 0 otherwise.
Terminated    when the head meets a wall, a body (its own included) or another head.
Truncated     after 1000 steps (a snake that moves in circles does not die), or max_steps if given.
Start         one cell at a random empty position; the first moves make it three cells long. Each snake has episodes of
              its own on a map that goes on; with snakes=1, each episode has a new map.
Rules         All snakes move at once: first every tail leaves its cell, unless its snake grows, then the heads arrive.
              Heads that meet in one cell all die, and food in that cell is lost to them. The dead leave the map at the
              end of the step. Food makes a snake one cell longer, up to max_length, and comes back at a random empty
              position.
Source        Gremlin's arcade game Blockade, 1976; many snakes on one map, as in PufferLib's Snake. The rules are new.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer cimport Canvas, Env, int32_t, memset, rng_below, uint8_t, uint16_t
from puffer.ocean.snake.parameters cimport START_LENGTH, check_parameters
from puffer.ocean.snake.picture cimport draw_map, tile_size, write_map

cdef extern from "puffer/ocean/snake/snake.h" nogil:
    enum:
        KIND, TURN, OWNER, CLAIMED, CONTESTED, NO_DIRECTION, NO_TARGET, TRIES, CHUNK
    void snake_windows(int first, int last, int side, Py_ssize_t stride, const uint16_t* board, const int32_t* heads,
                       const uint8_t* masks, uint8_t* windows)

cpdef enum Action:
    UP, DOWN, LEFT, RIGHT

cpdef enum Cell:
    EMPTY, WALL, FOOD, OWN_BODY, OWN_HEAD, OTHER_BODY, OTHER_HEAD

# One snake. Its head is in an array of its own, for the windows.
cdef struct State:
    # The cell of its tail; the cell that its head moves to in this step, or NO_TARGET.
    int32_t tail, target
    int32_t direction
    # Its cells on the map, 0 once it is dead; the number that it is growing to.
    int32_t length, goal


@cython.final
cdef class Snake(Env):
    """Snake(num_envs=1, *, snakes=8, width=None, height=None, food=None, vision=5, max_length=None, **options)
--

Snakes on a map, each with episodes of its own. See the module's docstring for the rules. Raises ValueError where a map
has no room for the food and for all snakes at `max_length`.

Parameters
----------
num_envs : int
    Number of maps.
snakes : int
    Agents on a map, 1 to 2047.
width, height : int, optional
    Cells of a map, 2 to 4096 each; by default a square of 64 cells per snake, with a side of at least 10.
food : int, optional
    Cells of food on a map, at least 0; by default one per snake.
vision : int
    How many cells far a snake sees, 1 to 64.
max_length : int, optional
    Cells of the longest snake, at least 3; by default the most for which the map has room.
**options
    The options of `puffer.Env`.

Attributes
----------
snakes, width, height, food, vision, max_length : int
    The parameters.

Notes
-----
`state(copy)` has arrays (height, width): `cells`, uint8, a Cell each, OTHER_BODY and OTHER_HEAD for any snake; and
`owners`, int32, the index of the snake in the cell, or -1.
"""

    default_max_steps = 1000
    statistic_names = ("length", "food")
    render_modes = ("rgb_array", "ansi")
    cdef readonly int snakes, width, height, food, vision, max_length
    # Of a board: cells from one row to the next, and in all.
    cdef Py_ssize_t stride, board_size
    # By action, the offset to the next cell.
    cdef int32_t[4] steps
    cdef uint8_t[:, ::1] windows
    cdef int32_t[::1] actions
    # A board for each copy, a head (its cell on the board) and a State for each row.
    cdef uint16_t* boards
    cdef int32_t* heads
    cdef State* state

    def __init__(self, num_envs=1, *, snakes=8, width=None, height=None, food=None, vision=5, max_length=None,
                 **options):
        cdef Py_ssize_t cell
        values = check_parameters(snakes, width, height, food, vision, max_length)
        snakes, width, height, food, vision, max_length = values
        # Gymnasium before 1.3 takes no members of an enumeration as bounds.
        window = spaces.Box(<int>EMPTY, <int>OTHER_HEAD, (2 * vision + 1,) * 2, np.uint8)
        super().__init__(num_envs, window, spaces.Discrete(4), agents_per_env=snakes, independent_agents=True,
                         snapshot_key=(width, height, food, max_length), **options)
        self.windows = self.buffers.observations.reshape(self.num_agents, -1)
        self.actions = self.buffers.actions
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
        self.state = <State*>self.new_state(self.snakes * sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint16_t* board = self.boards + i * self.board_size
        cdef Py_ssize_t row
        for row in range(self.vision, self.vision + self.height):
            memset(board + row * self.stride + self.vision, 0, self.width * sizeof(uint16_t))
        for row in range(i * self.snakes, (i + 1) * self.snakes):
            self.state[row].length = 0
            self.reset_agent(row)
        for _ in range(self.food):
            board[self._empty_cell(i)] = FOOD

    cdef void reset_agent(self, Py_ssize_t row) noexcept nogil:
        cdef Py_ssize_t i = row // self.snakes
        cdef uint16_t* board = self.boards + i * self.board_size
        cdef int32_t cell
        # Unless it died, the snake is still on the map.
        self._shorten(board, &self.state[row], 0)
        cell = self._empty_cell(i)
        board[cell] = <uint16_t>((row - i * self.snakes + 1) << OWNER | OTHER_HEAD)
        self.heads[row] = cell
        self.state[row] = State(tail=cell, target=NO_TARGET, direction=NO_DIRECTION, length=1, goal=START_LENGTH)
        self.statistics[row, 0] = 1

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint16_t* board = self.boards + i * self.board_size
        cdef uint16_t* target
        cdef Py_ssize_t row, first = i * self.snakes
        cdef int eaten = 0
        self._leave(board, first)
        # All claims are made before a snake that dies leaves the map, so the order of the snakes does not matter.
        for row in range(first, first + self.snakes):
            target = board + self.state[row].target
            if target[0] == EMPTY or target[0] == FOOD:
                eaten += target[0] == FOOD
                target[0] |= CLAIMED
            elif target[0] & ~FOOD == CLAIMED:
                target[0] = CONTESTED
        self._arrive(board, first)
        for _ in range(eaten):
            board[self._empty_cell(i)] = FOOD

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self._observe_snakes(i, 0, self.snakes)

    cdef void observe_agent(self, Py_ssize_t row) noexcept nogil:
        self._observe_snakes(row // self.snakes, <int>(row % self.snakes), <int>(row % self.snakes) + 1)

    cdef void _observe_snakes(self, Py_ssize_t i, int first, int last) noexcept nogil:
        snake_windows(first, last, 2 * self.vision + 1, self.stride, self.boards + i * self.board_size,
                      self.heads + i * self.snakes, &self.masks[i * self.snakes], &self.windows[i * self.snakes, 0])

    cdef inline void _shorten(self, uint16_t* board, State* snake, int32_t length) noexcept nogil:
        """Take cells off the tail while the snake is longer than this."""
        cdef int32_t tail
        while snake.length > length:
            tail = snake.tail
            snake.tail += self.steps[board[tail] >> TURN & 3]
            board[tail] = EMPTY
            snake.length -= 1

    cdef int32_t _empty_cell(self, Py_ssize_t i) noexcept nogil:
        """A random empty cell of the map, or the first one after TRIES misses. The constructor makes sure of one."""
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

    cdef void _leave(self, uint16_t* board, Py_ssize_t first) noexcept nogil:
        """Turn the snakes to their target cells and let their tails leave."""
        cdef Py_ssize_t row
        cdef int32_t direction
        cdef State* snake
        for row in range(first, first + self.snakes):
            snake = &self.state[row]
            snake.target = NO_TARGET
            if not self.masks[row] or snake.length == 0:
                # A snake that was truncated in the previous step is still on the map.
                self._shorten(board, snake, 0)
                continue
            direction = self.actions[row] & 3
            if direction ^ 1 == snake.direction:
                direction = snake.direction
            snake.direction = direction
            board[self.heads[row]] = <uint16_t>((row - first + 1) << OWNER | direction << TURN | OTHER_BODY)
            snake.target = self.heads[row] + self.steps[direction]
            if board[snake.target] == FOOD and snake.goal < self.max_length:
                snake.goal += 1
            self._shorten(board, snake, snake.goal - 1)

    cdef void _arrive(self, uint16_t* board, Py_ssize_t first) noexcept nogil:
        """Move the heads to the cells that are theirs alone; the other snakes die."""
        cdef Py_ssize_t row
        cdef State* snake
        cdef uint16_t cell
        for row in range(first, first + self.snakes):
            snake = &self.state[row]
            cell = board[snake.target]
            if cell & ~FOOD == CLAIMED:
                board[snake.target] = <uint16_t>((row - first + 1) << OWNER | OTHER_HEAD)
                self.heads[row] = snake.target
                snake.length += 1
                self.statistics[row, 0] = snake.length
                if cell & FOOD:
                    self.statistics[row, 1] += 1
                    self.rewards[row] = 1
            elif snake.target != NO_TARGET:
                if cell == CONTESTED:
                    board[snake.target] = EMPTY
                self._shorten(board, snake, 0)
                self.rewards[row] = -1
                self.terminations[row] = True

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        # The moves rely on all that the cells say of snakes: a map that is none begins anew.
        if not self._is_map(i):
            self.reset_one(i)

    cdef bint _is_map(self, Py_ssize_t i) noexcept nogil:
        """Whether the board of copy i has its walls, and no more than its food and each snake from tail to head."""
        cdef const uint16_t* board = self.boards + i * self.board_size
        cdef Py_ssize_t row, cell, taken = 0, food = 0
        for cell in range(self.board_size):
            if self._is_inside(cell):
                food += board[cell] == FOOD
                taken += board[cell] != FOOD and board[cell] != EMPTY
            elif board[cell] != WALL:
                return False
        for row in range(i * self.snakes, (i + 1) * self.snakes):
            if not self._is_snake(board, row, <int>(row - i * self.snakes + 1)):
                return False
            taken -= self.state[row].length
        return taken == 0 and food <= self.food

    cdef bint _is_inside(self, Py_ssize_t cell) noexcept nogil:
        """Whether a cell of the board is none of the walls around the map."""
        return (self.vision <= cell // self.stride < self.vision + self.height
                and self.vision <= cell % self.stride < self.vision + self.width)

    cdef bint _is_snake(self, const uint16_t* board, Py_ssize_t row, int owner) noexcept nogil:
        """Whether a snake is dead, or as long as it says."""
        cdef const State* snake = &self.state[row]
        cdef Py_ssize_t cell = snake.tail
        if not (self._is_inside(self.heads[row]) and 0 <= snake.length <= snake.goal
                and START_LENGTH <= snake.goal <= self.max_length and 0 <= snake.direction <= NO_DIRECTION):
            return False
        for _ in range(snake.length - 1):
            if not self._is_inside(cell) or board[cell] & ~(3 << TURN) != (owner << OWNER | OTHER_BODY):
                return False
            cell += self.steps[board[cell] >> TURN & 3]
        return snake.length == 0 or (cell == self.heads[row] and board[cell] == (owner << OWNER | OTHER_HEAD))

    cdef dict state_one(self, Py_ssize_t i):
        board = np.array(<uint16_t[:self.board_size - CHUNK]>(self.boards + i * self.board_size))
        board = board.reshape(-1, self.stride)[self.vision:-self.vision, self.vision:-self.vision]
        return {"cells": (board & KIND).astype(np.uint8), "owners": (board >> OWNER).astype(np.int32) - 1}

    @property
    def render_size(self):
        size = tile_size(self.width, self.height)
        return size * (self.width + 2), size * (self.height + 2)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        state = self.state_one(i)
        return draw_map(canvas, state["cells"], state["owners"])

    cdef object ansi_one(self, Py_ssize_t i):
        state = self.state_one(i)
        return write_map(state["cells"], state["owners"])
