"""Nothing that a user can type crashes or hangs the interpreter. Each test runs in a process of its own."""

import pytest
from helpers import NAMES, run_script

# Values that no method was made for; `attempt` calls a function with them one by one, and in pairs with themselves.
ATTEMPT = """
import numpy as np
import puffer
GARBAGE = [None, 0, -1, 5, 2**40, 2**70, 1.5, float("nan"), True, "x", b"x", [], [1, 2], {}, {"a": 1}, set(), object(),
           int, len, np.zeros(4), np.zeros(4, np.int32), np.zeros((4, 4), np.uint8), np.array(1), np.array("a"),
           np.zeros(0, np.bool_), np.ones(4, np.bool_), ..., slice(1, 2)]
KEYWORDS = ["seed", "options", "mask", "copies", "copy", "actions", "horizon", "state"]

def attempt(function, *arguments, **keywords):
    try:
        return function(*arguments, **keywords)
    except Exception:
        return None

def attempt_everything(thing, skip=()):
    for name in dir(type(thing)):
        if name in skip or (name.startswith("_") and name not in ("__repr__", "__del__", "__reduce__", "__len__")):
            continue
        value = attempt(getattr, thing, name)
        if callable(value):
            attempt(value)
            for garbage in GARBAGE:
                attempt(value, garbage)
                attempt(value, garbage, garbage)
                for keyword in KEYWORDS:
                    attempt(value, **{keyword: garbage})
        else:
            attempt(repr, value)
            for garbage in GARBAGE:
                attempt(setattr, thing, name, garbage)
"""

CLASSES = """
from puffer import registry
from puffer.native.action_masks import ActionMasks
from puffer.native.actions import ActionReader
from puffer.backends.channel import Line, Wire
from puffer.backends.copies import CopiesStepper
from puffer.backends.episodes import Episodes
from puffer.native.backend import Backend, BackendBase, Part
from puffer.native.batch import Batch
from puffer.native.batch_access import BatchAccess
from puffer.native.batch_state import BatchState
from puffer.native.ends import EndsForm, EndsMemory, EndsRecorder, EpisodeEnds
from puffer.native.finals import FinalObjects
from puffer.native.info import Info, add_ends
from puffer.native.loop import Loop
from puffer.native.loop_backend import NativeBackend
from puffer.native.outputs import OutputSet, Outputs
from puffer.native.results import Results
from puffer.native.rollout import Rollout
from puffer.native.rules import Rules
from puffer.native.snapshots import Snapshots
NATIVE = [registry.find(name) for name in {names!r}]
CLASSES = [*NATIVE, puffer.Env, ActionMasks, Backend, BackendBase, Batch, BatchAccess, BatchState, CopiesStepper,
           EndsForm, EndsMemory, EndsRecorder, EpisodeEnds, Episodes, FinalObjects, Info, Line, Loop, NativeBackend,
           OutputSet, Outputs, Part, Results, Rollout, Rules, Snapshots, Wire, ActionReader,
           puffer.Buffers, puffer.VectorEnv]
""".replace("{names!r}", repr(NAMES))


def test_objects_without_their_init_refuse_everything():
    run_script(
        ATTEMPT
        + CLASSES
        + """
for cls in CLASSES:
    new = attempt(cls.__new__, cls) or attempt(cls.__new__, cls, slice(0, 4))
    attempt_everything(new)
"""
    )


def test_objects_made_of_garbage_refuse_everything():
    run_script(
        ATTEMPT
        + CLASSES
        + """
from gymnasium import spaces
box, discrete = spaces.Box(0, 1, (2,)), spaces.Discrete(2)
for cls in CLASSES:
    for garbage in [*GARBAGE, -2**62, 2**62]:
        for arguments in ((garbage,), (garbage, garbage), (garbage, box, discrete), (4, garbage, discrete),
                          (4, box, garbage), (4, (2,), garbage, (), garbage), (garbage, (2,), "f4", (), "i4"),
                          (2, (garbage,), "f4", (garbage,), "i4")):
            attempt(cls, *arguments)
        for form in (attempt(EndsForm, garbage, 0, (2,), "f4", True), EndsForm(2, 0, (2,), "f4", True)):
            attempt(EndsRecorder, form, garbage)
            attempt(EndsMemory, form, 1)
        attempt(EndsForm, 2, garbage, (garbage,), garbage, garbage)
        attempt(add_ends, garbage, EpisodeEnds.__new__(EpisodeEnds), final_info=dict, has_episodes=True)
ended = puffer.make("ocean-catch", 2, max_steps=1, record_episodes=True)
ended.reset(seed=0)
ended.step([0, 0])
for final_info in (dict, None, GARBAGE):
    attempt_everything(add_ends({}, ended.ends, final_info=final_info, has_episodes=True))
attempt_everything(ended.ends)
"""
    )


def test_garbage_in_every_public_method_does_no_harm():
    """And afterwards the environment plays as one that has been treated well."""
    run_script(
        ATTEMPT
        + f"""
import sys
sys.path.insert(0, "tests")
from helpers import assert_same, play_at_random
from puffer.registry import find
for name in {NAMES!r}:
    for render_mode in (*find(name).render_modes, None):
        print(name, render_mode, flush=True)
        env = puffer.make(name, 4, num_threads=2, max_steps=20, render_mode=render_mode)
        for warmed in (False, True):
            if warmed:
                env.reset(seed=0)
            attempt_everything(env.batch, skip=("close", "rollout_buffers"))
            attempt_everything(env.buffers)
            for method in ("step", "reset", "send", "async_reset", "get_state", "set_state", "stats", "recv"):
                for garbage in GARBAGE:
                    attempt(getattr(env, method), garbage)
                    for keyword in KEYWORDS:
                        attempt(getattr(env, method), **{{keyword: garbage}})
        fresh = puffer.make(name, 4, num_threads=1, max_steps=20)
        assert_same(play_at_random(env, 50), play_at_random(fresh, 50))
        env.close()
"""
    )


def test_a_second_init_is_refused_and_changes_nothing():
    run_script(
        """
import numpy as np
from puffer.ocean.catch import Catch
from puffer.ocean.squared import Squared
for cls, small, large in ((Squared, {"size": 3}, {"size": 255}), (Catch, {"rows": 3, "columns": 2}, {"rows": 255})):
    env = cls(4, **small)
    env.reset(seed=0)
    for again in (large, {}, {"num_envs": 1000}, {"num_envs": -1}, {"max_steps": 1}):
        try:
            env.__init__(**again)
            raise SystemExit("a second __init__ was accepted")
        except RuntimeError as error:
            assert "already made" in str(error), error
        except ValueError:
            pass
    for name, value in small.items():
        assert getattr(env, name) == value, name
    for step in range(500):
        env.step(np.full(4, step % 3))
    env.get_state()
"""
    )


def test_a_failed_init_can_be_made_good():
    run_script(
        """
import numpy as np
from puffer.ocean.catch import Catch
env = Catch.__new__(Catch)
for bad in ({"rows": 0}, {"batch_size": 3}, {"seed": -1}, {"buf": {"masks": 5}}, {"autoreset_mode": 1}, {"what": 1}):
    try:
        env.__init__(4, **bad)
        raise SystemExit(f"{bad} was accepted")
    except (TypeError, ValueError):
        pass
    for call in (env.reset, env.close, env.stats, lambda: env.step(np.ones(4, int))):
        try:
            call()
        except RuntimeError as error:
            assert "__init__" in str(error)
env.__init__(4)
env.reset(seed=0)
env.step(np.ones(4, int))
"""
    )


@pytest.mark.parametrize("call", ["step", "send"])
def test_actions_that_call_the_environment_while_they_are_read_do_no_harm(call):
    """A conversion to an array may run any code; what that calls is refused or done, and every part comes back."""
    run_script(
        f"""
import numpy as np
import puffer

class Meddling:
    def __array__(self, dtype=None, copy=None):
        env.send(np.ones(2, int))
        return np.ones(2, int)

env = puffer.make("ocean-catch", 4, batch_size=2)
env.reset(seed=0)
try:
    env.{call}(Meddling())
except Exception as error:
    print(error)
env.async_reset(seed=0)
seen = []
for _ in range(6):
    seen.append(env.recv()[4]["env_id"].tolist())
    env.send(np.ones(2, int))
assert seen == [[0, 1], [2, 3]] * 3, seen
""",
        timeout=20,
    )


def test_actions_that_close_the_environment_while_they_are_read_do_no_harm():
    run_script(
        """
import numpy as np
import puffer

class Closing:
    def __array__(self, dtype=None, copy=None):
        env.close()
        return np.ones(4, int)

for call in ("step", "send"):
    env = puffer.make("ocean-catch", 4, num_threads=2)
    env.reset(seed=0)
    env.step(np.ones(4, int))
    try:
        getattr(env, call)(Closing())
    except Exception as error:
        print(error)
    env.close()
""",
        timeout=20,
    )


@pytest.mark.parametrize(
    "end", ["del env", "env = None", "env.close()", "env.native_env.__del__()", "env.reset()", "pass"]
)
def test_an_end_with_sends_under_way_is_clean(end):
    """Whether the env is let go of, closed, reset, or alive when the interpreter ends."""
    run_script(
        f"""
import numpy as np
import puffer
for round in range(20):
    env = puffer.make("ocean-catch", 40000, num_threads=3, batch_size=10000)
    env.reset(seed=0)
    for _ in range(4):
        env.send(np.ones(10000, int))
    {end}
"""
    )


def test_a_cycle_with_sends_under_way_is_collected():
    run_script(
        """
import gc
import weakref
import numpy as np
import puffer
for _ in range(10):
    env = puffer.make("ocean-squared", 10000, num_threads=2)
    env.itself = env
    alive = weakref.ref(env)
    env.reset(seed=0)
    env.send(np.ones(10000, int))
    del env
    gc.collect()
    assert alive() is None
"""
    )


def test_arrays_and_infos_outlive_their_environment():
    run_script(
        """
import gc
import numpy as np
import puffer
kept = []
for _ in range(20):
    env = puffer.make("ocean-catch", 100, record_episodes=True)
    kept.append(env.reset(seed=0)[0])
    for _ in range(9):
        result = env.step(np.ones(100, int))
    kept.append(result)
    kept.append(env.rollout_buffers(3))
    del env
    gc.collect()
for thing in kept:
    if isinstance(thing, tuple):
        assert thing[4]["_episode"].all() and len(thing[4]["final_obs"]) == 100
        assert all(final.sum() in (1, 2) for final in thing[4]["final_obs"])
"""
    )


def test_a_daemon_thread_that_steps_at_the_end_of_the_interpreter_is_no_problem():
    run_script(
        """
import threading
import time
import numpy as np
import puffer
env = puffer.make("ocean-catch", 20000, num_threads=2)
env.reset(seed=0)
actions = np.ones(20000, int)

def work():
    while True:
        env.step(actions)

threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
    )
