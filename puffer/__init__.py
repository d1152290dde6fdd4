"""puffer: fast environments for reinforcement learning that can be trusted.

`make(name, num_envs=...)` turns a name of `list_envs()` into a batch that steps as a `gymnasium.vector.VectorEnv`.
`Env` is the base class for environments written in Cython, `PufferEnv` for those in Python, `Wrapper` for those around
another one.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    from puffer._core import ABI, Env
    from puffer.native.buffers import Buffers
    from puffer.native.ends import EpisodeEnds
    from puffer.native.random import Random
except ModuleNotFoundError as error:
    if not str(error.name).startswith("puffer."):
        raise
    raise ImportError(
        f"puffer is not compiled in {Path(__file__).parent}: run `make build` there, or install the package with pip"
    ) from None

from puffer._version import __version__
from puffer.authoring.loading import BuildError, load_pyx
from puffer.emulation import emulate
from puffer.env import PufferEnv
from puffer.errors import CheckFailed, CheckWarning, WorkerDied, WorkerError, WorkerTimeout
from puffer.faces.gymnasium import register_with_gymnasium
from puffer.native.rollout import Rollout
from puffer.registry import list_envs, make, register
from puffer.vector import VectorEnv
from puffer.wrappers import Wrapper

if TYPE_CHECKING:
    from puffer import testing
    from puffer.checking import check_env
    from puffer.evaluation import Evaluation, evaluate
    from puffer.measuring.autotune import autotune
    from puffer.recording import Recorder

__all__ = [
    "ABI",
    "BuildError",
    "Buffers",
    "CheckFailed",
    "CheckWarning",
    "Env",
    "EpisodeEnds",
    "Evaluation",
    "PufferEnv",
    "Random",
    "Recorder",
    "Rollout",
    "VectorEnv",
    "WorkerDied",
    "WorkerError",
    "WorkerTimeout",
    "Wrapper",
    "__version__",
    "autotune",
    "check_env",
    "emulate",
    "evaluate",
    "get_include",
    "list_envs",
    "load_pyx",
    "make",
    "register",
    "testing",
]

# Imported when they are used, by the module that has them: neither stepping nor a worker needs them.
_LAZY = {
    "Evaluation": "puffer.evaluation",
    "Recorder": "puffer.recording",
    "autotune": "puffer.measuring.autotune",
    "check_env": "puffer.checking",
    "evaluate": "puffer.evaluation",
}
# Modules that are imported when they are used.
_MODULES = ("testing", "train")


def get_include() -> str:
    """The folder to give to Cython and the C compiler as include path, for extensions that cimport `puffer._core`."""
    return str(Path(__file__).parent.parent)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _MODULES:
        return import_module(f"puffer.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


register_with_gymnasium()
