"""`puffer.testing`: the same environments, traces, legal actions."""

import json
import subprocess
import sys
from contextlib import closing
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer
from puffer.registry import find as find_env
from puffer.testing import action_sequences, assert_same_env, check_env, record_trace, replay_trace


class Walk(puffer.PufferEnv):
    """Two agents that walk, with nested observations, for eight steps. `fault` names what is wrong in step 13."""

    max_steps = 8
    num_agents = 2

    def __init__(self, fault=None, amount=1.0, size=100):
        super().__init__()
        self.single_observation_space = spaces.Dict(
            {"place": spaces.Box(-size, size, (2,), np.float32), "time": spaces.Discrete(1000)}
        )
        self.single_action_space = spaces.Discrete(3, start=-1)
        self.random = puffer.Random()
        self.fault = fault
        self.amount = amount
        self.steps = 0

    def reset(self, seed=None):
        if seed is not None:
            self.random, self.steps = puffer.Random(seed), 0
        self.time = 0
        for agent in range(2):
            self.observation_views["place"][agent] = self.random.below(10)
        self.observation_views["time"][:] = 0
        return self.observations

    def step(self, actions):
        self.steps += 1
        self.time += 1
        self.observation_views["place"][:, 0] += actions
        self.observation_views["time"][:] = self.time
        self.rewards[:] = actions
        if self.steps == 13:
            self.do_wrong()
        return self.observations, self.rewards, self.terminations, self.truncations, {}

    def do_wrong(self):
        row, views = 1, self.observation_views
        if self.fault == "place":
            views["place"][row, 1] += self.amount
        elif self.fault == "time":
            views["time"][row] += 1
        elif self.fault == "rewards":
            self.rewards[row] += self.amount
        elif self.fault in ("terminations", "truncations"):
            getattr(self, self.fault)[row] = True
        elif self.fault == "masks":
            self.masks[row] = False


def faulty(*arguments):
    return partial(Walk, *arguments)


# ---- assert_same_env ----


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("place", r"observations\['place'\]\[1\] is"),
        ("time", r"observations\['time'\] is 5 and 6"),
        ("rewards", r"rewards is -?\d.0 and -?\d.0"),
        ("terminations", "terminations is False and True"),
        ("truncations", "truncations is False and True"),
        ("masks", "observations|masks is True and False"),
    ],
)
def test_a_planted_difference_is_found_in_its_step_row_and_array(fault, place):
    with pytest.raises(AssertionError, match=place) as raised:
        assert_same_env(Walk, faulty(fault), num_envs=3)
    # In all copies alike, so the first one is named.
    assert "differ in step 13, row 1: " in str(raised.value)
    assert "after reset(seed=[0, 1, 2])" in str(raised.value)


def test_the_same_are_the_same():
    assert_same_env(Walk, Walk)
    assert_same_env("catch", find_env("catch"), num_envs=2, steps=50)
    assert_same_env("ocean-spaces", "ocean-spaces", steps=50)
    assert_same_env("gym-CartPole-v1", lambda: gymnasium.make("CartPole-v1"), steps=50)


def test_a_difference_at_the_end_of_an_episode_is_found():
    """Only the final observation shows it."""

    class Late(Walk):
        def step(self, actions):
            result = super().step(actions)
            if self.time == self.max_steps:
                self.observation_views["time"][0] = 9
            return result

    with pytest.raises(AssertionError, match=r"step 8, row 0: final_observations\['time'\] is 8 and 9"):
        assert_same_env(Walk, Late)


def test_a_difference_in_the_second_episode_is_found():
    class Again(Walk):
        def reset(self, seed=None):
            self.random = puffer.Random(self.first if seed is None else seed)
            self.first = 0 if seed is None else seed
            return super().reset()

    with pytest.raises(AssertionError, match=r"step (8|16|24), row \d: observations\['place'\]"):
        assert_same_env(Walk, Again)


def test_tolerances_allow_what_is_near():
    for tolerance in ({"atol": 1e-3}, {"rtol": 1e-2}):
        assert_same_env(Walk, faulty("rewards", 1e-4), **({"atol": 1e-3}), seed=1)
        with pytest.raises(AssertionError, match="rewards is"):
            assert_same_env(Walk, faulty("rewards", 0.5), **tolerance)
    with pytest.raises(AssertionError, match="place"):
        assert_same_env(Walk, faulty("place", 0.01), atol=1e-3)
    assert_same_env(Walk, faulty("place", 0.01), rtol=10)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (Walk, partial(Walk, size=101), "observation space is Dict"),
        ("catch", "ocean-cartpole", "observation space is Box"),
        ("catch", partial(find_env("catch"), rows=7), "observation space"),
        ("ocean-password", "ocean-memory", "observation space"),
        (
            lambda: puffer.make("catch", 4, autoreset_mode="NextStep"),
            lambda: puffer.make("catch", 4),
            "autoreset mode",
        ),
    ],
)
def test_environments_of_other_spaces_are_not_the_same(first, second, what):
    made = [env() if getattr(env, "__name__", "") == "<lambda>" else env for env in (first, second)]
    with pytest.raises(AssertionError, match=what):
        assert_same_env(*made)


def test_a_batch_may_be_given_and_stays_open():
    batch = puffer.make("catch", 3, rows=7)
    assert_same_env(batch, partial(find_env("catch"), rows=7), steps=20)
    assert_same_env(batch, puffer.make("catch", 3, rows=7, copy=True), steps=20)
    batch.step(np.zeros(3, int))
    with pytest.raises(ValueError, match="num_envs must be 3, the copies of the given batch, got 4"):
        assert_same_env(batch, "catch", num_envs=4)
    with pytest.raises(ValueError, match="batch_size = num_envs = 4, got 2"):
        assert_same_env(puffer.make("catch", 4, batch_size=2), "catch")


def test_worker_processes_play_the_same():
    with closing(puffer.emulate(Walk, 2, backend="process", num_workers=2)) as batch:
        assert_same_env(Walk, batch, steps=30)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="steps must be at least 1"):
        assert_same_env(Walk, Walk, steps=0)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        assert_same_env(Walk, Walk, seed=-1)
    with pytest.raises(TypeError, match="takes an environment"):
        assert_same_env(Walk, 3)


# ---- Traces ----


@pytest.fixture
def trace(tmp_path):
    """A trace of Catch, by its name and with a parameter."""
    path = tmp_path / "catch.npz"
    record_trace("catch", path, num_envs=3, steps=40, seed=5, rows=6)
    return path


def changed(path, **arrays):
    """The trace with other arrays."""
    with np.load(path) as stored:
        contents = {**stored, **arrays}
    np.savez(path, **contents)
    return path


def test_a_trace_holds_what_it_says(trace):
    with np.load(trace, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        assert (about["env"], about["parameters"]) == ("catch", {"rows": 6})
        assert stored["seeds"].tolist() == [5, 6, 7]
        assert stored["actions"].shape == (40, 3)
        assert stored["observations"].shape == (41, 3, 6, 5)
        assert stored["rewards"].dtype == np.float32


def test_a_trace_is_replayed_by_name_and_with_another_version(trace):
    replay_trace(trace)
    replay_trace(str(trace), partial(find_env("catch"), rows=6))
    with pytest.raises(AssertionError, match=r"the observation space was Box\(0, 1, \(6, 5\), uint8\) and is now"):
        replay_trace(trace, "catch")


@pytest.mark.parametrize(
    "name", ["observations", "rewards", "terminations", "truncations", "masks", "final_observations"]
)
def test_the_first_difference_from_a_trace_is_found(trace, name):
    with np.load(trace) as stored:
        array = stored[name]
    index = (20, 2, *[0] * (array.ndim - 2))
    array[index] = not array[index]
    with pytest.raises(AssertionError, match=rf"catch is not as recorded in .*catch.npz: step 20, row 2: {name}"):
        replay_trace(changed(trace, **{name: array}))


def test_a_trace_of_what_has_no_name_needs_the_environment(tmp_path):
    record_trace(Walk, tmp_path / "walk.npz", steps=30)
    replay_trace(tmp_path / "walk.npz", Walk)
    with pytest.raises(AssertionError, match=r"Walk is not as recorded in .*: step 13, row 1: rewards"):
        replay_trace(tmp_path / "walk.npz", faulty("rewards"))
    replay_trace(tmp_path / "walk.npz", faulty("rewards", 1e-4), atol=1e-3)
    with pytest.raises(ValueError, match="is a trace of .*Walk, which has no name"):
        replay_trace(tmp_path / "walk.npz")
    with pytest.raises(TypeError, match="parameters need the name or path of an environment"):
        record_trace(Walk, tmp_path / "walk.npz", size=3)


def test_what_is_no_trace_is_refused(tmp_path, trace):
    with pytest.raises(FileNotFoundError):
        replay_trace(tmp_path / "missing.npz")
    with pytest.raises(ValueError, match=r"must end in .npz, got 'trace.txt'"):
        record_trace("catch", "trace.txt")
    other = tmp_path / "other.npz"
    for content in (b"", b"nonsense", trace.read_bytes()[:500]):
        other.write_bytes(content)
        with pytest.raises(ValueError, match=r"other.npz is not a trace"):
            replay_trace(other)
    np.savez(other, actions=np.zeros(3))
    with pytest.raises(ValueError, match=r"other.npz is not a trace"):
        replay_trace(other)
    with other.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match=r"other.npz is not a trace"):
        replay_trace(other)
    np.savez(other, about=np.array([{}, None], object))
    with pytest.raises(ValueError, match=r"other.npz is not a trace"):
        replay_trace(other)
    with pytest.raises(ValueError, match="another version of puffer"):
        replay_trace(changed(trace, about=np.array(json.dumps({"format": 99}))))


def test_parameters_that_a_trace_cannot_hold_are_named(tmp_path):
    with pytest.raises(TypeError, match="the parameter rows must fit into JSON"):
        record_trace("catch", tmp_path / "catch.npz", rows={3})
    assert not list(tmp_path.iterdir())


# ---- Action sequences ----


class Nested(puffer.PufferEnv):
    """Takes nested actions, and keeps them."""

    def __init__(self):
        super().__init__()
        self.single_observation_space = self.make_space((1,))
        self.single_action_space = spaces.Dict(
            {
                "move": spaces.Discrete(4, start=2),
                "pair": spaces.Tuple([spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(2)]),
                "force": spaces.Box(np.float32([-1, 0.25]), np.float32([0, 0.5])),
                "free": spaces.Box(-np.inf, np.inf, (1,), np.float32),
            }
        )

    def reset(self, seed=None):
        return np.zeros(1, np.float32)

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


class Masked(gymnasium.Env):
    """Only the action that follows the last one is legal, as the info says."""

    observation_space = spaces.Discrete(5)
    action_space = spaces.Discrete(5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.last = int(self.np_random.integers(5))
        return self.last, self.info()

    def info(self):
        return {"action_mask": np.arange(5) == (self.last + 1) % 5}

    def step(self, action):
        assert action == (self.last + 1) % 5, "illegal"
        self.last = int(action)
        return self.last, 0.0, False, False, self.info()


@pytest.fixture
def examples():
    """Runs a function with so many sequences of a strategy."""
    # It takes longer to import than all else here.
    import hypothesis

    def run(strategy, count=20):
        return lambda function: hypothesis.settings(deadline=None, max_examples=count)(
            hypothesis.given(strategy)(function)
        )()

    return run


def test_nested_actions_lie_in_their_space(examples):
    env = puffer.emulate(Nested, 2, backend="serial")
    env.reset()

    @examples(action_sequences(Nested, max_steps=4, num_envs=2), 50)
    def play(sequence):
        assert 1 <= len(sequence) <= 4
        for actions in sequence:
            env.step(actions)
            assert all(env.action_layout.space.contains(env.action_layout.value(row)) for row in actions)


@pytest.mark.parametrize("env", ["catch", "ocean-continuous", "ocean-spaces", "ocean-multiagent", "gym-Pendulum-v1"])
def test_batches_of_every_kind_are_taken(env, examples):
    @examples(action_sequences(env, max_steps=3))
    def play(sequence):
        with closing(puffer.make(env, 4, backend="serial", num_threads=1)) as batch:
            batch.reset(seed=0)
            for actions in sequence:
                batch.step(actions)


def test_masks_in_infos_are_kept_to(examples):
    @examples(action_sequences(Masked, max_steps=6, num_envs=2, seed=3))
    def play(sequence):
        env = puffer.emulate(Masked, 2, backend="serial")
        env.reset(seed=[3, 4])
        for actions in sequence:
            env.step(actions)

    assert_same_env(Masked, Masked, steps=20)


def test_masks_in_observations_are_kept_to(examples):
    @examples(action_sequences("pettingzoo-tictactoe", max_steps=4, num_envs=1))
    def play(sequence):
        with closing(puffer.make("pettingzoo-tictactoe", 1, backend="serial")) as env:
            env.reset(seed=[0])
            for actions in sequence:
                # An illegal move loses; nobody can win in four turns.
                assert not env.step(actions)[2].any()


def test_a_mask_of_another_size_is_refused():
    class Wrong(Masked):
        def info(self):
            return {"action_mask": np.ones(4, bool)}

    with pytest.raises(ValueError, match=r"action_mask must have shape \(\d+, 5\).*got shape"):
        action_sequences(Wrong)


def test_hypothesis_finds_the_shortest_sequence():
    from hypothesis import find

    def wins(sequence):
        with closing(puffer.make("catch", 1, rows=4, num_threads=1)) as env:
            env.reset(seed=[0])
            return any(env.step(actions)[1][0] == 1 for actions in sequence)

    sequence = find(action_sequences(puffer.make("catch", 1, rows=4), max_steps=10), wins)
    assert len(sequence) == 3


# ---- The package ----


def test_check_env_is_here_too():
    assert check_env is puffer.check_env
    assert puffer.testing.assert_same_env is assert_same_env


def test_nothing_is_imported_before_it_is_used():
    script = (
        "import sys, puffer; assert 'puffer.testing' not in sys.modules; import puffer.testing as t; "
        "t.assert_same_env('catch', 'catch'); assert 'hypothesis' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=puffer.get_include(), timeout=60)
