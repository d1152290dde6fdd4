"""Contexts in which other packages run without leaving traces in the process."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def undisturbed(variables: Mapping[str, str | None] | None = None) -> Iterator[None]:
    """What happens inside prints nothing from Python, warns of nothing, and leaves the environment variables alone.

    `variables` are set inside, or removed where they are None.
    """
    before = dict(os.environ)
    for name, value in (variables or {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        with silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def silent() -> contextlib.AbstractContextManager:
    """A context in which what Python code prints goes nowhere."""
    return contextlib.redirect_stdout(_Nowhere())


@contextmanager
def silent_process() -> Iterator[None]:
    """A context in which nothing that the process writes to its standard output arrives, not even from C."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


class _Nowhere(io.TextIOBase):
    """A file that forgets what is written to it."""

    def write(self, text: str) -> int:
        return len(text)
