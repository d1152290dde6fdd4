"""Exceptions in methods that cannot raise, in builds with checks: noted here by the method, and raised by the batch.

A build with checks looks at every index into a typed array. Its hot methods are `noexcept` as in every build, so an
index outside its array ends the method and is handed to `note`, see faults.h. The loop steps the copies of such an
environment one after the other, in the calling thread, and stops at the first fault.
"""
import linecache
import os
import sys

from puffer.native.rules cimport Rules

faults = 0
cdef tuple _first = None


def note(error, method, folder, file, line):
    """Keep an exception, if it is the first one, with the method and the line of the source that raised it."""
    global faults, _first
    if faults == 0:
        _first = (error, method, os.path.join(folder, file), line)
    faults += 1


cdef bint is_checked(type cls) except -1:
    """Whether a class, or one that it is derived from, is built with checks."""
    for base in cls.__mro__:
        # Those of this package alone say nothing about the author's.
        if base.__module__ in ("puffer._core", "puffer.native.rules"):
            return False
        if hasattr(sys.modules.get(base.__module__), "__puffer_checked__"):
            return True
    return False


cdef int raise_fault(Rules rules, Py_ssize_t copy) except -1:
    """Raise the first exception that was noted, in a method of a copy of `rules`, and forget it and later ones."""
    global faults, _first
    error, method, file, line = _first
    faults, _first = 0, None
    agents = rules.agents_per_env
    rows = f"row {copy}" if agents == 1 else f"rows {copy * agents} to {copy * agents + agents - 1}"
    # "package.module.Class.method", or a function of the module.
    owner, _, name = method.rpartition(".")
    _, _, cls = owner.rpartition(".")
    text = linecache.getline(file, line).strip()
    # An exception of a thread that Python did not start is lost with the thread's state.
    kind = IndexError if error is None or isinstance(error, IndexError) else RuntimeError
    what = f"{error}" if isinstance(error, IndexError) else f"{type(error).__name__}: {error}"
    where = f"{os.path.basename(file)}, line {line}" + (f": {text}" if text else "")
    raise kind(f"{what}, in {cls}.{name}() of copy {copy} ({rows}), {where}") from error
