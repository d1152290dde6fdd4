"""Options of a batch, validated once; `make`, `emulate`, `Env` and the backends hand them on as one object."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from gymnasium.vector import AutoresetMode

from puffer import checks

# The largest number of copies, rows or steps: native code counts them in 32 bits.
MOST = 2**31 - 1


@dataclass
class BatchOptions:
    """What every batch can be asked for.

    Attributes
    ----------
    num_envs : int
        Copies, at least 1.
    batch_size : int, optional
        Copies that one `send` steps and one `recv` returns; it divides num_envs, which is the default.
    autoreset_mode : str or gymnasium.vector.AutoresetMode
        "SameStep", "NextStep" or "Disabled".
    max_steps : int, optional
        Steps after which an episode is truncated; by default the limit of the rules.
    buf : mapping, optional
        Arrays for the batch to live in, see `puffer.Buffers`.
    seed : int, optional
        Seed of the first reset that is given none.
    render_mode : str, optional
    record_episodes : bool
        Whether infos carry `episode`, in the form of Gymnasium's RecordEpisodeStatistics.
    check_actions : bool
        Whether actions are checked for range and finiteness.
    check_values : bool
        Whether observations and rewards are checked, which costs time: NaN, values outside the space and infinite
        rewards raise ValueError. By default only in Python's development mode (`python -X dev`).
    action_masks : bool
        Whether infos carry `action_mask`, the masks of legal actions, of environments that have them.

    Raises TypeError or ValueError, with the name and the value, for a bad one. Render modes are checked by those who
    know which there are.
    """

    num_envs: int = 1
    batch_size: int | None = None
    autoreset_mode: AutoresetMode | str = "SameStep"
    max_steps: int | None = None
    buf: Any = None
    seed: int | None = None
    render_mode: str | None = None
    record_episodes: bool = False
    check_actions: bool = True
    check_values: bool | None = None
    action_masks: bool = False

    def __post_init__(self) -> None:
        self.num_envs = checks.integer("num_envs", self.num_envs, 1, MOST)
        self.batch_size: int = checks.divisor("batch_size", self.batch_size, "num_envs", self.num_envs)
        self.autoreset_mode: AutoresetMode = checks.autoreset_mode(self.autoreset_mode)
        self.max_steps = None if self.max_steps is None else checks.integer("max_steps", self.max_steps, 1, MOST)
        self.seed = None if self.seed is None else checks.seed(self.seed)
        self.action_masks = checks.boolean("action_masks", self.action_masks)
        given = sys.flags.dev_mode if self.check_values is None else self.check_values
        self.check_values: bool = checks.boolean("check_values", given)

    @property
    def num_parts(self) -> int:
        """Number of parts, which are sent and received one by one."""
        return self.num_envs // self.batch_size


@dataclass
class WorkerOptions:
    """What a batch that is stepped by workers can also be asked for.

    Attributes
    ----------
    num_workers : int, optional
        Workers, each with a contiguous range of the copies; by default one per core. With a smaller batch_size a
        multiple of num_envs / batch_size.
    timeout : float
        Seconds that a worker has for an answer, above 0. To start it always has a minute.
    ordered : bool
        Whether recv() returns the parts in the order of the sends, instead of the first that is ready.
    restart_workers : bool
        Whether a worker that died or hung is replaced: its rows are truncated, with the first observations of the new
        copies, and `stats()` counts it in `worker_restarts`.

    Raises TypeError or ValueError, with the name and the value, for a bad one.
    """

    num_workers: int | None = None
    timeout: float = 60.0
    ordered: bool = False
    restart_workers: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.timeout, (int, float)) and self.timeout > 0):
            raise ValueError(f"timeout must be a positive number of seconds, got {self.timeout!r}")
        self.timeout = float(self.timeout)

    @property
    def wants_workers(self) -> bool:
        """Whether an option was given that only workers can honour."""
        return self.num_workers is not None or self.restart_workers or self.ordered

    def workers_for(self, options: BatchOptions, cores: int) -> int:
        """The number of workers of a batch. Raises TypeError or ValueError for one that its parts do not allow."""
        copies, parts = options.num_envs, options.num_parts
        if self.num_workers is None:
            return parts * max(1, min(cores // parts, copies // parts))
        workers = checks.integer("num_workers", self.num_workers, 1, copies)
        if workers % parts:
            raise ValueError(f"num_workers must be a multiple of num_envs / batch_size = {parts}, got {workers}")
        return workers
