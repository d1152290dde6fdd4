"""Tetris keeps its rules: a plain Python twin of cells and sets beside it, and boards made for single rules."""

from collections import Counter

import numpy as np
import pytest
from gymnasium import error
from helpers import make

from puffer.ocean.tetris import tetris

NOTHING, LEFT, RIGHT, CLOCKWISE, COUNTERCLOCKWISE, SOFT_DROP, HARD_DROP, HOLD = tetris.Action
NAMES = "IOTSZJL"

# The Super Rotation System: the rotations 0, R, 2, L of each piece in its box.
SHAPES = {
    "I": """....  ..#.  ....  .#..
            ####  ..#.  ....  .#..
            ....  ..#.  ####  .#..
            ....  ..#.  ....  .#..""",
    "O": """.##.  .##.  .##.  .##.
            .##.  .##.  .##.  .##.""",
    "T": """.#.  .#.  ...  .#.
            ###  .##  ###  ##.
            ...  .#.  .#.  .#.""",
    "S": """.##  .#.  ...  #..
            ##.  .##  .##  ##.
            ...  ..#  ##.  .#.""",
    "Z": """##.  ..#  ...  .#.
            .##  .##  ##.  ##.
            ...  .#.  .##  #..""",
    "J": """#..  .##  ...  .#.
            ###  .#.  ###  .#.
            ...  .#.  ..#  ##.""",
    "L": """..#  .#.  ...  ##.
            ###  .#.  ###  .#.
            ...  .##  #..  .#.""",
}
# Its wall kicks, x to the right and y up, tried after the plain rotation.
KICKS = {
    (0, 1): [(-1, 0), (-1, 1), (0, -2), (-1, -2)],
    (1, 0): [(1, 0), (1, -1), (0, 2), (1, 2)],
    (1, 2): [(1, 0), (1, -1), (0, 2), (1, 2)],
    (2, 1): [(-1, 0), (-1, 1), (0, -2), (-1, -2)],
    (2, 3): [(1, 0), (1, 1), (0, -2), (1, -2)],
    (3, 2): [(-1, 0), (-1, -1), (0, 2), (-1, 2)],
    (3, 0): [(-1, 0), (-1, -1), (0, 2), (-1, 2)],
    (0, 3): [(1, 0), (1, 1), (0, -2), (1, -2)],
}
KICKS_OF_I = {
    (0, 1): [(-2, 0), (1, 0), (-2, -1), (1, 2)],
    (1, 0): [(2, 0), (-1, 0), (2, 1), (-1, -2)],
    (1, 2): [(-1, 0), (2, 0), (-1, 2), (2, -1)],
    (2, 1): [(1, 0), (-2, 0), (1, -2), (-2, 1)],
    (2, 3): [(2, 0), (-1, 0), (2, 1), (-1, -2)],
    (3, 2): [(-2, 0), (1, 0), (-2, -1), (1, 2)],
    (3, 0): [(1, 0), (-2, 0), (1, -2), (-2, 1)],
    (0, 3): [(-1, 0), (2, 0), (-1, 2), (2, -1)],
}
PARAMETERS = [
    {},
    {"rows": 4, "columns": 4, "fall_interval": 1, "previews": 0},
    {"rows": 6, "columns": 5, "fall_interval": 2, "previews": 1},
    {"rows": 12, "columns": 4, "fall_interval": 3, "previews": 7},
    {"rows": 40, "columns": 10, "fall_interval": 255, "previews": 7},
    {"rows": 9, "columns": 7, "fall_interval": 5, "previews": 2},
]


def cells_of(name, rotation):
    """The (row, column) of the four cells in the box."""
    lines = [line.split()[rotation] for line in SHAPES[name].splitlines()]
    return [(row, column) for row, line in enumerate(lines) for column, mark in enumerate(line) if mark == "#"]


class Twin:
    """One game, with the board as a set of cells. `draw` returns the piece that joins the end of the queue."""

    def __init__(self, draw, queue, piece, events, *, rows=20, columns=10, fall_interval=4, previews=3):
        self.rows, self.columns, self.fall_interval, self.previews = rows, columns, fall_interval, previews
        self.draw, self.queue, self.events = draw, list(queue), events
        self.filled, self.held, self.hold_allowed, self.over = set(), None, True, False
        self.appear(piece)

    def appear(self, piece):
        self.piece, self.rotation, self.waited = piece, 0, 0
        self.row, self.column = 0, (self.columns - 4) // 2
        self.over = not self.fits(0, 0, self.column)

    def take_next(self):
        self.queue.append(self.draw())
        return self.queue.pop(0)

    def cells(self):
        return {(self.row + r, self.column + c) for r, c in cells_of(self.piece, self.rotation)}

    def fits(self, rotation, row, column):
        cells = {(row + r, column + c) for r, c in cells_of(self.piece, rotation)}
        return not cells & self.filled and all(0 <= r < self.rows and 0 <= c < self.columns for r, c in cells)

    def move(self, rotation, row, column):
        if not self.fits(rotation, row, column):
            return False
        self.rotation, self.row, self.column = rotation, row, column
        return True

    def turn(self, by):
        change = self.rotation, (self.rotation + by) % 4
        kind, kicks = ("I", KICKS_OF_I) if self.piece == "I" else ("other", KICKS)
        for number, (right, up) in enumerate([(0, 0), *kicks[change]]):
            if self.move(change[1], self.row - up, self.column + right):
                self.events[kind, change, number] += 1
                return
        self.events[kind, change, "none"] += 1

    def step(self, action):
        """The reward."""
        if action == HARD_DROP:
            while self.move(self.rotation, self.row + 1, self.column):
                pass
            return self.fix()
        if action == HOLD and self.hold_allowed:
            self.events["hold"] += 1
            held, self.held, self.hold_allowed = self.held, self.piece, False
            self.appear(held or self.take_next())
            return 0
        if action in (LEFT, RIGHT):
            self.move(self.rotation, self.row, self.column + (1 if action == RIGHT else -1))
        elif action in (CLOCKWISE, COUNTERCLOCKWISE):
            self.turn(1 if action == CLOCKWISE else -1)
        self.waited += 1
        if action == SOFT_DROP or self.waited == self.fall_interval:
            self.waited = 0
            if not self.move(self.rotation, self.row + 1, self.column):
                return self.fix()
        return 0

    def fix(self):
        self.filled |= self.cells()
        rows = [[(row, column) in self.filled for column in range(self.columns)] for row in range(self.rows)]
        kept = [row for row in rows if not all(row)]
        cleared = self.rows - len(kept)
        self.filled = {(r, c) for r, row in enumerate(kept, cleared) for c, filled in enumerate(row) if filled}
        self.events["rows", cleared] += 1
        self.hold_allowed = True
        self.appear(self.take_next())
        return {0: 0, 1: 1, 2: 3, 3: 5, 4: 8}[cleared]

    def observation(self):
        board = np.zeros((self.rows, self.columns), np.uint8)
        for cell in self.filled:
            board[cell] = 1
        for cell in self.cells():
            board[cell] = 2
        shown = [self.piece, self.held, *self.queue[: self.previews]]
        pieces = [name == piece for piece in shown for name in NAMES]
        rotation = [self.rotation == k for k in range(4)]
        return np.array([*board.ravel(), self.waited, self.hold_allowed, *rotation, *pieces], np.uint8)


def backend(env):
    return env.unwrapped.native_env


def make_twin(game, copy, events, parameters):
    """A twin of the episode that has just begun in a copy."""
    state = game.state(copy)
    queue = [NAMES[piece] for piece in state["queue"]]
    return Twin(lambda: NAMES[game.state(copy)["queue"][-1]], queue, NAMES[state["piece"]], events, **parameters)


def play_beside_twins(parameters, copies, steps, weights, seed=3):
    """Play at random and compare everything with a twin of every copy; what happened, counted."""
    rng, events = np.random.default_rng(seed), Counter()
    env = make("tetris", copies, autoreset_mode="Disabled", **parameters)
    observations, _ = env.reset(seed=seed)
    twins = [make_twin(backend(env), copy, events, parameters) for copy in range(copies)]
    assert np.array_equal(observations, [twin.observation() for twin in twins])
    weights = np.array(weights, float) / sum(weights)
    for _ in range(steps):
        actions = rng.choice(8, copies, p=weights).astype(np.int32)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        expected = [twin.step(action) for twin, action in zip(twins, actions, strict=True)]
        assert np.array_equal(observations, [twin.observation() for twin in twins])
        assert np.array_equal(rewards, expected)
        assert np.array_equal(terminations, [twin.over for twin in twins])
        ended = terminations | truncations
        events["over"] += ended.sum()
        if ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
            for copy in np.flatnonzero(ended):
                twins[copy] = make_twin(backend(env), copy, events, parameters)
            assert np.array_equal(observations, [twin.observation() for twin in twins])
    return events


# ---- Against the twin ----


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_play_is_that_of_the_twin(parameters):
    events = play_beside_twins(parameters, 8, 400, [1, 1, 1, 1, 1, 1, 1, 1])
    assert events["hold"]
    assert events["over"]


def test_narrow_boards_clear_rows_and_turn_with_kicks_like_the_twin():
    events = play_beside_twins(PARAMETERS[3], 8, 800, [1, 2, 2, 3, 3, 2, 1, 1])
    assert all(events["rows", lines] for lines in (0, 1, 2))


@pytest.mark.parametrize("kind", ["I", "other"])
def test_every_wall_kick_is_that_of_the_twin(kind):
    """Turns among random cells: in each of the eight, each of the five tries succeeds at times, and none at others."""
    rng, events = np.random.default_rng(1), Counter()
    parameters = {"rows": 8, "columns": 6, "fall_interval": 255}
    game = backend(make("tetris", 90, **parameters))
    game.reset(seed=4)
    copies = [copy for copy in range(90) if ("I" if game.state(copy)["piece"] == 0 else "other") == kind][:10]
    twins = {copy: make_twin(game, copy, events, parameters) for copy in copies}
    actions = np.zeros(90, np.int32)
    for _ in range(180):
        for density, choices in [(0, [LEFT, RIGHT, CLOCKWISE]), (0.5, [CLOCKWISE, COUNTERCLOCKWISE])]:
            for copy, twin in twins.items():
                board = rng.random((8, 6)) < density
                board[np.arange(8), rng.integers(0, 6, 8)] = False
                for cell in twin.cells():
                    board[cell] = False
                game.set_board(copy, board)
                twin.filled = set(map(tuple, np.argwhere(board)))
            for _ in range(1 if density else 3):
                actions[copies] = rng.choice(choices, len(copies))
                game.step(actions)
                for copy, twin in twins.items():
                    twin.step(actions[copy])
                    assert np.array_equal(game.observations[copy], twin.observation())
    turns = [(kind, change, tried) for change in KICKS for tried in (0, 1, 2, 3, 4, "none")]
    assert {turn: events[turn] for turn in turns if events[turn] == 0} == {}


# ---- Single rules ----


class Game:
    """One copy whose first piece is the one asked for, on the board asked for; pieces fall every 255 steps."""

    def __init__(self, piece, board=None, **parameters):
        self.env = env = make("tetris", 64, autoreset_mode="Disabled", **{"fall_interval": 255, **parameters})
        env.reset(seed=11)
        self.copy = next(copy for copy in range(64) if self.state(copy)["piece"] == NAMES.index(piece))
        if board is not None:
            backend(env).set_board(self.copy, board)

    def state(self, copy=None):
        return backend(self.env).state(self.copy if copy is None else copy)

    def board(self):
        return self.state()["board"]

    def step(self, *actions):
        """The reward of the last of the actions, and whether it ended the game."""
        for action in actions:
            moves = np.zeros(64, np.int32)
            moves[self.copy] = action
            _, rewards, terminations, _, _ = self.env.step(moves)
        return rewards[self.copy], terminations[self.copy]


def picture(board):
    return "\n".join("".join(".#o"[cell] for cell in row) for row in board)


@pytest.mark.parametrize("piece", NAMES)
@pytest.mark.parametrize(("action", "order"), [(CLOCKWISE, [0, 1, 2, 3, 0]), (COUNTERCLOCKWISE, [0, 3, 2, 1, 0])])
def test_new_pieces_and_their_rotations_are_those_of_the_table(piece, action, order):
    game = Game(piece)
    for rotation in order:
        expected = np.zeros((20, 10), np.uint8)
        for row, column in cells_of(piece, rotation):
            expected[row, 3 + column] = 2
        assert picture(game.board()) == picture(expected)
        assert game.state()["rotation"] == rotation
        game.step(action)


@pytest.mark.parametrize("columns", range(4, 11))
def test_new_pieces_are_in_the_middle_rounded_to_the_left(columns):
    assert Game("I", columns=columns).state()["column"] == [0, 0, 1, 1, 2, 2, 3][columns - 4]


@pytest.mark.parametrize(("lines", "reward"), [(1, 1), (2, 3), (3, 5), (4, 8)])
def test_full_rows_are_cleared_and_what_is_above_comes_down(lines, reward):
    board = np.zeros((20, 10), np.bool_)
    board[20 - lines :] = True
    board[:, 5] = False  # where an upright I comes down
    board[20 - lines - 1, [0, 9]] = True
    game = Game("I", board)
    assert game.step(CLOCKWISE, HARD_DROP) == (reward, False)
    expected = np.zeros((20, 10), np.bool_)
    expected[19, [0, 9]] = True
    expected[16 + lines :, 5] = True
    assert np.array_equal(game.board() == 1, expected)


def test_rows_are_cleared_apart_from_each_other():
    board = np.zeros((20, 10), np.bool_)
    board[16:] = True
    board[:, 5] = board[17, 0] = board[18, 9] = False
    board[15, 3] = True
    game = Game("I", board)
    assert game.step(CLOCKWISE, HARD_DROP) == (3, False)
    assert picture(game.board()[16:]) == "..........\n...#......\n.#########\n#########."


def test_the_game_ends_when_a_new_piece_lies_on_filled_cells():
    board = np.zeros((20, 10), np.bool_)
    board[2:, :9] = True
    assert Game("O", board).step(LEFT, LEFT, LEFT, HARD_DROP) == (0, False)
    for action in (HARD_DROP, SOFT_DROP):
        game = Game("O", board)
        assert game.step(action) == (0, True)
        assert (game.board() == 2).sum() == 4  # shown over the filled cells


def test_a_held_piece_that_does_not_fit_ends_the_game():
    game = Game("T")
    game.step(HOLD, HARD_DROP)
    board = np.zeros((20, 10), np.bool_)
    board[next((r, 3 + c) for r, c in cells_of("T", 0) if game.board()[r, 3 + c] == 0)] = True
    backend(game.env).set_board(game.copy, board)
    assert game.step(HOLD) == (0, True)
    assert NAMES[game.state()["piece"]] == "T"


def test_a_piece_whose_box_is_kicked_above_the_board_is_fixed_on_it():
    game = Game("T")
    game.step(CLOCKWISE, SOFT_DROP)
    board = np.zeros((20, 10), np.bool_)
    board[[1, 2, 2, 3], [3, 3, 6, 5]] = True
    backend(game.env).set_board(game.copy, board)
    game.step(CLOCKWISE)
    assert (game.state()["row"], game.state()["rotation"]) == (-1, 2)
    assert picture(game.board()[:3]) == "...ooo....\n...#o.....\n...#..#..."
    assert game.step(HARD_DROP) == (0, True)


def test_a_hold_swaps_once_until_a_piece_is_fixed():
    game = Game("S")
    first, second = game.state()["queue"][:2]
    game.step(CLOCKWISE, SOFT_DROP, RIGHT, HOLD)
    state = game.state()
    assert (state["held"], state["piece"], state["hold_allowed"]) == (NAMES.index("S"), first, 0)
    assert (state["row"], state["column"], state["rotation"], state["waited"]) == (0, 3, 0, 0)
    game.step(HOLD)
    state = game.state()
    assert (state["held"], state["piece"], state["waited"]) == (NAMES.index("S"), first, 1)
    game.step(HARD_DROP)
    assert (game.state()["piece"], game.state()["hold_allowed"]) == (second, 1)
    game.step(HOLD)
    assert (game.state()["held"], game.state()["piece"]) == (second, NAMES.index("S"))
    assert game.state()["rotation"] == 0


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_a_piece_falls_a_row_every_so_many_steps_and_is_fixed_where_it_cannot(interval):
    game = Game("O", fall_interval=interval)
    for step in range(1, 18 * interval + interval):
        game.step(NOTHING)
        assert game.state()["row"] == step // interval
        assert game.state()["waited"] == step % interval
    game.step(NOTHING)
    assert game.state()["row"] == 0
    assert np.argwhere(game.board() == 1).tolist() == [[18, 4], [18, 5], [19, 4], [19, 5]]


def test_a_soft_drop_is_one_fall_and_starts_the_wait_anew():
    game = Game("L", fall_interval=3)
    game.step(NOTHING, NOTHING, SOFT_DROP)
    assert (game.state()["row"], game.state()["waited"]) == (1, 0)
    game.step(NOTHING, SOFT_DROP, NOTHING, NOTHING)
    assert (game.state()["row"], game.state()["waited"]) == (2, 2)
    game.step(RIGHT)
    assert (game.state()["row"], game.state()["column"]) == (3, 4)


def test_sides_and_cells_stop_a_piece():
    board = np.zeros((20, 10), np.bool_)
    board[1, 8] = True
    game = Game("O", board)
    game.step(*[LEFT] * 9)
    assert picture(game.board()[:2]) == "oo........\noo......#."
    game.step(*[RIGHT] * 9)
    assert picture(game.board()[:2]) == "......oo..\n......oo#."


def test_every_seven_pieces_are_one_of_each_in_every_order():
    env = make("tetris", 64, previews=0, max_steps=10**6)
    env.reset(seed=2)
    game, pieces = backend(env), [[] for _ in range(64)]
    for _ in range(70):
        for copy in range(64):
            pieces[copy].append(game.state(copy)["piece"])
            game.set_board(copy, np.zeros((20, 10), np.bool_))
        env.step(np.full(64, HARD_DROP, np.int32))
    bags = np.array(pieces).reshape(-1, 7)
    assert (np.sort(bags, axis=1) == np.arange(7)).all()
    counts = np.stack([np.bincount(column, minlength=7) for column in bags.T])
    assert abs(counts - 640 / 7).max() < 45  # five standard deviations
    assert len(np.unique(bags, axis=0)) > 500


# ---- The rest of the contract ----


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_observations_lie_in_the_space_to_the_end_of_an_episode(parameters, rng):
    env = make("tetris", 32, max_steps=40, **parameters)
    high = env.single_observation_space.high
    env.reset(seed=0)
    ended = 0
    for _ in range(120):
        observations, _, terminations, truncations, info = env.step(rng.integers(0, 8, 32).astype(np.int32))
        assert (observations <= high).all()
        assert all((final <= high).all() for final in info.get("final_obs", ()) if final is not None)
        ended += (terminations | truncations).sum()
    assert ended >= 3 * 32


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_drawing_only_what_changed_is_drawing_everything(parameters, rng):
    env = make("tetris", 16, **parameters)
    env.reset(seed=0)
    for _ in range(150):
        observations = env.step(rng.integers(0, 8, 16).astype(np.int32))[0].copy()
        env.set_state(env.get_state())  # writes all
        assert np.array_equal(backend(env).observations, observations)


def test_any_other_action_is_to_do_nothing():
    env, idle = make("tetris", 5, check_actions=False), make("tetris", 5)
    env.reset(seed=[1] * 5)
    idle.reset(seed=[1] * 5)
    for _ in range(200):
        observations, *_ = env.step(np.array([0, -1, 8, 2**31 - 1, -(2**31)], np.int32))
        assert np.array_equal(observations, idle.step(np.zeros(5, np.int32))[0])


@pytest.mark.parametrize(
    ("name", "bad"), [("rows", (3, 41)), ("columns", (3, 11)), ("fall_interval", (0, 256)), ("previews", (-1, 8))]
)
def test_bad_parameters_are_refused(name, bad):
    for value in bad:
        with pytest.raises(ValueError, match=rf"{name} must be at (least|most) \d+, got {value}"):
            make("tetris", 1, **{name: value})
    for value in (4.0, "4", None, True):
        with pytest.raises(TypeError, match=rf"{name} must be an integer, got {value!r}"):
            make("tetris", 1, **{name: value})


def test_bad_boards_are_refused_and_change_nothing():
    game = backend(make("tetris", 2))
    empty = np.zeros((20, 10), np.bool_)
    with pytest.raises(error.ResetNeeded, match="set_board"):
        game.set_board(0, empty)
    game.reset(seed=0)
    full, covered = empty.copy(), empty.copy()
    full[7] = True
    covered[game.state(1)["board"] == 2] = True
    state = game.get_state()
    for board, message in [
        (empty[1:], r"bool array of shape \(20, 10\), got bool of \(19, 10\)"),
        (empty.astype(int), "got int64"),
        (full, "no full row"),
        (covered, "empty where the piece is"),
    ]:
        with pytest.raises(ValueError, match=message):
            game.set_board(1, board)
    with pytest.raises(ValueError, match="copy must be at most 1, got 2"):
        game.set_board(2, empty)
    assert np.array_equal(game.get_state(), state)


def test_statistics_count_lines_and_pieces():
    board = np.zeros((20, 10), np.bool_)
    board[17:, :5] = board[17:, 6:] = True
    game = Game("I", board, max_steps=2)
    game.step(CLOCKWISE, HARD_DROP)
    means = {"episode_return": 5 / 64, "episode_length": 2, "lines": 3 / 64, "pieces": 1 / 64}
    assert backend(game.env).stats() == {"episodes": 64, **means}


def test_text_shows_the_board():
    env = make("tetris", 64, render_mode="ansi", rows=5, columns=6)
    env.reset(seed=11)
    copy = next(copy for copy in range(64) if backend(env).state(copy)["piece"] == NAMES.index("T"))
    env.step(np.full(64, HARD_DROP, np.int32))
    rows = env.render()[copy].split("\n")
    assert rows[3:] == ["..#...", ".###.."]
    assert "o" in rows[1]
