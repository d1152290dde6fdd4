"""The Ray backend, on a real Ray of this machine: equal to the serial one, and what happens when actors fail."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from faulty import Faulty, numbered
from gymnasium import error, spaces
from helpers import run_script
from interpreter_envs import Asked
from worker_play import (
    assert_follows_levels_and_filters,
    assert_parts_equal_the_whole,
    assert_plays_as_serial,
    assert_tells_exceptions_in_step,
    assert_the_next_episode_is_the_one_that_was_set,
    is_running,
    wait_until,
)

import puffer

REASON = 'Ray is missing: pip install "puffer-envs[ray]"'
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason=REASON)


@pytest.fixture(scope="module")
def ray():
    """Ray, started by the first batch, and stopped after the last test."""
    ray = pytest.importorskip("ray", reason=REASON)
    yield ray
    ray.shutdown()


@pytest.fixture
def make(ray):
    """Makes batches of Faulty in actors, and closes them: within seconds, and twice, with no actor left."""
    made = {}

    def make(num_envs=2, num_workers=2, creator=Faulty, **options):
        env = puffer.emulate(creator, num_envs, backend="ray", num_workers=num_workers, **options)
        made[env] = pids_of(env)
        return env

    yield make
    for env, pids in made.items():
        started = time.monotonic()
        env.close()
        env.close()
        assert time.monotonic() - started < 10
        assert wait_until(lambda pids=pids: not any(is_running(pid) for pid in pids))
        assert ray.is_initialized()
        with pytest.raises(error.ClosedEnvironmentError):
            env.reset()


def pids_of(env):
    """The processes of the copies."""
    return [env.render_copy(copy) for copy in range(env.num_copies)]


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_equal_to_serial_for_any_split(make, mode):
    assert_plays_as_serial(make(3, autoreset_mode=mode), autoreset_mode=mode)


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_next_episode_is_the_one_that_was_set(ray, mode):
    env = puffer.emulate(Asked, 2, backend="ray", num_workers=2, autoreset_mode=mode)
    assert_the_next_episode_is_the_one_that_was_set(env)
    env.close()


def test_log_records_and_warnings_reach_the_program(ray, caplog):
    assert_follows_levels_and_filters("ray", caplog)


class _Told(gymnasium.Env):
    """Copy 1 leaves its space, or its rewards, in the second step of its first episodes."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, copy=0):
        self.wrong = [(np.nan, 0.0), (1.5, 0.0), (0.0, np.nan)] if copy == 1 else []
        self.episode = -1

    def reset(self, *, seed=None, options=None):
        self.t = 0
        self.episode += 1
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        is_wrong = self.t == 2 and self.episode < len(self.wrong)
        observation, reward = self.wrong[self.episode] if is_wrong else (0.5, 1.0)
        return np.full(2, observation, np.float32), reward, False, False, {}


def test_values_are_checked_as_everywhere(ray):
    with closing(puffer.emulate(_Told, 2, backend="ray", num_workers=1, check_values=True)) as env:
        for message in (r"observation\[0\] is nan", r"observation\[0\] is 1.5.*-1.0 to 1.0", "the reward is nan"):
            env.reset(seed=0)
            env.step([0, 0])
            with pytest.raises(ValueError, match=f"copy 1 .*{message}"):
                env.step([0, 0])
        env.reset()
        assert [env.step([0, 0])[1].tolist() for _ in range(3)] == [[1.0, 1.0]] * 3


@pytest.mark.parametrize("ordered", [False, True])
def test_parts_equal_the_whole(make, ordered):
    assert_parts_equal_the_whole(make(6, 3, batch_size=2, ordered=ordered), ordered)


def test_the_batch_may_live_in_arrays_of_the_caller(make):
    observations = np.zeros((2, 3), np.float32)
    env = make(buf={"observations": observations})
    assert env.reset(seed=1)[0] is observations
    assert observations.all()


def test_a_batch_larger_than_what_ray_sends_inline(make):
    class Large(Faulty):
        observation_space = spaces.Box(0, 255, (400, 400), np.uint8)

        def reset(self, **options):
            super().reset(**options)
            return np.zeros((400, 400), np.uint8), {}

        def step(self, action):
            self.t += 1
            return np.full((400, 400), 10 * action + self.t, np.uint8), 0, False, False, {}

    env = make(4, creator=Large)
    env.reset(seed=1)
    for t in (1, 2):
        observations = env.step([0, 1, 2, 3])[0]
        assert (observations == 10 * np.arange(4).reshape(4, 1, 1) + t).all()


def test_an_exception_in_step_and_in_close(make):
    env = make(4, creator=lambda: Faulty(in_close=1))
    assert_tells_exceptions_in_step(env)
    with pytest.raises(puffer.WorkerError, match="worker 0 raised ZeroDivisionError"):
        env.close()


def test_an_exception_in_the_constructor(make):
    with pytest.raises(puffer.WorkerError, match="unexpected keyword") as caught:
        make(creator=numbered(0, wrong=1))
    assert caught.value.copy == 0
    assert "Traceback" in caught.value.remote_traceback


@pytest.mark.parametrize("fault", [3, 5])
def test_an_actor_that_dies(make, fault):
    env = make()
    env.reset()
    with pytest.raises(puffer.WorkerDied, match="worker 1 .* is gone") as caught:
        env.step([0, fault])
    assert caught.value.copies == range(1, 2)
    for call in (env.reset, lambda: env.step([0] * 2)):
        with pytest.raises(puffer.WorkerError, match="close"):
            call()


def test_an_actor_that_dies_between_calls(make):
    env = make()
    env.reset()
    os.kill(pids_of(env)[0], signal.SIGKILL)
    with pytest.raises(puffer.WorkerDied, match="worker 0"):
        env.step([0, 0])


@pytest.mark.parametrize("fault", [7, 8])
def test_an_actor_that_hangs(make, fault):
    env = make(timeout=1)
    env.reset()
    started = time.monotonic()
    with pytest.raises(puffer.WorkerTimeout, match="worker 1"):
        env.step([0, fault])
    assert 0.9 < time.monotonic() - started < 10


def test_close_while_an_actor_is_stuck(make):
    env = make()
    env.reset()
    env.send([7, 0])


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_restarted_actors(make, mode):
    env = make(4, creator=lambda: Faulty(chance=0), restart_workers=True, autoreset_mode=mode)
    env.reset(seed=1)
    _, rewards, terminations, truncations, info = env.step([0, 0, 3, 0])
    assert truncations.tolist() == [False, False, True, True]
    assert rewards.tolist() == [1, 1, 0, 0]
    assert not terminations.any()
    if mode == "SameStep":
        assert info["_final_obs"].tolist() == [False, False, True, True]
    else:
        env.reset(options={"reset_mask": truncations.copy()})
    _, rewards, _, truncations, _ = env.step([0, 0, 0, 0])
    assert rewards.tolist() == [2, 2, 1, 1]
    assert not truncations.any()
    assert env.stats()["worker_restarts"] == 1


SCRIPT = """
import os, sys, time
os.chdir("/")
sys.path.insert(0, {folder!r})
import gymnasium, numpy as np, puffer
from gymnasium import spaces

class Env(gymnasium.Env):
    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {{}}
    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {{}}

env = puffer.emulate(Env, 2, backend="ray", num_workers=1, timeout=5)
env.reset()
env.step([0, 1])
env.send([0, 1])
"""


@needs_ray
def test_ray_is_quiet_and_actors_find_a_source_checkout():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(folder=str(Path(puffer.__file__).parent.parent))],
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_without_ray_the_line_that_installs_it_is_told():
    script = """
    import sys
    sys.modules["ray"] = None
    import puffer
    try:
        puffer.make("gym-CartPole-v1", backend="ray")
    except ImportError as error:
        print(error)
    """
    assert 'pip install "puffer-envs[ray]"' in run_script(textwrap.dedent(script))


def test_ray_that_is_shut_down_under_a_batch(ray):
    env = puffer.emulate(Faulty, 2, backend="ray", num_workers=1)
    env.reset()
    ray.shutdown()
    with pytest.raises(puffer.WorkerDied, match="shut down"):
        env.step([0, 0])
    env.close()
    assert not ray.is_initialized()
