"""The process backend: equal to the serial one, and what happens when environments or workers fail."""

import copy
import os
import pickle
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from faulty import Faulty, numbered
from gymnasium import error
from helpers import assert_same, run_script, snapshot
from worker_play import (
    assert_parts_equal_the_whole,
    assert_plays_as_serial,
    assert_tells_exceptions_in_step,
    is_running,
    wait_until,
)

import puffer
from puffer.backends.links import process as process_link


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


def cpu_seconds(pid):
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workers(env):
    return env.batch.backend.pids


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_equal_to_serial_for_any_split(make, mode):
    for num_workers in (1, 3):
        assert_plays_as_serial(make(5, num_workers, autoreset_mode=mode), autoreset_mode=mode)


@pytest.mark.parametrize("ordered", [False, True])
def test_parts_equal_the_whole(make, ordered):
    assert_parts_equal_the_whole(make(6, 3, batch_size=2, ordered=ordered), ordered)


def test_bad_numbers_of_workers_are_refused():
    for options in ({"num_workers": 3, "batch_size": 2}, {"num_workers": 5}, {"timeout": 0}, {"buf": {}}):
        with pytest.raises(ValueError, match="num_workers|timeout|buf"):
            puffer.emulate(Faulty, 4, backend="process", **options)


def test_an_exception_in_step(make):
    env = make(4)
    assert_tells_exceptions_in_step(env)


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


def test_an_exception_when_the_buffers_are_bound(make):
    class Unbound(puffer.PufferEnv):
        def __init__(self):
            super().__init__()
            self.single_observation_space = self.make_space((1,))
            self.single_action_space = self.make_discrete(2)

        def bind(self, buf):
            raise KeyError("unbound")

    env = make(2, creator=Unbound)
    with pytest.raises(puffer.WorkerError, match="KeyError: 'unbound'"):
        env.reset()


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
    env.batch.backend._links[0]._process.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    env.reset(seed=[2**63 + k for k in range(500)])


@pytest.mark.parametrize(
    "kind", [puffer.WorkerError, puffer.WorkerDied, puffer.WorkerTimeout, puffer.errors.WorkerAttributeError]
)
def test_errors_of_workers_can_be_pickled_and_copied(kind):
    error = kind("it ended", worker=1, copies=range(2, 4), copy=3, remote_traceback="there")
    error.__notes__ = ["a note"]
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert str(twin) == str(error) == "it ended\n\nthere"
        assert vars(twin) == vars(error)


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


def test_what_close_raises_is_raised_when_all_are_gone(make):
    env = make(4, creator=lambda: Faulty(in_close=1))
    pids = workers(env)
    env.reset()
    env.send([0] * 4)
    env.recv()
    with pytest.raises(puffer.WorkerError, match="worker 0 raised ZeroDivisionError") as caught:
        env.close()
    assert "in close" in caught.value.remote_traceback
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize(("fault", "end"), [(3, "SIGKILL"), (7, "no answer")])
def test_a_worker_that_dies_or_hangs_in_close(make, caplog, fault, end):
    env = make(2, creator=lambda: Faulty(in_close=fault))
    env.reset()
    env.close()
    assert [end in record.getMessage() for record in caplog.records] == [True, True]


def test_render_and_calls_between_send_and_recv(make):
    class Drawn(Faulty):
        metadata = {"render_modes": ["ansi"]}
        render_mode = "ansi"

        def render(self):
            return f"t = {self.t}"

        def step(self, action):
            self.t += 1
            return np.zeros(3, np.float32), 0, False, False, {}

    env = make(3, creator=Drawn)
    env.reset()
    env.send([0, 0, 0])
    with pytest.raises(error.AlreadyPendingCallError):
        env.render()
    env.recv()
    assert env.render() == ("t = 1",) * 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_workers_on_one_core_part_ways(make, monkeypatch):
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("needs two cores")
    env = make()
    both = workers(env)
    together = min(allowed)
    for pid in both:
        os.sched_setaffinity(pid, {together})
    env.reset(seed=0)
    moves = []
    set_affinity = os.sched_setaffinity

    def moved(pid, cores):
        moves.append((pid, set(cores)))
        set_affinity(pid, cores)

    monkeypatch.setattr(os, "sched_setaffinity", moved)
    actions = np.zeros(4, np.int64)
    # They may not leave it.
    env.step(actions)
    assert not moves
    for pid in both:
        set_affinity(pid, allowed)
    env.batch.backend._transport._next_move = 0.0
    env.step(actions)
    assert moves == [(both[1], allowed - {together}), (both[1], allowed)]


@pytest.mark.parametrize("sent", [False, True])
def test_an_interrupt_around_a_command_leaves_a_batch_that_works(make, monkeypatch, sent):
    env = make(2, 2)
    first = snapshot(env.reset(seed=1))
    transport = env.batch.backend._transport
    send_step = transport.send_step

    def interrupted(links):
        if sent:
            send_step(links)
        raise KeyboardInterrupt

    monkeypatch.setattr(transport, "send_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        env.step([0, 0])
    monkeypatch.undo()
    with pytest.raises(error.ResetNeeded):
        env.step([0, 0])
    assert_same(snapshot(env.reset(seed=1)), first)
    env.step([0, 0])


def test_a_timeout_of_the_program_is_no_end_of_a_worker(make, monkeypatch):
    """Handlers of SIGALRM raise TimeoutError, which is an OSError."""

    def interrupted(message):
        raise TimeoutError("of the program")

    env = make(2, 2)
    env.reset(seed=1)
    monkeypatch.setattr(process_link, "answered", interrupted)
    with pytest.raises(TimeoutError, match="of the program"):
        env.call("step", 0)
    monkeypatch.undo()
    env.reset(seed=1)
    env.step([0, 0])


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
print(*env.batch.backend.pids, flush=True)
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
    # Not readline(): what that reads ahead would be lost to communicate().
    line = ""
    while not line.endswith("\n"):
        character = os.read(process.stdout.fileno(), 1).decode()
        assert character, process.stderr.read()
        line += character
    return process, [int(pid) for pid in line.split()]


def test_workers_die_with_a_killed_parent():
    shared = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    process, pids = start("env.step([1, 2, 3])")
    time.sleep(0.5)
    process.kill()
    process.communicate()
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))
    assert not shared or not {name for name in set(os.listdir("/dev/shm")) - shared if "puffer" in name}


def test_ctrl_c_is_for_the_parent_only():
    # Who is started in the background ignores it otherwise.
    process, pids = start(
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)
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


def test_workers_import_nothing_from_the_current_folder(tmp_path):
    for module in ("puffer", "numpy", "socket"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(7)")
    script = tmp_path / "scripts" / "script.py"
    script.parent.mkdir()
    script.write_text(SCRIPT + "\nprint(env.step([0] * 3)[1])")
    repository = str(Path(puffer.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": repository},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_no_warning_is_left():
    script = "import warnings; warnings.simplefilter('error')\n" + SCRIPT + "\nenv.close()\ndel env\n"
    run_script(script)
