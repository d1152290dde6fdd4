"""Render modes of environments in Python, in both backends, without a screen."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer
from puffer import window

pygame = pytest.importorskip("pygame")

BACKENDS = [{"backend": "serial"}, {"backend": "process", "num_workers": 1}]


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def shown(monkeypatch):
    """The frames that windows of this process are given."""
    frames = []
    show = window.Window.show

    def keep(self, frame):
        frames.append(frame)
        show(self, frame)

    monkeypatch.setattr(window.Window, "show", keep)
    return frames


class Painted(gymnasium.Env):
    """Makes frames and texts; tells in its infos in which mode and process it was made."""

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 1000}
    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(9)

    def __init__(self, render_mode=None):
        assert render_mode is None or render_mode in self.metadata["render_modes"]
        self.render_mode = render_mode
        self.renders = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = 0
        return np.zeros(1, np.float32), {"mode": str(self.render_mode)}

    def step(self, action):
        self.x = action
        if self.render_mode == "human":
            self.renders += 1
        return np.full(1, action, np.float32), 0.0, False, False, {"renders": self.renders}

    def render(self):
        if self.render_mode == "rgb_array":
            return np.full((20, 30, 3), self.x, np.uint8)
        if self.render_mode == "human":
            self.renders += 1
            return None
        return f"{self.render_mode} {self.x}"


class ShowsItself(Painted):
    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 1000}


class PaintedPuffer(puffer.PufferEnv):
    """The same as a PufferEnv, in place."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 1000}
    single_observation_space = Painted.observation_space
    single_action_space = Painted.action_space

    def __init__(self, render_mode=None):
        super().__init__()
        self.render_mode = render_mode

    def reset(self, seed=None):
        self.observations[:] = 0
        return self.observations, {"mode": str(self.render_mode)}

    def step(self, actions):
        self.observations[:, 0] = actions
        return self.observations, self.rewards, self.terminations, self.truncations, {}

    def render(self):
        return np.full((20, 30, 3), self.observations[0, 0], np.uint8)


@pytest.fixture(params=BACKENDS, ids=lambda options: options["backend"])
def emulate(request):
    """`puffer.emulate` with a backend."""
    made = []

    def emulate(*arguments, **options):
        made.append(puffer.emulate(*arguments, **request.param, **options))
        return made[-1]

    yield emulate
    for env in made:
        env.close()


@pytest.mark.parametrize("make", [Painted, PaintedPuffer, ShowsItself])
def test_frames_of_every_copy(emulate, make):
    env = emulate(make, 3, render_mode="rgb_array")
    assert env.render_mode == "rgb_array"
    assert env.metadata["render_fps"] == 1000
    env.reset()
    env.step([1, 2, 3])
    frames = env.render()
    assert [frame.shape for frame in frames] == [(20, 30, 3)] * 3
    assert [frame.max() for frame in frames] == [1, 2, 3]


def test_texts_of_every_copy(emulate):
    env = emulate(Painted, 3, render_mode="ansi")
    env.reset()
    env.step([1, 2, 3])
    assert env.render() == ("ansi 1", "ansi 2", "ansi 3")


@pytest.mark.parametrize("make", [Painted, PaintedPuffer])
def test_frames_of_copy_0_in_a_window(emulate, make, shown):
    env = emulate(make, 3, render_mode="human")
    assert env.render_mode == "human"
    info = env.reset()[1]
    assert info["mode"].tolist() == ["rgb_array", "None", "None"]
    env.step([4, 2, 3])
    assert env.render() is None
    assert [frame.max() for frame in shown] == [4]
    env.close()
    assert not pygame.display.get_init()


def test_copy_0_shows_itself(emulate, shown):
    env = emulate(ShowsItself, 3, render_mode="human")
    info = env.reset()[1]
    assert info["mode"].tolist() == ["human", "None", "None"]
    env.step([0, 0, 0])
    assert env.render() is None
    assert env.step([0, 0, 0])[-1]["renders"].tolist() == [3, 0, 0]
    assert shown == []


def test_the_mode_of_an_instance_counts(emulate, shown):
    env = emulate(Painted("ansi"), 2)
    assert env.render_mode == "ansi"
    env.reset()
    assert env.render() == ("ansi 0", "ansi 0")
    env = emulate(puffer.Wrapper(Painted("rgb_array")), 2, render_mode="human")
    env.reset()
    env.render()
    assert len(shown) == 1


def test_modes_of_a_batch():
    def modes(*own):
        class Declares(Painted):
            metadata = {"render_modes": list(own)}

        return set(puffer.emulate(Declares, 1, backend="serial").metadata["render_modes"])

    assert modes() == set()
    assert modes("ansi") == {"ansi"}
    assert modes("rgb_array", "rgb_array_list") == {"rgb_array", "human"}
    assert modes("human") == {"human"}


@pytest.mark.parametrize(
    ("make", "mode", "message"),
    [
        (
            Painted("ansi"),
            "rgb_array",
            "needs environments made with render_mode 'rgb_array', these were made with 'ansi'",
        ),
        (Painted(), "human", "render_mode 'human' or 'rgb_array', these were made with None"),
        (lambda: Painted("ansi"), "human", "these were made with 'ansi'"),
    ],
)
def test_modes_that_the_copies_have_not(make, mode, message):
    with pytest.raises(ValueError, match=message):
        puffer.emulate(make, 2, backend="serial", render_mode=mode)


@pytest.mark.parametrize("options", BACKENDS, ids=lambda options: options["backend"])
def test_modes_by_name(options):
    env = puffer.make("gym-CartPole-v1", 2, render_mode="human", **options)
    assert set(env.metadata["render_modes"]) == {"human", "rgb_array"}
    env.reset(seed=0)
    env.step([0, 1])
    assert env.render() is None
    env.close()
    env = puffer.make("gym-FrozenLake-v1", 2, render_mode="ansi", **options)
    env.reset(seed=0)
    assert all("FFF" in text for text in env.render())
    env.close()
    with pytest.raises(ValueError, match="render_mode must be None or one of 'rgb_array', 'human', got 'ansi'"):
        puffer.make("gym-CartPole-v1", 2, render_mode="ansi", **options)


def test_a_window_for_an_environment_by_name(shown):
    gymnasium.register("Painted-v0", entry_point=Painted)
    try:
        env = puffer.make("gym-Painted-v0", 2, render_mode="human", backend="serial")
        assert env.reset()[1]["mode"].tolist() == ["rgb_array", "None"]
        env.render()
        assert len(shown) == 1
        env.close()
    finally:
        del gymnasium.registry["Painted-v0"]


def test_an_instance_made_by_gymnasium_shows_one_copy():
    gymnasium.register("Asked-v0", entry_point=ShowsItself)
    try:
        env = puffer.emulate(gymnasium.make("Asked-v0", render_mode="human"), 3, backend="serial")
        assert env.render_mode == "human"
        assert env.reset()[1]["mode"].tolist() == ["human", "None", "None"]
        env.close()
    finally:
        del gymnasium.registry["Asked-v0"]


def test_native_copies_are_drawn_by_call_as_well():
    env = puffer.make("catch", 2, render_mode="rgb_array")
    env.reset(seed=0)
    for one, other in zip(env.call("render"), env.render(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.warns(UserWarning, match="render_mode"):
        assert puffer.make("catch", 2).call("render") == (None, None)
