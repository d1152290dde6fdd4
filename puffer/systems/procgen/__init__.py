"""Procgen: sixteen games with generated levels, by name (`procgen-<game>`), as native environments.

Observation   uint8 (64, 64, 3): a picture, red, green, blue.
Action        Discrete(15): 0 left and down, 1 left, 2 left and up, 3 down, 4 nothing, 5 up, 6 right and down, 7 right,
              8 right and up; 9 to 14 the keys D, A, W, S, Q, E, of which each game uses some or none.
Reward        the game's, for collecting or hitting objects and for completing a level.
Terminated    when the game is won or lost.
Truncated     after 1000 steps; 6000 in bigfish, 4000 in bossfight and plunder, 500 in leaper and maze, 2000 in jumper's
              mode "memory". After max_steps steps if given.
Start         a level drawn at random, out of num_levels from start_level on, or out of all if num_levels is 0.
Source        Cobbe et al. 2020, "Leveraging Procedural Generation to Benchmark Reinforcement Learning"; the package
              procgen 0.10.7 (or procgen-mirror, or procgen2), under the MIT licence, its art under others.
Version       0

Parameters, as in the package:

- `distribution_mode`: "easy" or "hard"; "extreme" for chaser, dodgeball, leaper and starpilot; "memory" for caveflyer,
  dodgeball, heist, jumper, maze and miner; "exploration", a single hard level that has to be explored, for caveflyer,
  climber, coinrun, heist, jumper, leaper, maze and ninja.
- `num_levels`, `start_level`: the levels to draw from. With num_levels=0 they are all 2**31 - 1, whatever start_level
  is.
- `use_sequential_levels`: an episode continues with another level when one is completed, and each level has the whole
  time limit.
- `center_agent`, `use_backgrounds`, `use_monochrome_assets`, `restrict_themes`, `paint_vel_info`: the style of the
  pictures.

There is no `use_generated_assets`: the library cannot save such a game, and ends the process when it is asked to.

The infos are the package's: `level_seed`, the level that the observation shows; `prev_level_seed`, the level before the
step; and `prev_level_complete`, whether the step has completed it. In the mode SameStep `final_info` has those of the
last observation. `env.set_next(copies, level=...)` sets the level of the next episodes of copies, until another one is
set, or None to draw levels again; `env.get_attr("level")` returns the levels now.

`stats()` has `levels_completed`, by episode. `env.native_env` has `levels`, the level of each copy, and
`rand_seeds`, with which the package plays the same levels.

When an episode terminates, the library shows the first picture of the next episode in place of the last one, which is
lost. So the last observation (`final_obs`, or the row of a copy that waits for its reset) is the last but one. At a
truncation it is the last one.

Everything follows from the seed, and levels are drawn in the package's own way. The first environment of a process
takes two seconds and 390 MB, for art that all others in the process share: prefer threads to processes.
"""

from __future__ import annotations

from functools import cache

from puffer.systems.family import Family
from puffer.systems.procgen.library import Procgen

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

# The time limits that are not 1000 steps.
_TIME_LIMITS = {"bigfish": 6000, "bossfight": 4000, "leaper": 500, "maze": 500, "plunder": 4000}

# The games with modes in addition to "easy" and "hard".
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


@cache
def env_class(name: str) -> type[Procgen]:
    """The class of a game. It needs the package only when it is instantiated."""
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


def __getattr__(name: str) -> type[Procgen]:
    """The class of a game, where pickle looks for it."""
    for game in _GAMES:
        if game.capitalize() == name:
            return env_class(game)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


FAMILY = Family(env_class=env_class, names=names)
