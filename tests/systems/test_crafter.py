"""Crafter plays what the package crafter plays."""

import struct
from collections import defaultdict
from contextlib import closing

import numpy as np
import pytest
from helpers import run_script

import puffer

crafter = pytest.importorskip("crafter", reason="python -m puffer.install crafter")

import opensimplex  # noqa: E402
from crafter import constants, engine, objects, worldgen  # noqa: E402
from puffer.ocean.crafter._simplex import Simplex  # noqa: E402
from puffer.systems.crafter.terrain import generate_terrain  # noqa: E402

from puffer.systems.crafter.game import Crafter  # noqa: E402

# The package takes more than a second for a world of the usual size.
SMALL = {"area": (24, 20)}


def points(rng, count):
    """Points everywhere, on the borders between cells and between their parts, beside them, and far away."""
    borders = rng.integers(-30, 30, (count, 3)) / rng.choice([1, 2, 3, 5, 6, 8, 15], (count, 3))
    lattice = np.round(rng.uniform(-3, 3, (count, 3)) * 6) / 6
    diagonal = np.repeat(borders[:, :1], 3, axis=1) * [1, 1, -1]
    beside = lattice + rng.choice([1e-16, -1e-16, 2**-52], (count, 3))
    return np.concatenate(
        [rng.uniform(-50, 50, (count, 3)), borders, lattice, diagonal, beside, rng.uniform(-1e6, 1e6, (count, 3))]
    )


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 2, -1, 2**63, 2**64 - 1])
def test_noise_has_the_bits_of_the_package(seed):
    theirs, ours = opensimplex.OpenSimplex(seed), Simplex(seed)
    for x, y, z in points(np.random.default_rng(seed % 2**32), 200).tolist():
        expected, got = theirs.noise3(x, y, z), ours.noise3(x, y, z)
        assert struct.pack("d", expected) == struct.pack("d", got), (x, y, z)


@pytest.mark.parametrize("value", [np.nan, np.inf, -(2.0**41), 1e300])
def test_noise_refuses_what_has_no_cell(value):
    with pytest.raises(ValueError, match="y must be"):
        Simplex(1).noise3(0, value, 0)


@pytest.mark.parametrize(("area", "seeds"), [((64, 64), [3, 4]), ((31, 50), range(3)), ((1, 1), [0]), ((9, 2), [5])])
def test_worlds_are_those_of_the_package(area, seeds):
    for seed in seeds:
        world, player = new_world(area, seed)
        worldgen.generate_world(world, player)
        ours, player = new_world(area, seed)
        animals = generate_terrain(ours.random, ours._mat_map, player.pos, ours._mat_ids)
        assert (ours._mat_map == world._mat_map).all()
        assert animals == [(type(thing).__name__.lower(), *thing.pos) for thing in world.objects[1:]]
        # The random numbers have gone on by the same amount.
        assert ours.random.uniform() == world.random.uniform()


def new_world(area, seed):
    world = engine.World(area, constants.materials, (12, 12))
    world.reset(seed)
    player = objects.Player(world, (area[0] // 2, area[1] // 2))
    world.add(player)
    return world, player


class OrderedChunk(dict):
    def add(self, thing):
        self[thing] = True

    remove = dict.__delitem__


@pytest.fixture
def ordered_package(monkeypatch):
    """The package, made deterministic."""
    reset = engine.World.reset

    def ordered_reset(world, seed=None):
        reset(world, seed)
        world._chunks = defaultdict(OrderedChunk)

    monkeypatch.setattr(engine.World, "reset", ordered_reset)


# Enough of sleep for the nights, and all else.
ACTIONS = [*range(17), *[1, 2, 3, 4] * 3, *[5] * 6, *[6] * 2]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        (SMALL, 500),
        ({**SMALL, "view": (11, 8), "size": (150, 97), "length": 200, "reward": False}, 450),
        ({"area": (20, 33), "view": 5, "size": 33, "length": 190}, 400),
    ],
)
def test_games_are_those_of_the_package(ordered_package, options, steps):
    theirs, ours = crafter.Env(seed=11, **options), Crafter(semantic=True, **options)
    rng = np.random.default_rng(3)
    observation, _ = ours.reset(seed=11)
    assert (observation == theirs.reset()).all()
    seen = {"dark": False, "asleep": False, "over": False}
    for _ in range(steps):
        action = int(rng.choice(ACTIONS))
        expected, reward, over, expected_info = theirs.step(action)
        observation, our_reward, terminated, truncated, info = ours.step(action)
        assert (observation == expected).all()
        assert (our_reward, terminated or truncated) == (reward, over)
        assert terminated == (expected_info["discount"] == 0)
        assert info["reward"] == expected_info["reward"]
        assert info["achievements"].tolist() == list(expected_info["achievements"].values())
        assert info["inventory"].tolist() == list(expected_info["inventory"].values())
        assert info["player_pos"].tolist() == expected_info["player_pos"].tolist()
        assert (info["semantic"] == expected_info["semantic"]).all()
        seen["dark"] |= theirs._world.daylight < 0.5
        seen["asleep"] |= theirs._player.sleeping
        if over:
            seen["over"] = True
            assert (ours.reset()[0] == theirs.reset()).all()
    assert all(seen.values()), seen


def test_death_terminates_and_length_truncates():
    env = Crafter(**SMALL, length=3)
    env.reset(seed=1)
    assert [env.step(0)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]
    env.reset()
    env._player._hunger, env._player.inventory["food"], env._player._recover = 0, 0, -15
    env._player.health = 1
    assert env.step(0)[2:4] == (True, False)


@pytest.mark.parametrize("length", [0, None])
def test_no_length_is_no_limit(length):
    env = Crafter(**SMALL, length=length)
    env.reset(seed=1)
    env._step = 10**6
    assert env.step(0)[2:4] == (False, False)


def test_looking_does_not_change_the_game():
    first, second = Crafter(**SMALL), Crafter(**SMALL, render_mode="rgb_array")
    assert (first.reset(seed=2)[0] == second.reset(seed=2)[0]).all()
    for step in range(200):
        assert second.render().shape == (576, 576, 3)
        assert (first.step(step % 5)[0] == second.step(step % 5)[0]).all()
    assert (second.render()[::9, ::9] == second._picture).all()


def test_observations_are_not_overwritten():
    env = Crafter(**SMALL)
    first, _ = env.reset(seed=1)
    kept = first.copy()
    for action in (1, 2, 3, 4):
        env.step(action)
    assert (first == kept).all()


def test_batches():
    with closing(puffer.make("crafter", 3, backend="serial", **SMALL, length=5, view=(5, 7), size=(40, 30))) as env:
        observations, info = env.reset(seed=5)
        assert (observations.shape, observations.dtype) == ((3, 30, 40, 3), np.uint8)
        assert (info["achievements"].shape, info["inventory"].shape) == ((3, 22), (3, 16))
        for _ in range(5):
            *_, terminations, truncations, info = env.step(np.zeros(3, int))
        assert truncations.all()
        assert not terminations.any()
        assert info["final_info"]["achievements"].shape == (3, 22)


def test_no_seed_is_a_game_of_its_own():
    before = np.random.get_state()[1].copy()
    first, second = (Crafter(**SMALL).reset()[0] for _ in range(2))
    assert (first != second).any()
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize("seed", [2**32, 2**64 - 1])
def test_large_seeds(seed):
    (first, _), (second, _) = (Crafter(**SMALL).reset(seed=seed) for _ in range(2))
    assert (first == second).all()


def test_the_package_stays_as_it_is():
    script = """
import puffer, crafter
puffer.make("crafter", area=(16, 16)).reset(seed=1)
env = crafter.Env(area=(8, 8), seed=1)
env.reset()
assert type(env._world) is crafter.engine.World
assert all(type(chunk) is set for chunk in env._world.chunks.values())
print("as it is")
"""
    assert run_script(script).split("\n")[0] == "as it is"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"area": 0}, ValueError, r"area\[0\] must be at least 1"),
        ({"area": (8, 8, 8)}, ValueError, "area must be two"),
        ({"area": (8.5, 8)}, TypeError, r"area\[0\] must be an integer"),
        ({"area": "big"}, TypeError, "area"),
        ({"view": (9, 2)}, ValueError, r"view\[1\] must be at least 3"),
        ({"view": (1, 9)}, ValueError, r"view\[1\] must be at least 17"),
        ({"size": 17}, ValueError, r"size\[0\] must be at least 18"),
        ({"size": (64, 10)}, ValueError, r"size\[1\] must be at least 18"),
        ({"reward": 1}, TypeError, "reward must be a bool"),
        ({"semantic": "yes"}, TypeError, "semantic must be a bool"),
        ({"length": -1}, ValueError, "length must be at least 0"),
        ({"length": 2.5}, TypeError, "length must be an integer"),
        ({"seeds": 1}, TypeError, "unexpected keyword argument 'seeds'"),
        ({"render_mode": "ansi"}, ValueError, "render_mode"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        puffer.make("crafter", 1, backend="serial", **options)


@pytest.mark.parametrize(
    "options", [{"view": (1, 17), "size": (2, 34)}, {"area": (1, 1)}, {"view": (30, 20), "size": 70}]
)
def test_odd_sizes_play(options):
    env = Crafter(**{**SMALL, **options})
    observation, _ = env.reset(seed=1)
    for action in range(17):
        assert env.observation_space.contains(observation)
        observation, *_ = env.step(action)
