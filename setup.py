"""Builds every .pyx of the package, on all cores or on PUFFER_JOBS of them.

PUFFER_DEBUG=1: with bounds checks; PUFFER_SANITIZE=1: for AddressSanitizer. `setup.py -v` shows the commands of the
compiler.
"""

import json
import os
import re
import runpy
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

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
    # load_default() of Pillow has sizes since 10.1.
    "play": ["pygame-ce>=2.5", "pillow>=10.1"],
    "record": ["pillow>=10.1", "imageio-ffmpeg>=0.5"],
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
    "train": ["torch>=2.2", "matplotlib>=3.8", "tomli>=2; python_version < '3.11'"],
    "author": ["Cython==3.3.1", "setuptools>=77", "hypothesis>=6"],
    "test": [
        *("pytest>=9", "pytest-xdist>=3.7", "gymnasium>=1.3", "rware>=2,<3", "lbforaging>=2,<3", "shapely>=2"),
        "puffer-envs[author,bench,human,images,minigrid,pettingzoo,play,plot,ray,record]",
    ],
    "site": ["sphinx>=8", "furo>=2024.8", "myst-parser>=4", "sphinx-copybutton>=0.5"],
    "lint": ["ruff>=0.8", "cython-lint>=0.16", "mypy>=1.13"],
}


def jobs():
    """The number of processes that compile."""
    given = os.environ.get("PUFFER_JOBS", "")
    if given and not (given.isdecimal() and int(given) > 0):
        raise SystemExit(f"PUFFER_JOBS must be an integer of at least 1, got {given!r}")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(given or usable or 1)


class BuildNative(build_ext):
    """Turns the sources into C only when they are compiled: a source distribution has none of that."""

    def run(self):
        self.require_compiler()
        self.parallel = self.parallel or jobs()
        self.distribution.ext_modules = building["native_extensions"](
            *sources,
            more=[utility],
            shared_utility_qualified_name=utility.name,
            # The variants have folders of their own.
            force=False,
            nthreads=self.parallel,
            quiet=True,
        )
        # The second time, for these extensions; it does not take its own form of this option.
        self.swig_opts = None
        self.finalize_options()
        super().run()

    def require_compiler(self):
        """Raise CompileError, with the remedy, unless there is what compiles an extension."""
        if os.name != "posix":
            # Setuptools looks for the compiler of Windows itself.
            return
        compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
        header = Path(sysconfig.get_paths()["include"], "Python.h")
        lacking = "" if header.exists() else f"the headers of Python ({header})"
        lacking = lacking if shutil.which(compiler) else f"a C compiler ({compiler})"
        if lacking:
            raise CompileError(
                f"puffer is compiled when it is installed from source, and {lacking} is missing: install it (on "
                f"Debian: apt-get install gcc python3-dev; on macOS: xcode-select --install), or install a wheel: "
                f"pip install --only-binary puffer-envs puffer-envs"
            )


if not {"-v", "--verbose"} & {*sys.argv}:
    # Each file and each command of the compiler would have a line otherwise.
    sys.argv.insert(1, "-q")

headers = [str(path) for path in sorted(Path("puffer").rglob("*.h"))]

setup(
    # The modules are named when they are built; until then it only counts that there are some, and from which sources.
    ext_modules=[Extension("puffer._core", [str(path) for path in sources], depends=headers)],
    cmdclass={"build_ext": BuildNative},
    extras_require={**systems, **extras},
    options={"build": {"build_base": f"build/{variant}"}},
)
