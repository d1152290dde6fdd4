"""Traces: files with the recorded behaviour of an environment, and their replay."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from puffer import checks
from puffer._version import __version__
from puffer.testing.actions import ActionSampler
from puffer.testing.batches import called, opened, seeds_of
from puffer.testing.results import Player, Result, first_difference
from puffer.vector import VectorEnv

_FORMAT = 1


def record_trace(
    env: Any,
    path: str | os.PathLike[str],
    *,
    num_envs: int | None = None,
    steps: int = 200,
    seed: int = 0,
    **parameters: Any,
) -> None:
    """Step an environment with random actions, and write the results to a file for `replay_trace`.

    The file has the name and parameters of the environment, its spaces, the seeds of its copies, the actions, and
    everything that `assert_same_env` compares. `numpy.savez_compressed` writes it, without pickled objects.

    Parameters
    ----------
    env, num_envs, steps, seed
        As in `assert_same_env`.
    path : str or path
        Path of the file, which ends in .npz.
    **parameters
        Parameters of the environment, if `env` is a name or path. JSON must be able to hold them.

    Raises
    ------
    TypeError
        For parameters without a name or path, or that JSON cannot hold.
    ValueError
        For a path that does not end in .npz, or a bad number.
    """
    file, steps = _file(path), checks.integer("steps", steps, 1)
    for name, value in parameters.items():
        _require_json(name, value)
    with opened(env, num_envs, parameters) as batch:
        player, seeds, sampler = Player(batch), seeds_of(batch, seed), ActionSampler(batch, seed)
        results, actions = [player.reset(seeds)], []
        for _ in range(steps):
            actions.append(sampler.sample(player))
            results.append(player.step(actions[-1]))
        about = {
            "format": _FORMAT,
            "puffer": __version__,
            "env": called(env),
            "is_name": isinstance(env, str),
            "parameters": parameters,
            "spaces": _spaces(batch),
        }
    arrays = {name: np.stack(values) for name, values in zip(Result._fields, zip(*results, strict=True), strict=True)}
    with file.open("wb") as opened_file:
        np.savez_compressed(
            opened_file,
            about=np.array(json.dumps(about)),
            seeds=np.array(seeds, np.uint64),
            actions=np.stack(actions),
            **arrays,
        )


def replay_trace(path: str | os.PathLike[str], env: Any = None, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Step an environment as in a trace, and raise AssertionError at the first difference.

    Parameters
    ----------
    path : str or path
        Path of a file that `record_trace` wrote.
    env : optional
        As in `assert_same_env`; by default the recorded name with its parameters. It may be another version of the
        environment, such as a native one for a trace of its prototype.
    rtol, atol : float
        Allowed distance of numbers, relative to those of the trace and absolute. 0 by default.

    Raises
    ------
    AssertionError
        At the first difference, with the step, the row and the array.
    ValueError
        If the file is not a trace, or if the trace has no name and `env` is None.
    """
    file = _file(path)
    about, trace = _read(file)
    parameters = {}
    if env is None and not about["is_name"]:
        raise ValueError(f"{file} is a trace of {about['env']}, which has no name; pass env")
    if env is None:
        env, parameters = about["env"], about["parameters"]
    seeds, recorded = trace["seeds"].tolist(), [trace[name] for name in Result._fields]
    with opened(env, len(seeds), parameters) as batch:
        for name, recorded_space, space in zip(_SPACES, about["spaces"], _spaces(batch), strict=True):
            if recorded_space != space:
                raise AssertionError(f"{file}: the {name} was {recorded_space} and is now {space}")
        player = Player(batch)
        for step in range(len(recorded[0])):
            result = player.step(trace["actions"][step - 1]) if step else player.reset(seeds)
            found = first_difference(batch.layout, result, Result(*(array[step] for array in recorded)), rtol, atol)
            if found:
                call = f"step {step}" if step else "reset"
                raise AssertionError(f"{called(env)} is not as recorded in {file}: {call}, {found} in the trace")


# The properties that determine the form of a trace, apart from the number of copies.
_SPACES = ("observation space", "action space", "number of agents")


def _spaces(env: VectorEnv) -> list[str]:
    return [str(env.layout.space), str(env.action_layout.space), str(env.agents_per_env)]


def _file(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.suffix != ".npz":
        raise ValueError(f"path must end in .npz, got {str(path)!r}")
    return file


def _require_json(name: str, value: Any) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise TypeError(f"the parameter {name} must fit into JSON to be part of a trace, got {value!r}") from None


def _read(file: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        with file.open("rb") as opened_file:
            trace = dict(np.load(opened_file, allow_pickle=False))
        about = json.loads(str(trace.pop("about")))
        is_known = about["format"] == _FORMAT and {"seeds", "actions", *Result._fields} <= set(trace)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is not a trace of record_trace: {error}") from error
    if not is_known:
        raise ValueError(f"{file} is incomplete or a trace of another version of puffer; record it again")
    return about, trace
