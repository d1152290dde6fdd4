"""The pictures of the calls of a `Canvas` in docs/env-contract.md, as docs/drawing/*.png. `make docs` runs it.

    python docs/drawing.py

The calls are read from the page, so that a picture shows what the call beside it draws.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
from PIL import Image

from puffer.native.raster import Canvas

DOCS = Path(__file__).parent
FOLDER = DOCS / "drawing"
# Pixels of a drawing, and how much larger a picture shows each of them.
WIDTH, HEIGHT, SCALE = 48, 32, 4
# A row of the table: the call, and its picture.
_CALL = re.compile(r"^\| `(draw_\w+)\((.*)\)` \| !\[[^\]]*\]\(drawing/(\w+)\.png\)", re.MULTILINE)


def calls() -> dict[str, tuple[str, tuple]]:
    """The method and the arguments of each call on the page, by the name of its picture."""
    page = (DOCS / "env-contract.md").read_text(encoding="utf-8")
    return {name: (method, ast.literal_eval(f"({given},)")) for method, given, name in _CALL.findall(page)}


def drawn(method: str, arguments: tuple) -> np.ndarray:
    """The image that a call draws, uint8 (SCALE * HEIGHT, SCALE * WIDTH, 3)."""
    canvas = Canvas(WIDTH, HEIGHT, 0x101820)
    getattr(canvas, method)(*arguments)
    return canvas.array().repeat(SCALE, axis=0).repeat(SCALE, axis=1)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, call in calls().items():
        Image.fromarray(drawn(*call)).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
