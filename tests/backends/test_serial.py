"""The serial backend: Gymnasium environments in a batch, against Gymnasium's own vector environments."""

from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium import error, spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from helpers import MODES, assert_same, snapshot

import puffer

NAMES = ("CartPole-v1", "FrozenLake-v1", "Blackjack-v1", "Pendulum-v1")


class Rich(gymnasium.Env):
    """Nested observations and actions, and infos of every kind."""

    observation_space = spaces.Dict(
        {
            "x": spaces.Box(-9, 9, (2,), np.float32),
            "inner": spaces.Tuple((spaces.Discrete(5, start=2), spaces.MultiBinary(3))),
        }
    )
    action_space = spaces.Dict({"go": spaces.Discrete(3), "push": spaces.Box(-1, 1, (2,), np.float32)})

    def _observe(self):
        x = self.np_random.uniform(-9, 9, 2).astype(np.float32)
        bits = self.np_random.integers(0, 2, 3, dtype=np.int8)
        return {"x": x, "inner": (self.np_random.integers(2, 7), bits)}

    def _info(self):
        info = {
            "int": self.t,
            "float": 0.5 * self.t,
            "bool": self.t % 2 == 0,
            "number": np.float32(self.t),
            "array": np.arange(3) * self.t,
            "text": "t" * self.t,
            "nested": {"deep": {"value": self.t}, "list": [self.t]},
        }
        return {key: value for key, value in info.items() if self.np_random.random() < 0.7}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._observe(), self._info()

    def step(self, action):
        self.t += 1
        reward = float(action["go"]) + float(action["push"].sum())
        return self._observe(), reward, self.np_random.random() < 0.1, self.t >= 9, self._info()


def rows(layout, observations, count):
    """Observations of Gymnasium's batch as flat rows."""
    batch = np.zeros((count, *layout.flat_space.shape), layout.flat_space.dtype)
    singles = gymnasium.vector.utils.iterate(gymnasium.vector.utils.batch_space(layout.space, count), observations)
    for row, single in zip(batch, singles, strict=True):
        layout.flatten(single, row)
    return batch


def assert_infos(ours, theirs, layout, where="info"):
    assert set(ours) == set(theirs), where
    for key, value in theirs.items():
        if key == "final_obs":
            for mine, other in zip(ours[key], value, strict=True):
                assert (mine is None) == (other is None)
                if other is not None:
                    row = np.zeros_like(mine)
                    layout.flatten(other, row)
                    assert mine.tobytes() == row.tobytes(), where
        elif isinstance(value, dict):
            assert_infos(ours[key], value, layout, f"{where}[{key!r}]")
        else:
            # Gymnasium cuts off the fraction of a float that comes after an integer.
            assert ours[key].dtype == value.dtype or (ours[key].dtype.kind, value.dtype.kind) == ("f", "i")
            np.testing.assert_array_equal(ours[key].astype(value.dtype), value, f"{where}[{key!r}]")


def assert_same_play(ours, theirs, mode, steps=60):
    """Both play alike: observations, rewards, flags and infos of every step."""
    layout, action_layout, count = ours.layout, ours.action_layout, ours.num_copies
    theirs.action_space.seed(4)
    seeds = list(range(10, 10 + count))
    mine, other = ours.reset(seed=10), theirs.reset(seed=seeds)
    for _ in range(steps):
        assert np.array_equal(mine[0], rows(layout, other[0], count))
        assert_infos(mine[-1], other[-1], layout)
        actions = theirs.action_space.sample()
        flat = np.zeros((count, *action_layout.flat_space.shape), action_layout.flat_space.dtype)
        for i, action in enumerate(gymnasium.vector.utils.iterate(theirs.action_space, actions)):
            flat[i] = action_layout.flatten(action)
        mine, other = ours.step(flat), theirs.step(actions)
        np.testing.assert_array_equal(mine[1], other[1].astype(np.float32))
        assert np.array_equal(mine[2], other[2])
        assert np.array_equal(mine[3], other[3])
        ended = other[2] | other[3]
        if mode == "Disabled" and ended.any():
            assert_infos(mine[-1], other[-1], layout)
            mine = ours.reset(options={"reset_mask": ended})
            other = theirs.reset(options={"reset_mask": ended})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_plays_as_gymnasium(name, mode):
    ours = puffer.make(f"gym-{name}", 4, backend="serial", autoreset_mode=mode)
    theirs = gymnasium.make_vec(name, 4, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})
    assert_same_play(ours, theirs, mode, 220 if name == "Pendulum-v1" else 60)
    ours.close()
    theirs.close()


@pytest.mark.parametrize("mode", MODES)
def test_nested_environment_with_rich_infos(mode):
    ours = puffer.emulate(Rich, 5, backend="serial", autoreset_mode=mode)
    theirs = SyncVectorEnv([Rich] * 5, autoreset_mode=AutoresetMode(mode))
    assert_same_play(ours, theirs, mode)


class InTurn(Rich):
    """The copies of odd seeds tell something at the reset, and copy 3 something of its own."""

    def reset(self, *, seed=None, options=None):
        observation, _ = super().reset(seed=seed, options=options)
        of_three = {"three": {"deep": 1.5}, "text": "x"} if seed == 3 else {}
        return observation, {**({"odd": seed} if seed in (1, 3) else {}), **of_three}


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}], ids=str)
def test_the_infos_of_an_asynchronous_reset_come_with_its_observations(options):
    env = puffer.emulate(InTurn, 4, batch_size=2, **options)
    env.async_reset(seed=0)
    infos = [env.recv()[4] for _ in range(2)]
    assert [info.pop("env_id").tolist() for info in infos] == [[0, 1], [2, 3]]
    here, odd = np.array([False, True]), np.array([0, 1])
    assert_same(infos[0], {"odd": odd, "_odd": here})
    deep = {"deep": np.array([0, 1.5]), "_deep": here}
    own = {"odd": 3 * odd, "three": deep, "text": np.array([None, "x"], object)}
    assert_same(infos[1], {**own, "_odd": here, "_three": here, "_text": here})
    env.send(np.zeros((2, *env.single_action_space.shape), env.single_action_space.dtype))
    assert "odd" not in env.recv()[4]
    env.close()


@pytest.mark.parametrize("mode", MODES)
def test_parts_equal_the_whole(mode):
    whole = puffer.emulate(Rich, 6, backend="serial", autoreset_mode=mode)
    parts = puffer.emulate(Rich, 6, backend="serial", autoreset_mode=mode, batch_size=2)
    whole.reset(seed=3)
    parts.async_reset(seed=3)
    actions = np.zeros((6, *whole.single_action_space.shape), whole.single_action_space.dtype)
    for _ in range(3):
        parts.recv()
    for step in range(5):
        expected = snapshot(whole.step(actions))
        for first in (0, 2, 4):
            parts.send(actions[first : first + 2])
        for first in (0, 2, 4):
            *arrays, info = parts.recv()
            assert info.pop("env_id").tolist() == [first, first + 1]
            for array, all_rows in zip(arrays, expected, strict=False):
                assert np.array_equal(array, all_rows[first : first + 2]), step
            assert {key for key in info if not key.startswith("_")} <= set(expected[-1])
        ended = expected[2] | expected[3]
        if mode == "Disabled" and ended.any():
            whole.reset(options={"reset_mask": ended})
            parts.reset(options={"reset_mask": ended})
    assert whole.stats() == parts.stats()


@pytest.mark.parametrize("mode", MODES[:2])
def test_episodes_as_gymnasium_records_them(mode):
    ours = puffer.make("gym-CartPole-v1", 3, backend="serial", autoreset_mode=mode, record_episodes=True)
    theirs = RecordEpisodeStatistics(
        gymnasium.make_vec("CartPole-v1", 3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})
    )
    ours.reset(seed=1)
    theirs.reset(seed=1)
    episodes = []
    for _ in range(80):
        mine, other = (env.step(np.ones(3, np.int64))[-1] for env in (ours, theirs))
        assert ("episode" in mine) == ("episode" in other)
        if "episode" in mine:
            np.testing.assert_array_equal(mine["_episode"], other["_episode"])
            np.testing.assert_array_equal(mine["episode"]["r"], other["episode"]["r"])
            np.testing.assert_array_equal(mine["episode"]["l"], other["episode"]["l"])
            episodes += mine["episode"]["r"][mine["_episode"]].tolist()
    stats = ours.stats()
    assert stats["episodes"] == len(episodes) > 0
    assert stats["episode_return"] == pytest.approx(np.mean(episodes))
    assert ours.stats() == {"episodes": 0}


def test_bad_actions_are_refused_before_anything_is_stepped():
    env = puffer.make("gym-CartPole-v1", 3, backend="serial")
    before, _ = env.reset(seed=1)
    before = before.copy()
    for bad in ([0, 1], [0, 1, 2], [0, -1, 0], [0.0, 1.0, 0.0], [[0], [1], [0]], None, "abc"):
        with pytest.raises((TypeError, ValueError)):
            env.step(bad)
        assert np.array_equal(env.observations, before)
    other = puffer.make("gym-CartPole-v1", 3, backend="serial")
    other.reset(seed=1)
    assert np.array_equal(env.step([0, 1, 1])[0], other.step([0, 1, 1])[0])


def test_calls_out_of_order():
    env = puffer.make("gym-CartPole-v1", 2, backend="serial")
    with pytest.raises(error.ResetNeeded):
        env.step([0, 0])
    env.reset()
    with pytest.raises(error.NoAsyncCallError):
        env.recv()
    env.send([0, 0])
    with pytest.raises(error.AlreadyPendingCallError):
        env.send([0, 0])
    env.close()
    env.close()
    with pytest.raises(error.ClosedEnvironmentError):
        env.reset()


@pytest.mark.parametrize("exception", [OSError, KeyboardInterrupt])
def test_every_copy_is_closed_where_closing_one_raises(exception):
    closed = []

    class Closing(gymnasium.Env):
        observation_space, action_space = spaces.Box(0, 1, (1,)), spaces.Discrete(2)

        def __init__(self, copy):
            self.copy = copy

        def close(self):
            closed.append(self.copy)
            if self.copy == 1:
                raise exception

    env = puffer.emulate(Closing, 3, backend="serial")
    with pytest.raises(exception):
        env.close()
    assert closed == [0, 1, 2]


def test_a_finished_copy_needs_a_reset_when_autoreset_is_disabled():
    env = puffer.make("gym-CartPole-v1", 2, backend="serial", autoreset_mode="Disabled", max_steps=1)
    env.reset(seed=0)
    assert env.step([0, 0])[3].all()
    with pytest.raises(error.ResetNeeded, match="copy 0"):
        env.step([0, 0])
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(error.ResetNeeded, match="copy 1"):
        env.step([0, 0])


class Fragile(gymnasium.Env):
    """Raises when told so."""

    observation_space = spaces.Box(0, 100, (1,), np.float32)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {"fresh": True}

    def step(self, action):
        if action == 2:
            raise KeyError("broken")
        self.t += 1
        return np.full(1, self.t, np.float32), 1.0, False, False, {"t": self.t}


@pytest.mark.parametrize("value", [0.5, 3, -1, np.nan])
def test_entries_of_a_mixed_action_that_are_not_whole_are_refused_before_anything_is_stepped(value):
    stepped = []

    class Mixed(Fragile):
        action_space = spaces.Dict({"move": spaces.Discrete(3), "turn": spaces.Box(-1, 1, (2,))})

        def step(self, action):
            assert self.action_space.contains(action)
            stepped.append(self)
            return super().step(action["move"])

    env = puffer.emulate(Mixed, 3, backend="serial")
    env.reset(seed=0)
    actions = np.tile(np.float32([1, 0.5, 0.5]), (3, 1))
    env.step(actions)
    actions[2, 0] = value
    with pytest.raises(ValueError, match=r"actions\[2, 0\] is .*row 2"):
        env.step(actions)
    assert len(stepped) == 3


def test_an_exception_passes_through_and_reset_helps():
    env = puffer.emulate(Fragile, 3, backend="serial")
    env.reset()
    with pytest.raises(KeyError, match="broken"):
        env.step([0, 2, 0])
    with pytest.raises(error.ResetNeeded):
        env.step([0, 0, 0])
    observations, _ = env.reset()
    assert not observations.any()
    observations, *_, info = env.step([0, 1, 0])
    assert observations.tolist() == [[1], [1], [1]]
    assert "fresh" not in info
    assert info["t"].tolist() == [1, 1, 1]


class Old:
    """An environment of older versions of Gym, without seeds and without close()."""

    observation_space = spaces.Box(0, 100, (2,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, limit=False):
        self.limit = limit

    def reset(self):
        self.t = 0
        return np.zeros(2)

    def step(self, action):
        self.t += 1
        info = {"TimeLimit.truncated": True} if self.limit else {}
        return np.full(2, self.t), 1, self.t == 3, info if self.t == 3 else {}


@pytest.mark.parametrize("limit", [False, True])
def test_older_environments(limit):
    env = puffer.emulate(lambda: Old(limit), 2, backend="serial", seed=3)
    env.reset()
    for t in (1, 2):
        observations, rewards, terminations, truncations, info = env.step([0, 1])
        assert observations.tolist() == [[t, t]] * 2
        assert rewards.tolist() == [1, 1]
        assert not (terminations | truncations).any()
        assert info == {}
    observations, _, terminations, truncations, info = env.step([0, 1])
    assert truncations.all() == limit
    assert terminations.all() != limit
    assert not observations.any()
    assert info["final_obs"][1].tolist() == [3, 3]
    env.close()


class Sized(Fragile):
    """Every copy has more numbers than the one before."""

    made = 0

    def __init__(self):
        type(self).made += 1
        self.observation_space = spaces.Box(0, 1, (self.made,), np.float32)


def test_copies_that_differ_are_refused():
    with pytest.raises(ValueError, match="copy 0 .* copy 1"):
        puffer.emulate(Sized, 2, backend="serial")


class Silent(Fragile):
    """Returns what it should not."""

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32)


def test_wrong_returns_are_refused_with_a_reason():
    env = puffer.emulate(Silent, 1, backend="serial")
    with pytest.raises(TypeError, match=r"must return \(observation, info\)"):
        env.reset()


def test_instances_are_replicated():
    spec = puffer.emulate(gymnasium.make("CartPole-v1"), 2, backend="serial")
    assert spec.max_steps == 500
    one = Rich()
    one.reset(seed=1)
    copies = puffer.emulate(one, 3, backend="serial")
    observations, _ = copies.reset()
    assert len({row.tobytes() for row in observations}) == 3
    one.handle = (item for item in ())
    with pytest.raises(TypeError, match="pass a function"):
        puffer.emulate(one, 2)


def test_matrix_actions_keep_their_shape():
    class Matrix(Fragile):
        action_space = spaces.MultiDiscrete([[2, 3], [4, 5]])

        def step(self, action):
            assert action.shape == (2, 2)
            return np.full(1, action[1, 1], np.float32), 0.0, False, False, {}

    env = puffer.emulate(Matrix, 2, backend="serial")
    env.reset()
    assert env.step([[1, 2, 3, 4], [0, 0, 0, 0]])[0].tolist() == [[4], [0]]


def test_infos_of_different_kinds_lose_nothing():
    values = [(1, "a", 1), (0.5, "abc", "x"), (2**70, "ab", np.ones(2)), (3, {"k": 1}, {"k": 2}), (4, {"j": 2}, 5)]

    class Various(Fragile):
        count = 0

        def reset(self, *, seed=None, options=None):
            number, text, other = values[Various.count]
            Various.count += 1
            return np.zeros(1, np.float32), {"number": number, "text": np.array(text), "other": other, "dict": text}

    env = puffer.emulate(Various, 2, backend="serial")
    assert env.reset()[1]["number"].tolist() == [1.0, 0.5]
    Various.count = 1
    assert env.reset()[1]["number"].tolist() == [0.5, 2**70]
    Various.count = 0
    assert [str(text) for text in env.reset()[1]["text"]] == ["a", "abc"]
    Various.count = 3
    assert env.reset()[1]["other"].tolist() == [{"k": 2}, 5]
    Various.count = 3
    info = env.reset()[1]
    assert info["dict"]["k"].tolist() == [1, 0]
    assert info["dict"]["_j"].tolist() == [False, True]


def test_reset_mask_between_send_and_recv_drops_the_step():
    env = puffer.emulate(Fragile, 2, backend="serial", batch_size=1)
    env.reset()
    env.send([0])
    env.reset(options={"reset_mask": np.array([False, True])})
    env.send([0])
    assert env.recv()[0].tolist() == [[2]]


def test_one_reward_that_is_not_a_number_does_not_spoil_later_statistics():
    class Odd(gymnasium.Env):
        observation_space, action_space = spaces.Box(0, 1, (1,)), spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            return np.zeros(1, np.float32), {}

        def step(self, action):
            return np.zeros(1, np.float32), np.nan if action else 1.0, True, False, {}

    with closing(puffer.emulate(Odd, 2, backend="serial")) as env:
        env.reset()
        env.step([0, 1])
        assert np.isnan(env.stats()["episode_return"])
        env.step([0, 0])
        assert env.stats() == {"episodes": 2, "episode_return": 1.0, "episode_length": 1.0}
