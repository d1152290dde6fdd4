"""Agents with spaces of their own, in rows of one layout."""

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv

import puffer
from puffer.layout.padding import spanning_space


class Uneven(ParallelEnv):
    """Three agents with given spaces; steps repeat `sample`s of them and keep the actions."""

    metadata = {}
    render_mode = None
    possible_agents = ["a", "b", "c"]

    def __init__(self, observations, actions):
        self.observations = dict(zip(self.possible_agents, observations, strict=False))
        self.actions = dict(zip(self.possible_agents, actions, strict=False))
        self.possible_agents = list(self.observations)
        self.received = []

    def observation_space(self, agent):
        return self.observations[agent]

    def action_space(self, agent):
        return self.actions[agent]

    def reset(self, seed=None, options=None):
        for k, space in enumerate(self.observations.values()):
            space.seed(k)
        self.agents = self.possible_agents[:]
        return self.observe_all(), {}

    def observe_all(self):
        self.shown = {agent: space.sample() for agent, space in self.observations.items()}
        return self.shown

    def step(self, actions):
        for agent, action in actions.items():
            assert self.actions[agent].contains(action), (agent, action)
        self.received.append(actions)
        flags = dict.fromkeys(self.agents, False)
        return self.observe_all(), dict.fromkeys(self.agents, 0), flags, flags, {}


def emulate_uneven(observations, actions, num_envs=1, **options):
    return puffer.emulate(lambda: Uneven(observations, actions), num_envs, backend="serial", **options)


def one_env(env):
    return env.unwrapped.batch.backend.steppers[0].adapters[0].env


BOX = spaces.Box(-1, 1, (1,), np.float32)
TWO = spaces.Discrete(2)


def test_boxes_of_different_sizes():
    boxes = [spaces.Box(-1, 1, (2, 3), np.float32), spaces.Box(0, 5, (3, 1), np.float32)]
    env = emulate_uneven(boxes, [TWO, TWO], 2)
    assert env.single_observation_space == spaces.Box(
        np.array([[-1, -1, -1], [-1, -1, -1], [0, 0, 0]]), np.array([[5, 1, 1], [5, 1, 1], [5, 0, 0]]), dtype=np.float32
    )
    env.reset()
    for _ in range(3):
        observations = env.step([0, 1, 0, 1])[0]
        shown = one_env(env).shown
        assert np.array_equal(observations[0, :2], shown["a"])
        assert np.array_equal(observations[1, :, :1], shown["b"])
        assert not observations[0, 2:].any()
        assert not observations[1, :, 1:].any()


def test_nested_spaces_of_different_sizes():
    trees = [
        spaces.Dict(
            {
                "x": spaces.Box(0, 1, (size,), np.float64),
                "kind": spaces.Tuple((spaces.Discrete(size, start=size), spaces.MultiBinary(size))),
                "wheel": spaces.MultiDiscrete([3] * size),
            }
        )
        for size in (1, 4, 2)
    ]
    env = emulate_uneven(trees, [TWO] * 3)
    env.reset()
    view = env.unwrapped.layout.view(env.step([0, 1, 0])[0])
    for row, (agent, size) in enumerate(zip("abc", (1, 4, 2), strict=True)):
        shown = one_env(env).shown[agent]
        for mine, other in (
            (view["x"], shown["x"]),
            (view["kind"][1], shown["kind"][1]),
            (view["wheel"], shown["wheel"]),
        ):
            assert np.array_equal(mine[row, :size], other)
            assert not mine[row, size:].any()
        assert view["kind"][0][row] == shown["kind"][0]


def test_observations_that_do_not_fit_the_space_of_their_agent_are_refused():
    class Wrong(Uneven):
        def observe_all(self):
            return {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}

    env = puffer.emulate(lambda: Wrong([BOX, spaces.Box(0, 1, (2,), np.float32)], [TWO, TWO]), backend="serial")
    with pytest.raises(ValueError, match="shape"):
        env.reset()


@pytest.mark.parametrize("backend", [{"backend": "serial"}, {"backend": "process", "num_workers": 2}])
def test_an_action_outside_the_range_of_its_agent_is_refused_before_anything_is_stepped(backend):
    class Counting(Uneven):
        def observe_all(self):
            return {agent: np.full(1, len(self.received) / 10, np.float32) for agent in self.agents}

    actions = [spaces.Discrete(4, start=-1), spaces.Discrete(2), spaces.Discrete(5)]
    env = puffer.emulate(lambda: Counting([BOX] * 3, actions), 2, **backend)
    assert env.single_action_space == spaces.Discrete(6, start=-1)
    env.reset()
    env.step([-1, 0, 0, 2, 1, 4])
    for bad, message in (
        ([-1, 0, 0, 2, 2, 4], r"actions\[4\] is 2: row 4 takes 0 to 1"),
        ([3, 0, 0, 2, 0, 4], r"row 0 takes -1 to 2"),
        ([0, 0, -1, 2, 0, 4], r"row 2 takes 0 to 4"),
        ([0, 0, 0, 2, 0, 5], r"row 5 takes -1 to 4 for Discrete"),
    ):
        with pytest.raises(ValueError, match=message):
            env.step(bad)
    assert env.step([0] * 6)[0].ravel().tolist() == pytest.approx([0.2] * 6)
    env.action_space.seed(2)
    for _ in range(20):
        env.step(env.action_space.sample())
    env.close()


def test_several_discrete_actions_of_different_ranges():
    actions = [
        spaces.Dict({"go": spaces.Discrete(n), "arms": spaces.MultiDiscrete([n] * arms)})
        for n, arms in ((2, 3), (4, 1))
    ]
    env = emulate_uneven([BOX, BOX], actions, 2)
    # The keys of a Dict are sorted.
    assert env.single_action_space == spaces.MultiDiscrete([4, 2, 2, 4])
    env.reset()
    env.action_space.seed(1)
    for _ in range(20):
        env.step(env.action_space.sample())
    layout = env.unwrapped.action_layout
    row = layout.flatten({"go": 1, "arms": np.array([1, 1, 1])})
    other = layout.flatten({"go": 3, "arms": np.array([2, 1, 0])})
    env.step([row, other, row, other])
    received = one_env(env).received[-1]
    assert received["a"]["arms"].tolist() == [1, 1, 1]
    assert received["b"]["arms"].tolist() == [2]
    assert received["b"]["go"] == 3
    with pytest.raises(ValueError, match=r"row 2 takes 0 to 1"):
        env.step([row, other, other, other])


@pytest.mark.parametrize(
    "actions",
    [
        [spaces.Box(-1, 1, (2,), np.float32), spaces.Box(-3, 3, (3,), np.float32)],
        [spaces.Box(-1, 1, (2, 2), np.float32), spaces.Box(-3, 3, (1, 3), np.float32)],
        [spaces.MultiBinary(3), spaces.MultiBinary(2)],
        [spaces.Tuple((spaces.Discrete(n), spaces.Box(-1, 1, (n,), np.float32))) for n in (2, 3)],
    ],
    ids=str,
)
def test_other_actions_of_different_sizes(actions):
    env = emulate_uneven([BOX, BOX], actions)
    env.reset()
    layout = env.unwrapped.action_layout
    for k in range(10):
        given = {agent: space.sample() for agent, space in one_env(env).actions.items()}
        rows = [padded(layout, action) for action in given.values()]
        env.step(np.stack(rows))
        for agent, action in one_env(env).received[-1].items():
            np.testing.assert_equal(action, given[agent], str(k))


def padded(layout, action):
    """The row of an action that may be smaller than the layout's."""

    def fill(space, value):
        if isinstance(space, spaces.Tuple):
            return tuple(fill(one, part) for one, part in zip(space, value, strict=True))
        if not space.shape:
            return value
        array = np.zeros(space.shape, space.dtype)
        array[tuple(map(slice, value.shape))] = value
        return array

    return layout.flatten(fill(layout.space, action))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (spaces.Box(0, 1, (2,), np.float32), spaces.Box(0, 1, (2,), np.float64)),
        (spaces.Box(0, 1, (2,), np.float32), spaces.Box(0, 1, (2, 1), np.float32)),
        (spaces.Box(0, 1, (2,), np.float32), spaces.Discrete(2)),
        (spaces.Dict({"x": TWO}), spaces.Dict({"y": TWO})),
        (spaces.Dict({"x": TWO}), spaces.Dict({"x": TWO, "y": TWO})),
        (spaces.Tuple((TWO,)), spaces.Tuple((TWO, TWO))),
        (spaces.Dict({"x": TWO}), spaces.Dict({"x": BOX})),
    ],
)
def test_spaces_that_cannot_share_a_row_are_refused(first, second):
    with pytest.raises(ValueError, match="the agents' observation spaces cannot share one layout: 'a' has .*'c' has"):
        emulate_uneven([first, first, second], [TWO] * 3)
    with pytest.raises(ValueError, match="the agents' action spaces cannot share one layout: 'a' has .*'b' has"):
        emulate_uneven([TWO] * 3, [first, second, first])


def test_the_spanning_space_keeps_the_order_of_keys_and_the_dtypes():
    first, second = (
        spaces.Dict([("z", spaces.Discrete(n, dtype=np.int8)), ("a", spaces.MultiBinary(n)), ("t", spaces.Text(3))])
        for n in (2, 3)
    )
    spanning = spanning_space({"a": first, "b": second}, "observation spaces")
    assert spanning == second
    assert list(spanning) == ["z", "a", "t"]
    assert spanning["z"].dtype == np.int8
    assert spanning_space({"a": first, "b": first}, "observation spaces") is first
