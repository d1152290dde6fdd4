"""PPO of TorchRL balances CartPole: `python torchrl_cartpole.py [steps]`."""

import sys

import torch
from tensordict.nn import TensorDictModule

from puffer.faces.torchrl import VecEnv  # isort: skip
from torchrl.collectors import Collector
from torchrl.modules import MLP, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 61_440
logits = TensorDictModule(MLP(4, 2, num_cells=[64, 64]), ["observation"], ["logits"])
categorical = {"distribution_class": torch.distributions.Categorical, "return_log_prob": True}
actor = ProbabilisticActor(logits, in_keys=["logits"], **categorical)
critic = ValueOperator(MLP(4, 1, num_cells=[64, 64]))
advantages = GAE(gamma=0.98, lmbda=0.9, value_network=critic)
loss = ClipPPOLoss(actor, critic, normalize_advantage=True)
optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
env = VecEnv("cartpole", num_envs=16)
for data in Collector(env, actor, frames_per_batch=1024, total_frames=steps):
    data = advantages(data).reshape(-1)
    for rows in torch.cat([torch.randperm(len(data)) for _ in range(10)]).split(256):
        losses = loss(data[rows])
        sum(losses[f"loss_{name}"] for name in ("objective", "critic", "entropy")).backward()
        optimizer.step(), optimizer.zero_grad()
# Of the shortest of 16 episodes.
print(f"return {VecEnv('cartpole', num_envs=16).rollout(500, actor).shape[1]}")
