"""`action_masks`: where they come from, how long they hold, in infos, in rollouts, and actions drawn from them."""

import pickle
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium import error, spaces
from helpers import make

import puffer

KEY = "action_mask"
TAXI = max(name for name in gymnasium.registry if name.startswith("Taxi-"))


class Countdown(gymnasium.Env):
    """Two numbers, of which each has its own legal values; where the masks are told is a matter of `told`."""

    def __init__(self, told="observation", shape=5):
        mask = spaces.Box(0, 1, (shape,), np.int8)
        own = spaces.Box(0, 9, (1,), np.int32)
        self.told, self.shape = told, shape
        self.observation_space = spaces.Dict({"time": own, KEY: mask}) if told == "observation" else own
        self.action_space = spaces.MultiDiscrete([3, 2], start=[1, 0])

    def results(self):
        time = np.array([self.time], np.int32)
        mask = np.roll(np.array([1, 0, 1, 0, 0], np.int8), self.time)[: self.shape]
        if self.told == "observation":
            return {"time": time, KEY: mask}, {}
        mask = (mask[:3], mask[3:]) if self.told == "tuple" else mask
        return time, {} if self.told == "nothing" or self.time == 2 else {KEY: mask}

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.results()

    def step(self, action):
        self.time += 1
        observation, info = self.results()
        return observation, 0.0, self.time == 4, False, info


def expected_mask(time, told):
    mask = np.roll([True, False, True, False, False], time)
    if told != "observation" and time == 2:
        mask[:] = False
    for part in (mask[:3], mask[3:]):
        part |= not part.any()
    return mask.tolist()


@pytest.mark.parametrize("backend", ["serial", "process"])
@pytest.mark.parametrize("told", ["observation", "info", "tuple"])
def test_masks_come_from_observations_and_infos(told, backend):
    options = {"num_workers": 2} if backend == "process" else {}
    with closing(puffer.emulate(lambda: Countdown(told), 2, backend=backend, **options)) as env:
        assert (env.action_masks is None) == (told != "observation")
        env.reset(seed=0)
        for time in (0, 1, 2, 3, 0, 1):
            assert (env.action_masks.shape, env.action_masks.dtype) == ((2, 5), np.bool_)
            assert env.action_masks.tolist() == [expected_mask(time, told)] * 2
            env.step(env.sample_legal())


@pytest.mark.parametrize("told", ["observation", "info"])
def test_a_reset_of_some_rows_leaves_the_masks_of_others(told):
    env = puffer.emulate(lambda: Countdown(told), 3, backend="serial")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.reset(options={"reset_mask": np.array([False, True, False])})
    assert env.action_masks.tolist() == [expected_mask(time, told) for time in (1, 0, 1)]


@pytest.mark.parametrize("told", ["observation", "info"])
def test_masks_of_another_shape_are_an_error_for_who_asks(told):
    env = puffer.emulate(lambda: Countdown(told, 4), 2, backend="serial")
    env.reset(seed=0)
    env.step(np.ones((2, 2), np.int64))
    with pytest.raises(ValueError, match=r"action_mask must have shape \(2, 5\).*got shape \(2, 4\)"):
        env.action_masks  # noqa: B018
    with pytest.raises(ValueError, match="action_mask must have shape"):
        env.sample_legal()


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_taxi_tells_its_masks_in_infos(backend):
    with closing(puffer.make(f"gym-{TAXI}", 4, backend=backend)) as env:
        _, info = env.reset(seed=3)
        for _ in range(300):
            assert info[KEY].dtype == np.int8
            assert np.array_equal(env.action_masks, info[KEY])
            info = env.step(env.sample_legal())[4]


@pytest.mark.parametrize("name", ["connect_four_v3", "tictactoe_v3"])
def test_pettingzoo_tells_its_masks_in_observations(name):
    pytest.importorskip("pettingzoo")
    short = name.removesuffix(name[-3:]).replace("_", "-")
    env = puffer.make(next(known for known in puffer.list_envs() if known == f"pettingzoo-{short}"), 3)
    env.reset(seed=0)
    ended = 0
    for _ in range(60):
        told = env.layout.view(env.observations)[KEY].astype(np.bool_)
        waits = ~told.any(axis=1)
        assert waits.sum() == 3
        assert np.array_equal(env.action_masks[~waits], told[~waits])
        assert env.action_masks[waits].all()
        _, rewards, terminations, _, _ = env.step(env.sample_legal())
        assert rewards.sum() == 0
        ended += terminations.any()
    assert ended
    env.close()


class Uneven:
    """A parallel environment whose second agent has one action less, and no masks in the first step."""

    metadata = {"render_modes": []}
    possible_agents = ["a", "b"]

    def observation_space(self, agent):
        return spaces.Box(0, 1, (1,), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(3 if agent == "a" else 2)

    def results(self):
        masks = {"a": np.array([0, 1, 1], np.int8), "b": np.array([0, 1], np.int8)}
        infos = {agent: {KEY: mask} if self.time else {} for agent, mask in masks.items()}
        return {agent: np.zeros(1, np.float32) for agent in self.agents}, infos

    def reset(self, seed=None, options=None):
        self.agents, self.time = ["a", "b"], 0
        return self.results()

    def step(self, actions):
        self.time += 1
        observations, infos = self.results()
        flags = dict.fromkeys(self.agents, False)
        return observations, dict.fromkeys(self.agents, 0.0), flags, dict(flags), infos

    def close(self):
        pass


def test_agents_with_ranges_of_their_own():
    env = puffer.emulate(Uneven, 1, backend="serial")
    env.reset(seed=0)
    assert env.action_masks is None
    env.step([2, 1])
    assert env.action_masks.tolist() == [[False, True, True], [False, True, False]]
    for _ in range(10):
        actions = env.sample_legal()
        assert actions[0] in (1, 2)
        assert actions[1] == 1
        env.step(actions)
    env.reset()
    assert env.action_masks.tolist() == [[True, True, True], [True, True, False]]


class Counting(gymnasium.Env):
    """Action k is legal in step t of episode e if bit k of 1 + (e + t) % 7 is set; an illegal one is an error."""

    observation_space = spaces.Box(0, 100, (1,))
    action_space = spaces.Discrete(3, start=5)
    episode = -1

    def reset(self, *, seed=None, options=None):
        self.episode, self.time = self.episode + 1, 0
        return self._now()

    def step(self, action):
        assert self._mask()[action - 5]
        self.time += 1
        observation, info = self._now()
        return observation, 0.0, self.time == 4 + self.episode, False, info

    def _mask(self):
        return np.array([1 + (self.episode + self.time) % 7 >> k & 1 for k in range(3)], np.int8)

    def _now(self):
        return np.full(1, (self.episode + self.time) % 7, np.float32), {"action_mask": self._mask()}


def assert_masks_of_counting(env, observations, rows=slice(None)):
    bits = 1 + observations[:, :1].astype(int) >> np.arange(3) & 1
    assert (env.action_masks[rows] == (bits != 0)).all()
    assert env.action_masks.dtype == np.bool_


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}], ids=str)
def test_masks_of_infos_are_those_of_the_last_step(mode, options):
    env = puffer.emulate(Counting, 4, autoreset_mode=mode, **options)
    try:
        env.action_space.seed(0)
        assert_masks_of_counting(env, env.reset(seed=0)[0])
        for step in range(40):
            observations, _, terminations, *_ = env.step(env.sample_legal())
            if step % 3:
                assert_masks_of_counting(env, observations)
            if mode == "Disabled" and terminations.any():
                env.reset(options={"reset_mask": terminations})
                assert_masks_of_counting(env, env.observations)
    finally:
        env.close()


def test_masks_of_parts():
    env = puffer.emulate(Counting, 4, backend="serial", batch_size=2)
    env.async_reset(seed=0)
    assert_masks_of_counting(env, env.observations)
    for step in range(50):
        observations, *_, info = env.recv()
        rows = info["env_id"]
        if step % 3:
            assert_masks_of_counting(env, observations, rows)
            assert_masks_of_counting(env, env.observations)
        env.send(env.sample_legal())


def test_sampled_actions_are_all_legal_ones_and_follow_the_seed():
    env = puffer.emulate(Counting, 64, backend="serial")
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.sample_legal())
    legal = env.action_masks[0].nonzero()[0]
    assert len(legal) == 2
    env.action_space.seed(3)
    first = env.sample_legal()
    assert set(first) == set(5 + legal)
    assert first.dtype == env.action_space.dtype
    env.action_space.seed(3)
    assert (env.sample_legal() == first).all()


def test_gymnasiums_own_sampling_takes_the_masks():
    env = puffer.emulate(Counting, 3, backend="serial")
    env.reset(seed=0)
    for _ in range(20):
        masks = tuple(env.action_masks.astype(np.int8))
        env.step(env.action_space.sample(mask=masks))


class Observing(gymnasium.Env):
    """The mask of the next step, in the observation."""

    action_space = spaces.Discrete(4)

    def __init__(self, dtype, high=1):
        self.observation_space = spaces.Dict(
            {"action_mask": spaces.Box(0, high, (4,), dtype), "x": spaces.Box(-1, 1, (2,))}
        )
        self.high = high

    def _observation(self):
        self.legal = self.np_random.integers(0, 2, 4)
        self.legal[self.np_random.integers(4)] = 1
        mask = (self.high * self.legal).astype(self.observation_space["action_mask"].dtype)
        return {"action_mask": mask, "x": np.zeros(2, np.float32)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observation(), {}

    def step(self, action):
        assert self.legal[action]
        return self._observation(), 0.0, False, False, {}


@pytest.mark.parametrize(("dtype", "high"), [(np.int8, 1), (np.uint8, 200), (np.float32, 1), (np.int64, 1)])
@pytest.mark.parametrize("flat", [True, False])
def test_masks_of_observations(dtype, high, flat):
    env = puffer.emulate(lambda: Observing(dtype, high), 3, backend="serial", flat=flat, copy=False)
    env.reset(seed=0)
    live = env.action_masks
    for _ in range(20):
        env.step(env.sample_legal())
        assert (env.action_masks == [one.legal for one in env.envs]).all()
        if dtype == np.int8:
            assert (live == env.action_masks).all()


class Unequal(puffer.PufferEnv):
    """Two agents, the second of which has fewer actions, and a shorter mask."""

    num_agents = 2
    single_observation_space = spaces.Box(0, 1, (1,))
    single_action_space = spaces.Discrete(5)
    copy_action_space = spaces.MultiDiscrete([5, 2])

    def reset(self, seed=None):
        self.time = 0
        return self.observations, self._infos()

    def step(self, actions):
        assert actions.tolist() == [4, 1] or self.time == 1
        self.time += 1
        return self.observations, self.rewards, self.terminations, self.truncations, self._infos()

    def _infos(self):
        masks = np.array([0, 0, 0, 0, 1]), np.array([0, 1])
        return [] if self.time == 1 else [{"action_mask": mask} for mask in masks]


def test_masks_of_agents_with_fewer_actions():
    env = puffer.emulate(Unequal, 2, backend="serial")
    env.reset(seed=0)
    for step in range(5):
        if step == 1:
            assert env.action_masks.tolist() == 2 * [5 * [True], [True, True, False, False, False]]
        else:
            assert env.action_masks.tolist() == 2 * [4 * [False] + [True], [False, True, False, False, False]]
        env.step(env.sample_legal())


# ---- Native environments ----

NATIVE = ["ocean-connect_four", "ocean-tic_tac_toe", "ocean-game_2048", "ocean-minigrid", "ocean-taxi"]


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("name", NATIVE)
def test_masks_do_not_depend_on_how_copies_are_stepped(name, mode):
    """Nor on when somebody asks for them first."""
    first, halves, threads, late = (
        make(name, 64, autoreset_mode=mode, max_steps=9, **options)
        for options in ({}, {"batch_size": 32}, {"num_threads": 2, "copy": False}, {})
    )
    for env in (first, halves, threads, late):
        env.reset(seed=4)
    for step in range(8 if mode == "Disabled" else 30):
        masks = first.action_masks
        assert masks.any(axis=1).all()
        assert np.array_equal(threads.action_masks, masks)
        assert np.array_equal(halves.action_masks, masks)
        if step > 5:
            assert np.array_equal(late.action_masks, masks)
        actions = first.sample_legal()
        assert np.take_along_axis(masks, actions[:, None], axis=1).all()
        if mode == "Disabled" and (over := ended_copies(first)).any():
            for env in (first, halves, threads, late):
                env.reset(seed=[step] * 64, options={"reset_mask": over})
        for env in (first, threads, late):
            env.step(actions)
        for rows in np.split(actions, 2):
            halves.send(rows)
        halves.recv(), halves.recv()


def ended_copies(env):
    """Rows of copies whose episode is over."""
    return env.buffers.terminations | env.buffers.truncations


@pytest.mark.parametrize("name", NATIVE)
def test_masks_are_live_and_follow_the_state(name):
    env, other = make(name, 8), make(name, 8)
    env.reset(seed=1)
    env.action_space.seed(0)
    masks = env.action_masks
    seen = []
    for _ in range(20 if name == "ocean-tic_tac_toe" else 25):
        seen.append(masks.copy())
        env.step(env.sample_legal())
    assert env.action_masks is masks
    assert any(not np.array_equal(seen[0], later) for later in seen)
    other.reset(seed=2)
    assert not np.array_equal(other.action_masks, masks)
    other.set_state(env.get_state())
    assert np.array_equal(other.action_masks, masks)
    copied = pickle.loads(pickle.dumps(env))
    assert np.array_equal(copied.action_masks, masks)
    copied.close()


def test_masks_of_a_part_under_way_stay_as_they_were():
    env = make("ocean-connect_four", 4, batch_size=2)
    env.async_reset(seed=0)
    env.recv(), env.recv()
    before = env.action_masks.copy()
    env.send(env.sample_legal())
    assert np.array_equal(env.action_masks, before)
    assert env.sample_legal().shape == (4,)
    env.send(env.sample_legal())
    with pytest.raises(error.AlreadyPendingCallError, match="sample_legal"):
        env.sample_legal()
    env.recv()
    assert np.array_equal(env.action_masks[4:], before[4:])
    assert env.rows == slice(0, 4)
    env.recv()


def test_a_first_look_between_send_and_recv_sees_the_other_part():
    env = make("ocean-taxi", 4, batch_size=2)
    twin = make("ocean-taxi", 4)
    env.reset(seed=0), twin.reset(seed=0)
    env.send([0, 0])
    assert np.array_equal(env.action_masks[2:], twin.action_masks[2:])
    env.recv()
    twin.step([0] * 4)
    assert np.array_equal(env.action_masks[:2], twin.action_masks[:2])


# ---- Without masks ----


@pytest.mark.parametrize("name", ["ocean-squared", "ocean-pendulum", "gym-CartPole-v1", "gym-Pendulum-v1"])
def test_batches_without_masks(name):
    with closing(puffer.make(name, 2, seed=0)) as env:
        with pytest.raises(error.ResetNeeded):
            env.sample_legal()
        env.reset()
        assert env.action_masks is None
        assert env.rollout_buffers(4).action_masks is None
        env.reset()
        with pytest.raises(TypeError, match="no action masks"):
            env.sample_legal()
    if name != "gym-CartPole-v1":
        with pytest.raises(TypeError, match="action_masks=True"):
            puffer.make(name, 2, action_masks=True)
    with pytest.raises(TypeError, match="action_masks"):
        puffer.make(name, 2, action_masks=3)


def test_before_the_first_reset_every_action_is_legal():
    env = make("ocean-taxi", 2)
    masks = env.action_masks
    assert masks.all()
    env.reset(seed=0)
    assert not masks.all()


# ---- Actions drawn from masks ----


def test_legal_actions_are_uniform_and_repeat_with_the_seed():
    env = make("ocean-taxi", 5000)
    env.reset(seed=7)
    env.action_space.seed(3)
    first, second = env.sample_legal(), env.sample_legal()
    assert first.dtype == np.int64
    assert not np.array_equal(first, second)
    env.action_space.seed(3)
    assert np.array_equal(env.sample_legal(), first)
    kind, counts = np.unique(env.action_masks, axis=0, return_counts=True)
    mask = kind[counts.argmax()]
    rows = (env.action_masks == mask).all(axis=1)
    drawn = np.concatenate([env.sample_legal()[rows] for _ in range(40)])
    shares = np.bincount(drawn, minlength=6) / len(drawn)
    assert np.allclose(shares, mask / mask.sum(), atol=5 * np.sqrt(0.25 / len(drawn)))


class Nested(gymnasium.Env):
    """An action of two parts, the second of which has masks of another kind."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Dict({"a": spaces.Discrete(3, start=2), "b": spaces.Tuple([spaces.MultiDiscrete([2, 2])])})

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        mask = {"a": np.array([0, 1, 0], np.int8), "b": ((np.array([0, 1], np.int8), np.array([1, 0], np.int8)),)}
        return np.zeros(1, np.float32), {KEY: mask}

    def step(self, action):
        assert action["a"] == 3
        assert action["b"][0].tolist() == [1, 0]
        return self.reset()[0], 0.0, False, False, self.reset()[1]


@pytest.mark.parametrize("flat", [True, False])
def test_actions_of_several_parts(flat):
    env = puffer.emulate(Nested, 2, backend="serial", flat=flat)
    env.reset(seed=0)
    assert env.action_masks.tolist() == [[False, True, False, False, True, True, False]] * 2
    actions = env.sample_legal()
    assert flat == (isinstance(actions, np.ndarray) and actions.tolist() == [[3, 1, 0]] * 2)
    assert flat or actions["a"].tolist() == [3, 3]
    env.step(actions)


def test_spaces_of_gymnasium_sample_with_these_masks():
    env = make("ocean-taxi", 20)
    env.reset(seed=0)
    masks = env.action_masks.view(np.int8)
    for _ in range(20):
        drawn = env.action_space.sample(mask=tuple(masks))
        assert env.action_masks[np.arange(20), drawn].all()
        assert env.action_masks[4, env.single_action_space.sample(mask=masks[4])]
    env = puffer.emulate(Countdown, 2, backend="serial")
    env.reset(seed=0)
    first = np.split(env.action_masks[0].view(np.int8), np.cumsum(env.single_action_space.nvec)[:-1])
    for _ in range(20):
        assert env.single_action_space.sample(mask=tuple(first))[0] in (1, 3)


# ---- In infos ----


def test_infos_have_masks_on_request():
    env = make("ocean-tic_tac_toe", 3, action_masks=True)
    _, info = env.reset(seed=0)
    kept = []
    for _ in range(12):
        assert info[KEY].dtype == np.int8
        assert np.array_equal(info[KEY], env.action_masks)
        assert info[f"_{KEY}"].all()
        kept.append((info, info[KEY].copy()))
        info = env.step(env.sample_legal())[4]
    assert all(np.array_equal(one[KEY], mask) for one, mask in kept)
    _, info = env.reset(options={"reset_mask": np.array([True] * 2 + [False] * 4)})
    assert info[f"_{KEY}"].tolist() == [True] * 2 + [False] * 4
    halves = make("ocean-taxi", 4, batch_size=2, action_masks=True)
    halves.async_reset(seed=0)
    info = halves.recv()[4]
    assert np.array_equal(info[KEY], halves.action_masks[info["env_id"]])


def test_gymnasium_gets_the_infos_of_its_own_taxi():
    ours, theirs = gymnasium.make("puffer/Taxi-v0"), gymnasium.make(TAXI)
    _, info = ours.reset(seed=0)
    theirs.reset(seed=0)
    for action in (0, 1, 2, 3, 4, 5):
        observation, _, _, _, info = ours.step(action)
        assert (info[KEY].dtype, info[KEY].shape) == (np.int8, (6,))
        assert info[KEY].tolist() == theirs.unwrapped.action_mask(int(observation)).tolist()
        assert info[KEY][ours.action_space.sample(mask=info[KEY])]
    vector = gymnasium.make_vec("puffer/Taxi-v0", 3)
    _, info = vector.reset(seed=0)
    assert info[KEY].tolist() == vector.unwrapped.action_masks.tolist()
    for other in (gymnasium.make("puffer/Taxi-v0", action_masks=False), gymnasium.make("puffer/CliffWalking-v0")):
        assert KEY not in other.reset(seed=0)[1]


# ---- In rollouts ----


ROLLED = {
    "native": lambda **options: make("ocean-connect_four", 4, max_steps=7, **options),
    "infos": lambda **options: puffer.make(f"gym-{TAXI}", 4, backend="serial", max_steps=7, **options),
    "observations": lambda **options: puffer.emulate(Countdown, 4, backend="process", num_workers=4, **options),
}


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("layout", ["time", "agent"])
@pytest.mark.parametrize("batch", ROLLED.values(), ids=ROLLED)
def test_rollouts_have_the_masks_that_the_policy_saw(batch, layout, parts):
    with closing(batch()) as plain, closing(batch(batch_size=4 // parts)) as env:
        rollout = env.rollout_buffers(5, layout=layout)
        plain.reset(seed=3)
        env.reset(seed=3)
        for _ in range(3):
            seen = []
            for _ in range(5):
                seen.append(plain.action_masks.copy())
                actions = plain.sample_legal()
                plain.step(actions)
                for rows in np.split(actions, parts):
                    env.send(rows)
                for _ in range(parts):
                    env.recv()
            kept = rollout.action_masks
            assert (kept.dtype, kept.shape[2]) == (np.bool_, seen[0].shape[1])
            assert np.array_equal(kept if layout == "time" else kept.swapaxes(0, 1), seen)
            assert np.shares_memory(rollout.arrays["action_masks"], kept)
        assert np.array_equal(env.action_masks, plain.action_masks)


def test_rollouts_keep_masks_in_memory_that_is_given():
    env = make("ocean-taxi", 4)
    mine = np.zeros((3, 4, 6), np.bool_)
    rollout = env.rollout_buffers(3, buffers={"action_masks": mine})
    env.reset(seed=0)
    first = env.action_masks.copy()
    env.step(env.sample_legal())
    assert rollout.action_masks is mine
    assert np.array_equal(mine[0], first)
    with pytest.raises(ValueError, match=r"buffers\['action_masks'\] must have shape \(3, 4, 6\)"):
        env.rollout_buffers(3, buffers={"action_masks": mine[:, :, :5]})
    with pytest.raises(ValueError, match="no array 'action_masks'"):
        make("ocean-squared", 4).rollout_buffers(3, buffers={"action_masks": mine})
