"""The fork server from which workers are forked: they are as good as processes of their own, and none is left over."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from faulty import Faulty
from gymnasium import spaces
from helpers import run_python
from worker_play import assert_plays_as_serial, is_running, wait_until

import puffer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux")

OWN = np.random.default_rng()


def descriptors():
    """What the descriptors of this process are."""
    folder = Path("/proc/self/fd")
    return sorted(os.readlink(folder / name) for name in os.listdir(folder) if (folder / name).exists())


class Telling(gymnasium.Env):
    """Tells of the process that it is in."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def tell(self):
        drawn = [random.random(), np.random.random(), OWN.random(), puffer.Random().bits(), self.np_random.random()]
        return {
            "drawn": drawn,
            "descriptors": descriptors(),
            "on_end": signal.getsignal(signal.SIGCHLD),
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "variable": os.environ.get("PUFFER_TOLD"),
            "folder": os.getcwd(),
            "status": subprocess.run(["sh", "-c", "exit 3"], check=False).returncode,
        }


@pytest.fixture
def make():
    """Makes batches with a worker for each copy, and closes them; no process of theirs is left, not even a dead one."""
    made = []

    def make(num_envs=2, creator=Telling, **options):
        env = puffer.emulate(creator, num_envs, backend="process", num_workers=num_envs, **options)
        made.append((env, server_of(env), pids(env)))
        return env

    yield make
    for env, server, workers in made:
        # What a fork server leaves when it is killed is for the system to clear away.
        is_left = is_there if is_running(server) else is_running
        env.close()
        assert not any(is_left(pid) for pid in (server, *workers))


def is_there(pid):
    return Path(f"/proc/{pid}").exists()


def pids(env):
    return env.batch.backend.pids


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def server_of(env):
    """The process from which the workers have been forked."""
    (parent,) = {parent_of(pid) for pid in pids(env)}
    assert parent_of(parent) == os.getpid()
    return parent


def told(env):
    """What each copy tells."""
    return env.call("tell")


def test_workers_draw_random_numbers_of_their_own(make):
    env = make(4)
    for drawn in np.array([one["drawn"] for one in told(env)]).T:
        assert len(set(drawn)) == 4


def test_workers_hold_nothing_of_each_other(make):
    both = [one["descriptors"] for env in (make(1), make(4)) for one in told(env)]
    assert len({len(one) for one in both}) == 1
    # The one to the program.
    sockets = [name for one in both for name in one if name.startswith("socket")]
    assert len(sockets) == len(set(sockets)) == 5


def test_signals_are_those_of_the_program(make):
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        env = make()
        assert [(one["on_end"], one["blocked"], one["status"]) for one in told(env)] == [
            (signal.SIG_DFL, sorted({*mask, signal.SIGCHLD}), 3)
        ] * 2
        os.kill(pids(env)[1], signal.SIGKILL)
        with pytest.raises(puffer.WorkerDied, match="worker 1 .*SIGKILL"):
            env.call("tell")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_each_batch_has_the_variables_and_the_folder_of_its_time(make, monkeypatch, tmp_path):
    first = make()
    monkeypatch.setenv("PUFFER_TOLD", "1")
    monkeypatch.chdir(tmp_path)
    second = make()
    assert [(one["variable"], one["folder"] == str(tmp_path)) for one in told(first)] == [(None, False)] * 2
    assert [(one["variable"], one["folder"] == str(tmp_path)) for one in told(second)] == [("1", True)] * 2


EDITED = """
import gymnasium, numpy as np
from gymnasium import spaces

VALUE = {value}
FILE = open({file!r}, "a")

class Env(gymnasium.Env):
    observation_space = spaces.Box(0, 99, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        FILE.write("reset ")
        return np.full(1, VALUE, np.float32), {{}}
"""


def test_each_batch_has_the_modules_of_its_time_and_ends_as_a_process_does(tmp_path):
    module, file = tmp_path / "edited.py", tmp_path / "file"
    module.write_text(EDITED.format(value=1, file=str(file)))
    (tmp_path / "program.py").write_text(
        f"""
from pathlib import Path
import puffer
from edited import Env
for value in (1, 22):
    Path({str(module)!r}).write_text({EDITED!r}.format(value=value, file={str(file)!r}))
    env = puffer.emulate(Env, 2, backend="process", num_workers=2)
    print(env.reset()[0].ravel().tolist())
    env.close()
"""
    )
    assert run_python("program.py", cwd=tmp_path) == "[1.0, 1.0]\n[22.0, 22.0]\n"
    # Nobody has closed it: the interpreter has, at its end.
    assert file.read_text() == "reset " * 4


def test_a_killed_fork_server_takes_its_workers_with_it(make):
    env = make(2, Faulty)
    env.reset()
    server, workers = server_of(env), pids(env)
    os.kill(server, signal.SIGKILL)
    assert wait_until(lambda: not any(is_running(pid) for pid in workers))
    with pytest.raises(puffer.WorkerDied, match="ended with the process that had forked it, .* killed by SIGKILL"):
        env.step([0, 0])
    assert_plays_as_serial(make(2, Faulty))


def test_a_killed_fork_server_is_replaced_with_its_workers(make):
    env = make(2, lambda: Faulty(chance=0), restart_workers=True)
    env.reset()
    server, workers = server_of(env), pids(env)
    os.kill(server, signal.SIGKILL)
    assert wait_until(lambda: not any(is_running(pid) for pid in workers))
    assert env.step([0, 0])[3].all()
    assert not env.step([0, 0])[3].any()
    assert server_of(env) != server
    assert env.stats()["worker_restarts"] == 2


def test_a_worker_that_takes_the_place_of_another_one_comes_from_the_same_fork_server(make):
    env = make(2, lambda: Faulty(chance=0), restart_workers=True)
    env.reset()
    server, (_, lost) = server_of(env), pids(env)
    assert env.step([0, 3])[3].tolist() == [False, True]
    assert server_of(env) == server
    assert not is_there(lost)


def test_a_fork_server_dies_with_a_killed_program():
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import puffer\n"
            "env = puffer.make('gym-CartPole-v1', 2, backend='process', num_workers=2)\n"
            "print(*env.batch.backend.pids, flush=True)\n"
            "input()",
        ],
        cwd=puffer.get_include(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    workers = [int(pid) for pid in program.stdout.readline().split()]
    processes = {*workers, *map(parent_of, workers)}
    assert len(processes) == 3
    assert all(is_running(pid) for pid in processes)
    program.kill()
    program.communicate()
    assert wait_until(lambda: not any(is_running(pid) for pid in processes))


def test_batches_that_threads_make_at_the_same_time(make):
    made = []
    threads = [threading.Thread(target=lambda: made.append(make(2, Faulty))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server_of(env) for env in made}) == 3
    for env in made:
        assert_plays_as_serial(env)


def test_a_fork_of_the_program_has_fork_servers_of_its_own(make):
    env = make(2, Faulty)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            env.close()
            own = puffer.emulate(Faulty, 2, backend="process", num_workers=2)
            server_of(own)
            own.reset()
            own.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert_plays_as_serial(env)


PLAY = """
import os
import puffer
from pathlib import Path
try:
    env = puffer.make("gym-CartPole-v1", 2, backend="process", num_workers=2)
except OSError as error:
    raise SystemExit(print(type(error).__name__))
env.reset(seed=0)
env.step([0, 1])
print([Path(f"/proc/{pid}/stat").read_text().split()[3] == str(os.getpid()) for pid in env.batch.backend.pids])
env.close()
"""


@pytest.mark.parametrize(
    ("begin", "printed"),
    [
        ("", "[False, False]"),
        # As some libraries do when they are imported.
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
            "[True, True]",
        ),
        ("import sys; 'worker.fork_server' in str(sys.orig_argv) and sys.exit(7)", "[True, True]"),
        ("import errno, os\ndef fork(): raise OSError(errno.EAGAIN, 'no')\nos.fork = fork", "BlockingIOError"),
    ],
)
def test_where_a_fork_server_cannot_fork_workers_are_started_one_by_one(tmp_path, begin, printed):
    (tmp_path / "sitecustomize.py").write_text(begin)
    path = f"{tmp_path}{os.pathsep}{puffer.get_include()}"
    assert run_python("-c", PLAY, cwd=tmp_path, path=path).strip() == printed


def test_a_fork_server_that_is_stopped_is_not_waited_for(make, monkeypatch):
    monkeypatch.setattr("puffer.backends.links.fork_server._PATIENCE", 1.0)
    env = make(2, Faulty)
    env.reset()
    server, workers = server_of(env), pids(env)
    os.kill(server, signal.SIGSTOP)
    env.close()
    assert wait_until(lambda: not any(is_running(pid) for pid in (server, *workers)))
