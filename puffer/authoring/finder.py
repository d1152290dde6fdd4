"""Finds the modules of `load_pyx` by their names, so that what refers to their classes can be pickled and loaded."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from puffer.authoring.compiled import folder_of_modules, is_current

# How the names of the packages begin that modules are compiled in.
_PREFIX = "puffer_pyx_"


def package_name(entry: str, number: int) -> str:
    """The name of a package for an entry of the cache, of which there may be several."""
    return f"{_PREFIX}{entry}_{number}"


def file_name(module: str) -> str:
    """The name of the file of a compiled module."""
    return f"{module}{sysconfig.get_config_var('EXT_SUFFIX')}"


def spec_of(name: str, compiled: Path) -> ModuleSpec:
    """From which the import system makes the compiled module of that name."""
    loader = importlib.machinery.ExtensionFileLoader(name, str(compiled))
    spec = importlib.util.spec_from_file_location(name, compiled, loader=loader)
    assert spec is not None
    return spec


class _Finder(MetaPathFinder):
    """Finds the packages of `package_name`, and their modules in the cache."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a package or module.

        Raises ModuleNotFoundError for a module of which the cache has none that fits the files as they are now.
        """
        package, _, name = fullname.partition(".")
        if not package.startswith(_PREFIX):
            return None
        if not name:
            # Nobody else is to look into its folder: what lies there may be damaged, or another user's.
            return ModuleSpec(fullname, None, is_package=True)
        entry = package.removeprefix(_PREFIX).rpartition("_")[0]
        folder, file = folder_of_modules() / entry / package, file_name(name)
        if not is_current(folder, file):
            raise ModuleNotFoundError(
                f"the class was compiled from {name}.pyx by puffer.load_pyx; the file has changed since then, or was "
                "compiled by another user: load it again, and make the object anew",
                name=fullname,
            )
        return spec_of(fullname, folder / file)


def find_modules() -> None:
    """Have the import system find them."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
