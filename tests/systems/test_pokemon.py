"""Pokémon Red, on a cartridge that the tests make."""

import io
from contextlib import closing

import numpy as np
import pytest
from pokemon_rom import game_boy_rom

import puffer

pyboy = pytest.importorskip("pyboy", reason="python -m puffer.install pokemon")

from puffer.systems.pokemon import BUTTONS, PokemonRed  # noqa: E402

ROM = game_boy_rom()
DOWN, LEFT, RIGHT, UP, A, B = range(6)


@pytest.fixture(scope="module")
def started():
    """A state in which the cartridge shows its picture."""
    with closing(PokemonRed(ROM, noop_max=0)) as env:
        env.reset(seed=0)
        for _ in range(6):
            env.step(B)
        return env.save_state()


@pytest.fixture
def make(started):
    """Makes environments from that state on, and closes them."""
    made = []

    def make(**options):
        made.append(PokemonRed(ROM, **{"state": started, "noop_max": 0, **options}))
        return made[-1]

    yield make
    for env in made:
        env.close()


def play(env, actions, seed=0):
    observation, info = env.reset(seed=seed)
    return [observation.tobytes(), info, *((one.tobytes(), *rest) for one, *rest in map(env.step, actions))]


ACTIONS = np.random.default_rng(2).integers(0, len(BUTTONS), 60).tolist()


def test_directions_and_the_reward_for_new_places(make):
    env = make()
    _, info = env.reset(seed=0)
    assert info == {"map": 0, "x": 20, "y": 30, "places": 1}
    path = [(RIGHT, 0, 21, 30, 1), (DOWN, 0, 21, 31, 1), (LEFT, 0, 20, 31, 1), (UP, 0, 20, 30, 0), (A, 1, 20, 30, 1)]
    for action, map_number, x, y, reward in [*path, (B, 1, 20, 30, 0)]:
        _, got, *flags, info = env.step(action)
        assert (info["map"], info["x"], info["y"], got) == (map_number, x, y, reward)
        assert flags == [False, False]
    assert info["places"] == 5
    # The places of another episode are new again.
    env.reset()
    assert env.step(RIGHT)[1] == 1


def test_screens_are_those_of_pyboy(make, started):
    env = make(shrink=1, render_mode="rgb_array")
    bare = pyboy.PyBoy(io.BytesIO(ROM), window="null", sound_emulated=False, no_input=True, log_level="CRITICAL")
    bare.set_emulation_speed(0)
    bare.load_state(io.BytesIO(started))
    env.reset(seed=0)
    different = set()
    for action in ACTIONS:
        bare.button_press(BUTTONS[action])
        bare.tick(8)
        bare.button_release(BUTTONS[action])
        bare.tick(16)
        screen = bare.screen.ndarray
        observation = env.step(action)[0]
        assert (observation == screen[..., 0]).all()
        assert (env.render() == screen[..., :3]).all()
        different.add(observation.tobytes())
    assert len(different) > 10
    bare.stop(save=False)


@pytest.mark.parametrize("shrink", [1, 2, 4, 8, 16])
def test_shrunk_screens(make, shrink):
    whole, small = make(shrink=1), make(shrink=shrink)
    first, second = whole.reset(seed=0)[0], small.reset(seed=0)[0]
    assert small.observation_space.contains(second)
    assert second.shape == (144 // shrink, 160 // shrink)
    assert (first[::shrink, ::shrink] == second).all()


def test_states_of_the_game(make):
    env = make(observation="state")
    observation, _ = env.reset(seed=0)
    observation, *_ = env.step(RIGHT)
    assert env.observation_space.contains(observation)
    assert {name: values.tolist() for name, values in observation.items()} == {
        "map": [0],
        "x": [21],
        "y": [30],
        "in_battle": [0],
        "badges": [0b101],
        "party_size": [2],
        "levels": [12, 3, 0, 0, 0, 0],
        "hit_points": [300, 7, 0, 0, 0, 0],
        "most_hit_points": [301, 8, 0, 0, 0, 0],
    }


def test_a_batch_of_states_is_one_array():
    with closing(puffer.make("pokemon-red", 2, backend="serial", rom=ROM, observation="state", max_steps=3)) as env:
        observations, _ = env.reset(seed=0)
        assert (observations.shape, observations.dtype) == ((2, 24), np.int32)
        truncated = [env.step(np.zeros(2, int))[3].all() for _ in range(3)]
        assert truncated == [False, False, True]


def test_saved_states(make, tmp_path):
    env = make()
    env.reset(seed=0)
    for action in (RIGHT, DOWN, A):
        env.step(action)
    saved = env.save_state()
    (tmp_path / "saved").write_bytes(saved)
    first = [env.step(action)[0].tobytes() for action in ACTIONS]
    env.load_state(saved)
    assert [env.step(action)[0].tobytes() for action in ACTIONS] == first
    for state in (saved, tmp_path / "saved", str(tmp_path / "saved")):
        other = make(state=state)
        assert other.reset(seed=0)[1] == {"map": 1, "x": 21, "y": 31, "places": 1}
        assert [other.step(action)[0].tobytes() for action in ACTIONS] == first


def test_seeds_decide_when_the_game_begins(make):
    env = make(noop_max=30)
    games = [play(env, ACTIONS[:5], seed) for seed in (1, 1, 2, 3)]
    assert games[0] == games[1]
    assert any(games[0] != game for game in games[2:])
    still = make(noop_max=0)
    assert play(still, ACTIONS[:5], 1) == play(still, ACTIONS[:5], 2)


def test_copies_have_their_own_emulators(make):
    expected = play(make(), ACTIONS)
    first, second = make(), make()
    first.reset(seed=0)
    second.reset(seed=0)
    for action in ACTIONS:
        first.step(A)
        last = second.step(action)
    assert (last[0].tobytes(), *last[1:]) == expected[-1]


@pytest.mark.parametrize("frames", [2, 5, 9, 60])
def test_a_press_is_one_press(make, frames):
    env = make(frames_per_action=frames)
    env.reset(seed=0)
    # It takes two frames to see that a button is up again.
    places = [env.step(action)[4]["x"] for action in (RIGHT, B, RIGHT, B, RIGHT, B)]
    assert places[-1] == 23


def test_observations_are_not_overwritten(make):
    env = make()
    first, _ = env.reset(seed=0)
    kept = first.copy()
    for action in ACTIONS[:5]:
        env.step(action)
    assert (first == kept).all()


def test_nothing_is_read_or_written_beside_the_rom(tmp_path, make):
    rom = tmp_path / "red.gb"
    rom.write_bytes(ROM)
    before = {"red.gb": ROM}
    for name in ("red.gb.ram", "red.gb.rtc"):
        (tmp_path / name).write_bytes(b"saved")
        before[name] = b"saved"
    env = PokemonRed(rom, noop_max=0)
    with closing(PokemonRed(ROM, noop_max=0)) as other:
        assert play(env, ACTIONS[:9]) == play(other, ACTIONS[:9])
    env.close()
    env.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_rom_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.delenv("PUFFER_POKEMON_ROM", raising=False)
    with pytest.raises(ValueError, match=r"needs the ROM .* pass rom=.* or set PUFFER_POKEMON_ROM"):
        puffer.make("pokemon-red")
    monkeypatch.setenv("PUFFER_POKEMON_ROM", str(tmp_path / "red.gb"))
    with pytest.raises(FileNotFoundError, match=r"red\.gb"):
        puffer.make("pokemon-red")
    (tmp_path / "red.gb").write_bytes(ROM)
    with closing(puffer.make("pokemon-red", 1)) as env:
        assert env.reset(seed=0)[0].shape == (1, 72, 80)


def test_a_relative_path_reaches_workers(monkeypatch, tmp_path):
    (tmp_path / "red.gb").write_bytes(ROM)
    monkeypatch.chdir(tmp_path)
    with closing(puffer.make("pokemon-red", 2, backend="process", num_workers=2, rom="red.gb")) as env:
        assert env.reset(seed=0)[0].shape == (2, 72, 80)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rom": b""}, ValueError, "needs the ROM"),
        ({"rom": b"not a game"}, ValueError, "rom is not the ROM of a Game Boy game"),
        ({"rom": bytes(0x8000)}, ValueError, "rom is not the ROM of a Game Boy game"),
        ({"rom": "/no/such/file"}, FileNotFoundError, "rom names no file: '/no/such/file'"),
        ({"rom": "/"}, FileNotFoundError, "rom names no file"),
        ({"rom": 3}, TypeError, "rom must be a path or bytes"),
        ({"state": b""}, ValueError, "state is not"),
        ({"state": b"\xff" * 1000}, ValueError, "state is not"),
        ({"state": "/no/such/state"}, FileNotFoundError, "state names no file"),
        ({"state": 3}, TypeError, "state must be a path or bytes"),
        ({"observation": "sound"}, ValueError, "observation must be one of 'screen', 'state'"),
        ({"shrink": 3}, ValueError, "shrink must divide"),
        ({"shrink": 0}, ValueError, "shrink must be at least 1"),
        ({"frames_per_action": 1}, ValueError, "frames_per_action must be at least 2"),
        ({"noop_max": -1}, ValueError, "noop_max must be at least 0"),
        ({"frame_skip": 4}, TypeError, "unexpected keyword argument 'frame_skip'"),
        ({"render_mode": "ansi"}, ValueError, "render_mode"),
    ],
)
def test_bad_arguments_are_refused(options, error, message, capfd):
    with pytest.raises(error, match=message):
        puffer.make("pokemon-red", 1, backend="serial", **{"rom": ROM, **options})
    assert capfd.readouterr() == ("", "")


def test_other_names_are_unknown():
    with pytest.raises(puffer.registry.NameNotFound, match="pokemon-red"):
        puffer.make("pokemon-rad")
    assert "pokemon-red" in puffer.list_envs()
