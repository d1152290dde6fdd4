"""The program: checks the name, and writes the package."""

from __future__ import annotations

import argparse
import keyword
import re
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from puffer.programs import Parser
from puffer.registry import list_envs

_TEMPLATE = Path(__file__).parent / "template"

# Every file of the template, and its purpose.
_FILES = {
    "my_env.pyx": "the game: a small one that works, to edit",
    "test_my_env.py": "its tests",
    "pyproject.toml": "its name, its requirements, and the line by which puffer.make finds it",
    "setup.py": "how it is compiled",
    "README.md": "these commands",
    ".gitignore": "what a build leaves behind",
}

# A name that Python, pip and file systems all take.
_SPELLING = re.compile("[a-z]([a-z0-9_]*[a-z0-9])?")

# Names of classes that the game uses for other things, or that no class can have.
_TAKEN = ("Action", "Buffers", "Canvas", "Cell", "Env", "State", "False", "None", "True")

_DESCRIPTION = """\
Write a package for a new native environment into a new folder: a small game
that works, its tests, and the files that pip needs. No file is overwritten."""

_EPILOG = """\
example:
  python -m puffer.new my_env
  pip install -e my_env

docs/packaging-an-env.md explains all of it."""


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns its exit status. Exits itself if it cannot do its work."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser("python -m puffer.new", _DESCRIPTION, epilog=_EPILOG, formatter_class=raw)
    parser.add_argument(
        "name",
        metavar="NAME",
        help="the name of the environment, its module and its folder: lowercase letters, digits and underscores",
    )
    name = parser.parse_args(argv).name
    try:
        write(name, Path.cwd())
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(_next_steps(name))
    return 0


def write(name: str, parent: Path) -> Path:
    """Write the package of a new environment into the folder `name` of `parent`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        An environment cannot have this name.
    FileExistsError
        Something of this name exists in `parent`.
    OSError
        The folder or a file cannot be written.
    """
    _check_spelling(name)
    folder = parent / name
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} exists already: choose another name, or move it away")
    _check_free(name)
    texts = contents(name)
    folder.mkdir()
    for file, text in texts.items():
        (folder / file).write_text(text, "utf-8")
    return folder


def contents(name: str) -> dict[str, str]:
    """The files of a new environment's package, by their names."""
    return {_renamed(file, name): _renamed((_TEMPLATE / file).read_text("utf-8"), name) for file in _FILES}


def _check_spelling(name: str) -> None:
    if not _SPELLING.fullmatch(name):
        near = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
        hint = f", such as {near!r}" if _SPELLING.fullmatch(near) else ""
        raise ValueError(
            f"the name must be lowercase letters, digits and underscores, with a letter first{hint}; got {name!r}"
        )
    if keyword.iskeyword(name):
        raise ValueError(f"{name!r} is a keyword of Python: choose another name")
    if _class_name(name) in _TAKEN:
        raise ValueError(f"the class of {name!r} would be {_class_name(name)}, which is taken: choose another name")


def _check_free(name: str) -> None:
    if not {name, f"ocean-{name}"}.isdisjoint(list_envs()):
        raise ValueError(f"there is an environment called {name!r} already: choose another name")
    if find_spec(name) is not None:
        raise ValueError(f"there is a Python module called {name!r} already: choose another name")
    if _is_installed(name):
        raise ValueError(f"a package called {name!r} is installed, which pip would replace: choose another name")


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _renamed(text: str, name: str) -> str:
    return text.replace("my_env", name).replace("MyEnv", _class_name(name))


def _next_steps(name: str) -> str:
    files = {_renamed(file, name): purpose for file, purpose in _FILES.items()}
    width = max(map(len, files))
    listing = [f"  {file:{width}}  {purpose}" for file, purpose in files.items()]
    commands = [line[2:] for line in contents(name)["README.md"].splitlines() if line.startswith("    ")]
    return "\n".join([f"{name}/", *listing, "", "Next:", *commands])
