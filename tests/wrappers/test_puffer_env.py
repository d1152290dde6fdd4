"""`PufferEnv`: both styles, alone and in batches."""

import numpy as np
import pytest
from gymnasium import spaces
from helpers import snapshot

import puffer

BACKENDS = [{"backend": "serial"}, {"backend": "process", "num_workers": 1}]


class Line(puffer.PufferEnv):
    """In place: an agent walks; five steps are an episode. Does not call the initialiser of its base."""

    single_observation_space = spaces.Box(-100, 100, (2,), np.float32)
    single_action_space = spaces.Discrete(3, start=-1)

    def __init__(self):
        self.closed = False

    def reset(self, seed=None):
        self.t = 0
        # A habit of many environments: it must not lose the outputs of the step before.
        self.rewards[:] = 0
        self.terminations[:] = False
        self.observations[:] = 0
        return self.observations, {}

    def step(self, actions):
        assert not self.rewards.any()
        self.t += 1
        self.observations[:, 0] += actions
        self.observations[:, 1] = self.t
        self.rewards[:] = actions
        self.terminations[:] = self.t == 5
        return self.observations, self.rewards, self.terminations, self.truncations, {"t": self.t}

    def render(self):
        return str(self.t)


class Returned(puffer.PufferEnv):
    """The same, in the returning style."""

    def __init__(self, older=False):
        super().__init__()
        self.single_observation_space = self.make_space((2,), low=-100, high=100)
        self.single_action_space = spaces.Discrete(3, start=-1)
        self.older = older

    def reset(self):
        self.t, self.x = 0, 0
        return np.zeros(2)

    def step(self, action):
        self.t += 1
        self.x += action
        ended, observation = self.t == 5, [self.x, self.t]
        if self.older:
            return observation, action, ended, {"t": self.t, "TimeLimit.truncated": ended}
        return observation, action, ended, False, {"t": self.t}


class Many(puffer.PufferEnv):
    """Agent k ends after k + 1 steps. In place."""

    num_agents = 3
    single_observation_space = spaces.Box(0, 100, (1,), np.int32)
    single_action_space = spaces.MultiDiscrete([2, 5])

    def reset(self, seed=None):
        self.t = 0
        self.observations[:] = 50
        return self.observations, [{"name": k} for k in range(3)]

    def step(self, actions):
        self.t += 1
        self.observations[:, 0] = actions[:, 1] + 10 * self.t
        self.rewards[:] = 1
        self.terminations[:] = np.arange(3) < self.t
        return self.observations, self.rewards, self.terminations, self.truncations, [{}, {"second": self.t}]


class ManyReturned(puffer.PufferEnv):
    """The same, with dicts by agent."""

    def __init__(self):
        super().__init__()
        self.num_agents = 3
        self.possible_agents = ["a", "b", "c"]
        self.single_observation_space = spaces.Box(0, 100, (1,), np.int32)
        self.single_action_space = self.make_multi_discrete([2, 5])

    def reset(self, seed=None):
        self.t, self.agents = 0, list("abc")
        return dict.fromkeys("abc", np.array([50])), {name: {"name": k} for k, name in enumerate("abc")}

    def step(self, actions):
        assert list(actions) == self.agents
        self.t += 1
        observations = {name: action[1:] + 10 * self.t for name, action in actions.items()}
        ended = {name: "abc".index(name) < self.t for name in self.agents}
        infos = {"b": {"second": self.t}}
        rewards = dict.fromkeys(self.agents, 1)
        self.agents = [name for name in self.agents if not ended[name]]
        ended["__all__"] = not self.agents
        return observations, rewards, ended, dict.fromkeys(ended, False), infos


def play(env, steps=13):
    rng = np.random.default_rng(5)
    space = env.single_action_space
    low, high = (space.start, space.start + (space.n if isinstance(space, spaces.Discrete) else space.nvec))
    results = [(*snapshot(env.reset(seed=2)), env.masks.copy())]
    for _ in range(steps):
        results.append((*snapshot(env.step(rng.integers(low, high, (env.num_envs, *space.shape)))), env.masks.copy()))
    stats = env.stats()
    env.close()
    return results, stats


def assert_alike(first, second):
    """Equal but for the infos."""
    for one, other in zip(first[0], second[0], strict=True):
        for array, another in zip(one, other, strict=True):
            if isinstance(array, np.ndarray):
                assert array.dtype == another.dtype
                assert np.array_equal(array, another)
            else:
                assert set(array) == set(another)
    assert first[1] == second[1]


@pytest.mark.parametrize("options", BACKENDS, ids=lambda options: options["backend"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_both_styles_play_alike(mode, options):
    expected = play(puffer.emulate(Line, 2, backend="serial", autoreset_mode=mode))
    assert_alike(play(puffer.emulate(Returned, 2, autoreset_mode=mode, **options)), expected)
    assert expected[1]["episode_length"] == 5
    ended = expected[0][5]
    assert ended[2].all()
    if mode == "SameStep":
        assert ended[4]["final_obs"][0][1] == 5
        assert not ended[0].any()


@pytest.mark.parametrize("options", BACKENDS, ids=lambda options: options["backend"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_several_agents_in_both_styles(mode, options):
    expected = play(puffer.emulate(Many, 2, backend="serial", autoreset_mode=mode))
    assert_alike(play(puffer.emulate(ManyReturned, 2, autoreset_mode=mode, **options)), expected)
    reset, first, second, *_ = expected[0]
    assert reset[1]["name"].tolist() == [0, 1, 2] * 2
    assert first[2].tolist() == [True, False, False] * 2
    assert first[4]["second"].tolist() == [0, 1, 0] * 2
    # The agent that has ended takes no part in the second step.
    assert second[-1].tolist() == [False, True, True] * 2
    assert second[0][::3].tolist() == [[0], [0]]
    assert second[1].tolist() == [0, 1, 1] * 2
    assert second[2].tolist() == [False, True, False] * 2


def test_older_returns():
    expected = play(puffer.emulate(Returned, 2, backend="serial"))
    older = play(puffer.emulate(lambda: Returned(older=True), 2, backend="serial"))
    assert older[0][5][3].all()
    assert not any(result[2].any() for result in older[0][1:])
    for one, other in zip(older[0][1:], expected[0][1:], strict=True):
        assert np.array_equal(one[0], other[0])


def test_alone_it_has_buffers_of_its_own():
    env = Line()
    assert env.observations.shape == (1, 2)
    assert env.actions.dtype == np.int64
    assert env.masks.all()
    observations, _ = env.reset()
    assert observations is env.observations
    assert np.shares_memory(env.buffers.rewards, env.rewards)
    env.actions[:] = 1
    assert env.step(env.actions)[0].tolist() == [[1, 1]]


def test_buf_is_used():
    class Given(Line):
        def __init__(self, buf=None):
            puffer.PufferEnv.__init__(self, buf)

    rewards = np.zeros(1, np.float32)
    env = Given({"rewards": rewards})
    env.reset()
    env.step(np.array([1]))
    assert rewards.tolist() == [1]
    rows = np.zeros((3, 2), np.float32)
    batch = puffer.emulate(Given, 3, backend="serial", buf={"observations": rows})
    batch.reset()
    batch.step([1, 0, -1])
    assert rows.tolist() == [[1, 1], [0, 1], [-1, 1]]


def test_views_of_nested_observations():
    class Nested(puffer.PufferEnv):
        def __init__(self):
            super().__init__()
            self.single_observation_space = self.make_space({"a": (2,), "b": [spaces.Discrete(9), (1, 2)]})
            self.single_action_space = self.make_discrete(2)

        def reset(self, seed=None):
            self.observation_views["a"][:] = 1.5
            self.observation_views["b"][0][:] = 4
            return self.observations

        def step(self, actions):
            self.observation_views["b"][1][:] += actions[0] + 1
            return self.observations, None, None, None, {}

    env = puffer.emulate(Nested, 2, backend="serial")
    env.reset()
    env.step([0, 1])
    view = env.unwrapped.layout.view(env.step([0, 1])[0])
    assert view["a"].tolist() == [[1.5, 1.5]] * 2
    assert view["b"][0].tolist() == [4, 4]
    assert view["b"][1].tolist() == [[[2, 2]], [[4, 4]]]


def test_nested_actions_of_the_returning_style():
    class Nested(Returned):
        def __init__(self):
            super().__init__()
            self.single_action_space = spaces.Dict({"go": spaces.Discrete(4), "push": spaces.Box(-1, 1, (2,))})

        def step(self, action):
            assert set(action) == {"go", "push"}
            return [action["go"], action["push"][1]], 1.0, False, False, {}

    env = puffer.emulate(Nested, 1, backend="serial")
    env.reset()
    action = env.unwrapped.action_layout.flatten({"go": 3, "push": np.array([0.0, 0.5], np.float32)})
    assert env.step(action[np.newaxis])[0].tolist() == [[3, 0.5]]


def test_everybody_ends_at_once():
    class Together(ManyReturned):
        def step(self, actions):
            observations, rewards, _, _, infos = super().step(actions)
            return observations, rewards, {"__all__": True}, {"a": True}, infos

    env = puffer.emulate(Together, 1, backend="serial")
    env.reset()
    _, _, terminations, truncations, info = env.step([[0, 0]] * 3)
    assert terminations.tolist() == [False, True, True]
    assert truncations.tolist() == [True, False, False]
    assert info["_final_obs"].all()


def test_a_time_limit_ends_the_episode_of_every_agent():
    env = puffer.emulate(Many, 1, backend="serial", max_steps=2)
    env.reset()
    env.step([[0, 0]] * 3)
    _, _, terminations, truncations, info = env.step([[0, 0]] * 3)
    assert terminations.tolist() == [False, True, False]
    assert truncations.tolist() == [False, True, True]
    assert info["_final_obs"].tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "5 values"),
        ((np.zeros(2), 1.0, False), "5 values"),
        ((np.zeros(3), 1.0, False, False, {}), "shape"),
        (({"a": 1}, 1.0, False, False, {}), "expected"),
        ((np.zeros(2), 1.0, False, False, "text"), "infos must be"),
        ((np.zeros(2), "text", False, False, {}), "must be real number"),
    ],
)
def test_wrong_returns_of_the_returning_style(result, message):
    class Wrong(Returned):
        def step(self, action):
            return result

    env = puffer.emulate(Wrong, 1, backend="serial")
    env.reset()
    with pytest.raises((TypeError, ValueError), match=message):
        env.step([0])
    env.reset()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((np.zeros((3, 2), np.int32), None, None, None, {}), "observations must have shape"),
        ((np.zeros((3, 1)), None, None, None, {}), "observations must have dtype int32"),
        ((None, 1.0, None, None, {}), "rewards must have shape"),
        ((None, None, [True], None, {}), "terminations must have shape"),
        ((None, None, None, None, [1]), "info of an agent must be a dict"),
    ],
)
def test_wrong_returns_of_the_style_in_place(values, message):
    class Wrong(Many):
        def step(self, actions):
            return values

    env = puffer.emulate(Wrong, 1, backend="serial")
    env.reset()
    with pytest.raises((TypeError, ValueError), match=message):
        env.step([[0, 0]] * 3)


def test_agents_are_checked():
    class Unknown(ManyReturned):
        def step(self, actions):
            return {"z": np.zeros(1)}, {}, {}, {}, {}

    env = puffer.emulate(Unknown, 1, backend="serial")
    env.reset()
    with pytest.raises(ValueError, match="agent 'z'"):
        env.step([[0, 0]] * 3)

    class TooFew(ManyReturned):
        def __init__(self):
            super().__init__()
            self.num_agents = 4

    with pytest.raises(ValueError, match="num_agents = 4"):
        puffer.emulate(TooFew, 1, backend="serial")


def test_what_is_missing_is_named():
    class Bare(puffer.PufferEnv):
        pass

    with pytest.raises(TypeError, match="Bare.single_observation_space must be a Gymnasium space"):
        puffer.emulate(Bare, 1, backend="serial")
    Bare.single_observation_space = spaces.Box(0, 1, (1,))
    Bare.single_action_space = spaces.Discrete(2)
    env = puffer.emulate(Bare, 1, backend="serial")
    with pytest.raises(TypeError, match="Bare has no method reset"):
        env.reset()


def test_spaces_from_descriptions():
    env = puffer.PufferEnv()
    assert env.make_space((2, 3)) == spaces.Box(-np.inf, np.inf, (2, 3), np.float32)
    assert env.make_space((2,), np.uint8) == spaces.Box(0, 255, (2,), np.uint8)
    assert env.make_space((2,), np.int16, low=0, high=7) == spaces.Box(0, 7, (2,), np.int16)
    assert env.make_space(spaces.Discrete(3)) == spaces.Discrete(3)
    nested = env.make_space({"a": [(1,), spaces.Discrete(2)]})
    assert isinstance(nested["a"], spaces.Tuple)
    assert env.make_discrete(np.int64(4)) == spaces.Discrete(4)
    assert env.make_multi_discrete([2, 3]) == spaces.MultiDiscrete([2, 3])


@pytest.mark.parametrize(
    "call",
    [
        lambda env: env.make_space(3),
        lambda env: env.make_space("abc"),
        lambda env: env.make_space((0,)),
        lambda env: env.make_space((2.5,)),
        lambda env: env.make_space((2,), "U3"),
        lambda env: env.make_discrete(0),
        lambda env: env.make_discrete(1.5),
        lambda env: env.make_multi_discrete([]),
        lambda env: env.make_multi_discrete(3),
        lambda env: env.make_multi_discrete([2, 0]),
    ],
)
def test_bad_descriptions_are_refused(call):
    with pytest.raises((TypeError, ValueError)):
        call(puffer.PufferEnv())
