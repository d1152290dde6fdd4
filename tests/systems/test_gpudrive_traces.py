"""Recordings of the real simulator, which the stand-in and, over it, the adapter must repeat.

`gpudrive_traces.npz` has two scenes that nobody has driven, and what a CPU build of GPUDrive (Emerge-Lab/gpudrive) did
on them with polylines reduced by 0.1, an observation radius of 50 m and a goal radius of 2 m, for the first 8 of 64
agents: `<dynamics>/<collisions>/<what>`, where index t is after t steps (0: after the reset) and the actions t lead
there from t - 1 on. Of partners every 15th step is kept, and of the road steps 0, 30, 60 and 90 for the first agent.
"""

from contextlib import closing
from pathlib import Path

import gpudrive_standin
import numpy as np
import pytest
from gpudrive_scene import write
from test_gpudrive import make, standin  # noqa: F401

RECORDED = Path(__file__).with_name("gpudrive_traces.npz")
SETTINGS = ("Classic/AgentStop", "Classic/Ignore", "InvertibleBicycle/Ignore", "DeltaLocal/Ignore")
AGENTS, STEPS = 8, 90


@pytest.fixture(scope="module")
def recorded():
    return np.load(RECORDED)


@pytest.fixture
def scenes(recorded, tmp_path):
    return [write(tmp_path, recorded[name].tobytes().decode(), name) for name in ("bend", "wave")]


def manager(setting, scenes):
    """The stand-in with the settings of a recording."""
    dynamics, collisions = setting.split("/")
    settings, rewards = gpudrive_standin.Parameters(), gpudrive_standin.RewardParams()
    rewards.rewardType = gpudrive_standin.RewardType.OnGoalAchieved
    rewards.distanceToGoalThreshold, rewards.distanceToExpertThreshold = 2.0, 0.0
    settings.rewardParams = rewards
    settings.polylineReductionThreshold, settings.observationRadius = 0.1, 50.0
    settings.collisionBehaviour = gpudrive_standin.CollisionBehaviour[collisions]
    settings.dynamicsModel = gpudrive_standin.DynamicsModel[dynamics]
    return gpudrive_standin.SimManager(gpudrive_standin.madrona.ExecMode.CPU, 0, scenes, settings)


def assert_near(ours, theirs):
    # The simulator computes in single precision, for 90 steps.
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_stand_in_does_what_the_simulator_did(setting, recorded, scenes):
    simulator = manager(setting, scenes)
    expected = {name: recorded[f"{setting}/{name}"] for name in ("action", "self", "reward", "partners")}
    flags = {name: recorded[f"{setting}/{name}"] for name in ("done", "info", "remaining")}
    assert (simulator.controlled[:, :AGENTS] == recorded[f"{setting}/controlled"]).all()
    for step in range(STEPS + 1):
        if step:
            simulator.action[:, :AGENTS, :3] = expected["action"][step - 1]
            simulator.step()
        assert_near(simulator.self_observation[:, :AGENTS], expected["self"][step])
        assert (simulator.reward[:, :AGENTS] == expected["reward"][step]).all()
        for name, arrays in flags.items():
            assert (getattr(simulator, name)[:, :AGENTS] == arrays[step]).all(), (name, step)
        if step % 15 == 0:
            assert_near(simulator.partners[:, :AGENTS, :AGENTS], expected["partners"][step // 15])


def test_the_stand_in_shows_the_road_that_the_simulator_showed(recorded, scenes):
    simulator = manager("Classic/Ignore", scenes)
    for step in range(STEPS + 1):
        if step:
            simulator.action[:, :AGENTS, :3] = recorded["Classic/Ignore/action"][step - 1]
            simulator.step()
        if step % 30 == 0:
            for ours, theirs in zip(simulator.road[:, 0], recorded["road"][step // 30][:, 0], strict=True):
                # In no order.
                ordered = [rows[np.lexsort(np.round(rows, 2).T)] for rows in (ours, theirs)]
                np.testing.assert_allclose(*ordered, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_adapter_tells_what_was_recorded(setting, recorded, scenes):
    dynamics, collisions = setting.split("/")
    info, rewards = recorded[f"{setting}/info"], recorded[f"{setting}/reward"][..., 0]
    crashed = (info[..., :3] != 0).any(axis=-1) & (collisions != "Ignore")
    over = (recorded[f"{setting}/done"][..., 0] != 0) | crashed
    plays = recorded[f"{setting}/controlled"][..., 0] != 0
    rows = np.zeros((2, 64, 3), np.float32)
    options = {"dynamics": dynamics, "collisions": collisions, "autoreset_mode": "Disabled"}
    with closing(make(2, scenes=scenes, **options)) as env:
        env.reset()
        for step in range(1, STEPS + 1):
            rows[:, :AGENTS] = recorded[f"{setting}/action"][step - 1]
            observations, ours, terminations, truncations, _ = env.step(rows.reshape(128, 3))
            assert (env.masks.reshape(2, 64)[:, :AGENTS] == plays).all()
            shown = env.layout.view(observations)["self"].reshape(2, 64, 8)[:, :AGENTS]
            assert_near(shown, np.where(plays[..., None], recorded[f"{setting}/self"][step], 0))
            assert (ours.reshape(2, 64)[:, :AGENTS] == np.where(plays, rewards[step], 0)).all()
            ended = plays & over[step]
            assert (terminations.reshape(2, 64)[:, :AGENTS] == ended).all()
            assert not truncations.any()
            plays &= ~ended


@pytest.mark.parametrize("collisions", ["AgentStop", "Ignore"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_adapter_equals_a_bare_loop(collisions, mode, scenes):
    setting = f"Classic/{collisions}"
    simulator, rng = manager(setting, scenes), np.random.default_rng(5)
    with closing(make(2, scenes=scenes, collisions=collisions, autoreset_mode=mode)) as env:
        env.reset()
        plays, waits, ends = simulator.controlled[..., 0] != 0, np.zeros(2, bool), 0
        for _ in range(100):
            actions = rng.uniform([-3, -0.3, 0], [3, 0.3, 0], (2, 64, 3)).astype(np.float32)
            observations, rewards, terminations, truncations, _ = env.step(actions.reshape(128, 3))
            simulator.action[..., :3] = actions
            late_worlds = np.flatnonzero(waits & (simulator.remaining[:, 0, 0] == 0))
            if len(late_worlds):
                simulator.reset(late_worlds)
            simulator.step()
            crashed = (simulator.info[..., :3] != 0).any(axis=2) & (collisions != "Ignore")
            reached = simulator.info[..., 3] != 0
            ended = plays & ((simulator.done[..., 0] != 0) | crashed) & ~waits[:, None]
            late = ended & ~crashed & ~reached
            took_part = plays & ~waits[:, None]
            plays = plays & ~ended
            over = ~plays.any(axis=1) & ~waits
            assert (terminations.reshape(2, 64) == (ended & ~late)).all()
            assert (truncations.reshape(2, 64) == late).all()
            assert (rewards.reshape(2, 64) == np.where(took_part, simulator.reward[..., 0], 0)).all()
            begins = over if mode == "SameStep" else waits
            if begins.any():
                simulator.reset(np.flatnonzero(begins))
            plays[begins] = simulator.controlled[begins, :, 0] != 0
            shown = env.layout.view(observations)["self"].reshape(2, 64, 8)
            seen = (took_part | begins[:, None]) & (plays | ~begins[:, None])
            assert (shown == np.where(seen[..., None], simulator.self_observation, 0)).all()
            waits = over if mode == "NextStep" else waits
            ends += over.sum()
        assert ends >= 2
