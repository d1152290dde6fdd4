"""PufferLib 3's trainer learns CartPole on the CPU: `python pufferlib_cartpole.py [steps]`."""

import sys

import torch
from pufferlib.models import Default
from pufferlib.pufferl import PuffeRL, load_config

from puffer.faces.pufferlib import VecEnv

steps = int(sys.argv.pop()) if len(sys.argv) > 1 else 1_000_000

torch.manual_seed(1)
settings = load_config("default")["train"]
settings.update(env="cartpole", device="cpu", optimizer="adam", learning_rate=0.003, use_rnn=False)
settings.update(total_timesteps=steps, minibatch_size=4096, bptt_horizon=32)

env = VecEnv("cartpole", num_envs=256, ends_as_terminals=True)
trainer = PuffeRL(settings, env, Default(env.driver_env))
logs = {}
while trainer.global_step < steps:
    trainer.evaluate()
    logs = trainer.train() or logs
trainer.close()
print(f"return {logs['environment/episode_return']:.1f}")
