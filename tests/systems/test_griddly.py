"""Griddly's games, against the package's own Gym wrapper."""

import os
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from helpers import run_script

import puffer
from puffer.systems import griddly

pytest.importorskip("yaml")
if griddly._folder() is None:
    pytest.skip("python -m puffer.install griddly", allow_module_level=True)

STEPS = 60

# Plays games with the package's wrapper, which needs a Gym, in a process of its own.
PACKAGE = """
import sys
import gymnasium, gymnasium.envs.registration, gymnasium.spaces
for module in ("", ".envs", ".envs.registration", ".spaces"):
    sys.modules["gym" + module] = sys.modules["gymnasium" + module]
import numpy as np
from griddly import GymWrapper, gd
played = {{}}
for name, path in {games}.items():
    vector = gd.ObserverType.VECTOR
    env = GymWrapper(yaml_file=path, level=0, player_observer_type=vector, global_observer_type=vector)
    env.seed(7)
    observations, rewards, ends, variables = [np.array(env.reset())], [], [], []
    names = sorted(env.game.get_global_variable_names())
    space = env.action_space[0] if env.player_count > 1 else env.action_space
    sizes = np.atleast_1d(space.nvec if hasattr(space, "nvec") else space.n)
    rng = np.random.default_rng(1)
    for step in range({steps}):
        actions = rng.integers(0, sizes, (env.player_count, len(sizes)))
        observation, reward, done, info = env.step(list(actions) if env.player_count > 1 else actions[0])
        rewards.append(np.atleast_1d(reward))
        values = env.game.get_global_variable(names)
        players = range(1, env.player_count + 1)
        variables.append([[values[name].get(player, values[name][0]) for name in names] for player in players])
        ends.append(done)
        observations.append(np.array(env.reset() if done else observation))
    played |= {{f"{{name}}/{{key}}": np.stack(v) for key, v in zip("orev", (observations, rewards, ends, variables))}}
    played[f"{{name}}/s"], played[f"{{name}}/n"] = sizes, names
np.savez({out!r}, **played)
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = str(tmp_path_factory.mktemp("griddly") / "played.npz")
    games = {name: str(griddly._file(name)) for name in griddly.names()}
    script = PACKAGE.format(games=games, out=out, steps=STEPS)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=120)
    return np.load(out)


@pytest.mark.parametrize("name", griddly.names())
def test_plays_as_the_package_does(name, played):
    observations, rewards, ends, sizes, variables, names = (played[f"{name}/{key}"] for key in "oresvn")
    with closing(puffer.make(f"griddly-{name}", 1, backend="serial", global_variables=names.tolist())) as env:
        assert sorted(env.get_attr("global_variable_names")[0]) == names.tolist()
        space = env.single_action_space
        assert list(np.atleast_1d(getattr(space, "nvec", space.shape or space.n))) == list(sizes)
        seen, _ = env.reset(seed=7)
        rng = np.random.default_rng(1)
        shape = (env.num_envs, *env.single_observation_space.shape)
        for step in range(STEPS):
            assert (seen[env.masks] == observations[step].reshape(shape)[env.masks]).all()
            actions = rng.integers(0, sizes, (env.num_envs, len(sizes)))
            seen, gained, terminations, truncations, info = env.step(actions.reshape(env.action_space.shape))
            assert (gained[env.masks] == rewards[step][env.masks]).all()
            assert (terminations | truncations)[env.masks].all() == ends[step]
            for k, variable in enumerate(names):
                told = info["final_info"] if ends[step] else info
                assert (told[variable] == variables[step][:, k])[env.masks].all()
            if not env.masks.all():
                # The wrapper lets players go on to act that are out.
                return


def test_names():
    listed = puffer.list_envs()
    assert {"griddly-sokoban", "griddly-robot-tag-4", "griddly-griddly-rts", "griddly-minigrid-doggo"} <= set(listed)
    for name in ("griddly-Robot_Tag_4", "griddly-GriddlyRTS", "griddly-zelda_sequential"):
        puffer.make(name, 1).close()


def test_players_that_are_out_take_no_part():
    with closing(puffer.make("griddly-robot-tag-8", 1, backend="serial")) as env:
        env.reset(seed=1)
        env.action_space.seed(1)
        out, steps_without = np.zeros(8, bool), 0
        for _ in range(3000):
            observations, rewards, terminations, truncations, _ = env.step(env.action_space.sample())
            assert not truncations.any()
            if (terminations | out).all():
                break
            assert (env.masks == ~out).all()
            assert not observations[out].any()
            assert not rewards[out].any()
            out |= terminations
            steps_without += out.any()
        assert steps_without


def test_a_limit_among_the_rules_truncates():
    with closing(puffer.make("griddly-zenpuzzle", 1)) as env:
        env.reset(seed=1)
        for step in range(1, 1001):
            _, _, terminations, truncations, info = env.step([0])
            assert not terminations[0]
            assert truncations[0] == (step == 1000)
        assert info["final_info"]["won"].tolist() == [False]


def test_no_global_variables_are_told_otherwise():
    with closing(puffer.make("griddly-clusters", 1)) as env:
        assert env.reset(seed=1)[1] == {}
        assert env.step(env.action_space.sample())[4] == {}
        assert env.call("global_variable", "box_count") == ({0: 8},)
        with pytest.raises(ValueError, match="name must be one of '_steps', 'box_count', got 'boxes'"):
            env.call("global_variable", "boxes")


def test_winning_terminates():
    with closing(puffer.make("griddly-minigrid-doggo", 1)) as env:
        env.reset(seed=1)
        env.action_space.seed(1)
        for _ in range(2000):
            _, rewards, terminations, _, info = env.step(env.action_space.sample())
            if terminations[0]:
                assert info["final_info"]["won"].tolist() == [True]
                assert rewards[0] == 1
                return
    pytest.fail("it was not won")


@pytest.mark.parametrize("name", ["sokoban", "butterflies"])
def test_levels_differ(name):
    firsts = []
    for level in range(3):
        with closing(puffer.make(f"griddly-{name}", 1, level=level)) as env:
            firsts.append(env.reset(seed=1)[0].tobytes())
    assert len(set(firsts)) == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"level": 6}, ValueError, "level must be at most 5, got 6"),
        ({"level": -1}, ValueError, "level must be at least 0"),
        ({"level": "first"}, TypeError, "level must be an integer"),
        ({"observer": "radar"}, ValueError, "observer must be one of 'vector', 'sprite'.*'radar'"),
        ({"num_agents": 2}, TypeError, "unexpected keyword argument 'num_agents'.*level, observer"),
        ({"global_variables": ["boxes"]}, ValueError, r"global_variables\[0\] must be one of '_steps', got 'boxes'"),
        ({"global_variables": "_steps"}, TypeError, "global_variables must be a sequence of names, got '_steps'"),
        ({"global_variables": [3]}, ValueError, r"global_variables\[0\] must be one of '_steps', got 3"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        puffer.make("griddly-sokoban", **arguments)


def test_pictures():
    path = str(griddly._file("sokoban"))
    try:
        griddly._try_out(path, 0, "sprite")
    except RuntimeError:
        pytest.skip("no Vulkan driver")
    with closing(puffer.make("griddly-sokoban", 1, observer="sprite")) as env:
        observations, _ = env.reset(seed=1)
        assert observations.shape[1:] == (3, 13 * 24, 9 * 24)
        assert len(np.unique(observations)) > 10


def test_without_a_driver_pictures_are_refused():
    script = """
import puffer
try:
    puffer.make("griddly-sokoban", 1, observer="sprite")
except RuntimeError as error:
    print("Vulkan driver" in str(error), "'vector'" in str(error))
"""
    variables = {**os.environ, "VK_ICD_FILENAMES": "/nowhere.json", "VK_DRIVER_FILES": "/nowhere.json"}
    variables["PYTHONPATH"] = os.path.dirname(os.path.dirname(puffer.__file__))
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True True\n", done.stderr


def test_frames():
    with closing(puffer.make("griddly-sokoban", 1, render_mode="rgb_array")) as env:
        env.reset(seed=1)
        frame = env.render()[0]
        assert frame.shape == (9 * 16, 13 * 16, 3)
        assert frame.dtype == np.uint8
        # Walls around the level, and its avatar in the middle.
        assert (frame[0, 0] == frame[-1, -1]).all()
        assert (frame[4 * 16, 6 * 16] != frame[0, 0]).any()


def test_unchecked_actions_do_no_harm():
    run_script("""
import numpy as np, puffer
for name in ("sokoban", "griddly-rts", "robot-tag-4"):
    env = puffer.make(f"griddly-{name}", 1, check_actions=False)
    env.reset(seed=1)
    for step in range(200):
        try:
            env.step(np.random.default_rng(step).integers(-1000, 1000, env.action_space.shape))
        except IndexError:
            env.reset()
""")


def test_no_gym_is_imported():
    script = """
import sys, puffer
env = puffer.make("griddly-sokoban", 1)
env.reset(seed=1)
env.close()
env.close()
print("gym" in sys.modules, "griddly" in sys.modules)
"""
    assert run_script(script) == "False False\n"
