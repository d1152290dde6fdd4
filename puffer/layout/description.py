"""Spaces from plain data, as another interpreter describes them.

A description is a tuple: a kind, and what makes a space of that kind.

==================================================  ================================================================
("Dict", [(key, description), ...])                 in the order of the space
("Tuple", [description, ...])
("Text", shortest, longest, characters)             lengths, and a str with all characters
(kind, low, high)                                   for "Box", "Discrete", "MultiDiscrete" and "MultiBinary": the least
                                                    and the greatest array of the space, of its shape and dtype
==================================================  ================================================================
"""

from __future__ import annotations

from typing import Any

from gymnasium import Space, spaces

from puffer.layout.walk import ARRAYS, array_space

_ARRAYS = {kind.__name__: kind for kind in ARRAYS}


def described_space(description: tuple[Any, ...]) -> Space[Any]:
    """The space that a description describes.

    Raises
    ------
    ValueError
        If the kind is not one of those above.
    """
    kind, *content = description
    if kind == "Dict":
        # A list, because Dict sorts the keys of a mapping.
        return spaces.Dict([(key, described_space(child)) for key, child in content[0]])
    if kind == "Tuple":
        return spaces.Tuple([described_space(child) for child in content[0]])
    if kind == "Text":
        shortest, longest, characters = content
        return spaces.Text(longest, min_length=shortest, charset=characters)
    if kind not in _ARRAYS:
        raise ValueError(f"no space is described as {kind!r}; use Dict, Tuple, Text, {', '.join(_ARRAYS)}")
    return array_space(_ARRAYS[kind], *content)
