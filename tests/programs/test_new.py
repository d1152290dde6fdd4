"""`python -m puffer.new`: the package that it writes, how that is built, and the names that it refuses.

The pages in docs/ and `test_example_packages.py` build, run and measure whole packages of this kind.
"""

import re
from pathlib import Path

import pytest
from packaging_help import INSTALL, PIP, ROOT, installed, output, run, virtual_environment

from puffer.new import program

EXAMPLES = ROOT / "examples"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(capsys, name):
    """The line on which the program refuses a name."""
    with pytest.raises(SystemExit) as raised:
        program.main([name])
    assert raised.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


# ---- What is written ----


def test_a_package_has_all_files_under_its_name(here, capsys):
    assert program.main(["two_words"]) == 0
    files = {path.name: path.read_text() for path in (here / "two_words").iterdir()}
    assert files.keys() == {
        "two_words.pyx", "test_two_words.py", "pyproject.toml", "setup.py", "README.md", ".gitignore"
    }  # fmt: skip
    assert not [name for name, text in files.items() if re.search("my_?env", text, re.IGNORECASE)]
    assert "cdef class TwoWords(Env):" in files["two_words.pyx"]
    assert 'two_words = "two_words:TwoWords"' in files["pyproject.toml"]
    printed = capsys.readouterr().out
    assert all(name in printed for name in files)
    assert "pip install -e two_words" in printed


def test_every_file_of_the_template_is_written():
    template = {path.name for path in Path(program.__file__).with_name("template").iterdir() if path.is_file()}
    assert program.contents("my_env").keys() == template


def test_the_package_is_built_by_the_cython_that_builds_puffer():
    ours, theirs = (ROOT / "pyproject.toml").read_text(), program.contents("some")["pyproject.toml"]
    for name in ("setuptools", "Cython", "numpy"):
        requirement = re.compile(rf'requires = .*"({name}[^"]*)"')
        assert requirement.search(ours)[1] == requirement.search(theirs)[1]


def test_the_example_is_such_a_package():
    for name, text in program.contents("custom_env").items():
        assert (EXAMPLES / "custom_env" / name).read_text() == text, "write examples/custom_env again"


def test_the_example_in_c_is_built_in_the_same_way():
    expected = program.contents("lander")
    expected["pyproject.toml"] = expected["pyproject.toml"].replace("for puffer", "for puffer, in C")
    for name in ("setup.py", "pyproject.toml", ".gitignore"):
        assert (EXAMPLES / "custom_env_c" / name).read_text() == expected[name]


# ---- What is refused ----


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("my-env", "lowercase letters, digits and underscores, with a letter first, such as 'my_env'; got 'my-env'"),
        ("MyEnv", "such as 'myenv'; got 'MyEnv'"),
        ("../up", "such as 'up'; got '../up'"),
        ("1st", "with a letter first; got '1st'"),
        ("", "with a letter first; got ''"),
        ("_hidden", "such as 'hidden'; got '_hidden'"),
        ("größe", "got 'größe'"),
        ("class", "'class' is a keyword of Python"),
        ("env", "the class of 'env' would be Env, which is taken"),
        ("none", "the class of 'none' would be None, which is taken"),
        ("snake", "there is an environment called 'snake' already"),
        ("json", "there is a Python module called 'json' already"),
        ("numpy", "there is a Python module called 'numpy' already"),
        ("puffer", "there is a Python module called 'puffer' already"),
        ("pytest_xdist", "a package called 'pytest_xdist' is installed, which pip would replace"),
    ],
)
def test_a_name_that_cannot_be(here, capsys, name, reason):
    assert reason in refusal(capsys, name)
    assert not [*here.iterdir()]


def test_the_name_of_a_module_next_to_the_new_folder_is_refused(here, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(here))
    (here / "mine.py").touch()
    assert "there is a Python module called 'mine' already" in refusal(capsys, "mine")


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_overwritten(here, capsys, kind):
    path = here / "mine"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("precious")
    else:
        path.symlink_to("nowhere")
    assert f"{path} exists already" in refusal(capsys, "mine")
    assert [*here.iterdir()] == [path]
    assert kind != "folder" or not [*path.iterdir()]
    assert kind != "file" or path.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_reported_in_one_line(here, capsys, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "Permission denied" in refusal(capsys, "mine")


def test_help_says_what_it_does(capsys):
    with pytest.raises(SystemExit) as raised:
        program.main(["--help"])
    assert raised.value.code == 0
    assert "a package for a new native environment" in capsys.readouterr().out


# ---- Building it ----


# Much faster to compile than the template.
SMALL = """
import numpy as np
from gymnasium import spaces

from libc.stdint cimport int32_t

from puffer._core cimport Buffers, Env

cdef class MyEnv(Env):
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions

    def __init__(self, num_envs=1, **options):
        super().__init__(num_envs, spaces.Box(0, 1, (1,), np.int32), spaces.Discrete(2), **options)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        self.rewards[i] = self.actions[i]

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = 1
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a new package in it, whose environment is SMALL."""
    folder = tmp_path_factory.mktemp("new")
    program.write("my_env", folder)
    (folder / "my_env" / "my_env.pyx").write_text(SMALL)
    return folder


@pytest.fixture(scope="module")
def isolated(tmp_path_factory):
    """A folder for PYTHONPATH, with which Python sees what pip gives to a build: no packages but its requirements."""
    folder = tmp_path_factory.mktemp("isolated")
    for name in ("setuptools", "_distutils_hack", "Cython", "numpy", "numpy.libs"):
        if (Path(installed()) / name).exists():
            (folder / name).symlink_to(Path(installed()) / name)
    hide = f"sys.path = [path for path in sys.path if path != {str(ROOT)!r} and 'site-packages' not in path]"
    (folder / "sitecustomize.py").write_text(f"import sys\n{hide}\n")
    return folder


def test_builds_find_the_installed_puffer_and_check_bounds_only_on_request(written, isolated):
    python = virtual_environment(written / "venv", installed(), ROOT)
    package = written / "my_env"
    # As pip builds, then as people do who edit the package.
    output("setup.py", "-q", "build_ext", "-i", cwd=package, path=[isolated], python=python, PUFFER_DEBUG="1")
    (module,) = package.glob("my_env.*.so")
    assert b"Out of bounds" in module.read_bytes()
    output(*PIP, "--python", python, *INSTALL, "-e", "my_env", cwd=written)
    assert b"Out of bounds" not in module.read_bytes()
    # From the folder in which "my_env" is also the name of a folder.
    code = 'import puffer; print(puffer.make("my_env", num_envs=1024).reset(seed=0)[0].shape)'
    assert output("-c", code, cwd=written, python=python) == "(1024, 1)\n"
    taken = run("-m", "puffer.new", "my_env", cwd=written / "venv", python=python)
    assert "there is an environment called 'my_env' already" in taken.stderr


def test_without_puffer_a_build_says_what_to_do(written, isolated, tmp_path):
    python = virtual_environment(tmp_path)
    result = run("setup.py", "build_ext", cwd=written / "my_env", path=[isolated], python=python)
    assert result.returncode == 1
    assert result.stderr == (
        "No module named 'puffer'. Building this package needs puffer with its extra, puffer-envs[author]. If they are "
        "installed, run pip install with the option --no-build-isolation.\n"
    )
