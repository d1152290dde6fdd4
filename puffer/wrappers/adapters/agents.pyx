"""What the adapters have in common whose environments know agents by id, and let them come and go in an episode."""
from collections.abc import Mapping

import numpy as np

from puffer.wrappers.adapters.adapter cimport Adapter, as_info, as_reward

# The keys, in a dict of infos by agent, of those that are for every agent.
cdef tuple FOR_ALL = ("__common__", "__all__")


cdef class AgentsAdapter(Adapter):
    """AgentsAdapter(env, observation_space, action_space, agents, max_steps=None, max_length=None)
--

Base of the adapters for environments with agent ids; `agents` has them in the order of their rows.

The mask of a row is True after a step that its agent took part in, the one that ended it included, and after a reset
or step that it came in: from the next one on it acts. Every other row is zero: observation, reward and flags. An agent
that has left may come again. When no agent is left the episode of the copy is over; one that leaves the last step
without a flag is truncated, so that no episode ends unseen.
"""

    def __init__(self, env, observation_space, action_space, agents, max_steps=None, max_length=None):
        super().__init__(env, observation_space, action_space, len(agents), max_steps, max_length)
        self.rows_of_agents = {agent: row for row, agent in enumerate(agents)}
        if len(self.rows_of_agents) != len(agents):
            raise ValueError(f"possible_agents must not have an agent twice, they are {list(agents)}")
        self.alive = np.zeros(len(agents), np.uint8)
        self.staying = np.zeros(len(agents), np.uint8)

    cdef Py_ssize_t place_of(self, object agent) except -1:
        """The row of an agent within the copy."""
        place = self.rows_of_agents.get(agent)
        if place is None:
            raise ValueError(f"there is no row for agent {agent!r}; the agents are {list(self.rows_of_agents)}")
        return place

    cdef int begin_by_agent(self, dict observations, object present) except -1:
        """Begin an episode with the agents `present`, an iterable of ids."""
        cdef Py_ssize_t place
        self.ended = False
        self.note_present(present)
        for agent, index in self.rows_of_agents.items():
            place = index
            self.alive[place] = self.masks[self.first_row + place] = self.staying[place]
            if self.alive[place]:
                self.write_or_clear(place, agent, observations)
            else:
                self.leave_out(place)

    cdef int take_by_agent(self, dict observations, dict rewards, dict terminations, dict truncations,
                           object present) except -1:
        """Write what a step has returned, all by agent id, after which the agents `present` are left."""
        cdef Py_ssize_t place, row
        cdef bint terminated, truncated
        cdef bint all_terminated = bool(terminations.get("__all__")), all_truncated = bool(truncations.get("__all__"))
        self.ended = True
        self.note_present(present)
        for agent, index in self.rows_of_agents.items():
            place = index
            row = self.first_row + place
            if not self.alive[place] | self.staying[place]:
                self.leave_out(place)
                continue
            terminated, truncated = bool(terminations.get(agent)), bool(truncations.get(agent))
            # An agent's own flag says more than the one for everybody.
            if not terminated | truncated:
                terminated, truncated = all_terminated, all_truncated
            if self.alive[place]:
                self.terminations[row] = terminated
                self.truncations[row] = truncated
            elif terminated | truncated:
                # It has not come again: some environments go on to list those that have ended.
                self.leave_out(place)
                continue
            # That of an agent which comes in this step as well.
            self.rewards[row] = as_reward(rewards.get(agent, 0))
            self.masks[row] = True
            self.write_or_clear(place, agent, observations)
            self.alive[place] = self.staying[place] and not terminated | truncated
            if self.alive[place]:
                self.ended = False
        if self.ended:
            self.end_all()

    cdef int end_all(self) except -1:
        """No agent is left: truncate those that have just left without a flag."""
        cdef Py_ssize_t row
        for row in range(self.first_row, self.first_row + self.agents_per_env):
            if self.masks[row] and not self.terminations[row] | self.truncations[row]:
                self.truncations[row] = True

    cdef int note_present(self, object present) except -1:
        self.staying[:] = False
        for agent in present:
            self.staying[self.place_of(agent)] = True

    cdef int write_or_clear(self, Py_ssize_t place, object agent, dict observations) except -1:
        """Write the observation of an agent. One that leaves may have none."""
        if agent in observations:
            self.write_observation(place, observations[agent])
        elif self.staying[place]:
            raise ValueError(f"agent {agent!r} is present, but there is no observation for it")
        else:
            self.clear_observation(place)

    cdef int leave_out(self, Py_ssize_t place) except -1:
        """Make the row of an agent that takes no part zero; its reward and flags are already."""
        self.masks[self.first_row + place] = False
        self.clear_observation(place)

    cdef dict report_common(self, dict by_agent, list infos):
        """Add the infos that are for every agent that takes part, and return the others, by agent."""
        cdef Py_ssize_t place
        cdef list names = [name for name in FOR_ALL if name in by_agent and name not in self.rows_of_agents]
        for name in names:
            for place in range(self.agents_per_env):
                if self.masks[self.first_row + place]:
                    self.report_of(place, by_agent[name], infos)
        return {agent: info for agent, info in by_agent.items() if agent not in names} if names else by_agent

    cdef int report_of(self, Py_ssize_t place, object info, list infos) except -1:
        """Add the info of an agent."""
        if info is None:
            return 0
        own = as_info(info, "an agent")
        if own:
            infos.append((self.first_row + place, own))


cdef dict as_dict(object value, str name):
    """A mapping by agent id as a dict."""
    if type(value) is dict:
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{name} must be a dict by agent id, got {value!r:.80}")
