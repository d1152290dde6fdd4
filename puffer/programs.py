"""Command lines: the parser, the types of arguments and the exit statuses that all of `python -m puffer.<name>` share.

Only programs import this module. The rest of the package checks arguments with `checks`, whose errors are exceptions
for a caller; these are lines for a person at a terminal.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import io
import math
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import gymnasium
import numpy as np

import puffer
from puffer.recording.film import SUFFIXES

# Exit statuses, as shells know them.
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def run(main: Callable[[Sequence[str]], int], *first: str) -> NoReturn:
    """Run a program with the arguments `first` and those of the command line, and exit with the status it returns."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal or a log of a few characters does not have, × or µ, ends no program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        sys.exit(main([*first, *sys.argv[1:]]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def refuse(program: str, message: str) -> NoReturn:
    """Exit with one line on standard error, and the status USAGE."""
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(USAGE)


class Parser(argparse.ArgumentParser):
    """A parser that takes options by their full names only, and refuses wrong arguments in one line.

    Parameters
    ----------
    program : str or None
        The command, as a person types it; None for the name of the script that runs.
    description : str
    **options
        For `argparse.ArgumentParser`.
    """

    def __init__(self, program: str | None, description: str, **options: Any) -> None:
        super().__init__(program, description=description, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        refuse(self.prog, message)


# ---- Types of arguments: functions of the text, for `type=` ----


def integer(text: str) -> int:
    """An integer of at least 1."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return int(text)


def integers(text: str) -> tuple[int, ...]:
    """Integers of at least 1 with commas between them, in ascending order and each once."""
    return tuple(sorted({integer(part) for part in text.split(",")}))


def positive(most: float = math.inf) -> Callable[[str], float]:
    """The type of a number above 0 and at most `most`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 < number <= most:
            bound = "" if most == math.inf else f" and at most {most:g}"
            raise argparse.ArgumentTypeError(f"must be a number above 0{bound}, got {text!r}")
        return number

    return parse


def one_of(kind: str, names: Collection[str]) -> Callable[[str], str]:
    """The type of one of some names; `kind` is the word for what they name."""

    def parse(text: str) -> str:
        if text not in names:
            near = difflib.get_close_matches(text, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentTypeError(f"there is no {kind} called {text!r}{hint} ({', '.join(names)})")
        return text

    return parse


def output_file(text: str) -> Path:
    """A file that can be written. It is neither changed nor made."""
    path = Path(text)
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error.strerror}") from None
    if not existed:
        path.unlink()
    return path


def film_file(text: str) -> Path:
    """A file for a film that can be written."""
    if Path(text).suffix not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"must end in {', '.join(SUFFIXES)}, got {text!r}")
    return output_file(text)


def assignment(text: str) -> tuple[str, Any]:
    """An argument of an environment, KEY=VALUE; the value is a literal of Python, or else a text."""
    key, sign, value = text.partition("=")
    if not sign or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


# ---- Environments and policies ----


def add_environment(parser: Parser) -> None:
    """Add the arguments `env` and `--set`, for `batch`."""
    parser.add_argument(
        "env",
        metavar="NAME",
        help="a name of puffer.make, the path of a .pyx file, or MODULE:ATTRIBUTE of an environment in Python",
    )
    parser.add_argument(
        "--set",
        type=assignment,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an argument of the environment's own, such as --set size=16; may be given again",
    )


def attribute(text: str) -> Any:
    """The attribute that MODULE:ATTRIBUTE names. Modules of the working directory are found."""
    module, _, name = text.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    return getattr(importlib.import_module(module), name)


def batch(name: str, copies: int, own: Sequence[tuple[str, Any]] = (), **options: Any) -> puffer.VectorEnv:
    """A batch of the environment that a command line names. `own` are its own arguments."""
    try:
        return _made(name, copies, own, options)
    except TypeError as error:
        # Systems that step many copies at once may draw none.
        if "render_mode" not in options or "'render_mode'" not in str(error):
            raise
        return _made(name, copies, own, {key: value for key, value in options.items() if key != "render_mode"})


def drawn(env: puffer.VectorEnv, copy: int) -> Any:
    """A picture of a copy: what it renders, or else an observation that is one, its last frame if it has several.

    Raises TypeError for an environment without either.
    """
    if env.native_env is not None or env.render_mode is not None:
        return env.render_copy(copy)
    observation = env.observations[copy * env.agents_per_env]
    if observation.ndim not in (2, 3) or observation.dtype != np.uint8:
        raise TypeError(f"{env!r} draws no pictures, and its observations are none")
    is_stack = observation.ndim == 3 and observation.shape[2] not in (1, 3, 4)
    return observation[-1] if is_stack else observation


def _made(name: str, copies: int, own: Sequence[tuple[str, Any]], options: dict[str, Any]) -> puffer.VectorEnv:
    module, colon, rest = name.partition(":")
    # Ids of Gymnasium may have a colon too: "module:Name-v0".
    is_attribute = colon and rest.isidentifier() and not name.endswith(".pyx")
    if not is_attribute:
        return puffer.make(name, copies, **options, **dict(own))
    maker = attribute(name)
    if isinstance(maker, type) and issubclass(maker, puffer.Env):
        return puffer.VectorEnv(
            maker(copies, **{key: options[key] for key in options if key != "backend"}, **dict(own))
        )

    def make(render_mode: str | None = None) -> Any:
        return maker(**({} if render_mode is None else {"render_mode": render_mode}), **dict(own))

    return puffer.emulate(make, copies, **options)


def policy(text: str, env: puffer.VectorEnv, seed: int) -> Callable[..., Any]:
    """The policy that a command line names: random, MODULE:FUNCTION, or a checkpoint of `puffer train`."""
    if text == "random":
        env.action_space.seed(seed)
        return lambda observations, action_masks: (
            env.action_space.sample if action_masks is None else env.sample_legal
        )()
    if Path(text).exists():
        loaded = importlib.import_module("puffer.train").load(text, seed=seed)
        loaded.require_env(env)
        return loaded
    if ":" not in text:
        raise FileNotFoundError(f"there is no file {text!r}; a policy is random, a checkpoint, or MODULE:FUNCTION")
    return attribute(text)


@contextmanager
def refusals(parser: Parser) -> Iterator[None]:
    """Context in which the errors that a user can mend end the program with one line."""
    try:
        yield
    except (gymnasium.error.Error, ImportError, LookupError, OSError, TypeError, ValueError, AttributeError) as error:
        parser.error(" ".join(str(error).split()) or type(error).__name__)
    except puffer.WorkerError as error:
        parser.error(str(error).partition("\n")[0])
