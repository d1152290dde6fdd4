"""Mpe against the scenarios of the package `mpe2`, each step from the same state.

pytest tests/ocean/test_mpe.py --fuzz-steps=300000    # the package makes a twentieth of them in each run
"""

from importlib import import_module

import numpy as np
import pytest
from helpers import make, play_at_random

MODULES = {
    "simple": "simple_v3",
    "simple_adversary": "simple_adversary_v3",
    "simple_crypto": "simple_crypto_v3",
    "simple_push": "simple_push_v3",
    "simple_reference": "simple_reference_v3",
    "simple_speaker_listener": "simple_speaker_listener_v4",
    "simple_spread": "simple_spread_v3",
    "simple_tag": "simple_tag_v3",
    "simple_world_comm": "simple_world_comm_v3",
}
PARAMETERS = [
    *[(scenario, {"continuous_actions": continuous}) for scenario in MODULES for continuous in (False, True)],
    ("simple_adversary", {"N": 4}),
    ("simple_reference", {"local_ratio": 0.2}),
    ("simple_spread", {"N": 5, "local_ratio": 1.0}),
    ("simple_tag", {"num_good": 3, "num_adversaries": 2, "num_obstacles": 0, "max_steps": 60}),
    ("simple_world_comm", {"num_good": 1, "num_adversaries": 2, "num_obstacles": 3, "num_food": 1, "num_forests": 3}),
]
# Float32 here, double there.
TOLERANCE = 2e-5
# Bodies that are so near to just touching may touch here and not there.
DOUBT = 1e-5


def make_reference(scenario, *, max_steps=25, **parameters):
    return import_module(f"mpe2.{MODULES[scenario]}").parallel_env(max_cycles=max_steps, **parameters)


def put(reference, scenario, state, elapsed):
    """Set the package to a state of ours."""
    raw = reference.aec_env.unwrapped
    world, goals = raw.world, state["goals"]
    raw.steps = elapsed
    for agent, place, velocity in zip(world.agents, state["places"], state["velocities"], strict=True):
        agent.state.p_pos, agent.state.p_vel = place.astype(np.float64), velocity.astype(np.float64)
    for agent, words in zip(world.agents, state["words"], strict=True):
        agent.state.c = words.astype(np.float64)
    for landmark, place in zip(world.landmarks, state["landmarks"], strict=True):
        landmark.state.p_pos = place.astype(np.float64)
    if scenario in ("simple_adversary", "simple_push", "simple_crypto"):
        for agent in world.agents:
            agent.goal_a = world.landmarks[goals[0]]
    if scenario == "simple_push":
        world.agents[1].color = np.array([0.25, 0.25 + 0.5 * (goals[0] == 0), 0.25 + 0.5 * (goals[0] == 1)])
    if scenario == "simple_crypto":
        world.agents[2].key = world.landmarks[goals[1]].color
    if scenario in ("simple_reference", "simple_speaker_listener"):
        for agent, goal in list(zip(world.agents, goals, strict=True))[: 2 if scenario == "simple_reference" else 1]:
            agent.goal_b = world.landmarks[goal]
    return [raw.observe(name) for name in raw.possible_agents]


def assert_same_rows(rows, expected, sizes):
    for row, numbers, size in zip(rows, expected, sizes, strict=True):
        assert len(numbers) == size
        assert np.allclose(row[:size], numbers, rtol=1e-5, atol=TOLERANCE)
        assert not row[size:].any()


def draw_actions(env, game, rng, state):
    """Random ones, or moves towards an agent that is near, so that many touch."""
    sizes, agents = game.action_sizes, len(game.action_sizes)
    box = env.single_action_space.shape
    if box:
        actions = rng.uniform(-0.3, 1.3, (agents, *box)).astype(np.float32)
    else:
        actions = np.array([rng.integers(size) for size in sizes], np.int32)
    way = state["places"][rng.integers(agents)] - state["places"]
    axis = np.abs(way).argmax(axis=1)
    moves = 1 + 2 * axis + (way[np.arange(agents), axis] > 0)
    for k in range(agents):
        if rng.random() < 0.6 and sizes[k] >= 5:
            if box:
                actions[k, :5] = np.eye(5)[moves[k]]
            else:
                actions[k] += moves[k] - actions[k] % 5
    return actions


def is_doubtful(reference):
    """Whether any two bodies are so near to just touching, or near the edge of a fine, that rounding decides."""
    world = reference.aec_env.unwrapped.world
    for agent in world.agents:
        for other in world.entities:
            far = np.linalg.norm(agent.state.p_pos - other.state.p_pos)
            if abs(far - agent.size - other.size) < DOUBT:
                return True
    return False


@pytest.mark.parametrize(("scenario", "parameters"), PARAMETERS, ids=str)
def test_every_step_is_as_in_the_package(scenario, parameters, request):
    env, reference = make("ocean-mpe", 1, scenario=scenario, **parameters), make_reference(scenario, **parameters)
    game, rng, doubts, elapsed = env.unwrapped.native_env, np.random.default_rng(1), 0, 0
    reference.reset(seed=0)
    names = reference.possible_agents
    assert game.observation_sizes == tuple(reference.observation_space(name).shape[0] for name in names)
    theirs = [reference.action_space(name) for name in names]
    assert game.action_sizes == tuple(space.shape[0] if space.shape else space.n for space in theirs)
    observations, _ = env.reset(seed=4)
    steps = max(1, request.config.getoption("--fuzz-steps") // 20)
    for _ in range(steps):
        state = game.state(0)
        if elapsed == 0:
            reference.reset()
        assert_same_rows(observations, put(reference, scenario, state, elapsed), game.observation_sizes)
        actions = draw_actions(env, game, rng, state)
        own = [action[:size] if action.shape else int(action) for action, size in zip(actions, game.action_sizes)]  # noqa: B905
        observations, rewards, terminations, truncations, info = env.step(actions)
        expected, expected_rewards, ends, cuts, _ = reference.step(dict(zip(names, own, strict=True)))
        shown = np.stack(info["final_obs"]) if truncations[0] else observations
        if is_doubtful(reference):
            doubts += 1
        else:
            assert_same_rows(shown, [expected[name] for name in names], game.observation_sizes)
            assert np.allclose(rewards, [expected_rewards[name] for name in names], rtol=1e-5, atol=2e-4)
        assert not terminations.any()
        assert not any(ends.values())
        assert np.array_equal(truncations, list(cuts.values()))
        elapsed = 0 if truncations[0] else elapsed + 1
    assert doubts <= 3 + steps // 500


@pytest.mark.parametrize("scenario", MODULES)
def test_starts_are_uniform(scenario):
    copies = 2000
    game = make("ocean-mpe", copies, scenario=scenario).unwrapped.native_env
    game.reset(seed=1)
    states = [game.state(copy) for copy in range(copies)]
    within = 0.9 if scenario in ("simple_tag", "simple_world_comm") else 1
    for name, reach in (("places", 1), ("landmarks", within)):
        places = np.stack([state[name] for state in states])
        assert np.abs(places).max() <= reach
        assert np.abs(places.mean(axis=0)).max() < 0.07
        assert np.abs(places.var(axis=0) - reach**2 / 3).max() < 0.04
    assert not any(state["velocities"].any() or state["words"].any() for state in states)
    goals = np.array([state["goals"] for state in states])
    landmarks = len(states[0]["landmarks"])
    for both in goals.T:
        counts = np.bincount(both, minlength=landmarks)
        assert np.abs(counts - copies / landmarks).max() < 5 * np.sqrt(copies)
    if landmarks > 1:
        assert abs(np.corrcoef(goals.T)[0, 1]) < 0.1


def test_the_scenario_spread_is_the_environment_spread():
    env, other = make("ocean-mpe", 64, scenario="simple_spread"), make("ocean-spread", 64)
    game, spread = env.unwrapped.native_env, other.unwrapped.native_env
    env.reset(seed=0)
    other.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(24):
        for copy in range(64):
            state = game.state(copy)
            spread.set_places(copy, **{name: state[name] for name in ("places", "velocities", "landmarks")})
        actions = rng.integers(0, 5, 192, dtype=np.int32)
        one, two = env.step(actions), other.step(actions)
        assert np.allclose(one[0], two[0], rtol=1e-5, atol=1e-6)
        assert np.mean(np.isclose(one[1], two[1], rtol=1e-5, atol=1e-5)) > 0.99


def test_actions_that_an_agent_does_not_have_are_the_first_one():
    for scenario in ("simple_speaker_listener", "simple_world_comm"):
        env, other = (make("ocean-mpe", 4, scenario=scenario, check_actions=checked) for checked in (True, False))
        sizes = np.tile(env.unwrapped.native_env.action_sizes, 4)
        observations, _ = env.reset(seed=0)
        assert np.array_equal(observations, other.reset(seed=0)[0])
        for action in (3, 4, 19, -1, 2**31 - 1):
            if 0 <= action < env.single_action_space.n:
                one = env.step(np.full(env.num_envs, action, np.int32))[0]
            else:
                one = env.step(np.zeros(env.num_envs, np.int32))[0]
            two = other.step(np.where((action < sizes) & (action >= 0), action, -(2**31) + 7).astype(np.int32))[0]
            assert np.array_equal(one, two)


@pytest.mark.parametrize(("scenario", "parameters"), PARAMETERS, ids=str)
def test_observations_and_rewards_are_finite(scenario, parameters):
    for observations, *rest in play_at_random(make("ocean-mpe", 8, scenario=scenario, **parameters), 60):
        assert np.isfinite(observations).all()
        assert not rest[:-1] or np.isfinite(rest[0]).all()


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"scenario": "chase"}, ValueError, "scenario must be one of 'simple', .* got 'chase'"),
        ({"N": 3}, ValueError, "N is not a parameter of scenario 'simple_tag', which has num_good, .*; got 3"),
        ({"scenario": "simple", "N": 3}, ValueError, "N is not a parameter of scenario 'simple', which has none"),
        ({"num_good": 0}, ValueError, "num_good must be at least 1, got 0"),
        ({"num_adversaries": 16}, ValueError, "num_adversaries must be at most 15, got 16"),
        ({"scenario": "simple_spread", "local_ratio": 2}, ValueError, "local_ratio must be from 0 to 1, got 2"),
        ({"continuous_actions": 1}, TypeError, "continuous_actions must be a bool, got 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, kind, message):
    with pytest.raises(kind, match=message):
        make("ocean-mpe", 1, **parameters)
