"""What the discrete actions of an environment mean, in a few words each."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import puffer

# Of environments in Python that do not tell it, by the beginning of their names.
_KNOWN = {
    "minigrid": "left, right, forward, pick up, drop, toggle, done",
    "babyai": "left, right, forward, pick up, drop, toggle, done",
    "MiniGrid": "left, right, forward, pick up, drop, toggle, done",
    "BabyAI": "left, right, forward, pick up, drop, toggle, done",
    "crafter": "noop, left, right, up, down, do, sleep, place stone, place table, place furnace, place plant, "
    "make wood pickaxe, make stone pickaxe, make iron pickaxe, make wood sword, make stone sword, make iron sword",
    "procgen": "left down, left, left up, down, noop, up, right down, right, right up, d, a, w, s, q, e",
    "LunarLander": "noop, left, up, right",
}
_NUMBERED = re.compile(r"(?:^|[:,;] )(\d+) ([^,;:.]+)")


def words_of(name: str, env: puffer.VectorEnv) -> list[str] | None:
    """A word or two for each action of a Discrete space; None where they are not known.

    Parameters
    ----------
    name : str
        That of the environment, as `puffer.make` takes it.
    env : VectorEnv
        A batch of it in this process.
    """
    n = int(env.single_action_space.n)
    bare = name.removeprefix("gym-")
    for found in (_documented(env), _told(env), _atari(bare), _listed(bare), _documented(_native_like(bare))):
        if found is not None and len(found) == n:
            return found
    return None


def action_field(env: puffer.VectorEnv) -> str:
    """What the page of a native environment says about its actions; empty for others."""
    doc = inspect.getdoc(inspect.getmodule(type(env.native_env))) if env.native_env is not None else None
    match = re.search(r"^Actions? {2,}(.*(?:\n {2,}.*)*)", doc or "", re.MULTILINE)
    return re.sub(r"\s+", " ", match[1]) if match else ""


def _documented(env: puffer.VectorEnv | None) -> list[str] | None:
    """The numbered words in the documentation of a native environment: "Discrete(2): 0 push left, 1 push right"."""
    if env is None:
        return None
    found: list[str] = []
    for number, word in _NUMBERED.findall(action_field(env)):
        if int(number) != len(found):
            break
        found.append(re.sub(r" (throughout|with) .*", "", word).strip())
    return found or None


def _native_like(name: str) -> puffer.VectorEnv | None:
    """A batch of the native environment that has the name of one of Gymnasium's; they number actions alike."""
    wanted = re.sub(r"-v\d+$", "", name).lower()
    for known in puffer.list_envs():
        if known.startswith("ocean-") and known.removeprefix("ocean-").replace("_", "") == wanted:
            env = puffer.make(known, 1, num_threads=1)
            env.close()
            return env
    return None


def _told(env: puffer.VectorEnv) -> list[str] | None:
    """The answer of an environment that tells it as Atari's of Gymnasium do."""
    try:
        return [str(word) for word in env.call("get_action_meanings")[0]]
    except Exception:
        return None


def _atari(name: str) -> list[str] | None:
    if not name.startswith("atari-"):
        return None
    id = "ALE/" + "".join(part.capitalize() for part in name.removeprefix("atari-").split("_")) + "-v5"
    try:
        importlib.import_module("ale_py")
        import gymnasium

        game: Any = gymnasium.make(id)
        meanings = game.unwrapped.get_action_meanings()
        game.close()
    except Exception:
        return None
    return meanings


def _listed(name: str) -> list[str] | None:
    return next((words.split(", ") for prefix, words in _KNOWN.items() if name.startswith(prefix)), None)
