"""The common part of the backends for Python environments: seeds, episodes and infos."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode

from puffer.backends.episodes import Episodes
from puffer.backends.infos import Events, merged
from puffer.backends.rows import Rows, RowsForm
from puffer.layout.spec import CopySpec
from puffer.native.actions import ActionReader
from puffer.native.backend import BackendBase, Part
from puffer.native.batch import Batch
from puffer.native.checked import batch_of
from puffer.native.info import add_ends
from puffer.options import BatchOptions
from puffer.rendering import settled_mode


class PythonBackend(BackendBase):
    """Base of the backends that step copies in this process, and in workers.

    A subclass makes the copies, calls `_settle` with their spec, takes `_rows` over, and implements `_reset`, `start`,
    `_finish`, `render_one` and `close_copies`.
    """

    spec: CopySpec
    rows: Rows

    def __init__(self, options: BatchOptions) -> None:
        self.options = options
        # Copies whose first reset has a seed of its own.
        self._seeded: set[int] = set()
        self._same_step = options.autoreset_mode is AutoresetMode.SAME_STEP

    def batch(self) -> Batch:
        """The batch of the copies."""
        try:
            return batch_of(self, self.spec, self.options, self.rows.buffers, self._reader)
        except TypeError:
            self.close_copies()
            raise

    def _settle(self, spec: CopySpec) -> None:
        """Take over the spec of the copies, as far as the options say nothing else."""
        limit = spec.max_steps if self.options.max_steps is None else self.options.max_steps
        mode = settled_mode(self.options.render_mode, spec.rendering)
        self.spec = spec._replace(max_steps=limit, rendering=spec.rendering._replace(mode=mode))
        flat = spec.action_layout.flat_space
        ranges = None if isinstance(flat, Box) else spec.copy_action_space
        self._reader = ActionReader(flat, self.options.check_actions, False, ranges)
        space = spec.layout.flat_space
        self._form = RowsForm(
            self.options.num_envs,
            spec.agents_per_env,
            (space.shape, space.dtype),
            (self._reader.shape, self._reader.dtype),
        )

    def _live_in(self, rows: Rows) -> None:
        """Take over the arrays of the batch."""
        self.rows = rows
        self.episodes = Episodes(
            rows,
            self.options.batch_size,
            same_step=self._same_step,
            max_steps=self.spec.max_steps,
            has_seconds=self.options.record_episodes,
        )

    # ---- For subclasses ----

    def _reset(
        self, seeds: Sequence[int | None], copies: Sequence[int], options: Sequence[dict[str, Any] | None] | None
    ) -> Events:
        """Reset these copies. The rows of the events count in the whole batch."""
        raise NotImplementedError

    def _start(self, part: Part) -> None:
        """Begin to step a part."""

    def _finish(self, part: Part) -> Events | None:
        """Wait for a part. The rows of the events count in the part."""
        raise NotImplementedError

    def _set_next(self, settings: dict[int, dict[str, Any]]) -> None:
        """Hand settings for the next episodes, by copy, to whoever steps the copies, see `CopiesStepper.set_next`."""
        raise NotImplementedError

    # ---- What Batch asks for ----

    def check_options(self, options: list[dict[str, Any] | None]) -> None:
        """Nothing here: the adapters know whether their environments take options."""

    def reset_copies(self, seed: Any, options: Any, copies: np.ndarray) -> dict[str, Any]:
        """Begin new episodes; an int seed s gives copy i the seed s + i, as Gymnasium does."""
        chosen = np.flatnonzero(copies).tolist()
        if isinstance(seed, list):
            seed = [seed[copy] for copy in chosen]
        own = None if options is None else [options[copy] for copy in chosen]
        events = self._reset(_seeds(seed, chosen), chosen, own)
        self.episodes.begin(chosen)
        return merged(len(self.rows.buffers.rewards), events.infos, events.columns)

    def first_seed(self, seed: int) -> list[int | None]:
        """The seeds of a first reset that was given none."""
        return [None if copy in self._seeded else seed + copy for copy in range(self.options.num_envs)]

    def set_next(self, copies: list[int], seed: Any, options: Any, parameters: dict[str, list[Any]]) -> None:
        """Set what holds for the next episodes; an int seed means the same as in a reset."""
        settings: dict[int, dict[str, Any]] = {}
        for k, (copy, own_seed) in enumerate(zip(copies, _seeds(seed, copies), strict=True)):
            setting: dict[str, Any] = {"parameters": {name: values[k] for name, values in parameters.items()}}
            if own_seed is not None:
                setting["seed"] = own_seed
                self._seeded.add(copy)
            if options is not None:
                setting["options"] = options[k]
            settings[copy] = setting
        self._set_next(settings)

    def start_part(self, part: Part) -> None:
        """Begin to step a part with the actions of its rows."""
        self.episodes.prepare(part.first, part.last)
        self._start(part)

    def finish_part(self, part: Part) -> dict[str, Any]:
        """Wait for a part that was started; sets its `ends`, and returns its infos."""
        events = self._finish(part)
        ends = part.ends = self.episodes.account(part.index)
        num_rows = part.rows.stop - part.rows.start
        info = merged(num_rows, events.infos, events.columns) if events else {}
        # An environment wrapped in RecordEpisodeStatistics reports its own.
        has_episodes = self.options.record_episodes and "episode" not in info
        if ends is None or not (self._same_step or has_episodes):
            return info
        finals = events.final_infos if events else ()
        final_info = functools.partial(merged, num_rows, finals) if self._same_step else None
        return add_ends(info, ends, final_info=final_info, has_episodes=has_episodes)

    def first_waiting(self, part: Part) -> int:
        """The first copy of a part whose episode has ended, or -1."""
        return self.episodes.first_waiting(part.first, part.last)

    def episode_stats(self) -> dict[str, float]:
        """Means over the episodes that ended since the last call."""
        return self.episodes.stats()


def _seeds(seed: int | list[int | None] | None, copies: Sequence[int]) -> list[int | None]:
    """The seeds of these copies, from one int or from a list with one for each."""
    if seed is None:
        return [None] * len(copies)
    return [seed + copy for copy in copies] if isinstance(seed, int) else seed
