"""MiniHack: puffer's environments against those of minihack, and what is puffer's own."""

import random
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator
from helpers import assert_same, run_script, snapshot
from nle_package import assert_shows, begin, guarded, make, printed_at
from puffer.wrappers.adapters.adapter import seeds_after

import puffer
from puffer.systems import minihack
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import missing

pytestmark = pytest.mark.skipif(bool(missing("minihack")), reason="python -m puffer.install minihack")

LEVEL = """
MAZE: "mylevel", ' '
FLAGS: noteleport
GEOMETRY: center,center
MAP
.....
.....
ENDMAP
BRANCH: (0,0,0,0),(1,1,1,1)
STAIR: (4,0),down
"""
SHOP = """
MAZE: "mylevel", ' '
GEOMETRY: center,center
MAP
-------------
|...+.......|
-------------
ENDMAP
REGION: (0,0,12,2),lit,"ordinary"
REGION: (5,1,11,1),lit,"shop"
DOOR: open,(4,1)
BRANCH: (2,1,2,1),(0,0,0,0)
"""
# Of the compass, in minihack's order of actions.
EAST = 1


def newest_id(name):
    """The id of a level, of which some have a second version."""
    return f"MiniHack-{name}-v{int('Sokoban' in name)}"


def bare_task(id, **arguments):
    """minihack's own environment."""
    with undisturbed():
        import minihack  # noqa: F401

        spec = gymnasium.spec(id)
        return guarded(load_env_creator(spec.entry_point)(**{**spec.kwargs, "fix_moon_phase": True, **arguments}))


WELCOME = f"""
import puffer
env = puffer.make("minihack-Skill-Custom", 2, backend="serial", des_file={SHOP!r}, observation_keys=("message",))
env.reset(seed=[3, 4])
for _ in range(8):
    print(env.step([{EAST}] * 2)[0].tobytes().replace(b"\\0", b""))
env.close()
"""


def test_a_shopkeeper_has_the_same_name_at_every_hour(tmp_path):
    first, second, third = printed_at([1_760_956_200, 1_760_959_800, 1_770_000_000], WELCOME, tmp_path)
    assert "Welcome to" in first
    assert first == second == third


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Room-Ultimate-5x5", {}),
        ("Corridor-R2", {"observation_keys": ("glyphs", "tty_chars", "blstats")}),
        ("Room-Random-5x5", {"observation_keys": ("pixel_crop", "colors_crop"), "obs_crop_h": 5, "obs_crop_w": 5}),
        ("WoD-Medium-Full", {"include_alignment_blstats": False}),
        ("KeyRoom-S5", {"observation_keys": ("chars_crop", "glyphs_crop", "message")}),
        ("Sokoban1a", {"observation_keys": ("chars", "glyphs")}),
        ("MultiRoom-N2", {"observation_keys": ("chars", "tty_colors")}),
    ],
)
def test_plays_what_minihack_plays(name, arguments):
    task, rng = bare_task(newest_id(name), max_episode_steps=40, **arguments), np.random.default_rng(2)
    seeds, ends = seeds_after(4), 0
    with make(f"minihack-{name}", max_episode_steps=40, **arguments) as env:
        keys = env.layout.space.spaces
        env.reset(seed=4)
        observation = begin(task, 4)
        assert_shows(env, 0, {key: observation[key] for key in keys})
        for action in rng.integers(0, task.action_space.n, 150):
            _, rewards, terminations, truncations, _ = env.step([action])
            observation, reward, ended, *_ = task.step(action)
            assert rewards[0] == np.float32(reward)
            assert (terminations | truncations)[0] == ended
            if ended:
                ends += 1
                observation = begin(task, next(seeds))
            assert_shows(env, 0, {key: observation[key] for key in keys})
    task.close()
    assert ends


def test_lists_the_levels_that_work():
    ids = run_script("import gymnasium, minihack; print(*gymnasium.registry)").split()
    levels = {id for id in ids if id.startswith("MiniHack-")}
    listed = {newest_id(name) for name in minihack.names()}
    assert listed < levels
    assert {id for id in levels - listed if "Crossing" not in id} == {
        "MiniHack-Boxoban-Hard-v0",
        "MiniHack-Boxoban-Medium-v0",
        "MiniHack-Boxoban-Unfiltered-v0",
        "MiniHack-Navigation-Custom-v0",
        "MiniHack-Skill-Custom-v0",
    }
    assert minihack.knows("MiniHack-Room-5x5-v0")
    assert minihack.knows("Room-5x5")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("Boxoban-Hard", ImportError, "needs the levels of Boxoban.*download_boxoban_levels"),
        ("LavaCrossingS9N1", ImportError, "which minigrid 3 refuses"),
        ("MiniHack-SimpleCrossingS11N5-v0", ImportError, "which minigrid 3 refuses"),
        ("Skill-Custom", TypeError, "needs des_file"),
        ("Rom-5x5", gymnasium.error.NameNotFound, "minihack-Room-5x5"),
    ],
)
def test_levels_that_do_not_work_say_why(name, error, message):
    with pytest.raises(error, match=message):
        puffer.make(f"minihack-{name}")


def test_the_crossings_do_not_work_yet():
    with pytest.raises(AssertionError):
        bare_task("MiniHack-LavaCrossingS9N1-v0")


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("Room-5x5", {"obs_crop_w": 4}, ValueError, "obs_crop_w must be odd"),
        ("Room-5x5", {"observation_keys": ("misc",)}, ValueError, r"observation_keys\[0\] must be one of"),
        ("Room-5x5", {"speed": 1}, TypeError, "speed"),
        ("MultiRoom-N2", {"seeds": [1]}, ValueError, "does not take seeds"),
        ("Skill-Custom", {"des_file": "no level"}, ValueError, "des_file is not a level that can be .*: 'no level'"),
        ("Skill-Custom", {"des_file": "missing.des"}, ValueError, "des_file is not a level that can be compiled"),
        ("Skill-Custom", {"des_file": 3}, TypeError, "des_file must be a string"),
    ],
)
def test_bad_arguments(name, arguments, error, message):
    with pytest.raises(error, match=message):
        puffer.make(f"minihack-{name}", backend="serial", **arguments)


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_a_level_of_ones_own_and_its_goal(mode):
    with make("minihack-Navigation-Custom", des_file=LEVEL, autoreset_mode=mode, reward_win=3) as env:
        observations, _ = env.reset(seed=1)
        for step in range(1, 5):
            _, rewards, terminations, truncations, info = env.step([EAST])
            assert terminations[0] == (step == 4)
        assert rewards[0] == 3
        assert not truncations[0]
        if mode == "SameStep":
            observations, info = info["final_obs"][0][np.newaxis], info["final_info"]
        assert info["end_status"][0] == 2
        shown = env.layout.view(observations)
        # On the stairs, in the middle of the crop.
        assert shown["blstats"][0, 10] > 0
        assert shown["chars_crop"][0, 4, 4] == ord("@")


def test_levels_that_minigrid_draws_follow_from_the_seed():
    maps = []
    for seed in (1, 1, 2):
        with make("minihack-MultiRoom-N2", 2, observation_keys=("chars",), max_steps=5) as env:
            episodes = [snapshot(env.reset(seed=seed))] + [snapshot(env.step([0, 0])) for _ in range(5)]
        maps.append(episodes)
    assert_same(maps[0], maps[1])
    assert (maps[0][-1][0] != maps[2][-1][0]).any()


def test_seeds_of_levels_and_pythons_random_numbers():
    random.seed(5)
    before = random.getstate()
    games = []
    for _ in range(2):
        with make("minihack-Room-Random-15x15", seeds=[3, 4], observation_keys=("chars",), max_steps=2) as env:
            env.reset(seed=1)
            games.append([snapshot(env.step([0])) for _ in range(30)])
    assert_same(*games)
    assert random.getstate() == before
    assert 1 < len({result[0].tobytes() for result in games[0][1::2]}) <= 2


def test_a_manager_of_rewards_sees_the_step_before():
    from minihack import RewardManager

    manager = RewardManager()
    manager.add_kill_event("minotaur")
    manager.add_message_event(["wall", "stone"], reward=5, repeatable=True, terminal_required=False)
    task = bare_task("MiniHack-Room-5x5-v0", reward_manager=manager)
    begin(task, 1)
    expected = [task.step(action)[1] for action in [2, 0, 3, 3, 1, 0] * 3]
    task.close()
    assert max(expected) > 4
    with closing(puffer.make("minihack-Room-5x5", 2, backend="process", num_workers=2, reward_manager=manager)) as env:
        env.reset(seed=[1, 1])
        rewards = [env.step([action] * 2)[1].copy() for action in [2, 0, 3, 3, 1, 0] * 3]
    assert np.array_equal(np.array(rewards), np.float32([[reward] * 2 for reward in expected]))


def test_pictures():
    with make("minihack-Room-5x5", render_mode="rgb_array", observation_keys=("chars",)) as env:
        env.reset(seed=1)
        (frame,) = env.render()
        assert frame.shape == (336, 1264, 3)
        assert frame.any()


BOXOBAN = """; 0
##########
#        #
# @ $ .  #
#        #
##########
"""


def test_boxoban_where_its_levels_are(tmp_path, monkeypatch):
    with undisturbed():
        import minihack.envs.boxohack as boxohack
    folder = tmp_path / "unfiltered" / "train"
    folder.mkdir(parents=True)
    (folder / "000.txt").write_text(BOXOBAN + "\n")
    monkeypatch.setattr(boxohack, "LEVELS_PATH", str(tmp_path))
    monkeypatch.setattr(minihack, "_has_boxoban", lambda: True)
    assert "Boxoban-Unfiltered" in minihack.names()
    with make("minihack-Boxoban-Unfiltered", 1) as env:
        env.reset(seed=1)
        rewards = [env.step([EAST])[1][0] for _ in range(3)]
    assert rewards[-1] == 1
