"""`Family`: the environments of one system, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from puffer._core import Env
    from puffer.backends.creator import Creator
    from puffer.backends.system import SystemCreator


class Family:
    """The environments of one system. `puffer.make` takes "family-name" for each, or "family" for the name "".

    The module `puffer.systems.<family>` has one object of this class, `FAMILY`, made of functions of the module:
    `creator` if the environments are in Python, or `env_class` if they are native, and others where the defaults do
    not fit. Listing the names imports the module, so it imports the packages of the system inside functions.

    Parameters
    ----------
    creator : callable
        `creator(name, arguments)` returns the `Creator` of the copies, or the `SystemCreator` of a system that steps
        many copies itself. The arguments are those of `puffer.make`, with the render mode among them. Raises
        ImportError for a package that is missing, with the line that installs it, and TypeError or ValueError for bad
        arguments, before any copy is made.
    env_class : callable
        `env_class(name)` returns a subclass of `puffer.Env`.
    names : callable
        `names()` returns the names to list; by default "" alone. It does not import the packages of the system.
    knows : callable
        `knows(name)` tells whether there is an environment of this name; by default whether `names` has it. It may be
        true of other names, such as older spellings, and of any name while a package is missing: then `creator` says
        which one.
    make : callable
        `make(name, **arguments)` returns one copy, or a copy and its time limit, in another interpreter; by default the
        environments cannot run in another one. It is called there in place of `creator`, without the rest of puffer,
        with Python 3.8 and NumPy 1.20 or later. So the module and its imports from puffer may import compiled modules
        inside functions only.

    Raises TypeError unless exactly one of `creator` and `env_class` is given.
    """

    def __init__(
        self,
        *,
        creator: Callable[[str, dict[str, Any]], Creator | SystemCreator] | None = None,
        env_class: Callable[[str], type[Env]] | None = None,
        names: Callable[[], list[str]] | None = None,
        knows: Callable[[str], bool] | None = None,
        make: Callable[..., Any] | None = None,
    ) -> None:
        if (creator is None) == (env_class is None):
            raise TypeError("Family takes either creator or env_class")
        self.creator = creator
        self.env_class = env_class
        self.names = names or (lambda: [""])
        self.knows = knows or (lambda name: name in self.names())
        self.make = make
