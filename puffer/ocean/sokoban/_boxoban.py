"""Levels of Sokoban from texts and files in the format of Boxoban."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

# In the order of the numbers of cells.
SIGNS = "# .*$@+"
LEAST_SIDE, MOST_SIDE = 4, 20
# Other signs for floor.
_FLOORS = "-_"
_PLAYERS = (5, 6)


def read_levels(source: str | os.PathLike[str] | Iterable[str]) -> np.ndarray:
    """The levels of a file, of the `.txt` files of a folder in the order of their names, or of texts.

    Parameters
    ----------
    source : path, or iterable of str
        The path of a file or a folder; or texts, each of one or several levels.

    Returns
    -------
    numpy.ndarray
        uint8 (levels, rows, columns), the numbers of cells.

    Raises
    ------
    TypeError
        For something else than a path or texts.
    FileNotFoundError
        If there is no such file, or no `.txt` file in the folder.
    ValueError
        For a bad level, with its file, line and column; or for levels of different sizes.
    """
    levels: list[np.ndarray] = []
    for name, text in _texts(source):
        found = read_text(text, name)
        for level in found:
            if level.shape != (levels or found)[0].shape:
                raise ValueError(
                    f"{name}: levels must have the same size, got {_size(level)} after {_size((levels or found)[0])}"
                )
        levels += found
    if not levels:
        raise ValueError(f"there is no level in {source!r}")
    return np.stack(levels)


def read_text(text: str, name: str = "level") -> list[np.ndarray]:
    """The levels of a text: lines of cells, after lines that begin with ";" or empty ones. Raises ValueError."""
    levels: list[np.ndarray] = []
    block: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate([*lines, ""], 1):
        if line.strip() and not line.startswith(";"):
            block.append(line)
        elif block:
            levels.append(_level(block, number - len(block), name))
            block = []
    return levels


def write_level(cells: np.ndarray) -> str:
    """A level as text."""
    return "\n".join("".join(SIGNS[cell] for cell in row) for row in cells)


def _texts(source: str | os.PathLike[str] | Iterable[str]) -> Iterable[tuple[str, str]]:
    """The name and the text of each file, or of each text."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"there is no .txt file in the folder {str(path)!r}")
        for file in files:
            yield str(file), _decoded(file)
        return
    if not isinstance(source, Iterable):
        raise TypeError(f"levels must be the path of a file or of a folder, or a list of texts, got {source!r}")
    for k, text in enumerate(source):
        if not isinstance(text, str):
            raise TypeError(f"levels[{k}] must be a text with a level, got {text!r}")
        yield f"levels[{k}]", text


def _decoded(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        before = err.object[: err.start]
        line, column = before.count(b"\n") + 1, err.start - (before.rfind(b"\n") + 1) + 1
        raise ValueError(f"{file}, line {line}, column {column}: this is not text") from None


def _level(block: list[str], first: int, name: str) -> np.ndarray:
    """The cells of a level whose lines begin with the line `first`."""

    def place(row: int, column: int) -> str:
        return f"{name}, line {first + row}, column {column + 1}"

    block = [line.rstrip() for line in block]
    rows, columns = len(block), max(map(len, block))
    # A line that is too long or too many is the place of the mistake.
    if not LEAST_SIDE <= rows <= MOST_SIDE:
        raise ValueError(
            f"{place(min(rows, MOST_SIDE + 1) - 1, 0)}: a level has {LEAST_SIDE} to {MOST_SIDE} rows, this one {rows}"
        )
    if not LEAST_SIDE <= columns <= MOST_SIDE:
        row = max(range(rows), key=lambda row: len(block[row]))
        raise ValueError(
            f"{place(row, min(columns, MOST_SIDE + 1) - 1)}: a level has {LEAST_SIDE} to {MOST_SIDE} columns, "
            f"this one {columns}"
        )
    cells = np.ones((rows, columns), np.uint8)
    for row, line in enumerate(block):
        for column, sign in enumerate(line):
            if sign not in SIGNS + _FLOORS:
                raise ValueError(
                    f"{place(row, column)}: {sign!r} is not a cell; cells are # wall, space floor, . target, $ box, "
                    f"@ player, * box on a target, + player on a target"
                )
            cells[row, column] = 1 if sign in _FLOORS else SIGNS.index(sign)
    players = np.argwhere(np.isin(cells, _PLAYERS))
    if len(players) != 1:
        row, column = players[1] if len(players) else (0, 0)
        raise ValueError(f"{place(row, column)}: a level has one player, @ or +, this one {len(players)}")
    _check_boxes(cells, place)
    _close(cells, (int(players[0][0]), int(players[0][1])), place)
    return cells


def _check_boxes(cells: np.ndarray, place: Callable[[int, int], str]) -> None:
    boxes, targets = np.argwhere(np.isin(cells, (3, 4))), np.argwhere(np.isin(cells, (2, 3, 6)))
    if len(boxes) != len(targets) or len(boxes) == 0:
        more = boxes if len(boxes) > len(targets) else targets
        row, column = more[min(len(boxes), len(targets))] if len(more) else (0, 0)
        raise ValueError(
            f"{place(row, column)}: a level has as many boxes as targets, at least one, this one {len(boxes)} boxes "
            f"and {len(targets)} targets"
        )
    if not (cells == 4).any():
        row, column = boxes[0]
        raise ValueError(f"{place(row, column)}: every box of this level is on a target already")


def _close(cells: np.ndarray, player: tuple[int, int], place: Callable[[int, int], str]) -> None:
    """Make walls of what lies outside of a room. Raises ValueError for a room that is open."""
    rows, columns = cells.shape
    reached, waiting = np.zeros(cells.shape, np.bool_), [player]
    while waiting:
        row, column = waiting.pop()
        if cells[row, column] == 0 or reached[row, column]:
            continue
        reached[row, column] = True
        if row in (0, rows - 1) or column in (0, columns - 1):
            raise ValueError(f"{place(row, column)}: the room is open here, it must be surrounded by walls")
        waiting += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    outside = ~reached & (cells != 0)
    for row, column in np.argwhere(outside & (cells > 1)):
        raise ValueError(f"{place(row, column)}: the player cannot come there, whichever boxes are pushed away")
    cells[outside] = 0


def _size(level: np.ndarray) -> str:
    return " x ".join(map(str, level.shape))
