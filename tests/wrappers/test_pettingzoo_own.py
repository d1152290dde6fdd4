"""PettingZoo environments of a user's own: agents that come and go, or take turns."""

import numpy as np
import pytest
from gymnasium import spaces
from helpers import assert_same, snapshot
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import aec_to_parallel, parallel_to_aec

import puffer


class Guests(ParallelEnv):
    """Agents that are there by a timetable. Each sees the time and its last action, and gets that as its reward."""

    metadata = {"name": "guests", "render_modes": ["ansi"]}
    possible_agents = ["ann", "bob", "cid"]

    def __init__(
        self, timetable=(("ann", "bob"), ("ann", "bob"), ("ann", "cid"), ("bob", "cid"), ()), render_mode=None
    ):
        self.timetable = timetable
        self.render_mode = render_mode
        self.rng = np.random.default_rng()

    def observation_space(self, agent):
        return spaces.Box(-100, 100, (2,), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(5)

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t, self.agents = 0, list(self.timetable[0])
        return {agent: np.zeros(2) for agent in self.agents}, {
            agent: {"luck": self.rng.random()} for agent in self.agents
        }

    def step(self, actions):
        assert list(actions) == self.agents
        self.t += 1
        before, self.agents = self.agents, list(self.timetable[self.t])
        everybody = dict.fromkeys([*before, *self.agents])
        observations = {agent: np.array([self.t, actions.get(agent, -1)]) for agent in everybody}
        gone = {agent: agent not in self.agents for agent in everybody}
        infos = {agent: {"t": self.t} if agent == "bob" else {} for agent in everybody}
        return observations, actions, gone, dict.fromkeys(everybody, False), infos

    def render(self):
        return f"{self.t}: {', '.join(self.agents)}"


def step(env, actions):
    """Observations, rewards, terminations, masks and infos of a step, as lists."""
    observations, rewards, terminations, truncations, info = env.step(actions)
    assert not truncations.any()
    return observations.tolist(), rewards.tolist(), terminations.tolist(), env.masks.tolist(), info


def test_agents_come_and_go():
    env = puffer.emulate(Guests(), 1, backend="serial", autoreset_mode="NextStep", record_episodes=True)
    observations, info = env.reset(seed=1)
    assert env.masks.tolist() == [True, True, False]
    assert info["_luck"].tolist() == [True, True, False]
    assert step(env, [1, 2, 3])[:4] == ([[1, 1], [1, 2], [0, 0]], [1, 2, 0], [False] * 3, [True, True, False])
    *arrays, info = step(env, [3, 4, 1])
    # Bob's last step, and the first observation of Cid.
    assert arrays == [[[2, 3], [2, 4], [2, -1]], [3, 4, 0], [False, True, False], [True] * 3]
    assert info["t"].tolist() == [0, 2, 0]
    assert info["episode"]["l"].tolist() == [0, 2, 0]
    assert info["episode"]["r"].tolist() == [0, 6, 0]
    # Bob comes again, with a new episode; Ann goes.
    assert step(env, [1, 1, 2])[:4] == ([[3, 1], [3, -1], [3, 2]], [1, 0, 2], [True, False, False], [True] * 3)
    *arrays, info = step(env, [1, 1, 2])
    assert arrays == [[[0, 0], [4, 1], [4, 2]], [0, 1, 2], [False, True, True], [False, True, True]]
    assert info["episode"]["r"].tolist() == [0, 1, 4]
    assert env.stats()["episodes"] == 4
    assert step(env, [1, 1, 1])[:4] == ([[0, 0]] * 3, [0] * 3, [False] * 3, [True, True, False])


def test_the_reward_of_an_agent_that_comes_is_kept():
    class Paid(Guests):
        def step(self, actions):
            observations, _, *rest = super().step(actions)
            return observations, dict.fromkeys(observations, 5), *rest

    env = puffer.emulate(Paid, 1, backend="serial", autoreset_mode="NextStep")
    env.reset(seed=1)
    assert [step(env, [0] * 3)[1] for _ in range(3)] == [[5, 5, 0], [5, 5, 5], [5, 5, 5]]


def test_last_observations_of_a_copy():
    env = puffer.emulate(Guests, 2, backend="serial")
    env.reset(seed=1)
    for _ in range(3):
        step(env, [0] * 6)
    _, _, terminations, masks, info = step(env, [1] * 6)
    assert terminations == [False, True, True] * 2
    assert info["_final_obs"].tolist() == terminations
    assert info["final_obs"][1].tolist() == [4, 1]
    # The masks are those of the new episode.
    assert masks == [True, True, False] * 2


def play(env, steps=11):
    results = [(*snapshot(env.reset(seed=3)), env.masks.copy())]
    env.action_space.seed(1)
    for _ in range(steps):
        results.append((*snapshot(env.step(env.action_space.sample())), env.masks.copy()))
    env.close()
    return results


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_instance_creator_and_worker_processes_play_the_same(mode):
    expected = play(puffer.emulate(Guests(), 3, backend="serial", autoreset_mode=mode))
    assert_same(play(puffer.emulate(Guests, 3, backend="serial", autoreset_mode=mode)), expected)
    assert_same(play(puffer.emulate(Guests(), 3, backend="process", num_workers=2, autoreset_mode=mode)), expected)


def test_copies_of_an_instance_have_random_numbers_of_their_own():
    env = puffer.emulate(Guests(), 3, backend="serial")
    _, info = env.reset()
    assert len(set(info["luck"][info["_luck"]])) == 6
    first, second = (env.reset(seed=2)[1]["luck"].tolist() for _ in range(2))
    assert first == second


def test_an_instance_that_cannot_be_pickled_is_refused():
    env = Guests()
    env.handle = (item for item in ())
    with pytest.raises(TypeError, match="pass a function"):
        puffer.emulate(env)


def test_text_of_every_copy():
    env = puffer.emulate(Guests, 2, backend="serial", render_mode="ansi")
    env.reset()
    assert env.render() == ("0: ann, bob",) * 2


def test_a_time_limit_truncates_those_that_are_there():
    env = puffer.emulate(Guests, 1, backend="serial", max_steps=1)
    env.reset()
    _, _, terminations, truncations, _ = env.step([0, 0, 0])
    assert truncations.tolist() == [True, True, False]
    assert not terminations.any()


class Unflagged(Guests):
    """Nobody is ever told that it is over; those that have left are still listed in the dicts."""

    def step(self, actions):
        observations, rewards, gone, no, infos = super().step(actions)
        return {a: observations[a] for a in self.agents}, rewards, dict.fromkeys(self.possible_agents, False), no, {}


def test_no_episode_ends_without_a_flag():
    env = puffer.emulate(Unflagged, 1, backend="serial", autoreset_mode="NextStep")
    env.reset()
    for expected in ([0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 1]):
        _, _, terminations, truncations, _ = env.step([1, 1, 1])
        assert not terminations.any()
        assert truncations.tolist() == expected


class Lingering(Guests):
    """Those that have ended stay in `agents`, and are told again that they have ended."""

    def __init__(self):
        super().__init__([("ann", "bob")] * 4)

    def step(self, actions):
        observations, rewards, gone, no, infos = super().step(actions)
        return observations, rewards, {"ann": self.t >= 1, "bob": self.t >= 3}, no, infos


def test_an_agent_ends_once():
    env = puffer.emulate(Lingering, 1, backend="serial", autoreset_mode="NextStep")
    env.reset()
    ends = [(step(env, [1, 1, 1])[2:4]) for _ in range(3)]
    assert ends[0] == ([True, False, False], [True, True, False])
    assert ends[1] == ([False, False, False], [False, True, False])
    assert ends[2] == ([False, True, False], [False, True, False])
    assert env.stats()["episodes"] == 2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda result: result[:4], TypeError, "must return 5 dicts"),
        (lambda result: (None, *result[1:]), TypeError, "observations must be a dict"),
        (lambda result: ({}, *result[1:]), ValueError, "agent 'ann' is present, but there is no observation"),
        (lambda result: ({"ann": np.zeros(2), "bob": np.zeros(3)}, *result[1:]), ValueError, "shape"),
        (lambda result: (*result[:4], {"ann": 3}), TypeError, "info of an agent must be a dict"),
        (lambda result: (*result[:4], {"dan": {"t": 1}}), ValueError, "no row for agent 'dan'"),
        (lambda result: (result[0], {"ann": "much"}, *result[2:]), TypeError, "real number"),
    ],
)
def test_wrong_returns_are_refused(change, error, message):
    class Wrong(Guests):
        def step(self, actions):
            return change(super().step(actions))

    env = puffer.emulate(Wrong, 1, backend="serial")
    env.reset()
    with pytest.raises(error, match=message):
        env.step([0, 0, 0])
    env.reset()


def test_fixed_rows_need_possible_agents():
    class Unbounded(Guests):
        possible_agents = None

    with pytest.raises(TypeError, match="must have possible_agents"):
        puffer.emulate(Unbounded, backend="serial")

    class Twins(Guests):
        possible_agents = ["ann", "ann"]

    with pytest.raises(ValueError, match="twice"):
        puffer.emulate(Twins, backend="serial")


def test_an_agent_that_is_not_among_the_possible_ones_is_refused():
    env = puffer.emulate(lambda: Guests([("ann", "eve")]), backend="serial")
    with pytest.raises(ValueError, match="no row for agent 'eve'"):
        env.reset()


# ---- Turns ----


class Countdown(AECEnv):
    """Three agents take 1 or 2 from a number in turn. Who takes the last is out; the others each get 1. One remains."""

    metadata = {"name": "countdown"}
    possible_agents = ["a", "b", "c"]

    def observation_space(self, agent):
        return spaces.Box(-10, 10, (2,), np.int64)

    def action_space(self, agent):
        return spaces.Discrete(2, start=1)

    def reset(self, seed=None, options=None):
        self.agents = self.possible_agents[:]
        self.agent_selection = "a"
        self.left = 4
        self.rewards = dict.fromkeys(self.agents, 0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}

    def observe(self, agent):
        return np.array([self.left, agent == self.agent_selection])

    def step(self, action):
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0
        self.rewards = dict.fromkeys(self.agents, 0)
        order = self.agents
        self.agent_selection = order[(order.index(agent) + 1) % len(order)]
        self.left -= action
        if self.left <= 0:
            self.left = 4
            self.terminations[agent] = True
            self.rewards.update({other: 1 for other in self.agents if other != agent})
            if len(self.agents) == 2:
                self.terminations = dict.fromkeys(self.agents, True)
        self.infos = {other: {"said": int(action)} if other == agent else {} for other in self.agents}
        self._accumulate_rewards()
        self._deads_step_first()


def test_a_step_is_a_turn():
    env = puffer.emulate(Countdown(), 1, backend="serial", autoreset_mode="NextStep")
    observations, info = env.reset()
    assert observations.tolist() == [[4, 1], [4, 0], [4, 0]]
    assert info["to_move"].tolist() == [True, False, False]
    # The actions of b and c are ignored.
    observations, rewards, terminations, _, info = env.step([2, 1, 1])
    assert observations.tolist() == [[2, 0], [2, 1], [2, 0]]
    assert info["said"].tolist() == [2, 0, 0]
    assert info["to_move"].tolist() == [False, True, False]
    # b takes the last: its own last row, and already c's turn.
    observations, rewards, terminations, _, info = env.step([1, 2, 1])
    assert observations.tolist()[1][0] == 4
    assert observations.tolist()[::2] == [[4, 0], [4, 1]]
    assert rewards.tolist() == [1, 0, 1]
    assert terminations.tolist() == [False, True, False]
    assert env.masks.all()
    assert info["to_move"].tolist() == [False, False, True]
    observations, rewards, terminations, _, _ = env.step([1, 1, 2])
    assert observations.tolist() == [[2, 1], [0, 0], [2, 0]]
    assert env.masks.tolist() == [True, False, True]
    # a is out, and with it the game is over for c.
    _, rewards, terminations, _, info = env.step([2, 1, 1])
    assert rewards.tolist() == [0, 0, 1]
    assert terminations.tolist() == [True, False, True]
    assert "to_move" not in info
    assert env.stats() == {"episodes": 3, "episode_return": 1.0, "episode_length": pytest.approx(10 / 3)}
    assert env.step([1, 1, 1])[0].tolist() == [[4, 1], [4, 0], [4, 0]]


class Inheritance(Countdown):
    """The first move ends b. Its removal brings c 1 and news, and ends a; agents without news have no info."""

    def step(self, action):
        if not self.terminations[self.agent_selection]:
            self.agent_selection, self.terminations["b"] = "c", True
            self._deads_step_first()
            return
        self._was_dead_step(action)
        if "a" in self.agents:
            self.rewards["c"] = 1
            self._accumulate_rewards()
            self.infos.update(a=None, c={"action_mask": np.array([0, 1])})
            if not self.terminations["a"]:
                self.terminations["a"] = True
                self._deads_step_first()


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 1}], ids=str)
def test_what_the_removal_of_an_agent_brings_others_belongs_to_the_step(options):
    env = puffer.emulate(Inheritance, 1, autoreset_mode="NextStep", **options)
    env.reset()
    _, rewards, terminations, truncations, info = env.step([1, 1, 1])
    assert rewards.tolist() == [0, 0, 1]
    assert terminations.tolist() == [True, True, False]
    assert not truncations.any()
    assert env.masks.all()
    assert info["to_move"].tolist() == [False, False, True]
    assert env.action_masks[2].tolist() == [False, True]
    env.close()


def test_turns_in_worker_processes():
    expected = play(puffer.emulate(Countdown, 3, backend="serial"), 30)
    assert_same(play(puffer.emulate(Countdown(), 3, backend="process", num_workers=2), 30), expected)


def test_turns_that_make_a_cycle_are_one_step():
    class Cyclic(Guests):
        def __init__(self):
            super().__init__([("ann", "bob", "cid")] * 3 + [()])

    expected = play(puffer.emulate(Cyclic, 2, backend="serial"))
    assert_same(play(puffer.emulate(lambda: parallel_to_aec(Cyclic()), 2, backend="serial")), expected)
    # Not the original one, since something is around it.
    wrapped = puffer.emulate(lambda: aec_to_parallel(parallel_to_aec(Cyclic()).env), 2, backend="serial")
    assert_same(play(wrapped), expected)
