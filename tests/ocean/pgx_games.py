"""Othello, Hex and Go beside pgx, many games at once, because a step of pgx costs as much for one as for a hundred.

    PYTHONPATH=tests:tests/ocean python tests/ocean/pgx_games.py MOVES

compares so many moves of each game. It needs `pip install pgx`.
"""

import sys

import jax
import numpy as np
import pgx
from helpers import make
from pgx.go import Go
from stone_oracles import legal_actions

# pgx has Hex on one board, and always with the swap.
GAMES = [
    ("othello", {}),
    ("hex", {"size": 11, "swap": True}),
    ("go", {"size": 5, "komi": 0.5}),
    ("go", {"size": 9, "komi": 7.5}),
    ("go", {"size": 13, "komi": 6.5}),
]
COPIES = 128


class Games:
    """Games of pgx side by side. The player of row 0 plays black."""

    def __init__(self, name, options):
        self.name, self.size = name, options.get("size", 8)
        env = Go(**options, max_terminal_steps=1000) if name == "go" else pgx.make(name)
        self.init, self.step = jax.jit(jax.vmap(env.init)), jax.jit(jax.vmap(env.step))
        self.step_one = jax.jit(env.step)

    def begin(self, seed):
        self.state = self.init(jax.random.split(jax.random.PRNGKey(seed), COPIES))
        self.black = np.array(self.state.current_player)

    def play(self, actions):
        self.state = self.step(self.state, actions)

    def pass_twice(self, chosen):
        """Let the players of these games pass, which ends games of Othello that nobody can go on with."""
        after = self.state
        for _ in range(2):
            after = self.step(after, np.full(COPIES, 64, np.int32))
        self.state = jax.tree.map(
            lambda one, two: np.where(chosen.reshape(-1, *[1] * (one.ndim - 1)), two, one), self.state, after
        )

    def stones(self):
        """Planes of black and white stones, bool (games, 2, size, size)."""
        return self._planes(np.array(self.state._x.board), np.array(self.state.current_player) == self.black)

    def _planes(self, boards, is_black_to_move):
        # On boards of Othello and Hex, positive is who is to move.
        signs = np.where((self.name == "go") | is_black_to_move, 1, -1)
        boards = boards.reshape(-1, self.size, self.size) * np.reshape(signs, (-1, 1, 1))
        return np.stack([boards > 0, boards < 0], 1)

    def rewards(self):
        """Of black and white."""
        rewards, games = np.array(self.state.rewards), np.arange(COPIES)
        return np.stack([rewards[games, self.black], rewards[games, 1 - self.black]], 1)

    def after(self, game, action):
        """The stones after a move of Go."""
        state = self.step_one(jax.tree.map(lambda array: array[game], self.state), int(action))
        return self._planes(np.array(state._x.board), np.array([True]))[0]


def choose(name, legal, weights, moves, rng):
    """A legal action for every game: those with large weights, and now and then any; of Go sometimes a pass."""
    scores = np.where(rng.random((len(legal), 1)) < 0.5, weights, 0) + rng.random(legal.shape)
    if name == "go":
        scores[:, -1] = np.where((moves > 10) & (rng.random(len(legal)) < 1 / 30), 1e9, -1)
    return np.where(legal, scores, -1e9).argmax(1)


def compare(name, options, moves, seed=0):
    """Play games in both; all stones, legal actions, ends and rewards must be the same. Returns what happened.

    Legal actions of pgx that are not ours must repeat a position.
    """
    theirs, ours = Games(name, options), make(name, COPIES, starter=0, autoreset_mode="Disabled", **options)
    rng, actions = np.random.default_rng(seed), ours.single_action_space.n
    tally = {"moves": 0, "ended": 0, "repeats": 0, "black": 0, "white": 0}
    while tally["moves"] < moves:
        observations, _ = ours.reset(seed=seed)
        theirs.begin(seed)
        # By game, a direction into which it is pulled, or none.
        pull = rng.choice([0, 0, 1, -1], (COPIES, 1)) * rng.random((COPIES, actions)) * 3
        going, count = np.ones(COPIES, np.bool_), 0
        seen = [set() for _ in range(COPIES)]
        while going.any():
            stones, legal = observations[::2, :2] == 1, legal_actions(name, observations, actions)
            legal = legal[::2] | legal[1::2]
            assert np.array_equal(stones[going], theirs.stones()[going])
            tally["repeats"] += _compare_legal(theirs, legal, stones, seen, going)
            chosen = choose(name, legal, pull, count, rng)
            # Copies whose games are over are begun again and left alone.
            observations, rewards, terminations, truncations, _ = ours.step(np.repeat(chosen, 2))
            theirs.play(chosen.astype(np.int32))
            count += 1
            tally["moves"] += int(going.sum())
            ended = terminations[::2] & going
            if name == "othello":
                theirs.pass_twice(ended & ~np.array(theirs.state.terminated))
            assert np.array_equal(np.array(theirs.state.terminated)[going], ended[going])
            assert np.array_equal(theirs.rewards()[ended], rewards.reshape(-1, 2)[ended])
            tally["ended"] += int(ended.sum())
            tally["black"] += int((rewards[::2][ended] > 0).sum())
            tally["white"] += int((rewards[::2][ended] < 0).sum())
            over = (terminations | truncations)[::2]
            going &= ~over
            if over.any():
                observations, _ = ours.reset(options={"reset_mask": np.repeat(over, 2)})
        seed += 1
    return tally


def _compare_legal(theirs, legal, stones, seen, going):
    """Returns how many actions of pgx repeat a position."""
    more = np.array(theirs.state.legal_action_mask)
    assert not (legal & ~more)[going].any()
    repeats = np.argwhere((more & ~legal) & going[:, None])
    if theirs.name == "go":
        for game in np.flatnonzero(going):
            seen[game].add(stones[game].tobytes())
    for game, action in repeats:
        assert theirs.after(game, action).tobytes() in seen[game]
    return len(repeats)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: pgx_games.py MOVES")
    for game, parameters in GAMES:
        most = int(sys.argv[1]) // [name for name, _ in GAMES].count(game)
        print(game, parameters, compare(game, parameters, most), flush=True)
