"""Copies in another interpreter as this one sees them: their spaces, and environments that return received results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gymnasium import Space

from puffer.backends.copies import CopiesStepper
from puffer.backends.infos import Events
from puffer.backends.rows import Rows
from puffer.layout.description import described_space
from puffer.layout.spec import CopySpec
from puffer.wrappers.adapters.adapter import Adapter, GymAdapter
from puffer.wrappers.adapters.pettingzoo import ParallelAdapter


class _RemoteEnv:
    """An environment with one agent whose results come from afar."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.metadata = {"render_modes": told["render_modes"], "render_fps": told["render_fps"]}
        self.render_mode = told["render_mode"]
        self.results: deque[Any] = deque()
        # Asks for a reset that was not foreseen: that of an episode which the last step has ended.
        self.ask: Callable[[], Any] | None = None
        observations, actions = (
            list(map(described_space, told[kind])) for kind in ("observation_spaces", "action_spaces")
        )
        self._set_spaces(observations, actions, told)

    def _set_spaces(self, observations: list[Space], actions: list[Space], told: dict[str, Any]) -> None:
        self.observation_space: Any = observations[0]
        self.action_space: Any = actions[0]

    def action(self, adapter: Adapter) -> Any:
        """The action of the coming step."""
        return adapter.read_action(0)

    def _next(self) -> Any:
        if self.results:
            return self.results.popleft()
        assert self.ask is not None
        return self.ask()

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self._next()

    def step(self, action: Any) -> Any:
        return self._next()


class _RemoteParallelEnv(_RemoteEnv):
    """A PettingZoo environment whose agents step at once, and whose results come from afar."""

    def _set_spaces(self, observations: list[Space], actions: list[Space], told: dict[str, Any]) -> None:
        self.possible_agents = told["agents"]
        self.agents: list[Any] = []
        by_agent = dict(zip(self.possible_agents, told["indices"], strict=True))
        self.observation_space = lambda agent: observations[by_agent[agent][0]]
        self.action_space = lambda agent: actions[by_agent[agent][1]]

    def action(self, adapter: Adapter) -> Any:
        """The actions of the coming step, by agent."""
        return {agent: adapter.read_action(self.possible_agents.index(agent)) for agent in self.agents}

    def _next(self) -> Any:
        self.agents, result = super()._next()
        return result


class RemoteCopies:
    """The copies of one worker in another interpreter.

    Parameters
    ----------
    told : dict
        What the worker told of each of them, see `puffer.backends.worker.interpreter.copies`.
    count : int
        How many there are.

    Attributes
    ----------
    spec : CopySpec
    current : int
        The copy whose results are being laid out.
    """

    def __init__(self, told: dict[str, Any], count: int) -> None:
        is_single = told["agents"] is None
        self._envs = [_RemoteEnv(told) if is_single else _RemoteParallelEnv(told) for _ in range(count)]
        self._adapters = [GymAdapter(env) if is_single else ParallelAdapter(env) for env in self._envs]
        # Attributes to set before the next reset, by copy.
        self._parameters: dict[int, dict[str, Any]] = {}
        self.spec: CopySpec = self._adapters[0].spec._replace(max_steps=told["max_steps"])

    def live_in(self, rows: Rows, ask_reset: Callable[[int], Any], *, same_step: bool) -> None:
        """Lay results out in these rows; `ask_reset(index)` resets a copy at once and returns the result."""
        self._rows = rows
        self._stepper = CopiesStepper(self._adapters, rows, same_step=same_step)
        for index, env in enumerate(self._envs):
            env.ask = lambda index=index: ask_reset(index)

    @property
    def current(self) -> int:
        return self._stepper.current

    def actions(self) -> list[tuple]:
        """The argument of a step: an action in a tuple for each copy, or the request for a reset."""
        pairs = zip(self._envs, self._adapters, strict=True)
        return [
            self._request(index) if waits else (env.action(adapter),)
            for index, ((env, adapter), waits) in enumerate(zip(pairs, self._rows.waiting.tolist(), strict=True))
        ]

    def requests(self, seeds: Sequence[int | None], indices: Sequence[int], options: Sequence | None) -> tuple:
        """The arguments of a reset."""
        options = [None] * len(indices) if options is None else options
        given = zip(indices, seeds, options, strict=True)
        return [self._request(index, seed, own) for index, seed, own in given], list(indices)

    def _request(self, index: int, seed: int | None = None, options: Any = None) -> tuple:
        seed, options, _ = self._stepper.request(index, seed, options)
        return seed, options, self._parameters.pop(index, {})

    def set_next(self, settings: dict[int, dict[str, Any]]) -> None:
        """Keep what the next resets of copies are to be asked with."""
        for index, setting in settings.items():
            parameters = setting.get("parameters", {})
            self._parameters[index] = {**self._parameters.get(index, {}), **parameters}
            rest = {name: value for name, value in setting.items() if name != "parameters"}
            self._stepper.keep_next({index: rest})

    def lay_out_step(self, results: list) -> Events | None:
        """Write the results of a step into the rows."""
        for env, result in zip(self._envs, results, strict=True):
            env.results.append(result)
        return self._stepper.finish()

    def lay_out_reset(
        self, results: list, seeds: Sequence[int | None], indices: Sequence[int], options: Sequence | None
    ) -> Events:
        """Write the results of a reset into the rows."""
        for env in self._envs:
            # Of a step that failed.
            env.results.clear()
        for index, result in zip(indices, results, strict=True):
            self._envs[index].results.append(result)
        return self._stepper.reset(seeds, indices, options)
