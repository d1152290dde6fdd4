"""The environments of PettingZoo and of the packages that parts of it have moved to, by name.

`puffer.make("pettingzoo-<name>")` finds them by the names of their modules, without importing them. The name
`knights-archers-zombies`, or `knights_archers_zombies`, is the newest version installed, and
`knights-archers-zombies-v11` is version 11. An environment steps all agents at once if it can.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from puffer import checks
from puffer.rendering import declared_modes
from puffer.systems.family import Family
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import folders, require_versions

if TYPE_CHECKING:
    from puffer.backends.creator import Creator

_INSTALL = "python -m puffer.install pettingzoo"
_PACKAGES = ("pettingzoo.butterfly", "pettingzoo.classic", "pettingzoo.sisl", "mpe2")
_ATARI = "pettingzoo.atari"

# Environment variables while these packages are imported, which set variables too, and environments are made. PyGame
# then prints no greeting and does not look for a sound card.
_VARIABLES = {"PYGAME_HIDE_SUPPORT_PROMPT": "1", "SDL_AUDIODRIVER": "dummy"}

# The argument that sets the number of agents, or a function from that number to arguments.
_COUNTS: dict[str, str | Callable[[int], dict[str, int]]] = {
    "hanabi": "players",
    "knights-archers-zombies": lambda agents: {"num_archers": agents - agents // 2, "num_knights": agents // 2},
    "multiwalker": "n_walkers",
    "pistonball": "n_pistons",
    "pursuit": "n_pursuers",
    "simple-adversary": lambda agents: {"N": agents - 1},
    "simple-formation": "N",
    "simple-line": "N",
    "simple-spread": "N",
}

# Where the constructor of an environment takes any arguments and passes them on: the attribute of its module that has
# parameters for them.
_BEHIND = {"cooperative-pong": "CooperativePong", "multiwalker": "_env", "pursuit": "_env"}

# Environments that take a seed from the operating system at every reset without one.
_RESEEDED = ("hanabi",)


def names() -> list[str]:
    """The environments of the packages that are installed, without versions.

    Those of Atari are among them if multi-agent-ale-py is installed, which they need.
    """
    has_atari = _is_installed("multi_agent_ale_py")
    return sorted(name for name, module in _newest().items() if has_atari or not _is_atari(module))


def knows(name: str) -> bool:
    """Whether there is such an environment. While one of the packages is missing, any name may be one."""
    return _module_of(name) is not None or bool(_missing())


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of `puffer.make("pettingzoo-<name>", **arguments)`.

    `num_agents` among the arguments stands for the environment's own argument for that number. Knights and archers
    share it, with one archer more if it is odd; the adversary of `simple-adversary` is one of them.

    Raises ImportError for a missing package, TypeError for an argument that the environment does not have, ValueError
    for an unknown render mode.
    """
    # A compiled module, which another interpreter cannot import.
    from puffer.backends.creator import Creator

    module = _installed_module(name)
    require_versions("pettingzoo")
    return Creator(
        partial(_make, module),
        _own_arguments(module, arguments),
        render_modes=declared_modes(_import(module).raw_env),
        reseed="always" if _bare_name(module) in _RESEEDED else "never",
    )


def make(name: str, **arguments: Any) -> Any:
    """One copy. Another interpreter runs only environments that can step all agents at once."""
    module = _installed_module(name)
    return _make(module, **_own_arguments(module, arguments))


def _make(module: str, /, **arguments: Any) -> Any:
    """One copy by the environment's own constructor, which steps all agents at once if there is such a one."""
    imported = _import(module)
    with undisturbed(_VARIABLES):
        return (getattr(imported, "parallel_env", None) or imported.env)(**arguments)


FAMILY = Family(creator=creator, names=names, knows=knows, make=make)


# ---- Names ----


def _modules() -> Iterator[str]:
    """Every module with an environment, "package.name_v1"."""
    for package in (*_PACKAGES, _ATARI):
        top, _, rest = package.partition(".")
        for folder in folders(top):
            for found in pkgutil.iter_modules([str(Path(folder, rest))]):
                if re.search(r"_v\d+$", found.name):
                    yield f"{package}.{found.name}"


def _newest() -> dict[str, str]:
    """The module of the newest version of each environment."""
    newest: dict[str, str] = {}
    for module in sorted(_modules(), key=_version):
        newest[_bare_name(module)] = module
    return newest


def _module_of(name: str) -> str | None:
    name = name.replace("_", "-")
    if name in _newest():
        return _newest()[name]
    return next((module for module in _modules() if name == f"{_bare_name(module)}-v{_version(module)}"), None)


def _installed_module(name: str) -> str:
    module = _module_of(name)
    if module is None:
        missing = " and ".join(_missing())
        raise ImportError(f"pettingzoo-{name} is in none of the installed packages, and {missing} is not: {_INSTALL}")
    return module


def _bare_name(module: str) -> str:
    """The name of an environment, without version."""
    return re.sub(r"_v\d+$", "", module.rpartition(".")[2]).replace("_", "-")


def _version(module: str) -> int:
    return int(module.rpartition("_v")[2])


def _is_atari(module: str) -> bool:
    return module.startswith(f"{_ATARI}.")


def _is_installed(package: str) -> bool:
    return bool(folders(package))


def _missing() -> list[str]:
    return [package for package in ("pettingzoo", "mpe2") if not _is_installed(package)]


# ---- Imports ----


def _import(module: str) -> ModuleType:
    try:
        with undisturbed(_VARIABLES):
            return importlib.import_module(module)
    except ImportError as error:
        install = f"{_INSTALL} atari" if _is_atari(module) else _INSTALL
        raise ImportError(f"pettingzoo-{_bare_name(module)} cannot be imported ({error}): {install}") from error


# ---- Arguments ----


def _own_arguments(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The checked arguments, in the environment's own terms."""
    name, known = _bare_name(module), _parameters(module)
    given = dict(arguments)
    if "num_agents" in given and "num_agents" not in known:
        counted = _count_arguments(name, checks.integer("num_agents", given.pop("num_agents"), 1), known)
        for argument in counted:
            if argument in given:
                raise TypeError(f"pettingzoo-{name} was given num_agents and {argument}, which it stands for")
        given.update(counted)
    checks.arguments(f"pettingzoo-{name}", given, known)
    if _is_atari(module) and given.get("auto_rom_install_path") is None:
        # multi-agent-ale-py has no games of its own.
        for folder in folders("ale_py"):
            given["auto_rom_install_path"] = str(Path(folder, "roms"))
    return given


def _count_arguments(name: str, agents: int, known: list[str]) -> dict[str, int]:
    argument = _COUNTS.get(name, "num_players")
    if argument == "num_players" and argument not in known:
        raise TypeError(f"pettingzoo-{name} has no single argument for num_agents; its own are {', '.join(known)}")
    return {argument: agents} if isinstance(argument, str) else argument(agents)


def _parameters(module: str) -> list[str]:
    """The names of an environment's arguments."""
    constructor = _import(module).raw_env
    handed_on = []
    if _is_atari(module):
        handed_on = ["obs_type", "full_action_space", "max_cycles", "render_mode", "auto_rom_install_path"]
    behind = _BEHIND.get(_bare_name(module))
    if behind is not None:
        constructor = getattr(importlib.import_module(constructor.__module__), behind)
    own = inspect.signature(constructor).parameters.values()
    return [p.name for p in own if p.kind is not p.VAR_KEYWORD and p.kind is not p.VAR_POSITIONAL] + handed_on
