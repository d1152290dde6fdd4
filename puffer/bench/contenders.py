"""Environments under the clock: `make(spec)`, and the loop that steps them, which is the same for every system.

The file is also a program that does this in a process of its own, so that the threads, imports and crashes of another
system stay out of ours. It reads a JSON object a line and answers each with one: {"make": spec} with {"rows",
"version"}, {"run": steps} with {"seconds"}. A request that fails is answered with {"error", "missing"}, where "missing"
is true if the package is not installed.

Other systems may need versions of NumPy and Gymnasium that puffer cannot share, so any interpreter can run the program:
it is one file, which imports puffer only to make environments of puffer.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np

# The environment to make: "system" (a key of SYSTEMS), "id" (its name in that system), "num_envs", "num_threads", and
# entries of the system's own.
Spec = dict[str, Any]

# Batches of actions are windows on one array, each _SHIFT rows (whole cache lines) after the previous one: they differ,
# as those of a policy do, and take hardly more of the cache than one.
_WINDOWS = 64
_SHIFT = 16


class Contender:
    """An environment that steps with actions drawn beforehand.

    Parameters
    ----------
    step : callable
        Takes a batch of actions.
    actions : sequence
        Batches of actions, which are taken in turn.
    rows : int
        Transitions of one step.
    close : callable
    reads : bool
        Whether the final observations of the episodes that ended in a step are read from its infos, as a trainer must.
    """

    def __init__(
        self,
        step: Callable[[Any], Any],
        actions: Sequence[Any],
        rows: int,
        close: Callable[[], Any] = lambda: None,
        *,
        reads: bool = False,
    ) -> None:
        self.rows = rows
        self.close = close
        self._reads = reads
        self._step = step
        self._actions = cycle(actions)

    def run(self, steps: int) -> float:
        """Step `steps` times, without the garbage collector; returns the seconds."""
        step, reads, actions = self._step, self._reads, islice(self._actions, steps)
        collecting = gc.isenabled()
        gc.disable()
        try:
            begin = time.perf_counter()
            for batch in actions:
                # As in a loop that trains, what a step returned is there until the next one has returned.
                results = step(batch)
                if reads:
                    results[4].get("final_obs")
            return time.perf_counter() - begin
        finally:
            if collecting:
                gc.enable()


def make(spec: Spec) -> Contender:
    """The environment that `spec` describes, reset and ready to run."""
    return SYSTEMS[spec["system"]](spec)


def action_batches(space: Any, rows: int, dtype: Any = None) -> list[Any]:
    """Batches of `rows` random actions of `space`, a Gymnasium space of one agent, in `dtype` or else in its own."""
    if type(space).__name__ in ("Dict", "Tuple"):
        return [[space.sample() for _ in range(rows)] for _ in range(_WINDOWS)]
    rng = np.random.default_rng(0)
    shape = (rows + _SHIFT * (_WINDOWS - 1), *(space.shape or ()))
    kind = type(space).__name__
    values: np.ndarray
    if kind == "Discrete":
        values = rng.integers(int(space.n), size=shape) + int(getattr(space, "start", 0))
    elif kind == "MultiDiscrete":
        values = rng.integers(space.nvec, size=shape) + getattr(space, "start", 0)
    elif kind == "Box":
        # The range of most policies where there is no bound.
        low = np.where(np.isfinite(space.low), space.low, -1.0)
        values = rng.uniform(low, np.where(np.isfinite(space.high), space.high, 1.0), shape)
    else:
        values = np.stack([space.sample() for _ in range(shape[0])])
    values = values.astype(dtype or space.dtype)
    return [values[_SHIFT * k : _SHIFT * k + rows] for k in range(_WINDOWS)]


# ---- The systems ----


def _creator(spec: Spec) -> Callable[[], Any] | None:
    """The attribute that makes one copy, if the id of the spec is "module:attribute", not a name or a path."""
    module, colon, attribute = spec["id"].partition(":")
    is_module = colon and not spec["id"].endswith(".pyx")
    return getattr(importlib.import_module(module), attribute) if is_module else None


def _puffer(spec: Spec) -> Contender:
    """Own entries: "options" for puffer.make; "stored", "direct" or "copied", to keep "horizon" steps;
    "reads", whether to read the final observations."""
    import puffer

    copies, threads, creator = spec["num_envs"], spec["num_threads"], _creator(spec)
    # Native environments take the threads, those written in Python the workers.
    options = {"backend": "process", "num_workers": threads} if threads > 1 else {"backend": "serial"}
    options |= spec.get("options", {})
    if creator is None:
        env = puffer.make(spec["id"], copies, num_threads=threads, **options)
    else:
        env = puffer.emulate(creator, copies, **options)
    if spec.get("stored") == "direct":
        env.rollout_buffers(spec["horizon"])
    env.reset(seed=0)
    step = env.step
    if spec.get("stored") == "copied":
        step = _copying_step(env, spec["horizon"])
    return Contender(step, _puffer_actions(env), env.num_envs, env.close, reads=spec.get("reads", False))


def _puffer_actions(env: Any) -> list[Any]:
    layout, space = env.action_layout, env.single_action_space
    if layout.space != layout.flat_space:
        # Some entries of a flat action must be whole numbers, which its space does not say.
        return [np.stack([layout.flatten(a) for a in batch]) for batch in action_batches(layout.space, env.num_envs)]
    if type(space).__name__ == "Discrete" and (env.action_space.nvec < space.n).any():
        # Some agents have fewer actions than others.
        return [env.action_space.sample() for _ in range(_WINDOWS)]
    return action_batches(space, env.num_envs)


def _copying_step(env: Any, horizon: int) -> Callable[[Any], None]:
    """A step that copies its results into arrays of a rollout, as a trainer without rollout buffers does."""
    rows = (horizon, env.num_envs)
    observations = np.zeros((*rows, *env.single_observation_space.shape), env.single_observation_space.dtype)
    kept_actions = np.zeros((*rows, *env.single_action_space.shape), env.single_action_space.dtype)
    rewards, terminations, truncations = np.zeros(rows, np.float32), np.zeros(rows, bool), np.zeros(rows, bool)
    at = cycle(range(horizon))

    def step(actions: Any) -> None:
        t = next(at)
        kept_actions[t] = actions
        observations[t], rewards[t], terminations[t], truncations[t], _ = env.step(actions)

    return step


def _gymnasium(spec: Spec) -> Contender:
    """Own entry: "mode", "sync", "async" or "vector_entry_point", which is "sync" for environments without one."""
    import gymnasium

    creator, mode = _creator(spec), spec["mode"]
    if creator is None and mode == "vector_entry_point" and gymnasium.spec(spec["id"]).vector_entry_point is None:
        mode = "sync"
    if creator is None:
        env = gymnasium.make_vec(spec["id"], spec["num_envs"], vectorization_mode=mode)
    else:
        env = gymnasium.vector.SyncVectorEnv([creator] * spec["num_envs"])
    env.reset(seed=0)
    return Contender(env.step, action_batches(env.single_action_space, env.num_envs), env.num_envs, env.close)


def _loop(spec: Spec) -> Contender:
    """A plain loop over copies in Python: `step`, and `reset` when an episode has ended."""
    creator = _creator(spec)
    assert creator is not None
    envs = [creator() for _ in range(spec["num_envs"])]
    for env in envs:
        env.reset()

    def step(actions: Any) -> None:
        for env, action in zip(envs, actions, strict=True):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return Contender(step, action_batches(envs[0].action_space, len(envs)), len(envs))


def _envpool(spec: Spec) -> Contender:
    """EnvPool in its fastest synchronous settings, with actions in the dtype of its buffers."""
    import envpool

    copies = spec["num_envs"]
    env = envpool.make_gymnasium(spec["id"], num_envs=copies, batch_size=copies, num_threads=spec["num_threads"])
    env.reset()
    dtype = env.spec.action_array_spec["action"].dtype
    return Contender(env.step, action_batches(env.action_space, copies, dtype), copies, env.close)


def _pufferlib(spec: Spec) -> Contender:
    """An Ocean environment of PufferLib 3; own entry: "options" for its constructor."""
    from pufferlib.ocean.environment import env_creator

    env = env_creator(f"puffer_{spec['id']}")(num_envs=spec["num_envs"], **spec.get("options", {}))
    env.reset(seed=0)
    actions = action_batches(env.single_action_space, env.num_agents, env.actions.dtype)
    return Contender(env.step, actions, env.num_agents, env.close)


def _gymnax(spec: Spec) -> Contender:
    """One jitted call a step, which steps all copies and waits for the result, on `num_threads` cores."""
    _use_cores(spec["num_threads"])
    os.environ["JAX_PLATFORMS"] = "cpu"
    import gymnax
    import jax

    copies = spec["num_envs"]
    env, params = gymnax.make(spec["id"])

    @jax.jit
    def advance(key: Any, state: Any, actions: Any) -> tuple:
        key, draw = jax.random.split(key)
        step = jax.vmap(env.step, in_axes=(0, 0, 0, None))
        observations, state, *others = step(jax.random.split(draw, copies), state, actions, params)
        return key, state, observations, others

    key = jax.random.key(0)
    _, state = jax.vmap(env.reset, in_axes=(0, None))(jax.random.split(key, copies), params)

    def step(actions: Any) -> None:
        nonlocal key, state
        key, state, *results = jax.block_until_ready(advance(key, state, actions))

    return Contender(
        step, [jax.device_put(batch) for batch in action_batches(env.action_space(params), copies)], copies
    )


def _use_cores(count: int) -> None:
    """Keep this process on `count` cores: XLA has a thread for each core that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _package(spec: Spec) -> Contender:
    """The loop of another author's package, by its name in puffer.bench.packages."""
    return getattr(importlib.import_module("puffer.bench.packages"), spec["id"])(spec)


SYSTEMS: dict[str, Callable[[Spec], Contender]] = {
    "puffer": _puffer,
    "package": _package,
    "gymnasium": _gymnasium,
    "loop": _loop,
    "envpool": _envpool,
    "pufferlib": _pufferlib,
    "gymnax": _gymnax,
}


# ---- The program ----


def serve(requests: Any, answers: Any) -> None:
    """Answer requests until there are no more. The environment of the last `make` is the one that runs."""
    contender: Contender | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if "make" in request:
                if contender is not None:
                    contender.close()
                contender = None
                contender = make(request["make"])
                answer = {"rows": contender.rows, "version": _version(request["make"]["system"])}
            else:
                assert contender is not None
                answer = {"seconds": contender.run(request["run"])}
        except Exception as error:
            system = request.get("make", {}).get("system")
            missing = isinstance(error, ModuleNotFoundError) and error.name == system
            answer = {"error": f"{type(error).__name__}: {error}", "missing": missing}
        print(json.dumps(answer), file=answers, flush=True)


def _version(system: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(system)
    return str(getattr(sys.modules[system], "__version__", ""))


def _main() -> None:
    # Packages are not to be found in the file's own folder.
    sys.path.pop(0)
    # Ctrl-C reaches the whole process group; the parent ends this process when it has printed its tables.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Other systems may print, which must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    _main()
