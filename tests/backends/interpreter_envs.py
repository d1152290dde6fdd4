"""Environments for workers in another interpreter, which imports this file: of puffer it uses nothing."""

import logging
import os
import sys
import time
import warnings

import gymnasium
import numpy as np
from gymnasium import spaces

LOGGER = logging.getLogger("puffer_tests.there")


class Everything(gymnasium.Env):
    """Nested spaces, values in other types than those of their spaces, and infos of all kinds."""

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 7}
    observation_space = spaces.Dict(
        {
            "camera": spaces.Box(0, 255, (2, 3), np.uint8),
            "hand": spaces.Tuple([spaces.Discrete(3, start=-1), spaces.MultiBinary(4)]),
            "a/b": spaces.MultiDiscrete([3, 5]),
            "speed": spaces.Box(-np.inf, np.inf, (), np.float64),
            "word": spaces.Text(5),
        }
    )
    action_space = spaces.Dict(
        {
            "go": spaces.Discrete(3, start=1),
            "push": spaces.Box(-1, 1, (2,), np.float32),
            "turn": spaces.MultiDiscrete([2, 3]),
        }
    )

    def __init__(self, chance=0.1, render_mode=None):
        self.chance = chance
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.total = 0.0
        return self.observe(), {"start": self.np_random.random(), "seed": seed}

    def step(self, action):
        assert self.action_space.contains(action)
        self.total += float(action["go"] + action["push"].sum() * action["turn"][1])
        info = {
            "array": self.np_random.random((2, 2)).astype(np.float32),
            "number": np.int16(3),
            "flag": np.bool_(True),
            "words": np.array(["one", "three"]),
            "objects": np.array([None, {"a": (1, 2.5)}], object),
            "masked": np.ma.array([1, 2], mask=[False, True]),
            "nested": {"text": "ä", "set": {1, 2}, "bytes": b"x", "list": [1, [2]]},
        }
        terminated = self.np_random.random() < self.chance
        return self.observe(), np.float64(self.total), terminated, self.total > 40, info if action["go"] == 1 else {}

    def observe(self):
        draw = self.np_random.integers
        return {
            "camera": draw(0, 256, (2, 3)),
            "hand": [int(draw(3)) - 1, draw(0, 2, 4).tolist()],
            "a/b": draw([3, 5]).astype(np.uint8),
            "speed": np.float32(self.total),
            "word": "abcde"[: draw(1, 6)],
        }

    def render(self):
        return f"{self.total:.3f}" if self.render_mode == "ansi" else np.full((2, 2, 3), len(str(self.total)), np.uint8)


class Asked(gymnasium.Env):
    """Shows the seed, the option "goal" and the gravity of its episode, which lasts two steps."""

    observation_space = spaces.Box(-1e9, 1e9, (3,), np.float64)
    action_space = spaces.Discrete(2)
    gravity = 1.0

    def reset(self, *, seed, options):
        super().reset(seed=seed)
        self.time, self.goal = 0, (options or {}).get("goal", 0)
        return np.array([-1 if seed is None else seed, self.goal, self.gravity]), {}

    def step(self, action):
        self.time += 1
        return np.array([-1, self.goal, self.gravity]), 1.0, self.time == 2, False, {}

    def weight(self, mass, *, times=1):
        return times * mass * self.gravity


class Older:
    """The methods of old versions of Gym."""

    observation_space = spaces.Discrete(100)
    action_space = spaces.MultiDiscrete([2, 3])

    def seed(self, seed):
        self.rng = np.random.RandomState(seed % 2**32)

    def reset(self):
        self.t = 0
        return self.rng.randint(100)

    def step(self, action):
        self.t += 1
        ended = self.rng.rand() < 0.1 or self.t == 9
        info = {"TimeLimit.truncated": self.t == 9, "action": action}
        return self.rng.randint(100), float(action[1]), ended, info


class Meeting:
    """A parallel environment whose agents come and go, and have spaces of their own."""

    metadata = {}
    possible_agents = ["ann", "bob", 3]
    sizes = {"ann": 2, "bob": 3, 3: 1}

    def observation_space(self, agent):
        return spaces.Dict({"x": spaces.Box(-99, 99, (self.sizes[agent],), np.float32), "t": spaces.Discrete(200)})

    def action_space(self, agent):
        return spaces.MultiDiscrete([self.sizes[agent] + 1] * self.sizes[agent])

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t, self.agents = 0, ["ann", "bob"]
        return self.see(self.agents, {}), {agent: {"luck": self.rng.random()} for agent in self.agents}

    def see_one(self, agent, actions):
        x = self.rng.random(self.sizes[agent]) + np.sum(actions.get(agent, 0))
        return {"x": x, "t": self.t}

    def see(self, agents, actions):
        return {agent: self.see_one(agent, actions) for agent in agents}

    def step(self, actions):
        assert list(actions) == self.agents
        assert all(self.action_space(agent).contains(action) for agent, action in actions.items())
        self.t += 1
        before, self.agents = self.agents, [agent for agent in self.possible_agents if self.rng.random() < 0.7]
        everybody = list(dict.fromkeys([*before, *self.agents]))
        rewards = {agent: float(np.sum(action)) for agent, action in actions.items()}
        gone = {agent: agent not in self.agents and self.rng.random() < 0.5 for agent in everybody}
        infos = {agent: {"t": self.t} if agent == "bob" else {} for agent in everybody}
        return self.see(everybody, actions), rewards, gone, {"__all__": self.t == 12}, infos


class Turns:
    """What an environment whose agents take turns looks like."""

    metadata = {}
    possible_agents = ["one", "other"]

    def observation_space(self, agent):
        return spaces.Discrete(2)

    action_space = observe = observation_space

    def reset(self, seed=None):
        pass

    def step(self, action):
        pass


class Odd(gymnasium.Env):
    """Does what it is told to: print, tell something that cannot travel, or give a wrong observation."""

    observation_space = spaces.Box(0, 1, (2,), np.float32)
    action_space = spaces.Discrete(7)

    def __init__(self, print_first="", fail=None, end=None, sizes=(2,)):
        if print_first:
            print(print_first)
            print(print_first, file=sys.stderr)
        if fail:
            raise fail_as(fail)("as told")
        if end is not None:
            os._exit(end)

    def reset(self, *, seed=None, options=None):
        names = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
        return np.zeros(2, np.float32), {"variables": sum(name in os.environ for name in names)}

    def step(self, action):
        info = {"thing": object()} if action == 1 else {}
        if action == 2:
            print("printed in a step", flush=True)
        if action == 5:
            time.sleep(1000)
        wrong = {3: np.zeros(3), 4: "text", 6: [0, np.nan]}
        return wrong.get(int(action), np.ones(2, np.float32)), 1.0, False, False, info


def fail_as(name):
    return {"TypeError": TypeError, "KeyError": KeyError}[name]


class Trivial:
    """Costs next to nothing."""

    observation_space = spaces.Box(-1, 1, (4,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self):
        self.observation = np.zeros(4, np.float32)

    def reset(self, *, seed=None):
        return self.observation, {}

    def step(self, action):
        return self.observation, 1.0, False, False, {}


class Noisy(gymnasium.Env):
    """Logs in every call, and warns in a step."""

    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self):
        LOGGER.warning("made %s", [0])

    def reset(self, *, seed=None, options=None):
        LOGGER.info("reset", extra={"lock": lambda: None})
        return np.zeros(1, np.float32), {}

    def step(self, action):
        LOGGER.debug("not for %s", "anybody")
        warnings.warn(f"action {action}", RuntimeWarning, stacklevel=1)
        try:
            int("no number")
        except ValueError:
            LOGGER.exception("step")
        return np.zeros(1, np.float32), 0.0, False, False, {}
