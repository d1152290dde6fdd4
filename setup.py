"""Builds every .pyx of the package. PUFFER_DEBUG=1: with bounds checks; PUFFER_SANITIZE=1: for AddressSanitizer."""

import os
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

DEBUG = os.environ.get("PUFFER_DEBUG") == "1"
SANITIZE = os.environ.get("PUFFER_SANITIZE") == "1"
VARIANT = "sanitize" if SANITIZE else "debug" if DEBUG else "release"
UTILITY = "puffer._cyutility"

Options.docstrings = True

DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "auto_pickle": False,
    "autotestdict": False,
    # What changes the meaning of the code is the same in every build; what only checks it is on in the debug builds.
    "cdivision": True,
    "wraparound": False,
    "initializedcheck": False,
    "nonecheck": False,
    "boundscheck": DEBUG or SANITIZE,
    # Hints about the checks themselves would hide those that matter.
    "show_performance_hints": not (DEBUG or SANITIZE),
}

# -ffp-contract=off: the same bits on processors with and without fused multiply-add.
COMPILE = ["-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno", "-Wno-unreachable-code"]
LINK: list[str] = []
if SANITIZE:
    COMPILE = ["-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=off", "-fsanitize=address,undefined"]
    COMPILE += ["-fno-sanitize=alignment", "-fno-sanitize-recover=undefined"]
    LINK = ["-fsanitize=address,undefined"]
if sys.platform != "win32":
    LINK.append("-pthread")

# Cython does not see what verbatim C includes.
HEADERS = [str(path) for path in sorted(Path("puffer").rglob("*.h"))]


def extension(path: Path) -> Extension:
    name = ".".join(path.with_suffix("").parts)
    return Extension(
        name,
        [str(path)],
        include_dirs=["puffer", np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
        depends=HEADERS,
    )


setup(
    ext_modules=cythonize(
        [Extension(UTILITY, [], extra_compile_args=COMPILE, extra_link_args=LINK)]
        + [extension(path) for path in sorted(Path("puffer").rglob("*.pyx"))],
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=UTILITY,
        build_dir=f"build/cython-{VARIANT}",
        nthreads=os.cpu_count() or 1,
    ),
    options={"build_ext": {"parallel": os.cpu_count() or 1}, "build": {"build_base": f"build/{VARIANT}"}},
)
