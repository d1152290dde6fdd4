"""Which keys make which action."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces

import puffer
from puffer.layout.walk import bounds
from puffer.play.words import action_field, words_of

ARROWS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}
_DIRECTIONS = {
    **{name: name for name in ARROWS},
    **{"forward": "up", "north": "up", "south": "down", "west": "left", "east": "right", "-1": "left", "+1": "right"},
    "fire": "space",
}
_IDLE = {"noop", "no-op", "nothing", "stay", "idle", "none", "no torque", "do not push"}
_VERBS = re.compile(r"^(?:push|move|turn|go|steer|torque)[ _]")
_GLUED = re.compile(r"UP|DOWN|LEFT|RIGHT|FIRE")
_LETTERS = "qwertyuiopasdfghjklzxcvbnm"
_DIGITS = "0123456789"
# Two keys for each number of an action that has several.
_PAIRS = [("left", "right"), ("down", "up"), ("a", "d"), ("s", "w"), ("j", "l"), ("k", "i"), ("f", "h"), ("g", "t")]


@dataclass
class Keys:
    """The keys of an environment.

    Attributes
    ----------
    idle : array or None
        The action of one row while no key is held; None for an environment that then waits.
    chords : dict
        The action of one row, by the keys that are held together.
    meanings : list of (str, str)
        Keys and what they do, to be shown.
    axes : dict
        Of actions of several numbers: the index and the value of the number that a key sets.
    """

    idle: np.ndarray | None
    chords: dict[frozenset[str], np.ndarray] = field(default_factory=dict)
    meanings: list[tuple[str, str]] = field(default_factory=list)
    axes: dict[str, tuple[int, float]] = field(default_factory=dict)

    def action(self, held: Collection[str]) -> np.ndarray | None:
        """The action of the keys that are held; None if they have none."""
        if self.axes:
            return self._of_axes(held)
        fitting = [chord for chord in self.chords if chord <= set(held)]
        return self.chords[max(fitting, key=len)] if fitting else None

    def _of_axes(self, held: Collection[str]) -> np.ndarray | None:
        used = [key for key in held if key in self.axes]
        if not used or self.idle is None:
            return None
        action = self.idle.copy()
        for key in used:
            index, value = self.axes[key]
            action.flat[index] = value
        return action


def keys_of(name: str, env: puffer.VectorEnv) -> Keys:
    """The keys of the environment called `name`, of which `env` is a batch in this process."""
    space = env.single_action_space
    if not isinstance(space, spaces.Discrete):
        return _of_numbers(space)
    typed = _typed(env)
    if typed is not None:
        return typed
    words = words_of(name, env)
    # The number keys choose an agent where there are several, unless it is the turn of one.
    is_free = env.agents_per_env == 1 or takes_turns(env)
    return _of_words(space, words) if words else _of_indices(space, _DIGITS if is_free else "")


def takes_turns(env: puffer.VectorEnv) -> bool:
    """Whether one agent acts at a time, and the actions of the others are ignored. After a reset."""
    if env.agents_per_env == 1:
        return False
    return "not to move" in action_field(env) or "to_move" in env.reset()[1]


def _row(space: spaces.Space, value: Any) -> np.ndarray:
    return np.asarray(value, space.dtype)


def _of_words(space: spaces.Discrete, words: Sequence[str]) -> Keys:
    keys = Keys(None)
    chords = [_chord(word) for word in words]
    free = [letter for letter in _LETTERS if not any(letter in (chord or ()) for chord in chords)]
    for index, (word, chord) in enumerate(zip(words, chords, strict=True)):
        action = _row(space, space.start + index)
        if word.lower() in _IDLE and keys.idle is None:
            keys.idle = action
            continue
        if chord is None or chord in keys.chords:
            # The first letter of a word of it that is free, or any.
            own = [one for one in re.findall(r"\b[a-z]", word.lower()) if one in free] or free[:1]
            if not own:
                continue
            free.remove(own[0])
            chord = frozenset(own[:1])
        keys.chords[chord] = action
        keys.meanings.append((shown(chord), word.lower()))
    return keys


def _chord(word: str) -> frozenset[str] | None:
    """The keys of a word that is a direction or several; None for any other."""
    if "".join(_GLUED.findall(word)) == word and word:
        return frozenset(_DIRECTIONS[part.lower()] for part in _GLUED.findall(word))
    bare = _VERBS.sub("", re.sub(r" \(.*\)$", "", word.lower()))
    if len(bare) == 1 and bare in _LETTERS:
        return frozenset(bare)
    parts = bare.split(" ")
    return frozenset(_DIRECTIONS[part] for part in parts) if all(part in _DIRECTIONS for part in parts) else None


def _of_indices(space: spaces.Discrete, digits: str) -> Keys:
    """A key for each index: the digits first, from 0 on."""
    chosen = [*digits, *_LETTERS][: int(space.n)]
    keys = Keys(None, {frozenset([key]): _row(space, space.start + k) for k, key in enumerate(chosen)})
    last = space.start + len(chosen) - 1
    keys.meanings.append((f"{chosen[0]} to {chosen[-1]}", f"actions {space.start} to {last}"))
    return keys


def _of_numbers(space: Any) -> Keys:
    """Two keys for each of the numbers of a Box, MultiDiscrete or MultiBinary."""
    low, high = (np.atleast_1d(bound).ravel() for bound in bounds(space, "action"))
    is_float = space.dtype.kind == "f"
    if is_float:
        low, high = np.where(np.isfinite(low), low, -1), np.where(np.isfinite(high), high, 1)
    keys = Keys(_row(space, np.clip(np.zeros_like(low), low, high).reshape(space.shape)))
    for index, pair in zip(range(low.size), _PAIRS, strict=False):
        values = (low[index], high[index]) if is_float else range(int(low[index]) + 1, int(high[index]) + 1)
        for key, value in zip(pair, values, strict=False):
            keys.axes[key] = index, value
            keys.meanings.append((shown([key]), f"number {index} = {value:g}" if low.size > 1 else f"{value:g}"))
    return keys


def _typed(env: puffer.VectorEnv) -> Keys | None:
    """The keys of a game that is played by typing, as NetHack is: its `key_codes` are those of characters."""
    try:
        (codes,) = env.get_attr("key_codes")
    except AttributeError:
        return None
    special = {13: "enter", 32: "space", 27: "backspace"}
    printable = {
        index: special.get(code, chr(code)) for index, code in enumerate(codes) if code in special or 32 < code < 127
    }
    space = env.single_action_space
    chords = {frozenset([key]): _row(space, space.start + index) for index, key in printable.items()}
    for direction, key in {"left": "h", "down": "j", "up": "k", "right": "l"}.items():
        if frozenset([key]) in chords:
            chords[frozenset([direction])] = chords[frozenset([key])]
    return Keys(None, chords, [("any key", "as the game has it"), ("← ↓ ↑ →", "h j k l")])


def shown(keys: Collection[str]) -> str:
    """Keys as they are shown."""
    return "".join(ARROWS.get(key, key) for key in sorted(keys))
