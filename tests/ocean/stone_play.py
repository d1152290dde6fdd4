"""What the tests of Othello, Hex and Go share: small games, and legal moves in them."""

import numpy as np
from helpers import make
from stone_oracles import legal_actions

NAMES = ("othello", "hex", "go")
SMALL = {"othello": {}, "hex": {"size": 4, "swap": True}, "go": {"size": 5}}


def backend(env):
    return env.unwrapped.native_env


def begin(name, **options):
    """A single game, in which the row 0 plays black."""
    env = make(name, 1, starter=0, autoreset_mode="Disabled", **{**SMALL[name], **options})
    env.reset(seed=0)
    return env


def play(env, moves):
    """Both rows take these actions, so the one that is to move does; what the last step returned."""
    for move in moves:
        result = env.step(np.full(env.num_envs, move))
    return result


def legal_of(env, row):
    return np.flatnonzero(legal_actions(_name(env), env.observations, env.single_action_space.n)[row]).tolist()


def _name(env):
    return type(backend(env)).__name__.lower()


def random_legal(env, rng):
    """A random legal action for every row; 0 for a row that is not to move."""
    marks = legal_actions(_name(env), env.observations, env.single_action_space.n)
    return np.argmax(marks * rng.random(marks.shape), axis=1)
