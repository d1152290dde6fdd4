"""Every code block of the README and of the pages in docs/ runs, in the order of the page, in an empty folder.

What is in a block follows from its language:

- python: it is run, with the names of the blocks before it. It may raise if a block with the message follows. One that
  imports torch or JAX is passed over where the package is not installed.
- sh: it is run, but for `make`, and for the trainer where torch is not installed. Of a bench the slices are short.
  `pip install` installs folders, without downloading anything, into one of the test; of other packages it only has to
  name extras that exist.
- text, or none: what the block before it printed, or what it raised. Numbers may differ; of programs, all but words.
- any other: a literal part of a file of this package or its examples.

A block after "Save this as `name`:" becomes that file. The example of that name must be the same. A page that says
"copy `name` from `examples/folder/`" begins with that file.
"""

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import traceback
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import puffer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = ROOT / "examples"
STORY = EXAMPLES / "prototype_to_native"
STORY_PAGES = [ROOT / "docs" / "writing-an-env.md", ROOT / "docs" / "python-envs.md"]

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SAVE = re.compile(r"Save this as `([^`]+)`:\s*\Z")
COPY = re.compile(r"copy `([^`]+)` from `(examples/[^`]+)`")
NUMBER = re.compile(r"(?<![\w.])-?\d+(,\d{3})*(\.\d+)?(e[+-]?\d+)?")
WORD = re.compile(r"[A-Za-z_µ][\w.:/()<>-]+")
# Appended to the command line of a bench, where the last one of an option counts.
QUICK = "--num-envs 8 --seconds 0.02 --repeats 1"


class Block(NamedTuple):
    """A fenced block; `file` is the name it is to be saved under, `line` where it begins."""

    language: str
    text: str
    file: str
    line: int


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        before = SAVE.search(text[: match.start()])
        line = text.count("\n", 0, match.start()) + 1
        yield Block(match[1], match[2], before[1] if before else "", line)


class Reader:
    """A reader who does what a page says, in an empty folder."""

    def __init__(self, folder, capsys):
        self.folder = folder
        self.capsys = capsys
        self.namespace = {"__name__": "docs"}
        self.printed = None
        self.matches = None

    def follow(self, block, next_block):
        if block.file:
            save(self.folder / block.file, block.text)
        elif block.language == "python":
            if not lacks_package(block.text):
                self.run_python(block, may_raise=next_block is not None and is_output(next_block))
        elif block.language == "sh":
            self.printed, self.matches = self.run_shell(block.text), same_words
        elif not is_output(block):
            assert is_quoted(block.text), f"line {block.line} quotes no file of the package"
        elif self.printed is not None:
            assert self.matches(block.text, self.printed), (
                f"line {block.line} shows\n{block.text}\nand not\n{self.printed}"
            )

    def run_python(self, block, may_raise):
        importlib.invalidate_caches()
        raised = ""
        try:
            exec(compile(block.text, f"block at line {block.line}", "exec"), self.namespace)
        except AssertionError as error:
            if not may_raise:
                raise
            raised = "".join(traceback.format_exception_only(error))
        self.printed, self.matches = self.capsys.readouterr().out + raised, same_but_for_numbers

    def run_shell(self, text):
        script = "\n".join(shell_line(line, self.folder / "site") for line in text.splitlines()).strip()
        if not script:
            return None
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def environment(self):
        """Variables with which `python` is this one, and has this puffer and what the page has installed."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        python = programs / "python"
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        path = [self.folder / "site", puffer.get_include()]
        return {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "COLUMNS": "120",
        }


def lacks_package(text):
    """Whether a block imports a package that puffer can do without, and that is not installed."""
    return any(
        importlib.util.find_spec(name) is None for name in re.findall(r"^import (torch|jax)\b", text, re.MULTILINE)
    )


def save(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    same_names = list(EXAMPLES.rglob(file.name))
    assert not same_names or text in [example.read_text(encoding="utf-8") for example in same_names], (
        f"{file.name} is not as in {' or '.join(map(str, same_names))}"
    )


def is_output(block):
    return block.language in ("", "text") and not block.file


def is_quoted(text):
    """Whether a text, indented or not, is part of a file of the package or of the examples."""
    files = [file for folder in (EXAMPLES, ROOT / "puffer") for file in folder.rglob("*") if file.is_file()]
    sources = [
        file.read_text(encoding="utf-8") for file in files if file.suffix in (".pyx", ".pxd", ".h", ".py", ".toml")
    ]
    return any(textwrap.indent(text, " " * depth) in source for depth in (0, 4, 8) for source in sources)


def shell_line(line, site):
    """What is run for a line of a page; nothing for what is only checked."""
    words = shlex.split(line, comments=True)
    if words[:1] == ["make"] or (words[:3] == ["python", "-m", "puffer.train"] and lacks_package("import torch")):
        return ""
    if words[:2] == ["pip", "install"]:
        return install_line(words[2:], site)
    return f"{line} {QUICK}" if words[:3] == ["python", "-m", "puffer.bench"] else line


def install_line(words, site):
    """What installs the folders among the arguments of `pip install` into the folder `site`."""
    packages = [word for word in words if word.startswith("puffer-envs")]
    assert all(extras(word) <= known_extras() for word in packages), packages
    folders = [f"./{word}" for before, word in pairwise(["", *words]) if before == "-e" or word.startswith("./")]
    options = "-q --disable-pip-version-check --no-index --no-deps --no-build-isolation"
    return f"python -m pip install {options} --target {site} {shlex.join(folders)}" if folders else ""


def extras(requirement):
    return set(re.findall(r"\w+", requirement.partition("[")[2]))


def known_extras():
    return set(importlib.metadata.metadata("puffer-envs").get_all("Provides-Extra"))


def same_but_for_numbers(shown, printed):
    return NUMBER.sub("#", shown).split() == NUMBER.sub("#", printed).split()


def same_words(shown, printed):
    """Whether every line that is shown has its words in a line that was printed."""
    lines = [set(WORD.findall(line)) for line in printed.splitlines()]
    return all(any(set(WORD.findall(line)) <= words for words in lines) for line in shown.splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_do_what_it_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "site", tmp_path):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before, state = set(sys.modules), np.random.get_state()
    # For the mistakes in an environment that draws from the global stream.
    np.random.seed(0)
    reader, blocks = Reader(tmp_path, capsys), list(blocks_of(page))
    for name, folder in COPY.findall(page.read_text(encoding="utf-8")):
        shutil.copy(ROOT / folder / name, tmp_path)
    try:
        for block, next_block in zip(blocks, [*blocks[1:], None], strict=True):
            reader.follow(block, next_block)
    finally:
        np.random.set_state(state)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
                del sys.modules[name]


def test_the_story_shows_every_file_of_its_example():
    shown = {block.file for page in STORY_PAGES for block in blocks_of(page)}
    assert {file.name for file in STORY.iterdir() if file.is_file()} == shown - {""}


def test_what_is_shown_is_compared():
    assert same_but_for_numbers("a 1.5 and -2e-05\n", "a 12 and 3")
    assert not same_but_for_numbers("row 1 differs", "column 1 differs")
    assert same_words(" steps/s  12 M\n mines.pyx 3\n", "env steps/s\n\n mines.pyx 4 k\n")
    assert not same_words("play.py:12(open)", "play.py:13(open)")
    assert is_quoted("cdef void observe(self, Py_ssize_t i) noexcept nogil:\n")
    assert not is_quoted("cdef void observe(self, int i) noexcept nogil:\n")
