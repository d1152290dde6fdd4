"""`check_env` of environments that write rows: one deliberate mistake each in a `PufferEnv`."""

import numpy as np
import pytest
from gymnasium import spaces
from numpy.lib.stride_tricks import as_strided

import puffer

pytestmark = pytest.mark.filterwarnings("ignore::puffer.CheckWarning")


class Walkers(puffer.PufferEnv):
    """A correct environment in place: three agents walk; agent k ends after 4 + 2 k steps."""

    num_agents = 3
    single_observation_space = spaces.Box(-100, 100, (2,), np.float32)
    single_action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, seed=None):
        if seed is not None or not hasattr(self, "rng"):
            self.rng = np.random.default_rng(seed)
        self.t = 0
        self.observations[:] = self.rng.uniform(-1, 1, (3, 2))
        self.clear()
        return self.observations, {}

    def clear(self):
        self.rewards[:] = 0
        self.terminations[:] = False

    def step(self, actions):
        self.t += 1
        self.observations[:, :1] += actions + self.rng.uniform(-0.1, 0.1, (3, 1)).astype(np.float32)
        self.observations[:, 1] = self.t
        self.score()
        self.terminations[:] = np.arange(4, 10, 2) <= self.t
        return self.observations, self.rewards, self.terminations, self.truncations, {}

    def score(self):
        self.rewards[:] = self.observations[:, 0]


class NeverWritesRewards(Walkers):
    def score(self):
        if self.t == 3:
            self.rewards[0] = 1


class StaleFlags(Walkers):
    def step(self, actions):
        result = super().step(actions)
        self.truncations[1] |= self.t == 2
        return result


class Replaces(Walkers):
    def step(self, actions):
        result = super().step(actions)
        self.observations = self.observations + 1
        return self.observations, *result[1:]


class KeepsRows(Walkers):
    def __init__(self):
        super().__init__()
        self.mine = self.rewards

    def step(self, actions):
        result = super().step(actions)
        self.mine[:] = self.observations[:, 0]
        return result


class WritesBeyond(Walkers):
    def step(self, actions):
        result = super().step(actions)
        if self.t == 5:
            more = as_strided(self.rewards, (4,), self.rewards.strides)
            more[3] = 1
        return result


class WritesBefore(Walkers):
    def step(self, actions):
        result = super().step(actions)
        if self.t == 5:
            turned = as_strided(self.observations[::-1], (4, 2), (-self.observations.strides[0], 4))
            turned[3] = 1
        return result


class ChangesActions(Walkers):
    def step(self, actions):
        actions *= 2
        return super().step(actions)


class Outside(Walkers):
    def step(self, actions):
        result = super().step(actions)
        if self.t == 6:
            self.observations[2, 1] = 101
        return result


class NotFinite(Walkers):
    def score(self):
        self.rewards[1] = np.nan if self.t == 2 else 1


class IgnoresSeed(Walkers):
    def reset(self, seed=None):
        return super().reset()


class KeepsCounter(Walkers):
    def reset(self, seed=None):
        before = getattr(self, "t", 0)
        result = super().reset(seed)
        self.t = before % 4
        return result


class WrongShape(Walkers):
    def step(self, actions):
        result = super().step(actions)
        return result[0], np.zeros(2, np.float32), *result[2:]


class InfoList(Walkers):
    def step(self, actions):
        return *super().step(actions)[:4], ["none"]


class KeepsInfo(Walkers):
    def step(self, actions):
        self.last = {"agents": {"t": self.rewards}}
        return *super().step(actions)[:4], self.last


MISTAKES = {
    NeverWritesRewards: "stale rewards: write all of them",
    StaleFlags: "stale flags: write all of them",
    Replaces: "replaced self.observations by another array",
    KeepsRows: "wrote to arrays that the environment had before it joined a batch",
    WritesBeyond: "step 5 wrote to rewards outside of the environment's rows",
    WritesBefore: "step 5 wrote to observations outside of the environment's rows",
    ChangesActions: "changed the array of actions",
    Outside: r"step 6, agent 2: observation\[1\] is 101.0, above 100.0",
    NotFinite: "step 2, agent 1: the reward is nan",
    IgnoresSeed: "the seed has no effect",
    KeepsCounter: "restore everything that step.. changes",
    WrongShape: r"rewards must have shape \(3,\), got \(2,\)",
    KeepsInfo: r"step 2 changed an info that an earlier call returned: info\['agents'\]\['t'\]\[0\] is",
    InfoList: "the info of an agent must be a dict, got 'none'",
}


@pytest.mark.parametrize("env", MISTAKES, ids=lambda env: env.__name__)
def test_mistakes_of_puffer_environments_are_found(env):
    with pytest.raises(puffer.CheckFailed, match=MISTAKES[env]):
        puffer.check_env(env, steps=60)


class Older(Walkers):
    """The older four values."""

    def step(self, actions):
        observations, rewards, terminations, _, info = super().step(actions)
        return observations, rewards, terminations, info


class Returning(puffer.PufferEnv):
    """One agent, in the returning style."""

    single_observation_space = spaces.Dict({"x": spaces.Box(-50, 50, (), np.float32), "t": spaces.Discrete(9)})
    single_action_space = spaces.Tuple((spaces.Discrete(3), spaces.Box(-1, 1, (1,), np.float32)))
    most = 50

    def reset(self, seed=None):
        self.rng = np.random.default_rng(seed) if seed is not None else self.rng
        self.t, self.x = 0, self.rng.uniform(-1, 1)
        return {"x": np.float32(self.x), "t": self.t}

    def step(self, action):
        self.t += 1
        self.x += (action[0] - 1) * self.rng.uniform()
        x = self.most if self.t == 8 else self.x
        return {"x": np.float32(x), "t": self.t}, self.x, self.t == 8, False, {}


class ReturningBeyond(Returning):
    most = 51


class ByAgent(puffer.PufferEnv):
    """Two agents, in the returning style; the first leaves early."""

    num_agents = 2
    possible_agents = ("a", "b")
    single_observation_space = spaces.Box(1, 30, (1,), np.float32)
    single_action_space = spaces.Discrete(2)

    def reset(self, seed=None):
        self.rng = np.random.default_rng(seed) if seed is not None else self.rng
        self.t, self.start = 1, int(self.rng.integers(1, 9))
        return {agent: self.observe() for agent in self.possible_agents}, {}

    def observe(self):
        return np.array([self.start + self.t], np.float32)

    def step(self, actions):
        self.t += 1
        ended = {agent: self.t > (3 if agent == "a" else 6) for agent in actions}
        rewards = {agent: float(action) for agent, action in actions.items()}
        return {agent: self.observe() for agent in actions}, rewards, ended, dict.fromkeys(actions, False), {}


class Old:
    """An environment of older versions of Gym."""

    observation_space = spaces.Box(0, 100, (2,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, most=1):
        self.most = most

    def reset(self):
        self.t = 0
        return np.zeros(2)

    def step(self, action):
        self.t += 1
        return np.full(2, self.t * self.most), 1.0, self.t == 5, {}


@pytest.mark.parametrize("env", [Walkers, Older, Returning, ByAgent, Old])
def test_correct_environments_of_every_style_pass(env):
    report = puffer.check_env(env, steps=60)
    assert report.problems == report.skipped == []


def test_values_outside_of_returned_observations_are_found():
    with pytest.raises(puffer.CheckFailed, match=r"observation\['x'\] is 51.0, above 50.0"):
        puffer.check_env(ReturningBeyond, steps=60)
    with pytest.raises(puffer.CheckFailed, match=r"observation\[0\] is 120.0, above 100.0"):
        puffer.check_env(lambda: Old(40), steps=60)


def test_an_instance_is_enough():
    assert puffer.check_env(Walkers(), steps=60).problems == []
    with pytest.raises(puffer.CheckFailed, match="stale rewards"):
        puffer.check_env(NeverWritesRewards(), steps=60)


def test_rows_that_are_never_written_are_suspicious():
    class Forgets(Walkers):
        def step(self, actions):
            result = super().step(actions)
            self.observations[1] = 0
            return result

        def reset(self, seed=None):
            result = super().reset(seed)
            self.observations[1] = 0
            return result

    with pytest.warns(puffer.CheckWarning, match="observations of row 1 were zero"):
        puffer.check_env(Forgets, steps=60)


class Cards(puffer.PufferEnv):
    """Every card is played once; the observation has the mask of those that are left, as PettingZoo's games do."""

    single_observation_space = spaces.Dict(
        {"observation": spaces.Discrete(6), "action_mask": spaces.Box(0, 1, (5,), np.int8)}
    )
    single_action_space = spaces.Discrete(5)

    def reset(self, seed=None):
        self.left = np.ones(5, np.int8)
        return {"observation": 5, "action_mask": self.left.copy()}

    def step(self, action):
        assert self.left[action], action
        self.left[action] = 0
        left = int(self.left.sum())
        return {"observation": left, "action_mask": self.left.copy()}, float(action), left == 0, False, {}


def test_only_legal_actions_are_played():
    assert puffer.check_env(Cards, steps=60).problems == []


class Picture(puffer.PufferEnv):
    """Returns an image of bytes."""

    def __init__(self, dtype):
        super().__init__()
        self.observation_space = self.make_space({"image": ((4, 4), dtype), "speed": (2,)}, low=0, high=255)
        self.action_space = self.make_discrete(2)

    def reset(self, seed=None):
        self.t = 0
        return {"image": np.full((4, 4), self.t, np.uint8), "speed": np.ones(2, np.float32)}

    def step(self, action):
        self.t += 1
        observation = {"image": np.full((4, 4), self.t, np.uint8), "speed": np.ones(2, np.float32)}
        return observation, 1.0, self.t == 9, False, {}


@pytest.mark.parametrize("wrapper", [lambda env: env, puffer.Wrapper])
def test_bytes_in_a_space_of_floats_are_suspicious(wrapper):
    with pytest.warns(puffer.CheckWarning) as warned:
        puffer.check_env(lambda: Picture(np.float32), steps=60)
    assert any("['image'] is always an array of uint8" in str(one.message) for one in warned)
    report = puffer.check_env(lambda: wrapper(Picture(np.uint8)), steps=60)
    assert not any("uint8" in str(one) for one in report.suspicions)
