"""Parameters under which the shared tests run every environment that has some: beside its defaults, these.

An environment's sets are small and large, at the ends of the ranges that its constructor allows where that is
affordable, and have each of its parameters at least once. The fuzz plays all of them; the other shared tests take the
first one of each environment. The name of a set is part of the names of its tests. An environment without parameters
needs no entry.
"""

PARAMETER_SETS = {
    "ocean-acrobot": {"nips": {"book_or_nips": "nips"}},
    "ocean-blackjack": {"plain": {"sab": False}, "natural": {"natural": True, "sab": False}},
    "ocean-breakout": {
        "least": {
            "frameskip": 1,
            "brick_rows": 1,
            "brick_columns": 1,
            "walls": 1,
            "lives": 1,
            "paddle_width": 4,
            "paddle_speed": 1,
            "ball_speed": 1,
            "max_ball_speed": 1,
        },
        "most": {
            "frameskip": 64,
            "brick_rows": 16,
            "brick_columns": 32,
            "walls": 100,
            "lives": 100,
            "paddle_width": 16383,
            "paddle_speed": 4096,
            "ball_speed": 383,
            "max_ball_speed": 383,
        },
        "four-bricks": {"frameskip": 64, "brick_rows": 2, "brick_columns": 2, "paddle_width": 1000, "ball_speed": 1},
    },
    "ocean-catch": {
        "least": {"rows": 2, "columns": 1},
        "uneven": {"rows": 7, "columns": 12},
        "high": {"rows": 255, "columns": 2},
        "wide": {"rows": 3, "columns": 255},
    },
    "ocean-cliff_walking": {"mask": {"action_mask": True}, "slippery": {"is_slippery": True, "action_mask": True}},
    "ocean-connect_four": {
        "second": {"starter": 1},
        "random": {"opponent": "random"},
        "shallow": {"opponent": "search", "search_depth": 1, "starter": 1, "epsilon": 1},
        "deep": {"opponent": "search", "search_depth": 5, "epsilon": 0.1},
    },
    "ocean-frozen_lake": {
        "8x8": {"map_name": "8x8", "action_mask": True},
        "isles": {
            "desc": ["SFFHFFG", "HFSFFHF", "FFFFSFF"],
            "success_rate": 0.0,
            "reward_schedule": (5, -2, 0.5),
        },
        "two-cells": {"desc": ["SG"], "is_slippery": False},
        "one-cell": {"desc": ["S"], "success_rate": 1, "action_mask": True},
        "largest": {"desc": ["S" + "F" * 253 + "H"] * 255},
    },
    "ocean-mountain_car": {"fast": {"goal_velocity": 0.07}},
    "ocean-mountain_car_continuous": {"fast": {"goal_velocity": 0.07}},
    "ocean-pendulum": {"weightless": {"g": 0}, "heavy": {"g": 1000}},
    "ocean-pong": {
        "least": {
            "frameskip": 1,
            "points_to_win": 1,
            "paddle_height": 100,
            "paddle_speed": 1,
            "opponent_speed": 0,
            "crossing_frames": 20,
            "min_crossing_frames": 20,
            "crossing_cut": 0,
            "max_climb": 1,
        },
        "most": {
            "frameskip": 20,
            "points_to_win": 1000,
            "paddle_height": 2000,
            "paddle_speed": 500,
            "opponent_speed": 500,
            "crossing_frames": 1000,
            "min_crossing_frames": 20,
            "crossing_cut": 100,
            "max_climb": 127,
        },
        "quick": {"frameskip": 20, "paddle_height": 101, "crossing_frames": 20, "min_crossing_frames": 20},
    },
    "ocean-snake": {
        "one": {"snakes": 1},
        "least": {"snakes": 1, "width": 2, "height": 2, "food": 0, "vision": 1, "max_length": 3},
        "corridor": {"snakes": 3, "width": 4096, "height": 2, "food": 4000},
        "far-sighted": {"snakes": 3, "width": 4, "height": 5, "food": 5, "vision": 64, "max_length": 3},
        "crowd": {"snakes": 50, "width": 20, "height": 12, "food": 30, "vision": 2},
    },
    "ocean-squared": {"least": {"size": 3}, "large": {"size": 65}},
    "ocean-taxi": {
        "no-turns": {"is_rainy": True, "rainy_probability": 0.0},
        "fickle": {"fickle_passenger": True, "fickle_probability": 1, "action_mask": True},
        "rain": {"is_rainy": True, "fickle_passenger": True},
    },
    "ocean-tetris": {
        "least": {"rows": 4, "columns": 4, "fall_interval": 1, "previews": 0},
        "most": {"rows": 40, "columns": 10, "fall_interval": 255, "previews": 7},
        "small": {"rows": 7, "columns": 5, "fall_interval": 2, "previews": 1},
    },
    "ocean-tic_tac_toe": {
        "first": {"starter": 0},
        "random": {"opponent": "random", "starter": 1},
        "search": {"opponent": "search", "epsilon": 0.25},
    },
}
