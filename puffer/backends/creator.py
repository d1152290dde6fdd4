"""`Creator`: makes the copies of an environment, wherever they are stepped."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial, wraps
from typing import Any, Literal

import cloudpickle
import gymnasium
from gymnasium.envs import registration
from gymnasium.envs.registration import EnvSpec

from puffer import checks
from puffer.backends.replicas import Separation
from puffer.rendering import copy_mode, declared_modes
from puffer.wrappers.adapters.adapter import Adapter, seeds_after, takes_parameter
from puffer.wrappers.adapters.kinds import adapter_of


class Creator:
    """Makes copies of an environment: called with the number of a copy, it returns the copy's adapter.

    A creator travels to workers by cloudpickle.

    Parameters
    ----------
    function : callable
        Returns one environment. It may be a class. If it has a parameter `copy`, unless that is a flag by its default,
        it is given the number of the copy.
    arguments : mapping, optional
        Its keyword arguments. A `render_mode` among them is the mode of the batch, from which each copy gets its own;
        it is ignored if `function` has no such parameter.
    render_modes : sequence of str, optional
        The modes that the copies have; by default those that `function` declares in its `metadata`, or all modes if it
        declares none.
    reseed : "never", "once" or "always"
        Whether a copy is given a random seed where a reset has none: never, at its first reset, or at every reset.
        "once" is for copies that would otherwise all play the same episodes. "always" is for environments that would
        otherwise take a seed from the operating system; their seeds follow from the last one that a reset was given.
    adapter : callable
        Returns the adapter of an environment; by default `adapter_of`, which looks at the kind of environment.

    Attributes
    ----------
    max_length : int or mapping of str to int, optional
        Of observations of varying size, see `puffer.spaces.Layout`. None unless it is set.

    Raises ValueError for a render mode that the copies do not have. A call raises CopiesError for a copy that shares an
    environment with another one.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any] | None = None,
        *,
        render_modes: Sequence[str] | None = None,
        reseed: Literal["never", "once", "always"] = "never",
        adapter: Callable[[Any], Adapter] = adapter_of,
    ) -> None:
        self._function = function
        self._arguments = dict(arguments or {})
        mode = self._arguments.pop("render_mode", None)
        self._render_mode: str | None = None
        if mode is not None:
            # A partial function declares nothing itself.
            modes = declared_modes(getattr(function, "func", function)) if render_modes is None else render_modes
            checks.render_mode(mode, modes)
            if takes_parameter(function, "render_mode"):
                self._render_mode, self._render_modes = mode, modes
        self._reseed = reseed
        self._adapter = adapter
        self._takes_copy = _takes_copy(function)
        self._separation = Separation()
        self.max_length: int | Mapping[str, int] | None = None

    def __call__(self, copy: int) -> Adapter:
        return self.make(copy, self._separation, makes_all=True)

    def make(self, copy: int, separation: Separation, *, makes_all: bool) -> Adapter:
        """The adapter of a copy that `separation` keeps apart from the others; see `Separation.require`."""
        arguments = self._arguments
        if self._takes_copy:
            arguments = {**arguments, "copy": copy}
        if self._render_mode is not None:
            arguments = {**arguments, "render_mode": copy_mode(self._render_mode, self._render_modes, copy)}
        env = self._function(**arguments)
        separation.require(self._function, env, copy, makes_all=makes_all and not self._takes_copy)
        lengths = {} if self.max_length is None else {"max_length": self.max_length}
        adapter = self._adapter(env, **lengths)
        if self._reseed == "always":
            adapter.reseed()
        elif self._reseed == "once":
            adapter.seeds = iter([next(seeds_after(None))])
        return adapter

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_separation": Separation(), "_registered": registered_here()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        register_missing(state.pop("_registered"))
        self.__dict__.update(state)


class CreatorOfEach:
    """Makes each copy with a creator of its own, as `Creator` does.

    Parameters
    ----------
    creators : sequence of Creator
        One for each copy. The same one may be there several times.
    """

    def __init__(self, creators: Sequence[Creator]) -> None:
        self._creators = list(creators)
        self._separation = Separation()

    @property
    def max_length(self) -> int | Mapping[str, int] | None:
        """That of every creator."""
        return self._creators[0].max_length

    @max_length.setter
    def max_length(self, length: int | Mapping[str, int] | None) -> None:
        for creator in self._creators:
            creator.max_length = length

    def __call__(self, copy: int) -> Adapter:
        creator = self._creators[copy]
        return creator.make(copy, self._separation, makes_all=self._creators.index(creator) < copy)


def _takes_copy(function: Any) -> bool:
    """Whether a function wants the number of the copy."""
    if isinstance(function, partial) and "copy" in function.keywords:
        return False
    try:
        parameter = inspect.signature(function).parameters.get("copy")
    except (TypeError, ValueError):
        return False
    is_named = parameter is not None and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    return is_named and not isinstance(parameter.default, bool)


def registered_here() -> list[tuple[str, bytes]]:
    """The ids that this program has registered with Gymnasium, and their pickled specs, for a worker to know them.

    Without those that Gymnasium, and the plugins that it imports, register in the worker too.
    """
    # Imported here, where it is used: `import puffer` does not wait for it.
    from importlib.metadata import entry_points

    plugins = {point.module.partition(".")[0] for point in entry_points(group="gymnasium.envs")}
    own = []
    for id, spec in gymnasium.registry.items():
        if _package_of(spec.entry_point) in {"gymnasium", "puffer", *plugins}:
            continue
        # One that cannot travel may not be needed.
        with contextlib.suppress(Exception):
            own.append((id, cloudpickle.dumps(_light(spec))))
    return own


def _package_of(entry_point: Any) -> str:
    module = entry_point if isinstance(entry_point, str) else getattr(entry_point, "__module__", None) or ""
    return module.partition(":")[0].partition(".")[0]


def _light(spec: EnvSpec) -> EnvSpec:
    """The spec, with functions that are unpickled when they are called."""
    light = copy(spec)
    for name in ("entry_point", "vector_entry_point"):
        if callable(function := getattr(light, name)):
            setattr(light, name, _Later(function))
    return light


class _Later:
    """A function that travels as bytes, so that nobody imports its module who does not call it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._data = function._data if isinstance(function, _Later) else cloudpickle.dumps(function)
        if hasattr(function, "metadata"):
            # Gymnasium asks a class for its render modes before it makes an environment.
            self.metadata = function.metadata

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return cloudpickle.loads(self._data)(*args, **kwargs)


# By id the specs of other processes that are registered here.
_brought: dict[str, EnvSpec] = {}


def register_missing(registered: list[tuple[str, bytes]]) -> None:
    """Register ids of `registered_here` that are not known here.

    A package that is imported afterwards, and registers them itself, overrides nothing of anybody's, so that Gymnasium
    is not to warn of each of its ids.
    """
    for id, spec in registered:
        if id not in gymnasium.registry:
            with contextlib.suppress(Exception):
                gymnasium.registry[id] = _brought[id] = cloudpickle.loads(spec)
    if _brought and not hasattr(registration.register, "_before"):
        # Under all of its names.
        quiet = _quiet(registration.register)
        gymnasium.register = gymnasium.envs.register = registration.register = quiet


def _quiet(register: Callable[..., None]) -> Callable[..., None]:
    """Gymnasium's `register`, which forgets a spec that was brought here before it registers another one."""

    @wraps(register)
    def quiet(id: str, *args: Any, **options: Any) -> None:
        brought = _brought.pop(id, None)
        if brought is not None and gymnasium.registry.get(id) is brought:
            del gymnasium.registry[id]
        register(id, *args, **options)

    quiet._before = register  # type: ignore[attr-defined]
    return quiet
