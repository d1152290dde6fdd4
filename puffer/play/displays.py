"""Where a game is shown, and whence its keys come: a window of pygame, or a terminal."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from puffer.pictures import captioned, enlarged
from puffer.play.blocks import HalfBlocks
from puffer.window import Window

# Pixels of the longer side of a picture in a window, at least.
_LEAST = 480
# Names of pygame's keys that are called otherwise here.
_PYGAME = {"return": "enter", "keypad enter": "enter"}
# What terminals send for keys without a character.
_SEQUENCES = {
    **{f"\x1b[{letter}": key for letter, key in zip("ABCD", ("up", "down", "right", "left"), strict=True)},
    **{f"\x1bO{letter}": key for letter, key in zip("ABCD", ("up", "down", "right", "left"), strict=True)},
    **{f"\x1bO{letter}": key for letter, key in zip("PQRS", ("f1", "f2", "f3", "f4"), strict=True)},
    **{f"\x1b[[{letter}": f"f{k + 1}" for k, letter in enumerate("ABCDE")},
    **{f"\x1b[{11 + k}~": f"f{k + 1}" for k in range(5)},
    **{f"\x1b[{17 + k}~": f"f{k + 6}" for k in range(5)},
    **{"\r": "enter", "\n": "enter", "\t": "tab", " ": "space", "\x1b": "escape", "\x7f": "backspace"},
}


class WindowDisplay:
    """A window. Keys count as long as they are held.

    Raises ImportError without pygame or Pillow, with the line that installs them.
    """

    def __init__(self, title: str) -> None:
        import pygame

        self._pygame = pygame
        self._window = Window(title, fps=60)
        self._held: dict[int, str] = {}

    def poll(self) -> tuple[list[str], list[str]]:
        """The keys that went down since the last call, and those that are held."""
        pressed = []
        for event in self._window.events():
            if event.type == self._pygame.QUIT:
                pressed.append("escape")
            elif event.type == self._pygame.KEYDOWN:
                key = self._name(event)
                self._held[event.key] = key
                pressed.append(key)
            elif event.type == self._pygame.KEYUP:
                self._held.pop(event.key, None)
        return pressed, list(self._held.values())

    def _name(self, event: Any) -> str:
        """The character that a key types, with capitals and signs, or its name."""
        typed = getattr(event, "unicode", "")
        name = self._pygame.key.name(event.key)
        return typed if len(typed) == 1 and typed.isprintable() and typed != " " else _PYGAME.get(name, name)

    def show(self, picture: np.ndarray, lines: Sequence[str]) -> None:
        """Show a picture with lines of text under it, and wait until the next may be shown."""
        self._window.show(captioned(enlarged(picture, _LEAST), lines))

    def close(self) -> None:
        """Close the window."""
        self._window.close()


class TerminalDisplay:
    """A terminal, in blocks of half a character. A key counts once each time that the terminal sends it.

    Raises OSError where standard input is not a terminal.
    """

    def __init__(self, console: Console | None = None) -> None:
        if not sys.stdin.isatty():
            raise OSError("--terminal needs a terminal to read keys from, and standard input is none")
        import termios
        import tty

        self._termios, self._input = termios, sys.stdin.fileno()
        self._before = termios.tcgetattr(self._input)
        tty.setcbreak(self._input)
        self._console = console or Console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._live.start()

    def poll(self) -> tuple[list[str], list[str]]:
        """The keys that were sent since the last call; a terminal does not tell which are held."""
        sent = b""
        while select.select([self._input], [], [], 0)[0]:
            part = os.read(self._input, 1024)
            if not part:
                return ["escape"], []
            sent += part
        return keys_in(sent.decode(errors="ignore")), []

    def show(self, picture: np.ndarray, lines: Sequence[str]) -> None:
        """Show a picture as large as the terminal has room for, with lines of text under it."""
        width, height = self._console.size
        text = Text("\n".join(lines), "dim", overflow="fold")
        room = max(1, height - len(text.wrap(self._console, width)) - 1)
        self._live.update(Group(HalfBlocks(picture, width, room), text), refresh=True)
        time.sleep(1 / 60)

    def close(self) -> None:
        """Give the terminal back as it was."""
        self._live.stop()
        self._termios.tcsetattr(self._input, self._termios.TCSADRAIN, self._before)


def keys_in(sent: str) -> list[str]:
    """The keys in what a terminal sent."""
    keys = []
    while sent:
        longest = max((one for one in _SEQUENCES if sent.startswith(one)), key=len, default=sent[0])
        keys.append(_SEQUENCES.get(longest, longest))
        sent = sent[len(longest) :]
    return [key for key in keys if key.isprintable()]
