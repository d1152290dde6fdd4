"""`python -m puffer.play`: keys, the game behind them, the window without a screen, and the terminal."""

import os
import pty
import subprocess
import sys
import time

import numpy as np
import pytest
from rich.console import Console

import puffer
from puffer.play import program
from puffer.play.blocks import HalfBlocks
from puffer.play.displays import WindowDisplay, keys_in
from puffer.play.keys import keys_of
from puffer.play.session import Session
from puffer.programs import batch


def session(name="cartpole", seed=0, **own):
    env = batch(name, 1, own.items(), autoreset_mode="NextStep", render_mode="rgb_array", backend="serial")
    return Session(env, name, 15, seed)


# ---- Keys ----


@pytest.mark.parametrize(
    ("name", "held", "action"),
    [
        ("cartpole", ["right"], 1),
        ("frozen_lake", ["up"], 3),
        ("pong", ["down"], 2),
        ("taxi", ["left"], 3),
        ("tetris", ["h"], 6),
        ("acrobot", ["left"], 0),
        ("minigrid", ["up"], 2),
        ("bandit", ["3"], 3),
        ("pendulum", ["left"], -2),
        ("gym-CartPole-v1", ["left"], 0),
        ("gym-MountainCar-v0", ["right"], 2),
        ("connect_four", ["6"], 6),
    ],
)
def test_keys_make_the_action_that_they_show(name, held, action):
    assert session(name).keys.action(held) == action


def test_every_native_environment_has_keys_for_its_actions():
    for name in puffer.list_envs():
        if name.startswith("ocean-"):
            env = puffer.make(name, 1, num_threads=1)
            env.reset(seed=0)
            keys = keys_of(name, env)
            env.close()
            assert keys.meanings, name
            assert keys.chords or keys.axes, name


def test_several_keys_set_several_numbers():
    keys = session("boids").keys
    np.testing.assert_array_equal(keys.action(["left", "up"]), [-1, 1])
    assert keys.action(["x"]) is None
    np.testing.assert_array_equal(keys.idle, [0, 0])


def test_keys_that_are_held_together():
    pytest.importorskip("ale_py")
    env = puffer.make("gym-ALE/Pong-v5", 1, backend="serial")
    keys = keys_of("gym-ALE/Pong-v5", env)
    assert keys.idle == 0
    assert keys.action(["right", "space"]) == 4
    env.close()


def test_nethack_is_typed():
    pytest.importorskip("nle")
    env = puffer.make("nethack", 1, backend="serial")
    env.reset(seed=0)
    (codes,) = env.get_attr("key_codes")
    keys = keys_of("nethack", env)
    for key in "hjkl,y":
        assert codes[int(keys.action([key]))] == ord(key)
    assert keys.action(["left"]) == keys.action(["h"])
    env.close()


def test_keys_of_a_terminal():
    sent = "\x1b[A\x1bOD a\x1b[15~\x1b[20~\x1bOQ\x1bOR\r\t+\x1b"
    assert keys_in(sent) == ["up", "left", "space", "a", "f5", "f9", "f2", "f3", "enter", "tab", "+", "escape"]


# ---- The game ----


def test_a_game_waits_or_runs():
    waiting, running = session("cartpole"), session("pong")
    for game in (waiting, running):
        game.tick([])
    assert "step 0 " in waiting.lines()[0]
    assert "step 1 " in running.lines()[0]
    running.press("f2")
    running.tick(["up"])
    assert "step 1 " in running.lines()[0]
    running.tick([], ["f3"])
    assert "step 2 " in running.lines()[0]
    running.press("f2")
    running.press("f8")
    running.tick([])
    assert "step 2 " in running.lines()[0]


def test_speed_reset_and_end():
    game = session("pong")
    game.press("f7")
    assert game.steps_per_second == 30
    for _ in range(9):
        game.press("f6")
    assert game.steps_per_second == 1.5
    game.tick([])
    game.press("f4")
    assert "step 0 " in game.lines()[0]
    game.press("escape")
    assert game.is_over


@pytest.mark.parametrize("name", ["cartpole", "snake", "gym-CartPole-v1"])
def test_a_snapshot_is_returned_to(name):
    game = session(name)
    keys = ["left", "right", "right"]
    for key in keys:
        game.tick([key])
    game.press("f5")
    picture, lines = game.picture(), game.lines()
    for key in keys:
        game.tick([key])
    assert (game.picture() != picture).any()
    for _ in range(2):
        game.press("f9")
        np.testing.assert_array_equal(game.picture(), picture)
        assert game.lines()[0] == lines[0]
        game.tick(["left"])


def test_the_end_of_an_episode_is_shown_and_the_next_begins():
    game = session("cartpole")
    for _ in range(60):
        game.tick(["left"])
        if "ended" in game.lines()[1]:
            break
    assert "ended" in game.lines()[1]
    game.tick(["left"])
    assert "step 1 " in game.lines()[0]


def test_number_keys_and_tab_choose_an_agent():
    game = session("spread")
    game.press("2")
    assert "agent 2 of 3" in game.lines()[0]
    game.press("tab")
    assert "agent 3 of 3" in game.lines()[0]
    game.press("9")
    assert "agent 3 of 3" in game.lines()[0]


def test_both_players_of_a_board_game_are_moved_in_turn():
    game = session("connect_four")
    before = game.picture()
    game.tick([], ["3"])
    first = game.picture()
    game.tick([], ["3"])
    assert (first != before).any()
    assert (game.picture() != first).any()


# ---- Displays ----


@pytest.fixture
def pygame(monkeypatch):
    pytest.importorskip("PIL", reason='pip install "puffer-envs[play]"')
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return pytest.importorskip("pygame", reason='pip install "puffer-envs[play]"')


def test_the_window_tells_which_keys_are_held(pygame):
    display = WindowDisplay("a title")
    display.show(np.zeros((20, 30, 3), np.uint8), ["a line of text"])
    display.poll()

    def post(kind, key, text=""):
        pygame.event.post(pygame.event.Event(kind, key=key, unicode=text))

    post(pygame.KEYDOWN, pygame.K_LEFT)
    post(pygame.KEYDOWN, pygame.K_a, "A")
    assert display.poll() == (["left", "A"], ["left", "A"])
    post(pygame.KEYUP, pygame.K_LEFT)
    post(pygame.KEYDOWN, pygame.K_F5)
    assert display.poll() == (["f5"], ["A", "f5"])
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    assert display.poll()[0] == ["escape"]
    display.close()


def test_the_program_plays_in_a_window_and_saves_the_game(pygame, monkeypatch, tmp_path, capsys):
    polls = iter([([], []), (["right"], ["right"]), ([], ["right"]), (["f2"], []), (["escape"], [])])
    monkeypatch.setattr(WindowDisplay, "poll", lambda self: next(polls))
    file = tmp_path / "game.puffer"
    assert program.main(["cartpole", "--seed", "1", "--fps", "100", "--save", str(file)]) == 0
    assert "cartpole" in capsys.readouterr().out
    from puffer import replay

    assert replay.main([str(file)]) == 0
    assert "bit for bit" in capsys.readouterr().out


def test_half_blocks_show_two_pixels_in_a_character():
    picture = np.zeros((4, 2, 3), np.uint8)
    picture[0], picture[1] = (248, 0, 0), (0, 0, 248)
    console = Console(color_system="truecolor", force_terminal=True, width=40)
    with console.capture() as capture:
        console.print(HalfBlocks(picture, 2, 2), end="")
    assert "38;2;248;0;0;48;2;0;0;248m▀" in capture.get()
    # A large picture becomes one of the size of the terminal.
    with console.capture() as capture:
        console.print(HalfBlocks(np.zeros((300, 400, 3), np.uint8), 40, 30), end="")
    lines = capture.get().splitlines()
    assert (len(lines), lines[0].count("▀")) == (15, 40)


def test_a_terminal_is_played_in_and_given_back():
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "puffer.play", "cartpole", "--terminal", "--seed", "1"]
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "60", "LINES": "30"}
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=env)
    os.close(child)
    seen = b""
    for keys, wanted in ((b"", "▀".encode()), (b"\x1b[C", b"step 1 "), (b"\x1b", b"\x1b[?1049l")):
        os.write(parent, keys)
        deadline = time.monotonic() + 60
        while wanted not in seen and time.monotonic() < deadline:
            try:
                seen += os.read(parent, 65536)
            except OSError:
                break
        assert wanted in seen
    assert process.wait(30) == 0
    os.close(parent)


def test_no_terminal_and_no_picture_are_told(capsys, monkeypatch):
    for arguments, message in (
        (["cartpole", "--terminal"], "needs a terminal"),
        (["nosuchthing"], "there is no environment called 'nosuchthing'"),
        (["cartpole", "--set", "size"], "must be KEY=VALUE"),
        (["cartpole", "--set", "size=3", "--terminal"], "size"),
    ):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
        with pytest.raises(SystemExit) as raised:
            program.main(arguments)
        assert raised.value.code == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
