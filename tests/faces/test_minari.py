"""`DataCollector` of the face for Minari: the episodes of the batch; datasets; files of the actions alone."""

from pathlib import Path

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from helpers import KINDS, make, random_actions, run_python
from stories import story

import puffer

pytest.importorskip("minari", reason="pip install minari h5py")
pytest.importorskip("h5py", reason="pip install minari h5py")
import minari

from puffer.faces.minari import DataCollector, load_actions

# Minari warns of each thing that a dataset does not say about itself.
pytestmark = pytest.mark.filterwarnings("ignore:.* None:UserWarning")


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """A folder of its own for Minari's datasets."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    return tmp_path


def collected(env, count=3, steps=40, **options):
    collector = DataCollector(env, count, **options)
    collector.reset(seed=2)
    for actions in random_actions(collector.batch, steps):
        collector.step(actions)
    return collector


@pytest.mark.parametrize("kind", [*KINDS, "ocean-pendulum"])
def test_episodes_are_those_of_the_rows(kind):
    collector = collected(kind, max_steps=9)
    batch = make(kind, 3, max_steps=9)
    observations, _ = batch.reset(seed=2)
    open_rows = {row: [observations[row]] for row in range(batch.num_envs)}
    steps, whole = {row: [] for row in open_rows}, {row: [] for row in open_rows}
    for actions in random_actions(batch, 40):
        # Who has left does not take part, and is not in the data.
        taking = [row for row in steps if steps[row] or batch.masks[row]]
        observations, rewards, terminations, truncations, _ = batch.step(actions)
        last = dict(zip(batch.ends.rows.tolist(), batch.ends.observations, strict=True))
        for row in taking:
            steps[row].append((actions[row], rewards[row], terminations[row], truncations[row]))
            open_rows[row].append(last.get(row, observations[row]))
            if row in last:
                whole[row].append((open_rows[row], steps[row]))
                steps[row] = []
        for row in open_rows:
            if not steps[row]:
                open_rows[row] = [observations[row]]
    expected = [episode for row in whole for episode in [*whole[row], (open_rows[row], steps[row])] if episode[1]]
    episodes = list(collector.episodes())
    assert len(episodes) == len(expected) > 3
    for episode, (seen, done) in zip(episodes, expected, strict=True):
        np.testing.assert_array_equal(episode.observations, np.array(seen))
        np.testing.assert_array_equal(episode.actions, np.array([one[0] for one in done]))
        np.testing.assert_array_equal(episode.rewards, np.array([one[1] for one in done], np.float64))
        np.testing.assert_array_equal(episode.terminations, [one[2] for one in done])
        assert episode.truncations[:-1] == [one[3] for one in done][:-1]
        assert episode.terminations[-1] or episode.truncations[-1]


def test_a_dataset_has_the_episodes_and_the_environment(datasets):
    collector = collected("cartpole", max_steps=30)
    dataset = collector.create_dataset("puffer/cartpole-v0", author="ann", algorithm_name="random")
    episodes = list(collector.episodes())
    assert dataset.total_episodes == len(episodes)
    assert dataset.total_steps == collector.steps * 3 == 120
    loaded = minari.load_dataset("puffer/cartpole-v0")
    for ours, theirs in zip(episodes, loaded.iterate_episodes(), strict=True):
        np.testing.assert_array_equal(ours.observations, theirs.observations)
        np.testing.assert_array_equal(ours.actions, theirs.actions)
    env = loaded.recover_environment()
    assert env.spec.id == "puffer/CartPole-v0"
    assert env.spec.max_episode_steps == 30
    assert env.observation_space == loaded.observation_space
    with pytest.raises(ValueError, match="already"):
        collector.create_dataset("puffer/cartpole-v0")


def test_nested_observations_stay_nested(datasets):
    dataset = collected(story, backend="serial").create_dataset("story-v0")
    assert dataset.observation_space == story().observation_space
    episode = dataset[0]
    assert episode.observations["level"].tolist() == list(range(len(episode.actions) + 1))
    assert episode.observations["place"].shape == (len(episode.actions) + 1, 2)


@pytest.mark.parametrize("env", ["catch", "snake", "gym-CartPole-v1"])
def test_actions_alone_are_replayed(env, tmp_path):
    collector = collected(env, **({"backend": "serial"} if env.startswith("gym-") else {}))
    collector.reset()
    collector.step(collector.batch.action_space.sample())
    collector.save_actions(tmp_path / "actions.npz")
    again = load_actions(tmp_path / "actions.npz")
    assert again.batch.num_copies == 3
    for ours, theirs in zip(collector.episodes(), again.episodes(), strict=True):
        np.testing.assert_array_equal(ours.observations, theirs.observations)
        assert ours.rewards == theirs.rewards


def test_what_is_refused(tmp_path):
    for options in ({"autoreset_mode": "NextStep"}, {"copy": False}, {"batch_size": 2}, {"flat": False}):
        with pytest.raises(ValueError, match=next(iter(options))):
            DataCollector("blackjack", 4, **options)
    path = tmp_path / "actions.npz"
    collector = DataCollector(puffer.make("catch", 2))
    collector.batch.reset()
    with pytest.raises(ResetNeeded, match="of the collector"):
        collector.step([0, 1])
    with pytest.raises(ValueError, match="no steps yet"):
        collector.save_actions(path)
    collector.reset()
    collector.step([0, 1])
    with pytest.raises(ValueError, match=r"reset\(seed="):
        collector.save_actions(path)
    made = collected(puffer.make("catch", 3), None)
    made.save_actions(path)
    with pytest.raises(ValueError, match="load_actions\\(path, env"):
        load_actions(path)
    assert load_actions(path, "catch", 3).steps == 40
    with pytest.raises(ValueError, match="same version"):
        load_actions(path, "catch", 3, max_steps=5)


def test_the_example_runs(tmp_path, monkeypatch):
    example = Path(__file__).parents[2] / "examples" / "trainers" / "minari_cartpole.py"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    pytest.importorskip("torch", reason="pip install torch")
    assert run_python("-W", "ignore", str(example), "200", cwd=tmp_path).startswith("return ")
