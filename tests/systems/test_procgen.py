"""Procgen's games against the library of the package itself, and what is particular to them."""

import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from gymnasium.error import NameNotFound
from gymnasium.vector import AutoresetMode
from helpers import assert_same, make, play_at_random, random_actions, run_script, snapshot
from procgen_package import GAMES, MISSING, REASON, Game

import puffer
from puffer.faces.gymnasium import SingleEnv
from puffer.registry import find

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

MODES = [(game, mode) for game in GAMES for mode in find(f"procgen-{game}").time_limits]
# Where each option shows.
OPTIONS = [
    ("coinrun", {"num_levels": 2, "start_level": 77}),
    ("coinrun", {"use_sequential_levels": True, "distribution_mode": "easy"}),
    ("coinrun", {"paint_vel_info": True}),
    ("caveflyer", {"center_agent": False}),
    ("heist", {"use_backgrounds": False}),
    ("bossfight", {"use_monochrome_assets": True}),
    ("bossfight", {"restrict_themes": True}),
]
STAY, UP = 4, 5
# The infos in the order in which the package's library has them.
INFOS = ("prev_level_seed", "prev_level_complete", "level_seed")


def backend(env):
    return env.unwrapped.native_env


def assert_plays_like_the_package(game, steps, actions=None, seed=7, **options):
    """Two copies that reset themselves, and the library; returns how many episodes (terminated, were truncated)."""
    env = make(f"procgen-{game}", 2, **options)
    shown, info = env.reset(seed=seed)
    of_package = {"exploration": {"distribution_mode": "hard", "num_levels": 1}}
    of_package = of_package.get(options.get("distribution_mode"), {})
    if of_package:
        of_package["start_level"] = find(f"procgen-{game}").exploration_level
    package = [Game(game, int(seed), **{**options, **of_package}) for seed in backend(env).rand_seeds]
    limit, lengths, ends = backend(env).max_steps, np.zeros(2, int), np.zeros(2, int)
    assert np.array_equal(shown, np.concatenate([one.observations for one in package]))
    assert_tells_levels_as_the_package(info, package)
    for step_actions in random_actions(env, steps) if actions is None else np.full((steps, 2), actions):
        last = shown.copy()
        shown, rewards, terminations, truncations, info = env.step(step_actions)
        for row, one in enumerate(package):
            one.step(step_actions[row])
            lengths[row] += 1
            assert np.array_equal(shown[row], one.observations[0])
            assert rewards[row] == one.rewards[0]
            assert backend(env).levels[row] == one.levels[0]
            assert (terminations[row] or truncations[row]) == one.firsts[0]
            assert truncations[row] == (lengths[row] == limit)
            if terminations[row] and not truncations[row]:
                assert np.array_equal(info["final_obs"][row], last[row])
            if one.firsts[0]:
                lengths[row] = 0
        assert_tells_levels_as_the_package(info, package)
        ends += terminations.sum(), truncations.sum()
    for one in package:
        one.close()
    env.close()
    return ends


def assert_tells_levels_as_the_package(info, package):
    assert set(info) - {"final_obs", "_final_obs", "final_info", "_final_info"} == {*INFOS, *(f"_{k}" for k in INFOS)}
    for k, name in enumerate(INFOS):
        assert info[name].tolist() == [one.infos[k][0] for one in package]
        assert info[name].dtype == package[0].infos[k].dtype
        assert info[f"_{name}"].all()


# ---- The package ----


@pytest.mark.parametrize(("game", "mode"), MODES)
def test_a_game_plays_as_in_the_package(game, mode):
    assert_plays_like_the_package(game, 120, distribution_mode=mode)


@pytest.mark.parametrize(("game", "options"), OPTIONS, ids=str)
def test_options_do_what_they_do_in_the_package(game, options):
    assert_plays_like_the_package(game, 200, **options)
    first, second = (make(f"procgen-{game}", 1, **given).reset(seed=3)[0] for given in ({}, options))
    assert not np.array_equal(first, second)


def test_the_levels_of_the_package_go_on_after_a_truncation_and_after_a_death():
    terminated, truncated = assert_plays_like_the_package("leaper", 1100)
    assert terminated > 0
    assert_plays_like_the_package("maze", 1100, actions=STAY)
    assert assert_plays_like_the_package("jumper", 4100, STAY, distribution_mode="memory").tolist() == [0, 4]


@pytest.mark.parametrize(("game", "mode"), MODES)
def test_time_limits_are_those_of_the_library(game, mode):
    cls = find(f"procgen-{game}")
    package = Game(game, 1, distribution_mode="hard" if mode == "exploration" else mode)
    assert cls.time_limits[mode] == package.time_limit() == make(f"procgen-{game}", 1, distribution_mode=mode).max_steps
    assert cls.default_max_steps == cls.time_limits["hard"]
    package.close()


# ---- Ends of episodes ----


def test_max_steps_may_be_longer_than_the_time_limit_of_the_library():
    env = make("procgen-maze", 1, max_steps=1200)
    env.reset(seed=0)
    ends = [int(env.step([STAY])[3][0]) for _ in range(1200)]
    assert sum(ends) == ends[-1] == 1


def test_the_last_observation_before_a_truncation_is_that_of_the_last_step():
    env, longer = (make("procgen-coinrun", 2, max_steps=limit) for limit in (20, 30))
    for one in (env, longer):
        one.reset(seed=1)
    for actions in random_actions(env, 20):
        *_, truncations, info = env.step(actions)
        expected = longer.step(actions)[0]
    assert truncations.all()
    assert np.array_equal(np.stack(info["final_obs"]), expected)


def test_a_series_of_levels_is_one_episode_in_which_each_level_has_its_time():
    series = {"use_sequential_levels": True, "distribution_mode": "easy", "num_levels": 1, "start_level": 3}
    env = make("procgen-leaper", 1, autoreset_mode="Disabled", **series)
    env.reset(seed=0)
    crossing = [env.step([UP])[1][0] for _ in range(12)]  # nothing is in the way in this level
    assert crossing == 11 * [0] + [10]
    assert backend(env).levels == 3 + 997
    ends = [int(env.step([STAY])[3][0]) for _ in range(500)]
    assert sum(ends) == ends[-1] == 1
    assert env.stats() == {"episodes": 1, "episode_return": 10, "episode_length": 512, "levels_completed": 1}
    shorter = make("procgen-leaper", 1, max_steps=50, **series)
    shorter.reset(seed=0)
    assert [shorter.step([UP if step < 12 else STAY])[3][0] for step in range(50)].index(True) == 49


def test_an_ended_episode_shows_its_last_picture_and_level_until_it_is_reset():
    env = make("procgen-fruitbot", 1, autoreset_mode="Disabled", render_mode="rgb_array")
    shown, level = env.reset(seed=0)[0].copy(), backend(env).levels
    for action in random_actions(env, 1000):
        observations, *_, terminations, _, _ = env.step(action)
        if terminations[0]:
            break
        shown = observations.copy()
    assert terminations[0]
    assert np.array_equal(observations, shown)
    assert np.array_equal(backend(env).levels, level)
    assert np.array_equal(env.render()[0], shown[0].repeat(8, axis=0).repeat(8, axis=1))
    assert not np.array_equal(env.reset()[0], shown)
    assert backend(env).levels != level


# ---- Levels and seeds ----


def test_infos_of_an_end_are_about_the_level_that_was_played():
    options = {"distribution_mode": "easy", "num_levels": 50}
    now, later = (make("procgen-fruitbot", 4, autoreset_mode=mode, **options) for mode in ("SameStep", "NextStep"))
    for one in (now, later):
        one.reset(seed=1)
    ended, ends = np.zeros(4, bool), 0
    for actions in random_actions(now, 200):
        levels = np.array(later.get_attr("level"))
        *_, terminations, _, info = later.step(actions)
        assert (info["level_seed"] == later.get_attr("level")).all()
        assert (info["prev_level_seed"] == levels).all()
        # The step of a reset completes nothing.
        assert not (ended & info["prev_level_complete"]).any()
        ended = terminations.copy()
    while ends < 10:
        levels = np.array(now.get_attr("level"))
        *_, terminations, _, info = now.step(now.action_space.sample())
        if terminations.any():
            final = info["final_info"]
            assert (final["_level_seed"] == terminations).all()
            for name in INFOS:
                assert (final[name][~terminations] == 0).all()
                if name != "level_seed":
                    assert (final[name] == np.where(terminations, info[name], 0)).all()
            assert (final["level_seed"] == np.where(terminations, levels, 0)).all()
            assert (info["level_seed"] == now.get_attr("level")).all()
            ends += terminations.sum()


def test_infos_of_parts_and_of_partial_resets_are_those_of_their_rows():
    env = make("procgen-maze", 4, batch_size=2, autoreset_mode="Disabled")
    _, info = env.reset(seed=1)
    levels = info["level_seed"]
    env.send(np.full(2, STAY))
    env.send(np.full(2, STAY))
    for _ in range(2):
        *_, info = env.recv()
        assert (info["level_seed"] == levels[info["env_id"]]).all()
    _, info = env.reset(options={"reset_mask": np.arange(4) == 2})
    assert info["_level_seed"].tolist() == [False, False, True, False]
    assert info["prev_level_seed"].tolist() == [0, 0, levels[2], 0]
    assert info["level_seed"].tolist() == [0, 0, backend(env).levels[2], 0]


def test_an_info_that_is_kept_stays_as_it_was():
    env = make("procgen-maze", 2)
    _, first = env.reset(seed=1)
    levels = backend(env).levels
    kept = env.step(np.full(2, STAY))[4]
    env.reset(seed=2)
    assert (first["level_seed"] == levels).all()
    assert (kept["level_seed"] == levels).all()


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("options", [{"num_levels": 9}, {"max_steps": 30}, {"distribution_mode": "easy"}], ids=str)
def test_a_level_that_was_set_is_played_from_the_next_episode_on(mode, options):
    env = make("procgen-leaper", 3, autoreset_mode=mode, **options)
    alone = make("procgen-leaper", 1, **{**options, "num_levels": 1, "start_level": 123})
    env.reset(seed=1)
    alone.reset(seed=1)
    env.action_space.seed(1)
    env.set_next(1, level=123)
    assert backend(env).levels[1] != 123
    while not step_and_reset(env, env.action_space.sample())[1]:
        assert backend(env).levels[1] != 123
    if mode == "NextStep":
        step_and_reset(env, env.action_space.sample())
    ended = False
    while not ended:
        assert np.array_equal(env.observations[1], alone.observations[0])
        assert env.get_attr("level")[1] == 123
        actions = env.action_space.sample()
        ended = step_and_reset(env, actions)[1]
        *_, terminations, truncations, _ = alone.step(actions[1:2])
        assert ended == terminations[0] | truncations[0]
    # It is played again.
    assert backend(env).levels[1] == 123


def step_and_reset(env, actions):
    """Step, in the mode Disabled with the resets, and return which episodes have ended."""
    *_, terminations, truncations, _ = env.step(actions)
    over = terminations | truncations
    if env.autoreset_mode is AutoresetMode.DISABLED and over.any():
        env.reset(options={"reset_mask": over})
    return over


def test_levels_are_drawn_again_when_none_is_set():
    env = make("procgen-maze", 2, num_levels=5, start_level=40, max_steps=3)
    env.set_next(level=[7, None])
    env.reset(seed=1)
    assert backend(env).levels[0] == 7
    seen = set()
    for step in range(150):
        env.step(np.full(2, STAY))
        if step == 10:
            env.set_next(0, level=None)
        if step >= 12:
            seen.add(int(backend(env).levels[0]))
        assert 40 <= backend(env).levels[1] < 45
    assert seen == set(range(40, 45))


def test_a_set_level_keeps_to_seeds_threads_snapshots_and_copies():
    runs = []
    for threads in (1, 2):
        env = make("procgen-fruitbot", 4, num_threads=threads, distribution_mode="easy", seed=0)
        env.set_next([0, 2], level=[2**31 - 2, 0], seed=5)
        env.reset()
        assert backend(env).levels[[0, 2]].tolist() == [2**31 - 2, 0]
        env.set_next(3, level=9, seed=4)
        other = pickle.loads(pickle.dumps(env))
        state = env.get_state()
        runs.append(play_on(env))
        assert_same(play_on(other), runs[-1])
        env.set_state(state)
        # A snapshot has the level of the next episode, and not the seed.
        env.set_next(3, seed=4)
        assert_same(play_on(env), runs[-1])
        assert backend(env).levels[3] == 9
    assert_same(*runs)


def play_on(env):
    return [snapshot(env.step(actions)) for actions in random_actions(env, 150)]


@pytest.mark.parametrize(
    ("error", "message", "options", "parameters"),
    [
        (ValueError, "level must be at least 0, got -1", {}, {"level": -1}),
        (ValueError, "level must be at most 2147483646", {}, {"level": 2**31 - 1}),
        (TypeError, "level must be an integer", {}, {"level": [1, 2.5]}),
        (TypeError, "unexpected keyword argument 'levels'", {}, {"levels": 3}),
        (ValueError, "level must be None .*exploration", {"distribution_mode": "exploration"}, {"level": 3}),
    ],
)
def test_levels_that_cannot_be_set_are_refused(error, message, options, parameters):
    env = make("procgen-maze", 2, max_steps=2, **options)
    env.reset(seed=1)
    levels = backend(env).levels
    with pytest.raises(error, match=message):
        env.set_next(**parameters)
    env.reset(seed=1)
    assert (backend(env).levels == levels).all()


def test_a_single_environment_tells_the_level_too():
    env = SingleEnv("procgen-maze", num_levels=1, start_level=8)
    assert env.reset(seed=1)[1] == {"level_seed": 8, "prev_level_seed": 0, "prev_level_complete": False}
    assert env.step(STAY)[4] == {"level_seed": 8, "prev_level_seed": 8, "prev_level_complete": False}


def test_levels_are_drawn_from_those_asked_for():
    env = make("procgen-bigfish", 16, num_levels=3, start_level=10)
    levels = set()
    for seed in range(5):
        env.reset(seed=seed)
        levels.update(backend(env).levels.tolist())
    assert levels == {10, 11, 12}


def test_a_level_is_the_same_whatever_seed_drew_it():
    one, other = (make("procgen-maze", 1, num_levels=1, start_level=123) for _ in range(2))
    assert_same(play_at_random(one, 50, seed=1), play_at_random(other, 50, seed=2))


def test_the_exploration_level_is_the_packages():
    env = make("procgen-maze", 2, distribution_mode="exploration")
    env.reset(seed=0)
    assert backend(env).levels.tolist() == [158988835, 158988835]


# ---- What is refused ----


@pytest.mark.parametrize("game", GAMES)
def test_a_mode_that_a_game_does_not_have_is_refused(game):
    known = find(f"procgen-{game}").time_limits
    for mode in {"easy", "hard", "extreme", "memory", "exploration", "", "Hard", 1, None} - set(known):
        with pytest.raises(ValueError, match="distribution_mode must be one of 'easy', 'hard'.* got"):
            make(f"procgen-{game}", 1, distribution_mode=mode)


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "num_levels must be at least 0, got -1", {"num_levels": -1}),
        (ValueError, "num_levels must be at most 2147483647, got 2147483648", {"num_levels": 2**31}),
        (TypeError, "num_levels must be an integer, got 1.5", {"num_levels": 1.5}),
        (ValueError, "start_level must be at least 0, got -1", {"start_level": -1}),
        (ValueError, "start_level must be at most 2147483637", {"start_level": 2**31 - 10, "num_levels": 10}),
        (TypeError, "start_level must be an integer, got None", {"start_level": None}),
        (ValueError, "num_levels must be 0 .*exploration", {"num_levels": 1, "distribution_mode": "exploration"}),
        (ValueError, "start_level must be 0 .*exploration", {"start_level": 1, "distribution_mode": "exploration"}),
        (TypeError, "center_agent must be a bool, got 1", {"center_agent": 1}),
        (TypeError, "use_backgrounds must be a bool, got 'no'", {"use_backgrounds": "no"}),
        (TypeError, "use_monochrome_assets must be a bool", {"use_monochrome_assets": None}),
        (TypeError, "restrict_themes must be a bool", {"restrict_themes": 0.0}),
        (TypeError, "paint_vel_info must be a bool", {"paint_vel_info": []}),
        (TypeError, "use_sequential_levels must be a bool", {"use_sequential_levels": 2}),
        (TypeError, "unexpected keyword argument 'use_generated_assets'", {"use_generated_assets": True}),
        (TypeError, "unexpected keyword argument 'rand_seed'", {"rand_seed": 1}),
    ],
)
def test_bad_arguments_are_refused(error, message, options):
    with pytest.raises(error, match=message):
        make("procgen-maze", 1, **options)


def test_unknown_games_are_unknown():
    for name in ("procgen-pong", "procgen-", "procgen-coinrun_old", "procgen-maze,heist"):
        with pytest.raises(NameNotFound):
            make(name, 1)


def test_unchecked_actions_of_any_value_are_safe():
    env, still = (make("procgen-starpilot", 3, check_actions=check) for check in (False, True))
    for one in (env, still):
        one.reset(seed=0)
    for _ in range(50):
        result = snapshot(env.step(np.array([-1, -(2**31), 2**31 - 1], np.int32)))
        assert_same(result, snapshot(still.step(np.full(3, STAY))))


def test_the_class_alone_cannot_be_made():
    with pytest.raises(TypeError, match="procgen-coinrun"):
        find("procgen-maze").__base__(1)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "procgen", None)
    with pytest.raises(ImportError, match=r"procgen needs procgen.*python -m puffer\.install procgen"):
        make("procgen-maze", 1)
    assert {f"procgen-{game}" for game in GAMES} <= set(puffer.list_envs())


# ---- The process ----


def test_check_env_finds_nothing():
    assert puffer.check_env("procgen-fruitbot", steps=100).problems == []


def test_other_environments_live_on_when_one_is_closed_or_forgotten():
    env, closed, forgotten = (make("procgen-miner", 4) for _ in range(3))
    for one in (env, closed, forgotten):
        one.reset(seed=1)
    closed.close()
    closed.close()
    del forgotten
    assert_same(play_at_random(env, 20), play_at_random(make("procgen-miner", 4), 20))


def test_games_are_made_and_stepped_in_many_threads_at_once():
    names = [f"procgen-{game}" for game in ("bigfish", "bossfight", "fruitbot", "leaper")]
    expected = {name: play_at_random(make(name, 8), 60) for name in names}
    results = {}

    def work(name):
        for _ in range(3):
            results[name] = play_at_random(make(name, 8, num_threads=2), 60)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same(dict(sorted(results.items())), expected)


def test_nothing_is_printed_and_nothing_of_the_package_is_imported():
    script = f"""
import sys
import puffer
for game in {GAMES!r}:
    env = puffer.make("procgen-" + game, 2, num_threads=2, render_mode="rgb_array")
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(60):
        env.step(env.action_space.sample())
    env.render()
    env.set_state(env.get_state())
assert not {{"procgen", "gym", "gym3"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == done.stderr == ""


def test_memory_stays_flat_over_seeds_snapshots_and_episodes():
    script = """
import numpy as np
import puffer
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
env = puffer.make("procgen-bigfish", 16, num_threads=2)
def work(rounds):
    for seed in range(rounds):
        env.reset(seed=seed)
        for _ in range(10):
            env.step(np.full(16, 7))
        env.set_state(env.get_state())
work(10)
before = resident()
work(60)
print(resident() - before)
"""
    assert float(run_script(script)) < 8
