"""`check_values`: values that no space contains are errors in every backend, and good ones stay as they are."""

import subprocess
import sys
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from faulty import Faulty
from gymnasium import error, spaces
from helpers import KINDS, MODES, assert_same, make, play, play_at_random, play_in_parts, random_actions

import puffer
from puffer.backends.choice import python_batch
from puffer.backends.system import SystemCreator, SystemStepper
from puffer.layout.observation import Layout
from puffer.layout.values import RowValues
from puffer.options import BatchOptions, WorkerOptions
from puffer.spaces import LayoutError
from puffer.vector import VectorEnv

SERIAL, WORKERS = {"backend": "serial"}, {"backend": "process", "num_workers": 2}
SPACE = spaces.Dict(
    camera=spaces.Box(0, 255, (2, 2), np.uint8),
    level=spaces.Discrete(3, start=1),
    speed=spaces.Box(np.float32([-1, -np.inf]), np.float32([1, np.inf])),
)


class Told(gymnasium.Env):
    """Episodes of four steps; copy 2 returns the values that it was told to, from its step `at` on."""

    observation_space = SPACE
    action_space = spaces.Discrete(2)

    def __init__(self, copy=0, at=2, reward=1.0, **changes):
        self.at, self.reward, self.changes = (at, reward, changes) if copy == 2 else (99, 1.0, {})

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.observe(), {}

    def step(self, action):
        self.t += 1
        reward = self.reward if self.t >= self.at else float(self.np_random.random())
        return self.observe(), reward, self.t == 4, False, {"t": self.t}

    def observe(self):
        speed = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        good = {"camera": np.full((2, 2), 255, np.uint8), "level": 3, "speed": speed}
        return {**good, **(self.changes if self.t >= self.at else {})}


def told(options, **arguments):
    return closing(puffer.emulate(lambda copy: Told(copy, **arguments), 4, check_values=True, **options))


def step_until(env, steps):
    env.reset(seed=0)
    for _ in range(steps):
        env.step(np.zeros(env.num_envs, np.int64))


def go_round(env, times):
    for _ in range(times):
        env.recv()
        env.send([0] * env.batch_size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speed": np.array([0, np.nan])}, r"speed\[1\] is nan.*-inf to inf"),
        ({"speed": np.array([np.inf, 0])}, r"speed\[0\] is inf.*-1.0 to 1.0"),
        ({"speed": np.array([-1.5, 0])}, r"speed\[0\] is -1.5.*-1.0 to 1.0"),
        ({"level": 0}, r"level is 0.*1 to 3"),
        ({"level": 4}, r"level is 4.*1 to 3"),
    ],
)
def test_the_copy_the_leaf_the_index_the_value_and_the_bounds_are_named(changes, message):
    with told(SERIAL, **changes) as env:
        step_until(env, 1)
        with pytest.raises(LayoutError, match=rf"^copy 2 \(row 2\): {message}"):
            env.step([0] * 4)
        with pytest.raises(error.ResetNeeded):
            env.step([0] * 4)
        step_until(env, 1)


@pytest.mark.parametrize("reward", [np.nan, np.inf, -np.inf])
def test_rewards_are_finite(reward):
    with told(SERIAL, reward=reward) as env:
        step_until(env, 1)
        with pytest.raises(ValueError, match=rf"^copy 2 \(row 2\): the reward is {reward}"):
            env.step([0] * 4)


def test_resets_and_last_observations_are_checked():
    with told(SERIAL, at=0, level=9) as env, pytest.raises(LayoutError, match=r"copy 2 \(row 2\): level is 9"):
        env.reset()
    with told(SERIAL, at=4, level=9) as env:
        step_until(env, 3)
        with pytest.raises(LayoutError, match=r"copy 2 \(row 2\), last observation of its episode: level is 9"):
            env.step([0] * 4)
    with told({**SERIAL, "autoreset_mode": "NextStep"}, at=4, level=9) as env:
        step_until(env, 3)
        with pytest.raises(LayoutError, match=r"copy 2 \(row 2\): level is 9"):
            env.step([0] * 4)


@pytest.mark.parametrize("batch_size", [4, 2])
def test_workers_name_the_copy_and_go_on_after_a_reset(batch_size):
    with told({**WORKERS, "batch_size": batch_size, "ordered": True}, at=2, reward=np.inf, level=9) as env:
        for _ in range(2):
            env.async_reset(seed=0)
            with pytest.raises(ValueError, match=r"^copy 2 \(row 2\): the reward is inf") as caught:
                go_round(env, 12 // batch_size)
            assert not isinstance(caught.value, puffer.WorkerError)
    with told(WORKERS, at=4, level=9) as env:
        step_until(env, 3)
        with pytest.raises(LayoutError, match=r"copy 2 \(row 2\), last observation of its episode: level is 9"):
            env.step([0] * 4)


def test_parts_name_rows_of_the_whole_batch():
    with told({**SERIAL, "batch_size": 2}, at=1, level=9) as env:
        env.async_reset(seed=0)
        with pytest.raises(LayoutError, match=r"copy 2 \(row 2\): level is 9"):
            go_round(env, 4)
    with told({**SERIAL, "batch_size": 2}, at=0, level=9) as env, pytest.raises(LayoutError, match="copy 2"):
        env.async_reset()


def test_without_it_values_are_as_the_environment_returned_them():
    with closing(puffer.emulate(lambda copy: Told(copy, 1, np.nan, level=9), 4, **SERIAL)) as env:
        env.reset()
        observations, rewards, *_ = env.step([0] * 4)
        assert env.layout.view(observations)["level"].tolist() == [3, 3, 9, 3]
        assert np.isnan(rewards).tolist() == [False, False, True, False]


@pytest.mark.parametrize(("options", "mode"), [*((SERIAL, mode) for mode in MODES), (WORKERS, "SameStep")])
def test_good_values_stay_as_they_are(options, mode):
    batches = [
        puffer.emulate(Told, 4, autoreset_mode=mode, record_episodes=False, check_values=check, **options)
        for check in (True, False)
    ]
    with closing(batches[0]), closing(batches[1]):
        actions = random_actions(batches[0], 15)
        assert_same(*(play(env, actions) for env in batches))
        assert batches[0].stats() == batches[1].stats()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", KINDS)
def test_good_values_of_native_environments_stay_as_they_are(name, mode):
    checked, unchecked = (make(name, 6, autoreset_mode=mode, check_values=check, seed=3) for check in (True, False))
    assert_same(play_at_random(checked, 60), play_at_random(unchecked, 60))
    assert checked.stats() == unchecked.stats()


def test_parts_and_rollouts_of_native_environments_are_checked_too():
    checked, unchecked = (make("catch", 6, batch_size=2, check_values=check) for check in (True, False))
    actions = random_actions(checked, 30)
    assert_same(play_in_parts(checked, actions), play_in_parts(unchecked, actions))
    checked, unchecked = (make("catch", 6, check_values=check) for check in (True, False))
    rollouts = [env.unwrapped.rollout_buffers(8) for env in (checked, unchecked)]
    assert_same(play(checked, actions[:8]), play(unchecked, actions[:8]))
    assert_same(*(rollout.observations for rollout in rollouts))


def test_native_environments_are_checked():
    # Nobody writes its observations, which stay zero.
    env = puffer.Env(3, spaces.Box(1, 2, (2,)), spaces.Discrete(2), num_threads=1, check_values=True)
    with pytest.raises(LayoutError, match=r"^copy 0 \(row 0\): observation\[0\] is 0.0.*1.0 to 2.0"):
        env.reset(seed=0)


class Pair(puffer.PufferEnv):
    """Two agents in place; the second leaves after a step, and its row is zero from then on."""

    num_agents = 2
    single_observation_space = spaces.Box(1, 2, (2,), np.float64)
    single_action_space = spaces.Discrete(3)

    def reset(self, seed=None):
        self.t = 0
        self.observations[:] = 1.5
        return self.observations

    def step(self, actions):
        self.t += 1
        self.masks[1] = self.t == 1
        self.observations[:] = 2
        if actions[0] == 1:
            self.observations[1, 1] = np.inf
        self.rewards[0] = np.inf if actions[0] == 2 else 0
        return self.observations, self.rewards, self.terminations, self.truncations, {}


def test_rows_in_place_of_the_agents_that_take_part_are_checked():
    with closing(puffer.emulate(Pair, 2, check_values=True, **SERIAL)) as env:
        env.reset()
        with pytest.raises(LayoutError, match=r"copy 1, agent 1 \(row 3\): observation\[1\] is inf.*1.0 to 2.0"):
            env.step([0, 0, 1, 0])
        env.reset()
        env.step([0] * 4)
        env.step([0, 0, 1, 0])
        assert not env.observations[3].any()
        with pytest.raises(ValueError, match=r"copy 1, agent 0 \(row 2\): the reward is inf"):
            env.step([0, 0, 2, 0])


class Counting(SystemStepper):
    """Steps its copies together: each observes its last action."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self, copies, num_threads, mode):
        pass

    def reset_copies(self, seeds, copies):
        self.buffers.observations[copies] = 0
        self.buffers.masks[copies] = True
        return {}

    def end_step(self, finals):
        self.buffers.observations[:, 0] = self.buffers.actions
        self.buffers.masks[:] = True
        return {}


def test_systems_are_checked():
    options = BatchOptions(3, check_values=True)
    with closing(VectorEnv(python_batch(SystemCreator(Counting, {}), options, WorkerOptions()))) as env:
        env.reset()
        env.step([0, 1, 1])
        with pytest.raises(LayoutError, match=r"copy 1 \(row 1\): observation\[0\] is 2.0"):
            env.step([0, 2, 1])


def test_unused_parts_of_rows_are_no_values():
    space = spaces.Dict(
        some=spaces.Sequence(spaces.Box(1, 2, (2,))), one=spaces.OneOf([spaces.Discrete(3, start=4), SPACE])
    )
    layout = Layout(space, max_length=4)
    values, rows = RowValues(layout, 1), np.zeros((20, layout.row_size), np.uint8)
    space.seed(0)
    for row in rows:
        layout.flatten(
            {"some": tuple(space["some"].feature_space.sample() for _ in range(3)), "one": space["one"].sample()}, row
        )
    values.check_observations(rows, np.arange(20))
    layout.view(rows)["some"]["items"][7, 2, 1] = np.nan
    with pytest.raises(LayoutError, match=r"copy 7 \(row 7\): some/items\[2, 1\] is nan"):
        values.check_observations(rows, np.arange(20))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.int8, np.uint64, np.bool_])
def test_bounds_of_every_dtype_are_inside(dtype):
    space = spaces.Box(0, 1, (2,), dtype)
    values = RowValues(Layout(space), 1)
    values.check_observations(np.array([space.low, space.high]), np.arange(2))
    if dtype is not np.bool_:
        with pytest.raises(LayoutError, match=r"copy 5 \(row 5\): observation\[1\] is 2"):
            values.check_observations(np.array([[0, 2]], dtype), np.array([5]))


def test_the_default_is_pythons_development_mode():
    assert BatchOptions(1).check_values == sys.flags.dev_mode
    script = "import puffer; print(puffer.make('catch').batch.options.check_values)"
    for flags, expected in (["-X", "dev", "-W", "ignore"], "True"), ([], "False"):
        done = subprocess.run([sys.executable, *flags, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
    with pytest.raises(TypeError, match="check_values must be a bool"):
        puffer.make("catch", check_values="yes")


def test_an_environment_that_raises_tells_its_own_error():
    with closing(puffer.emulate(Faulty, 2, backend="serial", check_values=True)) as env:
        env.reset()
        with pytest.raises(ZeroDivisionError):
            env.step([0, 1])
