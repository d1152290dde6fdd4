"""What the tests of backends with workers do with them."""

import logging
import sys
import time
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from faulty import Faulty
from gymnasium import error, spaces
from gymnasium.vector import AutoresetMode
from helpers import assert_same, snapshot

import puffer


def without_pid(info):
    items = [(key, value) for key, value in info.items() if key not in ("pid", "_pid")]
    return {key: without_pid(value) if isinstance(value, dict) else value for key, value in sorted(items)}


def play(env, steps=25):
    env_results = [snapshot(env.reset(seed=5))]
    actions = np.zeros(env.num_envs, np.int64)
    env_results += [snapshot(env.step(actions)) for _ in range(steps)]
    stats = env.stats()
    return [(*arrays, without_pid(info)) for *arrays, info in env_results], stats


def by_rows(env, steps):
    """The observations of each row over the steps, whatever the order of the parts."""
    env.async_reset(seed=5)
    rows = {row: [] for row in range(env.num_envs)}
    order = []
    for _ in range(steps * env.num_envs // 2):
        observations, *_, info = env.recv()
        order.append(int(info["env_id"][0]))
        for row, observation in zip(info["env_id"], observations, strict=True):
            rows[row].append(observation.tolist())
        env.send(np.zeros(2, np.int64))
    return rows, order


def is_running(pid):
    """Whether there is such a process, and it has not ended already."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def assert_tells_exceptions_in_step(env):
    """Four copies of Faulty in two workers say which copy raised, and play on after a reset."""
    for fault, name in ((1, "ZeroDivisionError"), (2, "UnpicklableError")):
        env.reset()
        with pytest.raises(puffer.WorkerError, match=f"copy 2 .*{name}") as caught:
            env.step([0, 0, fault, 0])
        assert type(caught.value) is puffer.WorkerError
        assert caught.value.copy == 2
        assert caught.value.copies == range(2, 4)
        assert "in step" in caught.value.remote_traceback
        with pytest.raises(error.ResetNeeded):
            env.step([0, 0, 0, 0])
    env.stats()
    assert_plays_as_serial(env)


def assert_plays_as_serial(env, **options):
    """A batch of Faulty plays as one in this process does, with the same statistics."""
    results, stats = play(env)
    expected, expected_stats = play(puffer.emulate(Faulty, env.num_envs, backend="serial", **options))
    for mine, other in zip(results, expected, strict=True):
        assert_same(mine, other)
    assert stats == expected_stats


def assert_parts_equal_the_whole(env, ordered):
    """A batch of six in three parts steps every row as a whole batch does; if ordered, in the order of the sends."""
    whole = play(puffer.emulate(Faulty, 6, backend="serial"))[0]
    expected = np.array([result[0] for result in whole])
    rows, order = by_rows(env, 8)
    for row, observations in rows.items():
        assert observations == expected[: len(observations), row].tolist()
    assert not ordered or order == [0, 2, 4] * 8


def assert_the_next_episode_is_the_one_that_was_set(env):
    """Two copies of Asked take seeds, options, parameters and attributes, each its own, and give theirs."""
    first, _ = env.reset(seed=[3, 4], options=[None, {"goal": 5}])
    assert first.tolist() == [[3, 0, 1], [4, 5, 1]]
    env.set_next(0, seed=[7], options={"goal": 6}, gravity=2.5)
    # What was set before the episode ends does not change the one that goes on.
    assert env.step([0, 0])[0].tolist() == [[-1, 0, 1], [-1, 5, 1]]
    for _ in range(1 if env.autoreset_mode is AutoresetMode.SAME_STEP else 2):
        shown = env.step([0, 0])[0]
    assert shown.tolist() == [[7, 6, 2.5], [-1, 0, 1]]
    assert env.get_attr("gravity") == env.call("gravity") == (2.5, 1)
    assert env.np_random_seed == (7, 4)
    env.set_attr("gravity", [8, 9])
    assert env.get_attr("gravity") == (8, 9)
    assert env.call("weight", 2, times=3) == (48, 54)
    env.set_attr("gravity", 4.0)
    env.set_next(options=[{"goal": 1}, {"goal": 2}])
    assert env.reset(seed=1)[0].tolist() == [[1, 1, 4], [2, 2, 4]]
    for refused in (lambda: env.set_next(mass=3), lambda: env.get_attr("mass")):
        with pytest.raises(AttributeError, match="mass"):
            refused()
    with pytest.raises(ValueError, match="2"):
        env.set_attr("gravity", [1, 2, 3])
    assert env.step([0, 0])[0].tolist() == [[-1, 1, 4], [-1, 2, 4]]


LOGGER = logging.getLogger("puffer_tests.noisy")


class Noisy(gymnasium.Env):
    """Logs and warns in every call."""

    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, copy=0):
        LOGGER.warning("made %s", [copy])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        LOGGER.info("reset", extra={"lock": lambda: None, "seed": seed})
        return np.zeros(1, np.float32), {}

    def step(self, action):
        LOGGER.debug("not for %s", "anybody")
        warnings.warn(f"action {action}", RuntimeWarning, stacklevel=1)
        try:
            int("no number")
        except ValueError:
            LOGGER.exception("step")
        return np.zeros(1, np.float32), 0.0, False, False, {"argv": tuple(sys.argv)}


def assert_follows_levels_and_filters(backend, caplog):
    """Log levels and filters of warnings that the program changes hold in its workers from the next call on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = puffer.emulate(Noisy, 2, backend=backend, num_workers=2)
        env.reset()
        caplog.clear()
        for level, count in ((logging.DEBUG, 4), (logging.ERROR, 2), (logging.DEBUG, 4), (logging.CRITICAL, 0)):
            caplog.set_level(level, LOGGER.name)
            env.step([0, 0])
            assert len(caplog.records) == count, level
            caplog.clear()
        caplog.set_level(logging.DEBUG, LOGGER.name)
        logging.disable(logging.CRITICAL)
        env.step([0, 0])
        logging.disable(logging.NOTSET)
        assert not caplog.records
        # The level of a parent counts as well.
        LOGGER.setLevel(logging.NOTSET)
        caplog.set_level(logging.DEBUG, "puffer_tests")
        env.step([0, 0])
        assert len(caplog.records) == 4
    for _ in range(2):
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            env.step([0, 1])
        assert len(shown) == 2
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("ignore")
            env.step([0, 1])
        assert not shown
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(puffer.WorkerError, match="RuntimeWarning: action 0"):
            env.step([0, 1])
    env.reset()
    env.close()
