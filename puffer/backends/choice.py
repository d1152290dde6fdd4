"""The choice of a backend for environments written in Python."""

from __future__ import annotations

from typing import Any

from puffer import checks
from puffer.backends.base import PythonBackend
from puffer.backends.batched import BatchCreator, BatchedBackend
from puffer.backends.creator import Creator

_NAMES = ("auto", "serial", "process", "ray")


def python_backend(
    creator: Creator | BatchCreator,
    num_envs: int,
    name: str,
    workers: dict[str, Any],
    options: dict[str, Any],
    num_threads: int = 0,
) -> PythonBackend:
    """The backend called `name` over copies made by `creator`; systems that step many copies themselves have their own.

    `workers` are the options that only backends with workers take: a serial one refuses all but their defaults.
    """
    checks.choice("backend", name, _NAMES)
    copies = checks.integer("num_envs", num_envs, 1)
    if isinstance(creator, BatchCreator):
        return BatchedBackend(creator, copies, num_threads=num_threads, **options)
    if name == "auto":
        cores = checks.available_cores()
        wants_workers = workers["num_workers"] is not None or workers["restart_workers"] or workers["ordered"]
        name = "process" if wants_workers or (cores > 1 and copies >= 4 * cores) else "serial"
    if name == "process":
        from puffer.backends.links.process import ProcessBackend

        return ProcessBackend(creator, copies, **workers, **options)
    if name == "ray":
        from puffer.backends.links.ray import RayBackend

        return RayBackend(creator, copies, **workers, **options)
    from puffer.backends.serial import SerialBackend

    if workers["num_workers"] is not None:
        raise ValueError(f'num_workers = {workers["num_workers"]} needs backend="process" or "ray", got "serial"')
    return SerialBackend(creator, copies, **options)
