"""Figures of environments written in Python: the cost of the work around them, and the gain of processes."""

from __future__ import annotations

from puffer.bench import contenders
from puffer.bench.figures import Definition

_COPIES = 64


def _spec(system: str, env: str, threads: int = 1, mode: str = "sync") -> contenders.Spec:
    id = env if "-" in env else f"puffer.bench.sample_envs:{env}"
    if system == "puffer" and "-" in env:
        id = f"gym-{env}"
    return {"system": system, "id": id, "num_envs": _COPIES, "num_threads": threads, "mode": mode}


def _overhead(kind: str, env: str) -> Definition:
    specs = (_spec("puffer", env), _spec("loop", env))
    return Definition(f"{kind}, {_COPIES} copies: over the bare loop, for a step of a copy", specs, unit="us more")


DEFINITIONS = {
    "serial": Definition(
        "Gymnasium's CartPole, 64 copies: serial over SyncVectorEnv",
        (_spec("puffer", "CartPole-v1"), _spec("gymnasium", "CartPole-v1")),
    ),
    "process-async": Definition(
        "Gymnasium's CartPole, 64 copies: 2 workers over AsyncVectorEnv",
        (_spec("puffer", "CartPole-v1", threads=2), _spec("gymnasium", "CartPole-v1", mode="async")),
        cores=2,
    ),
    "process-serial": Definition(
        "Gymnasium's CartPole, 64 copies: 2 workers over serial",
        (_spec("puffer", "CartPole-v1", threads=2), _spec("puffer", "CartPole-v1")),
        cores=2,
    ),
    "three-keys": Definition(
        "Dict of three keys, 64 copies: serial over SyncVectorEnv",
        (_spec("puffer", "ThreeKeyEnv"), _spec("gymnasium", "ThreeKeyEnv")),
    ),
    "sleep": Definition(
        "a step of 1 ms, 64 copies: 16 workers over serial",
        (_spec("puffer", "SleepEnv", threads=16), _spec("puffer", "SleepEnv")),
    ),
    "overhead-box": _overhead("Box", "BoxEnv"),
    "overhead-dict": _overhead("Dict of two keys", "TwoKeyEnv"),
    "overhead-nested": _overhead("nested Dict and Tuple, Dict action", "NestedEnv"),
    "in-place": Definition(
        "a PufferEnv in plain Python, 64 copies, serial", (_spec("puffer", "InPlaceEnv"),), unit="rate"
    ),
}
