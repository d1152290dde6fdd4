"""The settings that are stored for environments, in `settings.toml`."""

from __future__ import annotations

import sys
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from puffer import checks
from puffer.train.ppo import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("settings.toml")
# What an entry has beside settings of the learner.
_OTHERS = ("options", "solved")


class Stored(NamedTuple):
    """An entry: settings of the learner, options of the environment, and the return at which it counts as solved."""

    settings: dict[str, Any]
    options: dict[str, Any]
    solved: float | None


@cache
def entries() -> dict[str, dict[str, Any]]:
    """All entries, by the name of the environment."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def stored(name: str) -> Stored:
    """The entry of an environment; an empty one if it has none."""
    entry = entries().get(name.removeprefix("ocean-"), {})
    settings = {key: value for key, value in entry.items() if key not in _OTHERS}
    return Stored(settings, entry.get("options", {}), entry.get("solved"))


def settings_of(name: str, given: dict[str, Any]) -> Settings:
    """The settings of the learner for an environment: those given, else those stored, else the defaults.

    Raises TypeError or ValueError for a wrong one.
    """
    checks.arguments("the trainer", given, [field.name for field in fields(Settings)])
    return Settings(**{**stored(name).settings, **given})
