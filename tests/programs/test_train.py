"""`python -m puffer.train`: it learns, repeats itself, goes on from its checkpoints, and says what is wrong."""

import math
import os
import signal
import subprocess
import sys
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import puffer

torch = pytest.importorskip("torch", reason='puffer.train needs torch: pip install "puffer-envs[train]"')

from puffer.train import PPO, Settings, checkpoints, load  # noqa: E402
from puffer.train.program import main  # noqa: E402
from puffer.train.stored import entries, settings_of  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learner_of(name, seed=0, **settings):
    """A small learner; the caller closes its `env`."""
    settings = Settings(**{"num_envs": 8, "horizon": 8, "minibatches": 2, "epochs": 1, **settings})
    return PPO(puffer.make(name, settings.num_envs, num_threads=1), settings, seed=seed)


def iterate(learner, times):
    iterations = learner.iterations()
    return [next(iterations) for _ in range(times)]


def test_it_learns():
    settings = settings_of("multiagent", {})
    with closing(puffer.make("multiagent", settings.num_envs, num_threads=1)) as env:
        for progress in PPO(env, settings, seed=3).iterations():
            if progress.steps >= settings.steps:
                break
    # Random actions have a return of 4, the best ones of 8.
    assert progress.episode_return >= 7


# ---- What it learns from ----


class Sampled(gymnasium.Env):
    """Observations at random, actions that are checked, and episodes of seven steps."""

    def __init__(self, observations, actions):
        self.observation_space, self.action_space = observations, actions

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action} is not in {self.action_space}"
        self.steps += 1
        return self.observation_space.sample(), float(self.steps), False, self.steps == 7, {}


OBSERVATIONS = [
    spaces.Box(-np.inf, np.inf, (3,), np.float32),
    spaces.Discrete(5, start=-2),
    spaces.Box(0, 255, (24, 24, 3), np.uint8),
    spaces.Box(0, 255, (4, 84, 84), np.uint8),
    spaces.Dict(kind=spaces.Discrete(3), at=spaces.Tuple((spaces.Box(0, 1, (2,), np.float64), spaces.MultiBinary(2)))),
]
ACTIONS = [
    spaces.Discrete(3, start=2),
    spaces.MultiDiscrete(np.array([[2, 3], [4, 5]])),
    spaces.MultiBinary(3),
    spaces.Box(-2, 3, (2,), np.float32),
    spaces.Box(-np.inf, np.inf, (1,), np.float32),
    spaces.Box(0, 9, (2,), np.int32),
    spaces.Box(0, 100_000, (1,), np.int64),
    spaces.Dict(kind=spaces.Discrete(4), size=spaces.Box(0, 1, (2,), np.float32)),
]
PAIRS = [(observations, ACTIONS[0]) for observations in OBSERVATIONS]
PAIRS += [(OBSERVATIONS[0], actions) for actions in ACTIONS[1:]]


def assert_judged_as_chosen(learner):
    """The network gives the actions of a rollout the log probabilities with which they were drawn."""
    learner.collect()
    learner.learn()
    learner.collect()
    lstm, rollout = learner.settings.lstm, learner.rollout
    state, fresh = (learner.states[0], learner.fresh[:-1]) if lstm else (None, None)
    with torch.no_grad():
        outputs, values, _ = learner.network(rollout.observations.flatten(0, 1), state, fresh)
        legal = learner.legal()
        judged, entropy = learner.network.actions.judge(outputs, legal, learner.drawn.flatten(0, 1))
    assert torch.allclose(judged, learner.log_probs.flatten(), atol=1e-4)
    assert torch.allclose(values, learner.values.flatten(), atol=1e-4)
    assert torch.isfinite(entropy).all()


@pytest.mark.parametrize("lstm", [0, 4])
@pytest.mark.parametrize(("observations", "actions"), PAIRS, ids=str)
def test_every_space(observations, actions, lstm):
    with closing(puffer.emulate(lambda: Sampled(observations, actions), 4, backend="serial")) as env:
        assert_judged_as_chosen(PPO(env, Settings(num_envs=4, horizon=9, hidden=16, lstm=lstm, epochs=1)))


@pytest.mark.parametrize("lstm", [0, 4])
@pytest.mark.parametrize("name", ["catch", "spread", "snake", "multiagent", "pendulum", "connect_four"])
def test_native_environments(name, lstm):
    learner = learner_of(name, num_envs=4, horizon=30, lstm=lstm)
    assert_judged_as_chosen(learner)
    learner.env.close()


def test_two_halves_in_workers():
    options = {"backend": "process", "num_workers": 2, "batch_size": 3, "ordered": True}
    with closing(puffer.make("gym-CartPole-v1", 6, **options)) as env:
        learner = PPO(env, Settings(num_envs=6, horizon=20, epochs=1, lstm=4))
        assert len(learner.parts) == 2
        assert_judged_as_chosen(learner)
        assert learner.rollout.steps == 20


class Masked(Sampled):
    """Only two of the actions are legal, others in each step."""

    def tell(self):
        self.legal = self.np_random.permutation(5)[:2]
        return {"action_mask": np.isin(np.arange(5), self.legal).astype(np.int8)}

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0], self.tell()

    def step(self, action):
        assert action in self.legal
        observation, *rest, _ = super().step(action)
        return observation, *rest, self.tell()


def test_only_legal_actions_are_chosen():
    with closing(puffer.emulate(lambda: Masked(OBSERVATIONS[0], spaces.Discrete(5)), 6, backend="serial")) as env:
        learner = PPO(env, Settings(num_envs=6, horizon=16))
        assert_judged_as_chosen(learner)
        assert (learner.legal().sum(-1) == 2).all()


def test_advantages_are_those_of_the_definition():
    """By a loop over each row: with the value of the last observation where an episode is truncated."""
    env = puffer.make("cartpole", 5, num_threads=1, max_steps=13)
    settings = Settings(num_envs=5, horizon=40, gamma=0.9, gae_lambda=0.7, scale_rewards=False)
    learner = PPO(env, settings)
    learner.collect()
    advantages, targets = learner._advantages()
    rollout, network = learner.rollout, learner.network
    ends = rollout.ends
    finals = {place: k for k, place in enumerate(zip(ends.steps.tolist(), ends.rows.tolist(), strict=True))}
    assert ends.truncated.any()
    assert ends.terminated.any()

    def value(observation):
        with torch.no_grad():
            return float(network(torch.as_tensor(observation)[None])[1])

    for row in range(5):
        advantage = 0.0
        for t in reversed(range(40)):
            following, goes_on = value(rollout.all_observations[t + 1, row]), 1.0
            if (t, row) in finals:
                k, goes_on = finals[t, row], 0.0
                following = 0.0 if ends.terminated[k] else value(ends.observations[k])
            error = 1.0 + 0.9 * following - value(rollout.observations[t, row])
            advantage = error + 0.9 * 0.7 * goes_on * advantage
            assert float(advantages[t, row]) == pytest.approx(advantage, abs=1e-4)
    assert torch.allclose(targets, advantages + learner.values)
    env.close()


# ---- Seeds and checkpoints ----


def assert_same_networks(first, second):
    for one, other in zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["cartpole", "continuous"])
def test_a_seed_repeats_a_training_bit_for_bit(name):
    learners = [learner_of(name, seed, lstm=4) for seed in (5, 5, 6)]
    told = [[progress.entropy for progress in iterate(learner, 3)] for learner in learners]
    assert told[0] == told[1] != told[2]
    assert_same_networks(*learners[:2])
    for learner in learners:
        learner.env.close()


def test_the_global_random_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    learner = learner_of("catch")
    iterate(learner, 1)
    learner.env.close()
    assert torch.equal(torch.random.get_rng_state(), before)


def train(folder, *arguments):
    """Run the program; returns its exit status."""
    return main([*arguments, "--out", str(folder)])


def lines_of(folder):
    return (folder / "curves.csv").read_text().splitlines()


def test_a_run_keeps_what_it_learned(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert train(tmp_path / "a", "catch", "--steps", "4096", "--seed", "3") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1].startswith("return ")
    assert printed[-1].endswith(f"{tmp_path}/a/checkpoint.pt")
    assert (tmp_path / "a" / "curves.png").stat().st_size > 1000
    lines = lines_of(tmp_path / "a")
    assert lines[0].startswith("steps,episodes,seconds,rate,env,policy,learning,episode_return")
    assert lines[-1].startswith("4096,")
    # The same once more, and then on from there.
    assert train(tmp_path / "b", "catch", "--steps", "4096", "--seed", "3") == 0
    first, second = (checkpoints.read(tmp_path / folder / "checkpoint.pt") for folder in "ab")
    for name, tensor in first["learner"]["network"].items():
        assert torch.equal(tensor, second["learner"]["network"][name])
    assert main(["--resume", str(tmp_path / "a" / "checkpoint.pt"), "--steps", "8192"]) == 0
    assert lines_of(tmp_path / "a")[: len(lines)] == lines
    assert lines_of(tmp_path / "a")[-1].startswith("8192,")


def test_a_policy_is_loaded_and_evaluated(tmp_path):
    train(tmp_path, "multiagent", "--steps", "12288")
    policy = load(tmp_path / "checkpoint.pt")
    assert repr(policy) == f"<Policy of {tmp_path}/checkpoint.pt: 'multiagent', 12,288 steps>"
    assert puffer.evaluate("multiagent", policy, episodes=50).mean > 5
    results = [
        puffer.evaluate("multiagent", load(tmp_path / "checkpoint.pt", greedy=True), episodes=20, num_envs=copies)
        for copies in (1, 7)
    ]
    assert np.array_equal(results[0].returns, results[1].returns)
    assert puffer.evaluate(policy.env, policy, episodes=2, record=True).best.frames[0].ndim == 3
    with pytest.raises(ValueError, match="checkpoint.pt was trained on 'multiagent', with observations .*CartPole"):
        puffer.evaluate("cartpole", policy)
    with pytest.raises(ValueError, match="takes flat rows: make .* without flat=False"):
        puffer.evaluate("multiagent", policy, flat=False)


def test_a_recurrent_policy_is_evaluated(tmp_path):
    train(tmp_path, "memory", "--steps", "2048", "--set", "lstm=8")
    policy = load(tmp_path / "checkpoint.pt", greedy=True)
    results = [puffer.evaluate("memory", policy, episodes=20, num_envs=copies).returns for copies in (1, 6)]
    assert np.array_equal(*results)


def refused(capsys, *arguments):
    """What the program says when it refuses arguments."""
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    output = capsys.readouterr()
    assert not output.out
    return output.err


def test_a_checkpoint_of_something_else_is_refused(tmp_path, capsys):
    train(tmp_path, "catch", "--steps", "2048")
    capsys.readouterr()
    file = tmp_path / "checkpoint.pt"
    content = file.read_bytes()
    assert "was trained on 'catch', not on 'cartpole'" in refused(capsys, "cartpole", "--resume", str(file))
    assert "has 2,048 of 2,048 steps: give more, --steps 4096" in refused(
        capsys, "--resume", str(file), "--set", "steps=2048", "--steps", "2048"
    )
    wider = refused(capsys, "--resume", str(file), "--option", "columns=7", "--steps", "9000")
    assert "was trained on 'catch', with observations Box(0, 1, (10, 5), uint8)" in wider
    assert "hidden=32: the network of" in refused(
        capsys, "--resume", str(file), "--set", "hidden=32", "--steps", "9000"
    )
    assert file.read_bytes() == content
    assert "there is no checkpoint" in refused(capsys, "--resume", str(tmp_path / "none.pt"))
    for text in (b"", b"not a checkpoint", content[: len(content) // 2]):
        file.write_bytes(text)
        assert "is not a checkpoint of puffer.train" in refused(capsys, "--resume", str(file))
    torch.save({"weights": 1}, file)
    assert "is not a checkpoint of puffer.train" in refused(capsys, "--resume", str(file))


def without(part):
    return lambda content: content.pop(part)


def without_its_steps(content):
    del content["learner"]["steps"]


def with_another_setting(content):
    content["settings"]["colour"] = 1


def with_another_width(content):
    content["settings"]["hidden"] = 17


def with_nan(content):
    next(iter(content["learner"]["network"].values())).view(-1)[-1] = math.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *((without(part), f"has no '{part}'") for part in ("env", "options", "spaces", "settings", "learner")),
        (without_its_steps, "has no 'steps'"),
        (with_another_setting, "other settings; they differ in colour"),
        (with_another_width, "what was learned does not fit its settings"),
        (with_nan, "has parameters that are not finite numbers"),
    ],
)
def test_a_checkpoint_that_is_not_whole_is_refused(change, message, tmp_path, capsys):
    train(tmp_path, "catch", "--steps", "2048")
    capsys.readouterr()
    file = tmp_path / "checkpoint.pt"
    content = checkpoints.read(file)
    change(content)
    torch.save(content, file)
    with pytest.raises(ValueError, match=f"checkpoint.pt .*{message}"):
        load(file)
    assert message in refused(capsys, "--resume", str(file), "--steps", "4096")


def test_a_file_that_could_not_be_written_whole_replaces_nothing(tmp_path, monkeypatch):
    learner = learner_of("catch")
    checkpoints.save(tmp_path / "checkpoint.pt", learner, "catch", {})
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def interrupted(content, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(tmp_path / "checkpoint.pt", learner, "catch", {})
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


def test_a_changed_byte_is_found(tmp_path):
    train(tmp_path, "catch", "--steps", "2048")
    file = tmp_path / "checkpoint.pt"
    content = file.read_bytes()
    # Within the numbers of a tensor, where nothing else depends on it.
    middle = content.index(checkpoints.read(file)["learner"]["optimizer"]["mean"].numpy().tobytes()) + 100
    file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(ValueError, match="is damaged"):
        load(file)


def test_parameters_that_are_not_finite_replace_nothing(tmp_path, capsys):
    train(tmp_path, "continuous", "--steps", "2048")
    file = tmp_path / "checkpoint.pt"
    content = file.read_bytes()
    wild = ["--steps", "100000", "--set", "learning_rate=1e38", "--set", "max_gradient=1e38"]
    assert main(["--resume", str(file), *wild]) == 1
    assert "the parameters are not finite any more after 4,096 steps; try a lower" in capsys.readouterr().err
    assert file.read_bytes() == content


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_checkpoint_runs_no_code(tmp_path):
    torch.save({"puffer.train": 1, "env": Harmful(str(tmp_path / "harm"))}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        load(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the environment to train on"),
        (("cartpol",), "there is no environment called 'cartpol'; did you mean 'ocean-cartpole'"),
        (("cartpole", "--steps", "0"), "--steps: must be an integer of at least 1, got '0'"),
        (("cartpole", "--seconds", "-1"), "--seconds: must be a number above 0"),
        (("cartpole", "--seed", "x"), "--seed: must be an integer of at least 0, got 'x'"),
        (
            ("cartpole", "--set", "gama=1"),
            "unexpected keyword argument 'gama'; did you mean 'gamma'?",
        ),
        (("cartpole", "--set", "gamma=2"), "gamma must be from 0 to 1, got 2"),
        (("cartpole", "--set", "gamma"), "--set: must be KEY=VALUE, got 'gamma'"),
        (("cartpole", "--option", "columns=3"), "cartpole got an unexpected keyword argument 'columns'"),
        (("cartpole", "--device", "hardware"), "--device: torch has no device 'hardware' here"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *arguments)
    assert not any(tmp_path.iterdir())


def test_limits(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bandit", "--until-return", "0.01", "--set", "num_envs=8"]) == 0
    assert main(["bandit", "--seconds", "0.01"]) == 0
    for folder in ("bandit", "bandit-2"):
        policy = load(f"runs/{folder}/checkpoint.pt")
        assert policy._content["learner"]["steps"] < 20_000


@pytest.mark.skipif(os.name != "posix", reason="sends signals as POSIX has them")
def test_ctrl_c_saves_a_checkpoint(tmp_path):
    command = [sys.executable, "-m", "puffer.train", "catch", "--steps", "1000000000", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": puffer.get_include()}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert " steps " in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert ", interrupted; " in rest
    assert load(tmp_path / "checkpoint.pt").env == "catch"


def test_the_stored_settings_are_settings_of_environments():
    known = puffer.list_envs()
    for name in entries():
        assert name in known or f"ocean-{name}" in known
        settings_of(name, {})


def test_without_torch_the_line_to_type_is_said(monkeypatch):
    for module in [
        name for name in sys.modules if name.partition(".")[0] == "torch" or name.startswith("puffer.train")
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r'puffer.train needs torch: pip install "puffer-envs\[train\]"'):
        __import__("puffer.train")
