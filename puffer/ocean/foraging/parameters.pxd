# The parameters of level-based foraging.

cdef enum:
    MOST_PLAYERS = 64, MOST_FOODS = 200, MOST_CELLS_WIDE = 100, MOST_SIGHT = 32, MOST_LEVEL = 100
    # Of the package: the food of a level that is not given is as much as so many players can load.
    PLAYERS_AT_FOOD = 3


cdef inline dict parameters_of_task(object task):
    """The parameters that the name of a task says, as the package registers it. Raises ValueError."""
    import re
    form = (r"Foraging(?P<grid>-grid)?(-(?P<sight>\d+)s)?-(?P<rows>\d+)x(?P<columns>\d+)-(?P<players>\d+)p-"
            r"(?P<foods>\d+)f(?P<coop>-coop)?(?P<one>-ind)?(?P<penalty>-pen)?(-v3)?")
    name = re.fullmatch(form, task, re.ASCII) if isinstance(task, str) else None
    if name is None:
        raise ValueError(
            f"task must be a name like 'Foraging-8x8-2p-1f-coop', got {task!r}; in order, the parts of a name are "
            f"Foraging[-grid][-<sight>s]-<rows>x<columns>-<players>p-<foods>f[-coop][-ind][-pen][-v3]")
    return {
        "players": int(name["players"]), "field_size": (int(name["rows"]), int(name["columns"])),
        "max_num_food": int(name["foods"]), "sight": None if name["sight"] is None else int(name["sight"]),
        "force_coop": name["coop"] is not None, "max_food_level": 1 if name["one"] else None,
        "grid_observation": name["grid"] is not None, "penalty": 0.1 if name["penalty"] else 0.0,
    }


cdef inline dict check_parameters(object task, dict given):
    """All parameters, checked: those that are None are as the task says. Raises TypeError or ValueError."""
    from puffer import checks
    own = parameters_of_task(task)
    values = {name: own.get(name) if value is None else value for name, value in given.items()}
    for name in ("force_coop", "grid_observation", "normalize_reward", "observe_agent_levels"):
        values[name] = checks.boolean(name, values[name])
    rows, columns = values["field_size"] = check_size(values["field_size"])
    players = checks.integer("players", values["players"], 1, min(MOST_PLAYERS, rows * columns))
    foods = checks.integer("max_num_food", values["max_num_food"], 1, MOST_FOODS)
    sight = max(rows, columns) if values["sight"] is None else values["sight"]
    values["sight"] = checks.integer("sight", sight, 1, max(MOST_SIGHT, rows, columns))
    values["penalty"] = checks.number("penalty", values["penalty"], 0, 1e6)
    values["players"], values["max_num_food"] = players, foods
    for name, count in (("min_player_level", players), ("max_player_level", players), ("min_food_level", foods)):
        values[name] = check_levels(name, values[name], count)
    check_order("player", values)
    least = sum(sorted(values["min_player_level"])[:PLAYERS_AT_FOOD])
    if values["max_food_level"] is not None:
        values["max_food_level"] = check_levels("max_food_level", values["max_food_level"], foods)
        check_order("food", values)
    elif not values["force_coop"] and max(values["min_food_level"]) > least:
        raise ValueError(f"min_food_level must be at most {least}, the smallest sum of the {PLAYERS_AT_FOOD} lowest "
                         f"levels of players, got {max(values['min_food_level'])}; or give max_food_level")
    return values


cdef inline tuple check_size(object size):
    from puffer import checks
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise TypeError(f"field_size must be a tuple (rows, columns), got {size!r}")
    return tuple([checks.integer("field_size", side, 3, MOST_CELLS_WIDE) for side in size])


cdef inline tuple check_levels(str name, object levels, int count):
    """A level for each of `count` players or foods, from one level or a sequence of them."""
    import numpy as np

    from puffer import checks
    if not isinstance(levels, (tuple, list, np.ndarray)):
        levels = (levels,) * count
    if len(levels) != count:
        raise ValueError(f"{name} must be one level, or a tuple of {count}, got {len(levels)}")
    return tuple([checks.integer(name, level, 1, MOST_LEVEL) for level in levels])


cdef inline int check_order(str kind, dict values) except -1:
    least, most = f"min_{kind}_level", f"max_{kind}_level"
    for k, (low, high) in enumerate(zip(values[least], values[most], strict=True)):
        if low > high:
            raise ValueError(f"{least} must be at most {most}, got {low} and {high} for {kind} {k}")
    return 0


cdef inline object observation_space(dict values):
    """The space of the observation of a player."""
    import numpy as np
    from gymnasium import spaces
    rows, columns = values["field_size"]
    players, most = values["players"], max(values["max_player_level"])
    foods, sees = values["max_num_food"], values["observe_agent_levels"]
    highest = sum(sorted(values["max_player_level"])[:PLAYERS_AT_FOOD])
    if values["max_food_level"] is not None:
        highest = max(values["max_food_level"])
    if values["grid_observation"]:
        side = 2 * values["sight"] + 1
        high = np.ones((3, side, side), np.float32) * np.float32([most if sees else 1, highest, 1])[:, None, None]
        return spaces.Box(np.zeros_like(high), high)
    low = [-1, -1, 0] * foods + ([-1, -1, 0] if sees else [-1, -1]) * players
    high = [rows - 1, columns - 1, highest] * foods
    high += ([rows - 1, columns - 1, most] if sees else [rows - 1, columns - 1]) * players
    return spaces.Box(np.array(low, np.float32), np.array(high, np.float32))
