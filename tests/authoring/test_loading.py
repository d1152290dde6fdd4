"""`load_pyx` and `make("file.pyx")`: an environment straight from its source."""

import os
import subprocess
import sys

import numpy as np
import pytest
from test_out_of_tree import SOURCE

import puffer
from puffer.authoring.loading import env_class
from puffer.ocean.cartpole import cartpole


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with counter.pyx, and a cache of its own."""
    folder = tmp_path_factory.mktemp("pyx")
    (folder / "counter.pyx").write_text(SOURCE)
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    yield folder
    del os.environ["XDG_CACHE_HOME"]
    if before is not None:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="module")
def counter(folder):
    return puffer.load_pyx(folder / "counter.pyx")


def compiled(folder):
    return sorted(folder.glob("cache/puffer/pyx/*/*"))


def test_a_source_runs_by_its_path(folder, counter):
    env = puffer.make(str(folder / "counter.pyx"), num_envs=3, goal=2)
    env.reset(seed=0)
    assert env.step(np.array([1, 0, 1]))[0].tolist() == [[1], [0], [1]]
    with pytest.raises(TypeError, match="did you mean 'goal'"):
        puffer.make(str(folder / "counter.pyx"), gaol=3)


def test_the_same_source_is_compiled_once(folder, counter):
    assert puffer.load_pyx(folder / "counter.pyx") is counter
    files = compiled(folder)
    stamp = files[0].stat().st_mtime_ns
    script = f"import puffer; print(puffer.load_pyx({str(folder / 'counter.pyx')!r}).__name__)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True,
        cwd=puffer.get_include(), timeout=60,
    )  # fmt: skip
    assert result.stdout == "Counter\n", result.stderr
    assert compiled(folder) == files
    assert files[0].stat().st_mtime_ns == stamp


def test_a_changed_source_is_compiled_again_and_the_old_class_stays(folder, counter):
    other = folder / "elsewhere" / "counter.pyx"
    other.parent.mkdir()
    other.write_text(SOURCE.replace("goal=5", "goal=3"))
    changed = puffer.load_pyx(other)
    assert changed is not counter
    assert changed(1).single_observation_space.high == 3
    assert counter(1).single_observation_space.high == 5


def test_a_debug_build_checks_bounds(folder, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    wild = folder / "wild.pyx"
    wild.write_text(SOURCE.replace("self.observations[i, 0] =", "self.observations[i + self.goal, 0] ="))
    env = puffer.load_pyx(wild, debug=True)(1)
    env.reset()
    assert ignored[0].exc_type is IndexError


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("cdef int goal", "cdef int goal =", "cdef int goal ="),
        ("self.count[i] = 0", "self.count[i] = nothing", "self.count[i] = nothing"),
        (
            "import numpy as np",
            'import numpy as np\ncdef extern from *:\n    """\n    int f(void) { return x; }\n    """',
            "return x;",
        ),
    ],
)
def test_compile_errors_show_the_line(folder, old, new, line):
    broken = folder / "broken.pyx"
    broken.write_text(SOURCE.replace(old, new, 1))
    before = compiled(folder)
    with pytest.raises(puffer.BuildError) as raised:
        puffer.load_pyx(broken)
    assert line in str(raised.value)
    assert "broken.pyx does not compile" in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert compiled(folder) == before


def test_what_is_no_source_is_refused(folder):
    for path, error in (("missing.pyx", FileNotFoundError), ("counter.txt", ValueError), ("1x.pyx", ValueError)):
        with pytest.raises(error):
            puffer.load_pyx(folder / path)
    with pytest.raises(TypeError):
        puffer.load_pyx(None)
    (folder / "empty.pyx").write_text("cdef int nothing\n")
    with pytest.raises(ImportError, match="one public subclass of puffer.Env, it defines 0"):
        puffer.load_pyx(folder / "empty.pyx")


def test_private_classes_do_not_count():
    assert issubclass(cartpole._PlainCartPole, cartpole.CartPole)
    assert env_class(cartpole) is cartpole.CartPole


def test_two_processes_may_compile_at_the_same_time(folder):
    (folder / "twice.pyx").write_text(SOURCE + "\n# compiled by two\n")
    script = f"import puffer; print(puffer.make({str(folder / 'twice.pyx')!r}).reset(seed=0)[0])"
    both = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=puffer.get_include())
        for _ in range(2)
    ]
    assert [process.communicate(timeout=200)[0] for process in both] == ["[[0]]\n"] * 2
