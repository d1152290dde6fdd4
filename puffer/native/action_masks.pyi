import numpy as np
import numpy.typing as npt
from typing_extensions import Self, disjoint_base

from puffer.layout.spec import CopySpec
from puffer.native.backend import Backend

KEY: str

@disjoint_base
class ActionMasks:
    array: npt.NDArray[np.bool_] | None
    is_followed: bool
    source: int
    def written(self, first: int, last: int) -> npt.NDArray[np.uint8]: ...
    def __new__(cls, backend: Backend, spec: CopySpec, num_rows: int, source: int) -> Self: ...

def masks_of(backend: Backend, spec: CopySpec, num_rows: int) -> ActionMasks | None: ...
