"""What travels between the program and its workers, as bytes; and which part of it cannot travel."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator, Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import cloudpickle

from puffer.layout.walk import shortened

# How deep the part that cannot be pickled is looked for.
_DEPTH = 12
_REMEDY = (
    ". Make that part within the function, so that each worker makes its own; or step the copies in this process: "
    'backend="serial"'
)


def carried(name: str, value: Any, remedy: str = "") -> bytes:
    """`value`, which is on its way to workers, for `pickle.loads`; with it go classes of the program's script.

    Raises TypeError, which begins with `name` and ends with `remedy`, where it cannot be pickled.
    """
    try:
        return cloudpickle.dumps(value)
    except Exception as error:
        # Pickling runs code of the classes, which may raise anything.
        raise TypeError(f"{name} cannot be pickled for workers: {why_not(value, error)}{remedy}") from error


def carried_creator(creator: Any) -> bytes:
    """A creator of copies, which is on its way to workers. Raises TypeError where it cannot be pickled."""
    return carried("the function that makes the copies", creator, _REMEDY)


def packed(answer: Any) -> bytes:
    """`answer`, which is on its way from a worker, for `pickle.loads`. Raises TypeError where it cannot be pickled."""
    try:
        return pickle.dumps(answer)
    except Exception:
        pass
    try:
        # Objects of classes that the parent's script or notebook defines, and which have no module here.
        return cloudpickle.dumps(answer)
    except Exception as error:
        raise TypeError(f"the answer of the worker cannot be pickled: {why_not(answer, error)}") from error


def why_not(value: Any, error: Exception) -> str:
    """Why `value` cannot be pickled, which `error` has shown: its innermost part that cannot, and the error of that."""
    owner, subscripts, seen = "", "", {id(value)}
    for _ in range(_DEPTH):
        inner = ((name, part, _problem(part)) for name, part in _parts(value) if id(part) not in seen)
        name, part, problem = next((one for one in inner if one[2] is not None), (None, None, None))
        if problem is None:
            break
        if name.startswith("["):
            subscripts += name
        else:
            owner, subscripts = f"{name} of {_called(value)}", ""
        seen.add(id(part))
        value, error = part, problem
    place = " in ".join(filter(None, (subscripts, owner)))
    return f"{place and place + ' is '}{_called(value)} ({type(error).__name__}: {error})"


def _problem(value: Any) -> Exception | None:
    try:
        cloudpickle.dumps(value)
    except Exception as error:
        return error
    return None


def _called(value: Any) -> str:
    if isinstance(value, FunctionType):
        code = value.__code__
        return f"{value.__qualname__} ({code.co_filename}, line {code.co_firstlineno})"
    try:
        return shortened(value)
    except Exception:
        return f"an object of type {type(value).__name__}"


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value is pickled from, with names."""
    if isinstance(value, FunctionType):
        used = inspect.getclosurevars(value)
        for name, part in {**used.nonlocals, **used.globals}.items():
            yield f"the variable {name!r}", part
        for name, parameter in inspect.signature(value).parameters.items():
            yield f"the default of {name!r}", parameter.default
    elif isinstance(value, MethodType):
        yield "the object", value.__self__
    elif isinstance(value, partial):
        yield "the function", value.func
        yield from ((f"argument {index}", part) for index, part in enumerate(value.args))
        yield from ((f"the argument {name!r}", part) for name, part in value.keywords.items())
    elif isinstance(value, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    names = [*getattr(value, "__dict__", ()), *slots]
    yield from ((f"the attribute {name!r}", getattr(value, name, None)) for name in names)
