"""A fuzz of every native environment under every parameter set, short by default: see `fuzzing.py` for what it does.

    pytest tests/ocean/test_fuzz.py --fuzz-steps=1000000    # steps for each environment and parameter set
    make fuzz                                               # the same, with bounds checks and under the sanitizers

A failure prints the options with which pytest repeats each of its scripts; the last one failed. After a crash, which
prints nothing, run the test again with -s.
"""

import sys

import numpy as np
import pytest
from fuzzing import Script
from gymnasium import spaces
from helpers import MODES, NAMES, assert_same, make, play_at_random
from parameter_sets import PARAMETER_SETS

from puffer.registry import find, parameters


@pytest.fixture
def unraisable(monkeypatch):
    """What functions that cannot raise have reported since the test began."""
    reports = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reports.append(f"{report.exc_value!r}: {report.object}"))
    return reports


def test_random_play_keeps_every_invariant(any_case, unraisable, request):
    option = request.config.getoption
    modes = option("--fuzz-mode") or MODES
    for mode in modes:
        seed, steps = option("--fuzz-seed"), option("--fuzz-steps") // len(modes)
        while steps > 0:
            print(f"--fuzz-mode={mode} --fuzz-seed={seed} --fuzz-steps={steps}")
            script = Script(any_case, mode, seed, steps, unraisable)
            print(f"  {script.plan}")
            steps -= script.run()
            seed += 1


def test_after_unchecked_actions_that_are_no_numbers_a_reset_makes_all_whole(rng, subtests):
    for name in NAMES:
        if not isinstance(make(name, 1).single_action_space, spaces.Box):
            continue
        for mode in MODES:
            with subtests.test(f"{name}, {mode}"):
                assert_a_reset_makes_all_whole(name, mode, rng)


def assert_a_reset_makes_all_whole(name, mode, rng):
    env = make(name, 40, autoreset_mode=mode, max_steps=30, check_actions=False)
    env.reset(seed=0)
    for _ in range(25):
        actions = rng.choice(np.array([np.nan, -np.nan, np.inf, -np.inf, 0.5], np.float32), env.action_space.shape)
        *_, terminations, truncations, _ = env.step(actions)
        if mode == "Disabled" and (terminations | truncations).any():
            env.reset(options={"reset_mask": terminations | truncations})
    fresh = make(name, 40, autoreset_mode=mode, max_steps=30)
    assert_same(play_at_random(env, 29, seed=3), play_at_random(fresh, 29, seed=3))


def test_the_parameter_sets_have_every_parameter(subtests):
    assert set(PARAMETER_SETS) <= set(NAMES)
    for name in NAMES:
        with subtests.test(name):
            given = {key for options in PARAMETER_SETS.get(name, {}).values() for key in options}
            own = set(parameters(find(name)))
            assert given == own, f"no set in parameter_sets.py has {own - given}, and {name} takes no {given - own}"
