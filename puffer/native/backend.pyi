from typing import Any

from typing_extensions import Self, disjoint_base

@disjoint_base
class Part:
    index: int
    first: int
    last: int
    rows: slice
    def __new__(cls, index: int, first: int, last: int, agents_per_env: int) -> Self: ...

@disjoint_base
class Backend: ...

class BackendBase(Backend):
    def check_usable(self) -> Any: ...
    def next_pending(self, pending: list[Part]) -> int: ...
