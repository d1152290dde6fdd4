"""Othello, Hex and Go: games of OpenSpiel's, constructed games, observations, parameters, pictures."""

import json

import numpy as np
import pytest
from helpers import make
from stone_oracles import GAMES, RECORDED, OpenSpiel, Ours, checksum, compare_many, legal_actions
from stone_play import NAMES, SMALL, backend, begin, legal_of, play, random_legal


def stones(text):
    """A board from rows of `.`, X and O."""
    return [[".XO".index(sign) for sign in row] for row in text.split()]


# ---- Beside OpenSpiel ----


@pytest.mark.parametrize(("name", "options"), GAMES)
def test_recorded_games_go_as_in_openspiel(name, options):
    """Stones, legal actions, end and rewards after every move."""
    recorded = json.loads(RECORDED.read_text())
    games = [(moves, crc) for game, parameters, moves, crc in recorded if (game, parameters) == (name, options)]
    assert len(games) >= 2
    ours = Ours(name, options)
    for moves, expected in games:
        ours.begin()
        crc = checksum(ours.view(), 0)
        for move in moves:
            assert ours.view().rewards is None
            ours.play(move)
            crc = checksum(ours.view(), crc)
        assert crc == expected, moves
        assert ours.view().rewards is not None or ours.truncated


@pytest.mark.parametrize(("name", "options"), [game for game in GAMES if game[1].get("size", 0) < 13])
def test_games_go_as_in_openspiel(name, options):
    pytest.importorskip("pyspiel", reason="needs pip install open_spiel")
    tally, _ = compare_many(OpenSpiel, name, options, 150, 1)
    assert tally.games


# ---- Turns and observations ----


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("opponent", [None, "random", "greedy"])
@pytest.mark.parametrize("name", NAMES)
def test_every_observation_shows_the_state(name, opponent, mode):
    rng = np.random.default_rng(1)
    env = make(name, 4, opponent=opponent, autoreset_mode=mode, **SMALL[name])
    observations, _ = env.reset(seed=1)
    for _ in range(120):
        for copy, rows in enumerate(observations.reshape(4, env.agents_per_env, *observations.shape[1:])):
            state = backend(env).state(copy)
            for seat, row in enumerate(rows):
                assert_shows(name, row, state, seat)
        actions = np.where(rng.random(env.num_envs) < 0.02, 0, random_legal(env, rng))
        observations, _, terminations, truncations, _ = env.step(actions)
        ended = terminations | truncations
        if mode == "Disabled" and ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})


def assert_shows(name, row, state, seat):
    is_black, is_to_move = state["black"] == seat, state["to_move"] == seat
    own, other = (1, 2) if is_black else (2, 1)
    assert np.array_equal(row[0], state["board"] == own)
    assert np.array_equal(row[1], state["board"] == other)
    assert not (row[2] & (state["board"] != 0)).any()
    assert (row[3] == is_to_move).all()
    assert is_to_move or not row[2].any()
    assert name == "othello" or (row[4] == is_black).all()
    if name == "hex":
        assert np.array_equal(row[2], (state["board"] == 0) * is_to_move)
        may_swap = is_to_move and not is_black and np.count_nonzero(state["board"]) == 1
        assert (row[5] == (may_swap and not (state["board"] == 2).any())).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_move_in_turn_and_the_other_action_is_ignored(name):
    env = make(name, 1, starter=1, **SMALL[name])
    env.reset(seed=0)
    first = {"othello": [26, 19], "hex": [3, 5], "go": [3, 5]}[name]
    assert backend(env).state() | {"board": None} == {"board": None, "to_move": 1, "black": 1}
    env.step(np.array([64 if name == "othello" else 15, first[0]]))
    state = backend(env).state()
    assert (state["to_move"], state["board"].ravel()[first[0]]) == (0, 1)
    second = legal_of(env, 0)[0]
    assert legal_of(env, 1) == []
    env.step(np.array([second, first[0]]))
    state = backend(env).state()
    assert (state["to_move"], state["board"].ravel()[second]) == (1, 2)


@pytest.mark.parametrize("opponent", [None, "random", "greedy"])
@pytest.mark.parametrize("name", NAMES)
def test_masks_are_the_legal_actions_of_the_observations(name, opponent):
    env = make(name, 20, opponent=opponent, **SMALL[name])
    env.reset(seed=0)
    for _ in range(60):
        marks = legal_actions(name, env.observations, env.single_action_space.n)
        # A row that is not to move may take any action.
        assert np.array_equal(env.action_masks, marks | ~marks.any(1, keepdims=True))
        env.step(env.sample_legal())
    assert env.stats().get("illegal_move", 0) == 0


@pytest.mark.parametrize("opponent", [None, "random"])
@pytest.mark.parametrize("name", NAMES)
def test_actions_that_are_not_legal_lose_and_no_others(name, opponent):
    env = make(name, 20, opponent=opponent, **SMALL[name])
    env.reset(seed=0)
    for _ in range(9):
        env.step(env.sample_legal())
    masks, state = env.action_masks.copy(), env.get_state()
    for action in range(masks.shape[1]):
        env.set_state(state)
        env.stats()
        env.step(np.full(env.num_envs, action))
        stats = env.stats()
        assert round(stats["episodes"] * stats.get("illegal_move", 0)) == (~masks[:, action]).sum()


@pytest.mark.parametrize("action", [-1, 65, 1000, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("opponent", [None, "random"])
@pytest.mark.parametrize("name", NAMES)
def test_unchecked_actions_of_any_value_are_illegal_moves(name, opponent, action):
    env = make(name, 2, opponent=opponent, check_actions=False, **SMALL[name])
    env.reset(seed=0)
    _, rewards, terminations, _, _ = env.step(np.full(env.num_envs, action, np.int32))
    assert terminations.all()
    assert rewards.reshape(2, -1).sum(1).tolist() == [-1, -1]


# ---- Constructed games ----


def test_othello_passes_only_where_nothing_else_is_legal():
    env, rng, passes = begin("othello"), np.random.default_rng(0), 0
    for seed in range(12):
        env.reset(seed=seed)
        while not env.buffers.terminations.any():
            mover = backend(env).state()["to_move"]
            legal = legal_of(env, mover)
            if legal == [64]:
                passes += 1
                board = backend(env).state()["board"]
                env.step(np.array([64, 64]))
                assert np.array_equal(backend(env).state()["board"], board)
                assert env.buffers.terminations.any() or legal_of(env, 1 - mover) != [64]
            else:
                assert 64 not in legal
                env.step(np.full(2, rng.choice(legal)))
    assert passes
    env.reset(seed=0)
    assert play(env, [64])[1].tolist() == [-1, 0]


def test_the_shortest_game_of_othello():
    """Black turns over all discs in nine moves."""
    env = begin("othello")
    moves = [
        8 * (int(cell[1]) - 1) + "abcdefgh".index(cell[0])
        for cell in ["e6", "f4", "e3", "f6", "g5", "d6", "e7", "f5", "c5"]
    ]
    # That game begins with black on e4 and d5, as here.
    assert not play(env, moves[:-1])[2].any()
    _, rewards, terminations, _, _ = play(env, moves[-1:])
    assert (rewards.tolist(), terminations.tolist()) == ([1, -1], [True, True])
    assert not (backend(env).state()["board"] == 2).any()
    assert backend(env).state()["to_move"] is None
    assert backend(env).stats()["won"] == 0.5


@pytest.mark.parametrize(
    ("moves", "rewards"),
    [
        ([1, 0, 5, 4, 9, 8, 13], [1, -1]),  # black down a column
        ([15, 4, 14, 5, 13, 6, 0, 7], [-1, 1]),  # white along a row
        ([3, 0, 6, 1, 9, 2, 12], [1, -1]),  # black along the short diagonal
        ([0, 12, 5, 8, 10, 13, 15], None),  # the long diagonal is not connected
    ],
)
def test_hex_is_won_by_a_path(moves, rewards):
    env = begin("hex", swap=False)
    assert not play(env, moves[:-1])[2].any()
    result = play(env, moves[-1:])
    assert result[2].all() == (rewards is not None)
    assert result[1].tolist() == (rewards or [0, 0])


def test_the_swap_of_hex_is_offered_once():
    env = begin("hex")
    assert 16 not in legal_of(env, 0)
    play(env, [1])
    assert 16 in legal_of(env, 1)
    play(env, [16])
    assert backend(env).state()["board"].tolist() == stones(".... O... .... ....")
    assert backend(env).state()["to_move"] == 0
    assert 16 not in legal_of(env, 0)
    play(env, [5])
    assert play(env, [16])[1].tolist() == [0, -1]
    env = begin("hex", swap=False)
    assert env.single_action_space.n == 16


def test_go_captures_and_forbids_suicide():
    env = begin("go")
    # White's stone in the corner is captured; then the corner is suicide for white, and legal for black.
    play(env, [1, 0, 5])
    assert backend(env).state()["board"].tolist() == stones(".X... X.... ..... ..... .....")
    assert 0 not in legal_of(env, 1)
    play(env, [24])
    assert 0 in legal_of(env, 0)
    # A group of two: where both own liberties are gone, the last one is suicide.
    env = begin("go")
    play(env, [2, 24, 6, 0, 5, 23])
    assert backend(env).state()["board"].tolist() == stones("O.X.. XX... ..... ..... ...OO")
    play(env, [12])
    assert 1 not in legal_of(env, 1)
    # Filling the last liberty is legal where it captures.
    env = begin("go")
    play(env, [1, 2, 5, 6, 25, 10])
    assert backend(env).state()["board"].tolist() == stones(".XO.. XO... O.... ..... .....")
    play(env, [25])
    assert 0 in legal_of(env, 1)
    play(env, [0])
    assert backend(env).state()["board"].tolist() == stones("O.O.. .O... O.... ..... .....")


def test_go_forbids_to_repeat_a_position():
    env = begin("go")
    play(env, [1, 2, 5, 8, 11, 12, 7, 6])
    # White has captured 7 by 6: black may not take back at once, but after a move elsewhere.
    assert backend(env).state()["board"].tolist() == stones(".XO.. XO.O. .XO.. ..... .....")
    assert 7 not in legal_of(env, 0)
    play(env, [24, 23])
    assert 7 in legal_of(env, 0)
    play(env, [7])
    assert backend(env).state()["board"].tolist() == stones(".XO.. X.XO. .XO.. ..... ...OX")
    # By passes alone the position does not become another one, so that the ko stays closed.
    env = begin("go")
    play(env, [1, 2, 5, 8, 11, 12, 7, 6, 25])
    assert 25 in legal_of(env, 1)
    play(env, [24])
    assert 7 in legal_of(env, 0)
    env = begin("go")
    play(env, [1, 2, 5, 8, 11, 12, 7, 6])
    assert play(env, [7])[1].tolist() == [-1, 0]


# A wall of black on the left and one of white on the right, of which the cells between them are neither's.
WALLS = [1, 3, 6, 8, 11, 13, 16, 18, 21, 23]


@pytest.mark.parametrize(
    ("komi", "moves", "rewards"),
    [
        (0, [], [0, 0]),
        (-0.5, [], [1, -1]),
        (24.5, [12], [1, -1]),
        (25, [12], [0, 0]),
        (25.5, [12], [-1, 1]),
        (-361, [25, 12], [1, -1]),
        (0, WALLS, [0, 0]),
        (0.5, WALLS, [-1, 1]),
        (0.5, [*WALLS, 2], [1, -1]),
        (0.5, [*WALLS, 25, 2], [-1, 1]),
    ],
)
def test_go_counts_areas_after_two_passes(komi, moves, rewards):
    env = begin("go", komi=komi)
    if moves:
        play(env, moves)
    assert not play(env, [25])[2].any()
    result = play(env, [25])
    assert result[2].all()
    assert result[1].tolist() == rewards


def test_go_is_counted_when_too_many_stones_were_placed():
    rng = np.random.default_rng(0)
    env = begin("go", max_steps=10**6)
    steps = 0
    while not env.buffers.terminations.any():
        legal = legal_of(env, backend(env).state()["to_move"])
        play(env, [rng.choice(legal[:-1] or legal)])
        steps += 1
    assert steps >= 100
    assert sorted(env.buffers.rewards.tolist()) == [-1, 1]


@pytest.mark.parametrize(
    ("size", "opponent", "limit"), [(9, None, 162), (5, None, 50), (19, None, 722), (9, "random", 81)]
)
def test_the_limit_of_go_depends_on_the_board(size, opponent, limit):
    assert make("go", 1, size=size, opponent=opponent).max_steps == limit
    assert make("go", 1, size=size, opponent=opponent, max_steps=7).max_steps == 7


# ---- Parameters, snapshots, pictures ----


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "message"),
    [
        ("othello", {"opponent": "search"}, ValueError, "opponent must be None, 'random' or 'greedy', got 'search'"),
        ("go", {"opponent": 1}, ValueError, "opponent .* got 1"),
        ("hex", {"starter": 2}, ValueError, "starter must be at most 1, got 2"),
        ("othello", {"epsilon": 1.5}, ValueError, "epsilon must be from 0 to 1, got 1.5"),
        ("hex", {"size": 2}, ValueError, "size must be at least 3, got 2"),
        ("hex", {"size": 20}, ValueError, "size must be at most 19, got 20"),
        ("hex", {"swap": 1}, TypeError, "swap must be .* got 1"),
        ("go", {"size": 4}, ValueError, "size must be at least 5, got 4"),
        ("go", {"size": 20}, ValueError, "size must be at most 19, got 20"),
        ("go", {"size": 9.5}, TypeError, "size must be an integer, got 9.5"),
        ("go", {"komi": 400}, ValueError, "komi must be from -361 to 361, got 400"),
        ("go", {"komi": float("nan")}, ValueError, "komi must be from -361 to 361, got nan"),
    ],
)
def test_bad_parameters_are_refused(name, arguments, kind, message):
    with pytest.raises(kind, match=message):
        make(name, 1, **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_can_be_read(name):
    options = {**SMALL[name], "opponent": "greedy", "starter": 1, "epsilon": 0.25}
    core = backend(make(name, 2, **options))
    assert {key: getattr(core, key) for key in options} == options


@pytest.mark.parametrize("name", NAMES)
def test_games_go_on_after_a_snapshot_as_they_would_have(name):
    """What is built from the stones of a snapshot plays as what grew move by move."""
    rng = np.random.default_rng(0)
    env, restored = (make(name, 30, **SMALL[name]) for _ in range(2))
    env.reset(seed=0)
    restored.reset(seed=1)
    for step in range(120):
        actions = random_legal(env, rng)
        if step % 7 == 0:
            restored.set_state(env.get_state())
        for one, two in zip(env.step(actions)[:4], restored.step(actions)[:4], strict=True):
            assert np.array_equal(one, two)


def test_text_shows_board_and_turn():
    env = begin("othello", render_mode="ansi")
    play(env, [19])
    assert env.render()[0].splitlines()[2:5] == [". . . X . . . .", ". . . X X . . .", ". . . X O . . ."]
    assert env.render()[0].endswith("white (1) to move")
    env = begin("hex", size=3, render_mode="ansi")
    play(env, [1, 4])
    assert env.render() == (". X .\n . O .\n  . . .\nblack (0) to move",)
    env = begin("go", render_mode="ansi")
    play(env, [6, 25, 6])
    assert env.render() == (". . . . .\n. X . . .\n. . . . .\n. . . . .\n. . . . .\nblack (0): illegal move",)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_differ_by_position_and_result(name):
    env = begin(name, render_mode="rgb_array")
    frames = set()
    for moves in ([19], [19, 18], [19, 19]) if name == "othello" else ([0], [1], [0, 1], [1, 0], [1, 1]):
        env.reset(seed=0)
        play(env, moves)
        frames.add(env.render()[0].tobytes())
    assert len(frames) == (3 if name == "othello" else 5)
