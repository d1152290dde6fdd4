"""What a training has come to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What an iteration of the learner has come to: the numbers of the live table and of the curves.

    Attributes
    ----------
    steps, episodes : int
        Of all rows, since the beginning.
    seconds : float
        Spent in training since the beginning.
    rate : float
        Steps per second of this iteration.
    env, policy, learning : float
        Shares of its time: in the environment, in the choice of actions, in learning.
    episode_return, episode_length : float
        Means over the last episodes, NaN before there is one.
    policy_loss, value_loss, entropy, divergence : float
        Means over the minibatches; the divergence is between the policies before and after.
    learning_rate : float
    """

    steps: int
    episodes: int
    seconds: float
    rate: float
    env: float
    policy: float
    learning: float
    episode_return: float
    episode_length: float
    policy_loss: float
    value_loss: float
    entropy: float
    divergence: float
    learning_rate: float
