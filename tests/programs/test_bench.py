"""`python -m puffer.bench`: its tables and files, and what it says when something cannot be measured.

Nothing here depends on how long anything takes. One run is a process of its own; the others are calls of its `main`.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import run_script

import puffer
from puffer import bench
from puffer.bench import limit, loop_figures, plan, program, table
from puffer.bench.plan import Case
from puffer.bench.report import Report, Result
from puffer.checks import available_cores
from puffer.measuring.stopwatch import Series, interleave

ROOT = Path(puffer.__file__).parents[1]
TINY = ("--seconds", "0.02", "--repeats", "2")
SMALL = ("--num-envs", "2", "--num-threads", "1")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache folder for the limit program, which is then built once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Writes a Python file that this process, and those it starts, find before the installed packages."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


@pytest.fixture
def measured(monkeypatch, capsys):
    """Runs the program 120 columns wide; returns the words that it prints when all goes well."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments):
        assert program.main([*arguments, *TINY]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return unwrapped(out)

    return run


def unwrapped(text):
    """The text without its line breaks."""
    return " ".join(text.split())


# ---- Output ----


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run with everything: its standard output, its JSON file and its plot."""
    folder = tmp_path_factory.mktemp("bench")
    files = ("--json", folder / "out.json", "--plot", folder / "out.png")
    grid = ("--num-envs", "1,8", "--num-threads", "1,2")
    peers = ("--compare", "gymnasium,puffer")
    arguments = ("cartpole", "ocean-catch", *grid, *peers, *files, "--figures", *TINY)
    # Matplotlib keeps its list of fonts, which takes seconds to make, from run to run.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "MPLCONFIGDIR": str(ROOT / "build" / "matplotlib")}
    command = [sys.executable, "-m", "puffer.bench", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
    assert result.returncode == 0, result.stderr
    assert not [line for line in result.stderr.splitlines() if not line.startswith("Matplotlib is building")]
    return result.stdout, json.loads((folder / "out.json").read_text()), folder / "out.png"


def test_table_has_a_line_for_every_case(run):
    lines = [line for line in run[0].splitlines() if " M " in line or " k " in line]
    # Two environments, each with 1 copy on 1 thread and 8 copies on 1 and on 2.
    assert len(lines) == 6
    assert [line.split()[:3] for line in lines[:2]] == [["ocean-cartpole", "1", "1"], ["8", "1", lines[1].split()[2]]]
    assert "ocean-catch" in lines[3]


def test_table_says_what_was_measured_and_how(run):
    text = unwrapped(run[0])
    for part in (
        "machine",
        "numpy",
        "gymnasium",
        "Resets are inside the clock",
        "the median of 2 slices",
        "No step overwrites a result that is held",
        "drawn before",
    ):
        assert part in text
    assert "gymnasium has no environment like ocean-catch" in text


def test_json_has_every_case(run):
    content = run[1]
    assert content["format"] == 2
    assert content["interrupted"] is False
    assert content["settings"]["envs"] == ["ocean-cartpole", "ocean-catch"]
    assert content["settings"]["repeats"] == 2
    assert {"cpu", "cores", "python", "numpy", "puffer"} <= content["machine"].keys()
    cases = [(result["env"], result["num_copies"], result["num_threads"]) for result in content["results"]]
    assert cases == [(env, *case) for env in ("ocean-cartpole", "ocean-catch") for case in ((1, 1), (8, 1), (8, 2))]


def test_json_figures_agree_with_their_slices(run):
    for result in run[1]["results"]:
        slices, rate = result["slices"], result["steps_per_second"]
        assert len(slices["slice_seconds"]) == 2
        assert rate["min"] <= rate["median"] <= rate["max"]
        steps = slices["steps_per_slice"] * result["num_rows"]
        assert rate["max"] == pytest.approx(steps / min(slices["slice_seconds"]))
        live = result["live_buffers"]
        assert live["steps_per_second"]["min"] <= live["steps_per_second"]["median"] <= live["steps_per_second"]["max"]
        assert len(live["slices"]["slice_seconds"]) == 2
        assert result["nanoseconds_per_transition"] == pytest.approx(1e9 / rate["median"])


def test_json_has_the_peers_that_have_the_environment(run):
    peers = {result["env"]: set(result["peers"]) for result in run[1]["results"]}
    assert peers == {"ocean-cartpole": {"gymnasium", "puffer"}, "ocean-catch": {"puffer"}}
    ratio = run[1]["results"][0]["peers"]["gymnasium"]["ratio"]
    assert 0 < ratio["min"] <= ratio["median"] <= ratio["max"]


def test_figures_are_shown_and_written(run):
    names = [figure["name"] for figure in run[1]["figures"]]
    expected = ["call-overhead", "snakes", "two-threads", "checked-actions", "rollout-buffers", "rollout-copies"]
    assert names == [name for name in expected if name != "two-threads" or available_cores() > 1]
    assert "into rollout buffers" in run[0]


def test_plot_is_a_picture(run):
    assert run[2].read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_share_of_the_limit(run):
    results = {(result["env"], result["num_copies"], result["num_threads"]): result for result in run[1]["results"]}
    one, two = (results["ocean-cartpole", 8, threads]["limit"] for threads in (1, 2))
    assert one["share"] > 0
    assert two["share"] == pytest.approx(
        results["ocean-cartpole", 8, 2]["steps_per_second"]["median"] / (2 * two["steps_per_second_of_one_core"])
    )
    assert results["ocean-catch", 8, 1]["limit"] is None


def shown(capsys, monkeypatch, columns, *envs, peers=()):
    """The table of a report about environments, in a terminal of this width; no line is wider, or shortened."""
    monkeypatch.setenv("COLUMNS", str(columns))
    series = Series(4, 1000, [0.01, 0.02])
    machine = dict.fromkeys(
        ("cpu", "cores", "usable_cores", "system", "python", "numpy", "gymnasium", "puffer"), "some"
    )
    results = [Result(Case(env, 4, 1), series, series, dict.fromkeys(peers, series)) for env in envs]
    table.show(Report({"repeats": 2, "seconds": 0.02}, machine, list(peers), results=results))
    text = capsys.readouterr().out
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= columns
    return text


def test_narrow_terminal_splits_the_table_and_shortens_nothing(capsys, monkeypatch):
    for columns, tables in ((80, 2), (120, 1)):
        text = shown(capsys, monkeypatch, columns, "ocean-cartpole", peers=("gymnasium", "gymnasium-async", "envpool"))
        assert text.count("copies  threads") == tables


def test_long_paths_are_told_apart_and_shown_whole(tmp_path, capsys, monkeypatch):
    paths = [str(tmp_path / ("deep" * 20) / name / "mines.pyx") for name in "ab"]
    text = shown(capsys, monkeypatch, 80, *paths)
    lines = [line.split()[0] for line in text.splitlines() if " k " in line]
    assert lines == [str(Path("a", "mines.pyx")), str(Path("b", "mines.pyx"))]
    for path in paths:
        assert path in "".join(text.split())


AGENTS = """
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

class Pair(ParallelEnv):
    # One agent has fewer actions than the other.
    metadata = {"render_modes": []}
    possible_agents = ["few", "many"]
    mixed = False
    def observation_space(self, agent): return spaces.Box(0, 1, (1,))
    def action_space(self, agent):
        if self.mixed: return spaces.Dict({"move": spaces.Discrete(3), "turn": spaces.Box(-1, 1, (2,))})
        return spaces.Discrete(2 if agent == "few" else 7)
    def everyone(self, value): return {agent: value for agent in self.agents}
    def reset(self, seed=None, options=None):
        self.agents = list(self.possible_agents)
        return self.everyone(np.zeros(1, np.float32)), self.everyone({})
    def step(self, actions):
        assert all(self.action_space(agent).contains(action) for agent, action in actions.items()), actions
        return self.everyone(np.zeros(1, np.float32)), *map(self.everyone, (0.0, False, False, {}))

class MixedPair(Pair):
    mixed = True
"""


def test_environments_in_python_by_name_and_by_class(stand_in, measured, tmp_path):
    stand_in("pairs.py", AGENTS)
    out = tmp_path / "out.json"
    envs = ("gym-CartPole-v1", "pairs:Pair", "pairs:MixedPair")
    measured(*envs, *SMALL, "--compare", "gymnasium", "--json", str(out))
    results = json.loads(out.read_text())["results"]
    assert [result["env"] for result in results] == [*envs]
    assert [result["num_rows"] for result in results] == [2, 4, 4]
    assert [[*result["peers"]] for result in results] == [["gymnasium"], [], []]


def test_workers_step_an_environment_in_python(measured):
    text = measured("gym-CartPole-v1", "--num-envs", "2", "--num-threads", "2", "--compare", "none")
    assert "gym-CartPole-v1 2 2" in text


def test_list_has_every_environment_and_the_reason_why_one_cannot_be_made(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    # In a process of its own: packages that other tests import register environments, and some cannot stand warnings
    # that are errors.
    printed = run_script(
        """
import puffer
from puffer.bench import program

def make(name, copies, make=puffer.make):
    if name == "broken":
        raise ImportError("it needs the package nosuchthing")
    return make(name, copies)

names = puffer.list_envs()
print(*names)
puffer.make, puffer.list_envs = make, lambda installed: [*names, "broken"]
program.main(["--list"])
"""
    )
    names, _, text = printed.partition("\n")
    text = unwrapped(text)
    for name in names.split():
        assert name in text
    assert "slide a paddle under a falling ball" in text
    assert "uint8 (10, 5)" in text
    assert "Cannot be made here: it needs the package nosuchthing broken" in text


def test_list_takes_words_and_patterns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert program.main(["--list", "cartp", "ocean-[sp]*ed"]) == 0
    text = capsys.readouterr().out
    assert [name for name in ("ocean-cartpole", "ocean-squared", "ocean-catch", "atari") if name in text] == [
        "ocean-cartpole",
        "ocean-squared",
    ]
    assert max(map(len, text.splitlines())) <= 80
    assert "keep a pole" in text
    monkeypatch.setenv("COLUMNS", "50")
    program.main(["--list", "cartp"])
    # A description would have a few letters to a line.
    assert "keep" not in (narrow := capsys.readouterr().out)
    assert max(map(len, narrow.splitlines())) <= 50
    assert program.main(["--list", "nosuchthing"]) == 1
    assert "no environment is called anything like nosuchthing" in capsys.readouterr().out
    monkeypatch.setattr(puffer, "list_envs", lambda installed=False: ["ocean-catch"] if installed else 1 / 0)
    assert program.main(["--list", "--installed"]) == 0
    assert "ocean-catch" in capsys.readouterr().out


# ---- In a program or a notebook ----


def test_the_results_as_csv(tmp_path, measured):
    measured("catch", "cartpole", *SMALL, "--compare", "gymnasium", "--csv", str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open() as file:
        catch, cartpole = csv.DictReader(file)
    assert (catch["env"], catch["copies"], catch["threads"]) == ("ocean-catch", "2", "1")
    assert float(catch["steps_per_second_min"]) <= float(catch["steps_per_second"])
    assert catch["over_gymnasium"] == ""
    speed, other = float(cartpole["steps_per_second"]), float(cartpole["gymnasium_steps_per_second"])
    assert min(speed, other, float(cartpole["over_gymnasium"])) > 0


def test_a_notebook_shows_the_tables():
    report = bench.measure("catch", *SMALL, "--compare", "none", "--no-figures", *TINY)
    shown = report._repr_html_()
    assert shown.startswith("<pre")
    assert "ocean-catch" in shown
    assert len(report.results) == 1


# ---- What cannot be measured ----


def test_absent_peer_is_named_with_its_pip_line(stand_in, measured):
    stand_in("sitecustomize.py", "import sys\nsys.modules['gymnax'] = None\n")
    assert "gymnax is not installed: pip install gymnax jax" in measured("catch", *SMALL, "--compare", "gymnax")


def test_peer_that_dies_does_not_end_the_run(stand_in, measured):
    dying = """
import os, gymnasium, numpy as np
from types import SimpleNamespace

class Dies:
    action_space = gymnasium.spaces.Discrete(2)
    spec = SimpleNamespace(action_array_spec={"action": SimpleNamespace(dtype=np.dtype("int32"))})
    def reset(self): print("chatter on stdout", flush=True)
    def step(self, actions): os._exit(3)
    def close(self): pass

def make_gymnasium(id, num_envs, batch_size, num_threads): return Dies()
"""
    stand_in("envpool.py", dying)
    text = measured("catch", *SMALL, "--compare", "envpool,gymnasium")
    assert "envpool on ocean-catch: its process ended with status 3: chatter on stdout" in text
    assert "ocean-catch 2 1" in text


def test_pufferlib_is_measured_by_its_own_rows(stand_in, measured, tmp_path):
    squared = """
import gymnasium, numpy as np

class Squared:
    single_action_space = gymnasium.spaces.Discrete(5)
    def __init__(self, num_envs):
        self.num_agents, self.actions = num_envs, np.zeros(num_envs, np.int32)
    def reset(self, seed): pass
    def step(self, actions): assert actions.dtype == np.int32 and actions.shape == (self.num_agents,)
    def close(self): pass

def env_creator(name):
    assert name == "puffer_squared"
    return Squared
"""
    stand_in("pufferlib/__init__.py", "__version__ = '3.0'")
    stand_in("pufferlib/ocean/__init__.py", "")
    stand_in("pufferlib/ocean/environment.py", squared)
    out = tmp_path / "out.json"
    compare = f"pufferlib={sys.executable}"
    measured("squared", *SMALL, "--compare", compare, "--json", str(out))
    assert json.loads(out.read_text())["results"][0]["peers"]["pufferlib"]["slices"]["rows"] == 2


# ---- The loop of trainers ----


def test_every_line_of_the_loop_has_a_target_and_a_measured_value(capsys):
    names = ("default-squared-64", "final-obs-64", "make-vec-64", "next-step-squared-64", "snapshot")
    assert loop_figures.main([*names, "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(loop_figures.chosen(names)) == 6
    for line in lines:
        assert re.search(r" at (least|most) [\d.]+ ×  [\d.,]+ × \(fastest [\d.,]+\) +(met|missed)\b", line), line


@pytest.mark.parametrize(
    ("is_least", "value", "word"),
    [(True, 0.9, "met"), (True, 0.89, "missed"), (False, 0.9, "met"), (False, 1, "missed")],
)
def test_a_line_says_whether_its_target_is_met(is_least, value, word):
    row = loop_figures.Row("a title", None, 0.9, is_least)
    assert row.line(loop_figures.Outcome(value, 5, "a note")).split()[-3:] == [word, "a", "note"]


def test_a_name_that_no_figure_begins_with_is_refused(capsys):
    with pytest.raises(SystemExit) as refused:
        loop_figures.main(["making", "nex"])
    assert refused.value.code == 2
    assert "there is no figure called 'nex'" in capsys.readouterr().err


def test_default_environment_that_is_missing_is_noted(monkeypatch, measured):
    monkeypatch.setattr(plan, "DEFAULT_ENVS", ("ocean-catch", "ocean-nosuchthing"))
    text = measured(*SMALL, "--compare", "none", "--no-figures")
    assert "ocean-nosuchthing was not measured: there is no environment called" in text


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "needs a C compiler" in limit.Limit().problem


def test_no_source(monkeypatch):
    monkeypatch.setattr(limit, "SOURCE", Path("nowhere/limit.c"))
    nothing = limit.Limit()
    assert "not in the installed package" in nothing.problem
    assert nothing.steps_per_second("ocean-cartpole", 1) is None


def test_interrupt_shows_what_was_measured(monkeypatch, capsys, tmp_path):
    def interrupted(contenders, *arguments, turns=[0]):  # noqa: B006
        turns[0] += 1
        if turns[0] == 2:
            raise KeyboardInterrupt
        return interleave(contenders, *arguments)

    monkeypatch.setattr(program, "interleave", interrupted)
    out = tmp_path / "out.json"
    arguments = ("--num-envs", "1,2", "--num-threads", "1", "--compare", "none", "--json", str(out))
    assert program.main(["catch", *arguments, *TINY]) == 130
    assert "Interrupted" in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert content["interrupted"] is True
    assert [result["num_copies"] for result in content["results"]] == [1]
