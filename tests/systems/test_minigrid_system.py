"""MiniGrid and BabyAI by name, against the package driven by hand."""

from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium.error import NameNotFound
from puffer.ocean.minigrid.minigrid import Minigrid

import puffer
from puffer.systems import minigrid as system
from puffer.systems.quiet import silent

pytest.importorskip("minigrid", reason="python -m puffer.install minigrid")


@pytest.fixture(autouse=True)
def registered():
    """The ids of the package, as long as a test needs them: other tests list what Gymnasium knows."""
    import minigrid

    before = set(gymnasium.registry)
    if "MiniGrid-Empty-5x5-v0" not in before:
        minigrid.register_minigrid_envs()
    yield
    for id in set(gymnasium.registry) - before | {id for id in before if id.startswith(("MiniGrid-", "BabyAI-"))}:
        gymnasium.registry.pop(id, None)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("DoorKey-8x8", "MiniGrid-DoorKey-8x8-v0"),
        ("MultiRoom-N4-S5", "MiniGrid-MultiRoom-N4-S5-v1"),
        ("MiniGrid-MultiRoom-N4-S5-v0", "MiniGrid-MultiRoom-N4-S5-v0"),
        ("BabyAI-GoToObj", "BabyAI-GoToObj-v0"),
        ("BabyAI-BossLevel-v0", "BabyAI-BossLevel-v0"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*is out of date")
def test_plays_as_the_package_alone(name, id):
    alone = gymnasium.make(id).unwrapped
    rng = np.random.default_rng(2)
    with closing(puffer.make(f"minigrid-{name}", 1, backend="serial", autoreset_mode="NextStep")) as env:
        observations, _ = env.reset(seed=5)
        with silent():
            expected, ended = alone.reset(seed=5)[0], False
        for _ in range(400):
            view = env.layout.view(observations)
            assert (view["image"][0] == expected["image"]).all()
            assert view["direction"][0] == expected["direction"]
            assert bytes(view["mission"][0]).rstrip(b"\0").decode() == expected["mission"]
            action = rng.integers(7)
            observations, rewards, terminations, truncations, _ = env.step(np.array([action]))
            if ended:
                with silent():
                    expected, ended = alone.reset()[0], False
                continue
            expected, reward, terminated, truncated, _ = alone.step(action)
            assert rewards[0] == np.float32(reward)
            assert (terminations[0], truncations[0]) == (terminated, truncated)
            ended = terminated or truncated


def test_a_long_mission_is_cut():
    with closing(puffer.make("minigrid-BabyAI-GoToObj", 1, mission_length=5)) as env:
        observations, _ = env.reset(seed=1)
        assert bytes(env.layout.view(observations)["mission"][0]) == b"go to"


def test_arguments_of_the_level_are_passed_on():
    with closing(puffer.make("minigrid-DoorKey-5x5", 1, agent_view_size=5, max_steps=3)) as env:
        observations, _ = env.reset(seed=1)
        assert env.layout.view(observations)["image"].shape == (1, 5, 5, 3)
        assert [env.step(np.array([6]))[3][0] for _ in range(3)] == [False, False, True]


def test_pictures():
    with closing(puffer.make("minigrid-Empty-5x5", 1, render_mode="rgb_array")) as env:
        env.reset(seed=1)
        (frame,) = env.render()
        assert frame.dtype == np.uint8
        assert frame.ndim == 3
    with pytest.raises(ValueError, match="render_mode"):
        puffer.make("minigrid-Empty-5x5", 1, render_mode="ansi")


def test_names():
    names = puffer.list_envs(installed=True)
    assert {"minigrid-DoorKey-8x8", "minigrid-BabyAI-BossLevel"} <= set(names)
    assert not [name for name in names if name.startswith("minigrid-") and "WFC" in name]
    with pytest.raises(NameNotFound, match="minigrid-DoorKey-8x8"):
        puffer.make("minigrid-DoorKey-9x9")
    with pytest.raises(ValueError, match="mission_length"):
        puffer.make("minigrid-DoorKey-8x8", mission_length=0)


def test_the_native_twin_keeps_its_short_name_without_the_package(monkeypatch):
    monkeypatch.setattr(system, "_ids", list)
    with closing(puffer.make("minigrid", 1, level="Empty")) as env:
        assert isinstance(env.native_env, Minigrid)
