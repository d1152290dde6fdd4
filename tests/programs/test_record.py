"""`python -m puffer.record`, `replay` and `check`: what they write, what they say, and what they refuse."""

import numpy as np
import pytest
from helpers import make, random_actions

import puffer
from puffer import check, record, replay
from puffer.pictures import as_picture, captioned, enlarged, grid
from puffer.recording import Recording

Image = pytest.importorskip("PIL.Image", reason='pip install "puffer-envs[record]"')

ENVS = """
import gymnasium, numpy as np
from gymnasium import spaces

class Blank(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space, action_space = spaces.Box(0, 9, (1,), np.float32), spaces.Discrete(2)
    def __init__(self, render_mode=None, length=4): self.render_mode, self.length = render_mode, length
    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}
    def step(self, action):
        self.steps += 1
        return np.full(1, self.steps, np.float32), float(action), self.steps == self.length, False, {}
    def render(self): return np.full((8, 6, 3), 20 * self.steps, np.uint8)

def ones(observations): return np.ones(len(observations), np.int64)
def bad(observations): return np.ones(7)
class Mistaken(Blank):
    def step(self, action): return "observation", 0.0, False, False, {}
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "some_envs.py").write_text(ENVS)
    monkeypatch.syspath_prepend(str(tmp_path))


def refused(main, *arguments, capsys):
    """The line with which a program refuses."""
    with pytest.raises(SystemExit) as raised:
        main([str(one) for one in arguments])
    assert raised.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


# ---- record ----


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_episode_as_an_animated_picture(suffix, tmp_path, capsys):
    file = tmp_path / f"out.{suffix}"
    assert record.main(["catch", "-o", str(file), "--seed", "1", "--fps", "25"]) == 0
    said = capsys.readouterr().out
    with Image.open(file) as film:
        # Pictures that are the same are merged.
        assert 5 < film.n_frames <= int(said.split(" pictures")[0].rpartition(" ")[2])
        film.load()
        assert film.info["duration"] == 40
        assert film.size[0] == 120


def test_a_film_repeats_with_its_seed(tmp_path):
    files = [tmp_path / f"{k}.gif" for k in range(2)]
    for file in files:
        record.main(["catch", "-o", str(file), "--seed", "5"])
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_grid_as_a_picture(tmp_path):
    file = tmp_path / "out.png"
    record.main(["catch", "-o", str(file), "--copies", "4", "--steps", "3", "--no-caption", "--size", "10"])
    env = make("catch", 4, autoreset_mode="Disabled")
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(3):
        env.step(env.action_space.sample())
    with Image.open(file) as image:
        np.testing.assert_array_equal(np.asarray(image), grid([env.render_copy(copy) for copy in range(4)]))


def test_a_film_of_an_environment_in_python_by_a_policy(module, tmp_path, capsys):
    file = tmp_path / "out.png"
    record.main(["some_envs:Blank", "-o", str(file), "--policy", "some_envs:ones", "--set", "length=6", "--no-caption"])
    assert "step 6   return 6" in capsys.readouterr().out
    with Image.open(file) as image:
        # The picture of the end, not that of the next episode.
        assert image.getpixel((0, 0)) == (120, 120, 120)


def test_an_mp4(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason='pip install "puffer-envs[record]"')
    file = tmp_path / "out.mp4"
    record.main(["catch", "-o", str(file), "--steps", "5", "--every", "2"])
    frames, _ = ffmpeg.count_frames_and_secs(str(file))
    assert frames == 3


def test_agents_with_episodes_of_their_own(tmp_path, capsys):
    record.main(["snake", "-o", str(tmp_path / "out.png"), "--steps", "40"])
    assert " on average" in capsys.readouterr().out


def test_an_environment_without_pictures_shows_observations_that_are(tmp_path):
    pytest.importorskip("ale_py")
    record.main(["atari-pong", "-o", str(tmp_path / "out.png"), "--steps", "3", "--no-caption", "--size", "84"])
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (84, 84)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch", "-o", "a.gif"], "there is no environment called 'nosuch'"),
        (["cartpole", "-o", "a.txt"], "must end in .gif, .webp, .mp4, .png"),
        (["cartpole", "-o", "nowhere/a.gif"], "cannot write nowhere/a.gif"),
        (["cartpole"], "required: -o"),
        ([], "required: NAME, -o"),
        (["cartpole", "-o", "a.gif", "--policy", "nosuch.pt"], "there is no file 'nosuch.pt'"),
        (["cartpole", "-o", "a.gif", "--policy", "some_envs:nosuch"], "nosuch"),
        (["cartpole", "-o", "a.gif", "--policy", "some_envs:bad"], "returned actions of shape (7,)"),
        (["cartpole", "-o", "a.gif", "--set", "sizes=3"], "sizes"),
    ],
)
def test_record_refuses(module, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(record.main, *arguments, capsys=capsys)
    assert not [*tmp_path.glob("a.*")]


# ---- replay ----


def saved(env, path, steps=20):
    recorder = puffer.Recorder(env, keep=8)
    recorder.reset(seed=2)
    for actions in random_actions(env, steps):
        recorder.step(actions)
    return recorder.save(path)


def test_a_replay_says_what_it_is_and_films_it(tmp_path, capsys):
    file = saved(make("catch"), tmp_path / "a.puffer")
    film = tmp_path / "a.gif"
    assert replay.main([str(file), "-o", str(film), "--copy", "2"]) == 0
    text = capsys.readouterr().out
    assert "ocean-catch" in text or "catch, 6 copies: steps 8 to 19" in text
    assert "bit for bit" in text
    with Image.open(film) as image:
        assert image.n_frames > 3


def test_a_replay_stops_in_a_debugger(tmp_path, capsys, monkeypatch):
    file = saved(make("catch"), tmp_path / "a.puffer")
    seen = []

    def debugger():
        import inspect

        seen.append({**inspect.currentframe().f_back.f_locals})

    monkeypatch.setattr("builtins.breakpoint", debugger)
    assert replay.main([str(file), "--stop", "13", "--debug"]) == 0
    assert "before step 13" in capsys.readouterr().out
    assert seen[0]["actions"].shape == (6,)
    assert seen[0]["replay"].position == 5


def test_a_replay_that_diverges_fails(tmp_path, capsys):
    recording = Recording.read(saved(make("catch"), tmp_path / "a.puffer"))
    recording.arrays["last_state"][3, 20] ^= 1
    recording.write(tmp_path / "a.puffer")
    assert replay.main([str(tmp_path / "a.puffer")]) == 1
    assert "diverged: after step 19, 1 copies, 3 the first of them" in capsys.readouterr().out


def test_replay_refuses(tmp_path, capsys, module):
    file = saved(make("catch"), tmp_path / "a.puffer")
    assert "No such file" in refused(replay.main, tmp_path / "nosuch", capsys=capsys)
    assert "must be from 8 to 20" in refused(replay.main, file, "--stop", "99", capsys=capsys)
    assert "say which by --stop" in refused(replay.main, file, "--debug", capsys=capsys)
    other = saved(puffer.emulate(lambda: __import__("some_envs").Blank(), 2, backend="serial"), tmp_path / "b.puffer")
    assert "does not say how Blank is made" in refused(replay.main, other, capsys=capsys)
    assert replay.main([str(other), "--env", "some_envs:Blank"]) == 0
    file.write_bytes(file.read_bytes()[:-5])
    assert "is damaged" in refused(replay.main, file, capsys=capsys)


# ---- check ----


def test_check_tells_mistakes(module, capsys):
    assert check.main(["catch", "--steps", "50"]) == 0
    assert "no mistakes in" in capsys.readouterr().out
    assert check.main(["some_envs:Mistaken", "--steps", "50"]) == 1
    assert "observation" in capsys.readouterr().out
    assert "there is no environment called 'nosuch'" in refused(check.main, "nosuch", capsys=capsys)


# ---- Pictures ----


def test_pictures_of_every_form():
    for shape, dtype in (((4, 5), np.uint8), ((4, 5, 1), np.int64), ((4, 5, 4), np.float32), ((4, 5, 3), np.uint8)):
        assert as_picture(np.full(shape, 7, dtype)).shape == (4, 5, 3)
    for bad in ("text", None, np.zeros(3), np.zeros((4, 5, 2)), np.zeros((0, 5, 3))):
        with pytest.raises(TypeError, match="not a picture"):
            as_picture(bad)
    assert enlarged(np.zeros((4, 5, 3), np.uint8), 11).shape == (12, 15, 3)
    whole = grid([np.full((2, 2, 3), 255, np.uint8), np.full((4, 3, 3), 255, np.uint8)], gap=1)
    assert whole.shape == (4, 7, 3)
    long = captioned(np.zeros((10, 60, 3), np.uint8), ["word " * 10])
    assert long.shape[0] > captioned(np.zeros((10, 60, 3), np.uint8), ["word"]).shape[0] + 30
