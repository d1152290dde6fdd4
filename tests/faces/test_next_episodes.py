"""Options, seeds and parameters of single copies, attributes of copies, and batches that are pickled."""

import copy
import pickle
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from helpers import make
from interpreter_envs import Asked
from worker_play import assert_the_next_episode_is_the_one_that_was_set

import puffer


@pytest.mark.parametrize("backend", ["serial", "process"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_next_episode_is_the_one_that_was_set(backend, mode):
    workers = {"num_workers": 2} if backend == "process" else {}
    env = puffer.emulate(Asked, 2, backend=backend, autoreset_mode=mode, **workers)
    try:
        assert_the_next_episode_is_the_one_that_was_set(env)
    finally:
        env.close()


def test_options_reach_the_copies_with_a_mask():
    env = puffer.emulate(Asked, 2, backend="serial")
    assert env.reset(seed=1, options={"reset_mask": np.ones(2, bool), "goal": 3})[0][:, 1].tolist() == [3, 3]
    assert [one.goal for one in env.envs] == [3, 3]
    with pytest.raises(ValueError, match="2 dicts"):
        env.reset(options=[{}])


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 1}])
def test_a_mask_alone_comes_with_empty_options_unless_some_were_set(options):
    given = []

    class Noting(Asked):
        def reset(self, *, seed, options):
            observation, info = super().reset(seed=seed, options=options)
            return observation, {"given": repr(options)}

    with closing(puffer.emulate(Noting, 2, **options)) as env:
        given += [env.reset()[1]["given"][0], env.reset(options={"reset_mask": np.ones(2, bool)})[1]["given"][0]]
        env.set_next(options={"goal": 2})
        given.append(env.reset(options={"reset_mask": np.ones(2, bool)})[1]["given"][0])
    assert given == ["None", "{}", "{'goal': 2}"]


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 1}])
def test_what_no_episode_can_begin_with_is_refused_at_once(options):
    class Fixed(Asked):
        weighs = property(lambda self: 3)

        @property
        def mass(self):
            return 1

        @mass.setter
        def mass(self, value):
            raise OverflowError(f"{value} is too heavy")

    with closing(puffer.emulate(Fixed, 1, **options)) as env:
        env.reset()
        for name, problem in {
            "weighs": "only be read",
            "step": "a method",
            "observation_space": "stays as it is",
        }.items():
            with pytest.raises((TypeError, AttributeError, puffer.WorkerError), match=problem):
                env.set_next(**{name: 3})
        env.set_next(mass=7)
        with pytest.raises((OverflowError, puffer.WorkerError), match="7 is too heavy"):
            env.reset()
        assert env.reset(seed=4)[0].tolist() == [[4, 0, 1]]


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_native_copies_with_own_seeds_and_physics_do_not_depend_on_threads(mode):
    runs = []
    for threads in 1, 3:
        env = make("cartpole", 4, num_threads=threads, autoreset_mode=mode)
        env.reset(seed=1)
        env.set_next([1, 3], seed=5, gravity=[20, 9.8])
        rng = np.random.default_rng(0)
        runs.append([env.step(rng.integers(0, 2, 4))[0].copy() for _ in range(80)])
        assert env.get_attr("gravity") == (9.8, 20, 9.8, 9.8)
    assert np.array_equal(*runs)


def test_a_level_of_a_copy_is_that_of_a_batch_of_it():
    env = make("minigrid", 3, level="Empty", size=16, max_steps=20)
    alone = make("minigrid", 1, level="DoorKey", size=6, max_steps=20)
    env.set_next([1], level="DoorKey", size=6, seed=[9])
    assert np.array_equal(env.reset(seed=[1, None, 2])[0][1], alone.reset(seed=[9])[0][0])
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.integers(0, 7, 3)
        assert np.array_equal(env.step(actions)[0][1], alone.step(actions[1:2])[0][0])
    assert env.get_attr("level") == ("Empty", "DoorKey", "Empty")
    with pytest.raises(ValueError, match="larger"):
        env.set_next(0, level="MultiRoom")


def test_what_cannot_be_set_is_refused_by_name():
    env = make("squared", 1)
    with pytest.raises(TypeError, match="size"):
        env.set_next(size=3)
    with pytest.raises(AttributeError, match="size"):
        env.set_attr("size", 3)
    with pytest.raises(AttributeError, match="nothing"):
        env.get_attr("nothing")
    with pytest.raises(TypeError, match="own"):
        make("snake", 1).set_next(seed=1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_native_batch_goes_on_in_its_copy(copied):
    env = make("cartpole", 4)
    env.reset(seed=1)
    env.set_next(2, seed=3, gravity=5)
    rng = np.random.default_rng(0)
    for _ in range(10):
        env.step(rng.integers(0, 2, 4))
    other = copied(env)
    for _ in range(60):
        actions = rng.integers(0, 2, 4)
        assert np.array_equal(env.step(actions)[0], other.step(actions)[0])
    assert env.stats() == other.stats()
    with pytest.raises(TypeError, match="Python"):
        copied(puffer.emulate(Asked, 1, backend="serial"))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_what_a_reset_says_of_parts_that_nobody_has_received_goes_with_the_copy(copied):
    env = make("taxi", 6, batch_size=2, action_masks=True, prob=True)
    env.async_reset(seed=3)
    env.recv()
    other = copied(env)
    for _ in range(2):
        observations, *_, info = env.recv()
        others, *_, others_info = other.recv()
        assert np.array_equal(observations, others)
        assert info.keys() == others_info.keys() >= {"prob", "action_mask", "env_id"}
        assert all(np.array_equal(info[key], others_info[key]) for key in info)


def test_gymnasium_makes_batches_in_its_own_default_mode():
    env = gymnasium.make_vec("puffer/CartPole-v0", 2)
    assert env.autoreset_mode is env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    made = gymnasium.make_vec(make("cartpole", 3, max_steps=7).spec)
    assert (made.num_envs, made.max_steps, made.autoreset_mode) == (3, 7, AutoresetMode.SAME_STEP)
