"""MAgent2's environments, against the package driven by hand."""

import importlib

import numpy as np
import pytest
from helpers import assert_same, run_script, snapshot

import puffer
from puffer.systems import magent

pytest.importorskip("magent2", reason="python -m puffer.install magent")

# Small, with ends of every kind: deaths, sides that are extinct, and time limits.
ARGUMENTS = {
    "adversarial-pursuit": {"map_size": 20, "max_cycles": 40},
    "battle": {"max_cycles": 150},
    "battlefield": {"max_cycles": 25, "extra_features": True},
    "combined-arms": {"map_size": 16, "max_cycles": 200, "minimap_mode": True},
    "gather": {"max_cycles": 30},
    "tiger-deer": {"map_size": 20, "max_cycles": 120, "minimap_mode": True, "extra_features": True},
}
KINDS = {"tiger-deer": {"died"}, **dict.fromkeys(("battle", "combined-arms", "gather"), {"died", "late"})}
STEPS = {"battle": 170, "combined-arms": 350, "tiger-deer": 150}


def bare_environment(name):
    name_there = name.replace("-", "_")
    module = importlib.import_module(f"magent2.environments.{name_there}.{name_there}")
    return module.parallel_env(**ARGUMENTS[name])


def begin(bare, seed=None):
    """Reset a copy, and let its first step give every side its own actions."""
    observations, _ = bare.reset(seed=seed)
    bare.team_sizes = [bare.env.get_num(handle) for handle in bare.handles]
    return observations


def expected_rows(bare, observations, shape):
    """Observations by agent as rows: small ones in the corner, those of agents that are not there zero."""
    rows = np.zeros((len(bare.possible_agents), *shape), np.float32)
    for row, agent in enumerate(bare.possible_agents):
        if agent in observations:
            height, width, channels = observations[agent].shape
            rows[row, :height, :width, :channels] = observations[agent]
    return rows


def by_row(bare, values):
    return np.array([values.get(agent, 0) for agent in bare.possible_agents])


@pytest.mark.parametrize("name", magent.names())
def test_plays_as_the_package_does(name):
    bare = bare_environment(name)
    env = puffer.make(f"magent-{name}", 1, backend="serial", autoreset_mode="NextStep", **ARGUMENTS[name])
    agents, shape = bare.possible_agents, env.single_observation_space.shape
    assert env.num_envs == len(agents)
    sizes = np.array([bare.action_space(agent).n for agent in agents])
    assert (env.action_space.nvec == sizes).all()
    rng = np.random.default_rng(1)
    observations, _ = env.reset(seed=5)
    own = begin(bare, 5)
    assert_same(observations, expected_rows(bare, own, shape))
    kinds = set()
    for _ in range(STEPS.get(name, 60)):
        actions = rng.integers(0, sizes)
        if not bare.agents:
            observations, rewards, terminations, truncations, _ = env.step(actions)
            own = begin(bare)
            assert_same(observations, expected_rows(bare, own, shape))
            assert not np.any([rewards, terminations, truncations])
            continue
        acting = [agent in bare.agents for agent in agents]
        own, *others, _ = bare.step({agent: int(actions[row]) for row, agent in enumerate(agents) if acting[row]})
        observations, *arrays, _ = env.step(actions)
        assert (env.masks == acting).all()
        assert_same(observations, expected_rows(bare, own, shape))
        for array, values in zip(arrays, others, strict=True):
            assert (array == by_row(bare, values).astype(array.dtype)).all()
        kinds |= {kind for kind, ends in zip(("died", "late"), arrays[1:], strict=True) if ends.any()}
    # Deer starve before the limit.
    assert kinds == KINDS.get(name, {"late"})
    env.close()


def test_names_may_have_underscores():
    sizes = [puffer.make(name, map_size=12).num_envs for name in ("magent-tiger_deer", "magent-tiger-deer")]
    assert sizes == [8, 8]


def test_the_first_step_gives_every_side_its_own_actions():
    env = puffer.make("magent-battlefield", 1, extra_features=True)
    env.reset(seed=1)
    actions = np.arange(env.num_envs) % 21
    observations, *_ = env.step(actions)
    # The features have the action that the agent has just taken, after 5 channels of the view and 10 of its number.
    assert (observations[:, 0, 0, 15:36].argmax(1) == actions).all()
    env.close()


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("battle", {"num_agents": 8}, TypeError, "follows from map_size.*map_size, max_cycles.*attack_penalty"),
        ("gather", {"num_agents": 8}, TypeError, "fixed.*max_cycles"),
        ("gather", {"map_size": 50}, TypeError, "unexpected keyword argument 'map_size'"),
        ("battle", {"map_sise": 50}, TypeError, "did you mean 'map_size'"),
        ("battle", {"map_size": 5}, ValueError, "map_size must be at least 12, got 5"),
        ("battle", {"map_size": 5000}, ValueError, "map_size must be at most"),
        ("battle", {"map_size": 45.5}, TypeError, "map_size must be an integer"),
        ("battle", {"max_cycles": 0}, ValueError, "max_cycles must be at least 1"),
        ("battle", {"minimap_mode": 1}, TypeError, "minimap_mode must be a bool"),
        ("battle", {"step_reward": "much"}, TypeError, "step_reward must be a number"),
        ("battle", {"render_mode": "ansi"}, ValueError, "render_mode"),
    ],
)
def test_bad_arguments(name, arguments, error, message):
    with pytest.raises(error, match=message):
        puffer.make(f"magent-{name}", **arguments)


@pytest.mark.parametrize("name", [name for name in magent.names() if name != "gather"])
def test_least_sizes_work(name):
    env = puffer.make(f"magent-{name}", 1, map_size=magent._LEAST_SIZES[name])
    env.reset(seed=1)
    for _ in range(30):
        env.step(env.action_space.sample())
    env.close()


def test_actions_out_of_range():
    env = puffer.make("magent-tiger-deer", 1, map_size=12)
    env.reset(seed=1)
    # The rows of deer come first, and they cannot attack.
    with pytest.raises(ValueError, match=r"actions\[0\] is 8: row 0 takes 0 to 4"):
        env.step(np.full(env.num_envs, 8))
    env.close()


def test_unchecked_actions_do_no_harm():
    run_script("""
import numpy as np, puffer
for name in ("battle", "combined-arms"):
    env = puffer.make(f"magent-{name}", 1, map_size=16, check_actions=False)
    env.reset(seed=1)
    for step in range(50):
        env.step(np.random.default_rng(step).integers(-1000, 1000, env.num_envs))
""")


def test_the_number_of_threads_is_left_alone():
    script = """
import os, puffer
for threads in (None, "7"):
    os.environ.pop("OMP_NUM_THREADS", None)
    if threads:
        os.environ["OMP_NUM_THREADS"] = threads
    puffer.make("magent-battle", map_size=16).close()
    assert os.environ.get("OMP_NUM_THREADS") == threads
"""
    assert run_script(script) == ""


def test_frames():
    env = puffer.make("magent-battle", 1, map_size=16, render_mode="rgb_array")
    env.reset(seed=1)
    frames = env.render()
    assert frames[0].ndim == 3
    assert frames[0].dtype == np.uint8
    assert frames[0].any()
    env.close()


def test_close_then_again():
    results = []
    for _ in range(2):
        env = puffer.make("magent-adversarial-pursuit", 2, map_size=16)
        results.append([snapshot(env.reset(seed=2))])
        results[-1] += [snapshot(env.step(np.full(env.num_envs, k))) for k in range(5)]
        env.close()
        env.close()
    assert_same(*results)


def test_importing_the_adapter_imports_no_package():
    script = "import sys, puffer; puffer.list_envs(); import puffer.systems.magent; print('magent2' in sys.modules)"
    assert run_script(script) == "False\n"
