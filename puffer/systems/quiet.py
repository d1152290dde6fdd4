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
    """A context without output from Python or warnings, after which the environment variables are as before.

    `variables` are set inside; those that are None are removed.
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
    """A context that discards the output of Python code."""
    return contextlib.redirect_stdout(_Nowhere())


@contextmanager
def silent_process() -> Iterator[None]:
    """A context that discards everything that the process writes to its standard output, also from C."""
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
    """A file that discards everything written to it."""

    def write(self, text: str) -> int:
        return len(text)
