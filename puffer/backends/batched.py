"""The backend for systems that step many copies at once themselves, with their own threads or in their own process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.backends.base import PythonBackend
from puffer.backends.books import Books
from puffer.layout.spaces import ActionLayout, Layout
from puffer.native.buffers import Buffers
from puffer.rendering import Rendering
from puffer.systems.seeding import fresh_seeds
from puffer.wrappers.adapters.adapter import Events, close_all, ended_rows


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
    restarts : bool
        Whether the object begins the next episodes itself, at the steps that the autoreset mode says. All of its agents
        must then take part until the end of the episode.
    memory : mapping
        Arrays of the object that can be those of the batch, by the names in `Buffers`. They are, where the batch has
        one part and the caller gave no `buf`.
    buffers : puffer.Buffers
        The rows of the copies, from `attach` on.
    waiting : (copies,) bool
        Which copies are over and wait for their reset, from `attach` on. The object may step them or not.
    """

    observation_space: Space
    action_space: Space
    agents_per_env = 1
    max_steps: int | None = None
    rendering = Rendering((), None, 30)
    restarts = False
    memory: Mapping[str, np.ndarray] = {}

    def attach(self, buffers: Buffers, waiting: np.ndarray) -> None:
        """Use these rows, which are those of this adapter's copies alone."""
        self.buffers = buffers
        self.waiting = waiting

    def reset(self, seeds: list[int | None], copies: list[int]) -> dict[str, np.ndarray]:
        """Begin new episodes in these copies. Returns infos of all rows, by name; those of other copies do not count.

        Writes the observations and masks of these copies, and nothing else. A seed of None continues the random
        numbers of the copy.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Begin to step every copy with the actions of the buffers."""

    def finish(self, finals: np.ndarray) -> dict[str, np.ndarray]:
        """Wait for the step: write observations, rewards, flags, and masks. Returns infos of all rows, by name.

        The infos may be memory that the next step or reset overwrites.

        The masks tell which agents took part in the step; the rows of the others are zero. A copy is over when none of
        its agents goes on. Unless the object `restarts` copies, those that are over show their last observation; the
        backend resets them, in NextStep after the next step, and what that one makes of their rows is overwritten.

        The adapter of an object that `restarts` them is made for an autoreset mode. In SameStep copies that are over
        show the first observation of the next episode, and their last observations are in `finals`, which has the
        shape of the observations. In NextStep they show the last one, and the step after it, whose action does not
        count, gives the first one of the next episode, with a reward and flags of zero. In the mode Disabled they show
        the last one.
        """
        raise NotImplementedError

    def render_copy(self, copy: int) -> Any:
        """A frame, text or None, as the render mode has it."""
        return None

    def close(self) -> None:
        """Give back what the copies hold."""


@dataclass(frozen=True)
class BatchCreator:
    """Makes adapters for several copies: `make(copies, num_threads, autoreset_mode, **arguments)`.

    `copies` is the range of their numbers within the batch.
    """

    make: Callable[..., BatchAdapter]
    arguments: dict[str, Any]

    def __call__(self, copies: range, num_threads: int, autoreset_mode: AutoresetMode) -> BatchAdapter:
        return self.make(copies, num_threads, autoreset_mode, **self.arguments)


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
            for first in range(0, self.num_copies, self.batch_size):
                copies = range(first, first + self.batch_size)
                adapters.append(creator(copies, min(threads, self.batch_size), self.autoreset_mode))
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
        if self._buf is None and len(adapters) == 1:
            self._buf = first.memory
        self._make_own_memory()
        for part, adapter in enumerate(adapters):
            self._parts.append(_Part(adapter, *self._memory_of(part), self.autoreset_mode, self.max_steps))

    def _reset_parts(self, seeds: list[int | None], copies: list[int]) -> Events:
        events = Events()
        for number, part in enumerate(self._parts):
            own_seeds, own_copies = self._share(number, seeds, copies)
            if own_copies:
                events.add(part.reset(own_seeds, own_copies), self._rows(number).start)
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
        self._restarts_at_once = mode is AutoresetMode.SAME_STEP
        self._max_steps = np.inf if max_steps is None else max_steps
        rows, copies = len(buffers.rewards), len(books.ended)
        self._agents = rows // copies
        self._returns = np.zeros(rows)
        self._lengths = np.zeros(rows, np.int64)
        self._begun = np.zeros(rows)
        self._steps = np.zeros(copies, np.int64)
        # Until the first copy is at its limit.
        self._steps_left = self._max_steps
        # Copies that are over, and that the system does not restart itself.
        self._left = np.zeros(copies, np.bool_)
        self._has_seed = np.zeros(copies, np.bool_)
        self._has_waiting = False
        self._under_way = False
        adapter.attach(buffers, books.ended)

    def reset(self, seeds: list[int | None], copies: list[int]) -> Events:
        """Begin new episodes in these copies."""
        if self._under_way:
            # The step of another part has raised.
            with contextlib.suppress(Exception):
                self.finish()
        first = [seed is None and not self._has_seed[copy] for seed, copy in zip(seeds, copies, strict=True)]
        fresh = zip(seeds, first, fresh_seeds(len(copies)), strict=True)
        chosen = np.zeros(len(self._steps), np.bool_)
        chosen[copies] = True
        # A reset that raises leaves copies that must be reset.
        self._books.ended[chosen] = True
        events = Events()
        self._clear(chosen)
        infos = self.adapter.reset([new if needed else seed for seed, needed, new in fresh], copies)
        self._tell(events, self._rows(chosen) & self._buffers.masks, infos)
        self._has_seed[chosen] = True
        self._begin(chosen)
        self._look_ahead()
        return events

    def start(self) -> None:
        """Begin a step."""
        self._under_way = True
        self.adapter.start()

    def finish(self) -> Events:
        """Wait for the step, and keep the books."""
        self._under_way = False
        buffers = self._buffers
        infos = self.adapter.finish(self._books.finals)
        self._steps += 1
        # Rows that take no part have no rewards.
        self._returns += buffers.rewards
        self._lengths += buffers.masks
        ended = ended_rows(buffers.terminations, buffers.truncations)
        self._steps_left -= 1
        if ended is not None or self._has_waiting or self._steps_left <= 0:
            return self._turn(infos)
        events = Events()
        self._tell(events, buffers.masks, infos)
        return events

    def _turn(self, infos: dict[str, np.ndarray]) -> Events:
        """End episodes, and begin the next ones."""
        buffers, events = self._buffers, Events()
        # The step of a copy that waits for its next episode is the reset.
        waiting = self._books.ended.copy()
        took_part = buffers.masks & ~self._rows(waiting)
        goes_on = took_part & ~(buffers.terminations | buffers.truncations)
        over = self._by_copy(took_part) & ~self._by_copy(goes_on)
        late = ~waiting & (self._steps >= self._max_steps)
        buffers.truncations[took_part & self._rows(late)] = True
        self._left |= (over | late) & ~(over & self.adapter.restarts)
        over |= late
        self._record(took_part & (buffers.terminations | buffers.truncations), infos, events)
        restarted = self._left.copy() if self._restarts_at_once else self._left & waiting
        self._tell(events, self._rows(~restarted) & buffers.masks, infos)
        if restarted.any():
            self._clear(restarted & waiting)
            copies = np.flatnonzero(restarted).tolist()
            infos = self.adapter.reset([None] * len(copies), copies)
            self._tell(events, self._rows(restarted) & buffers.masks, infos)
        if self._restarts_at_once:
            self._begin(over)
        else:
            self._begin(waiting)
            self._books.ended[over] = True
        self._look_ahead()
        return events

    def _look_ahead(self) -> None:
        """See when the next turn is due at the latest."""
        self._has_waiting = bool(self._books.ended.any())
        self._steps_left = self._max_steps - self._steps.max()

    def _record(self, ended: np.ndarray, infos: dict[str, np.ndarray], events: Events) -> None:
        """Write the episodes of these rows into the books, and the last observations that the system has not."""
        books, now = self._books, time.perf_counter()
        books.episodes[ended, 0] = self._returns[ended]
        books.episodes[ended, 1] = self._lengths[ended]
        books.episodes[ended, 2] = now - self._begun[ended]
        books.sums[ended, 0] += 1
        books.sums[ended, 1:] += books.episodes[ended, :2]
        # An agent may come again while the episode of the copy goes on.
        self._returns[ended] = 0
        self._lengths[ended] = 0
        self._begun[ended] = now
        if self._restarts_at_once:
            shown = ended & self._rows(self._left) if self.adapter.restarts else ended
            books.finals[shown] = self._buffers.observations[shown]
            for row in np.flatnonzero(shown).tolist() if infos else ():
                events.final_infos.append((row, {name: values[row].copy() for name, values in infos.items()}))

    def _begin(self, copies: np.ndarray) -> None:
        """Begin the books of new episodes."""
        if copies.any():
            rows = self._rows(copies)
            self._books.ended[copies] = False
            self._left[copies] = False
            self._steps[copies] = 0
            self._returns[rows] = 0
            self._lengths[rows] = 0
            self._begun[rows] = time.perf_counter()

    def _clear(self, copies: np.ndarray) -> None:
        rows = self._rows(copies)
        for name in ("rewards", "terminations", "truncations"):
            getattr(self._buffers, name)[rows] = 0

    @staticmethod
    def _tell(events: Events, rows: np.ndarray, infos: dict[str, np.ndarray]) -> None:
        """Add the infos of these rows."""
        if infos:
            events.columns.append((0, rows, infos))

    def _rows(self, copies: np.ndarray) -> np.ndarray:
        """Which rows belong to these copies."""
        return np.repeat(copies, self._agents)

    def _by_copy(self, rows: np.ndarray) -> np.ndarray:
        """Which copies have any of these rows."""
        return np.logical_or.reduce(rows.reshape(-1, self._agents), axis=1)
