"""Ids that packages register with Gymnasium, such as "MiniGrid-Empty-5x5-v0", as names of environments.

They are read from the sources. The packages register them when they are imported, which is slow and makes Gymnasium
list them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from puffer.systems.requirements import folders


def in_source(package: str, pattern: str) -> list[str]:
    """The matches of a pattern's one group in the sources of a package, which is not imported; empty without it."""
    found: list[str] = []
    for folder in folders(package):
        for path in sorted(folder.rglob("*.py")):
            found += re.findall(pattern, path.read_text(errors="replace"))
    return found


def bare(id: str, prefix: str) -> str:
    """An id without version and prefix."""
    return _unversioned(id).removeprefix(prefix)


def newest(name: str, ids: Sequence[str], prefix: str) -> str | None:
    """The id that `name` stands for, or None.

    The name may have the prefix and the version, or lack them. Without a version it is the newest one.
    """
    chosen = [id for id in ids if name in (id, id.removeprefix(prefix), _unversioned(id), bare(id, prefix))]
    return max(chosen, key=lambda id: int(id.rpartition("-v")[2]), default=None)


def _unversioned(id: str) -> str:
    return re.sub(r"-v\d+$", "", id)
