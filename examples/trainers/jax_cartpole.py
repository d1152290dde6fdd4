"""REINFORCE in JAX, compiled with its batch, balances CartPole: `python jax_cartpole.py [updates]`."""

import sys

import jax
from jax.example_libraries import stax

from puffer.faces.jax import VecEnv

env, updates = VecEnv("cartpole", num_envs=64), int(sys.argv[1]) if len(sys.argv) > 1 else 800
initial, network = stax.serial(stax.Dense(64), stax.Tanh, stax.Dense(2), stax.LogSoftmax)


def act(carry, key):
    weights, observations = carry
    actions = jax.random.categorical(key, network(weights, observations))
    step = env.step(actions)
    return (weights, step.observations), (observations, actions, step.rewards, step.terminations | step.truncations)


def update(carry, key):
    (weights, observations), (seen, actions, *results) = jax.lax.scan(act, carry, jax.random.split(key, 64))
    discount = lambda later, now: (now[0] + 0.98 * later * ~now[1],) * 2  # noqa: E731
    _, returns = jax.lax.scan(discount, jax.numpy.zeros(64), results, reverse=True)
    gains = (returns - returns.mean(1, keepdims=True))[..., None] * jax.nn.one_hot(actions, 2)
    gradients = jax.grad(lambda weights: (gains * network(weights, seen)).mean())(weights)
    return (jax.tree.map(lambda weight, gradient: weight + 0.3 * gradient, weights, gradients), observations), None


carry = initial(jax.random.key(1), (4,))[1], env.reset(seed=1)
for keys in jax.random.split(jax.random.key(2), (10, updates // 10)):
    env.batch.stats()
    carry, _ = jax.block_until_ready(jax.lax.scan(update, carry, keys))
print(f"return {env.batch.stats()['episode_return']:.1f}")
