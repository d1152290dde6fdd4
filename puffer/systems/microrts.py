"""MicroRTS, a small real-time strategy game, from the package gym-microrts (Huang et al. 2021; GPL-3.0).

`puffer.make("microrts", num_envs=8, opponent="workerRushAI")` plays against one of the package's bots. With
`self_play=True` a copy has two agents, the two players. The game runs in a Java virtual machine in this process, where
the package's shared-memory client steps all copies in one call and reads and writes the rows of the batch itself. The
machine starts with the first batch and runs until the process ends; later batches use it too. A program that needs a
machine with other options starts it first.

Maps and games have no random numbers, so seeds have no effect. A game is reproducible if the opponent is: passiveAI,
workerRushAI, lightRushAI, the four whose names begin with PO, and self-play. Games against the other bots are not:
randomAI, randomBiasedAI and coacAI draw random numbers that cannot be seeded, and the rest think for a time that they
measure by the clock.

Copies are stepped one after the other in the calling thread, because copies of the game share some of its variables.
"""

from __future__ import annotations

import difflib
import xml.etree.ElementTree
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.backends.system import SystemCreator, SystemStepper
from puffer.layout.observation import Layout
from puffer.native.buffers import Buffers
from puffer.rendering import Rendering
from puffer.systems.family import Family
from puffer.systems.requirements import folders, require

# The package's names of its bots, and their classes.
_BOTS = {
    "POHeavyRush": "ai.abstraction.partialobservability.POHeavyRush",
    "POLightRush": "ai.abstraction.partialobservability.POLightRush",
    "PORangedRush": "ai.abstraction.partialobservability.PORangedRush",
    "POWorkerRush": "ai.abstraction.partialobservability.POWorkerRush",
    "coacAI": "ai.coac.CoacAI",
    "droplet": "GNS.Droplet",
    "guidedRojoA3N": "ai.competition.GRojoA3N.GuidedRojoA3N",
    "izanagi": "ai.competition.IzanagiBot.Izanagi",
    "lightRushAI": "ai.abstraction.LightRush",
    "mayari": "mayariBot.mayari",
    "mixedBot": "ai.JZ.MixedBot",
    "naiveMCTSAI": "ai.mcts.naivemcts.NaiveMCTS",
    "passiveAI": "ai.PassiveAI",
    "randomAI": "ai.RandomBiasedSingleUnitAI",
    "randomBiasedAI": "ai.RandomBiasedAI",
    "rojo": "ai.competition.rojobot.Rojo",
    "tiamat": "ai.competition.tiamat.Tiamat",
    "workerRushAI": "ai.abstraction.WorkerRush",
}
_WITHOUT_TABLE = ("passiveAI", "randomAI", "randomBiasedAI")

# The rewards, in the package's order.
_REWARDS = ("WinLoss", "ResourceGather", "ProduceWorker", "ProduceBuilding", "Attack", "ProduceCombatUnit")
# The client begins the next game as soon as the first of its rewards is done, so one that is never done comes first.
_OWN_ORDER = (*_REWARDS[2:], *_REWARDS[:2])
_FOREVER = 2**31 - 1

_PLANES = 27
_PARTS = (6, 4, 4, 4, 4, 7, 49)
_FRAME = 640


def creator(name: str, arguments: dict[str, Any]) -> SystemCreator:
    """The creator of batches.

    Raises ImportError without gym-microrts or Java, TypeError for an unknown argument, ValueError for an unknown render
    mode.
    """
    require("microrts")
    checks.arguments("microrts", arguments, MicroRTSBatch)
    checks.render_mode(arguments.get("render_mode"), MicroRTSBatch.render_modes)
    return SystemCreator(MicroRTSBatch, arguments)


FAMILY = Family(creator=creator)


class MicroRTSBatch(SystemStepper):
    """Games on one map.

    The observation is int32 (height, width, 27), zeros and ones: for each cell the hit points (5 planes), resources
    (5), owner (3), type of unit (8) and its present action (6). An action is MultiDiscrete, seven numbers for each
    cell: the type of action, the directions to move, to harvest, to return and to produce in, the type of unit to
    produce, and the cell to attack. Numbers of a cell are ignored unless the player has a free unit there.

    `info["action_mask"]`, int32 (height * width, 78), has ones for the numbers of a cell that are legal now. Like the
    observations it is memory that the game writes to, and the next step overwrites it. `info["raw_rewards"]` has the
    six rewards before they are weighted and added. An episode terminates when a player has lost all units, and its last
    observation shows the game as it ended.

    Parameters
    ----------
    opponent : str or sequence of str
        The bot of every copy, or bots that the copies take in turn.
    map : str
        A file of the package, where folders and ".xml" may be left out, or the path of another file.
    self_play : bool
        Whether a copy has two agents, and no bot.
    max_steps : int
        Steps after which an episode is truncated, at least 1.
    reward_weights : sequence of 6 numbers
        The weights of victory (1, or -1), gathering, producing workers, producing buildings, attacking, and producing
        fighting units.
    action_mask : bool
        Whether the observation is a Dict of `planes` and `action_mask`, both int32.
    partial_obs : bool
        Whether cells that the player's units do not see are hidden.
    render_mode : "rgb_array", optional

    Raises TypeError and ValueError for bad arguments.
    """

    render_modes = ("rgb_array",)

    def __init__(
        self,
        copies: range,
        num_threads: int,
        autoreset_mode: AutoresetMode,
        /,
        *,
        opponent: str | Sequence[str] = "coacAI",
        map: str = "maps/16x16/basesWorkers16x16.xml",
        self_play: bool = False,
        max_steps: int = 2000,
        reward_weights: Sequence[float] = (10.0, 1.0, 1.0, 0.2, 1.0, 4.0),
        action_mask: bool = False,
        partial_obs: bool = False,
        render_mode: str | None = None,
    ) -> None:
        bots = _bots(opponent)
        self._bots = [bots[copy % len(bots)] for copy in copies]
        self._map = _map_file(map)
        self._self_play = checks.boolean("self_play", self_play)
        self._weights = _weights(reward_weights)
        self._has_mask = checks.boolean("action_mask", action_mask)
        self._partial_obs = checks.boolean("partial_obs", partial_obs)
        self._steps_all = autoreset_mode is AutoresetMode.NEXT_STEP
        self.max_steps = checks.integer("max_steps", max_steps, 1)
        self.agents_per_env = 2 if self._self_play else 1
        self.rendering = Rendering(self.render_modes, "rgb_array" if render_mode else None, 30)
        size = _size(self._map)
        cells = size[0] * size[1]
        planes = spaces.Box(0, 1, (*size, _PLANES), np.int32)
        mask = spaces.Box(0, 1, (cells, sum(_PARTS)), np.int32)
        self.observation_space = spaces.Dict({"planes": planes, "action_mask": mask}) if action_mask else planes
        self.action_space = spaces.MultiDiscrete(np.tile(np.array(_PARTS), cells), np.int32)
        self._mask_shape = mask.shape
        self._planes_shape = planes.shape

    def attach(self, buffers: Buffers, waiting: np.ndarray) -> None:
        super().attach(buffers, waiting)
        rows = len(buffers.rewards)
        self._mask = np.zeros((rows, *self._mask_shape), np.int32)
        # The client writes into the rows themselves if they hold nothing but its planes.
        self._planes = np.zeros((rows, *self._planes_shape), np.int32) if self._has_mask else buffers.observations
        self._views = Layout(self.observation_space).view(buffers.observations)
        self._client = self._make_client()
        clients = self._client.selfPlayClients if self._self_play else self._client.clients
        self._clients = list(clients)
        self._no_player = _java().JArray(_java().JInt)([0] * rows)
        # The client returns the same arrays every time.
        answer = self._client.reset(self._no_player)
        self._answered_rewards, self._answered_done = answer.reward, answer.done

    def _make_client(self) -> Any:
        java = _java()
        table = java.JClass("rts.units.UnitTypeTable")()
        kind = java.JClass("ai.rewardfunction.RewardFunctionInterface")
        rewards = [java.JClass(f"ai.rewardfunction.{name}RewardFunction")() for name in _OWN_ORDER]
        bots = [] if self._self_play else self._bots
        players = [java.JClass(_BOTS[bot])(*() if bot in _WITHOUT_TABLE else (table,)) for bot in bots]
        return java.JClass("tests.JNIGridnetSharedMemVecClient")(
            2 * len(self._bots) if self._self_play else 0,
            len(bots),
            _FOREVER,
            java.JArray(kind)(rewards),
            "",
            str(self._map),
            java.JArray(java.JClass("ai.core.AI"))(players),
            table,
            self._partial_obs,
            *[_shared(array) for array in (self._planes, self._mask, self.buffers.actions)],
            0,
        )

    def reset_copies(self, seeds: list[int | None], copies: list[int]) -> dict[str, np.ndarray]:
        agents = self.agents_per_env
        for copy in copies:
            self._begin(copy)
            for player in range(agents):
                self._clients[copy].getMasks(player)
            self.buffers.masks[copy * agents : (copy + 1) * agents] = True
        self._write()
        return {"action_mask": self._mask}

    def _begin(self, copy: int) -> None:
        if self._self_play:
            self._clients[copy].reset()
        else:
            self._clients[copy].reset(0)

    def end_step(self, finals: np.ndarray) -> dict[str, np.ndarray]:
        buffers = self.buffers
        self._client.gameStep(self._no_player)
        raw = np.array(self._answered_rewards).take(_IN_OWN_ORDER, axis=1)
        buffers.rewards[:] = raw @ self._weights
        buffers.terminations[:] = np.array(self._answered_done)[:, _OWN_ORDER.index("WinLoss")]
        buffers.truncations[:] = False
        self._client.getMasks(0)
        infos = {"action_mask": self._mask, "raw_rewards": raw}
        self._write()
        if self._steps_all and buffers.terminations.any():
            self._renew(np.flatnonzero(buffers.terminations[:: self.agents_per_env]))
        return infos

    def _renew(self, copies: np.ndarray) -> None:
        """Begin new games without showing them: the client steps all games, and bots fail in one that is over."""
        for copy in copies.tolist():
            rows = slice(copy * self.agents_per_env, (copy + 1) * self.agents_per_env)
            last = self._planes[rows].copy()
            self._begin(copy)
            self._planes[rows] = last

    def _write(self) -> None:
        """Put planes and masks side by side."""
        if self._has_mask:
            self._views["planes"][...] = self._planes
            self._views["action_mask"][...] = self._mask

    def render_copy(self, copy: int) -> np.ndarray:
        java = _java()
        panel = java.JClass("gui.PhysicalGameStatePanel")(_state(self._clients[copy]))
        panel.setSize(_FRAME, _FRAME)
        image_class = java.JClass("java.awt.image.BufferedImage")
        image = image_class(_FRAME, _FRAME, image_class.TYPE_3BYTE_BGR)
        graphics = image.getGraphics()
        panel.paint(graphics)
        graphics.dispose()
        pixels = np.array(image.getRaster().getDataBuffer().getData(), np.int8).view(np.uint8)
        return np.ascontiguousarray(pixels.reshape(_FRAME, _FRAME, 3)[:, :, ::-1])

    def close(self) -> None:
        # The machine is kept: it could not be started again.
        if hasattr(self, "_client"):
            self._client.close()
            del self._client, self._clients, self._answered_rewards, self._answered_done


_IN_OWN_ORDER = [_OWN_ORDER.index(name) for name in _REWARDS]


def _state(client: Any) -> Any:
    """The state of a client's game, which some classes of clients keep private."""
    field = client.getClass().getDeclaredField("gs")
    field.setAccessible(True)
    return field.get(client)


def _shared(array: np.ndarray) -> Any:
    """A Java buffer of ints over the memory of an int32 array."""
    from jpype.nio import convertToDirectBuffer

    order = _java().JClass("java.nio.ByteOrder").nativeOrder()
    return convertToDirectBuffer(array.view(np.uint8).ravel().data).order(order).asIntBuffer()


@cache
def _java() -> Any:
    """The module jpype, with the game's classes in the running virtual machine."""
    import jpype

    jars = [_folder() / "microrts.jar", *sorted((_folder() / "lib" / "bots").glob("*.jar"))]
    if jpype.isJVMStarted():
        for jar in jars:
            jpype.addClassPath(jar)
        return jpype
    # Headless for machines without a display; without `interrupt`, Ctrl-C still raises KeyboardInterrupt.
    # Java would otherwise guard all but the last megabyte of the main thread's stack, of which other libraries of the
    # process may need more: Procgen's pictures take that much.
    stack = (
        "-XX:+IgnoreUnrecognizedVMOptions",
        "-XX:+UnlockExperimentalVMOptions",
        "-XX:+DisablePrimordialThreadGuardPages",
    )
    jpype.startJVM(
        "-Djava.awt.headless=true", *stack, classpath=[str(jar) for jar in jars], convertStrings=False, interrupt=False
    )
    nowhere = jpype.JClass("java.io.OutputStream").nullOutputStream()
    jpype.JClass("java.lang.System").setOut(jpype.JClass("java.io.PrintStream")(nowhere))
    return jpype


def _folder() -> Path:
    """The folder of the package with the game."""
    return folders("gym_microrts")[0] / "microrts"


def _bots(opponent: Any) -> list[str]:
    """The names of the bots. Raises ValueError."""
    if isinstance(opponent, str) or not isinstance(opponent, Sequence):
        return [checks.choice("opponent", opponent, _BOTS)]
    if not opponent:
        raise ValueError(f"opponent must be a bot or a sequence of at least one, got {opponent!r}")
    return [checks.choice(f"opponent[{k}]", bot, _BOTS) for k, bot in enumerate(opponent)]


def _map_file(name: Any) -> Path:
    """The file of a map. Raises TypeError or ValueError."""
    if not isinstance(name, (str, Path)):
        raise TypeError(f"map must be the name of a map, got {name!r}")
    folder = _folder() / "maps"
    known = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.xml"))}
    short = str(name).removeprefix("maps/").removesuffix(".xml")
    for known_name, path in known.items():
        if short in (known_name, path.stem):
            return path
    if Path(name).is_file():
        return Path(name).resolve()
    near = difflib.get_close_matches(short, [*known, *{path.stem for path in known.values()}], n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; the maps are in {folder}"
    raise ValueError(f"map must be the name or the path of a map, got {str(name)!r}{hint}")


def _size(file: Path) -> tuple[int, int]:
    """Height and width of a map. Raises ValueError for a file that is not a map."""
    try:
        root = xml.etree.ElementTree.parse(file).getroot()
        return int(root.attrib["height"]), int(root.attrib["width"])
    except (xml.etree.ElementTree.ParseError, KeyError, ValueError) as error:
        raise ValueError(f"map must be a map of MicroRTS, got {file} ({error})") from None


def _weights(values: Any) -> np.ndarray:
    """Six finite weights. Raises TypeError or ValueError."""
    if np.ndim(values) != 1 or len(values) != len(_REWARDS):
        raise ValueError(f"reward_weights must be {len(_REWARDS)} numbers, got {values!r}")
    return np.array([checks.number(f"reward_weights[{k}]", value, -1e9, 1e9) for k, value in enumerate(values)])
