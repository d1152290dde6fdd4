"""Files of scenes, read before the simulator reads them: at a malformed one it ends the process, or never returns.

A field is required if some version of the simulator cannot do without it.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

# The room of the simulator for the points of a road; it would read beyond them.
_MOST_POINTS = 1746
_LARGEST_FLOAT32 = 3.4028234663852886e38
_HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")


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
        read_scene(path)
    return paths


def read_scene(path: str) -> dict[str, Any]:
    """The scene that a file has. Raises ValueError, with the field that is wrong."""
    try:
        text = Path(path).read_bytes().decode()
        scene = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object_of)
        if r"\ud" in text.lower() and _HALF_OF_A_PAIR.search(json.dumps(scene, ensure_ascii=False)):
            raise ValueError("a string has half of a surrogate pair")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"scenes has {path}, which is not JSON: {error}") from None
    try:
        _check_fields("", scene, _SCENE)
    except _MalformedError as error:
        raise ValueError(f"scenes has {path}, whose {error}") from None
    return scene


class _MalformedError(Exception):
    """The field that is wrong, and how."""


def _refuse(field: str, rule: str, value: Any) -> NoReturn:
    text = repr(value)
    raise _MalformedError(f"{field or 'whole'} must be {rule}, got {text if len(text) <= 80 else text[:77] + '...'}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises ValueError for a key that is there twice, of which parsers take either value."""
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has {max(names, key=names.count)!r} twice")
    return result


# ---- Rules, which raise _MalformedError ----

_Rule = Callable[[str, Any], None]


def _check_fields(field: str, value: Any, rules: Mapping[str, _Rule]) -> None:
    if not isinstance(value, dict):
        _refuse(field, "an object", value)
    for name, rule in rules.items():
        inner = f"{field}.{name}" if field else name
        if name not in value:
            raise _MalformedError(f"{inner} is missing")
        rule(inner, value[name])


def _object(**rules: _Rule) -> _Rule:
    return lambda field, value: _check_fields(field, value, rules)


def _items(rule: _Rule, least: int = 0, most: int | None = None) -> _Rule:
    def check(field: str, value: Any) -> None:
        if not isinstance(value, list) or len(value) < least:
            _refuse(field, f"a list of at least {least}" if least else "a list", value)
        if most is not None and len(value) > most:
            raise _MalformedError(f"{field} must have at most {most} items, got {len(value)}")
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
    if not -(2**31) <= value < 2**31:
        _refuse(field, "an integer of 32 bits", value)


def _natural(field: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
        _refuse(field, "an integer from 0 to 2**32 - 1", value)


def _real(field: str, value: Any) -> None:
    # Integers are read as such first, in 64 bits.
    is_integer = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64
    if not is_integer and not (isinstance(value, float) and math.isfinite(value)):
        _refuse(field, "a finite number", value)
    if abs(value) > _LARGEST_FLOAT32:
        _refuse(field, "a number of 32 bits", value)


def _of_interest(field: str, value: Any) -> None:
    # Versions of the simulator read one or the other.
    if isinstance(value, dict):
        _check_fields(field, value, {"id": _whole})
    else:
        _whole(field, value)


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
    height=_real,
    goalPosition=_point,
    mark_as_expert=_truth,
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


def _objects(field: str, value: Any) -> None:
    _items(_moving)(field, value)
    first: dict[int, int] = {}
    for k, one in enumerate(value):
        # The simulator leaves out the second one, and plays with an empty object in its place.
        if first.setdefault(one["id"], k) != k:
            raise _MalformedError(
                f"{field}[{k}].id must be its own, got {one['id']}, as {field}[{first[one['id']]}] has"
            )


_SCENE: dict[str, _Rule] = {
    "name": _text,
    "scenario_id": _text,
    "objects": _objects,
    "roads": _items(_object(geometry=_items(_point, 1, _MOST_POINTS), type=_text, id=_natural, map_element_id=_whole)),
    "metadata": _object(
        sdc_track_index=_whole,
        tracks_to_predict=_items(_object(track_index=_whole, difficulty=_whole)),
        objects_of_interest=_items(_of_interest),
    ),
}
