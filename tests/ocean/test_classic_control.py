"""MountainCar, MountainCarContinuous, Acrobot and Pendulum against their plain twins and against Gymnasium's.

The kernels compute in float32, the plain twins and Gymnasium in float64. So each compared step starts all of them from
the float32 state of the kernel, and may differ by the rounding of that one step: the tolerances are a few units in the
last place of the largest numbers involved, and a flag may differ only where the reference lies that close to a
threshold.
"""

import itertools
from typing import NamedTuple

import gymnasium
import numpy as np
import pytest
from helpers import make
from plain_twin import both, play_both

from puffer.registry import find

RANDOM, PUMPED = 256, 256
# Rows of each of the two groups that Gymnasium steps too; it takes up to 100 us for one.
SAMPLE = 4


class Case(NamedTuple):
    name: str
    gymnasium_id: str
    options: dict
    # The column of the observation whose sign a push must have to put energy into the system.
    speed: int
    # Where the options make episodes long.
    steps: int

    def __str__(self):
        return "-".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def make(self, num_envs, **options):
        return make(self.name, num_envs, **self.options, **options)

    def reference(self):
        if "book_or_nips" in self.options:
            env = gymnasium.make(self.gymnasium_id).unwrapped
            env.book_or_nips = self.options["book_or_nips"]
            return env
        return gymnasium.make(self.gymnasium_id, **self.options).unwrapped


CASES = [
    Case("ocean-mountain_car", "MountainCar-v0", {}, 1, 200),
    Case("ocean-mountain_car", "MountainCar-v0", {"goal_velocity": 0.07}, 1, 200),
    Case("ocean-mountain_car_continuous", "MountainCarContinuous-v0", {}, 1, 999),
    Case("ocean-mountain_car_continuous", "MountainCarContinuous-v0", {"goal_velocity": 0.07}, 1, 200),
    Case("ocean-acrobot", "Acrobot-v1", {}, 5, 500),
    Case("ocean-acrobot", "Acrobot-v1", {"book_or_nips": "nips"}, 5, 100),
    Case("ocean-pendulum", "Pendulum-v1", {}, 2, 200),
    Case("ocean-pendulum", "Pendulum-v1", {"g": 9.81}, 2, 200),
]
DEFAULTS = [case for case in CASES if not case.options]


def tolerances(case, before):
    """How far each number of the observations may lie from the reference, given the observations before the step."""
    if "mountain" in case.name:
        # Two units in the last place of a position of 1.2 and of a velocity of 0.07.
        return np.array([2.4e-7, 1.5e-8])
    if "pendulum" in case.name:
        # Half a unit of an angle of 3.5 and the error of sine and cosine; two units of a velocity of 8.
        return np.array([4e-7, 4e-7, 2e-6])
    # The accelerations are sums of terms as large as the squares of the velocities, and change the angles too.
    squares = (before[:, 4:] ** 2).sum(axis=1, keepdims=True)
    return 1e-6 + squares * [1e-8, 1e-8, 1e-8, 1e-8, 1e-7, 1e-7]


def margins(case, observations):
    """How far each of the reference's observations is from where termination begins."""
    goal_velocity = case.options.get("goal_velocity", 0)
    if "mountain" in case.name:
        goal = 0.45 if "continuous" in case.name else 0.5
        return np.abs(observations - [goal, goal_velocity]).min(axis=1)
    cosine1, sine1, cosine2, sine2 = observations[:, :4].T
    return np.abs(-cosine1 - (cosine1 * cosine2 - sine1 * sine2) - 1)


def limits_reached(case, observations):
    """For every limit that the rules put on a number, whether an observation lies at it."""
    if case.options.get("book_or_nips") == "nips":
        # Its equations do not let the speeds grow so far.
        return []
    high = case.reference().observation_space.high
    if "mountain" in case.name:
        position, velocity = observations.T
        wall = (position == np.float32(-1.2)) & (velocity == 0)
        # Faster than 0.07, and beyond 0.6, is only who need not stop at the goal.
        beyond = [np.abs(velocity) == high[1], position == high[0]] if case.options else []
        return [wall.any(), *(one.any() for one in beyond)]
    return [(np.abs(observations[:, k]) == high[k]).any() for k in np.flatnonzero(high > 1)]


def choose_actions(case, env, observations, rng):
    """Random actions for the first rows; for the others mostly a push along the velocity, which reaches the limits."""
    rows = len(observations)
    pumped = (np.arange(rows) >= RANDOM) & (rng.random(rows) < 0.9)
    ahead = observations[:, case.speed] > 0
    if env.single_action_space.shape == ():
        return np.where(pumped, np.where(ahead, 2, 0), rng.integers(0, 3, rows)).astype(np.int32)
    # Beyond the bounds too: the rules clip.
    high = env.single_action_space.high
    actions = np.where(pumped, np.where(ahead, 1, -1), rng.uniform(-1.5, 1.5, rows))
    return (actions[:, None] * high).astype(np.float32)


def choose_rows(env, observations, terminations, rng):
    """Rows to compare: of the random players any, of the others first those that reached a limit or terminated."""
    space = env.single_observation_space
    special = ((observations == space.low) | (observations == space.high)).any(axis=1) | terminations
    order = np.argsort(rng.random(PUMPED) - special[RANDOM:])
    return np.append(rng.choice(RANDOM, SAMPLE, replace=False), RANDOM + order[:SAMPLE])


class Steps(NamedTuple):
    observations: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray

    def at(self, indices):
        return Steps(*(array[indices] for array in self))


class Played:
    """Steps of the kernel, all of which the plain twin takes too, and Gymnasium some, from the same states."""

    def __init__(self, case):
        self.case, self.indices = case, []
        env, twin = both(find(case.name), RANDOM + PUMPED, autoreset_mode="Disabled", **case.options)
        reference, rng, expected, now = case.reference(), np.random.default_rng(3), [], itertools.count()
        reference.reset(seed=0)

        def step_reference(actions, results):
            step = next(now)
            for row in choose_rows(env, results[0], results[2], rng):
                reference.state = np.array(list(twin.state(row).values()))
                # With an action in float32, Gymnasium would compute in float32.
                action = actions[row].astype(np.float64) if actions.ndim > 1 else int(actions[row])
                expected.append(reference.step(action)[:3])
                self.indices.append(step * len(actions) + row)

        self.before, kernel, plain = play_both(
            env, twin, lambda seen: choose_actions(case, env, seen, rng), case.steps, step_reference
        )
        self.kernel, self.plain = Steps(*kernel[:3]), Steps(*plain[:3])
        self.gymnasium = Steps(*map(np.array, zip(*expected, strict=True)))
        self.ended = kernel[2] | kernel[3]


@pytest.fixture(params=CASES, ids=str, scope="module")
def played(request):
    return Played(request.param)


def test_steps_of_the_kernel_are_those_of_the_plain_twin(played):
    assert_same_steps(played.case, played.before, played.kernel, played.plain)
    assert played.ended.sum() >= 500 or played.case.options


def test_steps_of_the_kernel_are_those_of_gymnasium(played):
    indices = played.indices
    assert_same_steps(played.case, played.before[indices], played.kernel.at(indices), played.gymnasium)


def test_steps_of_the_plain_twin_are_those_of_gymnasium(played):
    """Both compute in float64, and show float32: to a unit in the last place."""
    mine, expected = played.plain.at(played.indices), played.gymnasium
    np.testing.assert_allclose(mine.observations, expected.observations, rtol=1.2e-7, atol=1e-9)
    np.testing.assert_allclose(mine.rewards, expected.rewards.astype(float), rtol=1.2e-7, atol=1e-9)
    assert np.array_equal(mine.terminations, expected.terminations)


def assert_same_steps(case, before, mine, expected):
    assert mine.observations.dtype == expected.observations.dtype == np.float32
    error = np.abs(mine.observations - expected.observations.astype(np.float64))
    assert (error <= tolerances(case, before)).all(), error.max(axis=0)
    differ = mine.terminations != expected.terminations
    if "pendulum" in case.name:
        assert not mine.terminations.any()
        # A unit in the last place of pi^2 + 6.4, and twice the error of the square of an angle.
        np.testing.assert_allclose(mine.rewards, expected.rewards, rtol=0, atol=4e-6)
    else:
        assert mine.terminations.any()
        assert (margins(case, expected.observations)[differ] < 2e-6).all()
        assert differ.mean() < 1e-3
        rewards = expected.rewards[~differ].astype(float)
        np.testing.assert_allclose(mine.rewards[~differ], rewards, rtol=1e-6, atol=1e-7)
    assert all(limits_reached(case, mine.observations))


@pytest.mark.parametrize("case", DEFAULTS, ids=str)
def test_spaces_and_time_limit_are_those_of_gymnasium(case):
    env, reference = case.make(2), case.reference()
    assert env.single_observation_space == reference.observation_space
    assert env.single_action_space == reference.action_space
    assert env.unwrapped.max_steps == gymnasium.spec(case.gymnasium_id).max_episode_steps


@pytest.mark.parametrize("case", DEFAULTS, ids=str)
def test_starts_are_distributed_as_those_of_gymnasium(case):
    env, reference = case.make(4096), case.reference()
    env.reset(seed=1)
    mine = np.array([list(env.unwrapped.native_env.state(row).values()) for row in range(4096)])
    theirs = []
    for seed in range(4096):
        reference.np_random = np.random.default_rng(seed)
        reference.reset()
        theirs.append(np.array(reference.state))
    for one, other in zip(mine.T, np.array(theirs, np.float64).T, strict=True):
        span = np.ptp(other)
        assert one.min() >= other.min() - span / 500
        assert one.max() <= other.max() + span / 500
        # Kolmogorov and Smirnov's distance, of which 0.036 would be significant at 1 %.
        places = np.sort(np.concatenate([one, other]))
        ranks = [np.searchsorted(np.sort(sample), places, "right") / 4096 for sample in (one, other)]
        assert np.abs(ranks[0] - ranks[1]).max() < 0.036
    corners = np.corrcoef(mine[:, np.ptp(mine, axis=0) > 0].T)
    assert np.abs(np.atleast_2d(corners) - np.eye(len(np.atleast_2d(corners)))).max() < 0.06


@pytest.mark.parametrize("case", DEFAULTS, ids=str)
def test_whole_runs_stay_close_to_gymnasium(case):
    """Without synchronisation the rounding adds up, faster where the system is chaotic (acrobot, pendulum)."""
    steps, tolerance = (200, 1e-4) if "mountain" in case.name else (40, 1e-3)
    env, rng = case.make(8, max_steps=10_000, autoreset_mode="Disabled"), np.random.default_rng(5)
    observations, _ = env.reset(seed=5)
    references = [case.reference() for _ in range(8)]
    for row, reference in enumerate(references):
        reference.reset(seed=row)
        reference.state = np.array(list(env.unwrapped.native_env.state(row).values()))
    for _ in range(steps):
        actions = choose_actions(case, env, observations, rng)
        observations, _, terminations, _, _ = env.step(actions)
        for row, reference in enumerate(references):
            action = actions[row] if actions.ndim > 1 else int(actions[row])
            expected, _, terminated, _, _ = reference.step(action)
            np.testing.assert_allclose(observations[row], expected, rtol=0, atol=tolerance)
            assert terminations[row] == terminated
        assert not terminations.any(), "the random actions of this seed end no episode"


# ---- Beyond Gymnasium ----


@pytest.mark.parametrize("case", CASES, ids=str)
def test_any_action_leaves_the_state_in_its_bounds(case):
    env = case.make(8, check_actions=False)
    env.reset(seed=0)
    space, rng = env.single_observation_space, np.random.default_rng(0)
    if env.single_action_space.shape == ():
        strange = np.array([-(2**31), 2**31 - 1, -1, 3, 0, 1, 2, 100], np.int32)
    else:
        strange = np.array([[np.nan], [np.inf], [-np.inf], [3e38], [-3e38], [1e-45], [0], [5]], np.float32)
    for _ in range(600):
        observations, *_ = env.step(rng.permutation(strange))
        assert (observations >= space.low).all()
        assert (observations <= space.high).all()


@pytest.mark.parametrize(("name", "other"), [("ocean-mountain_car", 1), ("ocean-acrobot", 1)])
def test_an_unknown_action_that_is_not_checked_does_not_push(name, other):
    env, twin = make(name, 3, check_actions=False), make(name, 3)
    env.reset(seed=0)
    twin.reset(seed=0)
    for _ in range(50):
        mine = env.step(np.array([-1, 3, 2**31 - 1], np.int32))[0]
        assert np.array_equal(mine, twin.step(np.full(3, other, np.int32))[0])


def test_the_cost_of_the_continuous_car_is_that_of_the_action_as_given():
    env = make("ocean-mountain_car_continuous", 4)
    env.reset(seed=0)
    rewards = env.step(np.array([[0.5], [-1], [3], [3e38]], np.float32))[1]
    np.testing.assert_allclose(rewards[:3], [-0.025, -0.1, -0.9], rtol=1e-6)
    assert rewards[3] == np.finfo(np.float32).min


def test_the_angle_of_the_pendulum_stays_wrapped_however_long_it_turns():
    env = make("ocean-pendulum", 8, g=0, max_steps=10**6)
    env.reset(seed=0)
    turns = np.zeros(8)
    angles = np.array([env.unwrapped.native_env.state(row)["theta"] for row in range(8)], np.float64)
    for _ in range(2500):
        observations = env.step(np.full((8, 1), 2, np.float32))[0]
        turns += observations[:, 2] * 0.05
        state = np.array([env.unwrapped.native_env.state(row)["theta"] for row in range(8)], np.float64)
        assert (np.abs(state) < np.pi + 5e-7).all()
        np.testing.assert_allclose(observations[:, 0], np.cos(state), rtol=0, atol=1e-7)
        np.testing.assert_allclose(observations[:, 1], np.sin(state), rtol=0, atol=1e-7)
    assert turns.min() > 900
    # Half a unit in the last place of pi and of 0.4 for every step, if all errors had the same sign.
    np.testing.assert_allclose(np.exp(1j * state), np.exp(1j * (angles + turns)), rtol=0, atol=2500 * 1.5e-7)


@pytest.mark.parametrize(
    ("name", "option", "high"),
    [
        ("ocean-mountain_car", "goal_velocity", 0.07),
        ("ocean-mountain_car_continuous", "goal_velocity", 0.07),
        ("ocean-pendulum", "g", 1000),
    ],
)
def test_numbers_are_refused_by_name_and_value(name, option, high):
    for value in (0, high, np.float64(high / 2), np.int64(0)):
        assert getattr(make(name, 1, **{option: value}).unwrapped.native_env, option) == value
    for value in (-1, high * 1.01, np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=f"{option} must be from 0 to {high}, got {value}"):
            make(name, 1, **{option: value})
    for value, kind in (("0", "str"), (True, "bool"), (None, "NoneType"), ([0], "list"), (np.zeros(1), "ndarray")):
        with pytest.raises(TypeError, match=f"{option} must be a number, got .* of type {kind}"):
            make(name, 1, **{option: value})


@pytest.mark.parametrize("value", ["paper", "", None, 1])
def test_unknown_equations_of_motion_are_refused(value):
    with pytest.raises(ValueError, match=f"book_or_nips must be 'book' or 'nips', got {value!r}"):
        make("ocean-acrobot", 1, book_or_nips=value)


@pytest.mark.parametrize("case", DEFAULTS, ids=str)
def test_state_is_of_a_copy_that_exists(case):
    env = case.make(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="copy must be at most 1, got 2"):
        env.unwrapped.native_env.state(2)
