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
from puffer.native.buffers import Buffers
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
    `continuous` it is float32 (3,): radius, angle and fire. The infos are lives; life_lost, whether this step has lost
    one; frame_number; and episode_frame_number, which counts from the beginning of the game.

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
        Whether fire is pressed at the beginning of a game, in games that wait for it.
    episodic_life : bool
        Whether an episode terminates when a life is lost. The next episode then continues the game, from the
        observation that ended the last one; in NextStep, whose reset takes a step, from the one after an action that
        does nothing. A new game begins when one is over or its time is up, and where a reset has a seed or comes in
        the middle of an episode. ale-py's own option of this name begins a new game with every life.
    life_loss_info : bool
        The same as `episodic_life`, by the name that ale-py has for it: a lost life is a termination without a new
        game. There the episode goes on as well; in a batch of puffer every termination ends an episode.
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
        life_loss_info: bool = False,
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
            "reward_clipping": reward_clipping,
            "full_action_space": full_action_space,
            "continuous": continuous,
        }
        # Not the option of ale-py, which begins a new game.
        episodic_life = checks.boolean("episodic_life", episodic_life)
        self._lives_end = checks.boolean("life_loss_info", life_loss_info) or episodic_life
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

    def attach(self, buffers: Buffers, waiting: np.ndarray) -> None:
        super().attach(buffers, waiting)
        self._lives = np.zeros(len(waiting), np.int64)
        self._lost = np.zeros(len(waiting), np.bool_)
        # The copies whose next episode will continue the game.
        self._goes_on = np.zeros(len(waiting), np.bool_)

    def reset_copies(self, seeds: list[int | None], copies: list[int]) -> dict[str, np.ndarray]:
        pairs = zip(copies, seeds, strict=True)
        # In ale-py -1 continues the random numbers.
        new = {
            copy: -1 if seed is None else small_seed(seed)
            for copy, seed in pairs
            if seed is not None or not self._goes_on[copy]
        }
        if new:
            self._begin_games(list(new), list(new.values()))
        self.buffers.observations[copies] = self._shown[copies]
        self.buffers.masks[copies] = True
        self._goes_on[copies] = False
        return self._infos

    def _begin_games(self, copies: list[int], seeds: list[int]) -> None:
        """Begin new games in these copies."""
        chosen = np.zeros(self._env.num_envs, np.bool_)
        chosen[copies] = True
        options = None if chosen.all() else {"reset_mask": chosen}
        self._shown, info = self._env.reset(seed=np.array(seeds), options=options)
        self._note(info, self._lost & ~chosen)

    def _note(self, info: dict[str, np.ndarray], lost: np.ndarray) -> None:
        """Keep the infos of the games, and in which of them the last step has lost a life."""
        self._lives, self._lost = info["lives"].copy(), lost
        names = ("lives", "frame_number", "episode_frame_number")
        self._infos = {**{name: info[name] for name in names}, "life_lost": lost}

    def begin_step(self) -> None:
        actions = self.buffers.actions
        if self._goes_on.any():
            # The step is the reset of these copies, and does not play.
            actions = actions.copy()
            actions[self._goes_on] = 0
        self._env.send(actions)

    def end_step(self, finals: np.ndarray) -> dict[str, np.ndarray]:
        buffers = self.buffers
        self._shown, rewards, terminations, truncations, info = self._env.recv()
        over = terminations | truncations
        # Where a game is over in SameStep, the lives are those of the next one.
        lost = np.where(over, terminations & (self._lives > 0), info["lives"] < self._lives)
        self._note(info, lost)
        buffers.rewards[...] = rewards
        buffers.terminations[...] = terminations
        buffers.truncations[...] = truncations
        if self._keeps_finals and over.any():
            finals[over] = info["final_obs"][over]
        if self._lives_end:
            self._end_lives(lost & ~over & (self._lives > 0), over, finals)
        buffers.observations[...] = self._shown
        return self._infos

    def _end_lives(self, ended: np.ndarray, over: np.ndarray, finals: np.ndarray) -> None:
        """End the episodes of these copies, whose games go on."""
        buffers = self.buffers
        if self._goes_on.any():
            # The step was their reset.
            for name in ("rewards", "terminations", "truncations"):
                getattr(buffers, name)[self._goes_on] = 0
            again = np.flatnonzero(self._goes_on & over).tolist()
            ended = ended & ~self._goes_on
            self._goes_on[:] = False
            if again:
                # Their time was up within that step.
                self._begin_games(again, [-1] * len(again))
        buffers.terminations[ended] = True
        if self._keeps_finals:
            finals[ended] = self._shown[ended]
        else:
            self._goes_on[ended] = True


def _game(name: str) -> str | None:
    """The game of that name, as ale-py spells it; None if there is none."""
    bare = name.replace("-", "").replace("_", "").lower()
    return next((game for game in _games() if game.replace("_", "") == bare), None)


def _games() -> list[str]:
    """The games whose ROMs are installed."""
    return [rom.stem for folder in folders("ale_py") for rom in Path(folder, "roms").glob("*.bin")]
