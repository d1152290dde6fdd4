"""The sanity checks (Bandit to Spaces) against slow twins of their rules, and learned by tiny learners.

A twin is put into the state of a copy at the start of each episode, and then goes its own way.
"""

import itertools
from math import comb

import numpy as np
import pytest
from helpers import make, random_actions

import puffer


def backend(env):
    return env.unwrapped.native_env


# ---- Twins: `observation()`, and `step(action)`, which returns the reward and whether that was the end ----


class Bandit:
    def __init__(self, env, copy):
        self.env, self.luck = env, env.state(copy)["luck"]

    def observation(self):
        return [1]

    def step(self, action):
        chance = self.env.best_chance if action == self.env.best_arm else self.env.other_chance
        return float(self.luck < np.float32(chance)), True


class Password:
    def __init__(self, env, copy):
        assert env.state(copy) == {"entered": ""}
        self.password, self.entered = env.password, ""

    def observation(self):
        return [2 * int(digit) - 1 for digit in self.entered] + [0] * (len(self.password) - len(self.entered))

    def step(self, action):
        self.entered += str(action)
        return float(self.entered == self.password), len(self.entered) == len(self.password)


class Memory:
    def __init__(self, env, copy):
        state = env.state(copy)
        assert (state["elapsed"], state["answers"]) == (0, "")
        self.digits = [int(digit) for digit in state["digits"]]
        # What each step of the episode is about: what is shown, and what is to be answered.
        blank = [None] * env.length
        self.shown = [*self.digits, *[None] * env.delay, *blank, None]
        self.asked = [*blank, *[None] * env.delay, *self.digits, None]
        self.now = 0

    def observation(self):
        shown = self.shown[self.now]
        return [0 if shown is None else 2 * shown - 1, self.asked[self.now] is not None]

    def step(self, action):
        asked = self.asked[self.now]
        self.now += 1
        return (0 if asked is None else 1 if action == asked else -1), self.now == len(self.shown) - 1


class Stochastic:
    def __init__(self, env, copy):
        assert env.state(copy) == {"zeros": 0, "ones": 0}
        self.coins, self.steps = [env.length - env.coins, env.coins], env.length

    def observation(self):
        return [1]

    def step(self, action):
        self.steps -= 1
        self.coins[action] -= 1
        return float(self.coins[action] >= 0), self.steps == 0


class Continuous:
    def __init__(self, env, copy):
        self.point, self.target = env.observations[copy].copy().reshape(2, 2)

    def observation(self):
        return [*self.point, *self.target]

    def distance(self):
        (dx, dy) = self.target - self.point
        return np.sqrt(dx * dx + dy * dy)

    def step(self, action):
        before = self.distance()
        moved = self.point + np.float32(0.1) * np.clip(action, np.float32(-1), np.float32(1))
        self.point = np.clip(moved, np.float32(-1), np.float32(1))
        return before - self.distance(), self.distance() < np.float32(0.1)


class Multiagent:
    def __init__(self, env, copy):
        self.roles, self.left = env.state(copy)["roles"], env.length
        assert sorted(self.roles) == [0, 1]

    def observation(self):
        return [[role] for role in self.roles]

    def step(self, actions):
        self.left -= 1
        return [float(action == role) for action, role in zip(actions, self.roles, strict=True)], self.left == 0


class Spaces:
    def __init__(self, env, copy):
        self.env, self.copy, self.left = env, copy, env.length

    def observation(self):
        """What comes next is drawn, so only its form can be compared."""
        state = self.env.state(self.copy)
        self.code, self.image = state["code"], state["image"]
        assert self.env.layout.space.contains({"code": self.code, "image": self.image})
        return np.frombuffer(self.code.tobytes() + b"\0" + self.image.tobytes(), np.uint8)

    def step(self, action):
        level, side = action
        self.observation = lambda: Spaces.observation(self)
        self.left -= 1
        brighter = self.image[:, 2:].sum() > self.image[:, :2].sum()
        error = abs(np.clip(level, -1, 1) - np.float32(self.code[2] / 128))
        return np.float32(0.5) * (max(0, 1 - error) + ((side > 0.5) == brighter)), self.left == 0


VARIANTS = [
    (Bandit, {}),
    (Bandit, {"arms": 2, "best_arm": 0, "best_chance": 1.0, "other_chance": 0.5}),
    (Bandit, {"arms": 100, "best_arm": 99, "best_chance": 0.25, "other_chance": 0}),
    (Password, {}),
    (Password, {"password": "1"}),
    (Password, {"password": "001"}),
    (Password, {"password": "01" * 16}),
    (Memory, {}),
    (Memory, {"length": 1, "delay": 0}),
    (Memory, {"length": 32, "delay": 0}),
    (Memory, {"length": 2, "delay": 33}),
    (Stochastic, {}),
    (Stochastic, {"length": 1, "coins": 0}),
    (Stochastic, {"length": 7, "coins": 7}),
    (Stochastic, {"length": 50, "coins": 20}),
    (Continuous, {}),
    (Multiagent, {}),
    (Multiagent, {"length": 1}),
    (Spaces, {}),
    (Spaces, {"length": 1}),
]


def name_of(twin):
    return f"ocean-{twin.__name__.lower()}"


def identifier(value):
    return value.__name__ if isinstance(value, type) else "-".join(f"{k}={v}" for k, v in value.items())


@pytest.mark.parametrize(("twin", "options"), VARIANTS, ids=identifier)
def test_the_rules_are_those_of_the_twin(twin, options):
    # 70 copies are a whole block of copies and a part of one.
    env = make(name_of(twin), 70, **options)
    native, agents = backend(env), env.agents_per_env
    env.reset(seed=11)
    twins, ends = [twin(native, copy) for copy in range(env.num_copies)], 0
    for copy, one in enumerate(twins):
        assert np.array_equal(
            native.observations[copy * agents : (copy + 1) * agents].squeeze(), np.squeeze(one.observation())
        )
    actions = random_actions(env, 100)
    if actions.dtype == np.float32:
        actions *= 1.5  # some beyond the bounds
    for action in actions:
        observations, rewards, terminations, truncations, info = env.step(action)
        for copy, one in enumerate(twins):
            rows = slice(copy * agents, (copy + 1) * agents) if agents > 1 else copy
            reward, ended = one.step(action[rows])
            assert np.array_equal(rewards[rows], np.float32(reward))
            assert np.all(terminations[rows] == ended)
            late = np.all(truncations[rows])
            if (ended or late) and twin is not Spaces:
                final = info["final_obs"][rows]
                assert np.array_equal(np.stack(final) if agents > 1 else final, one.observation())
            if ended or late:
                ends += 1
                one = twins[copy] = twin(native, copy)
            assert np.array_equal(observations[rows], one.observation())
    assert ends >= 70


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
@pytest.mark.parametrize("limit", [2, None])
@pytest.mark.parametrize("name", ["ocean-memory", "ocean-password"])
def test_an_ended_copy_goes_on_showing_the_end_of_its_episode(name, limit, mode):
    """What it shows depends on how many steps its episode had, by the rules or by the time limit."""
    env = make(name, 5, autoreset_mode=mode, max_steps=limit)
    native, ended = backend(env), np.zeros(5, bool)
    env.reset(seed=3)
    for action in random_actions(env, 20):
        observations, _, terminations, truncations, _ = env.step(action)
        ended = terminations | truncations
        if ended.any():
            break
    assert ended.all()
    final, states = observations.copy(), [native.state(copy) for copy in range(5)]
    env.set_state(env.get_state())
    assert np.array_equal(native.observations, final)
    assert [native.state(copy) for copy in range(5)] == states
    if name == "ocean-memory":
        assert {state["elapsed"] for state in states} == {limit or 2 * native.length + native.delay}
    else:
        assert {len(state["entered"]) for state in states} == {limit or len(native.password)}


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
@pytest.mark.parametrize("name", ["ocean-continuous", "ocean-spaces"])
def test_unchecked_floats_leave_everything_in_range(name, value):
    env = make(name, 70, check_actions=False)
    env.reset(seed=0)
    for action in random_actions(env, 50):
        action[::3] = value
        observations, rewards, *_ = env.step(action)
        assert np.isfinite(rewards).all()
        if name == "ocean-continuous":
            assert (np.abs(observations) <= 1).all()


@pytest.mark.parametrize("name", ["password", "memory", "stochastic", "multiagent", "bandit"])
def test_unchecked_integers_leave_everything_in_range(name):
    env = make(f"ocean-{name}", 70, check_actions=False)
    env.reset(seed=0)
    extremes = np.array([-(2**31), -1, 0, 1, 2, 2**31 - 1], np.int32)
    space = env.single_observation_space
    for action in np.random.default_rng(0).choice(extremes, (200, env.num_envs)):
        observations, rewards, *_ = env.step(action)
        assert ((space.low <= observations) & (observations <= space.high)).all()
        assert (np.abs(rewards) <= 1).all()


# ---- What is drawn ----


def assert_uniform(counts):
    expected = np.sum(counts) / len(counts)
    assert ((counts - expected) ** 2 / expected).sum() < len(counts) - 1 + 5 * np.sqrt(2 * len(counts))


def test_arms_pay_with_their_chances():
    env = make("ocean-bandit", 50_000, best_chance=0.7, other_chance=0.2)
    env.reset(seed=0)
    for arm, chance in enumerate([0.2, 0.2, 0.7, 0.2]):
        assert abs(env.step(np.full(50_000, arm))[1].mean() - chance) < 0.01


def test_digits_roles_and_places_are_uniform():
    memory = make("ocean-memory", 20_000)
    memory.reset(seed=0)
    sequences = [int(backend(memory).state(copy)["digits"], 2) for copy in range(20_000)]
    assert_uniform(np.bincount(sequences, minlength=8))
    roles, _ = make("ocean-multiagent", 20_000).reset(seed=0)
    assert_uniform(np.bincount(roles[::2, 0].astype(int), minlength=2))
    places, _ = make("ocean-continuous", 20_000).reset(seed=0)
    for column in places.T:
        assert_uniform(np.histogram(column, 16, (-1, 1))[0])
    assert np.abs(np.corrcoef(places.T) - np.eye(4)).max() < 0.03
    # The mean distance of two points of a square with sides of 2.
    assert abs(np.hypot(*(places[:, :2] - places[:, 2:]).T).mean() - 1.0428) < 0.01


@pytest.mark.parametrize("steps", [0, 3, 8])
def test_images_and_codes_are_uniform(steps):
    env = make("ocean-spaces", 20_000)
    env.reset(seed=0)
    for action in random_actions(env, steps):
        env.step(action)
    parts = env.layout.view(backend(env).observations)
    for column in parts["code"].T:
        assert_uniform(np.bincount(column.astype(int) + 128, minlength=256))
    for column in parts["image"].reshape(-1, 8).T:
        assert_uniform(np.bincount((16 * column).astype(int), minlength=16))
    numbers = np.column_stack([parts["code"], parts["image"].reshape(-1, 8)]).astype(float)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(11)).max() < 0.03


# ---- Parameters ----

REFUSED = [
    ("bandit", {"arms": 1}, ValueError, "arms must be at least 2, got 1"),
    ("bandit", {"arms": 101}, ValueError, "arms must be at most 100, got 101"),
    ("bandit", {"best_arm": 4}, ValueError, "best_arm must be at most 3, got 4"),
    ("bandit", {"best_chance": 1.5}, ValueError, "best_chance must be from 0 to 1, got 1.5"),
    ("bandit", {"best_chance": float("nan")}, ValueError, "best_chance must be from 0 to 1, got nan"),
    ("bandit", {"other_chance": 0.95}, ValueError, "other_chance must be from 0 to 0.9, got 0.95"),
    ("bandit", {"other_chance": "0"}, TypeError, "other_chance must be a number, got '0'"),
    ("password", {"password": ""}, ValueError, "password must be 1 to 32 digits 0 and 1, got ''"),
    ("password", {"password": "0" * 33}, ValueError, "password must be 1 to 32 digits"),
    ("password", {"password": "012"}, ValueError, "password must be .* got '012'"),
    ("password", {"password": 101}, TypeError, "password must be a string, got 101 of type int"),
    ("memory", {"length": 0}, ValueError, "length must be at least 1, got 0"),
    ("memory", {"length": 33}, ValueError, "length must be at most 32, got 33"),
    ("memory", {"delay": -1}, ValueError, "delay must be at least 0, got -1"),
    ("memory", {"delay": 1.0}, TypeError, "delay must be an integer, got 1.0"),
    ("stochastic", {"length": 0}, ValueError, "length must be at least 1, got 0"),
    ("stochastic", {"coins": 33}, ValueError, "coins must be at most 32, got 33"),
    ("multiagent", {"length": 0}, ValueError, "length must be at least 1, got 0"),
    ("spaces", {"length": 10**6 + 1}, ValueError, "length must be at most 1000000, got 1000001"),
]


@pytest.mark.parametrize(("name", "options", "exception", "message"), REFUSED)
def test_bad_parameters_are_refused(name, options, exception, message):
    with pytest.raises(exception, match=message):
        puffer.make(f"ocean-{name}", 2, **options)


# ---- Learners: policy gradients, with the mean return of the batch as the baseline ----


class Choices:
    """A softmax policy over two or more actions, with logits for each of `keys` situations."""

    def __init__(self, keys, actions, rate):
        self.logits, self.rate = np.zeros((keys, actions)), rate
        self.rng = np.random.default_rng(3)

    def probabilities(self, keys):
        weights = np.exp(self.logits[keys])
        return weights / weights.sum(axis=-1, keepdims=True)

    def act(self, keys):
        return (self.probabilities(keys).cumsum(axis=1) < self.rng.random((len(keys), 1))).sum(axis=1)

    def learn(self, keys, actions, credit):
        gradient = -self.probabilities(keys)
        gradient[np.arange(len(keys)), actions] += 1
        gradient *= credit[:, None]
        for action in range(self.logits.shape[1]):
            sums = np.bincount(keys, gradient[:, action], len(self.logits))
            self.logits[:, action] += self.rate * sums / np.maximum(1, np.bincount(keys, minlength=len(self.logits)))


class Numbers:
    """A Gaussian policy whose mean is linear in the features."""

    def __init__(self, features, actions, rate, deviation=0.3):
        self.weights, self.rate, self.deviation = np.zeros((features, actions)), rate, deviation
        self.rng = np.random.default_rng(3)

    def act(self, features):
        noise = self.deviation * self.rng.standard_normal((len(features), self.weights.shape[1]))
        return (features @ self.weights + noise).astype(np.float32)

    def learn(self, features, actions, credit):
        error = (actions - features @ self.weights) / self.deviation**2
        self.weights += self.rate * (features.T @ (error * credit[:, None])) / len(features)


def rollout(env, policy, situation, steps):
    """Play; returns situations, actions and rewards, each (steps, rows, ...), and which rows an episode ended in."""
    situations, actions, rewards, ends = [], [], [], []
    for _ in range(steps):
        situations.append(situation(backend(env).observations))
        actions.append(policy.act(situations[-1]))
        _, reward, terminations, truncations, _ = env.step(actions[-1])
        rewards.append(reward.copy())
        ends.append(terminations | truncations)
    return np.stack(situations), np.stack(actions), np.stack(rewards), np.stack(ends)


def train(env, policy, situation, updates, steps, discount=1.0):
    """Returns the mean return of what has been learned, without noise where actions are numbers."""
    env.reset(seed=1)
    for _ in range(updates):
        situations, actions, rewards, ends = rollout(env, policy, situation, steps)
        togo = rewards.astype(np.float64)
        for t in range(steps - 2, -1, -1):
            togo[t] += discount * togo[t + 1] * ~ends[t]
        togo -= togo.mean(axis=1, keepdims=True)
        flat = (array.reshape(-1, *array.shape[2:]) for array in (situations, actions, togo))
        policy.learn(*flat)
    policy.deviation = 0
    env.reset(seed=2)
    env.stats()
    rollout(env, policy, situation, 4 * steps)
    return env.stats()["episode_return"]


def nothing(observations):
    """The situation of a policy that does not look at the observation."""
    return np.zeros(len(observations), int)


class History:
    """The situation of a policy that remembers: the number of all that was observed in the episode."""

    CODES = 4

    def __init__(self, env, length):
        self.length, self.now = length, 0

    def __call__(self, observations):
        code = cue(observations)
        self.past = code if self.now % self.length == 0 else self.CODES * self.past + code
        self.now += 1
        return self.past


def cue(observations):
    """What Memory shows at the moment: nothing, 0, 1, or that an answer is due."""
    shown, answer = observations.astype(int).T
    return np.where(answer == 1, 3, np.where(shown == 0, 0, (shown + 3) // 2))


def test_bandit_is_learned():
    env = make("ocean-bandit", 256)
    policy = Choices(1, 4, rate=5)
    assert train(env, policy, nothing, 60, 4) > 0.87  # of 0.9
    assert policy.probabilities(0).argmax() == backend(env).best_arm


def test_password_is_learned_from_the_few_that_find_it():
    env = make("ocean-password", 512)
    assert train(env, Choices(1, 2, 0), nothing, 0, 5 * 40) == pytest.approx(1 / 32, abs=0.01)

    def prefix(observations):
        return ((observations + 1).astype(int) * 3 ** np.arange(5)).sum(axis=1)

    assert train(env, Choices(3**5, 2, rate=5), prefix, 60, 5) > 0.98


def test_memory_is_learned_by_a_policy_with_memory_only():
    env = make("ocean-memory", 512, length=2, delay=1)
    assert train(env, Choices(4**5, 2, rate=2), History(env, 5), 60, 5) > 1.9  # of 2
    # While it answers, a policy without memory has one situation: it gives each answer with one probability, which is
    # right for half of all sequences.
    assert abs(train(env, Choices(4, 2, rate=2), cue, 60, 5)) < 0.1
    for answers in itertools.product([0, 1], repeat=2):
        total = sum(
            (1 if a == d else -1)
            for digits in itertools.product([0, 1], repeat=2)
            for a, d in zip(answers, digits, strict=True)
        )
        assert total == 0


def test_stochastic_is_learned_by_a_stochastic_policy_only():
    env = make("ocean-stochastic", 256)
    length, coins = backend(env).length, backend(env).coins

    def expected(chance):
        """The mean return of a policy that plays action 1 with a fixed probability."""
        n = np.arange(length + 1)
        weights = np.array([comb(length, k) for k in n]) * chance**n * (1 - chance) ** (length - n)
        return float(weights @ (length - np.abs(n - coins)))

    for action in (0, 1):
        env.reset()
        for _ in range(length):
            env.step(np.full(256, action))
        assert env.stats()["episode_return"] == expected(action) == (24 if action else 8)
    chances = np.linspace(0, 1, 1001)
    best = max(chances, key=expected)
    assert abs(best - coins / length) < 0.01
    assert expected(best) == pytest.approx(30.07, abs=0.01)
    policy = Choices(1, 2, rate=0.2)
    assert train(env, policy, nothing, 60, length) > 29.8
    assert abs(policy.probabilities(0)[1] - best) < 0.03


def test_continuous_is_learned():
    env = make("ocean-continuous", 256)
    policy = Numbers(4, 2, rate=20)
    assert train(env, policy, lambda observations: observations.copy(), 60, 40, discount=0) > 0.95  # of at most 1.04


def test_multiagent_is_learned_by_who_looks_at_the_role():
    env = make("ocean-multiagent", 128)
    assert train(env, Choices(2, 2, rate=5), lambda observations: observations[:, 0].astype(int), 40, 8) > 7.8  # of 8
    # Of the two agents, an action that both play is right for one.
    for action in (0, 1):
        env.reset()
        rewards = env.step(np.full(256, action))[1]
        assert (rewards.reshape(-1, 2).sum(axis=1) == 1).all()


def test_spaces_is_learned_from_the_parts_of_the_layout():
    env = make("ocean-spaces", 256)

    def features(observations):
        parts = env.layout.view(observations.copy())
        image = parts["image"].reshape(len(observations), -1)
        return np.column_stack([parts["code"] / 128, image, np.ones(len(observations))])

    assert train(env, Numbers(12, 2, rate=0.6), features, 150, 8, discount=0) > 7.5  # of 8
