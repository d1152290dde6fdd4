"""`python -m puffer.install`, which here installs nothing."""

import sys
from dataclasses import replace

import pytest

import puffer
from puffer import install
from puffer.systems import requirements
from puffer.systems.requirements import SYSTEMS, System, extras


@pytest.fixture
def pip(monkeypatch):
    """A stand-in that records the commands; a command with the word `fails` fails, all others succeed."""

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


def test_all_is_installed_at_once_and_bare_requirements_one_by_one(pip, monkeypatch):
    monkeypatch.setattr(install, "requires", lambda name: ["numpy>=1.26", 'pytest; extra == "test"'])
    install.main(["all"])
    first, *rest = pip.commands
    # The requirements of puffer, so that pip keeps to them.
    assert "numpy>=1.26" in first
    assert not [word for word in first if "pytest" in word]
    for system in SYSTEMS.values():
        if system.pythons[0] <= sys.version_info[:2] <= system.pythons[1]:
            assert set(system.requirements) <= set(first)
            assert all([one for one in rest if requirement in one] for requirement in system.bare_requirements)
    assert all("--no-deps" in command for command in rest)


def test_a_failure_is_reported_and_does_not_stop_the_others(pip, capsys, monkeypatch):
    for name, package in (("nethack", "broken"), ("griddly", "sound")):
        monkeypatch.setitem(SYSTEMS, name, System([], [], bare_requirements=[package]))
    pip.fails = "broken"
    assert install.main(["nethack", "griddly"]) == 1
    assert [command[-1] for command in pip.commands] == ["broken", "sound"]
    assert "failed:" in capsys.readouterr().out


def test_a_system_for_other_pythons_is_refused(pip, capsys, monkeypatch):
    old = System(["old"], ["old"], pythons=((3, 6), (3, 7)))
    monkeypatch.setitem(SYSTEMS, "minigrid", old)
    assert install.main(["minigrid"]) == 1
    assert not pip.commands
    assert "Python 3.6 to 3.7" in capsys.readouterr().out


def test_missing_programs_are_reported(pip, capsys, monkeypatch):
    system = System([], ["old"], programs={"no-such-program": "apt-get install it"})
    monkeypatch.setitem(SYSTEMS, "minigrid", system)
    assert install.main(["minigrid"]) == 1
    assert "apt-get install it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the systems to install: all, or some of atari, "),
        (["minigird"], "there is no system called 'minigird'; did you mean 'minigrid'? (atari, "),
        (["--chekc"], "unrecognized arguments: --chekc"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as raised:
        install.main(arguments)
    assert raised.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m puffer.install: ")
    assert message in error
    assert error.count("\n") == 1


def test_the_check_makes_and_steps(capsys, monkeypatch):
    pytest.importorskip("minigrid")
    monkeypatch.setattr(install, "_TRIAL_SECONDS", 0.01)
    assert install.main(["minigrid", "--check"]) == 0
    assert " yes " in capsys.readouterr().out


def test_the_check_names_missing_modules(capsys, monkeypatch):
    monkeypatch.setitem(SYSTEMS, "minigrid", System(["no_such_module"], ["no-such-package"]))
    assert install.main(["minigrid", "--check"]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "no no_such_module: python -m puffer.install minigrid" in text
    assert not [name for name in puffer.list_envs(installed=True) if name.startswith("minigrid-")]
    with pytest.raises(ImportError, match="python -m puffer.install minigrid"):
        puffer.make("minigrid-DoorKey-8x8")


def test_packages_that_are_too_old_are_told(capsys, monkeypatch):
    pytest.importorskip("minigrid")
    versions = {"minigrid": "2.5.0"}
    monkeypatch.setattr(requirements.importlib.metadata, "version", lambda package: versions.get(package, "99"))
    message = r"minigrid does not work with minigrid 2.5.0 \(needs >=3.1,<4\): python -m puffer.install minigrid"
    with pytest.raises(ImportError, match=message):
        puffer.make("minigrid-DoorKey-8x8")
    assert install.main(["minigrid", "--check"]) == 1
    assert "too old: minigrid 2.5.0" in " ".join(capsys.readouterr().out.split())
    assert not [name for name in puffer.list_envs(installed=True) if name.startswith("minigrid-")]
    for version, is_old in (("3.1.0", False), ("3.10.1rc2", False), ("3.0.9", True), ("4.0", False)):
        versions["minigrid"] = version
        assert bool(requirements.outdated("minigrid")) == is_old, version


@pytest.mark.parametrize("name", ["nethack", "atari", "pettingzoo", "crafter"])
def test_every_form_of_a_requirement_has_a_least_version(name, monkeypatch):
    monkeypatch.setattr(requirements.importlib.metadata, "version", lambda package: "0.0.1")
    packages = [one.split()[0] for one in requirements.outdated(name)]
    assert packages[0] == {"nethack": "nle", "atari": "ale-py"}.get(name, name)
    with pytest.raises(ImportError, match=f"python -m puffer.install {name}"):
        requirements.require_versions(name)


def test_a_program_that_is_missing_is_told_with_its_remedy(monkeypatch, capsys):
    monkeypatch.setitem(SYSTEMS, "microrts", replace(SYSTEMS["microrts"], imports=["sys"]))
    monkeypatch.setattr(requirements.shutil, "which", lambda program: None)
    with pytest.raises(ImportError, match="microrts needs java, not found here: for java, apt-get install default-jre"):
        requirements.require("microrts")
    assert install.main(["microrts", "--check"]) == 1
    assert "no java: apt-get install default-jre-headless" in " ".join(capsys.readouterr().out.split())


def test_a_check_does_not_fail_for_what_cannot_be_had(monkeypatch, capsys):
    lacking = System(["no_such_module"], [], by_hand="build it")
    monkeypatch.setitem(SYSTEMS, "gpudrive", lacking)
    assert install.main(["gpudrive", "--check"]) == 0
    monkeypatch.setitem(SYSTEMS, "gpudrive", replace(lacking, by_hand="", pythons=((3, 6), (3, 7))))
    assert install.main(["gpudrive", "--check"]) == 0
    assert "no no_such_module" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("printed", "told"),
    [(b'{"rows_per_second": 2.5}\n{"rows_per', ("slow: steps", "2.5")), (None, ("no step", ""))],
)
def test_slow_is_not_called_hung(printed, told, monkeypatch):
    def patience_ends(*command, **options):
        raise install.subprocess.TimeoutExpired("it", 300, output=printed)

    monkeypatch.setattr(install.subprocess, "run", patience_ends)
    monkeypatch.setitem(SYSTEMS, "nmmo", System(["sys"], []))
    problem, speed = install._tried("nmmo")
    assert problem.startswith(told[0])
    assert speed == told[1]


def test_an_extra_has_the_requirements_of_its_system_for_the_pythons_that_have_them():
    by_name = extras()
    assert by_name["atari"] == SYSTEMS["atari"].requirements
    assert by_name["procgen"] == ["procgen-mirror==0.10.7; python_version >= '3.11' and python_version < '3.13'"]
    assert "gym-microrts" not in " ".join(by_name["microrts"])
    assert "gpudrive" not in by_name
    assert by_name["all"] == [f"puffer-envs[{','.join(sorted(by_name.keys() - {'all'}))}]"]
