"""The backend for systems that step many copies themselves, against the serial one over the same game."""

import numpy as np
import pytest
from gymnasium import error, spaces
from gymnasium.vector import AutoresetMode
from helpers import MODES, assert_same, snapshot

import puffer
from puffer.backends.choice import python_batch
from puffer.backends.system import SystemCreator, SystemStepper
from puffer.options import BatchOptions, WorkerOptions
from puffer.rendering import Rendering
from puffer.vector import VectorEnv

OBSERVATION = spaces.Box(-np.inf, np.inf, (3,), np.float32)
ACTION = spaces.Discrete(5)


class Game:
    """Each agent has energy for some steps, and more of it the more it rests (action 0)."""

    def __init__(self, agents):
        self.agents = agents
        self.rng = None
        self.episodes = 0

    def reset(self, seed=None):
        if seed is not None or self.rng is None:
            self.rng = np.random.default_rng(seed)
            self.episodes = 0
        self.episodes += 1
        self.steps = 0
        self.energy = self.rng.integers(1, 6, self.agents)
        self.alive = self.playing = np.ones(self.agents, bool)
        self.rested = np.zeros(self.agents, bool)
        self.rewards = np.zeros(self.agents)
        self.terminations = self.truncations = ~self.alive

    def step(self, actions):
        self.steps += 1
        self.playing = self.alive
        self.rested = self.playing & (actions == 0) & (self.rng.random(self.agents) < 0.5)
        self.energy = self.energy - self.playing + self.rested
        self.rewards = np.where(self.playing, actions + 0.25 * self.energy, 0)
        ended = self.playing & (self.energy <= 0)
        # The agents of an odd number run out of time, the others die.
        odd = np.arange(self.agents) % 2 == 1
        self.terminations, self.truncations = ended & ~odd, ended & odd
        self.alive = self.playing & ~ended

    def observe(self):
        row = np.stack([self.energy, np.full(self.agents, self.steps), np.full(self.agents, self.episodes)], 1)
        return np.where(self.playing[:, np.newaxis], row, 0).astype(np.float32)


class GameEnv(puffer.PufferEnv):
    """One copy, for the serial backend."""

    single_observation_space = OBSERVATION
    single_action_space = ACTION

    def __init__(self, agents):
        self.num_agents = agents
        self.game = Game(agents)

    def reset(self, seed=None):
        self.game.reset(seed)
        return self.show()

    def step(self, actions):
        self.game.step(actions)
        self.rewards[:] = self.game.rewards
        self.terminations[:] = self.game.terminations
        self.truncations[:] = self.game.truncations
        observations, infos = self.show()
        return observations, self.rewards, self.terminations, self.truncations, infos

    def show(self):
        self.observations[:] = self.game.observe()
        self.masks[:] = self.game.playing
        energies = zip(self.game.energy, self.game.rested, self.game.playing, strict=True)
        return self.observations, [{"energy": e, "rested": r} if plays else {} for e, r, plays in energies]


class GameBatch(SystemStepper):
    """Several copies, stepped together. Those that `fails` names raise in steps with the action 4 of their agent 0."""

    observation_space = OBSERVATION
    action_space = ACTION

    def __init__(self, copies, num_threads, mode, /, *, agents=1, restarts=False, max_steps=None, lends=False):
        self.games = [Game(agents) for _ in copies]
        self.agents_per_env = agents
        self.restarts = restarts
        self.max_steps = max_steps
        self.mode = mode
        self.over = np.zeros(len(copies), bool)
        self.closed = 0
        self.rendering = Rendering(("ansi",), "ansi", 30)
        if lends:
            self.memory = {"actions": np.zeros(len(copies) * agents, np.int64)}

    def rows(self, copy):
        return slice(copy * self.agents_per_env, (copy + 1) * self.agents_per_env)

    def reset_copies(self, seeds, copies):
        for seed, copy in zip(seeds, copies, strict=True):
            self.begin(copy, seed)
        return self.infos()

    def begin(self, copy, seed=None):
        self.games[copy].reset(seed)
        self.over[copy] = False
        self.show(copy)

    def show(self, copy):
        game, rows = self.games[copy], self.rows(copy)
        self.buffers.observations[rows] = game.observe()
        self.buffers.masks[rows] = game.playing

    def end_step(self, finals):
        for copy in range(len(self.games)):
            self.step(copy, finals)
        return self.infos()

    def step(self, copy, finals):
        game, rows, buffers = self.games[copy], self.rows(copy), self.buffers
        restart = self.restarts and self.over[copy] and self.mode is AutoresetMode.NEXT_STEP
        if restart:
            self.begin(copy)
        elif self.waiting[copy]:
            return
        else:
            if (buffers.actions[rows] == 4).all():
                raise RuntimeError(f"copy {copy} is broken")
            game.step(buffers.actions[rows])
            self.show(copy)
        buffers.rewards[rows] = game.rewards
        buffers.terminations[rows] = game.terminations
        buffers.truncations[rows] = game.truncations
        self.over[copy] = not game.alive.any()
        if self.restarts and self.over[copy] and self.mode is AutoresetMode.SAME_STEP:
            finals[rows] = buffers.observations[rows]
            self.begin(copy)

    def infos(self):
        return {
            "energy": np.concatenate([game.energy for game in self.games]),
            "rested": np.concatenate([game.rested for game in self.games]),
        }

    def render_copy(self, copy):
        return f"energy {self.games[copy].energy}"

    def close(self):
        self.closed += 1


def batched(num_envs, options=None, **arguments):
    options = BatchOptions(num_envs, **(options or {}))
    return VectorEnv(python_batch(SystemCreator(GameBatch, arguments), options, WorkerOptions(), num_threads=2))


def serial(num_envs, options=None, agents=1):
    return puffer.emulate(lambda: GameEnv(agents), num_envs, backend="serial", **(options or {}))


def play(env, steps=60, seed=3):
    """Results with masks; single copies are reset now and then, and where nothing else does it."""
    rng = np.random.default_rng(7)
    env.reset(seed=seed)
    results = []
    for step in range(steps):
        ended = env.batch.backend.rows.waiting.copy()
        if env.metadata["autoreset_mode"] is not AutoresetMode.DISABLED:
            ended &= False
        if step % 7 == 3:
            ended[step % len(ended)] = True
        if ended.any():
            mask = np.repeat(ended, env.agents_per_env)
            results.append((*snapshot(env.reset(seed=[None] * len(ended), options={"reset_mask": mask})),))
        results.append((*snapshot(env.step(rng.integers(4, size=env.num_envs))), env.masks.copy()))
    results.append(env.stats())
    env.close()
    return without_times(results)


def without_times(results):
    for result in results:
        for part in result if isinstance(result, tuple) else ():
            if isinstance(part, dict) and "episode" in part:
                part["episode"].pop("t")
    return results


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_steps", [None, 1, 4])
@pytest.mark.parametrize("agents", [1, 3])
def test_it_is_the_serial_backend(mode, max_steps, agents):
    options = {"autoreset_mode": mode, "max_steps": max_steps, "record_episodes": True}
    expected = play(serial(4, options, agents))
    assert_same(play(batched(4, options, agents=agents)), expected)
    assert expected[-1]["episodes"] > 20


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_steps", [None, 1, 4])
def test_a_system_that_restarts_copies_itself(mode, max_steps):
    options = {"autoreset_mode": mode, "max_steps": max_steps, "record_episodes": True}
    expected = play(serial(4, options))
    got = play(batched(4, options, restarts=True))
    # It does not tell the infos of the last steps.
    for result in (*got, *expected):
        if isinstance(result, tuple) and len(result) > 2:
            result[4].pop("final_info", None)
    assert_same(got, expected)


def test_its_own_time_limit():
    assert_same(play(batched(2, {"max_steps": 3})), play(batched(2, max_steps=3)))
    assert_same(play(batched(2, {"max_steps": 2})), play(batched(2, {"max_steps": 2}, max_steps=3)))


@pytest.mark.parametrize("agents", [1, 2])
def test_parts(agents):
    whole, parts = batched(6, agents=agents), batched(6, {"batch_size": 2}, agents=agents)
    rng = np.random.default_rng(1)
    assert_same(snapshot(whole.reset(seed=1)), snapshot(parts.reset(seed=1)))
    for _ in range(20):
        actions = rng.integers(4, size=(3, 2 * agents))
        expected = whole.step(actions.ravel())
        for part in actions:
            parts.send(part)
        for number in range(3):
            rows = slice(number * 2 * agents, (number + 1) * 2 * agents)
            got = parts.recv()
            assert (got[-1]["env_id"] == np.arange(rows.start, rows.stop)).all()
            for array, expected_array in zip(got[:4], expected[:4], strict=True):
                assert (array == expected_array[rows]).all()
            assert (got[-1]["energy"] == expected[-1]["energy"][rows]).all()


def test_a_reset_of_single_copies_leaves_the_others():
    env = batched(4, agents=2)
    env.reset(seed=5)
    first = env.step(np.zeros(8, int))[0].copy()
    mask = np.repeat([False, True, False, False], 2)
    observations, info = env.reset(seed=[None, 9, None, None], options={"reset_mask": mask})
    assert (observations[~mask] == first[~mask]).all()
    assert (observations[mask, 1] == 0).all()
    assert (info["_energy"] == mask).all()
    with pytest.raises(ValueError, match="only some rows of copy 1"):
        env.reset(options={"reset_mask": np.arange(8) == 3})


def test_an_exception_leaves_a_batch_to_be_reset():
    env = batched(3, agents=1)
    env.reset(seed=1)
    with pytest.raises(RuntimeError, match="copy 1 is broken"):
        env.step(np.array([0, 4, 0]))
    with pytest.raises(error.ResetNeeded):
        env.step(np.zeros(3, int))
    assert_same(play(env), play(batched(3)))


def test_an_exception_of_one_part_while_others_are_under_way():
    env = batched(4, {"batch_size": 1})
    env.reset(seed=1)
    for action in (4, 0, 4, 0):
        env.send(np.array([action]))
    with pytest.raises(RuntimeError, match="copy 0 is broken"):
        env.recv()
    env.reset(seed=1)
    fresh = batched(4, {"batch_size": 1})
    fresh.reset(seed=1)
    for one in (env, fresh):
        one.send(np.array([1]))
    assert_same(snapshot(env.recv()), snapshot(fresh.recv()))


def test_seeds():
    env = batched(2)
    firsts = [env.reset(seed=seed)[1]["energy"].tolist() for seed in ([4, 5], 4, [5, 4])]
    assert firsts[0] == firsts[1] == firsts[2][::-1]
    # Without a seed the random numbers go on, or begin anywhere.
    assert (env.reset()[0][:, 2] == 2).all()
    batched(2).reset()


def test_memory_of_the_system_is_that_of_the_batch():
    env = batched(3, lends=True)
    lent = env.batch.backend.steppers[0].memory["actions"]
    env.reset(seed=1)
    env.step(np.array([1, 2, 3]))
    assert lent.tolist() == [1, 2, 3]
    # Not in parts, and not where the caller has an array.
    mine = np.zeros(3, np.int64)
    for options in ({"batch_size": 1}, {"buf": {"actions": mine}}):
        other = batched(3, options, lends=True)
        assert not np.shares_memory(other.buffers.actions, other.batch.backend.steppers[0].memory["actions"])
    assert_same(play(batched(3, lends=True)), play(batched(3)))


def test_render_and_close():
    env = batched(4, {"batch_size": 2, "render_mode": "ansi"})
    env.reset(seed=1)
    games = [game for stepper in env.batch.backend.steppers for game in stepper.games]
    assert env.render() == tuple(f"energy {game.energy}" for game in games)
    env.close()
    env.close()
    assert [stepper.closed for stepper in env.batch.backend.steppers] == [1, 1]


def test_what_fails_to_set_up_is_closed():
    made = []

    class Odd(GameBatch):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

        def attach(self, buffers, waiting):
            raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        python_batch(SystemCreator(Odd, {}), BatchOptions(2, batch_size=1), WorkerOptions())
    assert [one.closed for one in made] == [1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"batch_size": 3}, "batch_size"), ({"max_steps": 0}, "max_steps"), ({"autoreset_mode": "x"}, "autoreset_mode")],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        batched(4, options)
