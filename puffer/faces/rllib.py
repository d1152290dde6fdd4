"""Environments for RLlib: `make_env` for one agent, whose batch RLlib steps itself; `MultiAgentEnv` for several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from puffer.faces.agents import NamedAgents
from puffer.faces.batches import usable_batch
from puffer.vector import VectorEnv

try:
    from ray.rllib.env import multi_agent_env
except ModuleNotFoundError as error:
    raise ImportError(
        f"puffer.faces.rllib needs RLlib, {error.name} is missing: pip install 'ray[rllib]' torch"
    ) from None


def make_env(config: dict[str, Any]) -> VectorEnv:
    """The batch of an env runner, in the autoreset mode NEXT_STEP, which RLlib counts on.

    It is for `ray.tune.register_env("puffer", make_env)`, with
    `config.environment("puffer", env_config={"env": "cartpole"})` and
    `config.env_runners(num_envs_per_env_runner=64, gym_env_vectorize_mode="vector_entry_point")`.

    Parameters
    ----------
    config : dict
        "env", a name, as in `puffer.make`, or what `puffer.emulate` takes; "num_envs", which RLlib adds; and options of
        these two. `flat` is False by default, so that spaces are the environment's own.

    Raises
    ------
    ValueError
        Without "env"; without "num_envs", as in RLlib's other vectorize modes; for another autoreset mode.
    """
    options = {"autoreset_mode": "NextStep", "flat": False, **config}
    if "env" not in options:
        raise ValueError("env_config has no 'env'; use config.environment('puffer', env_config={'env': 'cartpole'})")
    env, num_envs = options.pop("env"), options.pop("num_envs", None)
    if num_envs is None:
        raise ValueError(
            "make_env makes batches; use config.env_runners(gym_env_vectorize_mode='vector_entry_point', "
            "num_envs_per_env_runner=64)"
        )
    with usable_batch(env, num_envs, options) as batch:
        _require_usable(batch)
    return batch


def _require_usable(batch: VectorEnv) -> None:
    """Raise ValueError for a batch that RLlib's env runner of one agent would misread."""
    mode = batch.autoreset_mode.value
    if mode != "NextStep":
        raise ValueError(f"RLlib needs autoreset_mode='NextStep', the default of make_env, got {mode!r}")
    if batch.agents_per_env > 1:
        raise ValueError(f"the environment has {batch.agents_per_env} agents; use puffer.faces.rllib.MultiAgentEnv")


class MultiAgentEnv(NamedAgents, multi_agent_env.MultiAgentEnv):
    """One copy of an environment as a `ray.rllib.env.multi_agent_env.MultiAgentEnv`; see `NamedAgents` for parameters.

    "__all__" is True when the last agent has left: truncated if one of those that left last was, else terminated.
    """

    def __init__(self, env: Any, *, agents: Sequence[Any] | None = None, **options: Any) -> None:
        NamedAgents.__init__(self, env, agents=agents, **options)
        multi_agent_env.MultiAgentEnv.__init__(self)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Begin an episode; returns observations and infos by agent."""
        return NamedAgents.reset(self, seed=seed, options=options)

    def step(self, action_dict: dict[Any, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Step; returns observations, rewards, terminations, truncations and infos by agent."""
        observations, rewards, terminations, truncations, infos = NamedAgents.step(self, action_dict)
        is_over, is_cut = not self.agents, any(truncations.values())
        terminations["__all__"], truncations["__all__"] = is_over and not is_cut, is_over and is_cut
        return observations, rewards, terminations, truncations, infos
