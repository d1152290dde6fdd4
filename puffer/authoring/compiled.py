"""The cache of compiled modules: an entry holds a module and a record of every file that its compilation read."""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from puffer.authoring.caching import cache_folder

_RECORD = "record.json"


def folder_of_modules() -> Path:
    """The folder of the cache, which belongs to this user alone; made if it is not there.

    A folder that cannot be written, or is another user's, is not used: a warning names it, and a temporary folder
    stands in for it until this program ends.
    """
    try:
        folder = cache_folder() / "pyx"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user")
        folder.chmod(0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} cannot be written")
    except (OSError, RuntimeError) as error:
        return _stand_in(str(error))
    return folder


@cache
def _stand_in(reason: str) -> Path:
    folder = tempfile.mkdtemp(prefix="puffer-pyx-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    warnings.warn(
        f"compiled environments are not kept after this program, because their cache cannot be used: {reason}. Set the "
        "variable XDG_CACHE_HOME to a folder of yours that can be written",
        stacklevel=2,
    )
    return Path(folder)


def find(folder: Path, module: str) -> Path | None:
    """The module, a file of that name, of an entry in `folder` whose record fits all files as they are now."""
    if not _is_own(folder, stat.S_ISDIR):
        return None
    for entry in sorted(folder.iterdir()):
        if is_current(entry, module):
            return entry / module
    return None


def add(folder: Path, entry: Path, module: str, read: Iterable[str | os.PathLike[str]]) -> Path:
    """Make `entry`, a folder in the cache that holds the module, an entry of `folder` with the same name.

    Returns the place of the module. It is there whole or not at all, also after a crash of the machine.
    Raises FileExistsError if there is an entry of that name.
    """
    record = {
        "module": digest(entry / module),
        "read": {os.fspath(path): digest(path) for path in sorted(map(os.fspath, read))},
    }
    (entry / _RECORD).write_text(json.dumps(record))
    entry.chmod(0o700)
    for name in (module, _RECORD):
        (entry / name).chmod(0o700)
        _flush(entry / name)
    _flush(entry)
    if not _is_own(folder, stat.S_ISDIR):
        _remove(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        entry.replace(folder / entry.name)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(f"{folder / entry.name} is there already") from None
        raise
    _flush(folder)
    return folder / entry.name / module


def digest(path: str | os.PathLike[str]) -> str | None:
    """A hash of the content of a file; None if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def is_current(entry: Path, module: str) -> bool:
    """Whether the module of an entry can be used: its record fits all files as they are now.

    An entry that is damaged, or holds a file of another user, is removed.
    """
    files = (entry / module, entry / _RECORD)
    try:
        if not (_is_own(entry, stat.S_ISDIR) and all(_is_own(file, stat.S_ISREG) for file in files)):
            raise ValueError
        record = json.loads((entry / _RECORD).read_text())
        expected, read = record["module"], record["read"].items()
        if expected is None or digest(entry / module) != expected:
            raise ValueError
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        _remove(entry)
        return False
    return all(digest(path) == known for path, known in read)


def _is_own(path: Path, has_kind: Callable[[int], bool]) -> bool:
    """Whether nobody but this user, and root, could have written a file or folder of that kind."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return has_kind(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
