from typing import Any

from typing_extensions import Self, disjoint_base

from puffer.native.ends import EpisodeEnds

@disjoint_base
class Part:
    index: int
    first: int
    last: int
    rows: slice
    ends: EpisodeEnds | None
    def __new__(cls, index: int, first: int, last: int, agents_per_env: int) -> Self: ...

@disjoint_base
class Backend:
    @property
    def masks_actions(self) -> bool: ...
    @property
    def has_infos(self) -> bool: ...
    def check_options(self, options: list[dict[str, Any] | None]) -> None: ...
    def first_seed(self, seed: int) -> int | list[int | None] | None: ...
    def set_next(
        self,
        copies: list[int],
        seed: int | list[int | None] | None,
        options: list[dict[str, Any] | None] | None,
        parameters: dict[str, list[Any]],
    ) -> None: ...
    def call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any]: ...
    def set_attr(self, name: str, values: list[Any]) -> None: ...

class BackendBase(Backend):
    def check_usable(self) -> Any: ...
    def next_pending(self, pending: list[Part]) -> int: ...
