"""`--list`: every environment, with its spaces and a description."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import gymnasium
from gymnasium import spaces
from rich.table import Table
from rich.text import Text

import puffer
from puffer.bench.plan import one_line
from puffer.measuring.tables import console, new_table
from puffer.programs import FAILED
from puffer.systems.requirements import SYSTEMS, missing

# The longest description, in characters.
_LONGEST = 120
# The least columns of a terminal that has room for descriptions.
_DESCRIBED = 72


class _Entry(NamedTuple):
    native: bool
    name: str
    agents: int
    observation: str
    action: str
    description: str


def show(words: Sequence[str] = (), is_installed: bool = False) -> int:
    """Print the environments that can be made here, those that cannot, with the reasons, and the names of the systems.

    Environments of systems are not made: there are hundreds, and it would take minutes.

    Parameters
    ----------
    words : sequence of str
        Only names that have one of these in them, or fit it as a pattern with the signs *, ? and []; none for all.
    is_installed : bool
        Only those of packages that are installed.

    Returns 0, or FAILED if no name has any of the words.
    """
    chosen = [name for name in puffer.list_envs(is_installed) if not words or any(_fits(name, word) for word in words)]
    if not chosen:
        print(f"no environment is called anything like {' or '.join(words)}")
        return FAILED
    entries: list[_Entry] = []
    reasons: dict[str, list[str]] = {}
    systems: dict[str, list[str]] = {}
    for name in chosen:
        system = name.partition("-")[0]
        if system in SYSTEMS:
            systems.setdefault(system, []).append(name)
            continue
        try:
            entries.append(_entry(name))
        except Exception as error:  # an environment of a third party may raise anything
            reasons.setdefault(one_line(error), []).append(name)
    out = console()
    if entries:
        out.print(_table(entries, out.width))
    for reason, names in reasons.items():
        out.print(Text.assemble(("\nCannot be made here: ", "bold"), (reason, "yellow")))
        out.print(Text(", ".join(names), "dim"))
    for system, names in systems.items():
        lacking = f", not installed: python -m puffer.install {system}" if missing(system) else ""
        out.print(Text.assemble((f"\n{system}", "bold cyan"), f" ({len(names)})", (lacking, "yellow")))
        out.print(Text(", ".join(names), "dim"))
    return 0


def _fits(name: str, word: str) -> bool:
    name, word = name.lower(), word.lower()
    return fnmatchcase(name, word) if set(word) & set("*?[") else word in name


def _table(entries: list[_Entry], width: int) -> Table:
    """The table, without descriptions where they would have a few letters to a line."""
    table = new_table()
    is_described = width >= _DESCRIBED
    table.add_column("env", style="bold cyan", no_wrap=True)
    table.add_column("agents", justify="right")
    for header in ("observation", "action", "")[: 3 if is_described else 2]:
        table.add_column(header, overflow="fold")
    # Native ones first.
    for entry in sorted(entries, key=lambda entry: (not entry.native, entry.name)):
        description = [entry.description] if is_described else []
        table.add_row(entry.name, str(entry.agents), entry.observation, entry.action, *description)
    return table


def _entry(name: str) -> _Entry:
    env = puffer.make(name, 1)
    native = env.native_env is not None
    if native:
        # It begins with the environment's own name, which the table has already.
        description = _first_sentence(inspect.getmodule(type(env.native_env)).__doc__).partition(": ")[2]
    else:
        description = _described_by_gymnasium(name)
    observation, action = in_words(env.single_observation_space), in_words(env.single_action_space)
    env.close()
    return _Entry(native, name, env.agents_per_env, observation, action, description)


def in_words(space: gymnasium.Space) -> str:
    """A space in a few words: float32 (4,), or Discrete(2)."""
    if isinstance(space, spaces.Box):
        return f"{space.dtype} {space.shape}"
    if isinstance(space, spaces.Discrete):
        return f"Discrete({space.n})"
    return str(space)


def _described_by_gymnasium(name: str) -> str:
    """The first sentence about one of Gymnasium's environments; empty for other environments."""
    spec = gymnasium.registry.get(name.removeprefix("gym-"))
    entry = "" if spec is None else spec.entry_point
    if isinstance(entry, str):
        module, _, attribute = entry.partition(":")
        entry = getattr(importlib.import_module(module), attribute, None) if attribute else None
    return _first_sentence(inspect.getdoc(entry) if inspect.isclass(entry) else None)


def _first_sentence(docstring: str | None) -> str:
    """The first sentence of a docstring, without headings and the addresses of Markdown's links."""
    lines = (docstring or "").strip().splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("#")):  # headings
        lines.pop(0)
    paragraph = lines[: lines.index("")] if "" in lines else lines
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", " ".join(line.strip() for line in paragraph))
    return textwrap.shorten(text.partition(". ")[0].rstrip("."), _LONGEST, placeholder=" …")
