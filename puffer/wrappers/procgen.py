"""Procgen: sixteen games whose levels are generated, by name (`procgen-<game>`), as native environments.

Observation   uint8 (64, 64, 3): a picture, red, green, blue.
Action        Discrete(15): 0 left and down, 1 left, 2 left and up, 3 down, 4 nothing, 5 up, 6 right and down, 7 right,
              8 right and up; 9 to 14 the keys D, A, W, S, Q, E, of which each game uses some or none.
Reward        the game's: for what is collected or hit, and for a level that is completed.
Terminated    when the game is won or lost, as the library says.
Truncated     after the game's time limit: 6000 steps in bigfish, 4000 in bossfight and plunder, 500 in leaper and maze, 1000 in
              the others, 2000 in jumper's mode "memory".
Start         a level drawn at random, out of num_levels from start_level on, or out of all if num_levels is 0.
Source        Cobbe et al. 2020, "Leveraging Procedural Generation to Benchmark Reinforcement Learning"; the package
              procgen 0.10.7 (also built as procgen-mirror and procgen2), MIT licence, with art under others.
Version       0

Parameters, as in the package:

- `distribution_mode`: "easy" or "hard"; "extreme" for chaser, dodgeball, leaper and starpilot; "memory" for caveflyer,
  dodgeball, heist, jumper, maze and miner; "exploration", one hard level that takes exploring, for caveflyer, climber,
  coinrun, heist, jumper, leaper, maze and ninja.
- `num_levels` and `start_level`: the levels to draw from. With num_levels=0 there are 2**31 - 1, whatever start_level.
- `use_sequential_levels`: the episode goes on with another level when one is completed; each has the time limit for itself.
- `center_agent`, `use_backgrounds`, `use_monochrome_assets`, `restrict_themes`, `paint_vel_info`: what the picture shows.

There is no `use_generated_assets`: the library ends the process when it is to save such a game. `stats()` has the levels
completed in an episode; `env.unwrapped.backend` has `levels`, the level of each copy, and `rand_seeds`, with which the package
plays the same levels.

The library never shows the last state of an episode that terminates, but the first one of the next instead. The last observation
(`final_obs`, and the row itself where the environment does not reset itself) is therefore the one before it. In an episode that is
truncated it is the right one.

Everything that happens follows from the seed. An environment in a process is the first to take two seconds and 390 MB, for the pictures,
which all environments of the process share: prefer threads to processes.
"""

from __future__ import annotations

from functools import cache

from puffer.wrappers._procgen import Procgen

_GAMES = (
    "bigfish",
    "bossfight",
    "caveflyer",
    "chaser",
    "climber",
    "coinrun",
    "dodgeball",
    "fruitbot",
    "heist",
    "jumper",
    "leaper",
    "maze",
    "miner",
    "ninja",
    "plunder",
    "starpilot",
)

# The time limit, where it is not 1000 steps.
_TIME_LIMITS = {"bigfish": 6000, "bossfight": 4000, "leaper": 500, "maze": 500, "plunder": 4000}

# Beside "easy" and "hard", which all games have.
_EXTREME = ("chaser", "dodgeball", "leaper", "starpilot")
_MEMORY = ("caveflyer", "dodgeball", "heist", "jumper", "maze", "miner")
_EXPLORATION_LEVELS = {
    "caveflyer": 1259048185,
    "climber": 1561126160,
    "coinrun": 1949448038,
    "heist": 876640971,
    "jumper": 1434825276,
    "leaper": 1318677581,
    "maze": 158988835,
    "ninja": 1123500215,
}


def names() -> list[str]:
    """The games."""
    return list(_GAMES)


def knows(name: str) -> bool:
    """Whether there is such a game."""
    return name in _GAMES


@cache
def env_class(name: str) -> type[Procgen]:
    """The class of a game, which needs the package only when it is made."""
    limit = _TIME_LIMITS.get(name, 1000)
    limits = {"easy": limit, "hard": limit}
    if name in _EXPLORATION_LEVELS:
        limits["exploration"] = limit
    if name in _EXTREME:
        limits["extreme"] = limit
    if name in _MEMORY:
        limits["memory"] = 2000 if name == "jumper" else limit
    attributes = {
        "__doc__": f"The game {name}, in the distribution modes {', '.join(limits)}.",
        "__module__": __name__,
        "game": name,
        "time_limits": limits,
        "exploration_level": _EXPLORATION_LEVELS.get(name),
        "default_max_steps": limit,
    }
    return type(name.capitalize(), (Procgen,), attributes)
