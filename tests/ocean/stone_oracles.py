"""Othello, Hex and Go here and in OpenSpiel, behind one face, and games that are played in both at once.

`stone_games.json` has games that OpenSpiel played, for machines without that package. It is written by

    PYTHONPATH=tests:tests/ocean python tests/ocean/stone_oracles.py --record

With a number instead, so many moves of each game are compared. `pgx_games.py` does the same with pgx.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
from helpers import make

RECORDED = Path(__file__).parent / "stone_games.json"


class View(NamedTuple):
    """A position: planes of black and white stones, the legal actions, and at the end both rewards, black first."""

    stones: np.ndarray
    legal: np.ndarray
    rewards: tuple | None


def legal_actions(name, observations, actions):
    """The legal actions of every row by its observation, written from the docstrings: bool (rows, actions)."""
    cells = observations[:, 2].reshape(len(observations), -1) == 1
    to_move = observations[:, 3, 0, 0] == 1
    if actions == cells.shape[1]:
        return cells
    others = {"othello": to_move & ~cells.any(1), "go": to_move, "hex": observations[:, -1, 0, 0] == 1}
    return np.column_stack([cells, others[name]])


# ---- One game, played move by move ----


class Ours:
    """A game of self-play of this package, in which the row 0 plays black."""

    def __init__(self, name, options):
        self.name = name
        self.env = make(name, 1, starter=0, autoreset_mode="Disabled", **options)

    def begin(self):
        self.rewards, self.truncated = None, False
        self.observations = self.env.reset(seed=0)[0]

    def play(self, action):
        self.observations, rewards, terminations, truncations, _ = self.env.step(np.full(2, action))
        self.truncated = truncations.any()
        self.rewards = tuple(rewards.tolist()) if terminations.all() else None

    def view(self):
        legal = legal_actions(self.name, self.observations, self.env.single_action_space.n).any(0)
        return View(self.observations[0, :2] == 1, legal, self.rewards)


class OpenSpiel:
    """A game of OpenSpiel."""

    # Its tensors: where the planes of black and white are.
    PLANES = {"othello": slice(1, 3), "hex": slice(0, 2), "go": slice(0, 2)}

    def __init__(self, name, options):
        import pyspiel
        from open_spiel.python.observation import make_observation

        renamed = {"size": "board_size", "komi": "komi", "swap": "swap"}
        more = {"plain_obs_tensor": True} if name == "hex" else {}
        # For Go, games longer than those of this package, which are truncated.
        more |= {"max_game_length": 100_000} if name == "go" else {}
        self.name = name
        self.game = pyspiel.load_game(name, {renamed[key]: value for key, value in options.items()} | more)
        self.size = options.get("size", 8)
        self.observer = make_observation(self.game)

    def begin(self):
        self.state = self.game.new_initial_state()

    def play(self, action):
        self.state.apply_action(int(action))

    def view(self):
        legal = np.zeros(self.game.num_distinct_actions(), np.bool_)
        legal[self.state.legal_actions()] = True
        ended = self.state.is_terminal()
        return View(self._stones(self.state), legal, tuple(self.state.returns()) if ended else None)

    def _stones(self, state):
        self.observer.set_from(state, 0)
        return self.observer.tensor.reshape(-1, self.size, self.size)[self.PLANES[self.name]] == 1

    def after(self, action):
        """The stones after a move."""
        return self._stones(self.state.child(int(action)))


# ---- Policies ----


def random_move(view, colour, rng):
    return int(rng.choice(np.flatnonzero(view.legal)))


def weighted(weigh):
    """A policy that draws among the legal cells with the largest weights; it passes or swaps where it takes no cell."""

    def choose(view, colour, rng):
        cells = view.stones[0].size
        legal = np.flatnonzero(view.legal[:cells])
        if len(legal) == 0:
            return int(np.flatnonzero(view.legal)[0])
        weights = weigh(view.stones[colour], view.stones[1 - colour]).ravel()[legal]
        return int(rng.choice(legal[weights == weights.max()]))

    return choose


def _to_corners(own, other):
    """Far from the middle, corners first."""
    size = len(own)
    away = np.abs(np.arange(size) - (size - 1) / 2)
    return away[:, None] * away


def _from_corners(own, other):
    return -_to_corners(own, other)


def _down_the_middle(own, other):
    """Next to the middle column, then to the middle row."""
    size = len(own)
    return -np.abs(np.arange(size) - size // 2)[None, :] * size - np.abs(np.arange(size) - size // 2)[:, None]


def _beside_stones(own, other):
    """Next to as many of the other's stones as there are."""
    padded = np.pad(other, 1).astype(np.int64)
    return padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2]


def _in_a_corner(own, other):
    """Within four rows and columns, where stones are captured again and again."""
    near = np.zeros(own.shape)
    near[:4, :4] = 1
    return near


# By game: for black and for white, policies that win, that lose, and that quarrel.
POLICIES = {
    "othello": [(random_move,) * 2, (weighted(_to_corners), random_move), (weighted(_from_corners), random_move)],
    "hex": [(random_move,) * 2, (weighted(_down_the_middle), random_move), (random_move, weighted(_to_corners))],
    "go": [
        (random_move,) * 2,
        (weighted(_beside_stones), random_move),
        (random_move, weighted(_beside_stones)),
        (weighted(_in_a_corner),) * 2,
    ],
}
# OpenSpiel's games of these.
GAMES = [
    ("othello", {}),
    *(
        ("hex", {"size": size, "swap": swap})
        for size, swap in ((3, True), (5, False), (8, True), (11, False), (19, True))
    ),
    *(("go", {"size": size, "komi": komi}) for size, komi in ((5, 0.5), (6, 7.5), (9, 6.5), (13, 7.5), (19, 7.5))),
]


# ---- Two at once ----


class Tally:
    """What happened in compared games; `repeats` counts the legal actions of the oracle that repeat a position."""

    def __init__(self):
        self.moves = self.games = self.truncated = self.repeats = 0
        self.results = {}


def compare(ours, oracle, policies, rng, tally, checked=0.0, is_recorded=False):
    """Play a game in both; every stone, legal action, end and reward must be the same.

    Actions that the oracle has and we do not must repeat a position, which OpenSpiel does not forbid. A share `checked`
    of the moves of Go also tries whether those that we have do not. Returns the moves, and a checksum of all views if
    `is_recorded`.
    """
    ours.begin()
    oracle.begin()
    moves, colour, crc = [], 0, 0
    seen = set()
    while True:
        mine, theirs = ours.view(), oracle.view()
        board = mine.stones.tobytes()
        assert board == theirs.stones.tobytes(), moves
        if mine.rewards is None and ours.name == "go" and moves and moves[-1] < mine.stones[0].size:
            assert board not in seen, moves
            seen.add(board)
        assert mine.rewards == theirs.rewards, (mine.rewards, theirs.rewards, moves)
        crc = checksum(mine, crc) if is_recorded else 0
        if mine.rewards is not None or ours.truncated:
            break
        is_checked = ours.name == "go" and rng.random() < checked
        tally.repeats += _compare_legal(mine.legal, theirs.legal, oracle, seen, is_checked)
        action = policies[colour](mine, colour, rng)
        # Random play hardly ever ends a game of Go by passes.
        if ours.name == "go" and len(moves) > 10 and rng.random() < 1 / 30:
            action = mine.stones[0].size
        moves.append(action)
        ours.play(action)
        oracle.play(action)
        colour = 1 - colour
    tally.moves += len(moves)
    tally.games += 1
    tally.truncated += mine.rewards is None
    tally.results[mine.rewards] = tally.results.get(mine.rewards, 0) + 1
    return moves, crc


def _compare_legal(mine, theirs, oracle, seen, is_checked):
    """Returns how many actions of the oracle repeat a position."""
    if mine.tobytes() == theirs.tobytes() and not is_checked:
        return 0
    assert not (mine & ~theirs).any(), np.flatnonzero(mine & ~theirs)
    for action in np.flatnonzero(theirs & ~mine):
        assert oracle.after(action).tobytes() in seen, action
    if is_checked:
        for action in np.flatnonzero(mine[:-1]):
            assert oracle.after(action).tobytes() not in seen, action
    return int((theirs & ~mine).sum())


def checksum(view, crc):
    """The CRC-32 of a position, going on from that of the one before."""
    parts = (view.stones, view.legal, np.array(view.rewards or (0, 0), np.int8), np.array([view.rewards is not None]))
    for part in parts:
        crc = crc32(np.ascontiguousarray(part).tobytes(), crc)
    return crc


def compare_many(oracle_class, name, options, moves, seed, checked=0.02, is_recorded=False):
    """Games of all policies in turn, until so many moves are compared."""
    ours, oracle, rng, tally = Ours(name, options), oracle_class(name, options), np.random.default_rng(seed), Tally()
    recorded = []
    while tally.moves < moves:
        policies = POLICIES[name][tally.games % len(POLICIES[name])]
        recorded.append(compare(ours, oracle, policies, rng, tally, checked, is_recorded))
    return tally, recorded


def main(arguments):
    """Record games, or compare so many moves of each game."""
    if arguments[:1] == ["--record"]:
        lines = []
        for name, options in GAMES:
            moves = 500 if options.get("size", 0) < 13 else 1000
            _, recorded = compare_many(OpenSpiel, name, options, moves, 7, is_recorded=True)
            lines += [json.dumps([name, options, moves, crc]) for moves, crc in recorded]
        RECORDED.write_text("[\n" + ",\n".join(lines) + "\n]\n")
        print(f"{len(lines)} games in {RECORDED}")
    elif len(arguments) == 1:
        for name, options in GAMES:
            moves = int(arguments[0]) // [game for game, _ in GAMES].count(name)
            tally, _ = compare_many(OpenSpiel, name, options, moves, 0)
            print(name, options, vars(tally), flush=True)
    else:
        sys.exit("usage: stone_oracles.py --record | MOVES")


if __name__ == "__main__":
    main(sys.argv[1:])
