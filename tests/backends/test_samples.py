"""What a space samples goes through a batch unchanged: actions to the environment, observations from it."""

from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from space_cases import ANY_SPACE, ARRAYS, LONGEST, VARYING, WIDE_TREES, built, same

import puffer
from puffer.layout.walk import along, build
from puffer.spaces import ActionLayout, Layout, LayoutError

# Of numbers without dimensions, which Gymnasium also gives to the copies of a batch.
pytestmark = pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")

COPIES = 2
SIMPLE = spaces.Discrete(2)
# Dtypes that hold every number of a dtype of the spaces, by its kind.
WIDER = {"b": np.uint8, "i": np.int64, "u": np.uint64, "f": np.float64}


def as_it_is(space, value):
    return value


class Mirror(gymnasium.Env):
    """Keeps the actions that it is given, and returns samples of its observation space in another form."""

    def __init__(self, observation_space=SIMPLE, action_space=SIMPLE, form=as_it_is, seed=0):
        self.observation_space, self.action_space = observation_space, action_space
        self.form, self.layout = form, Layout(observation_space, LONGEST)
        observation_space.seed(seed)
        self.returned, self.seen = [], []

    def observe(self):
        samples = (self.observation_space.sample() for _ in range(100))
        self.returned.append(next(filter(self.fits, samples)))
        return self.form(self.observation_space, self.returned[-1])

    def fits(self, value):
        """Whether no Sequence or Graph in a sample is too long."""
        try:
            self.layout.flatten(value, bytearray(self.layout.row_size))
        except LayoutError as error:
            if f"expected at most {LONGEST} items" not in str(error):
                raise
            return False
        return True

    def reset(self, *, seed=None, options=None):
        return self.observe(), {}

    def step(self, action):
        self.seen.append(action)
        return self.observe(), 0.0, False, False, {}


def arrays_in(space, value):
    """The arrays of a value, in the order of the space."""
    return [array for _, _, array in along(space, value)]


def each_leaf(change):
    """The form of values whose arrays are changed."""

    def form(space, value):
        arrays = iter(arrays_in(space, value))
        return build(space, lambda path, leaf: change(np.asarray(next(arrays))))

    return form


ARRAY_FORMS = [
    as_it_is,
    # A list does not tell the shape of no elements.
    each_leaf(lambda array: array.tolist() if array.size else array),
    each_leaf(lambda array: array.astype(WIDER[array.dtype.kind])),
    each_leaf(lambda array: array.astype(np.longdouble)),
    each_leaf(lambda array: array.astype(array.dtype.newbyteorder())),
    each_leaf(lambda array: np.array(array, order="F")),
]


def for_samples(strategy, examples):
    """Run a test for spaces and seeds, the same ones in every run."""

    def decorate(test):
        test = given(strategy, st.integers(0, 2**31 - 1))(test)
        for space in examples:
            test = example(space, 7)(test)
        checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
        return settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=checks)(test)

    return decorate


def batch(make, **options):
    return closing(puffer.emulate(make, COPIES, backend="serial", check_values=True, **options))


def sampled(env, seed):
    """A sample of the actions of a batch, which is one of them."""
    env.reset(seed=0)
    env.action_space.seed(seed)
    sample = env.action_space.sample()
    assert env.action_space.contains(sample)
    return sample


def parts_of(layout, row):
    """The arrays of an action, cut out of a row."""
    flat = row.reshape(-1)
    starts = [leaf.offset // row.itemsize for leaf in layout.leaves]
    pieces = zip(layout.leaves, np.split(flat, starts[1:]), strict=True)
    # A narrow float in a row of wider ones is rounded.
    return [piece.astype(leaf.dtype).reshape(leaf.shape) for leaf, piece in pieces]


def assert_arrays_equal(arrays, others):
    for array, other in zip(map(np.asarray, arrays), map(np.asarray, others), strict=True):
        assert array.dtype == other.dtype
        assert np.array_equal(array, other)


@for_samples(WIDE_TREES, ARRAYS)
def test_environments_see_the_actions_that_the_batch_samples(space, seed):
    layout = built(ActionLayout, space)
    with batch(lambda: Mirror(action_space=space)) as env:
        rows = sampled(env, seed)
        for given_rows in (
            rows,
            rows.tolist(),
            rows.astype(WIDER[rows.dtype.kind]),
            rows.astype(rows.dtype.newbyteorder()),
        ):
            env.step(given_rows)
        for copy, row in zip(env.envs, rows, strict=True):
            assert len(copy.seen) == 4
            for action in copy.seen:
                assert space.contains(action)
                assert_arrays_equal(arrays_in(space, action), parts_of(layout, row))


@for_samples(WIDE_TREES, ARRAYS)
def test_environments_see_the_nested_actions_that_the_batch_samples(space, seed):
    built(ActionLayout, space)
    with batch(lambda: Mirror(action_space=space), flat=False) as env:
        actions = sampled(env, seed)
        env.step(actions)
        for row, copy in enumerate(env.envs):
            (seen,) = copy.seen
            assert space.contains(seen)
            assert_arrays_equal(arrays_in(space, seen), [array[row] for array in arrays_in(space, actions)])


@for_samples(
    st.tuples(WIDE_TREES, st.sampled_from(ARRAY_FORMS)), [(space, form) for space in ARRAYS for form in ARRAY_FORMS]
)
def test_the_view_of_a_batch_has_the_arrays_that_environments_return_in_any_form(case, seed):
    space, form = case
    built(Layout, space)
    with batch(lambda copy: Mirror(space, form=form, seed=seed + copy)) as env:
        results = [env.reset()[0].copy(), env.step([0, 1])[0].copy()]
        for time, observations in enumerate(results):
            views = arrays_in(space, env.layout.view(observations))
            for row, copy in enumerate(env.envs):
                assert_arrays_equal([view[row] for view in views], arrays_in(space, copy.returned[time]))


@for_samples(ANY_SPACE, [*ARRAYS, *VARYING])
def test_a_row_is_the_value_that_the_environment_returned(space, seed):
    built(Layout, space, max_length=LONGEST)
    with batch(lambda copy: Mirror(space, seed=seed + copy), max_length=LONGEST) as env:
        for observations in (env.reset()[0].copy(), env.step([0, 1])[0].copy()):
            for row, copy in zip(observations, env.envs, strict=True):
                assert same(env.layout.value(row), copy.returned.pop(0))


class Agents:
    """Two agents that act at once, each with an action space of its own."""

    metadata = {}

    def __init__(self, action_spaces):
        self.action_spaces, self.possible_agents = action_spaces, list(action_spaces)
        self.seen = []

    def observation_space(self, agent):
        return SIMPLE

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        self.agents = list(self.possible_agents)
        return dict.fromkeys(self.agents, 0), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.seen.append(actions)
        ended = dict.fromkeys(self.agents, False)
        return dict.fromkeys(self.agents, 0), dict.fromkeys(self.agents, 0.0), ended, ended, {}


def box(high, *shape, dtype=np.float32):
    return spaces.Box(0, high, shape, dtype)


PAIRS = [
    (spaces.Discrete(2, start=3), spaces.Discrete(5)),
    (spaces.MultiDiscrete([2, 2]), spaces.MultiDiscrete([5, 5, 5])),
    (box(1, 2), box(5, 1)),
    (box(1, 2, dtype=np.int8), box(9, 2, dtype=np.int8)),
    (spaces.Tuple([spaces.Discrete(2), spaces.Discrete(4)]), spaces.Tuple([spaces.Discrete(4), spaces.Discrete(2)])),
    (
        spaces.Dict(go=spaces.Discrete(2, start=1), push=box(1, 1), bits=spaces.MultiBinary(3)),
        spaces.Dict(go=spaces.Discrete(9), push=box(4, 3), bits=spaces.MultiBinary(2)),
    ),
]


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_agents_with_spaces_of_their_own_see_what_the_batch_samples(pair, flat):
    action_spaces = dict(zip("ab", pair, strict=True))
    with batch(lambda: Agents(action_spaces), flat=flat) as env:
        env.reset()
        env.action_space.seed(5)
        for _ in range(20):
            sample = env.action_space.sample()
            assert env.action_space.contains(sample)
            env.step(sample)
        for copy in env.envs:
            assert all(
                space.contains(actions[agent]) for actions in copy.seen for agent, space in action_spaces.items()
            )


@pytest.mark.parametrize("flat", [True, False])
def test_an_integer_of_another_agent_is_refused_before_anything_is_stepped(flat):
    action_spaces = dict(zip("ab", PAIRS[-1], strict=True))
    with batch(lambda: Agents(action_spaces), flat=flat) as env:
        env.reset()
        actions = env.action_space.sample()
        (actions["go"] if not flat else actions[:, 0])[2] = 8
        with pytest.raises(ValueError, match=r"actions\[2, 0\] is 8.*: row 2 takes an integer from 1 to 2 there"):
            env.step(actions)
        assert not any(copy.seen for copy in env.envs)
