from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode
from typing_extensions import disjoint_base

from puffer.native.buffers import Buffers
from puffer.native.ends_log import RolloutEnds

NAMES: tuple[str, ...]
LAYOUTS: tuple[str, ...]

@disjoint_base
class Rollout:
    horizon: int
    layout: str
    arena: Any
    @property
    def arrays(self) -> dict[str, np.ndarray]: ...
    @property
    def steps(self) -> int: ...
    @property
    def all_observations(self) -> Any: ...
    @property
    def observations(self) -> Any: ...
    @property
    def next_observations(self) -> Any: ...
    @property
    def actions(self) -> Any: ...
    @property
    def rewards(self) -> Any: ...
    @property
    def terminations(self) -> Any: ...
    @property
    def truncations(self) -> Any: ...
    @property
    def masks(self) -> Any: ...
    @property
    def starts(self) -> Any: ...
    @property
    def dones(self) -> Any: ...
    @property
    def action_masks(self) -> Any: ...
    @property
    def ends(self) -> RolloutEnds: ...
    def restored(
        self, rows: npt.NDArray[np.int64], alive: npt.NDArray[np.bool_], is_first: npt.NDArray[np.bool_]
    ) -> None: ...
    def __init__(
        self,
        home: Buffers,
        parts: int,
        *,
        horizon: int,
        agents: int,
        group: int,
        mode: AutoresetMode,
        layout: str = "time",
        buffers: Mapping[str, Any] | None = None,
        torch: bool = False,
        pinned: bool = False,
        action_dtype: npt.DTypeLike | None = None,
        dones: bool = False,
        action_masks: npt.NDArray[np.bool_] | None = None,
    ) -> None: ...
