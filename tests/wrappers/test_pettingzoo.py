"""PettingZoo's own environments by name, against the packages driven by hand."""

import importlib
import pkgutil
import sys

import numpy as np
import pettingzoo.atari
import pytest
from gymnasium.error import NameNotFound
from helpers import assert_same, run_script, snapshot
from puffer.wrappers.adapters.adapter import seeds_after

import puffer
from puffer.systems import pettingzoo as family

# What the packages warn of is theirs: Cooperative Pong warns of itself in every reset.
pytestmark = pytest.mark.filterwarnings("ignore:.*render method without specifying")

# Smaller than by default where a step takes milliseconds, and episodes that end within the test.
ARGUMENTS = {
    "cooperative-pong": {"max_cycles": 30},
    "knights-archers-zombies": {"spawn_delay": 3, "max_zombies": 40, "num_agents": 5},
    "pistonball": {"n_pistons": 3, "max_cycles": 30},
    "pursuit": {"n_pursuers": 3, "max_cycles": 60},
    "go": {"board_size": 5},
    "hanabi": {"colors": 2, "ranks": 2, "hand_size": 2},
    "texas-holdem": {"num_players": 3},
}
NAMES = family.names()
ATARI = [found.name.rpartition("_v")[0].replace("_", "-") for found in pkgutil.iter_modules(pettingzoo.atari.__path__)]
ARGUMENTS |= {name: {"max_cycles": 20} for name in ATARI}
# Fewer where a step takes milliseconds.
STEPS = {"cooperative-pong": 50, "pistonball": 80, **dict.fromkeys(ATARI, 50)}


def make(name, num_envs=2, **options):
    """A batch with the arguments above; skips what this machine has no packages for."""
    try:
        return puffer.make(
            f"pettingzoo-{name}", num_envs, **{"backend": "serial", **options, **ARGUMENTS.get(name, {})}
        )
    except ImportError as error:
        pytest.skip(str(error))


def bare(name):
    """A copy of the environment alone."""
    adapter = family.creator(name, ARGUMENTS.get(name, {}))(0)
    return adapter.env


def legal_actions(env, observations, info, rng):
    """An action for every row, of which those that count are legal."""
    actions = env.action_space.sample()
    view = env.layout.view(observations)
    for row in np.flatnonzero(info.get("to_move", ())):
        actions[row] = rng.choice(np.flatnonzero(view["action_mask"][row]))
    return actions


def play(env, steps, seed=7):
    """Results of a reset and legal steps, with the masks."""
    rng = np.random.default_rng(1)
    env.action_space.seed(1)
    results = [(*snapshot(env.reset(seed=seed)), env.masks.copy())]
    for _ in range(steps):
        *_, info, _ = results[-1]
        actions = legal_actions(env, results[-1][0], info, rng)
        results.append((*snapshot(env.step(actions)), env.masks.copy()))
    env.close()
    return results


class HandDriven:
    """One copy, driven by hand: expects what every row of a batch has, episode after episode, with NEXT_STEP."""

    def __init__(self, name, seed, layout):
        self.env, self.layout = bare(name), layout
        self.rows = {agent: row for row, agent in enumerate(self.env.possible_agents)}
        self.seed, self.seeds = seed, seeds_after(seed) if name == "hanabi" else None
        self.over = True

    def next_seed(self):
        seed, self.seed = self.seed, None
        return seed if seed is not None or self.seeds is None else next(self.seeds)

    def row(self, agent, observation):
        """An observation as its row, padded with zeros if the agent has a smaller Box than others."""
        row = np.zeros(self.layout.flat_space.shape, self.layout.flat_space.dtype)
        if self.env.observation_space(agent) == self.layout.space:
            self.layout.flatten(observation, row)
        else:
            row[: len(observation)] = observation
        return row


class HandDrivenParallel(HandDriven):
    def step(self, actions):
        """The agents that took part, and observations, rewards and flags by agent."""
        if self.over:
            observations, _ = self.env.reset(seed=self.next_seed())
            self.over, taking_part, zero = False, list(self.env.agents), dict.fromkeys(self.rows, 0)
            return taking_part, observations, zero, zero, zero
        taking_part = list(self.env.agents)
        actions = {agent: actions[self.rows[agent]] for agent in taking_part}
        observations, rewards, terminations, truncations, _ = self.env.step(actions)
        self.over = not self.env.agents
        return taking_part, observations, rewards, terminations, truncations


def check_parallel(hand, result, masks, actions):
    taking_part, observations, *expected = hand.step(actions)
    assert masks.tolist() == [agent in taking_part for agent in hand.rows]
    rows, *columns = result
    for agent, row in hand.rows.items():
        if agent not in taking_part:
            assert not rows[row].any()
            assert [column[row] for column in columns] == [0, 0, 0]
            continue
        assert np.array_equal(rows[row], hand.row(agent, observations[agent]), equal_nan=True)
        assert [column[row] for column in columns] == [np.float32(values[agent]) for values in expected]


class HandDrivenTurns(HandDriven):
    """As the documentation of PettingZoo drives an environment with turns: by `last()`."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.waiting = None

    def check(self, result, masks, info, actions):
        """Compare a step after these actions; `None` for the first reset."""
        rows, rewards, terminations, truncations = result
        if self.over:
            self.env.reset(seed=self.next_seed())
            self.over, self.waiting = False, np.zeros(len(self.rows))
            assert not rewards.any()
        else:
            self.env.step(actions[self.rows[self.env.agent_selection]])
            self.waiting += rewards
            for agent, row in self.rows.items():
                assert terminations[row] == self.env.terminations[agent]
                assert truncations[row] == self.env.truncations[agent]
        while self.env.agents:
            agent = self.env.agent_selection
            observation, reward, terminated, truncated, _ = self.env.last()
            assert self.waiting[self.rows[agent]] == reward
            if not (terminated or truncated):
                break
            self.env.step(None)
        assert masks.all()
        if not self.env.agents:
            self.over = True
            assert "to_move" not in info
            return
        row = self.rows[agent]
        self.waiting[row] = 0
        assert info["to_move"].tolist() == [place == row for place in self.rows.values()]
        assert np.array_equal(rows[row], self.row(agent, observation))
        for other, place in self.rows.items():
            assert np.array_equal(rows[place], self.row(other, self.env.observe(other)))


@pytest.mark.parametrize("name", NAMES)
def test_plays_as_the_package_alone(name):
    env = make(name, 1, autoreset_mode="NextStep")
    turns = hasattr(bare(name), "observe")
    hand = (HandDrivenTurns if turns else HandDrivenParallel)(name, 7, env.layout)
    rng = np.random.default_rng(1)
    env.action_space.seed(1)
    observations, info = env.reset(seed=7)
    zeros = np.zeros(env.num_envs)
    result, actions = (observations, zeros, zeros, zeros), None
    for _ in range(STEPS.get(name, 200)):
        if turns:
            hand.check(result, env.masks, info, actions)
        else:
            check_parallel(hand, result, env.masks, actions)
        actions = legal_actions(env, observations, info, rng)
        observations, rewards, terminations, truncations, info = env.step(actions)
        result = (observations, rewards, terminations, truncations)
    assert env.stats()["episodes"] > 0 or name in ("chess", "multiwalker")
    env.close()


@pytest.mark.parametrize("name", ["boxing", "hanabi", "multiwalker", "pursuit", "simple-tag", "texas-holdem"])
def test_the_same_seed_plays_the_same(name):
    """Infos too; that all else is as the package has it with that seed is tested for every name."""
    first, second = (play(make(name, 1), 20) for _ in range(2))
    assert_same(first, second)


@pytest.mark.parametrize("name", ["knights-archers-zombies", "simple-spread", "texas-holdem", "hanabi"])
def test_another_seed_plays_otherwise(name):
    first, second = (play(make(name, 1), 20, seed) for seed in (7, 8))
    assert any(np.any(one[0] != other[0]) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("name", ["knights-archers-zombies", "simple-world-comm", "hanabi"])
def test_worker_processes_play_as_one_process(name):
    expected = play(make(name, 3), 30)
    assert_same(play(make(name, 3, backend="process", num_workers=2), 30), expected)


def test_dying_agents_leave_their_rows():
    results = play(make("knights-archers-zombies", 2), 250)
    left = False
    for observations, rewards, terminations, truncations, _, masks in results[1:]:
        left |= not masks.all()
        assert not observations[~masks].any()
        assert not rewards[~masks].any()
        assert not (terminations | truncations)[~masks].any()
    assert left


def test_the_rewards_of_both_players_come_with_the_last_move():
    env = make("tictactoe", 1)
    env.reset()
    for cell in (0, 3, 1, 4):
        _, rewards, terminations, _, info = env.step([cell, cell])
        assert rewards.tolist() == [0, 0]
        assert not terminations.any()
        assert info["to_move"].sum() == 1
    _, rewards, terminations, _, info = env.step([2, 2])
    assert rewards.tolist() == [1, -1]
    assert terminations.all()
    assert env.masks.all()
    assert info["to_move"].tolist() == [True, False]
    assert info["_final_obs"].all()
    final = env.layout.view(info["final_obs"][0][np.newaxis])
    assert final["observation"][0, :, :, 0].sum() == 3


def test_the_action_of_a_row_that_is_not_to_move_is_ignored():
    first, second = (make("connect-four", 1) for _ in range(2))
    first.reset()
    second.reset()
    for _ in range(2):
        assert np.array_equal(first.step([3, 5])[0], second.step([3, 5])[0])
    assert np.array_equal(first.step([2, 0])[0], second.step([2, 6])[0])


@pytest.mark.parametrize("name", ["simple-tag", "connect-four", "knights-archers-zombies"])
def test_frames(name):
    env = make(name, 2, render_mode="rgb_array")
    env.reset(seed=1)
    frames = env.render()
    assert len(frames) == 2
    assert frames[0].ndim == 3
    assert frames[0].shape[2] == 3
    assert frames[0].any()
    env.close()


# ---- Names and arguments ----


@pytest.mark.parametrize("name", ["simple-spread", "simple_spread", "simple-spread-v3", "simple_spread_v3"])
def test_spellings_of_a_name(name):
    assert puffer.make(f"pettingzoo-{name}", backend="serial").num_agents == 3


def test_unknown_names_are_refused():
    for name in ("pettingzoo-knights-archer-zombie", "pettingzoo-simple-spread-v1", "pettingzoo-"):
        with pytest.raises(NameNotFound):
            puffer.make(name)
    with pytest.raises(NameNotFound, match="knights-archers-zombies"):
        puffer.make("pettingzoo-knights-archer-zombie")


def test_newest_version(monkeypatch):
    monkeypatch.setattr(family, "_modules", lambda: iter([f"zoo.chess_v{k}" for k in (9, 11, 10)]))
    assert family.names() == ["chess"]
    assert family._module_of("chess") == "zoo.chess_v11"
    assert family._module_of("chess-v9") == "zoo.chess_v9"


def test_missing_packages_are_named(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mpe2" else find_spec(name))
    assert "simple-spread" not in family.names()
    assert "tictactoe" in family.names()
    with pytest.raises(ImportError, match="and mpe2 is not.*python -m puffer.install pettingzoo"):
        puffer.make("pettingzoo-simple-spread")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert family.names() == []
    with pytest.raises(ImportError, match="pettingzoo and mpe2"):
        puffer.make("pettingzoo-chess")


def test_a_missing_dependency_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pettingzoo.classic.go_v5", None)
    with pytest.raises(ImportError, match=r"pettingzoo-go cannot be imported .*python -m puffer.install"):
        puffer.make("pettingzoo-go")


@pytest.mark.parametrize(
    ("name", "agents"),
    [
        ("knights-archers-zombies", 3),
        ("multiwalker", 2),
        ("pistonball", 4),
        ("pursuit", 2),
        ("simple-adversary", 4),
        ("simple-spread", 5),
        ("texas-holdem-no-limit", 4),
        ("hanabi", 3),
    ],
)
def test_number_of_agents(name, agents):
    try:
        env = puffer.make(f"pettingzoo-{name}", 2, backend="serial", num_agents=agents)
    except ImportError as error:
        pytest.skip(str(error))
    assert env.agents_per_env == agents
    assert env.num_agents == 2 * agents
    env.close()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("simple-tag", {"num_agents": 3}, "no single argument for num_agents.*num_good, num_adversaries"),
        ("tictactoe", {"num_agents": 2}, "no single argument for num_agents"),
        ("pistonball", {"num_agents": 3, "n_pistons": 3}, "num_agents and n_pistons"),
        ("pistonball", {"num_agents": 1.5}, "num_agents must be an integer"),
        ("pursuit", {"pursuers": 3}, "unexpected keyword argument 'pursuers'.*n_pursuers"),
        ("multiwalker", {"walkers": 3}, "unexpected keyword argument 'walkers'.*n_walkers"),
        ("cooperative-pong", {"speed": 3}, "unexpected keyword argument 'speed'.*ball_speed"),
        ("knights-archers-zombies", {"knights": 1}, "unexpected keyword argument 'knights'.*num_knights"),
        ("simple-spread", {"n": 1}, "unexpected keyword argument 'n' .its own arguments are N,"),
    ],
)
def test_wrong_arguments_are_refused(name, arguments, message):
    with pytest.raises(TypeError, match=message):
        puffer.make(f"pettingzoo-{name}", **arguments)


def test_importing_them_is_quiet():
    script = """
import os, sys
before = dict(os.environ)
import puffer
assert any(name.startswith("pettingzoo-") for name in puffer.list_envs())
assert not {"pettingzoo", "mpe2", "pygame"} & set(sys.modules)
puffer.make("pettingzoo-knights-archers-zombies", backend="serial").reset()
assert "pygame" in sys.modules
assert dict(os.environ) == before
"""
    assert run_script(script) == ""
