"""No bytes of a snapshot crash the interpreter, even where its checksum is right."""

import subprocess
import sys

# The environments whose states index memory.
NAMES = """
    battle blackjack cartpole catch cliff_walking connect_four drive foraging frozen_lake game_2048 go hex
    minatar_asterix minatar_breakout minatar_freeway minatar_seaquest minatar_space_invaders minigrid mpe ocean-crafter
    othello overcooked rware snake sokoban squared taxi tetris tic_tac_toe
"""

FUZZ = """
import sys
import numpy as np
import puffer

MASK = 2**64 - 1
HEAD = 16


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def forge(row):
    body, value = row[HEAD:].tobytes(), len(row) - HEAD
    whole = len(body) // 8 * 8
    for k in range(0, whole, 8):
        value = mix(value ^ int.from_bytes(body[k : k + 8], "little")) + k & MASK
    for k in range(whole, len(body)):
        value = mix(value ^ body[k]) + k & MASK
    row[8:HEAD] = np.frombuffer(value.to_bytes(8, "little"), np.uint8)


# What single copies are given, as far as they take parameters.
OWN = {
    "battle": {"attack_penalty": 0.5},
    "minigrid": {"level": "KeyCorridor", "num_rows": 1, "room_size": 3},
    "cartpole": {"gravity": 5},
    "drive": {"scene": 3},
    "foraging": {"task": "Foraging-2s-6x6-2p-1f-coop"},
    "ocean-crafter": {"world": 5},
    "overcooked": {"reward_shaping_factor": 0.5},
    "sokoban": {"level": "#" * 10 + "\\n#@$.    #" + "\\n#        #" * 7 + "\\n" + "#" * 10},
}

for name in sys.argv[1:]:
    print(name, flush=True)
    env = puffer.make(name, 2, render_mode="rgb_array", num_threads=1)
    env.reset(seed=0)
    if name in OWN:
        env.set_next(0, **OWN[name])
        env.reset()
    env.action_space.seed(0)
    good = env.get_state()
    again = good.copy()
    for row in again:
        forge(row)
    assert (again == good).all()
    for trial in range(24):
        rng = np.random.default_rng(trial)
        bad = good.copy()
        for row in bad:
            body = row[HEAD:]
            if trial % 3 == 0:
                body[:] = rng.integers(0, 256, len(body))
            elif trial % 3 == 1:
                body[rng.integers(0, len(body), max(1, len(body) // 20))] = rng.choice([1, 127, 128, 255])
            else:
                words = body[: len(body) // 4 * 4].view(np.int32)
                places = rng.integers(0, len(words), max(1, len(words) // 8))
                words[places] = rng.choice([-1, 255, 10**7, -(10**7), 2**31 - 1, -(2**31)], len(places))
            forge(row)
        env.set_state(bad)
        for _ in range(12):
            env.step(env.action_space.sample())
        env.render()
        env.get_state()
        env.set_state(good)
        assert (env.get_state() == good).all()
    env.close()
"""


def test_forged_snapshots_crash_nothing():
    result = subprocess.run([sys.executable, "-c", FUZZ, *NAMES.split()], capture_output=True, text=True)
    assert result.returncode == 0, f"{result.returncode}\n{result.stdout}{result.stderr}"
