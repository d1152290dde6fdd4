"""A first use of the installed package, in an environment that has nothing else: `python -P .ci/smoke.py`.

Makes every native environment, steps it, draws it and goes back to a snapshot; steps environments of Gymnasium in this
process and in workers; runs the programs. It needs no test runner.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def programs(folder: Path) -> None:
    """The programs that need no extra."""
    for arguments in (["--version"], [], ["check", "catch", "--steps", "50"], ["new", "another_env"]):
        subprocess.run([sys.executable, "-m", "puffer", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    script = Path(sys.executable).parent / "puffer"
    subprocess.run([script, "install", "minigrid", "--dry-run"], check=True, stdout=subprocess.DEVNULL)


def native(name: str) -> None:
    """Steps, a picture, and a snapshot that plays again as before."""
    import puffer

    env = puffer.make(name, 5, num_threads=2, seed=1)
    env.action_space.seed(1)
    env.reset()
    state = env.get_state()
    actions = [env.action_space.sample() for _ in range(30)]
    first = [env.step(action)[:4] for action in actions]
    env.set_state(state)
    for before, action in zip(first, actions, strict=True):
        for one, other in zip(before, env.step(action)[:4], strict=True):
            np.testing.assert_array_equal(one, other, name)
    assert env.render_copy(2).dtype == np.uint8
    env.close()


def python(backend: str) -> None:
    """An environment of Gymnasium, in this process or in two workers."""
    import puffer

    workers = {"num_workers": 2} if backend == "process" else {}
    env = puffer.make("gym-CartPole-v1", 4, backend=backend, **workers)
    env.reset(seed=0)
    for _ in range(50):
        env.step(env.action_space.sample())
    assert env.stats()["episodes"] > 0
    env.close()


def main() -> None:
    start = time.perf_counter()
    import gymnasium  # noqa: F401

    others = time.perf_counter()
    import puffer

    own = time.perf_counter() - others
    names = [name for name in puffer.list_envs() if name.startswith("ocean-")]
    for name in names:
        native(name)
    for backend in ("serial", "process"):
        python(backend)
    from puffer.recording import Replay

    with tempfile.TemporaryDirectory() as folder:
        env = puffer.Recorder(puffer.make("cartpole", 8))
        env.reset(seed=0)
        env.step(env.action_space.sample())
        assert Replay(env.save(f"{folder}/a.puffer")).steps == 1
        programs(Path(folder))
    print(
        f"puffer {puffer.__version__} of {Path(puffer.__file__).parent}: {len(names)} native environments, workers, a "
        f"replay and the programs work; NumPy and Gymnasium took {others - start:.2f} s to import, puffer {own:.2f} s"
    )


if __name__ == "__main__":
    main()
