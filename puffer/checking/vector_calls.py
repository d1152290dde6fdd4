"""The checks of the contract of `gymnasium.vector.VectorEnv`: spaces, lists of seeds, partial resets, autoreset."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import Space
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, iterate

from puffer.checking import common
from puffer.checking.driver import SHORT, advance, has_ended
from puffer.checking.report import UnusableError
from puffer.checking.single import suspect_infinite_bounds
from puffer.checking.values import difference
from puffer.checking.vector import VectorDriver


def declarations(env: Any, report: Any) -> None:
    """Check the number of rows, the spaces and the metadata. Raises UnusableError if no other check can run."""
    rows = getattr(env, "num_envs", None)
    if not isinstance(rows, (int, np.integer)) or rows < 1:
        report.problem(f"num_envs is {rows!r}", "set self.num_envs to the number of rows")
        raise UnusableError
    for kind in ("observation", "action"):
        single, batch = (getattr(env, name, None) for name in (f"single_{kind}_space", f"{kind}_space"))
        if not isinstance(single, Space):
            report.problem(
                f"single_{kind}_space is {single!r:.80}", f"set self.single_{kind}_space to a gymnasium.Space"
            )
            raise UnusableError
        if batch != batch_space(single, rows):
            report.problem(
                f"{kind}_space is {batch!r:.100} for single_{kind}_space {single!r:.100}",
                f"set self.{kind}_space = gymnasium.vector.utils.batch_space(self.single_{kind}_space, self.num_envs)",
            )
    mode = env.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        report.problem(
            f"metadata['autoreset_mode'] is {mode!r}",
            "set it to a member of gymnasium.vector.AutoresetMode, because wrappers and training loops read it",
        )
    if env.metadata is gymnasium.vector.VectorEnv.metadata:
        report.problem(
            "metadata is the dict of gymnasium.vector.VectorEnv itself",
            "give the object its own dict (self.metadata = {...}), because this one belongs to all vector environments",
        )
    if getattr(env, "spec", None) is not None and not isinstance(env.spec, EnvSpec):
        report.suspect(
            f"spec is of type {type(env.spec).__name__}",
            "make spec a gymnasium EnvSpec or None, because wrappers and repr() read spec.id",
        )


def infinite_bounds(driver: VectorDriver, steps: int, seed: int) -> None:
    """Observations have bounds."""
    suspect_infinite_bounds(driver, driver.env.single_observation_space)


def seed_lists(driver: VectorDriver, steps: int, seed: int) -> None:
    """reset(seed=[...]) gives every copy its own seed."""
    report, copies = driver.report, driver.env.num_envs // driver.agents
    try:
        driver.env.reset(seed=[seed] * copies)
    except Exception as error:
        # Any exception means that the environment takes no lists.
        report.suspect(
            f"reset(seed=[{seed}, ...]), one for each of {copies} copies, raised {type(error).__name__}: {error}",
            "let reset() take a list with a seed for each copy, as SyncVectorEnv does",
        )
        return
    driver.require_repeatable()
    own = [seed + 10 * copy for copy in range(copies)]
    first, other, again = (driver.reset(list(seeds)) for seeds in (own, own[::-1], own))
    change = difference(first.observation, again.observation, "observations")
    if change:
        report.problem(f"reset(seed={own}), twice: {change}", "seed each copy with its entry of the list")
    one, last = driver.observations_of_rows(first.observation), driver.observations_of_rows(other.observation)
    agents = driver.agents
    for agent in range(agents):
        change = difference(one[agent], last[agent - agents], "observation")
        if change:
            report.problem(
                f"the same seed in copy 0 and in copy {copies - 1} of reset(seed=[...]): {change}",
                driver.advice.listed,
            )
    _expect_refusal(driver, {"seed": [*own, seed]}, "a list of seeds that is too long")


def partial_resets(driver: VectorDriver, steps: int, seed: int) -> None:
    """options["reset_mask"] resets the selected rows and leaves the others alone."""
    env, report, agents = driver.env, driver.report, driver.agents
    copies = env.num_envs // agents
    if copies < 2:
        report.skip("partial resets need two copies")
        return
    driver.seed_actions()
    driver.reset(seed)
    for _ in range(3):
        record = advance(driver)
    mask = np.repeat(np.arange(copies) % 2 == 0, agents)
    before = driver.observations_of_rows(record.observation)
    after = driver.observations_of_rows(driver.reset(mask=mask).observation)
    if set(driver.options) != {"reset_mask"}:
        report.problem(
            "reset(options=options) took 'reset_mask' out of the caller's dict",
            "read options['reset_mask'] without pop(), because a caller who uses the dict again would reset every row",
        )
    elif not np.array_equal(driver.options["reset_mask"], mask):
        report.problem("reset(options=...) changed the caller's reset_mask", "copy the mask before changing it")
    for row in np.flatnonzero(~mask):
        change = difference(before[row], after[row], f"observations[{row}]")
        if change:
            report.problem(
                f"a reset with reset_mask {mask.tolist()}, before and after: {change}",
                driver.advice.partial,
            )
            return
    driver.reset(seed, mask=mask)
    rows = env.num_envs
    for name, mask in (
        ("a list as reset_mask", [True] * rows),
        ("integers as reset_mask", np.ones(rows, np.int64)),
        ("a reset_mask that is too short", np.ones(rows - 1, np.bool_)),
        ("a reset_mask without any row", np.zeros(rows, np.bool_)),
    ):
        _expect_refusal(driver, {"options": {"reset_mask": mask}}, name)


def _expect_refusal(driver: VectorDriver, arguments: dict, name: str) -> None:
    try:
        driver.env.reset(**arguments)
    except (TypeError, ValueError, AssertionError):
        return
    driver.report.problem(f"reset() accepted {name}", f"raise TypeError or ValueError for {name}")


def ignored_actions(driver: VectorDriver, steps: int, seed: int) -> None:
    """NEXT_STEP: the action after the end of an episode has no effect on the rows that are reset."""
    if driver.mode is not AutoresetMode.NEXT_STEP:
        return
    driver.require_repeatable()
    before = _actions_to_an_end(driver, steps, seed)
    if before is None:
        driver.report.skip(f"no episode ended in {steps} steps")
        return
    rows = np.flatnonzero(driver.episodes.restart)
    actions = list(iterate(driver.action_space, driver.sample()))
    results = []
    for _ in range(4):
        _replay(driver, seed, before)
        for row in rows:
            actions[row] = driver.env.single_action_space.sample()
        results.append(driver.observations_of_rows(driver.step(driver.joined(actions)).observation))
    for row in rows:
        change = next(filter(None, (difference(results[0][row], other[row]) for other in results[1:])), None)
        if change:
            driver.report.problem(
                f"{driver.where}, row {row}, after the end of an episode, with two actions: its observation{change}",
                "in NEXT_STEP mode let the step after an end ignore the action, also for its random numbers",
            )
            return


def _actions_to_an_end(driver: VectorDriver, steps: int, seed: int) -> list[Any] | None:
    driver.seed_actions()
    driver.reset(seed)
    actions = []
    for _ in range(steps):
        actions.append(driver.sample())
        driver.step(actions[-1])
        if driver.episodes.restart.any():
            return actions
    return None


def _replay(driver: VectorDriver, seed: int, actions: list[Any]) -> None:
    driver.reset(seed)
    for action in actions:
        driver.step(action)


def first_observations(driver: VectorDriver, steps: int, seed: int) -> None:
    """SAME_STEP: a step that ends an episode returns the first observation of the next one."""
    if driver.mode is not AutoresetMode.SAME_STEP:
        return
    driver.seed_actions()
    start = driver.reset(seed)
    ends = same = 0
    moved = False
    for _ in range(steps):
        record = driver.step(driver.sample())
        moved = moved or difference(start.observation, record.observation, "") is not None
        if not has_ended(record) or "final_obs" not in driver.info:
            continue
        rows = driver.observations_of_rows(record.observation)
        for row, final in enumerate(driver.info["final_obs"]):
            if final is not None and driver.episodes.restart[row]:
                ends += 1
                same += difference(rows[row], final, "") is None
    # A constant observation proves nothing.
    if moved and ends > 2 and ends == same:
        driver.report.problem(
            f"at all of {ends} ends of episodes the observation was that of final_obs",
            "in SAME_STEP mode reset in the step that ends, and return the first observation of the new episode",
        )


def waiting_rows(driver: VectorDriver, steps: int, seed: int) -> None:
    """DISABLED: a row whose episode has ended is not stepped."""
    if driver.mode is not AutoresetMode.DISABLED:
        return
    if _actions_to_an_end(driver, steps, seed) is None:
        driver.report.skip(f"no episode ended in {steps} steps")
        return
    if driver.are_independent:
        return
    try:
        driver.env.step(driver.sample())
    except Exception:
        # Any exception is fine; SyncVectorEnv has an assertion.
        driver.reset(seed)
        return
    driver.report.suspect(
        "with autoreset disabled, a row whose episode had ended was stepped",
        "raise an exception for a step of such rows, because otherwise a forgotten reset goes unnoticed",
    )


def different_copies(driver: VectorDriver, steps: int, seed: int) -> None:
    """Copies with different seeds differ when all rows get the same actions."""
    agents = driver.agents
    if driver.env.num_envs // agents < 2 or not driver.is_random:
        return
    driver.seed_actions()
    single = driver.env.single_action_space
    single.seed(seed)
    records = [driver.reset(seed)]
    for _ in range(min(steps, SHORT)):
        if driver.must_reset:
            driver.restart()
        records.append(driver.step(driver.joined([single.sample()] * driver.env.num_envs)))
    by_row = [driver.observations_of_rows(record.observation) for record in records]
    # If the observation never changes, rewards may differ.
    by_row += [list(record.reward) for record in records[1:]]
    first = [rows[:agents] for rows in by_row]
    for copy in range(1, driver.env.num_envs // agents):
        if difference(first, [rows[copy * agents : (copy + 1) * agents] for rows in by_row], "") is not None:
            return
    driver.report.problem(
        f"after reset(seed={seed}), with the same actions, all copies played the same {len(records) - 1} steps",
        "give every copy its own random stream; for an int seed s, seed copy i with s + i",
    )


CHECKS = [
    infinite_bounds,
    *common.CHECKS,
    seed_lists,
    different_copies,
    partial_resets,
    ignored_actions,
    first_observations,
    waiting_rows,
]
