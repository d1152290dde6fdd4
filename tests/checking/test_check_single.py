"""`check_env` of single environments: one deliberate mistake each in a `gymnasium.Env` or a `PufferEnv`."""

import random
from functools import partial
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer

pytestmark = pytest.mark.filterwarnings("ignore::puffer.CheckWarning")

CLASSIC = ("CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1")


class Walk(gymnasium.Env):
    """A correct environment: a walk on a line, twelve steps long."""

    observation_space = spaces.Box(-100, 100, (2,), np.float32)
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        self.x = self.np_random.uniform(-1, 1)
        return self.observe(), {}

    def step(self, action):
        self.t += 1
        self.x += float(action[0]) + self.np_random.uniform(-0.1, 0.1)
        return self.observe(), self.x, self.t == 12, False, {}

    def observe(self):
        return np.array([self.x, self.t], np.float32)


def changed(**methods):
    """Walk with other methods, each of which is given what Walk returns."""

    def wrap(name, change):
        def method(self, *args, **kwargs):
            return change(self, getattr(Walk, name)(self, *args, **kwargs))

        return method

    return type("Changed", (Walk,), {name: wrap(name, change) for name, change in methods.items()})


class KeepsArray(Walk):
    def observe(self):
        if not hasattr(self, "array"):
            self.array = np.zeros(2, np.float32)
        self.array[:] = self.x, self.t
        return self.array


class KeepsInfo(Walk):
    """Keeps one dict, which only the reset after an episode changes."""

    def reset(self, *, seed=None, options=None):
        result = super().reset(seed=seed)
        self.info = getattr(self, "info", {"start": {}})
        self.info["start"]["x"] = self.x
        return result[0], self.info

    def step(self, action):
        return *super().step(action)[:4], self.info if self.t == 11 else {}


class KeepsArrayInInfo(Walk):
    trail = np.zeros(12)

    def step(self, action):
        result = super().step(action)
        self.trail[self.t - 1] = self.x
        return *result[:4], {"trail": self.trail}


class KeepsSetInInfo(Walk):
    seen = set()

    def step(self, action):
        result = super().step(action)
        self.seen.add(self.t)
        return *result[:4], {"seen": self.seen}


class KeepsWhatStays(Walk):
    """A dict that is returned again and again, and never changed."""

    info = {"goal": np.ones(2), "names": ["a"], "nan": np.nan}

    def step(self, action):
        return *super().step(action)[:4], self.info


class KeepsCounter(Walk):
    t = 0

    def reset(self, *, seed=None, options=None):
        before = self.t
        result = super().reset(seed=seed)
        self.t = before % 12
        return result


class IgnoresSeed(Walk):
    def reset(self, *, seed=None, options=None):
        return super().reset()


class SeedsOnce(Walk):
    seeded = False

    def reset(self, *, seed=None, options=None):
        seed, self.seeded = None if self.seeded else seed, True
        return super().reset(seed=seed)


class SeedsAlways(Walk):
    last = None

    def reset(self, *, seed=None, options=None):
        self.last = self.last if seed is None else seed
        return super().reset(seed=self.last)


class GlobalRandom(Walk):
    def reset(self, *, seed=None, options=None):
        np.random.seed(seed)
        return super().reset(seed=seed)


class PythonRandom(Walk):
    def step(self, action):
        random.random()
        return super().step(action)


class ChangesAction(Walk):
    def step(self, action):
        action *= 2
        return super().step(action)


class SharedState(Walk):
    shared = {"x": 0.0}

    @property
    def x(self):
        return self.shared["x"]

    @x.setter
    def x(self, value):
        self.shared["x"] = value


class NoOptions(Walk):
    def reset(self, *, seed=None):
        return super().reset(seed=seed)


class Raises(Walk):
    def step(self, action):
        if self.t == 7:
            raise KeyError("seven")
        return super().step(action)


def last_outside(self, result):
    observation, *rest = result
    return (np.full(2, 101, np.float32) if rest[1] else observation, *rest)


MISTAKES = {
    "dtype": (changed(observe=lambda self, o: o.astype(np.float64)), "float64 of shape .2,., and the space float32"),
    "shape": (changed(observe=lambda self, o: o[None]), r"float32 of shape \(1, 2\)"),
    "type": (changed(observe=lambda self, o: o.tolist()), "of type list"),
    "outside at the end": (changed(step=last_outside), r"observation\[0\] is 101.0, above 100.0"),
    "nan": (changed(observe=lambda self, o: o * np.nan), "not a number"),
    "reward": (changed(step=lambda self, r: (r[0], float("inf"), *r[2:])), "the reward is inf"),
    "reward type": (changed(step=lambda self, r: (r[0], np.ones(1), *r[2:])), "of type ndarray"),
    "flags": (changed(step=lambda self, r: (*r[:2], int(r[2]), *r[3:])), "terminated is 0 of type int"),
    "no info": (changed(step=lambda self, r: (*r[:4], None)), "info is None of type NoneType"),
    "four values": (changed(step=lambda self, r: (*r[:3], {})), "return .observation, reward, terminated"),
    "reset alone": (changed(reset=lambda self, r: r[0]), "return .observation, info. from reset"),
    "alias": (KeepsArray, r"step 1 changed the result of the previous call: observation\[\d\]"),
    "info": (KeepsInfo, r"after step 12 changed an info that an earlier call .* info\['start'\]\['x'\] is"),
    "array in info": (KeepsArrayInInfo, r"step 2 changed an info that .* returned: info\['trail'\]\[1\] is"),
    "set in info": (KeepsSetInInfo, r"step 2 changed an info that .* returned: info\['seen'\] is \{1\} and \{1, 2\}"),
    "counter": (KeepsCounter, "let reset.. restore everything that step.. changes"),
    "seed ignored": (IgnoresSeed, "the seed has no effect"),
    "seed once": (SeedsOnce, "seed the generator in every reset that is given a seed"),
    "seed always": (SeedsAlways, "without a seed, twice, repeated the trace"),
    "global random": (GlobalRandom, "changed the state of numpy.random"),
    "python random": (PythonRandom, "changed the state of numpy.random or random"),
    "action": (ChangesAction, "changed the caller's array: the action.0."),
    "shared": (SharedState, "keep all state and arrays in the instance"),
    "parameters": (NoOptions, "no parameter options"),
    "raises": (Raises, "KeyError: 'seven'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_of_gymnasium_environments_are_found(mistake):
    env, message = MISTAKES[mistake]
    with pytest.raises(puffer.CheckFailed, match=message):
        puffer.check_env(env, steps=60)


@pytest.mark.parametrize("env", [Walk, KeepsWhatStays])
def test_a_correct_environment_has_one_report(env):
    report = puffer.check_env(env, steps=60)
    assert report.problems == report.suspicions == report.skipped == []
    assert {"random play", "seeds", "resets", "separate"} <= set(report.checks)
    assert "no problems" in str(report)


def test_an_instance_is_checked_as_far_as_one_goes_and_closed():
    env = Walk()
    closed = []
    env.close = lambda: closed.append(True)
    report = puffer.check_env(env, steps=60)
    assert closed
    assert "pass a function" in str(report)
    with pytest.raises(puffer.CheckFailed, match="seeds"):
        puffer.check_env(IgnoresSeed(), steps=60)


def test_all_mistakes_are_told_at_once_each_once():
    env = changed(
        observe=lambda self, o: o.astype(np.float64),
        step=lambda self, r: (r[0], np.nan, 1, *r[3:]),
    )
    with pytest.raises(puffer.CheckFailed) as caught:
        puffer.check_env(env, steps=60)
    assert len(caught.value.problems) == 3
    assert all(problem.count > 1 and problem.advice for problem in caught.value.problems)
    assert isinstance(caught.value, AssertionError)
    assert caught.value.report.problems is caught.value.problems


def test_an_exception_of_the_environment_is_the_cause():
    with pytest.raises(puffer.CheckFailed) as caught:
        puffer.check_env(Raises, steps=60)
    assert isinstance(caught.value.__cause__, KeyError)


SUSPICIOUS = {
    "zero": (changed(observe=lambda self, o: o * 0), "were zero in all of 61 calls"),
    "still": (changed(observe=lambda self, o: o * 0 + 1), "was the same in all of 61 calls"),
    "reward": (changed(step=lambda self, r: (r[0], 0.0, *r[2:])), "every reward of 60 random steps was zero"),
    "endless": (changed(step=lambda self, r: (*r[:2], False, *r[3:])), "no episode ended in 60 random steps"),
    "seeds": (partial(gymnasium.make, "CliffWalking-v1"), "the seeds 0 and 1000 gave the same trace"),
    "bounds": (partial(gymnasium.make, "CartPole-v1"), "2 of 4 entries of observations have no bounds"),
}


@pytest.mark.parametrize("what", SUSPICIOUS)
def test_what_is_legal_and_suspicious_is_a_warning(what):
    env, message = SUSPICIOUS[what]
    with pytest.warns(puffer.CheckWarning, match=message):
        puffer.check_env(env, steps=60)


class Nested(Walk):
    """Observations that nest; `broken` replaces one part of them."""

    observation_space = spaces.Dict(
        {
            "at": spaces.Box(-100, 100, (2,), np.float32),
            "rest": spaces.Tuple((spaces.Discrete(13), spaces.MultiBinary(3))),
        }
    )
    broken = {}

    def observe(self):
        bits = np.array([self.t & 1, self.t & 2 > 0, self.t & 4 > 0], np.int8)
        observation = {"at": super().observe(), "rest": (self.t, bits)}
        return {**observation, **self.broken}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({}, None),
        ({"at": np.array([0, 200], np.float32)}, r"observation\['at'\]\[1\] is 200.0, above 100.0"),
        ({"rest": (13, np.zeros(3, np.int8))}, r"observation\['rest'\]\[0\] is 13, which is not in Discrete\(13\)"),
        ({"rest": (1, np.zeros(3, np.int64))}, r"observation\['rest'\]\[1\] is int64 of shape"),
        ({"rest": (1,)}, r"a Tuple of 2"),
        ({"more": 1}, r"the keys \['at', 'more', 'rest'\]"),
    ],
)
def test_the_part_of_a_nested_observation_is_named(broken, message):
    env = type("Broken", (Nested,), {"broken": broken})
    if message is None:
        puffer.check_env(env, steps=60)
    else:
        with pytest.raises(puffer.CheckFailed, match=message):
            puffer.check_env(env, steps=60)


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_control_passes(name):
    assert puffer.check_env(partial(gymnasium.make, name), steps=60).problems == []


def test_wrong_arguments_are_refused():
    for bad in (None, 3, object(), lambda: 3):
        with pytest.raises(TypeError, match="environment"):
            puffer.check_env(bad)
    with pytest.raises(ValueError, match="steps"):
        puffer.check_env(Walk, steps=0)
    with pytest.raises(ValueError, match="seed"):
        puffer.check_env(Walk, seed=-1)
    with pytest.raises(gymnasium.error.NameNotFound, match="ocean-catch"):
        puffer.check_env("ocean-cath")


def test_the_example_of_the_documentation_is_what_happens():
    text = (Path(puffer.get_include()) / "docs" / "checking.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    with pytest.raises(puffer.CheckFailed) as caught:
        exec(code, {"__name__": "example"})
    told = text.split("```")[3].splitlines()
    assert [line[3:] for line in told if line.startswith("   ")] == [one.advice for one in caught.value.problems]
