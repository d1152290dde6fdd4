"""Random play with everything in between that a caller can do, checked after every step. `test_fuzz.py` runs it.

A *script* is drawn from a seed: a number of copies, options, actions, and what else is done, such as partial resets and
snapshots. Two *players* follow it step by step. They differ in what must not matter, such as threads, parts of the
batch and the buffers, so every result of the one must be the other's, bit for bit. A tally of the episodes says what
the flags, masks and statistics must be.
"""

from typing import NamedTuple
from zlib import crc32

import numpy as np
from gymnasium import spaces
from helpers import Tally, assert_inside, assert_same, ended_rows

SIZES = (1, 2, 3, 7, 16, 60, 64, 130, 300)
# Bytes of observations that a script may have.
LARGEST = 2**20
# Rounds of a script, and of the few that are long.
FEWEST_ROUNDS, MOST_ROUNDS, LONG = 12, 150, 3000
# Steps after which episodes are truncated, in a script.
LIMITS = (None, None, None, 1, 2, 9, 40)
GUARD, PATTERN = 256, 0xA5


class Way(NamedTuple):
    """A way of handling an environment that must not show in any result."""

    num_threads: int = 1
    parts: int = 1
    background: bool = False
    buffers: str = "own"
    copy: bool = False
    wide: bool = False
    horizon: int = 0

    @classmethod
    def draw(cls, rng, copies):
        parts = int(rng.choice([count for count in range(1, 9) if copies % count == 0]))
        return cls(
            num_threads=int(rng.choice([2, 3, 5])),
            parts=parts,
            background=bool(rng.integers(2)),
            buffers=str(rng.choice(["own", "exact", "guarded"])),
            copy=bool(rng.integers(2)),
            wide=bool(rng.integers(2)),
            horizon=int(rng.integers(1, 9)) if parts == 1 and rng.integers(2) else 0,
        )


class Result(NamedTuple):
    """What a step of the whole batch returned; `finals`, `returns` and `lengths` are zero where no episode ended."""

    observations: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    finals: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    masks: np.ndarray


class Player:
    """An environment that is handled in one way."""

    def __init__(self, case, copies, way, options, rng, like=None):
        self.way, self.rng = way, rng
        self.guards = []
        buf = None if way.buffers == "own" else self._buffers(like.env.buffers)
        self.env = case.make(
            copies, num_threads=way.num_threads, batch_size=copies // way.parts, buf=buf, copy=way.copy, **options
        )
        self.records = options["record_episodes"]
        # What the class tells of every row.
        self.told = {key for name in self.env.native_env.row_info_names for key in (name, f"_{name}")}
        self.same_step = options["autoreset_mode"] == "SameStep"
        rows = self.env.num_envs // way.parts
        self.parts = [slice(first, first + rows) for first in range(0, self.env.num_envs, rows)]
        self.rollout = None

    def _buffers(self, like):
        """Arrays of one's own for the batch to live in, alone in their memory or between guards."""
        names = ("observations", "actions", "rewards", "terminations", "truncations", "masks")
        if self.way.buffers == "exact":
            return {name: np.full_like(getattr(like, name), 1) for name in names}
        arrays = {}
        for name in names:
            array = getattr(like, name)
            block = np.full(GUARD + array.nbytes + GUARD, PATTERN, np.uint8)
            self.guards += [block[:GUARD], block[GUARD + array.nbytes :]]
            arrays[name] = block[GUARD : GUARD + array.nbytes].view(array.dtype).reshape(array.shape)
        return arrays

    def reset(self, seed):
        """Reset every row; returns the observations."""
        if self.way.horizon:
            self.rollout = self.env.rollout_buffers(self.way.horizon)
        if not self.way.background:
            observations, info = self.env.reset(seed=seed)
            assert set(info) == self.told
            return observations.copy()
        self.env.async_reset(seed=seed)
        results = [self._received(self.env.recv(), rows, self.told) for rows in self.parts]
        assert not any(array.any() for _, *arrays in results for array in arrays)
        return np.concatenate([observations for observations, *_ in results])

    def reset_rows(self, mask, seed):
        observations, info = self.env.reset(seed=seed, options={"reset_mask": mask})
        assert set(info) == self.told
        return observations.copy()

    def step(self, actions):
        if self.way.wide:
            actions = actions.astype(np.int64 if actions.dtype == np.int32 else np.float64)
        stepped = self._step_in_background if self.way.background else self._step_in_turn
        before = self.env.observations.copy()
        result = Result(*map(np.concatenate, zip(*stepped(actions), strict=True)), self.env.masks.copy())
        if self.rollout is not None:
            self._check_rollout(before, actions, result)
        return result

    def _step_in_turn(self, actions):
        return [self._received(self.env.step(actions[rows]), rows, self.told) for rows in self.parts]

    def _step_in_background(self, actions):
        results, sent = [], 0
        while len(results) < len(self.parts):
            if sent < len(self.parts) and (sent == len(results) or self.rng.random() < 0.6):
                self.env.send(actions[self.parts[sent]])
                sent += 1
            else:
                results.append(self._received(self.env.recv(), self.parts[len(results)], self.told))
        return results

    def _received(self, result, rows, told):
        """Copies of what a step of a part returned, as the fields of a `Result` up to the masks."""
        *arrays, info = result
        if len(self.parts) > 1:
            assert info.pop("env_id").tolist() == list(range(rows.start, rows.stop))
        return *(array.copy() for array in arrays), *self._ends(info, arrays[0], ended_rows(result), told)

    def _ends(self, info, observations, ended, told):
        finals, returns = np.zeros_like(observations), np.zeros(len(ended))
        lengths = np.zeros(len(ended), np.int64)
        expected = set(told)
        if ended.any() and self.same_step:
            expected |= {"final_obs", "_final_obs", "final_info", "_final_info"}
            finals[ended] = np.stack(info["final_obs"][ended])
        if ended.any() and self.records:
            expected |= {"episode", "_episode"}
            returns, lengths = info["episode"]["r"], info["episode"]["l"]
            assert (info["episode"]["t"] >= 0).all(), "times of episodes"
        assert set(info) == expected, f"{set(info)} in the info instead of {expected}"
        for mask in expected & {"_final_obs", "_final_info", "_episode"}:
            assert_same(info[mask], ended, mask)
        return finals, returns, lengths

    def _check_rollout(self, before, actions, result):
        rollout, last = self.rollout, self.rollout.steps - 1
        assert_same(rollout.observations[last], before, "rollout.observations")
        assert_same(rollout.next_observations[last], result.observations, "rollout.next_observations")
        assert_same(rollout.actions[last], actions.astype(rollout.actions.dtype), "rollout.actions")
        for name in ("rewards", "terminations", "truncations"):
            assert_same(getattr(rollout, name)[last], getattr(result, name), f"rollout.{name}")

    def close(self):
        self.env.close()
        assert all((guard == PATTERN).all() for guard in self.guards), "written outside the buffers"


class Actions:
    """Actions for every row, in a style that changes now and then; `checked` ones are legal."""

    def __init__(self, rng, space, rows, checked):
        self.rng, self.shape = rng, (rows, *space.shape)
        self.is_box = isinstance(space, spaces.Box)
        if self.is_box:
            self.low, self.high = np.maximum(space.low, -10), np.minimum(space.high, 10)
            largest = np.finfo(np.float32).max
            self.wild = np.array([0, -0.0, 1e-45, -1e-45, 1, -1, 1e10, -1e10, largest, -largest], np.float32)
        else:
            self.low = np.asarray(space.start)
            self.count = np.asarray(space.n if isinstance(space, spaces.Discrete) else space.nvec)
            beyond = [(self.low - 1).min(), (self.low + self.count).max(), -1, 100, 2**30, 2**31 - 1, -(2**31)]
            self.wild = np.array(beyond).astype(np.int32)
        self.styles = ["free", "alike", "sticky"] + (["wild"] if self.is_box or not checked else [])
        self.style = "free"
        self.last = self._free()

    def draw(self):
        """The next actions, in the dtype of the action buffer."""
        if self.rng.random() < 0.06:
            self.style = str(self.rng.choice(self.styles))
        fresh = self._free()
        if self.style == "alike":
            fresh[:] = fresh[0]
        elif self.style == "sticky":
            kept = self.rng.random(len(fresh)) < 0.9
            fresh[kept] = self.last[kept]
        elif self.style == "wild":
            chosen = self.rng.random(self.shape) < 0.3
            fresh[chosen] = self.rng.choice(self.wild, int(chosen.sum()))
        self.last = fresh
        return fresh.copy()

    def _free(self):
        if self.is_box:
            return self.rng.uniform(self.low, self.high, self.shape).astype(np.float32)
        return self.rng.integers(self.low, self.low + self.count, self.shape, dtype=np.int32)


class Saved(NamedTuple):
    """The snapshot of a copy, and what was known about its rows."""

    state: np.ndarray
    observations: np.ndarray | None
    masks: np.ndarray
    tally: list


class Script:
    """What the seed `seed` makes of a case in an autoreset mode, within about `steps` steps of agents.

    `unraisable` is a list that has to stay empty, because functions that cannot raise report there.
    """

    def __init__(self, case, mode, seed, steps, unraisable):
        self.rng = rng = np.random.default_rng([seed, crc32(f"{case}-{mode}".encode())])
        self.mode, self.unraisable = mode, unraisable
        probe = case.make(1)
        size, self.agents = probe.observations.nbytes, probe.agents_per_env
        rows = [copies * self.agents for copies in SIZES if copies * size <= LARGEST] or [self.agents]
        rows = int(rng.choice([count for count in rows if count * FEWEST_ROUNDS <= steps] or rows[:1]))
        self.copies = rows // self.agents
        most_rounds = LONG if rng.random() < 0.05 else MOST_ROUNDS
        self.rounds = int(min(rng.integers(FEWEST_ROUNDS, most_rounds), max(1, steps // rows)))
        checked = bool(rng.integers(2))
        options = {
            "autoreset_mode": mode,
            "max_steps": LIMITS[rng.integers(len(LIMITS))],
            "record_episodes": bool(rng.integers(2)),
            "check_actions": checked,
        }
        self.first = Player(case, self.copies, Way(), options, rng)
        way = Way.draw(rng, self.copies)
        self.second = Player(case, self.copies, way, options, np.random.default_rng(seed), self.first)
        self.players = (self.first, self.second)
        env = self.first.env
        self.is_divisible = env.independent_agents
        self.space = env.single_observation_space
        self.limit = env.max_steps or np.inf
        self.actions = Actions(rng, env.single_action_space, env.num_envs, checked)
        self.tally = Tally(env)
        self.saved = []
        # Whether agents of a copy still show what was there before others of them were reset.
        self.is_outdated = np.zeros(self.copies, np.bool_)
        self.plan = f"{self.copies} copies, {self.rounds} rounds, {options}, {way}"

    # ---- Running ----

    def run(self):
        """Play; returns the number of steps of agents."""
        operations = {
            self.reset: 0.02,
            self.reset_some: 0.06,
            self.save: 0.05,
            self.restore: 0.05,
            self.rewind: 0.02,
            self.check_statistics: 0.03,
            self.draw_picture: 0.01,
        }
        played = 0
        self.reset(seed=int(self.rng.integers(2**63)))
        for _ in range(self.rounds):
            for operation, chance in operations.items():
                if self.rng.random() < chance:
                    played += operation() or 0
                    assert not self.unraisable, self.unraisable
            self.round(self.actions.draw())
            played += 1
        self.check_statistics()
        self.draw_picture()
        for player in self.players:
            player.close()
        assert not self.unraisable, self.unraisable
        return played * self.copies * self.agents

    def both(self, method, *arguments):
        """What both players return, which must be the same."""
        first, second = (getattr(player, method)(*arguments) for player in self.players)
        assert_same(first, second, method)
        return first

    def round(self, actions, left_out=None):
        """A step of all rows; of agents with episodes of their own, some that ended may be left out for a while."""
        if self.mode == "Disabled" and self.tally.restart.any():
            self.reset_ended(left_out)
        began = self.tally.restart & (self.mode == "NextStep")
        result = self.both("step", actions)
        self.is_outdated[:] = False
        self.tally.add(result)
        self.check(result, began)
        assert not self.unraisable, self.unraisable
        return result

    def reset_ended(self, left_out):
        waiting = self.tally.restart.copy()
        if self.is_divisible and self.agents > 1:
            waiting &= self.rng.random(len(waiting)) < 0.5 if left_out is None else ~left_out
        if waiting.any():
            self.both("reset_rows", waiting, None)
        self.begin(waiting)
        self.tally.restart[:] = False

    def begin(self, rows):
        """Tell the tally that the episodes of these rows are new."""
        tally = self.tally
        tally.going[rows] = True
        tally.restart[rows] = False
        tally.lengths[rows] = 0
        tally.returns[rows] = 0

    # ---- What has to be true ----

    def check(self, result, began):
        tally, ended = self.tally, ended_rows(result)
        shown = tally.alive | began | (tally.restart & (self.mode == "SameStep"))
        assert_same(result.masks, shown, "masks")
        for rollout in [player.rollout for player in self.players if player.rollout is not None]:
            assert_same(rollout.masks[rollout.steps - 1], tally.alive, "masks of a rollout")
        assert not result.observations[~shown].any(), "observations of rows that take no part"
        assert_inside(self.space, result.observations[shown])
        assert np.isfinite(result.rewards).all(), "rewards are not finite"
        assert not result.rewards[~tally.alive].any(), "rewards of rows that take no part"
        assert not (ended & ~tally.alive).any(), "ends of rows that take no part"
        lengths = tally.lengths[tally.alive]
        assert (lengths <= self.limit).all(), "episodes beyond max_steps"
        assert (result.truncations[tally.alive] | (lengths < self.limit)).all(), "not truncated at max_steps"
        if self.first.same_step:
            assert_inside(self.space, result.finals[ended])
            goes_on = ended & ~tally.restart
            assert_same(result.finals[goes_on], result.observations[goes_on], "final observations")
        if self.first.records:
            assert_same(result.returns, np.where(ended, tally.returns, 0), "returns")
            assert_same(result.lengths, np.where(ended, tally.lengths, 0), "lengths")

    def check_statistics(self):
        """The statistics are means over the episodes that ended since the last time."""
        episodes = self.tally.episodes
        for player in self.players:
            stats = player.env.stats()
            assert stats["episodes"] == len(episodes), f"{stats} after {len(episodes)} episodes"
            assert np.isfinite(list(stats.values())).all(), stats
            if episodes:
                means = [stats["episode_return"], stats["episode_length"]]
                expected = np.mean(episodes, axis=0)
                assert np.allclose(means, expected, rtol=1e-9, atol=1e-9 * np.abs(episodes).max()), (means, expected)
        episodes.clear()

    def observed(self):
        """The live observations and masks, which are the same for both players."""
        shown = [(player.env.observations.copy(), player.env.masks.copy()) for player in self.players]
        assert_same(*shown, "observations and masks")
        return shown[0]

    # ---- What a caller does between steps ----

    def reset(self, seed=None):
        seeds = (seed, None, self.seeds()) if seed is None else (seed,)
        observations = self.both("reset", seeds[self.rng.integers(len(seeds))])
        self.begin(slice(None))
        self.is_outdated[:] = False
        assert_inside(self.space, observations)
        assert self.observed()[1].all(), "masks after a reset"

    def seeds(self):
        """A seed for each copy, some of them equal."""
        several = self.rng.integers(2**64, size=1 + self.copies // 2, dtype=np.uint64)
        return self.rng.choice(several, self.copies).tolist()

    def reset_some(self):
        units = self.copies * (self.agents if self.is_divisible else 1)
        chosen = self.rng.random(units) < self.rng.random()
        chosen[self.rng.integers(units)] = True
        mask = np.repeat(chosen, self.copies * self.agents // units)
        before, _ = self.observed()
        seed = (None, int(self.rng.integers(2**63)), self.seeds())[self.rng.integers(3)]
        observations = self.both("reset_rows", mask, seed)
        self.begin(mask)
        by_copy = mask.reshape(self.copies, -1)
        self.is_outdated |= by_copy.any(axis=1) & ~by_copy.all(axis=1)
        assert_same(observations[~mask], before[~mask], "rows that were not reset")
        assert_inside(self.space, observations[mask])
        assert self.observed()[1][mask].all(), "masks after a reset of some rows"

    def some_copies(self):
        return self.rng.permutation(self.copies)[: self.rng.integers(1, self.copies + 1)].tolist()

    def rows_of(self, copies):
        """The rows of copies, one line each."""
        return np.asarray(copies)[:, None] * self.agents + np.arange(self.agents)

    def states(self, copies):
        """Snapshots of copies, which both players take alike, except for the times of recorded episodes."""
        states = [player.env.get_state(copies) for player in self.players]
        if not self.first.records:
            assert_same(*states, "get_state")
        return states[self.rng.integers(2)]

    def save(self):
        copies = self.some_copies()
        states, (observations, masks) = self.states(copies), self.observed()
        for state, copy, rows in zip(states, copies, self.rows_of(copies), strict=True):
            shown = None if self.is_outdated[copy] else observations[rows]
            columns = [column[rows].copy() for column in self.tally_columns()]
            self.saved.append(Saved(state, shown, masks[rows], columns))
        self.saved = self.saved[-3 * self.copies :]

    def restore(self):
        """Put snapshots into any copies, some of them perhaps twice."""
        if not self.saved:
            return
        copies = self.some_copies()
        chosen = [self.saved[k] for k in self.rng.integers(len(self.saved), size=len(copies))]
        others = np.setdiff1d(np.arange(self.copies * self.agents), self.rows_of(copies))
        before = self.observed()
        states = np.stack([saved.state for saved in chosen])
        for player in self.players:
            player.env.set_state(states, copies)
            assert_same(player.env.get_state(copies), states, "snapshot of a snapshot")
        after = self.observed()
        assert_same(after[0][others], before[0][others], "observations of the other copies")
        self.is_outdated[copies] = False
        for rows, saved in zip(self.rows_of(copies), chosen, strict=True):
            if saved.observations is not None:
                assert_same(after[0][rows], saved.observations, "restored observations")
            assert_same(after[1][rows], saved.masks, "restored masks")
            for column, values in zip(self.tally_columns(), saved.tally, strict=True):
                column[rows] = values

    def rewind(self):
        """Play on, go back with the copies in another order, and see the same again in that order."""
        everybody = np.zeros(self.copies * self.agents, np.bool_)
        states, columns = self.states(None), [column.copy() for column in self.tally_columns()]
        actions = [self.actions.draw() for _ in range(self.rng.integers(1, 12))]
        results = [self.round(action, left_out=everybody) for action in actions]
        order = self.rng.permutation(self.copies)
        rows = self.rows_of(order).ravel()
        for player in self.players:
            player.env.set_state(states[order])
        for column, values in zip(self.tally_columns(), columns, strict=True):
            column[:] = values[rows]
        for action, result in zip(actions, results, strict=True):
            again = self.round(action[rows], left_out=everybody)
            assert_same(tuple(again), tuple(array[rows] for array in result), "what was rewound")
        return 2 * len(actions)

    def tally_columns(self):
        tally = self.tally
        return [tally.going, tally.restart, tally.lengths, tally.returns]

    def draw_picture(self):
        copy = int(self.rng.integers(self.copies))
        before = self.states(None), self.observed()
        frames = [player.env.render_copy(copy) for player in self.players]
        assert_same(*frames, "picture")
        if "ansi" in self.first.env.metadata["render_modes"]:
            assert_same(*(player.env.ansi_copy(copy) for player in self.players), "text")
        if not self.first.records:
            assert_same((self.states(None), self.observed()), before, "state after a picture")
