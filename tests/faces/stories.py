"""Environments in Python for the tests of faces, apart from them: workers import this, and no trainer."""

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit


class Story(gymnasium.Env):
    """Episodes of 3 to 6 steps, observations of a Dict, and infos of every form."""

    observation_space = spaces.Dict(place=spaces.Box(-9, 9, (2,)), level=spaces.Discrete(9))
    action_space = spaces.Discrete(3)
    difficulty = 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.length = 0, (options or {}).get("length", int(self.np_random.integers(3, 7)))
        return self.observed(), {"length": self.length, "inner": {"name": f"story {self.length}"}}

    def step(self, action):
        self.steps += 1
        over = self.steps >= self.length
        info = {"places": np.full(2, self.steps), "inner": {"steps": self.steps}}
        if over:
            info["is_success"] = bool(self.length % 2)
        return self.observed(), 0.25 * int(action), over, False, info

    def observed(self):
        return {"place": self.np_random.normal(size=2).astype(np.float32), "level": self.steps}

    def harder(self, by=1):
        self.difficulty += by
        return self.difficulty

    def action_masks(self):
        return np.array([True, self.steps % 2 == 0, False])


def story():
    return Story()


def long_story():
    return TimeLimit(Story(), 4)


def cartpole():
    return gymnasium.make("CartPole-v1", max_episode_steps=15)
