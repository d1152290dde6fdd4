"""Environments with several agents: episodes shared by the agents of a copy, and episodes of each agent's own."""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import Tally, assert_same, drive, play, random_actions, snapshot

import puffer

AGENTS, GOAL = 3, 4
SOURCE = '''
"""Counters: press the button (1) until the counter of the agent is full, or give up (2)."""
import numpy as np
from gymnasium import spaces
from libc.stdint cimport int32_t
from puffer._core cimport Buffers, Env, import_puffer

import_puffer()

cdef class Team(Env):
    """Team(num_envs=1, **options)
--

The agents of a copy share an episode, which agents may leave before its end.
"""
    independent = False
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef int32_t* count

    def __init__(self, num_envs=1, **options):
        super().__init__(num_envs, spaces.Box(0, 100, (2,), np.int32), spaces.Discrete(3), agents_per_env=AGENTS,
                         independent_agents=self.independent, **options)
        self.count = <int32_t*>self.new_state(AGENTS * sizeof(int32_t))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(i * AGENTS, (i + 1) * AGENTS):
            self.reset_agent(row)

    cdef void reset_agent(self, Py_ssize_t row) noexcept nogil:
        self.count[row] = row % AGENTS

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(i * AGENTS, (i + 1) * AGENTS):
            if self.masks[row]:
                self.count[row] += self.actions[row] == 1
                self.rewards[row] = self.count[row]
                self.terminations[row] = self.count[row] == GOAL
                self.truncations[row] = self.actions[row] == 2

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(i * AGENTS, (i + 1) * AGENTS):
            if self.masks[row]:
                self.observe_agent(row)

    cdef void observe_agent(self, Py_ssize_t row) noexcept nogil:
        self.observations[row, 0] = 1 + row % AGENTS
        self.observations[row, 1] = self.count[row]

cdef class Crowd(Team):
    """Crowd(num_envs=1, **options)
--

Each agent has episodes of its own.
"""
    independent = True
'''.replace("AGENTS", str(AGENTS)).replace("GOAL", str(GOAL))

SETUP = """
import puffer
from Cython.Build import cythonize
from setuptools import Extension, setup

include = puffer.get_include()
extension = Extension("agents", ["agents.pyx"], include_dirs=[include], extra_compile_args=["-O0"])
options = {"include_path": [include], "language_level": 3, "shared_utility_qualified_name": "puffer._cyutility"}
setup(name="agents", ext_modules=cythonize([extension], **options))
"""


@pytest.fixture(scope="module")
def agents(tmp_path_factory):
    """The compiled module with Team and Crowd."""
    folder = tmp_path_factory.mktemp("agents")
    (folder / "agents.pyx").write_text(SOURCE)
    (folder / "setup.py").write_text(SETUP)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    environment = {**os.environ, "PYTHONPATH": puffer.get_include()}
    built = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        import agents

        yield agents


@pytest.fixture(params=["Team", "Crowd"])
def make(request, agents):
    """Makes batches of one of the two classes."""

    def make(num_envs=5, *, copy=False, **options):
        env = getattr(agents, request.param)(num_envs, **{"num_threads": 1, **options})
        return puffer.VectorEnv(env, copy=copy)

    return make


class Model:
    """The rules and the episodes in plain Python."""

    def __init__(self, env, limit):
        self.mode, self.limit = env.metadata["autoreset_mode"].value, limit
        self.group = 1 if env.independent_agents else AGENTS
        self.rows = np.arange(env.num_envs)
        self.count = self.rows % AGENTS
        self.elapsed = np.zeros_like(self.rows)
        self.going = np.ones(env.num_envs, np.bool_)

    def restart(self, rows):
        self.count[rows] = self.rows[rows] % AGENTS
        self.elapsed[rows] = 0
        self.going[rows] = True

    def observations(self, shown):
        return np.stack([1 + self.rows % AGENTS, self.count], axis=1).astype(np.int32) * shown[:, None]

    def over(self):
        """The rows whose episode is over, as a whole."""
        return np.repeat(~self.going.reshape(-1, self.group).any(axis=1), self.group)

    def step(self, actions):
        """What `step` returns without the info, the masks, and the final observations."""
        began = self.over() & (self.mode == "NextStep")
        taking = self.going.copy()
        self.restart(began)
        self.count += taking & (actions == 1)
        self.elapsed += taking
        terminations = taking & (self.count == GOAL)
        truncations = taking & ((actions == 2) | (self.elapsed >= self.limit))
        rewards = np.where(taking, self.count, 0).astype(np.float32)
        self.going &= ~(terminations | truncations)
        shown = taking | began
        final = self.observations(shown)
        if self.mode == "SameStep":
            restarted = self.over()
            self.restart(restarted)
            shown = shown | restarted
        return (self.observations(shown), rewards, terminations, truncations), shown, final


def test_every_step_is_that_of_the_rules(make, mode):
    env = make(autoreset_mode=mode, max_steps=9)
    model, tally = Model(env, 9), Tally(env)
    assert np.array_equal(env.reset(seed=0)[0], model.observations(model.going))
    assert env.masks.all()
    for action in random_actions(env, 300):
        expected, shown, final = model.step(action)
        result = snapshot(env.step(action))
        assert_same(result[:4], expected)
        assert np.array_equal(env.masks, shown)
        tally.add(result)
        ended = expected[2] | expected[3]
        assert ("final_obs" in result[4]) == (mode == "SameStep" and ended.any())
        if "final_obs" in result[4]:
            assert np.array_equal(result[4]["_final_obs"], ended)
            for row, observation in enumerate(result[4]["final_obs"]):
                assert_same(observation, final[row] if ended[row] else None)
        over = model.over()
        if mode == "Disabled" and over.any():
            env.reset(options={"reset_mask": over})
            model.restart(over)
            assert np.array_equal(env.observations[over], model.observations(over)[over])
    stats = env.stats()
    returns, lengths = np.array(tally.episodes).T
    assert stats["episodes"] == len(returns) > 50
    assert stats["episode_return"] == pytest.approx(returns.mean())
    assert stats["episode_length"] == pytest.approx(lengths.mean())


def test_threads_do_not_matter(make, mode):
    for num_threads in (2, 7):
        env, other = (make(11, autoreset_mode=mode, max_steps=9, num_threads=threads) for threads in (1, num_threads))
        actions = random_actions(env, 150)
        assert_same(play(env, actions), play(other, actions))
        assert np.array_equal(env.get_state(), other.get_state())


def test_recorded_episodes_are_per_agent(make):
    env = make(max_steps=9, record_episodes=True)
    env.reset(seed=0)
    tally = Tally(env)
    for action in random_actions(env, 100):
        result = env.step(action)
        known = len(tally.episodes)
        tally.add(result)
        ended = result[2] | result[3]
        if ended.any():
            episode = result[4]["episode"]
            assert np.array_equal(result[4]["_episode"], ended)
            pairs = list(zip(episode["r"][ended], episode["l"][ended], strict=True))
            assert pairs == tally.episodes[known:]


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_snapshots_replay_into_copies_with_other_agents_alive(make, mode):
    """Masks and observations become those of the copy of the snapshot, whatever the copy showed before."""
    env, other = make(autoreset_mode=mode, max_steps=9), make(autoreset_mode=mode, max_steps=9)
    play(env, random_actions(env, 30))
    play(other, random_actions(other, 17, seed=9))
    for turn in range(20):
        drive(env, random_actions(env, 1, seed=turn))
        other.set_state(env.get_state())
        assert np.array_equal(other.masks, env.masks)
        assert np.array_equal(other.observations, env.observations)
        actions = random_actions(env, 6, seed=50 + turn)
        state = env.get_state()
        expected = drive(env, actions)
        assert_same(drive(other, actions), expected)
        env.set_state(state)


def test_a_mask_may_split_a_copy_only_where_agents_have_episodes_of_their_own(make):
    env = make(2, max_steps=50)
    env.reset(seed=0)
    env.step(np.ones(6, np.int32))
    mask = np.array([True, False, False, True, True, True])
    before = env.observations.copy()
    if env.independent_agents:
        observations, _ = env.reset(options={"reset_mask": mask})
        assert observations[:, 1].tolist() == [0, 2, 3, 0, 1, 2]
    else:
        with pytest.raises(ValueError, match="only some rows of copy 0; its 3 agents share an episode"):
            env.reset(options={"reset_mask": mask})
        assert np.array_equal(env.observations, before)


def test_batch_sizes_count_copies_and_parts_hold_their_rows(make):
    env = make(4, batch_size=2)
    env.async_reset(seed=0)
    assert [env.recv()[4]["env_id"].tolist() for _ in range(2)] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    env.send(np.ones(6, np.int32))
    assert env.recv()[0].shape == (6, 2)
