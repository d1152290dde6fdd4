"""Spread against simple_spread_v3 of the `mpe2` package, over whole episodes from the same starts."""

import numpy as np
import pytest
from helpers import make, play_at_random
from mpe2 import simple_spread_v3

from puffer.ocean.spread import spread

PARAMETERS = [
    {},
    {"continuous_actions": True},
    {"n_agents": 1, "local_ratio": 0.0},
    {"n_agents": 2, "local_ratio": 1.0, "continuous_actions": True},
    {"n_agents": 6, "local_ratio": 0.3},
    {"n_agents": 5, "continuous_actions": True, "max_steps": 60},
]
# Float32 here, double there. In a single step an error grows at most tenfold; over an episode with some contacts it may
# grow a thousandfold; in a crowd, without bound: there every step begins in the same state again.
STEP_TOLERANCE, EPISODE_TOLERANCE = 2e-5, 2e-4
# Agents that are so near to just touching may collide here and not there.
DOUBT = 1e-4


def make_reference(*, n_agents=3, local_ratio=0.5, continuous_actions=False, max_steps=25):
    return simple_spread_v3.parallel_env(
        N=n_agents, local_ratio=local_ratio, continuous_actions=continuous_actions, max_cycles=max_steps
    )


def put(reference, state, elapsed=0):
    """Set the package to a state of ours."""
    reference.reset(seed=0)
    reference.aec_env.unwrapped.steps = elapsed
    world = reference.unwrapped.world
    for agent, place, velocity in zip(world.agents, state["places"], state["velocities"], strict=True):
        agent.state.p_pos, agent.state.p_vel = place.astype(np.float64), velocity.astype(np.float64)
    for landmark, place in zip(world.landmarks, state["landmarks"], strict=True):
        landmark.state.p_pos = place.astype(np.float64)
    raw = reference.aec_env.unwrapped
    return np.stack([raw.observe(name) for name in raw.possible_agents])


def step(reference, actions):
    """The observations, rewards and ends of all agents, as arrays."""
    names = reference.possible_agents
    observations, rewards, terminations, truncations, _ = reference.step(dict(zip(names, actions, strict=True)))
    assert not any(terminations.values())
    return np.stack([observations[name] for name in names]), [rewards[name] for name in names], truncations[names[0]]


def distances(places):
    """Between each two of the agents."""
    pairs = np.triu_indices(len(places), 1)
    return np.linalg.norm(places[pairs[0]].astype(np.float64) - places[pairs[1]], axis=1)


def draw_actions(env, rng, places=None):
    """Random ones, of which those of Box lie partly outside; or, given places, all towards the middle of them."""
    if env.single_action_space.shape:
        actions = rng.uniform(-0.3, 1.3, (env.num_envs, 5)).astype(np.float32)
    else:
        actions = rng.integers(0, 5, env.num_envs, dtype=np.int32)
    if places is not None:
        way = places.mean(axis=0) - places
        axis = np.abs(way).argmax(axis=1)
        towards = 1 + 2 * axis + (way[np.arange(len(way)), axis] > 0)
        actions[:] = np.eye(5)[towards] if env.single_action_space.shape else towards
    return actions


# ---- Against the package ----


@pytest.mark.parametrize("crowd", [False, True], ids=["random", "crowd"])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_episodes_are_as_in_the_package(parameters, crowd):
    env, reference = make("ocean-spread", 1, **parameters), make_reference(**parameters)
    game, rng, doubts, collisions = env.unwrapped.native_env, np.random.default_rng(1), 0, 0
    tolerance = STEP_TOLERANCE if crowd else EPISODE_TOLERANCE
    assert game.single_observation_space.shape == reference.observation_space("agent_0").shape
    observations, _ = env.reset(seed=4)
    for _ in range(12):
        expected = put(reference, game.state(0))
        assert np.allclose(observations, expected, rtol=0, atol=1e-6)
        truncated, elapsed = False, 0
        while not truncated:
            if crowd:
                put(reference, game.state(0), elapsed)
            elapsed += 1
            actions = draw_actions(env, rng, game.state(0)["places"] if crowd else None)
            observations, rewards, terminations, truncations, info = env.step(actions)
            expected, expected_rewards, truncated = step(reference, actions)
            shown = np.stack(info["final_obs"]) if truncated else observations
            assert np.allclose(shown, expected, rtol=0, atol=tolerance)
            near = np.abs(distances(shown[:, 2:4]) - 0.3)
            doubts += (near < DOUBT).any()
            collisions += (distances(shown[:, 2:4]) < 0.3).sum()
            if not (near < DOUBT).any():
                assert np.allclose(rewards, expected_rewards, rtol=1e-5, atol=5 * tolerance)
            assert not terminations.any()
            assert np.array_equal(truncations, [truncated] * env.num_envs)
    assert doubts <= 3
    assert collisions > 30 or not crowd or parameters.get("n_agents") == 1


@pytest.mark.parametrize("n_agents", [2, 3, 64])
def test_single_steps_are_as_in_the_package(n_agents):
    """From states of any depth of contact."""
    copies = 2 if n_agents == 64 else 300
    env, reference = make("ocean-spread", copies, n_agents=n_agents), make_reference(n_agents=n_agents)
    game, rng = env.unwrapped.native_env, np.random.default_rng(2)
    env.reset(seed=0)
    states = []
    for copy in range(copies):
        width = rng.choice([0.03, 0.1, 0.25, 1]) * np.sqrt(n_agents)
        states.append({
            "places": rng.uniform(-width, width, (n_agents, 2)).astype(np.float32),
            "velocities": rng.normal(size=(n_agents, 2)).astype(np.float32),
            "landmarks": rng.uniform(-1, 1, (n_agents, 2)).astype(np.float32),
        })  # fmt: skip
        game.set_places(copy, **states[-1])
    actions = draw_actions(env, rng)
    observations, rewards, *_ = env.step(actions)
    for copy, state in enumerate(states):
        rows = slice(copy * n_agents, (copy + 1) * n_agents)
        put(reference, state)
        expected, expected_rewards, _ = step(reference, actions[rows])
        assert np.allclose(observations[rows], expected, rtol=1e-5, atol=STEP_TOLERANCE)
        if np.abs(distances(observations[rows, 2:4]) - 0.3).min() > 1e-5:
            assert np.allclose(rewards[rows], expected_rewards, rtol=1e-5, atol=1e-4)


def test_contacts_are_as_soft_as_in_the_package():
    """Two agents at every distance around touching."""
    gaps = np.concatenate([np.linspace(0.26, 0.325, 400), [1e-6, 0.01, 0.1, 0.31999, 0.32001]])
    env, reference = make("ocean-spread", len(gaps), n_agents=2), make_reference(n_agents=2)
    game, turn = env.unwrapped.native_env, np.array([0.6, 0.8])
    env.reset(seed=0)
    still, landmarks = np.zeros((2, 2)), np.ones((2, 2))
    for copy, gap in enumerate(gaps):
        game.set_places(copy, places=[[0, 0], turn * gap], velocities=still, landmarks=landmarks)
    states = [game.state(copy) for copy in range(len(gaps))]
    observations, *_ = env.step(np.zeros(env.num_envs, np.int32))
    for copy, state in enumerate(states):
        put(reference, state)
        expected, _, _ = step(reference, [0, 0])
        # Of the distance, rounding moves a unit in the last place, 3e-8: of the velocity ten times as much.
        assert np.allclose(observations[2 * copy : 2 * copy + 2], expected, rtol=1e-5, atol=1e-6)


# ---- What the package leaves open ----


def test_agents_in_the_same_place_do_not_push():
    env = make("ocean-spread", 1, n_agents=2)
    env.reset(seed=0)
    game, zero = env.unwrapped.native_env, np.zeros((2, 2))
    game.set_places(0, places=zero + 0.5, velocities=zero, landmarks=zero)
    observations, rewards, *_ = env.step(np.zeros(2, np.int32))
    assert np.array_equal(observations[:, :4], [[0, 0, 0.5, 0.5]] * 2)
    assert rewards == pytest.approx([-0.5 - np.sqrt(0.5)] * 2)


@pytest.mark.parametrize("action", [5, -1, 2**31 - 1, -(2**31)])
def test_unchecked_actions_that_are_none_do_nothing(action):
    env, other = make("ocean-spread", 8, check_actions=False), make("ocean-spread", 8)
    env.reset(seed=0)
    other.reset(seed=0)
    observations = env.step(np.full(24, action, np.int32))[0]
    assert np.array_equal(observations, other.step(np.zeros(24, np.int32))[0])


def test_unchecked_numbers_are_clipped():
    env = make("ocean-spread", 2, continuous_actions=True, check_actions=False)
    env.reset(seed=0)
    actions = np.array([[np.nan] * 5, [np.inf] * 5, [-np.inf] * 5] * 2, np.float32)
    observations, rewards, *_ = env.step(actions)
    assert np.isfinite(observations).all()
    assert np.isfinite(rewards).all()


# ---- Starts, statistics, parameters, pictures ----


def test_starts_are_uniform():
    game = make("ocean-spread", 3000).unwrapped.native_env
    game.reset(seed=1)
    states = [game.state(copy) for copy in range(3000)]
    assert not any(state["velocities"].any() for state in states)
    places = np.stack([np.stack([state["places"], state["landmarks"]]) for state in states])
    assert places.min() >= -1
    assert places.max() <= 1
    assert np.abs(places.mean(axis=0)).max() < 0.05
    assert np.abs(places.var(axis=0) - 1 / 3).max() < 0.03
    assert np.abs(np.corrcoef(places.reshape(3000, 12).T) - np.eye(12)).max() < 0.09


def test_statistics_count_collisions_and_covered_landmarks():
    env = make("ocean-spread", 1, n_agents=3, max_steps=4)
    env.reset(seed=0)
    game, zero = env.unwrapped.native_env, np.zeros((3, 2))
    places = np.array([[0, 0], [0.299, 0], [5, 5]])
    game.set_places(0, places=places, velocities=zero, landmarks=[[0, 0.05], [0.05, 0], [5, 5.2]])
    collisions = []
    for _ in range(4):
        observations, *_, info = env.step(np.zeros(3, np.int32))
        last = np.stack(info["final_obs"]) if info else observations
        collisions.append((distances(last[:, 2:4]) < 0.3).sum())
    stats = game.stats()
    assert stats["episodes"] == 3
    assert stats["collisions"] == pytest.approx(2 * sum(collisions) / 3)
    assert stats["covered"] == 2


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_observations_and_rewards_are_finite(parameters):
    for observations, *rest in play_at_random(make("ocean-spread", 16, **parameters), 100):
        assert np.isfinite(observations).all()
        assert not rest[:-1] or np.isfinite(rest[0]).all()


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"n_agents": 0}, ValueError, "n_agents must be at least 1, got 0"),
        ({"n_agents": 65}, ValueError, "n_agents must be at most 64, got 65"),
        ({"local_ratio": 1.5}, ValueError, "local_ratio must be from 0 to 1, got 1.5"),
        ({"local_ratio": float("nan")}, ValueError, "local_ratio must be from 0 to 1, got nan"),
        ({"continuous_actions": 1}, TypeError, "continuous_actions must be a bool, got 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, kind, message):
    with pytest.raises(kind, match=message):
        make("ocean-spread", 1, **parameters)


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.full((3, 2), np.inf), np.full((3, 2), 1e39), "places"])
def test_bad_places_are_refused(bad):
    env = make("ocean-spread", 1)
    env.reset(seed=0)
    game, zero = env.unwrapped.native_env, np.zeros((3, 2))
    before = game.state(0)
    with pytest.raises(ValueError, match="velocities must be finite numbers of shape"):
        game.set_places(0, places=zero, velocities=bad, landmarks=zero)
    assert np.array_equal(game.state(0)["places"], before["places"])


def test_pictures_show_everything():
    env = make("ocean-spread", 1)
    env.reset(seed=0)
    game = env.unwrapped.native_env
    game.set_places(
        0, places=[[0, 0], [9, 0], [0, -9]], velocities=np.zeros((3, 2)), landmarks=[[0, 0], [1, 1], [2, 2]]
    )
    picture = game.render_copy(0)
    assert picture.shape == (400, 400, 3)
    scale = 200 / 9.2
    for x, y in [(9, 0), (0, -9)]:
        assert picture[int(200 - scale * y), int(200 + scale * x)].tolist() == [0x81, 0xB2, 0x9A]
    assert picture[200, 200].sum() < 0x3D + 0x40 + 0x5B + 40
    assert list(spread.Action) == [0, 1, 2, 3, 4]
