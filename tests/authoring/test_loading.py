"""`load_pyx` and `make("file.pyx")`: an environment straight from its source."""

import io
import os
import pickle
import re
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from helpers import run_python
from test_out_of_tree import SOURCE

import puffer
from puffer.authoring.loading import _watched as watched
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
    return sorted(path for path in folder.glob("cache/puffer/pyx/*/*/*") if path.suffix != ".json")


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
    assert run_python("-c", script, cwd=folder) == "Counter\n"
    assert compiled(folder) == files
    assert files[0].stat().st_mtime_ns == stamp


def test_a_pickled_batch_goes_on_in_another_program(folder, tmp_path):
    source = tmp_path / "counter.pyx"
    source.write_text(SOURCE)
    env = puffer.make(source, 2)
    env.reset(seed=0)
    env.step(np.array([1, 0]))
    assert pickle.loads(pickle.dumps(env)).step(np.array([1, 1]))[0].tolist() == [[2], [1]]
    file = tmp_path / "batch.pickle"
    file.write_bytes(pickle.dumps(env))
    script = f"import pickle; env = pickle.load(open({str(file)!r}, 'rb')); print(env.step([1, 1])[0].tolist())"
    assert run_python("-c", script, cwd=folder) == "[[2], [1]]\n"
    source.write_text(SOURCE + "# changed\n")
    script = f"""
import pickle
try:
    pickle.load(open({str(file)!r}, "rb"))
except ModuleNotFoundError as error:
    print(error)
"""
    assert "compiled from counter.pyx by puffer.load_pyx; the file has changed" in run_python("-c", script, cwd=folder)


def test_a_changed_source_is_compiled_again_and_the_old_class_stays(folder, counter):
    other = folder / "elsewhere" / "counter.pyx"
    other.parent.mkdir()
    other.write_text(SOURCE.replace("goal=5", "goal=3"))
    changed = puffer.load_pyx(other)
    assert changed is not counter
    assert changed(1).single_observation_space.high == 3
    assert counter(1).single_observation_space.high == 5


WILD = SOURCE.replace("self.observations[i, 0] =", "self.observations[i + (i == 1) * self.goal, 0] =").replace(
    "self.count[i] +=", "self.statistics[i, self.count[i]] = 1\n        self.count[i] +="
)


def test_a_debug_build_raises_the_first_wrong_index(folder):
    wild = folder / "wild.pyx"
    wild.write_text(WILD)
    line = WILD[: WILD.index("self.observations[i + ")].count("\n") + 1
    env = puffer.make(str(wild), 4, debug=True, goal=9)
    with pytest.raises(IndexError, match=rf"Counter.observe\(\) of copy 1 \(row 1\), wild.pyx, line {line}: self.obs"):
        env.reset(seed=0)
    env = puffer.make(str(wild), 1, debug=True)
    env.reset(seed=0)
    env.step([1])
    for call in (env.step, env.send):
        with pytest.raises(
            IndexError, match=r"Counter.step_one\(\) of copy 0 \(row 0\).*: self.statistics\[i, self.count"
        ):
            call([1])
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step([1])
        env.reset(seed=0)
        env.step([1])


def test_checking_a_path_finds_the_line(folder):
    with pytest.raises(puffer.CheckFailed, match="indices: Out of bounds .* in Counter.observe"):
        puffer.check_env(str(folder / "wild.pyx"), steps=40)


ENDS = {
    "no view": (
        "self.count[i + 100000000] = 1",
        r"step 1 of 4 copies: the process was killed by SIGSEGV.*python -m puffer.sanit",
    ),
    "no line": (
        "self.count[i + 16] = 1",
        r"step 1 wrote to the block of state with 4 bytes for each copy, 48 bytes behind",
    ),
}


@pytest.mark.parametrize("kind", ENDS)
def test_checking_a_path_survives_what_no_build_checks(tmp_path, kind):
    line, message = ENDS[kind]
    path = tmp_path / "wild.pyx"
    path.write_text(SOURCE.replace("self.count[i] +=", f"{line}\n        self.count[i] +="))
    with pytest.raises(puffer.CheckFailed, match=rf"(?s)indices: .*{message}"):
        puffer.check_env(str(path), steps=40)


def test_checking_a_path_ends_where_a_call_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr("puffer.checking.source._PATIENCE", 1.0)
    path = tmp_path / "endless.pyx"
    path.write_text(
        SOURCE.replace("self.count[i] +=", "while self.count[i] == 0:\n            pass\n        self.count[i] +=")
    )
    with pytest.raises(
        puffer.CheckFailed, match=r"(?s)step 1 of 4 copies: no answer within 1 .*a loop that does not end"
    ):
        puffer.check_env(str(path), steps=40)


DRAWN = (
    SOURCE
    + """
    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        canvas.disc(self.observations[i, 7], 3, 2, 0xFFFFFF)
"""
)


def test_checking_a_path_draws(tmp_path):
    path = tmp_path / "drawn.pyx"
    path.write_text(DRAWN.replace("import Buffers", "import Buffers, Canvas"))
    with pytest.raises(puffer.CheckFailed, match=r"Counter.render_one\(\) of copy 0, drawn.pyx, line \d+: canvas.disc"):
        puffer.check_env(str(path), steps=40)


MASKED = """
    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            masks[i, 2] = 1
"""


def test_checking_a_path_asks_for_masks(tmp_path):
    path = tmp_path / "masked.pyx"
    source = SOURCE.replace("import int32_t", "import int32_t, uint8_t")
    path.write_text(source.replace("    cdef int goal\n", "    masks_actions = True\n    cdef int goal\n") + MASKED)
    with pytest.raises(
        puffer.CheckFailed, match=r"indices: .*Counter.write_action_masks\(\) .*line \d+: masks\[i, 2\]"
    ):
        puffer.check_env(str(path), steps=40)


@pytest.mark.filterwarnings("ignore::puffer.CheckWarning")
def test_statistics_are_finite(tmp_path):
    path = tmp_path / "infinite.pyx"
    source = SOURCE.replace("    cdef int goal\n", '    statistic_names = ("speed",)\n    cdef int goal\n')
    path.write_text(
        source.replace("self.count[i] +=", "self.statistics[i, 0] = 1 / <float>0\n        self.count[i] +=")
    )
    with pytest.raises(puffer.CheckFailed, match=r"stats\(\) gives speed inf.*\n.*self.statistics\[row, 0\]"):
        puffer.check_env(str(path), steps=40)


ATTRIBUTES = {
    'statistic_names = ("solved")': r"Counter.statistic_names must be a tuple .* 'solved'; write \('solved',\)",
    'statistic_names = ("solved", "solved")': "must be different",
    'statistic_names = ("episode_return",)': "'episode_return', which stats.. has of every environment",
    'render_modes = ("human",)': "may have 'rgb_array', 'ansi', got 'human'",
    "render_size = 200": r"must be \(width, height\) in pixels, got 200",
    'version = "1.0"': "must be an int of at least 0, got '1.0'",
    "default_max_steps = 2.5": "must be None or an int of at least 1, got 2.5",
}


def test_class_attributes_are_checked(tmp_path):
    lines = "".join(f"\n\ncdef class _Number{number}(Counter):\n    {line}\n" for number, line in enumerate(ATTRIBUTES))
    path = tmp_path / "many.pyx"
    path.write_text(SOURCE + lines)
    module = sys.modules[puffer.load_pyx(path).__module__]
    for number, message in enumerate(ATTRIBUTES.values()):
        with pytest.raises((TypeError, ValueError), match=message.replace("Counter", f"_Number{number}")):
            getattr(module, f"_Number{number}")(2)


def test_debug_is_an_argument_of_other_environments():
    with pytest.raises(TypeError, match="debug"):
        puffer.make("ocean-catch", debug=True)


UNSET = SOURCE.replace(
    "        self.actions = buffers.actions",
    "        if self.num_copies > 99:\n            self.actions = buffers.actions",
)


def test_a_debug_build_raises_for_a_view_that_is_not_set(folder):
    (folder / "unset.pyx").write_text(UNSET)
    env = puffer.make(str(folder / "unset.pyx"), debug=True)
    env.reset(seed=0)
    with pytest.raises(
        RuntimeError, match=r"this view is not set, in Counter.step_one\(\) of copy 0 .*self.actions\[i\]"
    ):
        env.step([1])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_that_it_compiles(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    status, output = watched("compiling game.pyx", [sys.executable, "-c", "print('done'); exit(3)"])
    assert (status, output) == (3, "done\n")
    assert sys.stderr.getvalue().startswith("\rcompiling game.pyx: 0 s")
    assert sys.stderr.getvalue().endswith(" s\n")


def test_sanitized_code_names_the_line_of_a_bad_access(folder):
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    if not os.path.isabs(library):
        pytest.skip("needs gcc and its libasan")
    (folder / "bad.pyx").write_text(SOURCE.replace("self.count[i] = 0", "self.count[self.num_copies] = 0"))
    command = [sys.executable, "-m", "puffer.sanitize", "bad.pyx", "--steps", "5"]
    environment = {**os.environ, "PYTHONPATH": puffer.get_include()}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode != 0
    assert re.search(r"AddressSanitizer: use-after-poison(.|\n)*bad.pyx:\d+", done.stderr)


def test_sanitized_code_needs_its_libraries(folder, counter):
    with pytest.raises(RuntimeError, match="python -m puffer.sanitize counter.pyx"):
        puffer.load_pyx(folder / "counter.pyx", sanitize=True)


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


PAYING = """cdef extern from *:
    \"\"\"
    #include "rules/pay.inc"
    \"\"\"
    int pay() nogil
"""


def load_apart(path, call="print(Env.__name__)", **environment):
    """What another program prints that loads the file."""
    script = f"import puffer\nEnv = puffer.load_pyx({str(path)!r})\n{call}"
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=puffer.get_include(),
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip(), result.stderr


def test_every_file_that_the_compilation_reads_counts(folder):
    home = folder / "with a space"
    (home / "rules").mkdir(parents=True)
    source, included = home / "paying.pyx", home / "rules" / "pay.inc"
    source.write_text(PAYING + SOURCE.replace("self.count[i] = 0", "self.count[i] = pay()"))
    starts = []
    for pay in (1, 2):
        included.write_text(f"static int pay(void) {{ return {pay}; }}\n")
        env = puffer.load_pyx(source)(1)
        starts.append(env.reset()[0].tolist())
    assert starts == [[[1]], [[2]]]
    assert puffer.load_pyx(source) is puffer.load_pyx(source)


@pytest.mark.parametrize("damage", [b"", b"x" * 4096, 0.5])
def test_a_damaged_module_in_the_cache_is_made_again(folder, damage):
    source = folder / "damaged" / "counter.pyx"
    source.parent.mkdir(exist_ok=True)
    source.write_text(SOURCE)
    load_apart(source)
    for file in compiled(folder):
        whole = file.read_bytes()
        # Another file: this program may have loaded the old one.
        file.unlink()
        file.write_bytes(damage if isinstance(damage, bytes) else whole[: int(len(whole) * damage)])
    assert load_apart(source)[0] == "Counter"


def test_what_others_could_have_written_is_not_loaded(folder):
    source = folder / "open" / "counter.pyx"
    source.parent.mkdir()
    source.write_text(SOURCE)
    known = compiled(folder)
    load_apart(source)
    (module,) = set(compiled(folder)) - set(known)
    assert [path.stat().st_mode & 0o077 for path in (module, *module.parents[:3])] == [0] * 4
    # The content is still right, so only the mode says that others could have written it.
    module.chmod(0o777)
    assert load_apart(source)[0] == "Counter"
    assert module.stat().st_mode & 0o077 == 0


def test_a_cache_that_cannot_be_written_is_replaced(folder, tmp_path):
    taken = tmp_path / "a file"
    taken.touch()
    name, notice = load_apart(folder / "counter.pyx", XDG_CACHE_HOME=str(taken), TMPDIR=str(tmp_path))
    assert name == "Counter"
    assert "not kept after this program" in notice
    assert "XDG_CACHE_HOME" in notice
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt])
def test_a_second_load_says_what_the_first_raised(folder, kind):
    source = folder / f"raising_{kind.__name__}.pyx"
    source.write_text(f"{SOURCE}\nraise {kind.__name__}('on purpose')\n")
    with pytest.raises(kind, match="on purpose"):
        puffer.load_pyx(source)
    with pytest.raises(ImportError, match=f"raised {kind.__name__} .*on purpose") as caught:
        puffer.load_pyx(source)
    assert isinstance(caught.value.__cause__, kind)


def test_modules_beside_the_source_do_not_stand_for_those_of_python(folder):
    source = folder / "beside" / "counter.pyx"
    source.parent.mkdir()
    for name in ("json", "random", "types"):
        (source.parent / f"{name}.py").write_text("raise SystemExit('the one beside the source')")
    source.write_text(SOURCE)
    assert load_apart(source)[0] == "Counter"


def test_a_link_to_a_file_of_another_kind_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "stored").write_text(SOURCE)
    (tmp_path / "counter.pyx").symlink_to(tmp_path / "stored")
    with pytest.raises(ValueError, match="a link to '.*stored': give that file a name that ends in .pyx"):
        puffer.load_pyx(tmp_path / "counter.pyx")


def test_two_processes_may_compile_at_the_same_time(folder):
    (folder / "twice.pyx").write_text(SOURCE + "\n# compiled by two\n")
    script = f"import puffer; print(puffer.make({str(folder / 'twice.pyx')!r}).reset(seed=0)[0])"
    both = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=puffer.get_include())
        for _ in range(2)
    ]
    assert [process.communicate(timeout=200)[0] for process in both] == ["[[0]]\n"] * 2
