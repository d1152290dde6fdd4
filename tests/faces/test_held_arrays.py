"""What a call returned is not overwritten while anybody holds it, in every backend and however it is held."""

import copy
import pickle
import tracemalloc

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import NAMES, make, random_actions
from holders import HOLDERS, Hands

import puffer


class Pictures(gymnasium.Env):
    """Episodes of seven steps; draws into one array, and keeps one info."""

    observation_space = spaces.Box(0, 255, (6, 5), np.uint8)
    action_space = spaces.Discrete(3)

    def __init__(self):
        self.picture = np.zeros((6, 5), np.uint8)
        self.info = {"count": np.zeros(2)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.picture[:] = self.np_random.integers(256, size=(6, 5))
        self.info["count"][:] = 0
        return self.picture, self.info

    def step(self, action):
        self.picture += np.uint8(1 + action)
        self.info["count"] += 1
        return self.picture, float(self.picture[0, 0]), bool(self.info["count"][0] == 7), False, self.info


def assert_kept(env, steps=120, seed=0):
    """Play, holding results at random: none changes."""
    hands = Hands(seed)
    rng = np.random.default_rng(seed)
    try:
        hands.take(env.reset(seed=seed), "reset")
        for k, actions in enumerate(random_actions(env, steps)):
            hands.take(env.step(actions), f"step {k}")
            if rng.random() < 0.05:
                mask = np.repeat(rng.random(env.num_copies) < 0.5, env.agents_per_env)
                hands.take(env.reset(options={"reset_mask": mask}), f"reset after step {k}")
            if rng.random() < 0.05:
                hands.take(env.observations, f"observations after step {k}")
            hands.look()
    finally:
        env.close()


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
@pytest.mark.parametrize("name", NAMES)
def test_of_native_environments(name, mode):
    assert_kept(make(name, 5, autoreset_mode=mode, max_steps=20, record_episodes=True))


@pytest.mark.parametrize("name", ["ocean-squared", "ocean-minigrid", "ocean-tetris", "ocean-spread", "ocean-snake"])
def test_of_a_restored_batch(name):
    """Snapshots are restored into arrays that nobody holds, and so are copies of a batch."""
    env, hands = make(name, 4), Hands(most=30)
    env.reset(seed=0)
    state = env.get_state()
    for k, actions in enumerate(random_actions(env, 60)):
        hands.take(env.step(actions), f"step {k}")
        if k % 7 == 0:
            env.set_state(state)
            hands.take(env.observations, f"observations after step {k}")
        if k % 20 == 0:
            env = pickle.loads(pickle.dumps(env)) if k % 40 else copy.deepcopy(env)
        hands.look()


@pytest.mark.parametrize("name", ["ocean-cartpole", "ocean-squared", "ocean-minigrid", "ocean-spread", "ocean-snake"])
def test_what_its_holder_writes_into_a_result_changes_no_other(name):
    env, twin = (make(name, 4, max_steps=20) for _ in range(2))
    result, expected = env.reset(seed=0)[0], twin.reset(seed=0)[0]
    mask = np.repeat([True, False, False, True], env.agents_per_env)
    for k, actions in enumerate(random_actions(env, 40)):
        result[...] = 1
        if k % 5 == 0:
            result, expected = (batch.reset(options={"reset_mask": mask})[0] for batch in (env, twin))
        else:
            result, expected = env.step(actions)[0], twin.step(actions)[0]
        assert np.array_equal(result, expected)


@pytest.mark.parametrize("name", ["ocean-cartpole", "ocean-squared", "ocean-minigrid", "ocean-spread", "ocean-snake"])
def test_what_its_holder_writes_does_not_come_back_where_some_copies_are_restored(name):
    env, other = make(name, 4), make(name, 4)
    actions = np.zeros((env.num_envs, *env.single_action_space.shape), env.single_action_space.dtype)
    for one in (env, other):
        one.reset(seed=0)
        state = one.get_state([1])
        observations, *_ = one.step(actions)
        if one is env:
            observations[...] = 77
        one.set_state(state, [1])
    assert np.array_equal(env.observations, other.observations)
    assert np.array_equal(env.step(actions)[0], other.step(actions)[0])


def test_states_that_are_set_one_by_one_overwrite_nothing_that_is_held():
    env = make("ocean-frozen_lake", 3, autoreset_mode="Disabled")
    first, _ = env.reset(seed=5)
    put = env.native_env.set_cell
    kept, shown = [(first, first.copy())], []
    for cell in (1, 2, 3):
        put(1, cell)
        shown.append(env.observations[:, 0].tolist())
        if cell == 2:
            kept.append((env.observations[1:], env.observations[1:].copy()))
    assert shown == [[0, 1, 0], [0, 2, 0], [0, 3, 0]]
    for held, content in kept:
        assert np.array_equal(held, content)
    # What the holder of a result has written is nobody's observation.
    first[:] = 7
    put(0, 6)
    assert env.observations[:, 0].tolist() == [6, 3, 0]


def test_of_a_method_that_changes_the_state():
    env = make("ocean-tetris", 2)
    observations, _ = env.reset(seed=0)
    before = observations.copy()
    board = np.zeros((20, 10), np.bool_)
    board[-1, :5] = True
    env.native_env.set_board(1, board)
    assert np.array_equal(observations, before)
    assert not np.array_equal(env.observations[1], before[1])
    assert np.array_equal(env.observations[0], before[0])


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}], ids=str)
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_of_environments_in_python(options, mode):
    assert_kept(puffer.emulate(Pictures, 4, autoreset_mode=mode, **options))


@pytest.mark.parametrize(
    "make_env",
    [
        lambda **options: make("ocean-snake", 4, **options),
        lambda **options: puffer.emulate(Pictures, 4, backend="process", **options),
    ],
    ids=["native", "process"],
)
def test_of_parts(make_env):
    env, hands = make_env(batch_size=2), Hands()
    rows = env.batch_size * env.agents_per_env
    env.async_reset(seed=0)
    for k in range(60):
        result = env.recv()
        hands.take(result, f"recv {k}")
        hands.look()
        env.send(np.zeros(rows, np.int64))
    env.close()


@pytest.mark.parametrize("how", HOLDERS)
def test_two_sets_take_turns(how):
    """A caller who keeps nothing gets the same arrays again; one who keeps something, however, does not."""
    env = make("ocean-catch", 4)
    env.reset(seed=0)
    addresses = []
    for _ in range(10):
        observations, *_ = env.step(np.ones(4, np.int64))
        addresses.append(observations.ctypes.data)
    assert len(set(addresses)) == 2
    holder = HOLDERS[how](observations)
    held = observations.ctypes.data
    for _ in range(10):
        observations, *_ = env.step(np.ones(4, np.int64))
        assert observations.ctypes.data != held
    del holder
    later = set()
    for _ in range(10):
        observations, *_ = env.step(np.ones(4, np.int64))
        later.add(observations.ctypes.data)
    assert len(later) == 2


def test_what_a_caller_writes_changes_nothing():
    """Results belong to the caller, who may change them in place."""
    one, other = make("ocean-squared", 3), make("ocean-squared", 3)
    for env in (one, other):
        env.reset(seed=0)
    for actions in random_actions(one, 200):
        kept, changed = one.step(actions), other.step(actions)
        for mine, theirs in zip(kept[:4], changed[:4], strict=True):
            assert np.array_equal(mine, theirs)
            theirs[...] = 1


def test_memory_grows_by_what_is_kept_only():
    env = make("ocean-cartpole", 1024)
    env.reset(seed=0)
    actions = np.zeros(1024, np.int64)
    kept = [env.step(actions)[0] for _ in range(100)]
    assert len({array.ctypes.data for array in kept}) == 100
    assert len({array.ctypes.data for array in kept + [env.step(actions)[0] for _ in range(50)]}) == 150
    del kept
    tracemalloc.start()
    for _ in range(20):
        env.step(actions)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(500):
        env.step(actions)
    assert tracemalloc.get_traced_memory()[0] - before < 4096
    tracemalloc.stop()
    assert len({env.step(actions)[0].ctypes.data for _ in range(50)}) <= 4


def test_a_buf_is_where_results_are_wanted():
    buf = {"observations": np.zeros((4, 10, 5), np.uint8)}
    env = make("ocean-catch", 4, buf=buf)
    assert not env.copy
    observations, _ = env.reset(seed=0)
    assert np.shares_memory(observations, buf["observations"])
    kept = make("ocean-catch", 4, buf=buf, copy=True)
    observations, _ = kept.reset(seed=0)
    assert not np.shares_memory(observations, buf["observations"])


@pytest.mark.parametrize(
    "change",
    [
        lambda array: setattr(array.flags, "writeable", False),
        lambda array: array.__setattr__("shape", (-1,)),
        lambda array: array.__setattr__("dtype", np.int8),
    ],
    ids=["read-only", "shape", "dtype"],
)
@pytest.mark.filterwarnings("ignore:.*has been deprecated:DeprecationWarning")
def test_what_a_caller_makes_of_an_array_does_not_come_back(change):
    """A step returns arrays as the first one did, whatever became of those that it might use again."""
    env = make("ocean-catch", 4)
    first, _ = env.reset(seed=0)
    form = first.shape, first.dtype, first.flags.writeable
    for _ in range(8):
        observations, *_ = env.step(np.ones(4, np.int64))
        assert (observations.shape, observations.dtype, observations.flags.writeable) == form
        change(observations)
