"""`python -m puffer.install`, which here installs nothing."""

import sys
from pathlib import Path

import pytest

import puffer
from puffer import install
from puffer.systems.requirements import SYSTEMS, System


@pytest.fixture
def pip(monkeypatch):
    """What would have been run; every command succeeds unless it has a word of `fails`."""

    class Pip:
        commands, fails = [], "nothing"

        def __call__(self, command):
            self.commands.append(command)
            self.returncode = int(any(self.fails in word for word in command))
            return self

    monkeypatch.setattr(install.subprocess, "run", pip := Pip())
    return pip


def test_a_dry_run_only_shows(pip, capsys):
    assert install.main(["minigrid", "--dry-run"]) == 0
    assert not pip.commands
    assert "pip install" in capsys.readouterr().out


def test_all_is_installed_at_once_and_what_is_bare_one_by_one(pip):
    install.main(["all"])
    first, *rest = pip.commands
    for system in SYSTEMS.values():
        if system.pythons[0] <= sys.version_info[:2] <= system.pythons[1]:
            assert set(system.requirements) <= set(first)
            assert all([one for one in rest if requirement in one] for requirement in system.bare_requirements)
    assert all("--no-deps" in command for command in rest)


def test_what_fails_is_told_and_does_not_stop_the_others(pip, capsys):
    pip.fails = "minigrid"
    assert install.main(["minigrid", "atari"]) == 1
    assert "failed:" in capsys.readouterr().out


def test_what_this_python_cannot_have_is_told(pip, capsys, monkeypatch):
    old = System(["old"], ["old"], pythons=((3, 6), (3, 7)))
    monkeypatch.setitem(SYSTEMS, "minigrid", old)
    assert install.main(["minigrid"]) == 1
    assert not pip.commands
    assert "Python 3.6 to 3.7" in capsys.readouterr().out


def test_missing_programs_are_told(pip, capsys, monkeypatch):
    system = System([], ["old"], programs={"no-such-program": "apt-get install it"})
    monkeypatch.setitem(SYSTEMS, "minigrid", system)
    assert install.main(["minigrid"]) == 1
    assert "apt-get install it" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["minigird"], ["--chekc"]])
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        install.main(arguments)
    assert raised.value.code == 2
    assert "minigrid" in capsys.readouterr().err or "--chekc" in arguments


def test_the_check_makes_and_steps(capsys):
    pytest.importorskip("minigrid")
    assert install.main(["minigrid", "--check"]) == 0
    assert " yes " in capsys.readouterr().out


def test_the_check_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(SYSTEMS, "minigrid", System(["no_such_module"], ["no-such-package"]))
    assert install.main(["minigrid", "--check"]) == 1
    assert "no no_such_module" in capsys.readouterr().out
    assert not [name for name in puffer.list_envs(installed=True) if name.startswith("minigrid-")]
    with pytest.raises(ImportError, match="python -m puffer.install minigrid"):
        puffer.make("minigrid-DoorKey-8x8")


def test_every_system_has_an_extra():
    path = Path(puffer.get_include(), "pyproject.toml")
    if not path.exists():
        pytest.skip("not in the source tree")
    tomllib = pytest.importorskip("tomllib")
    extras = tomllib.loads(path.read_text())["project"]["optional-dependencies"]
    for name, system in SYSTEMS.items():
        if not system.by_hand:
            assert set(system.requirements) <= set(extras[name]), name
            assert name in extras["all"][0].partition("[")[2].removesuffix("]").split(","), name
