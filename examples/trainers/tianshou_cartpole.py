"""PPO of Tianshou balances CartPole: `python tianshou_cartpole.py [steps]`."""

import sys

import torch
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.discrete import DiscreteCritic

from puffer.faces.tianshou import VecEnv

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 61_440
torch.manual_seed(1)
env, test_env = VecEnv("cartpole", num_envs=16), VecEnv("cartpole", num_envs=10)
env.seed(1)
actor = Net(state_shape=4, action_shape=2, hidden_sizes=[64, 64])
critic = DiscreteCritic(preprocess_net=Net(state_shape=4, hidden_sizes=[64, 64]))
policy = DiscreteActorPolicy(actor=actor, action_space=env.action_space[0])
options = {"gamma": 0.98, "gae_lambda": 0.9, "ent_coef": 0.0}
ppo = PPO(policy=policy, critic=critic, optim=AdamOptimizerFactory(lr=1e-3), **options)
collector, tester = Collector(ppo, env, VectorReplayBuffer(4096, 16)), Collector(ppo, test_env)
params = {"max_epochs": 1, "epoch_num_steps": steps, "collection_step_num_env_steps": 1024}
params.update(batch_size=256, update_step_num_repetitions=10, test_collector=None, show_progress=False)
ppo.run_training(OnPolicyTrainerParams(training_collector=collector, **params))
print(f"return {tester.collect(n_episode=10, reset_before_collect=True).returns.mean():.1f}")
