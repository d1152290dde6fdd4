"""The ends of episodes of environments in Python, the same in every backend, and the same as flags and infos."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from helpers import assert_same

import puffer

BACKENDS = [
    {"backend": "serial"},
    {"backend": "process", "num_workers": 1},
    {"backend": "process", "num_workers": 2},
]
MODES = [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED]


class Walk(gymnasium.Env):
    """Ends at random, by termination, truncation, or both."""

    observation_space = spaces.Dict(place=spaces.Box(-99, 99, (2,), np.float32), time=spaces.Discrete(50))
    action_space = spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = np.zeros(2, np.float32), 0
        return self._now(), {"time": 0}

    def step(self, action):
        self.place += self.np_random.normal(size=2).astype(np.float32)
        self.time += 1
        ended = self.np_random.random(2) < 0.1
        return self._now(), float(action), *ended.tolist(), {"time": self.time}

    def _now(self):
        return {"place": self.place, "time": self.time}


def ends_of(env, mode, steps=60):
    """Of every step, the arrays of env.ends, and what step() returned."""
    rng, ended = np.random.default_rng(0), np.zeros(env.num_envs, np.bool_)
    env.reset(seed=3)
    for _ in range(steps):
        if mode is AutoresetMode.DISABLED and ended.any():
            env.reset(options={"reset_mask": ended})
        result = env.step(rng.integers(3, size=env.num_envs))
        ended = result[2] | result[3]
        ends = env.ends
        yield (ends.rows, ends.observations, ends.returns, ends.lengths, ends.terminated, ends.truncated), result


@pytest.mark.parametrize("mode", MODES)
def test_every_backend_has_the_same_ends(mode):
    options = {"autoreset_mode": mode, "max_steps": 12}
    every = [puffer.emulate(Walk, 5, **options, **backend) for backend in BACKENDS]
    total = both = 0
    for (first, result), *others in zip(*(ends_of(env, mode) for env in every), strict=True):
        observations, _, terminations, truncations, info = result
        rows = np.flatnonzero(terminations | truncations)
        assert_same(first[0], rows)
        assert_same(first[4:], (terminations[rows], truncations[rows]))
        finals = np.stack(info["final_obs"][rows]) if "final_obs" in info else observations[rows]
        assert_same(first[1], finals)
        for other, (*arrays, other_info) in others:
            assert_same(other, first)
            assert_same(tuple(arrays), result[:4])
            assert_same(dict(other_info), dict(info))
        total += len(rows)
        both += (first[4] & first[5]).sum()
    assert total > 40
    assert both > 0
    for env in every:
        env.close()


@pytest.mark.parametrize("flat", [True, False])
def test_infos_are_the_plain_dicts_of_sync_vector_env(flat):
    options = {"autoreset_mode": AutoresetMode.SAME_STEP}
    env, theirs = puffer.emulate(Walk, 4, flat=flat, **options), SyncVectorEnv([Walk] * 4, **options)
    env.reset(seed=3)
    theirs.reset(seed=3)
    seen = 0
    for step in range(60):
        info, expected = env.step([step % 3] * 4)[4], theirs.step(np.full(4, step % 3))[4]
        assert set(info) == set(expected)
        if "final_obs" not in expected:
            continue
        assert list(dict.fromkeys(info)) == list(info)
        assert_same(info["_final_obs"], expected["_final_obs"])
        assert_same(info["_final_info"], expected["_final_info"])
        assert_same(dict(info["final_info"]), expected["final_info"])
        for row in np.flatnonzero(expected["_final_obs"]):
            final = info["final_obs"][row]
            value = final if not flat else env.layout.value(final)
            assert_same(dict(value), dict(expected["final_obs"][row]))
        assert [final is None for final in info["final_obs"]] == (~expected["_final_obs"]).tolist()
        seen += expected["_final_obs"].sum()
    assert seen > 20


def test_infos_of_python_environments_are_made_late_too():
    env = puffer.emulate(Walk, 4, record_episodes=True)
    env.reset(seed=0)
    while "final_obs" not in (info := env.step([1] * 4)[4]):
        pass
    unmade = ["final_obs", "_final_obs", "final_info", "_final_info", "episode", "_episode"]
    assert list(info) == ["time", "_time", *unmade]
    assert [key for key in info if not isinstance(dict.__getitem__(info, key), (np.ndarray, dict))] == unmade
    final_info = info["final_info"]
    for _ in range(20):
        env.step([1] * 4)
    assert final_info["time"][info["_final_info"]].tolist() == info["episode"]["l"][info["_episode"]].tolist()


def test_parts_in_workers_count_their_rows_from_their_first():
    env = puffer.emulate(Walk, 4, backend="process", num_workers=2, batch_size=2, max_steps=3)
    env.async_reset(seed=0)
    for _ in range(10):
        *_, terminations, truncations, info = env.recv()
        assert env.ends.rows.tolist() == np.flatnonzero(terminations | truncations).tolist()
        env.send(np.ones(len(info["env_id"]), np.int64))
    env.close()
