from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class EpisodeEnds:
    def __init__(
        self,
        num_rows: int,
        observation_shape: tuple[int, ...],
        observation_dtype: Any,
        *,
        final_observations: bool,
        record_episodes: bool,
    ) -> None: ...
    def info(self) -> dict[str, Any]: ...

@disjoint_base
class Info(dict[str, Any]): ...
