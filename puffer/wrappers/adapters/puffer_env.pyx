"""Drives a `PufferEnv`, whichever of its styles it is written in."""
from collections.abc import Mapping

import numpy as np

from gymnasium import spaces

from puffer.env import PufferEnv
from puffer.native.buffers import Buffers

cimport numpy as cnp

from puffer.layout.rows cimport LeafNode
from puffer.wrappers.adapters.agents cimport AgentsAdapter, as_dict
from puffer.wrappers.adapters.adapter cimport Adapter, as_reward

cnp.import_array()

# How an environment returns its observations: as rows, as one value of the space, or as a dict by agent.
cdef enum style_t:
    ROWS
    VALUE
    BY_AGENT


cdef class PufferAdapter(AgentsAdapter):
    """PufferAdapter(env)
--

Drives one `PufferEnv`. Its style shows in what `reset` returns.

An agent that has ended, or whose mask the environment has set False, takes no part until the next reset, or until the
environment sets its mask True again: its row is zero.
"""

    cdef object env_step
    cdef object own_observations
    cdef object own_actions
    cdef object own_rewards
    cdef object own_terminations
    cdef object own_truncations
    cdef bint many
    # Whether agents whose ids nobody has declared get rows as they come, and whether some have.
    cdef bint names_agents
    cdef bint has_named
    cdef style_t style

    def __init__(self, env):
        if env.possible_agents is None:
            raise TypeError(f"possible_agents of {type(env).__name__} is None: give it the ids of the agents, or leave "
                            f"it out, and agents get rows in the order in which reset() first returns them")
        agents = list(env.possible_agents)
        if _declares(env, "possible_agents") and not _declares(env, "num_agents"):
            env.num_agents = len(agents)
        if len(agents) != env.num_agents:
            raise ValueError(f"{type(env).__name__} has num_agents = {env.num_agents}, and its possible_agents are "
                             f"{agents}")
        # Not `env.single_observation_space`: the layouts refuse, by name, what has not been set.
        super().__init__(env, env.layout.space, env.action_layout.space, agents, env.max_steps)
        self.copy_action_space = env.copy_action_space
        self.env_step = env.step
        self.many = self.agents_per_env > 1
        self.names_agents = not _declares(env, "possible_agents") or isinstance(env.possible_agents, range)
        self.alive[:] = True

    def attach(self, buffers, Py_ssize_t first_row):
        Adapter.attach(self, buffers, first_row)
        rows = slice(first_row, first_row + self.agents_per_env)
        space, actions = buffers.observations, buffers.actions
        own = Buffers(self.agents_per_env, space.shape[1:], space.dtype, actions.shape[1:], actions.dtype,
                      buffers.rows(rows))
        self.env.bind(own)
        self.own_observations = own.observations
        self.own_actions = own.actions
        self.own_rewards = own.rewards
        self.own_terminations = own.terminations
        self.own_truncations = own.truncations

    cpdef object reset(self, object seed, list infos):
        cdef Py_ssize_t agent
        self.ended = False
        result = self.call_reset(seed)
        observations, info = self.observation_and_info(result)
        self.style = self._style_of(observations)
        if self.style == ROWS:
            self._take("observations", self.own_observations, observations)
            self.settle_rows()
        elif self.style == VALUE:
            self.write_observation(0, observations)
        else:
            self._name_agents(observations)
            self.begin_by_agent(as_dict(observations, "observations"), observations)
            # Rows for agents that have not come yet.
            for agent in range(len(self.rows_of_agents), self.agents_per_env):
                self.alive[agent] = False
                self.leave_out(agent)
        if info:
            self._report(info, infos)

    cpdef object step(self, list infos):
        cdef Py_ssize_t agent
        if self.style == VALUE:
            result = self.env_step(self.read_action(0))
        else:
            for agent in range(self.agents_per_env):
                self.masks[self.first_row + agent] = self.alive[agent]
            result = self.env_step(self.own_actions if self.style == ROWS else self._actions_by_agent())
        if not isinstance(result, (tuple, list)) or not 4 <= len(result) <= 5:
            raise TypeError(f"step() must return 5 values (or the older 4), got {result!r:.80}")
        if len(result) == 4:
            result = self._five(result)
        observations, rewards, terminations, truncations, info = result
        if self.style == ROWS:
            self._take("observations", self.own_observations, observations)
            self._take("rewards", self.own_rewards, rewards)
            self._take("terminations", self.own_terminations, terminations)
            self._take("truncations", self.own_truncations, truncations)
            self.settle_rows()
        elif self.style == VALUE:
            self.write_observation(0, observations)
            # The only element of its rows will do.
            is_row = isinstance(rewards, np.ndarray) and rewards.shape == (1,)
            self.rewards[self.first_row] = as_reward(rewards[0] if is_row else rewards)
            self.terminations[self.first_row] = bool(terminations)
            self.truncations[self.first_row] = bool(truncations)
            self.ended = self.terminations[self.first_row] | self.truncations[self.first_row]
        else:
            self._name_agents(observations)
            self.take_by_agent(
                as_dict(observations, "observations"), as_dict(rewards, "rewards"),
                _flags(terminations, "terminations"), _flags(truncations, "truncations"), observations,
            )
        if info:
            self._report(info, infos)

    def _style_of(self, observations):
        own = self.own_observations
        if observations is None or observations is own:
            return ROWS
        # Rows that are not the batch's own: of an environment that has kept its buffers of before.
        if isinstance(observations, np.ndarray) and observations.shape == own.shape and observations.dtype == own.dtype:
            return ROWS
        if not self.many:
            return VALUE if self._is_value(observations) else BY_AGENT
        if not isinstance(observations, Mapping):
            raise TypeError(f"observations of {self.agents_per_env} agents must be self.observations or a dict by "
                            f"agent id, got {observations!r:.80}")
        return BY_AGENT

    def _is_value(self, observations):
        """Whether the observations of one agent are its observation, and not a dict by agent id."""
        space = self.layout.space
        if not isinstance(observations, Mapping) or isinstance(space, spaces.Dict) and set(observations) == set(space):
            return True
        if len(observations) == 1 and (not isinstance(space, spaces.Dict) or not set(observations) & set(space)):
            return False
        if isinstance(space, spaces.Dict) and not _are_all_of(space, observations.values()):
            # The layout says what is missing.
            return True
        raise ValueError(f"{type(self.env).__name__}.num_agents is 1, and reset() returned observations of the agents "
                         f"{list(observations)}: set num_agents to the number of agents")

    cdef int _name_agents(self, observations) except -1:
        """Give rows to agents that nobody has declared, in the order in which they come."""
        if not self.names_agents:
            return 0
        new = [agent for agent in observations if agent not in self.rows_of_agents]
        if not new:
            return 0
        if not self.has_named:
            self.has_named = True
            self.rows_of_agents = {}
            new = list(observations)
        if len(self.rows_of_agents) + len(new) > self.agents_per_env:
            raise ValueError(f"{type(self.env).__name__} has num_agents = {self.agents_per_env}, and observations of "
                             f"more agents: {[*self.rows_of_agents, *new]}; set num_agents to the number of all agents "
                             f"that may come, or possible_agents to their ids")
        for agent in new:
            self.rows_of_agents[agent] = len(self.rows_of_agents)
        return 0

    cdef int _take(self, str name, own, given) except -1:
        """Copy what an environment that works in place has returned, if it is not its own buffer."""
        if given is own or given is None:
            return 0
        cdef LeafNode leaf
        array = np.asarray(given)
        if array.shape != own.shape and not (not self.many and array.size == own.size):
            raise ValueError(f"{name} must have shape {own.shape}, got {array.shape}")
        if own.dtype == np.bool_:
            own[...] = array.reshape(own.shape)
            return 0
        if array.dtype.kind not in ("biu" if own.dtype.kind in "iu" else "biuf"):
            raise TypeError(f"{name} must have dtype {own.dtype}, got {array.dtype}")
        leaf = LeafNode(name, own.dtype, own.shape, 0)
        leaf.write(array.reshape(own.shape), cnp.PyArray_BYTES(own), 0)
        return 0

    cdef int settle_rows(self) except -1:
        """Make the rows of agents that take no part zero, and see who is left."""
        cdef Py_ssize_t agent, row
        self.ended = True
        for agent in range(self.agents_per_env):
            row = self.first_row + agent
            self.alive[agent] = False
            if not self.masks[row]:
                self.clear_observation(agent)
                self.rewards[row] = 0
                self.terminations[row] = self.truncations[row] = False
            elif not (self.terminations[row] | self.truncations[row]):
                self.alive[agent] = True
                self.ended = False
        return 0

    def _five(self, result):
        """The five values for an older (observations, rewards, dones, infos)."""
        observations, rewards, dones, info = result
        if self.style == BY_AGENT:
            dones = _flags(dones, "dones")
            ended = {agent: bool(dones.get(agent) or dones.get("__all__")) for agent in self.rows_of_agents}
            for_all = _is_late(info) or _is_late(_of(info, "__all__")) or _is_late(_of(info, "__common__"))
            late = {agent: for_all or _is_late(_of(info, agent)) for agent in ended}
            return (observations, rewards, {agent: ended[agent] and not late[agent] for agent in ended},
                    {agent: ended[agent] and late[agent] for agent in ended}, info)
        dones = np.array(dones, bool)
        late = _is_late(info)
        if isinstance(info, list) and len(info) == dones.size:
            late = np.array([_is_late(one) for one in info]).reshape(dones.shape)
        return observations, rewards, dones & np.logical_not(late), dones & late, info

    def _actions_by_agent(self):
        return {agent: self.read_action(row) for agent, row in self.rows_of_agents.items()
                if self.alive[<Py_ssize_t>row]}

    def _report(self, info, infos):
        if isinstance(info, list):
            by_row = [(min(place, self.agents_per_env - 1), one) for place, one in enumerate(info)]
        elif not isinstance(info, (dict, Mapping)):
            raise TypeError(f"infos must be a dict, or a list with a dict for each agent, got {info!r:.80}")
        elif (self.many or self.style == BY_AGENT) and any(agent in self.rows_of_agents for agent in info):
            info = self.report_common(as_dict(info, "infos"), infos)
            by_row = [(self.rows_of_agents[agent], one) for agent, one in info.items() if agent in self.rows_of_agents]
            # What belongs to no agent is reported in the first row.
            by_row.append((0, {name: one for name, one in info.items() if name not in self.rows_of_agents}))
        else:
            by_row = [(0, info)]
        for place, one in by_row:
            self.report_of(place, one, infos)


def _declares(env, name):
    """Whether an environment or its class sets an attribute for which PufferEnv has a default."""
    return name in env.__dict__ or getattr(type(env), name) is not getattr(PufferEnv, name)


def _are_all_of(space, values):
    """Whether each of these values has the keys of a Dict."""
    return all(isinstance(value, Mapping) and set(value) == set(space) for value in values)


def _flags(value, name):
    """Flags by agent id; a single flag is for all agents."""
    return {"__all__": value} if isinstance(value, (bool, np.bool_)) else as_dict(value, name)


def _of(info, agent):
    return info.get(agent) if isinstance(info, Mapping) else None


def _is_late(info):
    """Whether the info of older environments says that the end was a time limit."""
    return isinstance(info, Mapping) and bool(info.get("TimeLimit.truncated", False))
