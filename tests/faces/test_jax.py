"""`VecEnv` of the face for JAX: a batch inside compiled functions gives the values of the batch outside."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers import make, random_actions, run_python

jax = pytest.importorskip("jax", reason="pip install jax")

from puffer.faces.jax import VecEnv  # noqa: E402


@partial(jax.jit, static_argnums=0)
def played(env, actions):
    observations = env.reset(5)

    def one(observations, action):
        step = env.step(action)
        return step.observations, (observations, step)

    return jax.lax.scan(one, observations, actions)[1]


@pytest.mark.parametrize("name", ["ocean-catch", "ocean-snake", "ocean-pendulum", "gym-CartPole-v1"])
def test_a_scan_gives_the_values_of_the_batch(name):
    options = {"max_steps": 12, **({"backend": "serial"} if name.startswith("gym-") else {"num_threads": 1})}
    batch = make(name, 3, **options)
    actions = random_actions(batch, 40)
    before, steps = jax.device_get(played(VecEnv(make(name, 3, **options)), np.array(actions)))
    observations, _ = batch.reset(seed=5)
    for step in range(40):
        np.testing.assert_array_equal(before[step], observations)
        observations, *rest, _ = batch.step(actions[step])
        last = observations.copy()
        last[batch.ends.rows] = batch.ends.observations
        for column, expected in zip(steps, (observations, last, *rest), strict=True):
            np.testing.assert_array_equal(column[step], expected)


def test_large_batches_come_through():
    env = VecEnv("cartpole", 4096, max_steps=20)
    _, steps = played(env, np.zeros((50, 4096), np.int32))
    assert int((steps.terminations | steps.truncations).sum()) > 4096
    env.close()


def test_what_is_refused():
    for options in ({"autoreset_mode": "NextStep"}, {"copy": False}, {"batch_size": 2}, {"flat": False}):
        with pytest.raises(ValueError, match=next(iter(options))):
            VecEnv("blackjack", 4, **options)


def test_the_example_runs():
    example = Path(__file__).parents[2] / "examples" / "trainers" / "jax_cartpole.py"
    assert run_python(str(example), "20", cwd=example.parent).startswith("return ")
