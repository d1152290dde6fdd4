"""Wrappers around PettingZoo environments, and their render modes."""

import importlib
import warnings

import numpy as np
import pytest
from helpers import assert_same, snapshot

import puffer
from puffer.wrappers import EpisodeStatistics, FrameStack, MeanOverAgents, Wrapper

pytest.importorskip("pettingzoo")
pytest.importorskip("pygame")


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


def creator(module, maker):
    """What makes an environment of a package that warns while it is imported."""
    package = pytest.importorskip(module.partition(".")[0])
    assert package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(importlib.import_module(module), maker)


def play(make, steps=60):
    env = puffer.emulate(make, 2, backend="serial")
    rng = np.random.default_rng(3)
    space = env.unwrapped.copy_action_space
    nvec = np.full((3, 1), env.single_action_space.n)[: env.agents_per_env, 0] if space is None else space.nvec
    results = [(*snapshot(env.reset(seed=1)), env.masks.copy())]
    for _ in range(steps):
        results.append((*snapshot(env.step(rng.integers(0, np.tile(nvec, 2)))), env.masks.copy()))
    stats = env.stats()
    env.close()
    return [*results, stats]


@pytest.mark.parametrize(
    ("module", "maker"),
    [
        ("mpe2.simple_adversary_v3", "parallel_env"),
        ("mpe2.simple_speaker_listener_v4", "parallel_env"),
        ("pettingzoo.classic.tictactoe_v3", "env"),
    ],
)
def test_a_wrapper_that_changes_nothing(module, maker):
    make = creator(module, maker)
    expected = play(make)
    assert_same(play(lambda: Wrapper(make())), expected)
    assert_same(play(lambda: Wrapper(Wrapper(make()))), expected)
    assert expected[-1]["episodes"] > 0


def test_actions_that_an_agent_does_not_have_are_refused():
    make = creator("mpe2.simple_speaker_listener_v4", "parallel_env")
    for wrapped in (make, lambda: Wrapper(Wrapper(make()))):
        env = puffer.emulate(wrapped, 2, backend="serial")
        env.reset(seed=1)
        env.step([2, 4, 2, 4])
        with pytest.raises(ValueError, match="is 3: row 2 takes 0 to 2"):
            env.step([2, 4, 3, 4])


def test_ready_wrappers():
    make = creator("mpe2.simple_adversary_v3", "parallel_env")
    env = puffer.emulate(lambda: FrameStack(MeanOverAgents(EpisodeStatistics(make())), 2), 2, backend="serial")
    env.reset(seed=1)
    for _ in range(25):
        *_, truncations, info = env.step(np.zeros(env.num_envs, np.int64))
    assert truncations.all()
    assert info["final_info"]["episode"]["l"].tolist() == [25, 0, 0] * 2
    assert info["final_obs"][0].shape[0] == 2


def test_render_modes_by_name():
    env = puffer.make("pettingzoo-simple-adversary", 2, backend="serial", render_mode="human")
    adapters = env.unwrapped.batch.backend.steppers[0].adapters
    assert [adapter.env.render_mode for adapter in adapters] == ["human", None]
    env.reset(seed=0)
    env.step(np.zeros(6, np.int64))
    assert env.render() is None
    env.close()
    with pytest.raises(ValueError, match="render_mode must be None or one of 'rgb_array', 'human', got 'ansi'"):
        puffer.make("pettingzoo-simple-adversary", 2, backend="serial", render_mode="ansi")


def test_texts_by_name():
    pytest.importorskip("chess")
    env = puffer.make("pettingzoo-chess", 2, backend="serial", render_mode="ansi")
    env.reset(seed=0)
    assert all("R N B Q K B N R" in text for text in env.render())
    env.close()
