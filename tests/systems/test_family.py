"""Families: names and environments of one system."""

from pathlib import Path

import pytest
from helpers import run_script

import puffer
from puffer import registry
from puffer.systems.family import Family


def creator(name, arguments):
    return None


def test_by_default_a_family_has_one_environment_without_a_name():
    family = Family(creator=creator)
    assert family.names() == [""]
    assert family.knows("")
    assert not family.knows("pong")
    assert family.make is None


def test_by_default_a_family_knows_the_names_that_it_lists():
    family = Family(creator=creator, names=lambda: ["pong", "tennis"])
    assert family.knows("pong")
    assert not family.knows("")


def test_a_family_may_know_more_names_than_it_lists():
    family = Family(creator=creator, names=lambda: ["pong"], knows=str.isalpha)
    assert family.knows("tennis")
    assert not family.knows("")


def test_a_family_is_native_or_not():
    for functions in ({}, {"creator": creator, "env_class": object}):
        with pytest.raises(TypeError, match="either creator or env_class"):
            Family(**functions)


# As a worker in another interpreter does it, which has no compiled modules of this one.
SCRIPT = """
import importlib, sys
from pathlib import Path
from types import ModuleType
folder = Path({folder!r})
for package, path in ("puffer", folder), ("puffer.systems", folder / "systems"):
    sys.modules[package] = ModuleType(package)
    sys.modules[package].__path__ = [str(path)]
for name in {names!r}:
    assert importlib.import_module(f"puffer.systems.{{name}}").FAMILY.make is not None
own = [module for name, module in sys.modules.items() if name.startswith("puffer.") and hasattr(module, "__file__")]
print(*[module.__name__ for module in own if not module.__file__.endswith(".py")])
"""


def test_families_of_other_interpreters_import_no_compiled_modules():
    folder = str(Path(puffer.__file__).parent)
    names = [name for name in registry._FAMILIES if registry._family(name).make is not None]
    assert "gym" in names
    assert run_script(SCRIPT.format(folder=folder, names=names)).split() == []
