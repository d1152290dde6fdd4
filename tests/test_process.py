"""The process backend: equal to the serial one, and what happens when environments or workers fail."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import error, spaces
from helpers import assert_same, run_script, snapshot

import puffer


class UnpicklableErrorError(Exception):
    """Cannot travel, and has no message."""

    def __init__(self):
        super().__init__("")
        self.lock = lambda: None

    def __str__(self):
        raise ValueError

    def __reduce__(self):
        raise TypeError


def stick_in_c():
    """Hold the GIL in C."""
    ctypes.PyDLL(None).sleep(1000)


FAULTS = {
    1: lambda: 1 / 0,
    2: lambda: (_ for _ in ()).throw(UnpicklableErrorError),
    3: lambda: os.kill(os.getpid(), signal.SIGKILL),
    4: lambda: ctypes.string_at(0),
    5: lambda: sys.exit(3),
    6: lambda: os._exit(4),
    7: lambda: time.sleep(1000),
    8: stick_in_c,
}


class Faulty(gymnasium.Env):
    """Commits the fault of the action in step; that of the constructor in the first reset."""

    observation_space = spaces.Box(-1e6, 1e6, (3,), np.float32)
    action_space = spaces.Discrete(10)

    def __init__(self, in_reset=0, text=0, chance=0.1):
        self.in_reset = in_reset
        self.chance = chance
        self.text = text

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        fault, self.in_reset = self.in_reset, 0
        FAULTS.get(fault, int)()
        return self.np_random.random(3).astype(np.float32), {"start": self.np_random.random()}

    def step(self, action):
        FAULTS.get(int(action), int)()
        self.t += 1
        info = {"t": self.t, "pid": os.getpid()} if self.np_random.random() < 0.3 else {}
        if self.text:
            info["text"] = "x" * self.text
        return (
            self.np_random.random(3).astype(np.float32),
            self.t,
            self.np_random.random() < self.chance,
            self.t == 9,
            info,
        )


@pytest.fixture
def make():
    """Makes batches of Faulty in processes, and closes them: within seconds, and twice."""
    made = []

    def make(num_envs=4, num_workers=2, creator=Faulty, **options):
        made.append(puffer.emulate(creator, num_envs, backend="process", num_workers=num_workers, **options))
        return made[-1]

    yield make
    for env in made:
        pids = workers(env)
        started = time.monotonic()
        env.close()
        env.close()
        assert time.monotonic() - started < 10
        assert not any(is_running(pid) for pid in pids)
        with pytest.raises(error.ClosedEnvironmentError):
            env.reset()


def is_running(pid):
    """Whether there is such a process, and it has not ended already."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_seconds(pid):
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workers(env):
    return [process.process.pid for process in env.unwrapped.backend._workers]


def without_pid(info):
    items = [(key, value) for key, value in info.items() if key not in ("pid", "_pid")]
    return {key: without_pid(value) if isinstance(value, dict) else value for key, value in sorted(items)}


def play(env, steps=25):
    env_results = [snapshot(env.reset(seed=5))]
    actions = np.zeros(env.num_envs, np.int64)
    env_results += [snapshot(env.step(actions)) for _ in range(steps)]
    stats = env.stats()
    return [(*arrays, without_pid(info)) for *arrays, info in env_results], stats


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_equal_to_serial_for_any_split(make, mode):
    expected = play(puffer.emulate(Faulty, 5, backend="serial", autoreset_mode=mode))
    for num_workers in (1, 3):
        results = play(make(5, num_workers, autoreset_mode=mode))
        for mine, other in zip(results[0], expected[0], strict=True):
            assert_same(mine, other)
        assert results[1] == expected[1]


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


@pytest.mark.parametrize("ordered", [False, True])
def test_parts_equal_the_whole(make, ordered):
    expected = np.array([result[0] for result in play(puffer.emulate(Faulty, 6, backend="serial"))[0]])
    rows, order = by_rows(make(6, 3, batch_size=2, ordered=ordered), 8)
    for row, observations in rows.items():
        assert observations == expected[: len(observations), row].tolist()
    assert not ordered or order == [0, 2, 4] * 8


def test_bad_numbers_of_workers_are_refused():
    for options in ({"num_workers": 3, "batch_size": 2}, {"num_workers": 5}, {"timeout": 0}, {"buf": {}}):
        with pytest.raises(ValueError, match="num_workers|timeout|buf"):
            puffer.emulate(Faulty, 4, backend="process", **options)


def test_an_exception_in_step(make):
    env = make(4)
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
    expected = play(puffer.emulate(Faulty, 4, backend="serial"))[0]
    for mine, other in zip(play(env)[0], expected, strict=True):
        assert_same(mine, other)


def numbered(copies, **options):
    """A creator whose copies, in the order of their making in a worker, have options of their own."""
    made = iter([{}] * copies)
    return lambda: Faulty(**(options if next(made, None) is None else {}))


def test_an_exception_in_reset_and_in_the_constructor(make):
    env = make(4, creator=numbered(1, in_reset=1))
    with pytest.raises(puffer.WorkerError, match="ZeroDivisionError") as caught:
        env.reset()
    assert caught.value.copy == 1
    env.reset()
    env.step([0] * 4)
    with pytest.raises(puffer.WorkerError, match="unexpected keyword") as caught:
        make(4, creator=numbered(1, wrong=1))
    assert caught.value.copy == 1
    assert "Traceback" in caught.value.remote_traceback


@pytest.mark.parametrize(
    ("fault", "end"), [(3, "SIGKILL"), (4, "SIGSEGV"), (5, "exited with status 3"), (6, "exited with status 4")]
)
def test_a_worker_that_dies(make, fault, end, monkeypatch):
    # In a build with AddressSanitizer, that would report the fault and exit.
    monkeypatch.setenv("ASAN_OPTIONS", f"{os.environ.get('ASAN_OPTIONS', '')}:handle_segv=0")
    env = make(2)
    env.reset()
    with pytest.raises(puffer.WorkerDied, match=end) as caught:
        env.step([0, fault])
    assert caught.value.worker == 1
    assert caught.value.copies == range(1, 2)
    for call in (env.reset, lambda: env.step([0] * 2)):
        with pytest.raises(puffer.WorkerError, match="close"):
            call()


def test_a_worker_that_dies_between_calls(make):
    for call in (lambda env: env.reset(), lambda env: env.step([0])):
        env = make(1, 1)
        env.reset()
        os.kill(workers(env)[0], signal.SIGKILL)
        with pytest.raises(puffer.WorkerDied, match="SIGKILL"):
            call(env)


@pytest.mark.parametrize("fault", [7, 8])
def test_a_worker_that_hangs(make, fault):
    env = make(2, 1, timeout=1)
    env.reset()
    started = time.monotonic()
    with pytest.raises(puffer.WorkerTimeout, match="worker 0"):
        env.step([fault, 0])
    assert 0.9 < time.monotonic() - started < 10


def test_close_while_a_worker_is_stuck(make):
    env = make(4)
    env.reset()
    env.send([7, 0, 0, 8])
    started = time.monotonic()
    env.close()
    assert time.monotonic() - started < 5


def test_a_hanging_part_is_noticed_while_others_go_on(make):
    env = make(4, 2, batch_size=2, timeout=1)
    env.async_reset()
    env.recv()
    env.recv()
    env.send([7, 7])
    env.send([0, 0])

    def go_on():
        end = time.monotonic() + 20
        while time.monotonic() < end:
            env.recv()
            env.send([0, 0])

    with pytest.raises(puffer.WorkerTimeout, match="worker 0"):
        go_on()


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_restarted_workers(make, mode):
    calm = lambda: Faulty(chance=0)  # noqa: E731
    env = make(4, creator=calm, restart_workers=True, autoreset_mode=mode, timeout=1)
    env.reset(seed=1)
    for fault in (3, 7) if mode == "SameStep" else (3,):
        _, rewards, terminations, truncations, info = env.step([0, 0, fault, 0])
        assert truncations[2:].all()
        assert not rewards[2:].any()
        assert not terminations[2:].any()
        assert rewards[:2].all()
        if mode == "SameStep":
            assert info["_final_obs"][2:].all()
        if mode == "Disabled":
            env.reset(options={"reset_mask": np.array([False, False, True, True])})
        _, rewards, _, truncations, info = env.step([0, 0, 0, 0])
        assert not truncations[2:].any()
        assert rewards[2:].tolist() == [float(mode != "NextStep")] * 2
    if mode == "SameStep":
        os.kill(workers(env)[1], signal.SIGKILL)
        fresh = puffer.emulate(Faulty, 4, backend="serial")
        assert np.array_equal(env.reset(seed=7)[0], fresh.reset(seed=7)[0])
    assert env.stats()["worker_restarts"] == (3 if mode == "SameStep" else 1)


def test_large_infos_do_not_deadlock(make):
    env = make(4, creator=lambda: Faulty(text=1_500_000, chance=0))
    env.reset()
    for _ in range(2):
        *_, info = env.step([0] * 4)
        assert [len(text) for text in info["text"]] == [1_500_000] * 4


def test_many_seeds_do_not_deadlock(make):
    env = make(500, 1)
    # As with more copies and a buffer of the usual size.
    env.unwrapped.backend._workers[0].link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    env.reset(seed=[2**63 + k for k in range(500)])


def test_infos_that_cannot_travel(make):
    class Handle(Faulty):
        def step(self, action):
            return np.zeros(3, np.float32), 0, False, False, {"handle": (one for one in ())} if action else {}

    env = make(2, creator=Handle)
    env.reset()
    with pytest.raises(puffer.WorkerError, match="pickle"):
        env.step([0, 1])
    env.reset()
    env.step([0, 0])


def test_render_and_calls_between_send_and_recv(make):
    class Drawn(Faulty):
        metadata = {"render_modes": ["ansi"]}

        def render(self):
            return f"t = {self.t}"

        def step(self, action):
            self.t += 1
            return np.zeros(3, np.float32), 0, False, False, {}

    env = make(3, creator=Drawn, render_mode="ansi")
    env.reset()
    env.send([0, 0, 0])
    with pytest.raises(error.AlreadyPendingCallError):
        env.render()
    env.recv()
    assert env.render() == ("t = 1",) * 3


def test_waiting_takes_no_processor(make):
    env = make(2)
    env.reset()
    time.sleep(0.3)
    before = [cpu_seconds(pid) for pid in (os.getpid(), *workers(env))]
    time.sleep(1.0)
    after = [cpu_seconds(pid) for pid in (os.getpid(), *workers(env))]
    assert all(late - early < 0.3 for early, late in zip(before, after, strict=True))


SCRIPT = """
import os, re, sys, time, ctypes, signal
import gymnasium, numpy as np, puffer
from gymnasium import spaces

class Info:
    pass

class Env(gymnasium.Env):
    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(4)
    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {"object": Info()}
    def step(self, action):
        if action == 1: time.sleep(1000)
        if action == 2: re.match("(a*)*b", "a" * 60)
        if action == 3: ctypes.PyDLL(None).sleep(1000)
        return np.zeros(1, np.float32), 0.0, False, False, {}

env = puffer.emulate(lambda: Env(), 3, backend="process", num_workers=3)
observations, info = env.reset()
assert type(info["object"][0]) is Info
print(*[process.process.pid for process in env.unwrapped.backend._workers], flush=True)
"""


def start(script):
    """Start SCRIPT and more in a process group of its own; returns it and the pids of its workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT + textwrap.dedent(script)],
        cwd=Path(puffer.__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, [int(pid) for pid in line.split()]


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_workers_die_with_a_killed_parent():
    shared = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    process, pids = start("env.step([1, 2, 3])")
    time.sleep(0.5)
    process.kill()
    process.communicate()
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))
    assert not shared or not {name for name in set(os.listdir("/dev/shm")) - shared if "puffer" in name}


def test_ctrl_c_is_for_the_parent_only():
    process, pids = start(
        """
        try:
            env.step([0, 1, 0])
        except KeyboardInterrupt:
            env.close()
            print("closed", flush=True)
        """
    )
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("closed\n", "", 0)
    assert not any(is_running(pid) for pid in pids)


def test_a_batch_goes_on_after_ctrl_c():
    process, _ = start(
        """
        class Slow(Env):
            def step(self, action):
                time.sleep(action)
                return super().step(0)

        env = puffer.emulate(Slow, 3, backend="process", num_workers=3)
        env.reset()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            env.step([0, 1, 1])
        except KeyboardInterrupt:
            print(env.reset()[0].shape, env.step([0, 0, 0])[1].tolist())
        """
    )
    out, err = process.communicate(timeout=30)
    assert (out, err) == ("(3, 1) [0.0, 0.0, 0.0]\n", "")


@pytest.mark.parametrize("ending", ["env.step([0] * 3)", "env.send([1, 2, 0])", "keep = [env]; keep.append(keep)"])
def test_the_interpreter_ends_without_close(ending):
    process, pids = start(ending)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("", "", 0)
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_a_fork_leaves_the_workers_alone():
    process, _ = start(
        """
        child = os.fork()
        if child == 0:
            try:
                env.step([0] * 3)
            except RuntimeError as error:
                print("forked" in str(error), flush=True)
            env.close()
            del env
            sys.exit()
        os.waitpid(child, 0)
        print(env.step([0] * 3)[1].tolist())
        """
    )
    out, err = process.communicate(timeout=30)
    assert (out, err) == ("True\n[0.0, 0.0, 0.0]\n", "")


def test_no_warning_is_left():
    script = "import warnings; warnings.simplefilter('error')\n" + SCRIPT + "\nenv.close()\ndel env\n"
    run_script(script)
