"""Writes a page and a picture for every native environment, and a page with their table, to docs/environments/.

    python docs/generate.py

The text of a page comes from the environment: the docstrings of its module and class, its parameters and its spaces.
The picture shows one copy after some steps of random play. Where the trainer is known to solve an environment, its page
has a film of trained play instead, which docs/gallery.py writes. A new environment needs no edit here.
"""

from __future__ import annotations

import inspect
import random
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gymnasium import spaces
from PIL import Image

import puffer
from puffer.bench.listing import in_words
from puffer.faces.gymnasium import gymnasium_id
from puffer.registry import find, parameters

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent / "environments"
# Read from the file, because `puffer.train` needs torch.
SETTINGS = Path(puffer.__file__).parent / "train" / "settings.toml"
FOOTER = "`make docs` writes this page from the docstrings."
# For a picture: steps of random play, the distance between the steps that are compared, and the seed.
STEPS, STRIDE, SEED = 120, 3, 0
# Parameters of a picture that shows more than the defaults do.
SHOWN = {"ocean-drive": {"scenario": "crossing", "agents": 16}}
# Copies of the example.
COPIES = 64

_FIELD = re.compile(r"([A-Z]\w*(?: \w+)*) {2,}(\S.*)")
# The end of class docstrings, for readers of the source.
_REFERENCE = re.compile(
    r"(?:^|[;.] )[Tt]he options are those of `puffer\.Env`\.( See the module's docstring for the rules\.)?$"
)
_COMMON = "The docstring of `puffer.make` has the parameters that all environments take."
# The heading of a section of a numpydoc docstring.
_SECTION = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)


class Rules(NamedTuple):
    """The docstring of an environment's module, in its parts."""

    title: str
    summary: str
    fields: dict[str, str]
    remarks: list[str]


def names() -> list[str]:
    """The environments that have a page."""
    return [name for name in puffer.list_envs() if name.startswith("ocean-")]


def trained_names() -> list[str]:
    """Those that the trainer is known to solve, which have a film."""
    entries = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    return [name for name in names() if "solved" in entries.get(file_name(name), {})]


def film_name(own: str) -> str:
    return f"{own}.webp"


def file_name(name: str) -> str:
    return name.removeprefix("ocean-")


def short_name(name: str) -> str:
    """The shortest name by which `puffer.make` knows an environment: a system of others may have the rest of it."""
    return file_name(name) if find(file_name(name)) is find(name) else name


def rules(name: str) -> Rules:
    """The docstring of the environment's module. Raises ValueError if it has no title or no fields."""
    head, *paragraphs = inspect.cleandoc(inspect.getmodule(find(name)).__doc__).split("\n\n")
    title, _, summary = _unwrapped(head).partition(": ")
    fields = [paragraph for paragraph in paragraphs if _FIELD.match(paragraph)]
    if not summary or not fields:
        raise ValueError(f'the docstring of {name} must begin with "Title: summary." and have labelled fields')
    remarks = [_unwrapped(paragraph) for paragraph in paragraphs if paragraph not in fields]
    return Rules(title, summary[0].upper() + summary[1:], _fields("\n".join(fields)), remarks)


def _fields(block: str) -> dict[str, str]:
    """The labelled fields in some lines. An indented line continues the field above it."""
    fields: dict[str, str] = {}
    label = ""
    for line in block.splitlines():
        match = _FIELD.match(line)
        if match:
            label, fields[label] = match[1], match[2]
        else:
            fields[label] += f" {line.strip()}"
    return fields


def _unwrapped(paragraph: str) -> str:
    """A paragraph on one line, or a list with a line for each item."""
    return re.sub(r"\s*\n(?!- )\s*", " ", paragraph.strip())


# ---- Pages ----


def page(name: str) -> str:
    """The page of an environment, in Markdown."""
    env = puffer.make(name, COPIES, num_threads=1)
    about = rules(name)
    parts = [
        f"# {about.title}",
        *(_escaped(text) for text in (about.summary, *about.remarks)),
        *_picture_of(name, about.title),
        _table(_facts(name, env)),
        "## Rules",
        _table([(f"**{label}**", _escaped(text)) for label, text in about.fields.items()]),
        "## Parameters",
        *_parameters(name),
        "## Example",
        _example(short_name(name), env),
        FOOTER,
    ]
    env.close()
    return "\n\n".join(parts) + "\n"


def _picture_of(name: str, title: str) -> list[str]:
    """The film of trained play, or else the picture of random play."""
    own = file_name(name)
    if name not in trained_names():
        return [f"![{title} during random play]({own}.png)"]
    learned = f"`python -m puffer.train {short_name(name)}` learned to play like this."
    return [
        f"![{title}, played by a trained policy]({film_name(own)})",
        f"{learned} [Training](../training.md) has more.",
    ]


def index() -> str:
    """The page with the table of all environments, in Markdown."""
    head = "These are the native environments. `puffer.make` takes their names, and their pages have the rules."
    return f"# Environments\n\n{head}\n\n{table_of_all()}\n\n{FOOTER}\n"


def table_of_all() -> str:
    """The table of all environments, in Markdown."""
    rows = [("", "name", "agents", "observation", "action", ""), ("---",) * 6]
    for name in names():
        env = puffer.make(name, 1, num_threads=1)
        own, about = file_name(name), rules(name)
        observation, action = in_words(env.single_observation_space), in_words(env.single_action_space)
        picture = f'<img src="{own}.png" width="80" alt="">'
        link = f"[`{short_name(name)}`]({own}.md)"
        rows.append((picture, link, str(env.agents_per_env), observation, action, _escaped(about.summary)))
        env.close()
    return _rows(rows)


def _facts(name: str, env: puffer.VectorEnv) -> list[tuple[str, str]]:
    cls = find(name)
    agents = str(env.agents_per_env)
    if env.agents_per_env > 1:
        agents += ", each with episodes of its own" if env.independent_agents else ", which share an episode"
    statistics = ("episode_return", "episode_length", *cls.statistic_names)
    calls = [f"`{call}`" for call in dict.fromkeys((name, short_name(name)))]
    return [
        ("**Name**", f"{', or '.join(calls)}; in Gymnasium `{gymnasium_id(cls)}`"),
        ("**Agents of a copy**", agents),
        ("**Observation space**", in_words(env.single_observation_space)),
        ("**Action space**", in_words(env.single_action_space)),
        ("**Statistics**", _codes(statistics)),
        ("**Render modes**", _codes((*cls.render_modes, "human"))),
    ]


def _parameters(name: str) -> list[str]:
    """The table of the environment's own parameters, and the remarks of its class."""
    cls = find(name)
    own = parameters(cls)
    if not own:
        return [f"None of its own. {_COMMON}"]
    text, *sections = _SECTION.split(inspect.cleandoc(cls.__doc__))
    section = dict(zip(sections[::2], sections[1::2], strict=True))
    meanings = _entries(section["Parameters"]) if "Parameters" in section else {}
    remarks = section.get("Notes", "") if meanings else text
    if meanings:
        rows = [("parameter", "type", "default", "meaning"), ("---",) * 4]
        rows += [(f"`{key}`", *_type_and_default(meanings[key][0], own[key]), meanings[key][1]) for key in own]
    else:
        rows = [("parameter", "default"), ("---",) * 2]
        rows += [(f"`{key}`", f"`{parameter.default!r}`") for key, parameter in own.items()]
    # A method of the class, which a reader of the page has through the batch.
    remarks = remarks.replace("`state(copy)`", "`env.native_env.state(copy)`")
    paragraphs = [_REFERENCE.sub(".", _unwrapped(part)).removeprefix(".") for part in remarks.split("\n\n")]
    return [_rows(rows), *(_escaped(part) for part in paragraphs if part), _COMMON]


def _entries(section: str) -> dict[str, tuple[str, str]]:
    """The type and the description of each parameter in a section of a numpydoc docstring."""
    entries: dict[str, tuple[str, str]] = {}
    for entry in re.split(r"\n(?=\S)", section.strip()):
        head, *lines = entry.split("\n")
        names, _, kind = head.partition(" : ")
        for name in names.split(", "):
            entries[name] = kind, _escaped(" ".join(line.strip() for line in lines))
    return entries


def _type_and_default(kind: str, parameter: inspect.Parameter) -> tuple[str, str]:
    return _escaped(re.sub(r", (default .*|optional)", "", kind)), f"`{parameter.default!r}`"


def _example(own: str, env: puffer.VectorEnv) -> str:
    batch, actions = env.observation_space, env.action_space
    return f"""```python
import puffer

env = puffer.make("{own}", num_envs={env.num_copies}, seed=0)
observations, info = env.reset()  # {batch.dtype} {batch.shape}
for _ in range(100):
    actions = env.action_space.sample()  # {actions.dtype} {actions.shape}
    observations, rewards, terminations, truncations, info = env.step(actions)
print(env.stats())
env.close()
```"""


def _table(pairs: list[tuple[str, str]]) -> str:
    return _rows([("", ""), ("---",) * 2, *pairs])


def _rows(rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _codes(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _escaped(text: str) -> str:
    """Text with the signs of Markdown escaped, except in backticks."""
    spans = text.split("`")
    spans[::2] = [re.sub(r"([*|<])", r"\\\1", span) for span in spans[::2]]
    return "`".join(spans)


# ---- Pictures ----


def picture(name: str) -> np.ndarray:
    """The picture of random play that differs most from the first one, (height, width, 3) uint8."""
    env = puffer.make(name, 1, num_threads=1, **SHOWN.get(name, {}))
    rng = random.Random(SEED)
    env.reset(seed=SEED)
    first = best = env.unwrapped.render_copy()
    most = 0
    for step in range(STEPS):
        env.step(_random_actions(env, rng))
        if step % STRIDE:
            continue
        frame = env.unwrapped.render_copy()
        difference = int(np.abs(frame.astype(np.int64) - first).sum())
        if difference >= most:
            best, most = frame, difference
    env.close()
    return best


def _random_actions(env: puffer.VectorEnv, rng: random.Random) -> np.ndarray:
    """Actions for every row, the same in every version of Python and NumPy."""
    space, shape = env.single_action_space, env.action_space.shape
    shares = np.array([rng.random() for _ in range(int(np.prod(shape)))]).reshape(shape)
    if isinstance(space, spaces.Box):
        low, high = (np.where(np.isfinite(bound), bound, side) for bound, side in ((space.low, -1), (space.high, 1)))
        return (low + shares * (high - low)).astype(np.float32)
    return space.start + (shares * (space.n if isinstance(space, spaces.Discrete) else space.nvec)).astype(np.int32)


def is_same_picture(path: Path, frame: np.ndarray) -> bool:
    """Whether the file shows the picture, apart from rounding that depends on the processor and the C library."""
    with Image.open(path) as image:
        shown = np.asarray(image.convert("RGB"))
    return shown.shape == frame.shape and np.abs(shown.astype(np.int64) - frame).max() <= 2


def save(path: Path, frame: np.ndarray) -> None:
    """Write a PNG file, with a palette if the picture has at most 256 colours."""
    height, width, _ = frame.shape
    colours, indices = np.unique(frame.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > 256:
        image = Image.fromarray(frame)
    else:
        image = Image.fromarray(indices.reshape(height, width).astype(np.uint8))
        image.putpalette(colours.tobytes())
    image.save(path, "PNG", optimize=True)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    texts = {"README.md": index(), **{f"{file_name(name)}.md": page(name) for name in names()}}
    for file, text in texts.items():
        (FOLDER / file).write_text(text, encoding="utf-8")
    for name in names():
        path, frame = FOLDER / f"{file_name(name)}.png", picture(name)
        # A file that already shows the picture stays, because versions of Pillow write different bytes.
        if not path.exists() or not is_same_picture(path, frame):
            save(path, frame)
    films = {film_name(file_name(name)) for name in trained_names()}
    kept = {*texts, *films, *(f"{file_name(name)}.png" for name in names())}
    for path in FOLDER.iterdir():
        if path.name not in kept:
            path.unlink()
    print(f"{len(names())} pages in {FOLDER}")


if __name__ == "__main__":
    main()
