from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self, disjoint_base

from puffer.layout.spec import CopySpec
from puffer.native.action_masks import ActionMasks
from puffer.native.actions import ActionReader
from puffer.native.backend import Backend
from puffer.native.buffers import Buffers
from puffer.native.ends import EpisodeEnds
from puffer.native.rollout import Rollout
from puffer.options import BatchOptions

@disjoint_base
class Batch:
    backend: Backend
    spec: CopySpec
    options: BatchOptions
    buffers: Buffers
    num_copies: int
    agents_per_env: int
    num_agents: int
    independent_agents: bool
    @property
    def observations(self) -> np.ndarray: ...
    @property
    def masks(self) -> npt.NDArray[np.bool_]: ...
    legal: ActionMasks | None
    @property
    def action_masks(self) -> npt.NDArray[np.bool_] | None: ...
    def sample_legal(self, generator: np.random.Generator) -> npt.NDArray[np.int64]: ...
    @property
    def ends(self) -> EpisodeEnds: ...
    @property
    def rows(self) -> slice: ...
    def __new__(
        cls,
        backend: Backend,
        spec: CopySpec,
        options: BatchOptions,
        buffers: Buffers,
        reader: ActionReader,
        *,
        independent_agents: bool = False,
    ) -> Self: ...
    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        mask: npt.NDArray[np.bool_] | None = None,
        options: dict[str, Any] | Sequence[dict[str, Any] | None] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]: ...
    def async_reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | Sequence[dict[str, Any] | None] | None = None,
    ) -> dict[str, Any]: ...
    def set_next(
        self,
        copies: int | Sequence[int] | None = None,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | Sequence[dict[str, Any] | None] | None = None,
        **parameters: Any,
    ) -> None: ...
    def keep_results(self) -> None: ...
    def redraw(self, copy: int) -> None: ...
    def call(self, name: str, *arguments: Any, **named: Any) -> tuple[Any, ...]: ...
    def set_attr(self, name: str, values: Any) -> None: ...
    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]: ...
    def send(self, actions: Any) -> None: ...
    def recv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]: ...
    def rollout_buffers(
        self,
        horizon: int,
        *,
        layout: str = "time",
        buffers: Mapping[str, Any] | None = None,
        torch: bool = False,
        pinned: bool = False,
        action_dtype: npt.DTypeLike | None = None,
        dones: bool = False,
    ) -> Rollout: ...
    def require(self, method: str) -> None: ...
    def stats(self) -> dict[str, float]: ...
    def get_state(self, copies: Sequence[int] | None = None) -> npt.NDArray[np.uint8]: ...
    def set_state(self, state: npt.NDArray[np.uint8], copies: Sequence[int] | None = None) -> None: ...
    def content(self) -> dict[str, Any]: ...
    def restore(self, content: dict[str, Any]) -> None: ...
    def render_copy(self, copy: int = 0) -> Any: ...
    def ansi_copy(self, copy: int = 0) -> str: ...
    def close(self) -> None: ...
