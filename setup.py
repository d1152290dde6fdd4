"""Builds every .pyx of the package. PUFFER_DEBUG=1: with bounds checks; PUFFER_SANITIZE=1: for AddressSanitizer."""

import os
import runpy
from pathlib import Path

from setuptools import Extension, setup

# By its path: the package cannot be imported before it is built.
building = runpy.run_path("puffer/building.py")
variant = building["chosen_variant"]()
utility = Extension("puffer._cyutility", [], **building["compiler_arguments"](variant))

setup(
    ext_modules=building["native_extensions"](
        *sorted(Path("puffer").rglob("*.pyx")),
        more=[utility],
        shared_utility_qualified_name=utility.name,
        build_dir=f"build/cython-{variant}",
        nthreads=os.cpu_count() or 1,
    ),
    options={"build_ext": {"parallel": os.cpu_count() or 1}, "build": {"build_base": f"build/{variant}"}},
)
