"""Adapters: each drives one copy of an environment and writes its observations, rewards and flags into its rows."""
import inspect
from collections.abc import Mapping

import numpy as np
from gymnasium import Env as GymnasiumEnv
from gymnasium import spaces

cimport numpy as cnp
from libc.math cimport INFINITY, isinf
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from puffer.rendering import rendering_of
from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.layout.rows import LayoutError
from puffer.layout.spec import CopySpec

cnp.import_array()


cdef class Adapter:
    """Adapter(env, observation_space, action_space, agents_per_env=1, max_steps=None, max_length=None)
--

Drives one copy of a Python environment whose agents have these spaces; `max_length` is that of their `Layout`. Base of
the adapters for each kind.

Attributes
----------
env
    The environment.
layout, action_layout
    How its observations and actions lie in a row.
max_steps : int or None
    Its time limit.
rendering : puffer.rendering.Rendering
copy_action_space : MultiDiscrete or Box, (agents_per_env, ...), or None
    The actions of all rows of a copy, if its agents do not have the same ones; `action_layout` then spans them all.
ended : bool
    Whether the episode of the copy is over: no step until the next reset.
seeds : iterator of int or None
    Seeds for resets that are given none, as long as it has some.
options : dict or None
    Options of the coming reset.
"""

    def __init__(self, env, observation_space, action_space, Py_ssize_t agents_per_env=1, max_steps=None,
                 max_length=None):
        self.env = env
        self.max_steps = max_steps
        self.rendering = rendering_of(env)
        self.layout = Layout(observation_space, max_length)
        self.action_layout = ActionLayout(action_space)
        self.plan = self.layout
        self.agents_per_env = agents_per_env
        self.scalar_actions = isinstance(self.action_layout.space, spaces.Discrete)
        self.plain_actions = self.action_layout.is_plain
        self.env_reset = env.reset
        self.takes_seed = takes_parameter(env.reset, "seed")
        self.takes_options = takes_parameter(env.reset, "options")
        self.needs_options = needs_parameter(env.reset, "options")

    @property
    def spec(self):
        """What this copy has in common with the others of its batch, a CopySpec."""
        return CopySpec(self.layout, self.action_layout, self.agents_per_env, self.copy_action_space, self.max_steps,
                        self.rendering)

    def attach(self, buffers, Py_ssize_t first_row):
        """Use the rows from `first_row` on of these `Buffers`."""
        self.buffers = buffers
        self.first_row = first_row
        self.actions = buffers.actions
        self.observation_memory = <char*><uintptr_t>buffers.observations.ctypes.data
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks

    def reseed(self):
        """Let `seeds` begin anew, without end, from every seed that is given, and now from a fresh one.

        For an environment that without a seed takes one from the operating system, and so would not play the same
        twice.
        """
        self.reseeds = True
        self.seeds = seeds_after(None)

    cdef object seed_of(self, object seed):
        """The seed for a reset that was given `seed`."""
        if seed is None:
            return None if self.seeds is None else next(self.seeds, None)
        self.seeds = seeds_after(seed) if self.reseeds else None
        return seed

    cdef object call_reset(self, object seed):
        """What reset() of the environment returns, called with the arguments that it takes."""
        cdef dict arguments = {}
        self.require_options(self.options)
        if self.takes_seed:
            arguments["seed"] = seed
        # An environment may have options by default, in place of which None would come.
        if self.needs_options or self.takes_options and self.options is not None:
            arguments["options"] = self.options
        return self.env_reset(**arguments)

    def observation_and_info(self, result):
        """What reset() has returned, an observation or a pair with infos, as a pair; None for infos that are not there.

        Raises TypeError where the two cannot be told apart.
        """
        space = self.layout.space
        if not isinstance(result, (tuple, list)) or len(result) != 2 or not _is_info(result[1]):
            return result, None
        if not isinstance(space, spaces.Tuple) or len(space) != 2:
            return tuple(result)
        is_observation, is_pair = self._fits(tuple(result)), self._fits(result[0])
        if is_observation == is_pair:
            raise TypeError(
                f"reset() returned {result!r:.200}, which can be an observation of {space} or a pair (observation, "
                f"info), and is {'both' if is_pair else 'neither'}: return an observation of the space alone, or "
                f"(observation, info)"
            )
        return (result, None) if is_observation else tuple(result)

    def _fits(self, observation):
        """Whether it can be written as an observation, or by agent id as several. The first row changes."""
        for value in observation.values() if isinstance(observation, dict) else (observation,):
            try:
                self.write_observation(0, value)
            except (LayoutError, TypeError, ValueError):
                return False
        return True

    def require_options(self, options):
        """Raise TypeError if the environment's reset() cannot be given these options."""
        if options and not self.takes_options:
            raise TypeError(f"reset() of {self.env} takes no options, got {options!r}; write "
                            "reset(self, *, seed=None, options=None)")

    cpdef object write_observation(self, Py_ssize_t agent, observation):
        """Put the observation of an agent of this copy into its row. Raises LayoutError if it does not fit."""
        self.plan.write_row(observation, self.observation_memory + (self.first_row + agent) * self.plan.row_size)

    cpdef object clear_observation(self, Py_ssize_t agent):
        """Make the row of an agent that takes no part zero."""
        memset(self.observation_memory + (self.first_row + agent) * self.plan.row_size, 0, self.plan.row_size)

    cpdef object read_action(self, Py_ssize_t agent):
        """The action for an agent of this copy, as its space has it."""
        cdef Py_ssize_t row = self.first_row + agent
        if self.scalar_actions:
            return cnp.PyArray_ToScalar(cnp.PyArray_BYTES(self.actions) + row * cnp.PyArray_ITEMSIZE(self.actions),
                                        self.actions)
        action = self.actions[row]
        return action.copy() if self.plain_actions else self.action_layout.value(action)

    cpdef object reset(self, object seed, list infos):
        """Begin an episode; seed is an int or None. Writes observations and masks, appends (row, info) to infos."""
        raise NotImplementedError

    cpdef object step(self, list infos):
        """Step with the actions of the buffers. Writes observations, rewards, flags and masks (rewards and flags are
        zero before), sets `ended`, appends (row, info) to infos."""
        raise NotImplementedError

    def render(self):
        """What the environment's render() returns."""
        return self.env.render()

    def close(self):
        """Close the environment, if that is a thing that it does."""
        close = getattr(self.env, "close", None)
        if close is not None:
            close()


cdef class GymAdapter(Adapter):
    """GymAdapter(env, max_steps=None, max_length=None)
--

Drives an environment with one agent: a `gymnasium.Env`, or one with the same methods, whose `step` may return the older
(observation, reward, done, info) and whose `reset` may return the observation alone or take no seed.
"""

    def __init__(self, env, max_steps=None, max_length=None):
        super().__init__(env, env.observation_space, env.action_space, 1, max_steps, max_length)
        self.env_step = env.step
        self.is_current = isinstance(env, GymnasiumEnv)
        self.takes_seed |= self.is_current

    cpdef object reset(self, object seed, list infos):
        if not self.takes_seed and seed is not None and hasattr(self.env, "seed"):
            self.env.seed(seed)
        result = self.call_reset(seed)
        if not self.is_current:
            observation, info = self.observation_and_info(result)
        elif isinstance(result, (tuple, list)) and len(result) == 2 and isinstance(result[1], (dict, Mapping)):
            observation, info = result
        else:
            raise TypeError(f"reset() of a gymnasium.Env must return (observation, info), got {result!r:.80}")
        self.plan.write_row(observation, self.observation_memory + self.first_row * self.plan.row_size)
        self.ended = False
        if info:
            self.report(info, infos)

    cpdef object step(self, list infos):
        cdef Py_ssize_t row = self.first_row
        cdef bint terminated, truncated
        result = self.env_step(self.read_action(0))
        if not isinstance(result, (tuple, list)) or not 4 <= len(result) <= 5:
            raise TypeError(f"step() must return 5 values (or the older 4), got {result!r:.80}")
        if len(result) == 5:
            observation, reward, terminated, truncated, info = result
        else:
            observation, reward, terminated, info = result
            truncated = bool(terminated and isinstance(info, dict) and info.get("TimeLimit.truncated", False))
            terminated = terminated and not truncated
        self.plan.write_row(observation, self.observation_memory + row * self.plan.row_size)
        self.rewards[row] = as_reward(reward)
        self.terminations[row] = terminated
        self.truncations[row] = truncated
        self.ended = terminated or truncated
        if info:
            self.report(info, infos)

    cdef int report(self, object info, list infos) except -1:
        infos.append((self.first_row, as_info(info, "an environment")))
        return 0


def _is_info(value):
    """Whether a value may be an info, or a list with one for each agent."""
    return value is None or isinstance(value, (dict, Mapping)) or (
        isinstance(value, list) and all([one is None or isinstance(one, (dict, Mapping)) for one in value]))


cdef float as_reward(object reward) except? -1:
    """A reward as a row holds it. Raises TypeError for something else than a number, ValueError for one too large."""
    cdef double value
    if cnp.PyArray_Check(reward) and cnp.PyArray_NDIM(reward):
        raise TypeError(f"a reward must be one number, got {reward!r:.80} of shape {reward.shape}; return "
                        f"float(...) of the number in it")
    try:
        value = reward
    except (TypeError, ValueError) as error:
        remedy = "return float(reward[0])" if _is_single(reward) else "return a float"
        raise TypeError(f"a reward must be one number, got {reward!r:.80} ({error}); {remedy}") from None
    except OverflowError:
        value = INFINITY
    if isinf(<float>value) and not (isinf(value) and reward == value):
        raise ValueError(f"a reward of {reward!r:.80} is too large: rewards are float32, up to 3.4e+38; scale it down, "
                         f"for example with gymnasium.wrappers.TransformReward")
    return <float>value


def _is_single(reward):
    """Whether it is a list or a tuple with one number."""
    return isinstance(reward, (list, tuple)) and len(reward) == 1 and np.ndim(reward[0]) == 0


cdef dict as_info(object info, str owner):
    """An info as a dict. Raises TypeError for anything else; the message has the line to type."""
    if isinstance(info, dict):
        return info
    remedy = "dict(info)" if isinstance(info, Mapping) else "{} where there is nothing to tell"
    raise TypeError(f"the info of {owner} must be a dict, got {info!r:.80} of type {type(info).__name__}; return "
                    f"{remedy}")


def seeds_after(seed):
    """Seeds without end, the same ones for the same seed; from entropy for None."""
    rng = np.random.default_rng(seed)
    while True:
        # What every environment takes as a seed.
        yield int(rng.integers(2**31))


def takes_parameter(function, parameter):
    """Whether a function has a parameter of that name."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return parameter in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def needs_parameter(function, parameter):
    """Whether a function has a parameter of that name, and no default for it."""
    try:
        own = inspect.signature(function).parameters.get(parameter)
    except (TypeError, ValueError):
        return False
    return own is not None and own.default is own.empty and own.kind is not own.VAR_KEYWORD
