"""Threads: sending and receiving, forks, idle pools, several Python threads, ends with work under way."""

import os
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest
from gymnasium import error
from helpers import assert_same, make, play, random_actions, run_script, snapshot

# Large enough that a step takes milliseconds.
MANY = 300_000
REFUSALS = (RuntimeError, error.AlreadyPendingCallError, error.NoAsyncCallError, error.ClosedEnvironmentError)


def until(condition, seconds=20):
    """Wait for something that another thread does; fails when it takes absurdly long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.0005)


class Repeated(threading.Thread):
    """Makes the same call over and over, refused or not, for as long as the with-block lasts."""

    def __init__(self, call):
        super().__init__()
        self.call = call
        self.calls = 0
        self.stopping = False

    def run(self):
        while not self.stopping:
            try:
                self.call()
                self.calls += 1
            except REFUSALS:
                time.sleep(0.0002)

    def __enter__(self):
        self.start()
        until(lambda: self.calls)
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.join()


def is_refused(call):
    """Whether a call is refused because another thread steps; it may also succeed, between two steps."""
    try:
        call()
    except REFUSALS as refusal:
        return "another thread" in str(refusal)
    return False


# ---- Send and recv ----


@pytest.mark.parametrize("num_threads", [0, 1, 3])
def test_a_send_and_a_recv_are_a_step(kind, num_threads):
    env, sender = make(kind, 10), make(kind, 10, num_threads=num_threads)
    actions = random_actions(env, 60)
    expected = play(env, actions)
    sender.reset(seed=0)
    for action, result in zip(actions, expected[1:], strict=True):
        sender.send(action)
        assert_same(snapshot(sender.recv()), result)


def test_steps_and_sends_may_alternate(kind):
    env, mixed = make(kind, 10), make(kind, 10, num_threads=3)
    actions = random_actions(env, 60)
    expected = play(env, actions)
    mixed.reset(seed=0)
    for k, (action, result) in enumerate(zip(actions, expected[1:], strict=True)):
        if k % 3:
            assert_same(snapshot(mixed.step(action)), result)
        else:
            mixed.send(action)
            assert_same(snapshot(mixed.recv()), result)


def test_parts_come_back_in_the_order_they_were_sent():
    env = make("ocean-catch", 12, batch_size=3, num_threads=2)
    observations = env.reset(seed=0)[0].copy()
    env.async_reset(seed=0)
    for k in range(4):
        part, rewards, terminations, truncations, info = env.recv()
        rows = slice(3 * k, 3 * k + 3)
        assert info["env_id"].tolist() == list(range(12))[rows]
        assert np.array_equal(part, observations[rows])
        assert not rewards.any()
        assert not (terminations | truncations).any()
    for k in (0, 1, 2, 3, 0, 1):
        if k == 0:
            for _ in range(4):
                env.send(np.ones(3, int))
        assert env.recv()[4]["env_id"][0] == 3 * k


def test_a_part_takes_actions_for_its_rows_only():
    env = make("ocean-catch", 12, batch_size=3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(12,\)"):
        env.send(np.ones(12, int))
    with pytest.raises(ValueError, match=r"actions\[1\] is 9: row 1"):
        env.send([0, 9, 0])
    env.send([0, 1, 2])


def test_more_sends_than_parts_are_refused():
    env = make("ocean-catch", 4, batch_size=2)
    env.reset(seed=0)
    for _ in range(2):
        env.send([1, 1])
    with pytest.raises(error.AlreadyPendingCallError):
        env.send([1, 1])
    with pytest.raises(error.AlreadyPendingCallError):
        env.step([1, 1])
    assert [env.recv()[4]["env_id"][0] for _ in range(2)] == [0, 2]


def test_a_step_of_a_split_batch_is_a_send_and_a_recv():
    env, parts = make("ocean-catch", 4), make("ocean-catch", 4, batch_size=2)
    env.reset(seed=0)
    parts.reset(seed=0)
    for action in random_actions(env, 30):
        expected = snapshot(env.step(action))
        for rows in (slice(0, 2), slice(2, 4)):
            result = parts.step(action[rows])
            assert result[4]["env_id"].tolist() == list(range(4))[rows]
            assert_same(tuple(array.copy() for array in result[:4]), tuple(array[rows] for array in expected[:4]))


def test_the_caller_may_change_the_actions_after_a_send():
    env, expected = make("ocean-catch", 1000, num_threads=2), make("ocean-catch", 1000)
    for batch in (env, expected):
        batch.reset(seed=0)
    actions = random_actions(env, 1)[0]
    kept = actions.copy()
    env.send(actions)
    actions[:] = 99
    assert_same(snapshot(env.recv()), snapshot(expected.step(kept)))


def test_an_async_reset_may_interrupt_and_repeat():
    env = make("ocean-catch", 6, batch_size=2)
    env.reset(seed=5)
    env.send([1, 1])
    for _ in range(3):
        env.async_reset(seed=0)
        env.recv()
    assert [env.recv()[4]["env_id"][0] for _ in range(2)] == [2, 4]
    with pytest.raises(error.NoAsyncCallError):
        env.recv()
    fresh = make("ocean-catch", 6)
    fresh.reset(seed=0)
    assert np.array_equal(env.get_state(), fresh.get_state())


# ---- Python threads ----


def test_other_python_threads_run_while_a_step_runs():
    """The GIL is released: with it held, no other thread would take the time in the middle of a step."""
    env = make("ocean-catch", MANY)
    env.reset(seed=0)
    times, inside = [], 0
    with Repeated(lambda: times.append(time.perf_counter())):
        for _ in range(30):
            times.clear()
            begin = time.perf_counter()
            env.step(np.zeros(MANY, np.int32))
            end = time.perf_counter()
            inside += sum(begin + 0.001 < at < end - 0.001 for at in list(times))
            if inside > 100:
                return
    pytest.fail("no other thread ran")


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("method", ["step", "send", "recv", "reset", "stats", "get_state", "async_reset", "close"])
def test_a_second_thread_is_refused_while_a_step_runs(method, num_threads):
    actions = np.zeros(MANY, np.int32)
    arguments = (actions,) if method in ("step", "send") else ()
    for _ in range(20):
        env = make("ocean-catch", MANY, num_threads=num_threads)
        env.reset(seed=0)
        with Repeated(partial(env.step, actions)):
            if any(is_refused(partial(getattr(env, method), *arguments)) for _ in range(100)):
                return
    pytest.fail("never refused")


def test_a_second_thread_is_refused_while_a_recv_waits():
    env = make("ocean-catch", MANY, num_threads=2)
    env.reset(seed=0)

    def send_and_receive():
        env.send(np.zeros(MANY, np.int32))
        env.recv()

    with Repeated(send_and_receive):
        until(lambda: is_refused(env.stats))


def test_a_step_during_a_reset_of_another_thread_is_refused_or_waits():
    """A reset writes all rows without the GIL; a step in the middle of it would mix old and new episodes."""
    env, expected = make("ocean-squared", MANY), make("ocean-squared", MANY)
    env.reset(seed=0)
    actions = np.zeros(MANY, np.int32)
    expected.reset(seed=0)
    first = expected.get_state()
    expected.step(actions)
    second = expected.get_state()
    began = threading.Event()

    def reset():
        began.set()
        env.reset(seed=0)

    for _ in range(5):
        thread = threading.Thread(target=reset)
        began.clear()
        thread.start()
        began.wait()
        time.sleep(0.001)
        refused = is_refused(lambda: env.step(actions))
        thread.join()
        state = env.get_state()
        assert np.array_equal(state, first) or (not refused and np.array_equal(state, second))


def test_two_threads_may_hand_an_env_to_each_other():
    env, expected = make("ocean-catch", 50, num_threads=2), make("ocean-catch", 50)
    actions = random_actions(env, 20)
    results = []
    env.reset(seed=0)
    for action in actions:
        env.send(action)
        thread = threading.Thread(target=lambda: results.append(snapshot(env.recv())))
        thread.start()
        thread.join()
    assert_same(results, play(expected, actions)[1:])


# ---- The pool ----


def test_an_idle_pool_uses_no_processor():
    env = make("ocean-catch", 1000, num_threads=8)
    env.reset(seed=0)
    for _ in range(100):
        env.step(np.ones(1000, np.int32))
    time.sleep(0.05)
    begin = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - begin < 0.15


def threads_of_this_process():
    return len(os.listdir("/proc/self/task"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
@pytest.mark.parametrize("end", ["close", "del"])
def test_the_threads_end_with_the_env(end):
    before = threads_of_this_process()
    env = make("ocean-catch", 64, num_threads=5)
    env.reset(seed=0)
    env.step(np.ones(64, int))
    # Builds with checks step in the calling thread.
    is_checked = hasattr(sys.modules["puffer.ocean.catch"], "__puffer_checked__")
    assert threads_of_this_process() == before + (0 if is_checked else 4)
    env.send(np.ones(64, int))
    if end == "close":
        env.close()
    del env
    until(lambda: threads_of_this_process() == before)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_one_thread_and_no_send_start_no_thread():
    before = threads_of_this_process()
    env = make("ocean-catch", 64)
    env.reset(seed=0)
    env.step(np.ones(64, int))
    assert threads_of_this_process() == before


# ---- Forks ----

FORK = """
import os
import signal
import warnings
import numpy as np
import puffer
from gymnasium import error
warnings.filterwarnings("ignore", category=DeprecationWarning)

def in_child(work):
    '''Run `work` in a forked child, which must end well and soon.'''
    child = os.fork()
    if not child:
        signal.alarm(15)
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"child: {status}"

def make(num_envs=300, **options):
    env = puffer.make("ocean-catch", num_envs, **options)
    env.reset(seed=0)
    return env

def play(env, count=30):
    ones = np.ones(env.batch_size, int)
    return np.concatenate([np.concatenate([array.ravel() for array in env.step(ones)[:4]]) for _ in range(count)])
"""


@pytest.mark.parametrize(
    "options", ["num_threads=3", "num_threads=1", "num_threads=0", "num_threads=3, batch_size=100"]
)
def test_a_child_goes_on_as_the_parent(options):
    """A fork copies the memory of the pool but not its threads."""
    run_script(
        FORK
        + f"""
env, twin = make({options}), make({options})
assert np.array_equal(play(env), play(twin))
expected = play(twin)
def child():
    assert np.array_equal(play(env), expected)
    env.send(np.ones(env.batch_size, int))
    env.recv()
    env.reset(seed=1)
    play(env)
    env.close()
in_child(child)
in_child(child)
assert np.array_equal(play(env), expected)
"""
    )


@pytest.mark.parametrize("reset", ["env.reset(seed=1)", "env.async_reset(seed=1); env.recv()"])
def test_a_fork_while_a_send_is_under_way_needs_a_reset_in_the_child(reset):
    run_script(
        FORK
        + f"""
SIZE = 500_000
env = make(SIZE, num_threads=2)
env.send(np.ones(SIZE, int))
def child():
    try:
        env.recv()
        raise SystemExit("recv() in the child gave something")
    except RuntimeError as refusal:
        assert "fork" in str(refusal) and "reset()" in str(refusal), refusal
    {reset}
    fresh = make(SIZE, num_threads=1)
    fresh.reset(seed=1)
    assert np.array_equal(env.get_state([0, SIZE - 1]), fresh.get_state([0, SIZE - 1]))
    env.step(np.ones(SIZE, int))
in_child(child)
env.recv()
env.step(np.ones(SIZE, int))
"""
    )


@pytest.mark.parametrize("end", ["env.close()", "del globals()['env']", "pass"])
def test_a_child_may_end_an_env_with_sends_under_way(end):
    run_script(
        FORK
        + f"""
env = make(200_000, num_threads=2, batch_size=100_000)
for _ in range(2):
    env.send(np.ones(100_000, int))
def child():
    {end}
in_child(child)
env.recv()
env.recv()
"""
    )


def test_a_fork_in_another_thread_while_a_step_runs_can_be_made_good_by_a_reset():
    run_script(
        FORK
        + """
import threading
import time
SIZE = 300_000
env = make(SIZE, num_threads=2)
stopping = False
def work():
    while not stopping:
        env.step(np.ones(SIZE, int))
thread = threading.Thread(target=work)
thread.start()
time.sleep(0.1)
def child():
    env.reset(seed=1)
    env.step(np.ones(SIZE, int))
try:
    for _ in range(3):
        in_child(child)
finally:
    stopping = True
    thread.join()
"""
    )


def test_worker_processes_made_by_a_fork_step_their_own_envs():
    run_script(
        FORK
        + """
import multiprocessing
context = multiprocessing.get_context("fork")
env = make(num_threads=2)
expected = play(make(num_threads=2)).tobytes()
def work(queue):
    queue.put(play(env).tobytes())
queue = context.Queue()
workers = [context.Process(target=work, args=(queue,)) for _ in range(3)]
for worker in workers:
    worker.start()
results = [queue.get(timeout=20) for _ in workers]
for worker in workers:
    worker.join()
assert results == [expected] * 3
"""
    )
