"""What an environment finds in a worker process: the program's arguments, modules, flags, log handlers and warnings."""

import logging
import os
import signal
import sys
import warnings

import numpy as np
import pytest
import worker_play
from helpers import run_python
from worker_play import LOGGER, Noisy, assert_follows_levels_and_filters

import puffer


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
    assert all(one.filename == worker_play.__file__ for one in shown)
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


class Awkward(logging.Handler):
    def emit(self, record):
        raise OSError("no space left")


def test_records_that_logging_only_complains_of_end_neither_a_step_nor_a_worker(caplog, capfd):
    class Unprintable:
        def __repr__(self):
            raise ValueError("no text")

    class Careless(Noisy):
        def step(self, action):
            LOGGER.info("%d items", "many")
            LOGGER.info("kept", extra={"thing": Unprintable()})
            return np.zeros(1, np.float32), 0.0, False, False, {}

    caplog.set_level(logging.INFO, LOGGER.name)
    env = puffer.emulate(Careless, 2, backend="process", num_workers=2)
    env.reset()
    caplog.clear()
    env.step([0, 0])
    assert [record.getMessage() for record in caplog.records] == ["kept"] * 2
    assert "Unprintable object" in caplog.records[0].thing
    handler = Awkward()
    LOGGER.addHandler(handler)
    env.step([0, 0])
    LOGGER.removeHandler(handler)
    env.step([0, 0])
    env.close()
    printed = capfd.readouterr().err
    assert "--- Logging error ---" in printed
    assert "OSError: no space left" in printed


def test_warnings_are_chosen_by_their_module_and_have_their_class(folder):
    sys.path.insert(0, str(folder / "surrounded"))
    for name in ("one", "other"):
        (folder / "surrounded" / f"warns_{name}.py").write_text(
            "import warnings\n"
            "class Own(FutureWarning):\n"
            "    def __init__(self, text, number=3): super().__init__(text)\n"
            "def warn(): warnings.warn(Own('the same text'), stacklevel=1)\n"
        )

    class Warns(Noisy):
        def step(self, action):
            import warns_one
            import warns_other

            warns_one.warn()
            warns_other.warn()
            return np.zeros(1, np.float32), 0.0, False, False, {}

    shown = []
    for chosen in ("warns_one", "warns_.*"):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("ignore")
            warnings.filterwarnings("default", module=chosen)
            env = puffer.emulate(Warns, 1, backend="process", num_workers=1)
            env.reset()
            env.step([0])
            env.step([0])
            env.close()
        shown.append([(os.path.basename(one.filename), one.category.__name__) for one in found])
    sys.path.remove(str(folder / "surrounded"))
    assert shown == [[("warns_one.py", "Own")], [("warns_one.py", "Own"), ("warns_other.py", "Own")]]


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


def test_a_filter_does_not_make_workers_import_the_module_of_its_category(folder):
    (folder / "surrounded" / "categories.py").write_text("class Odd(UserWarning): pass")
    module = folder / "surrounded" / "envs.py"
    with_modules = (
        module.read_text()
        + """
    @property
    def modules(self):
        import sys
        return list(sys.modules)
"""
    )
    module.write_text(with_modules)
    program = f"""
import sys, warnings
sys.path[:0] = [{str(folder)!r}, {puffer.get_include()!r}]
import puffer
from surrounded.envs import Env
import surrounded.categories

warnings.filterwarnings("error", category=surrounded.categories.Odd)
env = puffer.emulate(Env, 1, backend="process", num_workers=1)
print("surrounded.categories" in env.get_attr("modules")[0])
env.close()
"""
    assert run_python("-c", program, cwd=folder).strip() == "False"
    module.write_text("import surrounded.categories" + with_modules)
    assert run_python("-c", program, cwd=folder).strip() == "True"


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


def test_levels_and_filters_that_change_later_hold_in_the_next_call(caplog):
    assert_follows_levels_and_filters("process", caplog)


def test_parts_under_way_hear_of_a_level_when_it_is_their_turn(caplog):
    caplog.set_level(logging.CRITICAL, LOGGER.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = puffer.emulate(Noisy, 2, backend="process", num_workers=2, batch_size=1, ordered=True)
        env.async_reset()
        env.recv()
        env.send([0])
        caplog.set_level(logging.DEBUG, LOGGER.name)
        for _ in range(3):
            env.recv()
            env.send([0])
        env.recv()
        assert {record.process for record in caplog.records} == set(env.batch.backend.pids)
        env.close()


def test_what_an_environment_sets_itself_stays_where_the_program_changes_other_levels(caplog):
    class Own(Noisy):
        def __init__(self):
            logging.getLogger("puffer_tests.own").setLevel(logging.DEBUG)

        def step(self, action):
            logging.getLogger("puffer_tests.own").debug("own")
            return super().step(action)

    caplog.set_level(logging.DEBUG, "puffer_tests.own")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = puffer.emulate(Own, 1, backend="process", num_workers=1)
        env.reset()
        caplog.set_level(logging.CRITICAL, LOGGER.name)
        # Of the handler of this test.
        caplog.handler.setLevel(logging.NOTSET)
        caplog.clear()
        env.step([0])
        assert [record.getMessage() for record in caplog.records] == ["own"]
        env.close()


def test_a_worker_that_replaces_another_one_has_the_levels_of_the_time(caplog):
    class Mortal(Noisy):
        def step(self, action):
            LOGGER.debug("stepped")
            if action:
                os._exit(1)
            return np.zeros(1, np.float32), 0.0, False, False, {}

    caplog.set_level(logging.CRITICAL, LOGGER.name)
    env = puffer.emulate(Mortal, 1, backend="process", num_workers=1, restart_workers=True)
    env.reset()
    env.step([1])
    caplog.set_level(logging.DEBUG, LOGGER.name)
    os.kill(env.batch.backend.pids[0], signal.SIGKILL)
    env.step([0])
    caplog.clear()
    env.step([0])
    assert [record.getMessage() for record in caplog.records] == ["stepped"]
    env.close()
