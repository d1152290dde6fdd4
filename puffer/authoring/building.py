"""The compilation of environments in Cython, the same inside the package and outside.

The `setup.py` of a package with an environment is

    from setuptools import setup
    from puffer.building import native_extensions

    setup(ext_modules=native_extensions("my_env.pyx"))

The environment variable PUFFER_DEBUG=1 turns on bounds checks. PUFFER_SANITIZE=1 builds for AddressSanitizer and
UndefinedBehaviorSanitizer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import Cython
import numpy as np
from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension

VARIANTS = ("release", "debug", "sanitize")

# -ffp-contract=off gives the same bits on processors with and without fused multiply-add.
# -fwrapv lets integers wrap around, as those of counters and hashes may.
_COMPILE = [
    *("-g0", "-fwrapv", "-ffp-contract=off"),
    *("-fno-trapping-math", "-fno-math-errno", "-Wno-unreachable-code", "-Wno-unused-function"),
    # No tables for exceptions of C++, of which there are none: a twentieth of a wheel.
    "-fno-asynchronous-unwind-tables",
]
# No table of symbols: nobody debugs the release, and it is a tenth of a wheel.
_LINK = ["-Wl,-s"] if sys.platform == "linux" else []
_SANITIZE = ["-fsanitize=address,undefined"]
_COMPILE_SANITIZED = [
    *("-O1", "-g", "-fno-omit-frame-pointer", "-fwrapv", "-ffp-contract=off"),
    *(*_SANITIZE, "-fno-sanitize=alignment", "-fno-sanitize-recover=undefined"),
]
# The folder that contains puffer.
_INCLUDE = Path(__file__).resolve().parents[2]


def native_extensions(
    *sources: str | Path,
    variant: str | None = None,
    package: str = "",
    more: Sequence[Extension] = (),
    **cythonize_options: Any,
) -> list[Extension]:
    """The extension modules of `.pyx` files, for `setuptools.setup(ext_modules=...)`.

    Parameters
    ----------
    *sources : str or Path
        Paths of the files, relative to the folder of `setup.py`. `folder/name.pyx` becomes the module `folder.name`.
        The folders of an absolute path are not part of the module's name.
    variant : "release", "debug" or "sanitize", optional
        By default the one that the environment variables choose.
    package : str
        Package of the modules, in front of the names from the paths.
    more : sequence of Extension
        Further extension modules.
    **cythonize_options
        Options of `Cython.Build.cythonize`. `force=True` is the default, because neither Cython nor setuptools notices
        a change of the variant.

    Returns
    -------
    list of Extension

    Raises
    ------
    ValueError
        For another variant.
    puffer.BuildError
        For a file with a mistake that Cython would pass over, such as a misspelt method; see
        `puffer.authoring.mistakes`.
    Cython.Compiler.Errors.CompileError
        If Cython cannot compile a file.
    """
    variant = chosen_variant() if variant is None else variant
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(map(repr, VARIANTS))}, got {variant!r}")
    Options.docstrings = True
    cythonize_options = {"build_dir": f"build/cython-{variant}", "force": True, **cythonize_options}
    watched: AbstractContextManager[None] = nullcontext()
    if "shared_utility_qualified_name" not in cythonize_options:
        # Not of puffer itself, which is imported here.
        from puffer.authoring.division import watched_division
        from puffer.authoring.mistakes import refuse_mistakes

        for source in sources:
            refuse_mistakes(source)
        watched = watched_division(has_checks=variant != "release")
        cythonize_options |= _shared_helpers()
    with watched:
        extensions = cythonize(
            [*more, *(_extension(Path(source), package, variant) for source in sources)],
            include_path=[str(_INCLUDE)],
            compiler_directives=_directives(checked=variant != "release"),
            **cythonize_options,
        )
    if variant != "release":
        shared = {extension.name for extension in more}
        for extension in extensions:
            if extension.name not in shared:
                _note_faults(extension.sources)
    return extensions


def chosen_variant() -> str:
    """The variant that the environment variables choose."""
    if os.environ.get("PUFFER_SANITIZE") == "1":
        return "sanitize"
    return "debug" if os.environ.get("PUFFER_DEBUG") == "1" else "release"


def compiler_arguments(variant: str) -> dict[str, list[str]]:
    """The arguments of an Extension for the compiler and the linker."""
    # A build with checks is to be had soon: at -O1 it takes half as long.
    compile_ = {"sanitize": _COMPILE_SANITIZED, "debug": ["-O1", *_COMPILE], "release": ["-O3", *_COMPILE]}[variant]
    link = {"sanitize": _SANITIZE, "debug": [], "release": _LINK}[variant]
    return {
        "extra_compile_args": compile_,
        "extra_link_args": [*link, *(["-pthread"] if sys.platform != "win32" else [])],
    }


# Of the C code of builds with checks: see native/faults.h.
_NOTING = [
    ('#include "Python.h"\n', '#include "Python.h"\n#define PUFFER_FOLDER %s\n#include "puffer/native/faults.h"\n'),
    ("PyMethodDef __pyx_methods[] = {", "PyMethodDef __pyx_methods[] = {PUFFER_CHECKED_METHOD,"),
    # Calls alone: its definition has no string there.
    ('__Pyx_WriteUnraisable("', 'puffer_note("'),
    # Cython raises this one without the GIL.
    ('PyErr_SetString(PyExc_AttributeError,"Memoryview is not initialized")', "puffer_raise_unset()"),
]


def _note_faults(sources: Sequence[str]) -> None:
    """Let C code that Cython has written note the exceptions that it would print and forget."""
    for path in [Path(source) for source in sources if source.endswith(".c")]:
        text = path.read_text("utf-8")
        if "PUFFER_FOLDER" not in text:
            for old, new in _NOTING:
                # The names of sources in C code are relative to the folder of the build.
                text = text.replace(old, new.replace("%s", json.dumps(os.getcwd())))
            path.write_text(text, "utf-8")


def _shared_helpers() -> dict[str, str]:
    """The option that shares the helpers of puffer's own modules, a third of the code, if the same Cython made them."""
    from puffer._core import Env

    made_by = "_cython_" + Cython.__version__.replace(".", "_")
    return {"shared_utility_qualified_name": "puffer._cyutility"} if type(Env.reset).__module__ == made_by else {}


def _extension(source: Path, package: str, variant: str) -> Extension:
    headers = [*source.parent.glob("*.h"), *(_INCLUDE / "puffer").rglob("*.h")]
    parts = (source.stem,) if source.is_absolute() else source.with_suffix("").parts
    return Extension(
        ".".join([*([package] if package else []), *parts]),
        [str(source)],
        include_dirs=[str(source.parent), str(_INCLUDE), np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        # Cython does not see the files that verbatim C includes. A source distribution takes the relative paths.
        depends=[str(source), *map(str, sorted(headers))],
        **compiler_arguments(variant),
    )


def _directives(checked: bool) -> dict[str, Any]:
    """Compiler directives. Those that change the meaning of code are the same in every build; checks differ."""
    return {
        "language_level": 3,
        "binding": True,
        "auto_pickle": False,
        "autotestdict": False,
        "cdivision": True,
        "wraparound": False,
        "initializedcheck": checked,
        "nonecheck": False,
        "boundscheck": checked,
        # In checked builds, hints about the checks would hide all others.
        "show_performance_hints": not checked,
    }
