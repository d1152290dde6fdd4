"""Behaviour cloning from a dataset of Minari balances CartPole: `python minari_cartpole.py [steps]`."""

import sys

import numpy as np
import torch

from puffer.faces.minari import DataCollector

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
torch.manual_seed(1)
collector = DataCollector("cartpole", num_envs=16)
observations, _ = collector.reset(seed=1)
for _ in range(500):
    observations, *_ = collector.step((observations @ [0.1, 0.5, 1, 1] > 0).astype(np.int64))
dataset = collector.create_dataset("puffer/cartpole-rule-v0", algorithm_name="rule")
seen = torch.cat([torch.from_numpy(episode.observations[:-1]) for episode in dataset])
done = torch.cat([torch.from_numpy(episode.actions) for episode in dataset]).long()
policy = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.Tanh(), torch.nn.Linear(64, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
for rows in torch.randint(len(seen), (steps, 256)):
    torch.nn.functional.cross_entropy(policy(seen[rows]), done[rows]).backward()
    optimizer.step(), optimizer.zero_grad()

env = DataCollector("cartpole", num_envs=16)
observations, _ = env.reset(seed=2)
for _ in range(500):
    with torch.no_grad():
        observations, *_ = env.step(policy(torch.from_numpy(observations)).argmax(1).numpy())
print(f"return {np.mean([sum(episode.rewards) for episode in env.episodes()]):.1f}")
