"""How environments in Cython are compiled: alike inside the package and outside.

The `setup.py` of a package with an environment is

    from setuptools import setup
    from puffer.authoring.building import native_extensions

    setup(ext_modules=native_extensions("my_env.pyx"))

With PUFFER_DEBUG=1 in the environment it builds with bounds checks, with PUFFER_SANITIZE=1 for AddressSanitizer and
UndefinedBehaviorSanitizer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import Cython
import numpy as np
from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension

VARIANTS = ("release", "debug", "sanitize")

# -ffp-contract=off: the same bits on processors with and without fused multiply-add.
_COMPILE = ["-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno", "-Wno-unreachable-code"]
_SANITIZE = ["-fsanitize=address,undefined"]
_COMPILE_SANITIZED = [
    *("-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=off"),
    *(*_SANITIZE, "-fno-sanitize=alignment", "-fno-sanitize-recover=undefined"),
]
# The folder that has puffer in it.
_INCLUDE = Path(__file__).resolve().parents[2]


def native_extensions(
    *sources: str | Path,
    variant: str | None = None,
    package: str = "",
    more: Sequence[Extension] = (),
    **cythonize_options: Any,
) -> list[Extension]:
    """The extension modules of some `.pyx` files, for `setuptools.setup(ext_modules=...)`.

    Parameters
    ----------
    *sources : str or Path
        Relative to the folder of `setup.py`; `folder/name.pyx` becomes the module `folder.name`. Of an absolute path
        the folders do not count.
    variant : "release", "debug" or "sanitize", optional
        By default what the environment variables say.
    package : str
        The package that the modules are in, if the paths do not say it.
    more : sequence of Extension
        Further ones.
    **cythonize_options
        For `Cython.Build.cythonize`. By default everything is compiled anew (`force=True`), since neither Cython nor
        setuptools notices that the variant is another one.

    Raises ValueError for another variant, and Cython's CompileError.
    """
    variant = chosen_variant() if variant is None else variant
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(map(repr, VARIANTS))}, got {variant!r}")
    Options.docstrings = True
    cythonize_options = {"build_dir": f"build/cython-{variant}", "force": True, **cythonize_options}
    if "shared_utility_qualified_name" not in cythonize_options:
        cythonize_options |= _shared_helpers()
    return cythonize(
        [*more, *(_extension(Path(source), package, variant) for source in sources)],
        include_path=[str(_INCLUDE)],
        compiler_directives=_directives(checked=variant != "release"),
        **cythonize_options,
    )


def chosen_variant() -> str:
    """What the environment variables ask for."""
    if os.environ.get("PUFFER_SANITIZE") == "1":
        return "sanitize"
    return "debug" if os.environ.get("PUFFER_DEBUG") == "1" else "release"


def compiler_arguments(variant: str) -> dict[str, list[str]]:
    """The arguments of an Extension that are for the compiler."""
    sanitize = variant == "sanitize"
    return {
        "extra_compile_args": _COMPILE_SANITIZED if sanitize else _COMPILE,
        "extra_link_args": [*(_SANITIZE if sanitize else []), *(["-pthread"] if sys.platform != "win32" else [])],
    }


def _shared_helpers() -> dict[str, str]:
    """The option to use the helpers of puffer's own modules, a third of the code, if the same Cython has made them."""
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
        # Cython does not see what verbatim C includes. A source distribution takes what is relative.
        depends=[str(source), *map(str, sorted(headers))],
        **compiler_arguments(variant),
    )


def _directives(checked: bool) -> dict[str, Any]:
    """What changes the meaning of code is the same in every build; what only checks it is on in `checked` ones."""
    return {
        "language_level": 3,
        "binding": True,
        "auto_pickle": False,
        "autotestdict": False,
        "cdivision": True,
        "wraparound": False,
        "initializedcheck": False,
        "nonecheck": False,
        "boundscheck": checked,
        # Hints about the checks themselves would hide those that matter.
        "show_performance_hints": not checked,
    }
