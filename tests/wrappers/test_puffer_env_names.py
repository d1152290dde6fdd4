"""`PufferEnv`: both names of the spaces, agents that nobody declared, and the forms of what reset and step return."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer

BOX = spaces.Box(-9, 99, (2,), np.float32)
WIDE = spaces.Box(-9, 99, (3,), np.float32)
CHOICE = spaces.Discrete(3)
BACKENDS = [{"backend": "serial"}, {"backend": "process", "num_workers": 2}]


class Counter(puffer.PufferEnv):
    """Counts to three; `prefix` is that of the names of its spaces."""

    def __init__(self, prefix=""):
        super().__init__()
        setattr(self, f"{prefix}observation_space", BOX)
        setattr(self, f"{prefix}action_space", CHOICE)

    def reset(self):
        self.t = 0
        return np.zeros(2, np.float32)

    def step(self, action):
        assert self.action_space.contains(action)
        assert self.single_action_space.contains(action)
        self.t += 1
        return np.full(2, self.t, np.float32), float(action), self.t == 3, {}


class OnTheClass(Counter):
    observation_space = BOX
    action_space = CHOICE

    def __init__(self):
        pass


class AsProperties(Counter):
    def __init__(self):
        pass

    @property
    def observation_space(self):
        return BOX

    @property
    def action_space(self):
        return CHOICE


class Around(puffer.PufferEnv):
    """An environment around any other one, written by hand."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.observation_space, self.action_space = base.observation_space, base.action_space

    def reset(self):
        return self.base.reset()

    def step(self, action):
        observation, reward, *rest = self.base.step(action)
        return observation, reward / 2, *rest


MAKERS = {
    "short names": Counter,
    "long names": lambda: Counter("single_"),
    "on the class": OnTheClass,
    "properties": AsProperties,
    "around one": lambda: Around(Counter()),
    "around two": lambda: Around(Around(Counter("single_"))),
    "around one of Gymnasium": lambda: Around(gymnasium.make("CartPole-v1")),
    "a wrapper of puffer around it": lambda: puffer.Wrapper(Around(Counter())),
}


@pytest.mark.parametrize("options", BACKENDS, ids=lambda options: options["backend"])
@pytest.mark.parametrize("name", MAKERS)
def test_both_names_of_the_spaces_are_one(name, options):
    one = MAKERS[name]()
    assert one.observation_space is one.single_observation_space
    assert one.action_space is one.single_action_space
    env = puffer.emulate(MAKERS[name], 4, **options)
    assert env.single_observation_space.shape == one.observation_space.shape
    env.reset(seed=0)
    rewards = env.step([1, 0, 1, 0])[1]
    factor = 0.5 ** name.count("around") * (0.5 if name == "around two" else 1)
    expected = [factor] * 4 if "Gymnasium" in name else [factor, 0, factor, 0]
    assert rewards.tolist() == expected
    env.close()


def test_the_name_that_was_set_last_counts():
    env = Counter()
    env.single_observation_space = WIDE
    assert env.observation_space is WIDE
    env.observation_space = BOX
    assert env.single_observation_space is BOX


class Widened(puffer.Wrapper):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = WIDE

    def change_observations(self, observations):
        self.observations[:, :2] = observations
        self.observations[:, 2] = 7


class WidenedOnTheClass(Widened):
    observation_space = WIDE

    def __init__(self, env):
        puffer.Wrapper.__init__(self, env)


@pytest.mark.parametrize("wrapper", [Widened, WidenedOnTheClass])
def test_a_wrapper_may_use_the_short_names(wrapper):
    env = puffer.emulate(lambda: wrapper(Counter()), 2)
    assert env.reset()[0].tolist() == [[0, 0, 7]] * 2
    assert env.step([0, 0])[0].tolist() == [[1, 1, 7]] * 2


class Nameless(puffer.PufferEnv):
    def reset(self):
        return 0


def test_a_space_that_is_missing_is_named_in_both_ways():
    with pytest.raises(TypeError, match="single_observation_space must be a Gymnasium space.*or as observation_space"):
        puffer.emulate(Nameless)
    with pytest.raises(AttributeError, match="no attribute 'action_space'"):
        _ = Nameless().action_space


class Team(puffer.PufferEnv):
    """Agents of which nobody knows the names before they come: `waves` has those of each step, first of the reset."""

    def __init__(self, waves, num_agents, possible_agents=None):
        super().__init__()
        self.single_observation_space = spaces.Box(-9, 99, (1,), np.float32)
        self.single_action_space = spaces.Discrete(9)
        self.waves, self.num_agents = waves, num_agents
        if possible_agents is not None:
            self.possible_agents = possible_agents

    def look(self):
        return {name: np.array([self.t], np.float32) for name in self.waves[self.t]}

    def reset(self):
        self.t = 0
        return self.look()

    def step(self, actions):
        self.t += 1
        rewards = {name: float(action) for name, action in actions.items()}
        ended = self.t + 1 == len(self.waves)
        infos = {name: {"t": self.t} if name in actions else None for name in self.waves[self.t]}
        return self.look(), rewards, {"__all__": ended}, {"__common__": {"common": 1}, **infos}


@pytest.mark.parametrize("options", BACKENDS, ids=lambda options: options["backend"])
def test_agents_get_rows_in_the_order_of_the_first_reset(options):
    env = puffer.emulate(lambda: Team([["red", "blue"], ["red", "blue"], ["blue"]], 2), 2, **options)
    env.reset()
    _, rewards, _, _, info = env.step([1, 2, 3, 4])
    assert rewards.tolist() == [1, 2, 3, 4]
    assert info["t"].tolist() == [1, 1, 1, 1]
    assert info["common"].tolist() == [1, 1, 1, 1]
    env.close()


def test_declared_agents_keep_their_order():
    env = puffer.emulate(lambda: Team([["red", "blue"], ["red", "blue"]], 2, ["blue", "red"]), 1)
    env.reset()
    assert env.step([1, 2])[1].tolist() == [1, 2]
    with pytest.raises(ValueError, match="no row for agent 'green'"):
        puffer.emulate(lambda: Team([["red", "green"]], 2, ["blue", "red"]), 1, backend="serial").reset()


def test_an_agent_that_comes_later_gets_the_next_row():
    env = puffer.emulate(lambda: Team([["red"], ["red", "blue"], ["red", "blue"]], 2), 1, backend="serial")
    env.reset()
    assert env.masks.tolist() == [True, False]
    env.step([1, 2])
    assert env.masks.tolist() == [True, True]
    assert env.step([3, 4])[1].tolist() == [3, 4]


def test_numbers_below_num_agents_are_the_rows():
    env = puffer.emulate(lambda: Team([[1, 0], [1, 0], [1, 0]], 2), 1, backend="serial")
    env.reset()
    assert env.step([3, 4])[1].tolist() == [3, 4]


def test_a_team_of_one_may_return_dicts_by_agent():
    env = puffer.emulate(lambda: Team([["red"], ["red"], ["red"]], 1), 2, backend="serial")
    env.reset()
    assert env.step([3, 4])[1].tolist() == [3, 4]


@pytest.mark.parametrize(("waves", "num_agents"), [([["red", "blue"]], 1), ([["red", "blue", "green"]], 2)])
def test_more_agents_than_num_agents_are_refused(waves, num_agents):
    env = puffer.emulate(lambda: Team(waves, num_agents), 1, backend="serial")
    with pytest.raises(ValueError, match=f"num_agents (is|=) {num_agents}.*set num_agents"):
        env.reset()


class Returns(puffer.PufferEnv):
    """Returns what it is given."""

    def __init__(self, space, reset, step=None):
        super().__init__()
        self.observation_space, self.action_space = space, CHOICE
        self.results = reset, step

    def reset(self):
        return self.results[0]

    def step(self, action):
        return self.results[1]


PAIR = spaces.Tuple([spaces.Discrete(5), spaces.Dict({"a": spaces.Discrete(5)})])
ROWS = spaces.Box(0, 9, (2, 2), np.float32)


@pytest.mark.parametrize(
    ("space", "reset", "expected"),
    [
        (BOX, np.ones(2), [1, 1]),
        (BOX, (np.ones(2), {}), [1, 1]),
        (BOX, [np.ones(2, np.float32), {"x": 1}], [1, 1]),
        (BOX, (np.ones(2), None), [1, 1]),
        (BOX, (1.0, 1.0), [1, 1]),
        (ROWS, ([1, 2], [3, 4]), [[1, 2], [3, 4]]),
        (PAIR, (3, {"a": 4}), (3, {"a": 4})),
        (PAIR, ((3, {"a": 4}), {}), (3, {"a": 4})),
        (PAIR, ((3, {"a": 4}), {"a": 4}), (3, {"a": 4})),
    ],
)
def test_a_reset_returns_an_observation_or_a_pair(space, reset, expected):
    env = puffer.emulate(lambda: Returns(space, reset), 1, backend="serial")
    value = env.layout.value(env.reset()[0][0])
    assert value == expected if space is PAIR else value.tolist() == expected


def test_what_may_be_both_and_is_neither_is_refused_with_both_forms():
    env = puffer.emulate(lambda: Returns(PAIR, ("x", {"b": 4})), 1, backend="serial")
    with pytest.raises(TypeError, match=r"an observation of .* or a pair \(observation, info\), and is neither"):
        env.reset()


@pytest.mark.parametrize(
    "step",
    [
        [np.ones(2, np.float32), 1.0, True, False, {}],
        (np.ones(2, np.float32), 1.0, True, {}),
        [np.ones(2, np.float32), 1.0, True, None],
    ],
)
def test_a_step_returns_four_or_five_values(step):
    env = puffer.emulate(lambda: Returns(BOX, np.zeros(2), step), 1, backend="serial", autoreset_mode="Disabled")
    env.reset()
    observations, rewards, terminations, truncations, _ = env.step([0])
    assert (observations.tolist(), rewards.tolist(), terminations.tolist(), truncations.tolist()) == (
        [[1, 1]],
        [1],
        [True],
        [False],
    )


def test_items_of_a_description_have_dtypes_of_their_own():
    make_space = puffer.PufferEnv().make_space
    image = spaces.Box(0, 255, (8, 8, 3), np.uint8)
    speed = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    expected = spaces.Dict(image=image, speed=speed)
    assert make_space((8, 8, 3), dtype=np.uint8) == image
    assert make_space({"image": ((8, 8, 3), np.uint8), "speed": (2,)}) == expected
    assert make_space({"image": (8, 8, 3), "speed": (2,)}, dtype={"image": np.uint8}) == expected
    assert make_space([(8, 8, 3), (2,)], dtype=[np.uint8, np.float32]) == spaces.Tuple([image, speed])
    assert make_space({"a": [(2,)]}, dtype={"a": [np.int16]})["a"][0].dtype == np.int16


@pytest.mark.parametrize(
    ("description", "dtype", "message"),
    [
        ({"a": (2,)}, {"b": np.uint8}, r"keys of the description, \['a'\], got \['b'\]"),
        ([(2,)], [np.uint8, np.uint8], "one dtype for each of the 1 items"),
        ((2,), {"a": np.uint8}, "one dtype for the shape"),
    ],
)
def test_dtypes_of_another_form_are_refused(description, dtype, message):
    with pytest.raises(ValueError, match=message):
        puffer.PufferEnv().make_space(description, dtype)


class WithRows(Counter):
    """Also sets the space of all of its rows, as some base classes do."""

    def __init__(self):
        super().__init__("single_")
        self.observation_space = spaces.Box(-9, 99, (1, 2), np.float32)
        self.action_space = spaces.MultiDiscrete([3])


@pytest.mark.filterwarnings("ignore::puffer.CheckWarning")
def test_the_spaces_of_all_rows_are_not_taken_for_those_of_one():
    env = WithRows()
    assert (env.single_observation_space, env.single_action_space) == (BOX, CHOICE)
    puffer.check_env(WithRows, steps=20)


class Older(Team):
    """Returns the older four values, with these flags and infos."""

    def __init__(self, dones, infos):
        super().__init__([["a", "b"]] * 9, 2)
        self.dones, self.infos = dones, infos

    def step(self, actions):
        observations, rewards, *_ = super().step(actions)
        return observations, rewards, self.dones, self.infos


@pytest.mark.parametrize("dones", [True, np.True_, {"__all__": True}, {"a": True, "b": True}])
def test_older_flags_end_each_agent_in_its_way(dones):
    infos = {"a": {"TimeLimit.truncated": True}, "__common__": {"level": 7}, "lag": 3}
    env = puffer.emulate(lambda: Older(dones, infos), backend="serial", autoreset_mode="Disabled")
    env.reset()
    _, _, terminations, truncations, info = env.step([0, 0])
    assert terminations.tolist() == [False, True]
    assert truncations.tolist() == [True, False]
    assert info["level"].tolist() == [7, 7]
    assert info["_lag"].tolist() == [True, False]


def test_possible_agents_count_the_rows():
    env = puffer.emulate(lambda: Counted([["b", "a"]] * 3), backend="serial")
    env.reset()
    assert env.step([1, 2])[1].tolist() == [1, 2]


class Counted(Team):
    """Declares its agents and not their number."""

    possible_agents = ("a", "b")

    def __init__(self, waves):
        super().__init__(waves, 2)
        del self.num_agents


@pytest.mark.parametrize("options", BACKENDS, ids=str)
def test_the_terminations_have_the_name_that_pufferlib_gives_them(options):
    class InPlace(puffer.PufferEnv):
        def __init__(self, num_envs=1, buf=None, seed=0):
            self.single_observation_space, self.single_action_space, self.num_agents = BOX, CHOICE, num_envs
            super().__init__(buf)

        def reset(self, seed=0):
            self.t = 0
            return self.observations, []

        def step(self, actions):
            self.t += 1
            self.rewards[:] = actions
            self.terminals[:] = self.t == 2
            return self.observations, self.rewards, self.terminals, self.truncations, []

    alone = InPlace(3)
    alone.reset()
    alone.step(np.zeros(3))
    assert alone.step(np.arange(3))[2].all()
    assert alone.terminals is alone.terminations
    env = puffer.emulate(lambda: InPlace(2), 2, **options)
    env.reset(seed=0)
    assert not env.step([0, 1, 2, 0])[2].any()
    assert env.step([0, 1, 2, 0])[2].all()
    env.close()


@pytest.mark.parametrize("space", [BOX, spaces.Dict(x=BOX)])
def test_observations_of_several_agents_ask_for_their_number(space):
    class Pair(puffer.PufferEnv):
        single_observation_space = space
        single_action_space = CHOICE

        def reset(self, seed=None):
            return {agent: space.sample() for agent in ("left", "right")}

    env = puffer.emulate(Pair, 1, backend="serial")
    with pytest.raises(ValueError, match=r"num_agents is 1, and .*\['left', 'right'\]: set num_agents"):
        env.reset()
