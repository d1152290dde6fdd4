"""Mistakes in a source that a build refuses, and what is left of the messages of Cython."""

import subprocess
import sys
from pathlib import Path

import pytest
from test_out_of_tree import SOURCE

import puffer
from puffer.authoring.building import native_extensions
from puffer.authoring.messages import shortened
from puffer.authoring.mistakes import refuse_mistakes
from puffer.testing import assert_same_env

STEP = "cdef void step_one(self, Py_ssize_t i) noexcept nogil"
OBSERVE = "cdef void observe(self, Py_ssize_t i) noexcept nogil"
COUNT = "        self.count[i] = 0\n"

MISTAKES = {
    "def": (
        STEP,
        "def step_one(self, i)",
        r"step_one is written with def, .*; write\n    cdef void step_one\(self, Py_ss",
    ),
    "misspelt": (STEP, STEP.replace("one", "won"), "step_won is no method .* If you mean step_one"),
    "shortened": (STEP, STEP.replace("step_one", "step"), "Counter has step, which is never called, and no step_one"),
    "observ": (OBSERVE, OBSERVE.replace("observe", "observ"), "observ is no method .* If you mean observe"),
    "optional": (
        "cdef void reset_one",
        "cdef void lode_one(self, Py_ssize_t i) noexcept nogil:\n        pass\n\n    cdef void reset_one",
        "If you mean load_one, write",
    ),
    "attribute": ("    cdef int goal", "    statistics_names = ()\n    cdef int goal", "write statistic_names"),
    "unset view": (
        "        self.actions = buffers.actions\n",
        "",
        r"nothing sets the view actions; .*self.buffers.actions",
    ),
    "unset pointer": (
        "        self.count = <int32_t*>self.new_state(sizeof(int32_t))\n",
        "",
        "nothing sets the pointer count",
    ),
    "variable of the module": (
        "cdef class Counter(Env)",
        "cdef int presses = 0\n\ncdef class Counter(Env)",
        "presses is one variable for all copies, .*; keep it in the state",
        "        global presses\n        presses = 1\n",
    ),
    "variable without global": (
        "cdef class Counter(Env)",
        "cdef int presses = 0\n\ncdef class Counter(Env)",
        "presses is one variable for all copies",
        "        presses += 1\n",
    ),
    "array of the module": (
        "cdef class Counter(Env)",
        "cdef int[4] presses\n\ncdef class Counter(Env)",
        "presses is one variable for all copies",
        "        presses[i] += 1\n",
    ),
    "field": (
        "    cdef int goal\n",
        "    cdef int goal\n    cdef int presses\n",
        "self.presses is one field for all copies",
        "        self.presses += 1\n",
    ),
    "masks": ("", "", r"self.masks is the base class's, .*by self.terminations\[row\]", "        self.masks[i] = 0\n"),
    "elapsed": ("", "", "self.elapsed is the base class's, to be read", "        self.elapsed[i] = 0\n"),
    "foreign random numbers": (
        "from libc.stdint cimport int32_t\n",
        "from libc.stdint cimport int32_t\nfrom libc.stdlib cimport rand\n",
        r"rand\(\) gives numbers .*; draw from the stream of the copy, as in rng_below",
        "        self.count[i] = rand() % 2\n",
    ),
    "clock": (
        "from libc.stdint cimport int32_t\n",
        "from libc.stdint cimport int32_t\nfrom libc.time cimport time as now_of, time\n",
        r"time\(\) makes results depend on the clock",
        "        self.count[i] = time(NULL) % 2\n",
    ),
    "size": (
        "self.new_state(sizeof(int32_t))",
        "self.new_state(sizeof(char))",
        r"used as int32_t, and new_state is given the size of char; write sizeof\(int32_t\)",
    ),
    "size of a pointer": (
        "self.new_state(sizeof(int32_t))",
        "self.new_state(sizeof(int32_t*))",
        "given the size of a pointer",
    ),
    "text without its mode": (
        "    cdef void reset_one",
        "    cdef object ansi_one(self, Py_ssize_t i):\n        return ''\n\n    cdef void reset_one",
        r"ansi_one is called where the class says so; write\n    render_modes = ",
    ),
    "masks without a method": (
        "    cdef int goal",
        "    masks_actions = True\n    cdef int goal",
        r"masks_actions needs the method .*; write\n    cdef void write_action_masks\(",
    ),
    "Python class": (
        "cdef class Counter(Env)",
        "class Slow(Env):\n    def step_one(self, i):\n        pass\n\ncdef class Counter(Env)",
        "step_one is in a class that is not a cdef class",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_with_their_line(tmp_path, mistake):
    old, new, message, *lines = MISTAKES[mistake]
    assert old in SOURCE
    source = tmp_path / "counter.pyx"
    source.write_text((SOURCE.replace(old, new) if old else SOURCE).replace(COUNT, "".join([COUNT, *lines])))
    with pytest.raises(puffer.BuildError, match=rf"(?s)counter.pyx:\d+: .*{message}") as raised:
        native_extensions(source)
    assert ("The methods of an environment are bind, reset_one" in str(raised.value)) == (
        "\n    cdef " in str(raised.value)
    )


def test_the_environments_of_the_package_are_not_mistaken():
    for path in (Path(puffer.__file__).parent / "ocean").rglob("*.pyx"):
        refuse_mistakes(path)


def test_helpers_may_have_any_other_name(tmp_path):
    source = tmp_path / "counter.pyx"
    helpers = "".join(
        f"    cdef void {name}(self, Py_ssize_t i) noexcept nogil:\n        pass\n\n"
        for name in ("press", "observations_of", "one_step", "reset_agents", "drawn")
    )
    source.write_text(SOURCE.replace("    cdef void reset_one", helpers + "    cdef void reset_one"))
    refuse_mistakes(source)


# Each line is a mistake of its own.
CAUSES = {
    "self.conut[i] = 0": "conut is no C field or C method of the class; did you mean count?",
    "print(i)": "print() is a function of Python; ",
    "self.count[i] = round(0.4)": "from libc.math cimport round.",
    "seen = [i]": "use an array of C",
    "pair = (i, i)": "use an array of C",
    "self.count[i] = half(i)": "half needs the GIL; declare it in line ",
    "self.count[i] = self.fourth(i)": "fourth needs the GIL; declare it in line ",
    "self.count[i] = self.third(i)": "third needs the GIL; declare it in line ",
    "self.count[i] = np.random.rand()": "np is a module of Python; draw from the copy, as in rng_uniform",
    "self.count[i] = np.int32(0)": "np is a module of Python",
    "total = 0\n        total += self.goal": "total has no type of C",
}


def said(tmp_path, source):
    """What Cython says about a source."""
    path = tmp_path / "counter.pyx"
    path.write_text(source)
    command = [sys.executable, "-m", "cython", "-3", "-I", puffer.get_include(), path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    return shortened(path, done.stdout + done.stderr)


def test_one_error_a_line_is_left_with_its_cause(tmp_path):
    source = SOURCE.replace(COUNT, "".join(f"        {line}\n" for line in CAUSES))
    helpers = "def half(i):\n    return i / 2\n\n\ncdef class Counter(Env)"
    method = "    cdef int third(self, Py_ssize_t i):\n        return 1\n\n    cdef void reset_one"
    method = f"    def fourth(self, i):\n        return 1\n\n{method}"
    text = said(tmp_path, source.replace("cdef class Counter(Env)", helpers).replace("    cdef void reset_one", method))
    parts = text.split("\n\n")
    assert len(parts) == len(CAUSES)
    for part, (line, sentence) in zip(parts, CAUSES.items(), strict=True):
        assert f"    {line.splitlines()[0]}\n" in part
        assert part.count("counter.pyx:") == 1
        assert sentence in part


def test_a_wrong_signature_is_shown_beside_the_right_one(tmp_path):
    text = said(tmp_path, SOURCE.replace(STEP, STEP.replace("Py_ssize_t", "int")))
    assert f"write\n    {STEP}" in text
    assert text.count("counter.pyx:") == 1


def test_an_arrow_is_a_point(tmp_path):
    text = said(tmp_path, SOURCE.replace(COUNT, "        self->count[i] = 0\n"))
    assert "written with a point, as in state.row" in text


def test_what_follows_from_an_unknown_name_is_left_out(tmp_path):
    source = SOURCE.replace(COUNT, "        start = STARTS\n        self.count[i] = start\n")
    text = said(tmp_path, source)
    assert "There is no STARTS; declare or cimport it." in text
    assert text.count("counter.pyx:") == 1


def test_division_that_drops_the_fraction_is_refused(tmp_path):
    source = tmp_path / "counter.pyx"
    source.write_text(SOURCE.replace(COUNT, "        self.count[i] = <int>(1.5 * (self.goal / 2))\n"))
    with pytest.raises(puffer.BuildError, match=r"(?s)counter.pyx:\d+:.*/ of two integers .*<float>a / b.*goal / 2"):
        puffer.load_pyx(source)


@pytest.mark.parametrize("operator", ["//", "%"])
def test_a_build_with_checks_raises_for_division_by_zero(tmp_path, operator):
    source = tmp_path / "counter.pyx"
    line = f"self.count[i] += self.actions[i] == 1 and 7 {operator} (self.goal - self.count[i] - 3) < 9"
    source.write_text(SOURCE.replace("self.count[i] += self.actions[i] == 1", line))
    env = puffer.make(source, 2, debug=True)
    env.reset(seed=0)
    for _ in range(2):
        env.step([1, 0])
    message = r"ZeroDivisionError: .*step_one\(\) of copy 0 .*counter.pyx, line \d+: self.count"
    with pytest.raises(RuntimeError, match=message):
        env.step([1, 0])


def test_a_build_with_checks_divides_as_others_do(tmp_path):
    source = tmp_path / "counter.pyx"
    line = "self.count[i] += self.actions[i] == 1 and -7 // (self.goal - 3) == -3 and -7 % (self.goal - 3) == -1"
    source.write_text(SOURCE.replace("self.count[i] += self.actions[i] == 1", line))
    assert_same_env(puffer.load_pyx(source), puffer.load_pyx(source, debug=True))
