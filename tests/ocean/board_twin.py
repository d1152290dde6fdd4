"""A plain Python twin of the board games: their rules, minimax, and what the tests of both need."""

import functools
import itertools

import numpy as np

GAMES = ("tic_tac_toe", "connect_four")


class Twin:
    """The rules of a game on a flat board of 0, empty, and 1 and 2, the stones of the seats 0 and 1."""

    def __init__(self, name):
        self.falls = name == "connect_four"
        self.rows, self.columns, self.length = (6, 7, 4) if self.falls else (3, 3, 3)
        self.cells = self.rows * self.columns
        self.actions = self.columns if self.falls else self.cells
        self.lines = [
            [(row + k * down) * self.columns + column + k * right for k in range(self.length)]
            for row, column in itertools.product(range(self.rows), range(self.columns))
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))
            if row + (self.length - 1) * down < self.rows and 0 <= column + (self.length - 1) * right < self.columns
        ]
        self.through = [[line for line in self.lines if cell in line] for cell in range(self.cells)]

    def cell(self, board, action):
        """Where a stone comes to lie, or None for an illegal move."""
        if not self.falls:
            return action if board[action] == 0 else None
        column = [row * self.columns + action for row in range(self.rows)]
        empty = [cell for cell in column if board[cell] == 0]
        return empty[-1] if empty else None

    def legal(self, board):
        return [action for action in range(self.actions) if self.cell(board, action) is not None]

    def wins(self, board, cell):
        """Whether the stone on `cell` is part of a line."""
        return any(all(board[other] == board[cell] for other in line) for line in self.through[cell])

    def values(self, board, seat, depth):
        """Plain minimax: the value of every legal move. A line with r moves left counts r, a draw or the horizon 0."""
        found = {}
        for action in self.legal(board):
            cell = self.cell(board, action)
            after = (*board[:cell], seat + 1, *board[cell + 1 :])
            if self.wins(after, cell):
                found[action] = depth
            elif depth == 1 or 0 not in after:
                found[action] = 0
            else:
                found[action] = -max(self.values(after, 1 - seat, depth - 1).values())
        return found

    def best(self, board, seat, depth):
        found = self.values(board, seat, depth)
        return [action for action in sorted(found) if found[action] == max(found.values())]

    def observation(self, board, to_move, seat):
        """The row of a seat, written from the docstring."""
        board = np.asarray(board)
        turn = np.zeros(1 + self.actions)
        if to_move == seat:
            turn[[0, *(1 + action for action in self.legal(board))]] = 1
        return np.concatenate([board == seat + 1, board == 2 - seat, turn])


class PerfectTwin(Twin):
    """Tic-tac-toe small enough to solve once for all."""

    values = functools.cache(Twin.values)


def backend(env):
    return env.unwrapped.native_env


def board_of(env, copy=0):
    state = backend(env).state(copy)
    return tuple(state["board"].ravel().tolist()), state["to_move"]


def boards_of(twin, observations):
    """The boards that rows of observations show: 1 for own stones, 2 for the other's."""
    return observations[:, : twin.cells] + 2 * observations[:, twin.cells : 2 * twin.cells]


def masks_of(twin, observations):
    return observations[:, 2 * twin.cells + 1 :]


def random_legal(twin, observations, rng):
    """A random legal action for every row; 0 for a row that is not to move."""
    return np.argmax(masks_of(twin, observations) * rng.random((len(observations), twin.actions)), axis=1)


def play_moves(env, actions):
    """Reset, and let the rows of a single copy play these moves in turn; the last step's result."""
    env.reset(seed=0)
    return [env.step(np.full(env.num_envs, action)) for action in actions][-1]
