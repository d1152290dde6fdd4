"""skrl wraps a batch as it is, and one copy with named agents; its PPO learns."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers import make, random_actions, run_python

torch = pytest.importorskip("torch", reason="pip install skrl torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("skrl", reason="pip install skrl torch")
    from skrl.envs.wrappers.torch import wrap_env

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ["ocean-cartpole", "ocean-pendulum", "ocean-snake"])
def test_a_batch_is_wrapped_as_it_is(name):
    env, batch = wrap_env(make(name, 3, max_steps=9), verbose=False), make(name, 3, max_steps=9)
    assert (env.num_envs, env.observation_space, env.action_space) == (
        batch.num_envs,
        batch.single_observation_space,
        batch.single_action_space,
    )
    first, _ = env.reset()
    assert first.shape == (batch.num_envs, np.prod(batch.single_observation_space.shape))
    batch.reset()
    batch.set_state(env._env.get_state())
    for actions in random_actions(batch, 30):
        result, expected = env.step(torch.from_numpy(actions).reshape(batch.num_envs, -1)), batch.step(actions)
        for tensor, array in zip(result[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(tensor.numpy(), array.reshape(batch.num_envs, -1))
        # Its trainers call this in every step, unless they are headless.
        assert env.render() == (None,) * 3
    env.close()


def test_named_agents_are_wrapped():
    pytest.importorskip("pettingzoo", reason="pip install pettingzoo")
    from puffer.faces.pettingzoo import ParallelEnv

    env = wrap_env(ParallelEnv("spread", max_steps=9), verbose=False)
    observations, _ = env.reset()
    assert env.num_agents == 3
    for _ in range(9):
        actions = {agent: torch.zeros((1, 1), dtype=torch.int64) for agent in env.possible_agents}
        observations, rewards, terminated, truncated, _ = env.step(actions)
    assert all(truncated.values())
    assert observations["agent_1"].shape == (1, 18)
    assert env.reset()[0]["agent_0"].shape == (1, 18)


def test_the_example_runs(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "trainers" / "skrl_cartpole.py"
    assert "\nreturn " in "\n" + run_python("-W", "ignore", str(example), "8192", cwd=tmp_path)
