"""`python -m puffer`: lists the programs, and runs them by name."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

import puffer
from puffer import __main__ as front


def test_the_programs_are_listed_with_a_line_each(capsys, monkeypatch):
    # So that no line is folded.
    monkeypatch.setenv("COLUMNS", "120")
    for argv in ([], ["--help"], ["help"]):
        assert front.main(argv) == 0
        lines = capsys.readouterr().out.splitlines()
        for name, line in front.PROGRAMS.items():
            assert any(f"puffer {name}" in one and line in one for one in lines), name
    for name in front.PROGRAMS:
        assert find_spec(f"puffer.{name}") is not None, name


def test_the_version(capsys):
    assert front.main(["--version"]) == 0
    assert capsys.readouterr().out.split() == ["puffer", puffer.__version__]


def test_an_unknown_program_is_refused_with_the_nearest(capsys):
    with pytest.raises(SystemExit) as raised:
        front.main(["bnech"])
    assert raised.value.code == 2
    assert "did you mean 'bench'?" in capsys.readouterr().err


def test_a_program_gets_the_rest_of_the_arguments_and_gives_its_status():
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "puffer", *arguments], capture_output=True, text=True)

    done = run("install", "minigrid", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pip install" in done.stdout
    done = run("bench", "--nosuchoption")
    assert done.returncode == 2
    assert "unrecognized arguments: --nosuchoption" in done.stderr


def test_a_terminal_of_few_characters_ends_no_program():
    done = subprocess.run(
        [sys.executable, "-m", "puffer", "bench", "catch", "--num-envs", "4", "--num-threads", "1"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "ocean-catch" in done.stdout
