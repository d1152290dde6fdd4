"""Atari 2600 games, from the package ale-py (the Arcade Learning Environment, Bellemare et al. 2013; GPL-2.0).

`puffer.make("atari-pong", num_envs=64)` steps all copies in the threads of ale-py's own `AtariVectorEnv`. Every game
whose ROM ale-py ships has a name. Case, underscores and dashes do not matter: `atari-ms-pacman` is `atari-MsPacman`.
The no-ops after a reset and the repeated actions are seeded. Episodes after the first continue the random numbers of
their copy.

The preprocessing is that of Machado et al. 2018 (doi:10.1613/jair.5699) without sticky actions: an action is held for
four frames, the last two of which are merged and shrunk to 84 x 84 grey values, and four observations make a stack.
Rewards are clipped to their signs. All of it can be changed, see `AtariBatch`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from puffer import checks
from puffer.backends.seeding import small_seed
from puffer.backends.system import SystemCreator, SystemStepper
from puffer.systems.family import Family
from puffer.systems.quiet import undisturbed
from puffer.systems.requirements import folders, require


def names() -> list[str]:
    """The games that ale-py ships, with dashes."""
    return sorted(game.replace("_", "-") for game in _games())


def knows(name: str) -> bool:
    """Whether there is such a game. While ale-py is missing, any name may be one."""
    return _game(name) is not None or not _games()


def creator(name: str, arguments: dict[str, Any]) -> SystemCreator:
    """The creator of batches of a game. Raises ImportError without ale-py, TypeError for an unknown argument."""
    require("atari")
    checks.arguments(f"atari-{name}", arguments, AtariBatch)
    return SystemCreator(AtariBatch, {"game": _game(name), **arguments})


FAMILY = Family(creator=creator, names=names, knows=knows)


class AtariBatch(SystemStepper):
    """Copies of one game, in the threads of an `AtariVectorEnv`.

    The observation is uint8 (framestack, img_height, img_width), with a last axis of 3 colours if not `grayscale`.
    The action is Discrete, over the actions that the game uses, or over all 18 with `full_action_space`. With
    `continuous` it is float32 (3,): radius, angle and fire. The infos are lives, frame_number and
    episode_frame_number.

    Parameters
    ----------
    game : str
        The name of the game, as ale-py spells it.
    frameskip : int
        Frames that an action is held for, at least 1.
    framestack : int
        Observations in a stack, at least 1.
    img_height, img_width : int
        Pixels of the picture, at least 1.
    grayscale : bool
        Whether pictures are grey instead of coloured.
    maxpool : bool
        Whether the last two frames of an action are merged.
    noop_max : int
        The largest number of random no-ops at the beginning of an episode.
    use_fire_reset : bool
        Whether fire is pressed after a reset, in games that wait for it.
    episodic_life : bool
        Whether an episode terminates when a life is lost; the next episode then continues the game.
    reward_clipping : bool
        Whether rewards are clipped to -1, 0 or 1.
    repeat_action_probability : float
        The probability that a frame repeats the previous action, from 0 to 1.
    full_action_space : bool
        Whether all 18 actions are in the action space.
    continuous : bool
        Whether actions are continuous.
    continuous_action_threshold : float
        The value, from 0 to 1, from which a direction of a continuous action counts.
    max_num_frames_per_episode : int
        Frames after which an episode is truncated, at least 1.

    Raises TypeError and ValueError for bad arguments.
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
        # With autoreset disabled, copies that have ended are not stepped, so either mode will do.
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
        # In ale-py -1 continues the random numbers.
        given = np.array([-1 if seed is None else small_seed(seed) for seed in seeds])
        observations, info = self._env.reset(seed=given, options=None if chosen.all() else {"reset_mask": chosen})
        self.buffers.observations[chosen] = observations[chosen]
        self.buffers.masks[chosen] = True
        return _infos(info)

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
        return _infos(info)


def _infos(info: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: info[name] for name in ("lives", "frame_number", "episode_frame_number")}


def _game(name: str) -> str | None:
    """The game of that name, as ale-py spells it; None if there is none."""
    bare = name.replace("-", "").replace("_", "").lower()
    return next((game for game in _games() if game.replace("_", "") == bare), None)


def _games() -> list[str]:
    """The games whose ROMs are installed."""
    return [rom.stem for folder in folders("ale_py") for rom in Path(folder, "roms").glob("*.bin")]
