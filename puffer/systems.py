"""The systems of other authors that `puffer.make` runs, and the packages that each of them needs.

`python -m puffer.install NAME` installs what a system needs; the extras of this package name the same requirements, as
far as pip can resolve them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class System:
    """What one system needs.

    Attributes
    ----------
    adapter : str
        The module with its environments.
    imports : sequence of str
        The modules that must be there; "this or that" where one of them will do.
    requirements : sequence of str
        What pip installs as usual.
    bare_requirements : sequence of str
        What pip installs without dependencies and checks of versions, since the metadata of these packages refuse
        versions that they work with.
    programs : sequence of str
        Programs that must be in the PATH, which pip cannot install.
    licence : str
        Of the packages.
    by_hand : str
        How to get what pip cannot install at all, if there is such a thing.
    """

    adapter: str
    imports: Sequence[str]
    requirements: Sequence[str]
    bare_requirements: Sequence[str] = ()
    programs: Sequence[str] = ()
    licence: str = "MIT"
    by_hand: str = ""


# The names of systems are those of the extras, and the first parts of the names of their environments.
SYSTEMS = {
    "atari": System(
        "puffer.wrappers.atari",
        imports=["ale_py"],
        requirements=["ale-py>=0.12.1,<0.13"],
        licence="GPL-2.0",
    ),
    "minigrid": System("puffer.wrappers.minigrid", imports=["minigrid"], requirements=["minigrid>=3.1,<4"]),
    "gpudrive": System(
        "puffer.wrappers.gpudrive",
        imports=["madrona_gpudrive or gpudrive", "torch"],
        requirements=["torch>=2"],
        by_hand="build the simulator from https://github.com/Emerge-Lab/gpudrive",
    ),
    "microrts": System(
        "puffer.wrappers.microrts",
        imports=["gym_microrts", "jpype"],
        requirements=["JPype1>=1.5,<2", "pillow"],
        bare_requirements=["gym-microrts==0.6.0"],
        programs=["java"],
        licence="GPL-3.0",
    ),
}


def missing(name: str) -> list[str]:
    """What a system lacks on this machine: modules and programs."""
    system = SYSTEMS[name]
    modules = [module for module in system.imports if all(find_spec(one) is None for one in module.split(" or "))]
    return modules + [program for program in system.programs if shutil.which(program) is None]


def require(name: str) -> None:
    """Raises ImportError, with the line that installs it, for a system that lacks something."""
    lacking = missing(name)
    if lacking:
        remedy = SYSTEMS[name].by_hand or f"python -m puffer.install {name}"
        raise ImportError(f"{name} needs {' and '.join(lacking)}, not found here: {remedy}")


def ids_in_source(package: str, pattern: str) -> list[str]:
    """What a pattern with one group finds in the sources of a package, which is not imported; empty if it is missing.

    For the ids that packages register when they are imported, which takes long and lets Gymnasium list them.
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    found: list[str] = []
    for folder in folders or ():
        for path in sorted(Path(folder).rglob("*.py")):
            found += re.findall(pattern, path.read_text(errors="replace"))
    return found
