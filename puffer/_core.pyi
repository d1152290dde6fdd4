from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import Space
from gymnasium.vector import AutoresetMode
from typing_extensions import disjoint_base

from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.native.batch import Batch
from puffer.native.buffers import Buffers
from puffer.native.rules import Rules

ABI: int

@disjoint_base
class Env(Rules):
    version: ClassVar[int]
    default_max_steps: ClassVar[int | None]
    reward_threshold: ClassVar[float | None]
    steps_ended: ClassVar[bool]
    statistic_names: ClassVar[tuple[str, ...]]
    render_modes: ClassVar[tuple[str, ...]]
    render_size: ClassVar[tuple[int, int]]
    row_info_names: ClassVar[tuple[str, ...]]
    draws_changes: ClassVar[bool]
    batch: Batch
    made_with: tuple[tuple[Any, ...], dict[str, Any]]
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
        check_values: bool | None = None,
        action_masks: bool = False,
    ) -> None: ...
    single_observation_space: Space
    single_action_space: Space
    @property
    def own_observation_space(self) -> Space | None: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def action_layout(self) -> ActionLayout: ...
    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: npt.NDArray[np.bool_] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]: ...
    def set_next(
        self,
        copies: int | Sequence[int] | None = None,
        *,
        seed: int | Sequence[int | None] | None = None,
        **parameters: Any,
    ) -> None: ...
    def set_next_parameters(self, copies: list[int], parameters: dict[str, list[Any]]) -> None: ...
    def parameters_of(self, copy: int) -> dict[str, Any]: ...
    def attribute_of_copies(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any]: ...
    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]: ...
    def stats(self) -> dict[str, float]: ...
    def state(self, copy: int = 0) -> dict[str, Any]: ...
    def redraw(self, copy: int) -> None: ...
    def get_state(self, copies: Sequence[int] | None = None) -> npt.NDArray[np.uint8]: ...
    def set_state(self, state: npt.NDArray[np.uint8], copies: Sequence[int] | None = None) -> None: ...
    def render_copy(self, copy: int = 0) -> npt.NDArray[np.uint8]: ...
    def ansi_copy(self, copy: int = 0) -> str: ...
    @property
    def buffers(self) -> Buffers: ...
    @property
    def observations(self) -> np.ndarray: ...
    @property
    def masks(self) -> npt.NDArray[np.bool_]: ...
    @property
    def action_masks(self) -> npt.NDArray[np.bool_] | None: ...
    def close(self) -> None: ...
