"""Checks of arguments. Each one raises with the name and the value of the argument."""

from __future__ import annotations

import difflib
import inspect
import numbers
import operator
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer.rendering import batch_modes

if TYPE_CHECKING:
    from gymnasium.vector import AutoresetMode

_SEEDS = 2**64
_CGROUPS = "/sys/fs/cgroup"


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """`value` as an int between low and high. Raises TypeError or ValueError."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}") from None
    if number < low:
        raise ValueError(f"{name} must be at least {low}, got {number}")
    if high is not None and number > high:
        raise ValueError(f"{name} must be at most {high}, got {number}")
    return number


def number(name: str, value: Any, low: float, high: float) -> float:
    """`value` as a float between low and high. Raises TypeError or ValueError."""
    if not isinstance(value, numbers.Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {value}")
    return float(value)


def divisor(name: str, value: Any, whole_name: str, whole: int) -> int:
    """`value` as an int that divides `whole`, or `whole` for None. Raises TypeError or ValueError."""
    if value is None:
        return whole
    number = integer(name, value, 1, whole)
    if whole % number:
        raise ValueError(f"{name} must divide {whole_name} = {whole}, got {number}")
    return number


def seed(value: Any, name: str = "seed") -> int:
    """`value` as a seed, 0 to 2**64 - 1. Raises TypeError or ValueError."""
    return integer(name, value, 0, _SEEDS - 1)


def seeds(value: Any, count: int) -> int | list[int | None]:
    """`value` as a seed, or a list with a seed or None for each of `count` copies. Raises TypeError or ValueError."""
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, (str, bytes)) or np.ndim(value) == 0:
        return seed(value)
    if len(value) != count:
        raise ValueError(f"seed must be an int or a sequence of {count} ints, one for each copy, got {len(value)}")
    return [None if one is None else seed(one, f"seed[{i}]") for i, one in enumerate(value)]


def reset_options(options: Any, count: int, name: str = "options") -> list[dict[str, Any] | None] | None:
    """`options` as a list with a dict of its own, or None, for each of `count` copies; None for None.

    Raises TypeError or ValueError unless it is a dict for all copies, or a list or tuple with a dict or None for each.
    """
    if options is None:
        return None
    if isinstance(options, dict):
        options = [options] * count
    if not isinstance(options, (list, tuple)):
        raise TypeError(f"{name} must be a dict, or a list with one for each copy, got {type(options).__name__}")
    if len(options) != count:
        raise ValueError(f"{name} must be a dict or a list of {count} dicts, one for each copy, got {len(options)}")
    for copy, one in enumerate(options):
        if one is not None and not isinstance(one, dict):
            raise TypeError(f"{name}[{copy}] must be a dict or None, got {type(one).__name__}")
        if one and "reset_mask" in one:
            raise ValueError(
                f"{name}[{copy}] has 'reset_mask', which stands in one dict for the batch: "
                "options={'reset_mask': ...}"
            )
    # An environment may take entries out of the dict that it is given.
    return [None if one is None else dict(one) for one in options]


def by_copy(name: str, value: Any, count: int) -> list[Any]:
    """`value` as a list with a value for each of `count` copies: itself for all, unless it is a list, tuple or array.

    Raises ValueError for one of another length.
    """
    if not isinstance(value, (list, tuple)) and not (isinstance(value, np.ndarray) and value.ndim):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name} must be one value, or a list with one for each of {count} copies, got {len(value)}")
    return list(value)


def name_of(given: Any) -> Any:
    """The text of a path, which stands for the name of an environment; anything else as it is."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def boolean(name: str, value: Any) -> bool:
    """`value` as a bool. Raises TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a bool, got {value!r}")
    return bool(value)


def choice(name: str, value: Any, choices: Collection[str]) -> str:
    """`value`, one of the strings `choices`. Raises ValueError."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    # A plain one, where NumPy's was given.
    return str(value)


def arguments(name: str, given: Iterable[str], taken_by: Any, common: Sequence[str] = ()) -> None:
    """Raise TypeError if an argument in `given` is not one of `taken_by`, a callable or a sequence of names.

    The message has the nearest name, out of these and `common`, and all names of `taken_by`.
    """
    known = _keywords(taken_by) if callable(taken_by) else list(taken_by)
    for argument in given:
        if argument not in known:
            near = difflib.get_close_matches(argument, [*known, *common], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            own = f"its own arguments are {', '.join(known)}" if known else "it has no arguments of its own"
            raise TypeError(f"{name} got an unexpected keyword argument {argument!r}{hint} ({own})")


def _keywords(function: Any) -> list[str]:
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds]


def autoreset_mode(value: Any) -> AutoresetMode:
    """`value` as an AutoresetMode. Raises ValueError."""
    # Imported here, because workers in other interpreters use these checks, where Gymnasium may be older or missing.
    from gymnasium.vector import AutoresetMode

    try:
        return AutoresetMode(value)
    except ValueError:
        names = ", ".join(repr(mode.value) for mode in AutoresetMode)
        by_letters = {mode.value.lower(): mode.value for mode in AutoresetMode}
        meant = by_letters.get("".join(filter(str.isalpha, str(value))).lower())
        hint = f'; write autoreset_mode="{meant}"' if meant else ""
        raise ValueError(f"autoreset_mode must be one of {names}, got {value!r}{hint}") from None


def render_mode(value: Any, modes: Sequence[str]) -> str | None:
    """`value` as a render mode of a batch of copies that have `modes`. Raises ValueError."""
    known = batch_modes(modes)
    if value is None or value in known:
        return value
    names = ", ".join(repr(mode) for mode in known)
    raise ValueError(f"render_mode must be None or one of {names}, got {value!r}")


def reset_mask(mask: Any, rows: int) -> None:
    """Raises TypeError or ValueError unless `mask` is a bool array of shape (rows,) with at least one True."""
    name = "options['reset_mask']"
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {type(mask).__name__}")
    if mask.dtype != np.bool_:
        raise TypeError(f"{name} must have dtype bool, got {mask.dtype}")
    if mask.shape != (rows,):
        raise ValueError(f"{name} must have shape ({rows},), got {mask.shape}")
    if not mask.any():
        raise ValueError(f"{name} must select at least one row, got {mask}")


def whole_copies(mask: Any, copies: int, agents: int, divisible: bool = False) -> np.ndarray:
    """The copies that a reset mask selects as a whole, bool (copies,).

    Raises TypeError or ValueError for a bad mask. A mask that selects only some agents of a copy is bad, unless copies
    are `divisible`.
    """
    reset_mask(mask, copies * agents)
    by_copy = mask.reshape(copies, agents)
    whole = by_copy.all(axis=1)
    split = by_copy.any(axis=1) & ~whole
    if split.any() and not divisible:
        raise ValueError(
            f"options['reset_mask'] selects only some rows of copy {int(np.argmax(split))}; its {agents} agents share "
            f"an episode, so select all of them or none"
        )
    return whole


@contextmanager
def memory(name: str, value: Any) -> Iterator[None]:
    """Context in which a MemoryError gets the name and the value of the argument that caused it."""
    try:
        yield
    except MemoryError as error:
        raise MemoryError(f"not enough memory for {name} = {value}: {error}") from None


def available_cores() -> int:
    """Cores that this process may use: those of its CPU affinity, or fewer if its control groups have CPU quotas.

    A quota counts as whole cores, rounded up, and the smallest one of all groups holds. At least 1.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return max(1, min(cores, *_quotas(cores)))


def _quotas(unlimited: int) -> Iterator[int]:
    """The CPU quotas, in cores, of this process's control groups and their parents; `unlimited` where there is none."""
    # Inside a container its own group is the root, whatever path /proc names: the root is read in any case.
    paths = {"": "", "cpu": ""}
    for line in _read("/proc/self/cgroup").splitlines():
        # "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
        controllers, _, path = line.partition(":")[2].partition(":")
        paths.update(dict.fromkeys(controllers.split(","), path))
    for group in _with_parents(paths[""]):
        yield _whole_cores(_read(f"{_CGROUPS}{group}/cpu.max"), unlimited)
    for group in _with_parents(paths["cpu"]):
        files = (f"{_CGROUPS}/cpu{group}/cpu.cfs_{kind}_us" for kind in ("quota", "period"))
        yield _whole_cores(" ".join(map(_read, files)), unlimited)


def _with_parents(group: str) -> Iterator[str]:
    """A group's path, those of its parents, and "" for the root."""
    while group := group.rstrip("/"):
        yield group
        group = group.rpartition("/")[0]
    yield ""


def _whole_cores(quota_and_period: str, unlimited: int) -> int:
    """A CPU quota in cores, rounded up; `unlimited` for "max", -1, and texts that are not two numbers."""
    try:
        quota, period = map(int, quota_and_period.split())
    except ValueError:
        return unlimited
    return -(-quota // period) if quota > 0 and period > 0 else unlimited


def _read(path: str) -> str:
    """The text of a file, empty if it cannot be read."""
    try:
        return Path(path).read_text()
    except (OSError, ValueError):
        return ""
