"""GPUDrive, with a stand-in for its compiled module; the module itself plays where it is installed."""

import gc
import importlib.machinery
import json
import sys
import types
from contextlib import closing

import gpudrive_scene
import gpudrive_standin
import numpy as np
import pytest
from gpudrive_scene import scene_files
from system_cases import SYSTEM_CASES
from test_systems import (  # noqa: F401 - run here too, over the stand-in
    test_a_seed_begins_the_same_game_again,
    test_a_thousand_steps_then_a_second_environment,
    test_an_unknown_argument_is_refused,
    test_observations_lie_in_the_space,
    test_the_same_seed_plays_the_same_game,
    test_threads_do_not_matter,
    test_time_limits_truncate,
)

import puffer
from puffer.systems.requirements import missing

IS_INSTALLED = not missing("gpudrive")


@pytest.fixture(autouse=True)
def standin(request, monkeypatch):
    """Puts the stand-in in the module's place, but for tests of the module itself."""
    if request.node.name in ("test_the_real_module", "test_without_the_module"):
        return None
    torch = types.ModuleType("torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    torch.Tensor = gpudrive_standin.Tensor
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "madrona_gpudrive", gpudrive_standin)
    return gpudrive_standin


@pytest.fixture
def system_case():
    return next(case for case in SYSTEM_CASES if case.system == "gpudrive")._replace(steps=120)


def make(num_envs=2, **options):
    return puffer.make("gpudrive", num_envs, **{"scenes": scene_files(), **options})


def still(env):
    return np.zeros((env.num_envs, *env.single_action_space.shape), np.float32)


def test_rows_and_masks():
    with closing(make(3)) as env:
        assert (env.num_envs, env.agents_per_env) == (192, 64)
        observations, info = env.reset()
        # The worlds take four cars and two in turn.
        assert env.masks.reshape(3, 64).sum(1).tolist() == [4, 2, 4]
        assert not observations[~env.masks].any()
        parts = env.layout.view(observations)
        assert {kind: part.shape for kind, part in parts.items()} == {
            "partners": (192, 63, 9),
            "road": (192, 200, 9),
            "self": (192, 8),
        }
        # The second car of the first world sees the first one 12 m behind it.
        assert parts["partners"][1, 0, 1] == -12
        assert parts["self"][64:66, -1].tolist() == [0, 1]
        assert not info["reached_goal"].any()
        assert (info["_reached_goal"] == env.masks).all()


def test_agents_end_at_different_times(tmp_path):
    made = gpudrive_scene.scene(2)
    # The second one has a nearer goal.
    made["objects"][1]["goalPosition"]["x"] = -24.0
    path = tmp_path / "scene.json"
    path.write_text(json.dumps(made))
    with closing(make(1, scenes=[path], record_episodes=True)) as env:
        env.reset()
        lengths = {}
        for _ in range(91):
            before = env.masks.copy()
            observations, rewards, terminations, truncations, info = env.step(still(env))
            for agent in np.flatnonzero(terminations):
                lengths[int(agent)] = info["episode"]["l"][agent]
                assert rewards[agent] == 1
                assert info["final_info"]["reached_goal"][agent]
            assert not truncations.any()
            assert not rewards[~before & ~env.masks].any()
            if 1 in lengths and 0 not in lengths and not terminations.any():
                assert not env.masks[1]
                assert not observations[1].any()
        assert lengths == {1: 3, 0: 88}


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_time_is_up_after_91_steps(mode):
    with closing(make(2, autoreset_mode=mode)) as env:
        first = env.reset()[0].copy()
        turned = still(env)
        turned[:, 0] = -1
        for step in range(1, 92):
            observations, _, terminations, truncations, info = env.step(turned)
            assert not terminations.any()
            assert truncations.any() == (step == 91)
        assert truncations.reshape(2, 64).sum(1).tolist() == [4, 2]
        last = np.stack(info["final_obs"][truncations]) if mode == "SameStep" else observations[truncations]
        assert (last != first[truncations]).any(axis=1).all()
        if mode == "NextStep":
            observations, rewards, terminations, truncations, _ = env.step(turned)
            assert not rewards.any()
            assert not truncations.any()
        elif mode == "Disabled":
            observations, _ = env.reset(options={"reset_mask": np.ones(128, bool)})
        assert (observations == first).all()


def test_a_reset_of_one_world_leaves_the_others():
    with closing(make(2)) as env:
        first = env.reset()[0].copy()
        before = env.step(still(env))[0].copy()
        mask = np.arange(128) < 64
        observations, _ = env.reset(options={"reset_mask": mask})
        assert (observations[mask] == first[mask]).all()
        assert (observations[~mask] == before[~mask]).all()


def test_parts_of_an_observation_are_the_simulators_memory():
    with closing(make(2, observations=["self"], dynamics="State")) as env, closing(make(2)) as whole:
        manager = env.batch.backend.steppers[0]._manager
        observations, _ = env.reset()
        assert np.shares_memory(observations, manager.self_observation)
        assert np.shares_memory(env.buffers.actions, manager.action)
        assert env.single_action_space.shape == (10,)
        expected, _ = whole.reset()
        actions = np.random.default_rng(1).normal(size=(128, 3)).astype(np.float32)
        for _ in range(100):
            assert (observations == whole.layout.view(expected)["self"]).all()
            observations, *rest = env.step(np.pad(actions, ((0, 0), (0, 7))))
            expected, *other = whole.step(actions)
            assert all((one == two).all() for one, two in zip(rest[:3], other[:3], strict=True))


def test_memory_of_the_simulator_outlives_it():
    env = make(2, observations=["self"])
    observations, _ = env.reset()
    seen = observations.copy()
    before = gpudrive_standin.SimManager.alive
    env.close()
    del env
    gc.collect()
    assert (observations == seen).all()
    del observations
    gc.collect()
    assert gpudrive_standin.SimManager.alive == before - 1


def test_parts_play_the_same():
    with closing(make(2)) as whole, closing(make(2, batch_size=1)) as parts:
        expected, _ = whole.reset()
        assert (parts.reset()[0] == expected).all()
        for _ in range(95):
            expected = whole.step(still(whole))
            for _ in range(2):
                parts.send(still(whole)[:64])
            for rows in (slice(64), slice(64, 128)):
                got = parts.recv()
                assert all((one == two[rows]).all() for one, two in zip(got[:4], expected[:4], strict=True))


def test_rewards_and_collisions():
    off_road = np.tile(np.array([0, 1, 0], np.float32), (64, 1))
    with closing(make(1, reward="DistanceBased", collisions="AgentRemoved")) as env:
        env.reset()
        rewards = env.step(still(env))[1]
        assert (rewards[:4] < -50).all()
        assert any(env.step(off_road)[2].any() for _ in range(20))
    with closing(make(1)) as env:
        env.reset()
        assert any(env.step(off_road)[-1]["collided_with_road"].any() for _ in range(20))


def test_it_prints_nothing(capfd):
    make(1).close()
    assert capfd.readouterr().out == ""


def test_without_the_module():
    if IS_INSTALLED:
        pytest.skip("is installed")
    with pytest.raises(ImportError, match="gpudrive needs madrona_gpudrive or gpudrive.*: build the simulator from"):
        make(1)


def test_a_package_without_the_simulator(monkeypatch):
    empty = types.ModuleType("madrona_gpudrive")
    empty.__spec__ = importlib.machinery.ModuleSpec("madrona_gpudrive", None)
    monkeypatch.setitem(sys.modules, "madrona_gpudrive", empty)
    with pytest.raises(ImportError, match="SimManager, which must be built by hand"):
        make(1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scenes": "scene.json"}, TypeError, "scenes must be a sequence of paths"),
        ({"scenes": []}, ValueError, "scenes must have at least one path"),
        ({"scenes": [3]}, TypeError, r"scenes\[0\] must be a path"),
        ({"scenes": ["/nowhere.json"]}, ValueError, r"scenes\[0\] must be the path .* no file"),
        ({"observations": "self"}, TypeError, "observations must be a sequence"),
        ({"observations": []}, ValueError, "observations must have at least one"),
        ({"observations": ["lidar"]}, ValueError, r"observations\[0\] must be one of"),
        ({"dynamics": "Newton"}, ValueError, "dynamics must be one of 'Classic'"),
        ({"collisions": None}, ValueError, "collisions must be one of"),
        ({"reward": "Dense"}, ValueError, "reward must be one of"),
        ({"goal_radius": "x"}, TypeError, "goal_radius"),
        ({"device": "cuda"}, ValueError, "device must be one of 'cpu'"),
        ({"parameters": {"nothing": 1}}, ValueError, "parameters has 'nothing'"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        make(1, **options)


def test_scenes_are_needed():
    with pytest.raises(TypeError, match=r"gpudrive needs scenes=\[\.\.\.\]"):
        puffer.make("gpudrive", 1)


def test_a_scene_without_agents(tmp_path):
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(gpudrive_scene.scene(0)))
    with pytest.raises(ValueError, match=r"scenes has .*empty\.json, in which no agent can be controlled"):
        make(1, scenes=[path])


def test_parameters_of_the_simulator():
    with closing(make(1, parameters={"IgnoreNonVehicles": True})) as env:
        assert env.batch.backend.steppers[0]._manager.params.IgnoreNonVehicles


@pytest.mark.skipif(not IS_INSTALLED, reason="madrona_gpudrive must be built by hand")
def test_the_real_module():
    with closing(make(2)) as env:
        first = env.reset()[0].copy()
        assert env.masks.reshape(2, 64).sum(1).tolist() == [4, 2]
        ended = np.zeros(128, bool)
        for _ in range(91):
            result = env.step(still(env))
            ended |= result[2] | result[3]
        assert ended.reshape(2, 64).sum(1).tolist() == [4, 2]
        assert (env.reset()[0] == first).all()
