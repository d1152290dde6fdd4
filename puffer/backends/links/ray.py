"""The Ray backend: Python environments in the actors of a Ray cluster, on one machine or several."""

from __future__ import annotations

import atexit
import logging
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from puffer.backends import workers
from puffer.backends.books import Books
from puffer.backends.links.link import RemoteWorker
from puffer.backends.worker.commands import STEP
from puffer.backends.workers import GLANCE, WorkerBackend

try:
    import ray
    from ray.exceptions import RayActorError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise ImportError('backend="ray" needs Ray: pip install "puffer-envs[ray]"') from None

# What an actor writes and the parent copies.
_OUTPUTS = ("observations", "rewards", "terminations", "truncations", "masks")

# Ray stops its actors when the interpreter ends; what was registered last comes first, and batches are to close before.
atexit.unregister(workers.close_all)
atexit.register(workers.close_all)


def _connect() -> None:
    """Start Ray unless the user has: quietly, in the cluster that Ray itself would choose, and without a dashboard."""
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)


def _machines() -> list[str]:
    """The machine of every core of the cluster, in turn."""
    _connect()
    cores = [
        (core, node["NodeID"])
        for node in ray.nodes()
        if node["Alive"]
        for core in range(int(node["Resources"].get("CPU", 0)))
    ]
    if not cores:
        raise RuntimeError("no machine of the Ray cluster has a CPU for workers")
    return [machine for _, machine in sorted(cores)]


def _actor_class() -> type:
    """The class of the actors. It stands in a function so that Ray sends it as it is, and does not look for puffer in a
    process that has yet to be told where that lies."""

    class PufferWorker:
        def __init__(self, path: list[str]) -> None:
            sys.path[:] = path + [folder for folder in sys.path if folder not in path]

        def make(self, copies: range, creator: bytes) -> tuple[bytes, dict[str, np.ndarray]]:
            from puffer.backends.worker.commands import Worker

            self.worker = Worker(copies)
            return self.worker.make(creator), {}

        def bind(self, shapes: tuple, books: tuple[np.ndarray, ...], settings: dict[str, Any]) -> None:
            from puffer.backends.books import Books
            from puffer.native.buffers import Buffers

            self.buffers = Buffers(*shapes)
            # What comes from Ray is read-only.
            self.books = Books(*(array.copy() for array in books))
            self.worker.bind(self.buffers, self.books, settings)

        def obey(
            self, operation: int, argument: Any, actions: np.ndarray | None
        ) -> tuple[bytes | None, dict[str, Any]]:
            from puffer.wrappers.adapters.adapter import ended_rows

            if actions is not None:
                self.buffers.actions[...] = actions
            answer = self.worker.obey(operation, argument)
            outputs = {name: getattr(self.buffers, name) for name in _OUTPUTS}
            # All but the first change only where an episode ends.
            has_end = ended_rows(self.buffers.terminations, self.buffers.truncations) is not None
            return answer, {**outputs, "books": tuple(self.books)[: None if has_end else 1]}

    return PufferWorker


class _Actor(RemoteWorker):
    """An actor, seen from the parent."""

    def __init__(self, index: int, copies: range, creator: bytes, machine: str) -> None:
        super().__init__(index, copies)
        # It reserves no core: there may be more workers than cores, or than others have left.
        options = {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(machine, soft=False)}
        self.handle: Any = ray.remote(**options)(_actor_class()).remote(sys.path)
        # The reference to its last answer.
        self.answer = self.handle.make.remote(copies, creator)
        self.reason = ""

    def has_ended(self) -> bool:
        # An actor that is gone is noticed by what it answers.
        return not ray.is_initialized()

    def describe_end(self) -> str:
        return f"is gone: {self.reason or 'Ray has been shut down'}"

    def leave(self, deadline: float) -> None:
        self.kill()

    def kill(self) -> None:
        # Without Ray there are no actors, and asking it would start it.
        if ray.is_initialized():
            ray.kill(self.handle)


class RayBackend(WorkerBackend):
    """Copies made by `creator`, stepped by `num_workers` Ray actors, by default one for each core of the cluster.

    Takes the options of `WorkerBackend`. Ray is started if it is not running, as `ray.init()` does: it joins the
    cluster of RAY_ADDRESS or one that was started on this machine, and else starts one here. It then goes on until the
    interpreter ends, or `ray.shutdown()`, for the next batch. For other settings call `ray.init` before.

    The machines of a cluster need puffer and the environment installed; on one machine the actors find what this
    process finds. What environments print is in Ray's logs.
    """

    def _cores(self) -> int:
        return len(_machines())

    def _new_worker(self, index: int, copies: range) -> _Actor:
        machines = _machines()
        return _Actor(index, copies, self._creator, machines[index % len(machines)])

    def _prepare_memory(self) -> None:
        self._make_own_memory()

    def _introduce(self, actor: _Actor) -> None:
        rows = self._rows_of(actor.copies)
        observation, action = self.single_observation_space, self._reader
        shapes = (rows.stop - rows.start, observation.shape, observation.dtype, action.shape, action.dtype)
        actor.handle.bind.remote(shapes, tuple(self._books_of(actor)), self._settings)

    def _send(self, actor: _Actor, operation: int, argument: Any) -> None:
        if not ray.is_initialized():
            return
        actions = self.buffers.actions[self._rows_of(actor.copies)] if operation == STEP else None
        actor.answer = actor.handle.obey.remote(operation, argument, actions)

    def _has_answered(self, actor: _Actor) -> bool:
        return ray.is_initialized() and bool(ray.wait([actor.answer], timeout=0)[0])

    def _wait_for_answer(self, mark: None, waiting: Sequence[_Actor]) -> bool:
        return ray.is_initialized() and bool(ray.wait([actor.answer for actor in waiting], timeout=GLANCE)[0])

    def _message(self, actor: _Actor, deadline: float) -> bytes | None:
        self._await([actor], deadline)
        try:
            message, arrays = ray.get(actor.answer)
        except RayActorError as error:
            actor.reason = str(error)
            # Ray may only have lost sight of it.
            actor.kill()
            raise self._died(actor) from None
        if arrays:
            self._take(actor, arrays)
        return message

    def _take(self, actor: _Actor, arrays: dict[str, Any]) -> None:
        """Copy what the copies of an actor have written."""
        rows = self._rows_of(actor.copies)
        for name in _OUTPUTS:
            getattr(self.buffers, name)[rows] = arrays[name]
        for mine, theirs in zip(self._books_of(actor), arrays["books"], strict=False):
            mine[...] = theirs

    def _books_of(self, actor: _Actor) -> Books:
        return self.books.part(slice(actor.copies.start, actor.copies.stop), self._rows_of(actor.copies))
