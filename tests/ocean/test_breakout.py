"""Breakout keeps its rules: a plain Python twin beside it, frame by frame, and positions made for single rules."""

from collections import Counter

import numpy as np
import pytest
from gymnasium import error
from helpers import make

from puffer.ocean.breakout import breakout

STAY, LEFT, RIGHT = breakout.Action

RULES = {
    "frameskip": 4,
    "brick_rows": 6,
    "brick_columns": 18,
    "walls": 2,
    "lives": 5,
    "paddle_width": 1024,
    "paddle_speed": 160,
    "ball_speed": 96,
    "max_ball_speed": 192,
}
PARAMETERS = [
    {},
    {"frameskip": 1, "brick_rows": 1, "brick_columns": 2, "walls": 3, "paddle_width": 500},
    {"frameskip": 3, "brick_rows": 2, "brick_columns": 3, "lives": 1, "paddle_width": 1535},
    {"frameskip": 5, "brick_rows": 5, "brick_columns": 7, "ball_speed": 300, "max_ball_speed": 383},
    {"frameskip": 64, "brick_rows": 16, "brick_columns": 32, "lives": 100, "ball_speed": 383, "max_ball_speed": 383},
    {"frameskip": 2, "brick_columns": 1, "walls": 100, "paddle_width": 511, "paddle_speed": 1, "ball_speed": 190},
    {"paddle_width": 4, "paddle_speed": 4096, "lives": 3, "max_ball_speed": 97},
]


class Stream:
    """The random stream of a copy, from a snapshot of it: PCG-XSH-RR, and Lemire's numbers below a bound."""

    def __init__(self, snapshot):
        self.state, self.increment = (int(word) for word in snapshot[16:32].view(np.uint64))

    def bits(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.increment) % 2**64
        word, turn = ((old >> 18 ^ old) >> 27) % 2**32, old >> 59
        return (word >> turn | word << (-turn % 32)) % 2**32

    def below(self, bound):
        while True:
            product = self.bits() * bound
            if product % 2**32 >= 2**32 % bound:
                return product >> 32


class Twin:
    """One game, by the rules of the module's docstring, a frame at a time. `events` counts what happened."""

    def __init__(self, stream, events, **parameters):
        self.__dict__.update({**RULES, **parameters})
        self.stream, self.events = stream, events
        self.width = 512 * self.brick_columns
        self.bottom = 1536 + 384 * self.brick_rows
        self.floor = self.bottom + 6144
        self.reset()

    def reset(self):
        self.middle = (self.width - 1) // 2
        self.left, self.score, self.walls_left = self.lives, 0, self.walls
        self.raise_wall()
        self.serve()

    def raise_wall(self):
        self.bricks = {(row, column) for row in range(self.brick_rows) for column in range(self.brick_columns)}

    def serve(self):
        self.reach = self.paddle_width // 2
        self.speed = self.vy = self.ball_speed
        self.x, self.y = (self.width - 1) // 2, self.floor - 3072
        self.vx = self.stream.below(2 * self.ball_speed + 1) - self.ball_speed
        self.push(0)

    def push(self, distance):
        self.middle = min(max(self.middle + distance, self.reach), self.width - 1 - self.reach)

    def points(self, row):
        return [1, 4, 7, 10, 13, 16, 19, 22][(self.brick_rows - 1 - row) // 2]

    def step(self, action):
        """The reward, and whether the game is over."""
        before = self.score
        for _ in range(self.frameskip):
            self.push({LEFT: -self.paddle_speed, RIGHT: self.paddle_speed}.get(action, 0))
            self.move_across()
            self.move_down()
            if self.left == 0 or (not self.bricks and self.walls_left == 1):
                return self.score - before, True
        return self.score - before, False

    def move_across(self):
        x = self.x + self.vx
        if not 0 <= x < self.width:
            self.events["side"] += 1
            x = -x if x < 0 else 2 * (self.width - 1) - x
            self.vx = -self.vx
        if self.hit(x, self.y):
            self.events["brick across"] += 1
            self.vx = -self.vx
        else:
            self.x = x

    def move_down(self):
        y = self.y + self.vy
        if y >= self.floor:
            self.arrive(y)
        elif y < 0:
            self.events["top"] += 1
            self.y, self.vy, self.reach = -y, -self.vy, self.paddle_width // 2 // 2
        elif self.hit(self.x, y):
            self.events["brick below" if self.vy > 0 else "brick above"] += 1
            self.vy = -self.vy
        else:
            self.y = y

    def hit(self, x, y):
        brick = (y - 1536) // 384, x // 512
        if brick not in self.bricks:
            return False
        self.bricks.remove(brick)
        self.score += self.points(brick[0])
        if brick[0] < self.brick_rows // 2:
            self.speed = self.max_ball_speed
        return True

    def arrive(self, y):
        offset = self.x - self.middle
        if abs(offset) > self.reach:
            self.events["lost"] += 1
            self.left -= 1
            if self.left:
                self.serve()
            return
        self.events["returned"] += 1
        self.speed = min(self.speed + -(-(self.max_ball_speed - self.ball_speed) // 12), self.max_ball_speed)
        across = self.speed * abs(offset) // self.reach
        self.vx, self.vy, self.y = across if offset > 0 else -across, -self.speed, 2 * self.floor - y
        if not self.bricks:
            self.events["wall"] += 1
            self.walls_left -= 1
            self.raise_wall()

    def observation(self):
        best = self.walls * self.brick_columns * sum(self.points(row) for row in range(self.brick_rows))
        numbers = [self.middle, self.reach, self.x, self.y, self.vx, self.vy, self.speed, self.left, self.score]
        largest = [self.width - 1, self.paddle_width // 2, self.width - 1, self.floor, *3 * [self.max_ball_speed]]
        scales = np.float32(1) / np.array([*largest, self.lives, best], np.float32)
        places = np.ndindex(self.brick_rows, self.brick_columns)
        bricks = np.array([place in self.bricks for place in places], np.float32)
        return np.concatenate([np.array(numbers, np.float32) * scales, bricks])


def backend(env):
    return env.unwrapped.native_env


def follow(observations, rng, noise):
    """Actions that keep the paddle under the ball, but a share of `noise` at random."""
    distance = observations[:, 2] - observations[:, 0]
    actions = np.where(distance > 0.01, RIGHT, np.where(distance < -0.01, LEFT, STAY))
    return np.where(rng.random(len(distance)) < noise, rng.integers(0, 3, len(distance)), actions).astype(np.int32)


def play_beside_twins(parameters, copies, steps, noise, seed=3):
    """Play and compare everything with a twin of every copy; what happened, counted."""
    rng, events = np.random.default_rng(seed), Counter()
    env = make("breakout", copies, autoreset_mode="Disabled", **parameters)
    env.reset(seed=seed)
    twins = [Twin(Stream(snapshot), events, **parameters) for snapshot in env.get_state()]
    observations, _ = env.reset()  # continues the streams
    for _ in range(steps):
        actions = follow(observations, rng, noise)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        expected = [twin.step(action) for twin, action in zip(twins, actions, strict=True)]
        assert np.array_equal(observations, [twin.observation() for twin in twins])
        assert np.array_equal(rewards, [reward for reward, _ in expected])
        assert np.array_equal(terminations, [over for _, over in expected])
        assert not truncations.any()
        ended = terminations.copy()
        events["over"] += ended.sum()
        if ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
            for twin, over in zip(twins, ended, strict=True):
                if over:
                    twin.reset()
            assert np.array_equal(observations, [twin.observation() for twin in twins])
    return events


# ---- Against the twin ----


@pytest.mark.parametrize("noise", [1.0, 0.1])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_play_is_that_of_the_twin(parameters, noise):
    events = play_beside_twins(parameters, 8, 6400 // (16 + parameters.get("frameskip", 4)), noise)
    assert events["returned"] + events["lost"]


def test_everything_happens_beside_the_twin():
    small = {"brick_rows": 2, "brick_columns": 2, "paddle_width": 300, "ball_speed": 150, "max_ball_speed": 380}
    events = play_beside_twins(small, 16, 800, 0.1)
    kinds = ("side", "top", "brick across", "brick below", "brick above", "returned", "lost", "wall", "over")
    assert {kind for kind in kinds if events[kind] == 0} == set()


@pytest.mark.parametrize("parameters", [{}, {"ball_speed": 383, "max_ball_speed": 383}], ids=str)
def test_a_step_is_as_many_frames_with_the_same_action(parameters, rng):
    """Also where it is one jump over frames in which the ball meets nothing."""
    skipping = make("breakout", 64, frameskip=7, lives=100, **parameters)
    single = make("breakout", 64, frameskip=1, lives=100, **parameters)
    observations, _ = skipping.reset(seed=4)
    single.reset(seed=4)
    for _ in range(100):
        actions = follow(observations, rng, 0.2)
        observations, rewards, terminations, _, _ = skipping.step(actions)
        frames = [single.step(actions)[1].copy() for _ in range(7)]
        assert np.array_equal(observations, backend(single).observations)
        assert np.array_equal(rewards, np.sum(frames, axis=0))
        assert not terminations.any()


# ---- Single rules ----


def one(seed=0, **parameters):
    """A game of one copy, and its `step(action)`, which returns (observation, reward, terminated, truncated, info)."""
    env = make("breakout", 1, autoreset_mode="Disabled", **parameters)
    env.reset(seed=seed)

    def step(action):
        observations, rewards, terminations, truncations, info = env.step(np.array([action], np.int32))
        return observations[0], rewards[0], terminations[0], truncations[0], info

    return backend(env), step


def play_first_ball(seed, paddle_width):
    """The state when the first ball is returned or lost, the paddle staying in the middle."""
    game, step = one(seed, frameskip=1, paddle_width=paddle_width)
    while game.state(0)["vy"] > 0 and game.state(0)["lives"] == 5:
        step(STAY)
    return game.state(0)


@pytest.mark.parametrize("seed", range(6))
def test_the_paddle_reaches_to_its_very_ends(seed):
    state = play_first_ball(seed, 512 * 18 - 1)
    offset = state["x"] - state["paddle"]
    assert abs(offset) > 2
    returned = play_first_ball(seed, 2 * abs(offset))
    assert (returned["lives"], returned["x"], returned["vy"]) == (5, state["x"], -returned["speed"])
    assert returned["vx"] == np.sign(offset) * returned["speed"]
    lost = play_first_ball(seed, 2 * abs(offset) - 2)
    assert lost["lives"] == 4
    assert lost["vy"] == 96


def test_returns_go_across_in_proportion_to_the_place_on_the_paddle():
    for seed in range(20):
        state = play_first_ball(seed, 512 * 18 - 1)
        expected = state["speed"] * (state["x"] - state["paddle"]) / state["half_width"]
        assert state["vx"] == int(expected)
        assert state["speed"] == 96 + 8


def test_the_last_life_ends_the_game_and_all_others_are_followed_by_a_serve():
    game, step = one(lives=3, paddle_width=100)
    lives = [3]
    terminated = False
    while not terminated:
        observation, reward, terminated, _, _ = step(LEFT)
        assert reward == 0
        assert observation[7] == np.float32(1 / 3) * np.float32(game.state(0)["lives"])
        lives.append(game.state(0)["lives"])
        if lives[-1] < lives[-2]:
            assert terminated == (lives[-1] == 0)
            assert observation[3] > 0.5 or not terminated
    assert list(dict.fromkeys(lives)) == [3, 2, 1, 0]
    assert game.state(0)["paddle"] == 50


def test_the_last_brick_of_the_last_wall_ends_the_game():
    game, step = one(brick_rows=1, brick_columns=1, walls=3, paddle_width=511, frameskip=1)
    rewards, walls, scores, bricks = [], [], [], []
    terminated = False
    while not terminated:
        observation, reward, terminated, _, _ = step(STAY)
        if reward or (bricks and observation[9] != bricks[-1]):
            rewards.append(reward)
            walls.append(game.state(0)["walls"])
            scores.append(observation[8])
            bricks.append(observation[9])
    assert rewards == [1, 0, 1, 0, 1]
    assert walls == [3, 2, 2, 1, 1]
    assert bricks == [0, 1, 0, 1, 0]
    assert scores == [np.float32(k) * np.float32(1 / 3) for k in (1, 1, 2, 2)] + [1]


def test_twelve_returns_reach_the_greatest_speed():
    game, step = one(brick_rows=1, brick_columns=1, walls=100, paddle_width=511, frameskip=1, max_ball_speed=200)
    speeds = [game.state(0)["speed"]]
    while speeds[-1] < 200:
        step(STAY)
        if game.state(0)["speed"] != speeds[-1]:
            speeds.append(game.state(0)["speed"])
            assert game.state(0)["vy"] == -speeds[-1]
    assert speeds == [*range(96, 200, 9), 200]
    assert len(speeds) == 13


def test_rows_are_worth_more_the_higher_they_are_and_the_upper_ones_make_the_ball_fast():
    rng = np.random.default_rng(0)
    env = make("breakout", 32, frameskip=1, paddle_width=1500)
    observations, _ = env.reset(seed=1)
    seen, fast = set(), 0
    for _ in range(6000):
        before = observations[:, 9:].reshape(-1, 6, 18).copy()
        observations, rewards, _, _, _ = env.step(follow(observations, rng, 0.1))
        for copy in np.flatnonzero(rewards):
            broken = np.argwhere(before[copy] != observations[copy, 9:].reshape(6, 18))
            assert rewards[copy] == sum([7, 7, 4, 4, 1, 1][row] for row, _ in broken)
            seen.update(row for row, _ in broken)
            if broken[:, 0].min() < 3:
                assert observations[copy, 6] == 1
                fast += 1
    assert seen == set(range(6))
    assert fast


def test_no_ball_passes_through_a_brick_at_the_greatest_speed():
    rng = np.random.default_rng(0)
    parameters = {"brick_rows": 16, "brick_columns": 12, "ball_speed": 383, "max_ball_speed": 383}
    env = make("breakout", 16, frameskip=1, lives=100, paddle_width=2000, paddle_speed=600, **parameters)
    observations, _ = env.reset(seed=2)
    states = [backend(env).state(copy) for copy in range(16)]
    inside = 0
    for _ in range(1500):
        observations, *_ = env.step(follow(observations, rng, 0.0))
        for copy, old in enumerate(states):
            new = states[copy] = backend(env).state(copy)
            if new["lives"] < old["lives"]:
                continue
            (row, column), (old_row, old_column) = (((s["y"] - 1536) // 384, s["x"] // 512) for s in (new, old))
            assert abs(row - old_row) <= 1
            assert abs(column - old_column) <= 1
            for place in ((row, column), (old_row, column)):  # along x, then along y
                if 0 <= place[0] < 16:
                    inside += 1
                    assert not new["bricks"][place]
    assert inside


def test_the_top_halves_the_paddle_until_the_ball_is_lost():
    game, step = one(seed=1, brick_rows=1, brick_columns=4, paddle_width=400, frameskip=1, lives=100)
    rng = np.random.default_rng(0)
    observation, *_ = step(STAY)
    expected, halved, restored, terminated = 1.0, 0, 0, False
    while not terminated:
        before = game.state(0)
        observation, _, terminated, _, _ = step(follow(observation[None], rng, 0.05)[0])
        if before["y"] + before["vy"] < 0:
            expected, halved = 0.5, halved + 1
        if game.state(0)["lives"] < before["lives"]:
            restored += expected == 0.5
            expected = 1.0
        assert observation[1] == expected
    assert halved
    assert restored


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_writing_only_changed_bricks_is_writing_all(parameters, rng):
    env = make("breakout", 8, **parameters)
    observations, _ = env.reset(seed=0)
    for _ in range(120):
        observations = env.step(follow(observations, rng, 0.2))[0].copy()
        env.set_state(env.get_state())  # writes all
        assert np.array_equal(backend(env).observations, observations)


def test_any_other_action_is_to_stay():
    env = make("breakout", 5, check_actions=False)
    staying = make("breakout", 5)
    env.reset(seed=[1] * 5)
    staying.reset(seed=[1] * 5)
    for _ in range(200):
        observations, *_ = env.step(np.array([0, -1, 3, 2**31 - 1, -(2**31)], np.int32))
        assert np.array_equal(observations, staying.step(np.zeros(5, np.int32))[0])


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_observations_lie_in_the_space_until_both_kinds_of_end(parameters, rng):
    env = make("breakout", 16, max_steps=400, **parameters)
    low, high = env.single_observation_space.low, env.single_observation_space.high
    observations, _ = env.reset(seed=0)
    ends = Counter()
    for _ in range(801):
        observations, _, terminations, truncations, info = env.step(follow(observations, rng, 0.3))
        final = [row for row in info.get("final_obs", ()) if row is not None]
        for rows in (observations, *final):
            assert (rows >= low).all()
            assert (rows <= high).all()
        ends["terminated"] += terminations.sum()
        ends["truncated"] += truncations.sum()
    assert ends["truncated"] + ends["terminated"] >= 32


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("frameskip", (0, 65)),
        ("brick_rows", (0, 17)),
        ("brick_columns", (0, 33)),
        ("walls", (0, 101)),
        ("lives", (0, 101)),
        ("paddle_width", (3, 512 * 18)),
        ("paddle_speed", (0, 4097)),
        ("ball_speed", (0, 193)),
        ("max_ball_speed", (0, 384)),
    ],
)
def test_bad_parameters_are_refused(name, bad):
    for value in bad:
        with pytest.raises(ValueError, match=rf"{name} must be at (least|most) \d+, got {value}"):
            make("breakout", 1, **{name: value})
    for value in (1.5, "3", None, True):
        with pytest.raises(TypeError, match=rf"{name} must be an integer, got {value!r}"):
            make("breakout", 1, **{name: value})


def test_state_is_refused_before_reset_and_for_copies_that_are_not_there():
    game = backend(make("breakout", 2))
    with pytest.raises(error.ResetNeeded, match="state"):
        game.state(0)
    game.reset(seed=0)
    assert game.state(1)["bricks"].all()
    assert game.state(1)["bricks"].shape == (6, 18)
    with pytest.raises(ValueError, match="copy must be at most 1, got 2"):
        game.state(2)


def test_statistics_count_points_and_bricks(rng):
    env = make("breakout", 16)
    observations, _ = env.reset(seed=0)
    points = bricks = 0
    scores = []
    totals, counts = np.zeros(16), np.zeros(16)
    for _ in range(600):
        before = observations[:, 9:].copy()
        observations, rewards, terminations, _, info = env.step(follow(observations, rng, 0.5))
        after = observations[:, 9:].copy()
        for copy in np.flatnonzero(terminations):
            after[copy] = info["final_obs"][copy][9:]
        totals += rewards
        counts += (before - after).clip(0).sum(axis=1)
        for copy in np.flatnonzero(terminations):
            points, bricks = points + totals[copy], bricks + counts[copy]
            scores.append(totals[copy])
            totals[copy] = counts[copy] = 0
    stats = backend(env).stats()
    assert stats["episodes"] == len(scores) > 0
    assert stats["score"] == pytest.approx(points / len(scores))
    assert stats["score"] == pytest.approx(stats["episode_return"])
    assert stats["bricks"] == pytest.approx(bricks / len(scores))
