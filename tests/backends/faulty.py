"""An environment that commits the faults it is told to, for the tests of backends with workers, who import it too."""

import ctypes
import os
import signal
import sys
import time

import gymnasium
import numpy as np
from gymnasium import spaces


class UnpicklableErrorError(Exception):
    """Cannot travel, and has no message."""

    def __init__(self):
        super().__init__("")
        self.lock = lambda: None

    def __str__(self):
        raise ValueError

    def __reduce__(self):
        raise TypeError


def stick_in_c():
    """Hold the GIL in C."""
    ctypes.PyDLL(None).sleep(1000)


FAULTS = {
    1: lambda: 1 / 0,
    2: lambda: (_ for _ in ()).throw(UnpicklableErrorError),
    3: lambda: os.kill(os.getpid(), signal.SIGKILL),
    4: lambda: ctypes.string_at(0),
    5: lambda: sys.exit(3),
    6: lambda: os._exit(4),
    7: lambda: time.sleep(1000),
    8: stick_in_c,
}


class Faulty(gymnasium.Env):
    """Commits the fault of the action in step, and those of the constructor in the first reset and in close.

    render() tells the number of the process.
    """

    observation_space = spaces.Box(-1e6, 1e6, (3,), np.float32)
    action_space = spaces.Discrete(10)

    def __init__(self, in_reset=0, in_close=0, text=0, chance=0.1):
        self.in_reset = in_reset
        self.in_close = in_close
        self.chance = chance
        self.text = text

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        fault, self.in_reset = self.in_reset, 0
        FAULTS.get(fault, int)()
        return self.np_random.random(3).astype(np.float32), {"start": self.np_random.random()}

    def step(self, action):
        FAULTS.get(int(action), int)()
        self.t += 1
        info = {"t": self.t, "pid": os.getpid()} if self.np_random.random() < 0.3 else {}
        if self.text:
            info["text"] = "x" * self.text
        return (
            self.np_random.random(3).astype(np.float32),
            self.t,
            self.np_random.random() < self.chance,
            self.t == 9,
            info,
        )

    def render(self):
        return os.getpid()

    def close(self):
        FAULTS.get(self.in_close, int)()


def numbered(copies, **options):
    """A creator whose copies, in the order of their making in a worker, have options of their own."""
    made = iter([{}] * copies)
    return lambda: Faulty(**(options if next(made, None) is None else {}))
