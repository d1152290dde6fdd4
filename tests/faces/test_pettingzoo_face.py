"""`ParallelEnv` of the face for PettingZoo: its own checks, the rows of the batch by agent, agents that leave."""

import warnings

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from helpers import NAMES, assert_same, make
from stories import story

pytest.importorskip("pettingzoo", reason="pip install pettingzoo")
from gymnasium import spaces
from pettingzoo import ParallelEnv as TheirParallelEnv

from puffer.faces.pettingzoo import ParallelEnv

with warnings.catch_warnings():
    # PettingZoo's tests import its environments in a way that it warns of.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test, parallel_seed_test


def agents_of(name):
    env = make(name, 1)
    env.close()
    return env.agents_per_env


TEAMS = [name for name in NAMES if agents_of(name) > 1]


class Harbour(TheirParallelEnv):
    """Ships with ranges of their own: "long" leaves after 2 steps, "late" joins in the third, and all end after 5."""

    metadata = {"name": "harbour", "render_modes": []}
    possible_agents = ["first", "long", "late"]
    render_mode = None

    def observation_space(self, agent):
        return SPACES[agent]

    def action_space(self, agent):
        return ACTIONS[agent]

    def reset(self, seed=None, options=None):
        self.steps, self.agents = 0, ["first", "long"]
        return self.observed(), {agent: {"berth": 1} for agent in self.agents}

    def step(self, actions):
        self.steps += 1
        if self.steps == 3:
            self.agents = ["first", "late"]
        flags = {agent: self.steps == 5 or (agent == "long" and self.steps == 2) for agent in self.agents}
        result = (
            self.observed(),
            {agent: float(actions.get(agent, 0)) for agent in self.agents},
            flags,
            dict.fromkeys(self.agents, False),
            {agent: {"name": agent} for agent in self.agents},
        )
        self.agents = [agent for agent in self.agents if not flags[agent]]
        return result

    def observed(self):
        return {agent: np.full(2, self.steps, np.float32) for agent in self.agents}


SPACES = {agent: spaces.Box(0, 9, (2,)) for agent in Harbour.possible_agents}
ACTIONS = {agent: spaces.Discrete(n) for agent, n in zip(Harbour.possible_agents, (2, 3, 5), strict=True)}


@pytest.mark.parametrize("name", TEAMS)
def test_native_environments_pass_the_checks_of_pettingzoo(name):
    env = ParallelEnv(name, max_steps=40)
    with pytest.warns(UserWarning, match="has no options in a reset"):
        parallel_api_test(env, num_cycles=100)
    env.close()
    parallel_seed_test(lambda: ParallelEnv(name, max_steps=20), num_cycles=50)


@pytest.mark.parametrize("name", ["ocean-spread", "ocean-connect_four", "ocean-snake"])
def test_agents_are_the_rows_of_the_batch(name):
    mode = "SameStep" if name == "ocean-snake" else "Disabled"
    env, batch = ParallelEnv(name, max_steps=30, num_threads=1), make(name, 1, max_steps=30, autoreset_mode=mode)
    assert env.possible_agents == [f"agent_{row}" for row in range(batch.num_envs)]
    assert_same(list(env.reset(seed=2)[0].values()), list(batch.reset(seed=2)[0]))
    while env.agents:
        acting = env.agents
        actions = {agent: env.action_space(agent).sample() for agent in acting}
        rows = [int(agent.removeprefix("agent_")) for agent in acting]
        taken = np.zeros(batch.num_envs, np.int64)
        taken[rows] = list(actions.values())
        observations, rewards, terminations, truncations, _ = batch.step(taken)
        observations = observations.copy()
        if mode == "SameStep":
            observations[batch.ends.rows] = batch.ends.observations
        result = env.step(actions)
        for column, expected in zip(result, (observations, rewards, terminations, truncations), strict=False):
            assert_same(list(column), acting)
            np.testing.assert_array_equal(list(column.values()), expected[rows])
        ended = (terminations | truncations)[rows]
        assert env.agents == [agent for agent, over in zip(acting, ended, strict=True) if not over]
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(ResetNeeded, match="no agent is left"):
        env.step(actions)
    with pytest.raises(ResetNeeded, match="no agent is left"):
        ParallelEnv(name).step({})


def test_agents_come_and_go_under_their_own_names():
    env, theirs = ParallelEnv(Harbour), Harbour()
    assert env.possible_agents == theirs.possible_agents
    assert [env.action_space(agent) for agent in env.possible_agents] == list(ACTIONS.values())
    assert [env.observation_space(agent) for agent in env.possible_agents] == list(SPACES.values())
    for _ in range(2):
        assert_same(env.reset()[0], theirs.reset()[0])
        while theirs.agents:
            assert env.agents == theirs.agents
            actions = dict.fromkeys(env.agents, 1)
            assert_same(env.step(actions), theirs.step(actions))
        assert env.agents == []


def test_one_agent_with_nested_spaces():
    env = ParallelEnv(story, agents=["me"])
    assert env.observation_space("me") == story().observation_space
    observations, infos = env.reset(seed=1)
    assert env.observation_space("me").contains(observations["me"])
    assert infos["me"]["length"] >= 3
    assert env.step({"me": 1})[1] == {"me": 0.25}


def test_what_is_refused():
    with pytest.raises(TypeError, match="is one copy"):
        ParallelEnv(make("spread", 1))
    with pytest.raises(TypeError, match="no option 'num_envs'"):
        ParallelEnv("spread", num_envs=2)
    with pytest.raises(ValueError, match="3 different names"):
        ParallelEnv("spread", agents=["one", "two", "two"])
    env = ParallelEnv("spread", agents=["one", "two", "three"])
    env.reset()
    with pytest.raises(ValueError, match="of each agent"):
        env.step({"one": 0, "two": 0})
    with pytest.raises(ValueError, match="of each agent"):
        env.step({"one": 0, "two": 0, "three": 0, "four": 0})
    for bad in (9, 0.5):
        with pytest.raises((TypeError, ValueError)):
            env.step({"one": 0, "two": 0, "three": bad})


def test_pictures():
    env = ParallelEnv("snake", render_mode="rgb_array")
    env.reset()
    assert env.render().ndim == 3
    assert "rgb_array" in env.metadata["render_modes"]


def test_wrappers_of_supersuit():
    supersuit = pytest.importorskip("supersuit", reason="pip install supersuit")
    stacked = supersuit.frame_stack_v1(supersuit.dtype_v0(ParallelEnv("spread", max_steps=20), "float64"), 3)
    with pytest.warns(UserWarning, match="has no options in a reset"):
        parallel_api_test(stacked, 60)
    assert stacked.observation_space("agent_0").shape == (54,)
    envs = supersuit.pettingzoo_env_to_vec_env_v1(ParallelEnv("spread", max_steps=20))
    envs = supersuit.concat_vec_envs_v1(envs, 2, num_cpus=0, base_class="gymnasium")
    env = ParallelEnv("spread", max_steps=20)
    observations, _ = envs.reset(seed=3)
    assert observations.shape == (6, 18)
    env.reset(seed=3)
    for step in range(20):
        actions = np.arange(6) % 5
        observations, rewards, _, truncations, _ = envs.step(actions)
        expected = env.step(dict(zip(env.agents, actions[:3], strict=True)))
        assert_same(rewards[:3], np.array(list(expected[1].values()), np.float32))
        assert truncations.all() == (step == 19)


def test_agents_that_left_are_black_in_supersuit():
    supersuit = pytest.importorskip("supersuit", reason="pip install supersuit")
    env = supersuit.black_death_v3(ParallelEnv("snake", max_steps=60))
    observations, _ = env.reset(seed=1)
    everyone, seen_black = set(env.possible_agents), False
    while env.agents:
        assert set(observations) == everyone
        observations, *_ = env.step(dict.fromkeys(env.agents, 0))
        seen_black |= any(not observation.any() for observation in observations.values())
    assert seen_black


def test_a_number_of_agents_is_the_environments_own():
    assert ParallelEnv("drive", agents=3).possible_agents == ["agent_0", "agent_1", "agent_2"]
