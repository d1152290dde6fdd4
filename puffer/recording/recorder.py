"""`Recorder`: keeps what is needed to play the last steps of a batch again, and writes it when something goes wrong."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorWrapper

from puffer import checks
from puffer.layout.walk import bounds
from puffer.recording.log import ActionLog
from puffer.recording.plain import to_plain
from puffer.recording.recording import Recording
from puffer.recording.results import digest, has_nan
from puffer.vector import VectorEnv

_log = logging.getLogger("puffer")

# Steps from one look for NaN to the next.
_LOOK = 256


class _Segment:
    """Steps since a snapshot, or since a reset with seeds."""

    def __init__(self, first_step: int, log: ActionLog) -> None:
        self.first_step = first_step
        self.log = log
        self.begin: dict[str, Any] = {}
        self.state: np.ndarray | None = None
        # What was set before the reset.
        self.before: list[tuple[str, dict[str, Any]]] = []
        # (steps of the segment before it, method, arguments)
        self.events: list[tuple[int, str, dict[str, Any]]] = []
        self.digests: list[int] = []


class Recorder(VectorWrapper):
    """A flight recorder around a batch: it remembers how the last steps came about.

    On an exception of `step`, `recv` or `reset` (that of a worker that died included), on a NaN in the observations or
    rewards, and when `save` is called, one small file is written. `puffer replay FILE` and `puffer.recording.Replay`
    play it again.

    Native environments are recorded by snapshots and actions, and replay bit for bit from any step. Environments in
    Python have no snapshots: their recordings reach back to the last reset of all copies with a seed, and hold a
    checksum of each step, so that the replay can say at which step an environment that is not deterministic diverged.
    A first reset without a seed is given one.

    Parameters
    ----------
    env : VectorEnv
        A batch of `puffer.make` or `puffer.emulate`, whose parts are not stepped one by one (`batch_size`).
    keep : int
        Steps of a native environment that a recording has at least, if there were as many; it has at most twice as
        many. Between two snapshots are `keep` steps.
    path : path, optional
        The file to write when something goes wrong; by default a new name in the working directory.

    Attributes
    ----------
    written : list of Path
        The files that were written.

    Raises
    ------
    TypeError
        If `env` is not a batch of puffer.
    ValueError
        For a bad `keep`, or a batch with a smaller `batch_size`.

    Examples
    --------
    >>> env = puffer.Recorder(puffer.make("cartpole", num_envs=64))
    >>> env.reset(seed=0)
    >>> env.step(actions)
    >>> env.save("flight.puffer")
    """

    def __init__(self, env: VectorEnv, keep: int = 2000, path: str | os.PathLike[str] | None = None) -> None:
        if not isinstance(env, VectorEnv):
            raise TypeError(f"Recorder takes a batch of puffer.make or puffer.emulate, got {type(env).__name__}")
        if env.batch_size != env.num_copies:
            raise ValueError(
                f"Recorder needs all copies to be stepped at once, here batch_size = {env.batch_size} of "
                f"{env.num_copies} copies: make the batch without batch_size"
            )
        super().__init__(env)
        self.keep = checks.integer("keep", keep, 1, 2**31 - 1)
        self.written: list[Path] = []
        self._path = path
        self._batch = env.batch
        self._is_native = env.native_env is not None
        self._old: _Segment | None = None
        self._now: _Segment | None = None
        # What cannot be repeated.
        self._untracked: list[str] = []
        # Attributes that were set, which outlive resets.
        self._settings: list[tuple[str, dict[str, Any]]] = []
        self._quiet_until = 0
        self._dtype = _dtype_of(env)
        # Looked up once, because they are called in every step.
        self._step = env.step
        self._take = self._nothing

    def _repr_html_(self) -> str:
        return self.env._repr_html_()

    def _nothing(self) -> int:
        """In the place of a log before the first reset, when no step succeeds."""
        return 1

    def __getattr__(self, name: str) -> Any:
        # `ends`, `stats`, `get_state` and whatever else the batch has.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.env, name)

    # ---- Steps ----

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """As `VectorEnv.step`."""
        try:
            result = self._step(actions)
        except Exception as problem:
            self._failed(problem, actions)
            raise
        if not self._take():
            self._stop()
        return result

    def send(self, actions: Any) -> None:
        """As `VectorEnv.send`."""
        try:
            self.env.send(actions)
        except Exception as problem:
            self._failed(problem, actions)
            raise

    def recv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """As `VectorEnv.recv`."""
        try:
            result = self.env.recv()
        except Exception as problem:
            self._failed(problem, self._batch.buffers.actions)
            raise
        if not self._take():
            self._stop()
        return result

    def _stop(self) -> None:
        """After some steps of a native environment, and after each of one in Python."""
        now = self._now
        assert now is not None
        if not self._is_native:
            now.digests.append(digest(self._batch.buffers))
        if self._steps() >= self._quiet_until and has_nan(self.env.layout, self._batch.buffers):
            self._write_down("a NaN in the observations or rewards", None)
        if now.log.is_full:
            self._turn()

    # ---- What else changes the copies ----

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Any = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """As `VectorEnv.reset`."""
        is_partial = isinstance(options, dict) and "reset_mask" in options
        if self._now is None and seed is None and not is_partial and self._batch.options.seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        arguments = {"seed": seed, "options": options}
        try:
            result = self.env.reset(seed=seed, options=options)
        except Exception as problem:
            self._failed(problem, None)
            raise
        is_seeded = seed is not None and (np.ndim(seed) == 0 or all(one is not None for one in seed))
        if self._now is None or not is_partial and (self._is_native or is_seeded):
            self._begin(arguments)
        else:
            self._event("reset", arguments)
        return result

    def set_next(self, copies: Any = None, *, seed: Any = None, options: Any = None, **parameters: Any) -> None:
        """As `VectorEnv.set_next`."""
        self.env.set_next(copies, seed=seed, options=options, **parameters)
        self._setting("set_next", {"copies": copies, "seed": seed, "options": options, **parameters}, bool(parameters))

    def set_attr(self, name: str, values: Any) -> None:
        """As `VectorEnv.set_attr`."""
        self.env.set_attr(name, values)
        self._setting("set_attr", {"name": name, "values": values}, True)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """As `VectorEnv.call`."""
        result = self.env.call(name, *args, **kwargs)
        if args or kwargs:
            self._setting("call", {"name": name, "args": args, "kwargs": kwargs}, True)
        return result

    def set_state(self, state: np.ndarray, copies: Sequence[int] | None = None) -> None:
        """As `VectorEnv.set_state`."""
        self.env.set_state(state, copies)
        self._turn()
        self._old = None

    def async_reset(self, *, seed: Any = None, options: Any = None) -> None:
        """Not of a recorder, since it returns the first observations part by part."""
        raise NotImplementedError("Recorder has no async_reset(): call reset()")

    def _setting(self, method: str, arguments: dict[str, Any], stays: bool) -> None:
        if self._now is not None:
            self._event(method, arguments)
        if (stays or self._now is None) and (plain := self._plain(method, arguments)) is not None:
            self._settings.append((method, plain))

    def _event(self, method: str, arguments: dict[str, Any]) -> None:
        assert self._now is not None
        plain = self._plain(method, arguments)
        if plain is not None:
            self._now.events.append((self._now.log.count, method, plain))

    def _plain(self, method: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return to_plain(arguments)
        except TypeError as error:
            self._untracked.append(f"{method}() at step {self._steps()}: {error}")
            return None

    # ---- Segments ----

    def _steps(self) -> int:
        """Steps that were recorded since the recorder was made."""
        return 0 if self._now is None else self._now.first_step + self._now.log.count

    def _begin(self, reset: dict[str, Any]) -> None:
        """Begin with a reset of all copies."""
        first_step, self._old = self._steps(), None
        self._untracked = [] if self._is_native else self._untracked
        self._enter(_Segment(first_step, self._new_log() if self._now is None else self._now.log))
        if self._is_native:
            self._snapshot(self._now)
        else:
            self._now.begin = self._plain("reset", reset) or {}
            self._now.before = list(self._settings)
            self._now.digests.append(digest(self._batch.buffers))

    def _turn(self) -> None:
        """Begin with a snapshot of here, and forget what came before the last one."""
        now = self._now
        assert now is not None
        log = self._new_log() if self._old is None else self._old.log
        self._old = now
        self._enter(_Segment(now.first_step + now.log.count, log))
        self._snapshot(self._now)

    def _new_log(self) -> ActionLog:
        if self._is_native:
            return ActionLog(self._batch, self._dtype, self.keep, _LOOK)
        return ActionLog(self._batch, self._dtype)

    def _enter(self, segment: _Segment) -> None:
        segment.log.clear()
        self._now, self._take = segment, segment.log.take

    def _snapshot(self, segment: _Segment) -> None:
        segment.state = self.env.get_state()
        # No snapshot of a copy has the seeds that were set for its next episodes.
        seeds = self._batch.backend.rest()["seeds"]
        segment.begin = {"seeds": [[copy, *seed] for copy, seed in seeds.items()]}

    # ---- Files ----

    def _failed(self, problem: Exception, actions: Any) -> None:
        if self._now is None or self._steps() < self._quiet_until:
            return
        refused = None if actions is None else _numbers(actions)
        path = self._write_down(f"{type(problem).__name__}: {problem}".split("\n", 1)[0], refused)
        if path is not None and hasattr(problem, "add_note"):
            problem.add_note(f"the steps before it are in {path}: puffer replay {path}")

    def _write_down(self, reason: str, refused: np.ndarray | None) -> Path | None:
        """Write a file because something went wrong. Whatever happens here does not hide that."""
        # A loop that catches its errors does not fill the disk.
        self._quiet_until = self._steps() + self.keep
        path = self._path
        if path is None:
            stamp = time.strftime("%Y%m%d-%H%M%S")
            path = f"{self._name()}-{stamp}-{os.getpid()}-{len(self.written)}.puffer"
        try:
            written = self._recording(reason, refused).write(path)
        except Exception as error:
            _log.error("the recording could not be written to %s: %s", path, error)
            return None
        self.written.append(written)
        _log.error("%s: the steps before it are in %s, see puffer replay %s", reason, written, written)
        return written

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the steps so far to a file.

        Raises ResetNeeded before the first reset, OSError if the file cannot be written.
        """
        self._batch.require("save")
        written = self.recording().write(path)
        self.written.append(written)
        return written

    def recording(self) -> Recording:
        """The steps so far. Raises ResetNeeded before the first reset."""
        self._batch.require("recording")
        return self._recording("it was asked for", None)

    def _recording(self, reason: str, refused: np.ndarray | None) -> Recording:
        assert self._now is not None
        segments = [self._now] if self._old is None else [self._old, self._now]
        arrays = {"actions": np.concatenate([segment.log.array() for segment in segments])}
        for k, segment in enumerate(segments):
            if segment.state is not None:
                arrays[f"state{k}"] = segment.state
        if self._is_native and refused is None:
            arrays["last_state"] = self.env.get_state()
        if not self._is_native:
            arrays["digests"] = np.array(self._now.digests, np.uint32)
        if refused is not None:
            arrays["refused"] = refused
        header = {
            "kind": "native" if self._is_native else "python",
            "env": self._env(),
            "reason": reason,
            "first_step": segments[0].first_step,
            "segments": [
                {
                    "steps": segment.log.count,
                    "begin": segment.begin,
                    "before": segment.before,
                    "events": segment.events,
                }
                for segment in segments
            ],
            "untracked": self._untracked,
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "machine": platform.machine(),
        }
        return Recording(header, arrays)

    def _env(self) -> dict[str, Any]:
        """What makes the batch again, as far as this is known."""
        env, options = self.env, self._batch.options
        name, arguments = env.made_by or (None, {})
        try:
            arguments = to_plain(arguments)
        except TypeError as error:
            name, arguments = None, {}
            note = f"the arguments of {env!r}: {error}"
            if note not in self._untracked:
                self._untracked.append(note)
        return {
            "name": name,
            "arguments": arguments,
            "class": self._name(),
            "version": getattr(env.native_env, "version", None),
            "copies": env.num_copies,
            "autoreset_mode": env.autoreset_mode.value,
            "max_steps": options.max_steps,
            "seed": to_plain(options.seed),
            "record_episodes": options.record_episodes,
            "check_actions": options.check_actions,
        }

    def _name(self) -> str:
        return "".join(one if one.isalnum() else "_" for one in self.env._name())


def _dtype_of(env: VectorEnv) -> np.dtype:
    """The dtype of recorded actions: a byte where that holds every action that `step` lets through."""
    dtype = env.batch.buffers.actions.dtype
    if dtype.kind not in "iu" or not env.batch.options.check_actions:
        return dtype
    low, high = bounds(env.action_layout.flat_space, "action")
    return np.dtype(np.uint8) if np.all(low >= 0) and np.all(high <= 255) else dtype


def _numbers(actions: Any) -> np.ndarray | None:
    """The actions of a step that raised, if they are an array of numbers."""
    try:
        array = np.asarray(actions)
    except Exception:
        return None
    return array.copy() if array.dtype.kind in "biuf" else None
