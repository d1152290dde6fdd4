"""What travels to workers: objects of the program's script do, and an error names the part that cannot."""

import textwrap
import threading
from importlib.util import find_spec

import gymnasium
import numpy as np
import pytest
from helpers import run_script

import puffer

BACKENDS = [
    "process",
    pytest.param("ray", marks=pytest.mark.skipif(find_spec("ray") is None, reason="Ray is missing")),
]


class Open(gymnasium.Env):
    """Has an attribute, and gives it in infos when it is told to."""

    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, thing=None):
        self.thing = thing

    def open(self):
        self.thing = threading.Lock()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {"deep": {"thing": self.thing}} if action else {}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request):
    yield request.param
    if request.param == "ray":
        import ray

        ray.shutdown()


def makers():
    """Functions that cannot be pickled, and what a message says of them."""
    lock = threading.Lock()
    settings = {"things": [1, lock]}
    yield lambda: Open(lock), "the variable 'lock' of makers.*line [0-9]+. is <unlocked _thread.lock"
    yield lambda: Open(settings), r"\['things'\]\[1\] in the variable 'settings' of makers"
    yield lambda thing=lock: Open(thing), "the default of 'thing' of makers"
    yield [lambda: Open(), lambda: Open(lock)], "the variable 'lock' of makers"


def test_a_maker_that_cannot_travel_is_refused_with_the_part_and_the_remedy(backend):
    for maker, part in makers():
        with pytest.raises(TypeError, match=rf"pickled for workers: {part}.*within the function.*backend=\"serial\""):
            puffer.emulate(maker, 2, backend=backend)
        puffer.emulate(maker, 2, backend="serial").close()


def test_an_instance_that_cannot_be_replicated_is_refused_with_the_part():
    with pytest.raises(TypeError, match=r"the attribute 'thing' of <\S+Open.* is <unlocked.*pass a function"):
        puffer.emulate(Open(threading.Lock()), 2)


def test_values_that_cannot_travel_are_refused_with_the_part(backend):
    lock = threading.Lock()
    env = puffer.emulate(Open, 2, backend=backend, num_workers=1)
    env.reset(seed=1)
    env.set_attr("thing", 5)
    for call, name in (
        (lambda: env.set_attr("thing", [6, lock]), r"set_attr\('thing', ...\) .* \[1\] is"),
        (lambda: env.call("open", thing=lock), r"call\('open', ...\) .*\['thing'\] is"),
        (lambda: env.set_next(thing=[7, lock]), r"set_next\(\) .*\[1\]\['parameters'\]\['thing'\] is"),
        (lambda: env.set_next(1, options={"a": lock}), r"options .*\['a'\] is"),
        (lambda: env.reset(options=[{}, {"a": lock}]), r"options .*\[1\]\['a'\] is"),
    ):
        with pytest.raises(TypeError, match=rf"^{name} <unlocked _thread.lock"):
            call()
    assert env.get_attr("thing") == (5, 5)
    env.step([0, 0])
    env.reset()
    assert env.get_attr("thing") == (5, 5)
    # Answers, too.
    env.call("open")
    with pytest.raises(puffer.WorkerError, match="the attribute 'thing'|answer.* is <unlocked _thread.lock"):
        env.get_attr("thing")
    with pytest.raises(puffer.WorkerError, match=r"\['deep'\]\['thing'\] .*is <unlocked _thread.lock"):
        env.step([0, 1])
    env.close()


def test_objects_of_the_script_travel_both_ways():
    script = """
        import gymnasium, numpy as np, puffer

        class Level:
            def __init__(self, number):
                self.number = number

        class Shows(gymnasium.Env):
            observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float64)
            action_space = gymnasium.spaces.Discrete(2)
            level = Level(1)

            def reset(self, *, seed=None, options=None):
                super().reset(seed=seed)
                return np.array([self.level.number, options["level"].number if options else -1.0]), {}

            def step(self, action):
                return np.zeros(2), 0.0, False, False, {"level": self.level}

        if __name__ == "__main__":
            env = puffer.emulate(Shows, 2, backend="process", num_workers=2)
            assert env.reset(options={"level": Level(2)})[0].tolist() == [[1, 2], [1, 2]]
            env.set_attr("level", [Level(3), Level(4)])
            env.set_next(1, level=Level(5), options={"level": Level(6)})
            assert env.reset()[0].tolist() == [[3, -1], [5, 6]]
            assert all(isinstance(level, Level) for level in env.get_attr("level"))
            assert isinstance(env.step([0, 0])[4]["level"][1], Level)
            env.close()
    """
    run_script(textwrap.dedent(script))
