"""What the backends for Python environments have in common: the face towards `VectorEnv`, checks, and the infos."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import error
from gymnasium.spaces import MultiDiscrete
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.backends.books import Books
from puffer.backends.infos import add_episodes, add_finals, merged
from puffer.errors import WorkerError
from puffer.layout.spaces import ActionLayout, Layout
from puffer.native.actions import ActionReader
from puffer.native.buffers import Buffers
from puffer.rendering import Rendering, settled_mode
from puffer.wrappers.adapters.adapter import Events, ended_rows


class PythonBackend:
    """Base of the serial, process and Ray backends.

    A subclass makes the copies, calls `_prepare` with what one of them is like, and steps *parts*: stretches of copies
    that are sent and received together. It implements `_reset_parts`, `_start_part`, `_finish_part`, `render_copy` and
    `_close`.
    """

    num_copies: int
    agents_per_env: int
    num_agents: int
    buffers: Buffers
    masks: np.ndarray
    books: Books

    def __init__(
        self,
        num_envs: int,
        *,
        batch_size: int | None = None,
        autoreset_mode: str | AutoresetMode = "SameStep",
        max_steps: int | None = None,
        buf: Any = None,
        seed: int | None = None,
        render_mode: str | None = None,
        record_episodes: bool = False,
        check_actions: bool = True,
    ) -> None:
        self.num_copies = checks.integer("num_envs", num_envs, 1)
        self.batch_size = checks.divisor("batch_size", batch_size, "num_envs", self.num_copies)
        self.autoreset_mode = checks.autoreset_mode(autoreset_mode)
        self.max_steps = None if max_steps is None else checks.integer("max_steps", max_steps, 1)
        self.render_mode = render_mode
        self.record_episodes = record_episodes
        self._check_actions = check_actions
        self._buf = buf
        self._seed = None if seed is None else checks.seed(seed)
        self._status = "new"
        self._awaiting: deque[int] = deque()
        self._pending: deque[int] = deque()
        # Parts whose first observations wait for recv().
        self._ready: deque[int] = deque()

    def _prepare(
        self,
        layout: Layout,
        action_layout: ActionLayout,
        agents_per_env: int,
        copy_action_space: MultiDiscrete | None,
        rendering: Rendering,
    ) -> None:
        """Take over what a copy is like."""
        self.layout = layout
        self.action_layout = action_layout
        self.agents_per_env = agents_per_env
        self.num_agents = self.num_copies * agents_per_env
        self.single_observation_space = layout.flat_space
        self.single_action_space = action_layout.flat_space
        self.copy_action_space = copy_action_space
        self.render_modes: Sequence[str] = rendering.modes
        self.render_fps = rendering.fps
        self.render_mode = settled_mode(self.render_mode, rendering)
        self._reader = ActionReader(action_layout.flat_space, self._check_actions, False, copy_action_space)
        self._num_parts = self.num_copies // self.batch_size

    def _make_buffers(self, rows: int, buf: Any) -> Buffers:
        observation, action = self.single_observation_space, self._reader
        return Buffers(rows, observation.shape, observation.dtype, action.shape, action.dtype, buf)

    def _make_own_memory(self) -> None:
        """Let the batch live in this process, in the arrays of `buf` where they are given."""
        self.buffers = self._make_buffers(self.num_agents, self._buf)
        self._keep_books(Books.blank(self.num_copies, self.buffers.observations))

    def _keep_books(self, books: Books) -> None:
        """Take over the arrays in which the copies record their episodes."""
        self.masks = self.buffers.masks
        self.books = books
        self._sums_seen = np.zeros(3)

    # ---- For subclasses ----

    def _reset_parts(self, seeds: list[int | None], copies: list[int]) -> Events:
        raise NotImplementedError

    def _start_part(self, part: int) -> None:
        raise NotImplementedError

    def _finish_part(self, part: int) -> Events | None:
        raise NotImplementedError

    def _next_pending(self) -> int:
        """The part that recv() is to return."""
        return self._pending[0]

    def _close(self) -> None:
        raise NotImplementedError

    def render_copy(self, copy: int = 0) -> Any:
        raise NotImplementedError

    # ---- Reset ----

    def reset(self, *, seed: Any = None, mask: np.ndarray | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes; see `VectorEnv.reset`. An int seed s gives copy i the seed s + i, as Gymnasium does."""
        self._require_open()
        if mask is not None and self._status != "ready":
            raise error.ResetNeeded("the first reset() must reset every row, without reset_mask")
        copies = self._copies_of(mask)
        seeds = self._seeds_of(seed)
        status, self._status = self._status, "unset"
        if status == "ready":
            self._drain(mask is not None)
        self._pending.clear()
        events = self._reset_parts([seeds[copy] for copy in copies], copies)
        self._status = "ready"
        self._awaiting = deque(range(self._num_parts))
        self._ready.clear()
        return self.buffers.observations, merged(self.num_agents, events.infos, events.columns)

    def _drain(self, partial: bool) -> None:
        """Finish what is under way, so that every backend has drawn the same random numbers."""
        for part in self._pending:
            try:
                self._finish_part(part)
            except Exception:
                # A reset of every copy is what helps against an exception of one.
                if partial or self._status == "broken":
                    raise

    def async_reset(self, *, seed: Any = None) -> None:
        """Reset, and let `recv` return the first observations part by part."""
        self.reset(seed=seed)
        self._ready, self._awaiting = self._awaiting, deque()

    def _copies_of(self, mask: np.ndarray | None) -> list[int]:
        if mask is None:
            return list(range(self.num_copies))
        return np.flatnonzero(checks.whole_copies(mask, self.num_copies, self.agents_per_env)).tolist()

    def _seeds_of(self, seed: Any) -> list[int | None]:
        if seed is None and self._status == "new":
            seed = self._seed
        if seed is None:
            return [None] * self.num_copies
        seeds = checks.seeds(seed, self.num_copies)
        return [seeds + copy for copy in range(self.num_copies)] if isinstance(seeds, int) else seeds

    # ---- Step ----

    def step(self, actions: Any) -> tuple:
        """`send(actions)`, then `recv()`."""
        self.send(actions)
        return self.recv()

    def send(self, actions: Any) -> None:
        """Hand actions to the part that has waited longest for them, and begin to step it."""
        self._require_open()
        if self._status != "ready":
            raise error.ResetNeeded("step() before reset()")
        if not self._awaiting:
            raise error.AlreadyPendingCallError("send() while every part is under way; call recv() first", "send")
        part = self._awaiting[0]
        if self.autoreset_mode is AutoresetMode.DISABLED:
            self._require_running(part)
        rows = self.buffers.actions[self._rows(part)]
        self._reader.read(actions, rows)
        if self._check_actions:
            self.action_layout.check_rows(rows)
        self._start_part(part)
        self._pending.append(self._awaiting.popleft())

    def recv(self) -> tuple:
        """Wait for a part; returns what `VectorEnv.step` does, with `info["env_id"]` if there are several parts."""
        self._require_open()
        if self._ready:
            part = self._ready.popleft()
            events = None
        elif self._pending:
            part = self._next_pending()
            self._pending.remove(part)
            events = self._finish(part)
        else:
            raise error.NoAsyncCallError("recv() without a send() before it", "recv")
        self._awaiting.append(part)
        buffers, rows = self.buffers, self._rows(part)
        info = merged(rows.stop - rows.start, events.infos, events.columns) if events else {}
        ended = ended_rows(buffers.terminations[rows], buffers.truncations[rows])
        if ended is not None:
            self._add_ends(info, ended, rows, events)
        arrays = (buffers.observations, buffers.rewards, buffers.terminations, buffers.truncations)
        if self._num_parts > 1:
            info["env_id"] = np.arange(rows.start, rows.stop)
            arrays = tuple(array[rows] for array in arrays)
        return *arrays, info

    def _add_ends(self, info: dict[str, Any], ended: np.ndarray, rows: slice, events: Events | None) -> None:
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            add_finals(info, ended, self.books.finals[rows], events.final_infos if events else ())
        if self.record_episodes:
            add_episodes(info, ended, self.books.episodes[rows])

    def _finish(self, part: int) -> Events | None:
        try:
            return self._finish_part(part)
        except BaseException:
            # Some copies of the part have been stepped and some have not.
            if self._status == "ready":
                self._status = "unset"
            raise

    def _rows(self, part: int) -> slice:
        size = self.batch_size * self.agents_per_env
        return slice(part * size, (part + 1) * size)

    def _share(self, part: int, seeds: list[int | None], copies: list[int]) -> tuple[list[int | None], list[int]]:
        """Those of these seeds and copies that belong to a part, where copies count within the part."""
        first = part * self.batch_size
        chosen = [
            (seed, copy - first)
            for seed, copy in zip(seeds, copies, strict=True)
            if first <= copy < first + self.batch_size
        ]
        return [seed for seed, _ in chosen], [copy for _, copy in chosen]

    def _memory_of(self, part: int) -> tuple[Buffers, Books]:
        """The buffers and books of the copies of a part."""
        rows = self._rows(part)
        copies = slice(part * self.batch_size, (part + 1) * self.batch_size)
        return self._make_buffers(rows.stop - rows.start, self.buffers.rows(rows)), self.books.part(copies, rows)

    def _require_open(self) -> None:
        if self._status == "closed":
            raise error.ClosedEnvironmentError("this environment is closed")
        if self._status == "broken":
            raise WorkerError("a worker is gone, and only close() works now", worker=-1, copies=range(0))

    def _require_running(self, part: int) -> None:
        first = part * self.batch_size
        ended = self.books.ended[first : first + self.batch_size]
        if ended.any():
            copy = first + int(np.argmax(ended))
            raise error.ResetNeeded(
                f"step() of copy {copy} (row {copy * self.agents_per_env}), whose episode has ended: with autoreset "
                f"disabled, reset it with options={{'reset_mask': ...}} first"
            )

    # ---- Statistics and end ----

    def stats(self) -> dict[str, float]:
        """Means over the episodes that ended since the last call."""
        self._require_open()
        sums = self.books.sums.sum(axis=0)
        episodes, returns, lengths = sums - self._sums_seen
        self._sums_seen = sums
        if not episodes:
            return {"episodes": 0}
        return {
            "episodes": int(episodes),
            "episode_return": float(returns / episodes),
            "episode_length": float(lengths / episodes),
        }

    def ansi_copy(self, copy: int = 0) -> str:
        """What render() of a copy returns, for environments with the render mode "ansi"."""
        return self.render_copy(copy)

    def close(self) -> None:
        """Close every copy. Closing twice is fine."""
        if self._status != "closed":
            self._status = "closed"
            self._close()
