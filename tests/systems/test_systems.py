"""What holds for every system of other authors."""

import os
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from helpers import assert_same, run_script, snapshot
from holders import Hands
from system_cases import SYSTEM_CASES, legal_actions

import puffer
from puffer.systems.requirements import SYSTEMS, missing


@pytest.fixture(params=SYSTEM_CASES, ids=str)
def system_case(request):
    lacking = missing(request.param.system)
    if lacking:
        system = request.param.system
        pytest.skip(f"no {', '.join(lacking)}: {SYSTEMS[system].by_hand or f'python -m puffer.install {system}'}")
    return request.param


@pytest.fixture
def one_process_case(system_case):
    if system_case.many:
        pytest.skip("steps many copies itself")
    return system_case


def play(env, steps, seed=3):
    """Results of a reset and legal steps, with the masks."""
    rng = np.random.default_rng(5)
    results = [(*snapshot(env.reset(seed=seed)), env.masks.copy())]
    for _ in range(steps):
        results.append((*snapshot(env.step(legal_actions(env, results[-1][-2], rng))), env.masks.copy()))
    env.close()
    return results


def test_every_system_has_a_case():
    assert {case.system for case in SYSTEM_CASES} == set(SYSTEMS)


def test_the_same_seed_plays_the_same_game(system_case):
    # The time limit ends episodes on the way, in which the random numbers go on.
    first, second = (play(system_case.make(3, max_steps=170), system_case.steps) for _ in range(2))
    assert_same(first, second)
    assert any((result[2] | result[3]).any() for result in first[1:])


def test_other_seeds_play_other_games(system_case):
    if not system_case.seeded:
        pytest.skip("has no random numbers")
    first, second = (play(system_case.make(3), 100, seed) for seed in (3, 300))
    assert any((one[0] != other[0]).any() for one, other in zip(first, second, strict=True))


def test_a_seed_begins_the_same_game_again(system_case):
    with closing(system_case.make(2)) as env:
        results = []
        for _ in range(2):
            rng = np.random.default_rng(5)
            results.append([snapshot(env.reset(seed=[4, 8]))])
            for _ in range(20):
                results[-1].append(snapshot(env.step(legal_actions(env, results[-1][-1][-1], rng))))
        assert_same(*results)


def test_workers_play_the_same_game(one_process_case):
    options = {"max_steps": 50}
    serial = play(one_process_case.make(4, **options), 120)
    process = play(one_process_case.make(4, **options, backend="process", num_workers=2), 120)
    assert_same(serial, process)


def test_threads_do_not_matter(system_case):
    if not system_case.many:
        pytest.skip("has no threads")
    one, two = (play(system_case.make(4, max_steps=50, num_threads=threads), 120) for threads in (1, 2))
    assert_same(one, two)


def test_what_was_returned_stays_while_it_is_held(system_case):
    env, hands, rng = system_case.make(2, max_steps=25), Hands(most=6), np.random.default_rng(5)
    with closing(env):
        result = env.reset(seed=3)
        for k in range(60):
            hands.take(result, f"result {k}")
            result = env.step(legal_actions(env, result[-1], rng))
            hands.look()


def test_observations_lie_in_the_space(system_case):
    with closing(system_case.make(2)) as env:
        space, rng = env.layout.space, np.random.default_rng(5)
        observations, info = env.reset(seed=1)
        for _ in range(30):
            for row in np.flatnonzero(env.masks):
                assert space.contains(env.layout.value(observations[row])), space
            observations, *_, info = env.step(legal_actions(env, info, rng))


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_time_limits_truncate(system_case, mode):
    with closing(system_case.make(2, max_steps=7, autoreset_mode=mode)) as env:
        rng = np.random.default_rng(5)
        _, info = env.reset(seed=1)
        for step in range(1, 20):
            observations, rewards, terminations, truncations, info = env.step(legal_actions(env, info, rng))
            place = step % 8 if mode == "NextStep" else (step - 1) % 7 + 1
            if not terminations.any():
                assert truncations[env.masks].all() == (place == 7), step
            if mode == "NextStep" and place == 0:
                assert not rewards.any()
            if mode == "SameStep" and place == 7:
                assert (info["final_obs"][0] != observations[0]).any() or not observations[0].any()
            ended = terminations | truncations
            if terminations.any():
                return
            if mode == "Disabled" and ended.any():
                _, info = env.reset(options={"reset_mask": np.ones(env.num_envs, bool)})


def test_a_thousand_steps_then_a_second_environment(system_case):
    for steps in (min(1000, 2 * system_case.steps), 3):
        play(system_case.make(2, record_episodes=True), steps)


def test_an_unknown_argument_is_refused(system_case):
    with pytest.raises((TypeError, ValueError), match="speed_of_light"):
        system_case.make(1, speed_of_light=3).close()


SCRIPT = """
import os, sys
from pathlib import Path
sys.path[:0] = {path!r}
home = Path.cwd()
os.environ.update(HOME=str(home), XDG_CACHE_HOME=str(home / "cache"), TMPDIR=str(home / "temporary"))
os.environ.pop("SDL_AUDIODRIVER", None)
(home / "temporary").mkdir()
import numpy as np, puffer, warnings
from system_cases import SYSTEM_CASES, legal_actions
before = dict(os.environ), list(warnings.filters), "gym" in sys.modules
case = next(case for case in SYSTEM_CASES if str(case) == {name!r})
env = case.make(2)
rng = np.random.default_rng(1)
_, info = env.reset(seed=1)
for _ in range(50):
    *_, info = env.step(legal_actions(env, info, rng))
env.reset(seed=2)
env.close()
after = dict(os.environ), list(warnings.filters), "gym" in sys.modules
assert before == after, (before, after)
left = [str(path) for path in home.rglob("*") if path.is_file() and home / "cache" not in path.parents]
assert not left, left
"""


MEMORY_SCRIPT = """
import sys
sys.path[:0] = {path!r}
import gc, numpy as np, psutil
from system_cases import SYSTEM_CASES, legal_actions
case = next(case for case in SYSTEM_CASES if str(case) == {name!r})
env = case.make(2)
rng = np.random.default_rng(1)
_, info = env.reset(seed=1)
held = []
for part in range(3):
    for _ in range({steps} // 3):
        *_, info = env.step(legal_actions(env, info, rng))
    gc.collect()
    held.append(psutil.Process().memory_info().rss / 2**20)
print(held[2] - held[1])
"""


def test_memory_stays_flat(system_case, request):
    pytest.importorskip("psutil")
    paths = [puffer.get_include(), os.path.dirname(__file__)]
    steps = request.config.getoption("--system-steps")
    script = MEMORY_SCRIPT.format(path=paths, name=str(system_case), steps=steps)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60 + steps / 10)
    assert done.returncode == 0, done.stderr
    # In MB over the last third of the steps, where nothing is used for the first time.
    assert float(done.stdout) < system_case.settles + 0.0005 * steps


def test_leaves_no_traces(system_case, tmp_path):
    paths = [puffer.get_include(), os.path.dirname(__file__)]
    script = SCRIPT.format(path=paths, name=str(system_case))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_importing_puffer_imports_no_system():
    modules = set(run_script("import sys, puffer; puffer.list_envs(); print(*sys.modules)").split())
    assert not modules & {module for system in SYSTEMS.values() for module in system.imports}
