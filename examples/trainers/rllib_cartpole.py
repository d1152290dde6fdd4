"""PPO of RLlib balances CartPole: `python rllib_cartpole.py [steps]`."""

import sys

from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune import register_env

from puffer.faces.rllib import make_env

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 61_440
rows = min(steps, 4096)

register_env("puffer", make_env)
config = (
    PPOConfig()
    .environment("puffer", env_config={"env": "cartpole"})
    .env_runners(num_env_runners=0, num_envs_per_env_runner=16, gym_env_vectorize_mode="vector_entry_point")
    .training(train_batch_size=rows, minibatch_size=rows // 16, num_epochs=8, lr=1e-3, gamma=0.98, lambda_=0.9)
    .debugging(seed=1)
)
algorithm = config.build_algo()
for _ in range(steps // rows):
    results = algorithm.train()
print(f"return {results['env_runners']['episode_return_mean']:.1f}")
algorithm.stop()
