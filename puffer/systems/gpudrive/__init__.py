"""GPUDrive, a driving simulator on the Madrona engine (Kazemkhani et al. 2025; MIT), by its module madrona_gpudrive.

`puffer.make("gpudrive", num_envs=2, scenes=["scene.json"])` makes worlds from scenes, files of the simulator's own
format. Every world has 64 agents: the row of agent a in world w is w * 64 + a. Agents that can be controlled take part
until they reach their goal, or crash, unless collisions are ignored. The others follow the recording, and their rows
are zero. Everything is deterministic, so seeds have no effect.

The simulator ends an agent that has crashed one step later, when it has already moved it 15 km away. Here the agent is
terminated in the step of the crash, with the reward and the observation of that step. An agent that a scene puts into a
crash from the beginning does not take part. The simulator ends the process at a malformed scene, so each scene is read
first; it keeps about 30 MB for a world that is closed, and a reset of one world costs as much as a step of all.

The module must be built by hand, from https://github.com/Emerge-Lab/gpudrive; no package index has it. An older module
called gpudrive works too. Worlds live on the CPU, in threads of the simulator, whose number cannot be chosen. If the
observation is a single tensor of the simulator, the batch uses its memory. So it does for actions with all ten numbers.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.backends.system import SystemCreator, SystemStepper
from puffer.layout.observation import Layout
from puffer.native.buffers import Buffers
from puffer.ocean.drive._recordings import checked_scenes
from puffer.systems.family import Family
from puffer.systems.quiet import silent_process
from puffer.systems.requirements import require

_MODULES = ("madrona_gpudrive", "gpudrive")
_TENSORS = {
    "self": "self_observation_tensor",
    "partners": "partner_observations_tensor",
    "road": "agent_roadmap_tensor",
}
_INFOS = ("collided_with_road", "collided_with_vehicle", "collided_with_non_vehicle", "reached_goal")
_COLLISIONS = 3
# The arguments that set attributes of the simulator's Parameters, and the enumerations that their values name.
_ARGUMENTS = {
    "collisionBehaviour": ("collisions", "CollisionBehaviour"),
    "dynamicsModel": ("dynamics", "DynamicsModel"),
    "observationRadius": ("observation_radius", None),
}
# Of a float32.
_LARGEST = 3.4028234663852886e38


def creator(name: str, arguments: dict[str, Any]) -> SystemCreator:
    """The creator of batches. Raises ImportError without the simulator, TypeError for arguments unknown or missing."""
    require("gpudrive")
    checks.arguments("gpudrive", arguments, GPUDriveBatch)
    if "scenes" not in arguments:
        raise TypeError("gpudrive needs scenes=[...], the paths of one or more scenes")
    return SystemCreator(GPUDriveBatch, _resolved(arguments))


FAMILY = Family(creator=creator)


class GPUDriveBatch(SystemStepper):
    """Worlds in one simulator.

    The observation is a Dict of the simulator's float32 tensors for an agent: `self`, about itself; `partners`, one row
    for each of the 63 others; `road`, one for each of the 200 nearest points of the map. Widths and meaning are those
    of the version that was built. If `observations` names one of them only, the observation is that Box.

    Actions are float32 (3,): acceleration, steering and angle of the head, or the three numbers of other dynamics; in
    the dynamics "State" they are float32 (10,), all numbers of the simulator. An agent that reaches its goal or crashes
    is terminated, and one whose time is up is truncated. The infos are collided_with_road, collided_with_vehicle,
    collided_with_non_vehicle and reached_goal.

    Parameters
    ----------
    scenes : sequence of paths
        The scenes, which the worlds take in turn.
    observations : sequence of "self", "partners", "road"
    dynamics : "Classic", "InvertibleBicycle", "DeltaLocal" or "State"
    collisions : "AgentStop", "AgentRemoved" or "Ignore"
        With "Ignore" agents that have collided drive on. With the others they are out, and the simulator takes them off
        the road.
    reward : "OnGoalAchieved" or "DistanceBased"
    goal_radius, observation_radius : float
        In metres.
    parameters : mapping, optional
        Further attributes of the simulator's `Parameters`, by name. Attributes that an argument sets may be given here
        instead of the argument.
    device : "cpu"
        No other device is supported.

    Raises TypeError and ValueError for bad arguments.
    """

    def __init__(
        self,
        copies: range,
        num_threads: int,
        autoreset_mode: AutoresetMode,
        /,
        *,
        scenes: Sequence[str],
        observations: Sequence[str] = ("self", "partners", "road"),
        dynamics: str = "Classic",
        collisions: str = "AgentStop",
        reward: str = "OnGoalAchieved",
        goal_radius: float = 2.0,
        observation_radius: float = 50.0,
        parameters: Mapping[str, Any] | None = None,
        device: str = "cpu",
    ) -> None:
        checks.choice("device", device, ("cpu",))
        files = checked_scenes(scenes)
        self._kinds = _kinds(observations)
        module = _simulator()
        settings = module.Parameters()
        rewards = module.RewardParams()
        rewards.rewardType = _member(module.RewardType, "reward", reward, ("OnGoalAchieved", "DistanceBased"))
        rewards.distanceToGoalThreshold = checks.number("goal_radius", goal_radius, 0, 1e6)
        rewards.distanceToExpertThreshold = 0.0
        settings.rewardParams = rewards
        settings.polylineReductionThreshold = 0.1
        settings.observationRadius = checks.number("observation_radius", observation_radius, 0, 1e6)
        behaviours = ("AgentStop", "AgentRemoved", "Ignore")
        settings.collisionBehaviour = _member(module.CollisionBehaviour, "collisions", collisions, behaviours)
        models = ("Classic", "InvertibleBicycle", "DeltaLocal", "State")
        settings.dynamicsModel = _member(module.DynamicsModel, "dynamics", dynamics, models)
        settings.maxNumControlledAgents = module.kMaxAgentCount
        for name, value in (parameters or {}).items():
            _set_parameter(settings, name, value)
        self._crashes_end = settings.collisionBehaviour != module.CollisionBehaviour.Ignore
        chosen = [files[copy % len(files)] for copy in copies]
        with silent_process():
            self._manager = module.SimManager(module.madrona.ExecMode.CPU, 0, chosen, settings)
        self._read_tensors(module.kMaxAgentCount, dynamics == "State")
        for scene, has_agents in zip(chosen, np.logical_or.reduce(self._can_play(), axis=1), strict=True):
            if not has_agents:
                raise ValueError(f"scenes has {scene}, in which no agent can be controlled")

    def _can_play(self) -> np.ndarray:
        """Which agents, (worlds, agents), can be controlled and have not crashed."""
        return (self._controlled != 0) & ~self._has_crashed()

    def _has_crashed(self) -> np.ndarray:
        """Which agents, (worlds, agents), have collided in a way that ends them."""
        return (self._info[..., :_COLLISIONS] != 0).any(axis=2) & self._crashes_end

    def _read_tensors(self, agents: int, whole_actions: bool) -> None:
        """Take the arrays of the simulator, and make the spaces from them."""
        tensors = {kind: self._tensor(name) for kind, name in _TENSORS.items() if kind in self._kinds}
        self._actions = self._tensor("action_tensor")
        self._rewards = self._tensor("reward_tensor")[..., 0]
        self._done = self._tensor("done_tensor")[..., 0]
        self._remaining = self._tensor("steps_remaining_tensor")[..., 0]
        self._controlled = self._tensor("controlled_state_tensor")[..., 0]
        self._info = self._tensor("info_tensor")
        self._playing = np.zeros(self._done.shape, np.bool_)
        self.agents_per_env = agents
        rows = self._done.size
        self._tensors = {kind: tensor.reshape(rows, *tensor.shape[2:]) for kind, tensor in tensors.items()}
        boxes: dict[str, spaces.Space] = {
            kind: spaces.Box(-np.inf, np.inf, array.shape[1:]) for kind, array in self._tensors.items()
        }
        memory = {}
        if len(boxes) == 1:
            (self.observation_space,) = boxes.values()
            (memory["observations"],) = self._tensors.values()
        else:
            self.observation_space = spaces.Dict(boxes)
        width = self._actions.shape[2] if whole_actions else 3
        if whole_actions:
            memory["actions"] = self._actions.reshape(rows, width)
        self.action_space = spaces.Box(-np.inf, np.inf, (width,))
        self.memory = memory

    def _tensor(self, name: str) -> np.ndarray:
        return np.asarray(_Owned(getattr(self._manager, name)().to_torch().numpy(), self._manager))

    def attach(self, buffers: Buffers, waiting: np.ndarray) -> None:
        super().attach(buffers, waiting)
        view = Layout(self.observation_space).view(buffers.observations)
        self._views = view if isinstance(view, dict) else {self._kinds[0]: view}

    def reset_copies(self, seeds: list[int | None], copies: list[int]) -> dict[str, np.ndarray]:
        self._manager.reset(copies)
        self._playing[copies] = self._can_play()[copies]
        chosen = np.zeros(self._playing.shape, np.bool_)
        chosen[copies] = True
        self.buffers.masks[chosen.ravel()] = self._playing[copies].ravel()
        self._write(chosen.ravel())
        return self._infos()

    def _write(self, rows: np.ndarray) -> None:
        """Copy the observations of these rows, unless they are the simulator's own memory."""
        for kind, view in self._views.items():
            if not np.may_share_memory(view, self._tensors[kind]):
                np.copyto(view, self._tensors[kind], where=rows.reshape(-1, *[1] * (view.ndim - 1)))
        self.buffers.observations[~self.buffers.masks] = 0

    def end_step(self, finals: np.ndarray) -> dict[str, np.ndarray]:
        buffers, took_part = self.buffers, self._playing.copy()
        # The simulator would read beyond the end of the recording. Agents that are not there have no steps left.
        late_worlds = np.flatnonzero(self.waiting & (np.maximum.reduce(self._remaining, axis=1) == 0)).tolist()
        if late_worlds:
            self._manager.reset(late_worlds)
        width = buffers.actions.shape[1]
        if not np.may_share_memory(buffers.actions, self._actions):
            self._actions[..., :width] = buffers.actions.reshape(*self._done.shape, width)
        self._manager.step()
        crashed = self._has_crashed()
        ended = took_part & ((self._done != 0) | crashed)
        late = ended & ~crashed & (self._remaining == 0) & (self._info[..., _INFOS.index("reached_goal")] == 0)
        buffers.rewards[:] = np.where(took_part, self._rewards, 0).ravel()
        buffers.terminations[:] = (ended & ~late).ravel()
        buffers.truncations[:] = late.ravel()
        buffers.masks[:] = took_part.ravel()
        self._playing &= ~ended
        self._write(buffers.masks)
        return self._infos()

    def _infos(self) -> dict[str, np.ndarray]:
        info = self._info.reshape(len(self.buffers.rewards), -1)
        return {name: info[:, column] != 0 for column, name in enumerate(_INFOS)}

    def close(self) -> None:
        # The simulator is freed with the last array over its memory.
        self.__dict__.pop("_manager", None)


class _Owned:
    """Memory of the simulator. An array over it keeps the simulator alive."""

    def __init__(self, array: np.ndarray, owner: Any) -> None:
        self.__array_interface__ = array.__array_interface__
        self._owner = array, owner


def _simulator() -> ModuleType:
    """The simulator's module. Raises ImportError if packages of that name do not have the simulator."""
    for name in _MODULES:
        if find_spec(name) is not None:
            module = importlib.import_module(name)
            if hasattr(module, "SimManager"):
                return module
    raise ImportError("gpudrive needs madrona_gpudrive with its SimManager, which must be built by hand")


def _kinds(observations: Any) -> list[str]:
    """The parts of an observation. Raises TypeError or ValueError."""
    if isinstance(observations, str) or not isinstance(observations, Sequence):
        raise TypeError(f"observations must be a sequence of {', '.join(map(repr, _TENSORS))}, got {observations!r}")
    if not observations:
        raise ValueError(f"observations must have at least one of {', '.join(map(repr, _TENSORS))}, got none")
    return [checks.choice(f"observations[{k}]", kind, _TENSORS) for k, kind in enumerate(observations)]


def _member(enumeration: Any, argument: str, name: Any, names: Sequence[str]) -> Any:
    """The member of one of the simulator's enumerations. Raises ValueError."""
    return getattr(enumeration, checks.choice(argument, name, [one for one in names if hasattr(enumeration, one)]))


# ---- Parameters ----


def _resolved(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with those parameters that an argument sets among them.

    Raises TypeError for parameters that are not a mapping, and ValueError for one that contradicts an argument.
    """
    parameters = arguments.get("parameters")
    if parameters is None:
        return dict(arguments)
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters must be a mapping of names to values, got {parameters!r}")
    result, others = dict(arguments), dict(parameters)
    if "rewardParams" in others:
        raise ValueError("parameters has 'rewardParams', which the arguments reward and goal_radius set")
    for name in others.keys() & _ARGUMENTS.keys():
        argument, enumeration = _ARGUMENTS[name]
        value = others.pop(name)
        if enumeration is None:
            value = checks.number(f"parameters[{name!r}]", value, 0, 1e6)
        else:
            value = _name_of(getattr(_simulator(), enumeration), name, value)
        if argument in arguments and arguments[argument] != value:
            raise ValueError(
                f"parameters has {name!r}: {value!r}, and {argument} = {arguments[argument]!r} says otherwise: give one"
            )
        result[argument] = value
    return {**result, "parameters": others}


def _name_of(enumeration: Any, parameter: str, value: Any) -> str:
    """The name of a member of one of the simulator's enumerations. Raises TypeError."""
    for name in dir(enumeration):
        if not name.startswith("_") and isinstance(value, enumeration) and getattr(enumeration, name) == value:
            return name
    raise TypeError(f"parameters[{parameter!r}] must be a {enumeration.__name__} of the simulator, got {value!r}")


def _set_parameter(settings: Any, name: Any, value: Any) -> None:
    """Set an attribute of the simulator's Parameters. Raises TypeError for a wrong type, ValueError for no such one."""
    if not isinstance(name, str) or name.startswith("_") or not (hasattr(settings, name) or name in dir(settings)):
        raise ValueError(f"parameters has {name!r}, which is not an attribute of the simulator's Parameters")
    label = f"parameters[{name!r}]"
    now = getattr(settings, name, None)
    if isinstance(now, bool):
        value = checks.boolean(label, value)
    elif isinstance(now, int):
        value = checks.integer(label, value, -(2**31), 2**32 - 1)
    elif isinstance(now, float):
        value = checks.number(label, value, -_LARGEST, _LARGEST)
    elif now is not None and not isinstance(value, type(now)):
        raise TypeError(f"{label} must be a {type(now).__name__}, got {value!r} of type {type(value).__name__}")
    try:
        setattr(settings, name, value)
    except (TypeError, AttributeError) as error:
        raise TypeError(f"{label} cannot be {value!r}: {error}") from None
