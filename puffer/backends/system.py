"""Systems that step many copies themselves, with their own threads or in their own process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.vector import AutoresetMode

from puffer.backends.infos import Events
from puffer.backends.rows import Rows
from puffer.backends.seeding import fresh_seeds
from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.layout.spec import CopySpec
from puffer.native.buffers import Buffers
from puffer.rendering import Rendering

Columns = dict[str, np.ndarray]


class SystemStepper:
    """Steps several copies of a system together. A subclass sets the attributes and writes the methods for authors.

    Attributes
    ----------
    observation_space, action_space : gymnasium.Space
        Of one agent.
    agents_per_env : int
        Rows of a copy.
    max_steps : int or None
        A time limit, which the batch keeps.
    rendering : puffer.rendering.Rendering
    restarts : bool
        Whether the system begins the next episodes itself, at the steps that the autoreset mode says. All of its agents
        must then take part until the end of the episode.
    memory : mapping
        Arrays of the system that can be those of the batch, by the names in `Buffers`. They are, where the batch has
        one part and the caller gave no `buf`.
    buffers : puffer.Buffers
        The rows of the copies, from `attach` on.
    waiting : (copies,) bool
        Which copies are over and wait for their reset, from `attach` on. The system may step them or not.
    """

    observation_space: Space
    action_space: Space
    agents_per_env = 1
    max_steps: int | None = None
    rendering = Rendering((), None, 30)
    restarts = False
    memory: Mapping[str, np.ndarray] = {}

    # ---- For authors to write ----

    def attach(self, buffers: Buffers, waiting: np.ndarray) -> None:
        """Use these rows, which are those of these copies alone."""
        self.buffers = buffers
        self.waiting = waiting

    def reset_copies(self, seeds: list[int | None], copies: list[int]) -> Columns:
        """Begin new episodes in these copies. Returns infos of all rows, by name; those of other copies do not count.

        Writes the observations and masks of these copies, and nothing else. A seed of None continues the random
        numbers of the copy.
        """
        raise NotImplementedError

    def begin_step(self) -> None:
        """Begin to step every copy with the actions of the buffers."""

    def end_step(self, finals: np.ndarray) -> Columns:
        """Wait for the step: write observations, rewards, flags, and masks. Returns infos of all rows, by name.

        The infos may be memory that the next step or reset overwrites.

        The masks tell which agents took part in the step; the rows of the others are zero. A copy is over when none of
        its agents goes on. Unless the system `restarts` copies, those that are over show their last observation; they
        are then reset, in NextStep after the next step, whose results for their rows are overwritten.

        A system that `restarts` copies is made for an autoreset mode. In SameStep copies that are over show the first
        observation of the next episode, and their last observations are in `finals`, which has the shape of the
        observations. In NextStep they show the last one, and the step after it, whose action does not count, gives the
        first one of the next episode, with a reward and flags of zero. In the mode Disabled they show the last one.
        """
        raise NotImplementedError

    def render_copy(self, copy: int) -> Any:
        """A frame, text or None, as the render mode has it."""
        return None

    def close(self) -> None:
        """Give back what the copies hold."""

    # ---- The stepper of a part ----

    @property
    def spec(self) -> CopySpec:
        """The spec of the copies."""
        layout, action_layout = Layout(self.observation_space), ActionLayout(self.action_space)
        return CopySpec(layout, action_layout, self.agents_per_env, None, self.max_steps, self.rendering)

    def live_in(self, rows: Rows, *, same_step: bool) -> None:
        """Use these rows; `same_step` tells whether copies are reset within the step that ends their episodes."""
        copies = rows.form.copies
        self._rows = rows
        self._same_step = same_step
        # Copies that are over, and that the system does not restart itself.
        self._left = np.zeros(copies, np.bool_)
        self._has_seed = np.zeros(copies, np.bool_)
        self._is_under_way = False
        # What `set_next` was given, by copy.
        self._next_seeds: dict[int, int] = {}
        self.attach(rows.buffers, rows.waiting)

    def reset(self, seeds: Sequence[int | None], copies: Sequence[int], options: Sequence | None = None) -> Events:
        """Begin new episodes in these copies."""
        self._refuse_options(options or ())
        seeds = [self._taken(copy, seed) for seed, copy in zip(seeds, copies, strict=True)]
        if self._is_under_way:
            # The step of another part has raised.
            with contextlib.suppress(Exception):
                self.finish()
        first = [seed is None and not self._has_seed[copy] for seed, copy in zip(seeds, copies, strict=True)]
        fresh = zip(seeds, first, fresh_seeds(len(copies)), strict=True)
        chosen = np.zeros(len(self._left), np.bool_)
        chosen[copies] = True
        self._rows.waiting[chosen] = True
        self._clear(chosen)
        infos = self.reset_copies([new if needed else seed for seed, needed, new in fresh], list(copies))
        events = Events()
        self._report(events, self._by_row(chosen) & self.buffers.masks, infos)
        self._has_seed[chosen] = True
        self._left[chosen] = False
        return events

    def set_next(self, settings: dict[int, dict[str, Any]]) -> None:
        """Set the seeds of the next episodes, by copy. Raises TypeError for what the system cannot be told."""
        for setting in settings.values():
            self._refuse_options([setting.get("options")])
            for name in setting["parameters"]:
                raise TypeError(f"set_next(): {self._name()} takes no parameter {name!r} for the next episode")
            if "seed" in setting and self.restarts:
                raise TypeError(
                    f"set_next(): {self._name()} begins its next episodes itself, and takes no seed for them; use "
                    f"reset(seed=..., options={{'reset_mask': ...}})"
                )
        self._next_seeds |= {copy: setting["seed"] for copy, setting in settings.items() if "seed" in setting}

    def _taken(self, copy: int, seed: int | None = None) -> int | None:
        """The seed of a copy's reset, for which `set_next` may have set one."""
        upcoming = self._next_seeds.pop(copy, None)
        return upcoming if seed is None else seed

    def _refuse_options(self, options: Sequence[dict[str, Any] | None]) -> None:
        for one in options:
            if one:
                raise ValueError(f"{self._name()} takes no options in a reset, got {one!r}")

    def call(self, name: str, arguments: Sequence[Any], named: dict[str, Any]) -> list[Any]:
        """The attribute of that name of the system, for each copy."""
        value = getattr(self, name, None)
        if name.startswith("_") or callable(value) or not hasattr(self, name):
            raise AttributeError(f"{self._name()} steps its copies together, and they have no attribute {name!r}")
        return [value] * self._rows.form.copies

    def set_attr(self, name: str, values: Sequence[Any]) -> None:
        """Raises AttributeError: the copies are not objects of their own."""
        raise AttributeError(f"{self._name()} steps its copies together, and {name!r} cannot be set for each")

    def _name(self) -> str:
        return type(self).__name__

    def start(self) -> None:
        """Begin a step."""
        self._is_under_way = True
        self.begin_step()

    def finish(self) -> Events:
        """Wait for the step, end episodes, and begin the next ones."""
        self._is_under_way = False
        buffers, rows = self.buffers, self._rows
        infos = self.end_step(rows.finals)
        events = Events()
        rows.over[:] = False
        if rows.late.any() or rows.waiting.any() or buffers.terminations.any() or buffers.truncations.any():
            self._turn(infos, events)
        else:
            self._report(events, buffers.masks, infos)
        return events

    def _turn(self, infos: Columns, events: Events) -> None:
        buffers, rows = self.buffers, self._rows
        # The step of a copy that waits for its next episode is the reset.
        took_part = buffers.masks & ~self._by_row(rows.waiting)
        goes_on = took_part & ~(buffers.terminations | buffers.truncations)
        over = self._by_copy(took_part) & ~self._by_copy(goes_on)
        buffers.truncations[took_part & self._by_row(rows.late)] = True
        self._left |= (over | rows.late) & ~(over & self.restarts)
        rows.over[:] = over | rows.late
        if self._same_step:
            self._keep_finals(took_part & (buffers.terminations | buffers.truncations), infos, events)
        restarted = self._left.copy() if self._same_step else self._left & rows.waiting
        self._report(events, self._by_row(~restarted) & buffers.masks, infos)
        if restarted.any():
            self._clear(restarted & rows.waiting)
            copies = np.flatnonzero(restarted).tolist()
            infos = self.reset_copies([self._taken(copy) for copy in copies], copies)
            self._report(events, self._by_row(restarted) & buffers.masks, infos)
            self._left[restarted] = False

    def _keep_finals(self, ended: np.ndarray, infos: Columns, events: Events) -> None:
        """Keep the last observations and infos of these rows, as far as the system has not."""
        shown = ended & self._by_row(self._left) if self.restarts else ended
        self._rows.finals[shown] = self.buffers.observations[shown]
        for row in np.flatnonzero(shown).tolist() if infos else ():
            events.final_infos.append((row, {name: values[row].copy() for name, values in infos.items()}))

    def _clear(self, copies: np.ndarray) -> None:
        rows = self._by_row(copies)
        for name in ("rewards", "terminations", "truncations"):
            getattr(self.buffers, name)[rows] = 0

    @staticmethod
    def _report(events: Events, rows: np.ndarray, infos: Columns) -> None:
        """Add the infos of these rows."""
        if infos:
            events.columns.append((0, rows, {name: values.copy() for name, values in infos.items()}))

    def _by_row(self, copies: np.ndarray) -> np.ndarray:
        """Which rows belong to these copies."""
        return np.repeat(copies, self.agents_per_env)

    def _by_copy(self, rows: np.ndarray) -> np.ndarray:
        """Which copies have any of these rows."""
        return np.logical_or.reduce(rows.reshape(-1, self.agents_per_env), axis=1)


@dataclass(frozen=True)
class SystemCreator:
    """Makes steppers of several copies: `make(copies, num_threads, autoreset_mode, **arguments)`.

    `copies` is the range of their numbers within the batch.
    """

    make: Callable[..., SystemStepper]
    arguments: dict[str, Any]

    def __call__(self, copies: range, num_threads: int, autoreset_mode: AutoresetMode) -> SystemStepper:
        return self.make(copies, num_threads, autoreset_mode, **self.arguments)
