from typing import Any

import numpy as np
from gymnasium import Space
from typing_extensions import disjoint_base

@disjoint_base
class ActionReader:
    space: Space
    copy_space: Space | None
    dtype: np.dtype
    shape: tuple[int, ...]
    check: bool
    def __init__(
        self, space: Space, check: bool = True, native: bool = True, copy_space: Space | None = None
    ) -> None: ...
    def read(self, actions: Any, target: np.ndarray) -> None: ...
