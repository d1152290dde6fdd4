"""A reference trainer, PPO on torch: `python -m puffer.train NAME`, and `load` for what it has saved."""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError('puffer.train needs torch: pip install "puffer-envs[train]"') from None

from puffer.train.checkpoints import Policy, load
from puffer.train.ppo import PPO, Settings
from puffer.train.progress import Progress

__all__ = ["PPO", "Policy", "Progress", "Settings", "load"]
