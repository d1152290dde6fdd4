"""Pokémon Red, in the Game Boy emulator PyBoy (LGPL-3.0).

`puffer.make("pokemon-red", rom="red.gb")` needs the ROM of your own cartridge, which no package has. The environment
variable PUFFER_POKEMON_ROM can name it too. Every copy has an emulator without window and sound. No file next to the
ROM is read or written, so games that other programs have saved there are ignored.

The emulator plays the same game for the same buttons. The seed decides how many frames pass before the first action,
and the random numbers of the game depend on that number. The rewards are for exploring: 1 for every place (map, x and
y) that is new in the episode. No episode ends by itself; `max_steps` of `puffer.make` truncates it.

The addresses are those of the English version, from its disassembly (github.com/pret/pokered). This cartridge has no
clock; one with a clock would show the time of day, which does not follow from the seed.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.backends.creator import Creator
from puffer.systems.family import Family
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import require

BUTTONS = ("down", "left", "right", "up", "a", "b", "start", "select")

_VARIABLE = "PUFFER_POKEMON_ROM"
# The largest number of frames that a button is held for; the game reads it in the first one.
_HELD = 8
_HEIGHT, _WIDTH = 144, 160
_MAP, _Y, _X = 0xD35E, 0xD361, 0xD362
_BYTES = {"map": _MAP, "x": _X, "y": _Y, "in_battle": 0xD057, "badges": 0xD356, "party_size": 0xD163}
# The Pokémon of the party, and the offsets of the numbers in each of them.
_PARTY, _MEMBERS, _MEMBER_SIZE = 0xD16B, 6, 44
_HIT_POINTS, _LEVEL, _MOST_HIT_POINTS = 1, 33, 34


def names() -> list[str]:
    """The only game, "red"."""
    return ["red"]


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of copies.

    Raises ImportError without pyboy, ValueError without a ROM or for an unknown render mode, FileNotFoundError for a
    missing file, TypeError for an unknown argument.
    """
    require("pokemon")
    checks.arguments("pokemon-red", arguments, PokemonRed)
    files = {"rom": _rom(arguments.get("rom")), "state": _content("state", arguments.get("state"))}
    return Creator(PokemonRed, {**arguments, **files})


FAMILY = Family(creator=creator, names=names)


class PokemonRed:
    """One copy of the game.

    The action is Discrete, an index into `BUTTONS`. The observation is the screen, uint8 (144 / shrink, 160 / shrink),
    grey; or the state of the game as its memory has it, a Dict of int32: `map`, `x`, `y`, `in_battle`, `badges` (a bit
    each) and `party_size`, (1,) each, and `levels`, `hit_points` and `most_hit_points`, (6,) each, zero after the last
    Pokémon of the party. The infos are `map`, `x`, `y`, and `places`, the number of places that the episode has seen.

    Parameters
    ----------
    rom : path or bytes, optional
        The ROM; by default the file that the environment variable PUFFER_POKEMON_ROM names.
    state : path or bytes, optional
        The state in which episodes begin, as saved by `save_state` or PyBoy; by default the game is turned on.
    observation : "screen" or "state"
    shrink : 1, 2, 4, 8 or 16
        The distance of the pixels that are kept, in each direction.
    frames_per_action : int
        Frames of a step, at least 2. The button is held for the first 8 of them, and released for at least one.
    noop_max : int
        The largest number of frames, drawn at random, that pass after a reset; at least 0.
    render_mode : "rgb_array", optional

    Raises TypeError and ValueError for bad arguments, ValueError without a ROM, FileNotFoundError for a missing file.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(
        self,
        rom: str | os.PathLike[str] | bytes | None = None,
        state: str | os.PathLike[str] | bytes | None = None,
        observation: str = "screen",
        shrink: int = 2,
        frames_per_action: int = 24,
        noop_max: int = 30,
        render_mode: str | None = None,
    ) -> None:
        self._sees_screen = checks.choice("observation", observation, ("screen", "state")) == "screen"
        self._shrink = checks.integer("shrink", shrink, 1, _HEIGHT)
        if _HEIGHT % self._shrink or _WIDTH % self._shrink:
            raise ValueError(f"shrink must divide the screen's {_HEIGHT} x {_WIDTH} pixels, got {self._shrink}")
        frames = checks.integer("frames_per_action", frames_per_action, 2)
        self._held = min(_HELD, frames - 1)
        self._released = frames - self._held
        self._noop_max = checks.integer("noop_max", noop_max, 0)
        self.render_mode = render_mode
        self._draws = self._sees_screen or render_mode is not None
        self.action_space = spaces.Discrete(len(BUTTONS))
        self.observation_space = self._screen_space() if self._sees_screen else _state_space()
        self._rng: np.random.Generator | None = None
        self._seen: set[tuple[int, int, int]] = set()
        self._emulator = _emulator(_rom(rom))
        start = _content("state", state)
        if start is not None:
            self.load_state(start)
        self._start = self.save_state()

    def _screen_space(self) -> spaces.Box:
        return spaces.Box(0, 255, (_HEIGHT // self._shrink, _WIDTH // self._shrink), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        if seed is not None or self._rng is None:
            self._rng = np.random.default_rng(seed)
        self.load_state(self._start)
        noops = int(self._rng.integers(self._noop_max + 1))
        if noops:
            self._emulator.tick(noops, self._draws, False)
        place = self._place()
        self._seen = {place}
        return self._observe(), self._info(place)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict]:
        emulator, button = self._emulator, BUTTONS[action]
        emulator.button_press(button)
        emulator.tick(self._held, False, False)
        emulator.button_release(button)
        emulator.tick(self._released, self._draws, False)
        place = self._place()
        reward = 0.0 if place in self._seen else 1.0
        self._seen.add(place)
        return self._observe(), reward, False, False, self._info(place)

    def save_state(self) -> bytes:
        """The state of the emulator, which `load_state`, the argument `state`, and PyBoy itself take."""
        saved = io.BytesIO()
        self._emulator.save_state(saved)
        return saved.getvalue()

    def load_state(self, state: bytes) -> None:
        """Continue from a saved state. The places seen in the episode stay seen. Raises ValueError for a bad state."""
        try:
            self._emulator.load_state(io.BytesIO(state))
        except _emulator_error() as error:
            raise ValueError(f"state is not what save_state() returns for this ROM: {error}") from error

    def _place(self) -> tuple[int, int, int]:
        memory = self._emulator.memory
        return memory[_MAP], memory[_X], memory[_Y]

    def _info(self, place: tuple[int, int, int]) -> dict[str, int]:
        return {"map": place[0], "x": place[1], "y": place[2], "places": len(self._seen)}

    def _observe(self) -> Any:
        if self._sees_screen:
            return self._emulator.screen.ndarray[:: self._shrink, :: self._shrink, 0].copy()
        memory = self._emulator.memory
        observation = {name: np.array([memory[address]], np.int32) for name, address in _BYTES.items()}
        party = np.zeros((_MEMBERS, _MEMBER_SIZE), np.int32)
        size = min(memory[_BYTES["party_size"]], _MEMBERS)
        if size:
            party[:size] = np.reshape(memory[_PARTY : _PARTY + size * _MEMBER_SIZE], (size, _MEMBER_SIZE))
        observation["levels"] = party[:, _LEVEL]
        for name, first in (("hit_points", _HIT_POINTS), ("most_hit_points", _MOST_HIT_POINTS)):
            observation[name] = party[:, first] * 256 + party[:, first + 1]
        return observation

    def render(self) -> np.ndarray:
        """The screen, (144, 160, 3) uint8."""
        return self._emulator.screen.ndarray[..., :3].copy()

    def close(self) -> None:
        """Turn the emulator off."""
        self._emulator.stop(save=False)


def _state_space() -> spaces.Dict:
    most = dict.fromkeys(_BYTES, (1, 255))
    most |= {"levels": (_MEMBERS, 255), "hit_points": (_MEMBERS, 65535), "most_hit_points": (_MEMBERS, 65535)}
    return spaces.Dict({name: spaces.Box(0, high, (size,), np.int32) for name, (size, high) in most.items()})


def _rom(rom: Any) -> bytes:
    """The ROM that the argument or the environment variable names. Raises ValueError without one."""
    content = _content("rom", rom if rom is not None else os.environ.get(_VARIABLE))
    if not content:
        raise ValueError(
            f"pokemon-red needs the ROM of your own cartridge: pass rom=..., its path, or set {_VARIABLE} to the path"
        )
    return content


def _content(name: str, file: Any) -> bytes | None:
    """The bytes of a file, given as its path or as the bytes. Raises TypeError or FileNotFoundError."""
    if file is None or isinstance(file, bytes):
        return file
    if not isinstance(file, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path or bytes, got {file!r} of type {type(file).__name__}")
    if not Path(file).is_file():
        raise FileNotFoundError(f"{name} names no file: {os.fspath(file)!r}")
    return Path(file).read_bytes()


def _emulator(rom: bytes) -> Any:
    # It warns about the origin of its graphics library, which is not used here.
    with undisturbed():
        from pyboy import PyBoy

    try:
        # From memory: given a file, it would look for a saved game next to it.
        emulator = PyBoy(io.BytesIO(rom), window="null", sound_emulated=False, no_input=True, log_level="CRITICAL")
    except _emulator_error() as error:
        raise ValueError(f"rom is not the ROM of a Game Boy game: {error}") from error
    emulator.set_emulation_speed(0)
    return emulator


def _emulator_error() -> type[Exception]:
    from pyboy.utils import PyBoyException

    return PyBoyException
