"""`puffer.autotune`: what it returns runs, what it is given stays, and what goes wrong is told."""

import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import NameNotFound
from helpers import run_script

import puffer


class Sleepy(gymnasium.Env):
    """Waits in every step, as one does that talks to another program."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, seconds=0.02, fault=False):
        self.seconds = seconds
        self.fault = fault

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        if self.fault:
            raise KeyError("broken")
        time.sleep(self.seconds)
        return np.zeros(1, np.float32), 0.0, False, False, {}


@pytest.fixture
def sleepy():
    """The name of Sleepy, registered by a script and in no module that a worker could import it from."""
    gymnasium.register("Sleepy-v0", entry_point=lambda **options: Sleepy(**options))
    yield "gym-Sleepy-v0"
    del gymnasium.registry["Sleepy-v0"]


def run(name, settings):
    env = puffer.make(name, **settings)
    env.async_reset(seed=0)
    *_, info = env.recv()
    env.send(env.action_space.sample()[: len(info.get("env_id", range(env.num_envs)))])
    env.recv()
    env.close()


@pytest.mark.parametrize("name", ["ocean-squared", "ocean-snake", "gym-CartPole-v1"])
def test_what_it_returns_runs(name, capsys):
    best = puffer.autotune(name, max_envs=32, seconds=0.01)
    assert best["num_envs"] in (16, 32)
    assert ("num_threads" in best) == name.startswith("ocean")
    run(name, best)
    out = capsys.readouterr().out
    assert "steps/s" in out
    assert f"puffer.make('{name}', num_envs={best['num_envs']}" in out


def test_an_environment_that_waits_gets_processes(sleepy):
    best = puffer.autotune(sleepy, 2, seconds=0.1)
    assert (best["backend"], best["num_workers"]) == ("process", 2)
    run(sleepy, best)


def test_what_is_given_stays_as_it_is(sleepy):
    given = {"num_workers": 2, "batch_size": 2, "seconds": 0.002, "seed": 3}
    best = puffer.autotune(sleepy, 4, backend="process", **given)
    del given["seconds"]
    assert best == {"num_envs": 4, "backend": "process", **given}
    assert puffer.autotune("ocean-squared", 8, num_threads=2, size=5, seconds=0.01) == {
        "num_envs": 8,
        "num_threads": 2,
        "size": 5,
    }
    assert puffer.autotune(sleepy, 2, backend="serial", seconds=0.01) == {"num_envs": 2, "backend": "serial"}


def test_unknown_names_and_wrong_arguments():
    with pytest.raises(NameNotFound, match="ocean-squared"):
        puffer.autotune("ocean-squard")
    for wrong in ({"num_envs": 0}, {"max_envs": 0}, {"seconds": 0}, {"max_memory": 0}, {"batch_size": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            puffer.autotune("gym-CartPole-v1", **wrong)
    with pytest.raises(TypeError, match="sise"):
        puffer.autotune("ocean-squared", sise=5)


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_an_environment_that_raises_is_not_passed_over(sleepy, backend):
    expected = KeyError if backend == "serial" else puffer.WorkerError
    with pytest.raises(expected, match="broken"):
        puffer.autotune(sleepy, 2, fault=True, backend=backend, seconds=0.01)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells what processes take")
def test_settings_that_take_too_much_memory_are_passed_over():
    # In a process of its own: what other tests have started ends at any time.
    printed = run_script(
        """
import puffer
try:
    puffer.autotune("ocean-squared", 100_000, max_memory=1, seconds=0.01)
except MemoryError as error:
    print(error)
# A worker process alone takes more.
print(puffer.autotune("gym-CartPole-v1", 4, max_memory=2**22, seconds=0.01))
"""
    )
    assert "max_memory = 0.00 MiB" in printed
    assert "too large" in printed
    assert "{'num_envs': 4, 'backend': 'serial'}" in printed
