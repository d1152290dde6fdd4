"""The wheel of puffer, and an example package built against it and used with it, away from the repository.

The example is the one in C. The other is the package that `puffer.new` writes, and the pages in docs/ build that.
"""

import ast
import re
import shutil
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging_help import INSTALL, PIP, ROOT, output

from puffer.authoring.building import VARIANTS
from puffer.bench.peers import PEERS
from puffer.systems.requirements import SYSTEMS, extras

BUILT_FROM = ("puffer", "setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
# What asks for each variant of a build.
VARIABLES = {"release": {}, "debug": {"PUFFER_DEBUG": "1"}, "sanitize": {"PUFFER_SANITIZE": "1"}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of puffer, from a copy of the tree and of what its build has made, so that nothing is compiled."""
    tree = tmp_path_factory.mktemp("wheel") / "tree"
    variant = next((one for one in VARIANTS if (ROOT / "build" / f"cython-{one}").exists()), "release")
    for name in (*BUILT_FROM, f"build/cython-{variant}", f"build/{variant}/"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("tree", "__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, tree / name)
    wheels = tree.parent / "wheels"
    options = ("-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", wheels)
    output(*PIP, "wheel", *options, tree, cwd=tree.parent, **VARIABLES[variant])
    (file,) = wheels.iterdir()
    with zipfile.ZipFile(file) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    """The metadata of the wheel."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def place(wheel, tmp_path_factory):
    """A folder with a copy of the example, and `installed`: puffer as in its wheel, and the example built there."""
    place = tmp_path_factory.mktemp("place")
    wheel.extractall(place / "installed")
    ignored = shutil.ignore_patterns("build", "*.so", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "examples" / "custom_env_c", place / "lander", ignore=ignored)
    output(*PIP, *INSTALL, "--target", "installed", "./lander", cwd=place, path=[place / "installed"])
    return place


@pytest.fixture
def away(place):
    """Runs Python away from the repository; returns what it prints."""
    return lambda *arguments: output("-W", "error", *arguments, cwd=place, path=[place / "installed"])


def test_the_wheel_has_all_that_extensions_are_built_from(wheel):
    shipped = {name for name in wheel.namelist() if name.startswith("puffer/")}
    suffixes = (".py", ".pyx", ".pxd", ".pyi", ".h", ".typed", ".toml", ".md", ".gitignore")
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "puffer").rglob("*") if path.name.endswith(suffixes)}
    assert {name for name in shipped if name.endswith(suffixes)} == ours
    modules = {name.partition(".")[0] for name in shipped if name.endswith(".so")}
    sources = {name.removesuffix(".pyx") for name in ours if name.endswith(".pyx") and "template" not in name}
    assert modules == sources | {"puffer/_cyutility"}


def test_the_wheel_has_an_extra_for_every_system(metadata):
    names = set(metadata.get_all("Provides-Extra"))
    assert names == {
        *extras(),
        "human",
        "images",
        "play",
        "plot",
        "ray",
        "record",
        "bench",
        "train",
        "trainers",
        "author",
        "test",
        "site",
        "lint",
    }
    for extra, requirements in extras().items():
        declared = [line for line in metadata.get_all("Requires-Dist") if f'extra == "{extra}"' in line]
        assert [package_of(line) for line in declared] == [package_of(line) for line in requirements]


def package_of(requirement):
    """The package that a requirement names, as pip compares names."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


# Modules whose package has another name.
PACKAGES = {"cv2": "opencv-python-headless", "PIL": "pillow", "pygame": "pygame-ce"}


def test_every_imported_package_is_declared(metadata):
    declared = {package_of(line) for line in metadata.get_all("Requires-Dist")}
    # `puffer.install` installs the systems, people install the peers, and older Gym is in other interpreters.
    others = {name for system in SYSTEMS.values() for names in system.imports for name in names.split(" or ")}
    others |= {name for peer in PEERS.values() for name in peer.pip.split()} | {"gym"}
    # TorchRL brings it.
    others |= {"tensordict"}
    files = [path for path in (ROOT / "puffer").rglob("*.py") if "template" not in path.parts]
    imported = {name for path in files for name in imports_of(path)} - {"puffer", *sys.stdlib_module_names}
    assert {"numpy", "rich", "psutil", "cloudpickle"} <= imported
    missing = {package_of(PACKAGES.get(name, name)) for name in imported - others} - declared
    assert missing == set()


def imports_of(path):
    """The top-level packages that a module imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_the_example_is_found_and_runs_with_the_installed_puffer(place, away):
    code = """
import puffer
from puffer.bench import program as bench
from puffer.new import program as new
print(puffer.__file__)
env = puffer.make("lander", num_envs=1024)
print(type(env.unwrapped.native_env).__name__, "lander" in puffer.list_envs())
env.reset(seed=0)
for _ in range(300):
    env.step(env.action_space.sample())
print(env.stats()["episodes"] > 1024)
short = "--seconds 0.02 --repeats 2 --num-envs 8 --num-threads 1 --compare none"
print(bench.main(["lander", *short.split()]), new.main(["another"]))
"""
    file, names, ended, *table = away("-c", code).splitlines()
    assert Path(file) == place / "installed" / "puffer" / "__init__.py"
    assert (names, ended, table[-1]) == ("Lander True", "True", "0 0")
    assert any(line.startswith(" lander") for line in table)
    files = {path.name for path in (place / "another").iterdir()}
    assert files == {"another.pyx", "test_another.py", "pyproject.toml", "setup.py", "README.md", ".gitignore"}


def test_the_tests_of_the_example_pass(away):
    assert " passed" in away("-m", "pytest", "-q", "-p", "no:cacheprovider", "lander")
