"""The pages of the environments in docs/environments: one for each, and as `make docs` would write it now."""

import re
import runpy
from pathlib import Path

import pytest
from helpers import NAMES

DOCS = Path(__file__).parents[2] / "docs"
GENERATOR = runpy.run_path(str(DOCS / "generate.py"))
FOLDER = DOCS / "environments"
OWN = [name.removeprefix("ocean-") for name in NAMES if name.startswith("ocean-")]
REMEDY = "write the pages anew with: make docs"


@pytest.fixture(params=OWN)
def own(request):
    """The name of an environment of this package."""
    return request.param


def text(file):
    assert (FOLDER / file).exists(), f"{file} is missing; {REMEDY}"
    return (FOLDER / file).read_text(encoding="utf-8")


def test_the_page_is_what_the_docstrings_say(own):
    assert text(f"{own}.md").splitlines() == GENERATOR["page"](f"ocean-{own}").splitlines(), REMEDY


def test_the_picture_is_what_random_play_shows(own):
    path = FOLDER / f"{own}.png"
    assert path.exists(), f"{path.name} is missing; {REMEDY}"
    assert path.stat().st_size < 15_000
    frame = GENERATOR["picture"](f"ocean-{own}")
    assert GENERATOR["is_same_picture"](path, frame), f"{path.name} shows something else; {REMEDY}"
    assert not GENERATOR["is_same_picture"](path, 255 - frame)


def test_the_example_runs(own, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", text(f"{own}.md"), re.DOTALL)
    exec(example, {})
    assert "'episodes': " in capsys.readouterr().out


def test_the_index_has_them_all_and_there_is_nothing_else():
    assert text("README.md").splitlines() == GENERATOR["index"]().splitlines(), REMEDY
    assert GENERATOR["README"].read_text(encoding="utf-8") == GENERATOR["readme"](), REMEDY
    files = {"README.md", *(f"{own}{suffix}" for own in OWN for suffix in (".md", ".png"))}
    assert {path.name for path in FOLDER.iterdir()} == files, REMEDY
