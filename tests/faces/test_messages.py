"""What newcomers meet: names, representations, and errors that have the line to type."""

import sys
import types

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from puffer.ocean.catch import Catch

import puffer


class Plain(gymnasium.Env):
    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


class Nameless(puffer.PufferEnv):
    num_agents, possible_agents = 2, None
    single_observation_space, single_action_space = Plain.observation_space, Plain.action_space


def stepped(name, actions):
    env = puffer.make(name, 2)
    env.reset()
    env.step(actions)


def ended(id):
    env = gymnasium.make(id).unwrapped
    env.reset()
    while True:
        env.step(0)


class Painted(Plain):
    metadata = {"render_modes": ["ansi"]}


class Spaceless(gymnasium.Env):
    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


class Sized(Plain):
    def __init__(self, size):
        self.size = size


class Told(Plain):
    """Tells an info that is no dict."""

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), types.MappingProxyType({"a": 1})


@pytest.mark.parametrize(
    ("call", "error", "line"),
    [
        (
            lambda: puffer.emulate(lambda x: Plain(), 2),
            TypeError,
            "it needs 'x': .*emulate.lambda: MyEnv.*parameter copy",
        ),
        (lambda: puffer.emulate([lambda x: Plain()]), TypeError, "calls <lambda> without arguments, and it needs 'x'"),
        (lambda: puffer.emulate(Sized, 2), TypeError, r"puffer.emulate\(lambda: Sized\(size=...\), num_envs\)"),
        (lambda: puffer.emulate(Told).reset(), TypeError, r"of type mappingproxy; return dict\(info\)"),
        (lambda: puffer.emulate(Plain, 2, size=5), TypeError, r"no option 'size'.*emulate\(lambda: Plain\(size=5\)"),
        (lambda: puffer.emulate(Plain, 2, autoreset="SameStep"), TypeError, "did you mean 'autoreset_mode'"),
        (lambda: puffer.emulate("CartPole-v1"), TypeError, r"puffer.make\('CartPole-v1', num_envs\)"),
        (lambda: puffer.make(Plain, 2), TypeError, r"puffer.emulate\(Plain, num_envs\)"),
        (lambda: puffer.make(Plain(), 2), TypeError, r"puffer.emulate\(env, num_envs\)"),
        (lambda: puffer.make(Catch, 2), TypeError, r"puffer.VectorEnv\(Catch\(num_envs\)\)"),
        (lambda: puffer.wrappers.ClipReward(puffer.make("catch", 2)), TypeError, "wrappers go around each copy"),
        (lambda: puffer.emulate(Spaceless, 2), TypeError, "no observation_space and no action_space; set self"),
        (lambda: puffer.emulate(Spaceless(), 2), TypeError, "no observation_space and no action_space; set self"),
        (lambda: puffer.make("catch", autoreset_mode="same_step"), ValueError, 'write autoreset_mode="SameStep"'),
        (lambda: puffer.emulate(Plain, 2, copy="x"), TypeError, "copy must be a bool, got 'x'"),
        (lambda: puffer.make("catch", flat="no"), TypeError, "flat must be a bool, got 'no'"),
        (lambda: puffer.emulate(Plain, 2, max_length=-1), ValueError, "max_length must be"),
        (lambda: puffer.emulate(Nameless, 2), TypeError, "possible_agents of Nameless is None: give it the ids"),
        (lambda: stepped("catch", [{"a": 1}]), TypeError, r"env.action_layout.flatten\(action\)"),
        (lambda: stepped("catch", [[[1]], [[2]]]), ValueError, "made with flat=False"),
        (lambda: ended("puffer/Catch-v0"), gymnasium.error.ResetNeeded, r"call reset\(\) first"),
        (lambda: puffer.make("catch", autoreset_mode="NEXT-STEP"), ValueError, 'write autoreset_mode="NextStep"'),
    ],
)
def test_errors_have_the_line_to_type(call, error, line):
    with pytest.raises(error, match=line):
        call()


@pytest.mark.parametrize("id", ["puffer/CartPole-v0", "CartPole-v1"])
def test_ids_of_gymnasium_are_names(id):
    env = puffer.make(id, 2)
    assert env.reset(seed=0)[0].shape == (2, 4)
    assert (env.native_env is not None) == id.startswith("puffer/")


def test_a_batch_tells_its_environment_copies_and_rows():
    assert repr(puffer.make("spread", 2)) == "<VectorEnv of Spread: 2 copies, 6 rows, SameStep>"
    assert repr(puffer.make("spread", 2).native_env) == "<Spread: 2 copies, 6 rows, SameStep>"
    assert repr(puffer.emulate(Plain, 3)) == "<VectorEnv of Plain: 3 copies, 3 rows, SameStep>"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: puffer.make("catch", 2), r"of Catch .* puffer.make\('puffer/Catch-v0', 2, render_mode='rgb_array'\)$"),
        (lambda: gymnasium.make("puffer/Catch-v0"), r": gymnasium.make\('puffer/Catch-v0', render_mode='rgb_array'\)$"),
        (lambda: puffer.emulate(Painted, 3, backend="serial"), r"puffer.emulate\(function, 3, .*render_mode='ansi'\)$"),
        (lambda: puffer.emulate(Plain, 3, backend="serial"), "of Plain .*; it declares no modes$"),
    ],
)
def test_render_without_a_mode_warns_and_has_the_line_to_type(make, line):
    env = make()
    env.reset(seed=0)
    with pytest.warns(UserWarning, match=line):
        assert env.render() is None


def test_a_window_without_its_package_is_refused_when_it_is_made(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(ImportError, match="pip install"):
        puffer.make("catch", 2, render_mode="human")
