from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import Space
from gymnasium.vector import AutoresetMode
from typing_extensions import disjoint_base

from puffer.layout.spaces import ActionLayout, Layout
from puffer.native.batch import Batch
from puffer.native.buffers import Buffers

ABI: int
MODES: dict[AutoresetMode, int]

@disjoint_base
class Env(Batch):
    version: ClassVar[int]
    default_max_steps: ClassVar[int | None]
    statistic_names: ClassVar[tuple[str, ...]]
    render_modes: ClassVar[tuple[str, ...]]
    render_size: ClassVar[tuple[int, int]]
    autoreset_mode: AutoresetMode
    render_mode: str | None
    layout: Layout
    action_layout: ActionLayout
    def __init__(
        self,
        num_envs: int,
        observation_space: Space,
        action_space: Space,
        *,
        agents_per_env: int = 1,
        independent_agents: bool = False,
        observes_in_step: bool = False,
        snapshot_key: tuple[Any, ...] = (),
        copies_per_block: int = 64,
        num_threads: int = 0,
        batch_size: int | None = None,
        autoreset_mode: str | AutoresetMode = "SameStep",
        max_steps: int | None = None,
        buf: Mapping[str, Any] | Buffers | None = None,
        seed: int | None = None,
        render_mode: str | None = None,
        record_episodes: bool = False,
        check_actions: bool = True,
    ) -> None: ...
    @property
    def observations(self) -> np.ndarray: ...
    @property
    def masks(self) -> npt.NDArray[np.bool_]: ...
    def stats(self) -> dict[str, float]: ...
    def state(self, copy: int = 0) -> dict[str, Any]: ...
    def get_state(self, copies: Sequence[int] | None = None) -> npt.NDArray[np.uint8]: ...
    def set_state(self, state: npt.NDArray[np.uint8], copies: Sequence[int] | None = None) -> None: ...
    def render_copy(self, copy: int = 0) -> npt.NDArray[np.uint8]: ...
    def ansi_copy(self, copy: int = 0) -> str: ...
    def close(self) -> None: ...
