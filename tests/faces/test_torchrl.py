"""`VecEnv` of the face for TorchRL: its checks, the values of the batch, resets; the batch in TorchRL's wrappers."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import NAMES, SMALL, make, random_actions, run_python
from stories import story

import puffer

if find_spec("torchrl") is None:
    pytest.skip("pip install torchrl", allow_module_level=True)
with warnings.catch_warnings():
    # TorchRL's imports warn of other packages.
    warnings.simplefilter("ignore")
    from puffer.faces.torchrl import VecEnv
import torch
from torchrl.envs import ActionMask, GymEnv, GymWrapper, StepCounter, TransformedEnv, check_env_specs


class Observing(gymnasium.Env):
    """The mask of the next step, in the observation; actions from 5; another one is an error."""

    action_space = spaces.Discrete(4, start=5)
    observation_space = spaces.Dict(action_mask=spaces.MultiBinary(4), x=spaces.Box(-1, 1, (2,)))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observed(), {}

    def observed(self):
        self.legal = self.np_random.integers(0, 2, 4, np.int8)
        self.legal[self.np_random.integers(4)] = 1
        return {"action_mask": self.legal, "x": np.zeros(2, np.float32)}

    def step(self, action):
        assert self.legal[action - 5]
        return self.observed(), 1.0, bool(self.np_random.random() < 0.2), False, {}


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", NAMES)
def test_native_environments_pass_the_checks_of_torchrl(name):
    env = VecEnv(name, 2, max_steps=9, flat=name == "ocean-blackjack", **SMALL.get(name, {}))
    check_env_specs(env)
    env.close()


@pytest.mark.parametrize("flat", [True, False])
def test_environments_in_python_pass_the_checks_of_torchrl(flat):
    env = VecEnv(story, 2, flat=flat, backend="serial")
    check_env_specs(env)
    assert set(env.observation_spec.keys()) == ({"observation"} if flat else {"place", "level"})


@pytest.mark.parametrize("name", ["ocean-catch", "ocean-snake", "ocean-spread", "ocean-pendulum", "gym-CartPole-v1"])
@pytest.mark.parametrize("of", [VecEnv, GymWrapper])
def test_the_values_are_those_of_the_batch(name, of):
    options = {"max_steps": 12, **({"backend": "serial"} if name.startswith("gym-") else {"num_threads": 1})}
    batch, own = make(name, 4, **options), puffer.make(name, 4, **options)
    env = VecEnv(own) if of is VecEnv else GymWrapper(own, categorical_action_encoding=True)
    observations, _ = batch.reset(seed=5)
    env.set_seed(5)
    if of is GymWrapper:
        # It resets at once.
        observations, _ = batch.reset()
    tensors = env.reset()
    for actions in random_actions(batch, 40):
        np.testing.assert_array_equal(tensors["observation"].numpy(), observations)
        tensors["action"] = torch.from_numpy(actions)
        observations, rewards, terminations, truncations, _ = batch.step(actions)
        step, tensors = env.step_and_maybe_reset(tensors)
        last = observations.copy()
        last[batch.ends.rows] = batch.ends.observations
        np.testing.assert_array_equal(step["next", "observation"].numpy(), last)
        flags = {"done": terminations | truncations, "terminated": terminations, "truncated": truncations}
        for key, expected in {"reward": rewards, **flags}.items():
            np.testing.assert_array_equal(step["next", key].numpy()[:, 0], expected)
        if of is GymWrapper and flags["done"].all():
            # It resets once more when all have ended.
            observations, _ = batch.reset()
    env.close()


def test_rows_that_go_on_can_be_reset():
    env = VecEnv("cartpole", 3, seed=1)
    first = env.reset()
    for _ in range(3):
        first["action"] = torch.tensor([0, 1, 0])
        first = env.step(first)["next"]
    first["_reset"] = torch.tensor([[False], [True], [False]])
    after = env.reset(first.clone())
    assert (after["observation"] == first["observation"]).all(1).tolist() == [True, False, True]
    counted = TransformedEnv(VecEnv("cartpole", 4), StepCounter(max_steps=7))
    assert counted.rollout(40, break_when_any_done=False)["next", "step_count"].max() == 7


@pytest.mark.parametrize("flat", [True, False])
def test_action_masks_are_those_of_torchrl(flat):
    env = TransformedEnv(VecEnv(Observing, 3, backend="serial", flat=flat), ActionMask())
    check_env_specs(env)
    played = env.rollout(60, break_when_any_done=False)
    assert played["next", "terminated"].any()
    assert played["action_mask"].gather(-1, played["action"][..., None]).all()


def test_their_wrapper_resets_a_batch_that_does_not_reset_itself():
    env = GymWrapper(make("cartpole", 3, autoreset_mode="Disabled", max_steps=30))
    check_env_specs(env)
    seen = env.rollout(60, break_when_any_done=False)
    first = seen["next", "done"][:, :-1, 0]
    assert first.any()
    assert (seen["observation"][:, 1:][first].abs() <= 0.05).all()
    env.close()


def test_gym_env_finds_native_environments():
    check_env_specs(GymEnv("puffer/CartPole-v0"))


def test_what_is_refused():
    for options in ({"autoreset_mode": "NextStep"}, {"copy": False}, {"batch_size": 2}):
        with pytest.raises(ValueError, match=next(iter(options))):
            VecEnv("cartpole", 4, **options)
    with pytest.raises(ValueError, match="flat=True"):
        VecEnv("blackjack", 2)


def test_the_example_runs():
    example = Path(__file__).parents[2] / "examples" / "trainers" / "torchrl_cartpole.py"
    assert run_python("-W", "ignore", str(example), "1024", cwd=example.parent).startswith("return ")
