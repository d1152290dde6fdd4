"""Names of environments, and `make`, which turns a name into a batch."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import pkgutil
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import registry
from gymnasium.error import NameNotFound
from gymnasium.vector import AutoresetMode

from puffer import checks, ocean
from puffer._core import Env
from puffer.authoring.loading import env_class, load_pyx
from puffer.backends.choice import python_batch, worker_batch
from puffer.backends.creator import Creator
from puffer.backends.system import SystemCreator
from puffer.native.batch import Batch
from puffer.options import BatchOptions, WorkerOptions
from puffer.rendering import declared_modes
from puffer.systems.family import Family
from puffer.systems.requirements import SYSTEMS, missing, outdated
from puffer.vector import VectorEnv

if TYPE_CHECKING:
    from puffer.backends.links.interpreter import InterpreterCreator

# A native class; a callable that makes one copy of an environment in Python; or "module:attribute" of either, which is
# imported when it is made.
Registered = type[Env] | Callable[..., Any] | str

_registered: dict[str, Registered] = {}

# Environments of other packages have names "family-name", or "family" alone. Each family is a module of puffer.systems.
_FAMILIES = ("gym", *SYSTEMS)


def make(
    name: str | os.PathLike[str],
    num_envs: int = 1,
    *,
    backend: str = "auto",
    num_threads: int = 0,
    num_workers: int | None = None,
    batch_size: int | None = None,
    autoreset_mode: str | AutoresetMode = "SameStep",
    max_steps: int | None = None,
    copy: bool | None = None,
    flat: bool = True,
    buf: Any = None,
    seed: int | None = None,
    render_mode: str | None = None,
    record_episodes: bool = False,
    check_actions: bool = True,
    check_values: bool | None = None,
    action_masks: bool = False,
    timeout: float = 60.0,
    ordered: bool = False,
    restart_workers: bool = False,
    python: str | None = None,
    debug: bool = False,
    **env_kwargs: Any,
) -> VectorEnv:
    """Make a batch of `num_envs` copies of the environment called `name`.

    Parameters
    ----------
    name : str or path
        One of `list_envs()`, where "ocean-" may be left out unless the rest is a name as well, as "crafter" is, and "-"
        stands for "_" in what follows it; or an id of Gymnasium, such as "CartPole-v1" or "puffer/CartPole-v0"; or the
        path of a `.pyx` file, see `puffer.load_pyx`.
        A native environment with tasks takes one of them in its name: "mpe-simple_tag", "foraging-8x8-2p-1f-coop",
        "overcooked-cramped_room". Levels of MiniGrid are "ocean-minigrid-DoorKey-8x8": without "ocean-", such a name
        is that of the package.
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
    copy : bool, optional
        Whether what is returned is kept from being overwritten while anybody holds it, which is the default and costs
        next to nothing; with False it is the live buffers, which the next step overwrites. With `buf` the default is
        False.
    flat : bool
        Whether observations and actions are flat rows. With False they are values of the environment's own spaces, in
        the form of Gymnasium's vector environments: a Dict becomes a dict of arrays.
    buf : mapping, optional
        Arrays for the batch to live in, by name: observations, actions, rewards, terminations, truncations, masks.
    seed : int, optional
        Seed of the first reset that is given none.
    render_mode : "rgb_array", "ansi", "human", optional
    record_episodes : bool
        Put `episode` into the infos, as Gymnasium's RecordEpisodeStatistics does.
    check_actions : bool
        Check actions for range and finiteness.
    check_values : bool
        Check observations and rewards, for debugging: a NaN, an observation outside its space or an infinite reward
        raises ValueError. By default only under `python -X dev`.
    action_masks : bool
        Put `action_mask` into the infos of environments that have masks of legal actions, int8 as Gymnasium's Taxi
        does; `action_masks` of the returned object has them anyway.
    timeout, ordered, restart_workers
        Of the workers, see `puffer.options.WorkerOptions`.
    python : str, optional
        Another interpreter, for example that of a virtual environment with packages that cannot be installed beside
        those of this one: the workers run there. It needs Python 3.8 or later, NumPy 1.20 or later, and the package of
        the environment; not puffer. The environment is of a family whose packages this can be done with, or was
        registered as "module:attribute", to be found there. Arguments and infos are plain data and arrays.
    debug : bool
        Of the path of a `.pyx` file: compile it with checks, so that the first wrong index raises IndexError with its
        line. For any other name it is an argument of the environment's own.
    **env_kwargs
        The environment's own parameters. Of an environment in Python, `max_length` is not one of them: it is the
        longest Sequence or Graph of its observations, or text, see `puffer.emulate`.

    Raises
    ------
    gymnasium.error.NameNotFound
        For an unknown name; the message has the nearest ones.
    TypeError, ValueError
        For a bad argument, with its name and value.
    ImportError
        For what needs a package that is not installed, with the line that installs it.
    """
    name = checks.name_of(name)
    options = {
        "batch_size": batch_size,
        "autoreset_mode": autoreset_mode,
        "max_steps": max_steps,
        "buf": buf,
        "seed": seed,
        "render_mode": render_mode,
        "record_episodes": record_episodes,
        "check_actions": check_actions,
        "check_values": check_values,
        "action_masks": action_masks,
    }
    workers = WorkerOptions(num_workers, timeout, ordered, restart_workers)
    made_by = name, dict(env_kwargs)
    if python is not None:
        checks.choice("backend", backend, ("auto", "process"))
        # Not above: worker processes import this module, and have no use for it.
        from puffer.backends.links.interpreter import InterpreterTransport

        # The modes of the copies are not known before they are made.
        checks.render_mode(render_mode, declared_modes(None))
        transport = InterpreterTransport(_ordered(name, python, env_kwargs))
        batch = worker_batch(transport, BatchOptions(num_envs, **options), workers)
        return _batch(batch, copy, flat, made_by)
    is_file = str(name).endswith(".pyx")
    if debug and not is_file:
        env_kwargs["debug"] = debug
    found = load_pyx(name, debug=True) if debug and is_file else find(name)
    if isinstance(found, partial) and isinstance(found.func, type) and issubclass(found.func, Env):
        for twice in env_kwargs.keys() & found.keywords.keys():
            raise TypeError(f"the name {name} says {twice} already: leave out {twice}={env_kwargs[twice]!r}")
        env_kwargs.update(found.keywords)
        found = found.func
    if isinstance(found, type):
        _check_arguments(name, found, env_kwargs)
        env = found(num_envs, num_threads=num_threads, **options, **env_kwargs)
        return _batch(env, copy, flat, made_by)
    if render_mode is not None:
        env_kwargs["render_mode"] = render_mode
    max_length = env_kwargs.pop("max_length", None)
    creator = found(env_kwargs)
    if max_length is not None:
        if not isinstance(creator, Creator):
            raise TypeError(f"{name} has no option 'max_length': its observations do not vary in size")
        creator.max_length = max_length
    batch = python_batch(creator, BatchOptions(num_envs, **options), workers, backend, num_threads)
    return _batch(batch, copy, flat, made_by)


def _batch(env: Env | Batch, copy: bool | None, flat: bool, made_by: tuple[str, dict[str, Any]]) -> VectorEnv:
    vector = VectorEnv(env, copy=copy, flat=flat)
    vector.made_by = made_by
    return vector


def list_envs(installed: bool = False) -> list[str]:
    """The names of all environments that `make` knows, sorted, or of those only that have all they need here.

    Makes none of them. The environments of a package that is missing are listed as far as their names are known.
    """
    lacking = [family for family in SYSTEMS if installed and (missing(family) or outdated(family))]
    families = [family for family in _FAMILIES if family not in lacking]
    theirs = [f"{family}-{name}" if name else family for family in families for name in _family(family).names()]
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


def find(name: str) -> type[Env] | Callable[[dict[str, Any]], Creator | SystemCreator]:
    """The class of the native environment called `name`, or a function from arguments to the creator of one in Python.

    Raises NameNotFound for an unknown name.
    """
    if not isinstance(name, str):
        raise TypeError(_no_name(name))
    if name.endswith(".pyx"):
        return load_pyx(name)
    if name in _registered:
        return _found(name, _registered[name])
    # Before the native ones: a name that a system of others has is that system, and its native twin is "ocean-...".
    family_name, dash, rest = name.partition("-")
    if family_name in _FAMILIES and bool(dash) == bool(rest):
        family = _family(family_name)
        if family.knows(rest):
            return family.env_class(rest) if family.env_class else partial(family.creator, rest)
    modules = _ocean_names()
    native = f"ocean-{name.removeprefix('ocean-').replace('-', '_')}"
    if native in modules:
        return env_class(importlib.import_module(modules[native]))
    # After the families, whose names are theirs alone: "minigrid-..." is the package, "ocean-minigrid-..." is native.
    with_task = None if family_name in _FAMILIES else _with_task(name.removeprefix("ocean-"), modules)
    if with_task:
        return with_task
    points = _entry_points()
    if name in points:
        return _found(name, points[name])
    known = _native_of(name)
    if known:
        return find(known)
    gym = _family("gym")
    if gym.knows(name):
        return partial(gym.creator, name)
    raise NameNotFound(_unknown(name))


def _with_task(name: str, modules: dict[str, str]) -> partial | None:
    """The class and the task that a name such as "mpe-simple_tag" says; None for other names."""
    native, _, task = name.partition("-")
    module = modules.get(f"ocean-{native}") if task else None
    cls = module and env_class(importlib.import_module(module))
    return partial(cls, **{cls.task_parameter: task}) if cls and cls.task_parameter else None


def _native_of(id: str) -> str | None:
    """The name of the native environment that Gymnasium knows by this id, or None."""
    spec = registry.get(id) if id.startswith("puffer/") else None
    return None if spec is None else spec.kwargs["name"]


def _no_name(given: Any) -> str:
    """The message for something else than a name, with the line to type."""
    is_class = isinstance(given, type)
    line = f"puffer.emulate({getattr(given, '__name__', 'env')}, num_envs)"
    if "<" in line or not callable(given):
        line = "puffer.emulate(env, num_envs), where env is an environment or a function that makes one"
    if is_class and issubclass(given, Env):
        line = f"puffer.VectorEnv({given.__name__}(num_envs))"
    return f"name must be a string, got {given!r} of type {type(given).__name__}; to make a batch of it: {line}"


def _ordered(name: str, python: str, arguments: dict[str, Any]) -> InterpreterCreator:
    """The environment for another interpreter to make. That interpreter alone knows whether it has one of this name.

    Raises ValueError for an environment that only this interpreter can make.
    """
    # As in `make`.
    from puffer.backends.links.interpreter import InterpreterCreator

    registered = {**_entry_points(), **_registered}.get(name)
    if isinstance(registered, str):
        return InterpreterCreator(python, name, registered, "", arguments)
    family, _, rest = str(name).partition("-")
    if registered is None and family in _FAMILIES:
        if _family(family).make is None:
            raise ValueError(f"python = {str(python)!r}: {family} cannot run in another interpreter")
        packages = SYSTEMS[family].requirements if family in SYSTEMS else ()
        return InterpreterCreator(python, name, _module_of(family), rest, arguments, shlex.join(packages))
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


def _family(name: str) -> Family:
    return importlib.import_module(_module_of(name)).FAMILY


def _module_of(family: str) -> str:
    return f"puffer.systems.{family}"


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
    """A registered environment, in the form that `find` returns."""
    if isinstance(env, str):
        module, _, attribute = env.partition(":")
        env = _require_makes(name, getattr(importlib.import_module(module), attribute))
    if isinstance(env, type) and issubclass(env, Env):
        return env
    return partial(Creator, env)


def _require_makes(name: str, env: Any) -> type[Env] | Callable[..., Any]:
    if not callable(env) or env is Env:
        raise TypeError(f"{name} must be a subclass of puffer.Env or a callable that makes an environment, got {env!r}")
    return env
