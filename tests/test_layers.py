"""The layers of the package: modules import from their own layer and from lower ones, and rooms form no cycles."""

import ast
import re
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import puffer

PACKAGE = Path(puffer.__file__).parent

# The rooms (the modules and folders of the package) by layer, from the ground up.
LAYERS = [
    ["_version", "checks", "errors", "notebooks", "options", "pictures", "rendering", "rng"],
    ["layout", "native"],
    # What `from puffer cimport` gives: names of C, which lie in the rooms below.
    ["__init__.pxd", "_core", "env", "wrappers"],
    ["backends"],
    ["authoring"],
    ["ocean", "systems"],
    ["emulation", "origin", "registry", "vector", "window"],
    ["faces"],
    # The package itself has the public names. Some modules are public by two names.
    ["", "building", "checking", "spaces"],
    ["evaluation", "measuring", "recording", "testing"],
    ["__main__", "bench", "check", "install", "new", "play", "programs", "record", "replay", "sanitize", "train"],
]
PROGRAMS = ["__main__", "bench", "check", "install", "new", "play", "record", "replay", "sanitize", "train"]

# Imports that go up, by module and room, until they are turned round.
NOT_YET: set[tuple[str, str]] = set()

CYTHON_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?(c?import)[ \t]+(\([^)]*\)|.*)", re.MULTILINE)


def sources():
    """The source files, and the name of the module of each, without "puffer." in front."""
    for path in sorted(PACKAGE.rglob("*")):
        # The template of a new environment is a package of its own.
        if path.suffix in (".py", ".pyx", ".pxd") and "template" not in path.parts:
            parts = path.relative_to(PACKAGE).with_suffix("").parts
            is_cimported = path == PACKAGE / "__init__.pxd"
            yield path, path.name if is_cimported else ".".join(part for part in parts if part != "__init__")


def python_imports(path):
    """The modules that a file imports, and (module, name) for `from module import name`."""
    nodes = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)
        is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        # The public names that are heavy are imported when they are used.
        is_lazy = path.parent == PACKAGE and path.name == "__init__.py" and isinstance(node, ast.FunctionDef)
        if not is_for_types and not is_lazy:
            nodes += ast.iter_child_nodes(node)


def cython_imports(path):
    for module, kind, names in CYTHON_IMPORT.findall(path.read_text()):
        module = "puffer.__init__.pxd" if (module, kind) == ("puffer", "cimport") else module
        for name in names.strip("()").split("#")[0].split(","):
            name = name.split(" as ")[0].strip()
            yield (module, name) if module else (name, "")


@cache
def edges():
    """The imports between rooms, as (the importing module, its room, the room that it imports from)."""
    found = set()
    for path, module in sources():
        for imported, name in (python_imports if path.suffix == ".py" else cython_imports)(path):
            top, _, rest = f"{imported}.{name}".partition(".")
            if top == "puffer":
                found.add((module, room_of(module), room_of(rest)))
    return found


@cache
def rooms():
    return {"__init__.pxd", *(module.partition(".")[0] for _, module in sources() if module != "__init__.pxd")}


def room_of(module):
    """The room of a module, or that of the package itself for one of its public names."""
    room = "__init__.pxd" if module.startswith("__init__.pxd") else module.partition(".")[0]
    return room if room in rooms() else ""


def test_every_room_has_a_layer():
    assert sorted(room for layer in LAYERS for room in layer) == sorted(rooms())


def test_no_import_goes_up():
    height = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}
    up = {(module, imported) for module, room, imported in edges() if height[imported] > height[room]}
    assert up == NOT_YET


def test_no_rooms_import_each_other():
    needed = defaultdict(set)
    for module, room, imported in edges():
        if room != imported and (module, imported) not in NOT_YET:
            needed[room].add(imported)
    # Raises CycleError, with the rooms.
    TopologicalSorter(needed).prepare()


def test_programs_are_for_nobody():
    assert not {(module, imported) for module, room, imported in edges() if imported in PROGRAMS and room != imported}
