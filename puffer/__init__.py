"""puffer: fast, trustworthy environments for reinforcement learning."""

from puffer._core import Env
