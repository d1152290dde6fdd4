"""`check_env` of native environments: those of the registry, and one with a choice of mistakes."""

from functools import partial

import pytest
from helpers import NAMES, SMALL, compiled, make

import puffer

pytestmark = pytest.mark.filterwarnings("ignore::puffer.CheckWarning")

SOURCE = '''# cython: boundscheck=False
"""A walk with a mistake: `fault` says which, 0 for none."""
import numpy as np
from gymnasium import spaces

from libc.stdint cimport int32_t, uint8_t

from puffer._core cimport Buffers, Env, import_puffer
from puffer.rng cimport rng_below

import_puffer()

# Behind a pointer, where nobody sees from the source that it is shared.
cdef int32_t[1] counters

cdef class Faulty(Env):
    """Faulty(num_envs=1, *, fault="", **options)
--

A walk of at most nine steps from a random start.
"""

    masks_actions = True
    render_modes = ("ansi",)
    cdef int fault
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef int32_t* x
    cdef int32_t* t
    cdef int32_t* shared_counter
    cdef int32_t[::1] outside

    def __init__(self, num_envs=1, *, fault="", **options):
        faults = ("", "rest of the row", "beyond", "static", "shared", "field", "space", "reward", "random", "mutates",
                  "masks", "no action", "no statistic", "behind", "before", "list", "drawing", "byte",
                  "early")
        super().__init__(num_envs, spaces.Box(-20, 20, (3,), np.int32), spaces.Discrete(3, start=-1), **options)
        self.fault = faults.index(fault)
        self.shared_counter = counters
        self.x = <int32_t*>self.new_state(sizeof(int32_t))
        self.t = <int32_t*>self.new_state(sizeof(int32_t))
        self.outside = np.zeros(num_envs, np.int32)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.x[i] = <int32_t>rng_below(&self.rng[i], 7) - 3
        self.terminations[i] |= self.fault == 18
        if self.fault == 8:
            self.x[i] = <int32_t>rng_below(&self.rng[0], 7) - 3
        self.t[i] = 0
        self.outside[i] = 0

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        self.x[i] += self.actions[i]
        self.t[i] += 1
        self.outside[i] += 1
        if self.fault == 3:
            self.shared_counter[0] += 1
            self.x[i] += self.shared_counter[0] % 7 == 0
        if self.fault == 4:
            self.x[i] += self.x[0] > 2
        if self.fault == 6 and self.t[i] == 9:
            self.x[i] = 21
        if self.fault == 12:
            self.statistics[i, 2] = 1
        if self.fault == 13:
            self.x[self.num_copies] = 1
        if self.fault == 14:
            self.x[-1] = 1
        self.rewards[i] = self.x[i]
        if self.fault == 7 and self.t[i] == 5:
            self.rewards[i] = <float>1e38 * <float>1e38
        self.terminations[i] = self.t[i] == 9 or self.x[i] == 5
        if self.fault == 17 and self.terminations[i]:
            self.terminations[i] = 2

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        if self.fault == 9:
            self.x[i] ^= 1
        self.observations[i, 0] = self.x[i]
        self.observations[i, 1] = self.outside[i] if self.fault == 5 else self.t[i]
        if self.fault != 1 or self.t[i] % 3 == 0:
            self.observations[i, 2] = self.t[i]
        # Beyond the last row there is only memory to write to in the check that puts a pattern there.
        if self.fault == 2 and self.observations[i, 3] == <int32_t>0xA5A5A5A5:
            self.observations[i, 3] = 1

    cdef object ansi_one(self, Py_ssize_t i):
        self.t[i] += self.fault == 16
        return [str(self.x[i])] if self.fault == 15 else str(self.x[i])

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            masks[i, 0] = masks[i, 2] = self.fault != 11 or self.t[i] != 3
            masks[self.num_copies - 1 if self.fault == 10 else i, 1] = masks[i, 0]
'''

MISTAKES = {
    "rest of the row": "observed again from a snapshot, and in the batch: ",
    "beyond": "wrote to observations outside of the environment's rows",
    "static": "the seed has no effect",
    "shared": "copy 7 of eight, with two choices of actions",
    "field": "steps after get_state.., and after set_state",
    "space": r"row \d: final_obs\[0\] is 21, above 20",
    "reward": "the reward is inf",
    "random": "copy 0 of one and copy 0 of eight",
    "mutates": "observe.. must not change the state",
    "masks": "write_action_masks.. of all copies and of one after the other gave other masks",
    "no action": r"row \d has no legal action, and its episode goes on",
    "no statistic": r"wrote to statistics\[0, 2\], and statistic_names has 0 names",
    "behind": "wrote to the block of state with 4 bytes for each copy, 0 bytes behind its end",
    "before": "wrote to the block of state with 4 bytes for each copy, 4 bytes before its beginning",
    "list": "pictures: ansi_one returned list",
    "drawing": "pictures: ansi_one changed the state",
    "byte": r"row \d: terminations holds the byte 2, .*\n   write True or False to terminations",
    "early": "write rewards and flags in step_one.i. alone",
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """The built class."""
    with compiled(tmp_path_factory.mktemp("faulty"), "mistaken", SOURCE) as module:
        yield module.Faulty


@pytest.mark.parametrize("fault", MISTAKES)
def test_mistakes_are_found(faulty, fault):
    with pytest.raises(puffer.CheckFailed, match=MISTAKES[fault]):
        puffer.check_env(partial(faulty, fault=fault), steps=40)


def test_the_same_without_a_mistake_passes(faulty):
    report = puffer.check_env(faulty, steps=40)
    assert report.problems == report.skipped == []
    assert {"snapshots", "redrawing", "statistics", "threads", "rows of others"} <= set(report.checks)


@pytest.mark.parametrize("name", NAMES)
def test_native_environments_of_the_registry_pass(name):
    assert puffer.check_env(partial(make, name) if name in SMALL else name, steps=40).problems == []


def test_instances_and_batches_of_native_environments():
    native = make("ocean-catch", 3).native_env
    assert "snapshots" in puffer.check_env(native, steps=40).checks
    batch = partial(make, "ocean-tic_tac_toe", 3, autoreset_mode="NextStep")
    report = puffer.check_env(batch, steps=40)
    assert report.problems == report.skipped == []
    report = puffer.check_env(partial(batch, copy=False), steps=40)
    assert report.problems == []
    assert [reason for _, reason in report.skipped] == ["made with copy=False"]


def test_a_function_that_makes_native_instances():
    report = puffer.check_env(lambda: make("ocean-catch", 3).native_env, steps=40)
    assert report.problems == report.skipped == []


def test_one_copy_is_enough():
    assert puffer.check_env(partial(puffer.make, "ocean-snake", 1, copy=True), steps=40).problems == []


def test_statistics_that_differ_from_the_rewards_are_found():
    class Wrong(puffer.VectorEnv):
        def stats(self):
            return {key: value + 1 for key, value in super().stats().items()}

    with pytest.raises(puffer.CheckFailed, match=r"episodes ended in 40 steps, and stats\(\) counts \d+"):
        puffer.check_env(Wrong(make("ocean-catch", 3).native_env, copy=True), steps=40)


def test_actions_that_nobody_checks_are_told():
    with pytest.warns(puffer.CheckWarning, match="accepted the action -1 in the last row"):
        puffer.check_env(partial(puffer.make, "ocean-catch", 2, check_actions=False, copy=True), steps=40)


def test_a_time_limit_that_ends_every_episode_is_told():
    """Unless the docstring of the module says that the rules end none."""
    with pytest.warns(puffer.CheckWarning, match="the time limit ended every episode"):
        puffer.check_env(partial(make_class("ocean-taxi"), max_steps=3), steps=40)
    report = puffer.check_env(make_class("ocean-pendulum"), steps=250)
    assert not any("time limit" in str(finding) for finding in report.suspicions)


def make_class(name):
    return type(make(name, 1).native_env)
