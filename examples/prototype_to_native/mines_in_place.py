"""Mines as an environment that writes into the batch."""

import numpy as np
from gymnasium import spaces

import puffer

SIZE = 8
CLOSED, MINE = -1, 9


class Mines(puffer.PufferEnv):
    single_observation_space = spaces.Box(CLOSED, MINE, (SIZE, SIZE), np.int8)
    single_action_space = spaces.Discrete(SIZE * SIZE)
    max_steps = SIZE * SIZE

    def __init__(self, mines=10):
        super().__init__()
        self.mines = mines
        self.random = puffer.Random()
        # With a margin, so that every cell has eight neighbours.
        self.counts = np.zeros((SIZE + 2, SIZE + 2), np.int8)

    def reset(self, seed=None):
        if seed is not None:
            self.random = puffer.Random(seed)
        self.observations[0] = CLOSED
        self.mined = None
        return self.observations

    def step(self, actions):
        cell = divmod(int(actions[0]), SIZE)
        if self.mined is None:
            self.lay_mines(cell)
        board = self.observations[0]
        if cell in self.mined:
            board[cell] = MINE
            self.rewards[0] = -1
        elif board[cell] == CLOSED:
            self.open(board, cell)
            self.rewards[0] = np.count_nonzero(board == CLOSED) == self.mines
        self.terminations[0] = self.rewards[0] != 0
        return self.observations, self.rewards, self.terminations, self.truncations, {}

    def lay_mines(self, first):
        self.mined = set()
        self.counts[:] = 0
        while len(self.mined) < self.mines:
            row, column = cell = divmod(self.random.below(SIZE * SIZE), SIZE)
            if cell != first and cell not in self.mined:
                self.mined.add(cell)
                self.counts[row : row + 3, column : column + 3] += 1

    def open(self, board, cell):
        waiting = [cell]
        while waiting:
            row, column = cell = waiting.pop()
            if board[cell] == CLOSED:
                board[cell] = self.counts[row + 1, column + 1]
                if board[cell] == 0:
                    rows = range(max(row - 1, 0), min(row + 2, SIZE))
                    waiting += [(r, c) for r in rows for c in range(max(column - 1, 0), min(column + 2, SIZE))]
