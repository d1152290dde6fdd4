"""Overcooked against the package `overcooked-ai`: states, rewards and both observations are equal in every step.

pytest tests/ocean/test_overcooked.py --fuzz-steps=160000    # the package makes a twelfth of them in each run
"""

from collections import Counter

import numpy as np
import overcooked_package as package
import pytest
from helpers import make

GRIDS = {
    "cramped_room": ["XXPXX", "O  2O", "X1  X", "XDXSX"],
    "asymmetric_advantages": ["XXXXXXXXX", "O XSXOX S", "X   P 1 X", "X2  P   X", "XXXDXDXXX"],
    "coordination_ring": ["XXXPX", "X 1 P", "D2X X", "O   X", "XOSXX"],
    "forced_coordination": ["XXXPX", "O X1P", "O2X X", "D X X", "XXXSX"],
    "counter_circuit_o_1order": ["XXXPPXXX", "X  2   X", "D XXXX S", "X  1   X", "XXXOOXXX"],
    "tomatoes": ["XTPXPOXX", "D 1    X", "X X2 X P", "XSXXXSOX"],
    "four": ["XXSPDXX", "X  1  X", "X  X  X", "O3   4T", "X  X  X", "X  2  X", "XXDPSXX"],
    "three": ["XXXPPXX", "O1 2 3T", "XDXXXSX"],
}
CLASSIC = list(GRIDS)[:5]
MIXED = {
    "start_all_orders": [["onion", "tomato", "tomato"], ("onion", "onion", "tomato"), {"ingredients": ["tomato"]}],
    "start_bonus_orders": [["tomato"]],
}
# What a run plays: a kitchen, a policy, and our parameters.
RUNS = [
    *[(kitchen, policy, {}) for kitchen in CLASSIC for policy in ("winning", "losing")],
    ("cramped_room", "random", {"random_start_pos": True, "rnd_obj_prob_thresh": 0.7, "max_steps": 60}),
    ("tomatoes", "winning", {}),
    ("tomatoes", "losing", {**MIXED, "onion_value": 21, "tomato_value": 13, "onion_time": 15, "tomato_time": 7}),
    ("tomatoes", "winning", {**MIXED, "recipe_values": [9, 7, 1], "recipe_times": [5, 30, 2], "order_bonus": 3}),
    ("tomatoes", "losing", {"cook_time": 3, "delivery_reward": 50, "rew_shaping_params": {"DISH_PICKUP_REWARD": -2}}),
    ("four", "winning", {"rnd_obj_prob_thresh": 0.5, "random_start_pos": True, "max_steps": 150}),
    ("three", "losing", {"cook_time": 10}),
]  # fmt: skip


def make_pair(kitchen, parameters, observation):
    """Two copies of ours, and the package's kitchen."""
    named = kitchen in CLASSIC
    layout = kitchen if named else "\n".join(GRIDS[kitchen])
    env = make("ocean-overcooked", 2, layout=layout, observation=observation, autoreset_mode="Disabled", **parameters)
    own = {name: value for name, value in parameters.items() if name != "max_steps"}
    return env, package.make_package(GRIDS[kitchen], layout=named, **own)


def play_beside_the_package(kitchen, policy, parameters, observation, steps):
    """Play and compare everything; what happened, counted."""
    env, mdp = make_pair(kitchen, parameters, observation)
    game, cooks, horizon = env.unwrapped.native_env, env.agents_per_env, env.max_steps
    planner = package.planner_of(mdp) if observation == "features" else None
    rng, events, theirs, ended = np.random.default_rng(4), Counter(), [None, None], np.ones(2, np.bool_)
    observations, _ = env.reset(seed=4)
    for _ in range(max(1, steps // 2)):
        for copy in np.flatnonzero(ended):
            theirs[copy] = package.state_of(mdp, game.state(copy))
        states = [game.state(copy) for copy in range(2)]
        actions = np.array([package.choose(state, k, policy, rng) for state in states for k in range(cooks)], np.int32)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        for copy in range(2):
            rows = slice(copy * cooks, (copy + 1) * cooks)
            theirs[copy], sparse, shaped = package.step(mdp, theirs[copy], actions[rows].tolist())
            assert np.array_equal(rewards[rows], np.float32(sparse) + shaped)
            assert np.array_equal(truncations[rows], [theirs[copy].timestep == horizon] * cooks)
            package.assert_same_state(mdp, theirs[copy], game.state(copy))
            assert_same_observations(observations[rows], theirs[copy], mdp, planner, horizon)
            events.update(soups=int(sparse > 0), shaped=int((shaped != 0).sum()), ended=int(truncations[rows][0]))
            events["worthless"] += sparse == 0 and served(states[copy], game.state(copy))
        assert not terminations.any()
        ended = truncations.reshape(2, cooks)[:, 0]
        if ended.any():
            observations, _ = env.reset(options={"reset_mask": np.repeat(ended, cooks)})
    return events


def served(before, after):
    """Whether a cook has got rid of a soup, and no counter has got it."""
    soups = [(state["cooks"][:, 3] >= package.SOUP).sum() for state in (before, after)]
    return soups[1] < soups[0] and np.array_equal(before["objects"] > 0, after["objects"] > 0)


def assert_same_observations(rows, state, mdp, planner, horizon):
    if planner is not None:
        assert np.array_equal(rows, mdp.featurize_state(state, planner))
    elif mdp.num_players == 2:
        assert np.array_equal(rows, mdp.lossless_state_encoding(state, horizon))
    else:
        assert rows.shape[3] == 5 * mdp.num_players + 16


@pytest.fixture(scope="module")
def total():
    """What happened in all runs."""
    return Counter()


# ---- Against the package ----


@pytest.mark.parametrize("observation", ["lossless", "features"])
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_every_step_is_as_in_the_package(run, observation, total, request):
    steps = request.config.getoption("--fuzz-steps") // (12 if observation == "lossless" else 48)
    total.update(play_beside_the_package(*run, observation, steps))


def test_the_runs_had_everything_in_them(total):
    if not total:
        pytest.skip("needs the runs")
    for event, times in {"soups": 15, "worthless": 1, "shaped": 200, "ended": 2}.items():
        assert total[event] >= times, (event, total)


@pytest.mark.parametrize("layout", CLASSIC)
def test_the_classic_layouts_are_those_of_the_package(layout):
    theirs = package.mdp_module.OvercookedGridworld.from_layout_name(layout)
    game = make("ocean-overcooked", 1, layout=layout).unwrapped.native_env
    game.reset(seed=0)
    state = game.state(0)
    signs = np.array([list(" XOTDPS")[kind] for kind in state["terrain"].T.ravel()]).reshape(state["terrain"].T.shape)
    assert signs.tolist() == theirs.terrain_mtx
    assert [tuple(cook[:2]) for cook in state["cooks"].tolist()] == theirs.start_player_positions
    assert not state["cooks"][:, 2:].any()


def test_random_starts_are_as_likely_as_in_the_package():
    options = {"random_start_pos": True, "rnd_obj_prob_thresh": 0.6}
    games, layout = 2000, "\n".join(GRIDS["tomatoes"])
    game = make("ocean-overcooked", games, layout=layout, **options).unwrapped.native_env
    game.reset(seed=1)
    mdp = package.make_package(GRIDS["tomatoes"])
    start, ours, theirs = mdp.get_random_start_state_fn(*options.values()), Counter(), Counter()
    np.random.seed(0)
    for copy in range(games):
        ours.update(features(game.state(copy)))
        state = start()
        theirs.update(features(as_ours(mdp, state, game.state(0))))
    for kind in {key[0] for key in ours}:
        pairs = np.array([(ours[key], theirs[key]) for key in ours | theirs if key[0] == kind], np.float64)
        pairs = pairs[pairs.sum(axis=1) >= 10]
        square = ((pairs[:, 0] - pairs[:, 1]) ** 2 / pairs.sum(axis=1)).sum()
        assert square < len(pairs) + 4.5 * np.sqrt(2 * len(pairs)) + 4, kind


def features(state):
    """What is counted of a start."""
    cooks = [tuple(cook) for cook in state["cooks"].tolist()]
    yield "places", *cooks[0][:2], *cooks[1][:2]
    yield "hands", cooks[0][3]
    yield "hand", cooks[1][3]
    for x, y in np.argwhere(state["terrain"] == package.POT).tolist():
        yield "pot", x, y, int(state["objects"][x, y]), int(state["ticks"][x, y])


def as_ours(mdp, state, like):
    objects, ticks = np.zeros_like(like["objects"]), np.zeros_like(like["ticks"])
    for place, thing in state.objects.items():
        objects[place], ticks[place] = package.code_of(thing), thing._cooking_tick + 1
    cooks = np.array([(*one.position, 0, package.code_of(one.held_object)) for one in state.players])
    return {"cooks": cooks, "objects": objects, "ticks": ticks, "terrain": like["terrain"]}


def test_shaped_rewards_have_a_weight_that_copies_may_change():
    env = make("ocean-overcooked", 4, reward_shaping_factor=0.5, max_steps=50)
    game, rng = env.unwrapped.native_env, np.random.default_rng(0)
    assert env.get_attr("reward_shaping_factor") == (0.5,) * 4
    env.set_next([1, 3], reward_shaping_factor=[0.0, 2.0])
    env.reset(seed=0)
    assert env.get_attr("reward_shaping_factor") == (0.5, 0.0, 0.5, 2.0)
    seen = np.zeros(4)
    for _ in range(49):
        actions = [package.choose(game.state(copy), k, "winning", rng) for copy in range(4) for k in range(2)]
        _, rewards, *_ = env.step(np.array(actions, np.int32))
        assert set(rewards[[2, 3]]) <= {0, 20}
        seen += rewards.reshape(4, 2).sum(axis=1)
    assert seen[0] > 0
    assert seen[3] % 2 == 0
