"""`load_pyx`: compiles the environment in a `.pyx` file on first use, and caches it for the user."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from puffer._core import ABI, Env
from puffer.authoring.compiled import add, digest, find, folder_of_modules
from puffer.authoring.finder import file_name, find_modules, package_name, spec_of
from puffer.authoring.messages import shortened
from puffer.backends.worker.surroundings import module_path
from puffer.errors import BuildError

# Files that a source may include or cimport from its own folder: a new one may be read in place of another.
_NEIGHBOURS = ("*.pxd", "*.pxi", "*.h")

# The variables that compilers read.
_VARIABLES = ("CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH")

_NEEDED = 'Building environments needs Cython and setuptools: pip install "puffer-envs[author]"'

# Runs in a separate process, because a compiler may crash, and its output is needed as text.
_BUILD = """
import sys
# Modules beside the source are not those of Python that have their names.
sys.path[:] = filter(None, sys.path)
import json
from Cython.Build.Dependencies import create_dependency_tree
from setuptools import Distribution
from setuptools.command.build_ext import build_ext
from puffer.authoring.building import native_extensions
from puffer.errors import BuildError

source, package, folder, variant = json.loads(sys.argv[1])
options = {"build_dir": folder, "force": True, "emit_linenums": True, "quiet": True}
try:
    extensions = native_extensions(source, package=package, variant=variant, **options)
except BuildError as mistakes:
    sys.exit(str(mistakes))
for extension in extensions:
    # The compiler's own list of what it reads, beside the object file.
    extension.extra_compile_args.append("-MD")
with open(f"{folder}/cython.json", "w") as file:
    json.dump(sorted(create_dependency_tree().all_dependencies(source)), file)
command = build_ext(Distribution({"ext_modules": extensions}))
command.ensure_finalized()
command.build_lib = command.build_temp = folder
command.run()
"""


def load_pyx(path: str | os.PathLike[str], *, debug: bool = False, sanitize: bool = False) -> type[Env]:
    """The native environment that a `.pyx` file defines.

    The compiled module is cached for the user. The file is compiled again when it has changed, or any file that its
    compilation read, a `.pxd`, `.pxi` or `.h` file in its folder, the compiler, Cython, NumPy or puffer's binary
    interface. A module in the cache that is damaged, or that another user could have written, is not loaded but made
    again. Where the cache cannot be written, a warning says so, and the module is kept for this program only.

    Parameters
    ----------
    path : str or path
        Path of the file, which defines one public subclass of `puffer.Env`.
    debug : bool
        Whether to compile with checks of every index into a view, and of views that are not set. The first that is
        wrong ends the reset or step, which raises IndexError with the copy, its rows and the line.
    sanitize : bool
        Whether to compile for AddressSanitizer and UndefinedBehaviorSanitizer, which see what goes wrong in C, with
        the checks of `debug`. Their libraries must have come first in the program; `python -m puffer.sanitize` sees to
        that.

    Returns
    -------
    class
        The subclass of `puffer.Env`, as an import of an installed package gives it: `cls(num_envs=4, size=5)` is the
        native environment of four copies, and `puffer.VectorEnv` of that the batch that `puffer.make` returns.
        `puffer.make` takes the path itself.

    Raises
    ------
    ValueError
        If the path does not end in .pyx, or the name of the file is not a Python identifier.
    FileNotFoundError
        If there is no such file.
    puffer.BuildError
        If the file does not compile. The message is that of the compiler, with the lines of the source.
    ImportError
        If the module defines no environment or several, or raised an exception when it was loaded before.
    RuntimeError
        For `sanitize`, if the libraries of the sanitizers are not there.
    Exception
        Whatever the module raises when it is loaded.
    """
    source = Path(path).expanduser().resolve()
    if source.suffix != ".pyx":
        is_link = Path(path).suffix == ".pyx"
        target = f", a link to {str(source)!r}: give that file a name that ends in .pyx" if is_link else ""
        raise ValueError(f"path must end in .pyx, got {str(path)!r}{target}")
    if not source.stem.isidentifier():
        raise ValueError(f"the name of the file must be a Python identifier, got {source.name!r}")
    if not source.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    variant = "sanitize" if sanitize else "debug" if debug else "release"
    if sanitize and not hasattr(ctypes.CDLL(None), "__asan_init"):
        raise RuntimeError(
            "sanitized code runs only where the libraries of the sanitizers came first: python -m puffer.sanitize "
            f"{source.name}"
        )
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


find_modules()

# What modules raised when they were loaded. An extension module that raised cannot be loaded a second time.
_raised: dict[str, BaseException] = {}


def _module(source: Path, variant: str) -> ModuleType:
    everything = folder_of_modules()
    folder, file = everything / _key(source, variant), file_name(source.stem)
    compiled = find(folder, file) or _compile(source, variant, folder, file)
    # The package separates files of the same name, and versions of the same file.
    name = f"{compiled.parent.name}.{source.stem}"
    if name in _raised:
        error = _raised[name]
        raise ImportError(
            f"{source} raised {type(error).__name__} when it was loaded: {error}. Change the file, or start the "
            "program again to load it a second time"
        ) from error
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_of(name, compiled)
    assert spec.loader is not None
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except BaseException as error:
        # Also of an interrupt: half of the module would be loaded.
        _raised[name] = error
        raise
    return sys.modules.setdefault(name, module)


def _compile(source: Path, variant: str, folder: Path, file: str) -> Path:
    """Compile a source into an entry of the cache. Returns the place of the module."""
    package = next(_free_names(folder, source.stem))
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [sys.executable, "-c", _BUILD, json.dumps([str(source), package, scratch, variant])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(module_path())}
        failed, output = _watched(f"compiling {source.name}", command, cwd=source.parent, env=environment)
        built = Path(scratch, package)
        if failed or not (built / file).exists():
            raise BuildError(_message(source, output))
        try:
            return add(folder, built, file, _files_read(source, Path(scratch)))
        except FileExistsError:
            # Another program was faster.
            return find(folder, file) or _compile(source, variant, folder, file)


def _watched(what: str, command: list[str], **options: Any) -> tuple[int, str]:
    """Run a command: its exit status, and its output. On a terminal, a line says meanwhile for how long it has run."""
    start, shows = time.monotonic(), sys.stderr.isatty()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    try:
        while True:
            if shows:
                print(f"\r{what}: {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)
            try:
                output, _ = process.communicate(timeout=1 if shows else None)
                return process.returncode, output
            except subprocess.TimeoutExpired:
                pass
    finally:
        # After an interrupt it still runs.
        process.kill()
        process.wait()
        if shows:
            print(file=sys.stderr)


def _free_names(folder: Path, stem: str) -> Iterator[str]:
    """Names of packages of which neither the cache nor this program has one."""
    for number in count():
        name = package_name(folder.name, number)
        module = f"{name}.{stem}"
        if not (folder / name).exists() and module not in sys.modules and module not in _raised:
            yield name


def _files_read(source: Path, scratch: Path) -> set[Path]:
    """The files that Cython and the C compiler read, without those that they made."""
    names = json.loads((scratch / "cython.json").read_text())
    for listed in scratch.rglob("*.d"):
        # A rule of make: spaces in names, and ends of lines within the rule, stand after a backslash.
        _, _, rule = listed.read_text().replace("\\\n", " ").partition(": ")
        names += [re.sub(r"\\([ #])", r"\1", name).replace("$$", "$") for name in re.split(r"(?<!\\)\s+", rule)]
    paths = {source.parent / name for name in names if name}
    return {path for path in paths if not path.is_relative_to(scratch)}


def _message(source: Path, output: str) -> str:
    """The message of the compilers, without the traceback of Python."""
    said = output.strip().partition("\nTraceback (most recent call last):")[0].strip()
    lines = shortened(source, said).splitlines()
    missing = [line for line in output.splitlines() if line.startswith("ModuleNotFoundError")]
    if missing:
        lines = [*missing, _NEEDED]
    return "\n".join([f"{source} does not compile:", *lines])


def _key(source: Path, variant: str) -> str:
    """A hash of the source, and of what is known before a compilation to matter to it."""
    files = [source, *sorted(path for pattern in _NEIGHBOURS for path in source.parent.glob(pattern))]
    # Names that a file includes are found from its folder.
    parts = [str(source.parent), *(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)]
    parts += [source.stem, variant, sys.version, *map(str, _builders())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


@cache
def _builders() -> tuple[object, ...]:
    """The versions of the compilers and of the compiled packages: puffer, Cython, NumPy and the C compiler; the way."""
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
        digest(Path(__file__).with_name("building.py")),
        Cython.__version__,
        np.__version__,
        compiler,
        version,
        *map(os.environ.get, _VARIABLES),
    )
