from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import Space
from typing_extensions import disjoint_base

from puffer.native.buffers import Buffers
from puffer.native.loop import Loop
from puffer.native.rollout import Rollout

@disjoint_base
class Batch(Loop):
    buffers: Buffers
    single_observation_space: Space
    single_action_space: Space
    batch_size: int
    record_episodes: bool
    @property
    def num_threads(self) -> int: ...
    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: npt.NDArray[np.bool_] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]: ...
    def async_reset(self, *, seed: int | Sequence[int | None] | None = None) -> None: ...
    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]: ...
    def send(self, actions: Any) -> None: ...
    def recv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]: ...
    def rollout_buffers(self, horizon: int) -> Rollout: ...
