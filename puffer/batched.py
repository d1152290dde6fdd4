"""The backend for systems that step many copies at once themselves, with their own threads or in their own process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer._buffers import Buffers
from puffer._python import Events, close_all
from puffer.backend import PythonBackend
from puffer.books import Books
from puffer.rendering import Rendering
from puffer.seeding import fresh_seeds
from puffer.spaces import ActionLayout, Layout


class BatchAdapter:
    """Drives an object that steps several copies together. A subclass sets the attributes and writes the methods.

    Attributes
    ----------
    observation_space, action_space : gymnasium.Space
        Of one agent.
    agents_per_env : int
        Rows of a copy.
    max_steps : int or None
        A time limit that is for the backend to keep.
    rendering : puffer.rendering.Rendering
    buffers : puffer.Buffers
        The rows of the copies, from `attach` on.
    over : (copies,) bool
        Whose episodes have ended in the last step, for all of their agents.
    """

    observation_space: Space
    action_space: Space
    agents_per_env = 1
    max_steps: int | None = None
    rendering = Rendering((), None, 30)

    def attach(self, buffers: Buffers) -> None:
        """Use these rows, which are those of this adapter's copies alone."""
        self.buffers = buffers
        self.over = np.zeros(len(buffers.rewards) // self.agents_per_env, np.bool_)

    def reset(self, seeds: list[int | None], copies: list[int]) -> dict[str, np.ndarray]:
        """Begin new episodes in these copies: write their observations and masks. Returns infos of all rows, by name.

        A seed of None continues the random numbers of the copy.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Begin to step every copy with the actions of the buffers."""

    def finish(self, finals: np.ndarray) -> dict[str, np.ndarray]:
        """Wait for the step: write observations, rewards, flags, masks, and `over`. Returns infos of all rows, by name.

        The adapter is made for an autoreset mode. In SameStep copies whose episode has ended show the first observation
        of the next one, and their last observations are in `finals`, which has the shape of the observations. In
        NextStep they show the last one, and the step after it, whose action does not count, gives the first one of
        the next episode, with a reward and flags of zero. In the mode Disabled they show the last one.
        """
        raise NotImplementedError

    def render_copy(self, copy: int) -> Any:
        """A frame, text or None, as the render mode has it."""
        return None

    def close(self) -> None:
        """Give back what the copies hold."""


@dataclass(frozen=True)
class BatchCreator:
    """Makes adapters for several copies: `make(num_copies, num_threads, autoreset_mode, **arguments)`."""

    make: Callable[..., BatchAdapter]
    arguments: dict[str, Any]

    def __call__(self, num_copies: int, num_threads: int, autoreset_mode: AutoresetMode) -> BatchAdapter:
        return self.make(num_copies, num_threads, autoreset_mode, **self.arguments)


class BatchedBackend(PythonBackend):
    """Copies that are stepped `batch_size` at a time by what `creator` makes.

    num_threads is the number of threads of each part, where the system has threads; 0 takes one per available core. The
    other options are those of `PythonBackend`.
    """

    def __init__(self, creator: BatchCreator, num_envs: int, *, num_threads: int = 0, **options: Any) -> None:
        super().__init__(num_envs, **options)
        threads = checks.integer("num_threads", num_threads, 0) or checks.available_cores()
        self._parts: list[_Part] = []
        adapters: list[BatchAdapter] = []
        try:
            for _ in range(self.num_copies // self.batch_size):
                adapters.append(creator(self.batch_size, min(threads, self.batch_size), self.autoreset_mode))
            self._set_up(adapters)
        except BaseException:
            with contextlib.suppress(Exception):
                close_all(adapters)
            raise

    def _set_up(self, adapters: Sequence[BatchAdapter]) -> None:
        first = adapters[0]
        layout, action_layout = Layout(first.observation_space), ActionLayout(first.action_space)
        self._prepare(layout, action_layout, first.agents_per_env, None, first.rendering)
        if self.max_steps is None:
            self.max_steps = first.max_steps
        self._make_own_memory()
        for part, adapter in enumerate(adapters):
            rows = self._rows(part)
            copies = slice(part * self.batch_size, (part + 1) * self.batch_size)
            buffers = self._make_buffers(rows.stop - rows.start, self.buffers.rows(rows))
            books = self.books.part(copies, rows)
            self._parts.append(_Part(adapter, buffers, books, self.autoreset_mode, self.max_steps))

    def _reset_parts(self, seeds: list[int | None], copies: list[int]) -> Events:
        events = Events()
        for number, part in enumerate(self._parts):
            first = number * self.batch_size
            chosen = [
                (seed, copy - first)
                for seed, copy in zip(seeds, copies, strict=True)
                if first <= copy < first + self.batch_size
            ]
            if chosen:
                happened = part.reset([seed for seed, _ in chosen], [copy for _, copy in chosen])
                events.add(happened, first * self.agents_per_env)
        return events

    def _start_part(self, part: int) -> None:
        self._parts[part].start()

    def _finish_part(self, part: int) -> Events:
        return self._parts[part].finish()

    def render_copy(self, copy: int = 0) -> Any:
        part, place = divmod(copy, self.batch_size)
        return self._parts[part].adapter.render_copy(place)

    def _close(self) -> None:
        close_all([part.adapter for part in self._parts])


class _Part:
    """Copies that are stepped together, and the books of their episodes."""

    def __init__(
        self, adapter: BatchAdapter, buffers: Buffers, books: Books, mode: AutoresetMode, max_steps: int | None
    ) -> None:
        self.adapter = adapter
        self._buffers = buffers
        self._books = books
        self._restarts = mode is AutoresetMode.SAME_STEP
        self._max_steps = max_steps
        rows, copies = len(buffers.rewards), len(books.ended)
        self._agents = rows // copies
        self._returns = np.zeros(rows)
        self._lengths = np.zeros(rows, np.int64)
        self._begun = np.zeros(rows)
        # Agents whose episode goes on.
        self._playing = np.zeros(rows, np.bool_)
        self._steps = np.zeros(copies, np.int64)
        # Copies that the batch has truncated, which the system does not know to have ended.
        self._late = np.zeros(copies, np.bool_)
        self._has_seed = np.zeros(copies, np.bool_)
        adapter.attach(buffers)

    def reset(self, seeds: list[int | None], copies: list[int]) -> Events:
        """Begin new episodes in these copies."""
        first = [seed is None and not self._has_seed[copy] for seed, copy in zip(seeds, copies, strict=True)]
        fresh = zip(seeds, first, fresh_seeds(len(copies)), strict=True)
        seeds = [new if needed else seed for seed, needed, new in fresh]
        # A reset that raises leaves copies that must be reset.
        self._books.ended[copies] = True
        rows = self._rows_of(copies)
        self._clear(rows)
        infos = self.adapter.reset(seeds, copies)
        self._has_seed[copies] = True
        self._begin(copies)
        return _told(infos, rows, len(self._playing))

    def start(self) -> None:
        """Begin a step."""
        self.adapter.start()

    def finish(self) -> Events:
        """Wait for the step, and keep the books."""
        buffers, books = self._buffers, self._books
        waiting = np.flatnonzero(books.ended)
        infos = self.adapter.finish(books.finals)
        if len(waiting):
            # The step of a copy that waited for its next episode was the reset.
            self._give_up(waiting[self._late[waiting]])
            self._begin(waiting)
            self._playing[self._rows_of(waiting)] = False
        playing = self._playing
        self._steps += 1
        self._steps[waiting] = 0
        self._returns[playing] += buffers.rewards[playing]
        self._lengths[playing] += 1
        over = self.adapter.over.copy()
        late = self._truncate(over)
        ended = np.flatnonzero(playing & (buffers.terminations | buffers.truncations))
        if len(ended):
            self._record(ended)
            self._end(over, late)
        self._playing[self._rows_of(waiting)] = buffers.masks[self._rows_of(waiting)]
        return _told(infos, slice(None), len(self._playing))

    def _give_up(self, copies: np.ndarray) -> None:
        """Let the system, which has gone on with these copies, begin new episodes."""
        if len(copies):
            self._clear(self._rows_of(copies))
            self.adapter.reset([None] * len(copies), copies.tolist())
            self.adapter.over[copies] = False

    def _truncate(self, over: np.ndarray) -> np.ndarray:
        """Truncate episodes that have reached the time limit. Returns the copies that the system would go on with."""
        if self._max_steps is None:
            return np.empty(0, np.intp)
        late = self._steps >= self._max_steps
        rows = np.repeat(late, self._agents) & self._playing
        self._buffers.truncations[rows] = True
        # Those that are over show the next episode already, in the mode SameStep.
        late &= ~over
        rows &= np.repeat(late, self._agents)
        self._books.finals[rows] = self._buffers.observations[rows]
        return np.flatnonzero(late)

    def _record(self, ended: np.ndarray) -> None:
        """Write the episodes of these rows into the books."""
        records = self._books.episodes
        records[ended, 0] = self._returns[ended]
        records[ended, 1] = self._lengths[ended]
        records[ended, 2] = time.perf_counter() - self._begun[ended]
        self._books.sums[ended, 0] += 1
        self._books.sums[ended, 1:] += records[ended, :2]
        self._playing[ended] = False

    def _end(self, over: np.ndarray, late: np.ndarray) -> None:
        """End the episodes of copies, `over` by the rules and `late` by the limit."""
        over[late] = True
        if not self._restarts:
            self._books.ended[over] = True
            self._late[late] = True
            return
        if len(late):
            self.adapter.reset([None] * len(late), late.tolist())
        self._begin(np.flatnonzero(over))

    def _begin(self, copies: Any) -> None:
        rows = self._rows_of(copies)
        self._books.ended[copies] = False
        self._late[copies] = False
        self._steps[copies] = 0
        self._returns[rows] = 0
        self._lengths[rows] = 0
        self._begun[rows] = time.perf_counter()
        self._playing[rows] = self._buffers.masks[rows]

    def _clear(self, rows: np.ndarray) -> None:
        for name in ("rewards", "terminations", "truncations"):
            getattr(self._buffers, name)[rows] = 0

    def _rows_of(self, copies: Any) -> np.ndarray:
        return (np.asarray(copies, np.intp)[:, np.newaxis] * self._agents + np.arange(self._agents)).ravel()


def _told(infos: dict[str, np.ndarray], rows: Any, num_rows: int) -> Events:
    """The infos of these rows, as what a step reports."""
    events = Events()
    if infos:
        present = np.zeros(num_rows, np.bool_)
        present[rows] = True
        events.columns.append((0, present, infos))
    return events
