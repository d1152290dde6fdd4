"""Sokoban: rooms that can be solved, step by step the rules of gym-sokoban, and levels in Boxoban's format.

make oracles
pytest tests/ocean/test_sokoban.py --package-steps=200000
"""

from pathlib import Path

import numpy as np
import pytest
from helpers import make
from oracles import needs, run_beside
from sokoban_solver import BOX, BOX_ON_TARGET, PLAYER, PLAYER_ON_TARGET, TARGET, WALL, solve

import puffer

LIMIT = 120
LEVEL = """; 0
#######
#@  # #
#  $  #
#  .  #
#######
"""
OTHER = """; 1
#######
#  .  #
#  $@ #
#     #
#######
"""
needs_package = needs("gym_sokoban", "gym")


def make_sokoban(num_envs=1, **options):
    return make("ocean-sokoban", num_envs, **options)


def rooms(num_envs, seed=0, **options):
    """The starts of drawn rooms."""
    return make_sokoban(num_envs, **options).reset(seed=seed)[0].copy()


def how_many(cells, *kinds):
    return np.isin(cells, kinds).sum(axis=(-2, -1))


# ---- Rooms ----


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (100, {"size": (4, 5)}),
        (100, {"size": 5}),
        (60, {"size": (5, 9), "num_boxes": 2}),
        (60, {"size": 7}),
        (40, {"size": 8, "num_boxes": 3, "num_gen_steps": 200}),
        (40, {}),
        (5, {"size": (9, 20), "num_boxes": 3}),
        (5, {"size": 20, "num_gen_steps": 300, "num_boxes": 3}),
    ],
    ids=str,
)
def test_every_drawn_room_can_be_solved(count, options):
    env = make_sokoban(count, max_steps=10**4, **options)
    starts = env.reset(seed=5)[0].copy()
    solutions = [solve(cells) for cells in starts]
    assert all(solutions), f"not solved: rooms {[k for k, solution in enumerate(solutions) if not solution]}"
    assert_they_win(env, solutions)


def assert_they_win(env, solutions):
    """Whether the rooms of a batch are solved by the last of these actions, and not before."""
    for step in range(max(map(len, solutions))):
        actions = [solution[step] if step < len(solution) else 0 for solution in solutions]
        _, rewards, terminations, *_ = env.step(np.array(actions))
        ends = np.array([step == len(solution) - 1 for solution in solutions])
        alive = np.array([step < len(solution) for solution in solutions])
        assert np.array_equal(terminations[alive], ends[alive])
        assert (rewards[ends] == np.float32(10.9)).all()


@pytest.mark.parametrize("options", [{"size": (4, 20)}, {"size": 6}, {}, {"size": 20, "num_boxes": 40}], ids=str)
def test_rooms_have_walls_around_a_player_boxes_and_as_many_targets(options):
    env = make_sokoban(200, **options)
    cells = env.reset(seed=1)[0]
    border = np.ones(cells.shape[1:], np.bool_)
    border[1:-1, 1:-1] = False
    boxes = env.unwrapped.native_env.num_boxes
    assert (cells[:, border] == WALL).all()
    assert (how_many(cells, PLAYER, PLAYER_ON_TARGET) == 1).all()
    assert (how_many(cells, BOX, BOX_ON_TARGET) == boxes).all()
    assert (how_many(cells, TARGET, BOX_ON_TARGET, PLAYER_ON_TARGET) == boxes).all()
    assert len({room.tobytes() for room in cells}) > 50


def test_boxes_begin_off_the_targets():
    assert not how_many(rooms(2000), BOX_ON_TARGET).any()


def test_impossible_rooms_are_refused():
    for options, error, words in [
        ({"size": 4}, ValueError, "size = 4.*5 or more"),
        ({"size": 3}, ValueError, "size"),
        ({"size": 21}, ValueError, "size"),
        ({"size": (5, 6, 7)}, ValueError, "pair"),
        ({"size": "10"}, TypeError, "size"),
        ({"num_boxes": 9}, ValueError, "num_boxes"),
        ({"num_boxes": 0}, ValueError, "num_boxes"),
        ({"num_gen_steps": 0}, ValueError, "num_gen_steps"),
        ({"levels": [LEVEL], "size": 7}, TypeError, "levels"),
    ]:
        with pytest.raises(error, match=words):
            make_sokoban(**options)


# ---- Rules ----


def random_actions(starts, rng):
    return rng.integers(9, size=(LIMIT, len(starts)))


def solutions(starts, rng):
    actions = np.zeros((LIMIT, len(starts)), int)
    for room, cells in enumerate(starts):
        found = (solve(cells) or [])[:LIMIT]
        actions[: len(found), room] = found
    return actions


def pushes(starts, rng):
    """Push wherever there is a box, which soon makes the room unsolvable."""
    return rng.integers(1, 5, size=(LIMIT, len(starts))).repeat(2, axis=0)[:LIMIT]


@needs_package
@pytest.mark.parametrize("player", [random_actions, solutions, pushes])
@pytest.mark.parametrize("size", [7, (6, 11), 10])
def test_steps_are_those_of_the_package(size, player, rng, tmp_path, request):
    count = max(4, request.config.getoption("--package-steps") // LIMIT)
    env = make_sokoban(count, size=size, autoreset_mode="Disabled", max_steps=LIMIT)
    starts = env.reset(seed=3)[0].copy()
    actions = player(starts, rng)
    np.savez(tmp_path / "given.npz", cells=starts, actions=actions)
    script = Path(__file__).with_name("sokoban_package.py")
    files = tmp_path / "given.npz", tmp_path / "played.npz"
    run_beside(script, *files)
    theirs = dict(np.load(files[1]))
    alive = np.ones(count, np.bool_)
    for step in range(LIMIT):
        cells, rewards, terminations, truncations, _ = env.step(actions[step])
        assert np.array_equal(cells[alive], theirs["cells"][step][alive]), step
        assert np.array_equal(rewards[alive], theirs["rewards"][step][alive].astype(np.float32)), step
        assert np.array_equal(terminations[alive], theirs["solved"][step][alive].astype(np.bool_)), step
        ended = terminations | truncations
        assert np.array_equal(ended[alive], theirs["done"][step][alive].astype(np.bool_)), step
        alive &= ~ended
        if ended.any():
            env.reset(options={"reset_mask": ended})
    assert not alive.any()


def test_statistics_tell_how_well_it_went():
    env = make_sokoban(1, levels=[LEVEL], max_steps=5)
    env.reset(seed=0)
    for action in (8, 8, 2, 0, 0):
        env.step(np.array([action]))
    stats = env.stats()
    assert (stats["episodes"], stats["success"], stats["boxes_on_target"], stats["episode_length"]) == (1, 1, 1, 3)
    assert stats["episode_return"] == pytest.approx(10.7)


def test_the_minimal_actions_are_the_pushes(rng):
    minimal, full = make_sokoban(20, use_minimal_action_set=True), make_sokoban(20)
    assert minimal.single_action_space.n == 4
    minimal.reset(seed=1)
    full.reset(seed=1)
    for _ in range(200):
        actions = rng.integers(4, size=20)
        for mine, theirs in zip(minimal.step(actions)[:4], full.step(actions + 1)[:4], strict=True):
            assert np.array_equal(mine, theirs)


# ---- Levels ----


def test_levels_are_read_from_files_folders_and_texts(tmp_path):
    (tmp_path / "000.txt").write_text(LEVEL + "\n" + OTHER)
    (tmp_path / "001.txt").write_text("\n\n" + OTHER.replace(" ", "-"))
    for source, count in (
        (tmp_path, 3),
        (tmp_path / "000.txt", 2),
        (str(tmp_path / "001.txt"), 1),
        ([LEVEL, OTHER], 2),
    ):
        env = make_sokoban(200, levels=source, render_mode="ansi")
        assert env.unwrapped.native_env.num_levels == count
        env.reset(seed=0)
        assert {text + "\n" for text in env.render()} == ({LEVEL[4:], OTHER[4:]} if count > 1 else {OTHER[4:]})


def test_what_lies_outside_of_a_room_becomes_wall():
    env = make_sokoban(1, levels=[" #####\n##@ .#\n# $ #\n#####"], render_mode="ansi")
    env.reset(seed=0)
    assert env.render()[0] == "######\n##@ .#\n# $ ##\n######"


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("$", "X", "line 4, column 4", "'X' is not a cell"),
        ("@", " ", "line 2, column 1", "one player.*this one 0"),
        ("#  $", "#@ $", "line 4, column 2", "one player.*this one 2"),
        ("$", " ", "line 5, column 4", "0 boxes and 1 targets"),
        (".", " ", "line 4, column 4", "1 boxes and 0 targets"),
        ("#  .  #", "#  . $#", "line 5, column 6", "2 boxes and 1 targets"),
        ("#  .  #", "#  .   ", "line 5, column 7", "open here"),
        ("#  $  #", "#  *  #", "line 5, column 4", "boxes and 2 targets"),
        ("#@  # #", "#@  ###", None, None),
        ("#  $  #\n#  .  #", "#  *  #\n#     #", "line 4, column 4", "on a target already"),
        ("# #\n", "#$#\n", "line 4, column 4", "2 boxes"),
        ("#######\n", "#####################\n", "line 2, column 21", "20 columns.*this one 21"),
    ],
)
def test_a_bad_file_names_the_line_and_the_column(old, new, place, words, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text(LEVEL.replace(old, new, 1))
    if place is None:
        make_sokoban(levels=path)
        return
    with pytest.raises(ValueError, match=f"bad.txt, {place}: .*{words}"):
        make_sokoban(levels=path)


def test_other_bad_sources_are_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("; nothing\n")
    (tmp_path / "bytes.txt").write_bytes(b"#####\n#\xff")
    (tmp_path / "rows.txt").write_text("#####\n" * 3)
    for source, error, words in [
        (tmp_path / "empty.txt", ValueError, "no level"),
        (tmp_path / "none.txt", FileNotFoundError, "none.txt"),
        (tmp_path / "bytes.txt", ValueError, "bytes.txt, line 2, column 2"),
        (tmp_path / "rows.txt", ValueError, "rows.txt, line 3, column 1: .*this one 3"),
        ([], ValueError, "no level"),
        (3, TypeError, "levels"),
        ([3], TypeError, r"levels\[0\]"),
        ([LEVEL, "######\n#@$. #\n#    #\n######"], ValueError, r"levels\[1\]: .*same size.*4 x 6 after 5 x 7"),
    ]:
        with pytest.raises(error, match=words):
            make_sokoban(levels=source)
    empty = tmp_path / "folder"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="folder"):
        make_sokoban(levels=empty)


def test_copies_play_their_own_levels_until_they_are_given_others():
    env = make_sokoban(4, levels=[LEVEL, OTHER], render_mode="ansi")
    env.reset(seed=0)
    env.set_next([0, 1], level=[1, 0])
    env.set_next(2, level=LEVEL.replace("@ ", " @"))
    for _ in range(3):
        env.reset()
        shown = env.render()
        assert shown[:3] == (OTHER[4:-1], LEVEL[4:-1], LEVEL[4:-1].replace("@ ", " @"))
        assert list(env.get_attr("level"))[:3] == [1, 0, None]
    env.set_next([0, 1, 2], level=[None] * 3)
    seen = set()
    for _ in range(40):
        env.reset()
        seen |= set(env.render())
    assert seen == {LEVEL[4:-1], OTHER[4:-1]}


def test_a_drawn_room_can_be_replaced_by_a_text():
    env = make_sokoban(2, size=(5, 7), render_mode="ansi")
    env.reset(seed=0)
    env.set_next(1, level=LEVEL)
    env.reset()
    assert env.render()[1] == LEVEL[4:-1]
    state = env.get_state()
    env.step(np.array([8, 8]))
    env.set_state(state)
    assert env.render()[1] == LEVEL[4:-1]
    env.reset()
    assert env.render()[1] == LEVEL[4:-1]


def test_bad_levels_of_copies_are_refused_before_any_is_set():
    env = make_sokoban(2, levels=[LEVEL, OTHER])
    env.reset(seed=0)
    state = env.get_state()
    for level, error, words in [
        (2, ValueError, "level"),
        (-1, ValueError, "level"),
        (1.5, TypeError, "level"),
        ("#####", ValueError, "line 1"),
        ("######\n#@$. #\n#    #\n######", ValueError, "5 x 7"),
        (LEVEL + OTHER.replace("; 1", ""), ValueError, "one level|rows"),
    ]:
        with pytest.raises(error, match=words):
            env.set_next([0, 1], level=[1, level])
    assert np.array_equal(env.get_state(), state)
    with pytest.raises(ValueError, match="without levels"):
        make_sokoban(1).set_next(0, level=0)
    with pytest.raises(TypeError, match="no argument|room"):
        env.set_next(0, room=1)


def test_a_snapshot_is_of_the_same_levels():
    env, other = make_sokoban(1, levels=[LEVEL]), make_sokoban(1, levels=[OTHER])
    env.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(ValueError, match="snapshot"):
        other.set_state(env.get_state())


def test_it_is_found_by_its_name():
    assert "ocean-sokoban" in puffer.list_envs()
    assert make_sokoban(3).single_observation_space.shape == (10, 10)
