"""Snake: its steps are those of a slow, plain reference, random numbers included; and what the rules promise holds."""

from collections import Counter

import numpy as np
import pytest
from gymnasium import error
from helpers import MODES, label

from puffer.ocean.snake import snake

Action, Cell = snake.Action, snake.Cell
MOVES = {Action.UP: (-1, 0), Action.DOWN: (1, 0), Action.LEFT: (0, -1), Action.RIGHT: (0, 1)}
BACK = {Action.UP: Action.DOWN, Action.DOWN: Action.UP, Action.LEFT: Action.RIGHT, Action.RIGHT: Action.LEFT}
# The defaults, the single-snake game, crowded maps (the second of them exactly full), the smallest, and odd ones.
CONFIGS = [
    {},
    {"snakes": 1},
    {"snakes": 1, "width": 4, "height": 3, "vision": 2},
    {"snakes": 30, "width": 18, "height": 15, "food": 20, "vision": 3, "max_length": 6},
    {"snakes": 12, "width": 6, "height": 7, "food": 6, "vision": 1, "max_length": 3},
    {"snakes": 2, "width": 4, "height": 2, "food": 2, "vision": 1},
    {"snakes": 5, "width": 2, "height": 31, "vision": 9},
    {"snakes": 3, "width": 9, "height": 5, "food": 0, "vision": 8},
    {"snakes": 7, "width": 14, "height": 14, "food": 60, "vision": 4, "max_length": 19},
]


def names_of(config):
    return "-".join(f"{key}={value}" for key, value in config.items()) or "defaults"


def make(num_envs=3, **options):
    return snake.Snake(num_envs, **{"num_threads": 1, **options})


class Stream:
    """The random stream of one copy, PCG-XSH-RR 64/32 as in rng.pxd, in Python's integers."""

    MASK = 2**64 - 1

    def __init__(self, seed, copy):
        mixed = self.mix(seed + 0x9E3779B97F4A7C15)
        self.state, self.increment = 0, ((mixed + copy) << 1 | 1) & self.MASK
        self.bits()
        self.state = (self.state + self.mix(mixed ^ copy)) & self.MASK
        self.bits()

    def mix(self, x):
        x &= self.MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & self.MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & self.MASK
        return x ^ (x >> 31)

    def bits(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.increment) & self.MASK
        shifted, turn = ((old >> 18 ^ old) >> 27) & 0xFFFFFFFF, old >> 59
        return (shifted >> turn | shifted << (-turn & 31)) & 0xFFFFFFFF

    def below(self, bound):
        product = self.bits() * bound
        while product & 0xFFFFFFFF < 2**32 % bound:
            product = self.bits() * bound
        return product >> 32


class Reference:
    """The rules and the episodes once more, for one copy: lists of cells and sets. `seen` counts what has happened."""

    def __init__(self, env, seed, copy, seen):
        self.env, self.seen, self.stream = env, seen, Stream(seed, copy)
        self.agents = range(env.snakes)
        self.episodes = []
        self.begin()
        self.observations = self.windows(self.agents)

    # ---- Beginnings ----

    def begin(self):
        n = self.env.snakes
        self.bodies, self.food = [[] for _ in self.agents], set()
        self.heads, self.directions, self.alive, self.masks = [None] * n, [None] * n, [True] * n, [True] * n
        self.goals, self.lengths, self.foods, self.returns, self.elapsed = ([0] * n for _ in range(5))
        for k in self.agents:
            self.begin_agent(k)
        for _ in range(self.env.food):
            self.food.add(self.empty_cell())

    def begin_agent(self, k):
        self.bodies[k] = []
        self.heads[k] = self.empty_cell()
        self.bodies[k] = [self.heads[k]]
        self.directions[k], self.goals[k], self.lengths[k] = None, 3, 1
        self.foods[k] = self.returns[k] = self.elapsed[k] = 0
        self.alive[k] = self.masks[k] = True

    def empty_cell(self):
        taken = {cell for body in self.bodies for cell in body} | self.food
        for _ in range(1000):
            cell = self.stream.below(self.env.height), self.stream.below(self.env.width)
            if cell not in taken:
                return cell
        self.seen["crowded"] += 1
        return min({(r, c) for r in range(self.env.height) for c in range(self.env.width)} - taken)

    def reset(self, rows):
        """What reset() with a mask does: agents in `rows` begin anew, and only they look around."""
        if len(rows) == self.env.snakes:
            self.begin()
        else:
            for k in rows:
                self.begin_agent(k)
        for k, window in zip(rows, self.windows(rows), strict=True):
            self.observations[k] = window

    # ---- A step ----

    def step(self, actions):
        n, mode = self.env.snakes, self.env.batch.options.autoreset_mode.value
        self.rewards, self.terminated, self.truncated = [0] * n, [False] * n, [False] * n
        self.final = {}
        if n == 1 and not self.alive[0]:
            self.begin()
        else:
            self.play(actions)
            self.keep_books(mode)
        windows = self.windows(self.agents)
        self.observations = [window if alive else 0 * window for window, alive in zip(windows, self.masks, strict=True)]

    def play(self, actions):
        self.masks = list(self.alive)
        players = [k for k in self.agents if self.alive[k]]
        for k in self.agents:
            if not self.alive[k]:
                self.bodies[k] = []
        targets = {k: self.turn(k, actions[k]) for k in players}
        tails = set()
        for k in players:
            eats = targets[k] in self.food
            self.seen["eating at max_length"] += eats and self.goals[k] == self.env.max_length
            self.goals[k] = min(self.goals[k] + eats, self.env.max_length)
            if len(self.bodies[k]) == self.goals[k]:
                tails.add(self.bodies[k].pop())
        bodies = {cell: k for k in self.agents for cell in self.bodies[k]}
        claims = Counter(targets.values())
        eaten = {cell for cell in claims if cell in self.food}
        self.food -= eaten
        for k in players:
            self.arrive(k, targets[k], bodies, claims, eaten, tails)
        for _ in eaten:
            self.food.add(self.empty_cell())
        self.seen["full map"] += len(self.food) + sum(map(len, self.bodies)) == self.env.width * self.env.height

    def turn(self, k, action):
        if self.directions[k] is None or BACK[action] != self.directions[k]:
            self.directions[k] = action
        else:
            self.seen["turn straight back"] += 1
        (row, column), (down, right) = self.heads[k], MOVES[self.directions[k]]
        return row + down, column + right

    def arrive(self, k, cell, bodies, claims, eaten, tails):
        inside = 0 <= cell[0] < self.env.height and 0 <= cell[1] < self.env.width
        if inside and cell not in bodies and claims[cell] == 1:
            self.seen["following a tail"] += cell in tails
            self.heads[k] = cell
            self.bodies[k].insert(0, cell)
            self.lengths[k] = len(self.bodies[k])
            if cell in eaten:
                self.rewards[k] = 1
                self.foods[k] += 1
            return
        kind = "wall" if not inside else "heads" if cell not in bodies else "itself" if bodies[cell] == k else "other"
        self.seen[kind] += 1
        self.seen["heads on food"] += cell in eaten
        self.bodies[k] = []
        self.rewards[k], self.terminated[k] = -1, True

    def keep_books(self, mode):
        players = [k for k in self.agents if self.masks[k]]
        if mode == "NextStep":
            for k in self.agents:
                if not self.masks[k]:
                    self.begin_agent(k)
        for k in players:
            self.elapsed[k] += 1
            self.returns[k] += self.rewards[k]
            self.truncated[k] = self.elapsed[k] >= self.env.max_steps
        ended = [k for k in players if self.terminated[k] or self.truncated[k]]
        self.final = dict(zip(ended, self.windows(ended), strict=True))
        for k in ended:
            self.episodes.append((self.returns[k], self.elapsed[k], self.lengths[k], self.foods[k]))
            self.alive[k] = False
        if mode == "SameStep" and ended and self.env.snakes == 1:
            self.begin()
        elif mode == "SameStep":
            for k in ended:
                self.begin_agent(k)

    # ---- Views ----

    def cells(self):
        """As Snake.state() has them."""
        cells = np.full((self.env.height, self.env.width), Cell.EMPTY, np.uint8)
        owners = np.full(cells.shape, -1, np.int32)
        for cell in self.food:
            cells[cell] = Cell.FOOD
        for k, body in enumerate(self.bodies):
            for cell in body:
                cells[cell] = Cell.OTHER_HEAD if cell == self.heads[k] else Cell.OTHER_BODY
                owners[cell] = k
        return cells, owners

    def windows(self, agents):
        """What these agents see."""
        cells, owners = (np.pad(array, self.env.vision, constant_values=Cell.WALL) for array in self.cells())
        side, windows = 2 * self.env.vision + 1, []
        for k in agents:
            window = tuple(slice(start, start + side) for start in self.heads[k])
            own = (cells[window] > Cell.FOOD) & (owners[window] == k)
            windows.append(cells[window] - 2 * own.astype(np.uint8))
        return windows


class Player:
    """Actions for a batch: often towards food or an empty cell, sometimes random."""

    def __init__(self, env, seed, care):
        self.env, self.care, self.rng = env, care, np.random.default_rng(seed)

    def actions(self):
        middle, observations = self.env.vision, self.env.observations
        around = np.stack([observations[:, middle + down, middle + right] for down, right in MOVES.values()], axis=1)
        liking = np.select([around == Cell.FOOD, around == Cell.EMPTY], [2, 1]) + 0.9 * self.rng.random(around.shape)
        chosen, drawn = liking.argmax(axis=1), self.rng.integers(0, 4, len(around))
        return np.where(self.rng.random(len(around)) < self.care, chosen, drawn).astype(np.int32)


def assert_equal(env, references):
    n = env.snakes
    for i, reference in enumerate(references):
        rows = slice(i * n, (i + 1) * n)
        assert np.array_equal(env.masks[rows], reference.masks)
        assert np.array_equal(env.observations[rows], reference.observations)
        for mine, expected in zip(env.state(i).values(), reference.cells(), strict=True):
            assert np.array_equal(mine, expected)


def assert_stepped(env, references, result):
    _, *arrays, info = result
    for k, row in [(k, i * env.snakes + k) for i in range(len(references)) for k in range(env.snakes)]:
        reference = references[row // env.snakes]
        expected = reference.rewards[k], reference.terminated[k], reference.truncated[k]
        assert tuple(array[row] for array in arrays) == expected
        if k in reference.final and env.batch.options.autoreset_mode.value == "SameStep":
            assert np.array_equal(info["final_obs"][row], reference.final[k])
    assert_equal(env, references)


def assert_statistics(env, references):
    episodes = [episode for reference in references for episode in reference.episodes]
    names = ("episode_return", "episode_length", "length", "food")
    expected = {name: pytest.approx(mean) for name, mean in zip(names, np.mean(episodes, axis=0), strict=True)}
    assert env.stats() == {"episodes": len(episodes), **expected}


def run_beside_reference(config, mode, seen, steps=100, care=0.8, max_steps=35):
    env = make(autoreset_mode=mode, max_steps=max_steps, **config)
    env.reset(seed=5)
    references = [Reference(env, 5, i, seen) for i in range(env.num_copies)]
    assert_equal(env, references)
    player, rng = Player(env, 6, care), np.random.default_rng(7)
    for _ in range(steps):
        actions = player.actions()
        result = env.step(actions)
        for reference, mine in zip(references, actions.reshape(-1, env.snakes), strict=True):
            reference.step([Action(action) for action in mine])
        assert_stepped(env, references, result)
        if mode == "Disabled":
            reset_some(env, references, rng)
    assert_statistics(env, references)


def reset_some(env, references, rng):
    """Reset some agents that have ended (if a copy is one agent, all of them), and now and then some that have not."""
    ended = np.array([not alive for reference in references for alive in reference.alive])
    mask = ended & ((rng.random(len(ended)) < 0.5) | (env.snakes == 1))
    mask |= rng.random(len(ended)) < 0.02
    if rng.random() < 0.1:
        mask[: env.snakes] = True
    if mask.any():
        env.reset(mask=mask)
        for reference, rows in zip(references, mask.reshape(-1, env.snakes), strict=True):
            if rows.any():
                reference.reset(np.flatnonzero(rows).tolist())
        assert_equal(env, references)


# ---- The reference ----


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("config", CONFIGS, ids=names_of)
def test_steps_are_those_of_the_reference(config, mode):
    run_beside_reference(config, mode, Counter())


def test_the_comparison_with_the_reference_meets_every_rule():
    seen = Counter()
    run_beside_reference(CONFIGS[4], "SameStep", seen, care=0.95)
    run_beside_reference(CONFIGS[5], "NextStep", seen)
    run_beside_reference(CONFIGS[2], "SameStep", seen, steps=200, care=1, max_steps=200)
    run_beside_reference({"snakes": 1, "width": 40, "height": 40, "food": 1597}, "SameStep", seen, steps=8, max_steps=7)
    rules = {"wall", "heads", "heads on food", "itself", "other", "turn straight back", "following a tail"}
    assert {rule for rule, count in seen.items() if count} == rules | {"eating at max_length", "full map", "crowded"}


# ---- What the rules promise ----


@pytest.mark.parametrize("mode", MODES)
def test_the_map_holds_whole_snakes_and_all_the_food(mode):
    env = make(2, snakes=200, autoreset_mode=mode, max_steps=50)
    env.reset(seed=0)
    player, rng = Player(env, 1, 0.7), np.random.default_rng(2)
    for _ in range(150):
        _, _, terminations, _, _ = env.step(player.actions())
        dead = terminations & (mode != "SameStep") | ~env.masks
        for i in range(2):
            cells, owners = env.state(i).values()
            heads = owners[cells == Cell.OTHER_HEAD]
            assert np.array_equal(np.sort(heads), np.flatnonzero(~dead[i * 200 : (i + 1) * 200]))
            assert set(owners[cells == Cell.OTHER_BODY]) <= set(heads)
            assert (cells == Cell.FOOD).sum() == 200
            assert np.bincount(owners[owners >= 0]).max() <= env.max_length
        assert env.observations.max() <= env.single_observation_space.high.max()
        assert (env.observations[env.masks & ~dead][:, 5, 5] == Cell.OWN_HEAD).all()
        if mode == "Disabled" and (ended := ~env.masks & (rng.random(400) < 0.3)).any():
            env.reset(mask=ended)


def test_a_snake_that_fills_the_map_goes_on():
    env = make(1, snakes=1, width=4, height=4, vision=1, max_steps=3000)
    env.reset(seed=0)
    # Around the map and through its middle, back to where it began: every cell is on the way.
    way = {(row, 0): Action.UP for row in range(1, 4)} | {(0, column): Action.RIGHT for column in range(3)}
    for column in range(1, 4):
        way |= {(row, column): Action.DOWN if column % 2 else Action.UP for row in range(1, 3)}
    way |= {(0, 3): Action.DOWN, (1, 3): Action.DOWN, (2, 3): Action.DOWN, (3, 3): Action.LEFT}
    way |= {(3, 2): Action.UP, (2, 2): Action.UP, (1, 2): Action.LEFT, (1, 1): Action.DOWN}
    way |= {(2, 1): Action.DOWN, (3, 1): Action.LEFT}
    cells, _ = env.state(0).values()
    longest = 0
    for _ in range(3000):
        ((row, column),) = np.argwhere(cells == Cell.OTHER_HEAD)
        _, rewards, terminations, truncations, _ = env.step([way[row, column]])
        cells, _ = env.state(0).values()
        assert rewards[0] >= 0
        assert not terminations[0]
        longest = max(longest, (cells >= Cell.OTHER_BODY).sum())
    assert longest == 15 == env.max_length
    assert truncations[0]
    stats = env.stats()
    assert stats["length"] == 15
    assert stats["food"] == stats["episode_return"] > 500


def test_one_step_does_what_the_docstring_says():
    env = make(1, snakes=1)
    env.reset(seed=0)
    cells, owners = env.state(0).values()
    assert (owners >= 0).sum() == 1
    for length in (2, 3, 3):
        ((row, column),) = np.argwhere(cells == Cell.OTHER_HEAD)
        action = Action.LEFT if column > 5 else Action.RIGHT
        env.step([action])
        cells, owners = env.state(0).values()
        assert cells[row, column + (1 if action == Action.RIGHT else -1)] == Cell.OTHER_HEAD
        assert cells[row, column] == Cell.OTHER_BODY
        assert (owners == 0).sum() == length
    shown = env.observations[0].copy()
    assert shown[5, 5] == Cell.OWN_HEAD
    assert (shown == Cell.OWN_BODY).sum() == 2
    assert (shown >= Cell.OTHER_BODY).sum() == 0


def test_actions_outside_the_space_are_safe_when_they_are_not_checked():
    env, twin = make(snakes=40, check_actions=False), make(snakes=40)
    env.reset(seed=0)
    twin.reset(seed=0)
    rng = np.random.default_rng(1)
    for _ in range(200):
        actions = rng.integers(-(2**31), 2**31, 120, dtype=np.int32)
        env.step(actions)
        twin.step(actions & 3)
        assert np.array_equal(env.observations, twin.observations)
    with pytest.raises(ValueError, match="row 0"):
        twin.step(actions | 4)


# ---- Parameters ----


@pytest.mark.parametrize(
    ("snakes", "side"), [(1, 10), (2, 12), (8, 23), (64, 64), (256, 128), (2047, 362)]
)  # the smallest square of 64 cells for each
def test_the_map_grows_with_the_snakes(snakes, side):
    env = make(1, snakes=snakes)
    assert (env.width, env.height, env.food) == (side, side, snakes)
    assert env.max_length == (side * side - snakes) // snakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snakes": 0}, "snakes must be at least 1, got 0"),
        ({"snakes": 2048}, "snakes must be at most 2047, got 2048"),
        ({"width": 1}, "width must be at least 2, got 1"),
        ({"height": 4097}, "height must be at most 4096, got 4097"),
        ({"food": -1}, "food must be at least 0, got -1"),
        ({"vision": 0}, "vision must be at least 1, got 0"),
        ({"vision": 65}, "vision must be at most 64, got 65"),
        ({"max_length": 2}, "max_length must be at least 3, got 2"),
        ({"max_length": 2**70}, "max_length must be at most 529, got"),
        ({"max_length": 66}, "8 snakes of up to 66 .* 8 cells of food .* 23 x 23 = 529 .* room for max_length=65"),
        ({"width": 3, "height": 5, "snakes": 5}, "5 snakes of up to 3 cells and 5 cells .* room for max_length=2"),
        ({"snakes": 1, "food": 100}, "1 snakes of up to 3 cells and 100 cells .* room for max_length=0"),
        ({"snakes": 1, "width": 2, "height": 2, "food": 2}, "do not fit a map of 2 x 2 = 4 cells"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(1, **options)


@pytest.mark.parametrize("name", ["snakes", "width", "height", "food", "vision", "max_length"])
@pytest.mark.parametrize("value", [2.0, "3", True, [4]], ids=label)
def test_parameters_must_be_integers(name, value):
    with pytest.raises(TypeError, match=f"{name} must be an integer, got"):
        make(1, **{name: value})


def test_the_smallest_and_the_widest_work():
    for options in (
        {"snakes": 1, "width": 2, "height": 2, "vision": 64},
        {"snakes": 2047, "food": 0},
        {"snakes": 3, "width": 4096, "height": 2, "vision": 1},
        {"snakes": 3, "width": 2, "height": 4096, "vision": 20},
    ):
        env = make(1, **options)
        env.reset(seed=0)
        player = Player(env, 0, 0.5)
        for _ in range(30):
            env.step(player.actions())
        assert env.observations.max() <= Cell.OTHER_HEAD
        assert env.render_copy().shape == (*reversed(env.render_size), 3)


# ---- Snapshots, pictures, the state ----


def test_a_snapshot_of_another_map_is_refused():
    env = make(1, snakes=2, width=10, height=20)
    env.reset(seed=0)
    for options in (
        {"width": 20, "height": 10},
        {"width": 10, "height": 20, "food": 3},
        {"width": 10, "height": 20, "max_length": 9},
    ):
        other = make(1, snakes=2, **options)
        other.reset(seed=0)
        assert other.get_state().shape == env.get_state().shape
        with pytest.raises(ValueError, match="not a snapshot of this environment"):
            other.set_state(env.get_state())


def test_text_and_picture_show_the_map():
    env = make(1, snakes=3, width=9, height=6)
    env.reset(seed=0)
    for _ in range(3):
        env.step(Player(env, 0, 1).actions())
    cells, owners = env.state(0).values()
    lines, picture = env.ansi_copy(0).split("\n"), env.render_copy(0)
    assert picture.shape == (24 * 8, 24 * 11, 3)
    assert (picture[:24] == picture[0, 0]).all()
    picture = picture[24:-24, 24:-24]
    ground = picture[tuple(np.argwhere(cells == Cell.EMPTY)[0] * 24 + 12)]
    colours = set()
    for (row, column), cell in np.ndenumerate(cells):
        letter, owner = lines[row][column], owners[row, column]
        corner, middle = picture[24 * row + 2, 24 * column + 2], picture[24 * row + 12, 24 * column + 12]
        assert letter == {0: ".", 2: "*", 5: "abc"[owner], 6: "ABC"[owner]}[cell]
        assert np.array_equal(corner, ground) == (cell in (Cell.EMPTY, Cell.FOOD))
        assert np.array_equal(corner, middle) == (cell in (Cell.EMPTY, Cell.OTHER_BODY))
        colours.add(tuple(corner))
    assert len(colours) == 4


def test_large_maps_have_pictures_of_a_bearable_size():
    assert max(make(1, snakes=256).render_size) == 130 * 5
    assert make(1, snakes=1, width=100, height=7).render_size == (7 * 102, 7 * 9)


def test_the_state_is_there_after_a_reset_for_copies_that_exist():
    env = make(2)
    with pytest.raises(error.ResetNeeded):
        env.state(0)
    env.reset(seed=0)
    for copy in (-1, 2):
        with pytest.raises(ValueError, match="copy must be"):
            env.state(copy)
