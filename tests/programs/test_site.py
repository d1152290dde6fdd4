"""What the documentation site is made of: the drawing of the modes is what happens, and every page can be reached."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import puffer
from puffer.native.raster import Canvas

DOCS = Path(puffer.get_include()) / "docs"
DRAWING = runpy.run_path(str(DOCS / "drawing.py"))
MODES = runpy.run_path(str(DOCS / "modes.py"))
REMEDY = "draw it again with: make docs"


def test_the_drawing_of_the_modes_shows_what_happens():
    assert (DOCS / "modes.svg").read_text(encoding="utf-8") == MODES["svg"](), REMEDY


def test_the_drawings_of_a_canvas_are_those_of_the_calls_beside_them():
    image = pytest.importorskip("PIL.Image", reason='pip install "puffer-envs[record]"')
    calls = DRAWING["calls"]()
    assert {method for method, _ in calls.values()} == {name for name in dir(Canvas) if name.startswith("draw_")}
    for name, call in calls.items():
        with image.open(DRAWING["FOLDER"] / f"{name}.png") as picture:
            assert np.array_equal(np.asarray(picture.convert("RGB")), DRAWING["drawn"](*call)), f"{name}: {REMEDY}"


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("SameStep", [10, 11, 12, 20, 21, 22]),
        ("NextStep", [10, 11, 12, 13, 20, 21]),
        ("Disabled", [10, 11, 12, 13, 20, 21, 22]),
    ],
)
def test_the_page_of_the_contract_says_what_the_modes_do(mode, shown):
    calls = MODES["calls"](mode)
    assert [call.observation for call in calls] == shown
    (end,) = [call for call in calls if call.is_terminated]
    assert (end.ends, end.reward) == (13, 1)
    assert end.final == (13 if mode == "SameStep" else None)
    ignored = [call for call in calls if call.is_ignored]
    assert [(call.observation, call.reward) for call in ignored] == ([(20, 0)] if mode == "NextStep" else [])


def test_every_page_that_the_site_lists_is_there():
    listed = re.findall(r"^   ([\w/-]+)$", (DOCS / "index.rst").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(listed) > 15
    for page in listed:
        assert any((DOCS / f"{page}{suffix}").exists() for suffix in (".md", ".rst")), page


def test_the_reference_names_what_there_is():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    named = {*re.findall(r":: puffer\.(\w+)$", text, re.MULTILINE)}
    assert named >= {*puffer.__all__} - {"ABI", "__version__", "testing", "Evaluation"}
    for path in re.findall(r"^\.\. auto(?:class|function|exception):: puffer\.([\w.]+)$", text, re.MULTILINE):
        found = puffer
        for part in path.split("."):
            __import__(f"{found.__name__}.{part}") if _is_module(found, part) else None
            found = getattr(found, part)
        assert found.__doc__, path


def _is_module(package, name):
    folder = Path(getattr(package, "__file__", "") or "").parent
    return (folder / name).is_dir() or (folder / f"{name}.py").exists()
