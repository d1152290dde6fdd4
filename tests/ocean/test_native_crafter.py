"""Crafter against the package `crafter`: states, rewards, worlds and pictures are equal in every step.

pytest tests/ocean/test_native_crafter.py --package-steps=400000    # half of them of random play, a quarter of a miner
"""

import math

import numpy as np
import pytest
from gymnasium import spaces
from helpers import make

import puffer
from puffer.ocean.crafter import ACHIEVEMENTS, score

needs_package = pytest.mark.skipif(
    "crafter" not in puffer.list_envs(installed=True), reason="python -m puffer.install crafter"
)
ANY = 2**31 - 1


def crafter(num_envs=1, **options):
    return make("ocean-crafter", num_envs, **{"observation": "symbolic", **options})


class Duel:
    """Games of a native copy and of the package, with the same random numbers."""

    def __init__(self, seed, draws_pictures=False):
        # The package is imported late: the other tests do not need it.
        from crafter_package import Package

        self.env = crafter(observation="pixels" if draws_pictures else "symbolic")
        self.picture = self.env.reset(seed=[seed])[0][0].copy()
        self.stream, self.package = puffer.Random(seed), Package(draws_pictures)
        self.episodes, self.achieved = 0, np.zeros(22, np.int64)
        self.begin()

    def begin(self):
        from crafter_package import noise_of

        state = self.env.unwrapped.native_env.state(0)
        number = self.stream.below(ANY)
        assert state["world"] == number
        noise_seed = puffer.Random(number).bits()
        self.package.noise = lambda size: noise_of(noise_seed, self.package._step)
        self.compare_pictures(self.package.begin(state, self.stream))

    def compare_pictures(self, expected):
        assert expected is None or np.array_equal(expected, self.picture)

    def state(self):
        return self.env.unwrapped.native_env.state(0)

    def step(self, action):
        observations, rewards, terminations, truncations, _ = self.env.step([action])
        picture, reward, over, _ = self.package.step(action)
        self.picture = observations[0]
        assert rewards[0] == np.float32(reward)
        assert over == (terminations[0] or truncations[0])
        expected = self.package.state()
        if over:
            self.episodes += 1
            self.achieved += expected["achievements"] > 0
            self.begin()
            return
        self.compare_pictures(picture)
        state = self.state()
        for name, value in expected.items():
            assert np.array_equal(value, state[name]), (name, value, state[name])


@needs_package
@pytest.mark.parametrize("player", ["random", "miner"])
def test_games_are_those_of_the_package(player, request):
    from crafter_package import Miner

    steps = request.config.getoption("--package-steps") // (2 if player == "random" else 4)
    duel, rng = Duel(7), np.random.default_rng(7)
    miner, episodes = Miner(rng), 0
    for _ in range(steps):
        if player == "random":
            duel.step(int(rng.integers(0, 17)))
        else:
            duel.step(miner(duel.state()))
        if duel.episodes > episodes:
            miner, episodes = Miner(rng), duel.episodes
    print(f"{player}: {steps} steps, {episodes} episodes, {dict(zip(ACHIEVEMENTS, duel.achieved, strict=True))}")


@needs_package
def test_pictures_are_those_of_the_package(request):
    duel, rng = Duel(14, draws_pictures=True), np.random.default_rng(14)
    seen = set()
    for _ in range(max(200, request.config.getoption("--package-steps") // 20)):
        duel.step(int(rng.choice([*range(17), 1, 2, 3, 4, 5, 5, 5, 6, 6])))
        seen.add((duel.package._world.daylight < 0.5, bool(duel.package._player.sleeping)))
    assert len(seen) == 4, seen


@needs_package
def test_worlds_are_those_of_the_package():
    from crafter import objects, worldgen
    from crafter_package import Draws, Package

    package, env = Package(), crafter()
    env.reset(seed=[4])
    state = env.unwrapped.native_env.state(0)
    world, stream = package._world, puffer.Random(state["world"])
    world.reset()
    stream.bits()
    world.random = Draws(stream)
    package._player = objects.Player(world, (32, 32))
    world.add(package._player)
    worldgen.generate_world(world, package._player)
    package._update_time = lambda: None
    for name in ("terrain", "things", "creatures"):
        assert np.array_equal(package.state()[name], state[name]), name


def test_the_symbolic_observation_is_what_the_player_sees():
    env = crafter(3)
    observations, _ = env.reset(seed=2)
    rng = np.random.default_rng(1)
    for _ in range(120):
        for copy in range(3):
            state = env.unwrapped.native_env.state(copy)
            x, y = state["player"]
            seen = np.zeros((2, 7, 9), np.uint8)
            for row, column in np.ndindex(7, 9):
                at = x + column - 4, y + row - 3
                if min(at) >= 0 and max(at) < 64:
                    seen[:, row, column] = state["terrain"][at], state["things"][at]
            rest = [*state["inventory"], state["facing"], state["sleeping"], int(255 * state["daylight"])]
            assert observations[copy].tolist() == [*seen.ravel(), *rest]
        observations = env.step(rng.integers(0, 6, 3))[0]


def test_worlds_have_numbers():
    env = crafter(4, worlds=3, max_steps=2)
    native = env.unwrapped.native_env
    env.reset(seed=1)
    starts = {}
    for _ in range(40):
        for copy in range(4):
            number = env.get_attr("world")[copy]
            terrain = native.state(copy)["terrain"]
            assert np.array_equal(starts.setdefault(number, terrain), terrain)
        env.step([0] * 4)
        env.step([0] * 4)
    assert set(starts) == {0, 1, 2}
    env.set_next([0, 2], world=[77, 2])
    env.reset()
    assert [env.get_attr("world")[0], env.get_attr("world")[2]] == [77, 2]
    env.set_next([0], world=[None])
    env.reset()
    assert env.get_attr("world")[0] < 3


def test_statistics_are_the_achievements_and_give_the_score():
    env = crafter(16, max_steps=300)
    env.reset(seed=1)
    rng = np.random.default_rng(2)
    for _ in range(700):
        env.step(rng.integers(0, 17, 16))
    stats = env.stats()
    rates = np.array([stats[name] for name in ACHIEVEMENTS])
    assert (rates >= 0).all()
    assert (rates <= 1).all()
    assert stats["collect_sapling"] > 0.1
    assert math.isclose(stats["achievements"], rates.sum(), rel_tol=1e-6)
    assert math.isclose(score(stats), np.exp(np.log(1 + 100 * rates).mean()) - 1)
    assert score(dict.fromkeys(ACHIEVEMENTS, 1.0)) == pytest.approx(100)


def test_a_name_means_one_thing():
    assert puffer.list_envs().count("crafter") == puffer.list_envs().count("ocean-crafter") == 1
    assert type(make("ocean-crafter", 1).unwrapped.native_env).__name__ == "Crafter"
    assert make("ocean-crafter", 1).single_observation_space == spaces.Box(0, 255, (64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"observation": "text"}, ValueError, "observation must be"),
        ({"worlds": 0}, ValueError, "worlds must be at least 1"),
        ({"worlds": 1.5}, TypeError, "worlds must be an integer"),
        ({"area": (64, 64)}, TypeError, "area"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        make("ocean-crafter", 1, **options)


def test_bad_worlds_are_refused():
    env = crafter(2)
    for world, error in ((-1, ValueError), (2**31 - 1, ValueError), ("first", TypeError)):
        with pytest.raises(error, match="world must be"):
            env.set_next([0], world=[world])
    with pytest.raises(TypeError, match="set_next"):
        env.set_next([0], area=[1])


def test_snapshots_are_small_and_forged_ones_are_played(rng):
    env = crafter(2)
    env.reset(seed=1)
    native = env.unwrapped.native_env
    before = native.state(0)
    state = env.get_state()
    assert state.shape[1] < 16_000
    env.set_state(state)
    after = native.state(0)
    assert all(np.array_equal(before[name], after[name]) for name in before)
