"""Compiles lander.pyx against the installed puffer. pyproject.toml has everything else."""

import site
import sys

from setuptools import setup

# pip builds in an isolated environment. The module must fit the installed puffer, so look for puffer outside of it.
for folder in site.getsitepackages():
    if folder not in sys.path:
        site.addsitedir(folder)
try:
    from puffer.building import native_extensions
except ModuleNotFoundError as error:
    sys.exit(
        f"{error}. Building this package needs puffer with its extra, puffer-envs[author]. If they are installed, run "
        "pip install with the option --no-build-isolation."
    )

setup(ext_modules=native_extensions("lander.pyx"))
