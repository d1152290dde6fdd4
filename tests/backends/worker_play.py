"""What the tests of backends with workers do with them."""

import time
from pathlib import Path

import numpy as np
import pytest
from faulty import Faulty
from gymnasium import error
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
