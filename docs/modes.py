"""A step in the three autoreset modes: played, and drawn as docs/modes.svg. `make docs` runs it.

    python docs/modes.py

The values come from batches that are stepped here, so the picture cannot show anything else than what happens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np

import puffer

FILE = Path(__file__).parent / "modes.svg"
MODES = ("SameStep", "NextStep", "Disabled")
# Steps of an episode of the environment that is played, and calls of step() that are shown.
LENGTH, CALLS = 3, 5


class Count(gymnasium.Env):
    """Its observation is 10 x the episode + the step in it; an episode has `LENGTH` steps, each with the reward 1."""

    observation_space = gymnasium.spaces.Box(0, 1000, (), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    episode = 0

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.episode, self.step_in_it = self.episode + 1, 0
        return self._observation(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.step_in_it += 1
        return self._observation(), 1.0, self.step_in_it == LENGTH, False, {}

    def _observation(self) -> np.ndarray:
        return np.float32(10 * self.episode + self.step_in_it)


class Call(NamedTuple):
    """What one call of `reset` or `step` returned for the only row.

    Attributes
    ----------
    call : str
        "reset()", "step(action)", or "reset(mask)" before a step in the mode Disabled.
    observation : int
    reward : float
    is_terminated : bool
    final : int or None
        `final_obs` of the infos.
    ends : int or None
        The observation in `env.ends`.
    is_ignored : bool
        Whether the action of the step did nothing.
    """

    call: str
    observation: int
    reward: float = 0.0
    is_terminated: bool = False
    final: int | None = None
    ends: int | None = None
    is_ignored: bool = False


def calls(mode: str) -> list[Call]:
    """What a row of a batch in this mode shows, from the reset on."""
    env = puffer.emulate(Count, 1, autoreset_mode=mode, backend="serial")
    observations, _ = env.reset(seed=0)
    shown = [Call("reset()", int(observations[0]))]
    for _ in range(CALLS):
        if mode == "Disabled" and shown[-1].is_terminated:
            observations, _ = env.reset(options={"reset_mask": np.array([True])})
            shown.append(Call("reset(mask)", int(observations[0])))
        observations, rewards, terminations, _, info = env.step(np.zeros(1, np.int64))
        last = shown[-1]
        shown.append(
            Call(
                "step(action)",
                int(observations[0]),
                float(rewards[0]),
                bool(terminations[0]),
                int(info["final_obs"][0]) if "final_obs" in info else None,
                int(env.ends.observations[0]) if len(env.ends) else None,
                is_ignored=mode == "NextStep" and last.is_terminated,
            )
        )
    env.close()
    return shown


# ---- The drawing ----

_COLUMN, _ROW, _LEFT = 132, 132, 118
_COLOURS = {1: "#dbeafe", 2: "#dcfce7", 3: "#fef9c3"}


def svg() -> str:
    """The picture: a line for each mode, a box for each call."""
    width = _LEFT + _COLUMN * (CALLS + 2) + 10
    height = _ROW * len(MODES) + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13">',
        "<title>What a row shows in the three autoreset modes</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for line, mode in enumerate(MODES):
        top = 12 + line * _ROW
        parts.append(f'<text x="12" y="{top + 46}" font-weight="bold">{mode}</text>')
        for column, call in enumerate(calls(mode)):
            parts += _box(call, _LEFT + column * _COLUMN, top)
    parts.append(
        f'<text x="12" y="{height - 14}" fill="#555">A colour is an episode of {LENGTH} steps, and obs is 10 x the '
        "episode + the step in it.</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _box(call: Call, left: int, top: int) -> list[str]:
    colour = _COLOURS[call.observation // 10]
    lines = [f"obs {call.observation}"]
    if call.call == "step(action)":
        lines.append(f"reward {call.reward:g}")
    lines += ["terminated"] if call.is_terminated else []
    lines += [f"final_obs {call.final}"] if call.final is not None else []
    lines += [f"ends {call.ends}"] if call.ends is not None else []
    lines += ["action ignored"] if call.is_ignored else []
    border = "#b91c1c" if call.is_terminated else "#94a3b8"
    parts = [
        f'<rect x="{left}" y="{top}" width="{_COLUMN - 12}" height="{_ROW - 20}" rx="6" fill="{colour}" '
        f'stroke="{border}"/>',
        f'<text x="{left + 8}" y="{top + 18}" font-family="monospace" font-size="12">{call.call}</text>',
    ]
    for k, line in enumerate(lines):
        style = ' fill="#b91c1c"' if line in ("terminated", "action ignored") else ""
        parts.append(f'<text x="{left + 8}" y="{top + 37 + 16 * k}"{style}>{line}</text>')
    return parts


if __name__ == "__main__":
    FILE.write_text(svg(), encoding="utf-8")
