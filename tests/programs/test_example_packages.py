"""The packages in examples/, built against the wheel of puffer and used with it, away from the repository."""

import shutil
import zipfile
from typing import NamedTuple

import pytest
from packaging_help import INSTALL, PIP, ROOT, output

from puffer.authoring.building import VARIANTS


class Example(NamedTuple):
    """A package: its folder, its environment, and the class of that."""

    folder: str
    name: str
    cls: str


EXAMPLES = [Example("custom_env", "custom_env", "CustomEnv"), Example("custom_env_c", "lander", "Lander")]
BUILT_FROM = ("puffer", "setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
# What asks for each variant of a build.
VARIABLES = {"release": {}, "debug": {"PUFFER_DEBUG": "1"}, "sanitize": {"PUFFER_SANITIZE": "1"}}
SHORT = ("--seconds", "0.02", "--repeats", "2", "--num-envs", "1,8", "--num-threads", "1", "--compare", "none")


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
    return file


@pytest.fixture(scope="module")
def place(wheel, tmp_path_factory):
    """A folder with copies of the examples, and `installed`: puffer from its wheel, and the examples built there."""
    place = tmp_path_factory.mktemp("place")
    output(*PIP, *INSTALL, "--target", place / "installed", wheel, cwd=place)
    folders = [place / example.folder for example in EXAMPLES]
    for folder in folders:
        ignored = shutil.ignore_patterns("build", "*.so", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT / "examples" / folder.name, folder, ignore=ignored)
    output(*PIP, *INSTALL, "--target", place / "installed", *folders, cwd=place, path=[place / "installed"])
    return place


@pytest.fixture
def away(place):
    """Runs Python away from the repository; returns what it prints."""
    return lambda *arguments: output("-W", "error", *arguments, cwd=place, path=[place / "installed"])


@pytest.fixture(params=EXAMPLES, ids=lambda example: example.folder)
def example(request):
    return request.param


def test_the_wheel_has_all_that_extensions_are_built_from(wheel):
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("puffer/")}
    suffixes = (".py", ".pyx", ".pxd", ".pyi", ".h", ".typed", ".toml", ".md", ".gitignore")
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "puffer").rglob("*") if path.name.endswith(suffixes)}
    assert {name for name in shipped if name.endswith(suffixes)} == ours
    modules = {name.partition(".")[0] for name in shipped if name.endswith(".so")}
    sources = {name.removesuffix(".pyx") for name in ours if name.endswith(".pyx") and "template" not in name}
    assert modules == sources | {"puffer/_cyutility"}


def test_the_environment_is_found_and_runs_with_the_installed_puffer(example, place, away):
    program = f"""
import numpy, puffer
print(puffer.__file__)
env = puffer.make({example.name!r}, num_envs=1024)
print(type(env.unwrapped.backend).__name__, {example.name!r} in puffer.list_envs())
observations, _ = env.reset(seed=0)
for _ in range(300):
    env.step(env.action_space.sample())
print(env.stats()["episodes"] > 1024)
"""
    file, *rest = away("-c", program).splitlines()
    assert file == str(place / "installed" / "puffer" / "__init__.py")
    assert rest == [f"{example.cls} True", "True"]


def test_its_own_tests_pass(example, away):
    assert " passed" in away("-m", "pytest", "-q", "-p", "no:cacheprovider", example.folder)


def test_the_bench_measures_it(example, away):
    assert example.name in away("-m", "puffer.bench", example.name, *SHORT)


def test_new_packages_are_written_from_the_wheel(place, away):
    away("-m", "puffer.new", "another")
    files = {path.name for path in (place / "another").iterdir()}
    assert files == {"another.pyx", "test_another.py", "pyproject.toml", "setup.py", "README.md", ".gitignore"}
