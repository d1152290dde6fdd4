"""What the base class of native environments declares, as its `.pxd` files and the class itself say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from puffer._core import Env

_PUFFER = Path(__file__).parents[1]
_DECLARATIONS = (_PUFFER / "native" / "rules.pxd", _PUFFER / "_core.pxd")
_METHOD = re.compile(r"^    (cdef .*?(\w+)\(.*\).*)$", re.MULTILINE)
_MEMBER = re.compile(r"^    cdef .*?(\w+)(?:\(.*|\[\w+\])?$", re.MULTILINE)

# Written in Python: nobody calls them without the GIL.
PYTHON_METHODS = ("set_next_parameters", "parameters_of", "row_infos", "own_observation_space")

# In the place of step_one.
STEPS = ("step_one", "step_range")


@cache
def methods() -> dict[str, str]:
    """The C methods that an author may write, by name: their declarations."""
    found = {}
    for path in _DECLARATIONS:
        for section in path.read_text("utf-8").split("    # ---- "):
            if section.startswith("To be written"):
                found.update({name: line for line, name in _METHOD.findall(section)})
    return found


@cache
def members() -> frozenset[str]:
    """The names of all C fields and C methods of the base class."""
    return frozenset(name for path in _DECLARATIONS for name in _MEMBER.findall(path.read_text("utf-8")))


@cache
def attributes() -> frozenset[str]:
    """The class attributes that an author may set."""
    plain = (int, float, tuple, type(None))
    return frozenset(name for name, value in vars(Env).items() if isinstance(value, plain) and name[0] != "_")
