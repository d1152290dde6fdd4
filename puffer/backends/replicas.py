"""Copies of an environment that is given as one instance: what a copy would lack, and one object that copies share."""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import cloudpickle
import gymnasium
import numpy as np

from puffer.backends.worker.interpreter.attributes import INNER, inner_of
from puffer.env import PufferEnv
from puffer.errors import CopiesError
from puffer.wrappers.adapters.kinds import is_env

# What Gymnasium's wrappers remember of specs and of results that they check.
_UNTOLD = (*INNER, "spec", "_cached_spec", "_previous_data")
# How deep attributes of attributes are compared, and how many steps show which of them change in play.
_DEPTH, _STEPS = 8, 5
_PLAIN = (int, float, complex, str, bytes, np.generic, type(None))


def layers(env: Any) -> list[Any]:
    """An environment and those that it wraps, from the outside in."""
    found: list[Any] = []
    while is_env(env) and not any(env is one for one in found):
        found.append(env)
        env = inner_of(env)
    return found


class Separation:
    """Refuses copies that share an environment.

    `require(function, env, copy)` raises CopiesError if `env`, which `function` made as this copy, is an environment of
    an earlier copy, or wraps or holds one. A worker may have one copy only: there an environment that the function
    itself holds is refused.
    """

    def __init__(self) -> None:
        # With the environments themselves, since another object may have the identity of one that is gone.
        self._owners: dict[int, tuple[int, Any]] = {}
        self._last = -1

    def require(self, function: Callable[..., Any], env: Any, copy: int, *, makes_all: bool = True) -> None:
        """See the class. `makes_all` tells whether the function makes every copy, without being told which."""
        if copy <= self._last:
            self._owners.clear()
        self._last = copy
        own = _reached(env)
        held = _held(function) if makes_all and copy > 0 else []
        for one in own:
            earlier, _ = self._owners.setdefault(id(one), (copy, one))
            if earlier != copy or any(one is value for value in held):
                raise CopiesError(
                    f"copy {copy} has the same object as copy {earlier if earlier != copy else 0}: {_named(one)}. Each "
                    f"copy needs an environment of its own, so make it within the function: "
                    f"puffer.emulate(lambda: {type(layers(env)[-1]).__name__}(...), num_envs). "
                    f"puffer.emulate(env, num_envs) replicates one that is there"
                )


def _reached(env: Any) -> list[Any]:
    """An environment, those that it wraps, and those that any of them has in another attribute."""
    found = layers(env)
    for one in found:
        for value in _attributes(one).values():
            if is_env(value) and not any(value is other for other in found):
                found.append(value)
    return found


def _named(env: Any) -> str:
    try:
        return f"{env!r:.200}"
    except Exception:
        return f"an object of class {type(env).__name__}"


def _held(function: Any) -> list[Any]:
    """The objects that a function refers to: those of its closure, its defaults, its module and its bound arguments."""
    held: list[Any] = []
    while isinstance(function, partial):
        held += [*function.args, *function.keywords.values()]
        function = function.func
    if isinstance(function, types.MethodType):
        held.append(function.__self__)
        function = function.__func__
    if isinstance(function, types.FunctionType):
        used = inspect.getclosurevars(function)
        held += [*used.nonlocals.values(), *used.globals.values(), *(function.__defaults__ or ())]
        held += (function.__kwdefaults__ or {}).values()
    return held


def lost(env: Any, make: Callable[[], Any]) -> list[str]:
    """The attributes of an instance that differ in a copy made by `make`, but for those that play changes.

    What play changes counts as well if it still differs once both have been reset.
    """
    with _made(make) as twin:
        found = _differences(env, twin)
        if not found:
            return []
        changed: set[str] = set()
        with _made(make) as played:
            # After each call, because an attribute may come back to what it was.
            for _ in _moments(played):
                changed |= _differences(twin, played)
            if found & changed:
                changed -= _reset_apart(env, played)
    return sorted(found - changed)


def _reset_apart(env: Any, played: Any) -> set[str]:
    """The attributes in which the innermost environments of an instance and of a twin differ, both played and reset.

    None if the instance cannot be pickled or reset: it is left as it is itself.
    """
    with contextlib.suppress(Exception), _made(partial(cloudpickle.loads, cloudpickle.dumps(env))) as copy:
        for _ in _moments(copy):
            pass
        copy.reset(seed=0)
        played.reset(seed=0)
        found = _differences(copy, played)
        return {name for name in found if len(layers(env)) == 1 or name.startswith("env.unwrapped.")}
    return set()


@contextlib.contextmanager
def _made(make: Callable[[], Any]) -> Iterator[Any]:
    env = make()
    try:
        yield env
    finally:
        with contextlib.suppress(Exception):
            env.close()


def _moments(env: Any) -> Iterator[None]:
    """Play, with a halt after the reset and after each step."""
    # One that refuses to be played so changes nothing more.
    with contextlib.suppress(Exception):
        env.reset(seed=0)
        yield
        for _ in range(_STEPS):
            env.step(_some_action(env))
            yield


def _some_action(env: Any) -> Any:
    if isinstance(env, PufferEnv):
        return env.actions
    if not callable(env.action_space):
        return env.action_space.sample()
    # Of PettingZoo.
    if hasattr(env, "agent_selection"):
        return env.action_space(env.agent_selection).sample()
    return {agent: env.action_space(agent).sample() for agent in env.agents}


def _differences(env: Any, other: Any) -> set[str]:
    """The names of attributes that differ, such as "env.unwrapped.gravity"."""
    ours, theirs = layers(env), layers(other)
    if [type(one).__qualname__ for one in ours] != [type(one).__qualname__ for one in theirs]:
        return {"its wrappers"}
    seen: set[tuple[int, int]] = set()
    found = set()
    for depth, (one, twin) in enumerate(zip(ours, theirs, strict=True)):
        inner = depth == len(ours) - 1 and depth > 0
        name = "env.unwrapped" if inner else ".".join(["env", *(["env"] * depth)])
        first, second = _attributes(one), _attributes(twin)
        for key in first.keys() | second.keys():
            missing = key not in first or key not in second
            if key not in _UNTOLD and (missing or not _same(first[key], second[key], seen, 0)):
                found.add(f"{name}.{key}")
    return found


def _attributes(value: Any) -> Mapping[str, Any]:
    return getattr(value, "__dict__", {})


def _same(first: Any, other: Any, seen: set[tuple[int, int]], depth: int) -> bool:
    """Whether two values are alike, as far as can be seen: what cannot be compared counts as alike."""
    pair = (id(first), id(other))
    if first is other or depth > _DEPTH or pair in seen:
        return True
    seen.add(pair)
    if isinstance(first, _PLAIN) or isinstance(other, _PLAIN):
        return type(first) is type(other) and bool(first == other or (first != first and other != other))
    # The same class, sent by value, is another object.
    if type(first) is not type(other) and type(first).__qualname__ != type(other).__qualname__:
        return False
    if isinstance(first, gymnasium.Space):
        # Without the random numbers that a space draws samples from.
        return bool(first == other)
    if isinstance(first, np.ndarray):
        if first.dtype != object:
            return first.dtype == other.dtype and np.array_equal(first, other, equal_nan=first.dtype.kind in "fc")
        first, other = first.tolist(), other.tolist()
    if isinstance(first, Mapping):
        return first.keys() == other.keys() and all(_same(first[k], other[k], seen, depth + 1) for k in first)
    if isinstance(first, (list, tuple)):
        pairs = zip(first, other, strict=False)
        return len(first) == len(other) and all(_same(one, twin, seen, depth + 1) for one, twin in pairs)
    if isinstance(first, (set, frozenset)):
        return bool(first == other)
    if isinstance(first, type):
        return first.__qualname__ == other.__qualname__
    if isinstance(first, types.FunctionType):
        return first.__code__ == other.__code__
    ours, theirs = _attributes(first), _attributes(other)
    if ours.keys() != theirs.keys():
        return False
    return all(_same(ours[key], theirs[key], seen, depth + 1) for key in ours)
