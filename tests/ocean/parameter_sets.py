"""Parameters under which the shared tests run every environment that has some: beside its defaults, these.

An environment's sets are small and large, at the ends of the ranges that its constructor allows where that is
affordable, and have each of its parameters at least once. The fuzz plays all of them; the other shared tests take the
first one of each environment. The name of a set is part of the names of its tests. An environment without parameters
needs no entry.
"""

from dataclasses import replace

import numpy as np

from puffer.ocean.drive import synthetic_scene


def recorded_scene():
    """A scene of `drive`, in which objects come and go, and some follow their recording."""
    scene = synthetic_scene("crossing", agents=7, seed=5)
    scene.valid[4:, 20:30] = False
    return replace(scene, experts=np.arange(7) >= 4, kinds=np.array([7, 8, 9, 7, 7, 9, 0], np.int32))


PARAMETER_SETS = {
    "ocean-acrobot": {"nips": {"book_or_nips": "nips"}},
    "ocean-bandit": {
        "least": {"arms": 2, "best_arm": 0, "best_chance": 0, "other_chance": 0},
        "most": {"arms": 100, "best_arm": 99, "best_chance": 1.0, "other_chance": 1},
    },
    "ocean-battle": {
        "least": {
            "map_size": 12,
            "compact": False,
            "step_reward": 1,
            "dead_penalty": 2,
            "attack_penalty": -3,
            "attack_opponent_reward": 1e6,
        },
        "features": {"map_size": 20, "minimap_mode": True, "extra_features": True, "compact": False},
        "field": {"layout": "battlefield", "map_size": 46},
        "whole": {"map_size": 45, "compact": False},
    },
    "ocean-blackjack": {"plain": {"sab": False}, "natural": {"natural": True, "sab": False}},
    "ocean-boids": {
        "alone": {"n_agents": 1},
        "crowd": {"n_agents": 17, "vision": 0.5, "separation": 0.5, "max_speed": 0.25, "max_acceleration": 0.5},
        "discrete": {
            "n_agents": 5,
            "vision": 0.001,
            "separation": 0.001,
            "max_speed": 0.0001,
            "max_acceleration": 0,
            "cohesion_weight": -1000,
            "alignment_weight": 1000,
            "separation_weight": 1000,
            "continuous_actions": False,
        },
    },
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
    "ocean-cliff_walking": {
        "mask": {"action_mask": True},
        "slippery": {"is_slippery": True, "action_mask": True, "prob": True},
    },
    "ocean-connect_four": {
        "second": {"starter": 1},
        "random": {"opponent": "random"},
        "shallow": {"opponent": "search", "search_depth": 1, "starter": 1, "epsilon": 1},
        "deep": {"opponent": "search", "search_depth": 5, "epsilon": 0.1},
    },
    "ocean-crafter": {"symbolic": {"observation": "symbolic", "worlds": 3}},
    "ocean-drive": {
        "least": {
            "scenario": "straight",
            "agents": 1,
            "num_scenes": 1,
            "scene_seed": 2**32,
            "max_partners": 1,
            "road_points": 1,
            "goal_radius": 0.1,
            "observation_radius": 5,
            "goal_weight": 0,
            "collision_weight": 2,
            "off_road_weight": 3,
            "progress_weight": 0.1,
        },
        "bent": {
            "scenario": "roundabout",
            "agents": 5,
            "num_scenes": 2,
            "dynamics": "InvertibleBicycle",
            "continuous_actions": True,
            "collisions": "Ignore",
            "observation_radius": 1000,
            "road_points": 2000,
            "max_partners": 127,
        },
        "moved": {
            "scenes": [recorded_scene()],
            "max_objects": 5,
            "agents": 3,
            "dynamics": "DeltaLocal",
            "goal_radius": 9,
        },
        "removed": {"scenario": "merging", "agents": 12, "num_scenes": 3, "collisions": "AgentRemoved"},
    },
    "ocean-foraging": {
        "least": {"players": 1, "field_size": (3, 3), "max_num_food": 1, "sight": 1, "normalize_reward": False},
        "grid": {"task": "Foraging-grid-2s-6x6-4p-3f-coop-pen", "observe_agent_levels": False},
        "levels": {
            "players": 3,
            "field_size": (5, 9),
            "force_coop": False,
            "penalty": 2,
            "grid_observation": False,
            "min_player_level": (1, 2, 3),
            "max_player_level": (5, 2, 4),
            "max_num_food": 4,
            "min_food_level": (1, 2, 3, 4),
            "max_food_level": 9,
        },
        "crowd": {"task": "Foraging-5x5-9p-4f-ind", "players": 25},
    },
    "ocean-frozen_lake": {
        "8x8": {"map_name": "8x8", "action_mask": True},
        "isles": {
            "desc": ["SFFHFFG", "HFSFFHF", "FFFFSFF"],
            "success_rate": 0.0,
            "reward_schedule": (5, -2, 0.5),
        },
        "two-cells": {"desc": ["SG"], "is_slippery": False},
        "one-cell": {"desc": ["S"], "success_rate": 1, "action_mask": True, "prob": True},
        "largest": {"desc": ["S" + "F" * 253 + "H"] * 255},
    },
    "ocean-go": {
        "random": {"size": 5, "komi": 0, "opponent": "random", "starter": 1},
        "greedy": {"size": 7, "komi": -361, "opponent": "greedy", "epsilon": 0.2},
        "large": {"size": 19, "komi": 361, "starter": 0},
    },
    "ocean-hex": {
        "swap": {"size": 3, "swap": True, "starter": 1},
        "random": {"size": 4, "swap": True, "opponent": "random"},
        "greedy": {"size": 6, "opponent": "greedy", "epsilon": 0.2, "starter": 0},
        "large": {"size": 19},
    },
    "ocean-memory": {"least": {"length": 1, "delay": 0}, "long": {"length": 32, "delay": 40}},
    **{
        f"ocean-minatar_{game}": {
            "steady": {"sticky_action_prob": 0, "difficulty_ramping": False},
            "full": {"sticky_action_prob": 1.0, "use_minimal_action_set": False},
        }
        for game in ("asterix", "breakout", "freeway", "seaquest", "space_invaders")
    },
    "ocean-minigrid": {
        "empty": {"level": "Empty", "size": 4, "random_start": True},
        "door-key": {"level": "DoorKey", "size": 64},
        "four-rooms": {"level": "FourRooms"},
        "unlock": {"level": "Unlock"},
        "unlock-pickup": {"level": "UnlockPickup"},
        "key-corridor": {"level": "KeyCorridor", "num_rows": 8, "room_size": 16, "obj_type": "box"},
        "lava-gap": {"level": "LavaGap", "size": 5},
        "multi-room": {"level": "MultiRoom", "min_rooms": 1, "max_rooms": 8, "max_room_size": 4},
        "obstacles": {"level": "Dynamic-Obstacles", "size": 5, "n_obstacles": 3, "random_start": True},
        "crossing": {"level": "Crossing", "size": 63, "num_crossings": 60, "obstacle_type": "wall"},
        "dist-shift": {"level": "DistShift", "strip2_row": 5},
        "fetch": {"level": "Fetch", "size": 10, "num_objs": 63, "observation": "one_hot"},
        "go-to-door": {"level": "GoToDoor", "size": 12, "observation": "symbolic"},
        "go-to-object": {"level": "GoToObject", "size": 7, "num_objs": 18},
        "locked-room": {"level": "LockedRoom", "observation": "rgb_full", "tile_size": 3},
        "maze": {"level": "ObstructedMaze_Full", "agent_room": (2, 0), "observation": "rgb_partial"},
        "open-maze": {
            "level": "ObstructedMaze_Full_V1",
            "key_in_box": False,
            "blocked": False,
            "num_quarters": 2,
            "num_rooms_visited": 3,
        },
        "memory": {"level": "Memory", "size": 13, "random_length": True},
        "put-near": {"level": "PutNear", "size": 15, "num_objs": 18, "observation": "full"},
        "two-doors": {"level": "RedBlueDoors", "size": 5},
    },
    "ocean-mpe": {
        "simple": {"scenario": "simple", "continuous_actions": True},
        "adversary": {"scenario": "simple_adversary", "N": 1},
        "crypto": {"scenario": "simple_crypto", "continuous_actions": True},
        "push": {"scenario": "simple_push"},
        "reference": {"scenario": "simple_reference", "local_ratio": 0},
        "speaker-listener": {"scenario": "simple_speaker_listener", "continuous_actions": True},
        "spread": {"scenario": "simple_spread", "N": 15},
        "tag": {"num_good": 15, "num_adversaries": 15, "num_obstacles": 15, "continuous_actions": True},
        "least": {"num_good": 1, "num_adversaries": 1, "num_obstacles": 0},
        "world": {"scenario": "simple_world_comm", "num_food": 15, "num_forests": 15, "num_obstacles": 0},
        "plain-world": {"scenario": "simple_world_comm", "num_food": 1, "num_forests": 0},
    },
    "ocean-mountain_car": {"fast": {"goal_velocity": 0.07}},
    "ocean-mountain_car_continuous": {"fast": {"goal_velocity": 0.07}},
    "ocean-multiagent": {"least": {"length": 1}, "long": {"length": 300}},
    "ocean-overcooked": {
        "features": {"observation": "features", "num_pots": 3, "layout": "asymmetric_advantages"},
        "tomatoes": {
            "layout": "XTPPX\nO1 2D\nX   S\nXXXXX",
            "start_all_orders": [["onion", "tomato"], ["tomato"]],
            "start_bonus_orders": [["tomato"]],
            "order_bonus": 3,
            "onion_value": 21,
            "tomato_value": 13,
            "onion_time": 83,
            "tomato_time": 1,
            "random_start_pos": True,
            "rnd_obj_prob_thresh": 0.9,
        },
        "quick": {
            "layout": "counter_circuit_o_1order",
            "cook_time": 1,
            "delivery_reward": 1000,
            "rew_shaping_params": {"SOUP_PICKUP_REWARD": -7},
            "reward_shaping_factor": 0.25,
        },
        "alone": {"layout": "XPSX\nO1 D\nXXXX", "recipe_values": list(range(1, 10)), "recipe_times": [250] * 9},
        "four": {"layout": "XXSPDXX\nX3 1 4T\nX  2  O\nXXXXXXX", "observation": "features", "rnd_obj_prob_thresh": 1},
    },
    "ocean-othello": {
        "random": {"opponent": "random", "starter": 1},
        "first": {"starter": 0},
        "greedy": {"opponent": "greedy", "epsilon": 0.25},
    },
    "ocean-password": {"least": {"password": "0"}, "most": {"password": "01" * 16}},
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
    "ocean-rware": {
        "least": {"n_agents": 1, "shelf_rows": 2, "shelf_columns": 1, "column_height": 1},
        "inactive": {"size": "small", "n_agents": 3, "max_inactivity_steps": 7, "reward_type": "global"},
        "two-stage": {"n_agents": 20, "request_queue_size": 31, "sensor_range": 3, "reward_type": "two_stage"},
        "crowd": {"size": "large", "n_agents": 64, "sensor_range": 16},
    },
    "ocean-snake": {
        "one": {"snakes": 1},
        "least": {"snakes": 1, "width": 2, "height": 2, "food": 0, "vision": 1, "max_length": 3},
        "corridor": {"snakes": 3, "width": 4096, "height": 2, "food": 4000},
        "far-sighted": {"snakes": 3, "width": 4, "height": 5, "food": 5, "vision": 64, "max_length": 3},
        "crowd": {"snakes": 50, "width": 20, "height": 12, "food": 30, "vision": 2},
    },
    "ocean-sokoban": {
        "least": {"size": (4, 5), "num_boxes": 1, "num_gen_steps": 1, "use_minimal_action_set": True},
        "most": {"size": 20, "num_boxes": 40, "num_gen_steps": 1000},
        "levels": {
            "levels": ["#######\n#@ $ .#\n# ##  #\n#  *  #\n#######\n\n#######\n#+ $  #\n#  $ .#\n#     #\n#######"]
        },
    },
    "ocean-spaces": {"least": {"length": 1}, "long": {"length": 300}},
    "ocean-spread": {
        "alone": {"n_agents": 1, "local_ratio": 0},
        "crowd": {"n_agents": 20, "local_ratio": 1.0, "continuous_actions": True},
    },
    "ocean-squared": {"least": {"size": 3}, "large": {"size": 65}},
    "ocean-stochastic": {"least": {"length": 1, "coins": 0}, "most": {"length": 100, "coins": 100}},
    "ocean-taxi": {
        "no-turns": {"is_rainy": True, "rainy_probability": 0.0},
        "fickle": {"fickle_passenger": True, "fickle_probability": 1, "action_mask": True, "prob": True},
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
