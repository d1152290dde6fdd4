"""Files of scenes, read before the simulator reads them: at a malformed one it ends the process, or never returns."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn


def checked_scenes(scenes: Any) -> list[str]:
    """The paths of the scenes, each of which is a file that the simulator can read.

    Raises TypeError for other things than paths, and ValueError for a file that is missing or malformed, with the
    field that is wrong.
    """
    if isinstance(scenes, (str, bytes)) or not isinstance(scenes, Sequence):
        raise TypeError(f"scenes must be a sequence of paths, got {scenes!r}")
    if not scenes:
        raise ValueError("scenes must have at least one path, got none")
    for k, scene in enumerate(scenes):
        if not isinstance(scene, (str, os.PathLike)):
            raise TypeError(f"scenes[{k}] must be a path, got {scene!r}")
        if not Path(scene).is_file():
            raise ValueError(f"scenes[{k}] must be the path of a scene, got {str(scene)!r}, which is not a file")
    paths = [str(scene) for scene in scenes]
    for path in dict.fromkeys(paths):
        _read(path)
    return paths


def _read(path: str) -> None:
    """Check a file. Raises ValueError."""
    try:
        scene = json.loads(Path(path).read_bytes(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"scenes has {path}, which is not JSON: {error}") from None
    try:
        _check_fields("", scene, _SCENE)
    except _MalformedError as error:
        raise ValueError(f"scenes has {path}, whose {error}") from None


class _MalformedError(Exception):
    """The field that is wrong, and how."""


def _refuse(field: str, rule: str, value: Any) -> NoReturn:
    text = repr(value)
    raise _MalformedError(f"{field or 'whole'} must be {rule}, got {text if len(text) <= 80 else text[:77] + '...'}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


# ---- Rules, which raise _MalformedError; that of a field that may be missing is an _Optional ----

_Rule = Callable[[str, Any], None]


class _Optional:
    def __init__(self, rule: _Rule) -> None:
        self.rule = rule


def _check_fields(field: str, value: Any, rules: Mapping[str, _Rule | _Optional]) -> None:
    if not isinstance(value, dict):
        _refuse(field, "an object", value)
    for name, rule in rules.items():
        inner = f"{field}.{name}" if field else name
        if name in value:
            (rule.rule if isinstance(rule, _Optional) else rule)(inner, value[name])
        elif not isinstance(rule, _Optional):
            raise _MalformedError(f"{inner} is missing")


def _object(**rules: _Rule | _Optional) -> _Rule:
    return lambda field, value: _check_fields(field, value, rules)


def _items(rule: _Rule, least: int = 0) -> _Rule:
    def check(field: str, value: Any) -> None:
        if not isinstance(value, list) or len(value) < least:
            _refuse(field, f"a list of at least {least}" if least else "a list", value)
        for k, item in enumerate(value):
            rule(f"{field}[{k}]", item)

    return check


def _text(field: str, value: Any) -> None:
    if not isinstance(value, str):
        _refuse(field, "a string", value)


def _truth(field: str, value: Any) -> None:
    if not isinstance(value, bool):
        _refuse(field, "true or false", value)


def _whole(field: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(field, "an integer", value)


def _real(field: str, value: Any) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        _refuse(field, "a finite number", value)


def _point(field: str, value: Any) -> None:
    # The most frequent field by far, so not by way of the general rule.
    if not isinstance(value, dict):
        _refuse(field, "an object", value)
    for axis in ("x", "y"):
        if axis not in value:
            raise _MalformedError(f"{field}.{axis} is missing")
        _real(f"{field}.{axis}", value[axis])


_FIELDS_OF_OBJECT = _object(
    id=_whole,
    type=_text,
    position=_items(_point, 1),
    velocity=_items(_point, 1),
    heading=_items(_real, 1),
    valid=_items(_truth, 1),
    width=_real,
    length=_real,
    height=_Optional(_real),
    goalPosition=_point,
    mark_as_expert=_Optional(_truth),
)


def _moving(field: str, value: Any) -> None:
    """The rule of an object."""
    _FIELDS_OF_OBJECT(field, value)
    steps = len(value["position"])
    for name in ("velocity", "heading", "valid"):
        if len(value[name]) != steps:
            raise _MalformedError(
                f"{field}.{name} must have {steps} items, as its position has, got {len(value[name])}"
            )


_SCENE: dict[str, _Rule | _Optional] = {
    "name": _text,
    "scenario_id": _text,
    "objects": _items(_moving),
    "roads": _items(
        _object(geometry=_items(_point, 1), type=_text, id=_Optional(_whole), map_element_id=_Optional(_whole))
    ),
    "metadata": _object(
        sdc_track_index=_whole,
        tracks_to_predict=_items(_object(track_index=_whole)),
        objects_of_interest=_items(_whole),
    ),
}
