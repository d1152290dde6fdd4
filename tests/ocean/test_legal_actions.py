"""The masks of native games are those of the packages that they follow, and tell what the games refuse."""

from contextlib import closing

import gymnasium
import numpy as np
import pytest
from helpers import make
from pettingzoo.classic.connect_four import connect_four
from pettingzoo.classic.tictactoe import tictactoe

LEVELS = ["Empty", "DoorKey", "FourRooms", "Unlock", "UnlockPickup", "KeyCorridor", "LavaGap", "MultiRoom"]
# Those in which tasks of their own end episodes.
LEVELS += ["Fetch", "GoToObject", "Memory", "PutNear", "RedBlueDoors", "ObstructedMaze_1Dlhb"]


@pytest.mark.parametrize("options", [{}, {"is_rainy": True, "fickle_passenger": True}])
def test_taxi_has_the_masks_of_gymnasium(options):
    theirs = gymnasium.make("Taxi-v4").unwrapped
    with closing(make("taxi", 500, **options)) as env:
        env.reset(seed=0)
        for copy in range(500):
            env.native_env.set_number(copy, copy)
        assert env.action_masks.tolist() == [theirs.action_mask(number).tolist() for number in range(500)]


@pytest.mark.parametrize(("name", "module"), [("tic_tac_toe", tictactoe), ("connect_four", connect_four)])
def test_boards_have_the_masks_of_pettingzoo(name, module):
    theirs = module.raw_env()
    with closing(make(name, 1, starter=0)) as env:
        for seed in range(20):
            env.reset(seed=seed)
            theirs.reset()
            while not any(theirs.terminations.values()):
                mover = theirs.possible_agents.index(theirs.agent_selection)
                mask = theirs.observe(theirs.agent_selection)["action_mask"].astype(np.bool_)
                # PettingZoo counts the cells down the columns.
                own = mask.reshape(3, 3).T.ravel() if name == "tic_tac_toe" else mask
                assert np.array_equal(env.action_masks[mover], own)
                assert env.action_masks[1 - mover].all()
                action = int(env.sample_legal()[mover])
                env.step(np.full(2, action))
                theirs.step(action % 3 * 3 + action // 3 if name == "tic_tac_toe" else action)


@pytest.mark.parametrize("opponent", [None, "random"])
@pytest.mark.parametrize("name", ["tic_tac_toe", "connect_four"])
def test_boards_refuse_what_is_not_legal_and_nothing_else(name, opponent):
    with closing(make(name, 50, opponent=opponent)) as env:
        env.reset(seed=0)
        for _ in range(4):
            env.step(env.sample_legal())
        masks, state = env.action_masks.copy(), env.get_state()
        for action in range(masks.shape[1]):
            env.set_state(state)
            env.stats()
            env.step(np.full(env.num_envs, action))
            stats = env.stats()
            refused = round(stats["episodes"] * stats.get("illegal_move", 0))
            assert refused == (~masks[:, action]).sum()


def test_2048_has_the_masks_of_its_observations():
    with closing(make("game_2048", 100)) as env:
        observations = env.reset(seed=0)[0]
        for _ in range(200):
            assert np.array_equal(env.action_masks, observations[:, 16:])
            observations, *_ = env.step(env.sample_legal())


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
def test_rows_whose_episode_is_over_may_take_any_action(mode):
    with closing(make("tic_tac_toe", 4, autoreset_mode=mode)) as env:
        env.reset(seed=0)
        while not (over := env.buffers.terminations).any():
            env.step(env.sample_legal())
        assert env.action_masks[over].all()


def test_minigrid_masks_tell_what_changes_something(subtests):
    """An action that is not legal leaves the level as it is, and every other one but idle changes it, or ends it."""
    for level in LEVELS:
        with subtests.test(level):
            masks_tell_what_changes_something(level)


def masks_tell_what_changes_something(level):
    rng = np.random.default_rng(0)
    with closing(make("minigrid", 8, level=level, autoreset_mode="Disabled", max_steps=10**6)) as env:
        env.reset(seed=0)
        used = np.zeros(7, np.int64)
        for step in range(80):
            used += env.action_masks.sum(axis=0)
            if step % 5 == 0:
                compare_with_changes(env)
            terminations = env.step(legal_move(env, rng))[2]
            if terminations.any():
                env.reset(options={"reset_mask": terminations})
        assert used[[0, 1, 2, 6]].all()
        assert used[[3, 4]].all() or level not in ("DoorKey", "Unlock", "UnlockPickup")


def compare_with_changes(env):
    """Take each action in every copy, and go back."""
    masks, state = env.action_masks.copy(), env.get_state()
    before = [level_of(env, copy) for copy in range(env.num_copies)]
    for action in range(7):
        terminations = env.step(np.full(env.num_copies, action))[2].copy()
        changed = [level_of(env, copy) != one for copy, one in enumerate(before)] | terminations
        if action != 6:
            assert np.array_equal(changed, masks[:, action]), action
        env.set_state(state)


def level_of(env, copy):
    level = env.native_env.state(copy)
    return {**level, "grid": level["grid"].tobytes()}


def legal_move(env, rng):
    """Legal actions, with picking up and toggling wherever that is possible."""
    masks, actions = env.action_masks, env.sample_legal()
    for row in range(env.num_envs):
        for action in (3, 5):
            if masks[row, action] and rng.random() < 0.7:
                actions[row] = action
    return actions


def test_obstacles_leave_every_action_legal():
    with closing(make("minigrid", 4, level="Dynamic-Obstacles")) as env:
        env.reset(seed=0)
        for _ in range(20):
            assert env.action_masks.shape == (4, 3)
            assert env.action_masks.all()
            env.step(env.sample_legal())
