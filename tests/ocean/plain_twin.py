"""Plain twins: subclasses of environments with a kernel that step by `step_one`, the rules as they read."""

import sys

import numpy as np

# The bytes of a snapshot that name its class. A twin has the state of its class.
SIGNATURE = 8


def twin_class(env_class):
    """The plain twin of a native environment."""
    return getattr(sys.modules[env_class.__module__], f"_Plain{env_class.__name__}")


def both(env_class, num_envs, **options):
    """A native environment and its twin, on one thread."""
    return [made(num_envs, num_threads=1, **options) for made in (env_class, twin_class(env_class))]


def own_bytes(env):
    """The snapshots of all copies, without the name of the class and the checksum."""
    return env.get_state()[:, 2 * SIGNATURE :]


def follow(twin, env):
    """Bring the copies of a twin into the states of those of its class."""
    state = twin.get_state()
    state[:, SIGNATURE:] = env.get_state()[:, SIGNATURE:]
    twin.set_state(state)


def play_both(env, twin, choose, steps, between=None, seed=0):
    """Step an environment and its twin, each time from the same states, those of the environment.

    Both have autoreset disabled. `choose` makes actions from observations. `between(actions, results)`, if given, is
    called when the environment has stepped and the twin has not. Returns the observations before the steps, and for
    each of the two the observations, rewards, terminations and truncations after them, with a row for each step of
    each copy.
    """
    observations, _ = env.reset(seed=seed)
    twin.reset(seed=seed)
    before, mine, theirs = [], [], []
    for _ in range(steps):
        before.append(observations.copy())
        actions = choose(observations)
        follow(twin, env)
        mine.append([array.copy() for array in env.step(actions)[:4]])
        if between:
            between(actions, mine[-1])
        theirs.append([array.copy() for array in twin.step(actions)[:4]])
        ended = mine[-1][2] | mine[-1][3]
        if ended.any():
            env.reset(mask=ended)
        observations = env.observations
    sides = [tuple(np.concatenate(arrays) for arrays in zip(*results, strict=True)) for results in (mine, theirs)]
    return np.concatenate(before), *sides
