"""The creator of copies: arguments, render modes and seeds."""

import importlib
import sys
import warnings
from contextlib import closing

import cloudpickle
import gymnasium
import numpy as np
import pytest

import puffer
from puffer import emulation
from puffer.backends.creator import Creator
from puffer.backends.local import serial_backend
from puffer.backends.replicas import lost
from puffer.options import BatchOptions


class Seeded(gymnasium.Env):
    """Keeps the seeds that its resets were given."""

    metadata = {"render_modes": ["rgb_array"]}
    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, size=1, render_mode=None):
        self.size = size
        self.render_mode = render_mode
        self.seeds = []

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, True, False, {}


def test_a_copy_gets_the_arguments():
    creator = cloudpickle.loads(cloudpickle.dumps(Creator(Seeded, {"size": 3})))
    assert [creator(copy).env.size for copy in range(2)] == [3, 3]


@pytest.mark.parametrize(("mode", "modes"), [("rgb_array", ["rgb_array"] * 2), ("human", ["rgb_array", None])])
def test_each_copy_gets_its_own_render_mode(mode, modes):
    creator = Creator(Seeded, {"render_mode": mode})
    assert [creator(copy).env.render_mode for copy in range(2)] == modes


def test_a_function_without_a_render_mode_is_not_given_one():
    assert Creator(lambda: Seeded(), {"render_mode": "ansi"})(0).env.render_mode is None


def test_a_render_mode_that_the_copies_do_not_have_is_refused():
    for function, options in ((Seeded, {}), (lambda render_mode: Seeded(), {"render_modes": ["rgb_array"]})):
        with pytest.raises(ValueError, match="render_mode must be None or one of 'rgb_array', 'human', got 'ansi'"):
            Creator(function, {"render_mode": "ansi"}, **options)


@pytest.mark.parametrize("reseed", ["never", "once", "always"])
def test_seeds_of_resets_without_one(reseed):
    def seeds():
        env = Seeded()
        batch = serial_backend(Creator(lambda: env, reseed=reseed), BatchOptions(1)).batch()
        for seed in (None, None, 7, None, None):
            batch.reset(seed=seed)
        return env.seeds

    one, other = seeds(), seeds()
    assert one[2] == 7
    is_given = [seed is not None for seed in one]
    assert (
        is_given
        == {
            "never": [False, False, True, False, False],
            "once": [True, False, True, False, False],
            "always": [True] * 5,
        }[reseed]
    )
    # Random before a seed is given, and from there on the same.
    assert (one[0] != other[0]) == is_given[0]
    assert one[2:] == other[2:]
    assert len(set(filter(None, one))) == sum(is_given)


BACKENDS = ({"backend": "serial"}, {"backend": "process", "num_workers": 1}, {"backend": "process", "num_workers": 2})


class Bounded(Seeded):
    """Its observation is its bound."""

    def __init__(self, bound=1):
        super().__init__()
        self.bound = bound
        self.observation_space = gymnasium.spaces.Box(-bound, bound, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        return np.full(1, self.bound, np.float32), {}


@pytest.mark.parametrize("options", BACKENDS)
def test_each_copy_may_have_a_factory_of_its_own(options):
    for env in ([lambda: Bounded(1), lambda: Bounded(2)], lambda copy: Bounded(1 + copy), [Bounded(1), Bounded(2)]):
        batch = puffer.emulate(env, None if isinstance(env, list) else 2, **options)
        assert batch.reset()[0].tolist() == [[1], [2]]
        assert batch.single_observation_space == gymnasium.spaces.Box(-2, 2, (1,), np.float32)
        batch.close()


class Around(gymnasium.Env):
    """Keeps another environment in an attribute of its own name."""

    observation_space, action_space = Seeded.observation_space, Seeded.action_space

    def __init__(self, base):
        self.base = base
        self.reset, self.step = base.reset, base.step


@pytest.mark.parametrize("options", BACKENDS)
def test_copies_that_share_an_environment_are_refused(options):
    one = Seeded()
    around = lambda: Around(Around(one))  # noqa: E731
    for shared in (lambda: one, lambda: gymnasium.wrappers.TimeLimit(one, 3), [lambda: one] * 2, around):
        with pytest.raises(ValueError, match="copy 1 has the same object as copy 0"):
            puffer.emulate(shared, 2, **options)


def test_a_changed_instance_is_replicated_as_it_is_or_refused():
    env = gymnasium.make("CartPole-v1")
    assert lost(env, lambda: gymnasium.make("CartPole-v1")) == []
    env.reset(seed=3)
    env.step(0)
    assert puffer.emulate(env, 2, backend="serial").max_steps == 500
    env.unwrapped.gravity = 50.0
    assert lost(env, lambda: gymnasium.make("CartPole-v1")) == ["env.unwrapped.gravity"]
    assert emulation.creator_of(env)(0).env.unwrapped.gravity == 50

    env = gymnasium.make("CartPole-v1")
    env.unwrapped.action_space = gymnasium.spaces.Discrete(2, start=5)
    assert puffer.emulate(env, 1, backend="serial").single_action_space.start == 5

    class Forgetful(Seeded, gymnasium.utils.EzPickle):
        def __init__(self):
            gymnasium.utils.EzPickle.__init__(self)
            Seeded.__init__(self)

    forgetful = Forgetful()
    puffer.emulate(forgetful, 2, backend="serial")
    forgetful.size = 7
    with pytest.raises(ValueError, match=r"would lack what was set on it: env.size. Pass a function"):
        puffer.emulate(forgetful, 2, backend="serial")


class Counted(gymnasium.Env):
    """Changes in play what it was told as well: the lives, and an entry of its settings."""

    observation_space = gymnasium.spaces.Box(0, 99, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        self.lives, self.settings = 3, {"gravity": 1, "played": 0}

    def reset(self, *, seed=None, options=None):
        return self._seen(), {}

    def step(self, action):
        self.lives -= 1
        self.settings["played"] += 1
        return self._seen(), 0.0, False, False, {}

    def _seen(self):
        return np.array([self.lives, self.settings["gravity"]], np.float32)


def test_what_play_changes_may_have_been_set_on_an_instance():
    gymnasium.register("Counted-v0", entry_point=Counted)
    try:
        env = gymnasium.make("Counted-v0")
        env.unwrapped.lives, env.unwrapped.settings["gravity"] = 9, 5
        batch = puffer.emulate(env, 2, backend="serial")
        assert batch.reset()[0].tolist() == [[9, 5]] * 2
        assert lost(gymnasium.make("Counted-v0"), lambda: gymnasium.make("Counted-v0")) == []
    finally:
        del gymnasium.registry["Counted-v0"]


def test_an_id_that_only_the_program_has_registered_is_known_in_workers():
    gymnasium.register("OnlyHere-v0", entry_point=lambda: Bounded(3))
    try:
        env = puffer.emulate(lambda: gymnasium.make("OnlyHere-v0"), 2, backend="process", num_workers=1)
    finally:
        del gymnasium.registry["OnlyHere-v0"]
    assert env.reset()[0].tolist() == [[3], [3]]
    env.close()


def test_workers_do_not_import_what_registered_functions_come_from(tmp_path, monkeypatch):
    (tmp_path / "of_a_trainer.py").write_text(
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Shown(CartPoleEnv):\n    pass\n"
        "def create(**options):\n    return CartPoleEnv(**options)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("of_a_trainer")
    gymnasium.register("Function-v0", entry_point=module.create)
    gymnasium.register("Shown-v0", entry_point=module.Shown)
    try:
        with closing(puffer.emulate(Modules, 1, backend="process", num_workers=1)) as env:
            assert not env.get_attr("has")[0]
        for id in ("Function-v0", "Shown-v0"):
            with closing(puffer.emulate(lambda id=id: made(id), 1, backend="process", num_workers=1)) as env:
                env.reset(seed=0)
                assert env.render_copy().shape == (400, 600, 3)
    finally:
        del gymnasium.registry["Function-v0"], gymnasium.registry["Shown-v0"]


class Modules(Bounded):
    @property
    def has(self):
        return "of_a_trainer" in sys.modules


def made(id):
    return gymnasium.make(id, render_mode="rgb_array")


def test_a_package_that_registers_its_ids_when_a_worker_imports_it_is_not_warned_of(tmp_path, monkeypatch):
    (tmp_path / "registers_itself.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "for version in range(3):\n"
        "    gymnasium.register(f'Itself-v{version}', entry_point='registers_itself:CartPoleEnv')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("registers_itself")
    try:
        for override in (False, True):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                env = puffer.emulate(lambda override=override: of_itself(override), 2, backend="process", num_workers=1)
                env.close()
            # The program hears of a real one.
            told = [str(warning.message) for warning in caught]
            assert sum("Itself-v" in message for message in told) == 2 * override
    finally:
        for version in range(3):
            del gymnasium.registry[f"Itself-v{version}"]


def of_itself(override):
    env = gymnasium.make("Itself-v2")
    if override:
        gymnasium.register("Itself-v2", entry_point="registers_itself:CartPoleEnv")
    return env


def test_messages_of_emulate_have_the_line_to_type():
    for call, message in (
        (lambda: puffer.emulate(Bounded, 2, bound=3), r"emulate\(lambda: Bounded\(bound=3\), num_envs\)"),
        (lambda: puffer.emulate(Bounded, 2, num_worker=3), "did you mean 'num_workers'"),
        (lambda: puffer.emulate("CartPole-v1"), r"puffer.make\('CartPole-v1', num_envs\)"),
        (lambda: puffer.emulate(3), "a callable that makes one, got 3"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(ValueError, match="num_envs = 3, and the list has 1"):
        puffer.emulate([Bounded], 3)
