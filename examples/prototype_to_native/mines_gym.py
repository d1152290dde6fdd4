"""Mines as a plain Gymnasium environment."""

import gymnasium
import numpy as np
from gymnasium import spaces

import puffer

SIZE = 8
CLOSED, MINE = -1, 9


class Mines(gymnasium.Env):
    observation_space = spaces.Box(CLOSED, MINE, (SIZE, SIZE), np.int8)
    action_space = spaces.Discrete(SIZE * SIZE)

    def __init__(self, mines=10):
        self.mines = mines
        self.random = puffer.Random()

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.random = puffer.Random(seed)
        self.board = np.full((SIZE, SIZE), CLOSED, np.int8)
        self.mined = np.zeros((SIZE, SIZE), bool)
        self.steps = 0
        return self.board.copy(), {}

    def step(self, action):
        cell = divmod(int(action), SIZE)
        if self.steps == 0:
            self.lay_mines(cell)
        self.steps += 1
        reward = 0.0
        if self.mined[cell]:
            self.board[cell] = MINE
            reward = -1.0
        elif self.board[cell] == CLOSED:
            self.open(cell)
            if np.sum(self.board == CLOSED) == self.mines:
                reward = 1.0
        return self.board.copy(), reward, reward != 0, self.steps == SIZE * SIZE, {}

    def lay_mines(self, first):
        laid = 0
        while laid < self.mines:
            cell = divmod(self.random.below(SIZE * SIZE), SIZE)
            if cell != first and not self.mined[cell]:
                self.mined[cell] = True
                laid += 1

    def open(self, cell):
        waiting = [cell]
        while waiting:
            cell = waiting.pop()
            if self.board[cell] == CLOSED:
                cells = around(cell)
                self.board[cell] = sum(self.mined[other] for other in cells)
                if self.board[cell] == 0:
                    waiting += cells


def around(cell):
    """A cell and its neighbours."""
    row, column = cell
    rows = range(max(row - 1, 0), min(row + 2, SIZE))
    return [(r, c) for r in rows for c in range(max(column - 1, 0), min(column + 2, SIZE))]
