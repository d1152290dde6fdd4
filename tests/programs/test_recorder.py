"""`puffer.Recorder` and the replay of its files: bit for bit, or refused with the reason."""

import itertools
import os

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from helpers import make, random_actions

import puffer
from puffer.recording import Diverged, Recording, RecordingError, Replay


def recorded(env, steps=25, seed=3, **options):
    """A recorder that has seen a reset and some steps, and what the last one returned."""
    recorder = puffer.Recorder(env, **options)
    recorder.reset(seed=seed)
    for actions in random_actions(env, steps):
        last = recorder.step(actions)
    return recorder, last


def assert_same(first, second):
    for one, other in zip(first[:4], second[:4], strict=True):
        np.testing.assert_array_equal(one, other)


class Walk(gymnasium.Env):
    """A random walk that depends on its seed; `trouble` comes at step 7."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(3, start=-1)
    noise = np.random.default_rng()

    def __init__(self, trouble=None, size=1.0):
        self.trouble, self.size = trouble, size

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.place = 0, self.np_random.normal(size=2).astype(np.float32)
        return self.place, {}

    def step(self, action):
        self.steps += 1
        self.place = self.place + self.size * action * self.np_random.random(2, np.float32)
        if self.steps == 7 and self.trouble is not None:
            if self.trouble == "die":
                os._exit(4)
            if self.trouble == "raise":
                raise OverflowError("too far")
            self.place = self.place * np.float32(np.nan if self.trouble == "nan" else 1 + self.noise.random())
        return self.place, 1.0, self.steps >= 10, False, {}


# ---- Native environments ----


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *itertools.product(["cartpole", "snake", "connect_four", "spaces"], ["SameStep", "NextStep"]),
        ("pendulum", "Disabled"),
    ],
)
def test_a_replay_is_the_same_bit_for_bit(name, mode, tmp_path):
    recorder, last = recorded(make(name, autoreset_mode=mode), keep=10)
    # The snapshot of step 10 and what came after it.
    replay = Replay(recorder.save(tmp_path / "a.puffer"))
    assert (replay.recording.first_step, replay.steps) == (10, 15)
    *_, replayed = replay
    assert_same(last, replayed)
    np.testing.assert_array_equal(recorder.get_state(), replay.env.get_state())


def test_what_happens_between_steps_is_replayed(tmp_path):
    recorder = puffer.Recorder(make("cartpole", autoreset_mode="Disabled"), keep=50)
    recorder.set_next(gravity=5.0)
    recorder.reset(seed=1)
    rng = np.random.default_rng(0)
    flags = np.zeros(6, bool)
    for step in range(120):
        if flags.any():
            recorder.reset(options={"reset_mask": flags})
        if step == 70:
            recorder.set_next([0, 2], seed=[9, 11], length=[0.4, 0.6])
        _, _, terminations, truncations, _ = last = recorder.step(rng.integers(0, 2, 6))
        flags = terminations | truncations
    replay = Replay(recorder.save(tmp_path / "a.puffer"))
    *_, replayed = replay
    assert_same(last, replayed)


def test_seeds_of_next_episodes_outlive_a_snapshot(tmp_path):
    recorder = puffer.Recorder(make("cartpole", 2), keep=4)
    recorder.reset(seed=1)
    recorder.set_next([1], seed=77)
    for _ in range(40):
        last = recorder.step(np.zeros(2, np.int32))
    *_, replayed = Replay(recorder.save(tmp_path / "a.puffer"))
    assert_same(last, replayed)


def test_restored_snapshots_and_rollouts(tmp_path):
    env = make("catch")
    recorder = puffer.Recorder(env, keep=8)
    env.rollout_buffers(5)
    recorder.reset(seed=1)
    saved = recorder.get_state()
    for step, actions in enumerate(random_actions(env, 21)):
        if step == 6:
            recorder.set_state(saved)
        last = [np.copy(one) for one in recorder.step(actions)[:4]]
    replay = Replay(recorder.save(tmp_path / "a.puffer"))
    assert replay.recording.first_step == 6
    *_, replayed = replay
    assert_same(last, replayed)


def test_send_and_recv_and_nested_actions(tmp_path):
    env = make("spaces", flat=False)
    recorder = puffer.Recorder(env)
    recorder.reset(seed=1)
    for actions in random_actions(env, 5):
        recorder.send(actions)
        *last, _ = recorder.recv()
    *_, replayed = Replay(recorder.save(tmp_path / "a.puffer"))
    np.testing.assert_array_equal(last[1], replayed[1])


def test_a_bad_action_is_written_and_raises_again(tmp_path):
    recorder, _ = recorded(make("cartpole"), path=tmp_path / "a.puffer")
    bad = np.array([0, 0, 0, 7, 0, 0])
    for _ in range(3):
        with pytest.raises(ValueError, match="7"):
            recorder.step(bad)
    # A loop that catches its errors does not write a file each time.
    assert recorder.written == [tmp_path / "a.puffer"]
    replay = Replay(tmp_path / "a.puffer")
    assert "7" in replay.recording.header["reason"]
    assert len(list(replay)) == 25
    assert isinstance(replay.refused(), ValueError)


def test_another_play_is_not_the_recorded_one(tmp_path):
    recorder, _ = recorded(make("cartpole"), keep=10)
    recording = recorder.recording()
    recording.arrays["actions"][12] ^= 1
    replay = Replay(recording)
    with pytest.raises(Diverged, match="after step 24, [1-6] copies, [0-5] the first of them, differ") as raised:
        list(replay)
    assert raised.value.step == 14


# ---- Environments in Python ----


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_environments_in_python_replay_from_their_seed(backend, tmp_path):
    env = puffer.emulate(Walk, 4, backend=backend, num_workers=2 if backend == "process" else None)
    recorder, last = recorded(env, steps=300, keep=10)
    # The second reset begins another recording.
    recorder.reset(seed=[5, 6, 7, 8])
    for actions in random_actions(env, 270):
        last = recorder.step(actions)
    path = recorder.save(tmp_path / "a.puffer")
    recorder.close()
    replay = Replay(path, Walk)
    assert (replay.recording.first_step, replay.steps) == (300, 270)
    *_, replayed = replay
    assert_same(last, replayed)


def test_a_reset_without_a_seed_replays(tmp_path):
    recorder, last = recorded(puffer.make("gym-CartPole-v1", 3, backend="serial"), steps=60, seed=None)
    recorder.reset()
    for actions in random_actions(recorder, 60):
        last = recorder.step(actions)
    *_, replayed = Replay(recorder.save(tmp_path / "a.puffer"))
    assert_same(last, replayed)


def test_attributes_are_set_again(tmp_path):
    env = puffer.emulate(Walk, 3, backend="serial")
    recorder = puffer.Recorder(env)
    recorder.set_attr("size", [1.0, 2.0, 3.0])
    recorder.reset(seed=0)
    for step, actions in enumerate(random_actions(env, 8)):
        if step == 4:
            recorder.set_attr("size", 0.5)
        last = recorder.step(actions)
    *_, replayed = Replay(recorder.save(tmp_path / "a.puffer"), Walk)
    assert_same(last, replayed)


def test_the_step_is_named_at_which_an_environment_that_is_not_deterministic_diverged(tmp_path):
    recorder, _ = recorded(puffer.emulate(lambda: Walk("noise"), 2, backend="serial"))
    replay = Replay(recorder.save(tmp_path / "a.puffer"), lambda: Walk("noise"))
    with pytest.raises(Diverged, match="step 6 returned something else than in the recording: the environment") as told:
        list(replay)
    assert told.value.step == 6


def test_an_exception_writes_a_file_that_raises_again(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OverflowError) as raised:
        recorded(puffer.emulate(lambda: Walk("raise"), 2, backend="serial"))
    (path,) = tmp_path.glob("Walk-*.puffer")
    assert f"puffer replay {path.name}" in caplog.text
    assert f"puffer replay {path.name}" in "".join(getattr(raised.value, "__notes__", [f"puffer replay {path.name}"]))
    replay = Replay(path, lambda: Walk("raise"))
    assert len(list(replay)) == 6
    assert isinstance(replay.refused(), OverflowError)


def test_a_worker_that_dies_leaves_a_file(tmp_path):
    env = puffer.emulate(lambda: Walk("die"), 2, backend="process", num_workers=1)
    recorder = puffer.Recorder(env, path=tmp_path / "a.puffer")
    recorder.reset(seed=0)
    for actions in random_actions(env, 6):
        recorder.step(actions)
    with pytest.raises(puffer.WorkerDied):
        recorder.step(actions)
    env.close()
    assert "WorkerDied" in Recording.read(tmp_path / "a.puffer").header["reason"]


def test_a_nan_writes_a_file_and_the_replay_names_its_step(tmp_path):
    recorder, _ = recorded(puffer.emulate(lambda: Walk("nan"), 2, backend="serial"), path=tmp_path / "a.puffer")
    assert recorder.written == [tmp_path / "a.puffer"]
    replay = Replay(tmp_path / "a.puffer", lambda: Walk("nan"))
    assert "NaN" in replay.recording.header["reason"]
    list(replay)
    assert replay.first_nan == 6


# ---- What is refused ----


@pytest.fixture
def file(tmp_path):
    return recorded(make("catch"))[0].save(tmp_path / "a.puffer")


def test_damage_is_told(file, tmp_path):
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for position in [*range(0, 60, 7), *rng.integers(60, len(whole), 20)]:
        changed = bytearray(whole)
        changed[position] ^= 1 << rng.integers(8)
        file.write_bytes(changed)
        with pytest.raises(RecordingError, match="is damaged|is not a recording|has format"):
            Recording.read(file)
    for length in (0, 5, 30, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(RecordingError, match="is damaged|is not a recording"):
            Recording.read(file)


def test_another_version_is_told(file, monkeypatch):
    monkeypatch.setattr("puffer.recording.recording.__version__", "99.0")
    with pytest.raises(RecordingError, match="written by puffer .*, this is 99.0.* pip install puffer-envs=="):
        Recording.read(file)
    monkeypatch.setattr("puffer.recording.recording.FORMAT", 99)
    with pytest.raises(RecordingError, match="has format 1, and this version of puffer reads format 99"):
        Recording.read(file)


def test_another_environment_is_told(file):
    for other, message in ((make("catch", 5), "copies 6"), (make("pong", 6), "do not fit")):
        with pytest.raises(RecordingError, match=message):
            Replay(file, other)


def test_a_strangers_file_makes_no_code_run(file, tmp_path):
    recording = Recording.read(file)
    for name in ("some/path.pyx", "module:Env-v0", "gym-module:Env-v0"):
        recording.header["env"]["name"] = name
        with pytest.raises(RecordingError, match="name it to run it"):
            Replay(recording.write(tmp_path / "b.puffer"))
    recording.header["segments"][0]["events"] = [[0, "close", {}]]
    with pytest.raises(RecordingError, match="calls close"):
        list(Replay(recording, "catch"))


def test_arrays_of_objects_are_never_loaded(file, tmp_path):
    recording = Recording.read(file)
    recording.arrays["refused"] = np.array([print], object)
    with pytest.raises(RecordingError, match="not as puffer.Recorder writes it"):
        Recording.read(recording.write(tmp_path / "b.puffer"))


@pytest.mark.parametrize(
    ("make_env", "keep", "message"),
    [
        (lambda: Walk(), 10, "takes a batch of puffer"),
        (lambda: make("catch", 4, batch_size=2), 10, "without batch_size"),
        (lambda: make("catch"), 0, "keep must be"),
    ],
)
def test_bad_arguments(make_env, keep, message):
    with pytest.raises((TypeError, ValueError), match=message):
        puffer.Recorder(make_env(), keep)


def test_a_recorder_is_as_good_as_the_batch():
    recorder, _ = recorded(make("cartpole"))
    assert isinstance(recorder, gymnasium.vector.VectorEnv)
    assert recorder.num_copies == 6
    assert recorder.unwrapped.get_state().shape == recorder.get_state().shape
    assert "episodes" in recorder.stats()
    with pytest.raises(AttributeError, match="nothing_like_that"):
        recorder.nothing_like_that  # noqa: B018
