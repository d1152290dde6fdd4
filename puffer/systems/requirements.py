"""The systems of other authors that `puffer.make` runs, and the packages that each of them needs.

`python -m puffer.install NAME` installs the packages of a system. The extras of puffer are made of the same table:
`setup.py` runs this file by its path. Other interpreters import it too, so it needs the standard library alone.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# The Pythons that puffer runs on; there is no last one.
_FIRST, _LAST = (3, 10), (3, 99)


@dataclass(frozen=True)
class System:
    """The requirements of one system.

    Attributes
    ----------
    imports : sequence of str
        Modules that must be importable; "this or that" if one of the two is enough.
    requirements : sequence of str
        Requirements that pip installs as usual.
    bare_requirements : sequence of str
        Requirements that pip installs without their dependencies and without checking versions: the metadata of these
        packages exclude versions that they work with.
    bare_in_extra : bool
        Whether pip can resolve the bare requirements too, so that the extra has them.
    builders : sequence of str
        Requirements for building the packages that come as sources.
    pythons : (first, last)
        Versions of Python, as (3, minor), that the packages are made for. For others, the extra is empty.
    programs : mapping
        Programs that must be in the PATH, and how to install each; pip cannot.
    example : str
        The name of one of its environments.
    by_hand : str
        How to get a package that pip cannot install at all; empty if there is none.
    """

    imports: Sequence[str]
    requirements: Sequence[str]
    bare_requirements: Sequence[str] = ()
    bare_in_extra: bool = True
    builders: Sequence[str] = ()
    pythons: tuple[tuple[int, int], tuple[int, int]] = (_FIRST, _LAST)
    programs: Mapping[str, str] = field(default_factory=dict)
    example: str = ""
    by_hand: str = ""


_NLE = "nle>=1.3,<1.4"

# By family: the names of the extras, and of the modules of this package with their environments.
SYSTEMS = {
    "atari": System(
        imports=["ale_py"],
        requirements=["ale-py>=0.12.1,<0.13", "opencv-python-headless>=4.8"],
        example="atari-pong",
    ),
    "procgen": System(
        imports=["procgen"],
        requirements=[],
        bare_requirements=["procgen-mirror==0.10.7"],
        pythons=((3, 11), (3, 12)),
        example="procgen-coinrun",
    ),
    "minigrid": System(
        imports=["minigrid"],
        requirements=["minigrid>=3.1,<4"],
        pythons=((3, 11), _LAST),
        example="minigrid-DoorKey-8x8",
    ),
    "crafter": System(imports=["crafter"], requirements=["crafter==1.8.3", "pillow"], example="crafter"),
    "nethack": System(
        imports=["nle"],
        requirements=[],
        bare_requirements=[_NLE],
        pythons=(_FIRST, (3, 13)),
        example="nethack-score",
    ),
    "minihack": System(
        imports=["nle", "minihack", "minigrid", "pkg_resources"],
        requirements=["minigrid>=3.1,<4", "setuptools<82"],
        bare_requirements=["minihack>=1.0.2,<1.1", _NLE],
        builders=["setuptools<82", "wheel"],
        pythons=((3, 11), (3, 13)),
        programs={"bash": "your system's package manager"},
        example="minihack-Room-5x5",
    ),
    "pettingzoo": System(
        imports=["pettingzoo", "mpe2"],
        requirements=["pettingzoo[butterfly,classic,sisl]>=1.27,<2", "mpe2>=1.1,<2", "multi-agent-ale-py>=0.1.12"],
        example="pettingzoo-knights-archers-zombies",
    ),
    "magent": System(
        imports=["magent2"],
        requirements=["magent2>=0.3.4,<0.4"],
        example="magent-battle",
    ),
    "pokemon": System(
        imports=["pyboy"],
        requirements=["pyboy>=2.8,<3"],
        example="pokemon-red",
    ),
    "griddly": System(
        imports=["griddly"],
        requirements=["pyyaml"],
        bare_requirements=["griddly==1.6.7"],
        pythons=(_FIRST, (3, 11)),
        example="griddly-random-butterflies",
    ),
    "microrts": System(
        imports=["gym_microrts", "jpype"],
        requirements=["JPype1>=1.5,<2", "pillow"],
        bare_requirements=["gym-microrts==0.6.0"],
        bare_in_extra=False,
        builders=["setuptools<82", "wheel", "poetry-core", "poetry-dynamic-versioning"],
        programs={"java": "apt-get install default-jre-headless, brew install openjdk, or any Java from 17 on"},
        example="microrts",
    ),
    "nmmo": System(
        imports=["nmmo", "scipy", "imageio", "ordered_set", "dill", "tqdm", "psutil", "pettingzoo"],
        requirements=["cython", "dill", "imageio", "ordered-set", "pettingzoo>=1.24", "psutil", "scipy", "tqdm"],
        bare_requirements=["nmmo==2.1.2"],
        bare_in_extra=False,
        builders=["setuptools<82", "wheel", "Cython"],
        example="nmmo",
    ),
    "gpudrive": System(
        imports=["madrona_gpudrive or gpudrive", "torch"],
        requirements=[],
        example="gpudrive",
        by_hand="build the simulator from https://github.com/Emerge-Lab/gpudrive",
    ),
}


def missing(name: str) -> list[str]:
    """The modules and programs that a system lacks on this machine."""
    system = SYSTEMS[name]
    modules = [module for module in system.imports if not any(map(importlib.util.find_spec, module.split(" or ")))]
    return modules + [program for program in system.programs if shutil.which(program) is None]


def outdated(name: str) -> list[str]:
    """The packages of a system that are installed in a version that is too old, as "package version (needs ...)"."""
    # A sixth of the time that `import puffer` would take.
    import importlib.metadata

    system = SYSTEMS[name]
    found = []
    for requirement in [*system.requirements, *system.bare_requirements]:
        package, bounds = re.fullmatch(r"([\w.-]+)(?:\[.*\])?(.*)", requirement).groups()  # type: ignore[union-attr]
        least = re.search(r"[>=]=([\d.]+)", bounds)
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            # Another package has the module, or a folder in the path.
            continue
        if least and _release(version) < _release(least[1]):
            found.append(f"{package} {version} (needs {bounds})")
    return found


def _release(version: str) -> list[int]:
    """The numbers of a version, without what follows them."""
    return [int(number) for number in re.findall(r"\d+", re.match(r"[\d.]*", version)[0])]  # type: ignore[index]


def folders(package: str) -> list[Path]:
    """The folders of a package, which is not imported; empty if it is not installed."""
    spec = importlib.util.find_spec(package)
    return [Path(folder) for folder in spec.submodule_search_locations or ()] if spec is not None else []


def require(name: str) -> None:
    """Raise ImportError if a system lacks modules or programs, or has old packages; the message has the remedy."""
    lacking = missing(name)
    if lacking:
        raise ImportError(f"{name} needs {' and '.join(lacking)}, not found here: {_remedy(name, lacking)}")
    require_versions(name)


def require_versions(name: str) -> None:
    """Raise ImportError if a system has packages that are too old; the message has the line that installs others."""
    old = outdated(name)
    if old:
        raise ImportError(f"{name} does not work with {' and '.join(old)}: python -m puffer.install {name}")


def _remedy(name: str, lacking: Sequence[str]) -> str:
    """How to get the modules and programs that a system lacks."""
    system = SYSTEMS[name]
    programs = [f"for {program}, {system.programs[program]}" for program in lacking if program in system.programs]
    if len(programs) < len(lacking):
        return "; ".join([system.by_hand or f"python -m puffer.install {name}", *programs])
    return "; ".join(programs)


def extras() -> dict[str, list[str]]:
    """The extras of this package that install systems: one for each that pip can install, and `all`."""
    by_name = {name: _extra(system) for name, system in SYSTEMS.items() if not system.by_hand}
    return {**by_name, "all": [f"puffer-envs[{','.join(sorted(by_name))}]"]}


def _extra(system: System) -> list[str]:
    """The requirements of a system; they have a marker where its packages exist for some Pythons only."""
    requirements = [*system.requirements, *(system.bare_requirements if system.bare_in_extra else ())]
    first, last = system.pythons
    conditions = []
    if first > _FIRST:
        conditions.append(f"python_version >= '3.{first[1]}'")
    if last < _LAST:
        conditions.append(f"python_version < '3.{last[1] + 1}'")
    marker = " and ".join(conditions)
    return [f"{requirement}; {marker}" if marker else requirement for requirement in requirements]
