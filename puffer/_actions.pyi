from typing import Any

import numpy as np
from gymnasium import Space
from typing_extensions import disjoint_base

@disjoint_base
class ActionReader:
    space: Space
    dtype: np.dtype
    shape: tuple[int, ...]
    check: bool
    def __init__(self, space: Space, check: bool = True, native: bool = True) -> None: ...
    def read(self, actions: Any, target: np.ndarray) -> None: ...
