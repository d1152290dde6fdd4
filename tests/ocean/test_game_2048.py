"""2048 against a plain version of its rules, board by board."""

import numpy as np
import pytest
from helpers import make, play_at_random
from puffer.ocean.game_2048.game_2048 import Game2048, _PlainGame2048

UP, RIGHT, DOWN, LEFT = range(4)
OVER = [[1, 2, 1, 2], [2, 1, 2, 1], [1, 2, 1, 2], [2, 1, 2, 1]]


def backend(env):
    return env.unwrapped.native_env


def slid(line):
    """A line of exponents after a move towards its first cell, and the reward."""
    tiles, merged, reward = [tile for tile in line if tile], [], 0
    while tiles:
        tile = tiles.pop(0)
        if tiles and tiles[0] == tile:
            tile = tiles.pop(0) + 1
            reward += 2**tile
        merged.append(tile)
    return merged + [0] * (len(line) - len(merged)), reward


def moved(board, action):
    """A board of lists after a move, before a tile appears, and the reward."""
    lines = [list(line) for line in (zip(*board, strict=True) if action in (UP, DOWN) else board)]
    backward = action in (RIGHT, DOWN)
    results = [slid(line[::-1] if backward else line) for line in lines]
    lines = [line[::-1] if backward else line for line, _ in results]
    lines = [list(line) for line in zip(*lines, strict=True)] if action in (UP, DOWN) else lines
    return lines, sum(reward for _, reward in results)


def legal(board):
    return [int(moved(board, action)[0] != board) for action in range(4)]


def stepped(boards, actions, **options):
    """An environment with these boards, and what a step with these actions returned."""
    env = make("game_2048", len(boards), autoreset_mode="Disabled", **options)
    env.reset(seed=3)
    for copy, board in enumerate(boards):
        backend(env).set_board(copy, board)
    return env, env.step(np.array(actions, np.int32))


def assert_follows(board, action, result, row):
    """The row of what a step returned is a right answer to the action on the board."""
    observations, rewards, terminations, _, _ = result
    after, reward = moved(board, action)
    shown = observations[row, :16].reshape(4, 4)
    assert rewards[row] == reward
    if after == board:
        assert shown.tolist() == board
    else:
        ((r, c),) = np.argwhere(shown != np.array(after))
        assert after[r][c] == 0
        assert shown[r, c] in (1, 2)
    assert observations[row, 16:].tolist() == legal(shown.tolist())
    assert terminations[row] == (not any(legal(shown.tolist())))


@pytest.mark.parametrize("check_actions", [True, False])
def test_random_games_are_those_of_the_plain_rules(check_actions):
    """All four moves from one board after the other, and every end. Without checks any number is an action."""
    env, rng = make("game_2048", 70, autoreset_mode="Disabled", check_actions=check_actions), np.random.default_rng(0)
    observations, _ = env.reset(seed=0)
    ends = 0
    for _ in range(250):
        boards = [row[:16].reshape(4, 4).tolist() for row in observations]
        actions = rng.integers(0, 4, 70) if check_actions else rng.integers(-(2**31), 2**31, 70)
        result = env.step(actions.astype(np.int32))
        for row, board in enumerate(boards):
            assert_follows(board, actions[row] % 4, result, row)
        observations, ended = result[0], result[2].copy()
        ends += ended.sum()
        if ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
    assert ends > 50


@pytest.mark.parametrize("action", range(4))
def test_every_pattern_of_a_line_slides_and_merges(action):
    """All lines of the exponents 0 to 4: more differ in no way that the rules tell apart."""
    lines = [[k // 125, k // 25 % 5, k // 5 % 5, k % 5] for k in range(625)]
    lines += lines[:3]
    boards = [lines[k : k + 4] for k in range(0, len(lines), 4)]
    if action in (UP, DOWN):
        boards = [[list(column) for column in zip(*board, strict=True)] for board in boards]
    _, result = stepped(boards, [action] * len(boards))
    for row, board in enumerate(boards):
        assert_follows(board, action, result, row)


@pytest.mark.parametrize(
    ("line", "after", "reward"),
    [
        ([1, 1, 1, 0], [2, 1, 0, 0], 4),
        ([1, 1, 1, 1], [2, 2, 0, 0], 8),
        ([2, 1, 1, 0], [2, 2, 0, 0], 4),
        ([1, 0, 0, 1], [2, 0, 0, 0], 4),
        ([3, 2, 0, 2], [3, 3, 0, 0], 8),
        ([15, 15, 3, 3], [16, 4, 0, 0], 65536 + 16),
        ([16, 0, 16, 0], [17, 0, 0, 0], 131072),
    ],
)
def test_lines_by_hand(line, after, reward):
    rest = [[0] * 4] * 3
    _, (observations, rewards, *_) = stepped([[line, *rest], [line[::-1], *rest]], [LEFT, RIGHT])
    assert rewards.tolist() == [reward, reward]
    # Where the line is not empty, no tile can have appeared.
    assert [cell for cell in observations[0, :4] if cell][: 4 - after.count(0)] == [cell for cell in after if cell]
    assert [cell for cell in observations[1, 3::-1] if cell][: 4 - after.count(0)] == [cell for cell in after if cell]


def test_an_action_that_moves_nothing_changes_nothing():
    board = [[1, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    env, (observations, rewards, terminations, *_) = stepped([board] * 4, [UP, RIGHT, DOWN, LEFT])
    assert [backend(env).state(copy)["board"].tolist() == board for copy in range(4)] == [True, False, False, True]
    assert observations[0].tolist() == [*sum(board, []), 0, 1, 1, 0]
    assert not rewards.any()
    assert not terminations.any()


def test_the_game_is_over_when_the_board_is_full_and_no_two_neighbours_are_equal():
    # The only cell that the move leaves empty is under a 5, or under a 2.
    above, last = [[6, 7, 8, 9], [7, 8, 9, 10]], [9, 10, 0, 11]
    boards = [[*above, [5, 6, 7, 8], last], [*above, [1, 6, 7, 8], last]] * 30
    _, (observations, _, terminations, _, _) = stepped(boards, [RIGHT] * 60)
    new = observations[:, 12]
    assert set(new) == {1, 2}
    assert terminations[::2].all()
    assert np.array_equal(terminations[1::2], new[1::2] == 2)
    full = [[1, 1, 2, 3], [4, 5, 6, 7], [5, 6, 7, 8], [6, 7, 8, 9]]
    env = make("game_2048", 2)
    env.reset(seed=0)
    backend(env).set_board(0, full)
    backend(env).set_board(1, OVER)
    assert backend(env).observations[:, 16:].tolist() == [[0, 1, 0, 1], [0, 0, 0, 0]]


def assert_even(counts, probabilities):
    expected = np.asarray(probabilities) * np.sum(counts)
    surprise = ((np.asarray(counts) - expected) ** 2 / expected).sum()
    assert surprise <= len(expected) - 1 + 5 * np.sqrt(2 * len(expected))


def test_new_tiles_appear_evenly_and_one_in_ten_is_a_four():
    board = [[3, 0, 4, 0], [0, 0, 0, 0], [5, 6, 0, 0], [0, 0, 0, 0]]
    after = np.array(moved(board, LEFT)[0])
    _, (observations, *_) = stepped([board] * 20_000, [LEFT] * 20_000)
    new = observations[:, :16].reshape(-1, 4, 4) - after
    empty = after == 0
    assert not new[:, ~empty].any()
    assert (new.sum(axis=(1, 2)) == new.max(axis=(1, 2))).all()
    counts = np.stack([(new == tile)[:, empty].sum(axis=0) for tile in (1, 2)])
    assert_even(counts.ravel(), np.repeat([0.9, 0.1], empty.sum()) / empty.sum())


def test_a_game_begins_with_two_tiles_anywhere():
    observations, _ = make("game_2048", 40_000).reset(seed=1)
    cells = observations[:, :16]
    assert ((cells > 0).sum(axis=1) == 2).all()
    assert (cells <= 2).all()
    first, second = np.argwhere(cells)[::2, 1], np.argwhere(cells)[1::2, 1]
    counts = np.zeros((16, 16))
    np.add.at(counts, (first, second), 1)
    pairs = np.triu_indices(16, 1)
    assert_even(counts[pairs], np.full(120, 1 / 120))
    fours = (cells == 2).sum(axis=1)
    assert_even(np.bincount(fours, minlength=3), [0.81, 0.18, 0.01])


def test_statistics_are_the_score_and_the_greatest_tile():
    env = make("game_2048", 40)
    env.reset(seed=0)
    rng, scores = np.random.default_rng(1), np.zeros(40)
    final_scores, greatest = [], []
    for _ in range(600):
        _, rewards, terminations, _, info = env.step(rng.integers(0, 4, 40))
        scores += rewards
        for row in np.flatnonzero(terminations):
            final_scores.append(scores[row])
            greatest.append(2.0 ** info["final_obs"][row][:16].max())
            scores[row] = 0
    stats = backend(env).stats()
    assert stats["episodes"] == len(final_scores) > 50
    assert stats["score"] == pytest.approx(np.mean(final_scores))
    assert stats["episode_return"] == pytest.approx(stats["score"])
    assert stats["max_tile"] == pytest.approx(np.mean(greatest))


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_kernel_plays_as_the_plain_rules_do(mode):
    """Bit for bit, through whole games, with a part of a block of games."""
    env, plain = (cls(130, check_actions=False, autoreset_mode=mode) for cls in (Game2048, _PlainGame2048))
    assert np.array_equal(env.reset(seed=7)[0], plain.reset(seed=7)[0])
    ends = 0
    for actions in np.random.default_rng(5).integers(-(2**31), 2**31, (400, 130)).astype(np.int32):
        mine, theirs = env.step(actions), plain.step(actions)
        for one, other in zip(mine[:4], theirs[:4], strict=True):
            assert np.array_equal(one, other)
        ends += mine[2].sum()
    assert ends > 130
    assert env.stats() == plain.stats()
    # Behind the signature and the checksum, of which the first names the class.
    assert np.array_equal(env.get_state()[:, 16:], plain.get_state()[:, 16:])


@pytest.mark.parametrize("copies", [1, 63, 64, 65])
def test_a_game_does_not_depend_on_the_games_beside_it(copies):
    """They are worked on 64 at a time."""
    env, more = make("game_2048", copies), make("game_2048", 200)
    env.reset(seed=4)
    more.reset(seed=4)
    for actions in np.random.default_rng(2).integers(0, 4, (200, 200)):
        mine, theirs = env.step(actions[:copies]), more.step(actions)
        assert all(np.array_equal(one, other[:copies]) for one, other in zip(mine[:4], theirs[:4], strict=True))


def test_observations_stay_in_the_space():
    env = make("game_2048", 128)
    space = env.single_observation_space
    assert (space.dtype, space.shape) == (np.uint8, (20,))
    assert space.low.tolist() == [0] * 20
    assert space.high.tolist() == [17] * 16 + [1] * 4
    for observations, *_ in play_at_random(env, 400):
        assert (observations <= space.high).all()


@pytest.mark.parametrize(
    "board",
    [[[1] * 4] * 3, [[1.0] * 4] * 4, [[-1] * 4] * 4, [[18, 0, 0, 0]] + [[0] * 4] * 3, [[17, 17, 0, 0]] + [[0] * 4] * 3],
    ids=str,
)
def test_boards_that_cannot_be_are_refused(board):
    env = make("game_2048", 1)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(ValueError, match=r"board must be 4 x 4 exponents .* got \[\["):
        backend(env).set_board(0, board)
    with pytest.raises(ValueError, match="copy .*1"):
        backend(env).set_board(1, OVER)
    with pytest.raises(ValueError, match="copy .*1"):
        backend(env).state(1)
    assert np.array_equal(env.get_state(), before)


def test_text_shows_the_values():
    env = make("game_2048", 1)
    env.reset(seed=0)
    backend(env).set_board(0, [[17, 0, 0, 1], [0] * 4, [0] * 4, [2, 10, 0, 0]])
    lines = [line.split() for line in backend(env).ansi_copy(0).splitlines()]
    assert lines == [["131072", ".", ".", "2"], ["."] * 4, ["."] * 4, ["4", "1024", ".", "."]]
