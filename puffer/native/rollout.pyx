"""Buffers of a whole rollout, which steps write into.

Where the copies step natively, all together and in the layout "time", they write straight into the rollout. Otherwise a
step is copied there when it is finished: of a part of the batch, of environments in Python, and for the layout "agent".
"""
import numpy as np
from gymnasium.vector import AutoresetMode

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cimport numpy as cnp

from puffer import checks
from puffer.native.arena import adopted, arena_of
from puffer.native.ends_log import joined_ends

from puffer.native.backend cimport Part
from puffer.native.buffers cimport Buffers
from puffer.native.ends cimport EndsForm, EpisodeEnds
from puffer.native.ends_log cimport EndsLog
from puffer.native.targets cimport aim, target_t, widen, write, write_rows

cnp.import_array()

# The order of the targets.
cdef enum:
    OBSERVATIONS
    ACTIONS
    REWARDS
    TERMINATIONS
    TRUNCATIONS
    MASKS
    STARTS
    DONES
    ACTION_MASKS

NAMES = ("observations", "actions", "rewards", "terminations", "truncations", "masks", "starts", "dones",
         "action_masks")
LAYOUTS = ("time", "agent")


cdef class Rollout:
    """Buffers of `horizon` steps, made by `rollout_buffers(horizon)` of a batch.

Step t is written to place t of every array. After `horizon` steps, the next one begins again at place 0, overwriting;
the last observations, and whether episodes begin with them, carry over. Each part of a batch with a smaller
`batch_size` counts its own steps, so that one part may be stepped while the policy works on another.

Attributes
----------
horizon : int
layout : "time" or "agent"
    Whether arrays have the shape (horizon, rows, ...) or (rows, horizon, ...); the first is said here.
steps : int
    Steps that every part has written since the rollout began, 0 to horizon.
observations : (horizon, rows, ...)
    What the policy saw: place t is the observation that action t answered.
next_observations : (horizon, rows, ...)
    What step t returned, which may be the first observation of a new episode. The same memory, one step on.
all_observations : (horizon + 1, rows, ...)
    Both.
actions : (horizon, rows, ...)
rewards : (horizon, rows) float32
terminations, truncations : (horizon, rows) bool
masks : (horizon, rows) bool
    Whether the step was one of an episode of the row: False for agents that take no part, and where the autoreset mode
    NEXT_STEP begins an episode.
starts : (horizon, rows) bool
    Whether an episode begins with `observations` at that place, so that a recurrent policy forgets what came before.
dones : (horizon, rows) float32 or None
    1 where the step terminated or truncated, if it was asked for.
action_masks : (horizon, rows, actions) bool or None
    Which actions the policy could take at that place, as `action_masks` of the batch had it; None where it has none.
    Those of infos, which are known after the first reset, then have memory of their own beside the arena.
ends : RolloutEnds
    The episodes that ended, with their last observations: the values of those that were truncated are one call.
arena : (bytes,) uint8
    The memory of all arrays, so that one transfer moves everything; None if memory was given.
arrays : dict
    The arrays by name, as NumPy arrays over the same memory where `torch=True` shows tensors.
"""

    def __init__(self, Buffers home not None, parts, *, horizon, agents, group, mode, layout="time", buffers=None,
                 torch=False, pinned=False, action_dtype=None, dones=False, action_masks=None):
        if self.shown is not None:
            raise RuntimeError("this Rollout is already made")
        self.horizon = horizon
        self.layout = checks.choice("layout", layout, LAYOUTS)
        self.num_rows, self.agents, self.group = len(home.rewards), agents, group
        self.same_step, self.next_step = mode is AutoresetMode.SAME_STEP, mode is AutoresetMode.NEXT_STEP
        self.counts = np.zeros(parts, np.int64)
        observation = home.observations
        form = EndsForm(self.num_rows, 0, observation.shape[1:], observation.dtype, False)
        self.logs = [EndsLog(form) for _ in range(parts)]
        forms = self._forms(home, _action_dtype(home.actions.dtype, action_dtype), dones, action_masks)
        self.of_torch, self.pinned = bool(torch), bool(pinned)
        if buffers is None:
            self.arena, self.own, shown = arena_of(forms, torch, pinned)
        else:
            if torch or pinned:
                raise TypeError("torch and pinned are for memory that is made here; give tensors as buffers instead")
            self.own, shown = adopted(forms, buffers, home)
        self.widens_actions = self.own["actions"].dtype != home.actions.dtype
        for k, name in enumerate(NAMES):
            if name in self.own:
                aim(&self.targets[k], self.own[name], self.layout == "agent")
        self.alive, self.begins, self.over = (np.ones(self.num_rows, np.uint8) for _ in range(3))
        self.own["masks"][...] = True
        self.shown = shown

    def _shaped(self, count, array):
        """The shape of `count` places for the rows of an array."""
        sizes = (count, self.num_rows) if self.layout == "time" else (self.num_rows, count)
        return (*sizes, *array.shape[1:])

    def _forms(self, Buffers home, action_dtype, dones, action_masks):
        """The shape and dtype of every array."""
        shaped = self._shaped
        forms = {name: (shaped(self.horizon, getattr(home, name)), getattr(home, name).dtype)
                 for name in ("rewards", "terminations", "truncations", "masks")}
        forms["starts"] = forms["masks"]
        if dones:
            forms["dones"] = forms["rewards"]
        if action_masks is not None:
            forms["action_masks"] = (shaped(self.horizon, action_masks), action_masks.dtype)
        return {
            "observations": (shaped(self.horizon + 1, home.observations), home.observations.dtype),
            "actions": (shaped(self.horizon, home.actions), action_dtype),
            **forms,
        }

    cdef int require_made(self) except -1:
        if self.shown is None:
            raise TypeError("a Rollout is made by rollout_buffers() of a batch")
        return 0

    # ---- What users see ----

    @property
    def steps(self):
        self.require_made()
        return min(self.counts)

    @property
    def arrays(self):
        return dict(self.own)

    @property
    def all_observations(self):
        return self.shown["observations"]

    @property
    def observations(self):
        return self._steps_of(self.shown["observations"], slice(None, -1))

    @property
    def next_observations(self):
        return self._steps_of(self.shown["observations"], slice(1, None))

    def _steps_of(self, array, steps):
        return array[steps] if self.layout == "time" else array[:, steps]

    @property
    def actions(self):
        return self.shown["actions"]

    @property
    def rewards(self):
        return self.shown["rewards"]

    @property
    def terminations(self):
        return self.shown["terminations"]

    @property
    def truncations(self):
        return self.shown["truncations"]

    @property
    def masks(self):
        return self.shown["masks"]

    @property
    def starts(self):
        return self.shown["starts"]

    @property
    def dones(self):
        return self.shown.get("dones")

    @property
    def action_masks(self):
        return self.shown.get("action_masks")

    @property
    def ends(self):
        return joined_ends(self.logs)

    def __repr__(self):
        return f"<Rollout of {self.horizon} steps and {self.num_rows} rows, layout {self.layout!r}: {self.steps} steps>"

    # ---- What the batch calls ----

    cdef int lead_to(self, Buffers home) except -1:
        """Let steps write directly: they are to be given `first_buffers` and `step_buffers`."""
        observations = self.own["observations"]
        outputs = [self.own[name] for name in ("rewards", "terminations", "truncations")]

        # Not by the constructor, which checks: that takes a second for some ten thousand steps.
        def buffers(observations, rewards, terminations, truncations):
            cdef Buffers made = Buffers.__new__(Buffers)
            made.observations, made.rewards = observations, rewards
            made.terminations, made.truncations = terminations, truncations
            # Actions are checked in the buffers of the batch, where the copies read them.
            made.actions, made.masks = home.actions, home.masks
            made.observation_memory = <char*>cnp.PyArray_DATA(<cnp.ndarray>made.observations)
            return made

        self.first_buffers = buffers(observations[0], home.rewards, home.terminations, home.truncations)
        self.step_buffers = [buffers(observations[t + 1], *[array[t] for array in outputs])
                             for t in range(self.horizon)]
        return 0

    cdef int keep_action_masks(self, cnp.ndarray live) except -1:
        """Have an array for masks such as these."""
        if self.targets[ACTION_MASKS].start != NULL:
            return 0
        form = (self._shaped(self.horizon, live), live.dtype)
        _, own, shown = arena_of({"action_masks": form}, self.of_torch, self.pinned)
        self.own.update(own)
        self.shown.update(shown)
        self.own["action_masks"][...] = True
        aim(&self.targets[ACTION_MASKS], self.own["action_masks"], self.layout == "agent")
        return 0

    cdef int begin(self, Part part, cnp.ndarray action_masks) except -1:
        """Begin a step of a part, whose actions have been checked; `action_masks` are those of all rows, or None."""
        cdef Py_ssize_t step = self.counts[part.index]
        cdef Py_ssize_t first = part.first * self.agents, last = part.last * self.agents
        cdef target_t* target = &self.targets[ACTIONS]
        if step == self.horizon:
            self.carry_over(first, last)
            (<EndsLog>self.logs[part.index]).count = 0
            self.counts[part.index] = step = 0
        if self.widens_actions:
            widen(target, step, first, part.actions)
        else:
            write(target, step, first, last, <const char*>cnp.PyArray_DATA(part.actions))
        write(&self.targets[STARTS], step, first, last, <const char*>&self.begins[first])
        if action_masks is not None:
            self.keep_action_masks(action_masks)
            write_rows(&self.targets[ACTION_MASKS], step, first, last, action_masks)
        return 0

    cdef int carry_over(self, Py_ssize_t first, Py_ssize_t last) except -1:
        """Make the last observations the first ones."""
        cdef target_t* target = &self.targets[OBSERVATIONS]
        cdef char* to
        cdef Py_ssize_t row
        if target.row == target.size:
            to = target.start + first * target.row
            memcpy(to, to + self.horizon * target.step, (last - first) * target.size)
            return 0
        for row in range(first, last):
            to = target.start + row * target.row
            memcpy(to, to + self.horizon * target.step, target.size)
        return 0

    cdef int record(self, Part part, Buffers results) except -1:
        """Take over what a part's step has left in its rows of `results`."""
        cdef Py_ssize_t step = self.counts[part.index], row
        cdef Py_ssize_t first = part.first * self.agents, last = part.last * self.agents
        cdef const uint8_t* terminations = <const uint8_t*>cnp.PyArray_DATA(results.terminations) + first
        cdef const uint8_t* truncations = <const uint8_t*>cnp.PyArray_DATA(results.truncations) + first
        cdef char* to
        self.counts[part.index] = step + 1
        if self.step_buffers is None:
            write_rows(&self.targets[OBSERVATIONS], step + 1, first, last, results.observations)
            write_rows(&self.targets[REWARDS], step, first, last, results.rewards)
            write(&self.targets[TERMINATIONS], step, first, last, <const char*>terminations)
            write(&self.targets[TRUNCATIONS], step, first, last, <const char*>truncations)
        if part.ends is not None:
            (<EndsLog>self.logs[part.index]).add(step, <EpisodeEnds?>part.ends)
        if self.targets[DONES].start != NULL:
            for row in range(first, last):
                to = self.targets[DONES].start + step * self.targets[DONES].step + row * self.targets[DONES].row
                (<float*>to)[0] = terminations[row - first] | truncations[row - first]
        self.follow(step, first, last, terminations, truncations,
                    <const uint8_t*>cnp.PyArray_DATA(results.masks) + first)
        return 0

    cdef int follow(self, Py_ssize_t step, Py_ssize_t first, Py_ssize_t last, const uint8_t* terminations,
                    const uint8_t* truncations, const uint8_t* live) except -1:
        """Write which rows took part in a step, and note which ones begin an episode after it."""
        cdef uint8_t[::1] took_part
        cdef uint8_t* begins = &self.begins[first]
        cdef uint8_t* over = &self.over[first]
        cdef Py_ssize_t k = 0
        if self.agents == 1 and not self.next_step:
            for k in range(last - first):
                begins[k] = terminations[k] | truncations[k]
            return 0
        took_part = np.zeros(last - first, np.uint8)
        if self.agents == 1:
            for k in range(last - first):
                begins[k] = over[k]
                took_part[k] = over[k] ^ 1
                over[k] = (terminations[k] | truncations[k]) & took_part[k]
        else:
            while k < last - first:
                self.follow_group(first + k, terminations + k, truncations + k, live + k, &took_part[k])
                k += self.group
        write(&self.targets[MASKS], step, first, last, <const char*>&took_part[0])
        return 0

    cdef int follow_group(self, Py_ssize_t first, const uint8_t* terminations, const uint8_t* truncations,
                          const uint8_t* live, uint8_t* took_part) except -1:
        """The same for rows that share an episode."""
        cdef Py_ssize_t k
        cdef bint goes_on = False, restarts
        if self.over[first]:
            for k in range(self.group):
                self.begins[first + k] = self.alive[first + k] = live[k]
            self.over[first] = False
            return 0
        for k in range(self.group):
            took_part[k] = self.alive[first + k]
            self.alive[first + k] &= not (terminations[k] | truncations[k])
            goes_on |= self.alive[first + k]
        self.over[first] = self.next_step and not goes_on
        restarts = self.same_step and not goes_on
        for k in range(self.group):
            self.begins[first + k] = restarts and live[k]
            # Agents of environments in Python come and go while the episode goes on.
            if restarts or (goes_on and not (terminations[k] | truncations[k])):
                self.alive[first + k] = live[k]
        return 0

    cdef int restart(self, object rows, Buffers results) except -1:
        """Take over a reset of these rows, a mask, or of all rows, with which the rollout begins."""
        cdef cnp.ndarray masks = results.masks
        if rows is None:
            self.counts[:] = 0
            for log in self.logs:
                (<EndsLog>log).count = 0
        chosen = np.ones(self.num_rows, np.bool_) if rows is None else rows
        np.asarray(self.begins)[chosen] = np.asarray(self.alive)[chosen] = masks[chosen]
        np.asarray(self.over)[chosen] = False
        return self.see(results)

    def restored(self, rows, alive, is_first):
        """Take over which of these rows, restored from snapshots, take part in the next step, and begin with it."""
        self.require_made()
        np.asarray(self.alive)[rows] = alive[rows]
        np.asarray(self.begins)[rows] = alive[rows] & is_first[rows]
        if self.next_step:
            np.asarray(self.over)[::self.group] = ~alive.reshape(-1, self.group).any(axis=1)

    cdef int see(self, Buffers results) except -1:
        """Take over the observations that the coming actions answer."""
        cdef Py_ssize_t part, count = self.counts.shape[0], rows = self.num_rows // count
        if self.step_buffers is None:
            for part in range(count):
                write_rows(&self.targets[OBSERVATIONS], self.counts[part], part * rows, (part + 1) * rows,
                           results.observations)
        return 0


def _action_dtype(own, given):
    """The dtype of the actions of a rollout."""
    if given is None or np.dtype(given) == own:
        return own
    if own == np.int32 and np.dtype(given) == np.int64:
        return np.dtype(np.int64)
    allowed = "int32 or int64" if own == np.int32 else own
    raise ValueError(f"action_dtype must be {allowed}, got {np.dtype(given)}")
