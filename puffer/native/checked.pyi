from typing import Any

from typing_extensions import disjoint_base

from puffer.layout.spec import CopySpec
from puffer.native.actions import ActionReader
from puffer.native.backend import Backend
from puffer.native.batch import Batch
from puffer.native.buffers import Buffers
from puffer.options import BatchOptions

def batch_of(
    backend: Backend,
    spec: CopySpec,
    options: BatchOptions,
    buffers: Buffers,
    reader: ActionReader,
    *,
    independent_agents: bool = False,
) -> Batch: ...

@disjoint_base
class CheckedBatch(Batch):
    def checked(self, result: tuple[Any, ...]) -> tuple[Any, ...]: ...
    def check_observations(self, rows: Any, observations: Any) -> None: ...
