"""The films of trained play: an environment is trained once, and only a training that came to its end is shown."""

import importlib
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("torch", reason='pip install "puffer-envs[train]"')


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    """The module, which writes to `tmp_path`."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs")
    module = importlib.import_module("gallery")
    monkeypatch.setattr(module, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "PICTURES", 12)
    return module


def run(gallery, monkeypatch, *names):
    monkeypatch.setattr("sys.argv", ["gallery.py", *names])
    gallery.main()


def test_an_environment_is_trained_once_and_filmed(gallery, monkeypatch, tmp_path, capsys):
    run(gallery, monkeypatch, "multiagent")
    with Image.open(tmp_path / "multiagent.webp") as film:
        assert film.n_frames > 5
    monkeypatch.setattr(gallery, "train", lambda arguments: pytest.fail("trained again"))
    (tmp_path / "multiagent.webp").unlink()
    run(gallery, monkeypatch, "multiagent")
    assert (tmp_path / "multiagent.webp").exists()
    assert f"{tmp_path / 'multiagent.webp'}: " in capsys.readouterr().out


def test_a_training_that_is_interrupted_begins_again(gallery, monkeypatch, tmp_path):
    begun = []

    def interrupted(arguments):
        begun.append(arguments[0])
        folder = Path(arguments[-1])
        folder.mkdir(parents=True)
        (folder / "checkpoint.pt").touch()
        return 130

    monkeypatch.setattr(gallery, "train", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(gallery, monkeypatch, "catch", "multiagent")
    assert begun == ["catch", "catch"]
    assert not [*tmp_path.glob("*.webp")]


def test_a_training_that_does_not_come_to_its_return_is_named_after_the_others(gallery, monkeypatch, tmp_path):
    trained = gallery.train

    def cut(arguments):
        return trained([*arguments, "--steps", "2048"] if arguments[0] == "catch" else arguments)

    monkeypatch.setattr(gallery, "train", cut)
    with pytest.raises(SystemExit, match=r"^catch returned -0\.\d+, not 0\.95; see .*catch\.part$"):
        run(gallery, monkeypatch, "catch", "multiagent")
    assert [path.name for path in tmp_path.glob("*.webp")] == ["multiagent.webp"]


def test_a_name_that_nobody_knows_is_refused(gallery, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(gallery, monkeypatch, "catch", "breakout")
    assert "no return is known to solve breakout; known are acrobot" in capsys.readouterr().err
