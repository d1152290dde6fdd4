"""What the tests of Procgen share: its games, and the package's library to compare with."""

from importlib.util import find_spec

from puffer.bench.procgen_library import MODES, Game

__all__ = ["GAMES", "MISSING", "MODES", "REASON", "Game"]

GAMES = (
    *("bigfish", "bossfight", "caveflyer", "chaser", "climber", "coinrun", "dodgeball", "fruitbot"),
    *("heist", "jumper", "leaper", "maze", "miner", "ninja", "plunder", "starpilot"),
)
MISSING = find_spec("procgen") is None
REASON = "the package procgen is not installed: python -m puffer.install procgen"
