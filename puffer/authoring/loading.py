"""`load_pyx`: compiles the environment in a `.pyx` file on first use, and caches it for the user."""

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

# The files that a source may include or cimport from its own folder.
_NEIGHBOURS = ("*.pxd", "*.pxi", "*.h")

_NEEDED = 'Building environments needs Cython and setuptools: pip install "puffer-envs[author]"'

# Runs in a separate process, because a compiler may crash, and its output is needed as text.
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
    """A `.pyx` file does not compile. The message is that of the compiler."""


def load_pyx(path: str | os.PathLike[str], *, debug: bool = False) -> type[Env]:
    """The native environment that a `.pyx` file defines.

    The compiled module is cached for the user. The file is compiled again when it has changed, or a `.pxd`, `.pxi` or
    `.h` file in its folder, the compiler, Cython, NumPy or puffer's binary interface.

    Parameters
    ----------
    path : str or path
        Path of the file, which defines one public subclass of `puffer.Env`.
    debug : bool
        Whether to compile with bounds checks.

    Returns
    -------
    class
        The subclass of `puffer.Env`. `puffer.make` takes the path itself.

    Raises
    ------
    ValueError
        If the path does not end in .pyx, or the name of the file is not a Python identifier.
    FileNotFoundError
        If there is no such file.
    puffer.BuildError
        If the file does not compile. The message is that of the compiler, with the lines of the source.
    ImportError
        If the module cannot be imported, or defines no environment or several.
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
    # The package separates files of the same name, and versions of the same file.
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
        # Atomic, because another process may build the same file at the same time.
        built.replace(compiled)


def _message(source: Path, output: str) -> str:
    """The message of the compilers, without the traceback of Python."""
    lines = output.strip().partition("\nTraceback (most recent call last):")[0].strip().splitlines()
    missing = [line for line in output.splitlines() if line.startswith("ModuleNotFoundError")]
    if missing:
        lines = [*missing, _NEEDED]
    return "\n".join([f"{source} does not compile:", *lines])


def _key(source: Path, variant: str) -> str:
    """A hash of everything that the compiled module depends on."""
    files = [source, *sorted(path for pattern in _NEIGHBOURS for path in source.parent.glob(pattern))]
    parts = [f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    parts += [source.stem, variant, sys.version, *map(str, _builders())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


@cache
def _builders() -> tuple[object, ...]:
    """The versions of the compilers and of the compiled packages: puffer, Cython, NumPy and the C compiler."""
    import numpy as np

    try:
        import Cython
    except ModuleNotFoundError as error:
        raise BuildError(f"{error}. {_NEEDED}") from None
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        raise BuildError(f"there is no C compiler {compiler[0]!r}; install one, or set the variable CC to its name")
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
