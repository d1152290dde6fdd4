"""`Replay`: the steps of a recording, played again and compared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np

from puffer._core import Env
from puffer.emulation import emulate
from puffer.recording.plain import from_plain
from puffer.recording.recording import Recording, RecordingError
from puffer.recording.results import digest, has_nan
from puffer.registry import make
from puffer.vector import VectorEnv

_METHODS = ("reset", "set_next", "set_attr", "call")


class Diverged(AssertionError):  # noqa: N818
    """A replay came to something else than the recording: the environment is not deterministic, or not the same.

    Attributes
    ----------
    step : int
        The step, counted from the beginning of the recording, that is known to differ: the first one of an environment
        in Python; of a native one the last one before the comparison.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class Replay:
    """A recording that is played again, bit for bit.

    Parameters
    ----------
    recording : path or Recording
    env : str, callable or VectorEnv, optional
        The environment, where the recording does not say which: a name for `puffer.make`, a function or a class that
        makes a copy, for `puffer.emulate`, or a batch that is as the recorded one was, which may stand in a `Recorder`.
    render_mode : str, optional
        As in `puffer.make`.
    backend : "serial" or "process"
        Where environments in Python are stepped.

    Attributes
    ----------
    recording : Recording
    env : VectorEnv
        The batch that plays it.
    position : int
        Steps that were played.
    first_nan : int or None
        The first step that was played whose observations or rewards have a NaN.

    Raises
    ------
    OSError, RecordingError
        As `Recording.read`, or if the batch is not as the recorded one was.
    """

    def __init__(
        self,
        recording: str | os.PathLike[str] | Recording,
        env: str | Callable[..., Any] | VectorEnv | None = None,
        *,
        render_mode: str | None = None,
        backend: str = "serial",
    ) -> None:
        self.recording = recording if isinstance(recording, Recording) else Recording.read(recording)
        self.env = self._made(env, render_mode, backend)
        try:
            self._require_same()
            self.begin()
        except BaseException:
            self.env.close()
            raise

    def _made(self, env: Any, render_mode: str | None, backend: str) -> VectorEnv:
        if isinstance(env, gymnasium.vector.VectorEnv):
            return env
        described = self.recording.header["env"]
        options = {name: described[name] for name in ("autoreset_mode", "max_steps", "seed", "record_episodes")}
        options |= {"check_actions": described["check_actions"], "render_mode": render_mode}
        arguments = from_plain(described["arguments"])
        if env is None:
            env = _known_name(described)
        if isinstance(env, str):
            return make(env, described["copies"], backend=backend, **options, **arguments)
        if isinstance(env, type) and issubclass(env, Env):
            return VectorEnv(env(described["copies"], **options, **arguments))
        return emulate(env, described["copies"], backend=backend, **options)

    def _require_same(self) -> None:
        described, actions = self.recording.header["env"], self.recording.arrays["actions"]
        own = self.env.batch.buffers.actions
        given = {
            "copies": (self.env.num_copies, described["copies"]),
            "version": (getattr(self.env.native_env, "version", None), described["version"]),
            "actions of a step": (own.shape, actions.shape[1:]),
            "autoreset_mode": (self.env.autoreset_mode.value, described["autoreset_mode"]),
        }
        for what, (here, there) in given.items():
            if here != there:
                raise RecordingError(f"the recording is of {what} {there}, and {self.env!r} has {here}")

    @property
    def steps(self) -> int:
        """Steps that the recording has."""
        return self.recording.steps

    def begin(self) -> None:
        """Go to the beginning."""
        self.position, self.first_nan = 0, None
        self._enter(0)
        begin = self._segment["begin"]
        state = self.recording.arrays.get("state0")
        if state is None:
            for method, arguments in self._segment["before"]:
                self._do(method, arguments)
            self.env.reset(**from_plain({"seed": None, "options": None, **begin}))
            self._compare_digest(0)
            return
        self.env.reset(seed=0)
        try:
            self.env.set_state(state)
        except ValueError as error:
            raise RecordingError(f"the snapshots do not fit {self.env!r}: {error}") from None
        backend = self.env.batch.backend
        seeds = {copy: (seed, number) for copy, seed, number in begin.get("seeds", ())}
        backend.take_rest({**backend.rest(), "seeds": seeds})

    def _enter(self, index: int) -> None:
        """Come to the beginning of a segment."""
        self._index, self._in_segment, self._events_done = index, 0, 0
        self._segment = self.recording.header["segments"][index]

    def _do(self, method: str, arguments: dict[str, Any]) -> None:
        if method not in _METHODS:
            raise RecordingError(f"the recording calls {method}(), which no recorder records")
        given = from_plain(arguments)
        if method == "call":
            self.env.call(given["name"], *given["args"], **given["kwargs"])
        else:
            getattr(self.env, method)(**given)

    # ---- Steps ----

    def step(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Play the next step; what `VectorEnv.step` returns.

        Raises
        ------
        StopIteration
            After the last one.
        Diverged
            If something else comes out than in the recording.
        """
        if self.position >= self.steps:
            raise StopIteration
        self.arrive()
        result = self.env.step(self.next_actions())
        self.position += 1
        self._in_segment += 1
        if self.first_nan is None and has_nan(self.env.layout, self.env.batch.buffers):
            self.first_nan = self.position - 1
        self._compare_digest(self.position)
        if self.position == self.steps:
            self.arrive()
            self._compare_state(self.recording.arrays.get("last_state"))
        return result

    def arrive(self) -> None:
        """Do what the recorded program did between the last step and the next one, such as a reset of some rows."""
        self._do_events()
        while self._in_segment == self._segment["steps"] and f"state{self._index + 1}" in self.recording.arrays:
            self._enter(self._index + 1)
            self._compare_state(self.recording.arrays[f"state{self._index}"])
            self._do_events()

    def _do_events(self) -> None:
        events = self._segment["events"]
        while self._events_done < len(events) and events[self._events_done][0] == self._in_segment:
            self._do(*events[self._events_done][1:])
            self._events_done += 1

    def next_actions(self) -> np.ndarray:
        """The actions of the next step, in the dtype of the batch."""
        return self.recording.arrays["actions"][self.position].astype(self.env.batch.buffers.actions.dtype)

    def __iter__(self) -> Iterator[tuple]:
        while self.position < self.steps:
            yield self.step()

    def refused(self) -> Exception | None:
        """Step with the actions at which the recorded step raised; the exception that they raise here, if they do."""
        actions = self.recording.arrays.get("refused")
        if actions is None:
            return None
        self.arrive()
        try:
            self.env.step(actions)
        except Exception as error:
            return error
        return None

    def close(self) -> None:
        """Close the batch."""
        self.env.close()

    # ---- Comparison ----

    def _compare_digest(self, index: int) -> None:
        digests = self.recording.arrays.get("digests")
        if digests is None or index >= len(digests) or digest(self.env.batch.buffers) == digests[index]:
            return
        step = max(index - 1, 0)
        what = f"step {self.recording.first_step + step}" if index else "the reset"
        raise Diverged(self._differs(f"{what} returned something else than in the recording"), step)

    def _compare_state(self, state: np.ndarray | None) -> None:
        if state is None:
            return
        differs = (self.env.get_state() != state).any(axis=1).nonzero()[0]
        if len(differs):
            last = self.recording.first_step + self.position
            some = f"{len(differs)} copies, {differs[0]} the first of them, differ"
            raise Diverged(self._differs(f"after step {last - 1}, {some} from the recording"), self.position - 1)

    def _differs(self, what: str) -> str:
        hints = list(self.recording.header["untracked"])
        versions = self.recording.header["versions"]
        if versions["numpy"] != np.__version__:
            hints.append(f"NumPy {versions['numpy']} recorded it, this is {np.__version__}")
        told = f" ({'; '.join(hints)})" if hints else ": the environment does not depend on seeds and actions alone"
        return what + told


def _known_name(described: dict[str, Any]) -> str:
    """The name of an environment that is safe to make, because it is one of ours or of a package that is installed.

    Raises RecordingError for paths, for ids that import modules, and where the recording has no name.
    """
    name = described["name"]
    if name is None:
        raise RecordingError(
            f"the recording does not say how {described['class']} is made: give the name, or the function or class "
            f"that makes it"
        )
    if ":" in name or name.endswith(".pyx"):
        raise RecordingError(f"the recording is of {name!r}, which runs code by its path or module: name it to run it")
    return name
