"""Overcooked without the package: layouts from text, parameters, kitchens with several cooks, pictures."""

import numpy as np
import pytest
from helpers import make, play_at_random

from puffer.ocean.overcooked import overcooked

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = overcooked.Action
SMALL = "XPSX\nO1 D\nXXXX"
FOUR = "XXPXXX\nO1234S\nX    D\nXXXXXX"


def play_script(env, *turns):
    """Play the turns, a list of actions each; the last rewards."""
    for actions in turns:
        _, rewards, *_ = env.step(np.array(actions, np.int32))
    return rewards


# ---- Layouts from text ----


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("XXPXX\nO  2O\nX1 QX\nXDXSX", r"line 3, column 4: 'Q' is none of X \(counter\)"),
        ("XXPXX\nO  1O\nX1  X\nXDXSX", "line 3, column 2: there is a cook 1 already"),
        ("XXPXX\nO  5O\nX1  X\nXDXSX", "line 2, column 4: there may be 4 cooks at most, got '5'"),
        ("XXPXX\nO  2O\nX1  \nXDXSX", "line 3, column 3: the line has 2 cells, and line 1 has 5"),
        ("XXPXX\nO  2O\nX1  XX\nXDXSX", "line 3, column 6: the line has 6 cells, and line 1 has 5"),
        ("XXPXX\nO   2\nX1  X\nXDXSX", "line 2, column 5: there is floor at the edge"),
        ("X PXX\nO  2O\nX1  X\nXDXSX", "line 1, column 2: there is floor at the edge"),
        ("\n  XXPXX\n  O  zO\n  X1  X\n  XDXSX\n", "line 3, column 6: 'z' is none of X"),
        ("XXPXX\n\nO1  O\nXDXSX", "line 2, column 1: there is a blank line in the middle"),
        ("XXPXX\nO  2O\nXDXSX", "layout has no cook 1; it has 2"),
        ("XXPXX\nO   O\nXDXSX", "layout has no cook 1; it has none"),
        ("XXXXX\nO1  O\nXDXSX", "layout must have a pot, P"),
        ("XXPXX\nX1  X\nXDXSX", "layout must have onions, O, or tomatoes, T"),
        ("\n \n", "layout has no lines"),
        ("cramped", "layout must be one of 'cramped_room', .* got 'cramped'"),
        ("\n".join(["X" * 33] * 3), "layout must have 32 x 32 cells at most, got 33 x 3"),
        ("\n".join(["P" * 20, "O1" + 17 * " " + "D", "S" * 20]), "layout must have 16 pots at most, got 20"),
    ],
)
def test_a_text_that_is_not_a_kitchen_is_refused_with_its_place(layout, message):
    with pytest.raises(ValueError, match=message):
        make("ocean-overcooked", 1, layout=layout)


def test_indented_lines_are_a_kitchen():
    layout = """
        XXPXX
        O  2O
        X1  X
        XDXSX
    """
    assert_same_play(make("ocean-overcooked", 3, layout=layout, start_all_orders=[("onion",) * 3]))


def assert_same_play(env):
    other = make("ocean-overcooked", 3)
    for one, two in zip(play_at_random(env, 200), play_at_random(other, 200), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one[:-1], two[:-1], strict=True))


# ---- Rules ----


def test_a_soup_from_the_first_onion_to_the_reward():
    env = make("ocean-overcooked", 1, layout=SMALL, cook_time=2, reward_shaping_factor=0.5)
    env.reset(seed=0)
    game = env.unwrapped.native_env
    for onions in range(3):
        assert not play_script(env, [WEST], [INTERACT], [NORTH]).any()
        assert play_script(env, [INTERACT]) == 1.5
        assert game.state(0)["objects"][1, 0] == 16 + onions + 1
    # Full, but nobody has switched it on; a cook alone is not paid for a dish.
    play_script(env, [STAY], [STAY])
    assert game.state(0)["ticks"][1, 0] == 0
    play_script(env, [INTERACT])
    assert game.state(0)["ticks"][1, 0] == 2
    assert not play_script(env, [EAST], [EAST], [INTERACT]).any()
    assert game.state(0)["cooks"].tolist() == [[2, 1, EAST, 3]]
    assert play_script(env, [WEST], [NORTH], [INTERACT]) == 2.5
    assert play_script(env, [EAST], [NORTH], [INTERACT]) == 20
    assert not game.state(0)["objects"].any()


def test_soups_that_nobody_ordered_are_worth_nothing():
    env = make("ocean-overcooked", 1, layout=SMALL, cook_time=1, start_all_orders=[("onion", "onion")])
    env.reset(seed=0)
    play_script(env, [WEST], [INTERACT], [NORTH], [INTERACT], [INTERACT], [EAST], [EAST], [INTERACT], [WEST], [NORTH])
    assert play_script(env, [INTERACT], [EAST], [NORTH], [INTERACT]) == 0
    assert env.unwrapped.native_env.state(0)["cooks"][0, 3] == 0


def test_if_two_of_four_cooks_would_meet_nobody_moves():
    env = make("ocean-overcooked", 1, layout=FOUR)
    game = env.unwrapped.native_env
    env.reset(seed=0)
    play_script(env, [SOUTH, STAY, STAY, STAY])
    assert game.state(0)["cooks"][0].tolist() == [1, 2, SOUTH, 0]
    play_script(env, [EAST, SOUTH, STAY, SOUTH])
    assert game.state(0)["cooks"][:, :2].tolist() == [[1, 2], [2, 1], [3, 1], [4, 1]]
    assert game.state(0)["cooks"][:, 2].tolist() == [EAST, SOUTH, NORTH, SOUTH]
    play_script(env, [STAY, EAST, WEST, SOUTH])
    assert game.state(0)["cooks"][:, :2].tolist() == [[1, 2], [2, 1], [3, 1], [4, 1]]
    play_script(env, [STAY, SOUTH, WEST, SOUTH])
    assert game.state(0)["cooks"][:, :2].tolist() == [[1, 2], [2, 2], [2, 1], [4, 2]]


def test_each_cook_sees_itself_first():
    env = make("ocean-overcooked", 1, layout=FOUR)
    planes, _ = env.reset(seed=0)
    assert planes.shape == (4, 6, 4, 36)
    for cook in range(4):
        order = [cook, *(other for other in range(4) if other != cook)]
        for turn, other in enumerate(order):
            assert np.argwhere(planes[cook, :, :, turn]).tolist() == [[1 + other, 1]]
            assert np.argwhere(planes[cook, :, :, 4 + 4 * turn]).tolist() == [[1 + other, 1]]
        assert np.array_equal(planes[cook, :, :, 20:], planes[0, :, :, 20:])
    features, _ = make("ocean-overcooked", 1, layout=FOUR, observation="features", num_pots=1).reset(seed=0)
    assert features.shape == (4, 4 * 38)
    assert features[0, -8:].tolist() == [1, 0, 2, 0, 3, 0, 1, 1]
    assert features[2, -8:].tolist() == [-2, 0, -1, 0, 1, 0, 3, 1]


def test_urgency_is_of_the_last_39_steps():
    env = make("ocean-overcooked", 1, max_steps=45)
    observations, _ = env.reset(seed=0)
    seen = [observations[..., 25].max()]
    for _ in range(44):
        observations, *_ = env.step(np.full(2, STAY, np.int32))
        seen.append(observations[..., 25].min())
    assert seen == [0] * 6 + [1] * 39


@pytest.mark.parametrize("action", [6, -1, 2**31 - 1, -(2**31)])
def test_unchecked_actions_that_are_none_are_to_stay(action):
    env = make("ocean-overcooked", 4, check_actions=False)
    first = env.reset(seed=0)[0].copy()
    assert np.array_equal(env.step(np.full(8, action, np.int32))[0], first)


# ---- Parameters and pictures ----


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"layout": 3}, TypeError, "layout must be a name or the lines of a kitchen, got 3"),
        ({"observation": "image"}, ValueError, "observation must be one of 'lossless', 'features', got 'image'"),
        ({"num_pots": 0}, ValueError, "num_pots must be at least 1, got 0"),
        ({"cook_time": 251}, ValueError, "cook_time must be at most 250, got 251"),
        ({"cook_time": 5, "recipe_times": [5]}, ValueError, "only one of cook_time, recipe_times, .* may be given"),
        ({"onion_value": 5}, ValueError, "onion_value and tomato_value must both be given, got onion_value alone"),
        ({"recipe_values": [5, 6]}, ValueError, "a number for each of the 1 orders, got"),
        ({"start_all_orders": [("onion", "leek")]}, ValueError, "start_all_orders must be a list of recipes, .*'leek'"),
        ({"start_all_orders": [["onion"], ("onion",)]}, ValueError, "start_all_orders must not have a recipe twice"),
        ({"start_bonus_orders": [("tomato",)]}, ValueError, "start_bonus_orders must be among start_all_orders"),
        ({"start_bonus_orders": "onion"}, TypeError, "start_bonus_orders must be a list of recipes, got 'onion'"),
        (
            {"rew_shaping_params": {"SOUP": 1}},
            TypeError,
            "rew_shaping_params got an unexpected .* 'SOUP'",
        ),
        ({"reward_shaping_factor": float("nan")}, ValueError, "reward_shaping_factor must be from -1000 to 1000"),
        ({"rnd_obj_prob_thresh": 1.5}, ValueError, "rnd_obj_prob_thresh must be from 0 to 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, kind, message):
    with pytest.raises(kind, match=message):
        make("ocean-overcooked", 1, **parameters)


def test_only_the_weight_of_shaped_rewards_can_change():
    env = make("ocean-overcooked", 2)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'layout'"):
        env.set_next([0], layout="coordination_ring")
    with pytest.raises(ValueError, match="reward_shaping_factor must be from -1000 to 1000"):
        env.set_next([0], reward_shaping_factor=1e9)


def test_pictures_show_the_state():
    env = make("ocean-overcooked", 1, layout=SMALL, cook_time=9)
    env.reset(seed=0)
    play_script(env, [WEST], [INTERACT])
    assert env.unwrapped.native_env.ansi_copy(0).splitlines() == ["X  P  S  X", "O  <o    D", "X  X  X  X"]
    play_script(env, [NORTH], [INTERACT], [INTERACT], [STAY])
    assert env.unwrapped.native_env.ansi_copy(0).splitlines() == ["X  P1cS  X", "O  ^     D", "X  X  X  X"]
    assert env.unwrapped.native_env.render_copy(0).shape == (3 * 40, 4 * 40, 3)
