"""The pages in docs/environments, one for each environment, are what `make docs` writes; the README names them all."""

import re
import runpy
from pathlib import Path

import pytest
from helpers import NAMES
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
GENERATOR = runpy.run_path(str(DOCS / "generate.py"))
FOLDER = DOCS / "environments"
OWN = [name.removeprefix("ocean-") for name in NAMES if name.startswith("ocean-")]
REMEDY = "write the pages again with: make docs"
FILMS = {f"{name.removeprefix('ocean-')}.webp" for name in GENERATOR["trained_names"]()}
# The sdist has none of them.
HAS_FILMS = any(FOLDER.glob("*.webp"))


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


@pytest.mark.skipif(not HAS_FILMS, reason="the sdist has no films")
@pytest.mark.parametrize("film", sorted(FILMS))
def test_an_environment_that_the_trainer_solves_has_a_film_on_its_page(film):
    path = FOLDER / film
    assert path.exists(), f"{film} is missing; train for it with: make gallery"
    assert path.stat().st_size < 200_000
    assert f"]({film})" in text(f"{path.stem}.md")
    with Image.open(path) as image:
        assert image.n_frames > 10


def test_the_sdist_has_no_films():
    assert ".webp" not in (DOCS.parent / "MANIFEST.in").read_text(encoding="utf-8")


def test_the_example_runs(own, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", text(f"{own}.md"), re.DOTALL)
    exec(example, {})
    assert "'episodes': " in capsys.readouterr().out


def test_the_index_has_them_all_and_there_is_nothing_else():
    assert text("README.md").splitlines() == GENERATOR["index"]().splitlines(), REMEDY
    files = {"README.md", *(f"{own}{suffix}" for own in OWN for suffix in (".md", ".png"))}
    assert {path.name for path in FOLDER.iterdir()} == files | (FILMS if HAS_FILMS else set()), REMEDY


def test_the_readme_names_every_environment_once():
    section = (DOCS.parent / "README.md").read_text(encoding="utf-8").split("\n## Environments\n")[1].split("\n## ")[0]
    native, _ = section.split("| other authors' systems |")
    table = native.split("| --- | --- |")[1]
    assert sorted(re.findall(r"`(?:ocean-)?(\w+)`", table)) == sorted(OWN)


def test_every_link_leads_to_a_file_and_a_heading():
    pages = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", DOCS.parent / "CHANGELOG.md"]
    for page in [*pages, *DOCS.rglob("*.md"), *(DOCS.parent / "benchmarks").glob("*.md")]:
        links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
        for link in [link for link in links if "://" not in link]:
            name, _, heading = link.partition("#")
            target = page.parent / name if name else page
            assert target.exists() or (name in FILMS and not HAS_FILMS), f"{page.name} links to {link}"
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            assert not heading or heading in [one.lower().replace(" ", "-") for one in headings], f"{page.name}: {link}"
