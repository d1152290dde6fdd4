"""The backend whose copies are stepped in this process, one part after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from gymnasium.vector import AutoresetMode

from puffer.backends.copies import CopiesStepper, close_all
from puffer.backends.infos import Events
from puffer.backends.python import PythonBackend
from puffer.backends.rows import Rows
from puffer.backends.system import SystemStepper
from puffer.layout.spec import CopySpec
from puffer.native.backend import Part
from puffer.options import BatchOptions
from puffer.wrappers.adapters.adapter import Adapter


class Stepper(Protocol):
    """Steps the copies of one part; copies and rows count within the part."""

    def reset(self, seeds: Sequence[int | None], copies: Sequence[int]) -> Events: ...
    def start(self) -> None: ...
    def finish(self) -> Events | None: ...
    def render_copy(self, copy: int) -> Any: ...
    def close(self) -> None: ...


class LocalBackend(PythonBackend):
    """Copies of one part each in the hands of a stepper, in this process.

    An exception of an environment passes through, with a note that names the copy; reset() then makes the batch usable
    again.

    Parameters
    ----------
    options : BatchOptions
    spec : CopySpec
    steppers : callable
        Makes the stepper of a part, given its number and its rows.
    memory : mapping, optional
        Arrays for the batch to live in, where the options give none.
    """

    def __init__(
        self,
        options: BatchOptions,
        spec: CopySpec,
        steppers: Callable[[int, Rows], Stepper],
        memory: Any = None,
    ) -> None:
        super().__init__(options)
        self._settle(spec)
        self._live_in(Rows(self._form, options.buf if memory is None or options.buf is not None else memory))
        size = options.batch_size
        self.steppers = [steppers(k, self.rows.part(k * size, (k + 1) * size)) for k in range(options.num_parts)]

    def _reset(self, seeds: Sequence[int | None], copies: Sequence[int]) -> Events:
        events, size = Events(), self.options.batch_size
        for k, stepper in enumerate(self.steppers):
            own = [(seed, copy - k * size) for seed, copy in zip(seeds, copies, strict=True) if copy // size == k]
            if own:
                with self._naming(k):
                    happened = stepper.reset([seed for seed, _ in own], [copy for _, copy in own])
                events.add(happened, k * size * self.spec.agents_per_env)
        return events

    def _start(self, part: Part) -> None:
        self.steppers[part.index].start()

    def _finish(self, part: Part) -> Events | None:
        try:
            return self.steppers[part.index].finish()
        except Exception as error:
            self._name_copy(error, part.index)
            raise

    def render_one(self, copy: int) -> Any:
        """What render() of a copy returns."""
        k, index = divmod(copy, self.options.batch_size)
        with self._naming(k):
            return self.steppers[k].render_copy(index)

    def close_copies(self) -> None:
        """Close every copy."""
        close_all(self.steppers)

    @contextlib.contextmanager
    def _naming(self, k: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._name_copy(error, k)
            raise

    def _name_copy(self, error: Exception, k: int) -> None:
        # A system that steps many copies itself does not say which one raised.
        current = getattr(self.steppers[k], "current", None)
        if current is not None:
            name_copy(error, k * self.options.batch_size + current)


def name_copy(error: Exception, copy: int) -> None:
    """Add a note to an exception that names the copy, where Python has notes."""
    if hasattr(error, "add_note"):
        error.add_note(f"in copy {copy} of the batch")


def serial_backend(create: Callable[[int], Adapter], options: BatchOptions) -> LocalBackend:
    """Copies made by `create`, stepped one after the other by the calling thread."""
    adapters: list[Adapter] = []
    with _closing_on_error(adapters):
        for copy in range(options.num_envs):
            try:
                adapters.append(create(copy))
            except Exception as error:
                name_copy(error, copy)
                raise
        spec = adapters[0].spec
        for copy, adapter in enumerate(adapters):
            spec = spec.spanning(adapter.spec, copy, 0)
        size, same_step = options.batch_size, _same_step(options)
        return LocalBackend(
            options,
            spec,
            lambda k, rows: CopiesStepper(adapters[k * size : (k + 1) * size], rows, same_step=same_step),
        )


def system_backend(create: Callable[..., SystemStepper], options: BatchOptions, num_threads: int) -> LocalBackend:
    """Copies that a system steps itself, `batch_size` at a time, in up to num_threads threads for each part."""
    steppers: list[SystemStepper] = []
    with _closing_on_error(steppers):
        size = options.batch_size
        for first in range(0, options.num_envs, size):
            copies = range(first, first + size)
            steppers.append(create(copies, min(num_threads, size), options.autoreset_mode))

        def attached(k: int, rows: Rows) -> SystemStepper:
            steppers[k].live_in(rows, same_step=_same_step(options))
            return steppers[k]

        memory = steppers[0].memory if len(steppers) == 1 else None
        return LocalBackend(options, steppers[0].spec, attached, memory)


def _same_step(options: BatchOptions) -> bool:
    return options.autoreset_mode is AutoresetMode.SAME_STEP


@contextlib.contextmanager
def _closing_on_error(closeables: list[Any]) -> Any:
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            close_all(closeables)
        raise
