import numpy as np
from mines_in_place import Mines

import puffer

env = puffer.emulate(Mines, num_envs=64, backend="serial")
env.reset(seed=0)
for actions in np.random.default_rng(0).integers(64, size=(1000, 64)):
    env.step(actions)
