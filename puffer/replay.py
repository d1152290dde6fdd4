"""`python -m puffer.replay FILE`: play a file of `puffer.Recorder` again, and compare, film or stop at a step."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing, nullcontext
from typing import Any

from rich.progress import track

from puffer.measuring.tables import console, counted
from puffer.pictures import as_picture, captioned, enlarged
from puffer.programs import FAILED, Parser, attribute, drawn, film_file, integer, refusals, run
from puffer.recording import Diverged, Recording, Replay
from puffer.recording.film import SUFFIXES, Film

_DESCRIPTION = """\
Play the steps again that a puffer.Recorder wrote to a file, and say whether they came out as they were recorded, bit
for bit. A file of another version or a damaged one is refused."""


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns FAILED if the replay diverged, else 0."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.debug and given.stop is None:
        parser.error("--debug stops at a step: say which by --stop STEP")
    out = console()
    with refusals(parser):
        recording = Recording.read(given.file)
        env = attribute(given.env) if given.env and ":" in given.env else given.env
        mode = {"render_mode": "rgb_array"} if given.output else {}
        replay = Replay(recording, env, backend="process" if given.workers else "serial", **mode)
    for line in _about(recording):
        out.print(line, markup=False, soft_wrap=True)
    with closing(replay):
        try:
            with refusals(parser), _film_of(replay, given) as film:
                _play(replay, film, given, out)
        except Diverged as error:
            out.print(f"diverged: {error}", style="red", markup=False, soft_wrap=True)
            return FAILED
        if given.debug:
            _debug(replay, replay.next_actions() if replay.position < replay.steps else None)
            return 0
        for line in _outcome(replay):
            out.print(line, markup=False, soft_wrap=True)
        if given.output:
            out.print(f"{given.output} is written", markup=False, soft_wrap=True)
    return 0


def _parser() -> Parser:
    parser = Parser("python -m puffer.replay", _DESCRIPTION)
    add = parser.add_argument
    add("file", help="a file of puffer.Recorder")
    add("--env", metavar="NAME", help="the environment, or MODULE:ATTRIBUTE of it, where the file does not say it")
    add("--stop", type=_step, metavar="STEP", help="play no further than to before this step")
    add("--debug", action="store_true", help="open a debugger there: `replay`, `env` and `actions` are at hand")
    add("-o", "--output", type=film_file, metavar="FILE", help=f"film a copy to FILE: {', '.join(SUFFIXES)}")
    add("--copy", type=int, default=0, help="the copy that is filmed (default: 0)")
    add("--every", type=integer, default=1, help="steps from one picture to the next (default: 1)")
    add("--workers", action="store_true", help="step environments in Python in worker processes, which may die")
    return parser


def _step(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be the number of a step, got {text!r}")
    return int(text)


def _about(recording: Recording) -> list[str]:
    described = recording.header["env"]
    first, steps = recording.first_step, recording.steps
    span = f"steps {first:,} to {first + steps - 1:,}" if steps else "no step"
    return [
        f"{recording.name}, {counted(described['copies'], 'copy')}: {span}",
        f"written because of: {recording.header['reason']}",
    ]


def _film_of(replay: Replay, given: argparse.Namespace) -> Any:
    return Film(given.output, replay.env.metadata["render_fps"] / given.every) if given.output else nullcontext()


def _play(replay: Replay, film: Film | None, given: argparse.Namespace, out: Any) -> None:
    first = replay.recording.first_step
    stop = first + replay.steps if given.stop is None else given.stop
    if not first <= stop <= first + replay.steps:
        raise ValueError(f"--stop must be from {first} to {first + replay.steps}, got {stop}")
    steps = range(first, stop)
    for step in track(steps, "replay", console=out, transient=True, disable=not out.is_terminal):
        replay.step()
        if film is not None and step % given.every == 0:
            picture = enlarged(as_picture(drawn(replay.env, given.copy), replay.recording.name), 240)
            reward = replay.env.batch.buffers.rewards[given.copy * replay.env.agents_per_env]
            film.add(captioned(picture, [replay.recording.name, f"step {step}   reward {reward:.6g}"]))
    replay.arrive()


def _outcome(replay: Replay) -> list[str]:
    lines = []
    if replay.position == replay.steps:
        what = "the snapshots" if replay.recording.header["kind"] == "native" else "every step"
        lines.append(f"replayed {counted(replay.position, 'step')}: {what} came out the same, bit for bit")
    else:
        lines.append(f"replayed {counted(replay.position, 'step')}, and stopped")
    first = replay.recording.first_step
    if replay.first_nan is not None:
        lines.append(f"the first NaN is in what step {first + replay.first_nan:,} returned")
    if replay.position == replay.steps and "refused" in replay.recording.arrays:
        error = replay.refused()
        told = "raises nothing here" if error is None else f"raises again: {type(error).__name__}: {error}"
        lines.append(f"step {first + replay.steps:,} {told}")
    return lines


def _debug(replay: Replay, actions: Any) -> None:
    env = replay.env
    print(f"before step {replay.recording.first_step + replay.position}: env.step(actions) makes it")
    breakpoint()
    del env, actions


if __name__ == "__main__":
    run(main)
