"""Foraging against the package `lbforaging`, from the same states, step by step: all that a step returns is equal.

pytest tests/ocean/test_foraging.py --fuzz-steps=160000    # the package makes an eighth of them in each run
"""

from collections import Counter

import gymnasium
import numpy as np
import pytest
from helpers import make, play_at_random

from puffer.ocean.foraging import foraging

lbforaging = pytest.importorskip("lbforaging", reason='pip install "lbforaging>=2,<3"')
from lbforaging.foraging import ForagingEnv  # noqa: E402

# Its import registers its ids with Gymnasium, and other tests would find them in `puffer.list_envs()`.
REGISTERED = {name: gymnasium.registry.pop(name) for name in list(gymnasium.registry) if name.startswith("Foraging-")}

NONE, NORTH, SOUTH, WEST, EAST, LOAD = foraging.Action
# What a run plays: a policy and our parameters.
RUNS = [
    ("random", {}),
    ("winning", {"task": "Foraging-8x8-2p-1f-coop"}),
    ("losing", {"task": "Foraging-2s-8x8-2p-2f-coop-pen", "min_player_level": 1, "max_player_level": 1}),
    ("winning", {"task": "Foraging-2s-10x10-3p-3f"}),
    ("winning", {"task": "Foraging-grid-3s-7x7-4p-3f", "max_player_level": 3}),
    ("crowd", {"task": "Foraging-5x5-9p-2f-pen"}),
    ("crowd", {"task": "Foraging-grid-5x5-5p-4f", "observe_agent_levels": False}),
    ("crowd", {"task": "Foraging-15x15-9p-4f-coop", "sight": 4, "normalize_reward": False}),
    ("winning", {"players": 3, "field_size": (9, 5), "max_num_food": 2, "min_player_level": (1, 2, 5),
                 "max_player_level": (3, 4, 5), "min_food_level": (1, 4), "max_food_level": (2, 9), "penalty": 0.25}),
    ("winning", {"players": 2, "field_size": (4, 12), "max_num_food": 9, "observe_agent_levels": False, "sight": 1}),
    ("random", {"task": "Foraging-3x3-4p-1f-ind"}),
    ("alone", {"players": 1, "max_num_food": 4, "max_food_level": 1, "max_steps": 200}),
]  # fmt: skip


class Reference(ForagingEnv):
    """The package, with the observation space of planes mended and without the check of each observation."""

    class Anything(gymnasium.Space):
        def contains(self, observation):
            return observation.shape == self.shape

    def _get_observation_space(self):
        side = 2 * self.sight + 1
        numbers = 3 * self.max_num_food + (3 if self._observe_agent_levels else 2) * len(self.players)
        return self.Anything((3, side, side) if self._grid_observation else (numbers,))


def make_reference(game, *, max_steps=50, task=None, **given):
    own = {**levels_of(REGISTERED.get(f"{task}-v3")), **given}
    names = ("min_player_level", "max_player_level", "min_food_level", "max_food_level")
    levels = dict(zip(names, (1, 2, 1, 1 if "-ind" in (task or "") else None), strict=True))
    return Reference(
        game.players, field_size=game.field_size, max_num_food=game.max_num_food, sight=game.sight,
        force_coop=game.force_coop, max_episode_steps=max_steps, normalize_reward=game.normalize_reward,
        grid_observation=game.grid_observation, observe_agent_levels=game.observe_agent_levels, penalty=game.penalty,
        **{name: own.get(name, levels[name]) for name in names},
    )  # fmt: skip


def levels_of(spec):
    return {} if spec is None else {key: value for key, value in spec.kwargs.items() if key.endswith("_level")}


def put(reference, state):
    """Begin an episode of the package in a state of ours."""
    reference.current_step, reference._game_over = 0, False
    reference.field = state["field"].astype(np.int32)
    reference._food_spawned = reference.field.sum()
    for player, (row, column, level) in zip(reference.players, state["players"].tolist(), strict=True):
        player.setup((row, column), level, reference.field_size)
        player.reward = 0
    reference._gen_valid_moves()
    return np.stack(reference._make_gym_obs())


def choose(policy, rng, state):
    """Actions of the players of a copy."""
    players, foods = state["players"], np.argwhere(state["field"])
    actions = rng.integers(0, 6, len(players))
    if policy == "random" or len(foods) == 0:
        return actions
    for k, (row, column, _) in enumerate(players.tolist()):
        if rng.random() < {"winning": 0.1, "losing": 0.3, "crowd": 0.4, "alone": 0.02}[policy]:
            continue
        # Losers go to different foods, of which none can load one alone.
        down, right = foods[k % len(foods) if policy == "losing" else 0] - (row, column)
        actions[k] = LOAD
        if abs(down) + abs(right) > 1:
            along_rows = abs(right) if rng.random() < 0.5 else not abs(down)
            actions[k] = (EAST if right > 0 else WEST) if along_rows else (SOUTH if down > 0 else NORTH)
    return actions


def count(before, after, actions, rewards):
    """What happened in a copy, counted."""
    cells, ends = (list(map(tuple, state["players"][:, :2].tolist())) for state in (before, after))
    moves = {NORTH: (-1, 0), SOUTH: (1, 0), WEST: (0, -1), EAST: (0, 1)}
    events = Counter(together=len(ends) - len(set(ends)), loads=int((rewards > 0).sum()))
    events["joint"] = int((rewards > 0).sum() > 1)
    events["failed"] = int((rewards < 0).sum())
    for k, action in enumerate(actions):
        if action in moves:
            ahead = tuple(np.add(cells[k], moves[action]).tolist())
            free = all(0 <= x < side for x, side in zip(ahead, before["field"].shape, strict=True))
            free = free and before["field"][ahead] == 0
            events["clashed"] += free and ends[k] == cells[k]
            events["blocked"] += not free
            events["swapped"] += any(ends[k] == cells[j] and ends[j] == cells[k] for j in range(k)) * (
                cells[k] != ends[k]
            )
    return events


def play_beside_the_package(policy, parameters, steps):
    """Play and compare everything; what happened, counted."""
    rng, events, copies = np.random.default_rng(3), Counter(), 3
    env = make("ocean-foraging", copies, autoreset_mode="Disabled", **parameters)
    game, players = env.unwrapped.native_env, env.agents_per_env
    references = [make_reference(game, **parameters) for _ in range(copies)]
    observations, _ = env.reset(seed=11)
    starting = np.ones(copies, np.bool_)
    for _ in range(max(1, steps // copies)):
        for copy in np.flatnonzero(starting):
            shown = observations[copy * players : (copy + 1) * players]
            assert np.array_equal(shown, put(references[copy], game.state(copy)))
        states = [game.state(copy) for copy in range(copies)]
        actions = np.concatenate([choose(policy, rng, state) for state in states]).astype(np.int32)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        for copy, reference in enumerate(references):
            rows = slice(copy * players, (copy + 1) * players)
            expected, expected_rewards, ended, _, _ = reference.step(actions[rows].tolist())
            assert np.array_equal(observations[rows], expected)
            assert np.array_equal(rewards[rows], np.float32(expected_rewards))
            assert np.array_equal((terminations | truncations)[rows], [ended] * players)
            assert np.array_equal(terminations[rows], [reference.field.sum() == 0] * players)
            assert np.array_equal(game.state(copy)["field"], reference.field)
            events += count(states[copy], game.state(copy), actions[rows], rewards[rows])
            events["cleared"] += bool(terminations[rows][0])
            events["late"] += bool(truncations[rows][0])
        starting = (terminations | truncations).reshape(copies, players)[:, 0]
        if starting.any():
            observations, _ = env.reset(options={"reset_mask": np.repeat(starting, players)})
    return events


@pytest.fixture(scope="module")
def total():
    """What happened in all runs."""
    return Counter()


# ---- Against the package ----


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_every_step_is_as_in_the_package(run, total, request):
    total.update(play_beside_the_package(*run, request.config.getoption("--fuzz-steps") // 8))


def test_the_runs_had_everything_in_them(total):
    if not total:
        pytest.skip("needs the runs")
    for event, times in {
        "loads": 200, "joint": 50, "failed": 200, "clashed": 200, "blocked": 200, "swapped": 10, "together": 50,
        "cleared": 50, "late": 15,
    }.items():  # fmt: skip
        assert total[event] >= times, (event, total)


def test_the_tasks_are_those_of_the_package():
    for number, (name, spec) in enumerate(sorted(REGISTERED.items())):
        if number % 97:
            continue
        game = make("ocean-foraging", 1, task=name).unwrapped.native_env
        theirs = spec.kwargs
        for parameter in (
            "players",
            "field_size",
            "max_num_food",
            "sight",
            "force_coop",
            "grid_observation",
            "penalty",
        ):
            assert getattr(game, parameter) == theirs[parameter], name
        assert game.max_steps == theirs["max_episode_steps"]
        space = ForagingEnv(**theirs).observation_space[0]
        assert game.single_observation_space == space
        assert make("ocean-foraging", 1, task=name.removesuffix("-v3")).single_observation_space == space


def test_names_of_the_other_forms_are_known():
    game = make("ocean-foraging", 1, task="Foraging-grid-3s-9x7-4p-2f-coop-ind-pen").unwrapped.native_env
    assert (game.players, game.max_num_food, game.sight, game.field_size) == (4, 2, 3, (9, 7))
    assert (game.force_coop, game.grid_observation, game.penalty) == (True, True, 0.1)
    assert game.single_observation_space.shape == (3, 7, 7)
    assert game.single_observation_space.high[1].max() == 1
    game = make("ocean-foraging", 1, task="Foraging-2s-8x8-2p-1f-coop", sight=5, force_coop=False).unwrapped.native_env
    assert (game.sight, game.force_coop, game.penalty) == (5, False, 0)


# ---- Starts ----


def features(field, players):
    """What is counted of a start."""
    foods = np.argwhere(field).tolist()
    for row, column, level in players:
        yield "player", row, column
        yield "level", level
    yield "first", *players[0][:2], players[1][2]
    yield "foods", len(foods)
    for row, column in foods:
        yield "food", row, column
        yield "food level", int(field[row, column]), *sorted(player[2] for player in players)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"task": "Foraging-5x5-3p-4f"},
        {"players": 3, "field_size": (5, 7), "min_player_level": (1, 2, 4), "max_player_level": (1, 5, 6),
         "max_num_food": 2, "min_food_level": (1, 5), "max_food_level": (3, 5)},
        {"task": "Foraging-6x6-4p-2f-coop", "max_player_level": 3},
    ],
    ids=str,
)  # fmt: skip
def test_starts_are_as_likely_as_in_the_package(parameters):
    ours, theirs, games = Counter(), Counter(), 1200
    game = make("ocean-foraging", games, **parameters).unwrapped.native_env
    game.reset(seed=1)
    for copy in range(games):
        state = game.state(copy)
        assert state["spawned"] == state["field"].sum()
        ours.update(features(state["field"], state["players"].tolist()))
    reference = make_reference(game, **parameters)
    reference._make_gym_obs = reference._gen_valid_moves = lambda: None
    for episode in range(games):
        # Where players ended an episode, nobody starts the next one; there was none before the first.
        for player in reference.players:
            player.position = None
        reference.reset(seed=0 if episode == 0 else None)
        theirs.update(features(reference.field, [(*player.position, player.level) for player in reference.players]))
    assert_same_chances(ours, theirs)


def assert_same_chances(ours, theirs):
    """That the counts of two samples of the same size differ as samples of one distribution do, by chi-square."""
    for kind in {key[0] for key in ours | theirs}:
        pairs = np.array([(ours[key], theirs[key]) for key in ours | theirs if key[0] == kind], np.float64)
        rare = pairs.sum(axis=1) < 20
        pairs = np.concatenate([pairs[~rare], pairs[rare].sum(axis=0, keepdims=True)])
        pairs = pairs[pairs.sum(axis=1) > 0]
        square = ((pairs[:, 0] - pairs[:, 1]) ** 2 / pairs.sum(axis=1)).sum()
        freedom = len(pairs)
        assert square < freedom + 4.5 * np.sqrt(2 * freedom) + 4, (kind, square, freedom)


# ---- Tasks of single copies ----


def test_a_copy_of_another_task_plays_as_a_batch_of_that_task():
    """In an observation of the same form: a smaller field, a nearer sight, other levels and rewards."""
    others = [
        {"task": "Foraging-2s-6x6-3p-2f-coop-pen"},
        {"field_size": (5, 9), "normalize_reward": False},
        {"min_player_level": (1, 2, 2), "max_food_level": 3, "sight": 4, "penalty": 0.5},
    ]
    env = make("ocean-foraging", 4, task="Foraging-9x9-3p-2f", max_steps=20)
    whole = {"task": "Foraging-9x9-3p-2f", "max_steps": 20}
    singles = [make("ocean-foraging", 1, **whole), *(make("ocean-foraging", 1, **{**whole, **one}) for one in others)]
    for copy, other in enumerate(others, 1):
        env.set_next([copy], **{name: [value] for name, value in other.items()})
    observations, _ = env.reset(seed=[5, 6, 7, 8])
    for copy, single in enumerate(singles):
        assert np.array_equal(observations[3 * copy : 3 * copy + 3], single.reset(seed=[5 + copy])[0])
    rng = np.random.default_rng(0)
    for _ in range(100):
        actions = rng.integers(0, 6, 12, dtype=np.int32)
        results = env.step(actions)
        for copy, single in enumerate(singles):
            rows = slice(3 * copy, 3 * copy + 3)
            for one, two in zip(results[:4], single.step(actions[rows])[:4], strict=True):
                assert np.array_equal(one[rows], two)
    assert env.get_attr("field_size") == ((9, 9), (6, 6), (5, 9), (9, 9))
    assert env.get_attr("penalty") == (0, 0.1, 0, 0.5)


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"task": "Foraging-8x8-3p-1f"}, ValueError, "task 'Foraging-8x8-3p-1f' has 3 players, and the batch 2"),
        ({"field_size": [(20, 20)]}, ValueError, r"field_size \(20, 20\) has more cells, .* than that of the batch"),
        ({"field_size": [(4, 12)]}, ValueError, "does not fit the space of the batch"),
        ({"max_player_level": 3}, ValueError, "does not fit the space of the batch"),
        ({"players": 1}, TypeError, "got an unexpected keyword argument 'players'"),
    ],
)
def test_what_the_batch_cannot_hold_is_refused_for_a_copy(parameters, kind, message):
    env = make("ocean-foraging", 2)
    with pytest.raises(kind, match=message):
        env.set_next([1], **parameters)
    env.reset(seed=0)
    assert env.get_attr("field_size") == ((8, 8), (8, 8))


# ---- What else there is ----


def test_rewards_of_an_episode_add_up_to_one():
    env = make("ocean-foraging", 8, task="Foraging-6x6-3p-2f", max_steps=500)
    game, rng, total = env.unwrapped.native_env, np.random.default_rng(0), np.zeros(8)
    env.reset(seed=0)
    seen = 0
    for _ in range(600):
        actions = np.concatenate([choose("winning", rng, game.state(copy)) for copy in range(8)])
        _, rewards, terminations, truncations, _ = env.step(actions.astype(np.int32))
        total += rewards.reshape(8, 3).sum(axis=1)
        cleared, ended = terminations[::3], (terminations | truncations)[::3]
        assert np.allclose(total[cleared], 1)
        seen += cleared.sum()
        total[ended] = 0
    stats = env.stats()
    assert seen > 50
    assert stats["food_share"] > 0.9
    assert 2 / 3 <= stats["loads"] <= 2


@pytest.mark.parametrize("action", [6, -1, 2**31 - 1, -(2**31)])
def test_unchecked_actions_that_are_none_do_nothing(action):
    env = make("ocean-foraging", 4, check_actions=False)
    first = env.reset(seed=0)[0].copy()
    observations, rewards, *_ = env.step(np.full(8, action, np.int32))
    assert np.array_equal(observations, first)
    assert not rewards.any()


@pytest.mark.parametrize("parameters", [run[1] for run in RUNS], ids=str)
def test_observations_lie_in_their_space(parameters):
    env = make("ocean-foraging", 8, **parameters)
    space = env.single_observation_space
    for observations, *_ in play_at_random(env, 100):
        assert np.all((observations >= space.low) & (observations <= space.high))


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        (
            {"task": "Foraging-8x8-2p"},
            ValueError,
            r"task must be a name like 'Foraging-8x8-2p-1f-coop', got .*<players>p",
        ),
        ({"task": 8}, ValueError, "task must be a name like .*, got 8"),
        ({"task": "Foraging-2x8-2p-1f"}, ValueError, "field_size must be at least 3, got 2"),
        ({"field_size": 8}, TypeError, r"field_size must be a tuple \(rows, columns\), got 8"),
        ({"players": 65}, ValueError, "players must be at most 64, got 65"),
        ({"players": 10, "field_size": (3, 3)}, ValueError, "players must be at most 9, got 10"),
        ({"max_num_food": 0}, ValueError, "max_num_food must be at least 1, got 0"),
        ({"sight": 0}, ValueError, "sight must be at least 1, got 0"),
        (
            {"min_player_level": 3},
            ValueError,
            "min_player_level must be at most max_player_level, got 3 and 2",
        ),
        ({"max_player_level": (1, 2, 3)}, ValueError, "max_player_level must be one level, or a tuple of 2, got 3"),
        ({"min_food_level": 3}, ValueError, "min_food_level must be at most 2, the smallest sum"),
        ({"max_food_level": 0}, ValueError, "max_food_level must be at least 1, got 0"),
        ({"penalty": -1}, ValueError, "penalty must be from 0"),
        ({"force_coop": 1}, TypeError, "force_coop must be a bool, got 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, kind, message):
    with pytest.raises(kind, match=message):
        make("ocean-foraging", 1, **parameters)


def test_pictures_show_the_state():
    env = make("ocean-foraging", 1, task="Foraging-6x7-3p-2f")
    env.reset(seed=2)
    game = env.unwrapped.native_env
    state, lines = game.state(0), [line.split() for line in game.ansi_copy(0).splitlines()]
    assert (len(lines), len(lines[0])) == (6, 7)
    for row, column, level in state["players"].tolist():
        assert lines[row][column] == f"P{level}"
    for row, column in np.argwhere(state["field"]).tolist():
        assert lines[row][column] == f"f{state['field'][row, column]}"
    assert game.render_copy(0).shape == (6 * 36, 7 * 36, 3)
