"""The opponents of Othello, Hex and Go, beside their moves as the docstrings have them."""

import numpy as np
import pytest
from helpers import make
from stone_play import NAMES, SMALL, backend, begin, legal_of, play, random_legal


@pytest.mark.parametrize("name", NAMES)
def test_the_random_opponent_draws_evenly_among_the_legal_moves(name):
    """Over first moves: of the opponent that begins, by counts."""
    options = {**SMALL[name], "swap": False} if name == "hex" else SMALL[name]
    env = make(name, 4000, opponent="random", starter=1, **options)
    env.reset(seed=3)
    boards = np.stack([backend(env).state(copy)["board"] for copy in range(4000)]).reshape(4000, -1)
    chosen = boards == 1
    if name == "othello":
        chosen[:, [28, 35]] = False
        counts = chosen[:, [19, 26, 37, 44]].sum(0)
    else:
        counts = chosen.sum(0)
        counts = np.append(counts, 4000 - counts.sum()) if name == "go" else counts
    expected = 4000 / len(counts)
    assert ((counts - expected) ** 2 / expected).sum() < len(counts) + 5 * np.sqrt(2 * len(counts))


@pytest.mark.parametrize(("name", "share"), [("othello", 0.75), ("hex", 0.95), ("go", 0.9)])
def test_the_greedy_opponent_beats_random_play(name, share):
    env = make(name, 200, opponent="greedy", **SMALL[name])
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(60):
        env.step(random_legal(env, rng))
    stats = env.stats()
    assert stats["episodes"] > 100
    assert (1 - stats["episode_return"]) / 2 > share
    random = make(name, 200, opponent="greedy", epsilon=1, **SMALL[name])
    random.reset(seed=0)
    for _ in range(60):
        random.step(random_legal(random, rng))
    assert abs(random.stats()["episode_return"]) < 0.35


def worth(board):
    """Of white's discs beside black's, as the docstring of Othello has it."""
    weights = np.ones((8, 8))
    weights[[0, -1]] = weights[:, [0, -1]] = 3
    for row, column, value in ((0, 0, 20), (0, 1, -4), (1, 0, -4), (1, 1, -8)):
        weights[np.ix_([row, 7 - row], [column, 7 - column])] = value
    return (weights * (board == 2)).sum() - (weights * (board == 1)).sum()


def lacking(board, colour, starts):
    """How many stones a colour lacks for a path from some cells to each cell of Hex; by cell, those that it reaches."""
    cost = {cell: int(stone == 0) for cell, stone in np.ndenumerate(board) if stone in (0, colour)}
    found, waiting = {}, [(cost[cell], cell) for cell in starts if cell in cost]
    while waiting:
        waiting.sort()
        length, (row, column) = waiting.pop(0)
        if (row, column) in found:
            continue
        found[row, column] = length
        for down, right in ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0)):
            cell = row + down, column + right
            if cell in cost:
                waiting.append((length + cost[cell], cell))
    return found


def shortness(board):
    """By empty cell of Hex, of the shortest paths of both colours through it; more is shorter."""
    size, ends = len(board), range(len(board))
    found = [
        lacking(board, colour, starts)
        for colour, starts in (
            (1, [(0, k) for k in ends]),
            (1, [(size - 1, k) for k in ends]),
            (2, [(k, 0) for k in ends]),
            (2, [(k, size - 1) for k in ends]),
        )
    ]
    cells = [cell for cell, stone in np.ndenumerate(board) if stone == 0]
    return {cell[0] * size + cell[1]: -sum(lengths.get(cell, 1000) for lengths in found) for cell in cells}


@pytest.mark.parametrize("name", ["othello", "hex"])
def test_the_greedy_opponent_plays_only_best_moves(name):
    """In a game of self-play beside it, every answer of white is tried."""
    options = {} if name == "othello" else {"size": 5, "swap": False}
    env, twin = begin(name, opponent="greedy", **options), begin(name, **options)
    rng, answers, several = np.random.default_rng(5), 0, 0
    for _ in range(40):
        action = random_legal(env, rng)[0]
        play(env, [action])
        ended = play(twin, [action])[2].any()
        if not ended:
            state, values = twin.get_state(), {}
            lengths = shortness(backend(twin).state()["board"]) if name == "hex" else None
            for answer in legal_of(twin, 1):
                twin.set_state(state)
                play(twin, [answer])
                board = backend(twin).state()["board"]
                values[answer] = lengths[answer] if name == "hex" else worth(board), board.tobytes()
            best = [answer for answer in values if values[answer][0] == max(values.values())[0]]
            chosen = [answer for answer in best if values[answer][1] == backend(env).state()["board"].tobytes()]
            assert len(chosen) == 1
            answers, several = answers + 1, several + (len(best) > 1)
            twin.set_state(state)
            ended = play(twin, chosen)[2].any()
        assert ended == env.buffers.terminations.any()
        if ended:
            env.reset()
            twin.reset()
    assert answers > 20
    assert several > 3
