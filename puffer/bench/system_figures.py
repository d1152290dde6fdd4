"""Figures of the systems of other authors: against the packages alone, and the gain of workers."""

from __future__ import annotations

from typing import Any

from puffer.bench import contenders
from puffer.bench.figures import Definition


def _ours(env: str, copies: int, threads: int = 1, **options: Any) -> contenders.Spec:
    return {"system": "puffer", "id": env, "num_envs": copies, "num_threads": threads, "options": options}


def _alone(package: str, copies: int, threads: int = 1) -> contenders.Spec:
    return {"system": "package", "id": package, "num_envs": copies, "num_threads": threads}


def _envpool(env: str, copies: int, threads: int) -> contenders.Spec:
    return {"system": "envpool", "id": env, "num_envs": copies, "num_threads": threads}


def _more(env: str, package: str, copies: int = 16) -> Definition:
    """The microseconds of a step beyond those in the package's own loop."""
    title = f"{env}, {copies} copies, serial: over the package's loop, for a step of a copy"
    return Definition(title, (_ours(env, copies), _alone(package, copies)), unit="us more")


def _times(env: str, package: str, copies: int = 16) -> Definition:
    """The speed as a multiple of that of the package's own loop."""
    title = f"{env}, {copies} copies, serial: times the speed of the package's loop"
    return Definition(title, (_ours(env, copies), _alone(package, copies)))


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
    "minigrid-more": _more(_MINIGRID, "minigrid"),
    "minigrid": _times(_MINIGRID, "minigrid"),
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
    "nethack-more": _more(_NETHACK, "nethack"),
    "nethack": _times(_NETHACK, "nethack"),
    "nethack-workers": _workers(_NETHACK),
    "magent": _times("magent-battle", "magent", copies=2),
}
