"""The five games of MinAtar, step by step beside the package minatar, which runs in a process of its own.

The package draws the random numbers of our copies, so that whole games must be equal:

    make oracles
    pytest tests/ocean/test_minatar.py --package-steps=200000    # steps for each game and player
"""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from helpers import make
from minatar_package import packed
from minatar_players import LOSERS, WINNERS
from oracles import needs, run_beside

import puffer

GAMES = ("breakout", "asterix", "freeway", "seaquest", "space_invaders")
ACTIONS = 6
# More random numbers than a step draws, of a copy of any game, and than a reset draws.
MOST_DRAWS, MOST_RESET_DRAWS = 6, 20

needs_package = needs("minatar")


def make_game(game, num_envs=1, **options):
    return make(f"ocean-minatar_{game}", num_envs, **options)


def at_random(board, rng):
    return rng.integers(ACTIONS)


PLAYERS = {"random": dict.fromkeys(GAMES, at_random), "winner": WINNERS, "loser": LOSERS}


def play(game, player, steps, seeds, **options):
    """Play ours; returns the actions, and the results in the form in which the package's process returns its own."""
    env = make_game(game, len(seeds), use_minimal_action_set=False, **options)
    rng = np.random.default_rng(seeds[0])
    observations, _ = env.reset(seed=seeds)
    first, actions, results, finals = packed(observations), [], [], []
    for _ in range(steps):
        actions.append([player(board, rng) for board in observations])
        observations, rewards, terminations, _, info = env.step(np.array(actions[-1]))
        results.append((packed(observations), rewards.copy(), terminations.copy()))
        finals += [packed(final) for final in info.get("final_obs", ()) if final is not None]
    fields = dict(
        zip(("observations", "rewards", "terminations"), map(np.array, zip(*results, strict=True)), strict=True)
    )
    stats = env.stats()
    env.close()
    return np.array(actions), {"first": first, **fields, "finals": np.array(finals)}, stats


class Match:
    """Games that we have played, and files for those of the package: with the same actions and random numbers."""

    def __init__(self, path, game, player, steps, seeds, **options):
        self.given, self.played = path.with_suffix(".given.npz"), path.with_suffix(".played.npz")
        actions, self.ours, self.stats = play(game, player, steps, seeds, **options)
        streams, draws = [puffer.Random(seed) for seed in seeds], MOST_DRAWS * steps + MOST_RESET_DRAWS
        bits = np.array([[stream.bits() for _ in range(draws)] for stream in streams], np.uint32)
        np.savez(self.given, game=game, options=np.array(options, object), actions=actions, bits=bits)

    def theirs(self):
        return dict(np.load(self.played))


def play_package(matches):
    script = Path(__file__).with_name("minatar_package.py")
    files = [file for match in matches.values() for file in (match.given, match.played)]
    run_beside(script, *files)


def assert_equal(ours, theirs):
    assert np.array_equal(ours["first"], theirs["first"])
    alike = (ours["observations"] == theirs["observations"]).all(axis=-1)
    alike &= (ours["rewards"] == theirs["rewards"]) & (ours["terminations"] == theirs["terminations"])
    assert alike.all(), f"they differ first in step and copy {np.argwhere(~alike)[0]}"
    assert np.array_equal(ours["finals"].ravel(), theirs["finals"].ravel())


@needs_package
@pytest.mark.parametrize("game", GAMES)
def test_whole_games_are_those_of_the_package(game, tmp_path, request, subtests):
    steps = request.config.getoption("--package-steps") // 2
    ways = {
        "random": (at_random, [11, 12], {}),
        "winner": (WINNERS[game], [2**40, 3], {"sticky_action_prob": 0.0}),
        "loser": (LOSERS[game], [5, 2**64 - 1], {"sticky_action_prob": 0.02}),
        "no-ramping": (WINNERS[game], [8, 9], {"sticky_action_prob": 0.3, "difficulty_ramping": False}),
    }
    matches = {
        way: Match(tmp_path / way, game, player, steps, seeds, **options)
        for way, (player, seeds, options) in ways.items()
    }
    play_package(matches)
    for way, match in matches.items():
        with subtests.test(way):
            assert_equal(match.ours, match.theirs())


@pytest.mark.parametrize("game", GAMES)
def test_a_winner_scores_more_than_random_play_and_a_loser_does_not(game):
    scores = {}
    for who, players in PLAYERS.items():
        _, results, stats = play(game, players[game], 2600 if game == "freeway" else 800, [1, 2], sticky_action_prob=0)
        scores[who] = results["rewards"].sum() / (results["terminations"].sum() + 1)
        assert stats["score"] == pytest.approx(stats["episode_return"])
    assert scores["winner"] > 2 * scores["random"] + 1
    assert scores["winner"] > scores["loser"]


# ---- Parameters ----


@pytest.mark.parametrize(
    ("game", "moves"),
    [
        ("breakout", [0, 1, 3]),
        ("asterix", [0, 1, 2, 3, 4]),
        ("freeway", [0, 2, 4]),
        ("seaquest", [0, 1, 2, 3, 4, 5]),
        ("space_invaders", [0, 1, 3, 5]),
    ],
)
def test_the_minimal_actions_are_those_that_have_an_effect(game, moves, rng):
    minimal = make_game(game, 3)
    full = make_game(game, 3, use_minimal_action_set=False)
    assert (minimal.single_action_space.n, full.single_action_space.n) == (len(moves), ACTIONS)
    minimal.reset(seed=4)
    full.reset(seed=4)
    for _ in range(300):
        actions = rng.integers(len(moves), size=3)
        results = minimal.step(actions)[:4]
        for mine, theirs in zip(results, full.step(np.array(moves)[actions]), strict=False):
            assert np.array_equal(mine, theirs)


def test_a_move_that_always_sticks_is_never_made():
    env = make_game("breakout", 8, sticky_action_prob=1)
    env.reset(seed=0)
    for _ in range(50):
        observations, *_ = env.step(np.full(8, 1))
        assert observations[:, 9, 4, 0].all()


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), "0.1", None])
def test_other_probabilities_are_refused(probability):
    with pytest.raises((TypeError, ValueError), match="sticky_action_prob"):
        make_game("breakout", sticky_action_prob=probability)


def test_gymnasium_has_the_space_of_the_package():
    env = gymnasium.make("puffer/MinAtarSeaquest-v0")
    observation, _ = env.reset(seed=0)
    assert env.observation_space == gymnasium.spaces.Box(0, 1, (10, 10, 10), np.bool_)
    assert observation.dtype == np.bool_
    assert env.observation_space.contains(observation)
    env.close()


def test_another_game_of_other_parameters_takes_no_snapshot_of_this_one():
    env, other = make_game("asterix", 2), make_game("asterix", 2, difficulty_ramping=False)
    env.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(ValueError, match="snapshot"):
        other.set_state(env.get_state())
