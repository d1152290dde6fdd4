"""FrozenLake, Taxi, CliffWalking and Blackjack against Gymnasium's.

What is certain is compared transition for transition, from every state; what is left to chance, in its frequencies from
the same states, with the probabilities that Gymnasium's tables or rules give. The seeds are fixed.
"""

from functools import cache
from typing import NamedTuple

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text import blackjack
from helpers import make

UNLIMITED = 2**31 - 1
ISLES = ["SFHF", "FGFF", "HFSF", "FFFG", "SHFF"]


def backend(env):
    return env.unwrapped.native_env


def assert_frequencies(counts, probabilities):
    """The counts (..., outcomes) of independent draws fit the probabilities, and what is impossible never came."""
    counts, probabilities = np.broadcast_arrays(counts, probabilities)
    possible = probabilities > 0
    assert not counts[~possible].any()
    expected = probabilities * counts.sum(axis=-1, keepdims=True)
    surprise = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    freedom = possible.sum() - counts[..., 0].size
    assert surprise <= freedom + 5 * np.sqrt(2 * freedom)


def added(chances):
    """The sums of the probabilities of equal outcomes, from pairs of both."""
    sums = {}
    for outcome, probability in chances:
        sums[outcome] = sums.get(outcome, 0) + probability
    return sums


# ---- The three with a table ----


class Case(NamedTuple):
    name: str
    gymnasium_id: str
    options: dict
    put: str = "set_cell"

    def __str__(self):
        return "-".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def make(self, num_envs, **options):
        return make(self.name, num_envs, **self.options, **options)

    def reference(self):
        return gymnasium.make(self.gymnasium_id, **self.options)

    def spread(self, repeats, **options):
        """Copies in every state and for every action, `repeats` times each, Gymnasium's table, and the actions."""
        table = self.reference().unwrapped.P
        pairs = [(state, action) for state in table for action in table[state] for _ in range(repeats)]
        env = self.make(len(pairs), autoreset_mode="Disabled", **options)
        env.reset(seed=5)
        put = getattr(backend(env), self.put)
        for copy, (state, _) in enumerate(pairs):
            put(copy, state)
        return env, table, np.array(pairs, np.int32)


CERTAIN = [
    Case("ocean-frozen_lake", "FrozenLake-v1", {"is_slippery": False}),
    Case("ocean-frozen_lake", "FrozenLake8x8-v1", {"is_slippery": False, "map_name": "8x8"}),
    Case("ocean-frozen_lake", "FrozenLake-v1", {"desc": ISLES, "is_slippery": False, "reward_schedule": (5, -2, 0.5)}),
    Case("ocean-taxi", "Taxi-v4", {}, "set_number"),
    Case("ocean-cliff_walking", "CliffWalking-v1", {}),
]
CHANCY = [
    Case("ocean-frozen_lake", "FrozenLake-v1", {}),
    Case("ocean-frozen_lake", "FrozenLake-v1", {"desc": ISLES, "success_rate": 0.7}),
    Case("ocean-frozen_lake", "FrozenLake8x8-v1", {"map_name": "8x8", "success_rate": 0.0}),
    Case("ocean-frozen_lake", "FrozenLake-v1", {"success_rate": 1.0, "reward_schedule": (1, -1, -0.25)}),
    Case("ocean-taxi", "Taxi-v4", {"is_rainy": True}, "set_number"),
    Case("ocean-taxi", "Taxi-v4", {"is_rainy": True, "rainy_probability": 0.35}, "set_number"),
    Case("ocean-cliff_walking", "CliffWalkingSlippery-v1", {"is_slippery": True}),
]
TABLES = CERTAIN + CHANCY


@pytest.mark.parametrize("case", CERTAIN, ids=str)
def test_every_transition_is_that_of_gymnasiums_table(case):
    env, table, pairs = case.spread(1)
    observations, rewards, terminations, truncations, _ = env.step(pairs[:, 1])
    for row, (state, action) in enumerate(pairs):
        ((probability, following, reward, terminated),) = table[state][action]
        assert probability == 1
        result = observations[row, 0], rewards[row], terminations[row]
        assert result == (following, reward, terminated), (state, action)
    assert not truncations.any()


@pytest.mark.parametrize("case", CHANCY, ids=str)
def test_every_transition_is_as_frequent_as_in_gymnasiums_table(case):
    repeats = 60 if "taxi" in case.name else 200
    env, table, pairs = case.spread(repeats)
    observations, rewards, terminations, _, _ = env.step(pairs[:, 1])
    mine = np.column_stack([observations[:, 0], rewards, terminations]).reshape(-1, repeats, 3)
    counts, probabilities = (np.zeros((len(mine), 4)) for _ in range(2))
    for k, (state, action) in enumerate(pairs[::repeats]):
        outcomes = added((tuple(outcome), probability) for probability, *outcome in table[state][action])
        probabilities[k, : len(outcomes)] = list(outcomes.values())
        for column, outcome in enumerate(outcomes):
            counts[k, column] = (mine[k] == np.array(outcome, float)).all(axis=1).sum()
        # Whatever is in none of the columns should not have happened.
        counts[k, 3] += repeats - counts[k].sum()
    assert_frequencies(counts, probabilities)


@pytest.mark.parametrize("case", CERTAIN, ids=str)
def test_whole_episodes_are_those_of_gymnasium(case):
    """From the same start with the same actions, up to both kinds of end."""
    env, reference = case.make(1, autoreset_mode="Disabled"), case.reference()
    rng = np.random.default_rng(8)
    # Up and to the right more often than back, where few would ever reach the goal otherwise.
    weights = [0.3, 0.4, 0.2, 0.1] if "cliff" in case.name else None
    observations, _ = env.reset(seed=8)
    ends = set()
    for _ in range(40):
        reference.reset(seed=0)
        reference.unwrapped.s = int(observations[0, 0])
        for _ in range(1000):
            action = int(rng.choice(env.single_action_space.n, p=weights))
            observations, *mine, _ = env.step([action])
            following, *theirs, _ = reference.step(action)
            assert observations[0, 0] == following
            assert [array[0] for array in mine] == theirs
            if theirs[1] or theirs[2]:
                ends.add((theirs[1], theirs[2]))
                break
        observations, _ = env.reset()
    assert ((False, True) if "taxi" in case.name else (True, False)) in ends


@pytest.mark.parametrize("case", TABLES, ids=str)
def test_starts_are_as_frequent_as_in_gymnasium(case):
    probabilities = case.reference().unwrapped.initial_state_distrib
    observations, _ = case.make(60_000).reset(seed=2)
    assert_frequencies(np.bincount(observations[:, 0], minlength=probabilities.size), probabilities)


@pytest.mark.parametrize("case", [case for case in TABLES if "frozen" in case.name], ids=str)
def test_random_play_ends_where_and_as_often_as_gymnasiums_table_says(case):
    reference = case.reference()
    table, limit = reference.unwrapped.P, reference.spec.max_episode_steps
    going, probabilities = reference.unwrapped.initial_state_distrib, np.zeros(len(table) + 1)
    for _ in range(limit):
        before, going = going, np.zeros(len(table))
        for state in np.flatnonzero(before):
            for probability, following, _, terminated in sum(table[state].values(), []):
                (probabilities if terminated else going)[following] += before[state] * probability / 4
    probabilities[-1] = going.sum()
    env = case.make(8192)
    env.reset(seed=1)
    rng, first = np.random.default_rng(4), np.ones(8192, np.bool_)
    counts = np.zeros(len(table) + 1)
    for _ in range(limit):
        *_, terminations, truncations, info = env.step(rng.integers(0, 4, 8192))
        cells = [info["final_obs"][row][0] for row in np.flatnonzero(terminations & first)]
        counts[:-1] += np.bincount(cells, minlength=len(table)) if cells else 0
        counts[-1] += (truncations & ~terminations & first).sum()
        first &= ~(terminations | truncations)
    assert counts.sum() == 8192
    assert_frequencies(counts, probabilities)


def test_time_limits_are_those_of_gymnasium():
    cases = [*CERTAIN, *CHANCY, Case("blackjack", "Blackjack-v1", {})]
    for case in cases:
        limit = gymnasium.spec(case.gymnasium_id).max_episode_steps
        assert backend(case.make(1)).max_steps == (limit or UNLIMITED), case
    assert backend(make("frozen_lake", 1, map_name="8x8", max_steps=7)).max_steps == 7


def test_the_passenger_changes_the_destination_once_and_only_when_the_taxi_moved_with_them():
    """Gymnasium's rule is in its step, not in its table: from every state with the passenger on board."""
    repeats, states = 40, [state for state in range(500) if state // 4 % 5 == 4]
    pairs = [(state, action) for state in states for action in range(6)]
    env = make("taxi", len(pairs) * repeats, fickle_passenger=True, autoreset_mode="Disabled")
    reference = gymnasium.make("Taxi-v4", fickle_passenger=True).unwrapped
    reference.reset(seed=3)
    env.reset(seed=3)
    for copy, (state, _) in enumerate(pair for pair in pairs for _ in range(repeats)):
        backend(env).set_number(copy, state, fickle=True)
    observations, rewards, *_ = env.step(np.repeat([action for _, action in pairs], repeats))
    turns = np.zeros(4)
    for k, (state, action) in enumerate(pairs):
        mine = observations[k * repeats : (k + 1) * repeats, 0]
        reference.s, reference.fickle_step = state, True
        following, reward, *_ = reference.step(action)
        assert (mine // 4 == following // 4).all()
        assert (rewards[k * repeats : (k + 1) * repeats] == reward).all()
        assert backend(env).state(k * repeats)["fickle"] == reference.fickle_step
        if reference.fickle_step:
            assert (mine == following).all()
        else:
            turns += np.bincount((mine - state) % 4, minlength=4)
    assert_frequencies(turns, np.array([0, 1, 1, 1]) / 3)


def test_an_episode_has_a_fickle_passenger_with_their_probability():
    for options, probability in (({}, 0.3), ({"fickle_probability": 0.9}, 0.9), ({"fickle_passenger": False}, 0)):
        env = make("taxi", 3000, **{"fickle_passenger": True, **options})
        env.reset(seed=6)
        fickle = sum(backend(env).state(copy)["fickle"] for copy in range(3000))
        assert_frequencies(np.array([3000 - fickle, fickle]), np.array([1 - probability, probability]))


# ---- The action mask ----


@pytest.mark.parametrize("case", TABLES, ids=str)
def test_the_mask_tells_which_actions_can_change_the_state(case):
    env, table, pairs = case.spread(1, action_mask=True)
    plain = case.make(1).single_observation_space
    actions = env.single_action_space.n
    assert env.single_observation_space.shape == (1 + actions,)
    assert env.single_observation_space.high.tolist() == [*plain.high, *[1] * actions]
    reference = case.reference().unwrapped
    shown = backend(env).observations
    for row, (state, _) in enumerate(pairs):
        if "taxi" in case.name:
            expected = reference.action_mask(state)
        elif "frozen" in case.name and reference.desc.ravel()[state] in (b"H", b"G"):
            continue  # the table has no moves from there
        elif "cliff" in case.name and 36 < state < 47:
            continue  # where nobody ever stands
        else:
            # A fall from the start leads back to it, and is a move nevertheless.
            expected = [
                any(p > 0 and (s != state or r == -100) for p, s, r, _ in table[state][a]) for a in range(actions)
            ]
        assert shown[row].tolist() == [state, *expected]
    observations = env.step(pairs[:, 1])[0].copy()
    put = getattr(backend(env), case.put)
    for copy, (state, *_) in enumerate(observations):
        put(copy, state)
    assert np.array_equal(backend(env).observations, observations)


# ---- Blackjack ----


RULES = [{}, {"sab": False}, {"sab": False, "natural": True}, {"natural": True}]
# For every sum with which one may be asked, cards that give it, with a usable ace and without; the natural last.
HANDS = [
    *([10, total - 10] if total > 11 else [2, total - 2] for total in range(4, 20)),
    [10, 5, 5],
    [10, 5, 6],
    *([1, ace] for ace in range(1, 10)),
    [1, 5, 5],
    [1, 10],
]
DEALER = range(1, 11)


def reference_blackjack(**rules):
    env = gymnasium.make("Blackjack-v1", **rules).unwrapped
    env.reset(seed=0)
    return env


@cache
def dealers_ends(hand):
    """What the dealer can end with from a hand on, by Gymnasium's rules: (score, natural) and their probabilities."""
    if blackjack.sum_hand(hand) >= 17:
        return {(blackjack.score(hand), blackjack.is_natural(hand)): 1.0}
    longer = [dealers_ends(tuple(sorted((*hand, card)))) for card in blackjack.deck]
    return added((end, probability / 13) for ends in longer for end, probability in ends.items())


def rewards_of_sticking(rules):
    """The probabilities of -1, 0, 1 and 1.5 for each of HANDS and each card of the dealer's."""
    reference = reference_blackjack(**rules)
    hands_of_ends = {(0, False): [10, 6, 6], (17, False): [10, 7], (18, False): [10, 8], (19, False): [10, 9]}
    hands_of_ends |= {(20, False): [10, 10], (21, False): [10, 5, 6], (21, True): [1, 10]}
    probabilities = np.zeros((len(HANDS), len(DEALER), 4))
    for h, hand in enumerate(HANDS):
        for d, dealer in enumerate(DEALER):
            for end, probability in dealers_ends((dealer,)).items():
                reference.player, reference.dealer = list(hand), list(hands_of_ends[end])
                probabilities[h, d, [-1, 0, 1, 1.5].index(reference.step(0)[1])] += probability
    return probabilities


def dealt(repeats, **options):
    """Blackjack with each of HANDS against each of DEALER, `repeats` times."""
    env = make("blackjack", len(HANDS) * len(DEALER) * repeats, autoreset_mode="Disabled", **options)
    env.reset(seed=9)
    tables = [(hand, dealer) for hand in HANDS for dealer in DEALER for _ in range(repeats)]
    for copy, (hand, dealer) in enumerate(tables):
        backend(env).set_table(copy, hand, dealer)
    return env


def test_a_hand_is_shown_as_gymnasium_shows_it():
    env, reference = dealt(1), reference_blackjack()
    shown = backend(env).observations
    for copy, (hand, dealer) in enumerate((hand, dealer) for hand in HANDS for dealer in DEALER):
        reference.player, reference.dealer = hand, [dealer, 5]
        assert tuple(shown[copy]) == reference._get_obs()
        assert backend(env).state(copy)["natural"] == blackjack.is_natural(hand)


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_sticking_pays_as_often_as_by_gymnasiums_rules(rules):
    repeats = 300
    env = dealt(repeats, **rules)
    before = backend(env).observations.copy()
    observations, rewards, terminations, _, _ = env.step(np.zeros(env.num_envs, np.int32))
    assert terminations.all()
    assert np.array_equal(observations, before)
    counts = (rewards.reshape(len(HANDS), len(DEALER), repeats, 1) == [-1, 0, 1, 1.5]).sum(axis=2)
    assert counts.sum() == env.num_envs
    assert_frequencies(counts, rewards_of_sticking(rules))


def test_hitting_leads_as_often_to_each_hand_as_by_gymnasiums_rules():
    repeats = 300
    env = dealt(repeats)
    observations, rewards, terminations, _, _ = env.step(np.ones(env.num_envs, np.int32))
    assert np.array_equal(observations[:, 1], np.tile(np.repeat(DEALER, repeats), len(HANDS)))
    mine = np.column_stack([observations[:, 0], observations[:, 2], rewards, terminations])
    reference = reference_blackjack()
    for hand, results in zip(HANDS, mine.reshape(len(HANDS), -1, 4), strict=True):
        chances = []
        for card in blackjack.deck:
            reference.player = [*hand, card]
            total, _, usable = reference._get_obs()
            bust = blackjack.is_bust(reference.player)
            chances.append(((total, usable, -float(bust), float(bust)), 1 / 13))
        outcomes = added(chances)
        counts = [(results == outcome).all(axis=1).sum() for outcome in outcomes]
        assert sum(counts) == len(results)
        assert_frequencies(np.array(counts), np.array(list(outcomes.values())))


def test_a_natural_is_none_any_more_after_a_hit():
    env = make("blackjack", 200, natural=True, sab=False, autoreset_mode="Disabled")
    env.reset(seed=0)
    for copy in range(200):
        backend(env).set_table(copy, [1, 10], 6)
    env.step(np.ones(200, np.int32))
    assert not any(backend(env).state(copy)["natural"] for copy in range(200))
    # An ace, and a card of ten, and ten: 21 again, that pays no more than 1.
    _, rewards, *_ = env.step(np.zeros(200, np.int32))
    assert set(rewards) == {-1, 0, 1}


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_whole_games_end_as_often_in_each_way_as_in_gymnasium(rules):
    """Hit below 15: the rewards of many games of both."""
    games = 2500
    reference = gymnasium.make("Blackjack-v1", **rules)
    theirs = []
    (total, _, _), _ = reference.reset(seed=0)
    while len(theirs) < games:
        (total, _, _), reward, terminated, _, _ = reference.step(int(total < 15))
        if terminated:
            theirs.append(reward)
            (total, _, _), _ = reference.reset()
    env, mine = make("blackjack", 2000, **rules), []
    observations, _ = env.reset(seed=0)
    for _ in range(200):
        observations, rewards, terminations, _, _ = env.step((observations[:, 0] < 15).astype(np.int32))
        mine.append(rewards[terminations])
    mine = np.concatenate(mine)
    chances = np.array([(mine == reward).mean() for reward in (-1, 0, 1, 1.5)])
    assert_frequencies(np.array([theirs.count(reward) for reward in (-1, 0, 1, 1.5)]), chances)


def test_first_hands_are_as_frequent_as_three_cards_of_the_deck():
    chances = np.zeros((32, 11, 2))
    for first in blackjack.deck:
        for second in blackjack.deck:
            hand = [first, second]
            for dealer in blackjack.deck:
                chances[blackjack.sum_hand(hand), dealer, blackjack.usable_ace(hand)] += 1 / 13**3
    observations, _ = make("blackjack", 200_000).reset(seed=4)
    counts = np.zeros_like(chances)
    np.add.at(counts, tuple(observations.T), 1)
    assert_frequencies(counts.ravel(), chances.ravel())


# ---- Spaces, parameters, states ----


def test_spaces_hold_what_the_rules_can_show():
    cases = [*CERTAIN, Case("blackjack", "Blackjack-v1", {})]
    for case, low, high in zip(cases, [0, 0, 0, 0, 0, [4, 1, 0]], [15, 63, 19, 499, 47, [31, 10, 1]], strict=True):
        env, reference = case.make(1), case.reference()
        space = env.single_observation_space
        assert space.dtype == np.int32
        assert np.array_equal([space.low, space.high], np.atleast_2d(np.array([low, high]).reshape(2, -1)))
        assert env.single_action_space == reference.action_space
        sizes = [part.n for part in getattr(reference.observation_space, "spaces", [reference.observation_space])]
        assert (space.high < sizes).all()


PLAYED = [case._replace(options={**case.options, "action_mask": mask}) for case in TABLES for mask in (False, True)]
PLAYED += [Case("taxi", "", {"is_rainy": True, "fickle_passenger": True, "action_mask": True})]
PLAYED += [Case("blackjack", "", rules) for rules in RULES]


@pytest.mark.parametrize("case", PLAYED, ids=str)
@pytest.mark.parametrize("check_actions", [True, False])
def test_long_play_stays_in_the_spaces(case, check_actions):
    """Without checks even with actions that are none."""
    env, rng = case.make(256, check_actions=check_actions), np.random.default_rng(1)
    space = env.single_observation_space
    env.reset(seed=0)
    limits = (0, env.single_action_space.n) if check_actions else (-(2**31), 2**31)
    for _ in range(150):
        observations, rewards, _, _, info = env.step(rng.integers(*limits, 256, dtype=np.int32))
        rows = np.stack([*observations, *(row for row in info.get("final_obs", ()) if row is not None)])
        assert ((rows >= space.low) & (rows <= space.high)).all()
        assert np.isfinite(rewards).all()


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("frozen_lake", {"map_name": "5x5"}, ValueError, "map_name must be one of '4x4', '8x8', got '5x5'"),
        ("frozen_lake", {"desc": "SFFG"}, TypeError, "desc must be a list of strings, got 'SFFG'"),
        ("frozen_lake", {"desc": []}, ValueError, "desc must be 1 to 255 strings"),
        ("frozen_lake", {"desc": ["S" * 256]}, ValueError, "desc must be 1 to 255 strings"),
        ("frozen_lake", {"desc": ["SF", "G"]}, ValueError, "of one length"),
        ("frozen_lake", {"desc": ["FG"]}, ValueError, "S .at least one.*FG"),
        ("frozen_lake", {"desc": ["SXG"]}, ValueError, "letters.*SXG"),
        ("frozen_lake", {"success_rate": 1.5}, ValueError, "success_rate .*1.5"),
        ("frozen_lake", {"reward_schedule": (1, 0)}, ValueError, "reward_schedule .*(1, 0)"),
        ("frozen_lake", {"reward_schedule": (1, float("inf"), 0)}, ValueError, r"reward_schedule\[1\] .*inf"),
        ("taxi", {"rainy_probability": -0.1}, ValueError, "rainy_probability .*-0.1"),
        ("taxi", {"fickle_probability": None}, TypeError, "fickle_probability .*None"),
        ("cliff_walking", {"slippery": True}, TypeError, "is_slippery"),
    ],
)
def test_bad_parameters_are_refused_by_name_and_value(name, options, error, message):
    with pytest.raises(error, match=message):
        make(name, 1, **options)


@pytest.mark.parametrize(
    ("name", "method", "arguments", "message"),
    [
        ("frozen_lake", "set_cell", (0, 16), "cell .*16"),
        ("frozen_lake", "set_cell", (2, 0), "copy .*2"),
        ("cliff_walking", "set_cell", (0, 48), "cell .*48"),
        ("taxi", "set_number", (0, 500), "number .*500"),
        ("blackjack", "set_table", (0, [10, 10, 2], 1), "cards .*22|cards .*10, 10, 2"),
        ("blackjack", "set_table", (0, [10], 1), "cards .*10"),
        ("blackjack", "set_table", (0, [10, 11], 1), r"cards\[1\] .*11"),
        ("blackjack", "set_table", (0, [10, 2], 0), "dealer .*0"),
        *((name, "state", (2,), "copy .*2") for name in ("frozen_lake", "cliff_walking", "taxi", "blackjack")),
    ],
)
def test_bad_states_are_refused_by_name_and_value(name, method, arguments, message):
    env = make(name, 2)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(ValueError, match=message):
        getattr(backend(env), method)(*arguments)
    assert np.array_equal(env.get_state(), before)


def test_what_is_set_is_in_the_state_the_observation_and_the_text():
    taxi = ((2 * 5 + 1) * 5 + 0) * 4 + 3
    shows = [
        ("frozen_lake", "set_cell", (9,), {"cell": 9, "letter": "F"}, [9], "Fo"),
        ("cliff_walking", "set_cell", (12,), {"cell": 12}, [12], "o"),
        ("taxi", "set_number", (taxi,), {"number": taxi, "fickle": False}, [taxi], "| :o: : : |"),
        (
            "blackjack",
            "set_table",
            ([1, 5], 9),
            {"sum": 16, "dealer": 9, "usable_ace": 1, "natural": 0},
            [16, 9, 1],
            "",
        ),
    ]
    for name, method, arguments, state, observation, text in shows:
        env = make(name, 2)
        env.reset(seed=0)
        getattr(backend(env), method)(1, *arguments)
        assert backend(env).state(1) == state
        assert backend(env).observations[1].tolist() == observation
        assert ("\n" + text) in backend(env).ansi_copy(1)
    assert backend(env).ansi_copy(1) == "dealer 9 ?\nplayer 16 with a usable ace"


# ---- What infos tell ----


@pytest.mark.parametrize(
    ("ours", "theirs", "parameters"),
    [
        ("FrozenLake-v0", "FrozenLake-v1", {}),
        ("FrozenLake-v0", "FrozenLake-v1", {"success_rate": 0.5}),
        ("FrozenLake-v0", "FrozenLake-v1", {"is_slippery": False}),
        ("CliffWalking-v0", "CliffWalking-v1", {"is_slippery": True}),
        ("Taxi-v0", "Taxi-v4", {"is_rainy": True}),
        ("Taxi-v0", "Taxi-v4", {}),
    ],
)
def test_prob_is_that_of_gymnasiums_transition(ours, theirs, parameters):
    env, package = gymnasium.make(f"puffer/{ours}", **parameters), gymnasium.make(theirs, **parameters)
    transitions = package.unwrapped.P
    state, info = env.reset(seed=0)
    assert info["prob"] == 1
    env.action_space.seed(0)
    for _ in range(300):
        action = env.action_space.sample()
        after, _, terminated, truncated, info = env.step(action)
        assert any(
            np.isclose(info["prob"], chance, atol=1e-9) and after == then
            for chance, then, *_ in transitions[int(state)][int(action)]
        )
        state = after
        if terminated or truncated:
            state, info = env.reset()
            assert info["prob"] == 1


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_prob_of_a_batch(mode):
    env = gymnasium.make_vec("puffer/FrozenLake-v0", num_envs=8, autoreset_mode=mode, success_rate=0.5)
    _, info = env.reset(seed=0)
    assert (info["prob"] == 1).all()
    assert info["_prob"].all()
    env.action_space.seed(0)
    ended = np.zeros(8, np.bool_)
    for _ in range(100):
        before = ended
        *_, terminations, truncations, info = env.step(env.action_space.sample())
        ended = terminations | truncations
        begins = ended if mode == "SameStep" else before
        assert (info["prob"][begins] == 1).all()
        assert np.isin(info["prob"][~begins], (0.5, 0.25)).all()
        if mode == "SameStep" and ended.any():
            assert np.isin(info["final_info"]["prob"][ended], (0.5, 0.25)).all()
    assert not make("ocean-frozen_lake", 8).reset(seed=0)[1]
