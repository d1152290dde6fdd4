from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import Self, disjoint_base

__pyx_capi__: dict[str, object]

class LayoutError(ValueError): ...

@disjoint_base
class Node:
    def __new__(cls, path: str) -> Self: ...
    @property
    def path(self) -> str: ...
    def tree(self, pick: Callable[[LeafNode], Any]) -> Any: ...

@disjoint_base
class LeafNode(Node):
    def __new__(
        cls,
        path: str,
        dtype: Any,
        shape: tuple[int, ...],
        offset: int,
        lead: tuple[int, ...] = (),
        scalar: bool = False,
    ) -> Self: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def offset(self) -> int: ...
    @property
    def lead(self) -> tuple[int, ...]: ...
    @property
    def scalar(self) -> bool: ...
    @property
    def full_shape(self) -> tuple[int, ...]: ...
    @property
    def end(self) -> int: ...

@disjoint_base
class DictNode(Node):
    def __new__(cls, path: str, keys: tuple[Any, ...], children: tuple[Node, ...]) -> Self: ...

@disjoint_base
class TupleNode(Node):
    def __new__(cls, path: str, children: tuple[Node, ...]) -> Self: ...
