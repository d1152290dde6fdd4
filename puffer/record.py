"""`python -m puffer.record NAME -o FILE`: a film or a picture of an environment that a policy plays."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
from rich.progress import track

import puffer
from puffer.evaluation.policies import Player
from puffer.measuring.tables import console
from puffer.pictures import as_picture, captioned, enlarged, grid
from puffer.programs import Parser, add_environment, batch, drawn, film_file, integer, policy, positive, refusals, run
from puffer.recording.film import SUFFIXES, Film

_DESCRIPTION = """\
Write a film of an environment that a policy plays: of one episode, or of several copies side by side until each has
ended one. A PNG has the last picture."""


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns 0. Exits itself if it cannot do its work."""
    parser = _parser()
    given = parser.parse_args(argv)
    with refusals(parser):
        options = {"autoreset_mode": "Disabled", "render_mode": "rgb_array", "backend": "serial"}
        with closing(batch(given.env, given.copies, given.set, **options)) as env:
            played = _Play(env, policy(given.policy, env, given.seed), given.seed)
            fps = given.fps or env.metadata["render_fps"] / given.every
            with Film(given.output, fps) as film:
                _film(played, film, given)
    console().print(f"{given.output}: {film.pictures} pictures, {played.summary()}", markup=False, soft_wrap=True)
    return 0


def _parser() -> Parser:
    parser = Parser("python -m puffer.record", _DESCRIPTION)
    add_environment(parser)
    add = parser.add_argument
    add("-o", "--output", type=film_file, required=True, metavar="FILE", help=f"ends in {', '.join(SUFFIXES)}")
    add(
        "--policy",
        default="random",
        help="random, a checkpoint of puffer.train, or MODULE:FUNCTION that takes observations (default: random)",
    )
    add("--copies", type=integer, default=1, help="copies in a grid (default: 1)")
    add("--steps", type=integer, default=1000, help="the most steps (default: 1000)")
    add("--every", type=integer, default=1, help="steps from one picture to the next (default: 1)")
    add("--fps", type=positive(100), help="pictures per second (default: that of the environment)")
    add("--size", type=integer, default=240, help="least pixels of the longer side of a copy (default: 240)")
    add("--seed", type=int, default=0, help="of the environment and of random actions (default: 0)")
    add("--no-caption", dest="caption", action="store_false", help="leave out the name, the step and the return")
    return parser


def _film(played: _Play, film: Film, given: argparse.Namespace) -> None:
    name = given.env.rpartition("/")[2]

    def add() -> None:
        picture = grid([enlarged(one, given.size) for one in played.pictures])
        film.add(captioned(picture, [name, played.summary()]) if given.caption else picture)

    out = console()
    add()
    for step in track(range(1, given.steps + 1), name, console=out, transient=True, disable=not out.is_terminal):
        played.step(is_shown=step % given.every == 0)
        if step % given.every == 0 or played.is_over:
            add()
        if played.is_over:
            break


class _Play:
    """Copies that a policy plays until each has ended an episode; the picture of one that has ended stays."""

    def __init__(self, env: puffer.VectorEnv, chosen: Any, seed: int) -> None:
        self._env, self._player = env, Player(env, chosen)
        self._observations, _ = env.reset(seed=seed)
        self._starts = np.ones(env.num_envs, bool)
        self._has_ended = np.zeros(env.num_envs, bool)
        self._returns = np.zeros(env.num_envs)
        self._steps = 0
        self.pictures = [self._picture(copy) for copy in range(env.num_copies)]

    def _picture(self, copy: int) -> np.ndarray:
        return as_picture(drawn(self._env, copy), repr(self._env))

    @property
    def is_over(self) -> bool:
        """Whether every agent has ended an episode."""
        return bool(self._has_ended.all())

    def step(self, is_shown: bool) -> None:
        """Step all copies; draw those whose episode goes on or ends, if they are shown."""
        env, goes_on = self._env, ~self._has_ended
        if self._starts.any() and self._steps:
            self._observations, _ = env.reset(options={"reset_mask": self._starts})
        actions = self._player.act(self._observations, self._starts)
        self._observations, rewards, terminations, truncations, _ = env.step(actions)
        self._steps += 1
        self._returns[goes_on] += rewards[goes_on]
        self._starts = terminations | truncations
        if not env.independent_agents:
            # The end of an episode that agents share is that of all of them, whoever has a row in it.
            ended = self._starts.reshape(env.num_copies, -1).any(axis=1)
            self._starts = ended.repeat(env.agents_per_env)
        self._has_ended |= self._starts
        for copy, is_drawn in enumerate(goes_on.reshape(env.num_copies, -1).any(axis=1)):
            if is_drawn and (is_shown or self._has_ended.all()):
                self.pictures[copy] = self._picture(copy)

    def summary(self) -> str:
        """The step, and the returns of a few rows or their mean."""
        returns = self._returns
        told = ", ".join(f"{one:.6g}" for one in returns) if len(returns) <= 4 else f"{returns.mean():.4g} on average"
        return f"step {self._steps}   return {told}"


if __name__ == "__main__":
    run(main)
