"""Workers in another interpreter: equal to the serial backend, and what happens when they fail."""

import gc
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import closing
from pathlib import Path

import interpreter_envs
import numpy as np
import pytest
from faulty import Faulty
from gymnasium import error, spaces
from helpers import assert_same, run_script, snapshot
from worker_play import (
    assert_parts_equal_the_whole,
    assert_plays_as_serial,
    assert_tells_exceptions_in_step,
    assert_the_next_episode_is_the_one_that_was_set,
    is_running,
    wait_until,
)

import puffer
from puffer import registry
from puffer.backends.worker.interpreter.spaces import describe

MODES = ("SameStep", "NextStep", "Disabled")


def new_interpreter(folder, base=sys.executable, paths=()):
    """An interpreter of its own, with no packages but those of other folders."""
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = Path(folder).glob("lib/python*/site-packages")
    (site / "others.pth").write_text("".join(f"{path}\n" for path in paths))
    return str(folder / "bin" / "python")


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """An interpreter with the packages of this one, and the environments of these tests."""
    paths = [path for path in sys.path if "-packages" in path]
    return new_interpreter(tmp_path_factory.mktemp("twin"), paths=[*paths, Path(__file__).parent])


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An interpreter without NumPy."""
    return new_interpreter(tmp_path_factory.mktemp("bare"))


def oldest_python():
    """The oldest interpreter of this machine that can run workers, and make virtual environments."""
    found = [path for minor in range(8, 12) for path in Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")]
    for python in [*found, "/usr/bin/python3", sys.executable]:
        try:
            if not subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True).returncode:
                return str(python)
        except OSError:
            pass
    return sys.executable


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """An interpreter with older versions of NumPy and Gymnasium, as old as this machine has one."""
    folder = tmp_path_factory.mktemp("older")
    python = str(folder / "bin" / "python")
    subprocess.run([oldest_python(), "-m", "venv", folder], check=True, capture_output=True)
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "numpy<2", "gymnasium==0.29.1"]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip cannot install the packages of the other interpreter: {done.stderr[-300:]}")
    return python


@pytest.fixture
def make(twin, monkeypatch):
    """Makes batches of a class of interpreter_envs, or of Faulty, in the other interpreter, and closes them."""
    made = []

    def make(env, num_envs=4, num_workers=2, python=twin, **options):
        monkeypatch.setitem(registry._registered, "under-test", f"{env.__module__}:{env.__name__}")
        made.append(puffer.make("under-test", num_envs, num_workers=num_workers, python=python, **options))
        return made[-1]

    yield make
    for env in made:
        pids = workers(env)
        env.close()
        env.close()
        assert not any(is_running(pid) for pid in pids)


def workers(env):
    return env.batch.backend.pids


def without_seconds(result):
    *arrays, info = result
    if "episode" in info:
        info["episode"].pop("t")
    return *arrays, info


def play(env, steps=40):
    """Results of resets and steps, with masks; partial resets where the mode needs them; and the statistics."""
    space, layout = env.action_layout.space, env.action_layout
    space.seed(5)
    ended = np.zeros(env.num_copies, np.bool_)
    results = [(*snapshot(env.reset(seed=3)), env.masks.copy())]
    for step in range(steps):
        if env.metadata["autoreset_mode"].value == "Disabled" and ended.any():
            rows = np.repeat(ended, env.agents_per_env)
            results.append(snapshot(env.reset(options={"reset_mask": rows}, seed=None if step % 2 else step)))
        actions = np.stack([layout.flatten(space.sample()) for _ in range(env.num_envs)])
        ranges = env.copy_action_space
        if ranges is not None:
            actions %= np.tile(ranges.nvec, (env.num_copies, 1))
        result = env.step(actions)
        ended = env.batch.backend.rows.waiting.copy()
        results.append((*without_seconds(snapshot(result)), env.masks.copy()))
    return results, env.stats()


@pytest.mark.parametrize(
    "space", [spaces.Discrete(100, start=100, dtype=np.int8), spaces.MultiDiscrete([9], start=[-5])]
)
def test_spaces_are_described_by_their_bounds_or_refused(space):
    if space.dtype == np.int8:
        with pytest.raises(ValueError, match="goes beyond the values of int8"):
            describe(space, "")
    else:
        kind, low, high = describe(space, "")
        assert (kind, low.tolist(), high.tolist()) == ("MultiDiscrete", [-5], [3])


def test_log_records_and_warnings_reach_the_program_at_its_own_levels(make, caplog):
    caplog.set_level(logging.INFO, "puffer_tests.there")
    env = make(interpreter_envs.Noisy, 2, num_workers=2)
    env.reset()
    assert [record.getMessage() for record in caplog.records] == ["made [0]"] * 2 + ["reset"] * 2
    assert caplog.records[2].lock.startswith("<function")
    caplog.clear()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        env.step([0, 1])
    assert [(str(warning.message), warning.category) for warning in shown] == [
        ("action 0", RuntimeWarning),
        ("action 1", RuntimeWarning),
    ]
    assert [record.getMessage() for record in caplog.records] == ["step"] * 2
    assert "no number" in caplog.records[0].exc_text
    for level, count in (logging.DEBUG, 4), (logging.CRITICAL, 0):
        caplog.set_level(level, "puffer_tests.there")
        caplog.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            env.step([0, 0])
        assert len(caplog.records) == count
    # A logger that gives its own level up has that of its parent.
    logging.getLogger("puffer_tests.there").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG, "puffer_tests")
    caplog.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env.step([0, 0])
    assert len(caplog.records) == 4


def test_values_are_checked(make):
    env = make(interpreter_envs.Odd, check_values=True)
    env.reset()
    env.step([0] * 4)
    with pytest.raises(ValueError, match=r"^copy 3 \(row 3\): observation\[1\] is nan"):
        env.step([0, 0, 0, 6])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_class", [interpreter_envs.Everything, interpreter_envs.Meeting, interpreter_envs.Older])
def test_equal_to_serial(make, env_class, mode):
    options = {"autoreset_mode": mode, "max_steps": 11, "record_episodes": True}
    with closing(puffer.emulate(env_class, 5, backend="serial", **options)) as serial:
        env = make(env_class, 5, **options)
        for attribute in ("layout", "action_layout", "copy_action_space", "agents_per_env", "max_steps"):
            assert getattr(env, attribute) == getattr(serial, attribute)
        (results, stats), (expected, expected_stats) = play(env), play(serial)
    assert_same(results, expected)
    assert stats == expected_stats
    assert stats["episodes"] > 5


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gym-CartPole-v1", {"max_steps": 15}),
        ("gym-CartPole-v1", {"max_episode_steps": 10}),
        ("gym-FrozenLake-v1", {"is_slippery": False}),
        ("minigrid-DoorKey-5x5", {"mission_length": 20, "max_episode_steps": 9}),
        ("pettingzoo-simple-spread", {"num_agents": 2, "max_cycles": 9}),
        ("pettingzoo-simple-adversary", {"continuous_actions": True}),
    ],
)
def test_families(twin, name, options):
    family = name.partition("-")[0]
    if registry.SYSTEMS.get(family) and registry.missing(family):
        pytest.skip(f"{family} is not installed")
    serial = puffer.make(name, 2, backend="serial", **options)
    env = puffer.make(name, 2, python=twin, num_workers=1, **options)
    with closing(serial), closing(env):
        assert_same(play(env), play(serial))


def test_an_older_interpreter_plays_as_this_one(older):
    version = subprocess.run([older, "-c", "import numpy; print(numpy.__version__)"], capture_output=True, text=True)
    assert version.stdout.startswith("1.")
    for name in ("gym-CartPole-v1", "gym-FrozenLake-v1"):
        serial, env = puffer.make(name, 4, backend="serial"), puffer.make(name, 4, python=older, num_workers=2)
        with closing(serial), closing(env):
            assert_same([result[:4] for result in play(env)[0]], [result[:4] for result in play(serial)[0]])
    with pytest.raises(ImportError, match=f"minigrid.*{older} -m pip install 'minigrid"):
        puffer.make("minigrid-DoorKey-5x5", python=older)
    with pytest.raises(ImportError, match="pettingzoo"):
        puffer.make("pettingzoo-pistonball", python=older)


def test_faulty_equal_to_serial_for_any_split(make):
    for num_workers in (1, 3):
        assert_plays_as_serial(make(Faulty, 5, num_workers))


@pytest.mark.parametrize("ordered", [False, True])
def test_parts_equal_the_whole(make, ordered):
    assert_parts_equal_the_whole(make(Faulty, 6, 3, batch_size=2, ordered=ordered), ordered)


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_next_episode_is_the_one_that_was_set(make, mode):
    env = make(interpreter_envs.Asked, 2, autoreset_mode=mode)
    assert_the_next_episode_is_the_one_that_was_set(env)
    for refused in (lambda: env.set_attr("gravity", object()), lambda: env.set_next(options={"a": object()})):
        with pytest.raises(TypeError, match="only arrays and plain data"):
            refused()
    assert env.get_attr("gravity") == (4, 4)


def test_an_exception_in_step_and_reset(make):
    env = make(Faulty, 4)
    assert_tells_exceptions_in_step(env)
    env = make(Faulty, 2, in_reset=1)
    with pytest.raises(puffer.WorkerError, match="copy 0 .*ZeroDivisionError"):
        env.reset()
    assert env.reset()[0].shape == (2, 3)


def test_what_cannot_be_sent_or_does_not_fit(make):
    env = make(interpreter_envs.Odd, 2, 1)
    for action, message in (
        (1, "is of type object, and only arrays and plain data"),
        (3, r"copy 1 .*LayoutError: observation: expected shape \(2,\), got shape \(3,\)"),
        (4, "LayoutError: observation: expected float32 numbers up to .*, got 'text'"),
    ):
        env.reset()
        with pytest.raises(puffer.WorkerError, match=message):
            env.step([0, action])
    env.reset()
    assert env.step([0, 0])[0].tolist() == [[1, 1]] * 2


def test_large_infos_do_not_deadlock(make):
    env = make(Faulty, 4, text=1_500_000, chance=0)
    env.reset(seed=[2**63 + k for k in range(4)])
    for _ in range(2):
        *_, info = env.step([0] * 4)
        assert [len(text) for text in info["text"]] == [1_500_000] * 4


@pytest.mark.parametrize(("fault", "end"), [(3, "SIGKILL"), (5, "exited with status 3")])
def test_a_worker_that_dies(make, fault, end):
    env = make(Faulty, 2)
    env.reset()
    started = time.monotonic()
    with pytest.raises(puffer.WorkerDied, match=end) as caught:
        env.step([0, fault])
    assert time.monotonic() - started < 5
    assert caught.value.worker == 1
    with pytest.raises(puffer.WorkerError, match="close"):
        env.reset()


def test_a_worker_that_dies_between_calls(make):
    env = make(Faulty, 1, 1)
    env.reset()
    os.kill(workers(env)[0], signal.SIGKILL)
    with pytest.raises(puffer.WorkerDied, match="SIGKILL"):
        env.step([0])


@pytest.mark.parametrize("fault", [7, 8])
def test_a_worker_that_hangs(make, fault):
    env = make(Faulty, 2, 1, timeout=1)
    env.reset()
    with pytest.raises(puffer.WorkerTimeout, match="worker 0"):
        env.step([fault, 0])


@pytest.mark.parametrize("mode", MODES)
def test_restarted_workers(make, mode):
    env = make(Faulty, 4, chance=0, restart_workers=True, autoreset_mode=mode, timeout=2)
    env.reset(seed=1)
    _, rewards, _, truncations, _ = env.step([0, 0, 7 if mode == "SameStep" else 3, 0])
    assert truncations[2:].all()
    assert rewards.tolist() == [1, 1, 0, 0]
    if mode == "Disabled":
        env.reset(options={"reset_mask": np.array([False, False, True, True])})
    _, rewards, _, truncations, _ = env.step([0, 0, 0, 0])
    assert not truncations[2:].any()
    assert rewards[2:].tolist() == [float(mode != "NextStep")] * 2
    assert env.stats()["worker_restarts"] == 1


def test_rendering(make):
    env = make(interpreter_envs.Everything, 2, render_mode="ansi")
    env.reset(seed=1)
    assert env.render() == ("0.000",) * 2
    assert env.metadata["render_fps"] == 7
    env = make(interpreter_envs.Everything, 2, render_mode="rgb_array")
    env.reset(seed=1)
    assert [frame.shape for frame in env.render()] == [(2, 2, 3)] * 2
    # The frames of copy 0 are shown in a window of this process.
    env = make(interpreter_envs.Everything, 2, render_mode="human")
    env.reset(seed=1)
    assert env.render_copy(0).shape == (2, 2, 3)
    with pytest.raises(ValueError, match="render_mode = 'human'"):
        make(Faulty, 1, 1, render_mode="human")
    with pytest.raises(ValueError, match="render_mode must be None or one of"):
        make(Faulty, 1, 1, render_mode="3d")


def test_what_environments_print(make, capfd, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    env = make(interpreter_envs.Odd, 1, 1, print_first="printed in the constructor")
    _, info = env.reset()
    assert info["variables"].tolist() == [0]
    env.step([2])
    env.step([2])
    printed = capfd.readouterr()
    assert printed.out == "printed in a step\n" * 2
    assert printed.err == "printed in the constructor\n" * 2
    with pytest.raises(puffer.WorkerDied, match="status 5, having printed\n    printed at last"):
        make(interpreter_envs.Odd, 1, 1, print_first="printed at last", end=5)
    # More than a pipe holds.
    env = make(interpreter_envs.Odd, 1, 1, print_first="x" * 200_000)
    assert 60_000 < capfd.readouterr().err.count("x") <= 65_536


def test_interpreters_that_cannot_run_workers(bare, tmp_path):
    no_program = tmp_path / "program"
    no_program.write_text("not a program")
    no_program.chmod(0o755)
    for python, message in (
        ("/nowhere/python", "python must be an interpreter that can be run, got '/nowhere/python'"),
        (str(tmp_path), "python must be an interpreter"),
        (3, "python must be an interpreter"),
        (str(no_program), "not a program"),
        ("/bin/false", "need Python 3.8 .* exited with status 1"),
        (bare, "numpy 1.20 or later.*\n.*No module named 'numpy'"),
    ):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            puffer.make("gym-CartPole-v1", python=python)


def test_environments_that_cannot_be_made_there(twin, make, monkeypatch):
    for name, options, kind, message in (
        ("gym-CartPol-v1", {}, error.NameNotFound, "gym-CartPol-v1"),
        ("gym-no_such_package:Name-v1", {}, ImportError, "no_such_package"),
        ("gym-CartPole-v1", {"speed": 3}, TypeError, "speed"),
        ("gym-CartPole-v1", {"speed": object()}, TypeError, "speed of gym-CartPole-v1: .*plain data"),
        ("gym-CartPole-v1", {"backend": "serial"}, ValueError, "backend must be one of 'auto', 'process'"),
        ("pettingzoo-simple-spread", {"num_agents": 0}, ValueError, "num_agents"),
        ("atari-pong", {}, ValueError, "atari cannot run in another interpreter"),
        ("ocean-catch", {}, ValueError, "ocean-catch is of this interpreter"),
        ("no-such-name", {}, error.NameNotFound, "no-such-name"),
    ):
        with pytest.raises(kind, match=message):
            puffer.make(name, python=twin, **options)
    monkeypatch.setitem(registry._registered, "an-object", Faulty)
    with pytest.raises(ValueError, match="an-object is of this interpreter"):
        puffer.make("an-object", python=twin)
    with pytest.raises(TypeError, match="take turns"):
        make(interpreter_envs.Turns)
    with pytest.raises(TypeError, match="as told"):
        make(interpreter_envs.Odd, fail="TypeError")
    with pytest.raises(puffer.WorkerError, match="copy 0 in worker 0 raised KeyError") as caught:
        make(interpreter_envs.Odd, fail="KeyError")
    assert "as told" in caught.value.remote_traceback


def test_workers_import_nothing_from_the_current_folder_and_leave_ctrl_c_alone(make, tmp_path, monkeypatch):
    for module in ("numpy", "puffer", "gymnasium"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    env = make(interpreter_envs.Odd, 2, 1)
    env.reset()
    os.kill(workers(env)[0], signal.SIGINT)
    assert env.step([0, 0])[1].tolist() == [1, 1]


SCRIPT = """
import sys, puffer
sys.path.insert(0, {folder!r})
puffer.register("faulty", "faulty:Faulty")
env = puffer.make("faulty", 3, python={python!r}, num_workers=3)
env.reset()
print(*env.batch.backend.pids, flush=True)
"""


@pytest.mark.parametrize("actions", [[0, 0, 0], [0, 7, 8]])
def test_workers_die_with_a_killed_parent(twin, actions):
    script = SCRIPT.format(folder=os.path.dirname(__file__), python=twin)
    parent = subprocess.Popen(
        [sys.executable, "-c", f"{script}env.send({actions})\nwhile True: pass"],
        cwd=Path(puffer.__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    time.sleep(0.3)
    assert all(is_running(pid) for pid in pids)
    parent.kill()
    parent.communicate()
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_the_interpreter_ends_without_close(twin):
    pids = run_script(SCRIPT.format(folder=os.path.dirname(__file__), python=twin) + "env.send([0, 7, 0])").split()
    assert wait_until(lambda: not any(is_running(int(pid)) for pid in pids))


def test_nothing_is_left_open(make):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    counts = []
    for _ in range(2):
        with pytest.raises(puffer.WorkerError):
            make(interpreter_envs.Odd, 2, fail="KeyError")
        gc.collect()
        counts.append(len(os.listdir("/proc/self/fd")))
    assert counts[0] == counts[1]
