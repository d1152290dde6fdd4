"""Native environments inside Gymnasium: make and make_vec, its checkers and wrappers, its vector contract.

An author can break the single environment and the batch that Gymnasium makes of one; these are tested for every
environment of the registry, all else for a few.
"""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers
from helpers import KINDS, MODES, NAMES, Tally, assert_same, make, plain, play, random_actions, snapshot

import puffer
from puffer.faces.gymnasium import SingleEnv, gymnasium_id
from puffer.registry import find

# Environments with one agent, of different kind.
SINGLE_KINDS = ("ocean-catch", "ocean-tetris", "ocean-pendulum")

# Of Gymnasium's wrappers for a vector of observations, those that fit any Box; and the ones for actions and rewards.
OBSERVATION_WRAPPERS = {
    "FlattenObservation": wrappers.FlattenObservation,
    "NormalizeObservation": wrappers.NormalizeObservation,
    "DtypeObservation": lambda env: wrappers.DtypeObservation(env, np.float32),
    "ReshapeObservation": lambda env: wrappers.ReshapeObservation(
        env, (1, int(np.prod(env.single_observation_space.shape)))
    ),
    "TransformObservation": lambda env: wrappers.TransformObservation(env, np.copy, env.observation_space),
}
OTHER_WRAPPERS = {
    "ClipReward": lambda env: wrappers.ClipReward(env, 0, 0.5),
    "NormalizeReward": wrappers.NormalizeReward,
    "TransformReward": lambda env: wrappers.TransformReward(env, np.negative),
    "TransformAction": lambda env: wrappers.TransformAction(env, lambda actions: actions, env.action_space),
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "DictInfoToList": wrappers.DictInfoToList,
}


@pytest.fixture(params=NAMES)
def name(request):
    """The name of an environment of the registry."""
    return request.param


@pytest.fixture(params=SINGLE_KINDS)
def single(request):
    """The name of one of a few environments with one agent."""
    return request.param


def is_single(name):
    return make(name, 1).agents_per_env == 1


def identifier(name):
    return gymnasium_id(find(name))


def as_vector(name, mode, **options):
    """Copies of an environment one by one in Gymnasium's own vector environment."""
    return SyncVectorEnv([lambda: SingleEnv(name, **options)] * 6, autoreset_mode=mode)


# ---- Make ----


def test_every_environment_of_the_package_is_registered(name):
    spec = gymnasium.spec(identifier(name))
    assert spec.vector_entry_point
    assert spec.entry_point


def test_make_vec_makes_a_batch_that_equals_puffer_make(name):
    env = gymnasium.make_vec(identifier(name), num_envs=5, autoreset_mode="NextStep", max_steps=15)
    native = env.unwrapped.native_env
    # As Gymnasium's own, these tell the probability of what happened, and what is legal.
    more = {"prob": True, "action_masks": native.masks_actions} if hasattr(native, "prob") else {}
    direct = puffer.make(name, 5, autoreset_mode="NextStep", max_steps=15, flat=False, **more)
    assert env.spec.id == identifier(name)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.num_envs == direct.num_envs
    actions = random_actions(direct, 50)
    assert_same(play(env, actions), play(direct, actions))
    env.close()
    assert env.closed


@pytest.mark.parametrize("mode", AutoresetMode)
def test_make_vec_passes_the_autoreset_mode_on(mode):
    for given in (mode, mode.value):
        env = gymnasium.make_vec("puffer/Catch-v0", num_envs=2, autoreset_mode=given)
        assert env.metadata["autoreset_mode"] is mode


def test_make_vec_returns_fresh_arrays(kind):
    env = gymnasium.make_vec(identifier(kind), num_envs=3)
    results = [env.reset(seed=0), *(env.step(action) for action in random_actions(env, 2))]
    arrays = [array for *batch, _ in results for array in batch]
    assert not any(np.shares_memory(array, other) for k, array in enumerate(arrays) for other in arrays[:k])


def test_make_vec_passes_options_on():
    env = gymnasium.make_vec("puffer/Catch-v0", num_envs=3, rows=4, columns=6, render_mode="ansi", max_episode_steps=2)
    assert env.single_observation_space.shape == (4, 6)
    assert env.render_mode == "ansi"
    env.reset(seed=0)
    assert len(env.render()) == 3
    assert [env.step(np.ones(3, int))[3].tolist() for _ in range(2)] == [[False] * 3, [True] * 3]


def test_make_vec_also_makes_gymnasiums_own_vectors_of_single_environments(single):
    env = gymnasium.make_vec(identifier(single), num_envs=3, vectorization_mode="sync")
    env.reset(seed=0)
    for action in random_actions(make(single, 3), 20):
        env.step(action)
    env.close()


def test_make_takes_environments_with_one_agent_only(name):
    if is_single(name):
        assert gymnasium.make(identifier(name)).spec.id == identifier(name)
    else:
        with pytest.raises(ValueError, match="make_vec"):
            gymnasium.make(identifier(name))


def test_make_shows_the_own_spaces():
    for id, space in (
        ("FrozenLake-v0", spaces.Discrete(16)),
        ("CliffWalking-v0", spaces.Discrete(48)),
        ("Taxi-v0", spaces.Discrete(500)),
        ("Blackjack-v0", spaces.Tuple((spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2)))),
    ):
        env = gymnasium.make(f"puffer/{id}")
        assert env.observation_space == space
        assert env.reset(seed=0)[0] in space
    assert isinstance(gymnasium.make("puffer/Spaces-v0").observation_space, spaces.Dict)


def test_specs_have_time_limits_and_thresholds():
    spec = gymnasium.spec("puffer/CartPole-v0")
    assert (spec.max_episode_steps, spec.reward_threshold) == (500, 475.0)
    assert gymnasium.spec("puffer/Catch-v0").max_episode_steps is None
    with pytest.raises(TypeError, match="max_episode_steps=20"):
        gymnasium.make("puffer/CartPole-v0", max_steps=20)


def test_the_single_environment_refuses_an_unknown_option_of_reset():
    with pytest.raises(ValueError, match="no entry 'speed'"):
        gymnasium.make("puffer/Catch-v0").reset(options={"speed": 3})


def test_make_limits_the_time_with_gymnasiums_own_option(single):
    env = gymnasium.make(identifier(single), max_episode_steps=3)
    env.reset(seed=0)
    flags = []
    for action in random_actions(make(single, 1), 3):
        _, _, terminated, truncated, _ = env.step(action[0])
        flags.append(truncated)
        if terminated:
            return
    assert flags == [False, False, True]


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.+imum value is .*infinity")
@pytest.mark.filterwarnings("ignore:.*For Box action spaces, we recommend")
def test_gymnasiums_checker_accepts_the_single_environment(name):
    if not is_single(name):
        return
    check_env(gymnasium.make(identifier(name)).unwrapped, skip_render_check=True)
    env = gymnasium.make(identifier(name), render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().dtype == np.uint8
    env.close()


def test_the_single_environment_returns_plain_python_values(single):
    env = gymnasium.make(identifier(single))
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert info == {}
    kept = observation.copy()
    action = env.action_space.sample()
    following, reward, terminated, truncated, info = env.step(action)
    assert [type(value) for value in (reward, terminated, truncated, info)] == [float, bool, bool, dict]
    assert np.array_equal(observation, kept)
    assert not np.shares_memory(observation, following)


def test_the_single_environment_refuses_options_that_only_a_batch_has():
    for option in ("num_envs", "num_threads", "batch_size", "autoreset_mode", "copy", "record_episodes"):
        with pytest.raises(TypeError, match=option):
            gymnasium.make("puffer/Catch-v0", **{option: 1})
    with pytest.raises(TypeError, match="did you mean 'rows'"):
        gymnasium.make("puffer/Catch-v0", row=3)


def test_the_single_environment_needs_a_reset_after_the_end():
    env = gymnasium.make("puffer/Catch-v0").unwrapped
    env.reset(seed=0)
    for _ in range(9):
        terminated = env.step(1)[2]
    assert terminated
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(1)
    env.reset()
    env.step(np.int64(2))


def test_the_single_environment_has_snapshots(single):
    env = SingleEnv(single)
    env.reset(seed=0)
    state = env.get_state()
    action = env.action_space.sample()
    expected = env.step(action)
    env.set_state(state)
    result = env.step(action)
    assert_same(result, expected)


def test_the_single_environment_refuses_bad_actions():
    env = SingleEnv("ocean-catch")
    env.reset(seed=0)
    state = env.get_state()
    for action in (None, "up", 7, -1, 1.0, [1], np.array([1]), np.nan, 2**70, object()):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            env.step(action)
        assert np.array_equal(env.get_state(), state), action


# ---- The vector contract ----


def test_a_batch_equals_gymnasiums_vector_of_the_single_environments(name, subtests):
    """Bit for bit: observations, flags, rewards (float64 there) and infos, in every autoreset mode."""
    if not is_single(name):
        return
    for mode in MODES:
        with subtests.test(mode):
            assert_equals_gymnasiums_vector(name, mode)


def test_a_game_of_several_agents_may_have_one(mode):
    assert_equals_gymnasiums_vector("ocean-snake", mode, snakes=1)
    assert_equals_gymnasiums_vector("ocean-connect_four", mode, opponent="random")


def assert_equals_gymnasiums_vector(name, mode, **options):
    options["max_steps"] = 40
    env, vector = make(name, autoreset_mode=mode, flat=False, **options), as_vector(name, mode, **options)
    assert env.metadata["autoreset_mode"] is vector.metadata["autoreset_mode"]
    for attribute in ("single_observation_space", "single_action_space", "observation_space", "action_space"):
        assert getattr(env, attribute) == getattr(vector, attribute), attribute
    seeds = [5, 3, 8, 13, 21, 34]
    assert_same(snapshot(env.reset(seed=seeds)), vector.reset(seed=seeds))
    tally = Tally(env)
    for action in random_actions(env, 90):
        result = snapshot(env.step(action))
        observations, rewards, terminations, truncations, info = vector.step(action)
        tally.add(result)
        assert_same(result, (observations, rewards.astype(np.float32), terminations, truncations, info))
        if mode == "Disabled" and tally.restart.any():
            mask = tally.restart
            expected = vector.reset(options={"reset_mask": mask.copy()})
            assert_same(snapshot(env.reset(options={"reset_mask": mask})), expected)
    assert len(tally.episodes) > 6


def test_a_batch_is_a_vector_env_with_its_own_metadata():
    before = dict(gymnasium.vector.VectorEnv.metadata)
    envs = {mode: make("ocean-catch", 2, autoreset_mode=mode) for mode in AutoresetMode}
    for mode, env in envs.items():
        assert isinstance(env, gymnasium.vector.VectorEnv)
        assert env.metadata["autoreset_mode"] is mode
        assert env.unwrapped is env
        assert set(env.metadata) >= {"autoreset_mode", "render_modes", "render_fps"}
    assert gymnasium.vector.VectorEnv.metadata == before
    assert len({id(env.metadata) for env in envs.values()}) == 3
    assert len({id(env.metadata["render_modes"]) for env in envs.values()}) == 3


def test_the_space_of_a_batch_is_the_batched_space(kind):
    env = make(kind, 3)
    assert env.observation_space == gymnasium.vector.utils.batch_space(env.single_observation_space, env.num_envs)
    assert env.action_space == gymnasium.vector.utils.batch_space(env.single_action_space, env.num_envs)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(10):
        observations = env.step(env.action_space.sample())[0]
        assert env.observation_space.contains(observations)


def test_reset_seeds_gymnasiums_own_generator():
    env = make("ocean-catch", 2)
    env.reset(seed=5)
    assert env.np_random_seed == 5
    expected = gymnasium.utils.seeding.np_random(5)[0].random()
    assert env.np_random.random() == expected


def test_closing_is_idempotent_and_a_context_manager_closes():
    env = make("ocean-catch", 2)
    env.reset(seed=0)
    env.close()
    env.close()
    assert env.closed
    with gymnasium.make("puffer/Catch-v0") as single:
        single.reset(seed=0)
    with pytest.raises(gymnasium.error.ClosedEnvironmentError):
        single.unwrapped.step(0)


# ---- Wrappers ----


# Gymnasium's Box says so itself when it is cast to another dtype.
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("name", [*KINDS, "ocean-pendulum", "ocean-pong"])
@pytest.mark.parametrize("wrap", OBSERVATION_WRAPPERS.values(), ids=OBSERVATION_WRAPPERS)
def test_observation_wrappers_of_gymnasium_work(name, wrap):
    env = wrap(make(name, 3, autoreset_mode="NextStep", max_steps=30, copy=True))
    for action in random_actions(env, 15):
        observations, _ = env.reset(seed=0)
        assert env.observation_space.contains(observations.astype(env.observation_space.dtype))
        observations = env.step(action)[0]
        assert observations.shape == env.observation_space.shape


def test_rescaling_the_observations_works():
    env = make("ocean-squared", 3, autoreset_mode="NextStep", copy=True)
    env = wrappers.RescaleObservation(wrappers.DtypeObservation(env, np.float32), -1, 1)
    env.reset(seed=0)
    observations = env.step(np.zeros(3, np.int32))[0]
    assert (observations.min(), observations.max()) == (-1, 1)


@pytest.mark.parametrize("wrap", OTHER_WRAPPERS.values(), ids=OTHER_WRAPPERS)
def test_other_wrappers_of_gymnasium_work(kind, wrap):
    for mode in MODES:
        env = wrap(make(kind, 3, autoreset_mode=mode, max_steps=6, copy=True))
        env.reset(seed=0)
        for action in random_actions(env, 30 if mode != "Disabled" else 1):
            env.step(action)
        env.close()


@pytest.mark.parametrize("copy", [False, True])
def test_record_episode_statistics_counts_what_stats_counts(single, mode, copy):
    inner = make(single, 8, autoreset_mode=mode, max_steps=25, copy=copy)
    env = wrappers.RecordEpisodeStatistics(inner)
    env.reset(seed=0)
    tally, infos = Tally(inner), []
    for action in random_actions(inner, 120):
        result = env.step(action)
        tally.add(result)
        infos.append(plain(result[4]))
        if mode == "Disabled" and tally.restart.any():
            env.reset(options={"reset_mask": tally.restart})
    recorded = [info for info in infos if "episode" in info]
    pairs = [
        (info["episode"]["r"][row], info["episode"]["l"][row])
        for info in recorded
        for row in np.flatnonzero(info["_episode"])
    ]
    assert pairs == [(episode_return, length) for episode_return, length in tally.episodes]
    assert inner.stats()["episodes"] == len(pairs) == env.episode_count


def test_numpy_to_torch_works():
    pytest.importorskip("torch")
    pytest.importorskip("array_api_compat", reason="pip install 'gymnasium[torch]'")
    from gymnasium.wrappers.vector import NumpyToTorch

    env = NumpyToTorch(make("ocean-cartpole", 3, copy=True))
    observations, _ = env.reset(seed=0)
    assert tuple(observations.shape) == (3, 4)


def test_time_limit_and_normalisation_of_single_environments_work(single):
    env = gymnasium.make(identifier(single), max_episode_steps=5)
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.wrappers.FlattenObservation(env))
    env.reset(seed=0)
    env.action_space.seed(0)
    done = False
    for _ in range(5):
        *_, terminated, truncated, info = env.step(env.action_space.sample())
        done = terminated or truncated
        if done:
            break
    assert done
    assert info["episode"]["l"] <= 5
    assert isinstance(env.observation_space, spaces.Box)
