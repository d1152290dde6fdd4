"""Loops of the form of CleanRL's ppo.py and dqn.py: over a batch they compute what they do over Gymnasium's batch."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stories import cartpole

import puffer

torch = pytest.importorskip("torch", reason="pip install torch")

COUNT = 4


def networks(env):
    torch.manual_seed(1)
    width, choices = env.single_observation_space.shape[0], int(env.single_action_space.n)
    assert isinstance(env.single_action_space, gymnasium.spaces.Discrete)
    return [
        torch.nn.Sequential(torch.nn.Linear(width, 16), torch.nn.Tanh(), torch.nn.Linear(16, outputs))
        for outputs in (choices, 1)
    ]


def ppo(env, updates=3, steps=32):
    """Returns the parameters of actor and critic."""
    actor, critic = networks(env)
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=1e-2)
    shape = steps, env.num_envs
    observations = torch.zeros((*shape, *env.single_observation_space.shape))
    actions, logprobs, rewards, dones, values, advantages = torch.zeros((6, *shape))
    next_obs, _ = env.reset(seed=1)
    next_obs, next_done = torch.Tensor(next_obs), torch.zeros(env.num_envs)
    for _ in range(updates):
        for step in range(steps):
            observations[step], dones[step] = next_obs, next_done
            with torch.no_grad():
                policy = torch.distributions.Categorical(logits=actor(next_obs))
                values[step] = critic(next_obs).flatten()
            action = policy.sample()
            actions[step], logprobs[step] = action, policy.log_prob(action)
            next_obs, reward, terminations, truncations, infos = env.step(action.cpu().numpy())
            rewards[step] = torch.tensor(reward).view(-1)
            next_obs, next_done = torch.Tensor(next_obs), torch.Tensor(np.logical_or(terminations, truncations))
        with torch.no_grad():
            following, nonterminal, advantage = critic(next_obs).flatten(), 1 - next_done, 0
            for step in reversed(range(steps)):
                delta = rewards[step] + 0.99 * following * nonterminal - values[step]
                advantages[step] = advantage = delta + 0.99 * 0.95 * nonterminal * advantage
                following, nonterminal = values[step], 1 - dones[step]
        policy = torch.distributions.Categorical(logits=actor(observations))
        ratio = (policy.log_prob(actions) - logprobs).exp()
        loss = -torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
        loss = loss + (critic(observations)[..., 0] - advantages - values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return parameters(actor, critic)


def dqn(env, steps=150):
    """Returns the parameters of the network, and the transitions."""
    network, _ = networks(env)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    rng, kept = np.random.default_rng(0), []
    obs, _ = env.reset(seed=1)
    for _ in range(steps):
        actions = network(torch.Tensor(obs)).argmax(dim=1).cpu().numpy()
        actions = np.where(rng.random(env.num_envs) < 0.5, rng.integers(0, 2, env.num_envs), actions)
        next_obs, rewards, terminations, truncations, infos = env.step(actions)
        real_next_obs = next_obs.copy()
        for row, is_cut in enumerate(truncations):
            if is_cut:
                # The line that differs: in older versions of Gymnasium this is "final_observation".
                real_next_obs[row] = infos["final_obs"][row]
        kept.append([obs, real_next_obs, actions, rewards, terminations])
        obs = next_obs
        before, after, taken, reward, terminated = map(np.stack, zip(*kept[-32:], strict=True))
        with torch.no_grad():
            best = network(torch.Tensor(after)).max(dim=-1).values
            target = torch.Tensor(reward) + 0.99 * best * (1 - torch.Tensor(terminated))
        chosen = network(torch.Tensor(before)).gather(-1, torch.as_tensor(taken)[..., None])[..., 0]
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(chosen, target).backward()
        optimizer.step()
    return parameters(network), kept


def parameters(*modules):
    return [parameter.detach().numpy() for module in modules for parameter in module.parameters()]


def theirs():
    return SyncVectorEnv([cartpole] * COUNT, autoreset_mode=AutoresetMode.SAME_STEP)


@pytest.fixture(params=[{"backend": "serial"}, {"backend": "process", "num_workers": 2}], ids=str)
def ours(request):
    env = puffer.emulate(cartpole, COUNT, **request.param)
    yield env
    env.close()


def test_ppo_computes_the_same_as_over_gymnasiums_batch(ours):
    for own, expected in zip(ppo(ours), ppo(theirs()), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_dqn_computes_the_same_as_over_gymnasiums_batch(ours):
    (own, kept), (expected, expected_kept) = dqn(ours), dqn(theirs())
    for step, expected_step in zip(kept, expected_kept, strict=True):
        for column, expected_column in zip(step, expected_step, strict=True):
            np.testing.assert_array_equal(column, expected_column)
    for parameter, expected_parameter in zip(own, expected, strict=True):
        np.testing.assert_array_equal(parameter, expected_parameter)


def test_native_environments():
    ppo(puffer.make("cartpole", COUNT))
    dqn(puffer.make("cartpole", COUNT, max_steps=15))
