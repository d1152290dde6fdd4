"""Tic-tac-toe and Connect Four: 10,000 games each beside PettingZoo's, constructed games, parameters, pictures."""

from typing import NamedTuple

import numpy as np
import pytest
from board_twin import GAMES, Twin, backend, board_of, boards_of, masks_of, play_moves, random_legal
from helpers import make
from pettingzoo.classic.connect_four import connect_four
from pettingzoo.classic.tictactoe import tictactoe

# ---- PettingZoo ----


class Games(NamedTuple):
    """Games of self-play side by side, of which the game g has lengths[g] moves; axes: move, game, row."""

    moves: np.ndarray
    observations: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    lengths: np.ndarray


def play_games(name, count, illegal, seed):
    """Games in which the row 0 begins. A move is random among the legal ones, or, with this probability, among all."""
    twin, rng = Twin(name), np.random.default_rng(seed)
    env = make(name, count, starter=0, copy=True)
    observations, _ = env.reset(seed=seed)
    steps, lengths = [], np.zeros(count, np.int64)
    while not lengths.all():
        to_move = observations.reshape(count, 2, -1)[:, :, 2 * twin.cells].argmax(1)
        wild = rng.random(2 * count) < illegal
        actions = np.where(wild, rng.integers(0, twin.actions, 2 * count), random_legal(twin, observations, rng))
        observations, rewards, terminations, truncations, info = env.step(actions)
        assert not truncations.any()
        final = observations.copy()
        if info:
            final[terminations] = np.stack(info["final_obs"][terminations])
        moves = actions.reshape(count, 2)[np.arange(count), to_move]
        steps.append((moves, *(array.reshape(count, 2, *array.shape[1:]) for array in (final, rewards, terminations))))
        lengths[(lengths == 0) & terminations[::2]] = len(steps)
    return Games(*(np.stack(arrays) for arrays in zip(*steps, strict=True)), lengths)


def play_in_pettingzoo(env, moves):
    """The boards after every move, in the order of this package's cells; the rewards and terminations likewise."""
    boards, rewards, terminations = [], [], []
    env.reset()
    for move in moves:
        env.step(move)
        boards.append(list(getattr(env.board, "squares", env.board)))
        rewards.append(list(env.rewards.values()))
        terminations.append(list(env.terminations.values()))
    return boards, rewards, terminations


@pytest.mark.parametrize(("name", "module"), [("tic_tac_toe", tictactoe), ("connect_four", connect_four)])
def test_ten_thousand_games_go_as_in_pettingzoo(name, module):
    """Board, rewards and end after every move, through the raw environment, which is the fastest way to its rules."""
    twin, env = Twin(name), module.raw_env()
    results, completed = [], np.zeros(len(twin.lines), np.bool_)
    for seed in range(10):
        games = play_games(name, 1000, 0.0, seed)
        for game, length in enumerate(games.lengths):
            played = slice(length), game
            boards, rewards, terminations = play_in_pettingzoo(env, games.moves[played].tolist())
            assert np.array_equal(boards_of(twin, games.observations[played][:, 0]), boards)
            assert games.rewards[played].tolist() == rewards
            assert games.terminations[played].tolist() == terminations
            assert terminations[-1] == [True, True]
            results.append(rewards[-1][0])
            lines = np.array(boards[-1])[twin.lines]
            completed |= (lines > 0).all(1) & (lines == lines[:, :1]).all(1)
    assert len(results) == 10_000
    assert set(results) == {-1, 0, 1}
    assert completed.all(), "every line there is was completed in some game"


@pytest.mark.parametrize(("name", "module"), [("tic_tac_toe", tictactoe), ("connect_four", connect_four)])
def test_observations_masks_and_illegal_moves_are_those_of_pettingzoo(name, module):
    """Through PettingZoo's wrappers too, of which one makes an illegal move lose."""
    twin, env = Twin(name), module.env()
    games, illegal = play_games(name, 150, 0.1, 99), 0
    for game, length in enumerate(games.lengths):
        env.reset()
        for k in range(length):
            env.step(int(games.moves[k, game]))
            rewards, terminations = games.rewards[k, game], games.terminations[k, game]
            assert rewards.tolist() == list(env.rewards.values())
            assert terminations.tolist() == list(env.terminations.values())
            for row, agent in zip(games.observations[k, game], env.possible_agents, strict=True):
                theirs = env.unwrapped.observe(agent)
                assert np.array_equal(row[: 2 * twin.cells], theirs["observation"].reshape(twin.cells, 2).T.ravel())
                # After the end PettingZoo still names a player to move; here nobody is.
                mask = np.zeros(twin.actions) if terminations.all() else theirs["action_mask"]
                assert np.array_equal(row[2 * twin.cells :], [mask.any(), *mask])
        assert terminations.all()
        illegal += sorted(rewards.tolist()) == [-1, 0]
    assert 5 < illegal < 145


# ---- Rules ----


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("opponent", [None, "random", "search"])
@pytest.mark.parametrize("name", GAMES)
def test_every_observation_shows_the_state(name, opponent, mode):
    """Also where only what a step changed is written, and in the rows of games that have just begun."""
    twin, rng = Twin(name), np.random.default_rng(1)
    env = make(name, 5, opponent=opponent, autoreset_mode=mode)
    observations, _ = env.reset(seed=1)
    seats = env.agents_per_env
    for _ in range(300):
        for copy, rows in enumerate(observations.reshape(5, seats, -1)):
            board, to_move = board_of(env, copy)
            for seat, row in enumerate(rows):
                assert np.array_equal(row, twin.observation(board, to_move, seat))
        wild = rng.random(env.num_envs) < 0.03
        actions = np.where(wild, rng.integers(0, twin.actions, env.num_envs), random_legal(twin, observations, rng))
        observations, _, terminations, _, _ = env.step(actions)
        if mode == "Disabled" and terminations.any():
            observations, _ = env.reset(options={"reset_mask": terminations.copy()})


@pytest.mark.parametrize("name", GAMES)
def test_the_rows_move_in_turn_and_the_other_action_is_ignored(name):
    env = make(name, 1, starter=1)
    env.reset(seed=0)
    assert backend(env).state()["to_move"] == 1
    env.step(np.array([6, 2]))
    assert backend(env).state()["to_move"] == 0
    observations, _, _, _, _ = env.step(np.array([3, 1]))
    board, to_move = board_of(env)
    twin = Twin(name)
    expected = [0] * twin.cells
    expected[twin.cell(expected, 2)] = 2
    expected[twin.cell(expected, 3)] = 1
    assert (list(board), to_move) == (expected, 1)
    assert not masks_of(twin, observations)[0].any()
    assert masks_of(twin, observations)[1].any()


@pytest.mark.parametrize(
    ("name", "moves", "rewards", "statistic"),
    [
        ("tic_tac_toe", [0, 3, 1, 4, 2], [1, -1], "won"),
        ("tic_tac_toe", [0, 2, 1, 4, 8, 6], [-1, 1], "won"),
        ("tic_tac_toe", [0, 1, 2, 4, 3, 5, 7, 6, 8], [0, 0], "drawn"),
        ("tic_tac_toe", [0, 1, 3, 2, 4, 5, 7, 6, 8], [1, -1], "won"),  # the last cell completes a line
        ("tic_tac_toe", [4, 4], [0, -1], "illegal_move"),
        ("connect_four", [0, 1, 0, 1, 0, 1, 0], [1, -1], "won"),
        ("connect_four", [6, 3, 5, 3, 4, 3, 0, 3], [-1, 1], "won"),
        ("connect_four", [0, 1, 1, 2, 2, 3, 2, 3, 3, 6, 3], [1, -1], "won"),
        ("connect_four", [6, 5, 5, 4, 4, 3, 4, 3, 3, 0, 3], [1, -1], "won"),
        ("connect_four", [2] * 6 + [2], [-1, 0], "illegal_move"),
    ],
)
def test_constructed_games_end_as_they_should(name, moves, rewards, statistic):
    env = make(name, 1, starter=0, autoreset_mode="Disabled")
    before = play_moves(env, moves[:-1])
    assert not before[2].any()
    result = env.step(np.full(2, moves[-1]))
    assert result[1].tolist() == rewards
    assert result[2].all()
    assert not result[3].any()
    assert backend(env).state()["to_move"] is None
    assert backend(env).best_actions() == []
    stats = backend(env).stats()
    names = ("won", "drawn", "illegal_move")
    assert [stats[key] for key in names] == [(1 if key == "drawn" else 0.5) * (key == statistic) for key in names]


def test_a_line_does_not_run_from_one_edge_of_the_board_to_the_other():
    """Two stones at the right end of a row, and two at the left end of the row below."""
    env = make("connect_four", 1, starter=0)
    assert not play_moves(env, [0, 5, 1, 6, 5, 3, 6])[2].any()
    assert [row[:2].tolist() + row[5:].tolist() for row in backend(env).state()["board"][4:]] == [
        [0, 0, 1, 1],
        [1, 1, 2, 2],
    ]


@pytest.mark.parametrize("action", [-1, 7, 9, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("opponent", [None, "random"])
@pytest.mark.parametrize("name", GAMES)
def test_unchecked_actions_of_any_value_are_illegal_moves(name, opponent, action):
    env = make(name, 2, opponent=opponent, check_actions=False)
    env.reset(seed=0)
    if action == 7 and name == "tic_tac_toe":
        action = 15
    _, rewards, terminations, _, _ = env.step(np.full(env.num_envs, action, np.int32))
    assert terminations.all()
    assert rewards.reshape(2, -1).sum(1).tolist() == [-1, -1]


@pytest.mark.parametrize("name", GAMES)
def test_max_steps_truncates_a_game_with_somebody_to_move(name):
    env = make(name, 1, starter=0, max_steps=3, autoreset_mode="Disabled")
    observations, rewards, terminations, truncations, _ = play_moves(env, [0, 1, 2])
    assert truncations.all()
    assert not terminations.any()
    assert not rewards.any()
    assert observations[1, 2 * Twin(name).cells] == 1


@pytest.mark.parametrize("opponent", [None, "random", "search"])
@pytest.mark.parametrize("name", GAMES)
def test_who_begins(name, opponent):
    for starter in ("random", 0, 1):
        env = make(name, 400, starter=starter, opponent=opponent)
        env.reset(seed=0)
        states = [backend(env).state(copy) for copy in range(400)]
        if opponent is None:
            began = np.array([state["to_move"] for state in states])
        else:
            assert all(state["to_move"] == 0 for state in states)
            began = np.array([np.count_nonzero(state["board"] == 2) for state in states])
            assert not any((state["board"] == 1).any() for state in states)
        assert set(began) == ({0, 1} if starter == "random" else {starter})
        assert starter != "random" or 150 < began.sum() < 250


# ---- Parameters, snapshots, pictures ----


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"opponent": "minimax"}, ValueError, "opponent must be None, 'random' or 'search', got 'minimax'"),
        ({"opponent": 1}, ValueError, "opponent .* got 1"),
        ({"starter": "first"}, ValueError, "starter must be 'random', 0 or 1, got 'first'"),
        ({"starter": 2}, ValueError, "starter must be at most 1, got 2"),
        ({"starter": None}, TypeError, "starter must be an integer, got None"),
        ({"epsilon": 1.5}, ValueError, "epsilon must be from 0 to 1, got 1.5"),
        ({"epsilon": -0.1}, ValueError, "epsilon must be from 0 to 1, got -0.1"),
        ({"epsilon": float("nan")}, ValueError, "epsilon must be from 0 to 1, got nan"),
        ({"epsilon": "0.5"}, TypeError, "epsilon must be a number, got '0.5'"),
    ],
)
@pytest.mark.parametrize("name", GAMES)
def test_bad_parameters_are_refused(name, arguments, kind, message):
    with pytest.raises(kind, match=message):
        make(name, 1, **arguments)


@pytest.mark.parametrize(("depth", "kind"), [(0, ValueError), (13, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_bad_search_depth_is_refused(depth, kind):
    with pytest.raises(kind, match=f"search_depth must be .*{depth}"):
        make("connect_four", 1, search_depth=depth)


@pytest.mark.parametrize("name", GAMES)
def test_parameters_can_be_read_and_methods_check_their_copy(name):
    env = make(name, 2, opponent="search", starter=1, epsilon=0.25)
    core = backend(env)
    assert (core.opponent, core.starter, core.epsilon) == ("search", 1, 0.25)
    assert (env.agents_per_env, make(name, 2).agents_per_env) == (1, 2)
    env.reset(seed=0)
    for method in (core.state, core.best_actions):
        with pytest.raises(ValueError, match="copy must be at most 1, got 2"):
            method(2)


@pytest.mark.parametrize("opponent", ["random", "search"])
@pytest.mark.parametrize("name", GAMES)
def test_a_snapshot_brings_back_the_opponent_too(name, opponent):
    twin = Twin(name)
    env = make(name, 16, opponent=opponent, epsilon=0.3, copy=True)
    observations, _ = env.reset(seed=2)
    for _ in range(2):
        observations = env.step(random_legal(twin, observations, np.random.default_rng(0)))[0]
    state, traces = env.get_state(), []
    for _ in range(2):
        env.set_state(state)
        rng, trace, shown = np.random.default_rng(1), [], observations
        for _ in range(30):
            shown = env.step(random_legal(twin, shown, rng))[0]
            trace.append(shown)
        traces.append(np.stack(trace))
    assert np.array_equal(*traces)


def test_text_shows_board_and_turn():
    env = make("tic_tac_toe", 1, starter=0, render_mode="ansi", autoreset_mode="Disabled")
    play_moves(env, [0, 4, 1])
    assert env.render() == ("X X .\n. O .\n. . .\nO to move",)
    env.step(np.array([1, 1]))
    assert env.render() == ("X X .\n. O .\n. . .\nO: illegal move",)
    env = make("connect_four", 1, starter=1, render_mode="ansi", autoreset_mode="Disabled")
    play_moves(env, [3, 3, 0, 4, 0, 5, 0, 6])
    rows = env.render()[0].splitlines()
    assert rows[-4:] == ["Y . . R . . .", "Y . . Y R R R", "0 1 2 3 4 5 6", "yellow to move"]


@pytest.mark.parametrize("name", GAMES)
def test_pictures_differ_by_position_and_result(name):
    env = make(name, 1, starter=0, render_mode="rgb_array", autoreset_mode="Disabled")
    frames = {play_moves(env, moves) and env.render()[0].tobytes() for moves in ([0], [0, 1], [0, 1, 2], [1, 0, 2])}
    assert len(frames) == 4
