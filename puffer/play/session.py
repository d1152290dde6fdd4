"""A game that a person plays: which key does what, when it steps, and what is shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

import puffer
from puffer.pictures import as_picture
from puffer.play.keys import Keys, keys_of, takes_turns
from puffer.programs import drawn
from puffer.recording import Diverged, Recorder, Replay

COMMANDS = {
    "f2": "pause",
    "f3": "one step",
    "f4": "reset",
    "f5": "save",
    "f9": "go back",
    "f6": "slower",
    "f7": "faster",
    "f8": "wait for keys or run",
    "escape": "end",
}
# The agent that the keys move, among several.
_NEXT_AGENT = "tab"
_SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class Session:
    """A game in one copy of an environment.

    Parameters
    ----------
    env : VectorEnv
        One copy, in this process, in the mode NEXT_STEP, which shows the end of an episode.
    name : str
        That of the environment, as `puffer.make` takes it.
    fps : float
        Steps per second at the speed 1, while it runs.
    seed : int or None
        Of the first reset.

    Attributes
    ----------
    agent : int
        The row that the keys move.
    is_running : bool
        Whether it steps without a key.
    is_paused, is_over : bool
    speed : float
        As a multiple.
    """

    def __init__(self, env: puffer.VectorEnv, name: str, fps: float, seed: int | None = None) -> None:
        self.env, self.name, self.fps = Recorder(env), name, fps
        # Some tell whose turn it is only after a reset.
        env.reset(seed=seed)
        self.keys: Keys = keys_of(name, env)
        self._takes_turns = takes_turns(env)
        self.agent, self.speed = 0, 1.0
        self.is_running = self.keys.idle is not None
        self.is_paused = self.is_over = False
        self._saved: Any = None
        self._message = ""
        self._rewards = np.zeros(env.num_envs)
        self.env.action_space.seed(seed)
        self._reset(seed)

    # ---- Keys ----

    def press(self, key: str) -> None:
        """Do what a key that went down commands; keys of actions are left to `tick`."""
        if key == "escape":
            self.is_over = True
        elif key == "f2":
            self.is_paused = not self.is_paused
        elif key == "f4":
            self._reset(None)
        elif key == "f5":
            self._saved = self.env.recording(), self._returns.copy(), self._steps
            self._message = f"saved at step {self._steps}: F9 goes back there"
        elif key == "f9":
            self._go_back()
        elif key in ("f6", "f7"):
            at = _SPEEDS.index(self.speed) + (1 if key == "f7" else -1)
            self.speed = _SPEEDS[min(max(at, 0), len(_SPEEDS) - 1)]
        elif key == "f8" and self.keys.idle is not None:
            self.is_running = not self.is_running
        elif key == _NEXT_AGENT or (key.isdecimal() and self._chooses_agent(key)):
            self.agent = (self.agent + 1) % self.env.num_envs if key == _NEXT_AGENT else int(key) - 1

    def _chooses_agent(self, key: str) -> bool:
        """Whether a number key names an agent; it does not where it is an action."""
        return 1 <= int(key) <= self.env.num_envs > 1 and frozenset([key]) not in self.keys.chords

    def tick(self, held: Collection[str], pressed: Sequence[str] = ()) -> None:
        """Step once, if it is time to: with the action of the keys, or idly while the game runs."""
        wants_step = "f3" in pressed
        action = self.keys.action([*held, *(key for key in pressed if key not in held)])
        if self.is_over or (self.is_paused and not wants_step):
            return
        if action is None:
            if not wants_step and not self.is_running:
                return
            action = self.keys.idle
        self._step(action)

    # ---- Steps ----

    def _reset(self, seed: int | None) -> None:
        self.env.reset(seed=seed)
        self._begin()
        self._message = ""

    def _begin(self) -> None:
        self._returns, self._steps = np.zeros(self.env.num_envs), 0
        self._rewards[:] = 0
        self._starts = False

    def _step(self, action: np.ndarray | None) -> None:
        env = self.env
        actions = env.action_space.sample() if env.action_masks is None else env.sample_legal()
        if action is not None:
            # In a game of turns, the actions of those who are not to move are ignored.
            actions[slice(None) if self._takes_turns else self.agent] = action
        if self._starts:
            self._begin()
        _, rewards, terminations, truncations, _ = env.step(actions)
        self._rewards[:] = rewards
        self._returns += rewards
        self._steps += 1
        ended = terminations | truncations
        self._starts = bool(ended.any()) and not env.independent_agents
        self._message = f"the episode ended{', truncated' if truncations.any() else ''}" if self._starts else ""

    def _go_back(self) -> None:
        if self._saved is None:
            self._message = "nothing is saved yet: F5 saves"
            return
        recording, returns, steps = self._saved
        try:
            for _ in Replay(recording, self.env):
                pass
        except Diverged as error:
            self._message = f"there is no way back: {error}"
            return
        self._returns, self._steps, self._starts = returns.copy(), steps, False
        self._message = f"back at step {steps}"

    # ---- What is shown ----

    @property
    def steps_per_second(self) -> float:
        return self.fps * self.speed

    def picture(self) -> np.ndarray:
        """The picture of the copy, (height, width, 3) uint8."""
        return as_picture(drawn(self.env.unwrapped, 0), self.name)

    def lines(self) -> list[str]:
        """The state of the game, and the keys."""
        state = "paused" if self.is_paused else "runs" if self.is_running else "waits for keys"
        several = self.env.num_envs > 1
        who = f"   agent {self.agent + 1} of {self.env.num_envs}" if several else ""
        reward, total = self._rewards[self.agent], self._returns[self.agent]
        others = "whose reward is shown" if self._takes_turns else "that the keys move, among others at random"
        agents = [f"TAB the agent {others}"] if several else []
        return [
            f"{self.name}{who}   step {self._steps}   reward {reward:.6g}   return {total:.6g}   "
            f"{state}   speed {self.speed:g}",
            self._message or " ",
            "   ".join(f"{key} {meaning}" for key, meaning in self.keys.meanings),
            "   ".join([*(f"{_named(key)} {what}" for key, what in COMMANDS.items()), *agents]),
        ]

    def close(self) -> None:
        """Close the batch."""
        self.env.close()


def _named(key: str) -> str:
    return "Esc" if key == "escape" else key.upper()
