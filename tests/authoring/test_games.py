"""The games in examples/games: each is a correct environment, and plays by its rules."""

import os
from pathlib import Path

import numpy as np
import pytest

import puffer

GAMES = Path(__file__).parents[2] / "examples" / "games"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of its own."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["XDG_CACHE_HOME"]
    if before is not None:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.mark.filterwarnings("ignore::puffer.CheckWarning")
@pytest.mark.parametrize("name", ["lights_out", "rocket", "battle", "catch"])
def test_it_is_short_and_a_correct_environment_with_a_picture(name):
    path = GAMES / f"{name}.pyx"
    assert len(path.read_text().splitlines()) < 80
    cls = puffer.load_pyx(path)
    assert puffer.check_env(cls).problems == []
    env = puffer.VectorEnv(cls(2, render_mode="rgb_array"))
    observations, _ = env.reset(seed=0)
    # Its views follow the arrays that a batch turns to, so that nothing is copied.
    assert np.shares_memory(observations, env.buffers.observations)
    assert env.render()[0].std() > 0


def test_pressing_the_same_cells_again_switches_every_light_off():
    env = puffer.make(str(GAMES / "lights_out.pyx"), size=3, presses=1, autoreset_mode="Disabled")
    observations, _ = env.reset(seed=0)
    # One press lights a cross, and its middle is where a press switches it off.
    shown = [np.array([cell]) for cell in range(9)]
    state = env.get_state()
    ended = []
    for action in shown:
        env.set_state(state)
        observations, rewards, terminations, *_ = env.step(action)
        assert terminations[0] == (not observations.any()) == rewards[0]
        ended.append(bool(terminations[0]))
    assert sum(ended) == 1


def test_the_rocket_is_truncated_outside_of_the_field():
    env = puffer.make(str(GAMES / "rocket.pyx"), autoreset_mode="Disabled")
    env.reset(seed=0)
    for _ in range(500):
        observations, _, terminations, truncations, _ = env.step(np.array([[0, 1]], np.float32))
        if truncations[0]:
            break
    assert not terminations[0]
    assert observations[0, 1] == 1


def test_the_last_fighter_ends_the_episode_of_all():
    env = puffer.make(str(GAMES / "battle.pyx"), agents=2, autoreset_mode="Disabled")
    observations, _ = env.reset(seed=3)
    for _ in range(60):
        # The first one runs to the left end and waits there; the second follows, and strikes.
        is_near = 2 in observations[1, :2]
        observations, rewards, terminations, *_ = env.step(np.array([0, 2 if is_near else 0]))
        if terminations.any():
            break
    assert terminations.tolist() == [True, True]
    assert rewards.tolist() == [-1, 2]


def test_those_who_fell_take_no_part_until_the_episode_ends():
    env = puffer.make(str(GAMES / "battle.pyx"), 16)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(300):
        observations, rewards, *_ = env.step(env.action_space.sample())
        assert not rewards[~env.masks].any()
        assert not observations[~env.masks].any()
    assert env.stats()["episodes"] > 0
