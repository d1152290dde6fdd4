"""Boids keeps its rules: a slow twin in double precision beside it, and flocks made for single rules."""

import math

import numpy as np
import pytest
from helpers import make, play_at_random

from puffer.ocean.boids import boids

PARAMETERS = [
    {},
    {"continuous_actions": False, "n_agents": 17, "max_steps": 40},
    {"n_agents": 1, "max_steps": 7},
    {"n_agents": 2, "vision": 0.5, "separation": 0.5, "max_speed": 0.25, "max_acceleration": 0.5, "max_steps": 30},
    {
        "n_agents": 100,
        "vision": 0.1,
        "separation": 0.02,
        "cohesion_weight": 0.3,
        "alignment_weight": -2,
        "max_steps": 50,
    },
    {"n_agents": 33, "vision": 0.3, "separation": 0.3, "separation_weight": 0.1, "max_speed": 0.05, "max_steps": 50},
]
WAYS = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
# Float32 here, double there. A flock forgets small errors, but they add up until the next comparison of states.
TOLERANCE = 2e-4
# Boids this near to the edge of what others see, or of what they think too close, may count here and not there.
DOUBT = 2e-6


class Twin:
    """One flock. `doubtful` tells of each boid whether rounding may decide whom it sees."""

    def __init__(self, state, *, vision=0.2, separation=0.05, max_speed=0.02, max_acceleration=0.004, cohesion_weight=3,
                 alignment_weight=1, separation_weight=0.5, **_):  # fmt: skip
        self.vision, self.separation = vision, separation
        self.max_speed, self.max_acceleration = max_speed, max_acceleration
        self.weights = cohesion_weight, alignment_weight, -separation_weight
        self.places, self.velocities = state["places"].astype(float), state["velocities"].astype(float)

    def step(self, actions):
        for i, action in enumerate(actions):
            push = np.clip(action, -1, 1) if np.ndim(action) else np.array(WAYS[action])
            velocity = self.velocities[i] + self.max_acceleration * push
            self.velocities[i] = velocity * min(1, self.max_speed / max(math.hypot(*velocity), 1e-30))
        self.places = (self.places + self.velocities) % 1

    def look(self):
        """The observations, and the terms of the rewards."""
        seen = [self.look_from(i) for i in range(len(self.places))]
        observations, terms, self.doubtful = (np.array(part) for part in zip(*seen, strict=True))
        return observations, terms

    def look_from(self, i):
        ways, turns, away, cohesion, crowding, doubtful = [], [], np.zeros(2), 0, 0, False
        for j in range(len(self.places)):
            if j == i:
                continue
            way = (self.places[j] - self.places[i] + 0.5) % 1 - 0.5
            distance = math.hypot(*way)
            doubtful |= abs(distance - self.vision) < DOUBT
            if distance < self.vision:
                ways.append(way)
                turns.append(self.velocities[j] - self.velocities[i])
                cohesion += (1 - (distance / self.vision) ** 2) / (len(self.places) - 1)
            if distance < self.separation:
                closeness = 1 - (distance / self.separation) ** 2
                crowding += closeness
                away -= closeness * way / self.separation
        way, turn, alignment = np.zeros(2), np.zeros(2), 0
        if ways:
            way = np.mean(ways, axis=0) / self.vision
            turn = np.mean(turns, axis=0) / (2 * self.max_speed)
            alignment = 1 - math.hypot(*turn)
        share = len(ways) / max(1, len(self.places) - 1)
        velocity = self.velocities[i] / self.max_speed
        return [*velocity, *way, *turn, *np.clip(away, -1, 1), share], [cohesion, alignment, crowding], doubtful


def draw_actions(env, rng, observations):
    """Random ones, some outside the bounds; half of the boids follow the three rules instead."""
    steer = observations[:, 2:4] + observations[:, 4:6] + 2 * observations[:, 6:8]
    following = rng.random(len(steer)) < 0.5
    if env.single_action_space.shape:
        actions = rng.uniform(-1.5, 1.5, steer.shape).astype(np.float32)
        actions[following] = 3 * steer[following]
        return actions
    actions = rng.integers(0, 9, len(steer), dtype=np.int32)
    actions[following] = np.clip(np.rint(3 * steer[following]), -1, 1).astype(np.int32) @ [1, 3] + 4
    return actions


@pytest.fixture
def pair():
    """Makes an environment of flocks at rest with the given places (and velocities), and returns its backend."""

    def place(places, velocities=None, **parameters):
        places = np.array(places, float)
        env = make("ocean-boids", 1, n_agents=len(places), **parameters)
        env.reset(seed=0)
        still = np.zeros_like(places) if velocities is None else velocities
        env.unwrapped.native_env.set_places(0, places=places, velocities=still)
        return env

    return place


# ---- Against the twin ----


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_flocks_do_as_the_twin(parameters):
    env = make("ocean-boids", 2, autoreset_mode="NextStep", **parameters)
    game, agents, rng, doubts, seen = env.unwrapped.native_env, env.agents_per_env, np.random.default_rng(1), 0, 0
    observations, _ = env.reset(seed=3)
    running = True
    for _ in range(60 if agents < 64 else 25):
        twins = [Twin(game.state(copy), **parameters) for copy in range(2)]
        actions = draw_actions(env, rng, observations)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        for copy, twin in enumerate(twins):
            rows = slice(copy * agents, (copy + 1) * agents)
            state = game.state(copy)
            if running:
                twin.step(actions[rows])
                assert np.abs((twin.places - state["places"] + 0.5) % 1 - 0.5).max() < 1e-7
                assert np.allclose(twin.velocities, state["velocities"], rtol=1e-5, atol=1e-8)
            # What is seen from exactly these places.
            twin.places, twin.velocities = state["places"], state["velocities"].astype(float)
            expected, terms = twin.look()
            clear = ~twin.doubtful
            doubts += twin.doubtful.sum()
            seen += (expected[:, 8] > 0).sum()
            assert np.allclose(observations[rows][clear], expected[clear], rtol=0, atol=TOLERANCE)
            if running:
                assert np.allclose(rewards[rows][clear], (terms @ twin.weights)[clear], rtol=1e-5, atol=TOLERANCE)
        assert not terminations.any()
        # The step after the last one of an episode is its reset.
        running = not truncations.any()
        assert running or truncations.all()
    assert doubts < 20
    assert seen > 100 or agents <= 2


def test_flocks_go_their_way_for_many_steps():
    parameters = {"n_agents": 24, "max_steps": 100}
    env = make("ocean-boids", 1, **parameters)
    observations, _ = env.reset(seed=1)
    game, rng = env.unwrapped.native_env, np.random.default_rng(2)
    twin = Twin(game.state(0), **parameters)
    for _ in range(99):
        actions = draw_actions(env, rng, observations)
        observations, *_ = env.step(actions)
        twin.step(actions)
        assert np.abs((twin.places - game.state(0)["places"] + 0.5) % 1 - 0.5).max() < 1e-5


def test_statistics_are_the_sums_of_the_terms():
    env = make("ocean-boids", 3, n_agents=20, max_steps=15, autoreset_mode="Disabled")
    observations, _ = env.reset(seed=1)
    game, rng, totals = env.unwrapped.native_env, np.random.default_rng(2), np.zeros(3)
    for _ in range(15):
        observations, *_ = env.step(draw_actions(env, rng, observations))
        for copy in range(3):
            totals += Twin(game.state(copy)).look()[1].sum(axis=0)
    stats = game.stats()
    assert stats["episodes"] == 60
    means = [stats["cohesion"], stats["alignment"], stats["crowding"]]
    assert means == pytest.approx(totals / 60, rel=1e-3)
    assert stats["episode_return"] == pytest.approx(3 * means[0] + means[1] - means[2] / 2, rel=1e-5)


# ---- Single rules ----


def test_neighbours_are_seen_across_the_seam(pair):
    env = pair([[0.99, 0.5], [0.02, 0.98], [0.02, 0.5]])
    observations, rewards, *_ = env.step(np.zeros((3, 2), np.float32))
    assert observations[0] == pytest.approx([0, 0, 0.15, 0, 0, 0, -0.384, 0, 0.5], abs=1e-5)
    assert observations[2] == pytest.approx([0, 0, -0.15, 0, 0, 0, 0.384, 0, 0.5], abs=1e-5)
    assert observations[1] == pytest.approx([0] * 9)
    near = 3 * (1 - 0.15**2) / 2 + 1 - 0.64 / 2
    assert rewards == pytest.approx([near, 0, near], abs=1e-5)


def test_vision_ends_where_it_should(pair):
    env = pair([[0.25, 0.5], [0.375, 0.5], [0.5, 0.5]], vision=0.125)
    observations, rewards, *_ = env.step(np.zeros((3, 2), np.float32))
    assert not observations.any()
    assert not rewards.any()
    env = pair([[0.25, 0.5], [0.375, 0.5], [0.5, 0.5]], vision=0.12501)
    assert env.step(np.zeros((3, 2), np.float32))[0][:, 8].tolist() == [0.5, 1, 0.5]


def test_alignment_compares_velocities(pair):
    env = pair([[0.5, 0.5], [0.6, 0.5]], [[0, 0.02], [0, -0.02]], separation=0.01)
    observations, rewards, *_ = env.step(np.zeros((2, 2), np.float32))
    assert observations[:, :2] == pytest.approx(np.array([[0, 1], [0, -1]]))
    assert observations[:, 4:6] == pytest.approx(np.array([[0, -1], [0, 1]]))
    assert rewards == pytest.approx([3 * (1 - (0.01 + 0.0016) / 0.04)] * 2, abs=1e-5)


def test_speed_is_limited_and_actions_are_clipped(pair):
    env = pair([[0.5, 0.5], [0.1, 0.1]], max_acceleration=0.015)
    game = env.unwrapped.native_env
    env.step(np.array([[9, -9], [0.5, 0]], np.float32))
    assert game.state(0)["velocities"] == pytest.approx(np.array([[0.02, -0.02] / np.sqrt(2), [0.0075, 0]]))
    assert game.state(0)["places"] == pytest.approx(np.array([[0.5, 0.5] + [0.02, -0.02] / np.sqrt(2), [0.1075, 0.1]]))


@pytest.mark.parametrize(("action", "way"), list(enumerate(WAYS)))
def test_discrete_actions_push_in_eight_directions(pair, action, way):
    env = pair([[0.5, 0.5]], continuous_actions=False)
    env.step(np.array([action], np.int32))
    assert env.unwrapped.native_env.state(0)["velocities"] == pytest.approx(np.array([way]) * 0.004)


def test_boids_in_one_place_are_crowded_without_direction(pair):
    env = pair([[0.3, 0.7]] * 4)
    observations, rewards, *_ = env.step(np.zeros((4, 2), np.float32))
    assert observations == pytest.approx(np.array([[0] * 8 + [1]] * 4))
    assert rewards == pytest.approx([3 + 1 - 3 / 2] * 4)


def test_crowds_are_clipped(pair):
    env = pair([[0.3, 0.7]] + [[0.32, 0.7]] * 20)
    observations, rewards, *_ = env.step(np.zeros((21, 2), np.float32))
    assert observations[0, 6] == -1
    assert rewards[0] == pytest.approx(3 * 0.99 + 1 - 20 * 0.84 / 2, abs=1e-4)


def test_flocking_pays():
    """The three rules of Reynolds together are worth more than random play, than two of them, and than one."""
    rng, returns = np.random.default_rng(1), []
    for weights in [(0.5, 1.5, 2), (0, 2, 2), None, (1, 0, 0)]:
        env = make("ocean-boids", 4, max_steps=300)
        observations, _ = env.reset(seed=0)
        for _ in range(300):
            ways = observations[:, 2:8].reshape(-1, 3, 2)
            actions = (
                rng.uniform(-1, 1, (env.num_envs, 2)) if weights is None else 3 * np.einsum("ijk,j", ways, weights)
            )
            observations, *_ = env.step(actions.astype(np.float32))
        returns.append(env.unwrapped.stats()["episode_return"])
    assert returns == sorted(returns, reverse=True)
    assert returns[0] > 1.2 * returns[1] > 1.5 * returns[2]


# ---- Starts, actions, parameters, pictures ----


def test_starts_are_uniform():
    game = make("ocean-boids", 100).unwrapped.native_env
    game.reset(seed=1)
    states = [game.state(copy) for copy in range(100)]
    places = np.concatenate([state["places"] for state in states])
    velocities = np.concatenate([state["velocities"] for state in states]) * np.sqrt(2) / 0.02
    assert np.abs(places.mean(axis=0) - 0.5).max() < 0.02
    assert np.abs(places.var(axis=0) - 1 / 12).max() < 0.005
    assert np.abs(velocities).max() < 1.000001
    assert np.abs(velocities.mean(axis=0)).max() < 0.04
    assert np.abs(velocities.var(axis=0) - 1 / 3).max() < 0.02
    assert np.abs(np.corrcoef(np.hstack([places, velocities]).T) - np.eye(4)).max() < 0.06


@pytest.mark.parametrize("action", [9, -1, 2**31 - 1, -(2**31)])
def test_unchecked_actions_that_are_none_do_nothing(action):
    env, other = (make("ocean-boids", 2, continuous_actions=False, check_actions=check) for check in (False, True))
    env.reset(seed=0)
    other.reset(seed=0)
    observations = env.step(np.full(128, action, np.int32))[0]
    assert np.array_equal(observations, other.step(np.full(128, 4, np.int32))[0])


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_observations_lie_in_their_space(parameters):
    env = make("ocean-boids", 4, check_actions=False, **parameters)
    space = env.single_observation_space
    for observations, *rest in play_at_random(env, 60):
        assert np.all((observations >= space.low) & (observations <= space.high))
        assert not rest[:-1] or np.isfinite(rest[0]).all()
    if env.single_action_space.shape:
        for bad in (np.nan, np.inf, -np.inf):
            observations, *_ = env.step(np.full((env.num_envs, 2), bad, np.float32))
            assert np.all((observations >= space.low) & (observations <= space.high))


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"n_agents": 0}, ValueError, "n_agents must be at least 1, got 0"),
        ({"n_agents": 1025}, ValueError, "n_agents must be at most 1024, got 1025"),
        ({"vision": 0.6}, ValueError, "vision must be from 0.001 to 0.5, got 0.6"),
        ({"separation": 0.3}, ValueError, "separation must be from 0.001 to 0.2, got 0.3"),
        ({"max_speed": 0}, ValueError, "max_speed must be from 0.0001 to 0.25, got 0"),
        ({"max_acceleration": -1}, ValueError, "max_acceleration must be from 0 to 0.5, got -1"),
        ({"cohesion_weight": "1"}, TypeError, "cohesion_weight must be a number, got '1' of type str"),
        ({"alignment_weight": float("nan")}, ValueError, "alignment_weight must be from -1000 to 1000, got nan"),
        ({"separation_weight": 1001}, ValueError, "separation_weight must be from -1000 to 1000, got 1001"),
        ({"continuous_actions": None}, TypeError, "continuous_actions must be a bool, got None"),
    ],
)
def test_bad_parameters_are_refused(parameters, kind, message):
    with pytest.raises(kind, match=message):
        make("ocean-boids", 1, **parameters)


def test_bad_places_are_refused(pair):
    env = pair([[0.5, 0.5], [0.1, 0.1]])
    game, zero = env.unwrapped.native_env, np.zeros((2, 2))
    for places, velocities, message in [
        (zero[:1], zero, r"places must be finite numbers of shape \(2, 2\)"),
        (zero + np.nan, zero, "places must be finite"),
        (zero, zero + 1j, "velocities must be finite"),
        (zero, zero + 0.015, "velocities must be no faster than max_speed"),
    ]:
        with pytest.raises(ValueError, match=message):
            game.set_places(0, places=places, velocities=velocities)
    assert game.state(0)["places"] == pytest.approx(np.array([[0.5, 0.5], [0.1, 0.1]]))


def test_pictures_show_the_boids(pair):
    game = pair([[0.25, 0.75], [0.5, 0.25]], [[0.01, 0], [0, 0]]).unwrapped.native_env
    picture = game.render_copy(0)
    assert picture.shape == (480, 480, 3)
    assert picture[120, 120].tolist() == [0x3D, 0x40, 0x5B]
    assert picture[20, 20].tolist() == [0xF4, 0xF1, 0xEA]
    assert issubclass(boids.Boids, type(game))
