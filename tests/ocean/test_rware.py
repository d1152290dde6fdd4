"""Rware against the `rware` package, from the same states, step by step: observations, rewards and ends are equal.

New requests are random. The package is given the ones that were drawn here, by a stand-in for its generator.
"""

from collections import Counter

import gymnasium
import numpy as np
import pytest
from helpers import make, play_at_random
from rware.warehouse import Direction, RewardType, Warehouse

from puffer.ocean.rware import rware

NOTHING, FORWARD, TURN_LEFT, TURN_RIGHT, TOGGLE_LOAD = range(5)
SIZES = {"tiny": (1, 3), "small": (2, 3), "medium": (2, 5), "large": (3, 5)}
BUSY = [0.05, 0.6, 0.1, 0.1, 0.15]
EVEN = [0.2] * 5
# Copies, steps, chances of the actions, and parameters. With blocks one shelf high there are eight shelves at most.
RUNS = [
    (4, 250, EVEN, {}),
    (4, 200, BUSY, {"n_agents": 1, "max_steps": 100, "reward_type": "two_stage"}),
    (4, 250, BUSY, {"n_agents": 2, "max_steps": 60, "reward_type": "two_stage", "request_queue_size": 30}),
    (3, 100, BUSY, {"n_agents": 7, "size": "small", "sensor_range": 2, "request_queue_size": 30}),
    (2, 100, BUSY, {"n_agents": 19, "size": "medium"}),
    (2, 50, BUSY, {"n_agents": 64, "size": "large", "max_steps": 30}),
    (3, 150, BUSY, {"n_agents": 9, "shelf_columns": 1, "shelf_rows": 3, "column_height": 3, "max_steps": 40}),
    *[
        (3, 150, BUSY, {"n_agents": 8, "column_height": 1, "request_queue_size": 3, "reward_type": reward})
        for reward in ("individual", "global", "two_stage")
    ],
    (2, 100, BUSY, {"n_agents": 28, "column_height": 1, "request_queue_size": 1, "sensor_range": 3}),
    (6, 100, BUSY, {"n_agents": 6, "column_height": 1, "request_queue_size": 2, "max_inactivity_steps": 7}),
]


def choose(rng, states, chances):
    """Random actions, but robots often load a requested shelf, and then often go to the goals."""
    robots = np.concatenate([state["robots"] for state in states])
    marks = np.concatenate([state["shelves"][tuple(state["robots"][:, 1::-1].T)] for state in states])
    height, width = states[0]["shelves"].shape
    actions = rng.choice(5, len(robots), p=chances)
    for row, (x, y, direction, loaded, _) in enumerate(robots.tolist()):
        if marks[row] != 2 or rng.random() < 0.3:
            continue
        if not loaded:
            actions[row] = TOGGLE_LOAD
            continue
        aside = np.sign(width // 2 - (x <= width // 2 - 1) - x)
        wanted = 3 if aside > 0 else 2 if aside < 0 else 1
        if y < height - 2 and x % 3 == 0:
            wanted = 1
        actions[row] = FORWARD if direction == wanted else TURN_LEFT
    return actions.astype(np.int32)


class Draws:
    """Stands for the package's generator, and draws the shelves that are requested in a copy of ours."""

    def __init__(self, reference, state):
        self.reference, self.state, self.rewards = reference, state, None

    def choice(self, shelves):
        goal = self.reference.goals[1]
        robot = self.reference.grid[0, goal[1], goal[0]]
        # What is drawn at the first goal can be delivered at the second one in the same step.
        at_goal = [shelf for shelf in shelves if (shelf.x, shelf.y) == goal]
        if at_goal and robot:
            together = self.reference.reward_type == RewardType.GLOBAL
            if self.rewards[0] == 2 if together else self.rewards[robot - 1] > 0:
                return at_goal[0]
        requested = self.state()["shelves"] == 2
        return next(shelf for shelf in shelves if requested[shelf.y, shelf.x])


def make_reference(
    *, size="tiny", shelf_rows=None, shelf_columns=None, column_height=8, n_agents=4, request_queue_size=None,
    reward_type="individual", sensor_range=1, max_inactivity_steps=None, max_steps=500,
):  # fmt: skip
    rows, columns = shelf_rows or SIZES[size][0], shelf_columns or SIZES[size][1]
    reward = RewardType[reward_type.upper()]
    queue = request_queue_size or n_agents
    return Warehouse(
        columns, column_height, rows, n_agents, 0, sensor_range, queue, max_inactivity_steps, max_steps, reward
    )  # fmt: skip


def put(reference, state):
    """Begin an episode of the package in a state of ours."""
    reference.reset(seed=0)
    places = [(int(x), int(y)) for y, x in np.argwhere(state["shelves"])]
    assert len(places) == len(reference.shelfs)
    for shelf, (x, y) in zip(reference.shelfs, places, strict=True):
        shelf.x, shelf.y = x, y
    shelves = dict(zip(places, reference.shelfs, strict=True))
    reference.request_queue = [shelves[int(x), int(y)] for y, x in np.argwhere(state["shelves"] == 2)]
    for robot, (x, y, direction, loaded, delivered) in zip(reference.agents, state["robots"].tolist(), strict=True):
        robot.x, robot.y, robot.dir = x, y, Direction(direction)
        robot.carrying_shelf = shelves[x, y] if loaded else None
        robot.has_delivered = bool(delivered)
    reference._recalc_grid()
    return [reference._make_obs(robot) for robot in reference.agents]


def count_moves(before, after, actions):
    """What the robots did, counted."""
    ahead = before[:, :2] + np.array([(0, -1), (0, 1), (-1, 0), (1, 0)])[before[:, 2]]
    robots = {tuple(cell): robot for robot, cell in enumerate(before[:, :2].tolist())}
    goals = [robots.get(tuple(cell)) for cell in ahead.tolist()]
    goals = [goal if action == FORWARD else None for goal, action in zip(goals, actions, strict=True)]
    moved = (before[:, :2] != after[:, :2]).any(axis=1)
    events = Counter()
    for robot, other in enumerate(goals):
        if other is None:
            continue
        events["followed" if moved[robot] else "waited"] += 1
        events["would change places"] += goals[other] == robot
        circle = [robot]
        while goals[circle[-1]] is not None and len(circle) <= 4:
            circle.append(goals[circle[-1]])
        events["circled"] += len(circle) > 4 and circle[4] == robot and moved[robot]
    events["loaded"] = (after[:, 3] > before[:, 3]).sum()
    events["unloaded"] = (after[:, 3] < before[:, 3]).sum()
    return events


def play_beside_the_package(copies, steps, chances, parameters):
    """Play at random and compare everything; what happened, counted."""
    rng, events = np.random.default_rng(5), Counter()
    env = make("ocean-rware", copies, autoreset_mode="Disabled", **parameters)
    game, agents = env.unwrapped.native_env, env.agents_per_env
    observations, _ = env.reset(seed=5)
    references = [make_reference(**parameters) for _ in range(copies)]
    generator = np.random.default_rng(0)
    starting = np.ones(copies, np.bool_)
    for _ in range(steps):
        for copy in np.flatnonzero(starting):
            references[copy]._np_random = generator
            expected = put(references[copy], game.state(copy))
            assert np.array_equal(observations[copy * agents : (copy + 1) * agents], expected)
            references[copy]._np_random = Draws(references[copy], lambda copy=copy: game.state(copy))
        states = [game.state(copy) for copy in range(copies)]
        actions = choose(rng, states, chances)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        for copy, reference in enumerate(references):
            rows = slice(copy * agents, (copy + 1) * agents)
            reference._np_random.rewards = rewards[rows]
            expected, expected_rewards, ended, _, _ = reference.step(actions[rows])
            assert np.array_equal(observations[rows], expected)
            assert np.array_equal(rewards[rows], expected_rewards)
            assert np.array_equal((terminations | truncations)[rows], [ended] * agents)
            late = reference._cur_steps == parameters.get("max_steps", 500)
            assert np.array_equal(truncations[rows], [late] * agents)
            events += count_moves(states[copy]["robots"], game.state(copy)["robots"], actions[rows])
            events.update(episodes=int(ended), rewards=float(rewards[rows].sum()), halves=int((rewards == 0.5).sum()))
        ended = terminations | truncations
        starting = ended.reshape(copies, agents)[:, 0]
        if ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
    return events


@pytest.fixture(scope="module")
def total():
    """What happened in all runs."""
    return Counter()


# ---- Against the package ----


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_every_step_is_as_in_the_package(run, total):
    total.update(play_beside_the_package(*run))


def test_the_runs_had_everything_in_them(total):
    if total["episodes"] == 0:
        pytest.skip("needs the runs")
    for event, times in {
        "episodes": 90, "rewards": 100, "halves": 40, "followed": 500, "waited": 2000, "would change places": 500,
        "circled": 3, "loaded": 300, "unloaded": 100,
    }.items():  # fmt: skip
        assert total[event] >= times, event


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("difficulty", "requests"), [("-easy", 10), ("", 5), ("-hard", 2)])
def test_the_sizes_are_those_of_the_package(size, difficulty, requests):
    registered = gymnasium.make(f"rware-{size}-5ag{difficulty}-v2", disable_env_checker=True).unwrapped
    game = make("ocean-rware", 1, size=size, n_agents=5, request_queue_size=requests).unwrapped.native_env
    game.reset(seed=0)
    registered.reset(seed=0)
    assert (game.height, game.width) == registered.grid_size
    assert np.array_equal(game.state(0)["highways"], registered.highways)
    assert np.array_equal(game.state(0)["shelves"] > 0, registered.grid[1] > 0)
    assert (game.state(0)["shelves"] == 2).sum() == len(registered.request_queue) == requests
    assert game.single_observation_space.shape == registered.observation_space[0].shape
    assert game.max_steps == registered.max_steps


# ---- Starts, ends, observations ----


def test_starts_are_uniform():
    game = make("ocean-rware", 4000, n_agents=2, request_queue_size=2).unwrapped.native_env
    game.reset(seed=2)
    states = [game.state(copy) for copy in range(4000)]
    robots = np.stack([state["robots"] for state in states])
    assert not robots[..., 3:].any()
    assert np.all((robots[:, 0, :2] != robots[:, 1, :2]).any(axis=1))
    cells = np.bincount(robots[..., 1].ravel() * 10 + robots[..., 0].ravel(), minlength=110)
    requests = sum(state["shelves"] == 2 for state in states)[states[0]["shelves"] > 0]
    directions = np.bincount(robots[..., 2].ravel())
    for counts in (cells, requests, directions):
        mean = counts.mean()
        assert np.abs(counts - mean).max() < 5 * np.sqrt(mean)


def test_a_delivered_shelf_is_replaced_by_any_other_one():
    env = make("ocean-rware", 16, n_agents=8, column_height=1, request_queue_size=1)
    game = env.unwrapped.native_env
    env.reset(seed=1)
    rng, places = np.random.default_rng(1), Counter()
    for _ in range(300):
        _, rewards, *_ = env.step(choose(rng, [game.state(copy) for copy in range(16)], BUSY))
        for copy in np.flatnonzero(rewards.reshape(16, 8).any(axis=1)):
            shelves = game.state(copy)["shelves"]
            assert (shelves == 2).sum() == 1
            # Which one it is, in the order of their places.
            places[int(np.flatnonzero(shelves[shelves > 0] == 2)[0])] += 1
    assert set(places) == {0, 1, 2, 3}


def test_deliveries_are_counted_for_the_robot_that_makes_them():
    env = make("ocean-rware", 16, n_agents=8, column_height=1, request_queue_size=3, max_steps=150)
    game = env.unwrapped.native_env
    env.reset(seed=1)
    rng, rewards = np.random.default_rng(1), 0
    for _ in range(150):
        rewards += env.step(choose(rng, [game.state(copy) for copy in range(16)], BUSY))[1].sum()
    stats = game.stats()
    assert stats["episodes"] == env.num_envs
    assert stats["deliveries"] == stats["episode_return"] == pytest.approx(rewards / env.num_envs)
    assert rewards > 20


@pytest.mark.parametrize("parameters", [run[3] for run in RUNS], ids=str)
def test_observations_lie_in_their_space(parameters):
    env = make("ocean-rware", 4, **parameters)
    space = env.single_observation_space
    for observations, *_ in play_at_random(env, 100):
        assert np.all((observations >= space.low) & (observations <= space.high))
    assert observations.dtype == np.float32


def test_unchecked_actions_that_are_none_do_nothing():
    env = make("ocean-rware", 4, check_actions=False)
    game = env.unwrapped.native_env
    observations, _ = env.reset(seed=0)
    first = observations.copy()
    for action in (5, -1, 2**31 - 1, -(2**31)):
        observations, rewards, *_ = env.step(np.full(env.num_envs, action, np.int32))
        assert np.array_equal(observations, first)
        assert not rewards.any()
    assert game.state(0)["inactive"] == 4


# ---- Parameters and pictures ----


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"size": "huge"}, "size must be one of 'tiny', 'small', 'medium', 'large', got 'huge'"),
        ({"reward_type": 1}, "reward_type must be one of 'individual', 'global', 'two_stage', got 1"),
        ({"shelf_columns": 4}, "shelf_columns must be odd, so that the goals are in the middle, got 4"),
        ({"shelf_rows": 0}, "shelf_rows must be at least 1, got 0"),
        ({"column_height": 41}, "column_height must be at most 40, got 41"),
        ({"n_agents": 65}, "n_agents must be at most 64, got 65"),
        ({"n_agents": 41, "column_height": 1}, "n_agents must be at most 40, got 41"),
        ({"request_queue_size": 0}, "request_queue_size must be at least 1, got 0"),
        ({"request_queue_size": 32}, "request_queue_size must be at most 31, got 32"),
        ({"shelf_columns": 1, "column_height": 1}, "leave room for 0 shelves; there must be 2 at least"),
        ({"sensor_range": 17}, "sensor_range must be at most 16, got 17"),
        ({"max_inactivity_steps": 0}, "max_inactivity_steps must be at least 1, got 0"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make("ocean-rware", 1, **parameters)


def test_pictures_show_the_state():
    env = make("ocean-rware", 1, n_agents=8, render_mode="ansi")
    env.reset(seed=3)
    game = env.unwrapped.native_env
    for _ in range(50):
        env.step(np.random.default_rng(1).choice(5, 8, p=BUSY).astype(np.int32))
        state, text = game.state(0), game.ansi_copy(0)
        lines = [line.ljust(20) for line in text.splitlines()]
        assert len(lines) == game.height
        assert sum(text.upper().count(mark) for mark in "SR") == 32
        for x, y, direction, loaded, _ in state["robots"]:
            assert lines[y][2 * x] == "^v<>"[direction]
            assert lines[y][2 * x + 1].islower() == loaded
    assert game.render_copy(0).shape == (24 * 11, 24 * 10, 3)
    assert list(rware.Direction) == [0, 1, 2, 3]
