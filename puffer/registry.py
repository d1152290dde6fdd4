"""Names of environments, and `make`, which turns a name into a batch."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import gymnasium
from gymnasium.error import NameNotFound
from gymnasium.vector import AutoresetMode

from puffer import checks, ocean
from puffer._core import Env
from puffer.authoring.loading import env_class, load_pyx
from puffer.backends.base import Creator
from puffer.backends.choice import python_backend
from puffer.emulation import call_creator
from puffer.systems.requirements import SYSTEMS, missing
from puffer.vector import VectorEnv

if TYPE_CHECKING:
    from puffer.backends.links.interpreter import ForeignCreator

# What is registered: a native class, what makes one copy of an environment in Python, or "module:attribute" of
# either, imported when it is made.
Registered = type[Env] | Callable[..., Any] | str

_registered: dict[str, Registered] = {}

# Environments of other packages have names "family-name", or "family" if the name is empty. The module of a family has
# `creator(name, arguments)`, which returns a creator, or `env_class(name)` if they are native. Unless "" is its only
# name, it also has `names()`, the names to list, and `knows(name)`, which may be true of more. If it has
# `make(name, **arguments)`, which returns one copy, or a copy and its time limit, its environments can run in another
# interpreter: there it is imported without the rest of puffer, so neither it nor what it imports from puffer may import
# compiled modules, but inside of functions.
_FAMILIES = {
    "gym": "puffer.systems.gym",
    **{name: system.adapter for name, system in SYSTEMS.items()},
}


def make(
    name: str,
    num_envs: int = 1,
    *,
    backend: str = "auto",
    num_threads: int = 0,
    num_workers: int | None = None,
    batch_size: int | None = None,
    autoreset_mode: str | AutoresetMode = "SameStep",
    max_steps: int | None = None,
    copy: bool = False,
    buf: Any = None,
    seed: int | None = None,
    render_mode: str | None = None,
    record_episodes: bool = False,
    check_actions: bool = True,
    timeout: float = 60.0,
    ordered: bool = False,
    restart_workers: bool = False,
    python: str | None = None,
    **env_kwargs: Any,
) -> VectorEnv:
    """Make a batch of `num_envs` copies of the environment called `name`.

    Parameters
    ----------
    name : str
        One of `list_envs()`, where "ocean-" may be left out; or the path of a `.pyx` file, see `puffer.load_pyx`.
    num_envs : int
        Copies, at least 1. The batch has a row for each agent of each copy, and `num_envs` of the returned object is
        the number of rows, as Gymnasium's contract means it.
    backend : "auto", "serial", "process" or "ray"
        Where environments written in Python are stepped: in this process, in worker processes, or in the actors of a
        Ray cluster, which may be on other machines. "auto" takes processes for at least four copies per available
        core, if there are several cores. Native ones, and systems that step many copies themselves, need none.
    num_threads : int
        Threads that step a native environment; 0 measures and picks. Results do not depend on it. For a system with
        threads of its own, their number; 0 takes one per available core.
    num_workers : int, optional
        Worker processes or actors; by default one per available core.
    batch_size : int, optional
        Copies that one `send` steps and one `recv` returns; divides num_envs, which is the default.
    autoreset_mode : "SameStep", "NextStep", "Disabled", or gymnasium.vector.AutoresetMode
    max_steps : int, optional
        Truncate episodes after this many steps, instead of where the rules do.
    copy : bool
        Return fresh arrays instead of the live buffers.
    buf : mapping, optional
        Arrays for the batch to live in, by name: observations, actions, rewards, terminations, truncations, masks.
    seed : int, optional
        Seed of the first reset that is given none.
    render_mode : "rgb_array", "ansi", "human", optional
    record_episodes : bool
        Put `episode` into the infos, as Gymnasium's RecordEpisodeStatistics does.
    check_actions : bool
        Check actions for range and finiteness.
    timeout, ordered, restart_workers
        Of the workers, see `puffer.backends.workers.WorkerBackend`.
    python : str, optional
        Another interpreter, for example that of a virtual environment with packages that cannot be installed beside
        those of this one: the workers run there. It needs Python 3.8 or later, NumPy 1.20 or later, and the package of
        the environment; not puffer. The environment is of a family whose packages this can be done with, or was
        registered as "module:attribute", to be found there. Arguments and infos are plain data and arrays.
    **env_kwargs
        The environment's own parameters.

    Raises
    ------
    gymnasium.error.NameNotFound
        For an unknown name; the message has the nearest ones.
    TypeError, ValueError
        For a bad argument, with its name and value.
    ImportError
        For what needs a package that is not installed, with the line that installs it.
    """
    options = {
        "batch_size": batch_size,
        "autoreset_mode": autoreset_mode,
        "max_steps": max_steps,
        "buf": buf,
        "seed": seed,
        "render_mode": render_mode,
        "record_episodes": record_episodes,
        "check_actions": check_actions,
    }
    workers = {
        "num_workers": num_workers,
        "timeout": timeout,
        "ordered": ordered,
        "restart_workers": restart_workers,
    }
    if python is not None:
        checks.choice("backend", backend, ("auto", "process"))
        from puffer.backends.links.interpreter import ForeignBackend

        return VectorEnv(ForeignBackend(_ordered(name, python, env_kwargs), num_envs, **workers, **options), copy=copy)
    found = find(name)
    if isinstance(found, type):
        _check_arguments(name, found, env_kwargs)
        return VectorEnv(found(num_envs, num_threads=num_threads, **options, **env_kwargs), copy=copy)
    if render_mode is not None:
        env_kwargs["render_mode"] = render_mode
    steps_by = python_backend(found(env_kwargs), num_envs, backend, workers, options, num_threads)
    return VectorEnv(steps_by, copy=copy)


def list_envs(installed: bool = False) -> list[str]:
    """The names of all environments that `make` knows, sorted, or of those only that have all they need here.

    Makes none of them. The environments of a package that is missing are listed as far as their names are known.
    """
    families = [family for family in _FAMILIES if not (installed and family in SYSTEMS and missing(family))]
    theirs = [f"{family}-{name}" if name else family for family in families for name in _names(family)]
    return sorted({*_ocean_names(), *theirs, *_registered, *_entry_points()})


def register(name: str, env: Registered) -> None:
    """Let `make` know an environment.

    Parameters
    ----------
    name : str
        Not yet taken.
    env : subclass of puffer.Env, callable, or "module:attribute"
        A native environment; or the class of an environment in Python, or a function, that makes one copy of what
        `puffer.emulate` takes and is called with the environment's own arguments; or where either is found, which is
        imported when the environment is made.

    Raises ValueError for a taken name, TypeError for something else than an environment.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a non-empty string, got {name!r}")
    if name in list_envs():
        raise ValueError(f"an environment called {name!r} is registered already")
    if isinstance(env, str) and env.count(":") != 1:
        raise ValueError(f'env must be "module:attribute", got {env!r}')
    if not isinstance(env, str):
        _require_makes(name, env)
    _registered[name] = env


def find(name: str) -> type[Env] | Callable[[dict[str, Any]], Creator]:
    """What makes the environment called `name`. Raises NameNotFound for an unknown one.

    A native one has a class, which holds all copies. For one in Python it is a function that takes its arguments and
    returns the creator of single copies.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r} of type {type(name).__name__}")
    if name.endswith(".pyx"):
        return load_pyx(name)
    if name in _registered:
        return _found(name, _registered[name])
    modules = _ocean_names()
    for candidate in (name, f"ocean-{name}"):
        if candidate in modules:
            return env_class(importlib.import_module(modules[candidate]))
    family, dash, rest = name.partition("-")
    if family in _FAMILIES and bool(dash) == bool(rest) and _knows(family, rest):
        module = _family(family)
        return module.env_class(rest) if hasattr(module, "env_class") else partial(module.creator, rest)
    points = _entry_points()
    if name in points:
        return _found(name, points[name])
    raise NameNotFound(_unknown(name))


def _ordered(name: str, python: str, arguments: dict[str, Any]) -> ForeignCreator:
    """What another interpreter is to make, which alone knows what is there: a name need not be known here.

    Raises ValueError for an environment that only this interpreter can make.
    """
    from puffer.backends.links.interpreter import ForeignCreator

    registered = {**_entry_points(), **_registered}.get(name)
    if isinstance(registered, str):
        return ForeignCreator(python, name, registered, "", arguments)
    family, _, rest = str(name).partition("-")
    if registered is None and family in _FAMILIES:
        if not hasattr(_family(family), "make"):
            raise ValueError(f"python = {str(python)!r}: {family} cannot run in another interpreter")
        packages = SYSTEMS[family].requirements if family in SYSTEMS else ()
        return ForeignCreator(python, name, _FAMILIES[family], rest, arguments, shlex.join(packages))
    find(name)
    raise ValueError(
        f"python = {str(python)!r}: {name} is of this interpreter and cannot run in another one; environments of other "
        f'packages can be registered as "module:attribute"'
    )


def parameters(cls: type[Env]) -> dict[str, inspect.Parameter]:
    """The parameters of an environment's own, without those that `make` has for all."""
    own = inspect.signature(cls).parameters
    return {
        name: parameter
        for name, parameter in own.items()
        if name not in inspect.signature(make).parameters and parameter.kind is not parameter.VAR_KEYWORD
    }


def _check_arguments(name: str, cls: type[Env], arguments: dict[str, Any]) -> None:
    common = [option for option in inspect.signature(make).parameters if option != "env_kwargs"]
    checks.arguments(name, arguments, list(parameters(cls)), common)


def _unknown(name: str) -> str:
    known = list_envs()
    bare = {known_name.removeprefix("ocean-"): known_name for known_name in known}
    near = difflib.get_close_matches(name.lower().removeprefix("ocean-"), bare, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(bare[one]) for one in near)}?" if near else "see puffer.list_envs()"
    return f"there is no environment called {name!r}; {hint}"


def _family(family: str) -> ModuleType:
    return importlib.import_module(_FAMILIES[family])


def _names(family: str) -> list[str]:
    module = _family(family)
    return module.names() if hasattr(module, "names") else [""]


def _knows(family: str, name: str) -> bool:
    module = _family(family)
    return module.knows(name) if hasattr(module, "knows") else name == ""


def _ocean_names() -> dict[str, str]:
    """Names of the package's own native environments, and their modules."""
    return {f"ocean-{module.rpartition('.')[2]}": module for module in _modules(ocean.__path__, ocean.__name__)}


def _modules(path: Iterable[str], package: str) -> Iterator[str]:
    """The public modules of a package and of the packages in it, none of which is imported."""
    for found in pkgutil.iter_modules(path):
        if found.name.startswith("_"):
            continue
        module = f"{package}.{found.name}"
        if found.ispkg:
            yield from _modules([f"{folder}/{found.name}" for folder in path], module)
        else:
            yield module


def _entry_points() -> dict[str, str]:
    # Imported here: a worker would take longer to start, and looks nothing up.
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group="puffer.envs")}


def _found(name: str, env: Registered) -> type[Env] | Callable[[dict[str, Any]], Creator]:
    if isinstance(env, str):
        module, _, attribute = env.partition(":")
        env = _require_makes(name, getattr(importlib.import_module(module), attribute))
    if isinstance(env, type) and issubclass(env, Env):
        return env
    return partial(call_creator, env)


def _require_makes(name: str, env: Any) -> type[Env] | Callable[..., Any]:
    if not callable(env) or env is Env:
        raise TypeError(f"{name} must be a subclass of puffer.Env or a callable that makes an environment, got {env!r}")
    return env


def gymnasium_id(cls: type[Env]) -> str:
    """The id under which Gymnasium knows a native environment."""
    return f"puffer/{cls.__name__}-v{cls.version}"


def register_with_gymnasium() -> None:
    """Register the package's native environments with Gymnasium, single and vector."""
    for module_name in _ocean_names().values():
        cls = env_class(importlib.import_module(module_name))
        gymnasium.register(
            gymnasium_id(cls),
            entry_point="puffer.faces.gymnasium:make_single",
            vector_entry_point="puffer.faces.gymnasium:make_vector",
            kwargs={"name": module_name.rpartition(".")[2]},
        )
