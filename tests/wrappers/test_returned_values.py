"""Values that environments return: they arrive as they are, or are refused with the reason, in every style."""

from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer
from puffer.layout.padding import PaddedAction
from puffer.spaces import ActionLayout, LayoutError

LARGE = 2**53 + 1


class Gym(gymnasium.Env):
    """Returns an observation and a reward of one agent."""

    action_space = spaces.Discrete(2)

    def __init__(self, space, observation, reward=0.0):
        self.observation_space = space
        self.returned = observation, reward

    def reset(self, *, seed=None, options=None):
        return self.zero(), {}

    def zero(self):
        return np.zeros(self.observation_space.shape, self.observation_space.dtype)

    def step(self, action):
        return *self.returned, False, False, {}


class Returning(puffer.PufferEnv):
    """The same, as a PufferEnv."""

    single_action_space = spaces.Discrete(2)
    zero = Gym.zero

    def __init__(self, space, observation, reward=0.0):
        super().__init__()
        self.single_observation_space = space
        self.returned = observation, reward

    def reset(self):
        return self.zero()

    def step(self, action):
        return *self.returned, False, False, {}


class ByAgent(Returning):
    """The same, by agent id."""

    def reset(self):
        return {"a": self.zero()}

    def step(self, action):
        observation, reward = self.returned
        return {"a": observation}, {"a": reward}, {}, {}, {}


class InPlace(Returning):
    """The same, in rows of its own that have other dtypes than those of the batch."""

    def reset(self):
        return self.observations

    def step(self, actions):
        observation, reward = self.returned
        return np.asarray([observation]), np.asarray([reward]), None, None, {}


STYLES = [Gym, Returning, ByAgent, InPlace]
every_style = pytest.mark.parametrize("style", STYLES)


def stepped(style, space, observation, reward=0.0):
    """The observation and the reward that a step gives."""
    with closing(puffer.emulate(lambda: style(space, observation, reward), 1, backend="serial")) as env:
        env.reset()
        observations, rewards, *_ = env.step([0])
        return observations[0].copy(), rewards[0]


# ---- Rewards ----


@every_style
@pytest.mark.parametrize(
    "reward", [2, 2.0, True, np.int8(2), np.float16(2), np.float64(2), np.uint64(2), np.array(2.0)]
)
def test_a_reward_is_any_number(style, reward):
    assert stepped(style, spaces.Box(0, 1, (1,)), np.zeros(1), reward)[1] == reward


@every_style
@pytest.mark.parametrize("reward", [np.nan, np.inf, -np.inf])
def test_rewards_that_are_no_finite_numbers_arrive_as_they_are(style, reward):
    assert np.array_equal(stepped(style, spaces.Box(0, 1, (1,)), np.zeros(1), reward)[1], reward, equal_nan=True)


@every_style
@pytest.mark.parametrize("reward", [1e300, -1e300, np.longdouble("1e4000"), np.float64(3.5e38)])
def test_a_reward_beyond_float32_is_refused(style, reward):
    with pytest.raises(ValueError, match="too large: rewards are float32|rewards: expected float32 numbers up to"):
        stepped(style, spaces.Box(0, 1, (1,)), np.zeros(1), reward)


def test_an_int_beyond_every_float_is_refused():
    with pytest.raises(ValueError, match="a reward of 1000.* is too large"):
        stepped(Gym, spaces.Box(0, 1, (1,)), np.zeros(1), 10**400)


@every_style
@pytest.mark.parametrize("reward", [None, "1", 1j, {}, np.ones(2)])
def test_a_reward_that_is_not_one_number_is_refused(style, reward):
    with pytest.raises((TypeError, ValueError), match="reward"):
        stepped(style, spaces.Box(0, 1, (1,)), np.zeros(1), reward)


@pytest.mark.parametrize("style", [Gym, ByAgent])
def test_a_reward_in_an_array_of_one_is_refused_with_the_remedy(style):
    with pytest.raises(TypeError, match=r"shape \(1,\); return float"):
        stepped(style, spaces.Box(0, 1, (1,)), np.zeros(1), np.ones(1))


@pytest.mark.parametrize("style", [Gym, Returning, ByAgent])
@pytest.mark.parametrize("reward", [[1.0], (1.0,)])
def test_a_reward_in_a_list_of_one_is_refused_with_the_remedy(style, reward):
    with pytest.raises(TypeError, match=r"one number, got .*; return float\(reward\[0\]\)"):
        stepped(style, spaces.Box(0, 1, (1,)), np.zeros(1), reward)


def test_the_row_of_the_only_agent_is_a_reward():
    assert stepped(Returning, spaces.Box(0, 1, (1,)), np.zeros(1), np.ones(1))[1] == 1


# ---- Observations ----

INTEGERS = [np.int8, np.uint8, np.int32, np.int64, np.uint64]


@every_style
@pytest.mark.parametrize("dtype", [*INTEGERS, np.bool_, np.float16, np.float32, np.float64])
def test_integers_of_other_dtypes_arrive_where_they_fit(style, dtype):
    for given in (*INTEGERS, np.bool_):
        observation, _ = stepped(style, spaces.Box(0, 1, (2,), dtype), np.array([1, 0], given))
        assert observation.dtype == dtype
        assert observation.tolist() == [1, 0]


@pytest.mark.parametrize("style", STYLES[:3])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_whole_floats_arrive_where_they_fit(style, dtype):
    for given in (np.float16, np.float64, np.longdouble):
        assert stepped(style, spaces.Box(0, 9, (2,), dtype), np.array([7, 0], given))[0].tolist() == [7, 0]
    for value in (0.5, np.nan, np.inf, 1e300, np.longdouble("0.5"), np.longdouble("1e4000")):
        with pytest.raises(LayoutError, match=r"expected \w+ integers from .* at \(1,\)"):
            stepped(style, spaces.Box(0, 9, (2,), dtype), np.array([0, value]))


@every_style
@pytest.mark.parametrize(
    ("dtype", "value"),
    [(np.int8, 200), (np.uint8, -1), (np.uint8, 256), (np.int32, 2**40), (np.int64, 2**63), (np.uint64, -1)],
)
def test_integers_that_wrap_around_are_refused(style, dtype, value):
    with pytest.raises(LayoutError, match=rf"expected {np.dtype(dtype)} integers from .* at \((0, )?1,?\)"):
        stepped(style, spaces.Box(0, 1, (2,), dtype), np.array([0, value], np.int64 if value < 2**63 else np.uint64))


@every_style
@pytest.mark.parametrize(("dtype", "value"), [(np.float16, 1e5), (np.float32, 1e300), (np.float64, "1e4000")])
def test_floats_that_become_infinite_are_refused(style, dtype, value):
    with pytest.raises(LayoutError, match=rf"expected {np.dtype(dtype)} numbers up to"):
        stepped(style, spaces.Box(0, 1, (2,), dtype), np.array([0, np.longdouble(value)]))
    assert np.isinf(stepped(style, spaces.Box(0, 1, (2,), dtype), np.array([0, np.inf]))[0][1])


@pytest.mark.parametrize("style", STYLES[:3])
def test_lists_keep_integers_that_numpy_would_round(style):
    box = spaces.Box(0, 2**64 - 1, (2,), np.uint64)
    assert stepped(style, box, [2**63 + 1, 0])[0].tolist() == [2**63 + 1, 0]
    assert stepped(style, box, (LARGE, 1.0))[0].tolist() == [LARGE, 1]
    assert stepped(style, spaces.Box(0, LARGE, (2,), np.int64), [LARGE, np.float32(1)])[0].tolist() == [LARGE, 1]
    with pytest.raises(LayoutError, match=r"got .*0\.5.* at \(1,\)"):
        stepped(style, box, [LARGE, 0.5])


@every_style
@pytest.mark.parametrize(
    "observation", [["1", "0"], [None, 1], np.array([1, 0], object), [1j, 0], np.array(["2020", "2021"], "M8[Y]")]
)
def test_what_is_not_a_number_is_refused(style, observation):
    with pytest.raises((LayoutError, TypeError), match=r"expected float32 numbers|must have dtype float32"):
        stepped(style, spaces.Box(0, 1, (2,)), observation)


# ---- Actions of mixed spaces ----


@pytest.mark.parametrize("value", [2**24 + 1, 2.9999999999, -1e-12, np.uint64(2**60), np.longdouble("0.99999999999")])
def test_entries_of_mixed_actions_are_judged_before_a_row_rounds_them(value):
    class Moving(Gym):
        action_space = spaces.Dict(go=spaces.Discrete(2**24 + 1), push=spaces.Box(-1, 1, (1,)))

        def step(self, action):
            return np.float32([action["go"]]), 0.0, False, False, {}

    env = puffer.emulate(lambda: Moving(spaces.Box(0, 2**25, (1,)), None), 2, backend="serial")
    env.reset()
    assert env.single_action_space.dtype == np.float32
    actions = np.array([[1, 0], [value, 0]])
    with pytest.raises(ValueError, match=r"actions\[1, 0\] is .*: row 1 takes an integer from 0 to 16777216"):
        env.step(actions)
    actions[1, 0] = 2**24
    assert env.step(actions)[0].tolist() == [[1], [2**24]]


def test_an_agent_of_its_own_range_judges_entries_of_a_wider_row():
    own = spaces.Dict(go=spaces.Discrete(2**24 + 1), push=spaces.Box(-1, 1, (1,)))
    wide = ActionLayout(spaces.Dict(go=spaces.Discrete(2**25), push=spaces.Box(-1, 1, (1,))))
    padded = PaddedAction(own, wide)
    assert padded.value(np.array([2**24, 0.5]))["go"] == 2**24
    for value in (2**24 + 1, 2.9999999999):
        with pytest.raises(LayoutError, match="go: expected an integer from 0 to 16777216"):
            padded.value(np.array([value, 0.5]))
