from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

from puffer.native.ends import EndsForm

class RolloutEnds(NamedTuple):
    steps: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    observations: np.ndarray
    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]

@disjoint_base
class EndsLog:
    def __new__(cls, form: EndsForm) -> EndsLog: ...
    def arrays(self) -> RolloutEnds: ...

def joined_ends(logs: Sequence[EndsLog]) -> RolloutEnds: ...
