"""Trains policies, and writes a film of each for the page of its environment.

    python docs/gallery.py            # every environment that the trainer is known to solve
    python docs/gallery.py catch pong

The settings are those in `puffer/train/settings.toml`. Checkpoints are kept in build/gallery: an environment that has
one is not trained again. A film shows one copy from its first step, one episode after the other.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
from generate import FOLDER, file_name, film_name, trained_names
from PIL import Image

import puffer
from puffer.evaluation.policies import Player
from puffer.pictures import captioned, enlarged
from puffer.recording.film import Film
from puffer.train import load
from puffer.train.program import main as train
from puffer.train.stored import stored

CHECKPOINTS = Path(__file__).parents[1] / "build" / "gallery"
# Of a film: its pictures, those per second, and bounds of the pixels of a picture's longer side.
PICTURES, FPS, LEAST, MOST = 75, 10, 160, 300
# Steps from one picture to the next, where each moves something by little.
EVERY = {"acrobot": 2, "cartpole": 3, "mountain_car": 2, "pendulum": 3, "pong": 3}
SEED = 0


class UnsolvedError(Exception):
    """A training ended before it returned what the settings ask for."""


def checkpoint(name: str) -> Path:
    """The checkpoint of an environment, which is trained if there is none.

    Raises UnsolvedError if the training does not come to what is asked for, and KeyboardInterrupt if somebody ends it.
    """
    folder = CHECKPOINTS / name
    if not folder.exists():
        # It gets its name when it is done. What an interrupted training leaves is not played.
        begun, solved = folder.with_name(f"{name}.part"), stored(name).solved
        shutil.rmtree(begun, ignore_errors=True)
        if train([name, "--until-return", str(solved), "--out", str(begun)]):
            raise KeyboardInterrupt
        with (begun / "curves.csv").open(newline="") as curves:
            *_, last = csv.DictReader(curves)
        if float(last["episode_return"]) < solved:
            raise UnsolvedError(f"{name} returned {last['episode_return']}, not {solved:g}; see {begun}")
        begun.rename(folder)
    return folder / "checkpoint.pt"


def write_film(name: str, file: Path) -> Path:
    """Write what the policy of a checkpoint plays; returns the file."""
    policy, path, every = load(file, seed=SEED), FOLDER / film_name(name), EVERY.get(name, 1)
    options = {"num_threads": 1, "autoreset_mode": "Disabled", **policy.options}
    with closing(puffer.make(name, 1, **options)) as env, Film(path, FPS) as film:
        player, step, returns = Player(env, policy), 0, np.zeros(env.num_envs)
        starts = np.ones(env.num_envs, bool)
        observations, _ = env.reset(seed=SEED)
        while film.pictures < PICTURES:
            # An episode's last picture is always shown.
            if step % every == 0 or starts.any():
                word = "return" if len(returns) == 1 else "mean return"
                film.add(captioned(sized(env.unwrapped.render_copy()), [f"{word} {returns.mean():.4g}"]))
            if step and starts.any():
                observations, _ = env.reset(options={"reset_mask": starts})
                returns[starts] = 0
            observations, rewards, terminations, truncations, _ = env.step(player.act(observations, starts))
            starts, step = terminations | truncations, step + 1
            if not env.independent_agents:
                starts[:] = starts.any()
            returns += rewards
    return path


def sized(picture: np.ndarray) -> np.ndarray:
    """The picture with a longer side of at least `LEAST` pixels and at most `MOST`, in 16 shades of each colour."""
    times = -(-max(picture.shape[:2]) // MOST)
    # Without the many shades of smoothed edges a film takes half of the bytes.
    return enlarged(np.asarray(Image.fromarray(picture).reduce(times)) // 17 * 17, LEAST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all of them")
    given = parser.parse_args()
    known = [file_name(name) for name in trained_names()]
    if unknown := set(given.names) - set(known):
        parser.error(f"no return is known to solve {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    unsolved = []
    for name in given.names or known:
        try:
            path = write_film(name, checkpoint(name))
        except UnsolvedError as error:
            unsolved.append(str(error))
        else:
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)
    if unsolved:
        sys.exit("\n".join(unsolved))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
