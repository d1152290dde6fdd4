"""Builds every .pyx of the package. PUFFER_DEBUG=1: with bounds checks; PUFFER_SANITIZE=1: for AddressSanitizer."""

import json
import os
import re
import runpy
from pathlib import Path

from setuptools import Extension, setup

# By their paths: the package cannot be imported before it is built.
building = runpy.run_path("puffer/authoring/building.py")
systems = runpy.run_path("puffer/systems/requirements.py")["extras"]()

variant = building["chosen_variant"]()
# The template of puffer.new is a package of its own.
sources = [path for path in sorted(Path("puffer").rglob("*.pyx")) if "template" not in path.parts]
utility = Extension("puffer._cyutility", [], **building["compiler_arguments"](variant))

# What Gymnasium's registry tells of the native environments, for `puffer.faces.gymnasium`: importing puffer registers
# them all, and imports none.
specs = {}
for path in sources:
    if Path("puffer/ocean") in path.parents and not path.stem.startswith("_"):
        source = path.read_text()
        name = re.search(r"^cdef class ([A-Z]\w*)\(", source, re.MULTILINE)
        version = re.search(r"^    version = (\d+)", source, re.MULTILINE)
        specs[path.stem] = {"id": f"puffer/{name[1]}-v{version[1] if version else 0}"}
        for key, attribute in ("max_episode_steps", "default_max_steps"), ("reward_threshold", "reward_threshold"):
            value = re.search(rf"^    {attribute} = (-?[\d.]+)$", source, re.MULTILINE)
            specs[path.stem][key] = json.loads(value[1]) if value else None
Path("puffer/ocean/specs.json").write_text(json.dumps(specs, indent=1, sort_keys=True))
extras = {
    # Not pygame: Gymnasium, PettingZoo and mpe2 bring pygame-ce, and the two own the same files.
    "human": ["pygame-ce>=2.5"],
    "images": ["opencv-python-headless>=4.8"],
    "plot": ["matplotlib>=3.8"],
    "ray": ["ray>=2.9"],
    "bench": ["psutil>=5"],
    # What `tests/faces` runs. Not ray[rllib], which asks for one version of Gymnasium, but what RLlib imports.
    "trainers": [
        *("torch>=2.8", "stable-baselines3>=2.7", "sb3-contrib>=2.7", "torchrl>=0.13", "skrl>=2", "supersuit>=3.9"),
        *("tianshou>=2; python_version >= '3.11'", "minari>=0.5.3", "h5py>=3.8", "jax>=0.4.30", "pettingzoo>=1.25"),
        *("ray>=2.50", "dm-tree", "lz4", "ormsgpack", "pandas", "pyarrow>=17", "pydantic>=2.5", "tensorboardX"),
        # For the wrappers of Gymnasium that make tensors.
        "array-api-compat>=1.11",
    ],
    "author": ["Cython==3.3.1", "setuptools>=77", "hypothesis>=6"],
    "test": [
        *("pytest>=9", "pytest-xdist>=3.5", "gymnasium>=1.3", "pillow>=10", "rware>=2,<3"),
        "puffer-envs[author,bench,human,images,minigrid,pettingzoo,plot,ray]",
    ],
    "lint": ["ruff>=0.8", "cython-lint>=0.16", "mypy>=1.13"],
}

setup(
    ext_modules=building["native_extensions"](
        *sources,
        more=[utility],
        shared_utility_qualified_name=utility.name,
        # The variants have folders of their own.
        force=False,
        nthreads=os.cpu_count() or 1,
    ),
    extras_require={**systems, **extras},
    options={"build_ext": {"parallel": os.cpu_count() or 1}, "build": {"build_base": f"build/{variant}"}},
)
