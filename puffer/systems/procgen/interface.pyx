"""Procgen's library: finding it in the package, and the functions of its C interface."""
import ctypes
from importlib.util import find_spec
from pathlib import Path

from libc.stdint cimport uintptr_t

from puffer.systems.requirements import require

# In the order of the fields.
_FUNCTIONS = ("libenv_version", "libenv_make", "libenv_set_buffers", "libenv_act", "libenv_observe", "libenv_close",
              "get_state", "set_state")


cdef bytes load_library(library_t* library):
    """Find the functions of the library, unless they are there, and return the folder with its pictures.

    Raises ImportError if the package is missing; the message has the line that installs it.
    """
    require("procgen")
    # Not imported: the package's own module needs gym.
    spec = find_spec("procgen")
    folder = Path(spec.origin).parent / "data"
    paths = sorted(folder.glob("prebuilt/libenv.*"))
    if not paths or not (folder / "assets").is_dir():
        raise ImportError(f"{folder} lacks the library of the package procgen or its pictures: "
                          f"python -m puffer.install procgen")
    if library.make == NULL:
        try:
            loaded = ctypes.CDLL(str(paths[0]))
            addresses = [ctypes.cast(loaded[name], ctypes.c_void_p).value for name in _FUNCTIONS]
        except (OSError, AttributeError) as error:
            raise ImportError(f"the library of the package procgen cannot be loaded: {error}") from error
        if loaded.libenv_version() != LIBRARY_VERSION:
            raise ImportError(f"{paths[0]} has interface {loaded.libenv_version()} in place of {LIBRARY_VERSION}")
        for k, address in enumerate(addresses):
            (<uintptr_t*>library)[k] = address
    return bytes(folder / "assets") + b"/"
