"""What an environment finds in a worker process: the program's arguments, modules, flags, log handlers and warnings."""

import logging
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import run_python

import puffer

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


@pytest.fixture
def env(caplog):
    caplog.set_level(logging.INFO, LOGGER.name)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        env = puffer.emulate(Noisy, 2, backend="process", num_workers=2)
    yield env
    env.close()


def test_log_records_reach_the_handlers_of_the_program_before_the_call_returns(env, caplog):
    assert [record.getMessage() for record in caplog.get_records("setup")] == ["made [0]", "made [1]"]
    caplog.clear()
    env.reset(seed=5)
    records = caplog.records
    assert [(record.getMessage(), record.levelname, record.name) for record in records] == [
        ("reset", "INFO", LOGGER.name)
    ] * 2
    assert len({record.seed for record in records}) == 2
    assert records[0].process != records[1].process
    caplog.clear()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        env.step([0, 1])
    assert [(str(one.message), one.category) for one in shown] == [
        ("action 0", RuntimeWarning),
        ("action 1", RuntimeWarning),
    ]
    assert all(one.filename == __file__ for one in shown)
    assert [record.getMessage() for record in caplog.records] == ["step"] * 2
    assert "no number" in caplog.records[0].exc_text


def test_a_worker_that_raises_hands_over_its_records_first(caplog):
    class Fails(Noisy):
        def step(self, action):
            LOGGER.error("about to fail")
            raise ValueError("failed")

    env = puffer.emulate(Fails, 1, backend="process", num_workers=1)
    env.reset()
    caplog.clear()
    with pytest.raises(puffer.WorkerError, match="failed"):
        env.step([0])
    assert [record.getMessage() for record in caplog.records] == ["about to fail"]
    env.close()


def test_the_arguments_are_those_of_the_program(env):
    env.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info = env.step([0, 0])[4]
    assert info["argv"].tolist() == [tuple(sys.argv)] * 2


def test_a_filter_that_makes_warnings_errors_is_the_workers_too():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = puffer.emulate(Noisy, 1, backend="process", num_workers=1)
    env.reset()
    with pytest.raises(puffer.WorkerError, match="RuntimeWarning: action 1"):
        env.step([1])
    env.close()


ENV = """
import gymnasium, numpy as np
from gymnasium import spaces

class Env(gymnasium.Env):
    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        assert False, "asserts are on"
        return np.zeros(1, np.float32), {}
"""

PROGRAM = """
import os
{before}
import puffer
from surrounded.envs import Env
{after}
env = puffer.emulate(Env, 2, backend="process", num_workers=1)
try:
    env.reset()
    print("asserts are off")
except puffer.WorkerError as error:
    print("asserts are on" in str(error))
env.close()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "surrounded").mkdir()
    (tmp_path / "surrounded" / "__init__.py").write_text("")
    (tmp_path / "surrounded" / "envs.py").write_text(ENV)
    return tmp_path


def test_the_flags_of_the_interpreter_are_the_workers_too(folder):
    program = PROGRAM.format(before=f"import sys; sys.path.insert(0, {str(folder)!r})", after="")
    assert run_python("-c", program, cwd=puffer.get_include()).strip() == "True"
    assert run_python("-O", "-c", program, cwd=puffer.get_include()).strip() == "asserts are off"


def test_modules_are_found_after_the_program_has_changed_its_folder(folder):
    program = PROGRAM.format(before=f"import sys; sys.path.append({puffer.get_include()!r})", after="os.chdir('/')")
    assert run_python("-c", program, cwd=folder).strip() == "True"


def test_a_module_that_warned_when_the_program_imported_it_may_be_imported_by_workers(folder):
    module = folder / "surrounded" / "envs.py"
    module.write_text("import warnings; warnings.warn('old', DeprecationWarning)" + module.read_text())
    before = f"import sys; sys.path.append({puffer.get_include()!r})"
    program = PROGRAM.format(before=before, after="import warnings; warnings.simplefilter('error')")
    assert run_python("-c", program, cwd=folder).strip() == "True"
