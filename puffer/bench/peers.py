"""The systems that puffer is compared with, and the processes they run in."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer.bench import contenders
from puffer.bench.plan import Case

# After this many seconds without an answer, a peer counts as hung.
_PATIENCE = 180.0

_CLASSIC = {
    "ocean-acrobot": "Acrobot-v1",
    "ocean-blackjack": "Blackjack-v1",
    "ocean-cartpole": "CartPole-v1",
    "ocean-cliff_walking": "CliffWalking-v1",
    "ocean-frozen_lake": "FrozenLake-v1",
    "ocean-mountain_car": "MountainCar-v0",
    "ocean-mountain_car_continuous": "MountainCarContinuous-v0",
    "ocean-pendulum": "Pendulum-v1",
    "ocean-taxi": "Taxi-v3",
}
# The default level of ocean-minigrid is DoorKey of 8 x 8.
_ENVPOOL = {**_CLASSIC, "ocean-catch": "Catch-v0", "ocean-minigrid": "MiniGrid-DoorKey-8x8-v0"}
_OCEAN = ("breakout", "cartpole", "connect4", "enduro", "freeway", "pong", "snake", "squared", "tetris")


@dataclass(frozen=True)
class Peer:
    """Another system.

    Attributes
    ----------
    name : str
    pip : str
        The arguments of the `pip install` that installs it.
    system : str
        Its key in `contenders.SYSTEMS`.
    games : mapping of str to str
        Its names of environments, by ours. Both are the same game with the same kind of observation.
    settings : mapping
        Further entries of the spec.
    follows_gym : bool
        Whether it has all of Gymnasium's environments, which are our `gym-<id>`.
    most_copies : int
        The largest number of copies that it is measured with.
    agents : mapping of str to int
        Agents of one copy, by its name of the environment, where they differ from ours. It gets as many rows as we have
        then, instead of as many copies.
    process_per_thread_count : bool
        Whether a process cannot change its number of threads.
    """

    name: str
    pip: str
    system: str
    games: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    follows_gym: bool = False
    most_copies: int = sys.maxsize
    agents: Mapping[str, int] = field(default_factory=dict)
    process_per_thread_count: bool = False

    def spec(self, case: Case, rows: int) -> contenders.Spec | None:
        """The spec to run against `case`, which has `rows` rows; None if this system has no such environment."""
        game = self.games.get(case.env)
        settings = dict(self.settings)
        if game is None and self.follows_gym and case.env.startswith("gym-"):
            game = case.env.removeprefix("gym-")
            # puffer steps Gymnasium's own Python objects there, so the peer does too.
            settings["mode"] = settings["mode"].replace("vector_entry_point", "sync")
        if self.system == "puffer":
            game = case.env
        if game is None:
            return None
        copies = max(1, rows // self.agents[game]) if game in self.agents else case.copies
        return {"system": self.system, "id": game, "num_envs": copies, "num_threads": case.threads, **settings}


PEERS = {
    peer.name: peer
    for peer in (
        Peer("gymnasium", "gymnasium", "gymnasium", _CLASSIC, {"mode": "vector_entry_point"}, follows_gym=True),
        # Every copy is a process.
        Peer("gymnasium-async", "gymnasium", "gymnasium", {}, {"mode": "async"}, follows_gym=True, most_copies=64),
        Peer("envpool", "envpool", "envpool", _ENVPOOL),
        Peer("pufferlib", "pufferlib", "pufferlib", {f"ocean-{name}": name for name in _OCEAN}, agents={"snake": 256}),
        Peer(
            "gymnax",
            "gymnax jax",
            "gymnax",
            {
                name: _CLASSIC[name]
                for name in ("ocean-acrobot", "ocean-cartpole", "ocean-mountain_car", "ocean-pendulum")
            }
            | {"ocean-catch": "Catch-bsuite"},
            process_per_thread_count=True,
        ),
        # puffer in another process: a ratio other than 1 is the error of the method.
        Peer("puffer", "puffer-envs", "puffer", {}, {"reads": True}),
    )
}
DEFAULT_PEERS = ("gymnasium", "envpool")


class PeerError(Exception):
    """The peer called `name` cannot run an environment.

    Attributes
    ----------
    name : str
    missing : bool
        Whether its package is not installed.
    """

    def __init__(self, name: str, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.name = name
        self.missing = missing


class Process:
    """A process that runs the program of `contenders` for a peer. After `make`, it is used like a `Contender`."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        self.rows = 0
        # Some packages write files into the current folder, so the process gets one of its own.
        self._folder = tempfile.TemporaryDirectory(prefix="puffer-bench-")
        self._log = Path(self._folder.name, "log")
        environment = dict(os.environ)
        if name == "puffer":
            environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, contenders.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._folder.name,
                env=environment,
                bufsize=0,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def make(self, spec: contenders.Spec) -> str:
        """Make an environment, and drop the previous one; returns the version of the system."""
        answer = self._ask({"make": spec})
        self.rows = answer["rows"]
        return answer["version"]

    def run(self, steps: int) -> float:
        return self._ask({"run": steps})["seconds"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise self._ended() from None
        answer = json.loads(self._read_line())
        if "error" in answer:
            raise PeerError(self.name, answer["error"], answer["missing"])
        return answer

    def _read_line(self) -> bytes:
        line, deadline = b"", time.monotonic() + _PATIENCE
        while not line.endswith(b"\n"):
            if not select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self._process.kill()
                raise PeerError(self.name, f"it did not answer for {_PATIENCE:.0f} seconds")
            part = os.read(self._answers.fileno(), 65536)
            if not part:
                raise self._ended()
            line += part
        return line

    def _ended(self) -> PeerError:
        status = self._process.wait()
        lines = self._log.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        return PeerError(self.name, f"its process ended with status {status}: {last}")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._answers.close()
        self._folder.cleanup()


class Peers:
    """The chosen peers, each in a process that lives until `close`, with remarks about them.

    Parameters
    ----------
    chosen : mapping of str to str
        The Python interpreter of each peer, by its name.

    Attributes
    ----------
    versions : dict of str to str
        The versions of the systems that have run, by `Peer.system`.
    absent : dict of str to str
        For peers that are not installed, the command that installs them, by name.
    without : dict of str to list of str
        Our environments that a peer does not have, by its name.
    troubles : dict of (str, str) to str
        Other failures, by the names of the peer and of our environment.
    """

    def __init__(self, chosen: Mapping[str, str]) -> None:
        self.chosen = chosen
        self.versions: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        self.troubles: dict[tuple[str, str], str] = {}
        self.without: dict[str, list[str]] = {}
        self._processes: dict[tuple[str, int], Process] = {}

    def opponents(self, case: Case, rows: int) -> dict[str, Process]:
        """The peers that can run against `case`, which has `rows` rows, by name; each is ready to run."""
        ready = {}
        for name in self.chosen:
            if name in self.absent or (name, case.env) in self.troubles:
                continue
            process = self._ready(PEERS[name], case, rows)
            if process is not None:
                ready[name] = process
        return ready

    def _ready(self, peer: Peer, case: Case, rows: int) -> Process | None:
        spec = peer.spec(case, rows)
        if spec is None:
            envs = self.without.setdefault(peer.name, [])
            if case.env not in envs:
                envs.append(case.env)
            return None
        if case.copies > peer.most_copies:
            self.troubles[peer.name, case.env] = (
                f"only measured with up to {peer.most_copies} copies, since each is a process"
            )
            return None
        key = (peer.name, case.threads if peer.process_per_thread_count else 0)
        try:
            if key not in self._processes:
                self._processes[key] = Process(peer.name, self.chosen[peer.name])
            self.versions[peer.system] = self._processes[key].make(spec)
        except (PeerError, OSError) as error:
            self.failed(peer.name, case, error)
            return None
        return self._processes[key]

    def failed(self, name: str, case: Case, error: Exception) -> None:
        """Record that a peer cannot run, and end its process."""
        if getattr(error, "missing", False):
            self.absent[name] = f"pip install {PEERS[name].pip}"
        else:
            self.troubles[name, case.env] = str(error)
        for key in [key for key in self._processes if key[0] == name]:
            self._processes.pop(key).close()

    def close(self) -> None:
        """End all processes."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()
