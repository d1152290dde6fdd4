"""Links to the actors of a Ray cluster, on one machine or several."""

from __future__ import annotations

import atexit
import logging
import pickle
import sys
from collections.abc import Sequence
from typing import Any

import cloudpickle

from puffer.backends import workers
from puffer.backends.infos import Events
from puffer.backends.rows import INPUTS, OUTPUTS, Rows, RowsForm
from puffer.backends.worker.interpreter.messages import STEP
from puffer.backends.worker.notes import answered
from puffer.backends.worker.pickling import carried, carried_creator
from puffer.backends.worker.surroundings import Surroundings, Watch

try:
    import ray
    from ray.exceptions import GetTimeoutError, RayActorError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise ImportError('backend="ray" needs Ray: pip install "puffer-envs[ray]"') from None

# Ray stops its actors when the interpreter ends; what was registered last comes first, and batches are to close before.
atexit.unregister(workers.close_all)
atexit.register(workers.close_all)


def _connect() -> None:
    """Start Ray unless the user has: quietly, in the cluster that Ray itself would choose, and without a dashboard."""
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)


def _machines() -> list[str]:
    """The machine of every core of the cluster, in turn."""
    _connect()
    cores = [
        (core, node["NodeID"])
        for node in ray.nodes()
        if node["Alive"]
        for core in range(int(node["Resources"].get("CPU", 0)))
    ]
    if not cores:
        raise RuntimeError("no machine of the Ray cluster has a CPU for workers")
    return [machine for _, machine in sorted(cores)]


def _actor_class() -> type:
    """The class of the actors. It stands in a function so that Ray sends it as it is, and does not look for puffer in a
    process that has yet to be told where that lies."""

    class PufferWorker:
        def __init__(self, path: list[str]) -> None:
            sys.path[:] = path + [folder for folder in sys.path if folder not in path]

        def make(self, copies: range, creator: bytes, surroundings: bytes) -> bytes | None:
            from puffer.backends.worker.commands import Worker

            self.worker = Worker(copies, pickle.loads(surroundings))
            return self.worker.make(creator)

        def bind(self, form: RowsForm, same_step: bool) -> None:
            from puffer.backends.rows import Rows

            self.rows = Rows(form)
            self.worker.bind(self.rows, same_step=same_step)

        def obey(self, command: bytes) -> bytes:
            operation, argument = command[0], None
            if operation == STEP:
                self.rows.read_bytes(INPUTS, command, 1)
            else:
                argument = command[1:] or None
            answer = self.worker.obey(operation, argument)
            has_ended = any(self.rows.array(name).any() for name in ("terminations", "truncations"))
            names = (*OUTPUTS, "finals") if has_ended else OUTPUTS
            return bytes([has_ended]) + self.rows.to_bytes(names) + (answer or b"")

    return PufferWorker


class RayLink:
    """The parent's end of an actor."""

    def __init__(self, index: int, copies: range, creator: bytes, surroundings: Surroundings, machine: str) -> None:
        self.index = index
        self.copies = copies
        # It reserves no core: there may be more workers than cores, or than others have left.
        options = {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(machine, soft=False)}
        self._handle: Any = ray.remote(**options)(_actor_class()).remote(sys.path)
        # The reference to its last answer, until that is taken.
        self.answer = self._handle.make.remote(copies, creator, pickle.dumps(surroundings))
        # What that answer is, once it is here, or the error that came in place of it.
        self._message: bytes | RayActorError | None = None
        self._rows: Rows | None = None
        self._reason = ""

    def introduce(self, rows: Rows, *, same_step: bool) -> None:
        """Tell the actor of the form of its rows; `rows` are the parent's."""
        self._rows = rows
        self._handle.bind.remote(rows.form, same_step)

    @property
    def is_asked(self) -> bool:
        """Whether the answer to the last command has not been taken yet."""
        return self.answer is not None

    def send(self, operation: int, argument: Any = None) -> None:
        """Send a command, with the inputs of a step."""
        if not ray.is_initialized():
            return
        assert self._rows is not None
        if operation == STEP:
            content = self._rows.to_bytes(INPUTS)
        else:
            content = b"" if argument is None else cloudpickle.dumps(argument)
        # Bytes are what Ray sends fastest by far.
        self.answer = self._handle.obey.remote(bytes([operation]) + content)

    def answered(self) -> bool:
        """Whether the answer to the last command is there."""
        if self.answer is None or self._message is not None:
            return True
        return ray.is_initialized() and bool(ray.wait([self.answer], timeout=0)[0])

    def listen(self, seconds: float) -> bool:
        """Whether there is an answer to receive."""
        if self._message is None and ray.is_initialized():
            # One call that waits and takes: each one costs as much as many steps of a small environment.
            try:
                self._message = ray.get(self.answer, timeout=seconds)
            except GetTimeoutError:
                return False
            except RayActorError as error:
                self._message = error
        return self._message is not None

    def receive(self) -> Any:
        """Take the answer, and copy the outputs of the copies."""
        message, self._message = self._message, None
        if isinstance(message, RayActorError):
            self._reason = str(message)
            # Ray may only have lost sight of it.
            self.kill()
            raise EOFError
        assert message is not None
        self.answer = None
        if self._rows is None:
            return answered(message)
        end = self._rows.read_bytes((*OUTPUTS, "finals") if message[0] else OUTPUTS, message, 1)
        return answered(memoryview(message)[end:]) if end < len(message) else None

    def events(self, answer: Events | None) -> Events | None:
        """The answer to a step or a reset: the rows are written already."""
        return answer

    def has_ended(self) -> bool:
        """Whether Ray has been shut down: an actor that is gone is noticed by its answers."""
        return not ray.is_initialized()

    def describe_end(self) -> str:
        """How it ended."""
        return f"is gone: {self._reason or 'Ray has been shut down'}"

    def leave(self, deadline: float) -> None:
        """See that it is gone."""
        self.kill()

    def kill(self) -> None:
        """See that it is gone."""
        # Without Ray there are no actors, and asking it would start it.
        if ray.is_initialized():
            ray.kill(self._handle)

    def release(self) -> None:
        """Nothing is held of an actor."""


class RayTransport:
    """Starts Ray actors, which make their copies with `creator`, by default one for each core of the cluster.

    Ray is started if it is not running, as `ray.init()` does: it joins the cluster of RAY_ADDRESS or one that was
    started on this machine, and else starts one here. It then goes on until the interpreter ends, or `ray.shutdown()`,
    for the next batch. For other settings call `ray.init` before.

    The machines of a cluster need puffer and the environment installed; on one machine the actors find the modules that
    this process finds. What environments print is in Ray's logs.
    """

    def __init__(self, creator: Any) -> None:
        self._creator = carried_creator(creator)
        self._watch = Watch()

    def cores(self) -> int:
        """The cores that workers may use."""
        return len(_machines())

    def start(self, index: int, copies: range, render_mode: str | None) -> RayLink:
        """Start an actor that makes its copies."""
        machines = _machines()
        return RayLink(index, copies, self._creator, self._watch.last, machines[index % len(machines)])

    def make_rows(self, form: RowsForm, workers: int, buf: Any) -> Rows:
        """The arrays of the batch, in this process."""
        self._rows = Rows(form, buf)
        return self._rows

    def introduce(self, link: RayLink, ask: Any, *, same_step: bool) -> None:
        """Tell an actor of its rows."""
        link.introduce(self._rows.part(link.copies.start, link.copies.stop), same_step=same_step)

    def news(self) -> Surroundings | None:
        """Those of this process, if they have changed."""
        return self._watch.news()

    def send_step(self, links: Sequence[RayLink]) -> None:
        """Send the command to step."""
        for link in links:
            link.send(STEP)

    def mark(self) -> None:
        """Nothing: answers stay where they are until they are taken."""

    def wait(self, mark: None, links: Sequence[RayLink], seconds: float) -> bool:
        """Wait for an answer of one of these actors."""
        if len(links) == 1:
            return links[0].listen(seconds)
        return ray.is_initialized() and bool(ray.wait([link.answer for link in links], timeout=seconds)[0])

    def require(self, name: str, value: Any) -> None:
        """Raise TypeError for a value that cannot be pickled."""
        carried(name, value)

    def refusal(self, link: RayLink, name: str, message: str) -> Exception | None:
        """Nothing is to be raised instead of a WorkerError."""
        return None

    def close(self) -> None:
        """Nothing is shared."""
