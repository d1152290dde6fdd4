"""The class attributes of a native environment, checked when an object of the class is made."""

from __future__ import annotations

from functools import cache
from typing import Any

# What stats() returns of every environment.
_TAKEN = ("episodes", "episode_return", "episode_length")
_MODES = ("rgb_array", "ansi")
_NAMES = ("statistic_names", "row_info_names", "render_modes")


@cache
def require_attributes(cls: Any) -> None:
    """Raise TypeError or ValueError for an attribute of a class that cannot be meant."""
    # A property, where parameters change it, has its value in objects alone.
    names = [name for name in _NAMES if not hasattr(getattr(cls, name), "__get__")]
    for name in names:
        value = getattr(cls, name)
        if not isinstance(value, (tuple, list)) or not all(isinstance(one, str) for one in value):
            comma = f"; write ({value!r},)" if isinstance(value, str) else ""
            raise TypeError(f"{cls.__name__}.{name} must be a tuple of str, got {value!r}{comma}")
        if len(set(value)) < len(value):
            raise ValueError(f"the names in {cls.__name__}.{name} must be different, got {value!r}")
    if "statistic_names" in names:
        _require_free(cls)
    if "render_modes" in names:
        _require_known(cls)
    version = cls.version
    if not hasattr(version, "__get__") and (not isinstance(version, int) or version < 0):
        raise TypeError(f"{cls.__name__}.version must be an int of at least 0, got {version!r}")
    limit = cls.default_max_steps
    if isinstance(limit, (int, float, str)) and not (isinstance(limit, int) and limit >= 1):
        raise TypeError(f"{cls.__name__}.default_max_steps must be None or an int of at least 1, got {limit!r}")
    size = cls.render_size
    is_size = isinstance(size, (tuple, list)) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    if isinstance(size, (int, float, str, tuple, list)) and not is_size:
        raise TypeError(f"{cls.__name__}.render_size must be (width, height) in pixels, got {size!r}")


def _require_free(cls: Any) -> None:
    taken = [name for name in cls.statistic_names if name in _TAKEN]
    if taken:
        raise ValueError(
            f"{cls.__name__}.statistic_names has {taken[0]!r}, which stats() has of every environment; use another name"
        )


def _require_known(cls: Any) -> None:
    unknown = [mode for mode in cls.render_modes if mode not in _MODES]
    if unknown:
        raise ValueError(f"{cls.__name__}.render_modes may have {', '.join(map(repr, _MODES))}, got {unknown[0]!r}")
