"""The program: trains on the environment that the command line names, and keeps what comes of it."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gymnasium.error import NameNotFound

import puffer
from puffer.programs import FAILED, INTERRUPTED, Parser, assignment, integer, positive, refuse
from puffer.train import checkpoints
from puffer.train.ppo import PPO, Settings
from puffer.train.progress import Progress
from puffer.train.report import Curves, Display, number
from puffer.train.stored import settings_of, stored

PROGRAM = "python -m puffer.train"
_DESCRIPTION = """\
Train a policy on an environment by PPO. What is learned is kept in a folder: checkpoint.pt, curves.csv and curves.png.
Ctrl-C ends the training, and keeps it."""
_CHECKPOINT = "checkpoint.pt"
# Seconds between two checkpoints.
_SAVE = 60.0


@dataclass(frozen=True)
class Limits:
    """When a training ends: after these steps or seconds, or with this mean return of the last episodes."""

    steps: int
    seconds: float | None
    until_return: float | None

    def reached(self, progress: Progress, seconds: float, least_episodes: int = 100) -> bool:
        """Whether one of them is reached, after so many seconds of this run."""
        is_solved = self.until_return is not None and progress.episodes >= least_episodes
        return (
            progress.steps >= self.steps
            or (self.seconds is not None and seconds >= self.seconds)
            or (is_solved and progress.episode_return >= self.until_return)
        )


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns its exit status. Exits itself if an argument is wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    torch.set_num_threads(given.threads)
    with ExitStack() as stack:
        try:
            content = None if given.resume is None else checkpoints.read(given.resume)
            name, options, settings = _wanted(given, content)
            made = {**options, **_in_workers(given.workers, settings.num_envs)}
            env = stack.enter_context(closing(puffer.make(name, settings.num_envs, **made)))
            learner = PPO(env, settings, seed=_seed(given, content), device=given.device)
            if content is not None:
                checkpoints.restore(given.resume, content, learner)
            limits, folder = _limits(given, learner), _folder(given, name)
            curves = Curves(folder / "curves.csv", learner.steps)
        except (NameNotFound, ImportError, TypeError, ValueError, OSError) as error:
            refuse(PROGRAM, str(error))
        return _train(learner, limits, curves, lambda: checkpoints.save(folder / _CHECKPOINT, learner, name, options))


def _parser() -> Parser:
    parser = Parser(PROGRAM, _DESCRIPTION)
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="of the environment, as in puffer.make; with --resume that of the file")
    add("--steps", type=integer, help="end after this many steps of all rows (default: that of the settings)")
    add("--seconds", type=positive(), help="end after this time")
    add("--until-return", type=float, metavar="RETURN", help="end when the last episodes returned this much on average")
    add("--seed", type=_seed_text, default=0, help="of the environment, the network and the draws (default: 0)")
    add("--resume", type=Path, metavar="FILE", help="go on from this checkpoint")
    add("--out", type=Path, metavar="FOLDER", help="default: runs/NAME, or with --resume the folder of the checkpoint")
    add("--device", type=_device, default="cpu", help="of the network, as torch names it (default: cpu)")
    add("--threads", type=integer, default=1, help="of torch; with 1, a seed repeats a training exactly (default: 1)")
    add("--workers", type=integer, help="step an environment in Python in this many processes")
    add("--set", type=assignment, action="append", default=[], metavar="KEY=VALUE", help="a setting of the learner")
    add("--option", type=assignment, action="append", default=[], metavar="KEY=VALUE", help="an option of puffer.make")
    return parser


def _seed_text(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be an integer of at least 0, got {text!r}")
    return int(text)


def _device(text: str) -> torch.device:
    try:
        return torch.empty(0, device=text).device
    except (RuntimeError, AssertionError) as error:
        raise argparse.ArgumentTypeError(f"torch has no device {text!r} here: {str(error).splitlines()[0]}") from None


def _wanted(given: Any, content: dict[str, Any] | None) -> tuple[str, dict[str, Any], Settings]:
    """The environment, its options, and the settings of the learner."""
    if content is None:
        if given.name is None:
            raise ValueError("name the environment to train on: one of puffer.list_envs(), for example cartpole")
        options = {**stored(given.name).options, **dict(given.option)}
        return given.name, options, settings_of(given.name, dict(given.set))
    name = content["env"]
    if given.name not in (None, name, name.removeprefix("ocean-"), f"ocean-{name}"):
        raise ValueError(f"{given.resume} was trained on {name!r}, not on {given.name!r}")
    changed = dict(given.set)
    for key in ("hidden", "layers", "lstm"):
        if changed.get(key, content["settings"][key]) != content["settings"][key]:
            raise ValueError(
                f"{key}={changed[key]}: the network of {given.resume} has {key}={content['settings'][key]}, which stays"
            )
    settings = {**content["settings"], **changed}
    # More steps than were planned also make the learning rate fall later.
    settings["steps"] = max(settings["steps"], given.steps or 0)
    return name, {**content["options"], **dict(given.option)}, settings_of(name, settings)


def _in_workers(workers: int | None, copies: int) -> dict[str, Any]:
    """Options of `puffer.make` for worker processes: half of them step while the policy works on the other half."""
    if workers is None:
        return {}
    parts = 2 if workers % 2 == 0 and copies % 2 == 0 else 1
    return {"backend": "process", "num_workers": workers, "batch_size": copies // parts, "ordered": True}


def _seed(given: Any, content: dict[str, Any] | None) -> int:
    # Episodes that were played before the checkpoint are not to be played again.
    return given.seed if content is None else given.seed + content["learner"]["steps"]


def _limits(given: Any, learner: PPO) -> Limits:
    steps = given.steps or learner.settings.steps
    if learner.steps >= steps:
        raise ValueError(f"{given.resume} has {learner.steps:,} of {steps:,} steps: give more, --steps {2 * steps}")
    return Limits(steps, given.seconds, given.until_return)


def _folder(given: Any, name: str) -> Path:
    """Where the files are kept: never where others are."""
    if given.out is not None:
        return given.out
    if given.resume is not None:
        return given.resume.parent
    base = Path("runs") / "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
    numbered = (base.with_name(f"{base.name}-{k}") for k in range(2, sys.maxsize))
    return base if not base.exists() else next(folder for folder in numbered if not folder.exists())


def _train(learner: PPO, limits: Limits, curves: Curves, save: Callable[[], None]) -> int:
    """Train until a limit is reached or somebody interrupts; returns the exit status."""
    saved = begun = time.monotonic()
    with ExitStack() as stack:
        stack.callback(curves.close, print)
        # Before the curves are drawn, which may fail. What was learned before is worth more than what is not finite.
        stack.callback(lambda: learner.is_sound and save())
        display = stack.enter_context(Display(limits.steps))
        interrupted = stack.enter_context(_interrupts())
        for progress in learner.iterations():
            curves.add(progress)
            is_over = limits.reached(progress, time.monotonic() - begun, learner.recent.maxlen) or bool(interrupted)
            display.show(progress, last=is_over)
            if is_over or not learner.is_sound:
                break
            if time.monotonic() - saved > _SAVE:
                save()
                saved = time.monotonic()
    if not learner.is_sound:
        lower = learner.settings.learning_rate / 3
        print(
            f"{PROGRAM}: the parameters are not finite any more after {progress.steps:,} steps; try a lower "
            f"--set learning_rate=..., for example {lower:.2g}",
            file=sys.stderr,
        )
        return FAILED
    print(
        f"return {number(progress.episode_return)} after {progress.steps:,} steps and {progress.seconds:.1f} seconds"
        f"{', interrupted' if interrupted else ''}; {curves.file.with_name(_CHECKPOINT)}"
    )
    return INTERRUPTED if interrupted else 0


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C is pressed. Pressed again, it interrupts at once."""
    pressed: list[int] = []

    def note(number: int, frame: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
