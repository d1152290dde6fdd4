"""PPO of skrl balances CartPole: `python skrl_cartpole.py [steps]`."""

import sys

from skrl.agents.torch.ppo import PPO
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from skrl.utils.model_instantiators.torch import categorical_model, deterministic_model

import puffer

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 61_440

set_seed(1)
batch = puffer.make("cartpole", 16, seed=1)
env = wrap_env(batch)
spaces = {"observation_space": env.observation_space, "action_space": env.action_space, "device": env.device}
network = [{"name": "net", "input": "OBSERVATIONS", "layers": [64, 64], "activations": "tanh"}]
policy = categorical_model(**spaces, network=network, output="ACTIONS")
models = {"policy": policy, "value": deterministic_model(**spaces, network=network, output="ONE")}
options = {"rollouts": 64, "mini_batches": 4, "learning_epochs": 10, "discount_factor": 0.98, "gae_lambda": 0.9}
options["experiment"] = {"write_interval": 0, "checkpoint_interval": 0}
agent = PPO(models=models, memory=RandomMemory(memory_size=64, num_envs=16), **spaces, cfg=options)
for _ in range(8):
    batch.stats()
    SequentialTrainer(env=env, agents=agent, cfg={"timesteps": steps // 128, "disable_progressbar": True}).train()
print(f"return {batch.stats()['episode_return']:.1f}")
