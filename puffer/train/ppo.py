"""Proximal policy optimisation (Schulman et al. 2017, "Proximal Policy Optimization Algorithms"), on batches of puffer.

`PPO` collects rollouts of a batch and learns from each of them. Everything that it knows is in `state()`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from puffer import VectorEnv, checks
from puffer.train.adam import Adam
from puffer.train.policy import Network
from puffer.train.progress import Progress
from puffer.train.scale import RunningScale

# The episodes whose mean is shown are the last ones: as many as there are rows, and at least so many.
_RECENT = 100
# Deviations beyond which a scaled reward is cut.
_REWARD_LIMIT = 10.0


@dataclass(frozen=True)
class Settings:
    """What the learner can be told; `settings.toml` has what suits each environment.

    Attributes
    ----------
    num_envs : int
        Copies of the environment.
    horizon : int
        Steps of every copy in a rollout.
    steps : int
        Steps of rows in a whole training, to the end of which the learning rate falls.
    hidden, layers : int
        Width and number of the layers of the network.
    lstm : int
        Width of the LSTM after them; 0 for none.
    learning_rate : float
        At the beginning.
    anneal : bool
        Whether it falls to 0, in a straight line.
    gamma, gae_lambda : float
        How much later rewards count, and later estimates of them.
    epochs, minibatches : int
        How often, and in how many parts, a rollout is learned from.
    clip : float
        How far the probability of an action may move, as a share of it, before it is not moved further.
    entropy, value : float
        Weights of the entropy and of the error of the values in the loss.
    max_gradient : float
        The longest gradient of a step; longer ones are shortened.
    scale_rewards : bool
        Whether rewards are divided by the running deviation of their discounted sum.
    """

    num_envs: int = 64
    horizon: int = 32
    steps: int = 1_000_000
    hidden: int = 64
    layers: int = 2
    lstm: int = 0
    learning_rate: float = 2.5e-3
    anneal: bool = True
    gamma: float = 0.99
    gae_lambda: float = 0.95
    epochs: int = 4
    minibatches: int = 4
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    max_gradient: float = 0.5
    scale_rewards: bool = True

    def __post_init__(self) -> None:
        # Of every attribute: its least and its highest value.
        least = {"lstm": 0, "learning_rate": 0, "gamma": 0, "gae_lambda": 0, "clip": 0, "entropy": 0, "value": 0}
        highest = {"gamma": 1, "gae_lambda": 1, "clip": 1}
        for field in fields(self):
            name, kind, value = field.name, field.type, getattr(self, field.name)
            if kind == "bool":
                checks.boolean(name, value)
            elif kind == "int":
                checks.integer(name, value, least.get(name, 1))
            else:
                checks.number(name, value, least.get(name, 1e-12), highest.get(name, math.inf))


class PPO:
    """A learner on a batch, which it resets and steps from then on.

    Parameters
    ----------
    env : puffer.VectorEnv
        In the autoreset mode SAME_STEP, with flat rows. With a smaller `batch_size` it returns its parts in order, and
        one of them is stepped while actions are chosen for another.
    settings : Settings
    seed : int
    device : str or torch.device
        Where the network is, as torch names it.

    Attributes
    ----------
    network : Network
    steps, episodes : int
    recent : deque of (return, length)
        Of the last episodes.
    """

    def __init__(
        self, env: VectorEnv, settings: Settings, *, seed: int = 0, device: str | torch.device = "cpu"
    ) -> None:
        if env.autoreset_mode is not AutoresetMode.SAME_STEP or not env.flat:
            raise ValueError(f"PPO needs autoreset_mode='SameStep' and flat=True, the defaults, got {env!r}")
        self.env, self.settings, self.device = env, settings, torch.device(device)
        # Layers are drawn from the global random numbers of torch.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = Network(env, settings.hidden, settings.layers, settings.lstm).to(self.device)
        self.optimizer, self.learning_rate = Adam(self.network.parameters()), settings.learning_rate
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.steps, self.episodes, self.seconds = 0, 0, 0.0
        self.recent: deque[tuple[float, int]] = deque(maxlen=max(_RECENT, env.num_envs))
        self.reward_scale, self.sums = RunningScale(), torch.zeros(env.num_envs)
        self.clock = {"env": 0.0, "policy": 0.0, "learning": 0.0}
        self._make_memory()
        self._begin(seed)

    def _make_memory(self) -> None:
        """Make the arrays of a rollout: what the environment writes, and what the policy thought of it."""
        env, settings, device = self.env, self.settings, self.device
        on_gpu = device.type == "cuda"
        self.rollout = env.rollout_buffers(settings.horizon, torch=True, pinned=on_gpu)
        shape, actions = (settings.horizon, env.num_envs), self.network.actions
        self.drawn = torch.zeros(*shape, len(actions.whole) + len(actions.reals), device=device)
        self.log_probs, self.values = torch.zeros(2, *shape, device=device)
        rows = env.batch_size * env.agents_per_env
        self.parts = [slice(first, first + rows) for first in range(0, env.num_envs, rows)]
        # Of the LSTM: its state after every step, and where it is forgotten before one.
        self.states = torch.zeros(settings.horizon + 1, env.num_envs, 2 * settings.lstm, device=device)
        self.fresh = torch.ones(settings.horizon + 1, env.num_envs, dtype=torch.bool, device=device)
        self.was_live = torch.ones(env.num_envs, dtype=torch.bool)

    def _begin(self, seed: int) -> None:
        """Begin the episodes, and take the first observations."""
        self.first = 0
        if len(self.parts) == 1:
            self.env.reset(seed=seed)
        else:
            self.env.async_reset(seed=seed)
            for _ in self.parts:
                self.env.recv()
        self.network.observations.see(self.rollout.all_observations[0].to(self.device))

    # ---- A rollout ----

    def iterations(self) -> Iterator[Progress]:
        """Collect rollouts and learn from them, for as long as the caller goes on."""
        while True:
            begun, before, clock = time.perf_counter(), self.steps, dict(self.clock)
            self.collect()
            learning = time.perf_counter()
            losses = self.learn()
            self.clock["learning"] += time.perf_counter() - learning
            took = time.perf_counter() - begun
            self.seconds += took
            returns, lengths = zip(*self.recent, strict=True) if self.recent else ((math.nan,), (math.nan,))
            yield Progress(
                steps=self.steps,
                episodes=self.episodes,
                seconds=self.seconds,
                rate=(self.steps - before) / took,
                **{name: (self.clock[name] - clock[name]) / took for name in clock},
                episode_return=sum(returns) / len(returns),
                episode_length=sum(lengths) / len(lengths),
                **losses,
                learning_rate=self.learning_rate,
            )

    @torch.no_grad()
    def collect(self) -> None:
        """Fill the rollout. Of several parts, each is stepped while the policy works on the others."""
        self.states[0], self.fresh[0] = self.states[-1], self.fresh[-1]
        for step in range(self.settings.horizon):
            for part in self.parts:
                if len(self.parts) > 1 and step:
                    self._receive(part, step - 1)
                begun = time.perf_counter()
                actions = self._choose(part, step)
                chosen = time.perf_counter()
                self.clock["policy"] += chosen - begun
                self._step(actions, part, step)
                self.clock["env"] += time.perf_counter() - chosen
        if len(self.parts) > 1:
            for part in self.parts:
                self._receive(part, self.settings.horizon - 1)
        # Where the coming rollout finds its first observations, until its first step moves them.
        self.first = self.settings.horizon
        self.steps += self.settings.horizon * self.env.num_envs
        ends = self.rollout.ends
        self.episodes += len(ends.rows)
        self.recent.extend(zip(ends.returns.tolist(), ends.lengths.tolist(), strict=True))

    def _choose(self, part: slice, step: int) -> np.ndarray:
        """The actions of a part in a step, which are kept with their probabilities and the values."""
        network = self.network
        observations = self.rollout.all_observations[step or self.first, part].to(self.device, non_blocking=True)
        state, fresh = self.states[step, part], self.fresh[step : step + 1, part]
        outputs, values, state = network(observations, state, fresh)
        told = self.env.action_masks
        masks = None if told is None else torch.from_numpy(told[part]).to(self.device)
        masks = network.actions.legal(masks, len(values))
        drawn, log_probs = network.actions.draw(outputs, masks, self.generator)
        self.drawn[step, part], self.log_probs[step, part], self.values[step, part] = drawn, log_probs, values
        if self.settings.lstm:
            self.states[step + 1, part] = state
        return network.actions.rows(drawn)

    def _step(self, actions: np.ndarray, part: slice, step: int) -> None:
        if len(self.parts) > 1:
            self.env.send(actions)
            return
        self.env.step(actions)
        self._note_ends(part, step)

    def _receive(self, part: slice, step: int) -> None:
        begun = time.perf_counter()
        self.env.recv()
        self._note_ends(part, step)
        self.clock["env"] += time.perf_counter() - begun

    def _note_ends(self, part: slice, step: int) -> None:
        """Note where the LSTM is to forget: after the end of an episode, and while an agent takes no part."""
        if self.settings.lstm:
            live = torch.from_numpy(self.env.masks[part].copy())
            ended = self.rollout.terminations[step, part] | self.rollout.truncations[step, part]
            self.fresh[step + 1, part] = (ended | ~live | ~self.was_live[part]).to(self.device)
            self.was_live[part] = live

    # ---- Learning ----

    @torch.no_grad()
    def _advantages(self) -> tuple[Tensor, Tensor]:
        """The advantages of the actions, and what the values should have been, both (horizon, rows)."""
        settings, rollout, network = self.settings, self.rollout, self.network
        ended = rollout.terminations | rollout.truncations
        rewards = self._scaled(rollout.rewards, ended).to(self.device)
        going = (~ended).float().to(self.device)
        ends = rollout.ends
        cut = np.flatnonzero(ends.truncated & ~ends.terminated)
        if len(cut):
            # The episode would have gone on.
            steps, rows = torch.from_numpy(ends.steps[cut]), torch.from_numpy(ends.rows[cut])
            last = torch.from_numpy(ends.observations[cut]).to(self.device)
            keep = torch.zeros(1, len(cut), dtype=torch.bool, device=self.device)
            state = self.states[steps + 1, rows] if settings.lstm else None
            rewards[steps, rows] += settings.gamma * network(last, state, keep)[1]
        last = rollout.all_observations[-1].to(self.device)
        following = network(last, self.states[-1], self.fresh[-1:])[1]
        advantages, advantage = torch.zeros_like(self.values), torch.zeros_like(following)
        for step in reversed(range(settings.horizon)):
            error = rewards[step] + settings.gamma * going[step] * following - self.values[step]
            advantage = error + settings.gamma * settings.gae_lambda * going[step] * advantage
            advantages[step], following = advantage, self.values[step]
        return advantages, advantages + self.values

    def _scaled(self, rewards: Tensor, ended: Tensor) -> Tensor:
        """The rewards, divided by the running deviation of their discounted sum if that is wanted."""
        if not self.settings.scale_rewards:
            return rewards.clone()
        sums = torch.empty_like(rewards)
        for step in range(len(rewards)):
            self.sums = self.settings.gamma * self.sums + rewards[step]
            sums[step] = self.sums
            self.sums = self.sums * ~ended[step]
        self.reward_scale.see(sums)
        return (rewards / self.reward_scale.deviation).clamp(-_REWARD_LIMIT, _REWARD_LIMIT)

    def learn(self) -> dict[str, float]:
        """Learn from the rollout; returns the means of what `Progress` tells of the losses."""
        settings = self.settings
        advantages, targets = self._advantages()
        if settings.anneal:
            self.learning_rate = settings.learning_rate * max(0.0, 1 - self.steps / settings.steps)
        observations = self.rollout.observations.to(self.device).flatten(0, 1)
        masks = self.rollout.masks.to(self.device)
        legal = self.legal()
        told: list[Tensor] = []
        for _ in range(settings.epochs):
            for index, rows in self._minibatches(masks):
                state, fresh = (self.states[0, rows], self.fresh[:-1, rows]) if settings.lstm else (None, None)
                outputs, values, _ = self.network(observations[index], state, fresh)
                flat = [
                    array.flatten(0, 1)[index] for array in (self.drawn, self.log_probs, advantages, targets, masks)
                ]
                loss, parts = self._loss(outputs, values, None if legal is None else legal[index], *flat)
                loss.backward()
                self.optimizer.step(self.learning_rate, settings.max_gradient)
                told.append(parts)
        # Not before, so that the policy that chose the actions is the one that they are judged by at first.
        if self.network.observations.scales:
            self.network.observations.see(observations[masks.flatten()])
        means = torch.stack(told).mean(0).tolist() if told else [math.nan] * 4
        return dict(zip(("policy_loss", "value_loss", "entropy", "divergence"), means, strict=True))

    def legal(self) -> Tensor | None:
        """What could be chosen in the rollout, bool (horizon * rows, choices), or None if that was everything."""
        masks = self.rollout.action_masks
        rows = self.settings.horizon * self.env.num_envs
        return self.network.actions.legal(None if masks is None else masks.flatten(0, 1).to(self.device), rows)

    def _minibatches(self, masks: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        """The indices of each minibatch in the flattened rollout; with an LSTM all steps of some rows, and the rows."""
        steps, rows = masks.shape
        if not self.settings.lstm:
            live = masks.flatten().nonzero()[:, 0]
            order = torch.randperm(len(live), generator=self.generator, device=self.device)
            for chunk in order.chunk(self.settings.minibatches):
                yield live[chunk], None
            return
        order = torch.randperm(rows, generator=self.generator, device=self.device)
        for chunk in order.chunk(self.settings.minibatches):
            index = torch.arange(steps, device=self.device)[:, None] * rows + chunk
            yield index.flatten(), chunk

    def _loss(
        self, outputs: Tensor, values: Tensor, legal: Tensor | None, drawn: Tensor, old: Tensor, advantages: Tensor,
        targets: Tensor, mask: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The loss of a minibatch, and its parts: of the policy, of the values, the entropy, and the divergence."""
        settings, weight = self.settings, mask.float() / mask.sum().clamp(min=1)
        log_probs, entropies = self.network.actions.judge(outputs, legal, drawn)
        mean = (advantages * weight).sum()
        deviation = ((advantages - mean) ** 2 * weight).sum().sqrt()
        advantages = (advantages - mean) / (deviation + 1e-8)
        change = log_probs - old
        ratio = change.exp()
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        policy = -(torch.minimum(ratio * advantages, clipped * advantages) * weight).sum()
        value = 0.5 * ((values - targets) ** 2 * weight).sum()
        entropy = (entropies * weight).sum()
        divergence = ((ratio - 1 - change) * weight).sum()
        loss = policy + settings.value * value - settings.entropy * entropy
        return loss, torch.stack([policy, value, entropy, divergence]).detach()

    # ---- What is kept ----

    @property
    def is_sound(self) -> bool:
        """Whether all parameters are finite numbers."""
        return bool(self.optimizer.vector.isfinite().all())

    def state(self) -> dict[str, Any]:
        """Everything that learning goes on from, as tensors, numbers and texts."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state(),
            "generator": self.generator.get_state(),
            "reward_scale": vars(self.reward_scale),
            "steps": self.steps,
            "episodes": self.episodes,
            "seconds": self.seconds,
            "recent": [list(one) for one in self.recent],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state()`, with new episodes."""
        self.network.load_state_dict(state["network"])
        self.optimizer.restore(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.reward_scale = RunningScale(**state["reward_scale"])
        self.steps, self.episodes, self.seconds = state["steps"], state["episodes"], state["seconds"]
        self.recent.extend((total, length) for total, length in state["recent"])
