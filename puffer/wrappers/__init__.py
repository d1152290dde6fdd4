"""`Wrapper` and the ready wrappers. `adapters/` drives single environments of other interfaces."""

from puffer.wrappers.actions import ClipAction, RescaleAction
from puffer.wrappers.agents import MeanOverAgents
from puffer.wrappers.episodes import EpisodeStatistics, TimeLimit
from puffer.wrappers.frames import FrameSkip, FrameStack
from puffer.wrappers.images import Grayscale, ResizeImage
from puffer.wrappers.rewards import ClipReward
from puffer.wrappers.wrapper import Wrapper

__all__ = [
    "ClipAction",
    "ClipReward",
    "EpisodeStatistics",
    "FrameSkip",
    "FrameStack",
    "Grayscale",
    "MeanOverAgents",
    "RescaleAction",
    "ResizeImage",
    "TimeLimit",
    "Wrapper",
]
