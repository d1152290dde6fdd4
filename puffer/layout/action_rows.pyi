from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import Self, disjoint_base

from puffer.layout.rows import LeafNode, Node

@disjoint_base
class ActionLeaf(LeafNode):
    def __new__(
        cls,
        path: str,
        dtype: Any,
        shape: tuple[int, ...],
        offset: int,
        lead: tuple[int, ...],
        scalar: bool,
        value_dtype: Any,
        low: Any,
        high: Any,
    ) -> Self: ...
    @property
    def value_dtype(self) -> np.dtype[Any]: ...

@disjoint_base
class ActionPlan:
    def __init__(self, root: Node, wide: LeafNode, flat: LeafNode) -> None: ...
    def value(self, row: Any) -> Any: ...
    def flatten(self, action: Any) -> Any: ...
    def tree(self, pick: Callable[[LeafNode], Any]) -> Any: ...
