"""Rollouts hold what the steps returned, in every backend, layout and memory, and know which steps count."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import Tally, make, play, random_actions

import puffer

HORIZON = 6
MODES = ("SameStep", "NextStep")


class Pair(puffer.PufferEnv):
    """Two agents count; each leaves the episode at a time of its own, and it ends with the second."""

    single_observation_space = spaces.Box(-100, 100, (2,), np.float32)
    single_action_space = spaces.Discrete(3)
    num_agents = 2

    def reset(self, seed=None):
        self.time = 0
        self.observations[:] = [[0, 0], [0, 1]]
        return self.observations, {}

    def step(self, actions):
        self.time += 1
        self.observations[:] = [[self.time, 0], [self.time, 1]]
        self.rewards[:] = actions
        self.terminations[:] = [self.time == 3, self.time == 5]
        return self.observations, self.rewards, self.terminations, self.truncations, {}


BATCHES = {
    "native": lambda **options: make("ocean-squared", 4, max_steps=5, **options),
    "drawn": lambda **options: make("ocean-minigrid", 4, max_steps=5, **options),
    "agents": lambda **options: make("ocean-spread", 4, max_steps=5, **options),
    "independent agents": lambda **options: make("ocean-snake", 4, max_steps=5, **options),
    "serial": lambda **options: puffer.make("gym-CartPole-v1", 4, backend="serial", max_steps=5, **options),
    "process": lambda **options: puffer.make(
        "gym-CartPole-v1", 4, backend="process", num_workers=4, max_steps=5, **options
    ),
    "agents in Python": lambda **options: puffer.emulate(Pair, 4, backend="serial", **options),
}


def steps_alone(batch, mode, actions):
    """What a batch without a rollout returns, and what a tally makes of it."""
    env = batch(autoreset_mode=mode)
    tally, expected = Tally(env), {name: [] for name in ("masks", "starts", "ends", "results")}
    begins = np.ones(env.num_envs, np.bool_)
    waiting = np.zeros(env.num_envs, np.bool_)
    results = play(env, actions, seed=3)
    env.close()
    for step, result in enumerate(results[1:]):
        expected["starts"].append(begins)
        tally.add(result)
        expected["masks"].append(tally.alive.copy())
        ended = (result[2] | result[3]) & tally.alive
        expected["ends"] += [(step, row) for row in np.flatnonzero(ended)]
        begins, waiting = (tally.restart.copy(), waiting) if mode == "SameStep" else (waiting, tally.restart.copy())
    return results, expected


def begun(env):
    """Reset; the rows of the parts in their order."""
    if env.batch_size == env.num_copies:
        env.reset(seed=3)
        return [slice(0, env.num_envs)]
    env.async_reset(seed=3)
    return [(env.recv(), env.rows)[1] for _ in range(env.num_copies // env.batch_size)]


def stepped(env, action, order):
    """Step every part once, all of them under way together; the order in which they are back."""
    for rows in order:
        env.send(action[rows])
    return [(env.recv(), env.rows)[1] for _ in order]


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("layout", ["time", "agent"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_a_rollout_holds_the_steps(batch, mode, layout, parts):
    probe = batch()
    actions = random_actions(probe, 2 * HORIZON)
    probe.close()
    results, expected = steps_alone(batch, mode, actions)
    env = batch(autoreset_mode=mode, batch_size=4 // parts)
    rollout = env.rollout_buffers(HORIZON, layout=layout, dones=True)

    def by_step(array):
        return np.moveaxis(array, 1, 0) if layout == "agent" else array

    order = begun(env)
    for first in (0, HORIZON):
        part = slice(first, first + HORIZON)
        for action in actions[part]:
            order = stepped(env, action, order)
        assert rollout.steps == HORIZON
        before = [result[0] for result in results[:-1]][part]
        after = [result[0] for result in results[1:]][part]
        assert np.array_equal(by_step(rollout.observations), before)
        assert np.array_equal(by_step(rollout.next_observations), after)
        assert np.array_equal(by_step(rollout.actions), actions[part])
        for k, name in enumerate(("rewards", "terminations", "truncations"), 1):
            assert np.array_equal(by_step(getattr(rollout, name)), [result[k] for result in results[1:]][part]), name
        assert np.array_equal(by_step(rollout.dones), by_step(rollout.terminations | rollout.truncations))
        assert np.array_equal(by_step(rollout.masks), expected["masks"][part])
        assert np.array_equal(by_step(rollout.starts), expected["starts"][part])
        ends = rollout.ends
        ended = [(step - first, row) for step, row in expected["ends"] if first <= step < first + HORIZON]
        assert list(zip(ends.steps, ends.rows, strict=True)) == ended
        flags = by_step(rollout.truncations)[ends.steps, ends.rows]
        assert np.array_equal(ends.truncated, flags)
        assert (ends.lengths > 0).all()
    env.close()


@pytest.mark.parametrize("layout", ["time", "agent"])
def test_given_memory_holds_the_rollout(layout):
    env = make("ocean-cartpole", 3)
    lead = (lambda steps: (steps, 3)) if layout == "time" else (lambda steps: (3, steps))
    given = {
        "observations": np.zeros((*lead(HORIZON + 1), 4), np.float32),
        "rewards": memoryview(bytearray(4 * 3 * HORIZON)).cast("f", lead(HORIZON)),
        "actions": np.zeros(lead(HORIZON), np.int64),
    }
    rollout = env.rollout_buffers(HORIZON, layout=layout, buffers=given, action_dtype=np.int64)
    env.reset(seed=0)
    actions = random_actions(env, HORIZON)
    for action in actions:
        env.step(action)
    assert rollout.all_observations is given["observations"]
    assert np.asarray(given["rewards"]).all()
    assert np.array_equal(given["actions"], actions if layout == "time" else actions.T)
    assert rollout.arena is None
    assert given["observations"].any(axis=-1).all()


def test_one_arena_has_every_array():
    env = make("ocean-spread", 3)
    rollout = env.rollout_buffers(HORIZON, dones=True)
    assert rollout.arena.dtype == np.uint8
    assert set(rollout.arrays) >= {"observations", "actions", "rewards", "dones", "starts"}
    for name, array in rollout.arrays.items():
        assert np.shares_memory(array, rollout.arena), name
        assert array.ctypes.data % 64 == 0, name


def test_tensors_show_the_same_memory():
    torch = pytest.importorskip("torch")
    env = make("ocean-cartpole", 3)
    rollout = env.rollout_buffers(HORIZON, torch=True, action_dtype=np.int64)
    env.reset(seed=0)
    env.step(torch.ones(3, dtype=torch.int64))
    assert isinstance(rollout.observations, torch.Tensor)
    assert rollout.actions.dtype == torch.int64
    assert rollout.actions[0].tolist() == [1, 1, 1]
    assert np.array_equal(rollout.next_observations[0].numpy(), env.observations)
    assert np.shares_memory(rollout.arena.numpy(), rollout.rewards.numpy())


def test_what_is_written_again_shows_in_the_rollout():
    """Snapshots restored between steps, into the observations that the next actions answer."""
    for layout in ("time", "agent"):
        env = make("ocean-squared", 2)
        rollout = env.rollout_buffers(3, layout=layout)
        env.reset(seed=0)
        state = env.get_state()
        env.step([1, 1])
        env.step([1, 1])
        env.set_state(state)
        env.step([0, 0])
        observations = np.moveaxis(rollout.observations, layout == "agent", 0)
        assert np.array_equal(observations[0], observations[2])


def test_a_partial_reset_starts_episodes():
    env = make("ocean-catch", 3, autoreset_mode="Disabled")
    rollout = env.rollout_buffers(4, layout="agent")
    env.reset(seed=0)
    env.step([1, 1, 1])
    env.reset(options={"reset_mask": np.array([False, True, False])})
    env.step([1, 1, 1])
    assert rollout.starts[:, :2].tolist() == [[True, False], [True, True], [True, False]]
    assert np.array_equal(rollout.observations[:, 1], rollout.next_observations[:, 0])


@pytest.mark.parametrize("layout", ["time", "agent"])
def test_a_restored_copy_waits_for_its_reset_or_begins_where_its_snapshot_does(layout):
    env = make("ocean-cartpole", 1, max_steps=3, autoreset_mode="NextStep")
    rollout = env.rollout_buffers(10, layout=layout)
    env.reset(seed=0)
    begun = env.get_state()
    for _ in range(3):
        env.step([0])
    ended = env.get_state()
    env.set_state(begun)
    env.step([0])
    env.set_state(ended)
    for _ in range(2):
        env.step([0])
    assert rollout.starts.ravel()[:6].tolist() == [True, False, False, True, False, True]
    assert rollout.masks.ravel()[:6].tolist() == [True, True, True, True, False, True]
    assert rollout.steps == 6


class Fails(gymnasium.Env):
    """The second step of an episode fails."""

    observation_space = spaces.Box(-10, 10, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.time += 1
        if self.time == 2:
            raise RuntimeError("the second step")
        return np.full(1, self.time, np.float32), 1.0, False, False, {}


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_step_that_fails_is_not_in_the_rollout(batch_size):
    env = puffer.emulate(Fails, 2, backend="serial", batch_size=batch_size)
    rollout = env.rollout_buffers(3)
    order = begun(env)
    order = stepped(env, np.zeros(2, np.int32), order)
    with pytest.raises(RuntimeError, match="the second step"):
        stepped(env, np.zeros(2, np.int32), order)
    assert rollout.steps == 1
    env.reset()
    assert rollout.steps == 0


@pytest.mark.parametrize("layout", ["time", "agent"])
def test_steps_count_when_they_are_received(layout):
    """And one that a partial reset finishes is in the rollout as well."""
    env = make("ocean-catch", 2)
    rollout = env.rollout_buffers(3, layout=layout)
    env.reset(seed=0)
    env.send([1, 1])
    assert rollout.steps == 0
    env.reset(options={"reset_mask": np.array([True, False])})
    assert rollout.steps == 1
    last = env.observations.copy()
    env.step([1, 1])
    observations, starts = (np.moveaxis(a, layout == "agent", 0) for a in (rollout.observations, rollout.starts))
    assert np.array_equal(observations[1], last)
    assert starts[1].tolist() == [True, False]


def test_memory_that_is_no_array_is_shown_as_arrays():
    env = make("ocean-cartpole", 3)
    given = {
        "observations": memoryview(bytearray(4 * 3 * 3 * 4)).cast("f", (3, 3, 4)),
        "rewards": np.ma.zeros((2, 3), np.float32),
    }
    rollout = env.rollout_buffers(2, buffers=given)
    env.reset(seed=0)
    env.step([0, 0, 0])
    assert rollout.next_observations[0].tolist() == env.observations.tolist() == given["observations"].tolist()[1]
    assert type(rollout.rewards) is np.ndarray
    assert given["rewards"][0].tolist() == [1, 1, 1]


def test_memory_of_the_batch_is_refused():
    env = make("ocean-cartpole", 3, copy=False)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"buffers\['rewards'\] shares memory with the rewards of the batch"):
        env.rollout_buffers(1, buffers={"rewards": env.buffers.rewards[None]})
    env.step([0, 0, 0])


def test_tensors_can_be_trained_with_whatever_mode_torch_is_in():
    torch = pytest.importorskip("torch")
    env = make("ocean-cartpole", 3)
    torch.set_default_device("meta")
    try:
        with torch.inference_mode():
            rollout = env.rollout_buffers(2, torch=True)
    finally:
        torch.set_default_device(None)
    weights = torch.ones(4, requires_grad=True)
    (rollout.observations @ weights).sum().backward()
    assert weights.grad.shape == (4,)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"horizon": 0}, ValueError, "horizon"),
        ({"horizon": 2.5}, TypeError, "horizon"),
        ({"layout": "rows"}, ValueError, "layout"),
        ({"buffers": 5}, TypeError, "buffers must map"),
        ({"buffers": {"obs": np.zeros(3)}}, ValueError, "no array 'obs'"),
        ({"buffers": {"rewards": np.zeros((3, 2))}}, ValueError, r"buffers\['rewards'\] must have dtype float32"),
        ({"buffers": {"rewards": np.zeros((2, 3), np.float32)}}, ValueError, "must have shape"),
        ({"buffers": {"rewards": np.zeros((2, 3), np.float32).T}}, ValueError, "C-contiguous"),
        ({"buffers": {"rewards": np.broadcast_to(np.float32(0), (3, 2))}}, ValueError, "buffers"),
        ({"buffers": {"rewards": [[0.0, 0.0]] * 3}}, TypeError, "share memory"),
        ({"buffers": dict.fromkeys(("masks", "starts"), np.zeros((3, 2), np.bool_))}, ValueError, "share memory"),
        ({"buffers": {}, "torch": True}, TypeError, "give tensors"),
        ({"pinned": True}, TypeError, "torch=True"),
        ({"action_dtype": np.float64}, ValueError, "int32 or int64"),
        ({"action_dtype": "no dtype"}, TypeError, "no dtype"),
        ({"horizon": 2**31 - 1}, MemoryError, "horizon"),
    ],
)
def test_bad_options_leave_the_batch_alone(options, error, match):
    env = make("ocean-cartpole", 2)
    env.reset(seed=0)
    env.step([0, 1])
    state = env.get_state()
    with pytest.raises(error, match=match):
        env.rollout_buffers(**{"horizon": 3, **options})
    assert np.array_equal(env.get_state(), state)
    env.step([0, 1])
