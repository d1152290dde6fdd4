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
from gpudrive_scene import parked, scene_files, write
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
from puffer.ocean.drive import _recordings as scenes
from puffer.systems.requirements import missing

IGNORE = gpudrive_standin.CollisionBehaviour.Ignore
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
        # The second car of the first world sees the first one 12 m behind it, to its right.
        assert parts["partners"][1, 0, 1:3].tolist() == [-12, -4]
        assert parts["partners"][1, :4, -1].tolist() == [0, 2, 3, -1]
        assert parts["self"][64:66, -1].tolist() == [0, 1]
        assert not info["reached_goal"].any()
        assert (info["_reached_goal"] == env.masks).all()


def test_agents_end_at_different_times(tmp_path):
    made = gpudrive_scene.scene(2)
    # The second one has a nearer goal.
    made["objects"][1]["goalPosition"]["x"] = -24.0
    with closing(make(1, scenes=[write(tmp_path, made)], record_episodes=True)) as env:
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
    options = {"dynamics": "State", "collisions": "Ignore"}
    with closing(make(2, observations=["self"], copy=False, **options)) as env, closing(make(2, **options)) as whole:
        manager = env.batch.backend.steppers[0]._manager
        observations, _ = env.reset()
        assert np.shares_memory(observations, manager.self_observation)
        assert np.shares_memory(env.buffers.actions, manager.action)
        assert env.single_action_space.shape == (10,)
        expected, _ = whole.reset()
        actions = np.random.default_rng(1).normal(size=(128, 10)).astype(np.float32)
        for _ in range(100):
            assert (observations == whole.layout.view(expected)["self"]).all()
            observations, *rest = env.step(actions)
            expected, *other = whole.step(actions)
            assert all((one == two).all() for one, two in zip(rest[:3], other[:3], strict=True))


def test_memory_of_the_simulator_outlives_it():
    env = make(2, observations=["self"], copy=False)
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


@pytest.mark.parametrize("collisions", ["AgentStop", "AgentRemoved"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_a_crash_ends_an_agent_in_its_step(collisions, mode):
    off_road = np.tile(np.array([0, 0.3, 0], np.float32), (64, 1))
    options = {"reward": "DistanceBased", "collisions": collisions, "autoreset_mode": mode}
    with closing(make(1, record_episodes=True, **options)) as env:
        env.reset()
        crashed = np.zeros(64, bool)
        while not crashed[:4].all():
            observations, rewards, terminations, truncations, info = env.step(off_road)
            # Nobody is told of what the simulator does to a car that has crashed.
            assert (rewards > -200).all()
            last = env.layout.view(observations)["self"].copy()
            if mode == "SameStep" and "final_obs" in info:
                for row in np.flatnonzero(terminations):
                    last[row] = env.layout.view(info["final_obs"][row])["self"]
            assert (np.abs(last[:, 4:6]) < 200).all()
            assert (last[terminations, 6] == 1).all()
            ended = info["final_info"] if mode == "SameStep" and terminations.any() else info
            assert (ended["collided_with_road"][terminations]).all()
            assert not truncations.any()
            crashed |= terminations
            if terminations.any():
                assert (info["episode"]["r"][terminations] > -91 * 100).all()


def test_ignored_collisions_end_nothing():
    off_road = np.tile(np.array([0, 0.3, 0], np.float32), (64, 1))
    for options in ({"collisions": "Ignore"}, {"parameters": {"collisionBehaviour": IGNORE}}):
        with closing(make(1, autoreset_mode="Disabled", **options)) as env:
            env.reset()
            collided = 0
            for step in range(91):
                _, _, terminations, truncations, info = env.step(off_road)
                collided += info["collided_with_road"].sum()
                assert not terminations.any()
                assert truncations.sum() == (4 if step == 90 else 0)
            assert collided > 4


@pytest.mark.parametrize("step", [1, 89, 90, 91])
def test_a_crash_in_the_last_steps_is_a_termination(step, tmp_path):
    # A car at 4 m/s drives into one that is parked: boxes of 0.7 times the size, 3.15 m long.
    made = gpudrive_scene.scene(1, speed=4.0)
    made["objects"][0]["goalPosition"] = gpudrive_scene.point(200, -2)
    made["objects"].append(parked(1, -40 + 3.15 + 0.4 * (step - 0.5), -2))
    with closing(make(1, scenes=[write(tmp_path, made)], autoreset_mode="Disabled")) as env:
        env.reset()
        assert env.masks.sum() == 1
        for count in range(1, step + 1):
            _, _, terminations, truncations, info = env.step(still(env))
            assert terminations.sum() == (count == step)
            assert not truncations.any()
        assert info["collided_with_vehicle"][0]


def test_who_crashes_from_the_beginning_takes_no_part(tmp_path):
    made = gpudrive_scene.scene(3)
    made["objects"].append(parked(7, -39, -2))
    with closing(make(1, scenes=[write(tmp_path, made)])) as env:
        env.reset()
        assert np.flatnonzero(env.masks).tolist() == [1, 2]
        for _ in range(100):
            _, rewards, terminations, truncations, _ = env.step(still(env))
            assert not (terminations | truncations)[[0, 3]].any()
            assert np.flatnonzero(env.masks).tolist() in ([1, 2], [1], [2])
    with closing(make(1, scenes=[write(tmp_path, made)], collisions="Ignore")) as env:
        env.reset()
        assert np.flatnonzero(env.masks).tolist() == [0, 1, 2]


def test_next_step_resets_worlds_once_that_have_ended_early(tmp_path):
    near = gpudrive_scene.scene(1)
    near["objects"][0]["goalPosition"]["x"] = -36.0
    scenes = [write(tmp_path, near, "near"), write(tmp_path, gpudrive_scene.scene(1), "far")]
    with closing(make(2, scenes=scenes, autoreset_mode="NextStep")) as env:
        resets = env.batch.backend.steppers[0]._manager.resets
        first = env.reset()[0].copy()
        resets.clear()
        while True:
            _, _, terminations, _, _ = env.step(still(env))
            if terminations[64]:
                break
            assert [1] not in resets
        # The first world has played many times, and the second once.
        assert len(resets) > 10
        assert all(one == [0] for one in resets)
        count = len(resets)
        observations = env.step(still(env))[0]
        assert (observations[64] == first[64]).all()
        assert sum(1 in one for one in resets[count:]) == 1


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
        ({"scenes": ["/nowhere.json"]}, ValueError, r"scenes\[0\] must be the path .* not a file"),
        ({"observations": "self"}, TypeError, "observations must be a sequence"),
        ({"observations": []}, ValueError, "observations must have at least one"),
        ({"observations": ["lidar"]}, ValueError, r"observations\[0\] must be one of"),
        ({"dynamics": "Newton"}, ValueError, "dynamics must be one of 'Classic'"),
        ({"collisions": None}, ValueError, "collisions must be one of"),
        ({"reward": "Dense"}, ValueError, "reward must be one of"),
        ({"goal_radius": "x"}, TypeError, "goal_radius"),
        ({"device": "cuda"}, ValueError, "device must be one of 'cpu'"),
        ({"parameters": {"nothing": 1}}, ValueError, "parameters has 'nothing'"),
        ({"parameters": {"_rewards": 1}}, ValueError, "parameters has '_rewards'"),
        ({"parameters": {3: 1}}, ValueError, "parameters has 3"),
        ({"parameters": ["IgnoreNonVehicles"]}, TypeError, "parameters must be a mapping"),
        ({"parameters": {"IgnoreNonVehicles": 1}}, TypeError, r"parameters\['IgnoreNonVehicles'\] must be a bool"),
        ({"parameters": {"maxNumControlledAgents": 2.5}}, TypeError, r"parameters\['maxNumControlledAgents'\]"),
        (
            {"parameters": {"polylineReductionThreshold": "x"}},
            TypeError,
            "polylineReductionThreshold.* must be a num",
        ),
        ({"parameters": {"observationRadius": "x"}}, TypeError, r"parameters\['observationRadius'\] must be a number"),
        (
            {"parameters": {"observationRadius": 9}, "observation_radius": 50},
            ValueError,
            "observation_radius = 50 says",
        ),
        ({"parameters": {"collisionBehaviour": IGNORE}, "collisions": "AgentStop"}, ValueError, "collisionBehaviour"),
        ({"parameters": {"collisionBehaviour": "Ignore"}}, TypeError, "'collisionBehaviour'.* must be a CollisionBeh"),
        ({"parameters": {"rewardParams": 3}}, ValueError, "parameters has 'rewardParams', which the arguments reward"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        make(1, **options)


def test_scenes_are_needed():
    with pytest.raises(TypeError, match=r"gpudrive needs scenes=\[\.\.\.\]"):
        puffer.make("gpudrive", 1)


def test_a_scene_without_agents(tmp_path):
    path = write(tmp_path, gpudrive_scene.scene(0), "empty")
    with pytest.raises(ValueError, match=r"scenes has .*empty\.json, in which no agent can be controlled"):
        make(1, scenes=[path])


def without(field):
    """A scene that lacks a field, given by its names and numbers."""
    made = gpudrive_scene.scene(2)
    *path, last = field
    inner = made
    for name in path:
        inner = inner[name]
    del inner[last]
    return made


def replaced(field, value):
    """A scene that has another value of a field."""
    made = without(field)
    inner = made
    for name in field[:-1]:
        inner = inner[name]
    inner[field[-1]] = value
    return made


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("{", "which is not JSON"),
        ('{"name": NaN}', "which is not JSON: NaN"),
        ("[" * 100_000, "which is not JSON"),
        ('{"name": "a", "name": "b"}', "which is not JSON: an object has 'name' twice"),
        (r'{"name": "\ud800"}', "which is not JSON: a string has half of a surrogate pair"),
        ("\ufeff{}", "which is not JSON"),
        ("[]", "whose whole must be an object"),
        *(
            (without(field), f"whose {message} is missing")
            for field, message in (
                (["name"], "name"),
                (["scenario_id"], "scenario_id"),
                (["objects"], "objects"),
                (["roads"], "roads"),
                (["metadata"], "metadata"),
                (["metadata", "sdc_track_index"], "metadata.sdc_track_index"),
                (["objects", 1, "valid"], r"objects\[1\].valid"),
                (["objects", 0, "goalPosition", "y"], r"objects\[0\].goalPosition.y"),
                (["objects", 1, "position", 90, "x"], r"objects\[1\].position\[90\].x"),
                (["roads", 2, "type"], r"roads\[2\].type"),
                (["roads", 2, "id"], r"roads\[2\].id"),
                (["roads", 2, "map_element_id"], r"roads\[2\].map_element_id"),
                (["objects", 0, "height"], r"objects\[0\].height"),
                (["objects", 0, "mark_as_expert"], r"objects\[0\].mark_as_expert"),
                (["metadata", "tracks_to_predict", 0, "difficulty"], r"metadata.tracks_to_predict\[0\].difficulty"),
            )
        ),
        (replaced(["name"], 3), "whose name must be a string, got 3"),
        (replaced(["objects", 0, "valid"], [1] * 91), r"whose objects\[0\].valid\[0\] must be true or false, got 1"),
        (replaced(["objects", 0, "width"], "2"), r"whose objects\[0\].width must be a finite number, got '2'"),
        (replaced(["objects", 0, "mark_as_expert"], 0), r"whose objects\[0\].mark_as_expert must be true or false"),
        (replaced(["objects", 0, "heading"], [0.0]), r"whose objects\[0\].heading must have 91 items"),
        (replaced(["objects", 0, "id"], 1.5), r"whose objects\[0\].id must be an integer"),
        (replaced(["roads", 3, "geometry"], []), r"whose roads\[3\].geometry must be a list of at least 1, got \[\]"),
        (replaced(["roads"], {}), "whose roads must be a list, got {}"),
        (
            replaced(["roads", 0, "geometry"], [gpudrive_scene.point(k, 0) for k in range(1747)]),
            ".* at most 1746 items",
        ),
        (replaced(["roads", 0, "id"], -1), r"whose roads\[0\].id must be an integer from 0 to 2\*\*32 - 1, got -1"),
        (replaced(["objects", 1, "id"], 0), r"whose objects\[1\].id must be its own, got 0, as objects\[0\] has"),
        (replaced(["objects", 1, "id"], 2**31), r"whose objects\[1\].id must be an integer of 32 bits"),
        (replaced(["objects", 0, "width"], 10**400), r"whose objects\[0\].width must be a finite number, got 1000"),
        (replaced(["objects", 0, "width"], 2**64), r"whose objects\[0\].width must be a finite number"),
        (replaced(["objects", 0, "width"], 1e39), r"whose objects\[0\].width must be a number of 32 bits"),
        (replaced(["objects", 0, "width"], True), r"whose objects\[0\].width must be a finite number, got True"),
        (replaced(["metadata", "objects_of_interest"], [{}]), r".*objects_of_interest\[0\].id is missing"),
        (
            replaced(["metadata", "objects_of_interest"], ["1"]),
            r".*objects_of_interest\[0\] must be an integer, got '1'",
        ),
    ],
)
def test_malformed_scenes_are_refused_before_the_simulator_reads_them(made, message, tmp_path, standin, monkeypatch):
    monkeypatch.setattr(standin, "SimManager", None)
    path = write(tmp_path, made, "broken")
    with pytest.raises(ValueError, match=rf"scenes has .*broken\.json, {message}"):
        make(2, scenes=[*scene_files(), path])


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_scenes_in_another_encoding_are_refused(encoding, tmp_path):
    path = tmp_path / "broken.json"
    path.write_bytes(json.dumps({**gpudrive_scene.scene(1), "name": "Zürich"}, ensure_ascii=False).encode(encoding))
    with pytest.raises(ValueError, match=r"scenes has .*broken\.json, which is not JSON: 'utf-8' codec"):
        make(1, scenes=[str(path)])


def test_scenes_that_the_simulator_can_read_are_accepted(tmp_path):
    made = gpudrive_scene.scene(2, name="Zürich \U0001f697")
    made["metadata"]["objects_of_interest"] = [1]
    made["objects"][0]["width"] = 2
    scenes.checked_scenes([write(tmp_path, made)])
    # As newer versions have it, and more than is asked for.
    made["metadata"]["objects_of_interest"] = [{"id": 1}]
    made["tl_states"] = {"1": [None]}
    scenes.checked_scenes([write(tmp_path, json.dumps(made, ensure_ascii=False))])


def test_each_scene_is_read_once_for_many_worlds(monkeypatch):
    read = []
    monkeypatch.setattr(scenes, "read_scene", read.append)
    make(6, scenes=[*scene_files(), *scene_files()]).close()
    assert read == scene_files()


def test_parameters_of_the_simulator():
    given = {"IgnoreNonVehicles": True, "observationRadius": 20, "dynamicsModel": gpudrive_standin.DynamicsModel.State}
    with closing(make(1, parameters=given)) as env:
        params = env.batch.backend.steppers[0]._manager.params
        assert params.IgnoreNonVehicles
        assert params.observationRadius == 20
        assert env.single_action_space.shape == (10,)


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
