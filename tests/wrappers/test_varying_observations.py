"""Environments whose observations vary in size, hold texts, or are described by spaces of the older package Gym."""

import types

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer
from puffer.spaces import ActionLayout, Layout

NUMBERS = spaces.Box(-1, 1, (2,), np.float32)
VARYING = {
    "sequence": spaces.Sequence(NUMBERS),
    "in a dict": spaces.Dict(a=spaces.Sequence(spaces.Discrete(3)), b=NUMBERS),
    "graph": spaces.Graph(NUMBERS, spaces.Discrete(3)),
}


class Missions(spaces.Space):
    """Texts that do not tell their length."""

    def __init__(self):
        super().__init__(dtype=str)

    def sample(self, mask=None, probability=None):
        return "öffne die Tür"

    def contains(self, x):
        return isinstance(x, str)

    def __eq__(self, other):
        return isinstance(other, Missions)


class Samples(gymnasium.Env):
    """Observes samples of a space."""

    action_space = spaces.Discrete(2)

    def __init__(self, kind):
        self.observation_space = Missions() if kind == "missions" else VARYING[kind]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.mark.parametrize("kind", VARYING)
def test_the_message_about_a_missing_length_names_what_helps(kind):
    with pytest.raises(ValueError, match="pass max_length="):
        puffer.emulate(lambda: Samples(kind), 2, backend="serial")
    env = puffer.emulate(lambda: Samples(kind), 2, backend="serial", max_length=300)
    observations, _ = env.reset(seed=0)
    assert VARYING[kind].contains(env.layout.value(observations[0]))
    lengths = {path.removesuffix("/length"): 300 for path, *_ in env.layout.leaves if path.endswith("length")}
    lengths = {path if path != "length" else "observation": most for path, most in lengths.items()}
    named = puffer.emulate(lambda: Samples(kind), 2, backend="serial", max_length=lengths)
    assert named.layout == env.layout


def test_a_length_is_passed_on_by_make_and_to_workers():
    gymnasium.register("Varying-v0", lambda: Samples("sequence"))
    try:
        env = puffer.make("gym-Varying-v0", 2, max_length=300, backend="process", num_workers=1)
        observations, _ = env.reset(seed=0)
        assert VARYING["sequence"].contains(env.layout.value(observations[1]))
        env.close()
    finally:
        gymnasium.registry.pop("Varying-v0")


def test_a_text_that_does_not_tell_its_length():
    env = puffer.emulate(lambda: Samples("missions"), 2, backend="serial", flat=False)
    observations, _ = env.reset(seed=0)
    assert list(observations) == ["öffne die Tür"] * 2
    short = puffer.emulate(lambda: Samples("missions"), 1, backend="serial", max_length=5)
    with pytest.raises(ValueError, match="at most 5"):
        short.reset(seed=0)


def gym_space(kind, **attributes):
    """A space as the package Gym has it."""
    return type(kind, (), {"__module__": f"gym.spaces.{kind.lower()}", **attributes})()


def test_spaces_of_gym_are_converted_by_their_attributes():
    box = gym_space("Box", low=-np.ones(2, np.float32), high=np.ones(2, np.float32), dtype=np.dtype("f4"), shape=(2,))
    discrete = gym_space("Discrete", n=3, dtype=np.dtype("i8"), shape=())
    multi = gym_space("MultiDiscrete", nvec=np.array([2, 3]), dtype=np.dtype("i8"), shape=(2,))
    binary = gym_space("MultiBinary", n=4, dtype=np.dtype("i1"), shape=(4,))
    pair = gym_space("Tuple", spaces=[multi, binary])
    tree = gym_space("Dict", spaces={"z": box, "a": pair, "d": discrete})
    expected = spaces.Dict(
        [
            ("z", NUMBERS),
            ("a", spaces.Tuple((spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(4)))),
            ("d", spaces.Discrete(3)),
        ]
    )
    assert Layout(tree).space == expected
    assert list(Layout(tree).space.spaces) == ["z", "a", "d"]
    assert ActionLayout(discrete).space == spaces.Discrete(3)
    env = types.SimpleNamespace(
        observation_space=box,
        action_space=discrete,
        reset=lambda seed=None, options=None: (np.zeros(2, np.float32), {}),
        step=lambda action: (np.full(2, action, np.float32), 1.0, False, False, {}),
    )
    batch = puffer.emulate(lambda: env, 1, backend="serial")
    batch.reset(seed=0)
    assert batch.step(np.array([1]))[0].tolist() == [[1, 1]]
