"""The program: makes one copy of an environment, and lets a person play it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from typing import Any

from puffer.measuring.tables import console
from puffer.play.displays import TerminalDisplay, WindowDisplay
from puffer.play.session import COMMANDS, Session
from puffer.programs import Parser, add_environment, batch, output_file, positive, refusals, run

__all__ = ["main", "run"]

_DESCRIPTION = """\
Play one copy of an environment by the keyboard. The keys are shown under the picture. Where doing nothing is an action,
time goes on by itself; elsewhere the game waits for a key."""


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns 0. Exits itself if it cannot do its work."""
    parser = _parser()
    given = parser.parse_args(argv)
    if not given.terminal and not all(map(find_spec, ("pygame", "PIL"))):
        parser.error('a window needs pygame-ce and Pillow: pip install "puffer-envs[play]"; or add --terminal')
    with refusals(parser):
        options = {"autoreset_mode": "NextStep", "render_mode": "rgb_array", "backend": "serial"}
        env = batch(given.env, 1, given.set, **options)
        with closing(Session(env, given.env, given.fps, given.seed)) as session:
            session.picture()
            with closing(TerminalDisplay() if given.terminal else WindowDisplay(f"puffer play {given.env}")) as display:
                _play(session, display)
            if given.save is not None:
                session.env.save(given.save)
                console().print(f"{given.save}: see puffer replay {given.save}", markup=False, soft_wrap=True)
            console().print(session.lines()[0], markup=False, soft_wrap=True)
    return 0


def _parser() -> Parser:
    commands = ", ".join(f"{key.upper() if key != 'escape' else 'Esc'} {what}" for key, what in COMMANDS.items())
    parser = Parser("python -m puffer.play", _DESCRIPTION, epilog=f"Keys: {commands}; Tab or a number, another agent.")
    add_environment(parser)
    add = parser.add_argument
    add("--terminal", action="store_true", help="play in this terminal, in blocks of colour, as over ssh")
    add("--fps", type=positive(100), default=15, help="steps per second while the game runs (default: 15)")
    add("--seed", type=int, help="of the first episode (default: a new one each time)")
    add("--save", type=output_file, metavar="FILE", help="write the game to FILE at the end, for puffer replay")
    return parser


def _play(session: Session, display: Any) -> None:
    due = time.monotonic()
    waiting: list[str] = []
    while not session.is_over:
        pressed, held = display.poll()
        for key in pressed:
            session.press(key)
        waiting += pressed
        now = time.monotonic()
        # A key that went down between two steps counts in the next one.
        if now >= due:
            session.tick(held, waiting)
            waiting = []
            due = max(due + 1 / session.steps_per_second, now)
        display.show(session.picture(), session.lines())
