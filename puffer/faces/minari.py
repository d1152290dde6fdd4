"""Datasets of Minari from a batch: `DataCollector("cartpole", 64)`, and a compact file of the actions alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded

from puffer.faces.batches import require_kept, usable_batch
from puffer.layout.nested import NestedObservations
from puffer.vector import VectorEnv

try:
    import minari
    from minari.data_collector import EpisodeBuffer
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] not in ("minari", "h5py"):
        raise
    raise ImportError("puffer.faces.minari needs Minari: pip install minari h5py") from None

# Options of a batch, which a single environment of the dataset does not have.
_OF_BATCH = (
    "num_envs",
    "vectorization_mode",
    "autoreset_mode",
    "copy",
    "num_threads",
    "flat",
    "record_episodes",
    "max_steps",
)


class DataCollector:
    """Steps a batch and keeps its episodes, those of every row, as `minari.DataCollector` does for one environment.

    Parameters
    ----------
    env
        A name, as in `puffer.make`; what `puffer.emulate` takes; or a `puffer.VectorEnv`.
    num_envs : int, optional
        Copies, by default 1. A VectorEnv has its own.
    **options
        Of `puffer.make` or `puffer.emulate`.

    Attributes
    ----------
    batch : puffer.VectorEnv
    steps : int
        Steps of the batch that are kept.

    Raises
    ------
    TypeError
        For options beside a VectorEnv.
    ValueError
        For a batch of another autoreset mode than SAME_STEP, with a smaller batch_size, `copy=False` or `flat=False`.
    """

    def __init__(self, env: Any, num_envs: int | None = None, **options: Any) -> None:
        with usable_batch(env, num_envs, options) as batch:
            require_kept(batch, "DataCollector", rows=True)
        self.batch = batch
        own_space = getattr(self.batch.native_env, "own_observation_space", None)
        self._observations = NestedObservations(self.batch.layout, own_space)
        # How the batch is made again, as far as a file can say it.
        self._made = (
            {"env": env, "num_envs": self.batch.num_copies, "options": options} if isinstance(env, str) else None
        )
        self._runs: list[_Run] = []

    @property
    def steps(self) -> int:
        return sum(len(run.actions) for run in self._runs)

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes in all rows, as `VectorEnv.reset` does. Those that had not ended count as truncated."""
        observations, info = self.batch.reset(seed=seed)
        self._runs.append(_Run(seed, observations, self.batch.masks.copy()))
        return observations, info

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step, and keep what was done and what came of it; returns what `VectorEnv.step` does.

        Raises ResetNeeded before the first reset of the collector.
        """
        if not self._runs:
            raise ResetNeeded("step() before reset() of the collector, which keeps the first observations")
        result = self.batch.step(actions)
        self._runs[-1].add(self.batch, result)
        return result

    def episodes(self) -> Iterator[EpisodeBuffer]:
        """The episodes, one row after another; the last of a row is truncated where it had not ended."""
        for run in self._runs:
            for row in range(self.batch.num_envs):
                yield from run.episodes_of(row, self._observations)

    def create_dataset(self, dataset_id: str, **about: Any) -> minari.MinariDataset:
        """Write the episodes as a dataset of Minari.

        Parameters
        ----------
        dataset_id : str
            As in Minari: "namespace/name-v0".
        **about
            Of `minari.create_dataset_from_buffers`: author, algorithm_name, description and others. `env` is by default
            the environment of a single agent, where Gymnasium can make it, so that the dataset can make it again.

        Raises
        ------
        ValueError
            If a dataset of this name is there, or the name is not one.
        """
        spaces_of_one = {"observation_space": self._observations.space, "action_space": self.batch.single_action_space}
        made = {"env": _spec_of_one(self.batch), **spaces_of_one, **about}
        return minari.create_dataset_from_buffers(dataset_id, list(self.episodes()), **made)

    def save_actions(self, path: str | os.PathLike[str]) -> None:
        """Write seeds and actions, from which `load_actions` makes all the rest again, to a compressed file.

        It has the name and options of the environment, too, if it was made by name, and a digest of the results.

        Raises
        ------
        ValueError
            Before the first step, and if the first reset had no seed.
        TypeError
            For options of the environment that JSON cannot hold.
        """
        if not self.steps:
            raise ValueError("there are no steps yet; call reset(seed=...) and step(actions)")
        if self._runs[0].seed is None:
            raise ValueError("actions are replayed from a seed; call reset(seed=...) first")
        about = {"made": self._made, "seeds": [run.seed for run in self._runs], "digest": self._digest()}
        try:
            header = json.dumps(about)
        except TypeError as error:
            raise TypeError(f"JSON cannot hold the options {self._made}: {error}; make a batch of them first") from None
        actions = {f"actions_{index}": np.array(run.actions) for index, run in enumerate(self._runs)}
        with Path(path).open("wb") as file:
            np.savez_compressed(file, about=np.array(header), **actions)

    def _digest(self) -> str:
        """Of all observations, rewards and flags."""
        digest = hashlib.sha256()
        for run in self._runs:
            for column in (run.observations, run.rewards, run.terminations, run.truncations):
                for array in column:
                    digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    def close(self) -> None:
        """Close the batch. The episodes stay."""
        self.batch.close()


def load_actions(
    path: str | os.PathLike[str], env: Any = None, num_envs: int | None = None, **options: Any
) -> DataCollector:
    """Step an environment as a file of `DataCollector.save_actions` says; returns the collector with the episodes.

    Parameters
    ----------
    path
        Of the file.
    env, num_envs, **options
        As in DataCollector; by default those that the file has.

    Raises
    ------
    ValueError
        If the file does not say how the batch is made, and `env` is not given; and if the results are not those that
        the actions had when they were written, as with another version of the environment.
    """
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
        runs = [file[f"actions_{index}"] for index in range(len(about["seeds"]))]
    made = about["made"]
    if env is None and made is None:
        raise ValueError(f"{path} does not say how its environment is made; pass it: load_actions(path, env, num_envs)")
    if env is None:
        env, num_envs, options = made["env"], made["num_envs"], made["options"]
    collector = DataCollector(env, num_envs, **options)
    for seed, actions in zip(about["seeds"], runs, strict=True):
        collector.reset(seed=seed)
        for action in actions:
            collector.step(action)
    if collector._digest() != about["digest"]:
        collector.close()
        raise ValueError(
            f"{path}: the environment gives other results than when it was written; is it the same version?"
        )
    return collector


class _Run:
    """The steps after one reset; index 0 of `observations` and `masks` has those of the reset."""

    def __init__(self, seed: int | None, observations: np.ndarray, masks: np.ndarray) -> None:
        self.seed = seed
        self.observations, self.masks = [observations], [masks]
        self.actions: list[np.ndarray] = []
        self.rewards: list[np.ndarray] = []
        self.terminations: list[np.ndarray] = []
        self.truncations: list[np.ndarray] = []
        # By row the steps in which its episodes ended, and their last observations.
        self.ends: dict[int, list[tuple[int, np.ndarray]]] = {}

    def add(self, batch: VectorEnv, result: tuple) -> None:
        observations, rewards, terminations, truncations, _ = result
        for row, last in zip(batch.ends.rows.tolist(), batch.ends.observations, strict=True):
            self.ends.setdefault(row, []).append((len(self.actions), last))
        # As the batch took them: of its dtype, and not those of somebody who writes into them.
        self.actions.append(batch.buffers.actions.copy())
        self.observations.append(observations)
        self.masks.append(batch.masks.copy())
        self.rewards.append(rewards)
        self.terminations.append(terminations)
        self.truncations.append(truncations)

    def episodes_of(self, row: int, observations: NestedObservations) -> Iterator[EpisodeBuffer]:
        first, steps = 0, len(self.actions)
        for end, last in [*self.ends.get(row, ()), (steps - 1, None)]:
            # An agent that left before the others takes part again from their next episode on.
            while first < steps and not self.masks[first][row]:
                first += 1
            if first > end:
                continue
            taken, is_cut = slice(first, end + 1), last is None
            rows = [each[row] for each in self.observations[taken]] + [self.observations[-1][row] if is_cut else last]
            truncations = [bool(each[row]) for each in self.truncations[taken]]
            truncations[-1] |= is_cut
            yield EpisodeBuffer(
                seed=self.seed,
                observations=observations.of_rows(np.array(rows)),
                actions=np.array([each[row] for each in self.actions[taken]]),
                rewards=[float(each[row]) for each in self.rewards[taken]],
                terminations=[bool(each[row]) for each in self.terminations[taken]],
                truncations=truncations,
            )
            first = end + 1


def _spec_of_one(batch: VectorEnv) -> EnvSpec | None:
    """From which Gymnasium makes one copy, or None."""
    if batch.agents_per_env > 1 or batch.spec is None:
        return None
    spec = deepcopy(batch.spec)
    spec.max_episode_steps = batch.max_steps
    spec.kwargs = {key: value for key, value in spec.kwargs.items() if key not in _OF_BATCH}
    return spec
