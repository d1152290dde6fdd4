"""The checks of the infos of vector environments, in which every key has a mask of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from puffer.checking.vector import VectorDriver

_ADVICE = (
    "give every key k of infos a mask '_k', a bool array of shape (num_envs,) that is True for its rows, in nested "
    "dicts too; VectorEnv._add_info does so"
)


def look_at_info(driver: VectorDriver, info: dict, reset_rows: np.ndarray | None = None) -> None:
    """Report keys without masks, and values without an entry for each row. `reset_rows`: those of a partial reset."""
    _look_at(driver, info, "infos", reset_rows)


def _look_at(driver: VectorDriver, info: dict, name: str, reset_rows: np.ndarray | None) -> None:
    rows, report = driver.env.num_envs, driver.report
    for key, value in info.items():
        place = f"{name}[{key!r}]"
        if not isinstance(key, str):
            report.problem(
                f"{driver.where}: {place} has a key of type {type(key).__name__}", "use strings as keys of infos"
            )
            continue
        if key.startswith("_") and key[1:] in info:
            continue
        mask = info.get(f"_{key}")
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (rows,):
            found = "no mask" if mask is None else f"the mask {mask!r:.60}"
            report.problem(f"{driver.where}: {place} has {found}", _ADVICE)
        elif reset_rows is not None and (mask & ~reset_rows).any():
            row = int(np.argmax(mask & ~reset_rows))
            report.problem(
                f"{driver.where}: {place} is about row {row}, which was not reset",
                "return infos of the rows that were reset only",
            )
        if isinstance(value, dict):
            _look_at(driver, value, place, reset_rows)
        else:
            _look_at_column(driver, value, place)


def _look_at_column(driver: VectorDriver, value: Any, place: str) -> None:
    if not isinstance(value, np.ndarray) or value.shape[:1] != (driver.env.num_envs,):
        form = (
            f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"of type {type(value).__name__}"
        )
        driver.report.problem(
            f"{driver.where}: {place} is {form}", "make the values of infos arrays with one entry for each row"
        )
