"""Figures of the systems of other authors: against the packages alone, and what workers bring."""

from __future__ import annotations

from typing import Any

from puffer.bench import worker
from puffer.bench.figures import Definition


def _ours(env: str, copies: int, threads: int = 1, **options: Any) -> worker.Spec:
    return {"system": "puffer", "id": env, "num_envs": copies, "num_threads": threads, "options": options}


def _alone(package: str, copies: int, threads: int = 1) -> worker.Spec:
    return {"system": "package", "id": package, "num_envs": copies, "num_threads": threads}


def _envpool(env: str, copies: int, threads: int) -> worker.Spec:
    return {"system": "envpool", "id": env, "num_envs": copies, "num_threads": threads}


def _overhead(env: str, package: str, copies: int = 16) -> tuple[Definition, Definition]:
    """How many microseconds more than the package's own loop a step takes, and how many times as fast it is."""
    specs = (_ours(env, copies), _alone(package, copies))
    return (
        Definition(
            f"{env}, {copies} copies, serial: over the package's loop, for a step of a copy", specs, unit="us more"
        ),
        Definition(f"{env}, {copies} copies, serial: times the speed of the package's loop", specs),
    )


def _workers(env: str) -> Definition:
    specs = (_ours(env, 16, threads=2), _ours(env, 16))
    return Definition(f"{env}, 16 copies: 2 workers over serial", specs, cores=2, seconds=8)


_MINIGRID, _NETHACK = "minigrid-DoorKey-8x8", "nethack-score"

DEFINITIONS = {
    "atari": Definition(
        "atari-pong, 64 copies, two cores: times the speed of AtariVectorEnv",
        (_ours("atari-pong", 64, 2), _alone("atari", 64, 2)),
        cores=2,
    ),
    "atari-envpool": Definition(
        "atari-pong, 64 copies, two cores: times the speed of EnvPool",
        (_ours("atari-pong", 64, 2), _envpool("Pong-v5", 64, 2)),
        cores=2,
    ),
    "minigrid-more": _overhead(_MINIGRID, "minigrid")[0],
    "minigrid": _overhead(_MINIGRID, "minigrid")[1],
    "minigrid-workers": _workers(_MINIGRID),
    "procgen": Definition(
        "procgen-coinrun, 64 copies, two threads: times the speed of the package's library on one core",
        (_ours("procgen-coinrun", 64, 2), _alone("procgen", 64)),
        cores=2,
    ),
    "crafter": Definition(
        "crafter with its resets, 4 copies, serial: times the speed of the package's loop",
        (_ours("crafter", 4), _alone("crafter", 4)),
        unit="whole ratio",
        seconds=20,
    ),
    "nethack-more": _overhead(_NETHACK, "nethack")[0],
    "nethack": _overhead(_NETHACK, "nethack")[1],
    "nethack-workers": _workers(_NETHACK),
    "magent": _overhead("magent-battle", "magent", copies=2)[1],
}
