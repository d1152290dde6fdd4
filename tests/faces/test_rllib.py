"""The face for RLlib: what its env runners see of a batch in NEXT_STEP, and of several agents with names."""

import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import run_python

pytest.importorskip("torch", reason="pip install 'ray[rllib]' torch")
pytest.importorskip("ray", reason="pip install 'ray[rllib]' torch")
pytest.importorskip("tree", reason="pip install 'ray[rllib]' torch")

with warnings.catch_warnings():
    # Those of packages that RLlib imports.
    warnings.simplefilter("ignore")
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
    from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
    from ray.rllib.utils.pre_checks.env import check_multiagent_environments

    from puffer.faces.rllib import MultiAgentEnv, make_env

pytestmark = pytest.mark.filterwarnings("ignore")


class Counting(gymnasium.Env):
    """Observations count the steps of an episode, rewards ten times that; the last of 2 to 5 steps ends it."""

    observation_space = spaces.Box(0, 9, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.length = 0, int(self.np_random.integers(2, 6))
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        is_over = self.steps == self.length
        return np.full(1, self.steps, np.float32), 10.0 * self.steps, is_over and self.length % 2 == 0, is_over, {}


def runner(source, **env_config):
    runners = {"num_envs_per_env_runner": 3, "gym_env_vectorize_mode": "vector_entry_point"}
    return SingleAgentEnvRunner(config=PPOConfig().environment(source, env_config=env_config).env_runners(**runners))


def test_episodes_have_all_of_their_steps():
    episodes = runner(make_env, env=Counting, backend="serial").sample(num_timesteps=60, random_actions=True)
    ended = [episode for episode in episodes if episode.is_done]
    assert len(ended) > 10
    for episode in ended:
        assert episode.get_observations()[:, 0].tolist() == list(range(len(episode) + 1))
        assert episode.get_rewards().tolist() == [10.0 * step for step in range(1, len(episode) + 1)]
        assert episode.is_terminated == (len(episode) % 2 == 0)


@pytest.mark.parametrize("source", [make_env, "puffer:puffer/CartPole-v0"])
def test_native_environments(source):
    options = {"env": "cartpole"} if source is make_env else {}
    for episode in runner(source, **options).sample(num_timesteps=100, random_actions=True):
        # It has fallen in the last observation, and in no other.
        fallen = np.abs(episode.get_observations()[:, 2]) > 12 * np.pi / 180
        assert not fallen[:-1].any()
        assert fallen[-1] == episode.is_terminated
        assert len(episode) == episode.get_rewards().sum()


@pytest.mark.parametrize("name", ["spread", "connect_four", "multiagent"])
def test_several_agents(name):
    env = MultiAgentEnv(name, max_steps=20)
    check_multiagent_environments(env)
    assert list(env.observation_spaces) == list(env.action_spaces) == env.possible_agents
    config = PPOConfig().environment(lambda config: MultiAgentEnv(name, max_steps=20))
    config.multi_agent(policies={"one"}, policy_mapping_fn=lambda agent, episode, **_: "one")
    episodes = MultiAgentEnvRunner(config=config).sample(num_episodes=3, random_actions=True)
    assert len(episodes) == 3
    assert all(episode.is_done for episode in episodes)
    assert {agent for episode in episodes for agent in episode.agent_ids} == set(env.possible_agents)


def test_the_last_agent_ends_the_episode():
    env = MultiAgentEnv("snake", max_steps=200)
    env.reset(seed=1)
    seen = 0
    while env.agents:
        actions = {agent: env.action_spaces[agent].sample() for agent in env.agents}
        _, _, terminations, truncations, _ = env.step(actions)
        assert set(terminations) == {*actions, "__all__"}
        assert (terminations["__all__"] or truncations["__all__"]) == (not env.agents)
        seen += 1
    assert seen > 1


def test_what_is_refused():
    for config, message in (
        ({"num_envs": 2}, "has no 'env'"),
        ({"env": "cartpole"}, "vector_entry_point"),
        ({"env": "cartpole", "num_envs": 2, "autoreset_mode": "SameStep"}, "NextStep"),
        ({"env": "snake", "num_envs": 2}, "MultiAgentEnv"),
    ):
        with pytest.raises(ValueError, match=message):
            make_env(config)


def test_the_example_runs():
    example = Path(__file__).parents[2] / "examples" / "trainers" / "rllib_cartpole.py"
    assert "\nreturn " in "\n" + run_python("-W", "ignore", str(example), "256", cwd=example.parent)
