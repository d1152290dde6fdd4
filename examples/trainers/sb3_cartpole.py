"""PPO of Stable-Baselines3 balances CartPole: `python sb3_cartpole.py [steps]`."""

import sys

from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from puffer.faces.stable_baselines3 import VecEnv

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000

env = VecEnv("cartpole", num_envs=8)
model = PPO(
    "MlpPolicy",
    env,
    n_steps=32,
    batch_size=256,
    n_epochs=20,
    learning_rate=lambda remaining: 1e-3 * remaining,
    gamma=0.98,
    gae_lambda=0.8,
    seed=1,
    device="cpu",
)
model.learn(steps)
mean, deviation = evaluate_policy(model, env, n_eval_episodes=10)
print(f"return {mean:.1f} +- {deviation:.1f}")
env.close()
