"""Files of what was learned, and the policy in one of them."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

import puffer
from puffer import VectorEnv
from puffer.train.policy import Network
from puffer.train.ppo import PPO, Settings

# Of the form of the files, for those that read them.
_VERSION = 1
# What they have, and of which kind it is.
_PARTS = {"env": str, "options": dict, "spaces": list, "settings": dict, "learner": dict}
_PARTS_OF_LEARNER = {"network": dict, "steps": int}


def save(path: Path, learner: PPO, name: str, options: dict[str, Any]) -> None:
    """Write all that is needed to go on, and to play. A file that was there is replaced as a whole.

    Parameters
    ----------
    path : Path
    learner : PPO
    name : str
        Of the environment, for `puffer.make`.
    options : dict
        The environment's own, of plain values.
    """
    content = {
        "puffer.train": _VERSION,
        "env": name,
        "options": options,
        "spaces": _spaces(learner.env),
        "settings": asdict(learner.settings),
        "learner": learner.state(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{path.name}.writing")
    try:
        torch.save(content, written)
        os.replace(written, path)
    except BaseException:
        # The disk is full, or somebody interrupts.
        written.unlink(missing_ok=True)
        raise


def read(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint.

    Raises FileNotFoundError, and ValueError for a file that is not a sound checkpoint of this version.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    data = io.BytesIO(Path(path).read_bytes())
    try:
        # torch does not compare the checksums of the file.
        is_sound = zipfile.ZipFile(data).testzip() is None
        data.seek(0)
        # Tensors and plain values only: such a file cannot run code.
        content = torch.load(data, map_location="cpu", weights_only=True) if is_sound else None
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError):
        # Not the reason that torch gives: it recommends to load what may run code.
        is_sound = False
    if not is_sound:
        raise ValueError(f"{path} is not a checkpoint of puffer.train, or is damaged")
    if not isinstance(content, dict) or "puffer.train" not in content:
        raise ValueError(f"{path} is not a checkpoint of puffer.train")
    if content["puffer.train"] != _VERSION:
        raise ValueError(
            f"{path} has version {content['puffer.train']} of checkpoints, and this puffer reads {_VERSION}"
        )
    _require_whole(path, content)
    return content


def _require_whole(path: str | Path, content: dict[str, Any]) -> None:
    """Raise ValueError for a checkpoint that lacks something, or has parameters that are not finite."""
    for parts, within in ((_PARTS, content), (_PARTS_OF_LEARNER, content.get("learner"))):
        for part, kind in parts.items():
            if not isinstance(within.get(part), kind):
                raise ValueError(f"{path} is damaged: it has no {part!r}")
    if others := content["settings"].keys() ^ {field.name for field in fields(Settings)}:
        raise ValueError(f"{path} is of a trainer with other settings; they differ in {', '.join(sorted(others))}")
    with _fitting(path):
        is_finite = all(bool(tensor.isfinite().all()) for tensor in content["learner"]["network"].values())
    if not is_finite:
        raise ValueError(f"{path} has parameters that are not finite numbers")


@contextmanager
def _fitting(path: str | Path) -> Iterator[None]:
    """Context for the use of what was learned, in which torch's errors mean that it does not fit the settings."""
    try:
        yield
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: what was learned does not fit its settings") from error


def restore(path: str | Path, content: dict[str, Any], learner: PPO) -> None:
    """Let a learner go on from a checkpoint. Raises ValueError for one of other spaces, or that does not fit."""
    require_same(path, content, learner.env)
    with _fitting(path):
        learner.restore(content["learner"])


def require_same(path: str | Path, content: dict[str, Any], env: VectorEnv) -> None:
    """Raise ValueError unless the checkpoint is of an environment with the spaces of `env`."""
    if content["spaces"] != _spaces(env):
        observations, actions = content["spaces"][:2]
        raise ValueError(
            f"{path} was trained on {content['env']!r}, with observations {observations} and actions {actions}; "
            f"{env!r} has observations {env.layout.space} and actions {env.action_layout.space}"
        )


def _spaces(env: VectorEnv) -> list[str]:
    """What the network depends on."""
    own = "" if env.copy_action_space is None else f"{env.agents_per_env} agents, {env.copy_action_space}"
    return [str(env.layout.space), str(env.action_layout.space), own]


def load(path: str | Path, *, greedy: bool = False, seed: int = 0, device: str = "cpu") -> Policy:
    """The policy of a checkpoint that `python -m puffer.train` has written, for `puffer.evaluate`.

    Parameters
    ----------
    path : str or Path
    greedy : bool
        Whether it plays its most probable action, instead of drawing one.
    seed : int
        Of the draws.
    device : str
        Where it is computed, as torch names it.

    Returns
    -------
    Policy

    Raises FileNotFoundError; ValueError for a file that is not a checkpoint; what `puffer.make` raises if the
    environment cannot be made here.
    """
    content = read(path)
    env = puffer.make(content["env"], 1, **content["options"])
    try:
        require_same(path, content, env)
        settings = Settings(**content["settings"])
        network = Network(env, settings.hidden, settings.layers, settings.lstm)
    finally:
        env.close()
    with _fitting(path):
        network.load_state_dict(content["learner"]["network"])
    return Policy(network.to(device).eval(), path, content, greedy, torch.Generator(device).manual_seed(seed))


class Policy:
    """A trained policy, as `puffer.evaluate` calls it. Made by `load`.

    Attributes
    ----------
    env : str
        The name of the environment that it was trained on.
    options : dict
        Its options.
    """

    def __init__(
        self, network: Network, path: str | Path, content: dict[str, Any], greedy: bool, generator: torch.Generator
    ) -> None:
        self._network, self._path, self._content = network, path, content
        self._greedy, self._generator = greedy, generator
        self.env: str = content["env"]
        self.options: dict[str, Any] = content["options"]

    def require_env(self, env: VectorEnv) -> None:
        """Raise ValueError for a batch that this policy cannot play."""
        require_same(self._path, self._content, env)
        if not env.flat:
            raise ValueError(f"the policy of {self._path} takes flat rows: make {env!r} without flat=False")

    @torch.no_grad()
    def __call__(
        self,
        observations: np.ndarray,
        action_masks: np.ndarray | None = None,
        starts: np.ndarray | None = None,
        state: torch.Tensor | None = None,
    ) -> tuple[np.ndarray, torch.Tensor | None]:
        """The actions of all rows of whole copies, and the state to call it with next.

        Parameters
        ----------
        observations : (rows, ...) array
            Flat.
        action_masks : (rows, choices) bool, optional
        starts : (rows,) bool, optional
            Where an episode begins; nowhere by default, but with the first observations.
        state
            What it returned last, None at first.
        """
        network, device, rows = self._network, self._generator.device, len(observations)
        if network.lstm:
            is_first = state is None
            state = torch.zeros(rows, 2 * network.lstm, device=device) if is_first else state
            starts = np.zeros(rows, np.bool_) if starts is None else starts
        fresh = None if starts is None else torch.from_numpy(np.array(starts, np.bool_)[None]).to(device)
        outputs, _, state = network(torch.from_numpy(np.ascontiguousarray(observations)).to(device), state, fresh)
        masks = None if action_masks is None else torch.from_numpy(action_masks).to(device)
        drawn, _ = network.actions.draw(outputs, network.actions.legal(masks, rows), self._generator, self._greedy)
        return network.actions.rows(drawn), state

    def __repr__(self) -> str:
        return f"<Policy of {self._path}: {self.env!r}, {self._content['learner']['steps']:,} steps>"
