"""Builds every .pyx of the package. PUFFER_DEBUG=1: with bounds checks; PUFFER_SANITIZE=1: for AddressSanitizer."""

import os
import runpy
from pathlib import Path

from setuptools import Extension, setup

# By its path: the package cannot be imported before it is built.
building = runpy.run_path("puffer/authoring/building.py")
variant = building["chosen_variant"]()
# What puffer.new hands out is a package of its own.
sources = [path for path in sorted(Path("puffer").rglob("*.pyx")) if "template" not in path.parts]
utility = Extension("puffer._cyutility", [], **building["compiler_arguments"](variant))

setup(
    ext_modules=building["native_extensions"](
        *sources,
        more=[utility],
        shared_utility_qualified_name=utility.name,
        # The variants have folders of their own.
        force=False,
        nthreads=os.cpu_count() or 1,
    ),
    options={"build_ext": {"parallel": os.cpu_count() or 1}, "build": {"build_base": f"build/{variant}"}},
)
