from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

BUFFER_NAMES: tuple[str, ...]

def aligned_zeros(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray: ...
def adopted_array(name: str, given: Any, shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray: ...
def refuse_overlap(what: str, arrays: Mapping[str, np.ndarray]) -> None: ...

@disjoint_base
class Buffers:
    observations: np.ndarray
    actions: np.ndarray
    rewards: npt.NDArray[np.float32]
    terminations: npt.NDArray[np.bool_]
    truncations: npt.NDArray[np.bool_]
    masks: npt.NDArray[np.bool_]
    def __init__(
        self,
        rows: int,
        observation_shape: tuple[int, ...],
        observation_dtype: npt.DTypeLike,
        action_shape: tuple[int, ...],
        action_dtype: npt.DTypeLike,
        buf: Mapping[str, Any] | Buffers | None = None,
    ) -> None: ...
    def rows(self, where: slice) -> dict[str, np.ndarray]: ...
