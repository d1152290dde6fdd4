"""The command line of `python -m puffer.bench`: the cases of a run, and arguments that are refused in one line."""

import pytest

from puffer import bench
from puffer.bench import plan, program
from puffer.bench.plan import Case


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ocean-catsh"], "did you mean 'ocean-catch'"),
        (["nosuchthing:Env"], "No module named 'nosuchthing'"),
        (["math:Env"], "module 'math' has no attribute 'Env'"),
        (["math:pi"], "emulate takes an environment or a callable that makes one, got 3.14"),
        (["nosuchthing.pyx"], "there is no file"),
        (["--num-envs", "many"], "argument --num-envs: must be an integer of at least 1, got 'many'"),
        (["--num-envs=1,-4"], "argument --num-envs: must be an integer of at least 1, got '-4'"),
        (["--num-threads", "0"], "argument --num-threads: must be an integer of at least 1, got '0'"),
        (["--seconds", "nan"], "argument --seconds: must be a number above 0 and at most 3600, got 'nan'"),
        (["--repeats", "1.5"], "argument --repeats: must be an integer"),
        (["--compare", "nosuchthing"], "there is no peer called 'nosuchthing' (gymnasium, "),
        (["--compare", "gymnasium,envpol"], "there is no peer called 'envpol'; did you mean 'envpool'?"),
        (["--num-env", "4"], "unrecognized arguments: --num-env"),
        (["--compare", "envpool=/no/python"], "'/no/python' is not a program; envpool= takes a Python interpreter"),
        (["--json", "/no/such/folder/out.json"], "cannot write /no/such/folder/out.json: No such file"),
        (["--plot", "/no/such/folder/out.png"], "cannot write /no/such/folder/out.png: No such file"),
        (["--installed"], "--installed is for --list"),
        (["--list", "--csv", "out.csv", "--num-envs", "8"], "--list measures nothing, so leave out --num-envs, --csv"),
        (["--csv", "./out.txt", "--json", "out.txt"], "--json, --csv and --plot need a file each"),
        (["--plot", "out.gif"], "must end in .png, .svg, .pdf, got 'out.gif'"),
    ],
)
def test_bad_arguments(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        program.main(arguments)
    out, err = capsys.readouterr()
    assert stop.value.code == 2
    assert out == ""
    assert err.startswith("python -m puffer.bench: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--list"], ["--csv", "out.csv"], ["--json", "out.json"]])
def test_measure_refuses_what_only_the_program_does(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=r"leave out --list, --json, --csv and --plot, and use as_json\(\) or as_csv\(\)"
    ):
        bench.measure("catch", *arguments)


def test_missing_matplotlib(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("puffer.bench.arguments.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        program.main(["--plot", str(tmp_path / "out.png")])
    assert stop.value.code == 2
    assert "pip install" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_cases_have_at_most_as_many_threads_as_copies():
    assert plan.cases(["a"], [1, 4], [1, 2]) == [Case("a", 1, 1), Case("a", 4, 1), Case("a", 4, 2)]
