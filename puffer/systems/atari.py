"""Atari 2600 games, from the package ale-py (the Arcade Learning Environment, Bellemare et al. 2013; GPL-2.0).

`puffer.make("atari-pong", num_envs=64)` steps all copies in the threads of ale-py's own `AtariVectorEnv`. Every game
whose ROM ale-py ships has a name; capitals, underscores and dashes do not matter: `atari-ms-pacman` is
`atari-MsPacman`. Everything is seeded: the no-ops after a reset and the repeated actions. Episodes after the first go
on with the random numbers of their copy.

The preprocessing is that of Machado et al. 2018 (doi:10.1613/jair.5699) without repeated actions: four frames to an
action, the last two of them merged, shrunk to 84 x 84 grey values, four observations to a stack. Rewards are clipped to
their signs. All of it can be changed, see `AtariBatch`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.backends.system import SystemStepper, SystemCreator
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import folders, require
from puffer.backends.seeding import small_seed


def names() -> list[str]:
    """The games that ale-py ships, with dashes."""
    return sorted(game.replace("_", "-") for game in _games())


def knows(name: str) -> bool:
    """Whether there is such a game; any name may be one while ale-py is missing."""
    return _game(name) is not None or not _games()


def creator(name: str, arguments: dict[str, Any]) -> SystemCreator:
    """What makes batches of a game. Raises ImportError without ale-py, TypeError and ValueError for bad arguments."""
    require("atari")
    checks.arguments(f"atari-{name}", arguments, AtariBatch)
    return SystemCreator(AtariBatch, {"game": _game(name), **arguments})


class AtariBatch(SystemStepper):
    """Copies of one game, in the threads of an `AtariVectorEnv`.

    The observation is uint8 (framestack, img_height, img_width), with a last axis of 3 colours if not `grayscale`.
    Actions are those that the game uses, Discrete, or with `full_action_space` all 18; `continuous` ones are float32
    (3,): radius, angle and fire. The infos are lives, frame_number and episode_frame_number.

    Parameters
    ----------
    frameskip : int
        Frames that an action is held for.
    framestack : int
        Observations in a stack.
    img_height, img_width : int
        Of the picture.
    grayscale : bool
    maxpool : bool
        Merge the last two frames of an action.
    noop_max : int
        Up to so many random no-ops begin an episode.
    use_fire_reset : bool
        Press fire after a reset, where the game waits for it.
    episodic_life : bool
        Terminate with every life; the next episode goes on with the game.
    reward_clipping : bool
    repeat_action_probability : float
        Of holding the action of before, in each frame.
    full_action_space, continuous : bool
    continuous_action_threshold : float
        From which a direction of a continuous action counts.
    max_num_frames_per_episode : int
        A longer episode is truncated.
    """

    restarts = True

    def __init__(
        self,
        copies: range,
        num_threads: int,
        autoreset_mode: AutoresetMode,
        /,
        *,
        game: str,
        frameskip: int = 4,
        framestack: int = 4,
        img_height: int = 84,
        img_width: int = 84,
        grayscale: bool = True,
        maxpool: bool = True,
        noop_max: int = 30,
        use_fire_reset: bool = True,
        episodic_life: bool = False,
        reward_clipping: bool = True,
        repeat_action_probability: float = 0.0,
        full_action_space: bool = False,
        continuous: bool = False,
        continuous_action_threshold: float = 0.5,
        max_num_frames_per_episode: int = 108_000,
    ) -> None:
        options = {
            "frameskip": checks.integer("frameskip", frameskip, 1),
            "stack_num": checks.integer("framestack", framestack, 1),
            "img_height": checks.integer("img_height", img_height, 1),
            "img_width": checks.integer("img_width", img_width, 1),
            "noop_max": checks.integer("noop_max", noop_max, 0),
            "max_num_frames_per_episode": checks.integer("max_num_frames_per_episode", max_num_frames_per_episode, 1),
            "repeat_action_probability": checks.number("repeat_action_probability", repeat_action_probability, 0, 1),
            "continuous_action_threshold": checks.number(
                "continuous_action_threshold", continuous_action_threshold, 0, 1
            ),
        }
        flags = {
            "grayscale": grayscale,
            "maxpool": maxpool,
            "use_fire_reset": use_fire_reset,
            "episodic_life": episodic_life,
            "reward_clipping": reward_clipping,
            "full_action_space": full_action_space,
            "continuous": continuous,
        }
        options |= {name: checks.boolean(name, value) for name, value in flags.items()}
        # Which of the two hardly matters if copies that have ended are never stepped.
        same_step = autoreset_mode is AutoresetMode.SAME_STEP
        mode = AutoresetMode.SAME_STEP if same_step else AutoresetMode.NEXT_STEP
        with undisturbed():
            from ale_py import ALEInterface, LoggerMode
            from ale_py.vector_env import AtariVectorEnv

            ALEInterface.setLoggerMode(LoggerMode.Error)
            self._env = AtariVectorEnv(game, len(copies), num_threads=num_threads, autoreset_mode=mode, **options)
        self._keeps_finals = same_step
        self.observation_space = self._env.single_observation_space
        self.action_space = self._env.single_action_space

    def reset_copies(self, seeds: list[int | None], copies: list[int]) -> dict[str, np.ndarray]:
        chosen = np.zeros(self._env.num_envs, np.bool_)
        chosen[copies] = True
        # ale-py's sign for "go on with the random numbers" is -1.
        given = np.array([-1 if seed is None else small_seed(seed) for seed in seeds])
        observations, info = self._env.reset(seed=given, options=None if chosen.all() else {"reset_mask": chosen})
        self.buffers.observations[chosen] = observations[chosen]
        self.buffers.masks[chosen] = True
        return _told(info)

    def begin_step(self) -> None:
        self._env.send(self.buffers.actions)

    def end_step(self, finals: np.ndarray) -> dict[str, np.ndarray]:
        buffers = self.buffers
        observations, rewards, terminations, truncations, info = self._env.recv()
        buffers.observations[...] = observations
        buffers.rewards[...] = rewards
        buffers.terminations[...] = terminations
        buffers.truncations[...] = truncations
        over = terminations | truncations
        if self._keeps_finals and over.any():
            finals[over] = info["final_obs"][over]
        return _told(info)


def _told(info: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: info[name] for name in ("lives", "frame_number", "episode_frame_number")}


def _game(name: str) -> str | None:
    """The game of that name as ale-py spells it."""
    bare = name.replace("-", "").replace("_", "").lower()
    return next((game for game in _games() if game.replace("_", "") == bare), None)


def _games() -> list[str]:
    """The games whose ROMs are installed."""
    return [rom.stem for folder in folders("ale_py") for rom in Path(folder, "roms").glob("*.bin")]
