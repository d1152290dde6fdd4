"""The choice of a backend for environments written in Python."""

from __future__ import annotations

from typing import Any

from puffer import checks
from puffer.backends.creator import Creator, CreatorOfEach
from puffer.backends.local import serial_backend, system_backend
from puffer.backends.system import SystemCreator
from puffer.native.batch import Batch
from puffer.options import BatchOptions, WorkerOptions

_NAMES = ("auto", "serial", "process", "ray")


def python_batch(
    creator: Creator | CreatorOfEach | SystemCreator,
    options: BatchOptions,
    workers: WorkerOptions,
    name: str = "auto",
    num_threads: int = 0,
) -> Batch:
    """The batch of the copies that `creator` makes, stepped by the backend called `name`.

    Systems that step many copies themselves have their own backend, in up to num_threads threads (0: one per core).
    Raises ValueError for another name, and for options of workers without any.
    """
    checks.choice("backend", name, _NAMES)
    if isinstance(creator, SystemCreator):
        threads = checks.integer("num_threads", num_threads, 0) or checks.available_cores()
        return system_backend(creator, options, threads).batch()
    if name == "auto":
        cores = checks.available_cores()
        pays = cores > 1 and options.num_envs >= 4 * cores
        name = "process" if workers.wants_workers or pays else "serial"
    if name == "serial":
        if workers.num_workers is not None:
            raise ValueError(f'num_workers = {workers.num_workers} needs backend="process" or "ray", got "serial"')
        return serial_backend(creator, options).batch()
    return worker_batch(_transport(name, creator), options, workers)


def worker_batch(transport: Any, options: BatchOptions, workers: WorkerOptions) -> Batch:
    """The batch of copies that workers step over the links of a transport."""
    from puffer.backends.workers import WorkerBackend

    return WorkerBackend(transport, options, workers).batch()


def _transport(name: str, creator: Creator | CreatorOfEach) -> Any:
    # Imported when they are used: Ray takes long, and may be missing.
    if name == "ray":
        from puffer.backends.links.ray import RayTransport

        return RayTransport(creator)
    from puffer.backends.links.process import ProcessTransport

    return ProcessTransport(creator)
