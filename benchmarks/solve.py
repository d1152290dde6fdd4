"""How long `puffer.train` takes to solve environments: the steps, and the seconds with everything in them.

An environment is solved when the last episodes returned on average what `puffer/train/settings.toml` asks for. Each is
trained with each seed, in a process of its own, on one thread.
"""

import argparse
import json
import subprocess
import sys
from statistics import median

from puffer.measuring.tables import console, digits, new_table, rate
from puffer.train.stored import entries, settings_of, stored

# Trains, and prints how it went as JSON.
_TRAINING = """
import json, sys, time
begun = time.perf_counter()
import torch
import puffer
from puffer.train import PPO
from puffer.train.stored import settings_of, stored
name, seed, seconds, options = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), json.loads(sys.argv[4])
torch.set_num_threads(1)
settings, solved = settings_of(name, {}), stored(name).solved
env = puffer.make(name, settings.num_envs, **{**stored(name).options, **options})
ready = time.perf_counter()
learner, best = PPO(env, settings, seed=seed), float("-inf")
for progress in learner.iterations():
    is_solved = progress.episodes >= learner.recent.maxlen and progress.episode_return >= solved
    if is_solved or progress.steps >= settings.steps or time.perf_counter() - ready > seconds:
        break
print(json.dumps({
    "solved": is_solved, "steps": progress.steps, "return": progress.episode_return, "start": ready - begun,
    "seconds": time.perf_counter() - ready, "rate": progress.steps / progress.seconds,
    **{share: getattr(progress, share) for share in ("env", "policy", "learning")},
}))
env.close()
"""


def trained(name, seed, seconds, options):
    """What one training came to."""
    command = [sys.executable, "-c", _TRAINING, name, str(seed), str(seconds), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all that have settings")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each (default: 3)")
    parser.add_argument("--seconds", type=float, default=300, help="the most for one training (default: 300)")
    given = parser.parse_args()
    known = [name for name in entries() if stored(name).solved is not None]
    if unknown := set(given.names) - set(known):
        parser.error(f"there is no return to reach for {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    table = new_table()
    for title in (
        "environment",
        "solved at",
        "solved",
        "steps",
        "seconds",
        "return",
        "steps/s",
        "env",
        "policy",
        "learn",
    ):
        table.add_column(title, justify="left" if title == "environment" else "right")
    for name in given.names or known:
        # Environments in Python are stepped in this process: so a seed repeats a training.
        options = {"num_threads": 1} if not name.startswith("gym-") else {"backend": "serial"}
        runs = [trained(name, seed, given.seconds, options) for seed in range(1, given.seeds + 1)]
        print(json.dumps({"env": name, "steps planned": settings_of(name, {}).steps, "runs": runs}), file=sys.stderr)
        middle = {key: median(run[key] for run in runs) for key in runs[0]}
        table.add_row(
            name,
            f"{stored(name).solved:g}",
            f"{sum(run['solved'] for run in runs)} of {len(runs)}",
            f"{middle['steps']:,.0f}",
            digits(middle["seconds"]),
            f"{middle['return']:.4g}",
            rate(middle["rate"]),
            *(f"{100 * middle[share]:.0f} %" for share in ("env", "policy", "learning")),
        )
    console().print(table)


if __name__ == "__main__":
    main()
