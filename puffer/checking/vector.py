"""`VectorDriver`, which checks the results of every call of a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from puffer.checking.driver import NATIVE, Driver, Record
from puffer.checking.episodes import Episodes
from puffer.checking.report import Report, UnusableError
from puffer.checking.values import copied, difference, has_other_form, is_zero, why_outside
from puffer.checking.vector_infos import look_at_info
from puffer.vector import VectorEnv

_ALIAS = "return copies of the arrays, as Gymnasium's vector environments do unless they are made with copy=False"


class VectorDriver(Driver):
    """Drives a `gymnasium.vector.VectorEnv`.

    Attributes
    ----------
    mode : AutoresetMode or None
    agents : int
        Rows of one copy.
    are_independent : bool
        Whether the agents of a copy have episodes of their own.
    episodes : Episodes
    batch_space : Space
        The space that `observation_space` should equal.
    info, options : dict
        The info of the last call, and the options of the last partial reset.
    """

    def __init__(self, env: Any, report: Report, make: Any = None) -> None:
        super().__init__(env, report, make)
        self.mode = env.metadata.get("autoreset_mode")
        self.action_space = batch_space(env.single_action_space, env.num_envs)
        self.batch_space = batch_space(env.single_observation_space, env.num_envs)
        self._is_ours = isinstance(env.unwrapped, VectorEnv)
        if self._is_ours and env.unwrapped.native_env is not None:
            self.advice = NATIVE
        self.agents = env.unwrapped.agents_per_env if self._is_ours else 1
        self.are_independent = self._is_ours and env.unwrapped.independent_agents
        self.episodes = Episodes(env.num_envs, 1 if self.are_independent else self.agents, self.mode)
        self.info: dict = {}
        self.options: dict = {}
        self._is_live = not getattr(env.unwrapped, "copy", True)
        if self._is_live:
            report.skip("made with copy=False", "whether returned arrays are fresh")

    @property
    def masks(self) -> np.ndarray:
        """The rows with an agent; all of them for environments without masks."""
        return self.env.unwrapped.masks.copy() if self._is_ours else np.ones(self.env.num_envs, np.bool_)

    @property
    def must_reset(self) -> bool:
        return self.mode is AutoresetMode.DISABLED and bool(self.episodes.restart.any())

    # ---- Calls ----

    def reset(self, seed: Any = None, mask: np.ndarray | None = None) -> Record:
        """Reset all rows, or those of `mask`."""
        arguments: dict[str, Any] = {} if seed is None else {"seed": seed}
        if mask is None:
            self.begin_trace(seed)
        else:
            self.begin_restart(f"reset_mask={mask.tolist()}")
            self.options = arguments["options"] = {"reset_mask": mask.copy()}
        result = self.env.reset(**arguments)
        if not isinstance(result, tuple) or len(result) != 2:
            self._refuse(f"{self.where} returned {result!r:.80}", "return (observations, infos) from reset()")
        rows = np.ones(self.env.num_envs, np.bool_) if mask is None else mask
        self._look_at(*result)
        look_at_info(self, result[1], rows if mask is not None else None)
        self.episodes.begin(rows, self.masks)
        return Record(copied(result[0]))

    def restart(self) -> Record:
        return self.reset(mask=self.episodes.restart.copy())

    def step(self, action: Any) -> Record:
        self.begin_step()
        own = copied(action)
        result = self.env.step(action)
        if not isinstance(result, tuple) or len(result) != 5:
            self._refuse(
                f"{self.where} returned {result!r:.80}",
                "return (observations, rewards, terminations, truncations, infos) from step()",
            )
        observations, rewards, terminations, truncations, info = result
        change = difference(own, action, "actions")
        if change:
            self.report.problem(
                f"{self.where} changed the caller's array: {change}", "copy the actions before changing them"
            )
        self._look_at_rewards(rewards)
        for name, flags in (("terminations", terminations), ("truncations", truncations)):
            self._look_at_array(name, flags, np.dtype(np.bool_))
        waited = self.episodes.restart.copy()
        ended = terminations | truncations
        self.episodes.add(rewards, ended, self.masks)
        self._look_at(observations, info, rewards, terminations, truncations)
        self._look_at_autoreset(observations, rewards, ended, waited, info)
        self._look_at_absent_rows(observations, rewards, ended)
        look_at_info(self, info)
        return Record(*map(copied, result[:4]))

    def observations_of_rows(self, observation: Any) -> list[Any]:
        return list(iterate(self.batch_space, observation))

    def joined(self, actions: list[Any]) -> Any:
        """The batch of these actions, one for each row."""
        single = self.env.single_action_space
        return concatenate(single, actions, create_empty_array(single, len(actions)))

    def _refuse(self, observed: str, advice: str) -> None:
        self.report.problem(observed, advice)
        raise UnusableError

    # ---- Results of a call ----

    def _look_at(self, observations: Any, info: Any, *others: Any) -> None:
        if not isinstance(info, dict):
            self._refuse(f"{self.where}: infos is {info!r:.40} of type {type(info).__name__}", "return a dict as infos")
        self._look_at_observations(observations)
        self.info = info
        if not self._is_live:
            self.hold((observations, *others), "(observations, rewards, terminations, truncations)", _ALIAS)
            self.hold_info(info)

    def _look_at_observations(self, observations: Any) -> None:
        if self.batch_space.contains(observations):
            return
        advice = (
            "return a batch of observation_space: fix the dtype or the shape, clip, or widen single_observation_space"
        )
        form = why_outside(self.batch_space, observations, "observations")
        masks = self.masks
        try:
            rows = self.observations_of_rows(observations)
        except (TypeError, ValueError, KeyError):
            rows = []
        if len(rows) != self.env.num_envs:
            self._refuse(f"{self.where}: {form}", advice)
        single = self.env.single_observation_space
        reasons = {row: why_outside(single, one) for row, one in enumerate(rows) if masks[row]}
        if has_other_form(self.batch_space, observations) or (masks.all() and not any(reasons.values())):
            self.report.problem(f"{self.where}: {form}", advice)
            return
        for row, reason in reasons.items():
            if reason:
                self.report.problem(f"{self.where}, row {row}: {reason}", advice)

    def _look_at_array(self, name: str, array: Any, dtype: np.dtype | None) -> None:
        expected = (self.env.num_envs,)
        if not isinstance(array, np.ndarray) or array.shape != expected or (dtype is not None and array.dtype != dtype):
            got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else f"{array!r:.40}"
            self._refuse(
                f"{self.where}: {name} is {got}",
                f"return {name} as a numpy array of {dtype or 'floats'} of shape (num_envs,)",
            )
        if dtype == np.bool_ and (array.view(np.uint8) > 1).any():
            row = int((array.view(np.uint8) > 1).argmax())
            self._refuse(
                f"{self.where}, row {row}: {name} holds the byte {array.view(np.uint8)[row]}, which is neither 0 nor 1",
                f"write True or False to {name}",
            )

    def _look_at_rewards(self, rewards: Any) -> None:
        self._look_at_array("rewards", rewards, None)
        if rewards.dtype.kind != "f":
            self.report.problem(
                f"{self.where}: rewards have dtype {rewards.dtype}", "return rewards as float64 or float32"
            )
        for row in np.flatnonzero(~np.isfinite(rewards)):
            self.report.problem(
                f"{self.where}, row {row}: the reward is {rewards[row]}",
                "return finite rewards; look for a division by zero",
            )

    def _look_at_absent_rows(self, observations: Any, rewards: np.ndarray, ended: np.ndarray) -> None:
        absent = np.flatnonzero(~self.masks)
        for row in absent:
            if rewards[row] or ended[row] or not is_zero(self.observations_of_rows(observations)[row]):
                self.report.problem(
                    f"{self.where}, row {row}: its mask is False, and observation, reward or flags are not zero",
                    "do not write the rows of agents that do not take part, in step and observe",
                )

    # ---- Autoreset ----

    def _look_at_autoreset(self, observations: Any, rewards: Any, ended: Any, waited: Any, info: dict) -> None:
        if self.mode is AutoresetMode.NEXT_STEP:
            for row in np.flatnonzero(waited & ((rewards != 0) | ended)):
                self.report.problem(
                    f"{self.where}, row {row}: the step after the end of its episode gave reward {rewards[row]} and "
                    f"flags {bool(ended[row])}",
                    self.advice.waiting,
                )
        elif self.mode is AutoresetMode.SAME_STEP:
            self._look_at_finals(ended, info)
        if self.mode is not AutoresetMode.SAME_STEP and "final_obs" in info:
            self.report.suspect(
                f"{self.where}: infos have final_obs in the mode {self.mode}",
                "only SAME_STEP has final_obs; make sure that metadata['autoreset_mode'] matches step()",
            )

    def _look_at_finals(self, ended: np.ndarray, info: dict) -> None:
        rows = self.env.num_envs
        over = ended & self.episodes.restart
        if not over.any() and "final_obs" not in info:
            return
        advice = (
            "in SAME_STEP mode put the last observations of the episodes that end into infos['final_obs'] (objects, "
            "None in other rows), the last infos into infos['final_info'], with the masks '_final_obs', '_final_info'"
        )
        missing = [key for key in ("final_obs", "final_info") if key not in info or f"_{key}" not in info]
        if missing:
            self.report.problem(
                f"{self.where}: rows {np.flatnonzero(over).tolist()} ended, infos have no {missing[0]}", advice
            )
            return
        final, mask = info["final_obs"], np.asarray(info["_final_obs"])
        if len(final) != rows or mask.shape != (rows,) or (over & ~mask).any() or (mask & ~ended).any():
            self.report.problem(
                f"{self.where}: rows {np.flatnonzero(over).tolist()} ended, _final_obs is {mask.tolist()}", advice
            )
            return
        for row in np.flatnonzero(mask):
            reason = why_outside(self.env.single_observation_space, final[row], "final_obs")
            if reason:
                self.report.problem(
                    f"{self.where}, row {row}: {reason}", "keep the last observation of an episode in the space too"
                )
