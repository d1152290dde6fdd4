from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import disjoint_base

from puffer.native.ends import EpisodeEnds

@disjoint_base
class Info(dict[str, Any]):
    def show(self, values_of: Callable[[np.ndarray], Sequence[Any]]) -> None: ...

def add_ends(
    entries: dict[str, Any],
    ends: EpisodeEnds,
    *,
    final_info: Callable[[], dict[str, Any]] | None,
    has_episodes: bool,
) -> Info: ...
def info_of_rows(info: dict[Any, Any], rows: slice) -> dict[Any, Any]: ...
