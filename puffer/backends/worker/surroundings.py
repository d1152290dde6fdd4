"""What a worker process has in common with the program, so that an environment finds the same things in both."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing.process
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import cloudpickle

from puffer.backends.worker.interpreter.notes import adopt_levels


def command_of(program: str) -> list[str]:
    """The command that runs a program with this interpreter and its flags, such as -O, -W and -X dev."""
    # As multiprocessing starts its own processes.
    return [sys.executable, *subprocess._args_from_interpreter_flags(), "-c", program]  # type: ignore[attr-defined]


def module_path() -> list[str]:
    """Where this process finds modules, in folders that a worker finds too.

    An entry relative to the current folder meant another one when the program began, if it has changed the folder
    since. Modules were imported from there, so it comes first.
    """
    began_in = multiprocessing.process.ORIGINAL_DIR or os.getcwd()
    path: list[str] = []
    for entry in sys.path:
        path += [os.path.join(folder, entry) for folder in dict.fromkeys((began_in, os.getcwd()))]
    return list(dict.fromkeys(os.path.normpath(entry) for entry in path))


@dataclass(frozen=True)
class Surroundings:
    """The arguments, log levels and filters of warnings of a program.

    Attributes
    ----------
    arguments : list of str
    levels : dict
        By name of a logger, its level; "" is the root's.
    disabled : int
        The level up to which all log records are dropped.
    filters : list of (str, bytes)
        The filters of warnings that can be pickled: the module of the category, and the pickled filter.
    """

    arguments: list[str]
    levels: dict[str, int]
    disabled: int
    filters: list[tuple[str, bytes]]

    @staticmethod
    def of_this_process() -> Surroundings:
        """Those of the calling process, now."""
        known = {name: logger for name, logger in logging.root.manager.loggerDict.items() if _has_level(logger)}
        levels = {"": logging.root.level, **{name: logger.level for name, logger in known.items()}}
        return Surroundings(list(sys.argv), levels, logging.root.manager.disable, _pickled(warnings.filters))

    def adopt(self, before: Surroundings | None = None) -> None:
        """Have them in the calling process: all, or what differs from those that it adopted before."""
        old = before or Surroundings([], {}, logging.NOTSET, [])
        if self.arguments != old.arguments:
            sys.argv[:] = self.arguments
        adopt_levels(self.levels, self.disabled, before and before.levels)
        if self.filters != old.filters:
            self.adopt_filters()

    def adopt_filters(self) -> None:
        """Have the filters whose categories are of modules that this process has imported.

        Importing the others would take each worker as long as the program: torch and Ray set such filters. What such a
        filter hides, the program hides when it is handed the warning.
        """
        warnings.filters[:] = [cloudpickle.loads(data) for module, data in self.filters if module in sys.modules]
        warnings._filters_mutated()  # type: ignore[attr-defined]


class Watch:
    """Watches over the log levels and the filters of warnings of this process.

    Attributes
    ----------
    last : Surroundings
        As they were when they were last looked at.
    """

    def __init__(self) -> None:
        self.last = Surroundings.of_this_process()
        self._keep()

    def _keep(self) -> None:
        self._level_changes = _count_level_changes()
        self._filters, self._copy = warnings.filters, list(warnings.filters)
        self._number, self._first = len(self._copy), self._copy[:1]

    def news(self) -> Surroundings | None:
        """Those of now, if they have changed."""
        return self.last if self.has_changed() else None

    def has_changed(self) -> bool:
        """Whether they differ from `last`, which they then become."""
        filters = warnings.filters
        # The functions of `warnings` put a filter first or last, and catch_warnings has another list.
        if (
            _remembered
            and self._level_changes == _level_changes
            and filters is self._filters
            and len(filters) == self._number
            and filters[:1] == self._first
        ):
            return False
        may_differ = self._level_changes != _count_level_changes() or list(filters) != self._copy
        self._keep()
        if not may_differ:
            return False
        before, self.last = self.last, Surroundings.of_this_process()
        return self.last != before


# What a logger remembers of the levels that it is enabled for, until any level of the program changes.
_remembered: dict[int, bool] = logging.getLogger(__name__)._cache  # type: ignore[attr-defined]
_level_changes = 0


def _count_level_changes() -> int:
    """How many changes of levels have been noticed in this process."""
    global _level_changes
    if not _remembered:
        _remembered[logging.NOTSET] = False
        _level_changes += 1
    return _level_changes


def _has_level(logger: Any) -> bool:
    return isinstance(logger, logging.Logger) and logger.level != logging.NOTSET


def _pickled(filters: Any) -> list[tuple[str, bytes]]:
    pickled = []
    for one in filters:
        with contextlib.suppress(Exception):
            pickled.append((one[2].__module__, cloudpickle.dumps(one)))
    return pickled
