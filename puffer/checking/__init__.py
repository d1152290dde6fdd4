"""`check_env`, which finds the classic mistakes in an environment of any kind and advises a change for each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium

from puffer import checks
from puffer._core import Env
from puffer.checking import abuse, common, native, rows, single, source, vector_calls
from puffer.checking.report import Finding, Report
from puffer.checking.rows import RowsDriver
from puffer.checking.single import SingleDriver
from puffer.checking.vector import VectorDriver
from puffer.errors import CheckFailed, CheckWarning
from puffer.registry import find, make
from puffer.vector import VectorEnv

__all__ = ["Finding", "Report", "check_env"]

_MODES = ("SameStep", "NextStep", "Disabled")


def check_env(env: Any, *, steps: int = 1000, seed: int = 0) -> Report:
    """Check an environment: reset and step it in many ways, and collect every mistake.

    Parameters
    ----------
    env
        A name of `list_envs()`, or the path of a `.pyx` file; a subclass of `puffer.Env`; a `puffer.Env`, a
        `gymnasium.vector.VectorEnv`, a `gymnasium.Env`, a `PufferEnv` or anything else that `emulate` takes; or a
        function without arguments that makes one of these. A function allows more checks: new environments are compared
        with used ones, and vector environments of other packages get bad actions in a separate process. An instance is
        closed.
    steps : int
        Number of random steps, at least 1. Checks that compare traces take fewer.
    seed : int
        Seed of the checks, 0 to 2**64 - 1.

    Returns
    -------
    Report
        All checks, and the findings of those that did not fail.

    Raises
    ------
    CheckFailed
        If there are mistakes. It has each of them with an advice, and the report.
    TypeError
        If `env` is not an environment.

    Warns
    -----
    CheckWarning
        For legal behaviour that is often a mistake, such as observations that are always zero.
    """
    env = checks.name_of(env)
    steps, seed = checks.integer("steps", steps, 1), checks.seed(seed)
    cls = native_class(env)
    report = Report(env if isinstance(env, str) else "")
    if cls is not None:
        if isinstance(env, str) and env.endswith(".pyx"):
            report.run(source.indices, env, report, steps, seed)
        if not report.problems:
            _check_class(native.Maker(cls), report, steps, seed)
    elif isinstance(env, str):
        _check_made(lambda: make(env, native.COPIES, backend="serial", copy=True), report, steps, seed)
    elif _is_environment(env):
        _check(env, None, report, steps, seed)
    elif callable(env):
        _check_made(env, report, steps, seed)
    else:
        raise TypeError(f"env must be a name, an environment or a function that makes one, got {env!r}")
    if report.problems:
        raise CheckFailed(report) from report.cause
    for finding in report.suspicions:
        warnings.warn(str(finding), CheckWarning, stacklevel=2)
    return report


def native_class(env: Any) -> Callable[..., Env] | None:
    """The native class that `env` is or names, or the `functools.partial` of one; None for anything else."""
    found = find(env) if isinstance(env, str) else env
    cls = found.func if isinstance(found, partial) else found
    return found if isinstance(cls, type) and issubclass(cls, Env) and not getattr(found, "args", ()) else None


def _is_environment(env: Any) -> bool:
    return not isinstance(env, type) and hasattr(env, "reset") and hasattr(env, "step")


def _check_made(function: Callable[[], Any], report: Report, steps: int, seed: int) -> None:
    env = function()
    if not _is_environment(env):
        raise TypeError(f"the function given to check_env must make an environment, got {env!r} from it")
    _check(env, function, report, steps, seed)


def _check(env: Any, function: Callable[[], Any] | None, report: Report, steps: int, seed: int) -> None:
    """Check an environment of any kind. `function` makes others of the same kind."""
    report.subject = report.subject or type(getattr(env, "unwrapped", env)).__name__
    if isinstance(env, Env):
        _check_vector(
            VectorEnv(env, copy=True), function and (lambda: VectorEnv(function(), copy=True)), report, steps, seed
        )
    elif isinstance(env, gymnasium.vector.VectorEnv):
        _check_vector(env, function, report, steps, seed)
    else:
        kind, checks_of_kind = (
            (SingleDriver, single.CHECKS) if isinstance(env, gymnasium.Env) else (RowsDriver, rows.CHECKS)
        )
        driver = kind(env, report, function)
        _run([*checks_of_kind, *common.CHECKS], driver, report, steps, seed)
        driver.close()


def _run(functions: list[Callable], driver: Any, report: Report, steps: int, seed: int) -> None:
    for function in functions:
        report.run(function, driver, steps, seed)


def _check_vector(env: Any, function: Callable[[], Any] | None, report: Report, steps: int, seed: int) -> None:
    if not report.run(vector_calls.declarations, env, report):
        return
    driver = VectorDriver(env, report, function)
    is_ours = isinstance(env.unwrapped, VectorEnv)
    _run(vector_calls.CHECKS, driver, report, steps, seed)
    if is_ours and env.unwrapped.native_env is not None:
        _run(native.BATCH_CHECKS, driver, report, steps, seed)
    if is_ours and function is None:
        abuse.abuse_instance(env, report, seed)
    elif is_ours:
        abuse.abuse_here(function, report, seed, strict=False)
    elif function is not None:
        abuse.abuse_apart(function, report, seed)
    else:
        report.skip(
            "they may crash this program; pass a function that makes the environment",
            abuse.ALL,
        )
    driver.close()


def _check_class(maker: native.Maker, report: Report, steps: int, seed: int) -> None:
    """Check a native environment in every autoreset mode."""
    report.subject = report.subject or getattr(maker.cls, "func", maker.cls).__name__
    for mode in _MODES:
        # Short episodes end more often. The first mode has the time limit of the rules.
        options = {} if mode == "SameStep" else {"max_steps": 20}
        driver = maker.driver(report, autoreset_mode=mode, **options)
        driver.label = f"{mode}: "
        driver.may_never_terminate = mode != "SameStep" or native.never_terminates(maker.cls)
        report.run(vector_calls.declarations, driver.env, report)
        _run([*vector_calls.CHECKS, *native.BATCH_CHECKS], driver, report, steps, seed)
        driver.close()
    for function in native.CLASS_CHECKS:
        report.run(function, maker, report, steps, seed)
    abuse.abuse_here(maker, report, seed, strict=True)
