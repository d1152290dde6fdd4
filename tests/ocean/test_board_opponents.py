"""The opponents of tic-tac-toe and Connect Four, and their search, beside plain minimax in Python."""

import numpy as np
import pytest
from board_twin import GAMES, PerfectTwin, Twin, backend, board_of, boards_of, play_moves, random_legal
from helpers import make

# ---- Opponents ----


def replies(name, steps, rng, copies=64, **options):
    """Play randomly against an opponent; yields (board it saw, its move) for every answer within a game."""
    twin = Twin(name)
    env = make(name, copies, copy=True, **options)
    observations, _ = env.reset(seed=3)
    for _ in range(steps):
        actions = random_legal(twin, observations, rng)
        before = boards_of(twin, observations)
        observations, rewards, terminations, _, info = env.step(actions)
        after = observations.copy()
        if info:
            after[terminations] = np.stack(info["final_obs"][terminations])
        for row, board in enumerate(boards_of(twin, after)):
            seen = before[row].tolist()
            seen[twin.cell(seen, actions[row])] = 1
            new = np.flatnonzero(board != seen)
            assert len(new) == (not (terminations[row] and (rewards[row] == 1 or 0 not in seen)))
            if len(new):
                move = int(new[0]) % twin.columns if twin.falls else int(new[0])
                assert twin.cell(seen, move) == new[0]
                assert board[new[0]] == 2
                yield tuple(seen), move


@pytest.mark.parametrize("name", GAMES)
def test_the_random_opponent_draws_evenly_among_the_legal_moves(name):
    """Sum over all answers of (is it this action - probability of it), against its standard deviation."""
    twin = Twin(name)
    excess, variance = np.zeros(twin.actions), np.zeros(twin.actions)
    for board, move in replies(name, 60, np.random.default_rng(4), opponent="random"):
        legal = twin.legal(board)
        chance = np.isin(np.arange(twin.actions), legal) / len(legal)
        excess += (np.arange(twin.actions) == move) - chance
        variance += chance * (1 - chance)
    assert (np.abs(excess) < 4 * np.sqrt(variance)).all()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_search_opponent_of_connect_four_plays_only_best_moves(depth):
    twin = Twin("connect_four")
    options = {"opponent": "search", "search_depth": depth, "copies": 8}
    seen = set()
    for board, move in replies("connect_four", 24, np.random.default_rng(depth), **options):
        best = twin.best(board, 1, depth)
        assert move in best
        seen.add(best.index(move))
    assert len(seen) > 3, "it draws among equally good moves"


def test_the_search_opponent_of_tic_tac_toe_plays_only_best_moves_and_never_loses():
    twin, seen = PerfectTwin("tic_tac_toe"), set()
    for board, move in replies("tic_tac_toe", 60, np.random.default_rng(5), opponent="search"):
        empty = board.count(0)
        best = twin.best(board, 1, empty)
        assert move in best
        seen.add((empty, best.index(move)))
    assert len(seen) > 12
    env, rng = make("tic_tac_toe", 512, opponent="search"), np.random.default_rng(6)
    observations, _ = env.reset(seed=6)
    for _ in range(100):
        observations, rewards, _, _, _ = env.step(random_legal(twin, observations, rng))
        assert not (rewards > 0).any()
    stats = backend(env).stats()
    assert stats["episodes"] > 10_000
    assert stats["won"] == 0
    assert stats["drawn"] > 0


def test_perfect_play_against_perfect_play_is_a_draw():
    env = make("tic_tac_toe", 64, opponent="search", autoreset_mode="Disabled")
    env.reset(seed=0)
    terminations = np.zeros(64, np.bool_)
    while not terminations.all():
        actions = [(backend(env).best_actions(copy) or [0])[0] for copy in range(64)]
        _, rewards, ended, _, _ = env.step(np.array(actions))
        assert not rewards.any()
        terminations |= ended
        if ended.any():
            env.reset(options={"reset_mask": ended.copy()})


@pytest.mark.parametrize("name", GAMES)
def test_epsilon_is_the_share_of_random_moves(name):
    twin = PerfectTwin(name) if name == "tic_tac_toe" else Twin(name)
    options = {"opponent": "search", "epsilon": 0.4, "copies": 32}
    if name == "connect_four":
        options["search_depth"] = 2
    count = expected = variance = 0
    for board, move in replies(name, 60, np.random.default_rng(8), **options):
        best = twin.best(board, 1, 2 if twin.falls else board.count(0))
        chance = 0.4 * (1 - len(best) / len(twin.legal(board)))
        count += move not in best
        expected += chance
        variance += chance * (1 - chance)
    assert abs(count - expected) < 4 * np.sqrt(variance)
    assert expected > 20


# ---- Search ----


def random_positions(name, count, rng, stones=0, **options):
    """An environment after a random number of moves of self-play, at least `stones`, `count` times."""
    twin = Twin(name)
    env = make(name, 1, **options)
    while count:
        observations, _ = env.reset(seed=int(rng.integers(2**32)))
        for _ in range(rng.integers(stones, twin.cells)):
            observations, _, terminations, _, _ = env.step(random_legal(twin, observations, rng))
            if terminations.any():
                break
        else:
            count -= 1
            yield env


@pytest.mark.parametrize(("depth", "count"), [(1, 300), (2, 300), (3, 120), (4, 25)])
def test_search_finds_the_moves_of_plain_minimax(depth, count):
    twin = Twin("connect_four")
    for env in random_positions("connect_four", count, np.random.default_rng(depth), search_depth=depth):
        board, to_move = board_of(env)
        assert backend(env).best_actions() == twin.best(board, to_move, depth)


@pytest.mark.parametrize("depth", [5, 7, 12])
def test_deep_search_near_the_end_finds_the_moves_of_plain_minimax(depth):
    """With few stones to go the game tree is small enough for the twin, whatever the depth."""
    twin, rng, compared = Twin("connect_four"), np.random.default_rng(depth), 0
    for env in random_positions("connect_four", 60, rng, stones=30, search_depth=depth):
        board, to_move = board_of(env)
        if len(twin.legal(board)) <= 2 or board.count(0) <= 8:
            assert backend(env).best_actions() == twin.best(board, to_move, depth)
            compared += 1
    assert compared > 10


def test_tic_tac_toe_is_solved_as_by_plain_minimax():
    twin, seen = PerfectTwin("tic_tac_toe"), set()
    for env in random_positions("tic_tac_toe", 1500, np.random.default_rng(0)):
        board, to_move = board_of(env)
        seen.add((board, to_move))
        assert backend(env).best_actions() == twin.best(board, to_move, board.count(0))
    assert len(seen) > 400


@pytest.mark.parametrize(
    ("name", "moves", "depth", "best"),
    [
        ("tic_tac_toe", [0, 3, 1, 4], None, [2]),  # wins, and need not block
        ("tic_tac_toe", [0, 4, 1], None, [2]),  # blocks
        ("tic_tac_toe", [0], None, [4]),  # every other answer to a corner loses
        ("connect_four", [0, 1, 0, 1, 0, 1], 1, [0]),
        ("connect_four", [0, 1, 0, 1, 0, 1], 4, [0]),
        ("connect_four", [0, 1, 0, 1, 0], 2, [0]),
        ("connect_four", [0, 1, 0, 1, 0], 4, [0]),
        ("connect_four", [3, 3, 2], 4, [1, 4]),  # else three in a row, open on both sides
        ("connect_four", [3, 3, 2, 2], 3, [1, 4]),  # makes them
        ("connect_four", [2] * 6, 4, [0, 1, 3, 4, 5, 6]),  # a full column
    ],
)
def test_it_wins_in_one_and_blocks(name, moves, depth, best):
    env = make(name, 1, starter=0, **({} if depth is None else {"search_depth": depth}))
    play_moves(env, moves)
    assert backend(env).best_actions() == best


def test_a_deeper_search_beats_a_shallower_one():
    """Two environments play the same games, and each chooses the moves of one seat."""
    players = [make("connect_four", 1, search_depth=depth) for depth in (1, 6)]
    rng, score = np.random.default_rng(0), np.zeros(2)
    for game in range(30):
        for env in players:
            env.reset(seed=game)
        terminated = False
        while not terminated:
            seat = backend(players[0]).state()["to_move"]
            move = rng.choice(backend(players[seat]).best_actions())
            _, rewards, (terminated, _), _, _ = [env.step(np.full(2, move)) for env in players][0]
            score += rewards
    assert score[1] > 15
