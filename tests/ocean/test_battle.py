"""Battle against battle_v4 and battlefield_v5 of the package `magent2`: everything that every step returns is equal.

The order of attacks is that of the package too: its engine is seeded with the state of ours at each start.

pytest tests/ocean/test_battle.py --package-steps=20000    # steps of the package in all runs together
"""

from collections import Counter

import numpy as np
import pytest
from helpers import make

pytest.importorskip("magent2", reason='pip install "magent2>=0.3.3"')

# Parameters, what an agent does most often, and the share of the steps.
RUNS = [
    ({}, "fight", 0.3),
    ({"map_size": 12, "max_steps": 40}, "fight", 0.1),
    ({"map_size": 20, "minimap_mode": True}, "fight", 0.2),
    ({"map_size": 31, "extra_features": True, "minimap_mode": True, "max_steps": 70}, "fight", 0.1),
    ({"map_size": 80}, "fight", 0.03),
    ({"map_size": 99, "minimap_mode": True}, "fight", 0.01),
    ({"map_size": 17, "extra_features": True, "max_steps": 40}, "wander", 0.1),
    ({"map_size": 26, "step_reward": 0.01, "dead_penalty": -2, "attack_penalty": 0.3, "attack_opponent_reward": -0.7},
     "fight", 0.06),
    ({"layout": "battlefield", "minimap_mode": True}, "wander", 0.05),
    ({"layout": "battlefield", "map_size": 47}, "fight", 0.03),
    ({"map_size": 20, "compact": True}, "fight", 0.1),
    ({"layout": "battlefield", "map_size": 94, "max_steps": 60}, "fight", 0.02),
]  # fmt: skip
MOVES = [(0, -2), (-1, -1), (0, -1), (1, -1), (-2, 0), (-1, 0), (0, 0), (1, 0), (2, 0), (-1, 1), (0, 1), (1, 1), (0, 2)]
AROUND = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]


def make_package(layout="battle", max_steps=1000, compact=False, **parameters):
    """The package, below its interface of dicts by agent."""
    return make(f"magent-{layout}", 1, backend="serial", autoreset_mode="Disabled", max_cycles=max_steps, **parameters)


def choose(style, rng, state, red):
    """Actions of all agents. Those who fight strike an enemy beside them, or go to the nearest one."""
    positions, alive = state["positions"], state["alive"]
    actions = rng.integers(0, 21, len(positions), dtype=np.int32)
    if style == "wander":
        return actions
    for side in (range(red), range(red, len(positions))):
        enemies = np.flatnonzero(alive & ~np.isin(np.arange(len(positions)), side))
        for k in side:
            if not alive[k] or rng.random() < 0.15:
                continue
            ways = positions[enemies] - positions[k]
            way = tuple(ways[np.abs(ways).sum(1).argmin()].tolist())
            actions[k] = 13 + AROUND.index(way) if way in AROUND else MOVES.index(tuple(np.sign(way).tolist()))
    return actions


def play_beside_the_package(parameters, style, steps):
    """Play and compare everything; what happened, counted."""
    rng, events, ended = np.random.default_rng(5), Counter(), True
    env, package = make("battle", 1, autoreset_mode="Disabled", **parameters), make_package(**parameters)
    game = env.unwrapped.native_env
    assert env.num_envs == package.num_envs
    if not game.extra_features and not game.compact:
        assert env.single_observation_space == package.single_observation_space
    env.reset(seed=3)
    for _ in range(steps):
        if ended:
            observations, _ = env.reset()
            expected, _ = package.reset(seed=[game.state(0)["engine"]])
            assert np.array_equal(observations, in_form_of(game, expected))
        before = game.state(0)
        actions = choose(style, rng, before, game.team_sizes[0])
        ours, theirs = env.step(actions), package.step(actions)
        assert np.array_equal(ours[0], in_form_of(game, theirs[0]))
        for own, other in zip(ours[1:4], theirs[1:4], strict=True):
            assert np.array_equal(own, other)
        assert np.array_equal(env.masks, package.masks)
        count(events, before, game.state(0), actions, ours)
        ended = (ours[2] | ours[3] | ~env.masks.astype(bool)).all()
        events["ended"] += ended and not ours[3].any()
        events["late"] += ended and ours[3].any()
    return events


def in_form_of(game, observations):
    return np.rint(100 * observations).astype(np.uint8) if game.compact else observations


def count(events, before, after, actions, results):
    fallen = before["alive"] & ~after["alive"]
    moved = (before["positions"] != after["positions"]).any(1)
    events["fallen"] += fallen.sum()
    # A reward that is not dead_penalty is of one who had hit before it fell.
    events["hit and fell"] += len(set(results[1][fallen].tolist())) - 1 if fallen.any() else 0
    events["attacks of the fallen"] += (fallen & (actions >= 13)).sum()
    events["blocked"] += (before["alive"] & ~moved & (actions < 13) & (actions != 6)).sum()
    events["moved"] += moved.sum()
    events["empty"] += (after["health"][after["alive"]] <= np.float32(0.1)).sum()


@pytest.fixture(scope="module")
def total():
    """What happened in all runs."""
    return Counter()


@pytest.mark.parametrize(("parameters", "style", "share"), RUNS, ids=str)
def test_every_step_is_as_in_the_package(parameters, style, share, total, request):
    steps = max(4, int(request.config.getoption("--package-steps") * share))
    total.update(play_beside_the_package(parameters, style, steps))


def test_the_runs_had_everything_in_them(total):
    if not total:
        pytest.skip("needs the runs")
    for event, times in {
        "fallen": 1000, "hit and fell": 100, "attacks of the fallen": 500, "blocked": 10000, "moved": 10000, "empty": 1,
        "ended": 15, "late": 1,
    }.items():  # fmt: skip
        assert total[event] >= times, (event, total)


# ---- By itself ----


def test_statistics_tell_who_fell_and_who_won():
    env = make("battle", 1, map_size=20, autoreset_mode="Disabled")
    game, agents, rng, felled = env.unwrapped.native_env, env.num_envs, np.random.default_rng(1), 0
    env.reset(seed=1)
    while (alive := game.state(0)["alive"])[:12].any() and alive[12:].any():
        rewards = env.step(choose("fight", rng, game.state(0), 12))[1]
        felled += (rewards > 4).sum()
    stats, fallen = env.stats(), agents - alive.sum()
    assert stats["episodes"] == agents
    assert 0 < fallen < agents
    assert round(stats["kills"] * agents) == round(stats["deaths"] * agents) == fallen
    assert round(stats["wins"] * agents) == alive.sum()
    # Some fall in the step in which they fell somebody, and are not paid for it.
    assert 0.8 * fallen <= felled <= fallen
    # Five hits leave somebody with no health, and the sixth fells.
    assert stats["hits"] >= 6 * stats["kills"]


def test_a_snapshot_goes_on_with_the_fallen_and_the_order_of_attacks():
    options = {"map_size": 31, "minimap_mode": True, "extra_features": True}
    env, other = (make("battle", 2, **options) for _ in range(2))
    game, rng = env.unwrapped.native_env, np.random.default_rng(0)

    def fight():
        return np.concatenate([choose("fight", rng, game.state(copy), game.team_sizes[0]) for copy in range(2)])

    env.reset(seed=0)
    other.reset(seed=1)
    for _ in range(20):
        env.step(fight())
    assert not game.state(0)["alive"].all()
    other.set_state(env.get_state())
    for _ in range(20):
        actions = fight()
        for own, same in zip(env.step(actions)[:4], other.step(actions)[:4], strict=True):
            assert np.array_equal(own, same)
        assert np.array_equal(env.masks, other.masks)


def test_copies_may_have_rewards_of_their_own():
    env = make("battle", 3, map_size=12)
    env.reset(seed=0)
    env.set_next([1, 2], step_reward=[0.5, -1])
    stay = np.full(env.num_envs, 6, np.int32)
    assert set(env.step(stay)[1].tolist()) == {np.float32(-0.005)}
    env.reset()
    assert env.step(stay)[1].reshape(3, 4)[:, 0].tolist() == [np.float32(-0.005), 0.5, -1]
    assert env.get_attr("step_reward")[1:] == (0.5, -1)
    fixed = make("battle", 1, map_size=12, extra_features=True)
    with pytest.raises(ValueError, match="do not fit the observation"):
        fixed.set_next(0, step_reward=1)
    fixed.set_next(0, step_reward=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"map_size": 11}, ValueError, "map_size must be at least 12"),
        ({"map_size": 100}, ValueError, "map_size must be at most 99"),
        ({"layout": "battlefield", "map_size": 45}, ValueError, "map_size must be at least 46"),
        ({"layout": "gather"}, ValueError, "layout must be"),
        ({"minimap_mode": 1}, TypeError, "minimap_mode"),
        ({"compact": True, "extra_features": True}, ValueError, "compact observations have no minimap"),
        ({"dead_penalty": float("nan")}, ValueError, "dead_penalty"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        make("battle", 1, **arguments)
