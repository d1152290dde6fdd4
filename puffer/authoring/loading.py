"""`load_pyx`: the environment of a `.pyx` file, compiled on first use and kept in the user's cache."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

from puffer._core import ABI, Env
from puffer.authoring.caching import cache_folder

# What a source may include or cimport from its own folder.
_NEIGHBOURS = ("*.pxd", "*.pxi", "*.h")

_NEEDED = 'Building environments needs Cython and setuptools: pip install "puffer-envs[author]"'

# Runs in a process of its own: a compiler may crash, and what it prints is wanted as text.
_BUILD = """
import json, sys
from setuptools import Distribution
from setuptools.command.build_ext import build_ext
from puffer.authoring.building import native_extensions

source, package, folder, variant = json.loads(sys.argv[1])
options = {"build_dir": folder, "force": True, "emit_linenums": True, "quiet": True}
extensions = native_extensions(source, package=package, variant=variant, **options)
command = build_ext(Distribution({"ext_modules": extensions}))
command.ensure_finalized()
command.build_lib = command.build_temp = folder
command.run()
"""


class BuildError(Exception):
    """A `.pyx` file does not compile; the message is the compiler's."""


def load_pyx(path: str | os.PathLike[str], *, debug: bool = False) -> type[Env]:
    """The native environment that a `.pyx` file defines.

    The file is compiled when it, a `.pxd`, `.pxi` or `.h` beside it, the compiler, Cython, NumPy or puffer's binary
    interface has changed since it was last loaded, and comes out of the user's cache folder otherwise.

    Parameters
    ----------
    path : str or path
        Of the file. It has one subclass of `puffer.Env`, apart from those whose names begin with an underscore.
    debug : bool
        Compile with bounds checks.

    Returns
    -------
    class
        For `puffer.register`, or to be called; `puffer.make` takes the path itself.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    puffer.BuildError
        It does not compile; the message is the compiler's, with the lines of the source.
    ImportError
        Compiled, it cannot be imported, or has no environment, or several.
    """
    source = Path(path).expanduser().resolve()
    if source.suffix != ".pyx":
        raise ValueError(f"path must end in .pyx, got {str(path)!r}")
    if not source.stem.isidentifier():
        raise ValueError(f"the name of the file must be a Python identifier, got {source.name!r}")
    if not source.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    variant = "debug" if debug else "release"
    return env_class(_module(source, variant))


def env_class(module: ModuleType) -> type[Env]:
    """The only public subclass of `Env` that a module of native code defines.

    Those whose names begin with an underscore, such as twins for tests, do not count. Raises ImportError if there is
    none, or several.
    """
    found = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Env)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]
    if len(found) != 1:
        raise ImportError(f"{module.__name__} must define one public subclass of puffer.Env, it defines {len(found)}")
    return found[0]


def _module(source: Path, variant: str) -> ModuleType:
    key = _key(source, variant)
    # The package keeps files of one name, and versions of one file, apart.
    package = f"puffer_pyx_{key}"
    name = f"{package}.{source.stem}"
    if name in sys.modules:
        return sys.modules[name]
    folder = cache_folder() / "pyx" / key
    compiled = folder / f"{source.stem}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not compiled.exists():
        _compile(source, package, variant, compiled)
    loader = importlib.machinery.ExtensionFileLoader(name, str(compiled))
    spec = importlib.util.spec_from_file_location(name, compiled, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return sys.modules.setdefault(name, module)


def _compile(source: Path, package: str, variant: str, compiled: Path) -> None:
    everything = compiled.parent.parent
    everything.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=everything) as folder:
        command = [sys.executable, "-c", _BUILD, json.dumps([str(source), package, folder, variant])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        result = subprocess.run(command, capture_output=True, text=True, cwd=source.parent, env=environment)
        built = Path(folder, package, compiled.name)
        if result.returncode != 0 or not built.exists():
            raise BuildError(_message(source, result.stdout + result.stderr))
        compiled.parent.mkdir(exist_ok=True)
        # At once or not at all, should two processes build it at the same time.
        built.replace(compiled)


def _message(source: Path, output: str) -> str:
    """What the compilers said, without Python's own traceback."""
    lines = output.strip().partition("\nTraceback (most recent call last):")[0].strip().splitlines()
    missing = [line for line in output.splitlines() if line.startswith("ModuleNotFoundError")]
    if missing:
        lines = [*missing, _NEEDED]
    return "\n".join([f"{source} does not compile:", *lines])


def _key(source: Path, variant: str) -> str:
    """Names what the compiled module depends on."""
    files = [source, *sorted(path for pattern in _NEIGHBOURS for path in source.parent.glob(pattern))]
    parts = [f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    parts += [source.stem, variant, sys.version, *map(str, _builders())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


@cache
def _builders() -> tuple[object, ...]:
    """What compiles, and against what: puffer and what has compiled it, Cython, NumPy and the C compiler."""
    import numpy as np

    try:
        import Cython
    except ModuleNotFoundError as error:
        raise BuildError(f"{error}. {_NEEDED}") from None
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        raise BuildError(f"there is no C compiler {compiler[0]!r}; install one, or name it in the variable CC")
    version = subprocess.run([*compiler, "--version"], capture_output=True, text=True).stdout
    return (
        ABI,
        type(Env.reset).__module__,
        Cython.__version__,
        np.__version__,
        compiler,
        version,
        os.environ.get("CFLAGS"),
    )
