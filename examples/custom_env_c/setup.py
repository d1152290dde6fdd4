"""Compiles lander.pyx against the installed puffer; everything else is in pyproject.toml."""

import site
import sys

from setuptools import setup

# pip builds in an environment of its own. The module has to fit the puffer that is installed here, so look for that.
for folder in site.getsitepackages():
    if folder not in sys.path:
        site.addsitedir(folder)
try:
    from puffer.building import native_extensions
except ModuleNotFoundError as error:
    sys.exit(
        f"{error}. Building this package needs puffer with its extra, puffer-envs[author]. If that is installed and "
        "was not found, give pip install the option --no-build-isolation."
    )

setup(ext_modules=native_extensions("lander.pyx"))
