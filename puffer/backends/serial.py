"""The serial backend: Python environments stepped one after the other in this process."""

from __future__ import annotations

import contextlib
from typing import Any

from puffer._core import MODES
from puffer.backends.base import PythonBackend
from puffer.backends.creator import Creator
from puffer.wrappers.adapters.adapter import Adapter, Events, PythonBatch, close_all, likeness, require_alike


class SerialBackend(PythonBackend):
    """Copies made by `creator`, stepped by the calling thread.

    Takes the options of `PythonBackend`. An exception of an environment passes through unchanged; reset() then makes
    the batch usable again.
    """

    def __init__(self, creator: Creator, num_envs: int, **options: Any) -> None:
        super().__init__(num_envs, **options)
        self._batches: list[PythonBatch] = []
        adapters: list[Adapter] = []
        try:
            adapters.extend(creator(copy) for copy in range(self.num_copies))
            self._set_up(adapters)
        except BaseException:
            with contextlib.suppress(Exception):
                close_all(adapters)
            raise

    def _set_up(self, adapters: list[Adapter]) -> None:
        require_alike(adapters)
        first = adapters[0]
        self._prepare(*likeness(first), first.rendering)
        if self.max_steps is None:
            self.max_steps = first.max_steps
        self._make_own_memory()
        self._batches = [self._make_batch(adapters, part) for part in range(self._num_parts)]

    def _make_batch(self, adapters: list, part: int) -> PythonBatch:
        first = part * self.batch_size
        return PythonBatch(
            adapters[first : first + self.batch_size],
            *self._memory_of(part),
            autoreset=MODES[self.autoreset_mode],
            max_steps=self.max_steps,
        )

    def _reset_parts(self, seeds: list[int | None], copies: list[int]) -> Events:
        events = Events()
        for part, batch in enumerate(self._batches):
            happened = batch.reset(*self._share(part, seeds, copies))
            events.add(happened, self._rows(part).start)
        return events

    def _start_part(self, part: int) -> None:
        pass

    def _finish_part(self, part: int) -> Events | None:
        return self._batches[part].step()

    def render_copy(self, copy: int = 0) -> Any:
        part, place = divmod(copy, self.batch_size)
        return self._batches[part].render_copy(place)

    def _close(self) -> None:
        close_all(self._batches)
