"""`evaluate`: what a policy is worth, by episodes of known seeds, of which every copy plays its share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.evaluation.games import Games
from puffer.evaluation.policies import Player
from puffer.evaluation.results import Evaluation, Recording
from puffer.faces.batches import batch_of
from puffer.vector import VectorEnv

# The copies of a batch that is made here, at most.
_COPIES = 16
# Seconds after which a bar shows the progress, at a terminal.
_PATIENCE = 1.0


def evaluate(
    env: Any,
    policy: Callable[..., Any],
    *,
    episodes: int = 100,
    seed: int = 0,
    confidence: float = 0.95,
    record: bool = False,
    num_envs: int | None = None,
    **options: Any,
) -> Evaluation:
    """Play episodes with a policy, and tell what they returned.

    Episode k has the seed `seed + k`. Copy c plays the episodes c, c + num_copies, and so on, each to its end: short
    episodes do not count more often than long ones. So a policy whose actions depend on the observations alone has the
    same returns with any number of copies.

    Parameters
    ----------
    env
        A batch, in any autoreset mode; or a name, or what `puffer.emulate` takes, of which a batch is made and closed
        again. A batch may stand in vector wrappers of Gymnasium; the returns are those of the environment, without
        them. It is reset first, and left in the middle of episodes.
    policy : callable
        `policy(observations)` returns the actions of all rows, as `env.step` takes them. It also gets what it has
        parameters for, by these names:

        - `action_masks`: the legal actions, `env.action_masks`, or None where there are no masks;
        - `starts`: bool (rows,), whether an episode begins with the observation; also as `episode_start`, as
          `predict` of Stable-Baselines3 calls it;
        - `state`: what the policy itself returned last, None at first. It then returns its actions and its new state.

        A method `require_env(batch)`, if it has one, is called first, and may raise.
    episodes : int
        At least 1. An episode that several agents share counts once.
    seed : int
        Of the first episode, 0 to 2**64 - 1.
    confidence : float
        Of the interval of the mean, between 0 and 1.
    record : bool
        Play the best and the worst episode once more, for their pictures. An environment in Python needs
        `render_mode="rgb_array"`.
    num_envs, **options
        Of `puffer.make` or `puffer.emulate`, for a batch that is made here. There are at most 16 copies by default.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError
        For something else than an environment or a policy, and options beside a batch that is made already.
    ValueError
        For actions of another shape or with NaN, before they are stepped; for a batch with a smaller `batch_size`; with
        `record`, for one without pictures, or whose agents have episodes of their own.
    RuntimeError
        With `record`, for an episode that was another one when it was played again.

    Examples
    --------
    >>> print(puffer.evaluate("cartpole", lambda observations: (observations[:, 2] > 0).astype(int), episodes=20))
    """
    episodes = checks.integer("episodes", episodes, 1)
    seed = checks.seed(seed)
    checks.integer("seed + episodes", seed + episodes, 1, 2**64)
    if not 0 < checks.number("confidence", confidence, 0, 1) < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    if not callable(policy):
        raise TypeError(f"policy must be a function of observations, got {policy!r} of type {type(policy).__name__}")
    with ExitStack() as made:
        if isinstance(getattr(env, "unwrapped", None), VectorEnv):
            batch_of(env.unwrapped, num_envs, options)
        else:
            copies = min(episodes, _COPIES) if num_envs is None else num_envs
            env = made.enter_context(closing(batch_of(env, copies, options)))
        _require_usable(env.unwrapped, record)
        games = Games(env.unwrapped, episodes, seed)
        kept = _play(env, Player(env, policy), games, record)
        best, worst = (_recording(games, k, kept[k]) for k in games.extremes(kept)) if record else (None, None)
    # A single agent has no axis of its own.
    returns, lengths = (array[:, 0] if games.agents == 1 else array for array in (games.returns, games.lengths))
    returns[lengths == 0] = math.nan
    return Evaluation(returns, lengths, games.seeds, confidence, best, worst)


def _require_usable(batch: VectorEnv, record: bool) -> None:
    if batch.batch_size != batch.num_copies:
        raise ValueError(
            f"evaluate() steps all copies at once, got batch_size={batch.batch_size} of {batch.num_copies}: "
            f"leave it out"
        )
    if record and batch.independent_agents:
        raise ValueError(f"record=True needs agents that share an episode; in {batch!r} each has its own")
    if record and batch.native_env is None and batch.render_mode not in ("rgb_array", "ansi"):
        raise ValueError(f'record=True needs pictures: make {batch!r} with render_mode="rgb_array"')


def _play(env: gymnasium.vector.VectorEnv, player: Player, games: Games, record: bool) -> dict[int, list[np.ndarray]]:
    """Play all episodes. Returns the actions of the best and the worst one, by their numbers, if they are recorded."""
    kept: dict[int, list[np.ndarray]] = {}
    logs: dict[int, list[np.ndarray]] = {}
    with _Progress(games.episodes) as progress:
        observations = games.begin(env)
        while games.ended < games.episodes:
            if games.mode is AutoresetMode.DISABLED and games.waiting.any():
                observations = games.reset_waiting(env)
            actions = player.act(observations, games.starts)
            playing = np.flatnonzero(games.counting) if record else []
            observations = env.step(actions)[0]
            for group in playing:
                rows = games.batch.buffers.actions[group * games.agents : (group + 1) * games.agents]
                logs.setdefault(int(games.current[group]), []).append(rows.copy())
            finished = games.follow()
            if finished and record:
                kept.update((k, logs.pop(k)) for k in finished)
                kept = {k: kept[k] for k in games.extremes(kept)}
            progress.show(games.ended)
    return kept


def _recording(games: Games, k: int, actions: list[np.ndarray]) -> Recording:
    """Episode k, played again by all copies alike. Raises RuntimeError if it has another return."""
    batch, seed = games.batch, int(games.seeds[k])
    batch.reset(seed=[seed] * batch.num_copies)
    frames, rewards = [], []
    for rows in actions:
        frames.append(batch.ansi_copy(0) if batch.render_mode == "ansi" else batch.render_copy(0))
        _, reward, *_ = batch.batch.step(np.tile(rows, (batch.num_copies, *[1] * (rows.ndim - 1))))
        rewards.append(reward[: games.agents].astype(np.float64))
    total, again = games.total(k), float(np.sum(rewards, axis=0)[games.lengths[k] > 0].mean())
    if not math.isclose(total, again, rel_tol=1e-9, abs_tol=1e-12):
        raise RuntimeError(
            f"the episode of seed {seed} returned {total} at first and {again} when it was played again: the "
            f"environment does something else with the same seed and actions"
        )
    return Recording(seed, total, np.stack(actions), frames)


class _Progress:
    """A bar on standard error, for a person who has to wait."""

    def __init__(self, episodes: int) -> None:
        self.episodes, self.begun = episodes, time.monotonic()
        self.bar: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def show(self, ended: int) -> None:
        """Show how many episodes have ended, once it has taken a while."""
        if self.bar is None:
            if time.monotonic() - self.begun < _PATIENCE:
                return
            # Not above: whoever does not wait does not need it.
            from rich.console import Console
            from rich.progress import Progress

            console = Console(stderr=True)
            self.bar = Progress(console=console, transient=True, disable=not console.is_terminal)
            self.bar.start()
            self.task = self.bar.add_task("episodes", total=self.episodes)
        self.bar.update(self.task, completed=ended)
