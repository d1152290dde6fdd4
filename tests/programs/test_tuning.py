"""`puffer.autotune`: its result runs, given arguments stay as they are, and errors are raised."""

import sys
import time

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import NameNotFound
from helpers import run_script

import puffer


class Sleepy(gymnasium.Env):
    """Waits in every step, like an environment that talks to another program; its actions are partly continuous."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Dict({"move": spaces.Discrete(4), "turn": spaces.Box(-1, 1, (2,))})

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


@pytest.mark.parametrize("name", ["ocean-squared", "ocean-snake"])
def test_the_result_of_a_search_runs_and_is_printed(name, capsys):
    best = puffer.autotune(name, max_envs=32, seconds=0.01)
    assert best["num_envs"] in (16, 32)
    env = puffer.make(name, **best)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()
    out = capsys.readouterr().out
    assert "steps/s" in out
    assert f"puffer.make('{name}', num_envs={best['num_envs']}, num_threads={best['num_threads']})" in out


def test_an_environment_that_waits_gets_processes(sleepy):
    # With the size of a batch given, it is the only other thing to try.
    best = puffer.autotune(sleepy, 2, batch_size=2, seconds=0.01)
    assert best == {"num_envs": 2, "batch_size": 2, "backend": "process", "num_workers": 2}


def test_given_arguments_stay_as_they_are(sleepy):
    given = {"backend": "process", "num_workers": 2, "batch_size": 2, "seed": 3}
    assert puffer.autotune(sleepy, 4, seconds=0.01, **given) == {"num_envs": 4, **given}
    for name, options in (("ocean-squared", {"num_threads": 2, "size": 5}), (sleepy, {"backend": "serial"})):
        assert puffer.autotune(name, 2, seconds=0.01, **options) == {"num_envs": 2, **options}


def test_agents_with_fewer_actions_than_others_get_theirs():
    assert puffer.autotune("pettingzoo-simple-speaker-listener", 2, backend="serial", seconds=0.01)["num_envs"] == 2


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory that processes share")
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


def test_a_limit_of_memory_needs_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(ImportError, match=r'max_memory needs psutil: pip install "puffer-envs\[bench\]"'):
        puffer.autotune("ocean-squared", 1, max_memory=1)
