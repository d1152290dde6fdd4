"""NetHack: puffer's environments against those of nle, and what is puffer's own."""

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from helpers import assert_same, run_script, snapshot
from nle_package import assert_shows, bare_task, begin, make, printed_at
from puffer.wrappers.adapters.adapter import seeds_after

import puffer
from puffer import Buffers
from puffer.systems import nethack
from puffer.systems.nethack.library import isolate

nle_nethack = pytest.importorskip("nle.nethack", reason="python -m puffer.install nethack")

FEW = ("glyphs", "blstats", "message")
# A game of nethack-score with this seed begins with a question that nle cannot answer.
QUESTION = 1288245594


@pytest.mark.parametrize("name", nethack.names())
def test_plays_what_nle_plays(name):
    task, rng = bare_task(nethack._task(name)), np.random.default_rng(2)
    ends = 0
    with make(f"nethack-{name}".rstrip("-"), max_episode_steps=150) as env:
        task._max_episode_steps = 150
        seeds = seeds_after(4)
        env.reset(seed=4)
        assert_shows(env, 0, begin(task, 4))
        assert env.single_action_space == task.action_space
        for action in rng.integers(0, task.action_space.n, 400):
            _, rewards, terminations, truncations, info = env.step([action])
            observation, reward, ended, _, expected_info = task.step(action)
            assert rewards[0] == np.float32(reward)
            assert (terminations | truncations)[0] == ended
            if ended:
                ends += 1
                assert info["final_info"]["end_status"][0] == expected_info["end_status"]
                observation = begin(task, next(seeds))
            assert_shows(env, 0, observation)
    task.close()
    assert ends >= 2


def test_the_names_are_the_tasks_that_nle_registers():
    ids = run_script("import gymnasium, nle; print(*[id for id in gymnasium.registry if id.startswith('NetHack')])")
    tasks = [nethack._task(name) for name in nethack.names()]
    assert sorted(f"{task}-v0" for task in tasks) == sorted(ids.split())
    assert {"nethack", "nethack-score", "nethack-staircase-pet", "nethack-challenge"} <= set(puffer.list_envs())
    assert nethack._task("NetHackStaircasePet-v0") == "NetHackStaircasePet"
    with pytest.raises(gymnasium.error.NameNotFound, match="nethack-score"):
        puffer.make("nethack-scores")


def rows_of(env):
    """Rows like those of a batch."""
    space = env.layout.flat_space
    return Buffers(3, space.shape, space.dtype, (), np.int32)


def bound(env, rows, row):
    own = Buffers(1, rows.observations.shape[1:], rows.observations.dtype, (), np.int32, rows.rows(slice(row, row + 1)))
    own.masks[:] = True
    env.bind(own)


@pytest.mark.parametrize("keys", [None, FEW, ("chars", "colors"), ("tty_cursor", "misc", "glyphs", "inv_letters")])
def test_writes_into_the_rows(keys):
    env = nethack.NetHack("NetHackScore", observation_keys=keys)
    rows = rows_of(env)
    bound(env, rows, 1)
    env.reset(seed=1)
    game = env._task.nethack
    for key, array in game._obs_buffers.items():
        assert np.shares_memory(array, rows.observations[1]) == (key in env.single_observation_space.spaces), key
    assert not rows.observations[[0, 2]].any()
    assert rows.observations[1].any()
    env.close()


def test_other_rows_in_the_middle_of_a_game():
    actions = np.random.default_rng(3).integers(0, 23, 60)
    shown = []
    for moves in (False, True):
        env = nethack.NetHack("NetHackScore")
        first, second = rows_of(env), rows_of(env)
        bound(env, first, 0)
        env.reset(seed=5)
        results = []
        for step, action in enumerate(actions):
            if moves and step == 20:
                bound(env, second, 2)
            if step == 40:
                env.reset(seed=6)
            env.actions[0] = action
            observations, rewards, *_ = env.step(env.actions)
            results.append((observations.copy(), rewards.copy()))
        # From the next game on it writes into the new rows.
        assert observations is env.observations
        shown.append(results)
        env.close()
    assert_same(*shown)


DATES = """
import numpy as np, puffer
env = puffer.make("nethack-score", 2, backend="serial", fix_moon_phase={fixed})
for _ in range(2):
    observations, _ = env.reset(seed=[8, 9])
    print([bytes(row).rstrip(b"\\0") for row in env.layout.view(observations)["message"]])
    for action in np.random.default_rng(1).integers(0, 23, 300):
        env.step([action] * 2)
    print(observations.tobytes().hex()[::997])
env.close()
"""


def test_plays_the_same_on_every_day(tmp_path):
    # A day of new moon, one of full moon at night, and a Friday the 13th.
    dates = [1760956200, 1759795200, 1765627200]
    assert len(set(printed_at(dates, DATES.format(fixed=True), tmp_path))) == 1
    # The clock is one that NetHack heeds.
    assert "moon tonight" in printed_at([dates[1]], DATES.format(fixed=False), tmp_path)[0]


def test_the_library_asks_the_clock_of_its_thread(tmp_path):
    installed = Path(importlib.util.find_spec("nle").submodule_search_locations[0], "libnethack.so")
    own = shutil.copy(installed, tmp_path)
    nethack.clock.show()
    isolate(Path(own), own_clock=True)
    getnow = ctypes.CDLL(own).getnow
    getnow.restype = ctypes.c_long

    def asked(seconds):
        nethack.clock.set_time(seconds)
        barrier.wait()
        return getnow()

    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(asked, (1_234_567_890, 7))) == [1_234_567_890, 7]
    seeds = range(1000)
    # Neighbours differ in what NetHack makes of the time.
    assert len({nethack.start_of_game(seed) // 257 % 100 for seed in seeds}) == 100
    assert all(0 < nethack.start_of_game(seed) < 2**31 for seed in (0, 2**31, 2**63, 2**64 - 1))


def test_a_library_without_the_clock_is_told(tmp_path):
    installed = Path(importlib.util.find_spec("nle").submodule_search_locations[0], "libnethack.so")
    other = tmp_path / "other.so"
    other.write_bytes(installed.read_bytes().replace(b"libnethack.so\0", b"libanother.so\0"))
    with pytest.warns(UserWarning, match="cannot be given a clock"):
        isolate(other, own_clock=True)


def test_a_time_limit_truncates_and_shows_the_map():
    with make("nethack-score", max_episode_steps=3, autoreset_mode="Disabled") as env:
        observations, _ = env.reset(seed=1)
        for step in range(1, 4):
            _, _, terminations, truncations, info = env.step([1])
            assert not terminations[0]
            assert truncations[0] == (step == 3)
            assert ("end_status" in info) == (step == 3)
        assert info["end_status"][0] == -1
        shown = env.layout.view(observations)
        # Health, and the player on the map, which nle itself has cleared by now.
        assert shown["blstats"][0, 10] > 0
        assert (shown["chars"][0] == ord("@")).any()
        # A new game follows, on a clean screen.
        task = bare_task("NetHackScore")
        env.reset(seed=7)
        assert_shows(env, 0, begin(task, 7))
        task.close()


def test_death_terminates():
    with make("nethack-score", 2, character="tou-hum-neu-fem") as env:
        env.reset(seed=11)
        rng = np.random.default_rng(0)
        for _ in range(3000):
            _, _, terminations, truncations, info = env.step(rng.integers(0, 23, 2))
            if terminations.any():
                break
        assert not truncations.any()
        assert info["final_info"]["end_status"][terminations].tolist() == [1]


def test_the_challenge_is_seeded_and_ends_without_progress():
    options = {"observation_keys": FEW, "no_progress_timeout": 40}
    games = []
    for _ in range(2):
        with make("nethack-challenge", **options) as env:
            results = [snapshot(env.reset(seed=3))]
            # An action that takes no time.
            look = nle_nethack.ACTIONS.index(nle_nethack.Command.LOOK)
            results += [snapshot(env.step([look])) for _ in range(60)]
            games.append(results)
    assert_same(*games)
    assert sum(result[3][0] for result in games[0][1:]) >= 1
    assert not any(result[2][0] for result in games[0][1:])


def test_a_game_that_begins_with_a_question_is_replaced_by_the_same_one():
    games = []
    for seed in (QUESTION, QUESTION, QUESTION + 1):
        with make("nethack-score", observation_keys=("tty_chars",)) as env:
            games.append(env.reset(seed=seed)[0].copy())
    assert (games[0] == games[1]).all()
    assert (games[0] != games[2]).any()
    assert b"Call a" not in games[0].tobytes()


def test_arguments_reach_the_task():
    keys = ("message", "glyphs")
    actions = (nle_nethack.CompassDirection.N, nle_nethack.Command.SEARCH)
    options = {"character": "val-dwa-law-fem", "penalty_mode": "always", "penalty_step": -0.5}
    with make("nethack-score", observation_keys=keys, actions=actions, **options) as env:
        observations, _ = env.reset(seed=2)
        assert env.single_action_space.n == 2
        shown = env.layout.view(observations)
        assert set(shown) == set(keys)
        assert b"lawful dwarven Valkyrie" in shown["message"].tobytes()
        _, rewards, *_ = env.step([1])
        assert rewards[0] == -0.5


def test_recordings_only_where_they_are_asked_for(tmp_path):
    with make("nethack-score", savedir=str(tmp_path / "games"), save_ttyrec_every=1) as env:
        env.reset(seed=1)
        env.step([1])
    assert [path.suffixes[-2:] for path in (tmp_path / "games").iterdir() if path.suffix == ".bz2"]


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_copies_record_into_different_files(backend, tmp_path):
    with make("nethack-score", 3, backend=backend, savedir=tmp_path, save_ttyrec_every=1, max_episode_steps=5) as env:
        env.reset(seed=1)
        for _ in range(12):
            env.step([1] * 3)
    # Each has begun three games.
    recorded = list(tmp_path.rglob("*.ttyrec*.bz2"))
    assert len(recorded) == 9
    assert len({path.read_bytes() for path in recorded}) == 9
    with pytest.raises(TypeError, match="savedir must be a path"):
        puffer.make("nethack-score", 1, backend="serial", savedir=3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"observation_keys": "glyphs"}, TypeError, "observation_keys must be a sequence"),
        ({"observation_keys": ()}, ValueError, "observation_keys must not be empty"),
        ({"observation_keys": ("glyphs", "pixels")}, ValueError, r"observation_keys\[1\] must be one of"),
        ({"observation_keys": ("glyphs", "glyphs")}, ValueError, "must not have 'glyphs' twice"),
        ({"actions": "hjkl"}, TypeError, "actions must be a sequence"),
        ({"actions": [-1]}, ValueError, r"actions\[0\] must be at least 0"),
        ({"actions": [1.5]}, TypeError, r"actions\[0\] must be an integer"),
        ({"character": "elf"}, ValueError, "the role in character"),
        ({"character": "mon-monk"}, ValueError, "the part after the role in character"),
        ({"character": None}, TypeError, "character must be a string"),
        ({"max_episode_steps": 0}, ValueError, "max_episode_steps must be at least 1"),
        ({"options": [3]}, TypeError, r"options\[0\] must be a string"),
        ({"penalty_mode": "none"}, ValueError, "penalty_mode must be one of"),
        ({"fix_moon_phase": "yes"}, TypeError, "fix_moon_phase must be a bool"),
        ({"render_mode": "pixel"}, ValueError, "render_mode must be None or one of"),
        ({"speed": 1}, TypeError, "speed"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        puffer.make("nethack-score", backend="serial", **arguments)


def test_options_that_begin_no_game():
    with make("nethack-score", options=["nonsense"]) as env, pytest.raises(RuntimeError, match="are its options right"):
        env.reset(seed=1)


def test_closing_gives_back_files_and_descriptors(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for cycle in range(100):
        with make("nethack-score", observation_keys=FEW, max_steps=2) as env:
            if cycle % 2:
                env.reset(seed=cycle)
                for _ in range(3):
                    env.step([1])
            assert len(list(tmp_path.iterdir())) == 1
    assert len(os.listdir("/proc/self/fd")) == before
    assert not list(tmp_path.iterdir())


def test_pictures_and_text():
    with make("nethack-score", 2, render_mode="rgb_array", observation_keys=FEW) as env:
        env.reset(seed=1)
        first = env.render()
        assert [frame.shape for frame in first] == [(336, 1264, 3)] * 2
        assert all(frame.any() for frame in first)
        kept = first[0].copy()
        for action in (1, 2, 3, 4, 5, 6, 7, 8):
            env.step([action] * 2)
        assert (first[0] == kept).all()
        assert (env.render()[0] != kept).any()
    with make("nethack-score", render_mode="ansi", observation_keys=FEW) as env:
        observations, _ = env.reset(seed=1)
        assert set(env.layout.view(observations)) == set(FEW)
        text = re.sub(r"\033\[[\d;]*m", "", env.render()[0])
        assert "Hello Agent" in text
        assert len(text.strip("\n").split("\n")) == 24


def test_functions_of_other_libraries_do_not_matter(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, library = tmp_path / "other.c", tmp_path / "other.so"
    # A function of the game, that another library has as well.
    source.write_text("#include <stdlib.h>\nlong start_timer(void) { abort(); }\n")
    subprocess.run([compiler, "-shared", "-fPIC", source, "-o", library], check=True)
    assert "played" in run_script(f"""
import ctypes, numpy as np, puffer
other = ctypes.CDLL({str(library)!r}, mode=ctypes.RTLD_GLOBAL)
env = puffer.make("nethack-score", 1, backend="serial")
env.reset(seed=1)
for _ in range(200):
    env.step(env.action_space.sample())
env.reset(seed=2)
print("played")
""")
