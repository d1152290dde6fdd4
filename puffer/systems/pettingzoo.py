"""The environments of PettingZoo and of the packages that parts of it have moved to, by name.

`puffer.make("pettingzoo-<name>")` finds them by the names of their modules, without importing them. The name
`knights-archers-zombies`, or `knights_archers_zombies`, is the newest version of those installed, and
`knights-archers-zombies-v11` a certain one. Where an environment can step all agents at once, it does.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from puffer import checks
from puffer.rendering import copy_mode, declared_modes
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import folders

if TYPE_CHECKING:
    from puffer.wrappers.adapters.pettingzoo import PettingZooAdapter

_INSTALL = "python -m puffer.install pettingzoo"
_PACKAGES = ("pettingzoo.butterfly", "pettingzoo.classic", "pettingzoo.sisl", "mpe2")
_ATARI = "pettingzoo.atari"

# Environment variables while these packages are imported, which set them too, and environments are made: PyGame does
# not greet, and does not look for a sound card.
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

# What has the arguments of environments whose constructor hands on any: an attribute of the module that it is in.
_BEHIND = {"cooperative-pong": "CooperativePong", "multiwalker": "_env", "pursuit": "_env"}

# Those that without a seed take one from the operating system in every reset.
_RESEEDED = ("hanabi",)


def names() -> list[str]:
    """The environments of the packages that are installed, without versions. Those of Atari need multi-agent-ale-py."""
    has_atari = _is_installed("multi_agent_ale_py")
    return sorted(name for name, module in _newest().items() if has_atari or not _is_atari(module))


def knows(name: str) -> bool:
    """Whether `creator` is to be asked for this name: it is an environment, or could be one of a missing package."""
    return _module_of(name) is not None or bool(_missing())


def creator(name: str, arguments: dict[str, Any]) -> PettingZooCreator:
    """The creator of `puffer.make("pettingzoo-<name>", **arguments)`.

    `num_agents` among the arguments stands for the environment's own argument for that number. Knights and archers
    share it, with one archer more if it is odd; the adversary of `simple-adversary` is one of them.

    Raises ImportError for a missing package, TypeError for an argument that the environment does not have, ValueError
    for an unknown render mode.
    """
    module = _installed_module(name)
    checks.render_mode(arguments.get("render_mode"), _render_modes(module))
    return PettingZooCreator(module, _own_arguments(module, arguments))


def make(name: str, **arguments: Any) -> Any:
    """One copy; in another interpreter only those run that can step all agents at once."""
    module = _installed_module(name)
    return _made(module, _own_arguments(module, arguments))


@dataclass(frozen=True)
class PettingZooCreator:
    """Makes copies of the environment in this module."""

    module: str
    arguments: dict[str, Any]

    def __call__(self, copy: int) -> PettingZooAdapter:
        from puffer.wrappers.adapters.pettingzoo import pettingzoo_adapter

        arguments = dict(self.arguments)
        if "render_mode" in arguments:
            arguments["render_mode"] = copy_mode(arguments["render_mode"], _render_modes(self.module), copy)
        adapter = pettingzoo_adapter(_made(self.module, arguments))
        if _bare_name(self.module) in _RESEEDED:
            adapter.reseed()
        return adapter


def _made(module: str, arguments: dict[str, Any]) -> Any:
    """What the environment's own constructor makes, which steps all agents at once if it can."""
    imported = _import(module)
    with undisturbed(_VARIABLES):
        return (getattr(imported, "parallel_env", None) or imported.env)(**arguments)


# ---- Names ----


def _modules() -> Iterator[str]:
    """Every module with an environment."""
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
        raise ImportError(f"pettingzoo-{name} is in no package that is installed, and {missing} is not: {_INSTALL}")
    return module


def _bare_name(module: str) -> str:
    """What an environment is called, without version."""
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


def _render_modes(module: str) -> Sequence[str]:
    return declared_modes(_import(module).raw_env)


def _own_arguments(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the environment has them, checked."""
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
    """The arguments that an environment has."""
    constructor = _import(module).raw_env
    handed_on = []
    if _is_atari(module):
        handed_on = ["obs_type", "full_action_space", "max_cycles", "render_mode", "auto_rom_install_path"]
    behind = _BEHIND.get(_bare_name(module))
    if behind is not None:
        constructor = getattr(importlib.import_module(constructor.__module__), behind)
    own = inspect.signature(constructor).parameters.values()
    return [p.name for p in own if p.kind is not p.VAR_KEYWORD and p.kind is not p.VAR_POSITIONAL] + handed_on
