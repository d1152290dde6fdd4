from typing import final

import numpy as np
import numpy.typing as npt
from typing_extensions import Self, disjoint_base

@final
@disjoint_base
class EndsForm:
    def __new__(
        cls, num_rows: int, first_row: int, shape: tuple[int, ...], dtype: npt.DTypeLike, has_seconds: bool
    ) -> Self: ...

@final
@disjoint_base
class EndsMemory:
    def __new__(cls, form: EndsForm, most_stretches: int) -> Self: ...

@final
@disjoint_base
class EpisodeEnds:
    @property
    def rows(self) -> npt.NDArray[np.int64]: ...
    @property
    def observations(self) -> np.ndarray: ...
    @property
    def returns(self) -> npt.NDArray[np.float64]: ...
    @property
    def lengths(self) -> npt.NDArray[np.int64]: ...
    @property
    def terminated(self) -> npt.NDArray[np.bool_]: ...
    @property
    def truncated(self) -> npt.NDArray[np.bool_]: ...
    @property
    def seconds(self) -> npt.NDArray[np.float64] | None: ...
    def __len__(self) -> int: ...

@final
@disjoint_base
class EndsRecorder:
    def __new__(cls, form: EndsForm, most_stretches: int) -> Self: ...
